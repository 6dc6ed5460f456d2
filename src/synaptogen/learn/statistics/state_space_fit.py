"""A compact history learned from autocovariances: few states that follow a memory of hundreds of cycles.

    s_{n+1} = F s_n + G e_n,   x_n = H s_n + B e_n                (docs/model.md, From cycle to cycle)

1. A high-order VAR (Yule-Walker on the corrected autocovariances R) holds all that the record determines.
2. Balanced truncation of it gives F, G, H of q states, which is a good start and no more.
3. Least squares over poles, G, H and B together, on two things at once: autocovariances at lags spread from 0 to far
   beyond the order of the VAR, and the spectrum S relative to that of the VAR, S_v^{-1/2} (S - S_v) S_v^{-1/2}, whose
   mean square is four times the rate at which the two models diverge, to second order (P. Whittle, Ark. Mat. 2, 423
   (1953)). The first holds the long memory, the second the next cycle.
4. The process is brought to its innovation form, unit variances and a form that engines update in place.

Poles stay inside a circle of radius `longest_pole`: a record of T cycles does not determine memories longer than T / 3.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it carries no types

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, VAR, History, StateSpace, balanced_truncation

from .modal_form import Complex, ModalForm

__all__ = ["divergence_rate", "fit_compact", "innovation_form", "longest_pole", "rescaled", "spectrum"]

_FREQUENCIES = 64
_DENSE, _SPARSE = 16, 48  # number of lags taken one by one, and then in geometric steps
_RATE, _RMS = 2.5e-3, 2e-3  # nats per cycle that weigh as much as this rms error of autocorrelations
_STEP = 1e-6
_TOLERANCE = 1e-4  # relative decrease of the sum of squares at which the descent ends
_LOWER = np.tril_indices(FEATURES)
_ONCE = np.where(np.eye(FEATURES, dtype=bool), 1.0, np.sqrt(2.0))


def longest_pole(cycles: float) -> float:
    """Return the largest modulus of a pole that records of so many cycles can tell from 1: 0.99 for 300 cycles."""
    return float(np.clip(1 - 3 / cycles, 0.5, 0.9998))


def fit_compact(
    long: VAR,
    gamma: Float64Array,
    states: int = 8,
    *,
    cap: float = 0.9998,
    start: StateSpace | None = None,
    evaluations: int = 30,
    progress: Callable[[float], None] | None = None,
) -> StateSpace:
    """Return a state space that comes close to given autocovariances and to the spectrum of a long VAR.

    Parameters
    ----------
    long : VAR
        Of high order, unit variances.
    gamma : array of shape (lags + 1, 4, 4)
        Autocovariances, unit variances; the memory is fitted to lag ``lags``.
    states : int
        Number of states q.
    cap : float
        Largest modulus of a pole.
    start : StateSpace, optional
        Where to begin; default: balanced truncation of ``long``.
    evaluations : int
        Most steps of the least squares.
    progress : callable, optional
        Called with the share of these that is done.

    Returns
    -------
    StateSpace
        In innovation form, unit variances.

    Raises
    ------
    ValueError
        If ``states`` is not positive, or more than ``long`` has use for.
    """
    modes = ModalForm.from_state_space(balanced_truncation(long, states) if start is None else start, cap)
    with threadpool_limits(1, "blas"):  # matrices are small: threads would only wait for one another
        theta = _levenberg_marquardt(_Distance(modes, long, gamma), modes.parameters, evaluations, progress)
    return rescaled(innovation_form(modes.with_parameters(theta).state_space())).quasi_triangular()


def _levenberg_marquardt(
    distance: "_Distance", theta: Float64Array, evaluations: int, progress: Callable[[float], None] | None
) -> Float64Array:
    """Minimise the squares by Levenberg-Marquardt on the normal equations (D. W. Marquardt, J. SIAM 11, 431 (1963)).

    Scaling a mode's row of G against its column of H changes nothing, so that the equations are singular: the damping
    takes care of that.
    """
    residuals, damping = distance(theta), 1e-3
    for step in range(evaluations):
        J = distance.jacobian(theta)
        normal, gradient, before = J.T @ J, J.T @ residuals, residuals @ residuals
        scale = np.diagonal(normal) + 1e-9 * np.trace(normal)
        for _ in range(10):
            trial = theta - np.linalg.solve(normal + damping * np.diag(scale), gradient)
            after = distance(trial)
            if after @ after < before:
                break
            damping *= 5
        else:
            break
        theta, residuals, damping = trial, after, max(damping / 5, 1e-9)
        if progress is not None:
            progress((step + 1) / evaluations)
        if before - after @ after < _TOLERANCE * before:
            break
    return theta


class _Distance:
    """Residuals of least squares: autocovariances at chosen lags, and the relative spectrum at chosen frequencies."""

    def __init__(self, modes: ModalForm, long: VAR, gamma: Float64Array) -> None:
        self.modes = modes
        self.lags, share = _chosen_lags(len(gamma) - 1)
        self.gamma = gamma[self.lags]
        self.of_lag = np.sqrt(share / FEATURES**2)[:, None, None] / _RMS
        self.omega, density = _chosen_frequencies(_FREQUENCIES)
        S = spectrum(long, self.omega)
        self.whiten = np.asarray(np.linalg.inv(np.linalg.cholesky(S)), dtype=np.complex128)
        self.of_frequency = np.sqrt(density / 4 / _RATE)[:, None, None]

    def __call__(self, theta: Float64Array) -> Float64Array:
        return np.asarray(self.batch(theta[None])[0])

    def batch(self, thetas: Float64Array) -> Float64Array:
        """Return residuals of many parameter vectors (n, parameters) at once."""
        gamma, T = self.modes.moments(thetas, self.lags, self.omega)
        white = self.whiten @ T
        relative = (white @ white.conj().swapaxes(-1, -2) - np.eye(FEATURES)) * self.of_frequency
        # the upper half of a Hermitian matrix follows from the lower one, which therefore counts twice
        lower = (relative * _ONCE)[..., _LOWER[0], _LOWER[1]]
        parts = ((gamma - self.gamma) * self.of_lag, lower.real, lower.imag)
        return np.concatenate([p.reshape(len(thetas), -1) for p in parts], axis=1)

    def jacobian(self, theta: Float64Array) -> Float64Array:
        step = _STEP * np.maximum(np.abs(theta), 0.1)
        moved = self.batch(np.concatenate([theta + np.diag(step), theta - np.diag(step)]))
        return np.asarray(((moved[: len(theta)] - moved[len(theta) :]) / (2 * step[:, None])).T)


def innovation_form(history: StateSpace) -> StateSpace:
    """Return the state space with the same autocovariances whose e_n are the errors of predicting x_n from its past.

    The covariance of s given the past of x obeys the Riccati recursion of the Kalman filter, run here to its limit
    (B. D. O. Anderson, J. B. Moore, Optimal Filtering, 1979, chapter 9).
    """
    F, G, H, B = history.F, history.G, history.H, history.innovation
    Q, C, R = G @ G.T, G @ B.T, B @ B.T
    unknown = history.stationary_covariance()
    for _ in range(20_000):
        S = H @ unknown @ H.T + R
        K = np.linalg.solve(S, (F @ unknown @ H.T + C).T).T
        after = F @ unknown @ F.T + Q - K @ S @ K.T
        change = np.abs(after - unknown).max()
        unknown = (after + after.T) / 2
        if change <= 1e-14 * max(1.0, np.abs(unknown).max()):
            break
    L = np.asarray(np.linalg.cholesky(H @ unknown @ H.T + R), dtype=np.float64)
    return StateSpace(L, F, K @ L, H)


def rescaled(history: StateSpace) -> StateSpace:
    """Return the process with each feature divided by its standard deviation, so that all variances are 1."""
    scale = 1 / np.sqrt(np.diagonal(history.autocovariance(0)[0]))[:, None]
    return StateSpace(scale * history.innovation, history.F, history.G, scale * history.H)


def spectrum(history: History, omega: Float64Array) -> Complex:
    """Return the spectrum sum over k of Gamma[k] exp(-i k omega).

    Parameters
    ----------
    history : VAR or StateSpace
    omega : array of shape (n,)
        Angular frequencies per cycle.

    Returns
    -------
    complex array of shape (n, 4, 4)
    """
    T = _transfer(history, np.exp(1j * omega))
    return np.asarray(T @ T.conj().swapaxes(1, 2))


def divergence_rate(truth: History, model: History, frequencies: int = 8192) -> float:
    """Return nats per cycle by which a model's likelihood falls behind that of the true Gaussian process.

        (1 / 4 pi) integral of [tr(S_t S_m^-1) - log det(S_t S_m^-1) - 4] d omega

    (M. S. Pinsker, Information and Information Stability of Random Variables and Processes, 1964.)

    Parameters
    ----------
    truth, model : VAR or StateSpace
    frequencies : int
        Number of points of the integral.

    Returns
    -------
    float
    """
    omega = (np.arange(frequencies) + 0.5) * np.pi / frequencies
    ratio = np.linalg.solve(spectrum(model, omega), spectrum(truth, omega))
    trace = np.trace(ratio, axis1=1, axis2=2).real
    return float(np.mean(trace - np.linalg.slogdet(ratio)[1] - FEATURES) / 2)


def _transfer(history: History, z: Complex) -> Complex:
    B = history.innovation
    if isinstance(history, VAR):
        powers = z[:, None] ** -np.arange(1.0, history.order + 1)
        return np.asarray(np.linalg.solve(np.eye(FEATURES) - np.tensordot(powers, history.lags, 1), B + 0j))
    resolvent = z[:, None, None] * np.eye(history.order) - history.F
    return np.asarray(B + history.H @ np.linalg.solve(resolvent, history.G + 0j))


def _chosen_lags(longest: int) -> tuple[NDArray[np.intp], Float64Array]:
    """Return lags, dense near 0, and the share of all lags that each stands for."""
    spread = np.geomspace(_DENSE, max(longest, _DENSE), _SPARSE).round()
    lags = np.unique(np.concatenate([np.arange(_DENSE), spread])).astype(np.intp)
    lags = lags[lags <= longest]
    between = np.concatenate([[-0.5], (lags[:-1] + lags[1:]) / 2, [lags[-1] + 0.5]])
    return lags, np.diff(between) / (longest + 1)


def _chosen_frequencies(count: int) -> tuple[Float64Array, Float64Array]:
    """Return frequencies, dense near 0 where long memories show, and the share of (0, pi) of each."""
    edges = np.pi * np.linspace(0, 1, count + 1) ** 3
    return (edges[:-1] + edges[1:]) / 2, np.diff(edges) / np.pi
