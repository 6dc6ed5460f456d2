"""Groups of measured cells that were read on one schedule at about one conductance, and the same of virtual cells."""

from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.engines import CellIds, log_changes
from synaptogen.params import FluctuationParams
from synaptogen.state import TIME_ZERO, ticks_of

from .cell_statistics import DENSE, SHORT, rows_of


@dataclass(frozen=True, eq=False)
class ReadGroup:
    """Repeated reads of cells on one schedule, which statistics are taken of.

    Attributes
    ----------
    name : str
        What tells it from others.
    log_g : array of shape (n, reads)
        ln of the conductances in S.
    seconds : array of shape (reads,)
        Time in s since the cells were written.
    kelvin : array of shape (reads,)
        Temperature in K since the read before; NaN: that of the parameters.
    dense : int
        How many reads are evenly spaced, from the first on.
    table : int
        Number of the experiment.
    """

    name: str
    log_g: Float64Array
    seconds: Float64Array
    kelvin: Float64Array
    dense: int
    table: int = 0

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.log_g)

    @property
    def is_dense(self) -> bool:
        """Whether there are enough evenly spaced reads for spectra, jumps and levels."""
        return self.dense >= DENSE

    @property
    def is_even(self) -> bool:
        """Whether there are enough evenly spaced reads to tell how much they differ from each other."""
        return self.dense >= SHORT

    @property
    def interval(self) -> float:
        """Time in s between two of the evenly spaced reads."""
        return float(np.median(np.diff(self.seconds[: self.dense])))

    @property
    def conductance(self) -> float:
        """Median conductance in S at the first read."""
        return float(np.exp(np.median(self.log_g[:, 0])))

    @property
    def heated(self) -> bool:
        """Whether the temperature is known."""
        return bool(np.isfinite(self.kelvin).any())

    def rows(self) -> dict[str, Float64Array]:
        """Return the statistics of each cell."""
        return rows_of(self.log_g, self.dense)

    def simulated(self, params: FluctuationParams, cells: int, seed: int, first: int = 0) -> "ReadGroup":
        """Return virtual cells with the conductances of the measured ones at the first read, read at the same times.

        Parameters
        ----------
        params : FluctuationParams
            What they do.
        cells : int
            How many; the conductances of measured ones are taken in turn.
        seed, first : int
            Seed of the cells, and the id of the first one.

        Returns
        -------
        ReadGroup
        """
        start = np.resize(self.log_g[:, 0], cells)
        time, ages = TIME_ZERO, []
        for step, kelvin in zip(np.diff(self.seconds, prepend=0.0), self.kelvin, strict=True):
            time = time.after(params, ticks_of(float(step)), None if np.isnan(kelvin) else float(kelvin))
            time = time._replace(instants=(0,))  # there was no write since
            ages.append(time.felt)
        ids = CellIds(first + cells).id_words(np.arange(first, first + cells))
        change = log_changes(params, ages, np.exp(start), ids, seed)
        if ages[0] == 0:
            change[:, 0] = 0.0  # the read that verifies the write
        log_g = start[:, None] + change - change[:, :1]
        return replace(self, log_g=log_g)
