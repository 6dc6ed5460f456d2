"""The numbers of a thread: real numbers, 32-bit integers and truth values, loaded from arrays and stored there.

Called from Python, as the CUDA simulator does, the functions of this module work with NumPy on arrays of one element,
whose integers wrap around without a warning. `teach_memory` defines them for a compiler: that of CUDA or, in tests,
that of the processor.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from synaptogen.engines.lanes import F32, I32, I64, Lanes, Target, Value, lift
from synaptogen.model import Real, UInt32


def load(array: Any, i: int) -> Any:
    """Load a number, of the kind that the array holds.

    Parameters
    ----------
    array : array of float32 or uint32
        One axis.
    i : int
        Index, not negative. It is not checked.

    Returns
    -------
    real number or uint32
    """
    return np.array([array[i]])


def load_row(array: Any, i: int) -> tuple[Real, Real, Real, Real]:
    """Load four consecutive numbers with one instruction.

    Parameters
    ----------
    array : array of float32
        One axis.
    i : int
        Index of the first, a multiple of four.

    Returns
    -------
    four real numbers
    """
    return load(array, i), load(array, i + 1), load(array, i + 2), load(array, i + 3)


def store(array: Any, i: int, value: Any) -> None:
    """Store a number.

    Parameters
    ----------
    array : array of float32 or uint32
        One axis.
    i : int
        Index, not negative. It is not checked.
    value : real number or uint32
        Of the kind that the array holds.
    """
    array[i] = value[0]


def real_of(x: float) -> Real:
    """Return a plain number as a real number."""
    return np.array([x], np.float32)


def uint32_of(x: int) -> UInt32:
    """Return the low 32 bits of a plain integer."""
    return np.array([x & 0xFFFFFFFF], np.uint32)


def index_of(n: UInt32) -> int:
    """Return a 32-bit integer as a plain one, to count and to address with."""
    return int(n[0])


def teach_memory(target: Target, lanes: Lanes) -> None:
    """Define the functions of this module for a Numba target.

    Parameters
    ----------
    target : Target
        The target.
    lanes : Lanes
        Its types of one lane.
    """
    signature = target.signature

    def element_of(array: types.Array) -> Value:
        return {types.float32: lanes.real, types.uint32: lanes.uint32}[array.dtype]

    _define(
        target,
        load,
        (types.Array, types.Integer),
        lambda array, i: signature(element_of(array), array, types.intp),
        lambda cx, b, sig, args: b.load(_address(cx, b, sig, args)),
    )
    _define(
        target,
        load_row,
        (types.Array, types.Integer),
        lambda array, i: signature(types.UniTuple(lanes.real, 4), array, types.intp),
        _build_load_row,
    )
    _define(
        target,
        store,
        (types.Array, types.Integer, types.Any),
        lambda array, i, value: signature(types.void, array, types.intp, element_of(array)),
        _build_store,
    )
    _define_conversion(target, real_of, types.Number, lanes.real)
    _define_conversion(target, uint32_of, types.Integer, lanes.uint32)
    _define(
        target,
        index_of,
        (lanes.uint32,),
        lambda n: signature(types.int64, n),
        lambda cx, b, sig, args: b.zext(args[0], I64),
    )


def _define(
    target: Target, function: Callable[..., Any], arguments: tuple[Any, ...], typing: Callable[..., Any], build: Any
) -> None:
    def generic(self: Any, args: Any, kws: Any) -> Any:
        return None if kws else typing(*args)

    members = {"key": function, "generic": generic}
    target.infer_global(function)(type(f"{function.__name__}_template", (target.AbstractTemplate,), members))
    target.lower_builtin(function, *arguments)(build)


def _define_conversion(target: Target, function: Callable[..., Any], plain: type[types.Type], to: Value) -> None:
    _define(
        target,
        function,
        (plain,),
        lambda x: target.signature(to, x),
        lambda cx, b, sig, args: lift(b, args[0], sig.args[0], to),
    )


def _address(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    # no check of bounds, and no indices from the end
    return b.gep(cx.make_array(sig.args[0])(cx, b, args[0]).data, [args[1]])


def _build_load_row(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    vector, row = ir.VectorType(F32, 4), ir.Constant(ir.ArrayType(F32, 4), ir.Undefined)
    x = b.load(b.bitcast(_address(cx, b, sig, args), vector.as_pointer()))
    x.align = 16
    for k in range(4):
        row = b.insert_value(row, b.extract_element(x, ir.Constant(I32, k)), k)
    return row


def _build_store(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    b.store(args[2], _address(cx, b, sig, args))
    return cx.get_dummy_value()
