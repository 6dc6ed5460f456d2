"""Distributions of single features, from cycles to latent scores, alike for measured and for simulated records."""

from dataclasses import dataclass

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, History, increasing_range

from .autocovariances import lag_sums, unit_variance
from .latent_simulation import latent_records
from .population_fit import EstimationNoise, device_vectors
from .quantile_transform import local_averages, normal_scores, normalised, polynomial_through

__all__ = ["MarginalFit", "ShortRecordBias", "corrected_polynomials", "fit_marginals", "simulate_bias", "standardised"]


@dataclass(frozen=True)
class MarginalFit:
    """Distributions of standardised features, and the normal scores that they give.

    Attributes
    ----------
    averages : array of shape (4, cells)
        Local averages of the order statistics (`quantile_transform`), NaN where not known.
    x : array of shape (n_devices, n_cycles, 4)
        Normal scores; NaN where not measured.
    """

    averages: Float64Array
    x: Float64Array


@dataclass(frozen=True)
class ShortRecordBias:
    """Bias of estimates from short records, found by simulating records of a learned model.

    Attributes
    ----------
    averages : array of shape (4, cells)
        Local averages of records standardised one by one, less those of the model.
    correlations : array of shape (lags + 1, 4, 4)
        Autocorrelations of their scores, less those that removing means explains.
    noise : EstimationNoise
        Errors of device vectors.
    """

    averages: Float64Array
    correlations: Float64Array
    noise: EstimationNoise


def standardised(y: Float64Array) -> Float64Array:
    """Return records less their mean, over their standard deviation, device by device.

    Parameters
    ----------
    y : array of shape (n_devices, n_cycles, 4)
        NaN where not measured.

    Returns
    -------
    array of shape (n_devices, n_cycles, 4)
        NaN where not measured, and where a feature does not change.
    """
    vectors = device_vectors(y)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((y - vectors[..., :FEATURES]) / vectors[..., FEATURES:])


def fit_marginals(z: Float64Array, measured: tuple[int, ...]) -> MarginalFit:
    """Fit distributions to standardised records, and return their scores.

    Parameters
    ----------
    z : array of shape (n_devices, n_cycles, 4)
        Standardised features, NaN where not measured.
    measured : tuple of int
        Features that were measured.

    Returns
    -------
    MarginalFit
    """
    x = np.full_like(z, np.nan)
    averages: list[Float64Array | None] = []
    for f in range(FEATURES):
        if f not in measured:
            averages.append(None)
            continue
        row = local_averages(z[..., f])
        averages.append(row)
        x[..., f] = normal_scores(polynomial_through(row), z[..., f])
    width = next(len(row) for row in averages if row is not None)
    return MarginalFit(np.array([np.full(width, np.nan) if row is None else row for row in averages]), x)


def simulate_bias(
    history: History, quantile: Float64Array, devices: int, cycles: int, lags: int, rng: np.random.Generator
) -> ShortRecordBias:
    """Simulate records, treat them as measured ones are treated, and compare with the model that they come from.

    Both sides are taken from the same records, so that chance cancels in the difference.

    Parameters
    ----------
    history : VAR or StateSpace
    quantile : array of shape (4, n)
        Quantile polynomials, highest power first.
    devices, cycles : int
        Number and length of the simulated records.
    lags : int
        Longest lag, below ``cycles``.
    rng : Generator

    Returns
    -------
    ShortRecordBias
    """
    x = latent_records(history, devices, cycles, rng)
    z = np.stack([_shaped(quantile[f], x[..., f]) for f in range(FEATURES)], axis=-1)
    noise = EstimationNoise.from_records(z)
    every = tuple(range(FEATURES))
    treated = fit_marginals(standardised(z), every)
    true = np.array([local_averages(z[..., f]) for f in every])
    means_removed = unit_variance(lag_sums(x - x.mean(1, keepdims=True), lags).mean())
    correlations = unit_variance(lag_sums(treated.x, lags).mean()) - means_removed
    return ShortRecordBias(treated.averages - true, correlations, noise)


def corrected_polynomials(averages: Float64Array, fallback: Float64Array) -> Float64Array:
    """Return quantile polynomials with mean 0 and variance 1 through local averages.

    Parameters
    ----------
    averages : array of shape (4, cells)
        NaN in rows of features that were not measured.
    fallback : array of shape (4, m)
        Polynomials of those, highest power first.

    Returns
    -------
    array of shape (4, n)
        Highest power first.
    """
    rows = [
        normalised(polynomial_through(row))[0] if np.isfinite(row).any() else other
        for row, other in zip(averages, fallback, strict=True)
    ]
    width = max(map(len, rows))
    return np.array([np.concatenate([np.zeros(width - len(row)), row]) for row in rows])


def _shaped(polynomial: Float64Array, x: Float64Array) -> Float64Array:
    low, high = increasing_range(polynomial)
    return np.asarray(np.polyval(polynomial, np.clip(x, low, high)))
