"""Currents at other temperatures than that of the measurements: optional coefficients of resistance.

R(T) = R(300 K) exp(a (T - 300 K)), where a goes from the coefficient of the LRS to that of the HRS in proportion to
log R, and is constant beyond. State and thresholds stay what they are. This is a form to be fitted, not a law of the
cells that were measured.
"""

from .constants import Constants
from .noise import T
from .ops import Real, exp2, log, maximum, minimum

LOG2_E = 1.4426950408889634


def conductance_factor(
    r: Real, kelvin: Real, tcr_lrs: Real, tcr_hrs: Real, r_lrs: Real, r_hrs: Real, p: Constants
) -> Real:
    """Return what the conductance of a cell at 300 K is multiplied by at another temperature.

    Parameters
    ----------
    r : Real
        Mixing state.
    kelvin : Real
        Temperature in K.
    tcr_lrs, tcr_hrs : Real
        Temperature coefficients of resistance in 1/K of cells of resistance ``r_lrs`` and ``r_hrs``.
    r_lrs, r_hrs : Real
        Resistances at the read voltage in ohm, ``r_lrs`` below ``r_hrs``.
    p : Constants

    Returns
    -------
    Real
        The factor, positive; 1 at 300 K.
    """
    g = minimum(maximum(p.g_llrs - r / p.per_span, 1.0 / r_hrs), 1.0 / r_lrs)
    share = log(g * r_lrs) / log(r_lrs / r_hrs)
    return exp2((tcr_lrs + share * (tcr_hrs - tcr_lrs)) * ((T - kelvin) * LOG2_E))
