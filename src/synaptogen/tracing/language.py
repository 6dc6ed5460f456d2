"""Languages: how each operation of an expression is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ATOM, UNARY, TIMES, PLUS, SHIFT, ORDER, EQUAL, BIT_AND, BIT_XOR, BIT_OR, AND, OR = range(12, 0, -1)
"""Ranks of operators, as in C, Verilog-A and JavaScript: the higher, the more tightly they bind."""


class Form(NamedTuple):
    """How an operation is written."""

    pattern: str  # text with {} for each argument
    rank: int = ATOM  # how tightly its outermost operator binds, `ATOM` without one
    inner: int = 0  # the least rank of an argument without brackets; 0: that of the form, or any within an `ATOM`


@dataclass(frozen=True, eq=False)
class Language:
    """A language that expressions can be written in.

    Parameters
    ----------
    name : str
        Its name, for messages.
    place : str
        File of the package with its forms, for messages.
    forms : mapping of str to Form
        The form of each operation of `synaptogen.tracing.OPERATIONS`. Words of 32 bits are integers with a sign.
    assignment : str
        A statement with ``{}`` for a variable and for its value.
    functions : mapping, optional
        Formulas of the model that a file holds as functions of its own, each with a function that returns the symbol of
        a call. Where other formulas use them, they are called.
    """

    name: str
    place: str
    forms: Mapping[str, Form]
    assignment: str
    functions: Mapping[Callable[..., Any], Callable[..., Any]] = field(default_factory=dict)
