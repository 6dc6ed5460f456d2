"""The CUDA engine: single-precision cells on a GPU of NVIDIA, one thread for each. It needs an extra: docs/cuda.md."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .availability import require_gpu
    from .buffers import DeviceArray, on_device
    from .engine import CUDAEngine
    from .interop import GPUArray, numbers, on_gpu_already

__all__ = ["CUDAEngine", "DeviceArray", "GPUArray", "numbers", "on_device", "on_gpu_already", "require_gpu"]

# imported on first use: the check for a GPU has to come before the import of its compiler, which may be missing
_FILES = {
    "CUDAEngine": "engine",
    "DeviceArray": "buffers",
    "GPUArray": "interop",
    "numbers": "interop",
    "on_device": "buffers",
    "on_gpu_already": "interop",
    "require_gpu": "availability",
}


def __getattr__(name: str) -> object:
    if name in _FILES:
        return getattr(importlib.import_module(f".{_FILES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
