"""The lanes of this machine: how many, and how they are loaded, stored and made.

Importing this module teaches Numba the formulas of `model`.
"""

import os
from typing import Any

import numba.extending as nbx
from llvmlite import binding, ir
from numba.core import types
from numba.core.datamodel import default_manager
from numba.core.datamodel.models import PrimitiveModel
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from synaptogen.engines.values import I32, I64, Target, Value, external, lift, teach, teach_doubles
from synaptogen.model import features, iv, latent, noise, polynomial, population, random, switching

OPTIONS = {"fastmath": False, "error_model": "numpy", "boundscheck": False, "nogil": True}
# functions that only kernels call need no way in from Python, which would take longer to compile than they do
PART = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
FORMULA = {"fastmath": False, "error_model": "numpy", "forceinline": True}
INLINE = {**PART, "forceinline": True}


def lane_count() -> int:
    """Sixteen with AVX-512, eight elsewhere; ``SYNAPTOGEN_LANES`` (1, 2, 4, 8 or 16) overrules."""
    chosen = os.environ.get("SYNAPTOGEN_LANES")
    if chosen is None:
        return 16 if binding.get_host_cpu_features().get("avx512f") else 8
    if chosen not in ("1", "2", "4", "8", "16"):
        raise ValueError(f"SYNAPTOGEN_LANES is {chosen!r}; set it to 1, 2, 4, 8 or 16, or unset it")
    return int(chosen)


@nbx.register_model(Value)
class ValueModel(PrimitiveModel):  # type: ignore[misc]
    """Lanes are held in registers as what they are."""

    def __init__(self, dmm: Any, fe: Value) -> None:
        super().__init__(dmm, fe, fe.llvm())


CPU = Target(lower_cast, infer_global, lower_builtin, AbstractTemplate, signature, nbx.register_jitable, nbx.overload)
W = lane_count()
REAL, WORD, MASK = teach(CPU, W, [polynomial, iv, latent, features, population, switching, noise, random], **FORMULA)
DOUBLE = teach_doubles(CPU, 8)


def _lanes(pointer: types.CPointer) -> Value:
    return {types.float32: REAL, types.float64: DOUBLE}.get(pointer.dtype, WORD)


def _address(b: ir.IRBuilder, pointer: ir.Value, index: ir.Value, lanes: Value) -> ir.Value:
    return b.bitcast(b.gep(pointer, [index]), lanes.llvm().as_pointer())


@nbx.intrinsic
def data(typingctx: Any, array: Any) -> Any:
    """Raw pointer of an array: no reference counting in the inner functions."""
    return types.CPointer(array.dtype)(array), lambda cx, b, s, a: cx.make_array(array)(cx, b, a[0]).data


@nbx.intrinsic
def load(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Lanes from consecutive numbers, beginning at an index."""
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        x = b.load(_address(b, a[0], a[1], lanes))
        x.align = 4
        return x

    return lanes(pointer, types.intp), build


@nbx.intrinsic
def store(typingctx: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Lanes to consecutive numbers."""
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        b.store(a[2], _address(b, a[0], a[1], lanes)).align = 4
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, lanes), build


@nbx.intrinsic
def store_where(typingctx: Any, pointer: Any, index: Any, value: Any, mask: Any) -> Any:
    """Lanes to memory where the mask holds. A blend: the line is in the cache anyway."""
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        address = _address(b, a[0], a[1], lanes)
        old = b.load(address)
        old.align = 4
        b.store(b.select(a[3], a[2], old), address).align = 4
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, lanes, MASK), build


@nbx.intrinsic
def prefetch(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Ask for the cache line of a number that will be needed; harmless beyond the end of an array."""

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        byte = ir.IntType(8).as_pointer()
        name = "llvm.prefetch.p0"
        function = b.module.globals.get(name) or ir.Function(
            b.module, ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32]), name
        )
        read_into_all_levels = [ir.Constant(I32, k) for k in (0, 3, 1)]
        b.call(function, [b.bitcast(b.gep(a[0], [a[1]]), byte), *read_into_all_levels])
        return cx.get_dummy_value()

    return types.void(pointer, types.intp), build


@nbx.intrinsic
def scalar(typingctx: Any, pointer: Any, index: Any) -> Any:
    """One plain number."""
    return pointer.dtype(pointer, types.intp), lambda cx, b, s, a: b.load(b.gep(a[0], [a[1]]))


@nbx.intrinsic
def reals(typingctx: Any, x: Any) -> Any:
    """A plain number in all lanes."""
    return REAL(x), lambda cx, b, s, a: lift(b, a[0], x, REAL)


@nbx.intrinsic
def doubles(typingctx: Any, x: Any) -> Any:
    """A plain number in all lanes of double precision."""
    return DOUBLE(x), lambda cx, b, s, a: lift(b, a[0], x, DOUBLE)


@nbx.intrinsic
def words(typingctx: Any, x: Any) -> Any:
    """A plain integer in all lanes, its low 32 bits."""
    return WORD(x), lambda cx, b, s, a: lift(b, a[0], x, WORD)


@nbx.intrinsic
def lane_numbers(typingctx: Any) -> Any:
    """0, 1, 2 ... W - 1."""
    return WORD(), lambda cx, b, s, a: ir.Constant(WORD.llvm(), list(range(W)) if W > 1 else 0)


@nbx.intrinsic
def first_where(typingctx: Any, word: Any, mask: Any) -> Any:
    """The word of the first lane in which the mask holds (it must hold in one)."""

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        if W == 1:
            return a[0]
        bits = b.zext(b.bitcast(a[1], ir.IntType(W)), I32)
        lane = external(b, "llvm.cttz.i32", I32, [bits, ir.Constant(ir.IntType(1), 1)])
        return b.extract_element(a[0], lane)

    return types.uint32(WORD, MASK), build


@nbx.intrinsic
def packed(typingctx: Any, mask: Any) -> Any:
    """The mask as bits of an integer, lane 0 lowest."""

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        return b.zext(a[0] if W == 1 else b.bitcast(a[0], ir.IntType(W)), I32)

    return types.uint32(MASK), build


@nbx.intrinsic
def total(typingctx: Any, x: Any) -> Any:
    """The sum over lanes, pairwise in a fixed order."""

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        v, n = a[0], W
        while n > 1:
            half = ir.VectorType(I32, n // 2)
            low = b.shuffle_vector(v, v, ir.Constant(half, list(range(n // 2))))
            high = b.shuffle_vector(v, v, ir.Constant(half, list(range(n // 2, n))))
            v, n = b.fadd(low, high), n // 2
        return v if W == 1 else b.extract_element(v, ir.Constant(I32, 0))

    return types.float32(REAL), build


@nbx.intrinsic
def read(typingctx: Any, pointer: Any, witness: Any) -> Any:
    """A bundle of constants, from a pointer to its numbers in order.

    ``witness`` is a bundle of the same type; only its type is used. Constants passed by value would be spread over
    registers at the top of a loop and spilt as full vectors; read where they are used they become broadcast operands.
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        return _fill(b, witness, a[0], 0)[0]

    return witness(pointer, witness), build


def _fill(b: ir.IRBuilder, t: Any, pointer: ir.Value, index: int) -> tuple[ir.Value, int]:
    bundle = ir.Constant(default_manager[t].get_value_type(), ir.Undefined)
    for k, element in enumerate(t.types if hasattr(t, "types") else [t.dtype] * t.count):
        if isinstance(element, types.Float):
            x, index = b.load(b.gep(pointer, [ir.Constant(I64, index)])), index + 1
        else:
            x, index = _fill(b, element, pointer, index)
        bundle = b.insert_value(bundle, x, k)
    return bundle, index


def flat(bundle: Any) -> list[float]:
    """The numbers of a bundle in the order in which `read` takes them."""
    return [x for part in bundle for x in flat(part)] if isinstance(bundle, tuple) else [bundle]
