"""History of cells as a state space: q numbers per cell that are advanced in place, one lane group at a time.

    x_n = H s_n + B e_n,   s_(n+1) = F s_n + G e_n

See `params.StateSpace` and docs/model.md. States lie in q consecutive rows per group.
"""

import numpy as np
from numba import njit

from synaptogen.model import CYCLES, HISTORY, Mask, UInt32, add_scaled, innovation, normals, rounded_mul

from .history_refill import Pending
from .lanes import INLINE, Pointer, W, load, load_constants, reals, scalar, store, store_where, uint32s
from .layout import CellPointers, Four, KernelParams, scalar4


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
        store_where(cells.memory, (group * params.states + k) * W, load(pending.ring_copies, k * W), mask)


@njit(**INLINE)
def latent_of_states(params: KernelParams, states: Pointer, at: int, e: Four) -> Four:
    """Return x = H s + B e of the cycle to which some states belong.

    Parameters
    ----------
    params : KernelParams
    states, at
        Pointer to the states, and the index of the first number.
    e : four real lanes
        Normals of the cycle.

    Returns
    -------
    four real lanes
    """
    p = load_constants(params.constants, params.prototype)
    x = innovation(e, p.innovation)
    for k in range(params.states):
        x = add_scaled(x, scalar4(params.readout, 4 * k), load(states, at + k * W))
    return x


@njit(**INLINE)
def advance_states(
    params: KernelParams, cells: CellPointers, group: int, lo: UInt32, hi: UInt32, number: UInt32, mask: Mask
) -> Four:
    """Return x of a cycle, and advance the states of cells that begin it to the next cycle.

    F is upper quasi-triangular, so states can be replaced one after the other.

    Parameters
    ----------
    params, cells
        Parameter set, and cells with states as their memory.
    group : int
    lo, hi, number : uint32 lanes
        Cell ids and cycle numbers.
    mask : mask lanes
        Cells that begin the cycle.

    Returns
    -------
    four real lanes
    """
    q = params.states
    at = group * q * W
    e = normals(lo, hi, CYCLES, number, 0, params.k0, params.k1)
    x = latent_of_states(params, cells.memory, at, e)
    before = reals(np.float32(0.0))
    for k in range(q):
        old = load(cells.memory, at + k * W)
        g = scalar4(params.G, 4 * k)
        new = rounded_mul(e[0], g[0]) + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * scalar(params.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(cells.memory, at + j * W) * scalar(params.F, k * q + j)
        store_where(cells.memory, at + k * W, new, mask)
        before = old
    return x
