"""Checks for a GPU and its free memory, made before any cell is; their errors name the remedy."""

import importlib.util
from typing import Any

from synaptogen._utils import install_command


def require_numba_cuda() -> None:
    """Check that numba-cuda is installed.

    Raises
    ------
    ModuleNotFoundError
        If it is not; the message names the extras that bring it.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise ModuleNotFoundError(
            f"engine='cuda' needs numba-cuda, which comes with: {install_command('cuda12')}, "
            "or with the extra cuda13 for a driver of CUDA 13",
            name="numba_cuda",
        )


def require_gpu() -> None:
    """Check that numba-cuda is installed, and finds a GPU and its driver.

    Raises
    ------
    ModuleNotFoundError
        If numba-cuda is not installed.
    RuntimeError
        If it finds no GPU or no driver.
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
    """Return the free memory of the GPU in bytes; None if that is not known, as in the simulator."""
    from numba import cuda

    try:
        free = cuda.current_context().get_memory_info()[0]
    except (AttributeError, NotImplementedError):
        return None
    return int(free) if free < float("inf") else None


def require_memory(what: str, size: float, remedy: str) -> None:
    """Check that the GPU has enough free memory.

    Parameters
    ----------
    what : str
        What would be allocated, as the subject of the message.
    size : float
        Its size in bytes.
    remedy : str
        End of the message.

    Raises
    ------
    MemoryError
        If there is too little.
    """
    free = free_memory()
    if free is not None and size > free:
        raise MemoryError(
            f"{what} would take {size / 2**30:.1f} GiB on the GPU, and {free / 2**30:.1f} GiB are free: {remedy}"
        )


def gpu_name() -> str:
    """Return the name of the GPU and its compute capability."""
    from numba import cuda
    from numba.cuda import config

    if config.ENABLE_CUDASIM:
        return "simulated"
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    return f"{name} (compute capability {'.'.join(map(str, device.compute_capability))})"
