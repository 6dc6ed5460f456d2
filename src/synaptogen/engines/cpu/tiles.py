"""What happens to one tile of W cells. Only memory, masks and branches live here; the formulas are in `model`.

Layout: arrays of structures of arrays. ``hot``, ``device`` and ``memory`` hold one block a tile, of consecutive groups
of W numbers; the mixing states ``r`` and the words stand apart, so that a read streams four bytes a cell.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ...model.features import features
from ...model.iv import conductance, partial_reset, transition, Transition
from ...model.latent import add_scaled, innovation
from ...model.noise import noise_variance
from ...model.population import chosen, scale
from ...model.random import CYCLES, DEVICE, HISTORY, normals, read_normal
from ...model.random import words as random_words
from ...model.switching import CYCLE, HRS, IRS, LRS, cycle, in_mode, in_next_cycle, resets, sets
from ...ops import any_, mulhi, sqrt, where
from .lanes import INLINE, W, first_where, lane_numbers, load, read, reals, scalar, store, store_where, words

U_SET, R_LRS, R_HRS, U_RESET, U_RATCHET, T_SCALE, T_END = (W * k for k in range(7))
HOT, DEVICE_VECTOR = 7 * W, 8 * W


class Cells(NamedTuple):
    """Pointers to the state of an array of cells."""

    r: Any
    word: Any
    hot: Any
    device: Any
    memory: Any
    id_lo: Any
    id_hi: Any
    first_id: Any  # cell 0's id where ids are consecutive
    consecutive: Any


class Rules(NamedTuple):
    """Pointers to the coefficients of a law, its sizes and the key of the random numbers."""

    constants: Any
    witness: Any
    readout: Any
    F: Any
    G: Any
    slots: Any
    states: Any
    k0: Any
    k1: Any


@njit(**INLINE)
def ids(c, t):
    """Ids of the cells of a tile, as low and high words."""
    if c.consecutive:
        first = c.first_id + np.uint64(t * W)
        low = words(first & np.uint64(0xFFFFFFFF))
        lo = low + lane_numbers()
        hi = words(first >> np.uint64(32))
        return lo, where(lo < low, hi + 1, hi)
    return load(c.id_lo, t * W), load(c.id_hi, t * W)


@njit(**INLINE)
def load4(pointer, at):
    """Four consecutive groups."""
    return load(pointer, at), load(pointer, at + W), load(pointer, at + 2 * W), load(pointer, at + 3 * W)


@njit(**INLINE)
def scalar4(pointer, at):
    """Four consecutive numbers."""
    return scalar(pointer, at), scalar(pointer, at + 1), scalar(pointer, at + 2), scalar(pointer, at + 3)


@njit(**INLINE)
def where4(mask, a, b):
    """Four selections."""
    return where(mask, a[0], b[0]), where(mask, a[1], b[1]), where(mask, a[2], b[2]), where(mask, a[3], b[3])


@njit(**INLINE)
def add4(a, b):
    """Sum of two four-vectors."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@njit(**INLINE)
def remainder(number, divisor):
    """Number mod divisor for words; exact, by a multiplication and one correction."""
    rest = number - mulhi(number, np.uint32(0xFFFFFFFF // divisor)) * np.uint32(divisor)
    return where(rest >= np.uint32(divisor), rest - np.uint32(divisor), rest)


@njit(**INLINE)
def ring_sum(rules, memory, at, slot):
    """Weighted sum of a tile's ring for cells whose next x goes to ``slot``.

    In the order of slots, whatever the lag that each holds, so that every path to a cell's next x rounds alike; two
    partial sums halve the chain of dependent additions.
    """
    zero = reals(np.float32(0.0))
    a = (zero, zero, zero, zero)
    b = (zero, zero, zero, zero)
    for s in range(rules.slots):
        lag = slot - 1 - s
        if lag < 0:
            lag += rules.slots
        m = at + s * 4 * W
        a = add_scaled(a, scalar4(rules.readout, lag * 16), load(memory, m))
        b = add_scaled(b, scalar4(rules.readout, lag * 16 + 4), load(memory, m + W))
        a = add_scaled(a, scalar4(rules.readout, lag * 16 + 8), load(memory, m + 2 * W))
        b = add_scaled(b, scalar4(rules.readout, lag * 16 + 12), load(memory, m + 3 * W))
    return add4(a, b)


@njit(**INLINE)
def next_of_ring(rules, memory, at, number, noise, mask):
    """Next x of the cells in the mask, written to their rings; cells at different slots take turns."""
    slots = remainder(number, rules.slots)
    x = noise
    left = mask
    while any_(left):
        slot = np.int64(first_where(slots, left))
        here = left & (slots == np.uint32(slot))
        new = add4(ring_sum(rules, memory, at, slot), noise)
        for k in range(4):
            store_where(memory, at + (slot * 4 + k) * W, new[k], here)
        x = where4(here, new, x)
        left = left & ~here
    return x


@njit(**INLINE)
def next_of_states(rules, memory, at, e, noise, mask):
    """Next x of the cells in the mask, whose states advance in place: F is upper quasi-triangular."""
    x = noise
    for k in range(rules.states):
        x = add_scaled(x, scalar4(rules.readout, 4 * k), load(memory, at + k * W))
    before = reals(np.float32(0.0))
    for k in range(rules.states):
        old = load(memory, at + k * W)
        g = scalar4(rules.G, 4 * k)
        new = e[0] * g[0] + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * scalar(rules.F, k * rules.states + k - 1)
        for j in range(k, rules.states):
            new = new + load(memory, at + j * W) * scalar(rules.F, k * rules.states + j)
        store_where(memory, at + k * W, new, mask)
        before = old
    return x


@njit(**INLINE)
def begin_cycle(c, rules, t, number, mask):
    """Draw the features of cycle ``number`` of the cells in the mask; their memory moves on."""
    p = read(rules.constants, rules.witness)
    lo, hi = ids(c, t)
    e = normals(lo, hi, CYCLES, number, 0, rules.k0, rules.k1)
    noise = innovation(e, p.innovation)
    at = t * (4 * rules.slots + rules.states) * W
    if rules.slots > 0:
        x = next_of_ring(rules, c.memory, at, number, noise, mask)
    else:
        x = next_of_states(rules, c.memory, at, e, noise, mask)
    d = t * DEVICE_VECTOR
    return features(x, load4(c.device, d), load4(c.device, d + 4 * W), p)


@njit(**INLINE)
def step(c, rules, t, u):
    """One applied voltage (a number each lane) on a tile."""
    h = t * HOT
    word = load(c.word, t * W)
    negative = u < 0.0
    positive = u > 0.0
    if any_(negative):
        mask = negative & sets(word, u, load(c.hot, h + U_SET))
        if any_(mask):
            store_where(c.r, t * W, load(c.hot, h + R_LRS), mask)
            word = in_mode(word, mask, LRS)
            store(c.word, t * W, word)
    if any_(positive):
        p = read(rules.constants, rules.witness)
        u_reset = load(c.hot, h + U_RESET)
        event = resets(word, u, u_reset, load(c.hot, h + U_RATCHET), p)
        if any_(event.begin):
            number = (cycle(word) + 1) & CYCLE
            f = begin_cycle(c, rules, t, number, event.begin)
            sloped = event.begin & event.partial
            if any_(sloped):
                p = read(rules.constants, rules.witness)
                curve = transition(load(c.r, t * W), u_reset, f.r_hrs, p)
                store_where(c.hot, h + T_SCALE, curve.scale, sloped)
                store_where(c.hot, h + T_END, curve.end, sloped)
            store_where(c.hot, h + U_SET, f.u_set, event.begin)
            store_where(c.hot, h + R_LRS, f.r_lrs, event.begin)
            store_where(c.hot, h + R_HRS, f.r_hrs, event.begin)
            store_where(c.hot, h + U_RESET, f.u_reset, event.begin)
            word = in_next_cycle(word, event.begin, f.limited)
        if any_(event.full):
            store_where(c.r, t * W, load(c.hot, h + R_HRS), event.full)
            word = in_mode(word, event.full, HRS)
        if any_(event.partial):
            p = read(rules.constants, rules.witness)
            curve = Transition(load(c.hot, h + T_SCALE), load(c.hot, h + T_END))
            store_where(c.r, t * W, partial_reset(curve, u, p), event.partial)
            store_where(c.hot, h + U_RATCHET, u, event.partial)
            word = in_mode(word, event.partial, IRS)
        store(c.word, t * W, word)


@njit(**INLINE)
def read_current(c, rules, t, u, bandwidth, number):
    """Currents of a tile, with the noise of each cell's read number ``number`` unless the bandwidth is 0."""
    p = read(rules.constants, rules.witness)
    g = conductance(load(c.r, t * W), u, p)
    i = u * g
    if bandwidth > 0.0:
        lo, hi = ids(c, t)
        i = i + sqrt(noise_variance(g, u, bandwidth)) * read_normal(lo, hi, number, rules.k0, rules.k1)
    return i


@njit(**INLINE)
def draw_device(c, rules, t, components, starts, means, cholesky, log_sigma):
    """Device vectors of a tile: one component of the mixture, eight normals."""
    lo, hi = ids(c, t)
    zero = words(0)
    choice = random_words(lo, hi, DEVICE, zero, 0, rules.k0, rules.k1)[0]
    a = normals(lo, hi, DEVICE, zero, 1, rules.k0, rules.k1)
    b = normals(lo, hi, DEVICE, zero, 2, rules.k0, rules.k1)
    n = (a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])
    for k in range(components):
        here = chosen(choice, scalar(starts, k))
        for i in range(8):
            y = reals(scalar(means, k * 8 + i))
            row = (k * 8 + i) * 8
            for j in range(8):
                y = y + n[j] * scalar(cholesky, row + j)
            store_where(c.device, t * DEVICE_VECTOR + i * W, y, here)
    if log_sigma:
        for i in range(4, 8):
            at = t * DEVICE_VECTOR + i * W
            store(c.device, at, scale(load(c.device, at)))


@njit(**INLINE)
def draw_memory(c, rules, t, start):
    """A stationary memory: a triangular matrix times normals, in place from its last row to its first."""
    size = 4 * rules.slots + rules.states
    at = t * size * W
    lo, hi = ids(c, t)
    for block in range((size + 3) // 4):
        z = normals(lo, hi, HISTORY, words(0), block, rules.k0, rules.k1)
        for k in range(4):
            if block * 4 + k < size:
                store(c.memory, at + (block * 4 + k) * W, z[k])
    for i in range(size - 1, -1, -1):
        y = reals(np.float32(0.0))
        for j in range(i + 1):
            y = y + load(c.memory, at + j * W) * scalar(start, i * size + j)
        store(c.memory, at + i * W, y)


@njit(**INLINE)
def clear_memory(c, rules, t):
    """A pristine memory."""
    size = 4 * rules.slots + rules.states
    for k in range(size):
        store(c.memory, (t * size + k) * W, reals(np.float32(0.0)))


@njit(**INLINE)
def first_cycle(c, rules, t):
    """Cycle 0 begins, in its HRS."""
    h = t * HOT
    f = begin_cycle(c, rules, t, words(0), reals(np.float32(0.0)) == 0.0)
    store(c.r, t * W, f.r_hrs)
    store(c.hot, h + U_SET, f.u_set)
    store(c.hot, h + R_LRS, f.r_lrs)
    store(c.hot, h + R_HRS, f.r_hrs)
    store(c.hot, h + U_RESET, f.u_reset)
    for field in (U_RATCHET, T_SCALE, T_END):
        store(c.hot, h + field, reals(np.float32(0.0)))
    mask = reals(np.float32(0.0)) == 0.0
    store(c.word, t * W, in_next_cycle(words(HRS | CYCLE), mask, f.limited))
