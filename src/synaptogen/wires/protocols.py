"""Protocols of the arrays that the functions of this room take; `synaptogen.CellArray` satisfies both."""

from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import RealArray
from synaptogen.state import CellState, Features


class SolvableCells(Protocol):
    """Cells whose currents can be computed.

    Attributes
    ----------
    state : CellState
        The cells, with their mixing states and model constants.
    shape : tuple of int
        (rows, columns).
    """

    state: CellState
    shape: tuple[int, ...]


class SwitchingCells(SolvableCells, Protocol):
    """Cells whose states change when voltages are applied."""

    @property
    def r(self) -> RealArray:
        """Mixing states: 0 at the lowest LRS, towards 1 at the highest HRS."""
        ...

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes, as values of `synaptogen.Mode`."""
        ...

    @property
    def features(self) -> Features:
        """Features of the running cycles."""
        ...

    def __getitem__(self, key: slice, /) -> Self:
        """Return a view of some rows."""
        ...

    def apply_voltage(self, u: ArrayLike, *, where: ArrayLike | None = None) -> None:
        """Apply a voltage to each cell.

        Parameters
        ----------
        u : float or array that broadcasts to ``shape``
            Voltages in V.
        where : array of bool that broadcasts to ``shape``, optional
            Cells to apply them to; default: all.
        """
        ...


def state_of(cells: object) -> CellState | None:
    """Return the state of an array of cells, or None for an array of conductances."""
    state = getattr(cells, "state", None)
    return state if isinstance(state, CellState) else None
