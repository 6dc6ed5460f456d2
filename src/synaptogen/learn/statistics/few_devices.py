"""A population for devices too few to have one of their own.

The population is one Gaussian of (mu, log sigma). Its mean is that of the measured devices. Its covariance is that of a
preset relative to the preset's own means (the spread of log10 R_HRS as it is, that of the other features in shares of
their means), averaged with the scatter of the measured devices, in which the preset counts as `PRESET_DEVICES` devices.
So a single device gets the spread of the preset, and 15 devices get mostly their own.
"""

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, Population

from .population_fit import EstimationNoise

__all__ = ["bulk_of", "copies_of_devices", "population_of_few"]

PRESET_DEVICES = 4.0  # number of devices that a preset's spread counts for
_OUTLYING = 0.1  # weight below which a component holds outliers
_NARROW = 1e-7  # relative spread of copies of a device
_LEAST = 1e-3  # share of the preset's variance that every direction keeps


def population_of_few(preset: Population, vectors: Float64Array, noise: EstimationNoise) -> Population:
    """Return a population about a few measured devices.

    Parameters
    ----------
    preset : Population
        Source of the spread, and of features that were not measured.
    vectors : array of shape (n, 8)
        mu and sigma of each measured device, NaN where not measured.
    noise : EstimationNoise
        Errors of these vectors, which are not spread of devices.

    Returns
    -------
    Population
        One component, with log sigma.
    """
    centre, spread = bulk_of(preset)
    points = np.concatenate([vectors[:, :FEATURES], np.log(vectors[:, FEATURES:])], axis=1)
    known = np.isfinite(points)
    count = known.sum(0)
    mean = np.where(count > 0, np.where(known, points, 0.0).sum(0) / np.maximum(count, 1), centre)
    scale = np.ones(2 * FEATURES)
    scale[1:FEATURES] = np.abs(mean[1:FEATURES] / centre[1:FEATURES])  # thresholds and R_LRS are on linear scales
    prior = spread * np.outer(scale, scale)
    whole = known.all(1) | (known == (count > 0)).all(1)
    own = points[whole]
    covariance = prior
    if len(own) > 1:
        columns = np.flatnonzero(count > 0)
        at = np.ix_(columns, columns)
        scatter = np.cov(own[:, columns].T)
        scatter = np.atleast_2d(scatter) - _mean_noise(noise, vectors[whole])[at]
        weight = PRESET_DEVICES / (PRESET_DEVICES + len(own) - 1)
        covariance = prior.copy()
        covariance[at] = weight * prior[at] + (1 - weight) * scatter
    return Population(np.ones(1), mean[None], _factor(covariance, prior)[None], "log")


def copies_of_devices(population: Population, vectors: Float64Array) -> Population:
    """Return a population of copies of the measured devices, each as likely as another.

    Parameters
    ----------
    population : Population
        Source of the means of features that were not measured.
    vectors : array of shape (n, 8)
        mu and sigma of each measured device, NaN where not measured.

    Returns
    -------
    Population
    """
    natural = population.mean()
    if population.sigma_scale == "log":
        natural[FEATURES:] = np.exp(natural[FEATURES:])
    means = np.where(np.isfinite(vectors), vectors, natural)
    factors = np.stack([np.diag(_NARROW * np.maximum(np.abs(m), 1e-12)) for m in means])
    return Population(np.full(len(means), 1 / len(means)), means, factors, "linear")


def bulk_of(preset: Population) -> tuple[Float64Array, Float64Array]:
    """Return mean (8,) and covariance (8, 8) of (mu, log sigma) of a population, without the components of outliers.

    Parameters
    ----------
    preset : Population

    Returns
    -------
    mean, covariance : array
        Of a population with shapes of their own, those of the first eight numbers.
    """
    size = 2 * FEATURES
    preset = Population(preset.weights, preset.means[:, :size], preset.cholesky[:, :size, :size], preset.sigma_scale)
    usual = preset.weights >= min(_OUTLYING, preset.weights.max())
    weights = preset.weights[usual] / preset.weights[usual].sum()
    means, factors = preset.means[usual], preset.cholesky[usual]
    mean = weights @ means
    off = means - mean
    covariance = np.tensordot(weights, factors @ factors.swapaxes(1, 2) + off[:, :, None] * off[:, None, :], axes=1)
    if preset.sigma_scale == "log":
        return mean, np.asarray(covariance)
    to_log = np.concatenate([np.ones(FEATURES), 1 / mean[FEATURES:]])  # to first order
    logarithms = np.concatenate([mean[:FEATURES], np.log(mean[FEATURES:])])
    return logarithms, np.asarray(covariance * np.outer(to_log, to_log))


def _mean_noise(noise: EstimationNoise, vectors: Float64Array) -> Float64Array:
    return np.asarray(noise.for_devices(np.nan_to_num(vectors, nan=1.0), "log").mean(0))


def _factor(covariance: Float64Array, prior: Float64Array) -> Float64Array:
    """Return a lower factor of a covariance, of which a share of the prior is left at least in every direction."""
    L = np.linalg.cholesky(prior)
    white = np.linalg.solve(L, np.linalg.solve(L, covariance).T)
    values, directions = np.linalg.eigh((white + white.T) / 2)
    root = L @ directions
    whole = (root * np.maximum(values, _LEAST)) @ root.T
    return np.asarray(np.linalg.cholesky((whole + whole.T) / 2))
