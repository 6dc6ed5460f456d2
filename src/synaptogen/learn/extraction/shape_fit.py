"""I-V curves of one parameter for branches that two polynomials do not describe.

    I = G f(U),   f = sinh(k U)/k,  U,  or  asinh(k U)/k          scaled so that f(U_read) = U_read

The first is hopping or tunnelling, the last a saturating current. One k is shared by all cycles of a branch. It is
fitted up to the highest voltage up to which the residuals are about those close to the read voltage.
"""

from typing import NamedTuple

import numpy as np

from synaptogen._utils import Float64Array, IntArray

GROWTHS = np.array([0.0, 0.3, 0.6, 1.0, 1.4, 1.9, 2.5, 3.2, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0, 17.0, 22.0, 30.0, 40.0])
SUBLINEAR = np.array([0.5, 1.0, 2.0, 4.0, 8.0])  # the same for asinh
STEP = 1.5  # between the voltages up to which fits are tried
MODEL_ERROR = 0.02
HOLDS = 1.6  # times the mean square residual of the narrowest window
WORST = 9.0  # squared residuals count as this much
FEWEST = 4  # points of a branch
PROFILE = 4.0  # rise of the sum of squares within which a shape is possible


class Shape(NamedTuple):
    """Shape of the I-V curve of a branch.

    Attributes
    ----------
    growth : float
        k in 1/V; negative for asinh.
    top : float
        Highest voltage in V, as a magnitude, up to which it was fitted.
    error : float
        Relative standard error of conductances at the read voltage that the unknown shape leaves.
    """

    growth: float
    top: float
    error: float


def shape_values(u: Float64Array, growth: float, u_read: float) -> Float64Array:
    """Return f(U), an odd function with f(u_read) = u_read.

    Parameters
    ----------
    u : array
        Voltages in V.
    growth : float
        See `Shape`.
    u_read : float
        In V.

    Returns
    -------
    array
        In V.
    """
    if growth == 0.0:
        return np.asarray(u, np.float64)
    if growth > 0.0:
        largest = 600.0
        return np.asarray(u_read * np.sinh(np.clip(growth * u, -largest, largest)) / np.sinh(growth * u_read))
    return np.asarray(u_read * np.arcsinh(-growth * u) / np.arcsinh(-growth * u_read))


def fit_shape(
    u: Float64Array, i: Float64Array, cycle: IntArray, noise: float, u_read: float, top: float
) -> Shape | None:
    """Fit the shape of a branch to the points of several cycles.

    Parameters
    ----------
    u, i : array of shape (n,)
        Magnitudes of voltages in V, and currents in A, positive where they have the sign of the voltage.
    cycle : array of int of shape (n,)
        Number of the cycle of each point.
    noise : float
        Standard deviation of a current in A.
    u_read : float
        In V.
    top : float
        Highest voltage in V at which points count.

    Returns
    -------
    Shape or None
        None with too few points.
    """
    order = np.argsort(u, kind="stable")
    u, i = u[order], i[order]
    cycle = np.unique(cycle[order], return_inverse=True)[1]
    count = int(cycle.max()) + 1 if len(cycle) else 0
    if len(u) < FEWEST * max(count, 1) or top <= 0:
        return None
    width = max(1.6 * u_read, float(u[min(FEWEST * count, len(u) - 1)]))
    best: tuple[Shape, float] | None = None
    while True:
        inside = u <= min(width, top)
        if np.count_nonzero(inside) > count + 2:
            found = _fit_within(u[inside], i[inside], cycle[inside], noise, u_read, min(width, top))
            if best is not None and found[1] > HOLDS * max(best[1], 1.0):
                break
            if best is None or found[0].error <= 1.2 * best[0].error:
                best = found if best is None else (found[0], max(best[1], min(found[1], best[1] * 1.2)))
        if width >= top:
            break
        width *= STEP
    return best[0] if best is not None else None


def _fit_within(
    u: Float64Array, i: Float64Array, cycle: IntArray, noise: float, u_read: float, top: float
) -> tuple[Shape, float]:
    """Fit on one window; returns the shape and the mean square residual in units of the error."""
    growths = np.concatenate([-SUBLINEAR[::-1], GROWTHS]) / top
    growths = growths[growths * u_read < 20.0]
    cost, g = _profile(u, i, cycle, noise, u_read, growths)
    k = int(np.argmin(cost))
    low, high = growths[max(k - 1, 0)], growths[min(k + 1, len(growths) - 1)]
    fine = np.linspace(low, high, 9)
    cost_fine, g_fine = _profile(u, i, cycle, noise, u_read, fine)
    growths, cost, g = (np.concatenate(pair) for pair in ((growths, fine), (cost, cost_fine), (g, g_fine)))
    k = int(np.argmin(cost))
    free = max(len(u) - int(cycle.max()) - 2, 1)
    mean = float(cost[k]) / free
    near = cost <= cost[k] + PROFILE * max(mean, 1.0)
    spread = float(np.ptp(g[near]))
    error = 0.25 * spread / abs(g[k]) if g[k] != 0 else np.inf
    return Shape(float(growths[k]), top, error), mean


def _profile(
    u: Float64Array, i: Float64Array, cycle: IntArray, noise: float, u_read: float, growths: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Return the sum of squares and the mean conductance for each growth."""
    cost, mean = np.empty(len(growths)), np.empty(len(growths))
    count = int(cycle.max()) + 1
    start = 1.0 / (noise**2 + (MODEL_ERROR * i) ** 2)
    for n, growth in enumerate(growths):
        f, w = shape_values(u, float(growth), u_read), start
        for _ in range(2):
            sums = [np.bincount(cycle, w * x, count) for x in (f * i, f * f)]
            g = sums[0] / np.maximum(sums[1], 1e-300)
            w = 1.0 / (noise**2 + (MODEL_ERROR * g[cycle] * f) ** 2)
        far = (i - g[cycle] * f) ** 2 * w
        cost[n] = np.minimum(far, WORST).sum()
        mean[n] = np.sum(g * sums[1]) / max(float(np.sum(sums[1])), 1e-300) if count > 1 else g[0]
    return cost, mean
