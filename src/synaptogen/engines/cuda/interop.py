"""Arrays of other libraries on the GPU, shared without a copy.

Two protocols say where an array lies: the CUDA array interface (CuPy, PyTorch, Numba) and DLPack (JAX and others).
"""

from typing import Any

import numpy as np
from numba import cuda

from synaptogen._utils import AnyArray, Shape

from .buffers import DeviceArray, launch
from .kernels import find_not_finite

CUDA_DEVICES = 2, 13
"""DLPack's numbers for memory of a GPU, and for memory that it shares with the processor."""


class GPUArray:
    """An array on the GPU, the form of all results of `CellArray.on_gpu`.

    ``cupy.asarray(x)``, ``torch.as_tensor(x, device="cuda")`` and any ``from_dlpack(x)`` share its numbers without a
    copy, ``numpy.asarray(x)`` copies them to the memory of the machine.

    Parameters
    ----------
    array : device array of one axis
        At least as many numbers as ``shape`` has; they are shared, not copied.
    shape : tuple of int
        Shape of the result; () becomes (1,).

    Attributes
    ----------
    array : device array
        The numbers in their shape.
    shape, dtype
        As for arrays of NumPy.
    """

    def __init__(self, array: DeviceArray, shape: Shape) -> None:
        self.array = array[: int(np.prod(shape, dtype=np.int64))].reshape(shape or (1,))
        self.shape, self.dtype = tuple(self.array.shape), self.array.dtype

    @property
    def __cuda_array_interface__(self) -> Any:
        return self.array.__cuda_array_interface__

    def __dlpack__(self, **options: Any) -> Any:
        return _dlpack_view(self.array).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return _dlpack_view(self.array).__dlpack_device__()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        if copy is False:
            raise ValueError("numbers on the GPU cannot be had in the memory of the machine without a copy")
        return np.asarray(self.array.copy_to_host(), dtype)

    def __repr__(self) -> str:
        return f"GPUArray(shape={self.shape}, dtype={self.dtype})"


def _dlpack_view(array: DeviceArray) -> Any:
    """Return an object that offers an array on the GPU by DLPack."""
    from cuda.core.utils import StridedMemoryView

    return StridedMemoryView.from_cuda_array_interface(array, stream_ptr=-1)


class DLPackArray:
    """An array of a library that speaks DLPack, with the CUDA array interface, which Numba understands.

    Parameters
    ----------
    owner : object
        The array. Its memory stays valid for as long as this object exists.
    """

    def __init__(self, owner: object) -> None:
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
    """Return an array of any library as one of numba-cuda, if it lies on the GPU.

    Parameters
    ----------
    value : object
        A `GPUArray`, an array with the CUDA array interface or DLPack, or anything else.

    Returns
    -------
    device array, or None
        The same numbers in the same shape; None if they do not lie on the GPU.
    """
    if isinstance(value, GPUArray):
        return value.array
    found: DeviceArray | None = None
    if getattr(value, "__cuda_ndarray__", False):
        found = value
    elif hasattr(value, "__cuda_array_interface__"):
        found = cuda.as_cuda_array(value)
    elif hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in CUDA_DEVICES:
        found = cuda.as_cuda_array(DLPackArray(value))
    return found


def numbers(name: str, array: DeviceArray) -> DeviceArray:
    """Check voltages that lie on the GPU, and return them flat.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    array : device array
        The voltages in V, in any shape.

    Returns
    -------
    device array of one axis
        The same numbers, not a copy.

    Raises
    ------
    TypeError
        If they are not in single precision.
    ValueError
        If they do not lie one after the other, or are not finite.
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
