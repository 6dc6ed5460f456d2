"""Current, mixing state and RESET transition.

Hennen et al., IEEE Trans. Electron Devices, doi:10.1109/TED.2024.3427616 (2024). A cell's mixing state r places it
between the lowest LRS (r = 0) and the highest HRS (r = 1) that were measured:

    I(r, U) = (1 - r) I_LLRS(U) + r I_HHRS(U)
"""

from typing import NamedTuple

from .constants import Constants
from .ops import Real, maximum, minimum, pow_, rounded_mul, where
from .polynomial import poly, slope


def envelopes(u: Real, p: Constants) -> tuple[Real, Real]:
    """Chord conductances I/U in S of the lowest LRS and the highest HRS, at U = 0 their limits.

    Beyond +-``p.u_range`` they go on as constants: the polynomials know nothing there, and cells stay passive.
    """
    u = minimum(maximum(u, -p.u_range), p.u_range)
    return poly(p.llrs, u), poly(p.hhrs, u)


def conductance(r: Real, u: Real, p: Constants) -> Real:
    """Chord conductance I(r, U)/U in S, at U = 0 the small-signal conductance."""
    return mix_conductance(r, envelopes(u, p))


def mix_conductance(r: Real, ends: tuple[Real, Real]) -> Real:
    """Chord conductance of a cell whose `envelopes` are known."""
    llrs, hhrs = ends
    return llrs + r * (hhrs - llrs)


def current(r: Real, u: Real, p: Constants) -> Real:
    """Current I(r, U) in A."""
    return rounded_mul(u, conductance(r, u, p))


def differential_conductance(r: Real, u: Real, p: Constants) -> Real:
    """Slope dI/dU of `current` in S; negative where a cell has a negative differential resistance."""
    v = minimum(maximum(u, -p.u_range), p.u_range)
    llrs = slope(p.llrs, v)
    bend = llrs + r * (slope(p.hhrs, v) - llrs)
    return conductance(r, u, p) + where(u == v, rounded_mul(u, bend), 0.0)


def passive(r: Real, p: Constants) -> Real:
    """The mixing state, limited so that the current has the sign of the voltage."""
    return minimum(r, p.r_max)


def mixing_from_conductance(g: Real, p: Constants) -> Real:
    """r of a cell with conductance ``g`` in S at the read voltage."""
    return (p.g_llrs - g) * p.per_span


def resistance_from_mixing(r: Real, p: Constants) -> Real:
    """Static resistance in ohm at the read voltage: the inverse of `mixing_from_conductance`, as 1/g."""
    return 1.0 / (p.g_llrs - r / p.per_span)


def mixing_from_current(i: Real, u: Real, p: Constants) -> Real:
    """r of a cell that carries ``i`` at ``u``: the inverse of `current` for 0 < u <= u_range."""
    llrs = rounded_mul(u, poly(p.llrs, u))
    return (i - llrs) / (rounded_mul(u, poly(p.hhrs, u)) - llrs)


def transition_profile(u: Real, p: Constants) -> Real:
    """How far transitions at ``u`` < u_max are above their end, on a scale that all of them share.

    With v = u_max - u it is min(v**eta, knee + gradual v) + rest: a gradual fall, then a sudden one, and at u_max a
    step. The published law is v**eta alone, knee out of reach and no rest.
    """
    v = p.u_max - u
    return minimum(pow_(v, p.eta), p.gradual * v + p.knee) + p.rest


def transition_slope(height: Real, u: Real, p: Constants) -> Real:
    """How much `fall` falls per volt at ``u`` < u_max, where it is ``height``."""
    v = p.u_max - u
    return where(height < p.gradual * v + p.knee + p.rest, p.eta * (height - p.rest) / v, p.gradual)


class Transition(NamedTuple):
    """The RESET curve of a cell, I_t(U) = end + scale * `fall`(U)."""

    scale: Real
    end: Real


def transition(r_from: Real, u_from: Real, r_to: Real, p: Constants) -> Transition:
    """The curve from (u_from, I(r_from, u_from)) to (u_max, I(r_to, u_max))."""
    end = current(r_to, p.u_max, p)
    return Transition((current(r_from, u_from, p) - end) / transition_profile(u_from, p), end)


def partial_reset(t: Transition, u: Real, p: Constants) -> Real:
    """r of a cell that has been driven along its transition as far as ``u`` < u_max."""
    i = t.end + t.scale * transition_profile(u, p)
    return passive(mixing_from_current(i, u, p), p)
