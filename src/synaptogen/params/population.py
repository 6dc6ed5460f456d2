"""The variation from device to device: a Gaussian mixture."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array

from .history import FEATURES
from .own_law import OWN_TRAITS
from .record import MOST_COMPONENTS, Record, lower_factor, real_array, require_at_most

_TRAITS = 2 * FEATURES  # numbers of a device vector: four offsets mu, four scales sigma


@dataclass(frozen=True, eq=False)
class Population(Record):
    """The variation from device to device: a Gaussian mixture of 8-vectors (mu, sigma), four offsets and four scales.

    The vector of a cell is one draw: component k with probability weights[k], then means[k] + cholesky[k] @ N(0, I_8).

    Parameters
    ----------
    weights : array of shape (n_components,)
        Probabilities of the components: positive, with a sum of 1 within 1e-6. They are not normalised again.
    means : array of shape (n_components, 8), or (n_components, 20)
        Means of the four mu, then of the four sigma: of r_hrs (log10 of ohm), u_set (V), r_lrs (ohm), u_reset (V), or
        on the scales that `DeviceParams` has for them.
        Beside shapes of their own (`OwnShapes`) devices have twelve numbers more: the four c1, the four c2, and the
        four shares of memory.
    cholesky : array of shape (n_components, n, n)
        Lower factors of the covariances, n = 8 or 20.
    sigma_scale : {"linear", "log"}
        Whether the last four entries of a draw are sigma or its natural logarithm.
    low, high : array of shape (n,), optional
        Bounds of a draw, on the population's own scale of sigma. A draw outside of them is repeated with the same
        component, at most 24 times, and then limited. Give both or none.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or content.

    Examples
    --------
    >>> import synaptogen as sg
    >>> population = sg.DeviceParams.preset("hennen2024").population
    >>> population.n_components
    3
    >>> population.mean()[:4].round(2).tolist()  # log10 of ohm, V, ohm, V
    [4.88, -0.68, 4545.09, 0.73]
    """

    weights: Float64Array
    means: Float64Array
    cholesky: Float64Array
    sigma_scale: Literal["linear", "log"] = "linear"
    low: Float64Array | None = None
    high: Float64Array | None = None

    def __post_init__(self) -> None:
        require_at_most("weights", self.weights, MOST_COMPONENTS, "components")
        weights = real_array("weights", self.weights, (None,))
        self._set(
            weights=weights,
            means=real_array("means", self.means, (len(weights), None)),
        )
        n = self.means.shape[1]
        if n not in (_TRAITS, _TRAITS + OWN_TRAITS):
            raise ValueError(f"means must have shape (n, {_TRAITS}) or (n, {_TRAITS + OWN_TRAITS}), not (n, {n})")
        self._set(cholesky=lower_factor("cholesky", self.cholesky, (len(weights), n, n)))
        if np.any(weights <= 0) or abs(weights.sum() - 1) > 1e-6:
            raise ValueError(
                f"weights must be positive and sum to 1, not {weights}: drop empty components, then divide"
            )
        if self.sigma_scale not in ("linear", "log"):
            raise ValueError(f'sigma_scale must be "linear" or "log", not {self.sigma_scale!r}')
        self._check_bounds()

    def _check_bounds(self) -> None:
        if self.low is None and self.high is None:
            return
        if self.low is None or self.high is None:
            raise ValueError("low and high must be given both, or neither")
        n = self.means.shape[1]
        low, high = (real_array(name, v, (n,)) for name, v in (("low", self.low), ("high", self.high)))
        if np.any(low >= high):
            raise ValueError(f"low must be below high in all {n} entries, not {low} and {high}")
        outside = (self.means < low) | (self.means > high)
        if np.any(outside):
            k = int(np.flatnonzero(outside.any(axis=1))[0])
            raise ValueError(
                f"means[{k}] must lie between low and high: a component outside of the bounds would be limited to them"
            )
        self._set(low=low, high=high)

    @property
    def n_components(self) -> int:
        """Number K of components."""
        return len(self.weights)

    @property
    def cumulative_weights(self) -> Float64Array:
        """Upper ends of the components' shares of [0, 1], shape (n_components,), the last exactly 1."""
        total = np.cumsum(self.weights)
        return np.asarray(total / total[-1])

    def mean(self) -> Float64Array:
        """Return the mean of the whole mixture, shape (8,) or (20,), on the population's own scale of sigma."""
        mean: Float64Array = self._shares @ self.means
        return mean

    def covariance(self) -> Float64Array:
        """Return the covariance of the whole mixture, a square matrix: within components and between their means."""
        off = self.means - self.mean()
        within = self.cholesky @ self.cholesky.swapaxes(1, 2)
        return np.tensordot(self._shares, within + off[:, :, None] * off[:, None, :], axes=1)

    def log_density(self, vectors: ArrayLike) -> Float64Array:
        """Return the natural logarithm of the probability density of device vectors, before any bounds.

        Parameters
        ----------
        vectors : array of shape (..., 8), or (..., 20)
            Device vectors (mu, sigma), sigma as in ``sigma_scale``.

        Returns
        -------
        array of shape (...)

        Raises
        ------
        ValueError
            If the last axis has not the length of the population's vectors.

        Examples
        --------
        >>> import synaptogen as sg
        >>> population = sg.DeviceParams.preset("hennen2024").population
        >>> population.log_density(population.means).round(2)
        array([9.06, 9.68, 2.86])
        """
        points = np.asarray(vectors, dtype=np.float64)
        n = self.means.shape[1]
        if points.shape[-1:] != (n,):
            raise ValueError(f"vectors must have shape (..., {n}), not {points.shape}")
        flat = points.reshape(-1, n)
        each = [_log_normal_density(flat - m, L) for m, L in zip(self.means, self.cholesky, strict=True)]
        joint = np.stack(each) + np.log(self._shares)[:, None]
        return np.asarray(np.logaddexp.reduce(joint, axis=0)).reshape(points.shape[:-1])

    @property
    def _shares(self) -> Float64Array:
        return np.asarray(self.weights / self.weights.sum())


def _log_normal_density(off: Float64Array, L: Float64Array) -> Float64Array:
    """Return the log density (n,) of N(0, L L^T) at ``off`` (n, 8), for a lower triangular L (8, 8)."""
    white = np.linalg.solve(L, off.T)
    constant = np.log(np.diagonal(L)).sum() + len(L) / 2 * np.log(2 * np.pi)
    return np.asarray(-0.5 * np.sum(white**2, axis=0) - constant)
