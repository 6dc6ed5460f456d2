"""Flat positions of the cells that an index selects, without a list of all cells where slices are given."""

from types import EllipsisType
from typing import SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, IntArray, Shape

IndexItem: TypeAlias = SupportsIndex | slice | EllipsisType | NDArray[np.integer] | BoolArray | list[int] | list[bool]
"""One entry of an index, as NumPy takes it."""
Index: TypeAlias = IndexItem | tuple[IndexItem, ...]
"""An index of cells, as NumPy takes it for arrays."""


def select_positions(shape: Shape, key: Index) -> IntArray:
    """Return the flat positions of the entries that an index selects from an array.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    key : index
        Ints, slices, an ellipsis, arrays of int or bool, or a tuple of these.

    Returns
    -------
    array of int
        Positions in the order of rows, in the shape that NumPy gives the result.

    Raises
    ------
    IndexError
        As NumPy does for its own arrays.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if all(isinstance(k, int | np.integer | slice) or k is Ellipsis for k in keys):
        return _positions_of_slices(shape, keys)
    return np.asarray(np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)[key])


def _positions_of_slices(shape: Shape, keys: tuple[IndexItem, ...]) -> IntArray:
    if keys.count(Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    given = len(keys) - keys.count(Ellipsis)
    if given > len(shape):
        raise IndexError(f"too many indices for cells of shape {shape}: {given} were given")
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    full = (*keys[:at], *[slice(None)] * (len(shape) - given), *keys[at + 1 :])
    strides = np.append(np.cumprod(shape[:0:-1], dtype=np.int64)[::-1], 1)
    positions = np.zeros((), np.int64)
    for size, stride, k in zip(shape, strides, full, strict=True):
        along = np.arange(size)[k] * stride
        positions = positions[..., None] + along if isinstance(k, slice) else positions + along
    return positions
