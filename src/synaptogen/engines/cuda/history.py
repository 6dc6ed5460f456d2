"""The history of a cell: what it keeps of earlier cycles, and how that moves on.

A VAR of order p keeps a ring of p slots, x_n in slot n mod p; sums run from the oldest x to the latest, as on the
processor. A state space keeps q numbers and advances them in place. The formulas are those of
`synaptogen.model.latent`; here are memory and the order of sums.
"""

from typing import Any

from synaptogen.model import (
    CYCLES,
    HISTORY,
    OWN_ROWS,
    UInt32,
    add,
    add_scaled,
    blended,
    innovation,
    innovation_of_lrs,
    next_unrest,
    rounded_mul,
    scaled,
)

from .layout import (
    WARP_TILE,
    CellBuffers,
    Four,
    KernelParams,
    cell_normals,
    four_zeros,
    load_four,
    load_own,
    slot_of,
    store_four,
)
from .scalars import load, load_row, real_of, store, uint32_of


def _add_block(x: Four, matrix: Any, base: int, m: Four) -> Four:
    """Return x plus a 4 x 4 matrix, stored by columns from ``base`` on, times m."""
    x = add_scaled(x, load_row(matrix, base), m[0])
    x = add_scaled(x, load_row(matrix, base + 4), m[1])
    x = add_scaled(x, load_row(matrix, base + 8), m[2])
    return add_scaled(x, load_row(matrix, base + 12), m[3])


# ---- VAR


def _begin_ring(state: CellBuffers, params: KernelParams, base: int, lo: UInt32, hi: UInt32) -> Four:
    """Store x_0 and the history before it, and return x_0."""
    slots = params.slots
    e = cell_normals(params, lo, hi, CYCLES, uint32_of(0), uint32_of(0))
    if not params.stationary:
        for slot in range(1, slots):
            store_four(state.memory, base + slot * 4 * WARP_TILE, four_zeros())
        x = innovation(e, params.constants.innovation)
        store_four(state.memory, base, x)
        return x
    # a stationary (x_0, x_-1, ...) is a triangular matrix times normals, computed in place from its last rows on
    for lag in range(1, slots):
        z = cell_normals(params, lo, hi, HISTORY, uint32_of(0), uint32_of(lag))
        store_four(state.memory, base + (slots - lag) * 4 * WARP_TILE, z)
    for lag in range(slots - 1, 0, -1):
        x = _add_block(four_zeros(), params.start, lag * slots * 16, e)
        for k in range(1, lag + 1):
            m = load_four(state.memory, base + (slots - k) * 4 * WARP_TILE)
            x = _add_block(x, params.start, (lag * slots + k) * 16, m)
        store_four(state.memory, base + (slots - lag) * 4 * WARP_TILE, x)
    x = _add_block(four_zeros(), params.start, 0, e)
    store_four(state.memory, base, x)
    return x


def _next_in_ring(state: CellBuffers, params: KernelParams, base: int, lo: UInt32, hi: UInt32, number: UInt32) -> Four:
    """Return x of cycle ``number`` > 0, which takes the place of the oldest x."""
    slots = params.slots
    e = innovation(cell_normals(params, lo, hi, CYCLES, number, uint32_of(0)), params.constants.innovation)
    slot = slot_of(number, slots)
    x = four_zeros()
    s = slot
    for lag in range(slots - 1, -1, -1):
        x = _add_block(x, params.readout, lag * 16, load_four(state.memory, base + s * 4 * WARP_TILE))
        s = s + 1 if s + 1 < slots else 0
    x = add(x, e)
    store_four(state.memory, base + slot * 4 * WARP_TILE, x)
    return x


# ---- state space


def _begin_states(state: CellBuffers, params: KernelParams, base: int, lo: UInt32, hi: UInt32) -> None:
    """Store stationary states (a triangular matrix times normals, in place from its last row on), or zeros."""
    q = params.states
    for block in range((q + 3) // 4):
        z = cell_normals(params, lo, hi, HISTORY, uint32_of(0), uint32_of(block))
        for k in range(4):
            if block * 4 + k < q:
                store(state.memory, base + (block * 4 + k) * WARP_TILE, z[k])
    for i in range(q - 1, -1, -1):
        y = real_of(0.0)
        if params.stationary:
            for j in range(i + 1):
                y = y + load(state.memory, base + j * WARP_TILE) * load(params.start, i * q + j)
        store(state.memory, base + i * WARP_TILE, y)


def _advance_states(
    state: CellBuffers, params: KernelParams, base: int, lo: UInt32, hi: UInt32, number: UInt32
) -> Four:
    """Return x of cycle ``number``, and advance the states in place, which works as F is upper quasi-triangular."""
    q = params.states
    e = cell_normals(params, lo, hi, CYCLES, number, uint32_of(0))
    x = innovation(e, params.constants.innovation)
    unrest = four_zeros()
    if params.restless:
        unrest = cell_normals(params, lo, hi, CYCLES, number, uint32_of(1))
        v = load(state.memory, base + (q - 1) * WARP_TILE)
        x = x[0], x[1], innovation_of_lrs(x[2], v, unrest[0], params.constants.restless), x[3]
    if params.own:
        slow = scaled(load_row(params.readout, 0), load(state.memory, base))
        for k in range(1, q):
            slow = add_scaled(slow, load_row(params.readout, 4 * k), load(state.memory, base + k * WARP_TILE))
        x = blended(slow, x, load_own(state.memory, base + q * WARP_TILE, params.own), params.constants.own)
    else:
        for k in range(q):
            x = add_scaled(x, load_row(params.readout, 4 * k), load(state.memory, base + k * WARP_TILE))
    before = real_of(0.0)
    for k in range(q):
        old = load(state.memory, base + k * WARP_TILE)
        g = load_row(params.G, 4 * k)
        new = rounded_mul(e[0], g[0]) + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * load(params.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(state.memory, base + j * WARP_TILE) * load(params.F, k * q + j)
        if params.restless and k == q - 1:
            new = next_unrest(old, unrest[1], params.constants.restless)
        store(state.memory, base + k * WARP_TILE, new)
        before = old
    return x


def next_latent(
    state: CellBuffers, params: KernelParams, base: int, lo: UInt32, hi: UInt32, number: UInt32, first: bool
) -> Four:
    """Return the latent vector x of a cycle, and advance the history of the cell by one cycle.

    Parameters
    ----------
    state, params
        All cells, and their parameter set.
    base : int
        Index of the first number of the cell in ``state.memory``.
    lo, hi : uint32
        Id of the cell.
    number : uint32
        Number of the cycle.
    first : bool
        Whether it is cycle 0, before which the history is drawn.

    Returns
    -------
    four real numbers
    """
    if params.slots > 0:
        if first:
            return _begin_ring(state, params, base, lo, hi)
        return _next_in_ring(state, params, base, lo, hi, number)
    if first:
        _begin_states(state, params, base, lo, hi)
    return _advance_states(state, params, base, lo, hi, number)


def memory_groups(params: KernelParams) -> int:
    """Return how many numbers a cell keeps of earlier cycles, and of what its device has of its own."""
    return 4 * params.slots + params.states + (OWN_ROWS if params.own else 0)
