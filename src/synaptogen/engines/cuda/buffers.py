"""Arrays on the GPU, and the launch of kernels on them."""

import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
from numba import cuda
from numba.cuda.core.errors import NumbaPerformanceWarning
from numpy.typing import DTypeLike, NDArray

from synaptogen._utils import notice

from .compiler import BLOCK, SIMULATED

DeviceArray = Any
"""An array of numba-cuda on the GPU, flat."""

COMPILING = "synaptogen: compiling for this GPU, some seconds in each process ..."
_LAUNCHED: set[Any] = set()


def launch(kernel: Any, threads: int, *arguments: Any) -> None:
    """Run a kernel on so many threads, in whole blocks, behind what was launched before."""
    launch_blocks(kernel, -(-threads // BLOCK), *arguments)


def launch_blocks(kernel: Any, blocks: int, *arguments: Any) -> None:
    """Run a kernel on so many blocks."""
    new = kernel not in _LAUNCHED and not SIMULATED
    with warnings.catch_warnings(), notice(COMPILING) if new else nullcontext():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # a small array leaves much of the GPU idle
        kernel[blocks, BLOCK](*arguments)
    _LAUNCHED.add(kernel)


def empty(count: int, dtype: DTypeLike = np.float32) -> DeviceArray:
    """Room for numbers, at least one."""
    return cuda.device_array(max(int(count), 1), dtype)


def on_device(values: NDArray[Any], dtype: DTypeLike = np.float32) -> DeviceArray:
    """A flat copy of an array on the GPU."""
    return cuda.to_device(np.ascontiguousarray(values, dtype).ravel())


def on_host(values: DeviceArray, *shape: int) -> NDArray[Any]:
    """A copy in the memory of the machine, of a shape."""
    found: NDArray[Any] = values.copy_to_host()
    return found[: int(np.prod(shape, dtype=np.int64))].reshape(shape)
