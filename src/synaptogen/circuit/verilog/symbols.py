"""Symbols: expressions that a formula of the model builds when it runs, written as Verilog-A.

A formula of `synaptogen.model` called with symbols runs as ordinary Python: loops unroll, tuples index, and every step
of arithmetic makes a node. `traced` exchanges the named operations of `synaptogen.model.ops` for symbolic ones.
"""

import functools
import types
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from synaptogen.model import iv, ops, random

ATOM, UNARY, TIMES, PLUS, SHIFT, ORDER, EQUAL, BIT_AND, BIT_XOR, BIT_OR, AND, OR = range(12, 0, -1)
"""Ranks of operators, as in Verilog-A: the higher, the more tightly they bind."""

Type: TypeAlias = Literal["real", "uint32", "mask"]
"""Type of a value: a real number, 32 bits without a sign (an integer of Verilog-A), a truth value."""
Operand: TypeAlias = "Symbol | float | np.floating[Any] | np.integer[Any]"
"""An operand of arithmetic with symbols: a symbol, or a number that becomes a literal."""


class Symbol:
    """A node of an expression: a name or number, or an operation on other nodes.

    Parameters
    ----------
    form : str
        Text of the node with ``{}`` for each of ``args``.
    rank : int
        How tightly its outermost operator binds, `ATOM` without one.
    args : tuple
        Symbols or numbers.
    kind : {"real", "uint32", "mask"}
        Type of the value.
    """

    def __init__(self, form: str, rank: int = ATOM, args: tuple[Operand, ...] = (), kind: Type = "real") -> None:
        self.form, self.rank, self.kind = form, rank, kind
        self.args = tuple(symbol(a, "uint32" if kind == "uint32" else "real") for a in args)

    __hash__ = object.__hash__  # == makes a symbol, so nodes are distinguished by identity

    def __bool__(self) -> bool:
        raise TypeError("a formula must not branch on a value: use where(mask, a, b)")

    def __add__(self, other: Operand) -> "Symbol":
        return _infix("+", PLUS, self, other)

    def __radd__(self, other: Operand) -> "Symbol":
        return _infix("+", PLUS, other, self)

    def __sub__(self, other: Operand) -> "Symbol":
        return _infix("-", PLUS, self, other)

    def __rsub__(self, other: Operand) -> "Symbol":
        return _infix("-", PLUS, other, self)

    def __mul__(self, other: Operand) -> "Symbol":
        return _infix("*", TIMES, self, other)

    def __rmul__(self, other: Operand) -> "Symbol":
        return _infix("*", TIMES, other, self)

    def __truediv__(self, other: Operand) -> "Symbol":
        return _infix("/", TIMES, self, other)

    def __rtruediv__(self, other: Operand) -> "Symbol":
        return _infix("/", TIMES, other, self)

    def __neg__(self) -> "Symbol":
        return Symbol("-{}", UNARY, (self,), self.kind)

    def __lt__(self, other: Operand) -> "Symbol":
        return _compare("<", ORDER, self, other)

    def __le__(self, other: Operand) -> "Symbol":
        return _compare("<=", ORDER, self, other)

    def __gt__(self, other: Operand) -> "Symbol":
        return _compare(">", ORDER, self, other)

    def __ge__(self, other: Operand) -> "Symbol":
        return _compare(">=", ORDER, self, other)

    def __eq__(self, other: Operand) -> "Symbol":  # type: ignore[override]  # a node, not a bool
        return _compare("==", EQUAL, self, other)

    def __ne__(self, other: Operand) -> "Symbol":  # type: ignore[override]  # a node, not a bool
        return _compare("!=", EQUAL, self, other)

    def __and__(self, other: Operand) -> "Symbol":
        return _bitwise("&", BIT_AND, AND, self, other)

    def __or__(self, other: Operand) -> "Symbol":
        return _bitwise("|", BIT_OR, OR, self, other)

    def __xor__(self, other: Operand) -> "Symbol":
        return _bitwise("^", BIT_XOR, BIT_XOR, self, other)

    def __invert__(self) -> "Symbol":
        return Symbol("!{}", UNARY, (self,), "mask")

    def __lshift__(self, bits: int) -> "Symbol":
        return _infix("<<", SHIFT, self, bits)


def symbol(value: Operand, kind: Type = "real") -> Symbol:
    """Return a symbol for an operand.

    Parameters
    ----------
    value : Symbol or number
        A symbol is returned unchanged, a number becomes a literal with all its digits.
    kind : {"real", "uint32"}
        Type of the literal; numbers of 32 bits are taken modulo 2**32.

    Returns
    -------
    Symbol
        The node.
    """
    if isinstance(value, Symbol):
        return value
    if kind == "uint32":
        signed = (int(value) + 2**31) % 2**32 - 2**31  # integers of Verilog-A are signed, and as literals too
        return Symbol(str(signed), ATOM if signed >= 0 else UNARY, (), "uint32")
    number = float(value)
    text = repr(number)
    return Symbol(text, UNARY if text.startswith("-") else ATOM)


def name(text: str, kind: Type = "real") -> Symbol:
    """Return the symbol of a variable or parameter.

    Parameters
    ----------
    text : str
        Its name in the file.
    kind : {"real", "uint32", "mask"}
        Its type.

    Returns
    -------
    Symbol
        The node.
    """
    return Symbol(text, ATOM, (), kind)


def numbered(letter: str, count: int) -> list[str]:
    """Return names of variables.

    Parameters
    ----------
    letter, count : str, int
        Their first letters, and how many there are.

    Returns
    -------
    list of str
        Such as ``["x0", "x1"]``.
    """
    return [f"{letter}{k}" for k in range(count)]


def _kind(*args: Operand) -> Type:
    return "uint32" if any(isinstance(a, Symbol) and a.kind == "uint32" for a in args) else "real"


def _infix(sign: str, rank: int, a: Operand, b: Operand) -> Symbol:
    return Symbol(f"{{}} {sign} {{}}" if rank != TIMES else f"{{}}{sign}{{}}", rank, (a, b), _kind(a, b))


def _compare(sign: str, rank: int, a: Operand, b: Operand) -> Symbol:
    kind = _kind(a, b)
    if kind == "uint32" and rank == ORDER:  # these have no sign, integers of Verilog-A do
        a, b, kind = _unsigned(a), _unsigned(b), "real"
    node = Symbol(f"{{}} {sign} {{}}", rank, (symbol(a, kind), symbol(b, kind)))
    node.kind = "mask"
    return node


def _bitwise(sign: str, rank: int, logical: int, a: Operand, b: Operand) -> Symbol:
    if isinstance(a, Symbol) and a.kind == "mask":
        return Symbol(f"{{}} {sign}{sign} {{}}", logical, (a, b), "mask")
    return Symbol(f"{{}} {sign} {{}}", rank, (a, b), "uint32")


def _call(form: str) -> Callable[..., Symbol]:
    """Return an operation that is written as a call."""
    return lambda *args: Symbol(form, ATOM, args)


def _unsigned(bits: Operand) -> Operand:
    return Symbol("unsigned_real({})", ATOM, (bits,)) if isinstance(bits, Symbol) else int(bits) % 2**32


def _flip_sign(x: Symbol, bits: Symbol) -> Symbol:
    return _where(Symbol("{} < 0", ORDER, (bits,), "mask"), -x, x)


def _where(mask: Symbol, a: Operand, b: Operand) -> Symbol:
    return Symbol("({} ? {} : {})", ATOM, (mask, a, b), _kind(a, b))


def _wide_product(bits: Symbol, factor: int) -> tuple[Symbol, Symbol]:
    return Symbol("high_product({}, {})", ATOM, (bits, factor), "uint32"), _infix("*", TIMES, bits, factor)


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
    ops.signed_real: lambda bits: Symbol("1.0*{}", TIMES, (bits,)),
    ops.flip_sign: _flip_sign,
}
"""The symbolic form of each named operation; those on bits of single-precision numbers serve compiled engines only."""


RANDOM_NAMES = ("w0", "w1", "w2", "w3")
"""Variables of a draw: four random numbers of 32 bits."""

FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    iv.current: lambda r, u, p: Symbol("cell_current({}, {})", ATOM, (r, u)),
    iv.transition_profile: lambda u, p: Symbol("fall({})", ATOM, (u,)),
    iv.mixing_from_current: lambda i, u, p: Symbol("mixing_from_current({}, {})", ATOM, (i, u)),
    random.random_words: lambda *address: tuple(name(w, "uint32") for w in RANDOM_NAMES),
}
"""Formulas that a file holds as functions: where others use them, they are called. A function with several results is
called before the expression, and its results stand in variables."""


@functools.cache
def traced(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Return a formula of `synaptogen.model` that works on symbols: the same code, with symbolic operations.

    Functions that it calls are traced, too.
    """
    assert isinstance(formula, types.FunctionType)
    names = {n: _exchanged(v) for n, v in formula.__globals__.items() if n in formula.__code__.co_names}
    return types.FunctionType(formula.__code__, {"__builtins__": formula.__globals__["__builtins__"], **names})


def _exchanged(value: object) -> object:
    """Return the symbolic form of a global name of a formula; constants stay."""
    if isinstance(value, types.FunctionType):
        if value in OPERATIONS or value in FUNCTIONS:
            return OPERATIONS.get(value) or FUNCTIONS[value]
        if value.__module__ == ops.__name__:
            raise TypeError(f"Verilog-A has no {value.__name__}: give it a form in circuit/verilog/symbols.py")
        if value.__module__.startswith("synaptogen.model."):
            return traced(value)
    return value


def statements(outputs: Mapping[str, Symbol], names: Sequence[str] = ()) -> tuple[list[str], dict[str, Type]]:
    """Write assignments that compute some expressions.

    A node that is used more than once is computed once, as a temporary variable.

    Parameters
    ----------
    outputs : mapping of str to Symbol
        The expression of each variable to assign.
    names : sequence of str
        Names for temporary variables in the order of their use; further ones are t1, t2 ...

    Returns
    -------
    lines : list of str
        The assignments.
    kinds : dict of str to str
        The type of each temporary variable.
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
    assigned = {node: output for output, node in outputs.items()}
    named: dict[Symbol, str] = {}
    kinds: dict[str, Type] = {}
    lines = []
    for node in order:
        if node.args and uses[node] > 1 and node not in assigned:
            temporary = names[len(kinds)] if len(kinds) < len(names) else f"t{len(kinds) + 1}"
            kinds[temporary] = node.kind
            lines.append(f"{temporary} = {text(node, named)};")
            named[node] = temporary
        elif node in assigned:
            lines.append(f"{assigned[node]} = {text(node, named)};")
            named[node] = assigned[node]
    return lines, kinds


def text(node: Symbol, named: Mapping[Symbol, str] | None = None, rank: int = 0, right: bool = False) -> str:
    """Write an expression, with as few brackets as its meaning allows.

    Parameters
    ----------
    node : Symbol
        The expression.
    named : mapping of Symbol to str, optional
        Variables that hold parts of it.
    rank, right : int, bool
        Rank of the operator around it, and whether it is the right operand.

    Returns
    -------
    str
        Verilog-A.
    """
    named = named or {}
    if node in named:
        return named[node]
    inner = node.rank if node.rank < ATOM else 0
    parts = [text(arg, named, inner, k > 0) for k, arg in enumerate(node.args)]
    written = node.form.format(*parts).replace("+ -", "- ")
    return f"({written})" if node.rank < rank or (right and node.rank == rank < ATOM) else written
