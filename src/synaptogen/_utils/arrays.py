"""Array types, one name for each kind of content."""

import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
