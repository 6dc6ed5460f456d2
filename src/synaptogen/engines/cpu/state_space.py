"""History of cells as a state space: q numbers per cell that are advanced in place, one lane group at a time.

    x_n = H s_n + B e_n,   s_(n+1) = F s_n + G e_n

See `params.StateSpace` and docs/model.md. States lie in q consecutive rows per group.
"""

import numpy as np
from numba import njit

from synaptogen.model import (
    CYCLES,
    HISTORY,
    Mask,
    UInt32,
    add_scaled,
    blended,
    innovation,
    innovation_of_lrs,
    next_unrest,
    normals,
    rounded_mul,
    scaled,
)

from .history_refill import Pending
from .lanes import (
    INLINE,
    Pointer,
    W,
    first_half,
    load,
    load_constants,
    pair,
    reals,
    scalar,
    second_half,
    store,
    store_where,
    uint32s,
)
from .layout import CellPointers, Four, KernelParams, load_own, scalar4


@njit(**INLINE)
def draw_states(params: KernelParams, states: Pointer, at: int, lo: UInt32, hi: UInt32) -> None:
    """Draw the states of a group at the beginning of life: stationary, or zeros.

    Stationary states are a lower triangular matrix times normals, computed in place from the last row.

    Parameters
    ----------
    params : KernelParams
    states, at
        Where the states are stored: pointer, and the index of the first number.
    lo, hi : uint32 lanes
        Cell ids.
    """
    q = params.states
    for block in range((q + 3) // 4):
        z = normals(lo, hi, HISTORY, uint32s(0), block, params.k0, params.k1)
        for k in range(4):
            if block * 4 + k < q:
                store(states, at + (block * 4 + k) * W, z[k])
    for i in range(q - 1, -1, -1):
        y = reals(np.float32(0.0))
        if params.stationary:
            for j in range(i + 1):
                y = y + load(states, at + j * W) * scalar(params.start, i * q + j)
        store(states, at + i * W, y)


@njit(**INLINE)
def restart_states(
    params: KernelParams, cells: CellPointers, pending: Pending, group: int, lo: UInt32, hi: UInt32, mask: Mask
) -> None:
    """Set the states of some cells back to those at the beginning of life.

    A cell that has gone through all cycle numbers starts again at cycle 0.

    Parameters
    ----------
    params, cells, pending
        Parameter set, cells, and pending work whose ``ring_copies`` are free to be used.
    group : int
    lo, hi : uint32 lanes
        Cell ids.
    mask : mask lanes
        Cells to restart.
    """
    draw_states(params, pending.ring_copies, 0, lo, hi)
    for k in range(params.states):
        store_where(cells.memory, (group * params.rows + k) * W, load(pending.ring_copies, k * W), mask)


@njit(**INLINE)
def latent_of_states(
    params: KernelParams, states: Pointer, at: int, own: Pointer, own_at: int, e: Four, unrest: Four
) -> Four:
    """Return x = H s + B e of the cycle to which some states belong.

    Parameters
    ----------
    params : KernelParams
    states, at
        Pointer to the states, and the index of the first number.
    own, own_at
        Pointer to what devices have of their own, and the index of the first number; used if they have.
    e : four real lanes
        Normals of the cycle.
    unrest : four real lanes
        Further normals, used if innovations are restless.

    Returns
    -------
    four real lanes
    """
    p = load_constants(params.constants, params.kind)
    x = innovation(e, p.innovation)
    if params.restless:
        v = load(states, at + (params.states - 1) * W)
        x = x[0], x[1], innovation_of_lrs(x[2], v, unrest[0], p.restless), x[3]
    if params.own:
        slow = scaled(scalar4(params.readout, 0), load(states, at))
        for k in range(1, params.states):
            slow = add_scaled(slow, scalar4(params.readout, 4 * k), load(states, at + k * W))
        return blended(slow, x, load_own(own, own_at), p.own)
    for k in range(params.states):
        x = add_scaled(x, scalar4(params.readout, 4 * k), load(states, at + k * W))
    return x


@njit(**INLINE)
def normals_of_cycle(params: KernelParams, lo: UInt32, hi: UInt32, number: UInt32) -> tuple[Four, Four]:
    """Return the normals of a cycle, and those that restless innovations need beside them; zeros without them.

    Both blocks of a restless cycle are drawn side by side: each step of a draw waits for the step before it.

    Parameters
    ----------
    params : KernelParams
    lo, hi, number : uint32 lanes
        Cell ids and cycle numbers.

    Returns
    -------
    e, unrest : four real lanes each
    """
    if params.restless:
        blocks = pair(uint32s(0), uint32s(1))
        both = normals(pair(lo, lo), pair(hi, hi), CYCLES, pair(number, number), blocks, params.k0, params.k1)
        e = first_half(both[0]), first_half(both[1]), first_half(both[2]), first_half(both[3])
        return e, (second_half(both[0]), second_half(both[1]), second_half(both[2]), second_half(both[3]))
    zero = reals(np.float32(0.0))
    return normals(lo, hi, CYCLES, number, 0, params.k0, params.k1), (zero, zero, zero, zero)


@njit(**INLINE)
def advance_states(
    params: KernelParams,
    cells: CellPointers,
    group: int,
    own: Pointer,
    own_at: int,
    lo: UInt32,
    hi: UInt32,
    number: UInt32,
    mask: Mask,
) -> Four:
    """Return x of a cycle, and advance the states of cells that begin it to the next cycle.

    F is upper quasi-triangular, so states can be replaced one after the other.

    Parameters
    ----------
    params, cells
        Parameter set, and cells with states as their memory.
    group : int
    own, own_at
        As in `latent_of_states`.
    lo, hi, number : uint32 lanes
        Cell ids and cycle numbers.
    mask : mask lanes
        Cells that begin the cycle.

    Returns
    -------
    four real lanes
    """
    q = params.states
    at = group * params.rows * W
    e, unrest = normals_of_cycle(params, lo, hi, number)
    x = latent_of_states(params, cells.memory, at, own, own_at, e, unrest)
    before = reals(np.float32(0.0))
    for k in range(q):
        old = load(cells.memory, at + k * W)
        g = scalar4(params.G, 4 * k)
        new = rounded_mul(e[0], g[0]) + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * scalar(params.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(cells.memory, at + j * W) * scalar(params.F, k * q + j)
        if params.restless and k == q - 1:
            new = next_unrest(old, unrest[1], load_constants(params.constants, params.kind).restless)
        store_where(cells.memory, at + k * W, new, mask)
        before = old
    return x
