"""Formulas of the model on symbols: the same code, with symbolic forms of the named operations."""

import functools
import types
from collections.abc import Callable
from typing import Any

from synaptogen.model import ops

from .language import Language
from .symbols import Operand, Symbol, arithmetic, kind_of, unsigned


def _call(operation: str) -> Callable[..., Symbol]:
    return lambda *args: Symbol(operation, args)


def _flip_sign(x: Symbol, bits: Symbol) -> Symbol:
    return _where(Symbol("top bit", (bits,), "mask"), -x, x)


def _where(mask: Symbol, a: Operand, b: Operand) -> Symbol:
    return Symbol("where", (mask, a, b), kind_of(a, b))


def _wide_product(bits: Symbol, factor: int) -> tuple[Symbol, Symbol]:
    return Symbol("high_product", (bits, factor), "uint32"), arithmetic("*", bits, factor)


OPERATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    ops.where: _where,
    ops.sqrt: _call("sqrt"),
    ops.log: _call("log"),
    ops.exp2: _call("exp2"),
    ops.pow_: _call("pow"),
    ops.floor: _call("floor"),
    ops.maximum: _call("maximum"),
    ops.minimum: _call("minimum"),
    ops.absolute: _call("absolute"),
    ops.rounded_mul: lambda a, b: arithmetic("*", a, b),
    ops.wide_product: _wide_product,
    ops.real: unsigned,
    ops.signed_real: _call("signed_real"),
    ops.flip_sign: _flip_sign,
}
"""The symbolic form of each named operation; those on bits of single-precision numbers serve compiled engines only."""


@functools.cache
def traced(formula: Callable[..., Any], language: Language) -> Callable[..., Any]:
    """Return a formula of `synaptogen.model` that works on symbols: the same code, with symbolic operations.

    Functions that it calls are traced, too, or called where the language holds them as functions.

    Parameters
    ----------
    formula : function
        A function of `synaptogen.model`.
    language : Language
        The language in which its results will be written.

    Returns
    -------
    function

    Raises
    ------
    TypeError
        If it uses an operation without a symbolic form.
    """
    assert isinstance(formula, types.FunctionType)
    names = {n: exchanged(v, language) for n, v in formula.__globals__.items() if n in formula.__code__.co_names}
    return types.FunctionType(formula.__code__, {"__builtins__": formula.__globals__["__builtins__"], **names})


def exchanged(value: object, language: Language) -> object:
    """Return the symbolic form of a global name of a formula; constants stay.

    Parameters
    ----------
    value : object
        What the name stands for.
    language : Language
        The language of the result.

    Returns
    -------
    object

    Raises
    ------
    TypeError
        If it is an operation without a symbolic form.
    """
    if isinstance(value, types.FunctionType):
        if value in OPERATIONS or value in language.functions:
            return OPERATIONS.get(value) or language.functions[value]
        if value.__module__ == ops.__name__:
            raise TypeError(
                f"{language.name} has no {value.__name__}: give it a symbol in tracing/operations.py, and a form in"
                f" {language.place}"
            )
        if value.__module__.startswith("synaptogen.model."):
            return traced(value, language)
    return value
