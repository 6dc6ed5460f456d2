"""The offsets of a cell in a cycle of its trend, step by step (`ageing` has the steps)."""

from typing import Any

from .ageing import is_under_way
from .ops import Reals, UInt32, any_
from .trend_parts import device_factors, device_normals, offsets_on_trend, sloped_factors


def trended(mu: Reals, sigma: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the offsets of a cell in a cycle.

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
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return moved_offsets(mu, sigma, device_normals(lo, hi, number, k0, k1, law), number, law)


def trended_until_over(
    mu: Reals, sigma: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any
) -> Reals:
    """Return the offsets of a cell in a cycle, where the trend passes: nothing is computed for cells that are through.

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
    law : TrendConstants

    Returns
    -------
    four Real
    """
    if any_(is_under_way(number, law)):
        return trended(mu, sigma, lo, hi, number, k0, k1, law)
    return mu


def moved_offsets(mu: Reals, sigma: Reals, z: Reals, number: UInt32, law: Any) -> Reals:
    """Return the offsets of a device in a cycle, from its normals.

    Parameters
    ----------
    mu, sigma : four Real each
        Its offsets and scales.
    z : four Real
        Normals of the device.
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return offsets_on_trend(mu, sloped_factors(device_factors(z, law), mu, sigma, law), number, law)
