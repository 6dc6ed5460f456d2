"""What happens to one cell, in one thread. Only memory and branches live here; the formulas are in `model`."""

from typing import Any

from synaptogen.model import (
    CYCLE,
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
    partial_reset,
    random_words,
    read_normal,
    resets,
    rounded_mul,
    scale,
    sets,
    transition,
)

from .history import memory_groups, next_latent
from .layout import (
    DEVICE_GROUPS,
    FIELD_GROUPS,
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    TILE,
    U_RATCHET,
    U_RESET,
    U_SET,
    Four,
    Rules,
    State,
    draw,
    ids,
    load4,
    place,
)
from .scalars import load, load_row, real_of, store, word_of


def step(c: State, rules: Rules, i: int, word: UInt32, u: Real) -> UInt32:
    """One applied voltage on cell ``i``, whose word is ``word``; returns its word. U_SET < 0 < U_RESET."""
    if any_(u < 0.0):
        word = step_down(c, i, word, u)
    if any_(u > 0.0):
        word = step_up(c, rules, i, word, u)
    return word


def step_down(c: State, i: int, word: UInt32, u: Real) -> UInt32:
    """SET."""
    f = place(i, FIELD_GROUPS)
    mask = sets(word, u, load(c.field, f + U_SET))
    if any_(mask):
        store(c.r, i, load(c.field, f + R_LRS))
        word = in_mode(word, mask, LRS)
    return word


def step_up(c: State, rules: Rules, i: int, word: UInt32, u: Real) -> UInt32:
    """RESET."""
    f, p = place(i, FIELD_GROUPS), rules.constants
    u_reset = load(c.field, f + U_RESET)
    u_ratchet = u_reset
    if any_(is_irs(word)):
        u_ratchet = load(c.field, f + U_RATCHET)
    event = resets(word, u, u_reset, u_ratchet, p)
    if any_(event.begin):
        new = next_features(c, rules, i, (word + 1) & CYCLE)
        if any_(event.partial):
            curve = transition(load(c.r, i), u_reset, new.r_hrs, p)
            store(c.field, f + T_SCALE, curve.scale)
            store(c.field, f + T_END, curve.end)
        store_features(c, f, new)
        word = in_next_cycle(word, event.begin, new.limited)
    if any_(event.full):
        store(c.r, i, load(c.field, f + R_HRS))
        word = in_mode(word, event.full, HRS)
    if any_(event.partial):
        curve = Transition(load(c.field, f + T_SCALE), load(c.field, f + T_END))
        store(c.r, i, partial_reset(curve, u, p))
        store(c.field, f + U_RATCHET, u)
        word = in_mode(word, event.partial, IRS)
    return word


def store_features(c: State, f: int, new: Features) -> None:
    """Features of a cycle that begins."""
    store(c.field, f + U_SET, new.u_set)
    store(c.field, f + R_LRS, new.r_lrs)
    store(c.field, f + R_HRS, new.r_hrs)
    store(c.field, f + U_RESET, new.u_reset)


def next_features(c: State, rules: Rules, i: int, number: UInt32) -> Features:
    """Features of cycle ``number``, drawn from its memory, which moves on."""
    lo, hi = ids(c, i)
    at = place(i, memory_groups(rules))
    x = next_latent(c, rules, at, lo, hi, number, any_(number == 0))
    return device_features(c, rules, i, x)


def device_features(c: State, rules: Rules, i: int, x: Four) -> Features:
    """Features of the cycle with latent x."""
    d = place(i, DEVICE_GROUPS)
    return cycle_features(x, load4(c.device, d), load4(c.device, d + 4 * TILE), rules.constants)


def read_current(c: State, rules: Rules, i: int, u: Real, bandwidth: float, number: UInt32) -> Real:
    """Current of a cell, with the noise of its read number ``number`` unless the bandwidth is 0."""
    g = conductance(load(c.r, i), u, rules.constants)
    if bandwidth > 0.0:
        lo, hi = ids(c, i)
        z = read_normal(lo, hi, number, word_of(rules.k0), word_of(rules.k1))
        return noisy_current(g, u, noise_density(u) * bandwidth, z)
    return rounded_mul(u, g)


def draw_device(c: State, rules: Rules, i: int, mixture: Any, log_sigma: bool) -> None:
    """Device vector of a cell: one component of the mixture, eight normals."""
    starts, means, cholesky = mixture
    lo, hi = ids(c, i)
    zero = word_of(0)
    choice = random_words(lo, hi, DEVICE, zero, zero, word_of(rules.k0), word_of(rules.k1))[0]
    a = draw(rules, lo, hi, DEVICE, zero, word_of(1))
    b = draw(rules, lo, hi, DEVICE, zero, word_of(2))
    component = 0
    for k in range(starts.size):
        if any_(chosen(choice, load(starts, k))):
            component = k
    d = place(i, DEVICE_GROUPS)
    for j in range(DEVICE_GROUPS):
        row = (component * 8 + j) * 8
        c_a, c_b = load_row(cholesky, row), load_row(cholesky, row + 4)
        y = load(means, component * 8 + j) + a[0] * c_a[0] + a[1] * c_a[1]
        y = y + a[2] * c_a[2] + a[3] * c_a[3]
        y = y + b[0] * c_b[0] + b[1] * c_b[1]
        y = y + b[2] * c_b[2] + b[3] * c_b[3]
        if log_sigma and j >= 4:
            y = scale(y)
        store(c.device, d + j * TILE, y)


def first_cycle(c: State, rules: Rules, i: int) -> None:
    """Cycle 0 begins, in its HRS."""
    new = next_features(c, rules, i, word_of(0))
    f = place(i, FIELD_GROUPS)
    store(c.r, i, new.r_hrs)
    store_features(c, f, new)
    zero = real_of(0.0)
    store(c.field, f + U_RATCHET, zero)
    store(c.field, f + T_SCALE, zero)
    store(c.field, f + T_END, zero)
    store(c.word, i, in_next_cycle(word_of(HRS | CYCLE), zero == 0.0, new.limited))
