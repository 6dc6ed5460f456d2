"""Pooled autocovariances of many short records: no product joins two devices, or the two sides of a gap.

    R[k] = (sum over devices and cycles of x_n x_{n-k}^T) / (number of pairs that were measured)

The sums are taken by fast Fourier transforms, a few devices at a time. Where cycles are missing, a pair counts at the
distance that its cycles really have.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES

__all__ = ["LagSums", "lag_sums", "mean_removal_bias", "unit_variance"]


_CHUNK = 64 << 20  # bytes of transforms at a time


@dataclass(frozen=True)
class LagSums:
    """Sums of lagged products by fold, and how many pairs each holds.

    Parameters
    ----------
    total : array of shape (folds, lags + 1, 4, 4)
        Sum of x_n x_{n-k}^T at each lag k.
    count : array of shape (folds, lags + 1, 4, 4)
        Number of pairs that were measured.
    """

    total: Float64Array
    count: Float64Array

    def mean(self) -> Float64Array:
        """Return autocovariances R of shape (lags + 1, 4, 4) of all folds; 0 where no pair was measured."""
        return _ratio(self.total.sum(0), self.count.sum(0))

    def fold(self, number: int) -> Float64Array:
        """Return autocovariances R of shape (lags + 1, 4, 4) of one fold."""
        return _ratio(self.total[number], self.count[number])

    def without(self, number: int) -> Float64Array:
        """Return autocovariances R of shape (lags + 1, 4, 4) of all folds but one."""
        return _ratio(self.total.sum(0) - self.total[number], self.count.sum(0) - self.count[number])

    @property
    def folds(self) -> int:
        """Number of folds."""
        return len(self.total)


def lag_sums(
    x: ArrayLike, lags: int, folds: ArrayLike | None = None, progress: Callable[[float], None] | None = None
) -> LagSums:
    """Sum lagged products of records.

    Parameters
    ----------
    x : array of shape (n_devices, n_cycles, 4)
        Latent scores about the mean 0, NaN where not measured; nothing is removed here.
    lags : int
        Longest lag, below the number of cycles.
    folds : array of int of shape (n_devices,), optional
        The fold of each device, 0, 1, ...; default: one fold.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    LagSums

    Raises
    ------
    ValueError
        If ``x`` has another shape, or is shorter than ``lags``.
    """
    records = np.asarray(x)
    if records.ndim != 3 or records.shape[2] != FEATURES:
        raise ValueError(f"x must have shape (devices, cycles, {FEATURES}), not {records.shape}")
    devices, cycles, _ = records.shape
    if not 0 <= lags < cycles:
        raise ValueError(f"lags must be from 0 to {cycles - 1}, one less than the cycles of a record, not {lags}")
    number = np.zeros(devices, dtype=np.intp) if folds is None else np.asarray(folds, dtype=np.intp)
    size = scipy.fft.next_fast_len(cycles + lags, real=True)
    step = max(1, _CHUNK // (16 * FEATURES * size))
    products = np.zeros((int(number.max()) + 1, 2, FEATURES, FEATURES, size // 2 + 1), dtype=np.complex128)
    complete = True
    for fold in range(len(products)):
        members = np.flatnonzero(number == fold)
        for begin in range(0, len(members), step):
            part = records[members[begin : begin + step]].swapaxes(1, 2)
            missing = np.isnan(part)
            gaps = bool(missing.any())
            complete &= not gaps
            products[fold, 0] += _spectra(np.where(missing, 0.0, part) if gaps else part, size)
            products[fold, 1] += _spectra((~missing).astype(np.float64), size) if gaps else 0.0
            if not gaps:
                products[fold, 1] += _whole(len(part), cycles, size)
        if progress is not None:
            progress((fold + 1) / len(products))
    sums = scipy.fft.irfft(products, size, axis=-1)[..., : lags + 1]
    total, count = sums.transpose(1, 0, 4, 2, 3)
    return LagSums(np.ascontiguousarray(total), np.rint(count))


def mean_removal_bias(gamma: Float64Array, cycles: int, lags: int) -> Float64Array:
    """Return the part of autocovariances that removing the mean of each record takes away.

    It is defined by E[R_hat[k]] = Gamma[k] - bias[k]. With c_n the covariance of x_n with the mean of its record and V
    the covariance of that mean,

        bias[k] = mean over n = k ... T-1 of (c_n + c_{n-k}^T) - V

    exact for any T; for T long against the memory it is V, about the sum of all Gamma[k] over T (T. W. Anderson, The
    Statistical Analysis of Time Series, 1971, section 8.3).

    Parameters
    ----------
    gamma : array of shape (m + 1, 4, 4)
        Autocovariances of the process; beyond lag m they count as zero.
    cycles : int
        Length T of a record.
    lags : int
        Longest lag of the result, below T.

    Returns
    -------
    array of shape (lags + 1, 4, 4)
    """
    T = cycles
    reach = np.zeros((T, FEATURES, FEATURES))
    reach[: min(T, len(gamma))] = gamma[:T]
    past = np.cumsum(reach, axis=0)  # of Gamma[0] ... Gamma[n]
    ahead = past[::-1].swapaxes(1, 2) - reach[0].T  # of Gamma[-1] ... Gamma[-(T-1-n)]
    c = (past + ahead) / T
    until = np.concatenate([np.zeros((1, FEATURES, FEATURES)), np.cumsum(c, axis=0)])
    V = until[T] / T
    k = np.arange(lags + 1)
    pairs = (T - k)[:, None, None]
    late, early = (until[T] - until[k]) / pairs, until[T - k] / pairs
    return np.asarray(late + early.swapaxes(1, 2) - V)


def unit_variance(gamma: Float64Array) -> Float64Array:
    """Return autocovariances (lags + 1, 4, 4) divided by the standard deviations at lag 0."""
    deviation = np.sqrt(np.diagonal(gamma[0]))
    return np.asarray(gamma / np.outer(deviation, deviation))


def _spectra(part: Float64Array, size: int) -> NDArray[np.complex128]:
    """Return the sum over devices of the cross spectra of records (devices, 4, cycles), shape (4, 4, frequencies)."""
    f = scipy.fft.rfft(part, size, axis=-1)
    return np.asarray(np.einsum("daw,dbw->abw", f, f.conj()))


def _whole(devices: int, cycles: int, size: int) -> NDArray[np.complex128]:
    mask = np.zeros(size)
    mask[:cycles] = 1
    return np.asarray(devices * np.abs(scipy.fft.rfft(mask)) ** 2 + 0j)


def _ratio(total: Float64Array, count: Float64Array) -> Float64Array:
    return np.asarray(np.divide(total, count, out=np.zeros_like(total), where=count > 0))
