"""Verilog-A as a language of formulas."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synaptogen import tracing
from synaptogen.model import iv, random
from synaptogen.tracing import (
    AND,
    BIT_AND,
    BIT_OR,
    BIT_XOR,
    EQUAL,
    OR,
    ORDER,
    PLUS,
    SHIFT,
    TIMES,
    UNARY,
    Form,
    Language,
    Operand,
    Symbol,
    Type,
    call,
    name,
    numbered,
    symbol,
)

__all__ = [
    "RANDOM_NAMES",
    "VERILOG",
    "Operand",
    "Symbol",
    "Type",
    "name",
    "numbered",
    "statements",
    "symbol",
    "text",
    "traced",
]

RANDOM_NAMES = ("w0", "w1", "w2", "w3")
"""Variables of a draw: four random numbers of 32 bits."""

ARITHMETIC = {
    "+": Form("{} + {}", PLUS),
    "-": Form("{} - {}", PLUS),
    "*": Form("{}*{}", TIMES),
    "/": Form("{}/{}", TIMES),
    "<<": Form("{} << {}", SHIFT),
}

VERILOG = Language(
    "Verilog-A",
    "circuit/verilog/symbols.py",
    {
        **ARITHMETIC,
        **{f"uint32 {sign}": form for sign, form in ARITHMETIC.items()},
        "negative": Form("-{}", UNARY),
        "not": Form("!{}", UNARY),
        **{sign: Form(f"{{}} {sign} {{}}", ORDER) for sign in ("<", "<=", ">", ">=")},
        **{sign: Form(f"{{}} {sign} {{}}", EQUAL) for sign in ("==", "!=")},
        "&": Form("{} & {}", BIT_AND),
        "^": Form("{} ^ {}", BIT_XOR),
        "|": Form("{} | {}", BIT_OR),
        "mask &": Form("{} && {}", AND),
        "mask |": Form("{} || {}", OR),
        "where": Form("({} ? {} : {})"),
        "sqrt": Form("sqrt({})"),
        "log": Form("ln({})"),
        "exp2": Form("pow(2.0, {})"),
        "pow": Form("pow({}, {})"),
        "floor": Form("floor({})"),
        "maximum": Form("max({}, {})"),
        "minimum": Form("min({}, {})"),
        "absolute": Form("abs({})"),
        "high_product": Form("high_product({}, {})"),
        "real": Form("unsigned_real({})"),
        "signed_real": Form("1.0*{}", TIMES),
        "top bit": Form("{} < 0", ORDER),
    },
    "{} = {};",
    {
        iv.current: lambda r, u, p: call("cell_current", r, u),
        iv.transition_profile: lambda u, p: call("fall", u),
        iv.mixing_from_current: lambda i, u, p: call("mixing_from_current", i, u),
        # a function with several results is called before the expression, and its results stand in variables
        random.random_words: lambda *address: tuple(name(w, "uint32") for w in RANDOM_NAMES),
    },
)


def traced(formula: Callable[..., Any]) -> Callable[..., Any]:
    """Return a formula of `synaptogen.model` that works on symbols, see `synaptogen.tracing.traced`."""
    return tracing.traced(formula, VERILOG)


def statements(outputs: Mapping[str, Symbol], names: Sequence[str] = ()) -> tuple[list[str], dict[str, Type]]:
    """Write assignments in Verilog-A, see `synaptogen.tracing.statements`.

    Parameters
    ----------
    outputs : mapping of str to Symbol
        The expression of each variable to assign.
    names : sequence of str
        Names for temporary variables in the order of their use.

    Returns
    -------
    lines : list of str
        The assignments.
    kinds : dict of str to str
        The type of each temporary variable.
    """
    return tracing.statements(outputs, VERILOG, names)


text = functools.partial(tracing.text, language=VERILOG)
