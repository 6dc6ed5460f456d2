"""Distances of the distributions of standardised features: Kolmogorov-Smirnov, Wasserstein, quantiles.

Cycles of a device depend on each other, so that textbook limits are far too narrow. Blocks, whole devices or stretches
of a record, are resampled instead (H. R. Kuensch, Ann. Stat. 17, 1217 (1989)): the distance between a resample and its
own sample is the one that chance makes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array

__all__ = ["Marginal", "common_grid"]


_POINTS = 400
_RESAMPLES = 300


def common_grid(*records: Float64Array) -> Float64Array:
    """Return points, dense where values are, at which distribution functions of all records are compared."""
    values = np.concatenate([r[np.isfinite(r)] for r in records])
    inner = np.quantile(values, np.linspace(0, 1, _POINTS))
    return np.asarray(np.unique(inner))


@dataclass(frozen=True)
class Marginal:
    """Distribution functions of one feature on a grid, block by block.

    Attributes
    ----------
    below : array of shape (blocks, points)
        Number of values of a block at or below each point.
    count : array of shape (blocks,)
        Number of values of each block.
    grid : array of shape (points,)
    """

    below: Float64Array
    count: Float64Array
    grid: Float64Array

    @classmethod
    def from_records(
        cls, records: Float64Array, grid: Float64Array, block: NDArray[np.intp] | None = None
    ) -> "Marginal":
        """Count the values of records.

        Parameters
        ----------
        records : array of shape (n, T)
            NaN where not measured.
        grid : array of shape (points,)
        block : array of int of shape (n,), optional
            Block of each record; default: each is its own.

        Returns
        -------
        Marginal
        """
        number = np.arange(len(records)) if block is None else block
        below, count = np.zeros((int(number.max()) + 1, len(grid))), np.zeros(int(number.max()) + 1)
        for b, row in zip(number, records, strict=True):
            there = np.sort(row[np.isfinite(row)])
            below[b] += np.searchsorted(there, grid, side="right")
            count[b] += len(there)
        return cls(below, count, grid)

    def function(self, weights: Float64Array | BoolArray) -> Float64Array:
        """Return the distribution function on the grid, for weights of shape (blocks,): how often each block counts."""
        w = np.asarray(weights, dtype=np.float64)
        return np.asarray(w @ self.below / max(float(w @ self.count), 1.0))

    def whole(self) -> Float64Array:
        """Return the distribution function of all blocks."""
        return self.function(np.ones(len(self.count)))

    def quantiles(self, levels: Float64Array) -> Float64Array:
        """Return quantiles of all blocks at levels between 0 and 1."""
        return np.asarray(np.interp(levels, self.whole(), self.grid))

    def quantile_band(self, levels: Float64Array, rng: np.random.Generator) -> Float64Array:
        """Return limits between which the quantiles of 95 % of the resamples lie.

        Parameters
        ----------
        levels : array of shape (n,)
            Between 0 and 1.
        rng : Generator

        Returns
        -------
        array of shape (2, n)
        """
        drawn = [np.interp(levels, self.function(w), self.grid) for w in self._resamples(rng)]
        return np.asarray(np.quantile(drawn, (0.025, 0.975), axis=0))

    def chance(self, other: "Marginal", rng: np.random.Generator) -> tuple[Float64Array, Float64Array]:
        """Return distances that chance makes between two such samples.

        Parameters
        ----------
        other : Marginal
            On the same grid.
        rng : Generator

        Returns
        -------
        ks, wasserstein : array of shape (resamples,)
        """
        mine, its = self.whole(), other.whole()
        found = [
            ks_and_wasserstein(self.function(a) - mine, other.function(b) - its, self.grid)
            for a, b in zip(self._resamples(rng), other._resamples(rng), strict=True)
        ]
        ks, w1 = np.array(found).T
        return ks, w1

    def _resamples(self, rng: np.random.Generator) -> NDArray[np.int64]:
        n = len(self.count)
        return rng.multinomial(n, np.full(n, 1 / n), _RESAMPLES)


def ks_and_wasserstein(a: Float64Array, b: Float64Array, grid: Float64Array) -> tuple[float, float]:
    """Return the Kolmogorov-Smirnov and the Wasserstein-1 distance of two distribution functions.

    Parameters
    ----------
    a, b : array of shape (points,)
        Distribution functions on the grid.
    grid : array of shape (points,)

    Returns
    -------
    ks, wasserstein : float
        A probability, and a distance in units of the grid.
    """
    gap = np.abs(a - b)
    return float(gap.max()), float(np.sum((gap[1:] + gap[:-1]) / 2 * np.diff(grid)))
