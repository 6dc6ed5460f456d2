"""Current, mixing state and RESET transition (docs/model.md, "Current" and "Switching").

Hennen et al., IEEE Trans. Electron Devices, doi:10.1109/TED.2024.3427616 (2024). A cell's mixing state r places it
between the lowest LRS (r = 0) and the highest HRS (r = 1) that were measured:

    I(r, U) = (1 - r) I_LLRS(U) + r I_HHRS(U)
"""

from typing import NamedTuple

from .constants import Constants
from .ops import Real, maximum, minimum, pow_, rounded_mul, where
from .polynomial import poly, slope


def envelopes(u: Real, p: Constants) -> tuple[Real, Real]:
    """Return the chord conductances I/U of the lowest LRS and of the highest HRS.

    Beyond +-``p.u_range`` they continue as constants: the polynomials were not fitted there, and cells stay passive.

    Parameters
    ----------
    u : Real
        Voltage in V; at 0 the limits are returned.
    p : Constants

    Returns
    -------
    llrs, hhrs : Real
        Chord conductances in S.
    """
    u = minimum(maximum(u, -p.u_range), p.u_range)
    return poly(p.llrs, u), poly(p.hhrs, u)


def conductance(r: Real, u: Real, p: Constants) -> Real:
    """Return the chord conductance I(r, U)/U of a cell.

    Parameters
    ----------
    r : Real
        Mixing state.
    u : Real
        Voltage in V; at 0 the small-signal conductance is returned.
    p : Constants

    Returns
    -------
    Real
        Chord conductance in S.
    """
    return mix_conductance(r, envelopes(u, p))


def mix_conductance(r: Real, ends: tuple[Real, Real]) -> Real:
    """Return the chord conductance of a cell whose `envelopes` are known.

    Parameters
    ----------
    r : Real
        Mixing state.
    ends : two Real
        Chord conductances in S of the lowest LRS and of the highest HRS.

    Returns
    -------
    Real
        Chord conductance in S.
    """
    llrs, hhrs = ends
    return llrs + r * (hhrs - llrs)


def current(r: Real, u: Real, p: Constants) -> Real:
    """Return the current I(r, U) of a cell.

    Parameters
    ----------
    r : Real
        Mixing state.
    u : Real
        Voltage in V.
    p : Constants

    Returns
    -------
    Real
        Current in A.
    """
    return rounded_mul(u, conductance(r, u, p))


def differential_conductance(r: Real, u: Real, p: Constants) -> Real:
    """Return the slope dI/dU of `current`.

    Parameters
    ----------
    r : Real
        Mixing state.
    u : Real
        Voltage in V.
    p : Constants

    Returns
    -------
    Real
        Slope in S; negative where a cell has a negative differential resistance.
    """
    v = minimum(maximum(u, -p.u_range), p.u_range)
    llrs = slope(p.llrs, v)
    bend = llrs + r * (slope(p.hhrs, v) - llrs)
    return conductance(r, u, p) + where(u == v, rounded_mul(u, bend), 0.0)


def passive(r: Real, p: Constants) -> Real:
    """Return a mixing state, limited so that the current has the sign of the voltage.

    Parameters
    ----------
    r : Real
        Mixing state.
    p : Constants

    Returns
    -------
    Real
        Mixing state, at most ``p.r_max``.
    """
    return minimum(r, p.r_max)


def mixing_from_conductance(g: Real, p: Constants) -> Real:
    """Return the mixing state of a cell with a known conductance at the read voltage.

    Parameters
    ----------
    g : Real
        Conductance in S.
    p : Constants

    Returns
    -------
    Real
        Mixing state.
    """
    return (p.g_llrs - g) * p.per_span


def resistance_from_mixing(r: Real, p: Constants) -> Real:
    """Return the static resistance at the read voltage: the inverse of `mixing_from_conductance`, as 1/g.

    Parameters
    ----------
    r : Real
        Mixing state.
    p : Constants

    Returns
    -------
    Real
        Resistance in ohm.
    """
    return 1.0 / (p.g_llrs - r / p.per_span)


def mixing_from_current(i: Real, u: Real, p: Constants) -> Real:
    """Return the mixing state of a cell with a known current: the inverse of `current` for 0 < u <= u_range.

    Parameters
    ----------
    i : Real
        Current in A.
    u : Real
        Voltage in V.
    p : Constants

    Returns
    -------
    Real
        Mixing state.
    """
    llrs = rounded_mul(u, poly(p.llrs, u))
    return (i - llrs) / (rounded_mul(u, poly(p.hhrs, u)) - llrs)


def set_overdrive(u: Real, u_set: Real, hold: Real) -> Real:
    """Return how far a voltage is above that at which a SET stops, relative to it; 0 below.

    In a SET the current is limited by what is in series with the cell, whose voltage falls as its resistance does. A
    SET that stops at a share of U_SET leaves R_LRS = hold |U_SET| / I, the inverse of the current as it is found in
    cells of many materials (D. Ielmini, IEEE Trans. Electron Devices 58, 4309 (2011)).

    Parameters
    ----------
    u : Real
        Voltage in V.
    u_set : Real
        SET threshold in V, negative.
    hold : Real
        Share of ``u_set`` at which the SET stops, above 0 and below 1.

    Returns
    -------
    Real
        ``u / (hold u_set) - 1``, at least 0.
    """
    return maximum(u / (hold * u_set) - 1.0, 0.0)


def transition_profile(u: Real, p: Constants) -> Real:
    """Return the height of RESET transitions above their end, on a scale that all cells share.

    With v = u_max - u it is min(v**eta, knee + gradual v) + rest: a gradual fall, then a sudden one, and a step at
    u_max. The published form is v**eta alone: the knee is out of reach and the rest is 0.

    Parameters
    ----------
    u : Real
        Voltage in V, below u_max.
    p : Constants

    Returns
    -------
    Real
        The height, which falls with ``u``.
    """
    v = p.u_max - u
    return minimum(pow_(v, p.eta), p.gradual * v + p.knee) + p.rest


def transition_slope(height: Real, u: Real, p: Constants) -> Real:
    """Return how much `transition_profile` falls per volt.

    Parameters
    ----------
    height : Real
        Value of `transition_profile` at ``u``.
    u : Real
        Voltage in V, below u_max.
    p : Constants

    Returns
    -------
    Real
        Fall in 1/V, positive.
    """
    v = p.u_max - u
    return where(height < p.gradual * v + p.knee + p.rest, p.eta * (height - p.rest) / v, p.gradual)


class Transition(NamedTuple):
    """The RESET curve of a cell, I_t(U) = end + scale * `transition_profile`(U)."""

    scale: Real  # A
    end: Real  # A


def transition(r_from: Real, u_from: Real, r_to: Real, p: Constants) -> Transition:
    """Return the RESET curve from (u_from, I(r_from, u_from)) to (u_max, I(r_to, u_max)).

    Parameters
    ----------
    r_from : Real
        Mixing state before RESET.
    u_from : Real
        Voltage in V at which RESET begins, below u_max.
    r_to : Real
        Mixing state after a complete RESET.
    p : Constants

    Returns
    -------
    Transition
    """
    end = current(r_to, p.u_max, p)
    return Transition((current(r_from, u_from, p) - end) / transition_profile(u_from, p), end)


def partial_reset(t: Transition, u: Real, p: Constants) -> Real:
    """Return the mixing state of a cell that has followed its RESET curve as far as a voltage.

    Parameters
    ----------
    t : Transition
        The curve.
    u : Real
        Voltage in V, below u_max.
    p : Constants

    Returns
    -------
    Real
        Mixing state.
    """
    i = t.end + t.scale * transition_profile(u, p)
    return passive(mixing_from_current(i, u, p), p)
