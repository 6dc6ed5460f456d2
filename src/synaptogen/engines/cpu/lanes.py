"""The SIMD lanes of this machine: how many there are, and how they are loaded, stored and made.

The intrinsics below are functions that exist only in kernels. Their first parameter, ``typingctx``, belongs to Numba; a
call gives the others. Pointers come from `data`; indices count numbers, not bytes. A pointer to float32 means lanes of
type `REAL`, a pointer to float64 lanes of type `DOUBLE`, and any other pointer lanes of type `UINT32`. Nothing checks
bounds.

Importing this module teaches Numba the formulas of `model`.
"""

import os
from typing import Any, TypeAlias

import numba.extending as nbx
from llvmlite import binding, ir
from numba.core import types
from numba.core.datamodel import default_manager
from numba.core.datamodel.models import OpaqueModel, PrimitiveModel
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from synaptogen.engines.lanes import F32, I1, I32, I64, Target, Value, external, lift, teach, teach_doubles
from synaptogen.model import (
    ageing,
    feature_scales,
    features,
    fluctuation,
    iv,
    latent,
    lines,
    noise,
    own_law,
    polynomial,
    population,
    random,
    switching,
    trend,
)

Pointer: TypeAlias = Any
"""A raw pointer to numbers in memory, inside of kernels."""

OPTIONS = {"fastmath": False, "error_model": "numpy", "boundscheck": False, "nogil": True}
# a function that only kernels call needs no wrapper for Python, which would take longer to compile than the function
PART = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
FORMULA = {"fastmath": False, "error_model": "numpy", "forceinline": True}
INLINE = {**PART, "forceinline": True}


def lane_count() -> int:
    """Return the number of lanes: 16 with AVX-512, 8 on other machines, or what ``SYNAPTOGEN_LANES`` says.

    Returns
    -------
    int
        1, 2, 4, 8 or 16.

    Raises
    ------
    ValueError
        If ``SYNAPTOGEN_LANES`` is set to anything else.
    """
    chosen = os.environ.get("SYNAPTOGEN_LANES")
    if chosen is None:
        return 16 if binding.get_host_cpu_features().get("avx512f") else 8
    if chosen not in ("1", "2", "4", "8", "16"):
        raise ValueError(f"SYNAPTOGEN_LANES is {chosen!r}; set it to 1, 2, 4, 8 or 16, or unset it")
    return int(chosen)


@nbx.register_model(Value)
class ValueModel(PrimitiveModel):  # type: ignore[misc]  # the classes of Numba carry no types
    """Numba's data model of lanes: they are held in registers as they are."""

    def __init__(self, dmm: Any, fe: Value) -> None:
        super().__init__(dmm, fe, fe.llvm())


CPU = Target(lower_cast, infer_global, lower_builtin, AbstractTemplate, signature, nbx.register_jitable, nbx.overload)
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
    lines,
    random,
    fluctuation,
]
W = lane_count()
DRAWS = 2 if W == 16 else 1
"""Vectors of W normals that are drawn at once. Each step of a draw waits for the step before it, so two draws side by
side take little longer than one on a machine that has registers for both."""

_TYPES = teach(CPU, {W, DRAWS * W, 2 * W}, FORMULAS, **FORMULA)
REAL, UINT32, MASK = _TYPES[W]
"""The Numba types of W lanes: single-precision numbers, unsigned 32-bit integers, truth values."""
_WIDE_REAL, _WIDE_UINT32, _ = _TYPES[DRAWS * W]
_WIDE = {REAL: _WIDE_REAL, UINT32: _WIDE_UINT32}
_PAIRS = {REAL: _TYPES[2 * W].real, UINT32: _TYPES[2 * W].uint32}
DOUBLE = teach_doubles(CPU, 8)
"""The Numba type of eight lanes in double precision."""


def _lanes(pointer: types.CPointer) -> Value:
    return {types.float32: REAL, types.float64: DOUBLE}.get(pointer.dtype, UINT32)


def _address(b: ir.IRBuilder, pointer: ir.Value, index: ir.Value, lanes: Value) -> ir.Value:
    return b.bitcast(b.gep(pointer, [index]), lanes.llvm().as_pointer())


@nbx.intrinsic
def data(typingctx: Any, array: Any) -> Any:
    """Return the raw pointer of an array: inner functions then count no references.

    The array must be kept alive by `workspace.keep_alive` if nothing else holds it.

    Parameters
    ----------
    array : array

    Returns
    -------
    pointer to its numbers
    """
    return types.CPointer(array.dtype)(array), lambda cx, b, s, a: cx.make_array(array)(cx, b, a[0]).data


@nbx.intrinsic
def in_cache_key(typingctx: Any, revision: Any) -> Any:
    """Do nothing: a kernel calls this so that ``revision`` becomes part of its key in Numba's cache on disk.

    The key holds the source of the kernel and the variables of the enclosing function that its body names. Numba does
    not see changes in the functions that the kernel calls; `kernels.source_digest`, as the revision, does.

    Parameters
    ----------
    revision : str
        Digest of the sources, a variable of the function around the kernel.

    Returns
    -------
    None
    """
    return types.void(revision), lambda cx, b, s, a: cx.get_dummy_value()


@nbx.intrinsic
def offset_pointer(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Return the pointer to a number further on.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the number.

    Returns
    -------
    pointer
    """
    return pointer(pointer, types.intp), lambda cx, b, s, a: b.gep(a[0], [a[1]])


@nbx.intrinsic
def load(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Load lanes from consecutive numbers.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the first number.

    Returns
    -------
    lanes
    """
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        x = b.load(_address(b, a[0], a[1], lanes))
        x.align = 4
        return x

    return lanes(pointer, types.intp), build


@nbx.intrinsic
def store(typingctx: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Store lanes to consecutive numbers.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the first number.
    value : lanes
        Lanes of the type that belongs to the pointer.

    Returns
    -------
    None
    """
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        b.store(a[2], _address(b, a[0], a[1], lanes)).align = 4
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, lanes), build


@nbx.intrinsic
def store_where(typingctx: Any, pointer: Any, index: Any, value: Any, mask: Any) -> Any:
    """Store lanes to consecutive numbers where a mask holds.

    This loads, blends and stores: the cache line has been read anyway.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the first number.
    value : lanes
        Lanes of the type that belongs to the pointer.
    mask : mask lanes

    Returns
    -------
    None
    """
    lanes = _lanes(pointer)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        address = _address(b, a[0], a[1], lanes)
        old = b.load(address)
        old.align = 4
        b.store(b.select(a[3], a[2], old), address).align = 4
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, lanes, MASK), build


@nbx.intrinsic
def copy_four(typingctx: Any, source: Any, index: Any, target: Any, to: Any) -> Any:
    """Copy four consecutive numbers.

    Parameters
    ----------
    source, index
        Memory to copy from, and the index of the first number.
    target, to
        Memory to copy to, and the index of the first number there.

    Returns
    -------
    None
    """
    four = ir.VectorType(F32, 4).as_pointer()

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        x = b.load(b.bitcast(b.gep(a[0], [a[1]]), four))
        x.align = 4
        b.store(x, b.bitcast(b.gep(a[2], [a[3]]), four)).align = 4
        return cx.get_dummy_value()

    return types.void(source, types.intp, target, types.intp), build


@nbx.intrinsic
def gather(typingctx: Any, pointer: Any, index: Any, mask: Any) -> Any:
    """Load one number per lane from any places; memory of lanes outside the mask is not touched.

    Parameters
    ----------
    pointer : pointer to float32, or to uint32 whose bits are loaded
    index : uint32 lanes
        Index of the number of each lane.
    mask : mask lanes

    Returns
    -------
    real lanes
        0 outside the mask.
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        base, offsets, chosen = a
        real = REAL.llvm()
        if W == 1:
            safe, numbers = b.select(chosen, offsets, ir.Constant(I32, 0)), b.bitcast(base, F32.as_pointer())
            return b.select(chosen, b.load(b.gep(numbers, [b.zext(safe, I64)])), ir.Constant(real, 0.0))
        wide = ir.VectorType(I64, W)
        bytes_on = b.shl(b.zext(offsets, wide), ir.Constant(wide, [2] * W))
        first = b.insert_element(ir.Constant(wide, ir.Undefined), b.ptrtoint(base, I64), ir.Constant(I32, 0))
        everywhere = b.shuffle_vector(first, first, ir.Constant(ir.VectorType(I32, W), [0] * W))
        addresses = b.inttoptr(b.add(everywhere, bytes_on), ir.VectorType(F32.as_pointer(), W))
        name = f"llvm.masked.gather.v{W}f32.v{W}p0"
        function = b.module.globals.get(name) or ir.Function(
            b.module, ir.FunctionType(real, [addresses.type, I32, chosen.type, real]), name
        )
        nothing = ir.Constant(real, [0.0] * W)
        return b.call(function, [addresses, ir.Constant(I32, 4), chosen, nothing])

    return REAL(pointer, UINT32, MASK), build


@nbx.intrinsic
def transposed(typingctx: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Transpose the 4 x 4 matrices that four rows of lanes hold in each four lanes.

    The function is its own inverse, and costs eight shuffles within quarters of registers. With fewer than four lanes
    it changes nothing.

    Parameters
    ----------
    a, b, c, d : real lanes

    Returns
    -------
    four real lanes
    """

    def build(cx: Any, builder: ir.IRBuilder, s: Any, groups: Any) -> ir.Value:
        def shuffle(x: ir.Value, y: ir.Value, quarter: list[int]) -> ir.Value:
            lanes = [at + (k if k < 4 else W + k - 4) for at in range(0, W, 4) for k in quarter]
            return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(I32, W), lanes))

        if W >= 4:
            low, high, first_pairs, second_pairs = [0, 4, 1, 5], [2, 6, 3, 7], [0, 1, 4, 5], [2, 3, 6, 7]
            p, q, r, t = groups
            heads, tails = (shuffle(p, q, low), shuffle(r, t, low)), (shuffle(p, q, high), shuffle(r, t, high))
            groups = [shuffle(*pair, which) for pair in (heads, tails) for which in (first_pairs, second_pairs)]
        result = ir.Constant(ir.ArrayType(REAL.llvm(), 4), ir.Undefined)
        for k, group in enumerate(groups):
            result = builder.insert_value(result, group, k)
        return result

    return types.UniTuple(REAL, 4)(a, b, c, d), build


def _prefetch(locality: int) -> Any:
    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        byte = ir.IntType(8).as_pointer()
        name = "llvm.prefetch.p0"
        function = b.module.globals.get(name) or ir.Function(
            b.module, ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32]), name
        )
        for_reading = [ir.Constant(I32, k) for k in (0, locality, 1)]
        b.call(function, [b.bitcast(b.gep(a[0], [a[1]]), byte), *for_reading])
        return cx.get_dummy_value()

    return build


@nbx.intrinsic
def prefetch(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Prefetch the cache line of a number that is needed soon; this is harmless beyond the end of an array.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the number.

    Returns
    -------
    None
    """
    return types.void(pointer, types.intp), _prefetch(3)


@nbx.intrinsic
def prefetch_far(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Prefetch the cache line of a number that is needed later, only as near as the second-level cache.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the number.

    Returns
    -------
    None
    """
    return types.void(pointer, types.intp), _prefetch(2)


@nbx.intrinsic
def scalar(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Load one plain number.

    Parameters
    ----------
    pointer, index
        Memory, and the index of the number.

    Returns
    -------
    number
    """
    return pointer.dtype(pointer, types.intp), lambda cx, b, s, a: b.load(b.gep(a[0], [a[1]]))


@nbx.intrinsic
def reals(typingctx: Any, x: Any) -> Any:
    """Return a plain number in all lanes of single precision.

    Parameters
    ----------
    x : number

    Returns
    -------
    real lanes
    """
    return REAL(x), lambda cx, b, s, a: lift(b, a[0], x, REAL)


@nbx.intrinsic
def doubles(typingctx: Any, x: Any) -> Any:
    """Return a plain number in all eight lanes of double precision.

    Parameters
    ----------
    x : number

    Returns
    -------
    double lanes
    """
    return DOUBLE(x), lambda cx, b, s, a: lift(b, a[0], x, DOUBLE)


@nbx.intrinsic
def uint32s(typingctx: Any, x: Any) -> Any:
    """Return the low 32 bits of a plain integer in all lanes.

    Parameters
    ----------
    x : integer

    Returns
    -------
    uint32 lanes
    """
    return UINT32(x), lambda cx, b, s, a: lift(b, a[0], x, UINT32)


@nbx.intrinsic
def join(typingctx: Any, first: Any, second: Any) -> Any:
    """Join two groups of lanes into the `DRAWS` W lanes of one draw; if `DRAWS` is 1, return the first.

    Parameters
    ----------
    first, second : lanes
        Real or uint32 lanes, both of one type.

    Returns
    -------
    `DRAWS` W lanes
    """
    return _WIDE[first](first, second), _joined if DRAWS == 2 else _first_argument


@nbx.intrinsic
def pair(typingctx: Any, first: Any, second: Any) -> Any:
    """Join two groups of lanes into 2 W lanes.

    Formulas of long chains, in which each step waits for the one before it, take little longer for a pair of groups
    than for one, also on machines whose registers hold W lanes.

    Parameters
    ----------
    first, second : lanes
        Real or uint32 lanes, both of one type.

    Returns
    -------
    2 W lanes
    """
    return _PAIRS[first](first, second), _joined


def _joined(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
    if W > 1:
        return b.shuffle_vector(*a, ir.Constant(ir.VectorType(I32, 2 * W), list(range(2 * W))))
    both = ir.Constant(ir.VectorType(a[0].type, 2), ir.Undefined)
    return b.insert_element(b.insert_element(both, a[0], ir.Constant(I32, 0)), a[1], ir.Constant(I32, 1))


def _first_argument(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
    return a[0]


def _half(wide: Any, number: int) -> Any:
    narrow = next(narrow for types in (_WIDE, _PAIRS) for narrow in types if types[narrow] == wide)

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        if wide == narrow:
            return a[0]
        if W == 1:
            return b.extract_element(a[0], ir.Constant(I32, number))
        chosen = ir.Constant(ir.VectorType(I32, W), list(range(number * W, (number + 1) * W)))
        return b.shuffle_vector(a[0], a[0], chosen)

    return narrow(wide), build


@nbx.intrinsic
def first_half(typingctx: Any, wide: Any) -> Any:
    """Return the lanes of the first group of a draw or of a pair.

    Parameters
    ----------
    wide : `DRAWS` W lanes, or 2 W lanes

    Returns
    -------
    lanes
    """
    return _half(wide, 0)


@nbx.intrinsic
def second_half(typingctx: Any, wide: Any) -> Any:
    """Return the lanes of the second group of a draw or of a pair; of a draw, if `DRAWS` is 1, those of the first.

    Parameters
    ----------
    wide : `DRAWS` W lanes, or 2 W lanes

    Returns
    -------
    lanes
    """
    return _half(wide, 1)


@nbx.intrinsic
def lane_numbers(typingctx: Any) -> Any:
    """Return 0, 1, 2 ... W - 1 as uint32 lanes."""
    return UINT32(), lambda cx, b, s, a: ir.Constant(UINT32.llvm(), list(range(W)) if W > 1 else 0)


@nbx.intrinsic
def first_where(typingctx: Any, value: Any, mask: Any) -> Any:
    """Return the integer of the first lane in which the mask holds.

    Parameters
    ----------
    value : uint32 lanes
    mask : mask lanes
        It must hold in one lane at least.

    Returns
    -------
    uint32
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        if W == 1:
            return a[0]
        bits = b.zext(b.bitcast(a[1], ir.IntType(W)), I32)
        lane = external(b, "llvm.cttz.i32", I32, [bits, ir.Constant(ir.IntType(1), 1)])
        return b.extract_element(a[0], lane)

    return types.uint32(UINT32, MASK), build


@nbx.intrinsic
def mask_bits(typingctx: Any, mask: Any) -> Any:
    """Return a mask as the bits of an integer, with lane 0 as the lowest bit.

    Parameters
    ----------
    mask : mask lanes

    Returns
    -------
    uint32
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        return b.zext(a[0] if W == 1 else b.bitcast(a[0], ir.IntType(W)), I32)

    return types.uint32(MASK), build


def _count(name: str, *options: ir.Constant) -> Any:
    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        return b.zext(external(b, f"llvm.{name}.i32", I32, [b.trunc(a[0], I32), *options]), I64)

    return types.intp(types.intp), build


@nbx.intrinsic
def count_bits(typingctx: Any, bits: Any) -> Any:
    """Count the lanes in which a mask holds.

    Parameters
    ----------
    bits : integer
        Bits from `mask_bits`.

    Returns
    -------
    int
    """
    return _count("ctpop")


@nbx.intrinsic
def lowest_bit(typingctx: Any, bits: Any) -> Any:
    """Return the number of the first lane in which a mask holds.

    Parameters
    ----------
    bits : integer
        Bits from `mask_bits`; one must be set.

    Returns
    -------
    int
    """
    return _count("cttz", ir.Constant(I1, 1))


@nbx.intrinsic
def sum_lanes(typingctx: Any, x: Any) -> Any:
    """Return the sum over lanes, formed pairwise in a fixed order.

    Parameters
    ----------
    x : real lanes

    Returns
    -------
    float32
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        v, n = a[0], W
        while n > 1:
            half = ir.VectorType(I32, n // 2)
            low = b.shuffle_vector(v, v, ir.Constant(half, list(range(n // 2))))
            high = b.shuffle_vector(v, v, ir.Constant(half, list(range(n // 2, n))))
            v, n = b.fadd(low, high), n // 2
        return v if W == 1 else b.extract_element(v, ir.Constant(I32, 0))

    return types.float32(REAL), build


class TypeOf(types.Opaque):  # type: ignore[misc]  # numba.types.Opaque carries no annotations
    """The Numba type of a value that stands for another type, and holds nothing.

    Parameters
    ----------
    bundle : Numba type
        The type that it stands for.
    """

    def __init__(self, bundle: Any) -> None:
        self.bundle = bundle
        super().__init__(f"TypeOf({bundle})")


nbx.register_model(TypeOf)(OpaqueModel)


@nbx.intrinsic
def type_of(typingctx: Any, bundle: Any) -> Any:
    """Return a value that stands for the type of another one.

    Kernels hand it on where they would hand on the constants of a parameter set, hundreds of numbers that every call of
    a function would have to copy.

    Parameters
    ----------
    bundle
        Any value.

    Returns
    -------
    TypeOf
    """
    return TypeOf(bundle)(bundle), lambda cx, b, s, a: cx.get_dummy_value()


@nbx.intrinsic
def load_constants(typingctx: Any, pointer: Any, kind: Any) -> Any:
    """Load a tuple of constants, which may hold tuples, from the numbers that `flatten` has made of it.

    Constants that are passed by value would be spread over registers at the top of a loop and spilt as full vectors.
    Loaded where they are used, they become broadcast operands.

    Parameters
    ----------
    pointer : pointer to float32
        The numbers of the constants in order.
    kind : TypeOf
        Of a tuple of the same type.

    Returns
    -------
    tuple
        The constants.
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        return _fill(b, kind.bundle, a[0], 0)[0]

    return kind.bundle(pointer, kind), build


def _fill(b: ir.IRBuilder, t: Any, pointer: ir.Value, index: int) -> tuple[ir.Value, int]:
    bundle = ir.Constant(default_manager[t].get_value_type(), ir.Undefined)
    for k, element in enumerate(t.types if hasattr(t, "types") else [t.dtype] * t.count):
        if isinstance(element, types.Float):
            x, index = b.load(b.gep(pointer, [ir.Constant(I64, index)])), index + 1
        else:
            x, index = _fill(b, element, pointer, index)
        bundle = b.insert_value(bundle, x, k)
    return bundle, index


def flatten(bundle: Any) -> list[float]:
    """Return the numbers of a tuple of tuples, in the order in which `load_constants` takes them.

    Parameters
    ----------
    bundle : tuple
        Numbers and tuples of numbers, nested to any depth.

    Returns
    -------
    list of float
    """
    return [x for part in bundle for x in flatten(part)] if isinstance(bundle, tuple) else [bundle]
