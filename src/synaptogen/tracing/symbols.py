"""Symbols: expressions that a formula of the model builds when it runs.

A formula of `synaptogen.model` called with symbols runs as ordinary Python: loops unroll, tuples index, and every step
of arithmetic makes a node.
"""

from typing import Any, Literal, TypeAlias

import numpy as np

from .language import ATOM, UNARY, Form

Type: TypeAlias = Literal["real", "uint32", "mask"]
"""Type of a value: a real number, 32 bits without a sign, a truth value."""
Operand: TypeAlias = "Symbol | float | np.floating[Any] | np.integer[Any]"
"""An operand of arithmetic with symbols: a symbol, or a number that becomes a literal."""


class Symbol:
    """A node of an expression: an operation on other nodes, or the text of a name or number.

    Parameters
    ----------
    operation : str or Form
        A key of `Language.forms`; or its form, where that is the same in all languages.
    args : tuple
        Symbols or numbers.
    kind : {"real", "uint32", "mask"}
        Type of the value.
    """

    def __init__(self, operation: str | Form, args: tuple[Operand, ...] = (), kind: Type = "real") -> None:
        self.operation, self.kind = operation, kind
        self.args = tuple(symbol(a, "uint32" if kind == "uint32" else "real") for a in args)

    __hash__ = object.__hash__  # == makes a symbol, so nodes are distinguished by identity

    def __bool__(self) -> bool:
        raise TypeError("a formula must not branch on a value: use where(mask, a, b)")

    def __add__(self, other: Operand) -> "Symbol":
        return arithmetic("+", self, other)

    def __radd__(self, other: Operand) -> "Symbol":
        return arithmetic("+", other, self)

    def __sub__(self, other: Operand) -> "Symbol":
        return arithmetic("-", self, other)

    def __rsub__(self, other: Operand) -> "Symbol":
        return arithmetic("-", other, self)

    def __mul__(self, other: Operand) -> "Symbol":
        return arithmetic("*", self, other)

    def __rmul__(self, other: Operand) -> "Symbol":
        return arithmetic("*", other, self)

    def __truediv__(self, other: Operand) -> "Symbol":
        return arithmetic("/", self, other)

    def __rtruediv__(self, other: Operand) -> "Symbol":
        return arithmetic("/", other, self)

    def __neg__(self) -> "Symbol":
        return Symbol("negative", (self,), self.kind)

    def __lt__(self, other: Operand) -> "Symbol":
        return _ordered("<", self, other)

    def __le__(self, other: Operand) -> "Symbol":
        return _ordered("<=", self, other)

    def __gt__(self, other: Operand) -> "Symbol":
        return _ordered(">", self, other)

    def __ge__(self, other: Operand) -> "Symbol":
        return _ordered(">=", self, other)

    def __eq__(self, other: Operand) -> "Symbol":  # type: ignore[override]  # a node, not a bool
        return _compared("==", self, other)

    def __ne__(self, other: Operand) -> "Symbol":  # type: ignore[override]  # a node, not a bool
        return _compared("!=", self, other)

    def __and__(self, other: Operand) -> "Symbol":
        return _bitwise("&", self, other)

    def __or__(self, other: Operand) -> "Symbol":
        return _bitwise("|", self, other)

    def __xor__(self, other: Operand) -> "Symbol":
        return _bitwise("^", self, other)

    def __invert__(self) -> "Symbol":
        return Symbol("not", (self,), "mask")

    def __lshift__(self, bits: int) -> "Symbol":
        return arithmetic("<<", self, bits)

    def __rshift__(self, bits: int) -> "Symbol":
        return arithmetic(">>", self, bits)


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
    # integers of 32 bits have a sign in Verilog-A and in JavaScript, and as literals too
    number = (int(value) + 2**31) % 2**32 - 2**31 if kind == "uint32" else float(value)
    text = repr(number)
    return Symbol(Form(text, UNARY if text.startswith("-") else ATOM), (), "uint32" if kind == "uint32" else "real")


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
    return Symbol(Form(text), (), kind)


def call(function: str, *args: Operand) -> Symbol:
    """Return the call of a function of real numbers that the file holds.

    Parameters
    ----------
    function : str
        Its name in the file.
    *args : Symbol or number
        Its arguments.

    Returns
    -------
    Symbol
        The node.
    """
    return Symbol(Form(f"{function}({', '.join(['{}'] * len(args))})"), args)


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


def kind_of(*args: Operand) -> Type:
    """Return the type of numbers that stand in one operation."""
    return "uint32" if any(isinstance(a, Symbol) and a.kind == "uint32" for a in args) else "real"


def arithmetic(sign: str, a: Operand, b: Operand) -> Symbol:
    """Return an operation of arithmetic on two numbers of one type.

    Parameters
    ----------
    sign : str
        Its sign.
    a, b : Symbol or number
        The numbers.

    Returns
    -------
    Symbol
        The node.
    """
    kind = kind_of(a, b)
    return Symbol(sign if kind == "real" else f"uint32 {sign}", (a, b), kind)


def unsigned(bits: Operand) -> Operand:
    """Return 32 bits as a real number."""
    return Symbol("real", (bits,)) if isinstance(bits, Symbol) else int(bits) % 2**32


def _ordered(sign: str, a: Operand, b: Operand) -> Symbol:
    if kind_of(a, b) == "uint32":  # these have no sign, the integers that hold them do
        a, b = unsigned(a), unsigned(b)
    return Symbol(sign, (symbol(a), symbol(b)), "mask")


def _compared(sign: str, a: Operand, b: Operand) -> Symbol:
    kind = kind_of(a, b)
    return Symbol(sign, (symbol(a, kind), symbol(b, kind)), "mask")


def _bitwise(sign: str, a: Operand, b: Operand) -> Symbol:
    if isinstance(a, Symbol) and a.kind == "mask":
        return Symbol(f"mask {sign}", (a, b), "mask")
    return Symbol(sign, (a, b), "uint32")
