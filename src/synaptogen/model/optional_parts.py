"""Steps that a parameter set may lack. What is lacking is an empty tuple, and costs nothing.

In Python these functions choose when they run. Compiled engines choose by the type of the last argument when they
compile (`engines.lanes`), since code for a part that is not there would not compile.
"""

from typing import Any

from .ageing import (
    drawn_wear,
    in_reach,
    limited_but_worn,
    limited_thresholds,
    never_reset,
    never_set,
    no_trend,
    no_wear,
)
from .feature_scales import (
    LogCurve,
    curve_position,
    curve_value,
    ohm_from_log,
    or_nothing,
    or_outside,
    without_curve,
)
from .ops import Mask, Real, Reals, UInt32
from .own_law import (
    calm_innovation,
    calm_state,
    own_blend,
    own_rows,
    restless_innovation,
    restless_state,
    rows_of_none,
    shaped,
    shared_blend,
    shared_shape,
)
from .trend import trended, trended_until_over


def position(value: Real, scale: Any) -> Real:
    """Return the position of y in the range of its curve; y itself without one.

    Parameters
    ----------
    value : Real
        A number on the scale of the population.
    scale : Curve, LogCurve or ()

    Returns
    -------
    Real
    """
    return curve_position(value, scale) if scale else without_curve(value, scale)


def plain_value(value: Real, scale: Any) -> Real:
    """Return the value at a position of a curve; the position itself, which is y, without one.

    Parameters
    ----------
    value : Real
        What `position` returned.
    scale : Curve, LogCurve or ()

    Returns
    -------
    Real
    """
    return curve_value(value, scale) if scale else without_curve(value, scale)


def or_beyond(limited: Mask, t: Real, scale: Any) -> Mask:
    """Return whether a position is outside of its curve, or something else was limited.

    Parameters
    ----------
    limited : Mask
        Whether something else was limited.
    t : Real
        What `position` returned.
    scale : Curve, LogCurve or ()

    Returns
    -------
    Mask
    """
    return or_outside(limited, t, scale) if scale else or_nothing(limited, t, scale)


def ohms(value: Real, scale: Any) -> Real:
    """Return a resistance in ohm; of a `LogCurve`, ``value`` is a decimal logarithm.

    Parameters
    ----------
    value : Real
        What `plain_value` returned.
    scale : Curve, LogCurve or ()

    Returns
    -------
    Real
    """
    return ohm_from_log(value, scale) if isinstance(scale, LogCurve) else without_curve(value, scale)


def device_rows(traits: Reals, law: Any) -> Reals:
    """Return what engines keep of the own traits of a device; the traits themselves if it has nothing of its own.

    Parameters
    ----------
    traits : twelve Real
    law : OwnLaw or ()

    Returns
    -------
    sixteen Real, or twelve
    """
    return own_rows(traits, law) if law else rows_of_none(traits, law)


def standardised(x: Reals, quantile: Reals, own: Reals, law: Any) -> Reals:
    """Return the standardised features of a device.

    Parameters
    ----------
    x : four Real
        Latent vector.
    quantile : four polynomials
        Gamma of each feature.
    own : sixteen Real
        What the device has of its own; not used without a law.
    law : OwnLaw or ()

    Returns
    -------
    four Real
    """
    return shaped(x, quantile, own, law) if law else shared_shape(x, quantile, own, law)


def blended(slow: Reals, white: Reals, own: Reals, law: Any) -> Reals:
    """Return the latent vector of a device with a memory of its own; the innovation without one.

    Parameters
    ----------
    slow, white : four Real each
        Memory of earlier cycles, and innovation.
    own : sixteen Real
    law : OwnLaw or ()

    Returns
    -------
    four Real
    """
    return own_blend(slow, white, own, law) if law else shared_blend(slow, white, own, law)


def innovation_of_lrs(w: Real, v: Real, n: Real, law: Any) -> Real:
    """Return the innovation of R_LRS; ``w`` itself without restlessness.

    Parameters
    ----------
    w, v, n : Real
        Innovation, state of the scale, and a standard normal.
    law : Restless or ()

    Returns
    -------
    Real
    """
    return restless_innovation(w, v, n, law) if law else calm_innovation(w, v, n, law)


def next_unrest(v: Real, n: Real, law: Any) -> Real:
    """Return the next state of the scale of R_LRS; ``v`` itself without restlessness.

    Parameters
    ----------
    v, n : Real
        The state, and a standard normal.
    law : Restless or ()

    Returns
    -------
    Real
    """
    return restless_state(v, n, law) if law else calm_state(v, n, law)


def aged(mu: Reals, sigma: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the offsets of a cell in a cycle; ``mu`` itself without a trend.

    Parameters
    ----------
    mu, sigma : four Real each
        Its offsets and scales.
    lo, hi : UInt32
        Low and high word of its id.
    number : UInt32
        Number of the cycle.
    k0, k1 : UInt32
        Low and high word of the seed.
    law : TrendConstants or ()

    Returns
    -------
    four Real
    """
    step = no_trend if not law else trended_until_over if law.passes else trended
    return step(mu, sigma, lo, hi, number, k0, k1, law)


def worn(u: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the thresholds of a cycle of a cell that may have failed; ``u`` itself without wear.

    Parameters
    ----------
    u : two Real
        U_SET and U_RESET that the cycle would have, in V.
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of the cycle.
    k0, k1 : UInt32
        Low and high word of the seed.
    law : WearConstants or ()

    Returns
    -------
    two Real
        V.
    """
    return drawn_wear(u, lo, hi, number, k0, k1, law) if law else no_wear(u, lo, hi, number, k0, k1, law)


def stored_u_set(u: Real, at_end: Mask, law: Any) -> Real:
    """Return a U_SET that was stored with ends; ``u`` itself without wear.

    Parameters
    ----------
    u : Real
        U_SET in V.
    at_end : Mask
        Whether it was stored as the lowest number.
    law : WearConstants or ()

    Returns
    -------
    Real
    """
    return never_set(u, at_end, law) if law else in_reach(u, at_end, law)


def stored_u_reset(u: Real, at_end: Mask, law: Any) -> Real:
    """Return a U_RESET that was stored with ends; ``u`` itself without wear.

    Parameters
    ----------
    u : Real
        U_RESET in V.
    at_end : Mask
        Whether it was stored as the highest number.
    law : WearConstants or ()

    Returns
    -------
    Real
    """
    return never_reset(u, at_end, law) if law else in_reach(u, at_end, law)


def limited_when_stored(outside: Mask, u_set: Real, u_reset: Real, law: Any) -> Mask:
    """Return whether thresholds had to be limited when they were stored.

    Parameters
    ----------
    outside : Mask
        Whether one of them is outside of the numbers that can be stored.
    u_set, u_reset : Real
        V.
    law : WearConstants or ()

    Returns
    -------
    Mask
    """
    chosen = limited_but_worn if law else limited_thresholds
    return chosen(outside, u_set, u_reset, law)
