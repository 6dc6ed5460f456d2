"""Burn-in: what the first cycles of devices have beside those that follow.

    y_n = later cycles + d T(n),   T(n) = exp(-n / tau)

tau belongs to a feature, the amplitude d to a device; it may follow the device's later mean and standard deviation.
Stationary devices start as often above their later cycles as below, so the mean amplitude of independent devices is 0
within its standard error, whatever their memory: this is the test by which a burn-in is found. Each half of the devices
is tested with the tau that the other half tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, Trend

__all__ = ["Amplitudes", "BurnIn", "Starts", "find_burn_in"]

_CLEAR = 4.5  # standard errors of the mean amplitude; by chance once in some 100,000 features
_SHORTEST, _LONGEST = 1.5, 0.15  # tau: cycles, and share of the record
_GRID = 24
_FEWEST = 16  # devices
_OVER = 5.0  # times tau after which a burn-in is over
_NO_SLOPE = 3.0
_DEGREE = 15  # at most, of the polynomials that stand for decays ...
_CLOSE = 1e-3  # ... whose lowest degree comes so close to them, as a share of their beginning
_SPAN = 12.0  # longest tau over the shortest that such a polynomial can follow


@dataclass(frozen=True)
class BurnIn:
    """Decays that begin with the first cycle.

    Attributes
    ----------
    tau : array of shape (k,)
        Time constant of each of k features, in cycles; 0 where there is no burn-in.
    """

    tau: Float64Array

    def __bool__(self) -> bool:
        return bool((self.tau > 0).any())

    @cached_property
    def cycles(self) -> int:
        """Number of cycles until the slowest decay is over."""
        return max(int(np.ceil(_OVER * self.tau.max())), 2)

    @cached_property
    def curves(self) -> Float64Array:
        """Polynomials (k, n) that stand for the decays, highest power first, with t from -1 to 1 over `cycles`.

        They end at 0. Their degree is the lowest that follows all decays within a thousandth, at most 15.
        """
        t = np.cos(np.pi * (np.arange(400) + 0.5) / 400)
        rates = (self.cycles - 1) / (2 * np.maximum(self.tau, self.tau.max() / _SPAN))
        decays = np.exp(-rates[:, None] * (t + 1)) * (self.tau > 0)[:, None]
        for degree in range(_DEGREE + 1):
            fitted = np.polynomial.chebyshev.chebfit(t, decays.T, degree)
            if np.abs(np.polynomial.chebyshev.chebval(t, fitted) - decays).max() < _CLOSE:
                break
        curves = np.zeros((len(self.tau), degree + 1))
        for row, column in zip(curves, fitted.T, strict=True):
            powers = np.polynomial.chebyshev.cheb2poly(column)  # without zeros at its end
            row[len(row) - len(powers) :] = powers[::-1]
            row[-1] -= row.sum()
        return curves

    def decay(self, cycles: int) -> Float64Array:
        """Return the burn-in of a device with amplitude 1, from its first cycle on.

        Parameters
        ----------
        cycles : int

        Returns
        -------
        array of shape (cycles, k)
        """
        number = np.arange(cycles)
        t = 2 * np.minimum(number / (self.cycles - 1), 1.0) - 1
        under_way = number < self.cycles - 1
        return np.stack([np.polyval(row, t) * under_way for row in self.curves], axis=-1)

    def split(self, y: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Take the burn-in from records, by least squares.

        Parameters
        ----------
        y : array of shape (n, T, k)
            NaN where not measured.

        Returns
        -------
        records : array of shape (n, T, k)
            Records without burn-in.
        amplitudes : array of shape (n, k)
        """
        if not self:
            return y, np.zeros((len(y), y.shape[2]))
        decay = self.decay(y.shape[1])
        amplitude = np.stack([_amplitudes(y[..., k], decay[:, k]) for k in range(y.shape[2])], axis=-1)
        return y - amplitude[:, None] * decay, amplitude

    def trend(self, amplitudes: "Amplitudes", measured: Sequence[int]) -> Trend:
        """Return the trend of devices whose amplitudes have a given distribution.

        Parameters
        ----------
        amplitudes : Amplitudes
        measured : sequence of int
            The features that this burn-in is of.

        Returns
        -------
        Trend
        """
        curves, mean = np.zeros((FEATURES, self.curves.shape[1])), np.zeros(FEATURES)
        covariance = np.zeros((FEATURES, FEATURES))
        at = list(measured)
        curves[at], mean[at], covariance[np.ix_(at, at)] = self.curves, amplitudes.mean, amplitudes.covariance
        covariance[np.diag_indices(FEATURES)] += 1e-12 * max(np.trace(covariance), 1e-12)
        slope, centre = np.zeros((FEATURES, 2 * FEATURES)), np.zeros(2 * FEATURES)
        columns = [*at, *(FEATURES + f for f in at)]
        slope[np.ix_(at, columns)], centre[columns] = amplitudes.slope, amplitudes.centre
        factor = np.linalg.cholesky(covariance).astype(np.float64)
        return Trend(self.cycles, curves, mean, factor, slope, centre, passes=True)

    def describe(self, names: Sequence[str]) -> str:
        """Return the decays in words.

        Parameters
        ----------
        names : sequence of str
            Of the features.

        Returns
        -------
        str
        """
        found = [f"{name} over {tau:.2g} cycles" for name, tau in zip(names, self.tau, strict=True) if tau > 0]
        return ", ".join(found)


@dataclass(frozen=True)
class Starts:
    """What records show of the burn-in of devices.

    Attributes
    ----------
    amplitude : array of shape (n, k)
        As estimated.
    vector : array of shape (n, 2 k)
        Means and standard deviations of later cycles.
    """

    amplitude: Float64Array
    vector: Float64Array

    @classmethod
    def from_records(cls, records: Float64Array, amplitude: Float64Array) -> "Starts":
        """Take means and standard deviations of records without their burn-in.

        Parameters
        ----------
        records : array of shape (n, T, k)
            NaN where not measured. Devices that lack a feature are left out.
        amplitude : array of shape (n, k)

        Returns
        -------
        Starts
        """
        known = np.all(np.any(np.isfinite(records), axis=1), axis=1)
        y = records[known]
        return cls(amplitude[known], np.concatenate([np.nanmean(y, axis=1), np.nanstd(y, axis=1)], axis=1))


@dataclass(frozen=True)
class Amplitudes:
    """Distribution of the amplitudes of burn-in: normal about what offset and scale of a device let expect.

    Devices often begin at a common level, whatever their later mean: amplitudes then fall with it.

    Attributes
    ----------
    mean : array of shape (k,)
        Where offsets and scales are those of ``centre``.
    covariance : array of shape (k, k)
        About what is expected.
    slope : array of shape (k, 2 k)
        By how much amplitudes follow offsets and scales.
    centre : array of shape (2 k,)
    """

    mean: Float64Array
    covariance: Float64Array
    slope: Float64Array
    centre: Float64Array

    @classmethod
    def none(cls, centre: Float64Array) -> "Amplitudes":
        """Return the distribution of devices without burn-in.

        Parameters
        ----------
        centre : array of shape (2 k,)

        Returns
        -------
        Amplitudes
        """
        k = len(centre) // 2
        return cls(np.zeros(k), np.zeros((k, k)), np.zeros((k, 2 * k)), centre)

    @classmethod
    def from_estimates(cls, starts: Starts, centre: Float64Array, unit: Float64Array) -> "Amplitudes":
        """Regress estimates of amplitudes on those of offsets and scales, with the noise of both.

        Parameters
        ----------
        starts : Starts
        centre : array of shape (2 k,)
        unit : array of shape (2 k,)
            Spread of offsets and scales that is usual; 0 where they are all the same.

        Returns
        -------
        Amplitudes
        """
        x = (starts.vector - centre) / np.where(unit > 0, unit, np.inf)
        middle, level = x.mean(axis=0), starts.amplitude.mean(axis=0)
        off, about = x - middle, starts.amplitude - level
        # as if a few devices had shown no slope
        slope = np.linalg.solve(off.T @ off + _NO_SLOPE * np.eye(x.shape[1]), off.T @ about).T
        left = about - off @ slope.T
        covariance = left.T @ left / max(len(left) - 1, 1)
        return cls(level - slope @ middle, covariance, slope / np.where(unit > 0, unit, np.inf), centre)

    @classmethod
    def average(cls, several: Sequence["Amplitudes"]) -> "Amplitudes":
        """Return mean moments.

        Parameters
        ----------
        several : sequence of Amplitudes
            With one centre.

        Returns
        -------
        Amplitudes
        """
        mean, covariance, slope = (
            np.mean([getattr(a, name) for a in several], axis=0) for name in ("mean", "covariance", "slope")
        )
        return cls(mean, covariance, slope, several[0].centre)

    def moved(self, have: Starts, want: Starts, step: float = 1.0) -> "Amplitudes":
        """Return moments after a step by what simulated estimates miss of the measured ones.

        Parameters
        ----------
        have, want : Starts
            Estimates from simulated and from measured devices.
        step : float
            Share of the whole step.

        Returns
        -------
        Amplitudes
        """
        unit = want.vector.std(axis=0)
        a, b = (Amplitudes.from_estimates(starts, self.centre, unit) for starts in (have, want))
        moved = self.covariance + step * (b.covariance - a.covariance)
        values, vectors = np.linalg.eigh((moved + moved.T) / 2)
        whole = (vectors * np.maximum(values, 1e-4 * np.trace(b.covariance))) @ vectors.T
        known = np.diagonal(b.covariance) > 0  # other features do not burn in
        slope = (self.slope + step * (b.slope - a.slope)) * known[:, None]
        return Amplitudes(self.mean + step * (b.mean - a.mean), whole * np.outer(known, known), slope, self.centre)


def find_burn_in(y: Float64Array) -> BurnIn:
    """Find which features of measured records burn in.

    Parameters
    ----------
    y : array of shape (n, T, k)
        Records on the scales of the features; NaN where not measured.

    Returns
    -------
    BurnIn
    """
    return BurnIn(np.array([_time_constant(y[..., k]) for k in range(y.shape[2])]))


def _time_constant(y: Float64Array) -> float:
    y = y[:, : _last(y) + 1]
    n, cycles = y.shape
    longest = _LONGEST * cycles
    if n < _FEWEST or longest < 2 * _SHORTEST:
        return 0.0
    there = np.isfinite(y)
    y = y - (np.where(there, y, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1))[:, None]
    grid = np.geomspace(_SHORTEST, longest, _GRID)
    decays = np.exp(-np.arange(cycles) / grid[:, None])
    amplitude = np.array([_amplitudes(y, decay) for decay in decays])
    tested = np.empty(n)
    odd = np.arange(n) % 2 == 1
    for part in (odd, ~odd):
        tested[part] = amplitude[_best(y[~part], decays, amplitude[:, ~part]), part]
    clear = abs(tested.mean()) > _CLEAR * tested.std() / np.sqrt(n)
    return float(grid[_best(y, decays, amplitude)]) if clear else 0.0


def _last(y: Float64Array) -> int:
    """Return the last cycle that at least half of the devices have; later ones are too few for means; -1: none."""
    there = np.flatnonzero(np.isfinite(y).mean(axis=0) >= 0.5)
    return int(there[-1]) if len(there) else -1


def _best(y: Float64Array, decays: Float64Array, amplitude: Float64Array) -> int:
    """Return which decay leaves least of the mean record of all devices."""
    there = np.isfinite(y)
    count = there.sum(axis=0)
    middle = np.where(there, y, 0.0).sum(axis=0) / np.maximum(count, 1)
    left = (middle - amplitude.mean(axis=1)[:, None] * decays)[:, count > 0]
    return int(np.argmin(left.var(axis=1)))


def _amplitudes(y: Float64Array, decay: Float64Array) -> Float64Array:
    """Return the coefficients (n,) of a decay in records (n, T), beside a constant; 0 where nothing tells them."""
    there = np.isfinite(y)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = np.where(there, decay - (there @ decay)[:, None] / count, 0.0)
    square = (centred**2).sum(axis=1)
    along = (centred * np.where(there, y, 0.0)).sum(axis=1)
    return np.where(square > 1e-12, along / np.maximum(square, 1e-12), 0.0)
