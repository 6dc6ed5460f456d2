"""Currents of crossbar lines: the current of a cell and the variance of its noise are linear in its mixing state.

I   = U G_LLRS(U) + r U (G_HHRS(U) - G_LLRS(U)),    var = G(r, U) (4 k T + 2 q |U|) B
"""

from .constants import Constants
from .iv import envelopes
from .ops import Real


def linear_in_mixing(u: Real, density: Real, p: Constants) -> tuple[Real, Real, Real, Real]:
    """Return the current that a cell adds to a line, and the variance of its noise, as linear functions of r.

    Parameters
    ----------
    u : Real
        Voltage in V.
    density : Real
        Variance in A^2 per S of conductance: `noise_density` times the bandwidth.
    p : Constants

    Returns
    -------
    current, current_slope : Real
        Current in A at r = 0, and its slope in r.
    variance, variance_slope : Real
        Variance in A^2 at r = 0, and its slope in r.
    """
    llrs, hhrs = envelopes(u, p)
    span = hhrs - llrs
    return u * llrs, u * span, density * llrs, density * span
