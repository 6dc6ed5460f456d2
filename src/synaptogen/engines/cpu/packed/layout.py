"""Where packed cells lie in memory, and the tile of ordinary cells on which they are worked on."""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import extending as nbx
from numba import njit
from numba.core import types

from synaptogen.engines.cpu.history_refill import Pending
from synaptogen.engines.cpu.lanes import CPU, FORMULA, INLINE, UINT32, W, data
from synaptogen.engines.cpu.layout import CURVE, DEVICE_RECORD, HOT, CellPointers
from synaptogen.engines.cpu.workspace import aligned
from synaptogen.engines.lanes import adopt

from . import codes
from .codes import Scale

adopt(CPU, codes, **FORMULA)

THRESHOLDS = 3
"""Codes of a cell beside its mixing state. They are U_SET, R_LRS, U_RESET of the running cycle; in a partly reset cell
the ratchet, and R_LRS and U_RESET of the cycle before, from which its transition sets out: all else of the running
cycle follows from its states."""


class Scales(NamedTuple):
    """What codes of each kind stand for."""

    r: Scale
    u_set: Scale
    u_reset: Scale
    u_ratchet: Scale


class Packed(NamedTuple):
    """Pointers to packed cells, and what it takes to draw their devices anew.

    ``r`` and ``words`` hold a number a cell; ``thresholds`` and ``states`` a block a tile, of groups of W codes.
    The states are those of the running cycle n, so that x_n = H s_n + B e_n can be had again at any time.
    """

    r: Any
    status: Any
    thresholds: Any
    states: Any
    scales: Any
    state_scales: Any
    mixture: Any
    components: Any
    log_sigma: Any
    id_lo: Any
    id_hi: Any
    first_id: Any
    consecutive: Any


class Scratch(NamedTuple):
    """One tile of ordinary cells, at index 0 of its arrays, on which packed ones are worked on."""

    cells: CellPointers
    states: CellPointers
    spare: Pending
    r_from: Any
    u_from: Any
    drawn_group: Any
    id_lo: Any
    id_hi: Any


@nbx.intrinsic
def load_codes(typingctx: Any, pointer: Any, index: Any) -> Any:
    """Lanes of words from W consecutive 16-bit codes."""

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        x = b.load(b.bitcast(b.gep(a[0], [a[1]]), UINT32.llvm(ir.IntType(16)).as_pointer()))
        x.align = 2
        return b.zext(x, UINT32.llvm())

    return UINT32(pointer, types.intp), build


@nbx.intrinsic
def store_codes(typingctx: Any, pointer: Any, index: Any, codes: Any) -> Any:
    """Lanes of words to W consecutive 16-bit codes."""
    narrow = UINT32.llvm(ir.IntType(16))

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        b.store(b.trunc(a[2], narrow), b.bitcast(b.gep(a[0], [a[1]]), narrow.as_pointer())).align = 2
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, UINT32), build


@njit(**INLINE)
def packed_cells(state_arrays: Any, consecutive: bool, first_id: int) -> Packed:
    """Raw pointers to the arrays of a state."""
    r, status, thresholds, states, scales, state_scales, mixture, log_sigma, id_lo, id_hi = state_arrays
    pointers = (data(mixture[0]), data(mixture[1]), data(mixture[2]))
    return Packed(
        data(r),
        data(status),
        data(thresholds),
        data(states),
        scales,
        data(state_scales),
        pointers,
        mixture[0].size,
        log_sigma,
        data(id_lo),
        data(id_hi),
        first_id,
        consecutive,
    )


@njit(**INLINE)
def scratch_arrays(states: int) -> Any:
    """X"""
    size = (1 + 2 + 4 + 2 * states) * W + HOT + DEVICE_RECORD + CURVE
    return aligned(size), np.empty(2 * W, np.uint32), np.empty(1, np.int64)


@njit(**INLINE)
def scratch_on(arrays: Any, states: int) -> Scratch:
    """X"""
    numbers, id_numbers, drawn_group = arrays
    hot, after = numbers[W : W + HOT], numbers[W + HOT :]
    device, after = after[:DEVICE_RECORD], after[DEVICE_RECORD:]
    curve, rest = after[:CURVE], after[CURVE:]
    lo, hi, first = data(id_numbers), data(id_numbers[W:]), np.uint64(0)
    shared = (data(numbers), data(hot), data(hot.view(np.uint32)), data(device), data(curve))
    x, memory, spare = data(rest[2 * W :]), data(rest[6 * W :]), data(rest[(6 + states) * W :])
    drawn_group[0] = -1
    group_data = data(drawn_group)
    # only `ring_copies` of the pending work is used here; the other pointers are stand-ins of the right types
    unused = group_data
    return Scratch(
        CellPointers(*shared, x, lo, hi, first, False),
        CellPointers(*shared, memory, lo, hi, first, False),
        Pending(unused, lo, unused, unused, 0, spare, spare, lo, unused, lo, unused),
        data(rest),
        data(rest[W:]),
        group_data,
        lo,
        hi,
    )
