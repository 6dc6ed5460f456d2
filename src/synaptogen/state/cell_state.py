"""CellState: cells in an engine, which of them are meant, and how often they have been read."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array, RealArray
from synaptogen.engines import AnyEngine, CellIds, Positions, ReadNumbers, engine_class
from synaptogen.model import Constants
from synaptogen.params import DeviceParams

from .components import components_of
from .counters import Counters
from .spec import ArraySpec

LineSolver: TypeAlias = Callable[[Float64Array, bool, float], tuple[Float64Array, Float64Array]]
"""Takes voltages (batch, inputs), transpose and bandwidth; returns currents (batch, lines) and variances of noise."""


class CellState:
    """All cells of an engine, or some of them: what stands behind a `CellArray`.

    Other rooms of the package take a state where they need more of an array than its public methods. Arrays that are
    views of each other share one engine and its counters.

    Parameters
    ----------
    engine : Engine
        The cells in memory.
    params : DeviceParams
        The population that the cells were drawn from.
    bandwidth : float
        Bandwidth of reads in Hz, which sets their noise; 0 turns noise off.
    positions : array of int of shape (m,), optional
        Positions of the cells in the engine; default: all of them.
    counters : Counters, optional
        How often cells of the engine have been read and multiplied; default: never.
    """

    def __init__(
        self,
        engine: AnyEngine,
        params: DeviceParams,
        bandwidth: float,
        positions: Positions | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.engine, self.params, self.bandwidth, self.positions = engine, params, bandwidth, positions
        self.counters = Counters(engine.cells.size) if counters is None else counters
        self._line_starts: dict[tuple[int, int, bool], Positions] = {}

    @classmethod
    def build(cls, spec: ArraySpec, cells: CellIds, threads: int, *, fill: bool = True) -> "CellState":
        """Make cells in memory.

        Parameters
        ----------
        spec : ArraySpec
            How they are made.
        cells : CellIds
            Which cells of the whole array.
        threads : int
            Threads of the CPU engine.
        fill : bool
            Draw their devices and first cycles; without, the state of all cells is still to be restored.

        Returns
        -------
        CellState

        Raises
        ------
        MemoryError
            If the cells would not fit into memory.
        """
        engine_class(spec.engine, spec.storage).require_room(spec.compiled_params, cells.size)
        return cls(spec.populate(cells, threads, fill=fill), spec.params, spec.bandwidth)

    # ---- what the cells are

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.engine.cells.size if self.positions is None else len(self.positions)

    @property
    def spec(self) -> ArraySpec:
        """How all cells of the engine are made."""
        e = self.engine
        return ArraySpec(self.params, e.name, e.storage, e.seed, e.start, self.bandwidth, e.cells.first)

    @property
    def constants(self) -> Constants:
        """The constants of the formulas in `synaptogen.model`."""
        return self.engine.compiled_params.constants

    @property
    def threads(self) -> int:
        """Threads of the engine."""
        return self.engine.threads

    @cached_property
    def selection(self) -> Any:
        """The cells in the form in which the methods of the engine take them."""
        return self.engine.selection(self.positions)

    def line_starts(self, shape: tuple[int, int], transpose: bool) -> Positions:
        """Positions of the first cell of each row of a crossbar, or of each column if transposed.

        They address the noise of the lines, and are kept from product to product.
        """
        rows, columns = shape
        key = (rows, columns, transpose)
        if key not in self._line_starts:
            starts = np.arange(columns) if transpose else np.arange(rows) * columns
            self._line_starts[key] = starts if self.positions is None else self.positions[starts]
        return self._line_starts[key]

    # ---- other cells of the same engine, and copies

    def take(self, indices: NDArray[np.int64]) -> "CellState":
        """Return some of these cells, by their indices among them: the same cells, not copies."""
        positions = indices if self.positions is None else self.positions[indices]
        return CellState(self.engine, self.params, self.bandwidth, positions, self.counters)

    def alias(self) -> "CellState":
        """Return the same cells, with a bandwidth of their own."""
        return CellState(self.engine, self.params, self.bandwidth, self.positions, self.counters)

    def copy(self) -> "CellState":
        """Return copies of the cells in an engine of their own.

        Raises
        ------
        MemoryError
            If they would not fit into memory.
        """
        self.engine.require_room(self.engine.compiled_params, self.size)
        counters = self.counters.copy(self.positions, self.size)
        return CellState(self.engine.copy(self.positions), self.params, self.bandwidth, None, counters)

    # ---- reads, which count, so that no two have the same noise

    def advance_reads(self, count: int) -> None:
        """Note that the cells have been read ``count`` times more."""
        self.counters.advance_reads(self.positions, count)

    def number_reads(self, number: int) -> None:
        """Give the next read of all cells of the engine a number, which its noise depends on."""
        self.counters.reads = ReadNumbers(number)

    def read(self, u: RealArray, bandwidth: float) -> RealArray:
        """Return currents of shape (m,) in A at voltages (1, 1) or (1, m) in V, noiseless for a bandwidth of 0."""
        out = self.engine.read(u, self.selection, bandwidth, self.counters.reads)
        if bandwidth:
            self.advance_reads(1)
        return out

    def line_currents(
        self, shape: tuple[int, int], v: RealArray, transpose: bool, bandwidth: float, through: LineSolver | None = None
    ) -> RealArray:
        """Return the currents of all lines of a crossbar that the cells fill row by row.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns.
        v : array of shape (batch, inputs)
            Voltages in V on the columns, or if transposed on the rows.
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        through : callable, optional
            Solves lines that have resistance.

        Returns
        -------
        array of shape (batch, lines)
            Currents in A.
        """
        starts, number = self.line_starts(shape, transpose), self.counters.products
        if through is None:
            currents = self.engine.line_currents(shape, self.selection, starts, v, transpose, bandwidth, number)
        else:
            currents, variances = through(v.astype(np.float64), transpose, bandwidth)
            if bandwidth:
                currents = currents + np.sqrt(variances) * self.engine.line_normals(starts, number, len(v))
        if bandwidth:
            self.counters.products += 1
        return np.asarray(currents, self.engine.dtype)

    # ---- what the cells show, one entry per cell

    def mixing(self) -> RealArray:
        """Return mixing states of shape (m,)."""
        return self.engine.mixing(self.selection)

    def status(self) -> NDArray[np.uint32]:
        """Return status words of shape (m,), see `synaptogen.model.switching`."""
        return self.engine.status(self.selection)

    def fields(self) -> RealArray:
        """Return features, ratchet and RESET transition of shape (7, m), in the order of `engines.FIELDS`."""
        return self.engine.fields(self.selection)

    def components(self) -> NDArray[np.uint8]:
        """Return the mixture component of the population that each cell was drawn from, shape (m,)."""
        return components_of(self.engine, self._all_positions())

    def id_words(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return low and high 32 bits of the ids of the cells, each of shape (m,)."""
        return self.engine.cells.id_words(self._all_positions())

    def _all_positions(self) -> Positions:
        return np.arange(self.engine.cells.size) if self.positions is None else self.positions
