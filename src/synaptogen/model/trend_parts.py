"""Steps that a trend may lack, as in `optional_parts`: what is lacking is an empty tuple of its constants.

Compiled engines choose by the types of these constants when they compile (`engines.lanes`).
"""

from typing import Any

from .ageing import (
    following,
    following_nothing,
    no_trend_normals,
    on_passing_trend,
    on_trend,
    own_factors,
    shared_factors,
    trend_normals,
)
from .ops import Reals, UInt32


def device_normals(lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the normals that give a device a trend of its own.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of the cycle.
    k0, k1 : UInt32
        Low and high word of the seed.
    law : TrendConstants

    Returns
    -------
    four Real
        Numbers that nothing uses, where all devices have one trend.
    """
    return trend_normals(lo, hi, number, k0, k1, law) if law.factor else no_trend_normals(lo, hi, number, k0, k1, law)


def device_factors(z: Reals, law: Any) -> Reals:
    """Return d of a device, without what it follows from offsets and scales.

    Parameters
    ----------
    z : four Real
        Of `device_normals`.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return own_factors(z, law) if law.factor else shared_factors(z, law)


def sloped_factors(d: Reals, mu: Reals, sigma: Reals, law: Any) -> Reals:
    """Return d of a device with what it follows from offsets and scales; d itself where it follows nothing.

    Parameters
    ----------
    d : four Real
        Of `device_factors`.
    mu, sigma : four Real each
        Offsets and scales of the device.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return following(d, mu, sigma, law) if law.slope else following_nothing(d, mu, sigma, law)


def offsets_on_trend(mu: Reals, d: Reals, number: UInt32, law: Any) -> Reals:
    """Return the offsets of a device in a cycle, from its d.

    Parameters
    ----------
    mu, d : four Real each
        Its offsets, and the factors of its trend.
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return on_passing_trend(mu, d, number, law) if law.passes else on_trend(mu, d, number, law)
