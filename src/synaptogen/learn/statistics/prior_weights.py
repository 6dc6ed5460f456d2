"""How much a preset counts beside a small record, quantity by quantity.

Where a record is consistent with the preset, the preset counts as `PSEUDO_CYCLES` cycles. Where the two differ by more
than the sampling error of the record, the preset fades: with v the variance of an estimate from the record, and t2 the
squared difference that v does not explain, the weight of the preset is v / (v + t2), as for a normal prior whose
variance is estimated from the data (empirical Bayes; B. Efron and C. Morris, J. Am. Stat. Assoc. 68, 117 (1973)).
"""

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES

__all__ = ["PSEUDO_CYCLES", "blend_autocovariances", "blend_shapes", "memory_weights", "shape_weights"]

PSEUDO_CYCLES = 1000.0  # number of cycles that a preset counts for at most
_LAGS = 10  # lags whose differences are compared
_SHAPE = 2.0  # integral of p (1 - p) / f(x)^2, cut where 1 in 1,000 of a normal distribution lies beyond


def memory_weights(gamma: Float64Array, prior: Float64Array, cycles: float, measured: tuple[int, ...]) -> Float64Array:
    """Return the weight of the preset's autocovariances for each feature, from 0 to 1.

    Parameters
    ----------
    gamma, prior : array of shape (lags + 1, 4, 4)
        Autocovariances of the record and of the preset, variances 1.
    cycles : float
        Number of cycles of the record in all.
    measured : tuple of int
        Features that were measured.

    Returns
    -------
    array of shape (4,)
        1 for features that were not measured.
    """
    weights = np.ones(FEATURES)
    most = PSEUDO_CYCLES / (PSEUDO_CYCLES + cycles)
    lags = min(_LAGS, len(gamma) - 1, len(prior) - 1)
    own = np.diagonal(prior, axis1=1, axis2=2)
    for f in measured:
        # Bartlett's variance of an estimated cross-correlation of independent series with these autocorrelations
        variances = np.array([1 + 2 * np.sum(own[1:, f] * own[1:, g]) for g in measured]) / cycles
        off = [np.mean((gamma[1 : lags + 1, f, g] - prior[1 : lags + 1, f, g]) ** 2) for g in measured]
        excess = max(float(np.max(np.array(off) - variances)), 0.0)
        weights[f] = min(most, _share(float(variances.mean()), excess))
    return weights


def shape_weights(
    averages: Float64Array, prior: Float64Array, density: Float64Array, gamma: Float64Array, cycles: float
) -> Float64Array:
    """Return the weight of the preset's quantile function for each feature, from 0 to 1.

    Parameters
    ----------
    averages, prior : array of shape (4, points)
        Averages of order statistics of the record, NaN where it has none, and those of the preset.
    density : array of shape (points,)
        Normal density at the points.
    gamma : array of shape (lags + 1, 4, 4)
        Autocovariances, by which a record has fewer independent cycles.
    cycles : float
        Number of cycles of the record in all.

    Returns
    -------
    array of shape (4,)
    """
    most = PSEUDO_CYCLES / (PSEUDO_CYCLES + cycles)
    weights = np.ones(FEATURES)
    for f in range(FEATURES):
        known = np.isfinite(averages[f])
        if not known.any():
            continue
        correlations = gamma[1:, f, f]
        variance = _SHAPE * (1 + 2 * float(np.sum(correlations**2))) / cycles
        part = density[known] / density[known].sum()
        off = float(np.sum(part * (averages[f, known] - prior[f, known]) ** 2))
        weights[f] = min(most, _share(variance, max(off - variance, 0.0)))
    return weights


def _share(variance: float, excess: float) -> float:
    return variance / (variance + excess)


def blend_autocovariances(gamma: Float64Array, prior: Float64Array, weights: Float64Array) -> Float64Array:
    """Return autocovariances between those of a record and of a preset, with a weight of the preset for each feature.

    Each pair of features gets the root of the product of its two weights. So the result is a sum of two positive
    definite sequences, and variances stay 1.

    Parameters
    ----------
    gamma, prior : array of shape (lags + 1, 4, 4)
        The longer one is cut.
    weights : array of shape (4,)
        Weights of the preset.

    Returns
    -------
    array of shape (lags + 1, 4, 4)
    """
    short = min(len(gamma), len(prior))
    mine, other = np.sqrt(1 - weights), np.sqrt(weights)
    return np.asarray(np.outer(mine, mine) * gamma[:short] + np.outer(other, other) * prior[:short])


def blend_shapes(averages: Float64Array, prior: Float64Array, weights: Float64Array) -> Float64Array:
    """Return quantile functions between those of a record and of a preset.

    Parameters
    ----------
    averages, prior : array of shape (4, points)
        Of the record, NaN where it has none, and of the preset.
    weights : array of shape (4,)
        Weights of the preset.

    Returns
    -------
    array of shape (4, points)
        NaN for features that the record does not have at all.
    """
    mixed = (1 - weights)[:, None] * averages + weights[:, None] * prior
    known = np.any(np.isfinite(averages), axis=1, keepdims=True)
    return np.where(known, np.where(np.isfinite(mixed), mixed, prior), np.nan)
