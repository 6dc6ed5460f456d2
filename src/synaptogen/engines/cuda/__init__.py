"""The CUDA engine: single-precision cells on a GPU of NVIDIA, a thread each. Needs an extra, see `availability`."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .availability import require_gpu
    from .buffers import DeviceArray, on_device
    from .engine import CUDAEngine
    from .interop import GPUArray, numbers, on_gpu_already

__all__ = ["CUDAEngine", "DeviceArray", "GPUArray", "numbers", "on_device", "on_gpu_already", "require_gpu"]

# imported when asked for: the check for a GPU has to come before the import of its compiler, which may be missing
_FILES = {
    "CUDAEngine": "engine",
    "DeviceArray": "buffers",
    "GPUArray": "interop",
    "numbers": "interop",
    "on_device": "buffers",
    "on_gpu_already": "interop",
    "require_gpu": "availability",
}


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(importlib.import_module(f".{_FILES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
