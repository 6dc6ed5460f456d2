"""Steps that a parameter set may lack. What is lacking is an empty tuple, and costs nothing.

In Python these functions choose when they run. Compiled engines choose by the type of the last argument when they
compile (`engines.lanes`), since code for a part that is not there would not compile.
"""

from typing import Any

from .feature_scales import (
    LogCurve,
    curve_position,
    curve_value,
    ohm_from_log,
    or_nothing,
    or_outside,
    without_curve,
)
from .ops import Mask, Real


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
