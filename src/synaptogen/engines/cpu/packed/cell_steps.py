"""One tile of packed cells: taken to the desk, worked on as any other tile, and put back.

What happens there is what `engines.cpu.tiles` says. After each voltage that changed something the tile goes back and is
taken anew, so that rounding does not depend on how voltages are grouped.
"""

from numba import njit

from synaptogen.engines.cpu.cell_steps import device_features, draw_device, first_cycle, step_down, step_up
from synaptogen.engines.cpu.history_buffers import next_number
from synaptogen.engines.cpu.lanes import INLINE, PART, W, load, read, store, store_where, words
from synaptogen.engines.cpu.layout import (
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    WORD,
    Rules,
    ids,
    scalar4,
    store4,
)
from synaptogen.engines.cpu.state_space import advance_states, draw_states, latent_of_states, restart_states
from synaptogen.model import (
    CYCLES,
    LIMITED,
    Features,
    Mask,
    Real,
    UInt32,
    any_,
    cycle,
    is_irs,
    normals,
    resets,
    sets,
    transition,
    where,
)

from .codes import Scale, decode, encode, is_outside
from .layout import THRESHOLDS, Desk, Packed, load_codes, store_codes


@njit(**INLINE)
def take(packed: Packed, desk: Desk, t: int) -> None:
    """Lay a tile on the desk, as far as most voltages ask: no states, no devices."""
    c, s, at = desk.cells, packed.scales, t * THRESHOLDS * W
    u, r_lrs, u_reset = (
        load_codes(packed.thresholds, at),
        decode(load_codes(packed.thresholds, at + W), s.r),
        decode(load_codes(packed.thresholds, at + 2 * W), s.u_reset),
    )
    store(c.words, WORD, load(packed.words, t * W))
    store(c.r, 0, decode(load_codes(packed.r, t * W), s.r))
    store(c.hot, U_SET, decode(u, s.u_set))
    store(c.curve, U_RATCHET, decode(u, s.u_ratchet))
    store(c.hot, R_LRS, r_lrs)
    store(c.device, U_RESET, u_reset)
    store(desk.r_from, 0, r_lrs)
    store(desk.u_from, 0, u_reset)
    lay_ids(packed, desk, t)


@njit(**INLINE)
def lay_ids(packed: Packed, desk: Desk, t: int) -> None:
    """Lay the ids of a tile on the desk."""
    lo, hi = ids(packed, t)
    store(desk.id_lo, 0, lo)
    store(desk.id_hi, 0, hi)


@njit(**INLINE)
def put_back(packed: Packed, desk: Desk, t: int) -> None:
    """Store the tile, and note where a feature lies outside of what can be stored."""
    c, s, at = desk.cells, packed.scales, t * THRESHOLDS * W
    word, r = load(c.words, WORD), load(c.r, 0)
    u_set, r_lrs, u_reset = load(c.hot, U_SET), load(c.hot, R_LRS), load(c.device, U_RESET)
    outside = is_outside(r, s.r) | is_outside(r_lrs, s.r) | is_outside(u_set, s.u_set) | is_outside(u_reset, s.u_reset)
    partly = is_irs(word)
    u = where(partly, encode(load(c.curve, U_RATCHET), s.u_ratchet), encode(u_set, s.u_set))
    store_codes(packed.thresholds, at, u)
    store_codes(packed.thresholds, at + W, encode(where(partly, load(desk.r_from, 0), r_lrs), s.r))
    store_codes(packed.thresholds, at + 2 * W, encode(where(partly, load(desk.u_from, 0), u_reset), s.u_reset))
    store_codes(packed.r, t * W, encode(r, s.r))
    store(packed.words, t * W, where(outside, word | LIMITED, word))


@njit(**INLINE)
def know(packed: Packed, desk: Desk, rules: Rules, t: int) -> None:
    """Device vectors of the tile, drawn anew unless they lie on the desk."""
    if desk.known[0] != t:
        draw_device(desk.cells, rules, 0, packed.mixture, packed.components, packed.log_sigma)
        desk.known[0] = t


@njit(**INLINE)
def state_scale(packed: Packed, k: int) -> Scale:
    """What the codes of state k stand for."""
    low, step, per_step, _ = scalar4(packed.state_scales, 4 * k)
    return Scale(low, step, per_step)


@njit(**INLINE)
def take_states(packed: Packed, desk: Desk, rules: Rules, t: int) -> None:
    """Lay the states of the tile on the desk."""
    for k in range(rules.states):
        code = load_codes(packed.states, (t * rules.states + k) * W)
        store(desk.states.memory, k * W, decode(code, state_scale(packed, k)))


@njit(**INLINE)
def put_states_back(packed: Packed, desk: Desk, rules: Rules, t: int) -> None:
    """Store the states, and leave on the desk what was stored."""
    for k in range(rules.states):
        scale = state_scale(packed, k)
        code = encode(load(desk.states.memory, k * W), scale)
        store_codes(packed.states, (t * rules.states + k) * W, code)
        store(desk.states.memory, k * W, decode(code, scale))


@njit(**INLINE)
def lay_latent(desk: Desk, rules: Rules, number: UInt32) -> None:
    """Put x of cycle ``number``, to which the states on the desk belong, where the ordinary cells look for it."""
    lo, hi = load(desk.id_lo, 0), load(desk.id_hi, 0)
    e = normals(lo, hi, CYCLES, number, 0, rules.k0, rules.k1)
    store4(desk.cells.memory, 0, latent_of_states(rules, desk.states.memory, 0, e))


@njit(**PART)
def begin_cycle(packed: Packed, desk: Desk, rules: Rules, t: int, begin: Mask) -> None:
    """Advance the states of cells in the mask to their next cycle, and make its x."""
    know(packed, desk, rules, t)
    take_states(packed, desk, rules, t)
    word = load(desk.cells.words, WORD)
    number, lo, hi = next_number(word), load(desk.id_lo, 0), load(desk.id_hi, 0)
    advance_states(rules, desk.states, 0, lo, hi, cycle(word), begin)
    if any_(begin & (number == 0)):
        restart_states(rules, desk.states, desk.spare, 0, lo, hi, begin & (number == 0))
    put_states_back(packed, desk, rules, t)
    lay_latent(desk, rules, number)


@njit(**INLINE)
def running_features(packed: Packed, desk: Desk, rules: Rules, t: int) -> Features:
    """Features of the running cycle, made anew from its states."""
    know(packed, desk, rules, t)
    take_states(packed, desk, rules, t)
    lo, hi = load(desk.id_lo, 0), load(desk.id_hi, 0)
    e = normals(lo, hi, CYCLES, cycle(load(desk.cells.words, WORD)), 0, rules.k0, rules.k1)
    return device_features(desk.cells, rules, 0, latent_of_states(rules, desk.states.memory, 0, e))


@njit(**PART)
def recall(packed: Packed, desk: Desk, rules: Rules, t: int) -> None:
    """Make anew what is not stored: R_HRS, and of partly reset cells the transition and all running features."""
    f = running_features(packed, desk, rules, t)
    c = desk.cells
    partly = is_irs(load(c.words, WORD))
    p = read(rules.constants, rules.prototype)
    curve = transition(load(desk.r_from, 0), load(desk.u_from, 0), f.r_hrs, p)
    store_where(c.curve, T_SCALE, curve.scale, partly)
    store_where(c.curve, T_END, curve.end, partly)
    store_where(c.hot, U_SET, f.u_set, partly)
    store_where(c.hot, R_LRS, f.r_lrs, partly)
    store_where(c.device, U_RESET, f.u_reset, partly)
    store(c.device, R_HRS, f.r_hrs)


@njit(**INLINE)
def step(packed: Packed, desk: Desk, rules: Rules, at_hand: Rules, t: int, u: Real) -> bool:
    """One applied voltage on the tile on the desk; has anything changed? ``at_hand``: rules by which x is laid out."""
    c = desk.cells
    changed = False
    if any_(u < 0.0):
        if any_(is_irs(load(c.words, WORD)) & (u < 0.0)):
            recall(packed, desk, rules, t)
        if any_(sets(load(c.words, WORD), u, load(c.hot, U_SET))):
            step_down(c, at_hand, desk.spare, 0, u)
            changed = True
    if any_(u > 0.0):
        word = load(c.words, WORD)
        p = read(rules.constants, rules.prototype)
        event = resets(word, u, load(c.device, U_RESET), load(c.curve, U_RATCHET), p)
        if any_(event.full | event.partial):
            if any_(is_irs(word) & (event.full | event.partial)):
                recall(packed, desk, rules, t)
            if any_(event.begin):
                begin_cycle(packed, desk, rules, t, event.begin)
            step_up(c, at_hand, desk.spare, 0, u)
            changed = True
    return changed


@njit(**INLINE)
def begin(packed: Packed, desk: Desk, rules: Rules, at_hand: Rules, t: int) -> None:
    """Cycle 0 of a tile."""
    lay_ids(packed, desk, t)
    know(packed, desk, rules, t)
    draw_states(rules, desk.states.memory, 0, load(desk.id_lo, 0), load(desk.id_hi, 0))
    put_states_back(packed, desk, rules, t)
    lay_latent(desk, rules, words(0))
    first_cycle(desk.cells, at_hand, 0)
    put_back(packed, desk, t)
