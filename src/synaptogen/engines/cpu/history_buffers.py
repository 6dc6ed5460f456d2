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
    beginning_at,
    copy_quarter,
    first_where,
    gather,
    lane_numbers,
    load,
    prefetch,
    scalar,
    store,
    transposed,
)
from .layout import HOT, WORD, Cells, Four, Rules, load4, store4

BLOCK = 20  # tiles whose slots lie side by side; the slots of a tile must not lie a multiple of 4 KiB apart
AHEAD = BLOCK  # tiles by which slots are asked for before they are needed: the hardware does not foresee them
STEP = 1 if W >= 4 else W  # between the features of a cell in a slot of its ring


@njit(**INLINE)
def remainder(number: UInt32, divisor: int) -> UInt32:
    """Number mod divisor, exact: one multiplication, one correction."""
    d = np.uint32(divisor)
    rest = number - wide_product(number, 0xFFFFFFFF // divisor)[0] * d
    return where(rest >= d, rest - d, rest)


@njit(**INLINE)
def next_number(word: UInt32) -> UInt32:
    """Number of the next cycle."""
    return (word + 1) & CYCLE


@njit(**INLINE)
def slot_at(rules: Rules, t: int, slot: int) -> int:
    """Where a slot of the rings of a tile begins."""
    return ((t // BLOCK * rules.slots + slot) * BLOCK + t % BLOCK) * 4 * W


@njit(**INLINE)
def place(lane: Any) -> Any:
    """Where the four features of a lane begin within a slot of a tile's rings; `load_slot` puts them into lanes."""
    return (lane % 4) * W + (lane // 4) * 4 if W >= 4 else lane


@njit(**INLINE)
def places(slots: UInt32) -> UInt32:
    """Where the four features of each lane lie, at a slot each, from the first slot of their tile on."""
    lane = lane_numbers()
    within = (lane & 3) * np.uint32(W) + (lane >> 2) * 4 if W >= 4 else lane
    return slots * np.uint32(BLOCK * 4 * W) + within


@njit(**INLINE)
def load_slot(rings: Any, at: int) -> Four:
    """One slot of the rings of a tile, as lanes."""
    a, b, c, d = load4(rings, at)
    return transposed(a, b, c, d)


@njit(**INLINE)
def store_slot(rings: Any, at: int, x: Four) -> None:
    """The inverse of `load_slot`."""
    store4(rings, at, transposed(x[0], x[1], x[2], x[3]))


@njit(**INLINE)
def copy_slot(source: Any, at: int, target: Any, to: int) -> None:
    """The four features of one cell and slot, from their place to another."""
    if W >= 4:
        copy_quarter(source, at, target, to)
    else:
        for j in range(4):
            target[to + j * W] = source[at + j * W]


@njit(**INLINE)
def fetch(rules: Rules, c: Cells, address: Any, reach: int, t: int, number: UInt32, mask: Mask) -> Four:
    """x of cycle ``number`` of the cells in the mask, from their rings; asks for those of a tile short of ``reach``."""
    slots = remainder(number, rules.slots)
    slot = np.int64(first_where(slots, mask))
    if any_(mask & (slots != slot)):
        return fetch_each(rules, c, address, reach, t, slots, mask)
    if t + AHEAD < reach:
        later = slot_at(rules, t + AHEAD, slot)
        for k in range(4):
            prefetch(c.memory, later + k * W)
    return load_slot(c.memory, slot_at(rules, t, slot))


@njit(**INLINE)
def fetch_each(rules: Rules, c: Cells, address: Any, reach: int, t: int, slots: UInt32, mask: Mask) -> Four:
    """The same for cells at different slots: only the lines that hold them are touched."""
    later = t + AHEAD
    if later < reach:
        store(address, 0, places(remainder(next_number(load(c.words, later * HOT + WORD)), rules.slots)))
        for lane in range(W):
            prefetch(c.memory, slot_at(rules, later, 0) + np.int64(scalar(address, lane)))
    at = places(slots)
    ring = beginning_at(c.memory, slot_at(rules, t, 0))
    return (
        gather(ring, at, mask),
        gather(ring, at + STEP, mask),
        gather(ring, at + 2 * STEP, mask),
        gather(ring, at + 3 * STEP, mask),
    )
