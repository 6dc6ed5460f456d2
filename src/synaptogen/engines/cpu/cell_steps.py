"""What happens to one tile of W cells. Only memory, masks and branches live here; the formulas are in `model`."""

from typing import Any

import numpy as np
from numba import njit

from synaptogen.model import (
    CYCLE,
    CYCLES,
    DEVICE,
    HRS,
    IRS,
    LRS,
    Features,
    Real,
    Transition,
    UInt32,
    any_,
    chosen,
    conductance,
    cycle_features,
    in_mode,
    in_next_cycle,
    is_irs,
    noise_density,
    noisy_current,
    normals,
    partial_reset,
    random_words,
    read_normal,
    resets,
    rounded_mul,
    scale,
    sets,
    transition,
)

from .history_buffers import fetch, next_number
from .history_refill import REACH, Pending, first_latent, prepare, used_up
from .lanes import INLINE, W, load, read, reals, scalar, store, store_where, words
from .layout import (
    CURVE,
    DEVICE_RECORD,
    HOT,
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    WORD,
    Cells,
    Four,
    Rules,
    ask_for,
    ids,
    load4,
)
from .state_space import advance_states, draw_states, restart_states

FURTHER = 16  # tiles by which a step asks for lines before they are needed


@njit(**INLINE)
def step(c: Cells, rules: Rules, pending: Pending, t: int, u: Real) -> None:
    """One applied voltage (a number each lane) on a tile. U_SET < 0 < U_RESET, so the sign says what can happen."""
    if any_(u < 0.0):
        step_down(c, rules, pending, t, u)
    if any_(u > 0.0):
        step_up(c, rules, pending, t, u)


@njit(**INLINE)
def step_down(c: Cells, rules: Rules, pending: Pending, t: int, u: Real) -> None:
    """SET."""
    h = t * HOT
    ask_further_on(c, rules, pending, t + FURTHER)
    word = load(c.words, h + WORD)
    mask = sets(word, u, load(c.hot, h + U_SET))
    if any_(mask):
        store_where(c.r, t * W, load(c.hot, h + R_LRS), mask)
        store(c.words, h + WORD, in_mode(word, mask, LRS))
        if rules.slots > 0:
            prepare(rules, c, pending, t, word, mask)


@njit(**INLINE)
def step_up(c: Cells, rules: Rules, pending: Pending, t: int, u: Real) -> None:
    """RESET."""
    h, d, on_curve = t * HOT, t * DEVICE_RECORD, t * CURVE
    word = load(c.words, h + WORD)
    p = read(rules.constants, rules.prototype)
    u_reset = load(c.device, d + U_RESET)
    u_ratchet = u_reset
    if any_(is_irs(word)):
        u_ratchet = load(c.curve, on_curve + U_RATCHET)
    event = resets(word, u, u_reset, u_ratchet, p)
    if any_(event.begin):
        ask_further_on(c, rules, pending, t + FURTHER)
        f = next_features(c, rules, pending, t, next_number(word), event.begin)
        sloped = event.begin & event.partial
        if any_(sloped):
            p = read(rules.constants, rules.prototype)
            curve = transition(load(c.r, t * W), u_reset, f.r_hrs, p)
            store_where(c.curve, on_curve + T_SCALE, curve.scale, sloped)
            store_where(c.curve, on_curve + T_END, curve.end, sloped)
        store_where(c.hot, h + U_SET, f.u_set, event.begin)
        store_where(c.hot, h + R_LRS, f.r_lrs, event.begin)
        store_where(c.device, d + R_HRS, f.r_hrs, event.begin)
        store_where(c.device, d + U_RESET, f.u_reset, event.begin)
        word = in_next_cycle(word, event.begin, f.limited)
    if any_(event.full):
        store_where(c.r, t * W, load(c.device, d + R_HRS), event.full)
        word = in_mode(word, event.full, HRS)
    if any_(event.partial):
        p = read(rules.constants, rules.prototype)
        curve = Transition(load(c.curve, on_curve + T_SCALE), load(c.curve, on_curve + T_END))
        store_where(c.r, t * W, partial_reset(curve, u, p), event.partial)
        store_where(c.curve, on_curve + U_RATCHET, u, event.partial)
        word = in_mode(word, event.partial, IRS)
    if any_(event.full | event.partial):
        store(c.words, h + WORD, word)


@njit(**INLINE)
def ask_further_on(c: Cells, rules: Rules, pending: Pending, t: int) -> None:
    """Ask for what any voltage needs of tile t."""
    if rules.slots + rules.states > 0 and t < pending.coming[REACH]:
        ask_for(c.hot, t * HOT, HOT)
        ask_for(c.r, t * W, W)


@njit(**INLINE)
def next_features(c: Cells, rules: Rules, pending: Pending, t: int, number: UInt32, mask: Any) -> Features:
    """Features of cycle ``number`` of the cells in the mask."""
    if rules.slots > 0:
        x = fetch(rules, c, pending.address, pending.coming[REACH], t, number, mask)
        used_up(rules, c, pending, t, number, mask)
    elif rules.states == 0:  # whoever keeps memory in another form has put x in its place
        x = load4(c.memory, t * 4 * W)
    else:
        if t + FURTHER < pending.coming[REACH]:
            ask_for(c.device, (t + FURTHER) * DEVICE_RECORD, DEVICE_RECORD)
            ask_for(c.memory, (t + FURTHER) * rules.states * W, rules.states * W)
        lo, hi = ids(c, t)
        if any_(mask & (number == 0)):
            restart_states(rules, c, pending, t, lo, hi, mask & (number == 0))
        x = advance_states(rules, c, t, lo, hi, number, mask)
    return device_features(c, rules, t, x)


@njit(**INLINE)
def device_features(c: Cells, rules: Rules, t: int, x: Four) -> Features:
    """Features of the cycle with latent x."""
    p = read(rules.constants, rules.prototype)
    d = t * DEVICE_RECORD
    return cycle_features(x, load4(c.device, d), load4(c.device, d + 4 * W), p)


@njit(**INLINE)
def read_current(c: Cells, rules: Rules, t: int, u: Real, bandwidth: float, number: UInt32) -> Real:
    """Currents of a tile, with the noise of each cell's read number ``number`` unless the bandwidth is 0."""
    p = read(rules.constants, rules.prototype)
    g = conductance(load(c.r, t * W), u, p)
    if bandwidth > 0.0:
        lo, hi = ids(c, t)
        z = read_normal(lo, hi, number, rules.k0, rules.k1)
        return noisy_current(g, u, noise_density(u) * bandwidth, z)
    return rounded_mul(u, g)


@njit(**INLINE)
def draw_device(c: Cells, rules: Rules, t: int, mixture: Any, components: int, log_sigma: bool) -> None:
    """Device vectors of a tile: one component of the mixture, eight normals."""
    starts, means, cholesky = mixture
    lo, hi = ids(c, t)
    zero = words(0)
    choice = random_words(lo, hi, DEVICE, zero, 0, rules.k0, rules.k1)[0]
    a = normals(lo, hi, DEVICE, zero, 1, rules.k0, rules.k1)
    b = normals(lo, hi, DEVICE, zero, 2, rules.k0, rules.k1)
    for k in range(components):
        here = chosen(choice, scalar(starts, k))
        for i in range(8):
            row = (k * 8 + i) * 8
            y = scalar(means, k * 8 + i) + a[0] * scalar(cholesky, row) + a[1] * scalar(cholesky, row + 1)
            y = y + a[2] * scalar(cholesky, row + 2) + a[3] * scalar(cholesky, row + 3)
            y = y + b[0] * scalar(cholesky, row + 4) + b[1] * scalar(cholesky, row + 5)
            y = y + b[2] * scalar(cholesky, row + 6) + b[3] * scalar(cholesky, row + 7)
            store_where(c.device, t * DEVICE_RECORD + i * W, y, here)
    if log_sigma:
        for i in range(4, 8):
            at = t * DEVICE_RECORD + i * W
            store(c.device, at, scale(load(c.device, at)))


@njit(**INLINE)
def first_cycle(c: Cells, rules: Rules, t: int) -> None:
    """Cycle 0 begins, in its HRS."""
    lo, hi = ids(c, t)
    everywhere = reals(np.float32(0.0)) == 0.0
    if rules.slots > 0:
        # the ring is not touched before the first SET
        x = first_latent(rules, normals(lo, hi, CYCLES, words(0), 0, rules.k0, rules.k1))
    elif rules.states == 0:
        x = load4(c.memory, t * 4 * W)
    else:
        draw_states(rules, c.memory, t * rules.states * W, lo, hi)
        x = advance_states(rules, c, t, lo, hi, words(0), everywhere)
    f = device_features(c, rules, t, x)
    h, d = t * HOT, t * DEVICE_RECORD
    store(c.r, t * W, f.r_hrs)
    store(c.hot, h + U_SET, f.u_set)
    store(c.hot, h + R_LRS, f.r_lrs)
    store(c.device, d + U_RESET, f.u_reset)
    store(c.device, d + R_HRS, f.r_hrs)
    for field in (U_RATCHET, T_SCALE, T_END):
        store(c.curve, t * CURVE + field, reals(np.float32(0.0)))
    store(c.words, h + WORD, in_next_cycle(words(HRS | CYCLE), everywhere, f.limited))
