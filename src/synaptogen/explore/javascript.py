"""JavaScript as a language of formulas, and formulas of the model as its functions."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from synaptogen.model import Transition, fluctuation
from synaptogen.tracing import (
    AND,
    ATOM,
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
    Symbol,
    Type,
    name,
    numbered,
    statements,
    traced,
)

JAVASCRIPT = Language(
    "JavaScript",
    "explore/javascript.py",
    {
        "+": Form("{} + {}", PLUS),
        "-": Form("{} - {}", PLUS),
        "*": Form("{}*{}", TIMES),
        "/": Form("{}/{}", TIMES),
        # words of 32 bits are kept as integers with a sign, the form in which operators on bits return them
        "uint32 +": Form("({} + {} | 0)", ATOM, PLUS),
        "uint32 -": Form("({} - {} | 0)", ATOM, PLUS),
        "uint32 *": Form("Math.imul({}, {})"),
        "uint32 <<": Form("{} << {}", SHIFT),
        "uint32 >>": Form("({} >>> {} | 0)", ATOM, SHIFT),
        "&": Form("{} & {}", BIT_AND),
        "^": Form("{} ^ {}", BIT_XOR),
        "|": Form("{} | {}", BIT_OR),
        "high_product": Form("highProduct({}, {})"),
        "real": Form("({} >>> 0)", ATOM, SHIFT),
        "signed_real": Form("{}", UNARY),
        "top bit": Form("{} < 0", ORDER),
        "negative": Form("-{}", UNARY, ATOM),
        "not": Form("!{}", UNARY),
        **{sign: Form(f"{{}} {sign} {{}}", ORDER) for sign in ("<", "<=", ">", ">=")},
        "==": Form("{} === {}", EQUAL),
        "!=": Form("{} !== {}", EQUAL),
        "mask &": Form("{} && {}", AND),
        "mask |": Form("{} || {}", OR),
        "where": Form("({} ? {} : {})"),
        "sqrt": Form("Math.sqrt({})"),
        "log": Form("Math.log({})"),
        "exp2": Form("Math.pow(2, {})"),
        "pow": Form("Math.pow({}, {})"),
        "floor": Form("Math.floor({})"),
        "maximum": Form("Math.max({}, {})"),
        "minimum": Form("Math.min({}, {})"),
        "absolute": Form("Math.abs({})"),
    },
    "const {} = {};",
)

Kind: TypeAlias = int | Type | tuple[Type, int]
"""Kind of an argument: a number of a type, as many real numbers, or as many numbers of a type."""

RECORDS: Mapping[str, tuple[type[Any], Type]] = MappingProxyType(
    {"t": (Transition, "real"), "key": (fluctuation.Key, "uint32")}
)
"""Records that formulas take, by the names of their arguments, and the types of their numbers."""


def function(
    formula: Callable[..., Any], kinds: Mapping[str, Kind], given: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """Return a formula of the model as a method of JavaScript.

    Vectors and records among its arguments are given number by number. A formula with several results returns an object
    with their names, or an array where they have none.

    Parameters
    ----------
    formula : function
        A function of `synaptogen.model`.
    kinds : mapping of str to str
        Kinds of its arguments; others are `RECORDS` or real numbers.
    given : mapping, optional
        Arguments that have a value already.

    Returns
    -------
    str
        JavaScript.

    Raises
    ------
    TypeError
        If it uses an operation that JavaScript has not.
    """
    names: list[str] = []
    values = [_value(argument, kinds, given, names) for argument in inspect.signature(formula).parameters]
    lines = _body(traced(formula, JAVASCRIPT)(*values))
    return "\n".join([f"{formula.__name__}({', '.join(names)}) {{", *(f"  {line}" for line in lines), "},"])


def _value(argument: str, kinds: Mapping[str, Kind], given: Mapping[str, Any], names: list[str]) -> Any:
    """Return what a formula is called with for an argument, and add the names that stand for it in JavaScript."""
    if argument in given:
        return given[argument]
    if argument in RECORDS:
        record, type_ = RECORDS[argument]
        names += record._fields
        return record(*_symbols(record._fields, type_))
    kind = kinds.get(argument, "real")
    if isinstance(kind, str):
        names.append(argument)
        return name(argument, kind)
    type_, count = ("real", kind) if isinstance(kind, int) else kind
    numbers = numbered(argument, count)
    names += numbers
    return _symbols(numbers, type_)


def _symbols(names: Iterable[str], type_: Type) -> list[Symbol]:
    return [name(text, type_) for text in names]


def _body(result: Any) -> list[str]:
    """Return the lines of a function that returns the result of a formula."""
    if isinstance(result, Symbol):
        return [*statements({"result": result}, JAVASCRIPT)[0], "return result;"]
    named = hasattr(result, "_fields")
    names = result._fields if named else numbered("result", len(result))
    lines = statements(dict(zip(names, result, strict=True)), JAVASCRIPT)[0]
    listed = ", ".join(names)
    return [*lines, f"return {{ {listed} }};" if named else f"return [{listed}];"]
