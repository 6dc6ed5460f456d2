"""Number types for compiled engines: N single-precision lanes, N 32-bit words, N truth values.

N = 16 is one AVX-512 register; LLVM splits it on narrower machines. N = 1 is a plain scalar, which GPUs use. In all of
them Python's numbers are weak as in NumPy 2: lanes * 0.5 stays single precision, words + 1 stays 32 bits. Lanes of
double precision are a fourth type, which knows the operations that currents of cells ask for.

One table (`operations`) says what each operator and each name in `synaptogen.ops` means for these types; `Target` says
how a Numba target, CPU or CUDA, is taught them.
"""

import inspect
import operator
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.core.typeconv import Conversion

from synaptogen.model import Mask, Real, ops

from . import elementary

# Contraction to FMA is allowed, reassociation is not: results must not depend on how LLVM vectorises.
FLAGS = ("contract", "nsz", "nnan", "ninf")
FLAGS_OF_ROUNDED = FLAGS[1:]

F32, F64, I32, I64, I1 = ir.FloatType(), ir.DoubleType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)
ELEMENT = {"real": F32, "double": F64, "word": I32, "mask": I1}
WEAK = {"real": types.Float, "double": types.Float, "word": types.Integer, "mask": types.Boolean}


class Value(types.Type):  # type: ignore[misc]
    """The Numba type of ``n`` lanes of one kind: "real", "double", "word" or "mask"."""

    def __init__(self, kind: str, n: int) -> None:
        self.kind, self.n = kind, n
        super().__init__(f"{kind}x{n}")

    def llvm(self, element: ir.Type | None = None) -> ir.Type:
        """The LLVM type of these lanes, or of as many lanes of another element."""
        element = element or ELEMENT[self.kind]
        return ir.VectorType(element, self.n) if self.n > 1 else element

    def accepts(self, other: types.Type) -> bool:
        """Does a plain number of this type turn into lanes by itself?"""
        return isinstance(other, WEAK[self.kind])

    def can_convert_from(self, typingctx: Any, other: types.Type) -> Any:
        """Numba's hook for implicit conversion."""
        return Conversion.safe if self.accepts(other) else None

    def unify(self, typingctx: Any, other: types.Type) -> Any:
        """Numba's hook for the common type of two branches."""
        return self if self.accepts(other) else None

    def const(self, x: int, element: ir.Type | None = None) -> ir.Constant:
        """The same constant in all lanes."""
        return ir.Constant(self.llvm(element), [x] * self.n if self.n > 1 else x)


def lift(b: ir.IRBuilder, x: ir.Value, source: types.Type, target: Value) -> ir.Value:
    """A plain number, in all lanes."""
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
    """Call an LLVM intrinsic by its full name."""
    function = b.module.globals.get(name)
    if function is None:
        function = ir.Function(b.module, ir.FunctionType(result, [a.type for a in arguments]), name)
    return b.call(function, arguments)


class Operation(NamedTuple):
    """One meaning of an operator or a named operation."""

    key: Any
    arguments: tuple[types.Type, ...]
    result: types.Type
    build: Callable[..., ir.Value]


def rounded_product(b: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """A product that nothing is merged with, by the flags of the instruction."""
    return b.fmul(x, y, flags=FLAGS_OF_ROUNDED)


def operations(
    real: Value, word: Value, mask: Value, product: Callable[..., ir.Value] = rounded_product
) -> list[Operation]:
    """The table for lanes of three kinds; ``product`` builds the one that is rounded before it goes on."""
    rounded = Operation(ops.rounded_mul, (real, real), real, product)
    return [*arithmetic(real, word, mask), *comparisons(real, word, mask), *named(real, word, mask), rounded]


def arithmetic(real: Value, word: Value, mask: Value) -> list[Operation]:
    """+ - * / on reals, wrapping arithmetic and bits on words, logic on masks."""
    floats = {"add": "fadd", "sub": "fsub", "mul": "fmul", "truediv": "fdiv"}
    integers = {"add": "add", "sub": "sub", "mul": "mul", "and_": "and_", "or_": "or_", "xor": "xor"}
    integers |= {"lshift": "shl", "rshift": "lshr"}

    def on(t: Value, name: str, method: str, **options: Any) -> Operation:
        return Operation(getattr(operator, name), (t, t), t, lambda b, x, y: getattr(b, method)(x, y, **options))

    return [
        *(on(real, name, method, flags=FLAGS) for name, method in floats.items()),
        *(on(word, name, method) for name, method in integers.items()),
        *(on(mask, name, name) for name in ("and_", "or_", "xor")),
        Operation(operator.neg, (real,), real, lambda b, x: b.fneg(x, flags=FLAGS)),
        Operation(operator.invert, (mask,), mask, lambda b, m: b.not_(m)),
    ]


def comparisons(real: Value, word: Value, mask: Value) -> list[Operation]:
    """Comparisons; words compare as unsigned."""
    signs = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
    rows = []
    for name, sign in signs.items():
        key = getattr(operator, name)
        rows.append(Operation(key, (real, real), mask, lambda b, x, y, s=sign: b.fcmp_ordered(s, x, y)))
        rows.append(Operation(key, (word, word), mask, lambda b, x, y, s=sign: b.icmp_unsigned(s, x, y)))
    return rows


def named(real: Value, word: Value, mask: Value) -> list[Operation]:
    """The operations of `synaptogen.ops` that are single instructions, or nearly."""
    suffix = f"v{real.n}" if real.n > 1 else ""
    precision = "f64" if real.kind == "double" else "f32"

    def intrinsic(name: str) -> Callable[..., ir.Value]:
        return lambda b, *x: external(b, f"llvm.{name}.{suffix}{precision}", real.llvm(), list(x))

    def any_(b: ir.IRBuilder, m: ir.Value) -> ir.Value:
        return m if mask.n == 1 else external(b, f"llvm.vector.reduce.or.{suffix}i1", I1, [m])

    def halves(b: ir.IRBuilder, high: ir.Value, low: ir.Value) -> ir.Value:
        pair = ir.Constant(ir.ArrayType(word.llvm(), 2), ir.Undefined)
        return b.insert_value(b.insert_value(pair, high, 0), low, 1)

    def wide_product(b: ir.IRBuilder, x: ir.Value, k: ir.Value) -> ir.Value:
        if word.n == 1:
            product = b.mul(b.zext(x, I64), b.zext(k, I64))
            return halves(b, b.trunc(b.lshr(product, ir.Constant(I64, 32)), I32), b.trunc(product, I32))
        # even and odd lanes apart, as vector units multiply, and both halves from the same two products
        half = word.n // 2
        pairs, low, shift = (
            ir.VectorType(I64, half),
            ir.Constant(ir.VectorType(I64, half), [0xFFFFFFFF] * half),
            ir.Constant(ir.VectorType(I64, half), [32] * half),
        )
        x, k = b.bitcast(x, pairs), b.bitcast(k, pairs)
        even = b.bitcast(b.mul(b.and_(x, low), b.and_(k, low)), word.llvm())
        odd = b.bitcast(b.mul(b.lshr(x, shift), b.lshr(k, shift)), word.llvm())

        def interleave(first: int) -> ir.Value:
            lanes = [lane for i in range(first, word.n, 2) for lane in (i, word.n + i)]
            return b.shuffle_vector(even, odd, ir.Constant(ir.VectorType(I32, word.n), lanes))

        return halves(b, interleave(1), interleave(0))

    def flip_sign(b: ir.IRBuilder, x: ir.Value, w: ir.Value) -> ir.Value:
        sign = b.and_(w, word.const(0x80000000))
        return b.bitcast(b.xor(b.bitcast(x, word.llvm()), sign), real.llvm())

    def absolute(b: ir.IRBuilder, x: ir.Value) -> ir.Value:
        # bits in place of llvm.fabs, which the compiler for GPUs does not know
        if real.kind == "double":
            return intrinsic("fabs")(b, x)
        return b.bitcast(b.and_(b.bitcast(x, word.llvm()), word.const(0x7FFFFFFF)), real.llvm())

    def extreme(sign: str) -> Callable[..., ir.Value]:
        return lambda b, x, y: b.select(b.fcmp_ordered(sign, x, y), x, y)

    return [
        Operation(ops.where, (mask, real, real), real, lambda b, m, x, y: b.select(m, x, y)),
        Operation(ops.where, (mask, word, word), word, lambda b, m, x, y: b.select(m, x, y)),
        Operation(ops.any_, (mask,), types.boolean, any_),
        Operation(ops.maximum, (real, real), real, extreme(">")),
        Operation(ops.minimum, (real, real), real, extreme("<")),
        Operation(ops.sqrt, (real,), real, intrinsic("sqrt")),
        Operation(ops.floor, (real,), real, intrinsic("floor")),
        Operation(ops.absolute, (real,), real, absolute),
        Operation(ops.wide_product, (word, word), types.UniTuple(word, 2), wide_product),
        Operation(ops.real, (word,), real, lambda b, w: b.uitofp(w, real.llvm())),
        Operation(ops.signed_real, (word,), real, lambda b, w: b.sitofp(w, real.llvm())),
        Operation(ops.signed_word, (real,), word, lambda b, x: b.fptosi(x, word.llvm())),
        Operation(ops.shift_right_signed, (word, word), word, lambda b, w, k: b.ashr(w, k)),
        Operation(ops.flip_sign, (real, word), real, flip_sign),
        Operation(ops.bits, (real,), word, lambda b, x: b.bitcast(x, word.llvm())),
        Operation(ops.from_bits, (word,), real, lambda b, w: b.bitcast(w, real.llvm())),
    ]


class Target(NamedTuple):
    """The hooks of one Numba target; CPU and CUDA keep them in different modules."""

    lower_cast: Any
    infer_global: Any
    lower_builtin: Any
    AbstractTemplate: Any
    signature: Any
    register_jitable: Any
    overload: Any
    product: Callable[..., ir.Value] = rounded_product


class Lanes(NamedTuple):
    """The three value types of n lanes."""

    real: Value
    word: Value
    mask: Value


def teach(target: Target, counts: set[int], modules: list[ModuleType], **options: Any) -> dict[int, Lanes]:
    """Teach a Numba target lanes of each of some counts, and the formulas of ``modules`` as they stand."""
    taught = {n: Lanes(Value("real", n), Value("word", n), Value("mask", n)) for n in sorted(counts)}
    table = [row for lanes in taught.values() for row in operations(*lanes, target.product)]
    teach_operations(target, [t for lanes in taught.values() for t in lanes], table)
    use_elementary(target)
    for module in [elementary, *modules]:
        adopt(target, module, **options)
    return taught


def teach_doubles(target: Target, n: int) -> Value:
    """Teach a Numba target ``n`` lanes of double precision: arithmetic, comparisons and choices; returns the type."""
    double, mask = Value("double", n), Value("mask", n)
    table = operations(double, Value("word", n), mask)
    named = {f for f in vars(ops).values() if isinstance(f, FunctionType)}
    known = {ops.where, ops.rounded_mul, ops.maximum, ops.minimum, ops.absolute}
    rows = [row for row in table if double in row.arguments and (row.key not in named or row.key in known)]
    teach_operations(target, [double], rows)
    return double


def teach_operations(target: Target, kinds: Iterable[Value], table: list[Operation]) -> None:
    """Teach a target how plain numbers become lanes of these types, and a table of operations on them."""
    for t in kinds:
        target.lower_cast(WEAK[t.kind], t)(lambda cx, b, source, to, x: lift(b, x, source, to))
    for key in dict.fromkeys(row.key for row in table):
        rows = [row for row in table if row.key is key]
        target.infer_global(key)(template(key, rows, target))
        for row in rows:
            target.lower_builtin(key, *row.arguments)(lambda cx, b, sig, args, row=row: row.build(b, *args))


def template(key: Any, rows: list[Operation], target: Target) -> type:
    """Numba's typing rule for one operation: exact types, or plain numbers beside at least one Value."""

    def generic(self: Any, args: Any, kws: Any) -> Any:
        if kws or not any(isinstance(a, Value) for a in args):
            return None
        for row in rows:
            fits = len(args) == len(row.arguments) and all(
                a == wanted or wanted.accepts(a) for a, wanted in zip(args, row.arguments, strict=True)
            )
            if fits and any(a == wanted for a, wanted in zip(args, row.arguments, strict=True)):
                return target.signature(row.result, *row.arguments)
        return None

    return type(f"{key.__name__}_values", (target.AbstractTemplate,), {"key": key, "generic": generic})


def use_elementary(target: Target) -> None:
    """log, exp2 and pow_ of lanes are the single-precision formulas of `elementary`."""

    def use(operation: Any, formula: Any, of: Callable[..., Any]) -> None:
        target.overload(operation, jit_options={"forceinline": True})(of(formula))

    # Numba compares the whole signatures of an overload and of its implementation, so these repeat the annotations
    def of_one(formula: Any) -> Any:
        def choose(x: Real) -> Any:
            return formula if isinstance(x, Value) else None

        return choose

    def of_two(formula: Any) -> Any:
        def choose(x: Real, y: Real) -> Any:
            return formula if isinstance(x, Value) or isinstance(y, Value) else None

        return choose

    # voltages that are constants of the params stay plain numbers
    def of_plain(formula: Any) -> Any:
        def choose(a: Real, b: Real) -> Any:
            return formula if isinstance(a, types.Float) and isinstance(b, types.Float) else None

        return choose

    def of_one_plain(formula: Any) -> Any:
        def choose(x: Real) -> Any:
            return formula if isinstance(x, types.Float) else None

        return choose

    def of_plain_mask(mask: Mask, a: Any, b: Any) -> Any:
        plain = isinstance(mask, types.Boolean) and isinstance(a, types.Float) and isinstance(b, types.Float)
        return chosen if plain else None

    use(ops.where, chosen, lambda formula: of_plain_mask)
    use(ops.rounded_mul, times, of_plain)
    use(ops.maximum, larger, of_plain)
    use(ops.minimum, smaller, of_plain)
    use(ops.absolute, size, of_one_plain)
    use(ops.log, elementary.log_f32, of_one)
    use(ops.exp2, elementary.exp2_f32, of_one)
    use(ops.pow_, elementary.pow_f32, of_two)


def chosen(mask: Mask, a: Any, b: Any) -> Any:
    """One of two plain numbers."""
    return a if mask else b


def times(a: Real, b: Real) -> Real:
    """The product of two plain numbers."""
    return a * b


def size(x: Real) -> Real:
    """The size of a plain number."""
    return abs(x)


def larger(a: Real, b: Real) -> Real:
    """The larger of two plain numbers."""
    return a if a > b else b


def smaller(a: Real, b: Real) -> Real:
    """The smaller of two plain numbers."""
    return a if a < b else b


def adopt(target: Target, module: ModuleType, **options: Any) -> None:
    """Make the functions of a module of formulas compilable."""
    for f in vars(module).values():
        if isinstance(f, FunctionType) and inspect.getmodule(f) is module:
            target.register_jitable(inline="never", **options)(f)
