"""Arrays on the GPU, and the launch of kernels on them."""

import warnings
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
from numba import cuda
from numba.cuda.core.errors import NumbaPerformanceWarning
from numpy.typing import ArrayLike, DTypeLike

from synaptogen._utils import AnyArray, Shape, notice

from .compiler import SIMULATED, THREADS_PER_BLOCK


class DeviceArray(Protocol):
    """An array of numba-cuda on the GPU, with what this package uses of it. Those of engines have one axis.

    Attributes
    ----------
    dtype, shape, size, ndim
        As for arrays of NumPy.
    """

    dtype: np.dtype[Any]
    shape: Shape
    size: int
    ndim: int

    def __getitem__(self, key: Any) -> Any: ...

    def __array__(self) -> AnyArray: ...

    def reshape(self, *shape: Any) -> "DeviceArray":
        """Return the same numbers in another shape."""
        ...

    def is_c_contiguous(self) -> bool:
        """Return whether the numbers lie one after the other."""
        ...

    def copy_to_host(self) -> AnyArray:
        """Return a copy in the memory of the machine."""
        ...


COMPILING = "synaptogen: compiling for this GPU, some seconds in each process ..."
_LAUNCHED: set[Any] = set()


def launch(kernel: Any, threads: int, *arguments: Any) -> None:
    """Run a kernel on as many threads, in whole blocks.

    Like all work on the GPU, it begins when what was launched before has ended, and the call does not wait for it.

    Parameters
    ----------
    kernel : compiled kernel
        See `compiler.jit`.
    threads : int
        Number of threads.
    *arguments
        Arguments of the kernel.
    """
    launch_blocks(kernel, -(-threads // THREADS_PER_BLOCK), *arguments)


def launch_blocks(kernel: Any, blocks: int, *arguments: Any) -> None:
    """Run a kernel on as many blocks of threads.

    Parameters
    ----------
    kernel : compiled kernel
        See `compiler.jit`.
    blocks : int
        Number of blocks.
    *arguments
        Arguments of the kernel.
    """
    new = kernel not in _LAUNCHED and not SIMULATED
    with warnings.catch_warnings(), notice(COMPILING) if new else nullcontext():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # a small array leaves much of the GPU idle
        kernel[blocks, THREADS_PER_BLOCK](*arguments)
    _LAUNCHED.add(kernel)


def empty(count: int, dtype: DTypeLike = np.float32) -> DeviceArray:
    """Allocate an array on the GPU.

    Parameters
    ----------
    count : int
        How many numbers; for 0, the array holds one.
    dtype : data type
        Their type.

    Returns
    -------
    device array of shape (count,)
        Its content is not defined.
    """
    array: DeviceArray = cuda.device_array(max(int(count), 1), dtype)
    return array


def unused(dtype: DTypeLike) -> DeviceArray:
    """Return an array for an argument of a kernel that is not used by this launch, but must have its type."""
    return empty(1, dtype)


def on_device(values: ArrayLike, dtype: DTypeLike = np.float32) -> DeviceArray:
    """Copy an array to the GPU.

    Parameters
    ----------
    values : array of any shape
        The numbers, in the memory of the machine.
    dtype : data type
        Their type on the GPU.

    Returns
    -------
    device array of one axis
    """
    array: DeviceArray = cuda.to_device(np.ascontiguousarray(values, dtype).ravel())
    return array


def on_host(values: DeviceArray, *shape: int) -> AnyArray:
    """Copy an array from the GPU to the memory of the machine.

    Parameters
    ----------
    values : device array of one axis
        At least as many numbers as ``shape`` has.
    *shape : int
        Shape of the copy.

    Returns
    -------
    array of that shape
    """
    return values.copy_to_host()[: int(np.prod(shape, dtype=np.int64))].reshape(shape)
