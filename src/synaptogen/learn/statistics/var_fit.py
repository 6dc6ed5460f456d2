"""Vector autoregressions pooled over devices: how features of a cycle depend on earlier cycles.

All results come from the pooled autocovariances R (see `autocovariances`): for records long against the order, the
Yule-Walker equations on R have the precision of least squares (coefficients rms 5.8e-4 against 5.8e-4 for order 10, 512
devices and 6,000 cycles), they allow for gaps, and a correction of R, such as undoing the removal of device means,
applies to every order at once. One step of the prediction from the last p cycles leaves

    Sigma_p = [I -A_1 ... -A_p] Toeplitz(R) [I -A_1 ... -A_p]^T

of the variance (H. Luetkepohl, New Introduction to Multiple Time Series Analysis, 2005, chapters 3 and 4), whose
logarithmic determinant is what AIC, BIC and the held-out likelihood compare.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.stats

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, VAR, History, yule_walker

from .autocovariances import LagSums, mean_removal_bias, unit_variance

__all__ = [
    "Whiteness",
    "best_order",
    "compare_orders",
    "fit_var",
    "undo_mean_removal",
    "unmeasured_as_white",
    "var_errors",
    "whiteness_test",
]


Criterion: TypeAlias = Literal["bic", "aic", "held_out"]

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
_ITERATIONS = 20
_TELLING = 1e-6  # least share of the variance of a feature that the others leave undetermined
_FADED = 1e-4  # share at which a memory counts as ended


@dataclass(frozen=True)
class Whiteness:
    """Result of a multivariate portmanteau test of residuals, pooled over devices.

    Q = N sum over k of tr(C_k^T C_0^-1 C_k C_0^-1), with C_k the autocovariances of the residuals (J. R. M. Hosking,
    J. Am. Stat. Assoc. 75, 602 (1980)), is chi-squared if nothing is left. With millions of cycles it finds differences
    that do not matter, so ``worst`` says how much is left.

    Parameters
    ----------
    statistic : float
        Q.
    degrees : int
        Degrees of freedom.
    p_value : float
    lags : int
        Number of lags in the sum.
    worst : float
        Largest autocorrelation of the residuals.
    limit : float
        Value of ``worst`` that 95 % of the records of a true model stay below.
    correlations : array of shape (lags + 1, m, m)
        Correlations of the residuals of the m measured features.
    """

    statistic: float
    degrees: int
    p_value: float
    lags: int
    worst: float
    limit: float
    correlations: Float64Array

    @property
    def white(self) -> bool:
        """Whether the remaining correlations could be chance."""
        return self.p_value > 0.01 or self.worst < self.limit


def fit_var(gamma: Float64Array, order: int, cycles: int | None = None) -> VAR:
    """Return the VAR of an order with given autocovariances.

    Estimated autocovariances of short or drifting records need not be those of any process. They are then drawn towards
    zero by 1 - k / T, and with T/2, T/4 ... until they are.

    Parameters
    ----------
    gamma : array of shape (lags + 1, 4, 4)
        Autocovariances, to lag ``order`` at least.
    order : int
    cycles : int, optional
        T at first; default: twice the number of autocovariances.

    Returns
    -------
    VAR

    Raises
    ------
    ValueError
        If a feature repeats another.
    """
    if np.linalg.eigvalsh(unit_variance(gamma)[0]).min() < _TELLING:
        raise ValueError("two features are the same, or one follows from the others: leave one out")
    k, T = np.arange(len(gamma)), float(2 * len(gamma) if cycles is None else cycles)
    taper = np.ones(len(gamma))
    while True:
        try:
            return yule_walker(gamma * taper[:, None, None], order)
        except ValueError:
            if T < 1 or order >= len(gamma):
                raise
        taper, T = np.maximum(1 - k / T, 0), T / 2


def unmeasured_as_white(gamma: Float64Array, measured: Sequence[int]) -> Float64Array:
    """Return autocovariances in which features that were not measured are white noise of their own, variance 1.

    Parameters
    ----------
    gamma : array of shape (lags + 1, 4, 4)
    measured : sequence of int
        Features that were measured.

    Returns
    -------
    array of shape (lags + 1, 4, 4)
    """
    known = np.zeros(FEATURES, dtype=bool)
    known[list(measured)] = True
    full = np.where(known[:, None] & known, gamma, 0.0)
    full[0] += np.diag(np.where(known, 0.0, 1.0))
    return full


def compare_orders(
    sums: LagSums | None, orders: Sequence[int], cycles: float, measured: Sequence[int], gamma: Float64Array
) -> pd.DataFrame:
    """Compare orders of the VAR.

    Parameters
    ----------
    sums : LagSums or None
        In folds of devices; each fold is predicted by the fit to the others. None or one fold: held_out is NaN.
    orders : sequence of int
    cycles : float
        Number of cycles that were measured, all devices together.
    measured : sequence of int
        The features that were measured; only these count as parameters.
    gamma : array of shape (lags + 1, 4, 4)
        Corrected autocovariances, for aic, bic and the spectral radius.

    Returns
    -------
    DataFrame
        One row per order, columns aic, bic, held_out (nats per cycle) and spectral_radius.
    """
    R = unmeasured_as_white(gamma, measured)
    rows = []
    for p in orders:
        model = fit_var(R, p)
        left = 2 * np.log(np.diagonal(model.innovation)).sum()
        parameters = p * len(measured) ** 2
        rows.append(
            {
                "order": p,
                "aic": left + 2 * parameters / cycles,
                "bic": left + np.log(cycles) * parameters / cycles,
                "held_out": _held_out(sums, p, measured),
                "spectral_radius": model.spectral_radius,
            }
        )
    return pd.DataFrame(rows).set_index("order")


def best_order(table: pd.DataFrame, criterion: Criterion = "bic") -> int:
    """Return the order with the lowest criterion, or the highest held-out likelihood.

    Parameters
    ----------
    table : DataFrame
        See `compare_orders`.
    criterion : {"bic", "aic", "held_out"}

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no such criterion, or nothing was held out.
    """
    if criterion not in CRITERIA:
        raise ValueError(f"order must be a whole number or one of {', '.join(CRITERIA)}, not {criterion!r}")
    column = table[criterion]
    values = column.to_numpy(dtype=np.float64)
    if np.isnan(values).all():
        raise ValueError(f"order={criterion!r} needs several devices, or a longer record, to hold some out: use 'bic'")
    best = np.nanargmax(values) if criterion == "held_out" else np.argmin(values)
    return int(table.index.to_numpy()[best])


def undo_mean_removal(
    R: Float64Array,
    cycles: int,
    model: Callable[[Float64Array], History],
    start: Float64Array | None = None,
    iterations: int = _ITERATIONS,
) -> Float64Array:
    """Return autocovariances Gamma, unit variances, of a process whose records without their means look like ``R``.

    Solves Gamma - bias(Gamma) proportional to R (see `mean_removal_bias`) by substitution. The bias is that of the
    model fitted to the last Gamma, which also has the lags that were not measured.

    Parameters
    ----------
    R : array of shape (lags + 1, 4, 4)
        Sample autocorrelations of records whose means were removed.
    cycles : int
        Cycles T of a record.
    model : callable
        Fits a history to autocovariances.
    start : array of shape (lags + 1, 4, 4), optional
        A first guess.
    iterations : int
        Most substitutions.

    Returns
    -------
    array of shape (lags + 1, 4, 4)
    """
    R = unit_variance(R)
    gamma = R if start is None else start
    for _ in range(iterations):
        history = model(gamma)
        modelled = unit_variance(history.autocovariance(min(cycles - 1, _lags_until_faded(history.spectral_radius))))
        bias = mean_removal_bias(modelled, cycles, len(R) - 1)
        kept = np.sqrt(np.maximum(1 - np.diagonal(bias[0]), 0.05))
        after = unit_variance(R * np.outer(kept, kept) + bias)
        change, gamma = np.abs(after - gamma).max(), after
        if change < 1e-6:
            break
    return gamma


def _predictor(history: History, lags: int) -> Float64Array:
    """Return Pi (lags + 1, 4, 4) of the errors x_n + Pi_1 x_{n-1} + ... of the best prediction; Pi_0 is 1.

    A state space must be in innovation form.
    """
    pi = np.zeros((lags + 1, FEATURES, FEATURES))
    pi[0] = np.eye(FEATURES)
    if isinstance(history, VAR):
        reach = min(lags, history.order)
        pi[1 : reach + 1] = -history.lags[:reach]
        return pi
    gain = np.linalg.solve(history.innovation.T, history.G.T).T
    closed, gain = history.F - gain @ history.H, -gain
    for k in range(1, lags + 1):
        pi[k] = history.H @ gain
        gain = closed @ gain
    return pi


def _prediction_error(history: History, gamma: Float64Array, memory: int | None = None) -> Float64Array:
    """Return the covariance (4, 4) of the errors that a history's prediction makes on a process Gamma."""
    memory = min(len(gamma) - 1, history.order if isinstance(history, VAR) else len(gamma) - 1, memory or len(gamma))
    return np.asarray(_residual_covariances(_predictor(history, memory), gamma, 0)[0])


def log_likelihood(history: History, gamma: Float64Array, measured: Sequence[int], memory: int | None = None) -> float:
    """Return nats per cycle of the measured features of a process under a history, without the constant.

    Parameters
    ----------
    history : VAR or StateSpace
    gamma : array of shape (lags + 1, 4, 4)
        Autocovariances of the process.
    measured : sequence of int
        Features that were measured.
    memory : int, optional
        Number of past cycles that the prediction uses; default: all lags of ``gamma``.

    Returns
    -------
    float
    """
    B = history.innovation
    E = _prediction_error(history, gamma, memory)
    at = np.ix_(measured, measured)
    S = (B @ B.T)[at]
    return float(-0.5 * (np.linalg.slogdet(S)[1] + np.trace(np.linalg.solve(S, E[at]))))


def var_errors(model: VAR, gamma: Float64Array, cycles: float) -> Float64Array:
    """Return standard errors of the lags of a VAR: from the inverse of the Toeplitz matrix, per cycle.

    Parameters
    ----------
    model : VAR
        Of order p.
    gamma : array of shape (lags + 1, 4, 4)
        Autocovariances that it was fitted to.
    cycles : float
        Number of cycles, all devices together.

    Returns
    -------
    array of shape (p, 4, 4)
    """
    inverse = np.linalg.inv(_toeplitz(gamma, model.order))
    sigma = np.diagonal(model.innovation @ model.innovation.T)
    errors = np.sqrt(np.outer(sigma, np.maximum(np.diagonal(inverse), 0)) / cycles)
    return np.asarray(errors.reshape(FEATURES, model.order, FEATURES).swapaxes(0, 1))


def whiteness_test(
    history: History, gamma: Float64Array, cycles: float, measured: Sequence[int], lags: int = 10
) -> Whiteness:
    """Test the residuals of a history on (corrected) sample autocovariances, at lags beyond its order too.

    Parameters
    ----------
    history : VAR or StateSpace
    gamma : array of shape (m + 1, 4, 4)
        Sample autocovariances. Of the predictor, lags beyond m less the longest lag of the test, or beyond 200, are
        left out.
    cycles : float
        Number of cycles.
    measured : sequence of int
        Features that count.
    lags : int
        For a VAR of order p the test goes to lag p + ``lags``, for a state space of q states to 2 q + ``lags``, but to
        m / 2 at most.

    Returns
    -------
    Whiteness
    """
    free = history.order if isinstance(history, VAR) else 2 * history.order
    h = min(free + lags, max((len(gamma) - 1) // 2, 1))
    pi = _predictor(history, min(len(gamma) - 1 - h, 200, history.order if isinstance(history, VAR) else 200))
    at = np.ix_(range(h + 1), measured, measured)
    C = _residual_covariances(pi, gamma, h)[at]
    inverse = np.linalg.inv(C[0])
    size = np.sqrt(np.diagonal(C[0]))
    statistic = cycles * sum(float(np.trace(c.T @ inverse @ c @ inverse)) for c in C[1:])
    m = len(measured)
    degrees = max(m * m * h - (m * m * history.order if isinstance(history, VAR) else 2 * m * history.order), m * m)
    correlations = C / np.outer(size, size)
    worst = float(np.abs(correlations[1:]).max())
    limit = float(scipy.stats.norm.isf(0.025 / (m * m * h)) / np.sqrt(cycles))
    return Whiteness(statistic, degrees, float(scipy.stats.chi2.sf(statistic, degrees)), h, worst, limit, correlations)


def _lags_until_faded(radius: float) -> int:
    """Return the number of lags after which a memory of a spectral radius has faded."""
    return int(np.ceil(np.log(_FADED) / np.log(max(radius, 0.1)))) + 10


def _held_out(sums: LagSums | None, order: int, measured: Sequence[int]) -> float:
    if sums is None or sums.folds < 2:
        return float("nan")
    each = []
    for fold in range(sums.folds):
        model = fit_var(unmeasured_as_white(sums.without(fold), measured), order)
        each.append(log_likelihood(model, unmeasured_as_white(sums.fold(fold), measured), measured))
    return float(np.mean(each))


def _residual_covariances(pi: Float64Array, gamma: Float64Array, lags: int) -> Float64Array:
    """Return C_k = sum over i, j of Pi_i Gamma[k + j - i] Pi_j^T for k = 0 ... lags."""
    memory, centre = len(pi) - 1, len(gamma) - 1
    both = np.concatenate([gamma[:0:-1].swapaxes(1, 2), gamma])  # Gamma[-m] ... Gamma[m]
    past = np.arange(memory + 1)
    # D_k = sum over i of Pi_i Gamma[k - i], of which C_k is a sum in turn
    D = np.stack([np.einsum("iab,ibc->ac", pi, both[centre + k - past]) for k in range(lags + memory + 1)])
    return np.stack([np.einsum("jab,jcb->ac", D[k : k + memory + 1], pi) for k in range(lags + 1)])


def _toeplitz(gamma: Float64Array, order: int) -> Float64Array:
    return np.block([[gamma[j - i] if j >= i else gamma[i - j].T for j in range(order)] for i in range(order)])
