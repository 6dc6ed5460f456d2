"""Number types for compiled engines: N single-precision numbers, N unsigned 32-bit integers, N truth values.

N = 16 is one AVX-512 register; LLVM splits it on narrower machines. N = 1 is a plain scalar, which GPUs use. In all of
them Python's numbers are weak as in NumPy 2: lanes * 0.5 stays single precision, integers + 1 stay 32 bits. Lanes of
double precision are a fourth type, with the operations that currents of cells need.

One table (`operations`) defines each operator and the names in `synaptogen.model.ops` for these types, except log, exp2
and pow_, which are functions of `elementary`. `teach` defines them for a Numba target, CPU or CUDA, whose hooks a
`Target` holds.
"""

import inspect
import operator
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any, Literal, NamedTuple, TypeAlias

from llvmlite import ir
from numba.core import types
from numba.core.typeconv import Conversion

from synaptogen.model import (
    Mask,
    Real,
    Reals,
    UInt32,
    ageing,
    feature_scales,
    ops,
    optional_parts,
    own_law,
    trend,
    trend_parts,
)

from . import elementary

# Contraction to FMA is allowed, reassociation is not: results must not depend on how LLVM vectorises.
FLAGS = ("contract", "nsz", "nnan", "ninf")
FLAGS_OF_ROUNDED = FLAGS[1:]

F32, F64, I32, I64, I1 = ir.FloatType(), ir.DoubleType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)

Kind: TypeAlias = Literal["real", "double", "uint32", "mask"]
"""Single precision, double precision, unsigned 32-bit integer, truth value."""
ELEMENT = {"real": F32, "double": F64, "uint32": I32, "mask": I1}
WEAK = {"real": types.Float, "double": types.Float, "uint32": types.Integer, "mask": types.Boolean}
"""Plain numbers that turn into lanes of each kind by themselves."""

Builder: TypeAlias = Callable[..., ir.Value]
"""Called as ``build(b, *arguments)`` with an IRBuilder and LLVM values; adds instructions and returns their result."""


class Value(types.Type):  # type: ignore[misc]  # numba.types.Type carries no annotations
    """The Numba type of lanes of one kind.

    Parameters
    ----------
    kind : {"real", "double", "uint32", "mask"}
        What each lane holds.
    n : int
        Number of lanes, a power of two.
    """

    def __init__(self, kind: Kind, n: int) -> None:
        self.kind, self.n = kind, n
        super().__init__(f"{kind}x{n}")

    def llvm(self, element: ir.Type | None = None) -> ir.Type:
        """Return the LLVM type of these lanes, or of as many lanes of another element."""
        element = element or ELEMENT[self.kind]
        return ir.VectorType(element, self.n) if self.n > 1 else element

    def accepts(self, other: types.Type) -> bool:
        """Return whether a plain number of a type turns into lanes by itself."""
        return isinstance(other, WEAK[self.kind])

    def can_convert_from(self, typingctx: object, other: types.Type) -> Conversion | None:
        """Return how a type converts to this one: Numba's hook for implicit conversion.

        Parameters
        ----------
        typingctx : object
            Not used.
        other : Numba type
            The type to convert.

        Returns
        -------
        Conversion, or None
            None: it does not.
        """
        return Conversion.safe if self.accepts(other) else None

    def unify(self, typingctx: object, other: types.Type) -> "Value | None":
        """Return the common type of two branches: Numba's hook.

        Parameters
        ----------
        typingctx : object
            Not used.
        other : Numba type
            The type in the other branch.

        Returns
        -------
        Value, or None
            None: there is none.
        """
        return self if self.accepts(other) else None

    def const(self, x: int, element: ir.Type | None = None) -> ir.Constant:
        """Return the same constant in all lanes.

        Parameters
        ----------
        x : int
            The constant.
        element : LLVM type, optional
            Type of a lane; default: that of this kind.

        Returns
        -------
        LLVM constant
        """
        return ir.Constant(self.llvm(element), [x] * self.n if self.n > 1 else x)


class Lanes(NamedTuple):
    """The three types of n lanes: single precision, unsigned 32-bit integers (``uint32``), truth values."""

    real: Value
    uint32: Value
    mask: Value


def lift(b: ir.IRBuilder, x: ir.Value, source: types.Type, target: Value) -> ir.Value:
    """Put a plain number in all lanes.

    Parameters
    ----------
    b : IRBuilder
        Where instructions are added.
    x : LLVM value
        The number.
    source : Numba type
        Its type, one that ``target`` accepts.
    target : Value
        The type of the lanes.

    Returns
    -------
    LLVM value
        Of type ``target``. Integers keep their low 32 bits.
    """
    if isinstance(source, types.Float):
        wide = target.kind == "double"
        x = x if (source.bitwidth == 64) == wide else b.fpext(x, F64) if wide else b.fptrunc(x, F32)
    elif isinstance(source, types.Integer):
        x = b.trunc(x, I32) if source.bitwidth > 32 else b.zext(x, I32) if source.bitwidth < 32 else x
    elif x.type != I1:
        x = b.trunc(x, I1)
    if target.n == 1:
        return x
    undefined = ir.Constant(target.llvm(), ir.Undefined)
    one = b.insert_element(undefined, x, ir.Constant(I32, 0))
    return b.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(I32, target.n), [0] * target.n))


def external(b: ir.IRBuilder, name: str, result: ir.Type, arguments: list[ir.Value]) -> ir.Value:
    """Call an LLVM intrinsic.

    Parameters
    ----------
    b : IRBuilder
        Where the call is added.
    name : str
        Full name of the intrinsic, with the types that it is overloaded for.
    result : LLVM type
        Type of its result.
    arguments : list of LLVM values
        Its arguments.

    Returns
    -------
    LLVM value
    """
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(result, [a.type for a in arguments]), name)
    return b.call(function, arguments)


# ---- the table of operations


class Operation(NamedTuple):
    """An operator or a named operation, for arguments of certain types.

    Attributes
    ----------
    key : callable
        The function of `operator` or of `synaptogen.model.ops` that formulas call.
    arguments : tuple of Numba types
        Types of the arguments.
    result : Numba type
        Type of the result.
    build : callable
        Adds its instructions.
    """

    key: Callable[..., Any]
    arguments: tuple[types.Type, ...]
    result: types.Type
    build: Builder


def _rounded_mul(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Build a product that is not merged with a sum, by the flags of its instruction."""
    return b.fmul(x, y, flags=FLAGS_OF_ROUNDED)


def operations(real: Value, uint32: Value, mask: Value, rounded_mul: Builder = _rounded_mul) -> list[Operation]:
    """Return the table of all operations.

    Parameters
    ----------
    real, uint32, mask : Value
        Types of as many lanes each; ``real`` may be of single or double precision.
    rounded_mul : callable
        Builds a product that is rounded before a sum.

    Returns
    -------
    list of Operation
    """
    rounded = Operation(ops.rounded_mul, (real, real), real, rounded_mul)
    return [*_arithmetic(real, uint32, mask), *_comparisons(real, uint32, mask), *_named(real, uint32, mask), rounded]


def _arithmetic(real: Value, uint32: Value, mask: Value) -> list[Operation]:
    """Return + - * / on reals, wrapping arithmetic and bits on integers, logic on masks."""
    floats = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
    integers = {"add": "add", "sub": "sub", "mul": "mul", "and_": "and_", "or_": "or_", "xor": "xor"}
    integers |= {"lshift": "shl", "rshift": "lshr"}

    def on(t: Value, name: str, method: str, **options: Any) -> Operation:
        return Operation(getattr(operator, name), (t, t), t, lambda b, x, y: getattr(b, method)(x, y, **options))

    return [
        *(on(real, name, method, flags=FLAGS) for name, method in floats.items()),
        *(on(uint32, name, method) for name, method in integers.items()),
        *(on(mask, name, name) for name in ("and_", "or_", "xor")),
        Operation(operator.neg, (real,), real, lambda b, x: b.fneg(x, flags=FLAGS)),
        Operation(operator.invert, (mask,), mask, lambda b, m: b.not_(m)),
    ]


def _comparisons(real: Value, uint32: Value, mask: Value) -> list[Operation]:
    """Return comparisons of reals, and of integers as unsigned ones."""
    signs = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
    rows = []
    for name, sign in signs.items():
        key = getattr(operator, name)
        rows.append(Operation(key, (real, real), mask, lambda b, x, y, s=sign: b.fcmp_ordered(s, x, y)))
        rows.append(Operation(key, (uint32, uint32), mask, lambda b, x, y, s=sign: b.icmp_unsigned(s, x, y)))
    return rows


def _named(real: Value, uint32: Value, mask: Value) -> list[Operation]:
    """Return the operations of `synaptogen.model.ops` that are single instructions, or nearly so."""

    def any_(b: ir.IRBuilder, m: ir.Value) -> ir.Value:
        return m if mask.n == 1 else external(b, f"llvm.vector.reduce.or.v{mask.n}i1", I1, [m])

    def flip_sign(b: ir.IRBuilder, x: ir.Value, w: ir.Value) -> ir.Value:
        sign = b.and_(w, uint32.const(0x80000000))
        return b.bitcast(b.xor(b.bitcast(x, uint32.llvm()), sign), real.llvm())

    def absolute(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
        # bits in place of llvm.fabs, which the compiler for GPUs does not know
        if real.kind == "double":
            return _intrinsic("fabs", real)(b, x)
        return b.bitcast(b.and_(b.bitcast(x, uint32.llvm()), uint32.const(0x7FFFFFFF)), real.llvm())

    def extreme(sign: str) -> Builder:
        return lambda b, x, y: b.select(b.fcmp_ordered(sign, x, y), x, y)

    pair = types.UniTuple(uint32, 2)
    return [
        Operation(ops.where, (mask, real, real), real, lambda b, m, x, y: b.select(m, x, y)),
        Operation(ops.where, (mask, uint32, uint32), uint32, lambda b, m, x, y: b.select(m, x, y)),
        Operation(ops.any_, (mask,), types.boolean, any_),
        Operation(ops.maximum, (real, real), real, extreme(">")),
        Operation(ops.minimum, (real, real), real, extreme("<")),
        Operation(ops.sqrt, (real,), real, _intrinsic("sqrt", real)),
        Operation(ops.floor, (real,), real, _intrinsic("floor", real)),
        Operation(ops.absolute, (real,), real, absolute),
        Operation(ops.wide_product, (uint32, uint32), pair, _wide_product(uint32)),
        Operation(ops.real, (uint32,), real, lambda b, w: b.uitofp(w, real.llvm())),
        Operation(ops.signed_real, (uint32,), real, lambda b, w: b.sitofp(w, real.llvm())),
        Operation(ops.signed_word, (real,), uint32, lambda b, x: b.fptosi(x, uint32.llvm())),
        Operation(ops.shift_right_signed, (uint32, uint32), uint32, lambda b, w, k: b.ashr(w, k)),
        Operation(ops.flip_sign, (real, uint32), real, flip_sign),
        Operation(ops.bits, (real,), uint32, lambda b, x: b.bitcast(x, uint32.llvm())),
        Operation(ops.from_bits, (uint32,), real, lambda b, w: b.bitcast(w, real.llvm())),
    ]


def _intrinsic(name: str, real: Value) -> Builder:
    """Return a builder of calls of an LLVM intrinsic from reals to reals."""
    lanes = f"v{real.n}" if real.n > 1 else ""
    full_name = f"llvm.{name}.{lanes}{'f64' if real.kind == 'double' else 'f32'}"
    return lambda b, *x: external(b, full_name, real.llvm(), list(x))


def _wide_product(uint32: Value) -> Builder:
    """Return a builder of the 64-bit product of integers, as its high and its low half."""

    def halves(b: ir.IRBuilder, high: ir.Value, low: ir.Value) -> ir.Value:
        pair = ir.Constant(ir.ArrayType(uint32.llvm(), 2), ir.Undefined)
        return b.insert_value(b.insert_value(pair, high, 0), low, 1)

    def of_scalars(b: ir.IRBuilder, x: ir.Value, k: ir.Value) -> ir.Value:
        product = b.mul(b.zext(x, I64), b.zext(k, I64))
        return halves(b, b.trunc(b.lshr(product, ir.Constant(I64, 32)), I32), b.trunc(product, I32))

    def of_vectors(b: ir.IRBuilder, x: ir.Value, k: ir.Value) -> ir.Value:
        # even and odd lanes apart, as vector units multiply, and both halves from the same two products
        half = uint32.n // 2
        pairs, low, shift = (
            ir.VectorType(I64, half),
            ir.Constant(ir.VectorType(I64, half), [0xFFFFFFFF] * half),
            ir.Constant(ir.VectorType(I64, half), [32] * half),
        )
        x, k = b.bitcast(x, pairs), b.bitcast(k, pairs)
        even = b.bitcast(b.mul(b.and_(x, low), b.and_(k, low)), uint32.llvm())
        odd = b.bitcast(b.mul(b.lshr(x, shift), b.lshr(k, shift)), uint32.llvm())

        def interleave(first: int) -> ir.Value:
            lanes = [lane for i in range(first, uint32.n, 2) for lane in (i, uint32.n + i)]
            return b.shuffle_vector(even, odd, ir.Constant(ir.VectorType(I32, uint32.n), lanes))

        return halves(b, interleave(1), interleave(0))

    return of_scalars if uint32.n == 1 else of_vectors


# ---- the table, for a Numba target


class Target(NamedTuple):
    """The hooks of one Numba target; CPU and CUDA keep them in different modules.

    Attributes
    ----------
    lower_cast, infer_global, lower_builtin, AbstractTemplate, signature, register_jitable, overload
        What Numba's documentation of its extension interface calls so.
    rounded_mul : callable
        Builds `ops.rounded_mul`.
    """

    lower_cast: Any
    infer_global: Any
    lower_builtin: Any
    AbstractTemplate: Any
    signature: Any
    register_jitable: Any
    overload: Any
    rounded_mul: Builder = _rounded_mul


def teach(target: Target, counts: set[int], modules: list[ModuleType], **options: Any) -> dict[int, Lanes]:
    """Define lanes for a Numba target, and make modules of formulas compilable for it as they stand.

    Parameters
    ----------
    target : Target
        The target.
    counts : set of int
        Numbers of lanes.
    modules : list of modules
        Formulas that kernels will call.
    **options
        Of `register_jitable`, for these formulas.

    Returns
    -------
    dict of int to Lanes
        The types of each number of lanes.
    """
    taught = {n: Lanes(Value("real", n), Value("uint32", n), Value("mask", n)) for n in sorted(counts)}
    table = [row for lanes in taught.values() for row in operations(*lanes, target.rounded_mul)]
    _teach_operations(target, [t for lanes in taught.values() for t in lanes], table)
    _teach_functions(target)
    for module in [elementary, *modules]:
        adopt(target, module, **options)
    return taught


def teach_doubles(target: Target, n: int) -> Value:
    """Define lanes of double precision for a Numba target: arithmetic, comparisons and choices.

    Parameters
    ----------
    target : Target
        The target.
    n : int
        Number of lanes.

    Returns
    -------
    Value
        Their type.
    """
    double, mask = Value("double", n), Value("mask", n)
    table = operations(double, Value("uint32", n), mask)
    named: set[object] = {f for f in vars(ops).values() if isinstance(f, FunctionType)}
    known = {ops.where, ops.rounded_mul, ops.maximum, ops.minimum, ops.absolute}
    rows = [row for row in table if double in row.arguments and (row.key not in named or row.key in known)]
    _teach_operations(target, [double], rows)
    return double


def adopt(target: Target, module: ModuleType, **options: Any) -> None:
    """Make the functions of a module compilable for a Numba target.

    Parameters
    ----------
    target : Target
        The target.
    module : module
        Only functions that are defined in it count, not those that it imports.
    **options
        Of `register_jitable`.
    """
    for f in vars(module).values():
        if isinstance(f, FunctionType) and inspect.getmodule(f) is module:
            target.register_jitable(inline="never", **options)(f)


def _teach_operations(target: Target, lanes: Iterable[Value], table: list[Operation]) -> None:
    """Define how plain numbers become lanes of some types, and a table of operations on them."""
    for t in lanes:
        target.lower_cast(WEAK[t.kind], t)(lambda cx, b, source, to, x: lift(b, x, source, to))
    for key in dict.fromkeys(row.key for row in table):
        rows = [row for row in table if row.key is key]
        target.infer_global(key)(_template(key, rows, target))
        for row in rows:
            target.lower_builtin(key, *row.arguments)(lambda cx, b, sig, args, row=row: row.build(b, *args))


def _template(key: Callable[..., Any], rows: list[Operation], target: Target) -> type:
    """Return Numba's typing rule for one operation: exact types, or plain numbers beside at least one `Value`."""

    def generic(self: Any, args: Any, kws: Any) -> Any:
        if kws or not any(isinstance(a, Value) for a in args):
            return None
        for row in rows:
            fits = len(args) == len(row.arguments) and all(
                a == parameter or parameter.accepts(a) for a, parameter in zip(args, row.arguments, strict=True)
            )
            if fits and any(a == parameter for a, parameter in zip(args, row.arguments, strict=True)):
                return target.signature(row.result, *row.arguments)
        return None

    return type(f"{key.__name__}_values", (target.AbstractTemplate,), {"key": key, "generic": generic})


def _teach_functions(target: Target) -> None:
    """Define log, exp2 and pow_ of lanes by `elementary`, and some operations on plain numbers.

    Voltages that are constants of the parameter set stay plain numbers.
    """

    def overload(operation: Callable[..., Any], choose: Callable[..., Any]) -> None:
        target.overload(operation, jit_options={"forceinline": True})(choose)

    # Numba compares the whole signatures of an overload and of its implementation, so these repeat the annotations
    def one_of_lanes(formula: Callable[..., Any]) -> Callable[..., Any]:
        def choose(x: Real) -> Any:
            return formula if isinstance(x, Value) else None

        return choose

    def two_of_lanes(formula: Callable[..., Any]) -> Callable[..., Any]:
        def choose(x: Real, y: Real) -> Any:
            return formula if isinstance(x, Value) or isinstance(y, Value) else None

        return choose

    def one_plain(formula: Callable[..., Any]) -> Callable[..., Any]:
        def choose(x: Real) -> Any:
            return formula if isinstance(x, types.Float) else None

        return choose

    def two_plain(formula: Callable[..., Any]) -> Callable[..., Any]:
        def choose(a: Real, b: Real) -> Any:
            return formula if isinstance(a, types.Float) and isinstance(b, types.Float) else None

        return choose

    def where_plain(mask: Mask, a: Any, b: Any) -> Any:
        plain = isinstance(mask, types.Boolean) and isinstance(a, types.Float) and isinstance(b, types.Float)
        return _plain_where if plain else None

    curves = feature_scales

    def of_curve(present: Callable[..., Any]) -> Callable[..., Any]:
        def choose(value: Real, scale: Any) -> Any:
            return present if len(scale) else curves.without_curve

        return choose

    def beyond(limited: Mask, t: Real, scale: Any) -> Any:
        return curves.or_outside if len(scale) else curves.or_nothing

    def from_log(value: Real, scale: Any) -> Any:
        is_log = getattr(scale, "instance_class", None) is curves.LogCurve
        return curves.ohm_from_log if is_log else curves.without_curve

    overload(ops.where, where_plain)
    overload(ops.rounded_mul, two_plain(_plain_product))
    overload(ops.maximum, two_plain(_plain_maximum))
    overload(ops.minimum, two_plain(_plain_minimum))
    overload(ops.absolute, one_plain(_plain_absolute))
    overload(ops.log, one_of_lanes(elementary.log_f32))
    overload(ops.exp2, one_of_lanes(elementary.exp2_f32))
    overload(ops.pow_, two_of_lanes(elementary.pow_f32))
    overload(optional_parts.position, of_curve(curves.curve_position))
    overload(optional_parts.plain_value, of_curve(curves.curve_value))
    overload(optional_parts.or_beyond, beyond)
    overload(optional_parts.ohms, from_log)
    _teach_own_law(overload)
    _teach_ageing(overload)


def _teach_own_law(overload: Callable[..., None]) -> None:
    """Define what a device may have of its own, or what stands in its place, by the type of the law."""

    def device_rows(traits: Reals, law: Any) -> Any:
        return own_law.own_rows if len(law) else own_law.rows_of_none

    def standardised(x: Reals, quantile: Reals, own: Reals, law: Any) -> Any:
        return own_law.shaped if len(law) else own_law.shared_shape

    def blended(slow: Reals, white: Reals, own: Reals, law: Any) -> Any:
        return own_law.own_blend if len(law) else own_law.shared_blend

    def innovation_of_lrs(w: Real, v: Real, n: Real, law: Any) -> Any:
        return own_law.restless_innovation if len(law) else own_law.calm_innovation

    def next_unrest(v: Real, n: Real, law: Any) -> Any:
        return own_law.restless_state if len(law) else own_law.calm_state

    for choose in (device_rows, standardised, blended, innovation_of_lrs, next_unrest):
        overload(getattr(optional_parts, choose.__name__), choose)


def _teach_ageing(overload: Callable[..., None]) -> None:
    """Define trend and wear, or what stands in their place, by the type of the law."""

    def has(law: Any, part: str) -> bool:
        return len(law[law.fields.index(part)]) > 0

    def aged(mu: Reals, sigma: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Any:
        if not len(law):
            return ageing.no_trend
        return trend.trended_until_over if has(law, "passes") else trend.trended

    def device_normals(lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Any:
        return ageing.trend_normals if has(law, "factor") else ageing.no_trend_normals

    def device_factors(z: Reals, law: Any) -> Any:
        return ageing.own_factors if has(law, "factor") else ageing.shared_factors

    def sloped_factors(d: Reals, mu: Reals, sigma: Reals, law: Any) -> Any:
        return ageing.following if has(law, "slope") else ageing.following_nothing

    def offsets_on_trend(mu: Reals, d: Reals, number: UInt32, law: Any) -> Any:
        return ageing.on_passing_trend if has(law, "passes") else ageing.on_trend

    def worn(u: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Any:
        return ageing.drawn_wear if len(law) else ageing.no_wear

    def stored_u_set(u: Real, at_end: Mask, law: Any) -> Any:
        return ageing.never_set if len(law) else ageing.in_reach

    def stored_u_reset(u: Real, at_end: Mask, law: Any) -> Any:
        return ageing.never_reset if len(law) else ageing.in_reach

    def limited_when_stored(outside: Mask, u_set: Real, u_reset: Real, law: Any) -> Any:
        return ageing.limited_but_worn if len(law) else ageing.limited_thresholds

    for choose in (aged, worn, stored_u_set, stored_u_reset, limited_when_stored):
        overload(getattr(optional_parts, choose.__name__), choose)
    for part in (device_normals, device_factors, sloped_factors, offsets_on_trend):
        overload(getattr(trend_parts, part.__name__), part)


def _plain_where(mask: Mask, a: Any, b: Any) -> Any:
    return a if mask else b


def _plain_product(a: Real, b: Real) -> Real:
    return a * b


def _plain_absolute(x: Real) -> Real:
    return abs(x)


def _plain_maximum(a: Real, b: Real) -> Real:
    return a if a > b else b


def _plain_minimum(a: Real, b: Real) -> Real:
    return a if a < b else b
