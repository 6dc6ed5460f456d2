"""The mixture that traits of devices are drawn from, learned from traits that were estimated with error.

Expectation maximisation with a simulator: devices are drawn from the mixture and simulated, and their traits are
estimated as those of the measured devices are. Where a simulated device resembles a measured one, its true traits say
what those of the measured device may be, after a linear regression has taken out what still differs (M. A. Beaumont,
W. Zhang, D. J. Balding, Genetics 162, 2025 (2002)). The mixture is then fitted to these draws from the posterior of all
devices. The error of an estimate may so depend on the device: it does, since long memory makes every estimate worse.
"""

from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array

from .gaussian_mixture import GaussianMixture, refit_mixture, start_clusters

__all__ = ["TraitMixture", "nearest_covariance"]

_DRAWS = 24  # of a device, until it lies within the bounds
_NEIGHBOURS = 100  # simulated devices that stand for a measured one
_SAMPLES = 8  # draws from the posterior of a measured device
_WITHIN = 0.3  # prior covariance of a component over that of all traits
_STEPS = 60  # of the fit to the draws
_CORRECTIONS, _CORRECTED = 3, 6000  # rounds and draws by which the effect of the bounds is taken out
_FLOOR = 1e-3
_EXTREMES = 0.05  # share of the devices at either end by which bounds are found
_BOUNDS_STEP = 0.7  # of bounds, over what extremes of estimates miss


@dataclass(frozen=True)
class TraitMixture:
    """Mixture of Gaussians between bounds.

    Attributes
    ----------
    weights : array of shape (K,)
    means : array of shape (K, d)
    covariances : array of shape (K, d, d)
    low, high : array of shape (d,)
        Bounds; a device outside of them is drawn again.
    strength : float
        Number of devices that the prior of each covariance counts for.
    widest : (array of shape (d,), array of shape (d,))
        Where bounds end that are moved.
    """

    weights: Float64Array
    means: Float64Array
    covariances: Float64Array
    low: Float64Array
    high: Float64Array
    strength: float
    widest: tuple[Float64Array, Float64Array]

    @classmethod
    def from_estimates(
        cls,
        traits: Float64Array,
        noise: Float64Array,
        low: Float64Array,
        high: Float64Array,
        shape: tuple[int, float],
        rng: np.random.Generator,
    ) -> "TraitMixture":
        """Fit a mixture to estimates, and subtract the covariance of their errors.

        Parameters
        ----------
        traits : array of shape (n, d)
        noise : array of shape (d, d)
            Mean covariance of their errors.
        low, high : array of shape (d,)
        shape : (int, float)
            Number of components, and strength of their prior.
        rng : Generator

        Returns
        -------
        TraitMixture
        """
        components, strength = shape
        centre, spread = traits.mean(axis=0), traits.std(axis=0)
        z = (traits - centre) / spread
        share = start_clusters(z, components, rng)
        fit = refit_mixture(z, share, _WITHIN * np.cov(z.T), strength, _STEPS)
        scale = np.outer(spread, spread)
        covariances = np.array([nearest_covariance(S - noise / scale) for S in fit.covariances]) * scale
        means = np.clip(centre + spread * fit.means, low, high)
        return cls(fit.weights / fit.weights.sum(), means, covariances, low, high, strength, (low, high))

    def draw(self, count: int, rng: np.random.Generator) -> Float64Array:
        """Return traits, drawn again while out of bounds.

        Parameters
        ----------
        count : int
        rng : Generator

        Returns
        -------
        array of shape (count, d)
        """
        factors = np.linalg.cholesky(self.covariances)
        k = rng.choice(len(self.weights), count, p=self.weights)
        v, todo = np.empty((count, self.means.shape[1])), np.arange(count)
        for _ in range(_DRAWS):
            z = rng.standard_normal((len(todo), v.shape[1]))
            v[todo] = self.means[k[todo]] + np.einsum("nij,nj->ni", factors[k[todo]], z)
            todo = todo[((v[todo] < self.low) | (v[todo] > self.high)).any(axis=1)]
        return np.clip(v, self.low, self.high)

    def learned(
        self, drawn: Float64Array, found: Float64Array, goal: Float64Array, rng: np.random.Generator
    ) -> "TraitMixture":
        """Return the mixture after one step of expectation maximisation.

        Parameters
        ----------
        drawn : array of shape (N, d)
            True traits of simulated devices.
        found : array of shape (N, d)
            Estimates from their records.
        goal : array of shape (n, d)
            Estimates from the records of measured devices.
        rng : Generator

        Returns
        -------
        TraitMixture
        """
        likely = np.clip(_posterior(drawn, found, goal, rng), self.low, self.high)
        centre, spread = goal.mean(axis=0), goal.std(axis=0)
        z, scale = (likely - centre) / spread, np.outer(spread, spread)
        now = GaussianMixture(self.weights, (self.means - centre) / spread, self.covariances / scale)
        fit = refit_mixture(z, now.responsibilities(z), _WITHIN * np.cov(z.T), self.strength * _SAMPLES, _STEPS)
        new = replace(
            self,
            weights=fit.weights / fit.weights.sum(),
            means=np.clip(centre + spread * fit.means, self.low, self.high),
            covariances=np.array([nearest_covariance(S) for S in fit.covariances]) * scale,
        )
        for _ in range(_CORRECTIONS):
            new = new.matched(new.draw(_CORRECTED, rng), likely)
        return new.bounded(found, goal)

    def bounded(self, found: Float64Array, goal: Float64Array) -> "TraitMixture":
        """Return the mixture with bounds moved by what the extremes of estimates miss.

        Traits of measured devices end more abruptly than Gaussians do: a resistance, for one, has a ceiling. Bounds do
        not leave the range of the estimates with its margin, and at least 80 % of the estimates lie between them.

        Parameters
        ----------
        found : array of shape (N, d)
            Estimates from the records of devices that were drawn from this mixture.
        goal : array of shape (n, d)
            Estimates from the records of measured devices.

        Returns
        -------
        TraitMixture
        """
        have, want = _extremes(found), _extremes(goal)
        inner = np.quantile(goal, [0.1, 0.9], axis=0)
        least = np.minimum(inner[0], self.means.min(axis=0))
        most = np.maximum(inner[1], self.means.max(axis=0))
        low = np.clip(self.low + _BOUNDS_STEP * (want[0] - have[0]), self.widest[0], least)
        high = np.clip(self.high + _BOUNDS_STEP * (want[1] - have[1]), most, self.widest[1])
        return replace(self, low=low, high=high)

    def matched(self, drawn: Float64Array, goal: Float64Array) -> "TraitMixture":
        """Return the mixture after the smallest affine map that brings means and covariances of draws to a goal.

        Bounds make draws narrower than the components are.

        Parameters
        ----------
        drawn : array of shape (N, d)
            Draws of this mixture.
        goal : array of shape (n, d)

        Returns
        -------
        TraitMixture
        """
        scale = goal.std(axis=0)
        unit = np.outer(scale, scale)
        have, want = nearest_covariance(np.cov(drawn.T) / unit, 1e-4), nearest_covariance(np.cov(goal.T) / unit, 1e-4)
        root, inverse = _power(have, 0.5), _power(have, -0.5)
        map_ = scale[:, None] * (inverse @ _power(root @ want @ root, 0.5) @ inverse) / scale
        mean = self.weights @ self.means
        means = mean + (self.means - mean) @ map_.T + goal.mean(axis=0) - drawn.mean(axis=0)
        covariances = np.array([nearest_covariance(map_ @ S @ map_.T) for S in self.covariances])
        return replace(self, means=np.clip(means, self.low, self.high), covariances=covariances)


def _posterior(drawn: Float64Array, found: Float64Array, goal: Float64Array, rng: np.random.Generator) -> Float64Array:
    """Return draws (n samples, d) from the posterior of the true traits of measured devices."""
    scale = goal.std(axis=0)
    true, seen, wanted = drawn / scale, found / scale, goal / scale
    design = np.column_stack([np.ones(len(seen)), seen - seen.mean(axis=0)])
    slope = np.linalg.lstsq(design, true)[0][1:]
    covariance = np.cov(seen.T) + 1e-6 * np.eye(seen.shape[1])
    white = np.linalg.cholesky(np.linalg.inv(covariance))
    near, placed = min(_NEIGHBOURS, len(seen)), seen @ white
    out = np.empty((len(goal), _SAMPLES, drawn.shape[1]))
    for n, (one, at) in enumerate(zip(wanted, wanted @ white, strict=True)):
        squared = ((placed - at) ** 2).sum(axis=1)
        chosen = np.argpartition(squared, near - 1)[:near]
        weight = np.maximum(1 - squared[chosen] / squared[chosen].max(), 1e-3)  # Epanechnikov's kernel
        pick = rng.choice(chosen, _SAMPLES, p=weight / weight.sum())
        out[n] = true[pick] + (one - seen[pick]) @ slope
    return np.asarray(out.reshape(-1, drawn.shape[1]) * scale)


def _extremes(values: Float64Array) -> Float64Array:
    """Return means of the lowest and of the highest values of each column, shape (2, d)."""
    count = max(1, round(_EXTREMES * len(values)))
    ranked = np.sort(values, axis=0)
    return np.stack([ranked[:count].mean(axis=0), ranked[-count:].mean(axis=0)])


def nearest_covariance(S: Float64Array, floor: float = _FLOOR) -> Float64Array:
    """Return the nearest covariance whose eigenvalues, relative to its variances, are not small.

    Parameters
    ----------
    S : array of shape (d, d)
        Symmetric.
    floor : float
        Least eigenvalue over the largest one, with all variances brought to 1.

    Returns
    -------
    array of shape (d, d)
    """
    scale = np.sqrt(np.maximum(np.diagonal(S), 1e-12 * np.trace(S)))
    values, vectors = np.linalg.eigh((S + S.T) / 2 / np.outer(scale, scale))
    whole = (vectors * np.maximum(values, floor * values.max())) @ vectors.T
    return np.asarray((whole + whole.T) / 2 * np.outer(scale, scale))


def _power(S: Float64Array, power: float) -> Float64Array:
    values, vectors = np.linalg.eigh(nearest_covariance(S, 1e-9))
    return np.asarray((vectors * np.maximum(values, 1e-12 * values[-1]) ** power) @ vectors.T)
