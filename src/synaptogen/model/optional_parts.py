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
from .ops import Mask, Real, Reals
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
