"""The vector (mu, sigma) of each device, its estimation error, and a mixture of the vectors of all devices.

- mu and sigma are the mean and the standard deviation of a device's cycles. In T cycles with memory both scatter, and
  sigma comes out small (by 6 % for 300 cycles of hennen2024). Bias and covariance of the errors come from a parametric
  bootstrap: records of the learned model, treated in the same way (`EstimationNoise.from_records`).
- The mixture is chosen among numbers of components, strengths of the prior (strong: few devices; weak: many), and sigma
  or log sigma, all by the likelihood of held-out devices.
- The covariance of the errors is subtracted only if held-out devices, each with its own errors added, become more
  likely.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, Population

from .gaussian_mixture import Bulk, GaussianMixture, find_bulk, fit_mixture, mixture_errors

__all__ = [
    "EstimationNoise",
    "PopulationFit",
    "combine_populations",
    "device_vectors",
    "fit_population",
    "within_measured",
]

SigmaScale: TypeAlias = Literal["linear", "log"]

FEWEST = 16  # devices that a population of their own needs
_FOLDS = 5
_SEED = 1  # seed of the subsets that the search for the bulk begins with
_STRONG, _WEAK = 16.0, 2.0
_MANY = 128  # devices from which more settings are compared
_MARGIN = 0.15  # of the range of measured devices, by which draws may leave it
_UNBOUNDED = 1e30  # a bound that no draw reaches, within single precision
_ALIKE = 1e-6  # least spread of devices that is told from none, over their mean
_FLOOR = 0.1  # share of a variance that is left at least when errors are subtracted


@dataclass(frozen=True)
class EstimationNoise:
    """Bias and errors of device vectors, which come from the shortness of records.

    Attributes
    ----------
    shrinkage : array of shape (4,)
        Expected standard deviation of a record over the sigma of its device, below 1.
    covariance : array of shape (8, 8)
        Of the errors of mu, in units of sigma, and of log sigma.
    """

    shrinkage: Float64Array
    covariance: Float64Array

    @classmethod
    def from_records(cls, records: Float64Array) -> "EstimationNoise":
        """Measure the errors of simulated records (n_devices, n_cycles, 4) of devices with mu = 0 and sigma = 1."""
        vectors = device_vectors(records)
        mean, deviation = vectors[:, :FEATURES], vectors[:, FEATURES:]
        errors = np.concatenate([mean, np.log(deviation)], axis=1)
        return cls(deviation.mean(0), np.cov(errors.T))

    def for_devices(self, vectors: Float64Array, sigma_scale: SigmaScale) -> Float64Array:
        """Return the covariance of the errors of device vectors.

        Parameters
        ----------
        vectors : array of shape (n, 8)
            mu and sigma of each device.
        sigma_scale : {"linear", "log"}
            Whether the errors are those of sigma or of log sigma.

        Returns
        -------
        array of shape (n, 8, 8)
        """
        sigma = np.abs(vectors[:, FEATURES:])
        scale = np.concatenate([sigma, sigma if sigma_scale == "linear" else np.ones_like(sigma)], axis=1)
        return np.asarray(scale[:, :, None] * self.covariance * scale[:, None, :])

    def errors(self, vectors: Float64Array) -> Float64Array:
        """Return standard errors (n, 8) of mu and sigma of device vectors (n, 8)."""
        return np.sqrt(np.diagonal(self.for_devices(vectors, "linear"), axis1=1, axis2=2))


class PopulationFit(NamedTuple):
    """A population and how it was chosen.

    Parameters
    ----------
    population : Population
    table : DataFrame
        Held-out likelihood (nats per device) of each choice.
    noise_subtracted : bool
        Whether the covariance of estimation errors was subtracted.
    responsibilities : array of shape (n_devices, K)
        Probability that a device belongs to a component.
    errors : dict of str to array
        Standard errors: weights (K,); means and spreads (standard deviations) (K, 8), NaN where not measured.
    """

    population: Population
    table: pd.DataFrame
    noise_subtracted: bool
    responsibilities: Float64Array
    errors: dict[str, Float64Array]


class _MixtureSettings(NamedTuple):
    components: int
    strength: float
    sigma_scale: SigmaScale


def device_vectors(y: Float64Array) -> Float64Array:
    """Return mean and standard deviation of each device's cycles.

    Parameters
    ----------
    y : array of shape (n_devices, n_cycles, 4)
        NaN marks cycles that were not measured.

    Returns
    -------
    array of shape (n_devices, 8)
        Four means, four standard deviations; NaN for a feature without any value.
    """
    known = ~np.isnan(y)
    count = known.sum(1)
    filled = np.where(known, y, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(1) / count
        spread = np.where(known, y - mean[:, None], 0.0)
        deviation = np.sqrt((spread**2).sum(1) / count)
    return np.concatenate([mean, deviation], axis=1)


def fit_population(
    vectors: Float64Array,
    *,
    components: int | None = None,
    sigma_scale: SigmaScale | None = None,
    noise: EstimationNoise | None = None,
    rng: np.random.Generator,
    measured: Sequence[int] = (0, 1, 2, 3),
    progress: Callable[[float], None] | None = None,
) -> PopulationFit:
    """Fit a Gaussian mixture to device vectors (mu, sigma).

    Parameters
    ----------
    vectors : array of shape (n_devices, 8)
        Sigma positive and already free of its bias.
    components : int, optional
        Number of components; default: by held-out likelihood.
    sigma_scale : {"linear", "log"}, optional
        Whether the mixture is one of sigma or of log sigma; default: by held-out likelihood.
    noise : EstimationNoise, optional
        Errors of the vectors.
    rng : Generator
        Of starts and folds.
    measured : sequence of int
        Features that the mixture is about; its vectors have 2 len(measured) entries, the others are left out.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    PopulationFit

    Raises
    ------
    ValueError
        If there are fewer than `FEWEST` devices, fewer than `components` allow, or a vector is not finite.
    """
    columns = [*measured, *(FEATURES + f for f in measured)]
    _check_vectors(vectors[:, columns], components)
    fold = rng.permutation(np.arange(len(vectors)) % _FOLDS)
    choices = _choices(len(vectors), components, sigma_scale)
    scaled_vectors = {
        s: _ScaledVectors.from_vectors(vectors, columns, s, noise)
        for s in dict.fromkeys(c.sigma_scale for c in choices)
    }
    bulks = {s: find_bulk(v.points, _SEED) for s, v in scaled_vectors.items()}
    rows: list[dict[str, object]] = []
    held_out: list[float] = []

    def attempt(choice: _MixtureSettings) -> None:
        fits = _fold_fits(scaled_vectors[choice.sigma_scale], choice, fold, bulks[choice.sigma_scale], rng)
        held_out.append(_held_out(scaled_vectors[choice.sigma_scale], fits, fold))
        rows.append({**choice._asdict(), "held_out": held_out[-1]})
        if progress is not None:
            progress(len(rows) / (len(choices) + 2))

    for choice in choices:
        attempt(choice)
    if len(vectors) >= _MANY:
        choices.append(choices[int(np.argmax(held_out))]._replace(strength=_WEAK))
        attempt(choices[-1])
    best = choices[int(np.argmax(held_out))]
    scaled = scaled_vectors[best.sigma_scale]
    subtract = noise is not None and _subtraction_helps(
        scaled, _fold_fits(scaled, best, fold, bulks[best.sigma_scale], rng), fold, max(held_out)
    )
    mixture = fit_mixture(scaled.points, best.components, best.strength, rng, bulk=bulks[best.sigma_scale], starts=5)
    responsibilities = mixture.responsibilities(scaled.points).T
    final = scaled.subtracted(mixture) if subtract else mixture
    errors = scaled.errors(mixture_errors(scaled.points, mixture, best.strength, bulks[best.sigma_scale], rng))
    return PopulationFit(scaled.population(final), pd.DataFrame(rows), subtract, responsibilities, errors)


def within_measured(population: Population, vectors: Float64Array, measured: Sequence[int]) -> Population:
    """Return a population whose draws stay in the range that measured devices span, with a margin.

    Parameters
    ----------
    population : Population
    vectors : array of shape (n, 8)
        mu and sigma of each measured device; NaN where not measured.
    measured : sequence of int
        Features that were measured; the others have no bounds but those that the population has.

    Returns
    -------
    Population
    """
    low, high = np.full(2 * FEATURES, -_UNBOUNDED), np.full(2 * FEATURES, _UNBOUNDED)
    if population.low is not None and population.high is not None:
        low, high = population.low.copy(), population.high.copy()
    columns = [*measured, *(FEATURES + f for f in measured)]
    points = vectors.copy()
    if population.sigma_scale == "log":
        points[:, FEATURES:] = np.log(points[:, FEATURES:])
    points = points[:, columns]
    smallest, largest = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    margin = _MARGIN * (largest - smallest) + 1e-9 * np.abs(largest)
    below = smallest - margin
    if population.sigma_scale == "linear":  # no sigma is negative
        half = len(measured)
        below[half:] = np.maximum(below[half:], smallest[half:] / 2)
    low[columns] = np.minimum(below, population.means[:, columns].min(axis=0))
    high[columns] = np.maximum(largest + margin, population.means[:, columns].max(axis=0))
    return replace(population, low=low, high=high)


def combine_populations(learned: Population, preset: Population, measured: Sequence[int]) -> Population:
    """Combine a population of the measured features with a preset's of the others, as independent.

    Each component of the one is paired with each of the other.

    Parameters
    ----------
    learned, preset : Population
    measured : sequence of int
        Features that come from ``learned``.

    Returns
    -------
    Population

    Raises
    ------
    ValueError
        If the two are on different scales of sigma.
    """
    if learned.sigma_scale != preset.sigma_scale:
        raise ValueError("both populations must be on the same scale of sigma")
    mine = [*measured, *(FEATURES + f for f in measured)]
    rest = [i for i in range(2 * FEATURES) if i not in mine]
    weights, means, factors = [], [], []
    for w, m, L in zip(learned.weights, learned.means, learned.cholesky, strict=True):
        for v, n, K in zip(preset.weights, preset.means, preset.cholesky, strict=True):
            covariance = np.zeros((2 * FEATURES, 2 * FEATURES))
            covariance[np.ix_(mine, mine)] = (L @ L.T)[np.ix_(mine, mine)]
            covariance[np.ix_(rest, rest)] = (K @ K.T)[np.ix_(rest, rest)]
            mean = n.copy()
            mean[mine] = m[mine]
            weights.append(w * v)
            means.append(mean)
            factors.append(np.linalg.cholesky(covariance))
    combined = Population(np.array(weights) / np.sum(weights), np.array(means), np.array(factors), learned.sigma_scale)
    if preset.low is None or preset.high is None:
        return combined
    low, high = preset.low.copy(), preset.high.copy()
    low[mine], high[mine] = -_UNBOUNDED, _UNBOUNDED
    return replace(combined, low=low, high=high)


@dataclass(frozen=True)
class _ScaledVectors:
    """Device vectors on a scale of sigma, each column about its median and in units of its spread."""

    points: Float64Array
    noise: Float64Array | None
    middle: Float64Array
    spread: Float64Array
    log_volume: Float64Array  # of each device: log density on the natural scale less that of the points
    columns: list[int]
    sigma_scale: SigmaScale

    @classmethod
    def from_vectors(
        cls, vectors: Float64Array, columns: list[int], sigma_scale: SigmaScale, noise: EstimationNoise | None
    ) -> "_ScaledVectors":
        v = vectors.copy()
        if sigma_scale == "log":
            v[:, FEATURES:] = np.log(v[:, FEATURES:])
        v = v[:, columns]
        middle = np.median(v, axis=0)
        spread = 1.4826 * np.median(np.abs(v - middle), axis=0)
        spread = np.where(spread > 1e-9 * np.std(v, axis=0), spread, np.std(v, axis=0))
        spread = np.maximum(spread, _ALIKE * np.maximum(np.abs(middle), _ALIKE))  # devices may be copies of one
        half = len(columns) // 2
        stretch = np.log(vectors[:, columns[half:]]).sum(1) if sigma_scale == "log" else 0.0
        errors = None
        if noise is not None:
            errors = noise.for_devices(vectors, sigma_scale)[:, columns][:, :, columns] / np.outer(spread, spread)
        log_volume = np.broadcast_to(-np.log(spread).sum() - stretch, len(v))
        return cls((v - middle) / spread, errors, middle, spread, log_volume, columns, sigma_scale)

    def subtracted(self, mixture: GaussianMixture) -> GaussianMixture:
        """Return the mixture less the errors that its devices have on average."""
        if self.noise is None:
            return mixture
        share = mixture.responsibilities(self.points)
        errors = np.einsum("kn,nij->kij", share, self.noise) / share.sum(1)[:, None, None]
        rest = [_subtract_errors(S, E) for S, E in zip(mixture.covariances, errors, strict=True)]
        return GaussianMixture(mixture.weights, mixture.means, np.array(rest))

    def errors(self, of_points: dict[str, Float64Array]) -> dict[str, Float64Array]:
        """Return standard errors of the natural population from those of the mixture of points."""
        errors = {"weights": of_points["weights"]}
        for name in ("means", "spreads"):
            errors[name] = np.full((len(errors["weights"]), 2 * FEATURES), np.nan)
            errors[name][:, self.columns] = self.spread * of_points[name]
        return errors

    def population(self, mixture: GaussianMixture) -> Population:
        """Return the mixture of natural device vectors; features that were not measured get mean 0 and variance 1."""
        k = len(mixture.weights)
        means, factors = np.zeros((k, 2 * FEATURES)), np.tile(np.eye(2 * FEATURES), (k, 1, 1))
        means[:, self.columns] = self.middle + self.spread * mixture.means
        for n, S in enumerate(mixture.covariances):
            full = np.eye(2 * FEATURES)
            full[np.ix_(self.columns, self.columns)] = S * np.outer(self.spread, self.spread)
            factors[n] = np.linalg.cholesky(full)
        return Population(mixture.weights, means, factors, self.sigma_scale)


def _choices(devices: int, components: int | None, sigma_scale: SigmaScale | None) -> list[_MixtureSettings]:
    """Return the settings to compare.

    Of few devices no likelihood can tell sigma from log sigma: then log sigma, which keeps sigma positive.
    """
    most = 4 if devices >= _MANY else 2 if devices >= 2 * FEWEST else 1
    numbers = range(1, most + 1) if components is None else (components,)
    both = ("linear", "log") if devices >= _MANY else ("log",)
    scales = both if sigma_scale is None else (sigma_scale,)
    return [_MixtureSettings(k, _STRONG, cast("SigmaScale", scale)) for scale in scales for k in numbers]


def _fold_fits(
    scaled: _ScaledVectors, choice: _MixtureSettings, fold: NDArray[np.intp], bulk: Bulk, rng: np.random.Generator
) -> list[GaussianMixture]:
    return [
        fit_mixture(
            scaled.points[fold != f],
            choice.components,
            choice.strength,
            rng,
            bulk=bulk.part(fold != f),
            starts=1,
            steps=80,
        )
        for f in range(_FOLDS)
    ]


def _held_out(
    scaled: _ScaledVectors, fits: list[GaussianMixture], fold: NDArray[np.intp], with_errors: bool = False
) -> float:
    """Return the mean log density of devices under the mixtures that were fitted without them."""
    total = 0.0
    for f, mixture in enumerate(fits):
        out = fold == f
        errors = scaled.noise[out] if with_errors and scaled.noise is not None else None
        total += float((mixture.log_density(scaled.points[out], errors) + scaled.log_volume[out]).sum())
    return total / len(fold)


def _subtraction_helps(
    scaled: _ScaledVectors, fits: list[GaussianMixture], fold: NDArray[np.intp], without: float
) -> bool:
    clean = [scaled.subtracted(mixture) for mixture in fits]
    return _held_out(scaled, clean, fold, with_errors=True) > without


def _subtract_errors(S: Float64Array, errors: Float64Array) -> Float64Array:
    """Return S - errors, of which at least `_FLOOR` of S is left in every direction."""
    L = np.linalg.cholesky(S)
    white = np.linalg.solve(L, np.linalg.solve(L, errors).T)
    values, vectors = np.linalg.eigh((white + white.T) / 2)
    root = L @ vectors
    return np.asarray((root * np.maximum(1 - values, _FLOOR)) @ root.T)


def _check_vectors(vectors: Float64Array, components: int | None) -> None:
    if not np.all(np.isfinite(vectors)) or np.any(vectors[:, vectors.shape[1] // 2 :] <= 0):
        raise ValueError("vectors must be finite, with positive sigma: leave out devices that were not measured")
    least = FEWEST if components is None else max(FEWEST, 8 * components)
    if len(vectors) < least:
        what = f"a population of {components} components" if components else "a population of their own"
        raise ValueError(f"{len(vectors)} devices are too few for {what}, which needs {least}: take a preset's")
