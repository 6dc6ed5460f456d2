"""Where the state of cells lies in memory, and the params beside it: pointers, offsets, groups of lanes."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.model import Real, UInt32, where

from .lanes import INLINE, W, lane_numbers, load, prefetch_far, reals, scalar, store, uint32s

Four = tuple[Real, Real, Real, Real]

HOT, DEVICE_RECORD, CURVE = 3 * W, 10 * W, 3 * W
"""Numbers per lane group in each of the three records."""
STATUS, U_SET, R_LRS = (W * k for k in range(3))
"""Where the rows of the hot record begin."""
U_RESET, R_HRS = 8 * W, 9 * W
"""Where the rows of the device record begin that follow the device vector."""
U_RATCHET, T_SCALE, T_END = (W * k for k in range(3))
"""Where the rows of the curve record begin."""
DEVICE_VECTOR = 8 * W
"""Numbers of the device record that are the device vector."""


class CellPointers(NamedTuple):
    """Pointers to the state of an array of cells.

    ``hot``, ``device`` and ``curve`` hold consecutive groups of W numbers for each tile: what every voltage touches;
    the device vector and the features that only RESETs ask for; what only cells on their RESET curve have. So no pass
    streams what it does not need. The mixing states ``r`` stand alone: a read takes four bytes a cell. ``words`` is
    ``hot`` read as integers. ``memory`` is states, or rings as in `rings`.
    """

    r: Any
    hot: Any
    status: Any
    device: Any
    curve: Any
    memory: Any
    id_lo: Any
    id_hi: Any
    first_id: Any
    consecutive: Any


class KernelParams(NamedTuple):
    """Pointers to the coefficients of a params, its sizes, and the key of the random numbers."""

    constants: Any
    prototype: Any
    readout: Any
    F: Any
    G: Any
    start: Any
    slots: Any
    states: Any
    stationary: Any
    k0: Any
    k1: Any


@njit(**INLINE)
def ids(cells: CellPointers, group: int) -> tuple[UInt32, UInt32]:
    """Ids of the cells of a tile, as low and high words."""
    if cells.consecutive:
        first = cells.first_id + np.uint64(group * W)
        low = uint32s(first & np.uint64(0xFFFFFFFF))
        lo = low + lane_numbers()
        hi = uint32s(first >> np.uint64(32))
        return lo, where(lo < low, hi + 1, hi)
    return load(cells.id_lo, group * W), load(cells.id_hi, group * W)


@njit(**INLINE)
def load4(pointer: Any, at: int) -> Four:
    """Four consecutive groups."""
    return load(pointer, at), load(pointer, at + W), load(pointer, at + 2 * W), load(pointer, at + 3 * W)


@njit(**INLINE)
def store4(pointer: Any, at: int, x: Four) -> None:
    """Four consecutive groups."""
    store(pointer, at, x[0])
    store(pointer, at + W, x[1])
    store(pointer, at + 2 * W, x[2])
    store(pointer, at + 3 * W, x[3])


@njit(**INLINE)
def prefetch_numbers(pointer: Any, at: int, count: int) -> None:
    """Ask for some numbers that will be needed later."""
    for k in range(0, count, W):
        prefetch_far(pointer, at + k)


@njit(**INLINE)
def scalar4(pointer: Any, at: int) -> tuple[float, float, float, float]:
    """Four consecutive numbers."""
    return scalar(pointer, at), scalar(pointer, at + 1), scalar(pointer, at + 2), scalar(pointer, at + 3)


@njit(**INLINE)
def zeros() -> Four:
    """Four zeros."""
    z = reals(np.float32(0.0))
    return z, z, z, z


@njit(**INLINE)
def add4(a: Four, b: Four) -> Four:
    """Sum of two four-vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]
