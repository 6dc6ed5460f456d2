"""Immutable records of arrays: checked when made, equal by content, safe to share between threads and processes."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array

ExpectedShape: TypeAlias = tuple[int | None, ...]
"""A shape in which None stands for any length but 0."""
MOST_STATES = 1000  # of a history, and orders of a VAR: matrices of some thousand rows are factored when it is made
MOST_COMPONENTS = 10000
_LARGEST = 1e100  # so that no product of a few entries overflows


def real_array(name: str, value: ArrayLike, shape: ExpectedShape) -> Float64Array:
    """Return a read-only copy of an array in double precision.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of real numbers
    shape : tuple of int or None
        The shape that it must have; None stands for any length but 0.

    Returns
    -------
    array of float64

    Raises
    ------
    ValueError
        If it is not an array of finite real numbers of that shape. The message begins with ``name``.
    """
    try:
        array = np.array(value)
    except ValueError as error:
        raise ValueError(f"{name} must be a rectangular array: {error}") from error
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold real numbers, not {array.dtype}")
    array = array.astype(np.float64)
    if len(array.shape) != len(shape) or any(
        have != want for have, want in zip(array.shape, shape, strict=True) if want
    ):
        expected = ", ".join("n" if length is None else str(length) for length in shape)
        raise ValueError(f"{name} must have shape ({expected}), not {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty")
    if not np.all(np.abs(array) <= _LARGEST):  # False for NaN too
        raise ValueError(f"{name} must be finite and below {_LARGEST:g} in magnitude: remove NaN and infinities")
    array.setflags(write=False)
    return array


def lower_factor(name: str, value: ArrayLike, shape: ExpectedShape) -> Float64Array:
    """Return a read-only copy of lower triangular matrices with positive diagonals, as Cholesky factors are.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (..., n, n)
    shape : tuple of int or None
        The shape that it must have; None stands for any length but 0.

    Returns
    -------
    array of float64

    Raises
    ------
    ValueError
        As `real_array`; and if an entry above a diagonal is not exactly zero, or one on it is not positive.
    """
    array = real_array(name, value, shape)
    if np.any(np.triu(array, 1)):
        raise ValueError(f"{name} must be lower triangular: take a Cholesky factor, or its numpy.tril")
    if np.any(np.diagonal(array, axis1=-2, axis2=-1) <= 0):
        raise ValueError(
            f"{name} must have a positive diagonal: take a Cholesky factor, or flip the sign of its columns"
        )
    return array


def require_at_most(name: str, value: ArrayLike, most: int, what: str) -> None:
    """Require that an argument is not longer than sensible, before memory is taken for what depends on it.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : array of shape (n, ...)
    most : int
        The largest n.
    what : str
        What it has n of, for messages.

    Raises
    ------
    ValueError
        If it is longer.
    """
    try:
        count = len(value)  # type: ignore[arg-type]  # what has no length is refused later, by its shape
    except TypeError:
        return
    if count > most:
        raise ValueError(f"{name} must have at most {most} {what}, not {count}")


def number_within(name: str, value: object, low: float, high: float, unit: str = "") -> float:
    """Return a number after checks.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        What was given.
    low, high : float
        The range that it must lie in.
    unit : str
        Its unit with a space before it, for messages.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no number of that range. The message begins with ``name``.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating | np.integer):
        raise ValueError(f"{name} must be a number, not {value!r}")
    if not low <= float(value) <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}{unit}, not {float(value):g}")
    return float(value)


def require_printable(name: str, value: object) -> None:
    """Require a text of printable characters.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        What was given.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"{name} must be a text of printable characters, not {value!r}")


def source_texts(value: object) -> Mapping[str, str]:
    """Return a read-only copy of the argument ``source``, after checks that it maps texts to texts."""
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise ValueError("source must be a mapping of texts to texts: write other values as text")
    texts = dict(value)
    for text in (text for pair in texts.items() for text in pair):
        _require_whole("source", text)
    return MappingProxyType(texts)


def _require_whole(name: str, text: str) -> None:
    """Raise ValueError for a text that holds half of a character, which no file can hold."""
    if not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError(f"{name} must be text that can be written to a file, not {text!r}: half a character")


def require_text(name: str, value: object) -> None:
    """Require a text of at least one character, of which a file can hold all.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : object
        What was given.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} must be a text of at least one character, not {value!r}")
    _require_whole(name, value)


def named_arguments(what: str, record: type["Record"], content: object) -> dict[str, Any]:
    """Return the arguments of a record from a JSON object.

    Parameters
    ----------
    what : str
        Name of the object, for messages.
    record : type
        A subclass of `Record`, a dataclass. Arguments that have a default may be missing.
    content : object
        What was read.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is no object, one of its arguments is missing, or one is unknown.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} must be a JSON object, not a {type(content).__name__}")
    given = [(f, f.default is MISSING and f.default_factory is MISSING) for f in fields(record)]  # type: ignore[arg-type]
    known, required = {f.name for f, _ in given}, {f.name for f, needed in given if needed}
    missing, others = required - content.keys(), content.keys() - known
    if missing or others:
        raise ValueError(
            f"{what} lacks {', '.join(sorted(missing)) or 'nothing'}, and has the unknown keys "
            f"{', '.join(sorted(map(str, others))) or '(none)'}: the known ones are {', '.join(sorted(known))}"
        )
    return dict(content)


def nested(value: Any, dtype: Callable[[float], object]) -> Any:
    """Return nested lists as nested tuples.

    Parameters
    ----------
    value : number, or nested lists of numbers
    dtype : callable
        Called with each number, for example `numpy.float32`.

    Returns
    -------
    object
    """
    return tuple(nested(v, dtype) for v in value) if isinstance(value, list) else dtype(value)


class Record:
    """Base of frozen dataclasses that hold arrays: equality and hash by content; copies and pickles are re-checked."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        return hash((type(self), *map(_hashable, _values(self))))

    def __reduce__(self) -> tuple[Any, ...]:
        # through the constructor, since a pickled array forgets that it is read-only
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in _values(self))

    def _set(self, **values: Any) -> None:
        """Set fields while the record is being made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _values(record: Record) -> list[Any]:
    """Return the fields of a record, which is of a subclass that is a dataclass."""
    return [getattr(record, field.name) for field in fields(record)]  # type: ignore[arg-type]  # Record itself is none


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, (value + 0.0).tobytes()  # -0.0 becomes 0.0: they are equal
    return frozenset(value) if isinstance(value, Mapping) else value
