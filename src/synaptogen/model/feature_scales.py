"""The scale of a feature: a monotone curve from the scale of the population to ohm or volts.

A parameter set may give a feature a scale of its own, on which pooled measurements are Gaussian. The number
y = mu + |sigma| z then stands for the value C((y - middle) / half), with an increasing polynomial C on -1 ... 1 that is
held at its ends.
"""

from typing import Any, NamedTuple

from .ops import Mask, Real, exp2, maximum, minimum, rounded_mul
from .polynomial import poly

LOG2_10 = 3.321928094887362
LOG10_R_MAX = 12.0


class Curve(NamedTuple):
    """A curve that leads to the value of a feature itself, in V or ohm, or of R_HRS to log10 of ohm."""

    coefficients: Any  # highest power first
    middle: Any  # middle of the range of y
    per_half: Any  # 1 / half of the width of that range


class LogCurve(NamedTuple):
    """A curve that leads to log10 of what a resistance exceeds an offset by, in ohm."""

    coefficients: Any  # highest power first
    middle: Any  # middle of the range of y
    per_half: Any  # 1 / half of the width of that range
    offset: Any  # ohm


def curve_position(value: Real, scale: Any) -> Real:
    """Return the position of y in the range of a curve, from -1 to 1.

    Parameters
    ----------
    value : Real
        A number on the scale of the population.
    scale : Curve or LogCurve

    Returns
    -------
    Real
        Below -1 or above 1 where y lies outside of that range.
    """
    return (value - scale.middle) * scale.per_half


def curve_value(value: Real, scale: Any) -> Real:
    """Return the value of a curve.

    Parameters
    ----------
    value : Real
        A position; below -1 and above 1 the curve is held at the value of its end.
    scale : Curve or LogCurve

    Returns
    -------
    Real
    """
    return poly(scale.coefficients, minimum(maximum(value, -1.0), 1.0))


def or_outside(limited: Mask, t: Real, scale: Any) -> Mask:
    """Return whether a position is outside of its curve, or something else was limited.

    Parameters
    ----------
    limited : Mask
        Whether something else was limited.
    t : Real
        A position.
    scale : Curve or LogCurve

    Returns
    -------
    Mask
    """
    return limited | (t < -1.0) | (t > 1.0)


def or_nothing(limited: Mask, t: Real, scale: Any) -> Mask:
    """Return ``limited``: a feature without a curve has no end at which it could be held.

    Parameters
    ----------
    limited : Mask
    t : Real
    scale : Curve, LogCurve or ()

    Returns
    -------
    Mask
    """
    return limited


def without_curve(value: Real, scale: Any) -> Real:
    """Return y itself: what stands in place of each step where a feature has no curve.

    Parameters
    ----------
    value : Real
    scale : Curve, LogCurve or ()

    Returns
    -------
    Real
    """
    return value


def ohm_from_log(value: Real, scale: Any) -> Real:
    """Return a resistance from the decimal logarithm of what it exceeds an offset by.

    Parameters
    ----------
    value : Real
        log10 of ohm.
    scale : LogCurve

    Returns
    -------
    Real
        Resistance in ohm.
    """
    return rounded_mul(exp2(minimum(maximum(value, 0.0), LOG10_R_MAX) * LOG2_10), 1.0) + scale.offset
