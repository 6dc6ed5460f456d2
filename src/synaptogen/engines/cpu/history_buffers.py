"""History buffers of cells whose history is a VAR: where x is stored, and how it is fetched.

A VAR of order p keeps a ring buffer of p slots per cell, with x_n in slot n mod p. The four numbers of a cell and slot
lie side by side (`lane_offset`), so that cells at different cycle numbers touch few cache lines. The same slot of
`BLOCK` lane groups lies side by side, so that cells at the same cycle number are read in long runs. `history_refill`
describes how ring buffers are filled.
"""

import numpy as np
from numba import njit

from synaptogen.model import CYCLE, Mask, UInt32, any_, where, wide_product

from .lanes import (
    INLINE,
    Pointer,
    W,
    copy_four,
    first_where,
    gather,
    lane_numbers,
    load,
    offset_pointer,
    prefetch,
    scalar,
    store,
    transposed,
)
from .layout import HOT, STATUS, CellPointers, Four, KernelParams, load4, store4

BLOCK = 20  # groups whose slots lie side by side; the slots of a group must not lie a multiple of 4 KiB apart
SLOT_PREFETCH = BLOCK  # groups by which slots are prefetched ahead of use: the hardware does not foresee these accesses
STEP = 1 if W >= 4 else W  # distance between the four numbers of a cell in a slot


@njit(**INLINE)
def remainder(number: UInt32, divisor: int) -> UInt32:
    """Return number mod divisor, exactly, by one multiplication and one correction.

    Parameters
    ----------
    number : uint32 lanes
    divisor : int

    Returns
    -------
    uint32 lanes
    """
    d = np.uint32(divisor)
    rest = number - wide_product(number, 0xFFFFFFFF // divisor)[0] * d
    return where(rest >= d, rest - d, rest)


@njit(**INLINE)
def next_cycle(status: UInt32) -> UInt32:
    """Return the number of the cycle after the running one."""
    return (status + 1) & CYCLE


@njit(**INLINE)
def slot_offset(params: KernelParams, group: int, slot: int) -> int:
    """Return where a slot of the ring buffers of a group begins in `CellPointers.memory`.

    Parameters
    ----------
    params : KernelParams
    group, slot : int

    Returns
    -------
    int
    """
    return ((group // BLOCK * params.slots + slot) * BLOCK + group % BLOCK) * 4 * W


@njit(**INLINE)
def lane_offset(lane: int) -> int:
    """Return where the four numbers of a lane begin within a slot; `load_slot` turns them into lanes."""
    return (lane % 4) * W + (lane // 4) * 4 if W >= 4 else lane


@njit(**INLINE)
def _slot_offsets(slots: UInt32) -> UInt32:
    """Return where the four numbers of each lane begin, counted from slot 0 of the group, for one slot per lane."""
    lane = lane_numbers()
    within = (lane & 3) * np.uint32(W) + (lane >> 2) * 4 if W >= 4 else lane
    return slots * np.uint32(BLOCK * 4 * W) + within


@njit(**INLINE)
def load_slot(rings: Pointer, at: int) -> Four:
    """Load one slot of the ring buffers of a group.

    Parameters
    ----------
    rings, at
        Pointer, and the index from `slot_offset`.

    Returns
    -------
    four real lanes
        The four numbers of x.
    """
    a, b, c, d = load4(rings, at)
    return transposed(a, b, c, d)


@njit(**INLINE)
def store_slot(rings: Pointer, at: int, x: Four) -> None:
    """Store one slot of the ring buffers of a group.

    Parameters
    ----------
    rings, at
        Pointer, and the index from `slot_offset`.
    x : four real lanes
    """
    store4(rings, at, transposed(x[0], x[1], x[2], x[3]))


@njit(**INLINE)
def copy_slot(source: Pointer, at: int, target: Pointer, to: int) -> None:
    """Copy the four numbers of one cell and slot.

    Parameters
    ----------
    source, at
        Pointer, and the index of the first number.
    target, to
        Pointer to copy to, and the index of the first number there.
    """
    if W >= 4:
        copy_four(source, at, target, to)
    else:
        for j in range(4):
            target[to + j * W] = source[at + j * W]


@njit(**INLINE)
def fetch_latent(
    params: KernelParams,
    cells: CellPointers,
    address: Pointer,
    prefetch_end: int,
    group: int,
    number: UInt32,
    mask: Mask,
) -> Four:
    """Return x of a cycle of some cells from their ring buffers, and prefetch the slots of a later group.

    Parameters
    ----------
    params, cells
        Parameter set and cells.
    address : pointer to uint32
        Working memory of W integers.
    prefetch_end : int
        Only groups before this one are prefetched.
    group : int
    number : uint32 lanes
        Cycle numbers.
    mask : mask lanes
        Cells that begin the cycle.

    Returns
    -------
    four real lanes
    """
    slots = remainder(number, params.slots)
    slot = np.int64(first_where(slots, mask))
    if any_(mask & (slots != slot)):
        return _fetch_each(params, cells, address, prefetch_end, group, slots, mask)
    if group + SLOT_PREFETCH < prefetch_end:
        later = slot_offset(params, group + SLOT_PREFETCH, slot)
        for k in range(4):
            prefetch(cells.memory, later + k * W)
    return load_slot(cells.memory, slot_offset(params, group, slot))


@njit(**INLINE)
def _fetch_each(
    params: KernelParams,
    cells: CellPointers,
    address: Pointer,
    prefetch_end: int,
    group: int,
    slots: UInt32,
    mask: Mask,
) -> Four:
    """Return x of cells at different slots; only the cache lines that hold them are touched."""
    later = group + SLOT_PREFETCH
    if later < prefetch_end:
        store(address, 0, _slot_offsets(remainder(next_cycle(load(cells.status, later * HOT + STATUS)), params.slots)))
        for lane in range(W):
            prefetch(cells.memory, slot_offset(params, later, 0) + np.int64(scalar(address, lane)))
    at = _slot_offsets(slots)
    ring = offset_pointer(cells.memory, slot_offset(params, group, 0))
    return (
        gather(ring, at, mask),
        gather(ring, at + STEP, mask),
        gather(ring, at + 2 * STEP, mask),
        gather(ring, at + 3 * STEP, mask),
    )
