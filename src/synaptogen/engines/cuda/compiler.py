"""The CUDA compiler, extended by the formulas of `synaptogen.model` and the device code of this folder.

Importing this module imports numba-cuda. Under NUMBA_ENABLE_CUDASIM=1 kernels run in Python, without the compiler.
"""

from types import ModuleType
from typing import Any

from llvmlite import ir
from numba import cuda
from numba.cuda import config

from synaptogen.engines.lanes import F32, Lanes, Target, Value, external, teach
from synaptogen.model import (
    ageing,
    feature_scales,
    features,
    fluctuation,
    iv,
    latent,
    noise,
    own_law,
    polynomial,
    population,
    random,
    switching,
    trend,
)

from . import cell, history, layout, moving
from .scalars import teach_memory

FORMULAS = [
    polynomial,
    iv,
    latent,
    own_law,
    ageing,
    trend,
    feature_scales,
    features,
    population,
    switching,
    noise,
    random,
    fluctuation,
]
DEVICE_CODE: list[ModuleType] = [layout, history, cell, moving]
BLOCKS_PER_MULTIPROCESSOR = 6
"""Blocks that fit on a multiprocessor: a thread gets 80 registers, enough for compute capabilities 8.0 and 9.0."""
SIMULATED = bool(config.ENABLE_CUDASIM)
THREADS_PER_BLOCK = 32 if SIMULATED else 128
"""Threads of a block; in the simulator each is a thread of Python."""


def _rounded_mul(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Build `ops.rounded_mul`: an instruction of its own, as this compiler ignores flags of instructions."""
    return external(b, "llvm.nvvm.mul.rn.f", F32, [x, y])


def _teach_cuda() -> Lanes:
    from numba.cuda import extending
    from numba.cuda.core.imputils import lower_builtin, lower_cast
    from numba.cuda.datamodel.models import PrimitiveModel
    from numba.cuda.typing.templates import AbstractTemplate, infer_global, signature

    @extending.register_model(Value)
    class ValueModel(PrimitiveModel):  # type: ignore[misc]  # classes of Numba carry no types
        def __init__(self, dmm: Any, fe: Value) -> None:
            super().__init__(dmm, fe, fe.llvm())

    target = Target(
        lower_cast,
        infer_global,
        lower_builtin,
        AbstractTemplate,
        signature,
        extending.register_jitable,
        extending.overload,
        _rounded_mul,
    )
    lanes = teach(target, {1}, FORMULAS + DEVICE_CODE)[1]
    teach_memory(target, lanes)
    return lanes


if not SIMULATED:
    _teach_cuda()


def jit(kernel: Any) -> Any:
    """Compile a kernel for blocks of `THREADS_PER_BLOCK` threads, `BLOCKS_PER_MULTIPROCESSOR` of them at a time.

    It is not optimised again when linked, so that its code on a GPU is the code that benchmarks/_cuda_offline.py makes
    without one.
    """
    if SIMULATED:
        return cuda.jit(kernel)
    return cuda.jit(launch_bounds=(THREADS_PER_BLOCK, BLOCKS_PER_MULTIPROCESSOR), lto=False)(kernel)
