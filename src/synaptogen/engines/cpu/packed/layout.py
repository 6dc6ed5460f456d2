"""Where packed cells lie in memory, and the scratch memory in which one lane group of them is worked on."""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import extending as nbx
from numba import njit
from numba.core import types

from synaptogen.engines.cpu.history_refill import Pending
from synaptogen.engines.cpu.lanes import CPU, FORMULA, INLINE, UINT32, W, data
from synaptogen.engines.cpu.layout import CURVE, DEVICE_RECORD, HOT, VECTOR, Arrays, CellPointers
from synaptogen.engines.cpu.workspace import aligned
from synaptogen.engines.lanes import adopt
from synaptogen.model import OWN_ROWS, OWN_TRAITS

from . import codes
from .codes import Scale

adopt(CPU, codes, **FORMULA)

X_ROWS = 4
"""Rows of x in scratch memory."""
TRAITS = VECTOR + OWN_TRAITS
"""Codes of a device that has shapes and memory of its own."""
THRESHOLDS = 3
"""Codes of a cell besides its mixing state.

They are U_SET, R_LRS and U_RESET of the running cycle. In a partly reset cell they are the ratchet, and R_LRS and
U_RESET of the cycle before, from which its transition starts: all else of the running cycle follows from its states.
"""


class Scales(NamedTuple):
    """The scales of mixing states (R_LRS is one too) and of thresholds in V."""

    r: Scale
    u_set: Scale
    u_reset: Scale
    u_ratchet: Scale


class Packed(NamedTuple):
    """Pointers to packed cells, and to what is needed to draw their devices again.

    The states are those of the running cycle n, so that x_n = H s_n + B e_n can be computed again at any time.

    Attributes
    ----------
    r
        Codes of mixing states, W per group.
    status
        Status integers, one row per group.
    thresholds
        `THRESHOLDS` rows of codes per group.
    states
        One row of codes per state and group.
    devices
        One row of codes per trait and group, where devices have shapes and memory of their own.
    scales
        The `Scales` of mixing states and thresholds.
    state_scales, device_scales
        Four numbers per state and per trait: low, step, 1/step, and 0.
    mixture, components, bounded, log_sigma
        The population, as `cell_steps.draw_device` takes it.
    id_lo, id_hi, first_id, consecutive
        Cell ids, as in `CellPointers`.
    """

    r: Any
    status: Any
    thresholds: Any
    states: Any
    devices: Any
    scales: Any
    state_scales: Any
    device_scales: Any
    mixture: Any
    components: Any
    bounded: Any
    log_sigma: Any
    id_lo: Any
    id_hi: Any
    first_id: Any
    consecutive: Any


class Scratch(NamedTuple):
    """One lane group of ordinary cells, at index 0 of its arrays, to which packed cells are unpacked for a step.

    Attributes
    ----------
    cells
        The group, where ``memory`` holds x of the cycle that begins, then what its devices have of their own.
    states
        The same group, where ``memory`` holds its states.
    spare
        Pending work of which only ``ring_copies`` is used, as working memory for states.
    r_from, u_from
        R_LRS as a mixing state and U_RESET in V of the cycle before, from which the transition of partly reset cells
        starts.
    drawn_group
        The group whose device vectors the scratch holds; -1 for none.
    id_lo, id_hi
        Low and high halves of the cell ids.
    """

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
    """Load uint32 lanes from W consecutive 16-bit codes.

    Parameters
    ----------
    pointer, index
        Memory of uint16, and the index of the first code.

    Returns
    -------
    uint32 lanes
    """

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        x = b.load(b.bitcast(b.gep(a[0], [a[1]]), UINT32.llvm(ir.IntType(16)).as_pointer()))
        x.align = 2
        return b.zext(x, UINT32.llvm())

    return UINT32(pointer, types.intp), build


@nbx.intrinsic
def store_codes(typingctx: Any, pointer: Any, index: Any, codes: Any) -> Any:
    """Store uint32 lanes to W consecutive 16-bit codes.

    Parameters
    ----------
    pointer, index
        Memory of uint16, and the index of the first code.
    codes : uint32 lanes
        Each below 65536.

    Returns
    -------
    None
    """
    narrow = UINT32.llvm(ir.IntType(16))

    def build(cx: Any, b: ir.IRBuilder, s: Any, a: Any) -> ir.Value:
        b.store(b.trunc(a[2], narrow), b.bitcast(b.gep(a[0], [a[1]]), narrow.as_pointer())).align = 2
        return cx.get_dummy_value()

    return types.void(pointer, types.intp, UINT32), build


@njit(**INLINE)
def packed_cells(state_arrays: Arrays, consecutive: bool, first_id: int) -> Packed:
    """Return raw pointers to the arrays of a state.

    Parameters
    ----------
    state_arrays : tuple
        What `PackedEngine` passes to kernels.
    consecutive, first_id
        As in `CellPointers`.

    Returns
    -------
    Packed
    """
    (r, status, thresholds, states, devices, scales, state_scales, device_scales, mixture, log_sigma, id_lo, id_hi) = (
        state_arrays
    )
    pointers = (data(mixture[0]), data(mixture[1]), data(mixture[2]), data(mixture[3]))
    return Packed(
        data(r),
        data(status),
        data(thresholds),
        data(states),
        data(devices),
        scales,
        data(state_scales),
        data(device_scales),
        pointers,
        mixture[0].size,
        mixture[3].size > 0,
        log_sigma,
        data(id_lo),
        data(id_hi),
        first_id,
        consecutive,
    )


@njit(**INLINE)
def scratch_arrays(states: int) -> Arrays:
    """Allocate the arrays of `Scratch`.

    Parameters
    ----------
    states : int
        States per cell, q.

    Returns
    -------
    tuple of arrays
        To be kept alive as long as the pointers of `scratch_on` are in use.
    """
    size = (1 + 2 + X_ROWS + OWN_ROWS + 2 * states) * W + HOT + DEVICE_RECORD + CURVE
    return aligned(size), np.empty(2 * W, np.uint32), np.empty(1, np.int64)


@njit(**INLINE)
def scratch_on(arrays: Arrays, states: int) -> Scratch:
    """Return the pointers of `Scratch`, with no device drawn yet.

    Parameters
    ----------
    arrays : tuple of arrays
        Arrays from `scratch_arrays`.
    states : int
        States per cell, q.

    Returns
    -------
    Scratch
    """
    numbers, id_numbers, drawn_group = arrays
    hot, after = numbers[W : W + HOT], numbers[W + HOT :]
    device, after = after[:DEVICE_RECORD], after[DEVICE_RECORD:]
    curve, rest = after[:CURVE], after[CURVE:]
    lo, hi, first = data(id_numbers), data(id_numbers[W:]), np.uint64(0)
    shared = (data(numbers), data(hot), data(hot.view(np.uint32)), data(device), data(curve))
    first_state = 2 + X_ROWS + OWN_ROWS
    x, memory, spare = data(rest[2 * W :]), data(rest[first_state * W :]), data(rest[(first_state + states) * W :])
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
