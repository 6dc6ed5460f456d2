"""Populations for questions of designers: devices that differ more, and devices that are stuck."""

import numpy as np

from synaptogen._utils import Float64Array

from .feature_scale import FeatureScale
from .history import FEATURES
from .population import Population

_NEVER = 1e3  # V; a threshold that no voltage of a circuit reaches
_FIXED = 1e-6  # V; spread of such a threshold


def with_spread(population: Population, factor: float) -> Population:
    """Return a population whose deviations from its mean are multiplied.

    Parameters
    ----------
    population : Population
    factor : float
        Above 0, at most 100.

    Returns
    -------
    Population

    Raises
    ------
    ValueError
        If the factor is out of range.
    """
    if not 0 < factor <= 100:
        raise ValueError(f"factor must be above 0 and at most 100, not {factor:g}")
    mean = population.mean()
    bounds = {}
    if population.low is not None and population.high is not None:
        bounds = {"low": mean + factor * (population.low - mean), "high": mean + factor * (population.high - mean)}
        if population.means.shape[1] > 2 * FEATURES:  # shares of memory stay shares
            bounds = {name: np.append(v[:-FEATURES], np.clip(v[-FEATURES:], 1e-6, 0.999)) for name, v in bounds.items()}
    means = mean + factor * (population.means - mean)
    return Population(population.weights, means, factor * population.cholesky, population.sigma_scale, **bounds)


def with_stuck(population: Population, scales: tuple[FeatureScale, ...], lrs: float, hrs: float) -> Population:
    """Return a population with components of stuck devices beside the others.

    Parameters
    ----------
    population : Population
    scales : four FeatureScale
        Of the features.
    lrs, hrs : float
        Shares of devices that are stuck.

    Returns
    -------
    Population

    Raises
    ------
    ValueError
        If the shares are out of range, or a threshold lives on a curve.
    """
    if not (0 <= lrs <= 1 and 0 <= hrs <= 1 and lrs + hrs < 1):
        raise ValueError(f"lrs and hrs must be shares from 0 to 1 with a sum below 1, not {lrs:g} and {hrs:g}")
    if scales[1].curve is not None or scales[3].curve is not None:
        raise ValueError(
            "with_stuck needs plain scales of u_set and u_reset: thresholds on a curve cannot be out of reach"
        )
    parts = [((1 - lrs - hrs) * population.weights, population.means, population.cholesky)]
    for share, low in ((hrs, False), (lrs, True)):
        if share > 0:
            parts.append((share * population.weights, *_stuck(population, scales, low)))
    weights, means, cholesky = (np.concatenate([part[n] for part in parts]) for n in range(3))
    bounds = {}
    if population.low is not None and population.high is not None:
        low_, high = population.low.copy(), population.high.copy()
        low_, high = np.minimum(low_, means.min(axis=0) - 1), np.maximum(high, means.max(axis=0) + 1)
        own = slice(2 * FEATURES, None)
        low_[own], high[own] = population.low[own], population.high[own]
        bounds = {"low": low_, "high": high}
    return Population(weights / weights.sum(), means, cholesky, population.sigma_scale, **bounds)


def _stuck(population: Population, scales: tuple[FeatureScale, ...], low: bool) -> tuple[Float64Array, Float64Array]:
    """Return means and factors of components whose thresholds are out of reach."""
    means, factors = population.means.copy(), population.cholesky.copy()
    narrow = np.log(_FIXED) if population.sigma_scale == "log" else _FIXED
    rows = [1, 3, FEATURES + 1, FEATURES + 3]
    means[:, rows] = [-_NEVER, _NEVER, narrow, narrow]
    if low:  # R_HRS takes the place and the relative spread of R_LRS
        ohm = np.array([float(scales[2].value(y)) for y in means[:, 2]])
        up = np.array([float(scales[2].value(y + 1e-3 * max(abs(y), 1.0))) for y in means[:, 2]])
        per_unit = (scales[0].inverse(up) - scales[0].inverse(ohm)) / (1e-3 * np.maximum(np.abs(means[:, 2]), 1.0))
        means[:, 0] = scales[0].inverse(ohm)
        sigma = np.exp(means[:, FEATURES + 2]) if population.sigma_scale == "log" else np.abs(means[:, FEATURES + 2])
        scaled = per_unit * sigma
        means[:, FEATURES] = np.log(scaled) if population.sigma_scale == "log" else scaled
        for factor, slope in zip(factors, per_unit, strict=True):
            factor[0] = 0.0
            factor[0, 0] = slope * np.sqrt(np.sum(factor[2] ** 2))
            rows = [*rows, FEATURES]
    for factor in factors:
        for row in dict.fromkeys(rows):
            factor[row] = 0.0
            factor[row, row] = _FIXED
    return means, factors
