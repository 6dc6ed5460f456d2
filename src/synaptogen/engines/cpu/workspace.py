"""Working memory of kernels."""

import numpy as np
from numba import njit

from synaptogen._utils import Float32Array

from .lanes import INLINE


@njit(**INLINE)
def aligned(count: int) -> Float32Array:
    """Allocate single-precision numbers that begin at a cache line.

    Parameters
    ----------
    count : int

    Returns
    -------
    array of shape (count,)
    """
    numbers = np.empty(count + 16, np.float32)
    first = (-numbers.ctypes.data % 64) // 4
    return numbers[first : first + count]


@njit(**INLINE)
def keep_alive(*arrays: object) -> None:
    """Keep arrays alive until here.

    Numba frees an array after its last use, and does not see the use of raw pointers.

    Parameters
    ----------
    *arrays : arrays or tuples of arrays
    """
