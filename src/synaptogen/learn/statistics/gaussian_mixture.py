"""Gaussian mixtures of few points in many dimensions: expectation maximisation with a prior on the covariances (MAP).

    r_dk ~ w_k N(v_d; m_k, S_k)                                                                           (E)
    w_k = N_k / N,  m_k = weighted mean,  S_k = (sum r_dk (v_d - m_k)(v_d - m_k)^T + s Psi) / (N_k + s)   (M)

The prior is inverse-Wishart: s further points spread as Psi, the covariance of the bulk by minimum covariance
determinant (P. J. Rousseeuw, K. Van Driessen, Technometrics 41, 212 (1999); for the prior: C. Fraley, A. E. Raftery, J.
Classification 24, 155 (2007)). It keeps a component of twenty outliers in eight dimensions from collapsing. The last
component starts from the five percent of the points that are farthest from the bulk, and its Psi is three times as
wide, so that an outlying population is found of which two or three members were measured; the others start from
k-means.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import MinCovDet

from synaptogen._utils import BoolArray, Float64Array

__all__ = [
    "Bulk",
    "GaussianMixture",
    "find_bulk",
    "fit_mixture",
    "mixture_errors",
    "refit_mixture",
    "start_clusters",
]


_OUTLYING = 0.05
_LEAST = 2.0  # least number of points of a component
_TOLERANCE = 1e-5  # nats per point
_RESAMPLES, _STEPS = 64, 80  # resamples of the bootstrap, and most iterations in each
_WIDER = 9.0  # prior variances of outlying devices over those of the bulk: three times the spread


@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of K Gaussian components in d dimensions.

    Parameters
    ----------
    weights : array of shape (K,)
    means : array of shape (K, d)
    covariances : array of shape (K, d, d)
    """

    weights: Float64Array
    means: Float64Array
    covariances: Float64Array

    def log_density(self, points: Float64Array, noise: Float64Array | None = None) -> Float64Array:
        """Return the log density at points.

        Parameters
        ----------
        points : array of shape (n, d)
        noise : array of shape (n, d, d), optional
            Covariance of the error of each point, added to those of the components.

        Returns
        -------
        array of shape (n,)
        """
        return np.asarray(np.logaddexp.reduce(self.log_joint(points, noise), axis=0))

    def responsibilities(self, points: Float64Array) -> Float64Array:
        """Return the probability (K, n) that each of the points (n, d) belongs to a component."""
        joint = self.log_joint(points)
        return np.asarray(np.exp(joint - np.logaddexp.reduce(joint, axis=0)))

    def log_joint(self, points: Float64Array, noise: Float64Array | None = None) -> Float64Array:
        """Return log w_k + log N(v; m_k, S_k) of each component at points.

        Parameters
        ----------
        points : array of shape (n, d)
        noise : array of shape (n, d, d), optional
            Covariance of the error of each point, added to those of the components.

        Returns
        -------
        array of shape (K, n)
        """
        off = points - self.means[:, None]
        S = self.covariances[:, None] if noise is None else self.covariances[:, None] + noise
        return _log_normal(off, S) + np.log(self.weights)[:, None]


@dataclass(frozen=True)
class Bulk:
    """Location of most points.

    Parameters
    ----------
    centre : array of shape (d,)
    covariance : array of shape (d, d)
    distance : array of shape (n,)
        Squared Mahalanobis distance of each point from the centre.
    """

    centre: Float64Array
    covariance: Float64Array
    distance: Float64Array

    def part(self, members: BoolArray) -> "Bulk":
        """Return the same bulk with the distances of the points that a mask selects."""
        return replace(self, distance=self.distance[members])


def find_bulk(points: Float64Array, seed: int) -> Bulk:
    """Find the bulk by minimum covariance determinant; of few points, the median and the variances.

    Parameters
    ----------
    points : array of shape (n, d)
    seed : int
        Seed of the subsets that the search starts from.

    Returns
    -------
    Bulk
    """
    n, d = points.shape
    if n >= 3 * d:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about singular subsets that it tried on the way
            found = MinCovDet(random_state=seed, support_fraction=None if n < 5 * d else 0.75).fit(points)
        centre, covariance = found.location_, found.covariance_
    else:
        centre, covariance = np.median(points, axis=0), np.diag(np.var(points, axis=0, ddof=1))
    covariance = covariance + 1e-6 * np.trace(covariance) / d * np.eye(d)
    off = points - centre
    return Bulk(centre, covariance, np.sum(off * np.linalg.solve(covariance, off.T).T, axis=1))


def fit_mixture(
    points: Float64Array,
    components: int,
    strength: float,
    rng: np.random.Generator,
    *,
    bulk: Bulk | None = None,
    starts: int = 3,
    steps: int = 300,
) -> GaussianMixture:
    """Return the most probable mixture of several starts.

    Parameters
    ----------
    points : array of shape (n, d)
        Scaled so that no axis dwarfs the others.
    components : int
        Number of components K.
    strength : float
        Number of points that the prior of each covariance counts for, s.
    rng : Generator
    bulk : Bulk, optional
        Of these points, where it is known already.
    starts, steps : int
        Number of starts, and most iterations of each.

    Returns
    -------
    GaussianMixture
    """
    bulk = find_bulk(points, _seed(rng)) if bulk is None else bulk
    psi = _prior(bulk, components)
    if components == 1:
        return _maximise(points, np.ones((1, len(points))), psi, strength)
    found = [_climb(points, _start(points, components, bulk, rng), psi, strength, steps) for _ in range(starts)]
    return max(found, key=lambda pair: pair[0])[1]


def refit_mixture(
    points: Float64Array, share: Float64Array, psi: Float64Array, strength: float, steps: int
) -> GaussianMixture:
    """Return the mixture that iteration leads to from given responsibilities, with one prior for all components.

    Parameters
    ----------
    points : array of shape (n, d)
    share : array of shape (K, n)
        Responsibilities.
    psi : array of shape (d, d)
        Covariance that the prior expects of each component.
    strength : float
        Number of points that the prior of each covariance counts for.
    steps : int
        Most iterations.

    Returns
    -------
    GaussianMixture
    """
    return _climb(points, share, np.tile(psi, (len(share), 1, 1)), strength, steps)[1]


def start_clusters(points: Float64Array, components: int, rng: np.random.Generator) -> Float64Array:
    """Return responsibilities from a few steps of k-means.

    Parameters
    ----------
    points : array of shape (n, d)
    components : int
    rng : Generator

    Returns
    -------
    array of shape (components, n)
    """
    return _soft(_clusters(points, components, rng), components)


def mixture_errors(
    points: Float64Array, mixture: GaussianMixture, strength: float, bulk: Bulk, rng: np.random.Generator
) -> dict[str, Float64Array]:
    """Return standard errors of a mixture, by the bootstrap over points.

    (B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6.) Each resample is fitted from the
    responsibilities of the whole, so that components keep their order.

    Parameters
    ----------
    points : array of shape (n, d)
    mixture : GaussianMixture
        Fitted to all points.
    strength : float
        Strength of the prior that it was fitted with.
    bulk : Bulk
    rng : Generator

    Returns
    -------
    dict of str to array
        ``weights`` (K,), ``means`` (K, d) and standard deviations ``spreads`` (K, d).
    """
    share = mixture.responsibilities(points)
    psi = _prior(bulk, len(share))
    found: dict[str, list[Float64Array]] = {"weights": [], "means": [], "spreads": []}
    for _ in range(_RESAMPLES):
        drawn = rng.integers(len(points), size=len(points))
        one = _climb(points[drawn], share[:, drawn], psi, strength, _STEPS)[1]
        found["weights"].append(one.weights)
        found["means"].append(one.means)
        found["spreads"].append(np.sqrt(np.diagonal(one.covariances, axis1=1, axis2=2)))
    return {name: np.std(values, axis=0, ddof=1) for name, values in found.items()}


def _prior(bulk: Bulk, components: int) -> Float64Array:
    """Return the covariances psi (K, d, d) that the prior expects: the last component is wider."""
    psi = np.tile(bulk.covariance, (components, 1, 1))
    if components > 1:
        psi[-1] *= _WIDER
    return psi


def _climb(
    points: Float64Array, share: Float64Array, psi: Float64Array, strength: float, steps: int
) -> tuple[float, GaussianMixture]:
    """Iterate from responsibilities (K, n); returns the posterior, per point, and the mixture."""
    before = -np.inf
    for _ in range(steps):
        mixture = _maximise(points, share, psi, strength)
        joint = mixture.log_joint(points)
        density = np.logaddexp.reduce(joint, axis=0)
        now = float(density.mean()) + _log_prior(mixture, psi, strength) / len(points)
        share = np.exp(joint - density)
        if now - before < _TOLERANCE:
            break
        before = now
    return now, mixture


def _maximise(points: Float64Array, share: Float64Array, psi: Float64Array, strength: float) -> GaussianMixture:
    """Return the most probable mixture for responsibilities (K, n) and prior spreads psi (K, d, d)."""
    count = np.maximum(share.sum(1), _LEAST)
    means = share @ points / np.maximum(share.sum(1), 1e-12)[:, None]
    off = points - means[:, None]
    scatter = (share[..., None] * off).swapaxes(1, 2) @ off
    covariances = (scatter + strength * psi) / (share.sum(1) + strength)[:, None, None]
    return GaussianMixture(count / count.sum(), means, covariances)


def _log_prior(mixture: GaussianMixture, psi: Float64Array, strength: float) -> float:
    """Return the log of the inverse-Wishart density, up to a constant."""
    determinants = np.linalg.slogdet(mixture.covariances)[1].sum()
    traces = np.trace(np.linalg.solve(mixture.covariances, psi), axis1=1, axis2=2).sum()
    return float(-0.5 * strength * (determinants + traces))


def _start(points: Float64Array, components: int, bulk: Bulk, rng: np.random.Generator) -> Float64Array:
    n = len(points)
    far = bulk.distance >= np.quantile(bulk.distance, 1 - max(_OUTLYING, _LEAST / n))
    label = np.full(n, components - 1)
    if components == 2:
        label[~far] = 0
    else:
        label[~far] = _clusters(points[~far], components - 1, rng)
    share = _soft(label, components)
    share *= rng.uniform(0.7, 1.0, share.shape)
    return np.asarray(share / share.sum(0))


def _soft(label: NDArray[np.intp], components: int) -> Float64Array:
    """Return responsibilities (K, n): nine tenths to the component of the label."""
    return np.where(label == np.arange(components)[:, None], 0.9, 0.1 / max(components - 1, 1))


def _clusters(points: Float64Array, number: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return labels (n,) after a few steps of k-means from points drawn at random."""
    centres = points[rng.choice(len(points), number, replace=False)]
    for _ in range(10):
        label = np.argmin(((points[:, None] - centres) ** 2).sum(2), axis=1)
        full = np.unique(label)
        centres[full] = [points[label == k].mean(0) for k in full]
    return np.asarray(label)


def _log_normal(off: Float64Array, S: Float64Array) -> Float64Array:
    """Return the log density (K, n) of N(0, S) at ``off`` (K, n, d), with S (K, 1, d, d) or one for each point."""
    d = off.shape[-1]
    L = np.linalg.cholesky(S)
    inverse = np.linalg.inv(L)
    if S.shape[1] == 1:
        white = off @ inverse[:, 0].swapaxes(1, 2)
    else:
        white = (inverse @ off[..., None])[..., 0]
    size = np.log(np.diagonal(L, axis1=-2, axis2=-1)).sum(-1)
    return np.asarray(-0.5 * np.sum(white**2, axis=-1) - size - d / 2 * np.log(2 * np.pi))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31 - 1))
