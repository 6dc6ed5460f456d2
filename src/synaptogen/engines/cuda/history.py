"""What a cell remembers of earlier cycles.

A VAR of order p keeps a ring of p slots, x_n in slot n mod p; sums run from the oldest x to the latest, as on the
processor. A state space keeps q numbers and advances them in place. Only memory and its order live here; formulas are
in `model`.
"""

from typing import Any

from synaptogen.model import CYCLES, HISTORY, UInt32, add_scaled, innovation, rounded_mul

from .layout import TILE, Four, Rules, State, add4, draw, load4, slot_of, store4, zeros
from .scalars import load, load_row, real_of, store, word_of


def add_block(x: Four, matrix: Any, at: int, m: Four) -> Four:
    """X plus a 4x4 matrix, stored by columns, times m."""
    x = add_scaled(x, load_row(matrix, at), m[0])
    x = add_scaled(x, load_row(matrix, at + 4), m[1])
    x = add_scaled(x, load_row(matrix, at + 8), m[2])
    return add_scaled(x, load_row(matrix, at + 12), m[3])


# ---- VAR


def begin_ring(c: State, rules: Rules, at: int, lo: UInt32, hi: UInt32) -> Four:
    """Lay down x_0 and the history before it; returns x_0."""
    slots = rules.slots
    e = draw(rules, lo, hi, CYCLES, word_of(0), word_of(0))
    if not rules.stationary:
        for slot in range(1, slots):
            store4(c.memory, at + slot * 4 * TILE, zeros())
        x = innovation(e, rules.constants.innovation)
        store4(c.memory, at, x)
        return x
    # the stationary params of (x_0, x_-1, ...) is a triangular matrix times normals, in place from its last rows
    for lag in range(1, slots):
        z = draw(rules, lo, hi, HISTORY, word_of(0), word_of(lag))
        store4(c.memory, at + (slots - lag) * 4 * TILE, z)
    for lag in range(slots - 1, 0, -1):
        x = add_block(zeros(), rules.start, lag * slots * 16, e)
        for k in range(1, lag + 1):
            m = load4(c.memory, at + (slots - k) * 4 * TILE)
            x = add_block(x, rules.start, (lag * slots + k) * 16, m)
        store4(c.memory, at + (slots - lag) * 4 * TILE, x)
    x = add_block(zeros(), rules.start, 0, e)
    store4(c.memory, at, x)
    return x


def next_in_ring(c: State, rules: Rules, at: int, lo: UInt32, hi: UInt32, number: UInt32) -> Four:
    """x of cycle ``number`` > 0, which takes the place of the oldest."""
    slots = rules.slots
    e = innovation(draw(rules, lo, hi, CYCLES, number, word_of(0)), rules.constants.innovation)
    slot = slot_of(number, slots)
    x = zeros()
    s = slot
    for lag in range(slots - 1, -1, -1):
        x = add_block(x, rules.readout, lag * 16, load4(c.memory, at + s * 4 * TILE))
        s = s + 1 if s + 1 < slots else 0
    x = add4(x, e)
    store4(c.memory, at + slot * 4 * TILE, x)
    return x


# ---- state space


def begin_states(c: State, rules: Rules, at: int, lo: UInt32, hi: UInt32) -> None:
    """Stationary states, a triangular matrix times normals in place from its last row; or zeros."""
    q = rules.states
    for block in range((q + 3) // 4):
        z = draw(rules, lo, hi, HISTORY, word_of(0), word_of(block))
        for k in range(4):
            if block * 4 + k < q:
                store(c.memory, at + (block * 4 + k) * TILE, z[k])
    for i in range(q - 1, -1, -1):
        y = real_of(0.0)
        if rules.stationary:
            for j in range(i + 1):
                y = y + load(c.memory, at + j * TILE) * load(rules.start, i * q + j)
        store(c.memory, at + i * TILE, y)


def advance_states(c: State, rules: Rules, at: int, lo: UInt32, hi: UInt32, number: UInt32) -> Four:
    """x of cycle ``number``; the states go on to the next: F is upper quasi-triangular."""
    q = rules.states
    e = draw(rules, lo, hi, CYCLES, number, word_of(0))
    x = innovation(e, rules.constants.innovation)
    for k in range(q):
        x = add_scaled(x, load_row(rules.readout, 4 * k), load(c.memory, at + k * TILE))
    before = real_of(0.0)
    for k in range(q):
        old = load(c.memory, at + k * TILE)
        g = load_row(rules.G, 4 * k)
        new = rounded_mul(e[0], g[0]) + e[1] * g[1] + e[2] * g[2] + e[3] * g[3]
        if k > 0:
            new = new + before * load(rules.F, k * q + k - 1)
        for j in range(k, q):
            new = new + load(c.memory, at + j * TILE) * load(rules.F, k * q + j)
        store(c.memory, at + k * TILE, new)
        before = old
    return x


def next_latent(c: State, rules: Rules, at: int, lo: UInt32, hi: UInt32, number: UInt32, first: bool) -> Four:
    """x of cycle ``number`` of a cell whose memory begins at ``at``; with the ``first`` cycle a life begins."""
    if rules.slots > 0:
        if first:
            return begin_ring(c, rules, at, lo, hi)
        return next_in_ring(c, rules, at, lo, hi, number)
    if first:
        begin_states(c, rules, at, lo, hi)
    return advance_states(c, rules, at, lo, hi, number)


def memory_groups(rules: Rules) -> int:
    """How many numbers a cell remembers."""
    return 4 * rules.slots + rules.states
