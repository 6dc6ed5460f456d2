"""CellState: an engine that holds cells, which of them belong to an array, and how often they were read."""

import copy
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, BoolArray, Float64Array, RealArray
from synaptogen.engines import AnyEngine, CellIds, Positions, ReadNumbers, engine_class
from synaptogen.model import Constants
from synaptogen.params import DeviceParams

from .clock import TIME_ZERO, WRITTEN, Clock, ClockTime, ticks_of
from .components import components_of
from .counters import Counters
from .guard import Guard
from .spec import ArraySpec

T = TypeVar("T")

_SHARED = "shared"  # in pickles

LineSolver: TypeAlias = Callable[[Float64Array, bool, float], tuple[Float64Array, Float64Array]]
"""A function of voltages in V (batch, inputs), transpose and bandwidth in Hz; returns currents in A (batch, lines) and
the variances of their noise in A^2, of the same shape."""


class CellState:
    """All cells of an engine, or some of them, behind a `CellArray`.

    Other parts of the package take a state where the public methods of an array are not enough. Arrays that are views
    of each other share one engine, its counters and its lock: threads that read or change them take turns.

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
        Numbers of reads and products of the cells of the engine; default: none.
    guard : Guard, optional
        The lock of the engine; default: a new one.
    clock : Clock, optional
        The time of the cells of the engine; default: a new one, at 0.

    Examples
    --------
    >>> import synaptogen as sg
    >>> state = sg.CellArray((2, 3), rng=7)[0].state
    >>> state.size, state.positions, state.engine.name
    (3, array([0, 1, 2]), 'cpu')
    """

    def __init__(
        self,
        engine: AnyEngine,
        params: DeviceParams,
        bandwidth: float,
        positions: Positions | None = None,
        counters: Counters | None = None,
        guard: Guard | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.engine, self.params, self.bandwidth, self.positions = engine, params, bandwidth, positions
        self.counters = Counters(engine.cells.size) if counters is None else counters
        self.guard = Guard() if guard is None else guard
        self.clock = Clock(engine.cells.size, engine.move_words) if clock is None else clock
        self._line_starts: dict[tuple[int, int, bool], Positions] = {}

    @classmethod
    def build(
        cls,
        spec: ArraySpec,
        cells: CellIds,
        threads: int,
        *,
        fill: bool = True,
        time: ClockTime = TIME_ZERO,
        in_block: bool = False,
    ) -> "CellState":
        """Return the state of an array of new cells.

        Parameters
        ----------
        spec : ArraySpec
            Everything that determines them.
        cells : CellIds
            Ids of the cells of the whole array that are made.
        threads : int
            Threads of the CPU engine.
        fill : bool
            Draw devices and first cycles. Without, the state of all cells is still to be restored.
        time : ClockTime
            What time it is for the cells.
        in_block : bool
            Whether they are a part of a larger array, whose parts all count the same instants.

        Returns
        -------
        CellState

        Raises
        ------
        MemoryError
            If the cells would not fit into memory.
        """
        engine_class(spec.engine, spec.storage).require_room(spec.compiled_params, cells.size)
        engine = spec.populate(cells, threads, fill=fill)
        clock = Clock(cells.size, engine.move_words, time, in_block=in_block)
        return cls(engine, spec.params, spec.bandwidth, clock=clock)

    # ---- properties of the array

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.engine.cells.size if self.positions is None else len(self.positions)

    @property
    def spec(self) -> ArraySpec:
        """Everything that determines the cells of the engine."""
        e = self.engine
        return ArraySpec(self.params, e.name, e.storage, e.seed, e.start, self.bandwidth, e.cells.first)

    @property
    def constants(self) -> Constants:
        """The constants of the formulas in `synaptogen.model`."""
        return self.engine.compiled_params.constants

    @property
    def threads(self) -> int:
        """Number of threads of the engine."""
        return self.engine.threads

    @cached_property
    def selection(self) -> Any:  # each engine has a type of its own
        """The cells in the form that the methods of the engine take."""
        return self.engine.selection(self.positions)

    def line_starts(self, shape: tuple[int, int], transpose: bool) -> Positions:
        """Return the positions in the engine of the first cell of each line of a crossbar.

        They address the noise of the lines, and are kept from product to product.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns.
        transpose : bool
            Take columns as lines; otherwise rows.

        Returns
        -------
        array of int of shape (columns,) or (rows,)
        """
        rows, columns = shape
        key = (rows, columns, transpose)
        if key not in self._line_starts:
            starts = np.arange(columns) if transpose else np.arange(rows) * columns
            self._line_starts[key] = starts if self.positions is None else self.positions[starts]
        return self._line_starts[key]

    # ---- other cells of the same engine, and copies

    def take(self, indices: NDArray[np.int64]) -> "CellState":
        """Return the state of some of these cells, not copies, by their indices (m,) among them."""
        positions = indices if self.positions is None else self.positions[indices]
        return self._other(positions)

    def alias(self) -> "CellState":
        """Return a state of the same cells, whose bandwidth can be changed independently."""
        return self._other(self.positions)

    def _other(self, positions: Positions | None) -> "CellState":
        return CellState(self.engine, self.params, self.bandwidth, positions, self.counters, self.guard, self.clock)

    def copy(self) -> "CellState":
        """Return copies of the cells in an engine of their own.

        Raises
        ------
        MemoryError
            If they would not fit into memory.
        """
        self.engine.require_room(self.engine.compiled_params, self.size)
        with self.guard.lock:
            self.guard.check()
            counters = self.counters.copy(self.positions, self.size)
            clock = self.clock.copy(self.positions, self.size)
            engine = self.engine.copy(self.positions)
            return CellState(engine, self.params, self.bandwidth, None, counters, clock=clock)

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return copies of the whole state of consecutive cells of the engine, for saved arrays.

        Parameters
        ----------
        begin, end : int
            Positions of the first cell, and of the one after the last.

        Returns
        -------
        dict of arrays
            `Engine.dump`, and when the cells were written if their clock has moved.
        """
        return self.engine.dump(begin, end) | self.clock.dump(begin, end)

    def restore(self, begin: int, state: Mapping[str, AnyArray]) -> None:
        """Overwrite the state of consecutive cells of the engine.

        Parameters
        ----------
        begin : int
            Position of the first cell.
        state : mapping of arrays
            What `dump` returned, or its ``"r"`` alone, which is all that reads and products need.

        Raises
        ------
        ValueError
            If cells were written at instants that there are not.
        """
        cells = dict(state)
        index = cells.pop(WRITTEN, None)
        if index is not None:
            self.clock.restore(begin, index)
        if cells:
            self.engine.restore(begin, cells)

    def __deepcopy__(self, memo: dict[int, Any]) -> "CellState":
        other = memo[id(self)] = CellState.__new__(CellState)
        with self.guard.lock:
            self.guard.check()
            other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return other

    def __getstate__(self) -> dict[str, Any]:
        own = {name: self.__dict__[name] for name in ("params", "bandwidth", "positions")}
        return own | {_SHARED: self.guard.parts(self.engine, self.counters, self.clock)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = dict(state)
        engine, counters, clock, guard = own.pop(_SHARED)
        self.__init__(engine, own["params"], own["bandwidth"], own["positions"], counters, guard, clock)  # type: ignore[misc]

    # ---- voltages

    def apply(self, u: RealArray, mask: BoolArray | None = None) -> None:
        """Apply k voltages to the cells one after the other.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V, for all cells or for each.
        mask : array of bool of shape (m,), optional
            The cells that see them; default: all.

        Raises
        ------
        RuntimeError
            If an earlier call was broken off, see `Guard`.
        """
        self._change(self.engine.apply, u, self.selection, mask)

    def acting(self, u: AnyArray, widths: AnyArray | float | None) -> AnyArray:
        """Return the voltages of the reference width that do the same as pulses.

        Parameters
        ----------
        u : array
            Voltages in V.
        widths : array that broadcasts with ``u``, or float, optional
            Widths in s, from `pulse_widths`; None: those of the reference.

        Returns
        -------
        array
            ``u`` itself where the parameter set has no law of pulse widths.
        """
        law = self.params.pulse_width
        return u if law is None or widths is None else law.effective_voltage(u, widths).astype(self.engine.dtype)

    def apply_pulses(self, u: RealArray, widths: Float64Array, mask: BoolArray | None = None) -> None:
        """Apply k pulses to the cells one after the other; each is written at its end.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V, for all cells or for each.
        widths : array of shape (k,)
            Widths in s, from `pulse_widths`.
        mask : array of bool of shape (m,), optional
            The cells that see them; default: all. Time passes for all cells of the engine.
        """
        acting = self.acting(u, widths[:, None])
        with self.guard.changing(steps=True):
            if self.params.fluctuation is None:  # nothing moves meanwhile
                self.wait(sum(map(ticks_of, widths.tolist())), None)
                self.apply(acting, mask)
                return
            for voltages, width in zip(acting, widths.tolist(), strict=True):
                self.wait(ticks_of(width), None)
                self.apply(voltages[None], mask)

    def sweep_pulses(self, u: RealArray, widths: Float64Array, bandwidth: float) -> RealArray:
        """Apply k pulses one after the other, and read the current at the voltage of each; see `sweep`.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V, for all cells or for each.
        widths : array of shape (k,)
            Widths in s, from `pulse_widths`.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.

        Returns
        -------
        array of shape (k, m)
            Currents in A.
        """
        acting = self.acting(u, widths[:, None])
        trace = []
        with self.guard.changing(steps=True):
            for voltages, act, width in zip(u, acting, widths.tolist(), strict=True):
                self.wait(ticks_of(width), None)
                self.apply(act[None])
                trace.append(self.read(voltages[None], bandwidth))
        return np.stack(trace)

    def sweep(self, u: RealArray, bandwidth: float) -> RealArray:
        """Apply k voltages one after the other, and read the current at each; the reads are counted if they have noise.

        Parameters
        ----------
        u : array of shape (k, 1) or (k, m)
            Voltages in V, for all cells or for each.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.

        Returns
        -------
        array of shape (k, m)
            Currents in A.
        """
        if not bandwidth:
            return self._change(self.engine.sweep, u, self.selection, bandwidth, self.counters.reads)
        with self.guard.changing():  # cells and the count of reads
            trace = self.engine.sweep(u, self.selection, bandwidth, self.counters.reads)
            self.advance_reads(len(u))
        return trace

    def _change(self, change: Callable[..., T], *arguments: Any) -> T:
        """Call a function that changes cells, alone, and so that Ctrl-C does not divide it."""
        if self.engine.in_one_step(self.selection):
            with self.guard.lock:
                self.guard.check()
                return change(*arguments)
        with self.guard.changing():
            return change(*arguments)

    # ---- time

    def wait(self, ticks: int, temperature: float | None) -> None:
        """Let time pass for all cells of the engine.

        Parameters
        ----------
        ticks : int
            How long, see `ticks_of`.
        temperature : float, optional
            In K; default: that of the parameters.
        """
        with self.guard.changing():
            self.clock.advance(self.engine, self.params.fluctuation, ticks, temperature)

    # ---- reads, which are counted, so that each has its own noise

    def shift_noise(self, offset: int) -> None:
        """Move the numbers of the reads and products of all cells of the engine, see `Counters.shift`."""
        with self.guard.lock:
            self.counters.shift(offset)

    def advance_reads(self, count: int) -> None:
        """Count ``count`` more reads of the cells."""
        self.counters.advance_reads(self.positions, count)

    def number_reads(self, number: int) -> None:
        """Set the number of the next read of all cells of the engine, on which its noise depends."""
        self.counters.reads = ReadNumbers(number)

    def read(self, u: RealArray, bandwidth: float) -> RealArray:
        """Read the cells, and count the read if it has noise.

        Parameters
        ----------
        u : array of shape (1, 1) or (1, m)
            Voltages in V, one for all cells or one for each.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.

        Returns
        -------
        array of shape (m,)
            Currents in A.
        """
        with self.guard.lock:
            self.guard.check()
            out = self.engine.read(u, self.selection, bandwidth, self.counters.reads)
            if bandwidth:
                self.advance_reads(1)
        return out

    def take_read(self, bandwidth: float) -> ReadNumbers:
        """Return the numbers of the next read by copy, and count it if it has noise."""
        with self.guard.lock:
            times, each = self.counters.reads
            numbers = ReadNumbers(times, None if each is None else each.copy())
            if bandwidth:
                self.advance_reads(1)
        return numbers

    def read_numbered(self, u: RealArray, bandwidth: float, numbers: ReadNumbers) -> RealArray:
        """Read the cells as a read of given numbers, which are those of all cells of the engine, and do not count it.

        Parameters
        ----------
        u : array of shape (1, 1) or (1, m)
            Voltages in V.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        numbers : ReadNumbers
            From `take_read`.

        Returns
        -------
        array of shape (m,)
            Currents in A.
        """
        with self.guard.lock:
            self.guard.check()
            return self.engine.read(u, self.selection, bandwidth, numbers)

    def line_currents(
        self, shape: tuple[int, int], v: RealArray, transpose: bool, bandwidth: float, through: LineSolver | None = None
    ) -> RealArray:
        """Return the currents of all lines of a crossbar; the cells fill it row by row.

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
            Solver for lines with resistance; default: ideal lines.

        Returns
        -------
        array of shape (batch, lines)
            Currents in A.
        """
        with self.guard.lock:
            self.guard.check()
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

    # ---- properties of the cells, one entry per cell

    def mixing(self) -> RealArray:
        """Return mixing states of shape (m,)."""
        with self.guard.lock:
            self.guard.check()
            return self.engine.mixing(self.selection)

    def status(self) -> NDArray[np.uint32]:
        """Return status words of shape (m,), see `synaptogen.model.switching`."""
        with self.guard.lock:
            self.guard.check()
            return self.engine.status(self.selection)

    def fields(self) -> RealArray:
        """Return features, ratchets and RESET transitions of shape (7, m), in the order of `engines.FIELDS`."""
        with self.guard.lock:
            self.guard.check()
            return self.engine.fields(self.selection)

    def device(self) -> RealArray:
        """Return device vectors of shape (8, m), see `engines.Engine.device`."""
        with self.guard.lock:
            self.guard.check()
            return self.engine.device(self.selection)

    def components(self) -> NDArray[np.uint8]:
        """Return the mixture component of the population that each cell was drawn from, shape (m,)."""
        return components_of(self.engine, self._all_positions())

    def id_words(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return low and high 32 bits of the ids of the cells, each of shape (m,)."""
        return self.engine.cells.id_words(self._all_positions())

    def _all_positions(self) -> Positions:
        return np.arange(self.engine.cells.size) if self.positions is None else self.positions
