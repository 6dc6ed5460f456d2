"""The distribution of a feature: a monotone polynomial from the standard-normal scale to the measured one.

    z = Gamma(x),   x ~ N(0, 1)    (Hennen et al., Front. Neurosci. 16:941753, 2022; docs/model.md, From the latent
    scale)

Gamma is the quantile function of z, read at x: Gamma(x) = Q(Phi(x)). It is fitted to local averages of the order
statistics: [-4, 4] is cut into 161 cells of equal width, and the mean of Q over the probability of each cell is
compared with the mean of the polynomial over the same cell, with weights that follow the root of the normal density.
Least squares on the order statistics themselves would leave the curve to a few extremes, whose scatter is far larger.

On [-4, 4] the slope stays above `SLOPE`, by a quadratic program where plain least squares does not do so.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array

__all__ = [
    "SLOPE",
    "cell_averages",
    "cell_centres",
    "cell_density",
    "fit_quantiles",
    "increasing_polynomial",
    "local_averages",
    "normal_scores",
    "normalised",
    "polynomial_through",
    "rms_difference",
    "slope_at",
]


DEGREE = 4
SLOPE = 0.02
_EDGE, _CELLS = 4.0, 161
_TABLE = 4096  # points of the tabulated inverse
_BEYOND = 6.0  # largest magnitude of normal scores


def fit_quantiles(z: ArrayLike | Sequence[ArrayLike], degree: int = DEGREE) -> Float64Array:
    """Fit the quantile polynomial Gamma to standardised records.

    Parameters
    ----------
    z : array of any shape, or a sequence of arrays
        One feature, standardised device by device; NaN where it was not measured. All values are pooled.
    degree : int
        4 is what measured devices need; more gains nothing.

    Returns
    -------
    array of shape (degree + 1,)
        Highest power first.

    Raises
    ------
    ValueError
        If there are too few different values for the degree, or one is infinite.
    """
    return polynomial_through(local_averages(z), degree)


def local_averages(z: ArrayLike | Sequence[ArrayLike]) -> Float64Array:
    """Return the mean order statistic in each of the 161 cells of x, NaN in cells that the record does not reach.

    Parameters
    ----------
    z : array of any shape, or a sequence of arrays
        One feature, standardised device by device; NaN where it was not measured.

    Returns
    -------
    array of shape (161,)

    Raises
    ------
    ValueError
        If there is no value, or one is infinite.
    """
    values = _pooled(z)
    n = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    share = scipy.special.ndtr(_edges())
    at = np.interp(share * n, np.arange(n + 1.0), sums)
    means = np.diff(at) / (n * np.diff(share))
    # the mean of a cell that holds only part of the first or the last value is that of one extreme
    seen = (share[1:] * n >= 1) & ((1 - share[:-1]) * n >= 1)
    return np.where(seen, means, np.nan)


def polynomial_through(averages: Float64Array, degree: int = DEGREE) -> Float64Array:
    """Return the polynomial with given means over the cells, of slope `SLOPE` or more on [-4, 4].

    Parameters
    ----------
    averages : array of shape (161,)
        Means over the cells, NaN where not known.
    degree : int

    Returns
    -------
    array of shape (degree + 1,)
        Highest power first.

    Raises
    ------
    ValueError
        If fewer cells than coefficients have a mean, or all means are the same.
    """
    seen = np.isfinite(averages)
    if seen.sum() <= degree or np.ptp(averages[seen]) <= 1e-9 * np.abs(averages[seen]).max():
        raise ValueError(
            f"z has too few different values for a polynomial of degree {degree}: give more cycles or a lower degree"
        )
    weight = np.exp(-(_centres()[seen] ** 2) / 4)  # root of the normal density
    design = _cell_powers(degree)[seen] * weight[:, None]
    target = averages[seen] * weight
    free = np.asarray(np.linalg.lstsq(design, target)[0], dtype=np.float64)
    if np.all(_slopes(degree) @ free >= SLOPE):
        return free
    return _sloping(design, target, _slopes(degree), SLOPE)


def increasing_polynomial(t: Float64Array, values: Float64Array, weight: Float64Array, degree: int) -> Float64Array:
    """Return the polynomial through points that increases on their range.

    Parameters
    ----------
    t : array of shape (n,)
        From -1 to 1, in ascending order.
    values, weight : array of shape (n,)
        Values there, with a spread of the order of 1, and their weights.
    degree : int

    Returns
    -------
    array of shape (degree + 1,)
        Highest power first; the slope is `SLOPE` or more on the range.
    """
    powers = np.arange(degree, -1, -1)
    fine = np.linspace(t[0], t[-1], 4 * len(t))[:, None]
    slopes = powers * fine ** np.maximum(powers - 1, 0)
    design, target = t[:, None] ** powers * weight[:, None], values * weight
    free = np.asarray(np.linalg.lstsq(design, target)[0], dtype=np.float64)
    return free if np.all(slopes @ free >= SLOPE) else _sloping(design, target, slopes, SLOPE)


def slope_at(polynomial: Float64Array, x: Float64Array) -> Float64Array:
    """Return the derivative of a quantile polynomial, at least a tenth of `SLOPE`.

    Parameters
    ----------
    polynomial : array of shape (n,)
        Highest power first.
    x : array

    Returns
    -------
    array of the shape of ``x``
    """
    return np.maximum(np.polyval(np.polyder(polynomial), x), 0.1 * SLOPE)


def cell_averages(polynomial: ArrayLike) -> Float64Array:
    """Return the means (161,) of a polynomial over the cells: `local_averages` of an endless record."""
    gamma = np.asarray(polynomial, dtype=np.float64)
    return np.asarray(_cell_powers(len(gamma) - 1) @ gamma)


def cell_density() -> Float64Array:
    """Return the normal density (161,) at the cells of `cell_averages`."""
    x = np.linspace(-_EDGE, _EDGE, _CELLS)
    return np.asarray(np.exp(-(x**2) / 2))


def cell_centres() -> Float64Array:
    """Return the middles (161,) of the cells of `local_averages`."""
    return _centres()


def normalised(polynomial: ArrayLike) -> tuple[Float64Array, float, float]:
    """Return Gamma with mean 0 and variance 1 under x ~ N(0, 1), and the mean and standard deviation it had."""
    gamma = np.array(polynomial, dtype=np.float64)
    x, weight = _gauss()
    values = np.polyval(gamma, x)
    mean = float(weight @ values)
    deviation = float(np.sqrt(weight @ (values - mean) ** 2))
    gamma[-1] -= mean
    return gamma / deviation, mean, deviation


def normal_scores(polynomial: ArrayLike, z: ArrayLike) -> Float64Array:
    """Return x with Gamma(x) = z.

    Parameters
    ----------
    polynomial : array of shape (n,)
        Gamma, highest power first.
    z : array
        NaN stays NaN; values beyond the range on which Gamma increases are held at its end.

    Returns
    -------
    array of the same shape
    """
    gamma = np.asarray(polynomial, dtype=np.float64)
    x = _increasing(gamma)
    scores: Float64Array = np.interp(np.asarray(z, dtype=np.float64), np.polyval(gamma, x), x)
    return scores


def rms_difference(a: ArrayLike, b: ArrayLike) -> float:
    """Return the root mean square of the difference of two polynomials under x ~ N(0, 1).

    Parameters
    ----------
    a, b : array of shape (n,), (m,)
        Highest power first.

    Returns
    -------
    float
    """
    x, weight = _gauss()
    one, other = (np.polyval(np.asarray(p, dtype=np.float64), x) for p in (a, b))
    return float(np.sqrt(weight @ (one - other) ** 2))


def _pooled(z: ArrayLike | Sequence[ArrayLike]) -> Float64Array:
    parts = list(z) if isinstance(z, list | tuple) else [z]
    values = np.concatenate([np.ravel(np.asarray(part, dtype=np.float64)) for part in parts])
    if np.isinf(values).any():
        raise ValueError("z must not hold infinities: remove those cycles, or set them to NaN")
    values = values[~np.isnan(values)]
    if not len(values):
        raise ValueError("z holds no values: give at least one record that is not NaN")
    return np.sort(values)


def _increasing(gamma: Float64Array) -> Float64Array:
    """Return a grid on the range around 0, at most +-`_BEYOND`, on which a polynomial increases."""
    x = np.linspace(-_BEYOND, _BEYOND, _TABLE + 1)
    falls = np.diff(np.polyval(gamma, x)) <= 0
    low = np.flatnonzero(falls[: _TABLE // 2])
    high = np.flatnonzero(falls[_TABLE // 2 :])
    first = low[-1] + 1 if len(low) else 0
    last = _TABLE // 2 + high[0] if len(high) else _TABLE
    return np.asarray(x[first : last + 1])


def _sloping(design: Float64Array, target: Float64Array, slopes: Float64Array, least: float) -> Float64Array:
    """Solve least squares with slopes of at least ``least``, as a problem of least distance.

    With design = Q R and y = R c - Q^T target: the shortest y with G y >= h comes from nonnegative least squares (C. L.
    Lawson, R. J. Hanson, Solving Least Squares Problems, 1974, chapter 23).
    """
    Q, R = np.linalg.qr(design)
    free = np.linalg.solve(R, Q.T @ target)
    G = np.linalg.solve(R.T, slopes.T).T
    h = 1.001 * least - slopes @ free  # a little above, so that rounding does not end below
    rows = np.vstack([G.T, h])
    goal = np.append(np.zeros(len(R)), 1.0)
    left = rows @ scipy.optimize.nnls(rows, goal)[0] - goal
    return np.asarray(free + np.linalg.solve(R, -left[:-1] / left[-1]))


@cache
def _edges() -> Float64Array:
    half = _EDGE / (_CELLS - 1)
    return np.linspace(-_EDGE - half, _EDGE + half, _CELLS + 1)


def _centres() -> Float64Array:
    return (_edges()[:-1] + _edges()[1:]) / 2


@cache
def _cell_powers(degree: int) -> Float64Array:
    """Return means of x**degree ... x**0 over the normal probability of each cell, shape (cells, degree + 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(5)
    half = np.diff(_edges())[:, None] / 2
    x = _centres()[:, None] + half * nodes
    mass = weights * np.exp(-(x**2) / 2)
    powers = x[..., None] ** np.arange(degree, -1, -1)
    return np.asarray((mass[..., None] * powers).sum(1) / mass.sum(1)[:, None])


@cache
def _slopes(degree: int) -> Float64Array:
    """Return the matrix that takes coefficients to slopes on a grid of [-4, 4]."""
    x = np.linspace(-_EDGE, _EDGE, 2 * _CELLS - 1)[:, None]
    powers = np.arange(degree, -1, -1)
    return np.asarray(powers * x ** np.maximum(powers - 1, 0))


@cache
def _gauss() -> tuple[Float64Array, Float64Array]:
    x, weight = np.polynomial.hermite_e.hermegauss(48)
    return x, weight / weight.sum()
