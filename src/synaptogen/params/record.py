"""Immutable records of arrays: checked when made, equal by content, safe to share between threads and processes."""

from collections.abc import Mapping
from dataclasses import fields
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
