"""Draw conductances from tables; needs NumPy alone, since its text becomes a part of the files that are written."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Cells:
    """Cells of a population, known by tables of quantiles.

    Parameters
    ----------
    targets : sequence of float
        Conductances in S that were written, ascending; the first and the last one are the ends of the window.
    errors : sequence of shape (targets, ranks)
        Quantiles of what was reached, less the target, in S.
    read_variance : float
        Variance in S^2 of a read of 1 S, to which it is proportional.
    times : sequence of float
        Times in s after the write, ascending; empty if the cells stand still.
    changes : sequence of shape (times, targets, ranks)
        Quantiles of ln(G(t) / G), with G a written conductance.
    """

    def __init__(
        self, targets: ArrayLike, errors: ArrayLike, read_variance: float, times: ArrayLike, changes: ArrayLike
    ) -> None:
        self.targets, self.errors = np.asarray(targets), np.asarray(errors)
        self.read_variance, self.times, self.changes = read_variance, np.asarray(times), np.asarray(changes)
        # ranks of the quantiles: the ends of distributions are finer
        self.ranks = np.sin(np.linspace(0.0, np.pi / 2.0, self.errors.shape[-1])) ** 2

    def _looked_up(self, table: NDArray[Any], g: NDArray[Any], rank: NDArray[Any]) -> NDArray[Any]:
        """Return entries of a table between the nearest conductances and ranks."""
        places = []
        for axis, values in ((self.targets, g), (self.ranks, rank)):
            at = np.interp(values, axis, np.arange(len(axis)))
            low = np.minimum(at.astype(int), len(axis) - 2)
            places.append((low, at - low))
        (i, a), (j, b) = places
        below = (1.0 - b) * table[i, j] + b * table[i, j + 1]
        above = (1.0 - b) * table[i + 1, j] + b * table[i + 1, j + 1]
        return np.asarray((1.0 - a) * below + a * above)

    def programmed(self, g: ArrayLike, rng: np.random.Generator) -> NDArray[Any]:
        """Return conductances in S that writes reach.

        Parameters
        ----------
        g : array
            Targets in S.
        rng : numpy.random.Generator
            Draws the errors.

        Returns
        -------
        array
        """
        g = np.asarray(g, dtype=float)
        return np.asarray(np.maximum(g + self._looked_up(self.errors, g, rng.random(g.shape)), 0.0))

    def read(self, g: ArrayLike, rng: np.random.Generator) -> NDArray[Any]:
        """Return what reads find, with their noise.

        Parameters
        ----------
        g : array
            Conductances in S.
        rng : numpy.random.Generator
            Draws the noise.

        Returns
        -------
        array
        """
        g = np.asarray(g, dtype=float)
        return np.asarray(g + np.sqrt(self.read_variance * np.maximum(g, 0.0)) * rng.standard_normal(g.shape))

    def rested(self, g: ArrayLike, rank: ArrayLike, seconds: float) -> NDArray[Any]:
        """Return conductances in S a time after they were written.

        Parameters
        ----------
        g : array
            Written conductances in S.
        rank : array
            Ranks of the cells, 0 to 1: a cell of a higher rank changes by more.
        seconds : float
            The time in s.

        Returns
        -------
        array

        Raises
        ------
        ValueError
            If the table does not reach to that time.
        """
        g, rank = np.asarray(g, dtype=float), np.asarray(rank, dtype=float)
        if seconds < 0.0 or (len(self.times) and seconds > self.times[-1]):
            raise ValueError(f"a time of {seconds} s: give one from 0 s to {self.times[-1]:g} s, where the table ends")
        if seconds == 0.0 or not len(self.times):
            return g
        at = np.interp(np.log(seconds), np.log(self.times), np.arange(len(self.times)))
        low = min(int(at), len(self.times) - 2)
        before, after = (self._looked_up(self.changes[k], g, rank) for k in (low, low + 1))
        return np.asarray(g * np.exp((1.0 - (at - low)) * before + (at - low) * after))
