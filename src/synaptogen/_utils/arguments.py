"""Types of arguments, checked from the annotations of a function: what cannot be meant is refused by name.

Functions check themselves what numbers may be. That a number is one, and no text, truth value or NaN, is the same for
all of them, and said by the annotation already.
"""

import dataclasses
import functools
import inspect
import math
import operator
import os
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar, Union, get_args, get_origin

import numpy as np
from numpy.typing import ArrayLike

from .checks import flag, one_of
from .operands import as_array

P = ParamSpec("P")
R = TypeVar("R")
Rule: TypeAlias = Callable[[str, Any], Any]
"""Called with the name and the value of an argument; returns the value to use."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that refuses arguments of other types than its annotations say, before it does anything.

    Whole numbers are ints of Python or NumPy and no truth values; numbers are real and not NaN; arrays, of whatever
    library, hold real numbers, whole numbers or truth values, and are handed on as arrays of NumPy. Annotations that
    are texts, and those of other kinds of values, are not looked at.

    Raises
    ------
    TypeError, ValueError
        From the function, with the name of the argument.
    """

    @functools.cache  # at the first call, so that imports stay quick
    def expected() -> tuple[inspect.Signature, dict[str, Rule]]:
        signature = inspect.signature(function)
        named = [p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        return signature, {p.name: rule for p in named if (rule := rule_of(p.annotation)) is not None}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        signature, rules = expected()
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return function(*args, **kwargs)  # Python says what is missing, with the name of the function
        for name, value in given.arguments.items():
            if name in rules and value is not signature.parameters[name].default:
                given.arguments[name] = rules[name](name, value)
        return function(*given.args, **given.kwargs)

    return call


def require_fields(instance: Any) -> None:
    """Require that the fields of a dataclass are of the types that its annotations say, as `checked` does.

    Parameters
    ----------
    instance : dataclass
        The object; its fields are left as they are.

    Raises
    ------
    TypeError, ValueError
        With the name of the field.
    """
    for field in dataclasses.fields(instance):
        annotation: Any = field.type
        rule = _array_free_rule(annotation)
        if rule is not None:
            rule(field.name, getattr(instance, field.name))


@functools.cache
def _array_free_rule(annotation: Any) -> Rule | None:
    return None if _is_array(annotation) else rule_of(annotation)


def rule_of(annotation: Any) -> Rule | None:
    """Return what an annotation says of values, or None if it says nothing that can be checked.

    Parameters
    ----------
    annotation : object
        The annotation of a parameter or field.

    Returns
    -------
    callable or None
    """
    if annotation is inspect.Parameter.empty:
        return None
    if _is_array(annotation):
        rule: Rule | None = _numbers
    else:
        members = _members(annotation)
        rule = _rule_of_members(tuple(m for m in members if m is not type(None)))
    if rule is None or type(None) not in _members(annotation):
        return rule
    required = rule
    return lambda name, value: None if value is None else required(name, value)


def _members(annotation: Any) -> tuple[Any, ...]:
    """Return what a union is made of, those within it included."""
    while hasattr(annotation, "__value__"):  # what a name stands for that a `type` statement made, perhaps another name
        annotation = annotation.__value__
    if get_origin(annotation) not in (Union, types.UnionType):
        return (annotation,)
    return tuple(found for member in get_args(annotation) for found in _members(member))


_ARRAY = frozenset(_members(ArrayLike))


def _is_array(annotation: Any) -> bool:
    """Return whether an annotation is ArrayLike, a union, perhaps with None or numbers, and with nothing else."""
    numbers = {bool, int, float, type(None)}
    return _ARRAY <= set(_members(annotation)) <= _ARRAY | numbers


def _rule_of_members(members: tuple[Any, ...]) -> Rule | None:
    choices = [choice for m in members if get_origin(m) is Literal for choice in get_args(m)]
    others = [m for m in members if get_origin(m) is not Literal]
    if choices and all(isinstance(choice, str) for choice in choices):
        if not others:
            return functools.partial(_choice, choices)
        return functools.partial(_choice_or_whole, choices) if others == [int] else None
    if choices:
        return None
    known = {bool: flag, int: whole, float: number}
    if len(others) == 1 and others[0] in known:
        return known[others[0]]
    if len(others) == 1 and get_origin(others[0]) in (Callable, Mapping, Sequence, list):
        return functools.partial(_generic, others[0])
    if others and set(others) <= {int, float}:
        return number
    path = os.PathLike[str]
    if others and all(m == path or _is_class(m) for m in others):
        kinds = tuple(os.PathLike if get_origin(m) else m for m in others)
        return None if {bool, int, float, object} & set(kinds) else functools.partial(_instance, kinds)
    return None


def _is_class(annotation: Any) -> bool:
    """Return whether an annotation is a class that `isinstance` can ask for: protocols are none."""
    try:
        isinstance(None, annotation)
    except TypeError:
        return False
    return isinstance(annotation, type)


def whole(name: str, value: Any) -> int:
    """Return an int of Python or NumPy as one of Python.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        What was given.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If ``value`` is anything else, or a truth value.
    ValueError
        If it takes more than 64 bits.
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} is a truth value: give an int")
    try:
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={_shown(value)} is not an int") from None
    if not -(1 << 63) <= found < 1 << 63:
        raise ValueError(f"{name} is an int of {found.bit_length()} bits, which is too large")
    return found


def number(name: str, value: Any) -> Any:
    """Return a real number that is not NaN.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        What was given.

    Returns
    -------
    int or float
        The number as it was given.

    Raises
    ------
    TypeError
        If ``value`` is anything else, or a truth value.
    ValueError
        If it is NaN, or an int beyond the range of floats.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name}={_shown(value)} is not a number")
    try:
        if math.isnan(float(value)):
            raise ValueError(f"{name}={value!r} is not a number")
    except OverflowError:
        raise ValueError(f"{name} is an int of {int(value).bit_length()} bits, which is too large") from None
    return value


def _numbers(name: str, value: Any) -> Any:
    try:
        array = as_array(name, value, float)
    except TypeError as error:
        raise TypeError(f"{name} is not an array of real numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is not an array of real numbers: it is of type {array.dtype}; give floats")
    return array


def _choice(known: list[str], name: str, value: Any) -> Any:
    one_of(name, value, known)
    return value


def _choice_or_whole(known: list[str], name: str, value: Any) -> Any:
    if isinstance(value, str):
        return _choice(known, name, value)
    try:
        return whole(name, value)
    except TypeError:
        raise TypeError(f"{name}={_shown(value)} is not an int, or one of {', '.join(map(repr, known))}") from None


def _instance(kinds: tuple[type, ...], name: str, value: Any) -> Any:
    if not isinstance(value, kinds):
        names = " or ".join("a path" if kind is os.PathLike else f"a {kind.__name__}" for kind in kinds)
        raise TypeError(f"{name} is a {type(value).__name__}: give {names}")
    return value


def _generic(annotation: Any, name: str, value: Any) -> Any:
    kind, inside = get_origin(annotation), get_args(annotation)
    if kind is Callable:
        if not callable(value):
            raise TypeError(f"{name} is a {type(value).__name__}: give a function")
    elif not isinstance(value, kind) or isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}: give a {kind.__name__.lower()}")
    elif kind is not Mapping:
        rule = rule_of(inside[0])
        for k, entry in enumerate(value if rule is not None else ()):
            rule(f"{name}[{k}]", entry)  # type: ignore[misc]  # there are entries only if there is a rule
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
