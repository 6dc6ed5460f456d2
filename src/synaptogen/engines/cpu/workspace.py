"""Room for what a kernel works with."""

from typing import Any

import numpy as np
from numba import njit

from .lanes import INLINE


@njit(**INLINE)
def aligned(count: int) -> Any:
    """Single-precision numbers that begin at a cache line."""
    numbers = np.empty(count + 16, np.float32)
    first = (-numbers.ctypes.data % 64) // 4
    return numbers[first : first + count]


@njit(**INLINE)
def keep_alive(*arrays: Any) -> None:
    """Arrays of which only raw pointers are used live until here: Numba gives memory back after the last use."""
