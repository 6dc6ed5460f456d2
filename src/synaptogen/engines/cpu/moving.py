"""The kernel that moves cells to another instant: what `synaptogen.model.fluctuation` says, a lane group at a time."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.engines.moments import Moment, walk_widths
from synaptogen.model import (
    Constants,
    FluctuationConstants,
    Real,
    Transition,
    any_,
    as_written,
    is_irs,
    jumps_made,
    log_change,
    moved,
    partial_reset,
    strength,
    two_jumps,
    where,
    write_key,
    written_state,
)

from .kernels import _cells_from, params_from
from .lanes import (
    INLINE,
    OPTIONS,
    Pointer,
    W,
    data,
    flatten,
    in_cache_key,
    load,
    load_constants,
    reals,
    scalar,
    store,
    uint32s,
)
from .layout import (
    CURVE,
    DEVICE_RECORD,
    HOT,
    R_HRS,
    R_LRS,
    STATUS,
    T_END,
    T_SCALE,
    U_RATCHET,
    Arrays,
    CellPointers,
    KernelParams,
    UInt32Array,
    ids,
)


class Move(NamedTuple):
    """A `Moment` as kernels take it.

    Attributes
    ----------
    constants : array of float32
        Numbers of the `FluctuationConstants`.
    prototype : FluctuationConstants
        Of which only the type is used, see `lanes.load_constants`.
    widths : array of float32
        Scales of the jumps of all slots.
    pairs : int
        Pairs of slots to look at.
    grid, writes : array of uint32
        As of `Moment`.
    instant, present : int
        As of `Moment`.
    r_zero, r_max : float32
        Mixing states of zero conductance and of the least conductive passive cell.
    """

    constants: Any
    prototype: Any
    widths: Any
    pairs: Any
    grid: Any
    writes: Any
    instant: Any
    present: Any
    r_zero: Any
    r_max: Any


def move_of(moment: Moment, p: Constants) -> Move:
    """Return a moment as kernels take it.

    Parameters
    ----------
    moment : Moment
        The moment.
    p : Constants
        Constants of the device population.

    Returns
    -------
    Move
    """
    numbers = np.array(flatten(moment.constants), np.float32)
    kinds = [tuple(map(np.float32, part)) if isinstance(part, tuple) else np.float32(part) for part in moment.constants]
    return Move(
        numbers,
        FluctuationConstants(*kinds),
        walk_widths().astype(np.float32),
        moment.pairs,
        moment.grid,
        moment.writes,
        moment.instant[0],
        np.uint32(moment.present),
        np.float32(p.g_llrs * p.per_span),
        np.float32(p.r_max),
    )


@njit(**INLINE)
def _written(cells: CellPointers, params: KernelParams, group: int) -> Real:
    """Return the mixing states that the last change of the cells of a group wrote."""
    status, curve_at = load(cells.status, group * HOT + STATUS), group * CURVE
    r_hrs = load(cells.device, group * DEVICE_RECORD + R_HRS)
    partial = r_hrs
    if any_(is_irs(status)):
        p = load_constants(params.constants, params.prototype)
        curve = Transition(load(cells.curve, curve_at + T_SCALE), load(cells.curve, curve_at + T_END))
        partial = partial_reset(curve, load(cells.curve, curve_at + U_RATCHET), p)
    return written_state(status, load(cells.hot, group * HOT + R_LRS), r_hrs, partial)


@njit(**INLINE)
def _fetch_rows(index: Pointer, at: int, move: Move, work: UInt32Array) -> None:
    """Write to ``work`` what formulas need of the writes of a group: four rows."""
    writes, into = move.writes, work
    for lane in range(W):
        k = index[at + lane]
        for row in range(4):
            into[row * W + lane] = writes[row, k]


def compile_move(revision: str) -> Any:
    """Return the kernel for one state of the sources, as `kernels.compile_kernels` does.

    Parameters
    ----------
    revision : str
        Digest of the sources, which becomes part of the cache key.

    Returns
    -------
    callable
    """

    @njit(cache=True, **OPTIONS)
    def move_cells(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        move: Move,
        index: UInt32Array,
    ) -> None:
        """Move cells: bring ``index`` up to date, and write their mixing states at the instant."""
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = np.empty(4 * W, np.uint32)
        rows, index_data, constants, widths = data(work), data(index), data(move.constants), data(move.widths)
        for group in range(first, last):
            written = _written(cells, params, group)
            fresh = as_written(load(cells.r, group * W), written)
            here = where(fresh, uint32s(move.present), load(index_data, group * W))
            store(index_data, group * W, here)
            _fetch_rows(index, group * W, move, work)
            lo, hi = ids(cells, group)
            key = write_key(lo, hi, load(rows, 0), load(rows, W), params.k0, params.k1)
            made = jumps_made(key, load(rows, 2 * W), load(rows, 3 * W))
            walk = reals(np.float32(0.0))
            for pair in range(move.pairs):
                p = load_constants(constants, move.prototype)
                walk = walk + two_jumps(key, pair, made, scalar(widths, 2 * pair), scalar(widths, 2 * pair + 1), p)
            p = load_constants(constants, move.prototype)
            q = load_constants(params.constants, params.prototype)
            s = strength(q.g_llrs - written / q.per_span, p)
            change = log_change(walk, key, move.grid, uint32s(move.instant), s, p)
            store(cells.r, group * W, moved(written, change, move.r_zero, move.r_max))

    return move_cells
