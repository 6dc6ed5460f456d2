"""Numbers that remember how they were made, and print it as Verilog-A.

A formula of `synaptogen.model` called with symbols runs as ordinary Python: loops unroll, tuples index, and every step
of arithmetic leaves a node. The named operations of `synaptogen.ops` are exchanged for symbolic ones by `traced`.
"""

import functools
import types
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synaptogen.model import iv, ops, random

ATOM, UNARY, TIMES, PLUS, SHIFT, ORDER, EQUAL, BIT_AND, BIT_XOR, BIT_OR, AND, OR = range(12, 0, -1)
"""How tightly operators bind, as in Verilog-A."""


class Symbol:
    """A node of an expression: a name or number, or an operation on other nodes.

    ``kind`` is "real", "word" (32-bit integer) or "mask".
    """

    def __init__(self, form: str, rank: int = ATOM, args: tuple[Any, ...] = (), kind: str = "real") -> None:
        self.form, self.rank, self.kind = form, rank, kind
        self.args = tuple(symbol(a, "word" if kind == "word" else "real") for a in args)

    __hash__ = object.__hash__  # == makes a symbol, so nodes are told apart by identity

    def __bool__(self) -> bool:
        raise TypeError("a formula must not branch on a value: use where(mask, a, b)")

    def __add__(self, other: Any) -> "Symbol":
        return _infix("+", PLUS, self, other)

    def __radd__(self, other: Any) -> "Symbol":
        return _infix("+", PLUS, other, self)

    def __sub__(self, other: Any) -> "Symbol":
        return _infix("-", PLUS, self, other)

    def __rsub__(self, other: Any) -> "Symbol":
        return _infix("-", PLUS, other, self)

    def __mul__(self, other: Any) -> "Symbol":
        return _infix("*", TIMES, self, other)

    def __rmul__(self, other: Any) -> "Symbol":
        return _infix("*", TIMES, other, self)

    def __truediv__(self, other: Any) -> "Symbol":
        return _infix("/", TIMES, self, other)

    def __rtruediv__(self, other: Any) -> "Symbol":
        return _infix("/", TIMES, other, self)

    def __neg__(self) -> "Symbol":
        return Symbol("-{}", UNARY, (self,), self.kind)

    def __lt__(self, other: Any) -> "Symbol":
        return _compare("<", ORDER, self, other)

    def __le__(self, other: Any) -> "Symbol":
        return _compare("<=", ORDER, self, other)

    def __gt__(self, other: Any) -> "Symbol":
        return _compare(">", ORDER, self, other)

    def __ge__(self, other: Any) -> "Symbol":
        return _compare(">=", ORDER, self, other)

    def __eq__(self, other: Any) -> "Symbol":  # type: ignore[override]
        return _compare("==", EQUAL, self, other)

    def __ne__(self, other: Any) -> "Symbol":  # type: ignore[override]
        return _compare("!=", EQUAL, self, other)

    def __and__(self, other: Any) -> "Symbol":
        return _bitwise("&", BIT_AND, AND, self, other)

    def __or__(self, other: Any) -> "Symbol":
        return _bitwise("|", BIT_OR, OR, self, other)

    def __xor__(self, other: Any) -> "Symbol":
        return _bitwise("^", BIT_XOR, BIT_XOR, self, other)

    def __invert__(self) -> "Symbol":
        return Symbol("!{}", UNARY, (self,), "mask")

    def __lshift__(self, bits: int) -> "Symbol":
        return _infix("<<", SHIFT, self, bits)


def symbol(value: Any, kind: str = "real") -> Symbol:
    """A symbol as it is; a number as a literal."""
    if isinstance(value, Symbol):
        return value
    if kind == "word":
        signed = (int(value) + 2**31) % 2**32 - 2**31  # integers of Verilog-A are signed, and as literals too
        return Symbol(str(signed), ATOM if signed >= 0 else UNARY, (), "word")
    number = float(value)
    text = repr(number)
    return Symbol(text, UNARY if text.startswith("-") else ATOM)


def name(text: str, kind: str = "real") -> Symbol:
    """A variable or parameter."""
    return Symbol(text, ATOM, (), kind)


def _kind(*args: Any) -> str:
    return "word" if any(isinstance(a, Symbol) and a.kind == "word" for a in args) else "real"


def _infix(sign: str, rank: int, a: Any, b: Any) -> Symbol:
    return Symbol(f"{{}} {sign} {{}}" if rank != TIMES else f"{{}}{sign}{{}}", rank, (a, b), _kind(a, b))


def _compare(sign: str, rank: int, a: Any, b: Any) -> Symbol:
    kind = _kind(a, b)
    if kind == "word" and rank == ORDER:  # words have no sign, integers of Verilog-A do
        a, b, kind = _unsigned(a), _unsigned(b), "real"
    node = Symbol(f"{{}} {sign} {{}}", rank, (symbol(a, kind), symbol(b, kind)))
    node.kind = "mask"
    return node


def _bitwise(sign: str, rank: int, logical: int, a: Any, b: Any) -> Symbol:
    if isinstance(a, Symbol) and a.kind == "mask":
        return Symbol(f"{{}} {sign}{sign} {{}}", logical, (a, b), "mask")
    return Symbol(f"{{}} {sign} {{}}", rank, (a, b), "word")


def _call(form: str, kind: str = "real") -> Callable[..., Symbol]:
    return lambda *args: Symbol(form, ATOM, args, kind)


def _unsigned(word: Any) -> Any:
    return Symbol("unsigned_real({})", ATOM, (word,)) if isinstance(word, Symbol) else int(word) % 2**32


def _flip_sign(x: Symbol, word: Symbol) -> Symbol:
    return _where(Symbol("{} < 0", ORDER, (word,), "mask"), -x, x)


def _where(mask: Symbol, a: Any, b: Any) -> Symbol:
    return Symbol("({} ? {} : {})", ATOM, (mask, a, b), _kind(a, b))


def _wide_product(word: Symbol, factor: int) -> tuple[Symbol, Symbol]:
    return Symbol("high_product({}, {})", ATOM, (word, factor), "word"), _infix("*", TIMES, word, factor)


OPERATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    ops.where: _where,
    ops.sqrt: _call("sqrt({})"),
    ops.log: _call("ln({})"),
    ops.exp2: _call("pow(2.0, {})"),
    ops.pow_: _call("pow({}, {})"),
    ops.floor: _call("floor({})"),
    ops.maximum: _call("max({}, {})"),
    ops.minimum: _call("min({}, {})"),
    ops.absolute: _call("abs({})"),
    ops.rounded_mul: lambda a, b: _infix("*", TIMES, a, b),
    ops.wide_product: _wide_product,
    ops.real: _unsigned,
    ops.signed_real: lambda word: Symbol("1.0*{}", TIMES, (word,)),
    ops.flip_sign: _flip_sign,
}
"""What each named operation becomes. Those on bits of single-precision numbers are for compiled engines alone."""


WORDS = ("w0", "w1", "w2", "w3")
"""Variables of four random words."""

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    iv.current: lambda r, u, p: Symbol("cell_current({}, {})", ATOM, (r, u)),
    iv.transition_profile: lambda u, p: Symbol("fall({})", ATOM, (u,)),
    iv.mixing_from_current: lambda i, u, p: Symbol("mixing_from_current({}, {})", ATOM, (i, u)),
    random.random_words: lambda *address: tuple(name(w, "word") for w in WORDS),
}
"""Formulas that a file holds as functions: where others use them, they are called. What has several results is called
before, and its results stand in variables."""


@functools.cache
def traced(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A formula of `synaptogen.model` that works on symbols: the same code, with symbolic operations.

    Functions that it calls are exchanged likewise.
    """
    assert isinstance(formula, types.FunctionType)
    names = {n: _exchanged(v) for n, v in formula.__globals__.items() if n in formula.__code__.co_names}
    return types.FunctionType(formula.__code__, {"__builtins__": formula.__globals__["__builtins__"], **names})


def _exchanged(value: Any) -> Any:
    if isinstance(value, types.FunctionType):
        if value in OPERATIONS or value in FUNCTIONS:
            return OPERATIONS.get(value) or FUNCTIONS[value]
        if value.__module__ == ops.__name__:
            raise TypeError(f"Verilog-A has no {value.__name__}: give it a form in circuit/verilog/symbols.py")
        if value.__module__.startswith("synaptogen.model."):
            return traced(value)
    return value


def statements(outputs: Mapping[str, Symbol], names: Sequence[str] = ()) -> tuple[list[str], dict[str, str]]:
    """Assignments that compute {name: symbol}, and the kind of each temporary variable that they need.

    What is used more than once is computed once, under a name of its own: the next of ``names``, else t1, t2 ...
    """
    uses: Counter[Symbol] = Counter()
    order: list[Symbol] = []

    def visit(node: Symbol) -> None:
        uses[node] += 1
        if uses[node] == 1:
            for arg in node.args:
                visit(arg)
            order.append(node)

    for node in outputs.values():
        visit(node)
    wanted = {node: output for output, node in outputs.items()}
    named: dict[Symbol, str] = {}
    kinds: dict[str, str] = {}
    lines = []
    for node in order:
        if node.args and uses[node] > 1 and node not in wanted:
            temporary = names[len(kinds)] if len(kinds) < len(names) else f"t{len(kinds) + 1}"
            kinds[temporary] = node.kind
            lines.append(f"{temporary} = {text(node, named)};")
            named[node] = temporary
        elif node in wanted:
            lines.append(f"{wanted[node]} = {text(node, named)};")
            named[node] = wanted[node]
    return lines, kinds


def text(node: Symbol, named: Mapping[Symbol, str] | None = None, rank: int = 0, right: bool = False) -> str:
    """The expression as text, with as few brackets as its meaning allows."""
    named = named or {}
    if node in named:
        return named[node]
    inner = node.rank if node.rank < ATOM else 0
    parts = [text(arg, named, inner, k > 0) for k, arg in enumerate(node.args)]
    written = node.form.format(*parts).replace("+ -", "- ")
    return f"({written})" if node.rank < rank or (right and node.rank == rank < ATOM) else written
