"""What cells remember of earlier cycles, W cells at a time.

A VAR of order p keeps a ring of p slots a cell, x_n in slot n mod p, and **runs ahead**: since the future of a cell
depends on its seed alone, whole rings are renewed at once, every p cycles, in the SET before the first cycle that
needs it. History is then read once in p cycles instead of once a cycle, and cells at different cycle numbers need
different slots only when they fetch their x, not while sums are formed. A set cell has its next x in its ring.
The four features of a cell and slot lie side by side (`place`), so that cells out of step touch few cache lines.

A state space keeps q numbers a cell and advances them in place.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.model.latent import add_scaled, innovation
from synaptogen.model.random import CYCLES, HISTORY, normals
from synaptogen.model.switching import CYCLE
from synaptogen.ops import Mask, Word, any_, product, where, wide_product

from .lanes import (
    DRAWS,
    INLINE,
    PART,
    W,
    beginning_at,
    beside,
    copy_quarter,
    first_of,
    first_where,
    gather,
    lane_numbers,
    load,
    lowest,
    ones,
    packed,
    prefetch,
    read,
    reals,
    scalar,
    second_of,
    store,
    store_where,
    transposed,
)  # fmt: skip
from .lanes import words as lanes_of
from .layout import HOT, WORD, Cells, Four, Rules, add4, ids, load4, scalar4, store4, zeros

STARTS, RENEWALS = 0, 1
AHEAD = 4  # tiles by which the slots of rings are asked for before they are needed: the hardware does not foresee them
STEP = 1 if W >= 4 else W  # between the features of a cell in a slot of its ring
ALL = (1 << W) - 1  # all lanes of a tile, as bits
GROUP = 4 if W == 16 else 2  # tiles whose sums are formed together: as many as the registers of the machine hold


class Pending(NamedTuple):
    """What has to be begun or renewed, gathered until it fills a group: whole tiles, and single cells of others."""

    tiles: Any  # two lists of tiles (STARTS, RENEWALS), ``room`` long each
    masks: Any  # which of their cells are meant, as bits
    cells: Any  # two lists of cell positions, ``room`` * W long each
    lengths: Any  # of the lists of tiles, then of the lists of cells
    room: Any
    rings: Any  # room for one group of single cells
    innovations: Any  # room for the innovations of one group
    address: Any  # id low, id high and cycle number of each cell of a group


@njit(**INLINE)
def add_block(x: Four, matrix: Any, at: int, m: Four) -> Four:
    """X plus a 4x4 matrix, stored by columns, times m."""
    x = add_scaled(x, scalar4(matrix, at), m[0])
    x = add_scaled(x, scalar4(matrix, at + 4), m[1])
    x = add_scaled(x, scalar4(matrix, at + 8), m[2])
    return add_scaled(x, scalar4(matrix, at + 12), m[3])


@njit(**INLINE)
def remainder(number: Word, divisor: int) -> Word:
    """Number mod divisor, exact: one multiplication, one correction."""
    d = np.uint32(divisor)
    rest = number - wide_product(number, 0xFFFFFFFF // divisor)[0] * d
    return where(rest >= d, rest - d, rest)


# ---- VAR


@njit(**PART)
def draw_innovations(
    rules: Rules, out: Any, at: int, lo: Word, hi: Word, number: Word, first_slot: int, ring: Any, ring_at: int
) -> None:
    """B e of cycles ``number`` ..., to slots ``first_slot`` ...; meanwhile the ring they are meant for is fetched.

    Draws side by side may fill one slot more than asked for: under a condition, the compiler would take them apart.
    """
    for slot in range(first_slot, rules.slots, DRAWS):
        for k in range(4 * DRAWS):
            prefetch(ring, ring_at + (slot * 4 + k) * W)
        cycles = beside(number, number + 1)
        e = normals(beside(lo, lo), beside(hi, hi), CYCLES, cycles, 0, rules.k0, rules.k1)
        p = read(rules.constants, rules.witness)
        a, b, c, d = innovation(e, p.innovation)
        m = at + slot * 4 * W
        store4(out, m, (first_of(a), first_of(b), first_of(c), first_of(d)))
        if DRAWS == 2:
            store4(out, m + 4 * W, (second_of(a), second_of(b), second_of(c), second_of(d)))
        number = number + DRAWS


@njit(**PART)
def run_ahead(rules: Rules, rings: Any, at: tuple[int, ...], innovations: Any, first_slot: int) -> None:
    """Fill slots ``first_slot`` ... of the rings of a group of tiles, which begin at ``at``.

    Sums run in the order of slots, whatever the lag that each holds. A group shares each coefficient that is loaded:
    one tile alone would wait for loads.
    """
    size = 4 * rules.slots * W
    for slot in range(first_slot, rules.slots):
        a, b, c, d = zeros(), zeros(), zeros(), zeros()
        for s in range(rules.slots):
            lag = slot - 1 - s
            if lag < 0:
                lag += rules.slots
            for k in range(4):
                column = scalar4(rules.readout, lag * 16 + 4 * k)
                m = (s * 4 + k) * W
                a = add_scaled(a, column, load(rings, at[0] + m))
                b = add_scaled(b, column, load(rings, at[1] + m))
                if GROUP == 4:
                    c = add_scaled(c, column, load(rings, at[2] + m))
                    d = add_scaled(d, column, load(rings, at[3] + m))
        m = slot * 4 * W
        store4(rings, at[0] + m, add4(a, load4(innovations, m)))
        store4(rings, at[1] + m, add4(b, load4(innovations, size + m)))
        if GROUP == 4:
            store4(rings, at[2] + m, add4(c, load4(innovations, 2 * size + m)))
            store4(rings, at[3] + m, add4(d, load4(innovations, 3 * size + m)))


@njit(**PART)
def begin_ring(rules: Rules, ring: Any, at: int, lo: Word, hi: Word) -> None:
    """Lay down x_0 and the history before it."""
    slots = rules.slots
    e = normals(lo, hi, CYCLES, lanes_of(0), 0, rules.k0, rules.k1)
    if rules.stationary:
        # the stationary law of (x_0, x_-1, ...) is a triangular matrix times normals, in place from its last rows
        store4(ring, at, e)
        for lag in range(1, slots):
            z = normals(lo, hi, HISTORY, lanes_of(0), lag, rules.k0, rules.k1)
            store4(ring, at + (slots - lag) * 4 * W, z)
        for lag in range(slots - 1, 0, -1):
            x = add_block(zeros(), rules.start, lag * slots * 16, e)
            for k in range(1, lag + 1):
                x = add_block(x, rules.start, (lag * slots + k) * 16, load4(ring, at + (slots - k) * 4 * W))
            store4(ring, at + (slots - lag) * 4 * W, x)
    else:
        for slot in range(1, slots):
            store4(ring, at + slot * 4 * W, zeros())
    store4(ring, at, first_latent(rules, e))


@njit(**INLINE)
def first_latent(rules: Rules, e: Four) -> Four:
    """x_0 of a VAR: stationary, or with nothing before it."""
    if rules.stationary:
        return add_block(zeros(), rules.start, 0, e)
    p = read(rules.constants, rules.witness)
    return innovation(e, p.innovation)


@njit(**INLINE)
def place(lane: Any) -> Any:
    """Where the four features of a lane begin within a slot of a tile's rings; `load_slot` puts them into lanes."""
    return (lane % 4) * W + (lane // 4) * 4 if W >= 4 else lane


@njit(**INLINE)
def places(slots: Word) -> Word:
    """Where the four features of each lane begin within the rings of a tile, at a slot each."""
    lane = lane_numbers()
    return slots * np.uint32(4 * W) + ((lane & 3) * np.uint32(W) + (lane >> 2) * 4 if W >= 4 else lane)


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
def copy_ring(rules: Rules, source: Any, at: int, target: Any, to: int) -> None:
    """One cell's ring, from its `place` in one tile to that in another."""
    for slot in range(0, rules.slots * 4 * W, 4 * W):
        if W >= 4:
            copy_quarter(source, at + slot, target, to + slot)
        else:
            for j in range(4):
                target[to + slot + j * W] = source[at + slot + j * W]


@njit(**INLINE)
def fetch(rules: Rules, c: Cells, pending: Pending, t: int, number: Word, mask: Mask) -> Four:
    """x of cycle ``number`` of the cells in the mask, from their rings."""
    slots = remainder(number, rules.slots)
    slot = first_where(slots, mask)
    at = (t * rules.slots + np.int64(slot)) * 4 * W
    if any_(mask & (slots != slot)):
        return fetch_each(rules, c, pending, t, slots, mask)
    for k in range(4):
        prefetch(c.memory, at + (AHEAD * rules.slots * 4 + k) * W)
    return load_slot(c.memory, at)


@njit(**INLINE)
def fetch_each(rules: Rules, c: Cells, pending: Pending, t: int, slots: Word, mask: Mask) -> Four:
    """The same for cells at different slots: only the lines that hold them are touched."""
    later = t + AHEAD
    store(pending.address, 0, places(remainder(next_number(load(c.words, later * HOT + WORD)), rules.slots)))
    for lane in range(W):
        prefetch(c.memory, later * rules.slots * 4 * W + np.int64(scalar(pending.address, lane)))
    at = places(slots)
    ring = beginning_at(c.memory, t * rules.slots * 4 * W)
    return (
        gather(ring, at, mask),
        gather(ring, at + STEP, mask),
        gather(ring, at + 2 * STEP, mask),
        gather(ring, at + 3 * STEP, mask),
    )


@njit(**INLINE)
def next_number(word: Word) -> Word:
    """Number of the next cycle."""
    return (word + 1) & CYCLE


@njit(**INLINE)
def prepare(rules: Rules, c: Cells, pending: Pending, t: int, word: Word, mask: Mask) -> None:
    """Cells in the mask have been set: note those whose next x is not in their rings yet."""
    number = next_number(word)
    note(rules, c, pending, STARTS, t, mask & (number <= 1))  # cycle 0 comes again after the last
    note(rules, c, pending, RENEWALS, t, mask & (number != 0) & (remainder(number, rules.slots) == 0))


@njit(**INLINE)
def note(rules: Rules, c: Cells, pending: Pending, which: int, t: int, mask: Mask) -> None:
    """Put a tile on a list if the mask holds for half of it, else its cells in the mask."""
    if any_(mask):
        lanes = np.int64(packed(mask))
        if 2 * ones(lanes) >= W:
            entry = which * pending.room + pending.lengths[which]
            pending.tiles[entry], pending.masks[entry] = t, lanes
            pending.lengths[which] += 1
        else:
            length = pending.lengths[2 + which]
            while lanes != 0:
                lane = lowest(lanes)
                pending.cells[which * pending.room * W + length] = t * W + lane
                for slot in range(rules.slots):
                    prefetch(c.memory, (t * rules.slots + slot) * 4 * W + place(lane))
                length += 1
                lanes &= lanes - 1
            pending.lengths[2 + which] = length


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
    numbers = 4 * rules.slots
    size = numbers * W
    first_slot = 1 if which == STARTS else 0
    count = min(GROUP, pending.lengths[which] - done)
    for g in range(count):
        t = pending.tiles[which * pending.room + done + g]
        lo, hi = ids(c, t)
        number = next_number(load(c.words, t * HOT + WORD))
        if which == STARTS:
            begin_ring(rules, pending.rings, g * size, lo, hi)
            number = lanes_of(1)
        draw_innovations(rules, pending.innovations, g * size, lo, hi, number, first_slot, c.memory, t * size)
        if which == RENEWALS:
            for slot in range(rules.slots):
                m = slot * 4 * W
                store4(pending.rings, g * size + m, load_slot(c.memory, t * size + m))
    run_ahead(rules, pending.rings, (0, size, 2 * size, 3 * size), pending.innovations, first_slot)
    for g in range(count):
        entry = which * pending.room + done + g
        t = pending.tiles[entry]
        mask = ((lanes_of(pending.masks[entry]) >> lane_numbers()) & 1) != 0
        whole = packed(mask) == ALL
        for slot in range(rules.slots):
            m = slot * 4 * W
            x = load4(pending.rings, g * size + m)
            if not whole:
                y = load_slot(c.memory, t * size + m)
                x = where(mask, x[0], y[0]), where(mask, x[1], y[1]), where(mask, x[2], y[2]), where(mask, x[3], y[3])
            store_slot(c.memory, t * size + m, x)


@njit(**PART)
def settle_cells(rules: Rules, c: Cells, pending: Pending, which: int, done: int) -> None:
    """The same for one group of single cells, brought together from their tiles and taken back."""
    numbers = 4 * rules.slots
    size = numbers * W
    first_slot = 1 if which == STARTS else 0
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
        number = (c.words[t * HOT + WORD + lane] + np.uint32(1)) & np.uint32(CYCLE)
        pending.address[2 * GROUP * W + k] = np.uint32(1 if which == STARTS else number)
        if which == RENEWALS:
            copy_ring(rules, c.memory, t * size + place(lane), pending.rings, k // W * size + place(k % W))
    for g in range(-(-count // W)):
        lo, hi = load(pending.address, g * W), load(pending.address, (GROUP + g) * W)
        number = load(pending.address, (2 * GROUP + g) * W)
        if which == STARTS:
            begin_ring(rules, pending.rings, g * size, lo, hi)
        else:
            for m in range(g * size, (g + 1) * size, 4 * W):
                store4(pending.rings, m, load_slot(pending.rings, m))
        draw_innovations(rules, pending.innovations, g * size, lo, hi, number, first_slot, pending.rings, g * size)
    run_ahead(rules, pending.rings, (0, size, 2 * size, 3 * size), pending.innovations, first_slot)
    for m in range(0, -(-count // W) * size, 4 * W):
        store_slot(pending.rings, m, load4(pending.rings, m))
    for k in range(count):
        cell = pending.cells[cells + k]
        t, lane = cell // W, cell % W
        copy_ring(rules, pending.rings, k // W * size + place(k % W), c.memory, t * size + place(lane))


# ---- state space


@njit(**INLINE)
def draw_states(rules: Rules, states: Any, at: int, lo: Word, hi: Word) -> None:
    """Stationary states, a triangular matrix times normals in place from its last row; or zeros."""
    q = rules.states
    for block in range((q + 3) // 4):
        z = normals(lo, hi, HISTORY, lanes_of(0), block, rules.k0, rules.k1)
        for k in range(4):
            if block * 4 + k < q:
                store(states, at + (block * 4 + k) * W, z[k])
    for i in range(q - 1, -1, -1):
        y = reals(np.float32(0.0))
        if rules.stationary:
            for j in range(i + 1):
                y = y + load(states, at + j * W) * scalar(rules.start, i * q + j)
        store(states, at + i * W, y)


@njit(**INLINE)
def restart_states(rules: Rules, c: Cells, pending: Pending, t: int, lo: Word, hi: Word, mask: Mask) -> None:
    """The states of cells in the mask as they were at the beginning of life."""
    draw_states(rules, pending.rings, 0, lo, hi)
    for k in range(rules.states):
        store_where(c.memory, (t * rules.states + k) * W, load(pending.rings, k * W), mask)


@njit(**INLINE)
def latent_of_states(rules: Rules, states: Any, at: int, e: Four) -> Four:
    """x of the cycle with innovations ``e`` to which the states belong."""
    p = read(rules.constants, rules.witness)
    x = innovation(e, p.innovation)
    for k in range(rules.states):
        x = add_scaled(x, scalar4(rules.readout, 4 * k), load(states, at + k * W))
    return x


@njit(**INLINE)
def advance_states(rules: Rules, c: Cells, t: int, lo: Word, hi: Word, number: Word, mask: Mask) -> Four:
    """x of cycle ``number`` of the cells in the mask, whose states go on to the next: F is upper quasi-triangular."""
    q = rules.states
    at = t * q * W
    e = normals(lo, hi, CYCLES, number, 0, rules.k0, rules.k1)
    x = latent_of_states(rules, c.memory, at, e)
    before = reals(np.float32(0.0))
    for k in range(q):
        old = load(c.memory, at + k * W)
        g = scalar4(rules.G, 4 * k)
        new = product(e[0], g[0]) + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * scalar(rules.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(c.memory, at + j * W) * scalar(rules.F, k * q + j)
        store_where(c.memory, at + k * W, new, mask)
        before = old
    return x
