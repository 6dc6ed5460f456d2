"""Completion of what was not measured from a preset: its model of the other features, given the measured ones.

With the measured features M first, the preset's one-step model of the others U given everything before them,

    x_U,n = C_0 x_M,n + sum over k of (C_k x_{n-k}) + B_U e_n,
    C_0 = S_UM S_MM^-1,   C_k = A_k[U] - C_0 A_k[M],   S = B B^T

is put behind the learned model of x_M, which does not depend on the past of U. The two together are a model of all four
features in which the learned one holds exactly. A preset's quantile polynomials and populations are brought to the form
that learned ones have: latent variances 1, and z of mean 0 and variance 1.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURE_NAMES, FEATURES, VAR, DeviceParams, History, Population, yule_walker

from .autocovariances import unit_variance
from .quantile_transform import normalised

__all__ = ["StandardForm", "complete_history", "standard_form"]


_ORDER = 10  # of the VAR that stands for a preset's state space
_STABLE = 0.999


@dataclass(frozen=True)
class StandardForm:
    """A preset with latent variances 1 and quantile polynomials of mean 0 and variance 1; its devices are the same.

    Parameters
    ----------
    quantile : array of shape (4, n)
        Quantile polynomials, highest power first.
    history : VAR
    population : Population
    """

    quantile: Float64Array
    history: VAR
    population: Population

    def gamma(self, lags: int) -> Float64Array:
        """Return autocovariances (lags + 1, 4, 4), variances 1."""
        return self.history.autocovariance(lags)


def standard_form(params: DeviceParams) -> StandardForm:
    """Bring a parameter set to the form of learned ones, with variances 1."""
    history = params.history
    order = history.order if isinstance(history, VAR) else _ORDER
    gamma = history.autocovariance(order)
    deviation = np.sqrt(np.diagonal(gamma[0]))
    rows, change = [], np.eye(2 * FEATURES)
    degree = params.quantile.shape[1] - 1
    for f, row in enumerate(params.quantile):
        gamma_f, mean, spread = normalised(row * deviation[f] ** np.arange(degree, -1, -1))
        rows.append(gamma_f)
        change[f, FEATURES + f], change[FEATURES + f, FEATURES + f] = mean, spread
    return StandardForm(np.array(rows), yule_walker(unit_variance(gamma), order), _changed(params.population, change))


def with_normal_shapes(form: StandardForm, names: Collection[str]) -> StandardForm:
    """Return a form with straight quantile polynomials of some features, whose scales are not those of the preset.

    Parameters
    ----------
    form : StandardForm
    names : collection of str
        The features.

    Returns
    -------
    StandardForm
    """
    quantile = form.quantile.copy()
    for name in names:
        quantile[FEATURE_NAMES.index(name)] = [*[0.0] * (quantile.shape[1] - 2), 1.0, 0.0]
    return replace(form, quantile=quantile)


def complete_history(learned: VAR, preset: History, measured: tuple[int, ...]) -> VAR:
    """Return a VAR in which measured features follow ``learned`` and the others follow a preset, given them.

    Parameters
    ----------
    learned : VAR
        Its other features are white noise of their own.
    preset : VAR or StateSpace
    measured : tuple of int
        Features that were measured.

    Returns
    -------
    VAR
        Variances 1.
    """
    M = list(measured)
    U = [f for f in range(FEATURES) if f not in measured]
    if not U:
        return learned
    model = preset if isinstance(preset, VAR) else yule_walker(preset.autocovariance(_ORDER), _ORDER)
    S = model.innovation @ model.innovation.T
    C0 = S[np.ix_(U, M)] @ np.linalg.inv(S[np.ix_(M, M)])
    left = S[np.ix_(U, U)] - C0 @ S[np.ix_(M, U)]
    A = np.zeros((max(learned.order, model.order), FEATURES, FEATURES))
    A[: learned.order, M] = learned.lags[:, M]
    # C_0 x_M,n holds the learned prediction of x_M,n, so that lags act on U through it as well
    A[: learned.order, U] = C0 @ learned.lags[:, M]
    A[: model.order, U] += model.lags[:, U] - C0 @ model.lags[:, M]
    own = (learned.innovation @ learned.innovation.T)[np.ix_(M, M)]
    covariance = np.zeros((FEATURES, FEATURES))
    covariance[np.ix_(M, M)] = own
    covariance[np.ix_(U, M)] = C0 @ own
    covariance[np.ix_(M, U)] = (C0 @ own).T
    covariance[np.ix_(U, U)] = left + C0 @ own @ C0.T
    return _unit_variances(covariance, _stable(A, U))


def _stable(A: Float64Array, U: list[int]) -> Float64Array:
    """Shrink what the unmeasured features remember of themselves until the model is stable."""
    A = A.copy()
    for _ in range(200):
        own = A[:, U][:, :, U]
        p, u = len(own), len(U)
        companion = np.eye(p * u, k=-u)
        companion[:u] = np.concatenate(list(own), axis=1)
        if np.abs(np.linalg.eigvals(companion)).max() < _STABLE:
            break
        A[np.ix_(range(p), U, U)] *= 0.97
    return A


def _unit_variances(covariance: Float64Array, A: Float64Array) -> VAR:
    model = VAR(np.asarray(np.linalg.cholesky(covariance), dtype=np.float64), A)
    scale = 1 / np.sqrt(np.diagonal(model.autocovariance(0)[0]))
    return VAR(scale[:, None] * model.innovation, scale[:, None] * model.lags / scale)


def _changed(population: Population, change: Float64Array) -> Population:
    """Return the population with mu + m sigma for mu and s sigma for sigma; with log sigma, at the middle sigma."""
    if population.sigma_scale == "linear":
        covariances = change @ population.cholesky @ population.cholesky.swapaxes(1, 2) @ change.T
        factors = np.asarray(np.linalg.cholesky(covariances), dtype=np.float64)
        return Population(population.weights, population.means @ change.T, factors)
    means = population.means.copy()
    means[:, :FEATURES] += np.exp(means[:, FEATURES:]) * np.diagonal(change, FEATURES)
    means[:, FEATURES:] += np.log(np.diagonal(change)[FEATURES:])
    return Population(population.weights, means, population.cholesky, "log")
