"""The cells of an array in memory, and what its methods share."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import RealArray, Shape, checks
from synaptogen.params import DeviceParams
from synaptogen.state import CellState

from .common import CommonMethods


class CellsInMemory(CommonMethods):
    """Cells behind a `CellState`.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    state : CellState
        The cells behind the array, for other parts of the package.
    """

    state: CellState

    @classmethod
    def from_state(cls, state: CellState, shape: Shape) -> Self:
        """Return an array of cells that exist already.

        Parameters
        ----------
        state : CellState
            The cells.
        shape : tuple of int
            Shape of the array, of as many cells as ``state`` has.

        Returns
        -------
        CellArray
        """
        cells = cls.__new__(cls)
        cells.state, cells.shape = state, shape
        return cells

    @property
    def params(self) -> DeviceParams:
        """The parameter set of the device population."""
        return self.state.params

    @property
    def bandwidth(self) -> float:
        """Bandwidth of reads in Hz; 0 turns noise off. It can be set."""
        return self.state.bandwidth

    @bandwidth.setter
    def bandwidth(self, value: float) -> None:
        self.state.bandwidth = checks.bandwidth(value)

    @property
    def seed(self) -> int:
        """The 64-bit seed: ``CellArray(shape, params, rng=cells.seed)`` makes the same cells again."""
        return self.state.engine.seed

    @property
    def engine(self) -> str:
        """Name of the engine: "cpu", "cuda" or "reference"."""
        return self.state.engine.name

    @property
    def storage(self) -> str:
        """Form in which cells are stored: "full" or "compact"."""
        return self.state.engine.storage

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of results: single precision of the engines "cpu" and "cuda", double precision of "reference"."""
        return np.dtype(self.state.engine.dtype)

    @property
    def time(self) -> float:
        """Time in s since the array was made: the sum of all waits, widths of pulses and durations of reads."""
        return self.state.clock.time.seconds

    @property
    def _bytes_per_cell(self) -> float:
        return self.state.engine.bytes_per_cell + self.state.clock.bytes_per_cell

    @property
    def _start(self) -> str:
        return self.state.engine.start

    def _location(self) -> str:
        return "" if self.state.positions is None else f"view of {self.state.engine.cells.size} cells"

    def _machine(self) -> str:
        return self.state.engine.describe()

    def _checked_voltages(self, name: str, value: ArrayLike) -> RealArray:
        return checks.voltages(name, value, self.shape, self.state.engine.dtype)
