"""Compile the kernels for a GPU that is not there, to see how many registers they take and whether any spill.

Needs numba-cuda and the compilers that its extras bring (NVVM and nvJitLink), no GPU and no driver.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.cuda import kernels, products
from synaptogen.engines.cuda.compiler import BLOCKS_PER_MULTIPROCESSOR, SIMULATED, THREADS_PER_BLOCK
from synaptogen.engines.cuda.kernel_params import kernel_params_of, mixture_of
from synaptogen.engines.cuda.kernels import KernelReads, SelectedCells
from synaptogen.engines.cuda.layout import CellBuffers
from synaptogen.engines.cuda.moving import kernel_moment_of
from synaptogen.params import FluctuationParams
from synaptogen.state import ClockTime

Capability = tuple[int, int]
FLUCTUATION = FluctuationParams.preset("hfox-1t1r")


class Compiled(NamedTuple):
    """A kernel in the code of one kind of GPU: registers, and bytes of stack (with spilled registers), of a thread."""

    name: str
    capability: Capability
    ptx: str
    cubin: bytes
    registers: int
    stack: int


def compile_kernels(params: CompiledParams, capability: Capability) -> Iterator[Compiled]:
    """Compile every kernel.

    Parameters
    ----------
    params : CompiledParams
        The parameter set of the cells.
    capability : tuple of int
        Compute capability of the GPU, such as (9, 0).

    Yields
    ------
    Compiled
        One for each kernel.

    Raises
    ------
    RuntimeError
        In the simulator, which has no compiler.
    """
    if SIMULATED:
        raise RuntimeError("the CUDA simulator compiles nothing: unset NUMBA_ENABLE_CUDASIM")
    for name, arguments in sample_arguments(params).items():
        ptx = ptx_of(getattr(kernels, name, None) or getattr(products, name), arguments, capability)
        cubin, registers, stack = assemble(ptx, capability)
        yield Compiled(name, capability, ptx, cubin, registers, stack)


def sample_arguments(params: CompiledParams) -> dict[str, tuple[Any, ...]]:
    """Return arguments of each kernel, of the types that the engine gives it."""
    reals, integers = np.zeros(1, np.float32), np.zeros(1, np.uint32)
    state = CellBuffers(reals, integers, reals, reals, reals, integers, 1, True, np.uint32(0), np.uint32(0))
    kernel_params = kernel_params_of(params, "stationary", 0, np.asarray)
    cells = SelectedCells(np.zeros(1, np.int64), False, 0, 1)
    bandwidth, reads = np.float32(0.0), KernelReads(integers, False, np.uint32(0))
    mask = np.zeros(1, np.uint8)
    zero = np.uint32(0)
    moment = ClockTime().after(FLUCTUATION, 1, None).moment(FLUCTUATION)
    return {
        "initialise": (state, kernel_params, mixture_of(params, np.asarray), params.log_sigma),
        "apply": (state, kernel_params, cells, reals, 1, False, mask, False, reals, False, bandwidth, reads),
        "read": (state, kernel_params, cells, reals, False, reals, bandwidth, reads),
        "move": (state, kernel_params, kernel_moment_of(moment, params.constants, np.asarray), integers),
        "gather": (reals, 1, cells, reals),
        "scatter": (reals, 1, cells, reals),
        "find_not_finite": (reals, integers),
        "rows_times": (reals, 1, 1, reals, reals),
        "columns_times": (reals, 1, 1, reals, 0, reals),
        "sum_parts": (reals, 1, 1, 0, reals),
        "draw_normals": (integers, 1, zero, zero, zero, 1, reals),
        "weigh": (reals, 1, kernel_params.constants, bandwidth, reals, reals),
        "finish": (reals, reals, reals, False, 1, reals),
    }


def ptx_of(kernel: Any, arguments: tuple[Any, ...], capability: Capability) -> str:
    """Return a kernel, for arguments of these types, in NVIDIA's portable assembly."""
    from numba import cuda
    from numba.cuda import types
    from numba.cuda.typing.typeof import typeof

    signature = types.void(*map(typeof, arguments))
    with pretend_gpu(capability):
        ptx, _ = cuda.compile(
            kernel.py_func,
            signature,
            device=False,
            abi="numba",
            cc=capability,
            launch_bounds=(THREADS_PER_BLOCK, BLOCKS_PER_MULTIPROCESSOR),
        )
    return str(ptx)


@contextmanager
def pretend_gpu(capability: Capability) -> Iterator[None]:
    """Pretend that a GPU of a capability is there: Numba compiles device functions for the one that it finds."""
    from numba.cuda import dispatcher

    real = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = real


def assemble(ptx: str, capability: Capability) -> tuple[bytes, int, int]:
    """Return the machine code of a kernel, the registers of a thread, and the bytes of its stack."""
    from cuda.bindings import nvjitlink

    text = ptx.encode()
    link = nvjitlink.create(3, [f"-arch=sm_{capability[0]}{capability[1]}", "-verbose", "-Xptxas=-v"])
    try:
        nvjitlink.add_data(link, nvjitlink.InputType.PTX, text, len(text), "kernel")
        nvjitlink.complete(link)
        log = bytearray(nvjitlink.get_info_log_size(link))
        nvjitlink.get_info_log(link, log)
        cubin = bytearray(nvjitlink.get_linked_cubin_size(link))
        nvjitlink.get_linked_cubin(link, cubin)
    finally:
        nvjitlink.destroy(link)
    used = re.search(r"used (\d+) registers.*?(\d+) stack", log.decode())
    if used is None:
        raise RuntimeError(f"nvJitLink does not say what the kernel uses: {log.decode()}")
    return bytes(cubin), int(used[1]), int(used[2])
