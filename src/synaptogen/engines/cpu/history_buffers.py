"""The rings in which cells whose history is a VAR keep their x: where they lie, and how x is taken from them.

A VAR of order p keeps a ring of p slots a cell, x_n in slot n mod p. The four features of a cell and slot lie side by
side (`place`), so that cells out of step touch few cache lines; the same slot of `BLOCK` tiles lies side by side, so
that cells in step are read in long runs. How rings are filled: see `renewal`.
"""

from typing import Any

import numpy as np
from numba import njit

from synaptogen.model import CYCLE, Mask, UInt32, any_, where, wide_product

from .lanes import (
    INLINE,
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
    """Number mod divisor, exact: one multiplication, one correction."""
    d = np.uint32(divisor)
    rest = number - wide_product(number, 0xFFFFFFFF // divisor)[0] * d
    return where(rest >= d, rest - d, rest)


@njit(**INLINE)
def next_cycle(status: UInt32) -> UInt32:
    """Number of the next cycle."""
    return (status + 1) & CYCLE


@njit(**INLINE)
def slot_offset(params: KernelParams, group: int, slot: int) -> int:
    """Where a slot of the rings of a tile begins."""
    return ((group // BLOCK * params.slots + slot) * BLOCK + group % BLOCK) * 4 * W


@njit(**INLINE)
def lane_offset(lane: Any) -> Any:
    """Where the four features of a lane begin within a slot of a tile's rings; `load_slot` puts them into lanes."""
    return (lane % 4) * W + (lane // 4) * 4 if W >= 4 else lane


@njit(**INLINE)
def _slot_offsets(slots: UInt32) -> UInt32:
    """Where the four features of each lane lie, at a slot each, from the first slot of their tile on."""
    lane = lane_numbers()
    within = (lane & 3) * np.uint32(W) + (lane >> 2) * 4 if W >= 4 else lane
    return slots * np.uint32(BLOCK * 4 * W) + within


@njit(**INLINE)
def load_slot(ring_copies: Any, at: int) -> Four:
    """One slot of the rings of a tile, as lanes."""
    a, b, cells, d = load4(ring_copies, at)
    return transposed(a, b, cells, d)


@njit(**INLINE)
def store_slot(ring_copies: Any, at: int, x: Four) -> None:
    """The inverse of `load_slot`."""
    store4(ring_copies, at, transposed(x[0], x[1], x[2], x[3]))


@njit(**INLINE)
def copy_slot(source: Any, at: int, target: Any, to: int) -> None:
    """The four features of one cell and slot, from their place to another."""
    if W >= 4:
        copy_four(source, at, target, to)
    else:
        for j in range(4):
            target[to + j * W] = source[at + j * W]


@njit(**INLINE)
def fetch_latent(
    params: KernelParams, cells: CellPointers, address: Any, prefetch_end: int, group: int, number: UInt32, mask: Mask
) -> Four:
    """x of cycle ``number`` of the cells in the mask, from their rings; asks for those of a tile short of ``reach``."""
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
    params: KernelParams, cells: CellPointers, address: Any, prefetch_end: int, group: int, slots: UInt32, mask: Mask
) -> Four:
    """The same for cells at different slots: only the lines that hold them are touched."""
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
