"""The device code that moves a cell to another instant: what `synaptogen.model.fluctuation` says, one thread a cell."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from synaptogen.engines.compiled_params import single_precision
from synaptogen.engines.moments import Moment, walk_widths
from synaptogen.model import (
    Constants,
    Real,
    Transition,
    UInt32,
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

from .layout import (
    FIELD_GROUPS,
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    U_RATCHET,
    CellBuffers,
    KernelParams,
    base_of,
    cell_id,
)
from .scalars import index_of, load, real_of, store, uint32_of


class KernelMoment(NamedTuple):
    """A `Moment` as kernels take it.

    Attributes
    ----------
    constants : FluctuationConstants
        Numbers of the parameter set, in single precision.
    widths : array of float32
        Scales of the jumps of all slots.
    pairs : int
        Pairs of slots to look at.
    grid, writes : array of uint32
        As of `Moment`, flat.
    count : int
        Number of writes.
    instant, present : uint32
        As of `Moment`.
    r_zero, r_max : float32
        Mixing states of zero conductance and of the least conductive passive cell.
    span : float32
        Conductance in S at the read voltage per unit of the mixing state.
    """

    constants: Any
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


def kernel_moment_of(moment: Moment, p: Constants, transfer: Callable[..., Any]) -> KernelMoment:
    """Return a moment as kernels take it.

    Parameters
    ----------
    moment : Moment
        The moment.
    p : Constants
        Constants of the device population.
    transfer : callable
        Brings an array to where kernels read it, see `kernel_params.Transfer`.

    Returns
    -------
    KernelMoment
    """
    return KernelMoment(
        single_precision(moment.constants),
        transfer(walk_widths(), np.float32),
        moment.pairs,
        transfer(moment.grid, np.uint32),
        transfer(moment.writes.ravel(), np.uint32),
        moment.writes.shape[1],
        np.uint32(moment.instant[0]),
        np.uint32(moment.present),
        np.float32(p.g_llrs * p.per_span),
        np.float32(p.r_max),
        np.float32(1.0 / p.per_span),
    )


def move_cell(state: CellBuffers, params: KernelParams, moment: KernelMoment, index: Any, i: int) -> None:
    """Move a cell: bring what is known of its last write up to date, and store its mixing state at the instant.

    Parameters
    ----------
    state, params
        All cells, and their parameter set.
    moment : KernelMoment
        The instant.
    index : array of uint32
        Which write each cell has last seen.
    i : int
        Position of the cell.
    """
    written = _written(state, params, i)
    fresh = as_written(load(state.r, i), written)
    here = where(fresh, uint32_of(moment.present), load(index, i))
    store(index, i, here)
    k = index_of(here)
    lo, hi = cell_id(state, i)
    key = write_key(
        lo,
        hi,
        load(moment.writes, k),
        load(moment.writes, moment.count + k),
        uint32_of(params.k0),
        uint32_of(params.k1),
    )
    made = jumps_made(key, load(moment.writes, 2 * moment.count + k), load(moment.writes, 3 * moment.count + k))
    walk = real_of(0.0)
    for pair in range(moment.pairs):
        width, next_width = load(moment.widths, 2 * pair), load(moment.widths, 2 * pair + 1)
        walk = walk + two_jumps(key, pair, made, width, next_width, moment.constants)
    s = strength((moment.r_zero - written) * moment.span, moment.constants)
    change = log_change(walk, key, _places(moment.grid), uint32_of(moment.instant), s, moment.constants)
    store(state.r, i, moved(written, change, moment.r_zero, moment.r_max))


def _written(state: CellBuffers, params: KernelParams, i: int) -> Real:
    """Return the mixing state that the last change of a cell wrote."""
    base, status = base_of(i, FIELD_GROUPS), load(state.status, i)
    r_hrs = load(state.fields, base + R_HRS)
    partial = r_hrs
    if any_(is_irs(status)):
        curve = Transition(load(state.fields, base + T_SCALE), load(state.fields, base + T_END))
        partial = partial_reset(curve, load(state.fields, base + U_RATCHET), params.constants)
    return written_state(status, load(state.fields, base + R_LRS), r_hrs, partial)


def _places(grid: Any) -> tuple[UInt32, ...]:
    """Return slot and passed fraction of each of the eleven grids; a loop would make a list."""
    return (
        load(grid, 0),
        load(grid, 1),
        load(grid, 2),
        load(grid, 3),
        load(grid, 4),
        load(grid, 5),
        load(grid, 6),
        load(grid, 7),
        load(grid, 8),
        load(grid, 9),
        load(grid, 10),
        load(grid, 11),
        load(grid, 12),
        load(grid, 13),
        load(grid, 14),
        load(grid, 15),
        load(grid, 16),
        load(grid, 17),
        load(grid, 18),
        load(grid, 19),
        load(grid, 20),
        load(grid, 21),
    )
