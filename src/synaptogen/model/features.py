"""The four features of a cycle, from the latent normal scale (docs/model.md, "From the latent scale to features").

    z = Gamma(x),   y = mu + |sigma| z

with a quantile polynomial Gamma for each feature, and the cell's own offset mu and scale sigma. A feature with a scale
of its own follows from y by a curve (`feature_scales`). The tails are limited: x to the range on which its Gamma
increases, y to the range of its curve, resistances to 1 ... 1e12 ohm, thresholds to a millivolt from zero.
"""

from typing import NamedTuple

from .constants import Constants
from .feature_scales import LOG2_10, LOG10_R_MAX
from .iv import mixing_from_conductance, passive
from .ops import Mask, Real, Reals, UInt32, absolute, exp2, maximum, minimum
from .optional_parts import aged, ohms, or_beyond, plain_value, position, standardised, worn

R_MIN, R_MAX = 1.0, 1e12  # ohm
U_MIN = 1e-3  # V


class CycleFeatures(NamedTuple):
    """The features of one cycle, in the form in which a cell stores them."""

    r_hrs: Real  # mixing state
    u_set: Real  # V
    r_lrs: Real  # mixing state
    u_reset: Real  # V
    limited: Mask  # whether any feature had to be limited


def limit(x: Real, low: Real, high: Real) -> Real:
    """Return ``x`` limited to a range.

    Parameters
    ----------
    x : Real
        A number.
    low, high : Real
        Ends of the range.

    Returns
    -------
    Real
    """
    return minimum(maximum(x, low), high)


def cycle_features(x: Reals, mu: Reals, sigma: Reals, p: Constants, own: Reals) -> CycleFeatures:
    """Return the features of a cycle.

    Parameters
    ----------
    x : four Real
        Latent vector of the cycle.
    mu, sigma : four Real each
        Offsets and scales of the cell on the scales of the features; without curves log10 of ohm, V, ohm, V.
    p : Constants
    own : sixteen Real
        What the device has of its own (`own_law`); not used where ``p`` has no law for it.

    Returns
    -------
    CycleFeatures
    """
    x_0 = limit(x[0], p.x_min[0], p.x_max[0])
    x_1 = limit(x[1], p.x_min[1], p.x_max[1])
    x_2 = limit(x[2], p.x_min[2], p.x_max[2])
    x_3 = limit(x[3], p.x_min[3], p.x_max[3])
    z = standardised((x_0, x_1, x_2, x_3), p.quantile, own, p.own)
    t_0 = position(mu[0] + absolute(sigma[0]) * z[0], p.scales[0])
    t_1 = position(mu[1] + absolute(sigma[1]) * z[1], p.scales[1])
    t_2 = position(mu[2] + absolute(sigma[2]) * z[2], p.scales[2])
    t_3 = position(mu[3] + absolute(sigma[3]) * z[3], p.scales[3])
    log_r_hrs = plain_value(t_0, p.scales[0])
    raw_u_set = plain_value(t_1, p.scales[1])
    raw_r_lrs = ohms(plain_value(t_2, p.scales[2]), p.scales[2])
    raw_u_reset = plain_value(t_3, p.scales[3])
    hrs = mixing_from_conductance(exp2(limit(log_r_hrs, 0.0, LOG10_R_MAX) * -LOG2_10), p)
    u_set = minimum(raw_u_set, -U_MIN)
    ohm_lrs = limit(raw_r_lrs, R_MIN, R_MAX)
    lrs = mixing_from_conductance(1.0 / ohm_lrs, p)
    u_reset = maximum(raw_u_reset, U_MIN)
    limited = (
        (x_0 != x[0])
        | (x_1 != x[1])
        | (x_2 != x[2])
        | (x_3 != x[3])
        | (sigma[0] < 0.0)
        | (sigma[1] < 0.0)
        | (sigma[2] < 0.0)
        | (sigma[3] < 0.0)
        | (log_r_hrs < 0.0)
        | (log_r_hrs > LOG10_R_MAX)
        | (hrs > p.r_max)
        | (u_set != raw_u_set)
        | (ohm_lrs != raw_r_lrs)
        | (lrs > p.r_max)
        | (u_reset != raw_u_reset)
    )
    limited = or_beyond(or_beyond(limited, t_0, p.scales[0]), t_1, p.scales[1])
    limited = or_beyond(or_beyond(limited, t_2, p.scales[2]), t_3, p.scales[3])
    return CycleFeatures(passive(hrs, p), u_set, passive(lrs, p), u_reset, limited)


def features_of(
    x: Reals,
    mu: Reals,
    sigma: Reals,
    p: Constants,
    own: Reals,
    lo: UInt32,
    hi: UInt32,
    number: UInt32,
    k0: UInt32,
    k1: UInt32,
) -> CycleFeatures:
    """Return the features of a cycle of a cell, with its trend and its wear (`ageing`), if there are any.

    Parameters
    ----------
    x : four Real
        Latent vector of the cycle.
    mu, sigma : four Real each
        Offsets and scales of the cell, see `cycle_features`.
    p : Constants
    own : sixteen Real
        What the device has of its own, see `cycle_features`.
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of the cycle.
    k0, k1 : UInt32
        Low and high word of the seed.

    Returns
    -------
    CycleFeatures
    """
    return features_on_offsets(
        x, aged(mu, sigma, lo, hi, number, k0, k1, p.trend), sigma, p, own, lo, hi, number, k0, k1
    )


def features_on_offsets(
    x: Reals,
    mu: Reals,
    sigma: Reals,
    p: Constants,
    own: Reals,
    lo: UInt32,
    hi: UInt32,
    number: UInt32,
    k0: UInt32,
    k1: UInt32,
) -> CycleFeatures:
    """Return the features of a cycle of a cell, with its wear, from the offsets that its trend has led to.

    Parameters
    ----------
    x, sigma, p, own, lo, hi, number, k0, k1
        As of `features_of`.
    mu : four Real
        Offsets in this cycle.

    Returns
    -------
    CycleFeatures
    """
    f = cycle_features(x, mu, sigma, p, own)
    u = worn((f.u_set, f.u_reset), lo, hi, number, k0, k1, p.wear)
    return CycleFeatures(f.r_hrs, u[0], f.r_lrs, u[1], f.limited)
