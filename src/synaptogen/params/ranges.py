"""Ranges in which the fitted polynomials of a parameter set can be relied on, from their roots rather than on a grid.

Envelopes are given as chord conductances G(U) = I(U)/U in S, highest power first, that is as the current polynomials
without their last coefficient.
"""

import numpy as np

from synaptogen._utils import Float64Array, RealArray

X_LIMIT = 8.0  # above the largest normal that the generator makes, about 6.8
_IMMATERIAL = 1e-16  # a leading term below this share of the largest, everywhere in range, is rounding error


def conducting_range(llrs: Float64Array, hhrs: Float64Array, limit: float) -> float:
    """Return the largest u <= limit such that on -u < U < u the LRS conducts, and conducts more than the HRS.

    Where the two envelopes meet, a current does not determine the mixing state r, which is defined between them only.

    Parameters
    ----------
    llrs, hhrs : array of shape (n,), (m,)
        Envelopes; at U = 0 both conditions must hold.
    limit : float
        Largest voltage in V to return.

    Returns
    -------
    float
        Voltage in V.
    """
    touching = np.concatenate([_real_roots(p, limit, tolerance=1e-6) for p in (llrs, np.polysub(llrs, hhrs))])
    return float(np.abs(touching).min(initial=limit))


def passive_limit(llrs: Float64Array, hhrs: Float64Array, u_range: float) -> float:
    """Return the largest r with (1 - r) G_LLRS(U) + r G_HHRS(U) >= 0 for all |U| <= u_range.

    It is the minimum of G_LLRS / (G_LLRS - G_HHRS), at a root of its derivative or at an end of the range.

    Parameters
    ----------
    llrs, hhrs : array of shape (n,), (m,)
        Envelopes.
    u_range : float
        Voltage in V, at most that of `conducting_range`.

    Returns
    -------
    float
        Always finite; below 1 if the highest HRS is active at some voltage, above 1 if it conducts at all voltages.
    """
    span = np.polysub(llrs, hhrs)
    slope = np.polysub(np.polymul(np.polyder(llrs), span), np.polymul(llrs, np.polyder(span)))
    u = np.concatenate([_real_roots(slope, u_range, tolerance=1e-6), [0.0, -u_range, u_range]])
    above, below = np.polyval(llrs, u), np.polyval(span, u)
    apart = below > 1e-9 * np.polyval(span, 0.0)  # where the envelopes meet, every r has the same current
    return float(np.min(above[apart] / below[apart]))


def increasing_range(polynomial: Float64Array) -> tuple[float, float]:
    """Return the range around 0 on which a polynomial increases, at most +-`X_LIMIT`.

    Parameters
    ----------
    polynomial : array of shape (n,)
        Coefficients, highest power first, with a positive slope at 0.

    Returns
    -------
    low, high : float
    """
    turns = _real_roots(np.polyder(polynomial), X_LIMIT, tolerance=0.0)
    return float(turns[turns < 0].max(initial=-X_LIMIT)), float(turns[turns > 0].min(initial=X_LIMIT))


def _real_roots(polynomial: RealArray, bound: float, tolerance: float) -> Float64Array:
    """Return the real roots in [-bound, bound], with double roots, which rounding makes complex, within a tolerance.

    The variable is scaled to [-1, 1] first. Leading terms that are negligible there are dropped: they would only add
    roots far outside.
    """
    scaled = polynomial * bound ** np.arange(len(polynomial) - 1.0, -1.0, -1.0)
    material = np.flatnonzero(np.abs(scaled) > _IMMATERIAL * np.abs(scaled).max())
    if not len(material):
        return np.empty(0)
    roots = np.roots(scaled[material[0] :])
    real: Float64Array = roots.real[np.abs(roots.imag) <= tolerance]
    return bound * real[np.abs(real) <= 1]
