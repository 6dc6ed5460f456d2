"""How cells whose history is a VAR come to their next cycles, W cells at a time.

A VAR **runs ahead**: since the future of a cell depends on its seed alone, its whole ring of p slots is renewed at
once, every p cycles, as soon as the last x in it has been used. History is then read once in p cycles instead of once
a cycle, and cells at different cycle numbers need different slots only when they fetch their x, not while sums are
formed. From its first SET on, a cell has its next x in its ring.

Cells take turns: at which cycle a ring is used up depends on the cell's id (`last_slots`), so that each RESET renews
one in p of the rings. While sums are formed, memory has little to do; the cells that come next are fetched then. Sums
run from the oldest x to the latest, so that no bit depends on these turns.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.model import CYCLE, CYCLES, HISTORY, Mask, UInt32, add_scaled, any_, innovation, normals, where

from .history_buffers import BLOCK, copy_slot, load_slot, next_number, place, remainder, slot_at, store_slot
from .lanes import (
    DRAWS,
    INLINE,
    PART,
    W,
    beside,
    first_of,
    first_where,
    lane_numbers,
    load,
    lowest,
    ones,
    packed,
    prefetch,
    read,
    second_of,
    store,
    store_where,
)
from .lanes import words as lanes_of
from .layout import DEVICE_RECORD, HOT, WORD, Cells, Four, Rules, add4, ask_for, ids, load4, scalar4, store4, zeros

STARTS, RENEWALS = 0, 1
ALL = (1 << W) - 1  # all lanes of a tile, as bits
GROUP = 4 if W == 16 else 2  # tiles whose sums are formed together: as many as the registers of the machine hold
TOGETHER = 6  # cells whose ids differ in so many low bits only take the same turns
TILES_TOGETHER = max(1, (1 << TOGETHER) // W)
# what `Pending.coming` holds: the first tile that has not been asked for, the first that need not be, the first that
# steps need not ask for (0: they leave it all to sums), and the turn that comes to cells in step (-1: not known yet)
NEXT, END, REACH, TURN = range(4)


class Pending(NamedTuple):
    """What has to be begun or renewed, gathered until it fills a group: whole tiles, and single cells of others."""

    tiles: Any  # two lists of tiles (STARTS, RENEWALS), ``room`` long each
    masks: Any  # which of their cells are meant, as bits
    cells: Any  # two lists of cell positions, ``room`` * W long each
    lengths: Any  # of the lists of tiles, then of the lists of cells
    room: Any
    rings: Any  # room for one group of rings, slots from the oldest x to the latest
    innovations: Any  # room for the innovations of one group
    counts: Any  # how many slots of each cell of a group are filled, where not all of them are
    first: Any  # slot of the oldest x of each tile, or each cell, of a group
    address: Any  # id low, id high and cycle number of each cell of a group
    coming: Any  # what has to be asked for while sums are formed: NEXT, END, REACH, TURN


# ---- what has to be done


@njit(**INLINE)
def last_slots(rules: Rules, lo: UInt32) -> UInt32:
    """The slot of each cell after which its ring is used up, by the low words of ids."""
    return remainder(lo >> TOGETHER, rules.slots)


@njit(**INLINE)
def prepare(rules: Rules, c: Cells, pending: Pending, t: int, word: UInt32, mask: Mask) -> None:
    """Cells in the mask have been set: note those whose ring has not begun."""
    number = next_number(word)
    begin = mask & (number <= 1)  # cycle 0 comes again after the last
    if any_(begin):
        lo, _ = ids(c, t)
        last = last_slots(rules, lo)
        note(rules, c, pending, STARTS, t, begin, last)
        note(rules, c, pending, RENEWALS, t, begin & (number == 1) & (last == 0), last)


@njit(**INLINE)
def used_up(rules: Rules, c: Cells, pending: Pending, t: int, number: UInt32, mask: Mask) -> None:
    """Cells in the mask have begun cycle ``number``: note those whose ring holds no later one."""
    slots = remainder(number, rules.slots)
    lo, _ = ids(c, t)
    note(rules, c, pending, RENEWALS, t, mask & (slots == last_slots(rules, lo)), slots)


@njit(**INLINE)
def note(rules: Rules, c: Cells, pending: Pending, which: int, t: int, mask: Mask, slots: UInt32) -> None:
    """Put a tile on a list if the mask holds for most of it, all at one of ``slots``; else its cells in the mask.

    Most, not half: a voltage each may bring a tile here twice, for other cells, and lists have room for it once.
    """
    if any_(mask):
        lanes = np.int64(packed(mask))
        if 2 * ones(lanes) > W and not any_(mask & (slots != first_where(slots, mask))):
            entry = which * pending.room + pending.lengths[which]
            pending.tiles[entry], pending.masks[entry] = t, lanes
            pending.lengths[which] += 1
        else:
            length = pending.lengths[2 + which]
            while lanes != 0:
                lane = lowest(lanes)
                pending.cells[which * pending.room * W + length] = t * W + lane
                for slot in range(rules.slots):
                    prefetch(c.memory, slot_at(rules, t, slot) + place(lane))
                length += 1
                lanes &= lanes - 1
            pending.lengths[2 + which] = length


# ---- the process, on copies of rings


@njit(**INLINE)
def add_block(x: Four, matrix: Any, at: int, m: Four) -> Four:
    """X plus a 4x4 matrix, stored by columns, times m."""
    x = add_scaled(x, scalar4(matrix, at), m[0])
    x = add_scaled(x, scalar4(matrix, at + 4), m[1])
    x = add_scaled(x, scalar4(matrix, at + 8), m[2])
    return add_scaled(x, scalar4(matrix, at + 12), m[3])


@njit(**PART)
def draw_innovations(
    rules: Rules, c: Cells, pending: Pending, g: int, lo: UInt32, hi: UInt32, number: UInt32, count: int, ring: int
) -> None:
    """B e of ``count`` cycles from ``number`` on, for tile g of a group; meanwhile the ``ring`` they are meant for is
    fetched, unless it is at hand (-1).

    Draws side by side may fill one slot more than asked for: under a condition, the compiler would take them apart.
    """
    for slot in range(0, count, DRAWS):
        if ring >= 0:
            for k in range(DRAWS):
                for line in range(4):
                    prefetch(c.memory, ring + ((slot + k) * BLOCK * 4 + line) * W)
        ask_for_coming(rules, c, pending, 1)
        cycles = beside(number, number + 1)
        e = normals(beside(lo, lo), beside(hi, hi), CYCLES, cycles, 0, rules.k0, rules.k1)
        p = read(rules.constants, rules.prototype)
        x, y, z, w = innovation(e, p.innovation)
        m = (g * rules.slots + slot) * 4 * W
        store4(pending.innovations, m, (first_of(x), first_of(y), first_of(z), first_of(w)))
        if DRAWS == 2:
            store4(pending.innovations, m + 4 * W, (second_of(x), second_of(y), second_of(z), second_of(w)))
        number = number + DRAWS


@njit(**INLINE)
def ask_for_coming(rules: Rules, c: Cells, pending: Pending, tiles: int) -> None:
    """Ask for the devices of the next few of the tiles that come, and for their share of the rings that will be renewed
    with them; for all else too if steps do not."""
    coming = pending.coming
    for t in range(coming[NEXT], min(coming[NEXT] + tiles, coming[END])):
        ask_for(c.device, t * DEVICE_RECORD, DEVICE_RECORD)
        if coming[REACH] == 0:
            ask_for(c.hot, t * HOT, HOT)
            ask_for(c.r, t * W, W)
            for slot in range(rules.slots):
                ask_for(c.memory, slot_at(rules, t, slot), 4 * W)
        elif coming[TURN] >= 0 and c.consecutive:
            # among tiles of which a few are renewed at a time, each asks for as many lines of those few
            k = (np.int64(c.first_id) // W + t) % (rules.slots * TILES_TOGETHER)
            renewed = t - k + coming[TURN] * TILES_TOGETHER + k // rules.slots
            ask_for(c.memory, slot_at(rules, renewed, k % rules.slots), 4 * W)
    coming[NEXT] += tiles


@njit(**PART)
def run_ahead(rules: Rules, c: Cells, pending: Pending, count: int, whole: bool) -> None:
    """Put the next ``count`` x in place of the oldest; unless ``whole``, of some cells fewer, as `Pending.counts` says.

    A group of tiles shares each coefficient that is loaded: one tile alone would wait for loads.
    """
    rings, innovations = pending.rings, pending.innovations
    size = 4 * rules.slots * W
    for slot in range(count):
        ask_for_coming(rules, c, pending, 2)
        x, y, z, w = zeros(), zeros(), zeros(), zeros()
        s = slot
        for lag in range(rules.slots - 1, -1, -1):
            for k in range(4):
                column = scalar4(rules.readout, lag * 16 + 4 * k)
                m = (s * 4 + k) * W
                x = add_scaled(x, column, load(rings, m))
                y = add_scaled(y, column, load(rings, size + m))
                if GROUP == 4:
                    z = add_scaled(z, column, load(rings, 2 * size + m))
                    w = add_scaled(w, column, load(rings, 3 * size + m))
            s = s + 1 if s + 1 < rules.slots else 0
        m = slot * 4 * W
        put(pending, 0, m, slot, add4(x, load4(innovations, m)), whole)
        put(pending, 1, size + m, slot, add4(y, load4(innovations, size + m)), whole)
        if GROUP == 4:
            put(pending, 2, 2 * size + m, slot, add4(z, load4(innovations, 2 * size + m)), whole)
            put(pending, 3, 3 * size + m, slot, add4(w, load4(innovations, 3 * size + m)), whole)


@njit(**INLINE)
def put(pending: Pending, g: int, at: int, slot: int, x: Four, whole: bool) -> None:
    """One slot of tile g of a group, for the cells that fill it."""
    if whole:
        store4(pending.rings, at, x)
    else:
        fills = load(pending.counts, g * W) > np.uint32(slot)
        for k in range(4):
            store_where(pending.rings, at + k * W, x[k], fills)


@njit(**PART)
def begin_ring(rules: Rules, ring: Any, at: int, lo: UInt32, hi: UInt32) -> None:
    """Lay down the history before cycle 0, then x_0."""
    latest = at + (rules.slots - 1) * 4 * W
    e = normals(lo, hi, CYCLES, lanes_of(0), 0, rules.k0, rules.k1)
    if rules.stationary:
        # the stationary params of (x_0, x_-1, ...) is a triangular matrix times normals, in place from its last rows
        for lag in range(1, rules.slots):
            z = normals(lo, hi, HISTORY, lanes_of(0), lag, rules.k0, rules.k1)
            store4(ring, latest - lag * 4 * W, z)
        for lag in range(rules.slots - 1, 0, -1):
            x = add_block(zeros(), rules.start, lag * rules.slots * 16, e)
            for k in range(1, lag + 1):
                x = add_block(x, rules.start, (lag * rules.slots + k) * 16, load4(ring, latest - k * 4 * W))
            store4(ring, latest - lag * 4 * W, x)
    else:
        for m in range(at, latest, 4 * W):
            store4(ring, m, zeros())
    store4(ring, latest, first_latent(rules, e))


@njit(**INLINE)
def first_latent(rules: Rules, e: Four) -> Four:
    """x_0 of a VAR: stationary, or with nothing before it."""
    if rules.stationary:
        return add_block(zeros(), rules.start, 0, e)
    p = read(rules.constants, rules.prototype)
    return innovation(e, p.innovation)


# ---- the rings of an array


@njit(**PART)
def settle(rules: Rules, c: Cells, pending: Pending) -> None:
    """Begin and renew the rings of all that was noted."""
    for which in range(2):
        for done in range(0, pending.lengths[which], GROUP):
            settle_tiles(rules, c, pending, which, done)
        for done in range(0, pending.lengths[2 + which], GROUP * W):
            settle_cells(rules, c, pending, which, done)
        pending.lengths[which] = 0
        pending.lengths[2 + which] = 0


@njit(**PART)
def settle_tiles(rules: Rules, c: Cells, pending: Pending, which: int, done: int) -> None:
    """The same for one group of tiles, on copies of their rings of which the cells in the masks go back."""
    slots = rules.slots
    count = min(GROUP, pending.lengths[which] - done)
    most = np.int64(0)
    for g in range(count):
        entry = which * pending.room + done + g
        t, mask = pending.tiles[entry], unpacked(pending.masks[entry])
        ring = slot_at(rules, t, 0)
        lo, hi = ids(c, t)
        if which == STARTS:
            number, cycles = lanes_of(1), np.int64(first_where(last_slots(rules, lo), mask))
            store(pending.counts, g * W, lanes_of(cycles))
            begin_ring(rules, pending.rings, g * slots * 4 * W, lo, hi)
        else:
            number, cycles = next_number(load(c.words, t * HOT + WORD)), np.int64(slots)
        first = np.int64(first_where(remainder(number, slots), mask))
        pending.first[g] = first
        if which == RENEWALS:
            pending.coming[TURN] = turned(first, slots - 1, slots)
        draw_innovations(rules, c, pending, g, lo, hi, number, cycles, ring)
        if which == RENEWALS:
            for k in range(slots):
                x = load_slot(c.memory, ring + turned(first, k, slots) * BLOCK * 4 * W)
                store4(pending.rings, (g * slots + k) * 4 * W, x)
        most = max(most, cycles)
    run_ahead(rules, c, pending, most, which == RENEWALS)
    for g in range(count):
        entry = which * pending.room + done + g
        t, mask = pending.tiles[entry], unpacked(pending.masks[entry])
        ring = slot_at(rules, t, 0)
        whole = pending.masks[entry] == ALL
        for k in range(slots):
            m = ring + turned(pending.first[g], k, slots) * BLOCK * 4 * W
            x = load4(pending.rings, (g * slots + k) * 4 * W)
            if not whole:
                y = load_slot(c.memory, m)
                x = where(mask, x[0], y[0]), where(mask, x[1], y[1]), where(mask, x[2], y[2]), where(mask, x[3], y[3])
            store_slot(c.memory, m, x)


@njit(**INLINE)
def unpacked(bits: Any) -> Mask:
    """A mask from its bits."""
    return ((lanes_of(bits) >> lane_numbers()) & 1) != 0


@njit(**INLINE)
def turned(first: int, k: int, slots: int) -> int:
    """The slot k after the first of a ring."""
    slot = first + k
    return slot if slot < slots else slot - slots


@njit(**PART)
def settle_cells(rules: Rules, c: Cells, pending: Pending, which: int, done: int) -> None:
    """The same for one group of single cells, brought together from their tiles and taken back."""
    slots, rings = rules.slots, pending.rings
    size = 4 * slots * W
    cells = which * pending.room * W + done
    count = min(GROUP * W, pending.lengths[2 + which] - done)
    for k in range(GROUP * W):
        cell = pending.cells[cells + min(k, count - 1)]
        t, lane = cell // W, cell % W
        if c.consecutive:
            cell_id = c.first_id + np.uint64(cell)
            pending.address[k] = np.uint32(cell_id & np.uint64(0xFFFFFFFF))
            pending.address[GROUP * W + k] = np.uint32(cell_id >> np.uint64(32))
        else:
            pending.address[k] = c.id_lo[cell]
            pending.address[GROUP * W + k] = c.id_hi[cell]
        number = np.uint32(1 if which == STARTS else (c.words[t * HOT + WORD + lane] + np.uint32(1)) & np.uint32(CYCLE))
        pending.address[2 * GROUP * W + k] = number
        pending.first[k] = np.int64(number) % slots
        if which == RENEWALS:
            for j in range(slots):
                m = slot_at(rules, t, turned(pending.first[k], j, slots)) + place(lane)
                copy_slot(c.memory, m, rings, k // W * size + j * 4 * W + place(k % W))
    for g in range(-(-count // W)):
        lo, hi = load(pending.address, g * W), load(pending.address, (GROUP + g) * W)
        number = load(pending.address, (2 * GROUP + g) * W)
        if which == STARTS:
            store(pending.counts, g * W, last_slots(rules, lo))
            begin_ring(rules, rings, g * size, lo, hi)
        else:
            for m in range(g * size, (g + 1) * size, 4 * W):
                store4(rings, m, load_slot(rings, m))
        draw_innovations(rules, c, pending, g, lo, hi, number, slots, -1)
    run_ahead(rules, c, pending, slots, which == RENEWALS)
    for m in range(0, -(-count // W) * size, 4 * W):
        store_slot(rings, m, load4(rings, m))
    for k in range(count):
        cell = pending.cells[cells + k]
        t, lane = cell // W, cell % W
        for j in range(slots):
            m = slot_at(rules, t, turned(pending.first[k], j, slots)) + place(lane)
            copy_slot(rings, k // W * size + j * 4 * W + place(k % W), c.memory, m)
