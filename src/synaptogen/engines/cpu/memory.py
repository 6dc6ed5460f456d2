"""What cells remember of earlier cycles, W cells at a time.

A VAR of order p keeps a ring of p slots a cell, x_n in slot n mod p, and **runs ahead**: since the future of a cell
depends on its seed alone, whole rings are renewed at once, every p cycles, in the SET that comes before the first cycle
that needs it. History is then read once in p cycles instead of once a cycle, and cells at different cycle numbers need
different slots only when they fetch their x, not while sums are formed. So a set cell always has its next x in its ring.

A state space keeps q numbers a cell and advances them in place.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ...model.latent import add_scaled, innovation
from ...model.random import CYCLES, HISTORY, normals
from ...model.switching import CYCLE
from ...ops import Mask, Real, Word, any_, mulhi, where
from .lanes import INLINE, OPTIONS, W, first_where, lane_numbers, load, packed, read, reals, scalar, store, store_where
from .lanes import words as lanes_of

Four = tuple[Real, Real, Real, Real]

WORD, U_SET, R_LRS, U_RESET, R_HRS, U_RATCHET, T_SCALE, T_END = (W * k for k in range(8))
HOT = 8 * W
STARTS, RENEWALS = 0, 1


class Cells(NamedTuple):
    """Pointers to the state of an array of cells.

    ``hot``, ``device`` and ``memory`` hold one block a tile, of consecutive groups of W numbers; the mixing states ``r``
    stand apart, so that a read streams four bytes a cell. ``words`` is ``hot`` read as integers.
    """

    r: Any
    hot: Any
    words: Any
    device: Any
    memory: Any
    id_lo: Any
    id_hi: Any
    first_id: Any  # cell 0's id where ids are consecutive
    consecutive: Any


class Rules(NamedTuple):
    """Pointers to the coefficients of a law, its sizes, and the key of the random numbers."""

    constants: Any
    witness: Any
    readout: Any
    F: Any
    G: Any
    start: Any
    slots: Any
    states: Any
    stationary: Any
    k0: Any
    k1: Any


class Pending(NamedTuple):
    """Cells whose ring is to be begun or renewed, gathered until they fill all lanes; and room to do it in."""

    lists: Any  # two lists of cell positions, ``room`` long each
    lengths: Any
    room: Any
    ring: Any
    innovations: Any
    address: Any  # id low, id high and cycle number of each lane


@njit(**INLINE)
def ids(c: Cells, t: int) -> tuple[Word, Word]:
    """Ids of the cells of a tile, as low and high words."""
    if c.consecutive:
        first = c.first_id + np.uint64(t * W)
        low = lanes_of(first & np.uint64(0xFFFFFFFF))
        lo = low + lane_numbers()
        hi = lanes_of(first >> np.uint64(32))
        return lo, where(lo < low, hi + 1, hi)
    return load(c.id_lo, t * W), load(c.id_hi, t * W)


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


@njit(**INLINE)
def add_block(x: Four, y: Four, matrix: Any, at: int, m: Four) -> tuple[Four, Four]:
    """Add a 4x4 matrix times a four-vector, two columns to each of two partial sums: half the chain of additions."""
    x = add_scaled(x, scalar4(matrix, at), m[0])
    y = add_scaled(y, scalar4(matrix, at + 4), m[1])
    x = add_scaled(x, scalar4(matrix, at + 8), m[2])
    y = add_scaled(y, scalar4(matrix, at + 12), m[3])
    return x, y


@njit(**INLINE)
def remainder(number: Word, divisor: int) -> Word:
    """Number mod divisor, exact: one multiplication, one correction."""
    d = np.uint32(divisor)
    rest = number - mulhi(number, np.uint32(0xFFFFFFFF) // d) * d
    return where(rest >= d, rest - d, rest)


# ---- VAR


@njit(**OPTIONS)
def run_ahead(
    rules: Rules, ring: Any, at: int, innovations: Any, lo: Word, hi: Word, number: Word, first_slot: int
) -> None:
    """Fill slots ``first_slot`` ... with x of cycles ``number`` ...; sums run in the order of slots.

    All innovations are drawn first: draws do not wait for one another, the sums do.
    """
    for slot in range(first_slot, rules.slots):
        e = normals(lo, hi, CYCLES, number, 0, rules.k0, rules.k1)
        p = read(rules.constants, rules.witness)
        store4(innovations, slot * 4 * W, innovation(e, p.innovation))
        number = number + 1
    for slot in range(first_slot, rules.slots):
        x, y = zeros(), zeros()
        for s in range(rules.slots):
            lag = slot - 1 - s
            if lag < 0:
                lag += rules.slots
            x, y = add_block(x, y, rules.readout, lag * 16, load4(ring, at + s * 4 * W))
        store4(ring, at + slot * 4 * W, add4(add4(x, y), load4(innovations, slot * 4 * W)))


@njit(**OPTIONS)
def begin_ring(rules: Rules, ring: Any, at: int, innovations: Any, lo: Word, hi: Word) -> None:
    """Lay down x_0 and the history before it, then run ahead to the end of the ring."""
    slots = rules.slots
    e = normals(lo, hi, CYCLES, lanes_of(0), 0, rules.k0, rules.k1)
    if rules.stationary:
        # the stationary law of (x_0, x_-1, ...) is a triangular matrix times normals, in place from its last rows
        store4(ring, at, e)
        for lag in range(1, slots):
            z = normals(lo, hi, HISTORY, lanes_of(0), lag, rules.k0, rules.k1)
            store4(ring, at + (slots - lag) * 4 * W, z)
        for lag in range(slots - 1, 0, -1):
            x, y = add_block(zeros(), zeros(), rules.start, lag * slots * 16, e)
            for k in range(1, lag + 1):
                block = load4(ring, at + (slots - k) * 4 * W)
                x, y = add_block(x, y, rules.start, (lag * slots + k) * 16, block)
            store4(ring, at + (slots - lag) * 4 * W, add4(x, y))
    else:
        for slot in range(1, slots):
            store4(ring, at + slot * 4 * W, zeros())
    store4(ring, at, first_latent(rules, e))
    run_ahead(rules, ring, at, innovations, lo, hi, lanes_of(1), 1)


@njit(**INLINE)
def first_latent(rules: Rules, e: Four) -> Four:
    """x_0 of a VAR: stationary, or with nothing before it."""
    if rules.stationary:
        x, y = add_block(zeros(), zeros(), rules.start, 0, e)
        return add4(x, y)
    p = read(rules.constants, rules.witness)
    return innovation(e, p.innovation)


@njit(**INLINE)
def fetch(rules: Rules, c: Cells, t: int, number: Word, mask: Mask) -> Four:
    """x of cycle ``number`` of the cells in the mask, from their rings; cells at different slots take turns."""
    slots = remainder(number, rules.slots)
    x = zeros()
    left = mask
    while any_(left):
        slot = first_where(slots, left)
        here = slots == slot
        y = load4(c.memory, (t * rules.slots + np.int64(slot)) * 4 * W)
        x = where(here, y[0], x[0]), where(here, y[1], x[1]), where(here, y[2], x[2]), where(here, y[3], x[3])
        left = left & ~here
    return x


@njit(**INLINE)
def prepare(rules: Rules, c: Cells, pending: Pending, t: int, word: Word, mask: Mask) -> None:
    """Cells in the mask have been set: see to it that their next x will be in their rings."""
    number = (word & CYCLE) + 1
    starts = mask & (number == 1)
    renewals = mask & (remainder(number, rules.slots) == 0)
    if any_(starts):
        if any_(~starts):
            gather(pending, STARTS, t, starts)
        else:
            lo, hi = ids(c, t)
            begin_ring(rules, c.memory, t * rules.slots * 4 * W, pending.innovations, lo, hi)
    if any_(renewals):
        if any_(~renewals):
            gather(pending, RENEWALS, t, renewals)
        else:
            lo, hi = ids(c, t)
            run_ahead(rules, c.memory, t * rules.slots * 4 * W, pending.innovations, lo, hi, number, 0)


@njit(**INLINE)
def gather(pending: Pending, which: int, t: int, mask: Mask) -> None:
    """Add single cells of a tile to a list."""
    length = pending.lengths[which]
    lanes = packed(mask)
    for lane in range(W):
        if (lanes >> np.uint32(lane)) & np.uint32(1):
            pending.lists[which * pending.room + length] = t * W + lane
            length += 1
    pending.lengths[which] = length


@njit(**OPTIONS)
def settle(rules: Rules, c: Cells, pending: Pending) -> None:
    """Begin and renew the rings of all gathered cells, W at a time."""
    for which in range(2):
        for done in range(0, pending.lengths[which], W):
            count = min(W, pending.lengths[which] - done)
            settle_batch(rules, c, pending, which, done, count)
        pending.lengths[which] = 0


@njit(**OPTIONS)
def settle_batch(rules: Rules, c: Cells, pending: Pending, which: int, done: int, count: int) -> None:
    """The same for one batch; lanes left over repeat the last cell and are not written back."""
    numbers = 4 * rules.slots
    for lane in range(W):
        cell = pending.lists[which * pending.room + done + min(lane, count - 1)]
        t, k = cell // W, cell % W
        if c.consecutive:
            cell_id = c.first_id + np.uint64(cell)
            pending.address[lane] = np.uint32(cell_id & np.uint64(0xFFFFFFFF))
            pending.address[W + lane] = np.uint32(cell_id >> np.uint64(32))
        else:
            pending.address[lane] = c.id_lo[cell]
            pending.address[W + lane] = c.id_hi[cell]
        pending.address[2 * W + lane] = np.uint32((c.words[t * HOT + WORD + k] & np.uint32(CYCLE)) + np.uint32(1))
        if which == RENEWALS:
            for j in range(numbers):
                pending.ring[j * W + lane] = c.memory[(t * numbers + j) * W + k]
    lo, hi = load(pending.address, 0), load(pending.address, W)
    if which == STARTS:
        begin_ring(rules, pending.ring, 0, pending.innovations, lo, hi)
    else:
        run_ahead(rules, pending.ring, 0, pending.innovations, lo, hi, load(pending.address, 2 * W), 0)
    for lane in range(count):
        cell = pending.lists[which * pending.room + done + lane]
        t, k = cell // W, cell % W
        for j in range(numbers):
            c.memory[(t * numbers + j) * W + k] = pending.ring[j * W + lane]


# ---- state space


@njit(**INLINE)
def draw_states(rules: Rules, c: Cells, t: int, lo: Word, hi: Word) -> None:
    """Stationary states, a triangular matrix times normals in place from its last row; or zeros."""
    q = rules.states
    at = t * q * W
    for block in range((q + 3) // 4):
        z = normals(lo, hi, HISTORY, lanes_of(0), block, rules.k0, rules.k1)
        for k in range(4):
            if block * 4 + k < q:
                store(c.memory, at + (block * 4 + k) * W, z[k])
    for i in range(q - 1, -1, -1):
        y = reals(np.float32(0.0))
        if rules.stationary:
            for j in range(i + 1):
                y = y + load(c.memory, at + j * W) * scalar(rules.start, i * q + j)
        store(c.memory, at + i * W, y)


@njit(**INLINE)
def advance_states(rules: Rules, c: Cells, t: int, lo: Word, hi: Word, number: Word, mask: Mask) -> Four:
    """x of cycle ``number`` of the cells in the mask, whose states go on to the next: F is upper quasi-triangular."""
    q = rules.states
    at = t * q * W
    e = normals(lo, hi, CYCLES, number, 0, rules.k0, rules.k1)
    p = read(rules.constants, rules.witness)
    x = innovation(e, p.innovation)
    for k in range(q):
        x = add_scaled(x, scalar4(rules.readout, 4 * k), load(c.memory, at + k * W))
    before = reals(np.float32(0.0))
    for k in range(q):
        old = load(c.memory, at + k * W)
        g = scalar4(rules.G, 4 * k)
        new = e[0] * g[0] + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * scalar(rules.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(c.memory, at + j * W) * scalar(rules.F, k * q + j)
        store_where(c.memory, at + k * W, new, mask)
        before = old
    return x
