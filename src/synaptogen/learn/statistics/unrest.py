"""The restless scale of R_LRS, learned from what steps of measured records show of it.

Four numbers, the spread of the scale, the rise of the level with it, the share that is new in each cycle and the time
constant of the rest, are moved by Gauss and Newton's method until statistics of simulated records are those of the
measured ones: tails of the steps from cycle to cycle, extremes that follow one another, correlations of the size of
steps with one another and with the level, and how standard deviations of parts of a record differ. Each statistic
weighs by its standard error, found by a jackknife over groups of devices. Where records tell little, a broad prior
keeps the numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import RestlessInnovation

from .own_traits import own_scores

__all__ = ["FIRST_UNREST", "Unrest", "UnrestGoal", "moved_unrest", "unrest_statistics"]

_LAGS = (1, 3, 8, 20, 50)  # of the sizes of steps
_TOP = 0.98  # level of the extremes
_PARTS = 4  # of a record
_GROUPS = 25  # of the jackknife
_LEAST_ERROR = 0.003
_STEP = np.array([0.05, 0.05, 0.3, 0.25])  # by which sensitivities are found
_LOW, _HIGH = np.array([0.02, -0.9, -4.0, np.log(1.5)]), np.array([0.9, 0.9, 4.0, np.log(200.0)])
_MOST_MOVED = np.array([0.12, 0.15, 0.7, 0.5])  # in one round
_PRIOR = np.array([0.3, 0.4, 1.5, 1.0])  # standard deviations


@dataclass(frozen=True)
class Unrest:
    """Numbers of a restless scale, in the form in which they are moved.

    Attributes
    ----------
    values : array of shape (4,)
        Spread, rise, logit of the new share, logarithm of the time constant in cycles.
    """

    values: Float64Array

    def innovation(self) -> RestlessInnovation:
        """Return the parameters of the model.

        Returns
        -------
        RestlessInnovation
        """
        spread, rise, new, log_tau = (float(v) for v in self.values)
        return RestlessInnovation(spread, rise, 1 / (1 + np.exp(-new)), float(np.exp(-np.exp(-log_tau))))


FIRST_UNREST = Unrest(np.array([0.3, 0.0, np.log(0.4 / 0.6), np.log(10.0)]))


@dataclass(frozen=True)
class UnrestGoal:
    """Statistics of measured records, with their standard errors.

    Attributes
    ----------
    statistics, errors : array of shape (m,)
    """

    statistics: Float64Array
    errors: Float64Array

    @classmethod
    def from_records(cls, y: Float64Array) -> "UnrestGoal":
        """Take them from records of R_LRS.

        Parameters
        ----------
        y : array of shape (n, T)

        Returns
        -------
        UnrestGoal
        """
        groups = min(_GROUPS, len(y))
        left = np.array([unrest_statistics(y[np.arange(len(y)) % groups != g]) for g in range(groups)])
        errors = np.sqrt((groups - 1) * left.var(axis=0))
        return cls(unrest_statistics(y), np.maximum(errors, _LEAST_ERROR))


def unrest_statistics(y: Float64Array) -> Float64Array:
    """Return what records (n, T) of R_LRS show of a restless scale.

    Parameters
    ----------
    y : array of shape (n, T)

    Returns
    -------
    array of shape (m,)
    """
    s = own_scores(y[..., None])[..., 0]
    d = np.diff(s, axis=1)
    variance = (d**2).mean()
    top = s > np.quantile(s, _TOP)
    again = (top[:, 1:] & top[:, :-1]).mean() / top.mean()
    size = np.abs(d)
    size = size - size.mean(axis=1, keepdims=True)
    lags = [k for k in _LAGS if k < size.shape[1] // 3]
    sizes = [(size[:, k:] * size[:, :-k]).mean() / (size**2).mean() for k in lags]
    length = y.shape[1] // _PARTS
    parts = np.log(y[:, : length * _PARTS].reshape(len(y), _PARTS, length).std(axis=2) + 1e-12)
    half = y.shape[1] // 2
    halves = np.log((y[:, :half].std(axis=1) + 1e-12) / (y[:, half:].std(axis=1) + 1e-12))
    middle = (s[:, 1:] + s[:, :-1]) / 2
    scale = np.sqrt((size**2).mean() * (middle**2).mean())
    levels = [((size * middle).mean() / scale)] + [_both_ways(size, middle, k) / scale for k in lags[2:4]]
    kurtosis = (d**4).mean() / variance**2
    return np.array([np.log(kurtosis), again, *sizes, *levels, parts.std(axis=1).mean(), halves.std()])


def _both_ways(a: Float64Array, b: Float64Array, lag: int) -> float:
    """Return the mean product of records at a distance, whichever comes first."""
    return float((a[:, lag:] * b[:, :-lag]).mean() + (a[:, :-lag] * b[:, lag:]).mean()) / 2


def moved_unrest(now: Unrest, goal: UnrestGoal, simulated: Callable[[Unrest], Float64Array], step: float) -> Unrest:
    """Return the numbers of the scale after one step towards the measured statistics.

    Parameters
    ----------
    now : Unrest
    goal : UnrestGoal
    simulated : callable
        Returns records (n, T) of R_LRS of simulated devices, always of the same random numbers.
    step : float
        Share of the whole step.

    Returns
    -------
    Unrest
    """
    have = unrest_statistics(simulated(now))
    slopes = np.empty((len(have), len(_STEP)))
    for j, size in enumerate(_STEP):
        moved = now.values.copy()
        moved[j] += size if moved[j] + size <= _HIGH[j] else -size
        slopes[:, j] = (unrest_statistics(simulated(Unrest(moved))) - have) / (moved[j] - now.values[j])
    weighted = slopes / goal.errors[:, None]
    precision = np.diag(_PRIOR**-2.0)
    pull = weighted.T @ ((goal.statistics - have) / goal.errors) + precision @ (FIRST_UNREST.values - now.values)
    change = np.linalg.solve(weighted.T @ weighted + precision, pull)
    change = np.clip(step * change, -_MOST_MOVED, _MOST_MOVED)
    return replace(now, values=np.clip(now.values + change, _LOW, _HIGH))
