"""CellArray: virtual devices, as users hold them."""

import functools
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import RNG, checks, default_threads, require_memory
from synaptogen.engines import FIELDS, CellIds, ReadNumbers
from synaptogen.io import load_state, save_state
from synaptogen.model import iv
from synaptogen.model import switching as sw
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, CellState, Features, array_spec
from synaptogen.wires import Wires, apply_through_lines, line_currents

from .indexing import positions_of

if TYPE_CHECKING:
    from .on_gpu import OnGPU

FAR = 1e6  # V; SETs and RESETs any cell


class CellArray:
    """An array of virtual resistive memory cells.

    Every cell is one device drawn from a learned population, with its own future: what it will do depends on the seed,
    on its place in the array, and on the voltages that it has seen, never on how the work is divided. Cells start in
    the HRS of their cycle 0.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the array. Two axes make it a crossbar, `cells @ v`.
    params : str or DeviceParams
        The device population: the name of a preset (`synaptogen.presets`) or a parameter set.
    rng : int, SeedSequence, Generator or None
        Source of the seed; an int is the seed.
    engine : {"cpu", "cuda", "reference"}
        Compiled single precision on the processor or on a GPU of NVIDIA (with the extra ``synaptogen[cuda12]`` or
        ``synaptogen[cuda13]``), or plain NumPy double precision.
    history : {"var", "compact"}, optional
        The kind of memory of earlier cycles: a vector autoregression, or a state space of a few numbers a cell, faster
        and smaller. Default: what the parameter set holds. Where it holds the other kind, `DeviceParams.compact` (8
        states) or `DeviceParams.with_order` (order 10) makes it.
    storage : {"full", "compact"}
        How cells are kept: in single precision, or packed into 16-bit numbers, 20 bytes a cell with a history of 4
        states (made if none is given; `DeviceParams.compact` makes others), for a billion cells on one machine. Compact
        cells live the same lives within rounding, and take longer where a cycle begins. CPU engine only.
    start : {"stationary", "pristine"}
        Cells that have been cycled for long before, or cells without a past.
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.
    bandwidth : float
        Bandwidth of reads in Hz, which sets their noise; 0 turns noise off.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or no preset, engine or history has that name.
    MemoryError
        If the array would not fit into memory.
    """

    __array_ufunc__ = None  # `array @ cells` is ours, not an attempt of NumPy to make an array of cells
    __hash__ = object.__hash__

    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        rng: RNG = None,
        engine: str = "cpu",
        history: str | None = None,
        storage: str = "full",
        start: str = "stationary",
        threads: int | None = None,
        bandwidth: float = BANDWIDTH,
    ) -> None:
        shape = checks.shape(shape)
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        size = math.prod(shape)
        spec = array_spec(
            params,
            rng=rng,
            engine=engine,
            history=history,
            storage=storage,
            start=start,
            bandwidth=bandwidth,
            resident=size,
        )
        self.state, self.shape = CellState.build(spec, CellIds(size), workers), shape

    @classmethod
    def from_state(cls, state: CellState, shape: tuple[int, ...]) -> "CellArray":
        """Return the array of some cells that are already there.

        Parameters
        ----------
        state : CellState
            The cells.
        shape : tuple of int
            Shape of the array, of as many cells.

        Returns
        -------
        CellArray
        """
        cells = cls.__new__(cls)
        cells.state, cells.shape = state, shape
        return cells

    # ---- what the array is

    @property
    def params(self) -> DeviceParams:
        """The device population."""
        return self.state.params

    @property
    def bandwidth(self) -> float:
        """Bandwidth of reads in Hz; 0 turns noise off. It can be set."""
        return self.state.bandwidth

    @bandwidth.setter
    def bandwidth(self, value: float) -> None:
        self.state.bandwidth = checks.bandwidth(value)

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def seed(self) -> int:
        """The 64-bit seed: ``CellArray(shape, params, rng=cells.seed)`` makes the same cells anew."""
        return self.state.engine.seed

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.state.engine.name

    @property
    def storage(self) -> str:
        """How cells are kept: "full" or "compact"."""
        return self.state.engine.storage

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of the numbers that come out: single precision on the CPU engine, double on the reference."""
        return np.dtype(self.state.engine.dtype)

    @property
    def nbytes(self) -> int:
        """Memory in bytes that the cells take."""
        return round(self.size * self.state.engine.bytes_per_cell)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single cell has no len()")
        return self.shape[0]

    def __repr__(self) -> str:
        kind = "VAR" if self.params.history.kind == "var" else "compact"
        noise = f"noise of {self.bandwidth:g} Hz at 300 K" if self.bandwidth else "no read noise"
        view = "" if self.state.positions is None else f"view of {self.state.engine.cells.size} cells, "
        return (
            f"CellArray({' x '.join(map(str, self.shape)) or '1 cell'}, {view}params={self.params.name!r}, "
            f"engine={self.state.engine.describe()}, history={kind}({self.params.history.order}), "
            f"start={self.state.engine.start}, seed={self.seed}, {noise}, "
            f"{self.state.engine.bytes_per_cell:.0f} B a cell, {self.nbytes / 2**20:.1f} MiB)"
        )

    def __getitem__(self, key: Any) -> "CellArray":
        """A view: the same cells, with the same lives.

        Raises IndexError for cells that are not there, or are named twice.
        """
        positions = positions_of(self.shape, key)
        shape, flat = positions.shape, positions.ravel()
        if flat.size == 0:
            raise IndexError(f"the index {key!r} selects no cells of an array of shape {self.shape}")
        if np.any(flat[1:] <= flat[:-1]) and len(np.unique(flat)) < flat.size:
            raise IndexError("an index of cells must not name a cell twice: it would see each voltage twice")
        return self.from_state(self.state.take(flat), shape)

    def ravel(self) -> "CellArray":
        """A view of the same cells with one axis."""
        return self.from_state(self.state.alias(), (self.size,))

    # ---- voltages

    def apply_voltage(self, u: ArrayLike, *, where: ArrayLike | None = None, wires: Wires | None = None) -> None:
        """Apply a voltage to each cell: a pulse, or one point of a sweep.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`
            Voltages in V. Zero changes nothing.
        where : array of bool that broadcasts to `shape`, optional
            Only these cells see the voltage.
        wires : Wires, optional
            The voltages come through the lines of a crossbar, u[i, j] = columns[j] - rows[i], all of them driven; cells
            see what wires leave of it, solved anew after cells have switched until none does any more. A warning tells
            if that does not come to its end.

        Raises
        ------
        ValueError
            If a voltage is not finite or a shape does not fit; with ``wires``, if ``where`` is given too or ``u`` is no
            such difference. No cell has changed then.
        """
        if wires is not None:
            if where is not None:
                raise ValueError("where cannot be combined with wires: every cell is on lines, and sees their voltages")
            return apply_through_lines(self, u, wires)
        voltage = checks.voltages("u", u, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        return self.state.engine.apply(voltage[None], self.state.selection, mask)

    def apply_voltages(self, pulses: ArrayLike, *, where: ArrayLike | None = None) -> None:
        """Apply K voltages one after the other, in one pass over memory: faster than K calls.

        Parameters
        ----------
        pulses : array of shape (K,) or (K, ...) with axes that broadcast to `shape`
            Voltages in V.
        where : array of bool that broadcasts to `shape`, optional
            Only these cells see them.

        Raises
        ------
        ValueError
            If a voltage is not finite or a shape does not fit. No cell has changed then.
        """
        voltages = checks.pulses("pulses", pulses, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        self.state.engine.apply(voltages, self.state.selection, mask)

    def sweep(self, waveform: ArrayLike, *, noise: bool = False) -> NDArray[Any]:
        """Apply a waveform and record the current at each of its points: a measured I-V curve.

        Parameters
        ----------
        waveform : array of shape (T,) or (T, ...) with axes that broadcast to `shape`
            Voltages in V.
        noise : bool
            Add the noise of a read to each current.

        Returns
        -------
        array of shape (T, *shape)
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite or a shape does not fit. No cell has changed then.
        """
        voltages = checks.pulses("waveform", waveform, self.shape, self.state.engine.dtype)
        bandwidth = self.bandwidth if noise else 0.0
        self._require_results(len(voltages), "sweep fewer points, or parts of the array one after the other")
        trace = self.state.engine.sweep(voltages, self.state.selection, bandwidth, self.state.counters.reads)
        if bandwidth:
            self.state.advance_reads(len(voltages))
        return trace.reshape(len(voltages), *self.shape)

    # ---- reads

    def read(self, u: ArrayLike | None = None, *, bandwidth: float | None = None) -> NDArray[Any]:
        """Currents in A with the thermal and shot noise of a measurement; reading changes no cell.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Read voltages in V; default: the read voltage of the parameter set.
        bandwidth : float, optional
            Bandwidth in Hz; default: that of the array.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the bandwidth is negative.
        """
        voltage = self._read_voltage(u)
        bandwidth = self.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        return self.state.read(voltage[None], bandwidth).reshape(self.shape)

    def read_in_blocks(self, u: float | None = None, *, block: int = 1 << 22) -> Iterator[NDArray[Any]]:
        """The currents of `read`, for all cells at one voltage, a block of cells after the other.

        An array may be larger than what is left of memory for its currents. The blocks, laid end to end, are the flat
        result of one `read`, bit for bit.

        Parameters
        ----------
        u : float, optional
            Read voltage in V; default: that of the parameter set.
        block : int
            Cells of a block.

        Raises
        ------
        ValueError
            If ``u`` is not one finite voltage, or ``block`` is less than 1.
        """
        block, voltage = checks.positive_int("block", block), self._read_voltage(u)
        if voltage.size > 1:
            raise ValueError(f"u holds {voltage.size} voltages: give one for all cells, or use read")
        reads = self.state.counters.reads
        if reads.each is not None:
            reads = ReadNumbers(reads.times, reads.each.copy())
        if self.bandwidth:
            self.state.advance_reads(1)
        return self._blocks_read(voltage[None], block, reads)

    def _blocks_read(self, u: NDArray[Any], block: int, reads: ReadNumbers) -> Iterator[NDArray[Any]]:
        for begin in range(0, self.size, block):
            here = np.arange(begin, min(self.size, begin + block))
            yield self.state.engine.read(u, self.state.take(here).selection, self.bandwidth, reads)

    def current(self, u: ArrayLike | None = None) -> NDArray[Any]:
        """Currents in A without noise, at ``u`` in V (default: the read voltage)."""
        voltage = self._read_voltage(u)
        return self.state.read(voltage[None], 0.0).reshape(self.shape)

    def conductance(self) -> NDArray[Any]:
        """Conductances I/U in S at the read voltage of the parameter set."""
        u = self.state.engine.dtype(self.params.u_read)
        return np.asarray(self.current(u) / u)

    def _read_voltage(self, u: ArrayLike | None) -> NDArray[Any]:
        return checks.voltages("u", self.params.u_read if u is None else u, self.shape, self.state.engine.dtype)

    # ---- crossbar products

    def product(
        self,
        v: ArrayLike,
        *,
        transpose: bool = False,
        bandwidth: float | None = None,
        wires: Wires | None = None,
    ) -> NDArray[Any]:
        """Currents of all lines of the crossbar at once.

        Parameters
        ----------
        v : array of shape (columns,) or (columns, batch)
            Voltages in V on the columns; with ``transpose`` on the rows, (rows,) or (batch, rows).
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float, optional
            Bandwidth in Hz of the measurement of a line; default: that of the array. 0: no noise.
        wires : Wires, optional
            Lines with resistance, solved exactly; default: none, and cells see all of ``v``.

        Returns
        -------
        array of shape (rows,) or (rows, batch); with ``transpose`` (columns,) or (batch, columns)
            Currents in A. Each has one Gaussian of noise, with the summed variance of its cells.

        Raises
        ------
        ValueError
            If the array has not two axes, shapes do not match, or a voltage is not finite.
        """
        bandwidth = self.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)
        crossbar = checks.crossbar(self.shape)
        vectors = checks.vectors(v, self.shape, transpose, self.state.engine.dtype)
        through = None if wires is None else functools.partial(line_currents, self, wires)
        currents = self.state.line_currents(crossbar, vectors, transpose, bandwidth, through)
        shaped = currents if transpose else currents.T
        return shaped.reshape(-1) if np.ndim(v) == 1 else np.ascontiguousarray(shaped)

    def __matmul__(self, v: ArrayLike) -> NDArray[Any]:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> NDArray[Any]:
        return self.product(v, transpose=True)

    @property
    def on_gpu(self) -> "OnGPU":
        """The same cells for programs on the GPU: arrays of CuPy, PyTorch and others in, arrays of the GPU out.

        Raises
        ------
        ValueError
            If the cells are not on a GPU.
        """
        if self.engine != "cuda":
            raise ValueError(f"these cells are of engine={self.engine!r}: make them with engine='cuda'")
        from .on_gpu import OnGPU

        return OnGPU(self.state, self.shape)

    # ---- state, by copy

    @property
    def r(self) -> NDArray[Any]:
        """Mixing states: 0 at the lowest LRS, towards 1 at the highest HRS."""
        return self.state.mixing().reshape(self.shape)

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes, as numbers of `Mode`."""
        return (self._status() >> np.uint32(30)).astype(np.uint8)

    @property
    def cycle(self) -> NDArray[np.uint32]:
        """Numbers of the running cycles."""
        return np.asarray(sw.cycle(self._status()))

    @property
    def features(self) -> Features:
        """Features of the running cycles."""
        p, fields = self.state.constants, self.state.fields()
        values = dict(zip(FIELDS, fields.astype(float), strict=True))
        for name in ("r_hrs", "r_lrs"):
            values[name] = iv.resistance_from_mixing(values[name], p)
        kind = self.state.engine.dtype
        return Features(*(values[name].astype(kind).reshape(self.shape) for name in Features._fields))

    @property
    def device(self) -> NDArray[Any]:
        """Device vectors of shape (8, *shape): offset mu of each feature, then scale sigma, as drawn."""
        return self.state.engine.device(self.state.selection).reshape(8, *self.shape)

    @property
    def component(self) -> NDArray[np.uint8]:
        """Numbers of the components of the population that cells were drawn from: what tells outliers from the rest."""
        return self.state.components().reshape(self.shape)

    def upcoming(self, count: int) -> Features:
        """Features of the next ``count`` cycles, each of shape (count, *shape); no cell changes.

        The future is a function of the seed: whatever voltages come, these are the cycles that a cell will run through.
        """
        return self.copy().run_cycles(count)

    def run_cycles(self, count: int) -> Features:
        """Run every cell through ``count`` complete cycles; returns their features, each of shape (count, *shape)."""
        count = checks.positive_int("count", count)
        self._require_results(len(Features._fields) * count, "ask for fewer cycles, or for parts of the array")
        cycles = []
        for _ in range(count):
            self.apply_voltages([-FAR, FAR])
            cycles.append(self.features)
        return Features(*(np.stack(feature) for feature in zip(*cycles, strict=True)))

    def _require_results(self, numbers: int, remedy: str) -> None:
        size = float(numbers) * self.size * self.dtype.itemsize
        require_memory(f"a result of {numbers} numbers for each of {self.size:,} cells", size, remedy)

    def limited(self) -> np.int64:
        """Number of cells with a feature of the running cycle that had to be limited to what a device can be."""
        return np.int64(np.count_nonzero(sw.is_limited(self._status())))

    def _status(self) -> NDArray[np.uint32]:
        return self.state.status().reshape(self.shape)

    # ---- copies

    def copy(self) -> "CellArray":
        """An array of its own with the same cells: from here on both live the same lives, apart."""
        return self.from_state(self.state.copy(), self.shape)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory, from which `synaptogen.load` resumes bit for bit.

        The directory is written beside its place and renamed, so that a crash leaves what was there before. Needs the
        extra ``synaptogen[zarr]``.

        Raises
        ------
        FileExistsError
            If there is something at ``path`` and ``overwrite`` is not given.
        """
        save_state(self.state, self.shape, path, overwrite=overwrite)


def load(path: str | os.PathLike[str], *, threads: int | None = None) -> CellArray:
    """Read an array written by `CellArray.save`: it goes on bit for bit where that one stopped.

    Parameters
    ----------
    path : path of the zarr directory
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or incomplete.
    """
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    return CellArray.from_state(*load_state(path, workers))
