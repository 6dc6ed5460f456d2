"""Array types, one name for each kind of content."""

import os
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

RealArray: TypeAlias = NDArray[np.floating[Any]]
"""Real numbers in single or double precision."""
Float64Array: TypeAlias = NDArray[np.float64]
"""Real numbers in double precision."""
Float32Array: TypeAlias = NDArray[np.float32]
"""Real numbers in single precision."""
IntArray: TypeAlias = NDArray[np.int64]
"""Whole numbers: indices, counts."""
BoolArray: TypeAlias = NDArray[np.bool_]
"""Truth values."""
AnyArray: TypeAlias = NDArray[Any]
"""An array whose type of numbers is not known before the program runs."""

Shape: TypeAlias = tuple[int, ...]
"""Lengths of the axes of an array."""
PathLike: TypeAlias = str | os.PathLike[str]
"""The path of a file or folder."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(done, total)``."""


def writeable(value: T) -> T:
    """Return a value whose arrays can be written to and belong to nobody else.

    Arrays come out of a pickle read-only, or as a view of a file, if its reader shares memory: joblib maps large arrays
    into its workers, and pickle protocol 5 takes buffers as they are. Compiled code would write to them all the same.

    Parameters
    ----------
    value : object
        An array, or a nest of tuples, lists and dicts; anything else is returned as it is.

    Returns
    -------
    object
        The same value, with copies in place of arrays that are read-only or lie in a file.
    """
    nest: Any = value
    if isinstance(nest, np.ndarray):
        return cast(T, nest if nest.flags.writeable and not isinstance(nest, np.memmap) else np.array(nest))
    if isinstance(nest, tuple):
        parts = [writeable(part) for part in nest]
        return cast(T, type(nest)(*parts) if hasattr(nest, "_fields") else tuple(parts))
    if isinstance(nest, list):
        return cast(T, [writeable(part) for part in nest])
    if isinstance(nest, dict):
        return cast(T, {name: writeable(part) for name, part in nest.items()})
    return value
