"""Immutable records of arrays: checked on the way in, equal by content, safe to share between threads and processes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shape: TypeAlias = tuple[int | None, ...]
_LARGEST = 1e100  # so that no product of a few entries overflows


def real_array(name: str, value: ArrayLike, shape: Shape) -> NDArray[np.float64]:
    """Return ``value`` as a read-only float64 array of its own, of the given shape (None: any length but 0).

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


def lower_factor(name: str, value: ArrayLike, shape: Shape) -> NDArray[np.float64]:
    """Return one or more lower triangular matrices (..., n, n) with positive diagonals, checked like `real_array`.

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


class Record:
    """Base of frozen dataclasses that hold arrays: equality and hash by content; copies and pickles are re-checked."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(mine, theirs) for mine, theirs in zip(self._values(), other._values(), strict=True))

    def __hash__(self) -> int:
        return hash((type(self), *map(_hashable, self._values())))

    def __reduce__(self) -> tuple[Any, ...]:
        # through the constructor, since a pickled array forgets that it is read-only
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in self._values())

    def _set(self, **values: Any) -> None:
        """Replace fields while the record is being made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _values(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, (value + 0.0).tobytes()  # -0.0 becomes 0.0: they are equal
    return frozenset(value) if isinstance(value, Mapping) else value
