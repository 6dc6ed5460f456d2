"""What the functions of this room ask of arrays: `synaptogen.CellArray` has it all."""

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import RealArray
from synaptogen.state import CellState, Features


class SolvableCells(Protocol):
    """Cells whose currents can be found: an array with a state."""

    state: CellState
    shape: tuple[int, ...]


class SwitchingCells(SolvableCells, Protocol):
    """Cells that voltages change."""

    @property
    def r(self) -> RealArray:
        """Mixing states."""
        ...

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes, as numbers of `synaptogen.Mode`."""
        ...

    @property
    def features(self) -> Features:
        """Features of the running cycles."""
        ...

    def __getitem__(self, key: Any) -> Self:
        """Return some of the cells: the same cells, not copies."""
        ...

    def apply_voltage(self, u: ArrayLike, *, where: ArrayLike | None = None) -> None:
        """Apply a voltage to each cell."""
        ...


def state_of(cells: object) -> CellState | None:
    """Return the state of an array of cells, or None for an array of conductances."""
    state = getattr(cells, "state", None)
    return state if isinstance(state, CellState) else None
