"""The kernel that moves cells to another instant: what `synaptogen.model.fluctuation` says, two groups at a time."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit

from synaptogen.engines.moments import Moment, walk_widths
from synaptogen.model import (
    Constants,
    FluctuationConstants,
    Real,
    Transition,
    UInt32,
    any_,
    as_written,
    bits,
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
    first_half,
    flatten,
    gather,
    in_cache_key,
    load,
    load_constants,
    pair,
    reals,
    scalar,
    second_half,
    store,
    type_of,
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

Two: TypeAlias = tuple[Any, Any]
"""Something of each of two groups: their cells are moved together."""


class Move(NamedTuple):
    """A `Moment` as kernels take it.

    Attributes
    ----------
    constants : array of float32
        Numbers of the `FluctuationConstants`.
    prototype : FluctuationConstants
        Of which only the type is used, see `lanes.type_of`.
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
    span : float32
        Conductance in S at the read voltage per unit of the mixing state.
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
    span: Any


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
        np.float32(1.0 / p.per_span),
    )


@njit(**INLINE)
def _written(cells: CellPointers, params: KernelParams, group: int) -> Real:
    """Return the mixing states that the last change of the cells of a group wrote."""
    status, curve_at = load(cells.status, group * HOT + STATUS), group * CURVE
    r_hrs = load(cells.device, group * DEVICE_RECORD + R_HRS)
    partial = r_hrs
    if any_(is_irs(status)):
        p = load_constants(params.constants, params.kind)
        curve = Transition(load(cells.curve, curve_at + T_SCALE), load(cells.curve, curve_at + T_END))
        partial = partial_reset(curve, load(cells.curve, curve_at + U_RATCHET), p)
    return written_state(status, load(cells.hot, group * HOT + R_LRS), r_hrs, partial)


@njit(**INLINE)
def _last_write(cells: CellPointers, index: Pointer, group: int, written: Real, present: int) -> UInt32:
    """Return which write the cells of a group have last seen."""
    fresh = as_written(load(cells.r, group * W), written)
    return where(fresh, uint32s(present), load(index, group * W))


class MovePointers(NamedTuple):
    """A `Move` within kernels, with raw pointers: arrays would be counted at each call of an inner function.

    Attributes
    ----------
    constants, widths, pairs, instant, present, r_zero, r_max, span
        As of `Move`.
    kind
        Stands for the type of the constants, see `lanes.load_constants`.
    grid : tuple of uint32
        As of `Moment`.
    writes : pointer to uint32
        As of `Moment`, ``count`` numbers in a row.
    count : int
        Number of writes.
    """

    constants: Any
    kind: Any
    widths: Any
    pairs: Any
    grid: Any
    writes: Any
    count: Any
    instant: Any
    present: Any
    r_zero: Any
    r_max: Any
    span: Any


@njit(**INLINE)
def pointers_of(move: Move) -> MovePointers:
    """Return a move with raw pointers to its arrays, which the caller keeps alive."""
    return MovePointers(
        data(move.constants),
        type_of(move.prototype),
        data(move.widths),
        move.pairs,
        _places(data(move.grid)),
        data(move.writes),
        move.writes.shape[1],
        move.instant,
        move.present,
        move.r_zero,
        move.r_max,
        move.span,
    )


@njit(**INLINE)
def _places(grid: Pointer) -> Any:
    """Return slot and passed fraction of each of the eleven grids."""
    return (
        scalar(grid, 0),
        scalar(grid, 1),
        scalar(grid, 2),
        scalar(grid, 3),
        scalar(grid, 4),
        scalar(grid, 5),
        scalar(grid, 6),
        scalar(grid, 7),
        scalar(grid, 8),
        scalar(grid, 9),
        scalar(grid, 10),
        scalar(grid, 11),
        scalar(grid, 12),
        scalar(grid, 13),
        scalar(grid, 14),
        scalar(grid, 15),
        scalar(grid, 16),
        scalar(grid, 17),
        scalar(grid, 18),
        scalar(grid, 19),
        scalar(grid, 20),
        scalar(grid, 21),
    )


@njit(**INLINE)
def _row_of(move: MovePointers, row: int, here: Two, first: int, alike: bool) -> UInt32:
    """Return a row of ``move.writes`` for two groups of cells.

    Parameters
    ----------
    move : MovePointers
    row : int
        Which row.
    here : two uint32 lanes
        Which write each cell has last seen.
    first : uint32
        That of the first cell.
    alike : bool
        Whether it is that of all of them, as of most groups.

    Returns
    -------
    2 W uint32 lanes
    """
    place = row * move.count
    all_of_them = uint32s(scalar(move.writes, place + np.int64(first)))
    words = pair(all_of_them, all_of_them)
    if not alike:
        words = pair(_words_at(move, here[0] + np.uint32(place)), _words_at(move, here[1] + np.uint32(place)))
    return words


@njit(**INLINE)
def _words_at(move: MovePointers, place: UInt32) -> UInt32:
    """Return the words at some places of ``move.writes``."""
    return bits(gather(move.writes, place, place == place))


@njit(**INLINE)
def states_at(
    groups: Two, written: Two, here: Two, first: int, move: MovePointers, params: KernelParams, cells: CellPointers
) -> Two:
    """Return the mixing states of two groups at an instant.

    Parameters
    ----------
    groups : two int
    written : two real lanes
        Mixing states that were written.
    here : two uint32 lanes
        Which of the writes wrote them.
    first : uint32
        That of the first cell.
    move, params : MovePointers, KernelParams
    cells : CellPointers or packed.layout.Packed

    Returns
    -------
    two real lanes
    """
    alike = not any_((here[0] != uint32s(first)) | (here[1] != uint32s(first)))
    a, b = ids(cells, groups[0]), ids(cells, groups[1])
    early, late = _row_of(move, 0, here, first, alike), _row_of(move, 1, here, first, alike)
    key = write_key(pair(a[0], b[0]), pair(a[1], b[1]), early, late, params.k0, params.k1)
    made = jumps_made(key, _row_of(move, 2, here, first, alike), _row_of(move, 3, here, first, alike))
    zero = reals(np.float32(0.0))
    walk = pair(zero, zero)
    for jumps in range(move.pairs):
        p = load_constants(move.constants, move.kind)
        width, next_width = scalar(move.widths, 2 * jumps), scalar(move.widths, 2 * jumps + 1)
        walk = walk + two_jumps(key, jumps, made, width, next_width, p)
    p = load_constants(move.constants, move.kind)
    both, instant = pair(written[0], written[1]), uint32s(move.instant)
    s = strength((move.r_zero - both) * move.span, p)
    change = log_change(walk, key, move.grid, pair(instant, instant), s, p)
    r = moved(both, change, move.r_zero, move.r_max)
    return first_half(r), second_half(r)


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
        memory: UInt32Array,
    ) -> None:
        """Move cells: bring ``memory`` up to date, and write their mixing states at the instant."""
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params, to = params_from(param_arrays), pointers_of(move)
        index = data(memory)
        for group in range(first, last, 2):
            other = min(group + 1, last - 1)  # the last group may be alone
            written = _written(cells, params, group), _written(cells, params, other)
            here = (
                _last_write(cells, index, group, written[0], to.present),
                _last_write(cells, index, other, written[1], to.present),
            )
            store(index, group * W, here[0])
            store(index, other * W, here[1])
            r = states_at((group, other), written, here, scalar(index, group * W), to, params, cells)
            store(cells.r, group * W, r[0])
            store(cells.r, other * W, r[1])

    return move_cells
