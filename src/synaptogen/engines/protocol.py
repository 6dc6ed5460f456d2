"""What an array asks of an engine, whichever it is."""

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .law import Law

Positions: TypeAlias = NDArray[np.int64]
"""Positions of cells in an engine, flat."""

Array: TypeAlias = NDArray[Any]

FIELDS = ("u_set", "r_lrs", "u_reset", "r_hrs", "u_ratchet", "t_scale", "t_end")
"""State of a cell besides its mixing state ``r`` and its word: features of the running cycle (resistances as mixing
states), the RESET ratchet, and the RESET transition."""


class Cells(NamedTuple):
    """Who the cells of an engine are: ``size`` cells with ids ``first``, ``first`` + 1 ... or the ids given."""

    size: int
    first: int = 0
    ids: NDArray[np.uint64] | None = None

    def at(self, positions: Positions) -> "Cells":
        """The cells at some positions."""
        if self.ids is not None:
            return Cells(len(positions), 0, self.ids[positions])
        if len(positions) and np.array_equal(positions, np.arange(positions[0], positions[0] + len(positions))):
            return Cells(len(positions), self.first + int(positions[0]))
        return Cells(len(positions), 0, np.uint64(self.first) + positions.astype(np.uint64))

    def words(self, positions: Positions) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Low and high words of the ids of some cells."""
        ids = np.uint64(self.first) + positions.astype(np.uint64) if self.ids is None else self.ids[positions]
        return (ids & np.uint64(0xFFFFFFFF)).astype(np.uint32), (ids >> np.uint64(32)).astype(np.uint32)


class ReadNumbers(NamedTuple):
    """How often cells have been read: ``times`` all of them, or ``each``: one number a cell, by position, padded
    to a multiple of 64 so that engines can load whole lanes."""

    times: int = 0
    each: NDArray[np.uint32] | None = None


class Engine(Protocol):
    """Cells that live by one law.

    Where ``select`` is an argument it is what `selection` returned: some cells, in an order, or all. m is their number.
    Voltages ``u`` of shape (k, 1) or (k, m) are k pulses, the same for all cells or one each.
    """

    name: str
    law: Law
    cells: Cells
    seed: int
    start: str

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Type of the numbers that come out."""
        ...

    @property
    def threads(self) -> int:
        """Threads that share the work."""
        ...

    @staticmethod
    def bytes_for(law: Law) -> float:
        """Memory that one cell of a law takes."""
        ...

    @classmethod
    def require_room(cls, law: Law, cells: int) -> None:
        """Raise MemoryError that names a remedy unless so many cells of a law fit where this engine keeps them."""
        ...

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        ...

    def describe(self) -> str:
        """The engine in a few words."""
        ...

    def selection(self, positions: Positions | None) -> Any:
        """What the other methods take as ``select``; None selects all."""
        ...

    def apply(self, u: Array, select: Any, mask: Array | None = None) -> None:
        """Apply k voltages one after the other, only where the mask (m,) holds."""
        ...

    def sweep(self, u: Array, select: Any, bandwidth: float, reads: ReadNumbers) -> Array:
        """Apply k voltages one after the other; returns the current at each, of shape (k, m)."""
        ...

    def read(self, u: Array, select: Any, bandwidth: float, reads: ReadNumbers) -> Array:
        """Currents of shape (m,) at voltages of shape (1, 1) or (1, m), noiseless for bandwidth 0."""
        ...

    def mixing(self, select: Any) -> Array:
        """Mixing states (m,)."""
        ...

    def words(self, select: Any) -> NDArray[np.uint32]:
        """Words (m,) that hold mode and cycle number, see `model.switching`."""
        ...

    def fields(self, select: Any) -> Array:
        """State of shape (7, m), in the order of `FIELDS`."""
        ...

    def device(self, select: Any) -> Array:
        """Device vectors of shape (8, m)."""
        ...

    def line_currents(
        self, shape: tuple[int, int], select: Any, line_starts: Positions, v: Array, transpose: bool, bandwidth: float,
        number: int,
    ) -> Array:  # fmt: skip
        """Currents (batch, lines) of crossbar product ``number``, for voltages ``v`` of shape (batch, inputs).

        The selected cells fill the matrix of ``shape`` row by row; lines are rows, or columns where transposed, and
        begin with the cells at ``line_starts``. A bandwidth of 0 means no noise.
        """
        ...

    def weighted_sums(self, shape: tuple[int, int], select: Any, weights: Array, transpose: bool) -> Array:
        """Products of the matrix of mixing states with ``weights`` of shape (k, inputs): (k, outputs).

        As in `line_currents`; outputs are rows, or columns where transposed.
        """
        ...

    def line_normals(self, positions: Positions, number: int, batch: int) -> Array:
        """Normals (batch, lines) for crossbar product ``number``, lines addressed by the cells they begin with."""
        ...

    def copy(self, positions: Positions | None) -> "Engine":
        """An engine of its own that holds copies of some cells, or of all."""
        ...

    def dump(self, begin: int, end: int) -> dict[str, Array]:
        """All state of cells ``begin`` ... ``end`` - 1, the cell as last axis."""
        ...

    def restore(self, begin: int, state: dict[str, Array]) -> None:
        """Take back what `dump` gave, or its mixing states ``r`` alone, which is all that reads and products need."""
        ...
