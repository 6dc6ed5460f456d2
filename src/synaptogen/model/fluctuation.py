"""What the conductance of a cell does after it was written: relaxation, 1/f and telegraph noise (docs/time.md).

    ln G(t) = ln G_w + S(G_w) [V(t - t_w) + P(t) + T(t)] + S_w(G_w) N(t),     S(G) = 1 / (1 + (G/h)^n)

V is a walk in logarithmic time, P a sum of octaves, T a few telegraph signals, N white. Each is constant within slots
of time, and its value in a slot is a function of the seed, the cell, the time of the write and the number of the slot.
So nothing has to be kept but the time of the write, and it makes no difference into how many pieces a wait is cut.

A time enters as its place on grids of slots: the number of the slot that it lies in, and which part of that slot has
passed, as a fraction of 2**32. The grids of all cells have the same slots; each cell shifts them by a phase of its own.
"""

from typing import Any, NamedTuple

from .ops import (
    Mask,
    Real,
    UInt32,
    absolute,
    exp2,
    flip_sign,
    maximum,
    minimum,
    pow_,
    real,
    rounded_mul,
    signed_real,
    where,
)
from .random import FLUCTUATION, random_words
from .switching import is_hrs, is_irs

OCTAVES, BURSTS, TRAPS = 5, 2, 3
"""Numbers of the octaves of P, of the slow signals that modulate it, and of the telegraph signals."""
GRIDS = OCTAVES + BURSTS + TRAPS + 1
"""Number of grids: those of the octaves, of the bursts and of the traps, and that of epochs, in this order."""

# rows of hashed words of a cell, by their use; grids use their number and those from 16 on
_PHASE, _JUMP, _PLACE, _WHITE, _EPOCH = 32, 33, 34, 35, 36
_GOLDEN = 0x9E3779B9  # the step of counters of slots

# high powers of small numbers would be below the least normal one, with which processors take a hundred times as long;
# what is added to sums above 1 here is far below their last bit
_LEAST_POWER = 1e-4
_STEP = 1.52587890625e-05  # 2**-16, the least change of a mixing state that a move of the clock makes: 5 nS
LOG2_E = 1.4426950408889634
MOST = 2.0  # largest change of ln G but for N, beyond which tails of the laws are cut; measured cells rose by up to 1.6
MOST_AT_ALL = 4.0  # and with N, which a cell at the cut keeps


class FluctuationConstants(NamedTuple):
    """The constants that the formulas of this module take as ``p``; `FluctuationParams.constants` makes them."""

    walk: Any  # ln of a conductance; scale of the jumps of V
    skew: Any  # asymmetry of the jumps
    walk_shared: Any  # share of the trait that V and P have in common in log2 of the amplitude of V ...
    walk_own: Any  # ... and that of its own trait
    octaves: Any  # ln of a conductance; amplitudes of the octaves, from the shortest slot to the longest
    flicker_shared: Any  # as walk_shared, for P
    flicker_own: Any
    burst: Any  # log2 of the amplitude of P per unit of its slow signals
    trap_share: Any  # 2**16 times the probability that a write has a trap, for each of them
    separation: Any  # ln of a conductance; median separation of the levels of a trap
    separation_cells: Any  # spread of its log2
    duty_low: Any  # 2**32 times the least share of time in the second level ...
    duty_per_chance: Any  # ... and what it gains per unit of 2**16 times the chance that there is a trap
    active: Any  # 2**10 times the share of epochs in which a trap is active
    white: Any  # ln of a conductance; median of the white part
    white_shared: Any  # as walk_shared, for the white part
    white_own: Any
    white_floor: Any  # share of the white part that is left at any conductance
    per_half: Any  # 1/S; 1/h of S(G)
    exponent: Any  # n of S(G)


class Key(NamedTuple):
    """The random words of a write of a cell: two that key its hashed words, and two for its traits."""

    a: UInt32
    b: UInt32
    c: UInt32
    d: UInt32


# ---- numbers from counters


def write_key(lo: UInt32, hi: UInt32, written_lo: UInt32, written_hi: UInt32, k0: UInt32, k1: UInt32) -> Key:
    """Return the random words of a write.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    written_lo, written_hi : UInt32
        Low and high word of the time of the write, in ticks.
    k0, k1 : UInt32
        Low and high word of the seed.

    Returns
    -------
    Key
    """
    a, b, c, d = random_words(lo, hi, FLUCTUATION, written_lo, written_hi, k0, k1)
    return Key(a, b, c, d)


def hashed(key: Key, row: int, counter: UInt32) -> UInt32:
    """Return the hashed word of a slot: 32 random bits.

    The finaliser of C. Wellons (two multiplications, github.com/skeeto/hash-prospector) on a counter, with a key of 64
    random bits. Philox would take most of the time of a wait for these numbers, of which a cell needs thirty.

    Parameters
    ----------
    key : Key
        The write.
    row : int
        What the word is for.
    counter : UInt32
        `counter_of` the slot.

    Returns
    -------
    UInt32
    """
    x = counter + key.a
    x = (x ^ (x >> 16)) * 0x21F0AAAD
    x = (x ^ (x >> 15) ^ (key.b + ((row * 0x85EBCA6B) & 0xFFFFFFFF))) * 0x735A2D97
    return x ^ (x >> 15)


def counter_of(slot: UInt32) -> UInt32:
    """Return the counter of a slot, by which hashed words are addressed."""
    return slot * _GOLDEN


def upper(word: UInt32) -> Real:
    """Return a number on -1 ... 1 from the upper half of a word; zero is not among them."""
    return signed_real((word & 0xFFFF0000) | 0x8000) * 4.656612873077393e-10


def lower(word: UInt32) -> Real:
    """Return a number on -1 ... 1 from the lower half of a word."""
    return signed_real((word << 16) | 0x8000) * 4.656612873077393e-10


def bell(v: Real) -> Real:
    """Return a number from one that is uniform on -1 ... 1: normal to 3 %, with an end at 3.2 standard deviations."""
    w = v * v
    w2 = w * w
    w4 = maximum(w2 * w2, _LEAST_POWER)
    w8 = w4 * w4
    w32 = (w8 * w8) * (w8 * w8)
    return v * (1.2793 + 0.8492 * w2 + 1.0996 * w32)


def heavy(v: Real, skew: Real) -> Real:
    """Return a number of heavy tails from one that is uniform on -1 ... 1.

    Up to three standard deviations of a normal number, it is about the hyperbolic sine of that.

    Parameters
    ----------
    v : Real
        The uniform number.
    skew : Real
        Added to it, so that one tail is heavier.

    Returns
    -------
    Real
        With a slope of 1.5 at 0, a standard deviation of 1.73 without skew, and ends at 10.4.
    """
    w = v * v
    w2 = w * w
    w4 = w2 * w2
    high = maximum(w4, _LEAST_POWER)
    w16 = (high * high) * (high * high)
    return (v + skew) * (1.503 + 2.8482 * w4 + 6.0734 * (w16 * w16))


def phase_word(key: Key) -> UInt32:
    """Return the word that the phases of all grids of a cell are made of."""
    return hashed(key, _PHASE, 0)


def own_counter(phase: UInt32, grid: int, slot: UInt32, passed: UInt32) -> UInt32:
    """Return the counter of the slot of a cell, whose grids are shifted by phases of its own.

    Parameters
    ----------
    phase : UInt32
        From `phase_word`.
    grid : int
        Number of the grid.
    slot, passed : UInt32
        Slot of the unshifted grid, and how much of it has passed, as a fraction of 2**32.

    Returns
    -------
    UInt32
    """
    counter = counter_of(slot)
    return where((phase << grid) + passed < passed, counter + _GOLDEN, counter)


# ---- the four parts


class Traits(NamedTuple):
    """How strongly a cell fluctuates after a write: amplitudes as ln of a conductance, before S(G)."""

    walk: Real  # of V
    flicker: Real  # of P, relative to that of the median cell
    white: Real  # of N


def traits(key: Key, p: FluctuationConstants) -> Traits:
    """Return the amplitudes of a write: log-normal, with a trait in common and one of their own.

    Parameters
    ----------
    key : Key
        The write.
    p : FluctuationConstants

    Returns
    -------
    Traits
    """
    shared = bell(upper(key.c))
    walk = p.walk * exp2(rounded_mul(p.walk_shared, shared) + p.walk_own * bell(lower(key.c)))
    flicker = exp2(rounded_mul(p.flicker_shared, shared) + p.flicker_own * bell(upper(key.d)))
    white = p.white * exp2(rounded_mul(p.white_shared, shared) + p.white_own * bell(lower(key.d)))
    return Traits(walk, flicker, white)


def jumps_made(key: Key, slot: UInt32, passed: UInt32) -> UInt32:
    """Return how many jumps of V a cell has made.

    Parameters
    ----------
    key : Key
        The write.
    slot, passed : UInt32
        Slot of logarithmic time since the write, and how much of it has passed.

    Returns
    -------
    UInt32
        ``slot``, or one more once the jump in this slot has been made; its place within the slot is random.
    """
    return where(hashed(key, _PLACE, counter_of(slot)) < passed, slot + 1, slot)


def two_jumps(key: Key, pair: int, made: UInt32, width: Real, next_width: Real, p: FluctuationConstants) -> Real:
    """Return what two successive slots of logarithmic time have added to V.

    Parameters
    ----------
    key : Key
        The write.
    pair : int
        Number of the two slots: 2 ``pair`` and 2 ``pair`` + 1.
    made : UInt32
        From `jumps_made`.
    width, next_width : Real
        Scales of the jumps of the two slots.
    p : FluctuationConstants

    Returns
    -------
    Real
        In units of the amplitude of V.
    """
    word = hashed(key, _JUMP, (pair * _GOLDEN) & 0xFFFFFFFF)
    first = where(made > 2 * pair, heavy(upper(word), p.skew) * width, 0.0)
    return first + where(made > 2 * pair + 1, heavy(lower(word), p.skew) * next_width, 0.0)


def flicker(key: Key, phase: UInt32, grid: Any, p: FluctuationConstants) -> Real:
    """Return P of the median cell at a time: octaves of slots, whose amplitude comes and goes slowly.

    Parameters
    ----------
    key : Key
        The write.
    phase : UInt32
        From `phase_word`.
    grid : sequence of UInt32
        Slot and passed fraction of each of the `GRIDS`, alternating.
    p : FluctuationConstants

    Returns
    -------
    Real
        ln of a conductance.
    """
    x = rounded_mul(p.octaves[0], _octave(key, phase, 0, grid[0], grid[1]))
    x = x + p.octaves[1] * _octave(key, phase, 1, grid[2], grid[3])
    x = x + p.octaves[2] * _octave(key, phase, 2, grid[4], grid[5])
    x = x + p.octaves[3] * _octave(key, phase, 3, grid[6], grid[7])
    x = x + p.octaves[4] * _octave(key, phase, 4, grid[8], grid[9])
    burst = _burst(key, phase, 5, grid[10], grid[11]) + _burst(key, phase, 6, grid[12], grid[13])
    return x * exp2(p.burst * burst)


def _octave(key: Key, phase: UInt32, j: int, slot: UInt32, passed: UInt32) -> Real:
    """Return the value of octave ``j`` in a slot of its grid, without its amplitude."""
    return heavy(upper(hashed(key, j, own_counter(phase, j, slot, passed))), 0.0)


def _burst(key: Key, phase: UInt32, j: int, slot: UInt32, passed: UInt32) -> Real:
    """Return the value of a slow signal, that of grid ``j``, in a slot of its grid."""
    return bell(upper(hashed(key, j, own_counter(phase, j, slot, passed))))


def telegraph(key: Key, phase: UInt32, grid: Any, p: FluctuationConstants) -> Real:
    """Return T at a time: traps with two levels, each present after a share of writes and active in some epochs.

    Parameters
    ----------
    key, phase, grid, p
        As for `flicker`.

    Returns
    -------
    Real
        ln of a conductance.
    """
    epoch = hashed(key, _EPOCH, own_counter(phase, 10, grid[20], grid[21]))
    first = _trap(key, phase, 7, grid[14], grid[15], epoch, p)
    second = _trap(key, phase, 8, grid[16], grid[17], epoch >> 10, p)
    third = _trap(key, phase, 9, grid[18], grid[19], epoch >> 20, p)
    return first + second + third


def _trap(
    key: Key, phase: UInt32, j: int, slot: UInt32, passed: UInt32, epoch: UInt32, p: FluctuationConstants
) -> Real:
    """Return the telegraph signal of grid ``j`` in a slot of it, in an epoch whose lowest ten bits are for this one."""
    word = hashed(key, j + 16, 0)
    chance = real(word >> 16)
    level = real(hashed(key, j, own_counter(phase, j, slot, passed)))
    awake = real(epoch & 1023)
    # given that there is a trap, its chance is uniform: it sets the share of time in the second level
    up = level < p.duty_low + p.duty_per_chance * chance
    here = (chance < p.trap_share) & up & (awake < p.active)
    size = p.separation * exp2(p.separation_cells * bell(lower(word)))
    return where(here, flip_sign(size, word << 15), 0.0)


def white(key: Key, instant: UInt32) -> Real:
    """Return N at a time, in units of its amplitude: another number at every instant.

    Parameters
    ----------
    key : Key
        The write.
    instant : UInt32
        A word for the instant.

    Returns
    -------
    Real
    """
    return bell(upper(hashed(key, _WHITE, instant)))


def strength(g: Real, p: FluctuationConstants) -> Real:
    """Return S(G): 1 in the HRS, a few per cent in the LRS.

    Parameters
    ----------
    g : Real
        Conductance in S at the read voltage.
    p : FluctuationConstants

    Returns
    -------
    Real
    """
    return 1.0 / (1.0 + pow_(maximum(g * p.per_half, 1e-9), p.exponent))


def white_strength(s: Real, p: FluctuationConstants) -> Real:
    """Return S_w(G), which falls to a floor instead of to 0.

    Parameters
    ----------
    s : Real
        From `strength`.
    p : FluctuationConstants

    Returns
    -------
    Real
    """
    return s + (1.0 - s) * p.white_floor


def fast_variance(g: Real, amplitude: Real, p: FluctuationConstants) -> Real:
    """Return the variance of N of a cell: that of ln G by all that is faster than the shortest slot.

    Parameters
    ----------
    g : Real
        Conductance in S at the read voltage.
    amplitude : Real
        ``Traits.white`` of the cell.
    p : FluctuationConstants

    Returns
    -------
    Real
    """
    deviation = white_strength(strength(g, p), p) * amplitude
    return deviation * deviation


def log_change(walk: Real, key: Key, grid: Any, instant: UInt32, s: Real, p: FluctuationConstants) -> Real:
    """Return ln G(t) - ln G_w.

    Parameters
    ----------
    walk : Real
        V in units of its amplitude: the sum of `two_jumps`.
    key : Key
        The write.
    grid : sequence of UInt32
        As for `flicker`.
    instant : UInt32
        As for `white`.
    s : Real
        From `strength`.
    p : FluctuationConstants

    Returns
    -------
    Real
    """
    t, phase = traits(key, p), phase_word(key)
    x = rounded_mul(t.walk, walk) + t.flicker * flicker(key, phase, grid, p) + telegraph(key, phase, grid, p)
    slow = minimum(maximum(rounded_mul(s, x), -MOST), MOST)
    change = slow + white_strength(s, p) * (t.white * white(key, instant))
    return minimum(maximum(change, -MOST_AT_ALL), MOST_AT_ALL)


# ---- mixing states


def moved(r: Real, change: Real, r_zero: Real, r_max: Real) -> Real:
    """Return the mixing state of a cell whose conductance has changed since it was written.

    It always differs from the state that was written, if only by its last digits: so a cell whose state is the
    written one has been written since the clock last moved.

    Parameters
    ----------
    r : Real
        Mixing state that was written.
    change : Real
        ln G - ln G_w.
    r_zero : Real
        Mixing state of zero conductance at the read voltage.
    r_max : Real
        Largest mixing state of a passive cell.

    Returns
    -------
    Real
    """
    to = r - (r_zero - r) * (exp2(change * LOG2_E) - 1.0)
    least = _STEP * maximum(absolute(r), 1.0)
    to = where(absolute(to - r) < least, r - least, to)
    return where(to > r_max, maximum_below(r, r_max, least), to)


def maximum_below(r: Real, r_max: Real, least: Real) -> Real:
    """Return the largest mixing state that differs from a written one.

    Parameters
    ----------
    r : Real
        Mixing state that was written.
    r_max : Real
        Largest mixing state of a passive cell.
    least : Real
        Least difference.

    Returns
    -------
    Real
    """
    return where(r_max - r < least, r - least, r_max + 0.0 * r)


def as_written(r: Real, r_written: Real) -> Mask:
    """Return whether the state of a cell is the one that was written: whether the clock has not moved since.

    Parameters
    ----------
    r : Real
        Mixing state.
    r_written : Real
        Mixing state that the last change of the cell wrote.

    Returns
    -------
    Mask
        False after `moved`, also where numbers were rounded to single precision.
    """
    return absolute(r - r_written) < 0.5 * _STEP * maximum(absolute(r_written), 1.0)


def written_state(status: UInt32, r_lrs: Real, r_hrs: Real, r_partial: Real) -> Real:
    """Return the mixing state that the last change of a cell wrote, which its mode and features tell.

    Parameters
    ----------
    status : UInt32
        Status of the cell.
    r_lrs, r_hrs : Real
        Mixing states of the LRS and of the HRS of the running cycle.
    r_partial : Real
        Mixing state at the ratchet on the RESET transition, where a cell is partly reset.

    Returns
    -------
    Real
    """
    return where(is_irs(status), r_partial, where(is_hrs(status), r_hrs, r_lrs))
