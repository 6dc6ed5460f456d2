"""What a thread holds: a real number, a word or a truth value, and how these come from memory and go back.

Called from Python, as the CUDA simulator does, the functions of this module are NumPy on arrays of one element (whose
words wrap around without a warning). `teach_memory` gives them their meaning for a compiler, that of CUDA or, in tests,
that of the processor.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from synaptogen.engines.lanes import F32, I32, I64, Lanes, Target, lift
from synaptogen.model import Real, UInt32


def load(array: Any, i: int) -> Any:
    """A real number, or a word, from an array."""
    return np.array([array[i]])


def load_row(array: Any, i: int) -> tuple[Real, Real, Real, Real]:
    """Four consecutive numbers of an array that begin at a multiple of four, in one go."""
    return load(array, i), load(array, i + 1), load(array, i + 2), load(array, i + 3)


def store(array: Any, i: int, value: Any) -> None:
    """A real number, or a word, to an array."""
    array[i] = value[0]


def real_of(x: float) -> Real:
    """A plain number as a real number."""
    return np.array([x], np.float32)


def word_of(x: int) -> UInt32:
    """A plain integer as a word, its low 32 bits."""
    return np.array([x & 0xFFFFFFFF], np.uint32)


def index_of(word: UInt32) -> int:
    """A word as a plain integer, to count and to address with."""
    return int(word[0])


def teach_memory(target: Target, lanes: Lanes) -> None:
    """Teach a Numba target the functions of this module, for values of one lane."""

    def meaning(name: Any, arguments: tuple[Any, ...], typing: Any, build: Any) -> None:
        def generic(self: Any, args: Any, kws: Any) -> Any:
            return None if kws else typing(*args)

        template = type(f"{name.__name__}_template", (target.AbstractTemplate,), {"key": name, "generic": generic})
        target.infer_global(name)(template)
        target.lower_builtin(name, *arguments)(build)

    def kind_of(array: types.Array) -> Any:
        return {types.float32: lanes.real, types.uint32: lanes.word}[array.dtype]

    def address(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        # no bounds, no indices from the end
        return b.gep(cx.make_array(sig.args[0])(cx, b, args[0]).data, [args[1]])

    def four_values(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        vector, row = ir.VectorType(F32, 4), ir.Constant(ir.ArrayType(F32, 4), ir.Undefined)
        x = b.load(b.bitcast(address(cx, b, sig, args), vector.as_pointer()))
        x.align = 16
        for k in range(4):
            row = b.insert_value(row, b.extract_element(x, ir.Constant(I32, k)), k)
        return row

    def store_value(cx: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        b.store(args[2], address(cx, b, sig, args))
        return cx.get_dummy_value()

    def lifted(to: Any) -> Any:
        return lambda cx, b, sig, args: lift(b, args[0], sig.args[0], to)

    signature = target.signature
    meaning(
        load,
        (types.Array, types.Integer),
        lambda array, i: signature(kind_of(array), array, types.intp),
        lambda cx, b, sig, args: b.load(address(cx, b, sig, args)),
    )
    meaning(
        load_row,
        (types.Array, types.Integer),
        lambda array, i: signature(types.UniTuple(lanes.real, 4), array, types.intp),
        four_values,
    )
    meaning(
        store,
        (types.Array, types.Integer, types.Any),
        lambda array, i, value: signature(types.void, array, types.intp, kind_of(array)),
        store_value,
    )
    meaning(real_of, (types.Number,), lambda x: signature(lanes.real, x), lifted(lanes.real))
    meaning(word_of, (types.Integer,), lambda x: signature(lanes.word, x), lifted(lanes.word))
    meaning(
        index_of,
        (lanes.word,),
        lambda word: signature(types.int64, word),
        lambda cx, b, sig, args: b.zext(args[0], I64),
    )
