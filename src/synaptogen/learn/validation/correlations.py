"""Auto- and cross-correlations of two samples, and their bands, from lagged sums by fold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array
from synaptogen.learn.statistics import LagSums, lag_sums

__all__ = ["Correlations"]


_LEVELS = (0.025, 0.975)
_RESAMPLES = 200


@dataclass(frozen=True)
class Correlations:
    """Correlations of the m measured features, whose lagged sums are kept by fold.

    Parameters
    ----------
    sums : LagSums
    measured : tuple of int
        Features that were measured.
    """

    sums: LagSums
    measured: tuple[int, ...]

    @classmethod
    def from_records(
        cls, records: Float64Array, fold: NDArray[np.intp], lags: int, measured: tuple[int, ...]
    ) -> "Correlations":
        """Sum lagged products of records.

        Parameters
        ----------
        records : array of shape (n, T, 4)
            NaN where not measured.
        fold : array of int of shape (n,)
            Fold of each record.
        lags : int
            Longest lag.
        measured : tuple of int
            Features that were measured.

        Returns
        -------
        Correlations
        """
        return cls(lag_sums(records, lags, fold), measured)

    def of_folds(self, weights: Float64Array | BoolArray) -> Float64Array:
        """Return correlations (lags + 1, m, m) of folds with weights of shape (folds,): how often each counts."""
        w = np.asarray(weights, dtype=np.float64)
        total, count = (np.tensordot(w, part, axes=1) for part in (self.sums.total, self.sums.count))
        at = np.ix_(range(len(total)), self.measured, self.measured)
        gamma = total[at] / np.maximum(count[at], 1)
        deviation = np.sqrt(np.maximum(np.diagonal(gamma[0]), 1e-300))
        return np.asarray(gamma / np.outer(deviation, deviation))

    def whole(self) -> Float64Array:
        """Return correlations of all folds."""
        return self.of_folds(np.ones(self.sums.folds))

    def band(self, rng: np.random.Generator) -> Float64Array:
        """Return limits (2, lags + 1, m, m) between which 95 % of the bootstraps of whole folds lie."""
        n = self.sums.folds
        drawn = rng.multinomial(n, np.full(n, 1 / n), _RESAMPLES)
        return np.asarray(np.quantile([self.of_folds(w) for w in drawn], _LEVELS, axis=0))


def correlation_rms(a: Float64Array, b: Float64Array) -> float:
    """Return the root mean square difference of correlations over lags from 1 and all pairs of features.

    Parameters
    ----------
    a, b : array of shape (lags + 1, m, m)

    Returns
    -------
    float
    """
    return float(np.sqrt(np.mean((a[1:] - b[1:]) ** 2)))
