"""Checks of single numbers, truth values and names."""

import difflib
import math
import operator
from collections.abc import Collection, Mapping
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def positive_int(name: str, value: int) -> int:
    """Return an int of at least 1.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : int
        An int of Python or NumPy.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If ``value`` is not an int.
    ValueError
        If it is less than 1, or a truth value.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an int") from None
    if not 1 <= number < 1 << 63 or isinstance(value, bool):
        raise ValueError(f"{name}={str(value)[:40]}: give an int of at least 1, and less than 2**63")
    return number


def positive(name: str, value: float, unit: str) -> float:
    """Return a finite number above 0.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
        The number.
    unit : str
        Its unit, for messages.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is not above 0, or not finite.
    """
    given = _number(name, value)
    if not 0.0 < given < math.inf:
        raise ValueError(f"{name}={value!r}: give a finite number of {unit} above 0")
    return given


def not_negative(name: str, value: float, unit: str) -> float:
    """Return a finite number that is not negative.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
    unit : str
        Its unit, for messages.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is negative, NaN or infinite.
    """
    given = _number(name, value)
    if not 0 <= given < math.inf:
        raise ValueError(f"{name}={value!r}: give a finite number of {unit}, 0 or more")
    return given


def resistance(name: str, value: float) -> float:
    """Return the resistance of a wire in ohm: finite, and 0 or more.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
        Resistance in ohm.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is negative or not finite.
    """
    given = _number(name, value)
    if not 0.0 <= given < math.inf:
        raise ValueError(f"{name}={value!r}: give a resistance in ohm, finite and not negative")
    return given


def bandwidth(value: float) -> float:
    """Return a bandwidth in Hz: finite, and 0 (no noise) or more.

    Parameters
    ----------
    value : float
        Bandwidth in Hz.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is negative or not finite.
    """
    given = _number("bandwidth", value)
    if not 0.0 <= given < math.inf:
        raise ValueError(f"bandwidth={value!r}: give a bandwidth in Hz, or 0 for no noise")
    return given


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is not a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is an int of {int(value).bit_length()} bits, which is too large") from None


def finite_number(name: str, value: object) -> float:
    """Require that an argument is one finite number.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float
        The number.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is not finite.
    """
    given = _number(name, value)
    if not math.isfinite(given):
        raise ValueError(f"{name}={value!r} is not finite")
    return given


def flag(name: str, value: bool) -> bool:
    """Return a truth value of Python or NumPy as one of Python.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : bool
        True or False.

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If ``value`` is anything else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r} is of type {type(value).__name__}: give True or False")
    return bool(value)


def one_of(name: str, value: str, known: Collection[str]) -> None:
    """Require that a text is one of a list.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : str
        The text.
    known : collection of str
        The texts allowed.

    Raises
    ------
    ValueError
        If it is not; the message lists the texts allowed, and suggests the closest.
    """
    if not isinstance(value, str) or value not in known:
        near = difflib.get_close_matches(str(value), list(known), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name}={value!r} is not known: choose from {', '.join(map(repr, known))}{hint}")


def named(name: str, value: str, known: Mapping[str, T]) -> T:
    """Return the entry of a mapping that a text names.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : str
        The text.
    known : mapping of str
        Entries by the texts allowed.

    Returns
    -------
    object
        The entry.

    Raises
    ------
    ValueError
        As `one_of`.
    """
    one_of(name, value, known)
    return known[value]
