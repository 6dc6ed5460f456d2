"""Compile the kernels for a GPU that is not here: what they take of its registers, and whether any of it spills.

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
from synaptogen.engines.cuda.compiler import BLOCK, BLOCKS, SIMULATED
from synaptogen.engines.cuda.kernel_params import mixture_of, rules_of
from synaptogen.engines.cuda.kernels import Reads, Selection
from synaptogen.engines.cuda.layout import State

Capability = tuple[int, int]


class Compiled(NamedTuple):
    """A kernel in the code of one kind of GPU."""

    name: str
    capability: Capability
    ptx: str
    cubin: bytes
    registers: int
    """Of a thread."""
    stack: int
    """Bytes of a thread, spilled registers among them."""


def compiled(params: CompiledParams, capability: Capability) -> Iterator[Compiled]:
    """Every kernel, for cells of a params and GPUs of a compute capability such as (9, 0).

    Raises
    ------
    RuntimeError
        In the simulator, which has no compiler.
    """
    if SIMULATED:
        raise RuntimeError("the CUDA simulator compiles nothing: unset NUMBA_ENABLE_CUDASIM")
    for name, arguments in sample_arguments(params).items():
        ptx = ptx_of(getattr(kernels, name, None) or getattr(products, name), arguments, capability)
        cubin, registers, stack = assembled(ptx, capability)
        yield Compiled(name, capability, ptx, cubin, registers, stack)


def sample_arguments(params: CompiledParams) -> dict[str, tuple[Any, ...]]:
    """Arguments of each kernel, of the types that `engine` gives it."""
    f, w = np.zeros(1, np.float32), np.zeros(1, np.uint32)
    state = State(f, w, f, f, f, w, 1, True, np.uint32(0), np.uint32(0))
    rules = rules_of(params, "stationary", 0, np.asarray)
    some = Selection(np.zeros(1, np.int64), False, 0, 1)
    reads, bandwidth = Reads(w, False, np.uint32(0)), np.float32(0.0)
    p = rules.constants
    return {
        "initialise": (state, rules, mixture_of(params, np.asarray), params.log_sigma),
        "apply": (state, rules, some, f, 1, False, np.zeros(1, np.uint8), False, f, False, bandwidth, reads),
        "read": (state, rules, some, f, False, f, bandwidth, reads),
        "gather": (f, 1, some, f),
        "scatter": (f, 1, some, f),
        "find_not_finite": (f, w),
        "rows_times": (f, 1, 1, f, f),
        "columns_times": (f, 1, 1, f, 0, f),
        "sum_parts": (f, 1, 1, 0, f),
        "draw_normals": (w, 1, np.uint32(0), np.uint32(0), np.uint32(0), 1, f),
        "weigh": (f, 1, p, bandwidth, f, f),
        "finish": (f, f, f, False, 1, f),
    }


def ptx_of(kernel: Any, arguments: tuple[Any, ...], capability: Capability) -> str:
    """A kernel in NVIDIA's portable assembly."""
    from numba import cuda
    from numba.cuda import types
    from numba.cuda.typing.typeof import typeof

    signature = types.void(*map(typeof, arguments))
    with pretended(capability):
        ptx, _ = cuda.compile(
            kernel.py_func, signature, device=False, abi="numba", cc=capability, launch_bounds=(BLOCK, BLOCKS)
        )
    return str(ptx)


@contextmanager
def pretended(capability: Capability) -> Iterator[None]:
    """Device functions are compiled for the GPU at hand, whatever is asked for: pretend that it is this one."""
    from numba.cuda import dispatcher

    real = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = real


def assembled(ptx: str, capability: Capability) -> tuple[bytes, int, int]:
    """Machine code, registers of a thread, and bytes of its stack."""
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
