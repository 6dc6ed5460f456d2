"""The four features of a cycle, from the latent normal scale (docs/model.md, "From the latent scale to features").

    z = Gamma(x),   y = mu + |sigma| z

with a quantile polynomial Gamma for each feature, and the cell's own offset mu and scale sigma. The tails are limited:
x to the range on which its Gamma increases, resistances to 1 ... 1e12 ohm, thresholds to a millivolt from zero.
"""

from typing import NamedTuple

from .constants import Constants
from .iv import mixing_from_conductance, passive
from .ops import Mask, Real, Reals, absolute, exp2, maximum, minimum
from .polynomial import poly

LOG2_10 = 3.321928094887362
LOG10_R_MAX = 12.0
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


def cycle_features(x: Reals, mu: Reals, sigma: Reals, p: Constants) -> CycleFeatures:
    """Return the features of a cycle.

    Parameters
    ----------
    x : four Real
        Latent vector of the cycle.
    mu, sigma : four Real each
        Offsets and scales of the cell, in the units of the features: log10 of ohm, V, ohm, V.
    p : Constants

    Returns
    -------
    CycleFeatures
    """
    x_0 = limit(x[0], p.x_min[0], p.x_max[0])
    x_1 = limit(x[1], p.x_min[1], p.x_max[1])
    x_2 = limit(x[2], p.x_min[2], p.x_max[2])
    x_3 = limit(x[3], p.x_min[3], p.x_max[3])
    log_r_hrs = mu[0] + absolute(sigma[0]) * poly(p.quantile[0], x_0)
    raw_u_set = mu[1] + absolute(sigma[1]) * poly(p.quantile[1], x_1)
    raw_r_lrs = mu[2] + absolute(sigma[2]) * poly(p.quantile[2], x_2)
    raw_u_reset = mu[3] + absolute(sigma[3]) * poly(p.quantile[3], x_3)
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
    return CycleFeatures(passive(hrs, p), u_set, passive(lrs, p), u_reset, limited)
