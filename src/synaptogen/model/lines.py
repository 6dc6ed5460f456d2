"""Lines of a crossbar: the current of a cell, and the variance of its noise, are linear in its mixing state.

I   = U G_LLRS(U) + r U (G_HHRS(U) - G_LLRS(U)),    var = G(r, U) (4 k T + 2 q |U|) B
"""

from .constants import Constants
from .iv import envelopes
from .ops import Real


def linear_in_mixing(u: Real, density: Real, p: Constants) -> tuple[Real, Real, Real, Real]:
    """What a cell at voltage ``u`` adds to a line: current and slope of the current in r, variance and its slope in r.

    ``density`` is the variance per unit of conductance: `noise_density` times the bandwidth.
    """
    llrs, hhrs = envelopes(u, p)
    span = hhrs - llrs
    return u * llrs, u * span, density * llrs, density * span
