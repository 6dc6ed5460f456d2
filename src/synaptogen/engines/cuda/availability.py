"""Is there a GPU, and has it room? Asked before anything is made, with the remedy in the answer."""

import importlib.util
from typing import Any

REMEDY = "pip install 'synaptogen[cuda12]', or 'synaptogen[cuda13]' for a driver of CUDA 13"


def require_numba_cuda() -> None:
    """Raise ModuleNotFoundError that names the extras unless numba-cuda is installed."""
    if importlib.util.find_spec("numba_cuda") is None:
        raise ModuleNotFoundError(f"engine='cuda' needs numba-cuda, which comes with: {REMEDY}", name="numba_cuda")


def require_gpu() -> None:
    """Raise unless numba-cuda is installed and finds a GPU and its driver.

    Raises
    ------
    ModuleNotFoundError, RuntimeError
    """
    require_numba_cuda()
    from numba import cuda

    if not cuda.is_available():
        raise RuntimeError(
            "engine='cuda' found no GPU: it needs one of NVIDIA and its driver (libcuda, from the CUDA driver package; "
            f"`nvidia-smi` must list the GPU){_reason(cuda)}. engine='cpu' runs anywhere"
        )


def _reason(cuda: Any) -> str:
    error = cuda.cuda_error()
    return f": {' '.join(str(error).split())}" if error else ""


def free_memory() -> int | None:
    """Bytes that the GPU can still give; None where it does not say, as in the simulator."""
    from numba import cuda

    try:
        free = cuda.current_context().get_memory_info()[0]
    except (AttributeError, NotImplementedError):
        return None
    return int(free) if free < float("inf") else None


def require_memory(what: str, size: float, remedy: str) -> None:
    """Raise MemoryError that names the remedy unless ``size`` bytes for ``what`` are free on the GPU."""
    free = free_memory()
    if free is not None and size > free:
        raise MemoryError(
            f"{what} would take {size / 2**30:.1f} GiB on the GPU, and {free / 2**30:.1f} GiB are free: {remedy}"
        )


def gpu_name() -> str:
    """The GPU, and what it can do."""
    from numba import cuda
    from numba.cuda import config

    if config.ENABLE_CUDASIM:
        return "simulated"
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    return f"{name} (compute capability {'.'.join(map(str, device.compute_capability))})"
