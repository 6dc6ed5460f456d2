"""Flat positions of the cells that an index selects, without a list of all cells where slices are given."""

from types import EllipsisType
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, IntArray, Shape

IndexItem: TypeAlias = (
    SupportsIndex | slice | EllipsisType | NDArray[np.integer] | BoolArray | list[int] | list[bool] | None
)
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
        Ints, slices, an ellipsis, None, arrays of int or bool, or a tuple of these.

    Returns
    -------
    array of int
        Positions in the order of rows, in the shape that NumPy gives the result.

    Raises
    ------
    IndexError
        As NumPy does for its own arrays; also if the index selects nothing, or a cell twice.
    """
    positions = _positions(shape, tuple(map(_plain, key)) if isinstance(key, tuple) else (_plain(key),))
    flat = positions.ravel()
    if flat.size == 0:
        raise IndexError(f"the index {key!r} selects no cells of an array of shape {shape}")
    if np.any(flat[1:] <= flat[:-1]):
        values, counts = np.unique(flat, return_counts=True)
        if len(values) < flat.size:
            cell = tuple(map(int, np.unravel_index(values[counts > 1][0], shape)))
            raise IndexError(f"an index of cells must not name a cell twice: {cell} would see each voltage twice")
    return positions


def _plain(key: Any) -> Any:
    """Return one entry of an index, arrays of other libraries as those of NumPy."""
    if isinstance(key, np.ma.MaskedArray):
        if np.ma.is_masked(key):
            raise IndexError(
                "an index of cells must not have masked entries: give key.filled(False), or key[~key.mask]"
            )
        return np.asarray(key)
    if not isinstance(key, np.ndarray | np.generic) and hasattr(key, "__array__"):
        return np.asarray(key)
    return key


def _positions(shape: Shape, keys: tuple[Any, ...]) -> IntArray:
    if all(k is None or k is Ellipsis or _is_int(k) or isinstance(k, slice) for k in keys):
        return _positions_of_slices(shape, keys)
    if len(keys) == 1 and isinstance(keys[0], np.ndarray) and keys[0].dtype == np.bool_ and keys[0].shape == shape:
        return np.flatnonzero(keys[0])  # a mask of a large array needs no list of all cells
    return np.asarray(np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)[keys])


def _is_int(key: object) -> bool:
    return isinstance(key, int | np.integer) and not isinstance(key, bool)  # True and False are masks


def _positions_of_slices(shape: Shape, keys: tuple[IndexItem, ...]) -> IntArray:
    if keys.count(Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    given = len(keys) - keys.count(Ellipsis) - keys.count(None)
    if given > len(shape):
        raise IndexError(f"too many indices for cells of shape {shape}: {given} were given")
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    full = (*keys[:at], *[slice(None)] * (len(shape) - given), *keys[at + 1 :])
    strides = np.append(np.cumprod(shape[:0:-1], dtype=np.int64)[::-1], 1)
    axes = zip(shape, strides, strict=False)
    positions = np.zeros((), np.int64)
    for k in full:
        if k is None:
            positions = positions[..., None]
            continue
        size, stride = next(axes)
        along = np.arange(size)[k] * stride
        positions = positions[..., None] + along if isinstance(k, slice) else positions + along
    return positions
