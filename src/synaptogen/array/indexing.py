"""Which cells does an index mean? Positions in a flat array, without listing all cells where slices are asked for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def positions_of(shape: tuple[int, ...], key: Any) -> NDArray[np.int64]:
    """Flat positions, in the shape of the result, of what ``key`` selects from an array of ``shape``.

    Raises IndexError as NumPy does for its own arrays.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if all(isinstance(k, int | np.integer | slice) or k is Ellipsis for k in keys):
        return _of_slices(shape, keys)
    return np.asarray(np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)[key])


def _of_slices(shape: tuple[int, ...], keys: tuple[Any, ...]) -> NDArray[np.int64]:
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
