"""The CUDA compiler, taught the formulas of `model` and the functions of this folder.

Importing this module imports numba-cuda. Under NUMBA_ENABLE_CUDASIM=1 there is nothing to teach: kernels run in Python.
"""

from types import ModuleType
from typing import Any

from llvmlite import ir
from numba import cuda
from numba.cuda import config

from synaptogen.engines.lanes import F32, Lanes, Target, Value, external, teach
from synaptogen.model import features, iv, latent, noise, polynomial, population, random, switching

from . import cell, layout
from . import history as memory
from .scalars import teach_memory

FORMULAS = [polynomial, iv, latent, features, population, switching, noise, random]
PARTS: list[ModuleType] = [layout, memory, cell]
BLOCKS = 6
"""Blocks that a multiprocessor has room for: a thread gets 80 registers, which is enough on 8.0 and 9.0."""
SIMULATED = bool(config.ENABLE_CUDASIM)
BLOCK = 32 if SIMULATED else 128
"""Threads of a block; in the simulator each is one of Python's."""


def rounded_product(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """A product that nothing is merged with: an instruction of its own, as this compiler goes by no flags."""
    return external(b, "llvm.nvvm.mul.rn.f", F32, [x, y])


def teach_cuda() -> Lanes:
    """Teach numba-cuda values of one lane."""
    from numba.cuda import extending
    from numba.cuda.core.imputils import lower_builtin, lower_cast
    from numba.cuda.datamodel.models import PrimitiveModel
    from numba.cuda.typing.templates import AbstractTemplate, infer_global, signature

    @extending.register_model(Value)
    class ValueModel(PrimitiveModel):  # type: ignore[misc]
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
        rounded_product,
    )
    lanes = teach(target, {1}, FORMULAS + PARTS)[1]
    teach_memory(target, lanes)
    return lanes


if not SIMULATED:
    teach_cuda()


def jit(kernel: Any) -> Any:
    """Compile a kernel for blocks of `BLOCK` threads, `BLOCKS` of them at a time on a multiprocessor.

    Not optimised anew when linked, so that it becomes what `offline` has seen of it.
    """
    return cuda.jit(kernel) if SIMULATED else cuda.jit(launch_bounds=(BLOCK, BLOCKS), lto=False)(kernel)
