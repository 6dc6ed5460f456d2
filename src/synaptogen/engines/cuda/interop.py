"""Arrays of other libraries on the GPU, taken and given without a copy.

Two protocols say where an array lies: the CUDA array interface (CuPy, PyTorch, Numba) and DLPack (JAX and others).
"""

from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from .buffers import DeviceArray, launch
from .kernels import find_not_finite

CUDA_DEVICES = 2, 13
"""DLPack's numbers for memory of a GPU, and for memory that it shares with the processor."""


class GPUArray:
    """Numbers on the GPU, of at least one axis.

    ``cupy.asarray(x)``, ``torch.as_tensor(x, device="cuda")`` and any ``from_dlpack(x)`` share them without a copy,
    ``numpy.asarray(x)`` copies them to the memory of the machine.
    """

    def __init__(self, array: DeviceArray, shape: tuple[int, ...]) -> None:
        self.array = array[: int(np.prod(shape, dtype=np.int64))].reshape(shape or (1,))
        self.shape, self.dtype = tuple(self.array.shape), self.array.dtype

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.array.__cuda_array_interface__

    def __dlpack__(self, **options: Any) -> Any:
        return view_of(self.array).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return view_of(self.array).__dlpack_device__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("numbers on the GPU cannot be had in the memory of the machine without a copy")
        return np.asarray(self.array.copy_to_host(), dtype)

    def __repr__(self) -> str:
        return f"GPUArray(shape={self.shape}, dtype={self.dtype})"


def view_of(array: Any) -> Any:
    """An array with the CUDA array interface, as one that speaks DLPack."""
    from cuda.core.utils import StridedMemoryView

    return StridedMemoryView.from_cuda_array_interface(array, stream_ptr=-1)


class Borrowed:
    """An array that speaks DLPack, as one with the CUDA array interface; it lives as long as this does."""

    def __init__(self, owner: Any) -> None:
        from cuda.core.utils import StridedMemoryView

        self.view = view = StridedMemoryView.from_dlpack(owner, stream_ptr=-1)
        size = view.dtype.itemsize
        self.__cuda_array_interface__ = {
            "version": 3,
            "typestr": view.dtype.str,
            "data": (view.ptr, bool(view.readonly)),
            "shape": tuple(view.shape),
            "strides": None if view.strides is None else tuple(size * stride for stride in view.strides),
        }


def on_gpu_already(value: Any) -> DeviceArray | None:
    """The array of numba-cuda over an array of any library on the GPU; None for everything else."""
    if isinstance(value, GPUArray):
        return value.array
    if getattr(value, "__cuda_ndarray__", False):
        return value
    if hasattr(value, "__cuda_array_interface__"):
        return cuda.as_cuda_array(value)
    if hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in CUDA_DEVICES:
        return cuda.as_cuda_array(Borrowed(value))
    return None


def numbers(name: str, array: DeviceArray) -> DeviceArray:
    """The same array, flat, if its numbers are finite, in single precision, one after the other.

    Raises
    ------
    TypeError, ValueError
        If they are not, so that they would have to be copied or would break cells.
    """
    if array.dtype != np.float32:
        raise TypeError(f"{name} is of type {array.dtype}: on the GPU, give numbers of type float32")
    if not array.is_c_contiguous():
        raise ValueError(f"{name} is not contiguous: give its contiguous copy")
    flat, found = array.reshape(array.size), cuda.to_device(np.zeros(1, np.uint32))
    launch(find_not_finite, array.size, flat, found)
    if found.copy_to_host()[0]:
        raise ValueError(f"{name} holds values that are not finite (NaN or infinite); no cell was changed")
    return flat
