"""What is estimated from the cycles of devices that may have shapes and memory of their own.

Measured and generated records are treated by the same functions, so that the noise of short records is the same in
both.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES

__all__ = ["REACH", "SHAPE_NUMBERS", "Steps", "TraitEstimator", "hermite", "own_scores", "steps_of"]

REACH = 3.0  # range of x on which shapes differ; beyond it a few hundred cycles tell nothing of a single device
SHAPE_NUMBERS = 2
_DEGREE = 5
_LAGS = 20  # by which the memory of a device is told
_TOP = 0.98  # level of the extremes that may cluster


def own_scores(y: Float64Array) -> Float64Array:
    """Return normal scores (n, T, k) of the ranks of each device's own cycles."""
    out = np.empty_like(y)
    at = np.broadcast_to(_scores(y.shape[1]), y.shape[:2])
    for k in range(y.shape[2]):
        np.put_along_axis(out[..., k], np.argsort(y[..., k], axis=1), at, axis=1)
    return out


def hermite(degree: int) -> Float64Array:
    """Return a Hermite polynomial (probabilists'), normalised, highest power first."""
    coefficients = np.polynomial.hermite_e.herme2poly([0.0] * degree + [1.0])[::-1]
    return np.asarray(coefficients / np.sqrt(float(np.prod(np.arange(1, degree + 1)))))


@dataclass(frozen=True)
class TraitEstimator:
    """Traits of devices, as they are estimated from their cycles.

    Attributes
    ----------
    shapes : array of shape (k, 2, 6)
        phi1 and phi2 of each of k features, highest power first.
    middle : array of shape (k, T)
        Mean quantile function of standardised devices, at the normal scores of T ranks.
    memory : array of shape (k, 20)
        Mean autocorrelations of own scores, lags 1 ... 20.
    share : array of shape (k,)
        Share of memory that belongs to them.
    """

    shapes: Float64Array
    middle: Float64Array
    memory: Float64Array
    share: Float64Array

    @classmethod
    def from_records(cls, y: Float64Array, share: Float64Array) -> "TraitEstimator":
        """Take shapes from the principal components of measured devices.

        Parameters
        ----------
        y : array of shape (n, T, k)
            Records on the scales of the features, without gaps.
        share : array of shape (k,)
            Mean share of memory of each feature.

        Returns
        -------
        TraitEstimator
        """
        z, x = _sorted_standard(y), _scores(y.shape[1])
        middle = z.mean(axis=0).T
        inside = np.abs(x) < REACH
        # without 1 and x: these are mean and spread
        names = [hermite(n) for n in range(2, _DEGREE + 1)]
        root = np.sqrt(_tail_weights(x))
        powers = np.stack([np.polyval(name, x) for name in names], axis=1) * root[:, None]
        shapes = np.zeros((y.shape[2], SHAPE_NUMBERS, _DEGREE + 1))
        for k in range(y.shape[2]):
            directions = np.linalg.svd((z[..., k] - middle[k]) * root, full_matrices=False)[2][:SHAPE_NUMBERS]
            for j, direction in enumerate(directions * np.sqrt(len(x))):
                weights = np.linalg.lstsq(powers[inside], direction[inside])[0]
                for weight, name in zip(weights, names, strict=True):
                    shapes[k, j, _DEGREE + 1 - len(name) :] += weight * name
        return cls(shapes, middle, _autocorrelations(y).mean(axis=0).T, share)

    @classmethod
    def plain(cls, y: Float64Array, share: Float64Array) -> "TraitEstimator":
        """Take skewness and tails as the shapes, which no measurement has chosen: for tests.

        Parameters
        ----------
        y : array of shape (n, T, k)
        share : array of shape (k,)

        Returns
        -------
        TraitEstimator
        """
        found = cls.from_records(y, share)
        fixed = np.zeros_like(found.shapes)
        fixed[:, 0, -3:], fixed[:, 1, -4:] = hermite(2), hermite(3)
        return cls(fixed, found.middle, found.memory, share)

    def __call__(self, y: Float64Array) -> Float64Array:
        """Return traits (n, 5 k) of records (n, T, k): mu, log sigma, c1, c2 and share of memory of each feature."""
        n, T, features = y.shape
        x, z = np.clip(_scores(T), -REACH, REACH), _sorted_standard(y)
        root = np.sqrt(_tail_weights(x))
        r = _autocorrelations(y)
        out = np.empty((n, features, 3 + SHAPE_NUMBERS))
        out[..., 0], out[..., 1] = y.mean(axis=1), np.log(y.std(axis=1))
        for k in range(features):
            design = np.stack([np.polyval(shape, x) for shape in self.shapes[k]], axis=1)
            fit = np.linalg.pinv(design * root[:, None])
            out[:, k, 2:-1] = ((z[..., k] - self.middle[k]) * root) @ fit.T
            memory = self.memory[k]
            out[:, k, -1] = self.share[k] * (r[..., k] @ memory) / (memory @ memory)
        return out.reshape(n, -1)


@dataclass(frozen=True)
class Steps:
    """Statistics of the steps of own scores from cycle to cycle that a Gaussian process does not have.

    Attributes
    ----------
    kurtosis : array of shape (k,)
        Of the steps of a device, on average; 3 for a Gaussian process, but for what ranks change. Taken of the steps of
        all devices together, it would also be higher where devices differ in memory.
    again : array of shape (k,)
        Probability that a cycle of the highest 2 % is followed by another one.
    """

    kurtosis: Float64Array
    again: Float64Array


def steps_of(y: Float64Array) -> Steps:
    """Return the statistics of the steps of records (n, T, k)."""
    s = own_scores(y)
    d = np.diff(s, axis=1)
    top = s > np.quantile(s, _TOP)
    again = (top[:, 1:] & top[:, :-1]).mean(axis=(0, 1)) / top.mean()
    return Steps(((d**4).mean(axis=1) / (d**2).mean(axis=1) ** 2).mean(axis=0), again)


def _scores(count: int) -> Float64Array:
    return np.asarray(ndtri((np.arange(count) + 0.5) / count))


def _tail_weights(x: Float64Array) -> Float64Array:
    """Return the weights of ranks at normal scores: half way to those by which all scores would count alike.

    By rank alone the middle would decide the shapes, and tails of devices would differ in ways that no shape follows.
    """
    return np.asarray(np.exp(np.clip(x, -REACH, REACH) ** 2 / 4))


def _sorted_standard(y: Float64Array) -> Float64Array:
    z = np.sort(y, axis=1)
    return np.asarray((z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True))


def _autocorrelations(y: Float64Array) -> Float64Array:
    """Return autocorrelations (n, 20, k) of own scores."""
    s = np.ascontiguousarray(np.moveaxis(own_scores(y), 1, 2))
    T = s.shape[2]
    sums = [np.einsum("nkt,nkt->nk", s[..., : T - lag], s[..., lag:]) / (T - lag) for lag in range(1, _LAGS + 1)]
    return np.asarray(np.stack(sums, axis=1) / (s[0, 0] ** 2).mean())


def population_columns(measured: tuple[int, ...]) -> list[int]:
    """Return where the traits of `TraitEstimator` stand in the device vectors of a population of 20 numbers."""
    return [FEATURES * part + f for f in measured for part in range(3 + SHAPE_NUMBERS)]
