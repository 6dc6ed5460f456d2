"""What an array asks of an engine, whichever it is."""

from typing import Any, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray

from .compiled_params import CompiledParams

Positions: TypeAlias = NDArray[np.int64]
"""Positions of cells in an engine, flat."""


FIELDS = ("u_set", "r_lrs", "u_reset", "r_hrs", "u_ratchet", "t_scale", "t_end")
"""State of a cell besides its mixing state ``r`` and its word: features of the running cycle (resistances as mixing
states), the RESET ratchet, and the RESET transition."""


Selection = TypeVar("Selection")
"""Some cells of an engine, in the form in which its methods take them."""


class CellIds(NamedTuple):
    """Who the cells of an engine are: ``size`` cells with ids ``first``, ``first`` + 1 ... or the ids given."""

    size: int
    first: int = 0
    ids: NDArray[np.uint64] | None = None

    def at(self, positions: Positions) -> "CellIds":
        """The cells at some positions."""
        if self.ids is not None:
            return CellIds(len(positions), 0, self.ids[positions])
        if len(positions) and np.array_equal(positions, np.arange(positions[0], positions[0] + len(positions))):
            return CellIds(len(positions), self.first + int(positions[0]))
        return CellIds(len(positions), 0, np.uint64(self.first) + positions.astype(np.uint64))

    def id_words(self, positions: Positions) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Low and high words of the ids of some cells."""
        ids = np.uint64(self.first) + positions.astype(np.uint64) if self.ids is None else self.ids[positions]
        return (ids & np.uint64(0xFFFFFFFF)).astype(np.uint32), (ids >> np.uint64(32)).astype(np.uint32)


class ReadNumbers(NamedTuple):
    """How often cells have been read: ``times`` all of them, or ``each``: one number a cell, by position, padded
    to a multiple of 64 so that engines can load whole lanes."""

    times: int = 0
    each: NDArray[np.uint32] | None = None


class Engine(Protocol[Selection]):
    """Cells that live by one parameter set.

    Where ``select`` is an argument it is what `selection` returned: some cells, in an order, or all. m is their number.
    Voltages ``u`` of shape (k, 1) or (k, m) are k pulses, the same for all cells or one each.
    """

    name: str
    storage: str
    compiled_params: CompiledParams
    cells: CellIds
    seed: int
    start: str
    dtype: type[np.floating[Any]]
    """Type of the numbers that come out."""

    @property
    def threads(self) -> int:
        """Threads that share the work."""
        ...

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Memory that one cell of a params takes."""
        ...

    @classmethod
    def require_room(cls, params: CompiledParams, cells: int) -> None:
        """Raise MemoryError that names a remedy unless so many cells of a params fit where this engine keeps them."""
        ...

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        ...

    def describe(self) -> str:
        """The engine in a few words."""
        ...

    def selection(self, positions: Positions | None) -> Selection:
        """What the other methods take as ``select``; None selects all."""
        ...

    def apply(self, u: AnyArray, select: Selection, mask: AnyArray | None = None) -> None:
        """Apply k voltages one after the other, only where the mask (m,) holds."""
        ...

    def sweep(self, u: AnyArray, select: Selection, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Apply k voltages one after the other; returns the current at each, of shape (k, m)."""
        ...

    def read(self, u: AnyArray, select: Selection, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Currents of shape (m,) at voltages of shape (1, 1) or (1, m), noiseless for bandwidth 0."""
        ...

    def mixing(self, select: Selection) -> AnyArray:
        """Mixing states (m,)."""
        ...

    def status(self, select: Selection) -> NDArray[np.uint32]:
        """Words (m,) that hold mode and cycle number, see `model.switching`."""
        ...

    def fields(self, select: Selection) -> AnyArray:
        """State of shape (7, m), in the order of `FIELDS`."""
        ...

    def device(self, select: Selection) -> AnyArray:
        """Device vectors of shape (8, m)."""
        ...

    def line_currents(
        self,
        shape: tuple[int, int],
        select: Selection,
        line_starts: Positions,
        v: AnyArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> AnyArray:
        """Currents (batch, lines) of crossbar product ``number``, for voltages ``v`` of shape (batch, inputs).

        The selected cells fill the matrix of ``shape`` row by row; lines are rows, or columns where transposed, and
        begin with the cells at ``line_starts``. A bandwidth of 0 means no noise.
        """
        ...

    def weighted_sums(self, shape: tuple[int, int], select: Selection, weights: AnyArray, transpose: bool) -> AnyArray:
        """Products of the matrix of mixing states with ``weights`` of shape (k, inputs): (k, outputs).

        As in `line_currents`; outputs are rows, or columns where transposed.
        """
        ...

    def line_normals(self, positions: Positions, number: int, batch: int) -> AnyArray:
        """Normals (batch, lines) for crossbar product ``number``, lines addressed by the cells they begin with."""
        ...

    def copy(self, positions: Positions | None) -> Self:
        """An engine of its own that holds copies of some cells, or of all."""
        ...

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """All state of cells ``begin`` ... ``end`` - 1, the cell as last axis."""
        ...

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Take back what `dump` gave, or its mixing states ``r`` alone, which is all that reads and products need."""
        ...


AnyEngine: TypeAlias = Engine[Any]
"""An engine, whatever its selections are."""
