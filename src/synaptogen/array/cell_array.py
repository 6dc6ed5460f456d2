"""CellArray: an array of virtual devices, the class that users work with."""

import functools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import RNG, PathLike, RealArray, Shape, checked, checks, default_threads, require_memory
from synaptogen.engines import FIELDS, CellIds, EngineName, ReadNumbers, Start, Storage
from synaptogen.io import load_state, save_state
from synaptogen.model import U_NEVER, cycle, is_limited, iv
from synaptogen.params import DeviceParams
from synaptogen.state import (
    BANDWIDTH,
    ArraySpec,
    CellState,
    Features,
    HistoryKind,
    modes_of,
    noise_offset,
    pulse_widths,
    read_bandwidth,
    ticks_of,
)
from synaptogen.wires import Wires, apply_through_lines, line_currents

from .indexing import Index, select_positions
from .operators import CellOperators, html_table

if TYPE_CHECKING:
    from .on_gpu import OnGPU

FAR = 1e6  # V; a voltage that sets or resets any cell completely


class CellArray(CellOperators):
    """An array of virtual resistive memory cells.

    Every cell is one device drawn from a learned population. Its behaviour depends on the seed, on its position in the
    array and on the voltages applied to it, and never on how the computation is divided or parallelised. Cells start
    in the HRS of their cycle 0.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the array. Two axes make it a crossbar, `cells @ v`.
    params : str or DeviceParams
        The device population: the name of a preset (`synaptogen.presets`) or a parameter set.
    rng : int, SeedSequence, Generator or None
        Source of the seed; an int from 0 to 2**64 - 1 is the seed itself, None takes a fresh one.
    engine : {"cpu", "cuda", "reference"}
        Compiled code in single precision on the processor, or on an NVIDIA GPU (with the extra ``cuda12``
        or ``cuda13``), or plain NumPy in double precision.
    history : {"var", "compact"}, optional
        How a cell remembers earlier cycles: by a vector autoregression, or by a state space of a few numbers per cell,
        which is faster and smaller. Default: the kind that the parameter set holds. The other kind is made by
        `DeviceParams.compact` (8 states) or `DeviceParams.with_order` (order 10).
    storage : {"full", "compact"}
        How cells are stored: in single precision, or packed into 16-bit numbers, which takes 20 bytes per cell with a
        history of 4 states (made if none is given; `DeviceParams.compact` makes others) and allows a billion cells on
        one machine. Compact cells behave like full ones within rounding, and take longer where a cycle begins. CPU
        engine only.
    start : {"stationary", "pristine"}
        Whether cells have been cycled many times before, or have no past.
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.
    bandwidth : float
        Bandwidth of reads in Hz, which sets their noise; 0 turns noise off.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or no preset, engine or history has that name.
    ModuleNotFoundError, RuntimeError
        If the engine needs an extra, or a GPU, that is missing.
    MemoryError
        If the array would not fit into memory.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    state : CellState
        The cells behind the array, for other parts of the package.

    Examples
    --------
    >>> import synaptogen as sg
    >>> cells = sg.CellArray((2, 3), rng=7)
    >>> (1e6 * cells.conductance()).round(1)  # HRS, microsiemens
    array([[27.9, 13.4, 14.2],
           [ 3.6, 24.5,  8.6]], dtype=float32)
    >>> cells.apply_voltage(-2.0)
    >>> (1e6 * cells.conductance()).round(0)  # LRS
    array([[213., 243., 215.],
           [222., 221., 222.]], dtype=float32)
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        rng: RNG = None,
        engine: EngineName = "cpu",
        history: HistoryKind | None = None,
        storage: Storage = "full",
        start: Start = "stationary",
        threads: int | None = None,
        bandwidth: float = BANDWIDTH,
    ) -> None:
        shape = checks.shape(shape)
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        size = math.prod(shape)
        spec = ArraySpec.from_arguments(
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
    def from_state(cls, state: CellState, shape: Shape) -> "CellArray":
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

    # ---- properties of the array

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
    def size(self) -> int:
        """Number of cells."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

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
    def nbytes(self) -> int:
        """Memory in bytes that the cells take."""
        return round(self.size * self._bytes_per_cell)

    @property
    def _bytes_per_cell(self) -> float:
        return self.state.engine.bytes_per_cell + self.state.clock.bytes_per_cell

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
            f"start={self.state.engine.start}, seed={self.seed}, {noise}, {self._time_in_words()}"
            f"{self._bytes_per_cell:.0f} B a cell, {self.nbytes / 2**20:.1f} MiB)"
        )

    def _time_in_words(self) -> str:
        law, part = self.params.pulse_width, self.params.fluctuation
        widths = "" if law is None else f"pulse widths of {law.name!r} ({law.reference:g} s), "
        if part is None:
            return widths + (f"time {self.time:g} s (cells stand still), " if self.time else "")
        return f"{widths}fluctuation of {part.name!r} at {self.time:g} s, "

    def _repr_html_(self) -> str:
        history = self.params.history
        facts = {
            "shape": " x ".join(map(str, self.shape)) or "1 cell",
            "params": self.params.name,
            "engine": self.state.engine.describe(),
            "history": f"{history!r}, start {self.state.engine.start}",
            "seed": str(self.seed),
            "noise": f"{self.bandwidth:g} Hz at 300 K" if self.bandwidth else "none",
            **({"time": self._time_in_words().removesuffix(", ")} if self._time_in_words() else {}),
            "memory": f"{self.nbytes / 2**20:.1f} MiB, {self._bytes_per_cell:.0f} B a cell",
        }
        if self.state.positions is not None:
            facts["view"] = f"of {self.state.engine.cells.size} cells"
        return html_table(type(self).__name__, facts)

    def __getitem__(self, key: Index) -> "CellArray":
        """Return a view of some cells: a voltage applied to the view is applied to these cells of the array.

        Parameters
        ----------
        key : index as for a NumPy array
            Ints, slices, an ellipsis, None, arrays of int or bool, or a tuple of these.

        Returns
        -------
        CellArray
            The same cells, not copies.

        Raises
        ------
        IndexError
            If the index selects cells that do not exist, none at all, or one of them twice.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells[0].apply_voltage(-2.0)
        >>> cells.mode
        array([[1, 1, 1],
               [2, 2, 2]], dtype=uint8)
        """
        positions = select_positions(self.shape, key)
        return self.from_state(self.state.take(positions.ravel()), positions.shape)

    def __iter__(self) -> Iterator["CellArray"]:
        for k in range(len(self)):
            yield self[k]

    def ravel(self) -> "CellArray":
        """Return a view of the same cells with one axis.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray((2, 3), rng=7).ravel().shape
        (6,)
        """
        return self.from_state(self.state.alias(), (self.size,))

    # ---- voltages

    def apply_voltage(
        self,
        u: ArrayLike,
        *,
        where: ArrayLike | None = None,
        wires: Wires | None = None,
        width: float | None = None,
    ) -> None:
        """Apply a voltage to each cell: a pulse, or one point of a sweep.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`
            Voltages in V. Zero changes nothing.
        where : array of bool that broadcasts to `shape`, optional
            Apply the voltage to these cells only; default: to all.
        wires : Wires, optional
            Apply the voltages through the lines of a crossbar, all of them driven: u[i, j] = columns[j] - rows[i]. The
            wires take a part of the voltage. The voltages across the cells are solved again after cells have switched,
            until no more cells switch; a warning is given if that does not end. Default: ideal wires.
        width : float, optional
            Width of the pulse in s: the voltage acts as `DeviceParams.pulse_width` says (docs/time.md), and the clock
            of the whole array moves on before cells change. Default: the pulse acts as one of the width for which the
            thresholds hold, and takes no time.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width; with ``wires``, if
            ``where`` is given too or ``u`` is no such difference. No cell has changed then.
        NotConvergedError
            With ``wires``, if their tolerance cannot be reached; cells may have changed.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)  # SET
        >>> cells.apply_voltage(1.1, where=[True, False, True])  # partial RESET of two columns
        >>> cells.mode  # 0: partly reset, 1: LRS
        array([[0, 1, 0],
               [0, 1, 0]], dtype=uint8)
        """
        widths = None if width is None else pulse_widths("width", width, self.params, 1)
        if wires is not None:
            if not isinstance(wires, Wires):
                raise TypeError(f"wires is a {type(wires).__name__}: give a synaptogen.crossbar.Wires, or None")
            if where is not None:
                raise ValueError("where cannot be combined with wires: every cell is on lines, and sees their voltages")
            with self.state.guard.changing(steps=True):
                return apply_through_lines(self, u, wires, None if widths is None else float(widths[0]))
        voltage = checks.voltages("u", u, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        if widths is not None:
            return self.state.apply_pulses(voltage[None], widths, mask)
        return self.state.apply(voltage[None], mask)

    def apply_voltages(
        self, pulses: ArrayLike, *, where: ArrayLike | None = None, width: ArrayLike | None = None
    ) -> None:
        """Apply K voltages one after the other, in one pass over memory.

        The result is that of K calls of `apply_voltage`, in less time.

        Parameters
        ----------
        pulses : array of shape (K,) or (K, ...) with axes that broadcast to `shape`
            Voltages in V.
        where : array of bool that broadcasts to `shape`, optional
            Apply them to these cells only; default: to all.
        width : float or array of shape (K,), optional
            Width of the pulses in s, or of each; see `apply_voltage`. Where cells fluctuate, this takes as many passes
            as there are pulses.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=1)
        >>> cells.apply_voltages([-2.0, 1.2, 2.0])  # SET, partial RESET, full RESET
        >>> cells.mode  # 2: HRS
        array([2, 2, 2], dtype=uint8)
        """
        voltages = checks.pulses("pulses", pulses, self.shape, self.state.engine.dtype)
        mask = None if where is None else checks.mask("where", where, self.shape)
        if width is not None:
            return self.state.apply_pulses(voltages, pulse_widths("width", width, self.params, len(voltages)), mask)
        return self.state.apply(voltages, mask)

    def sweep(self, waveform: ArrayLike, *, noise: bool = False, width: ArrayLike | None = None) -> RealArray:
        """Apply a waveform and record the current at each of its points, as in the measurement of an I-V curve.

        Parameters
        ----------
        waveform : array of shape (T,) or (T, ...) with axes that broadcast to `shape`
            Voltages in V.
        noise : bool
            Add the noise of a read to each current.
        width : float or array of shape (T,), optional
            Take each point as a pulse of this width in s, or each of its own; see `apply_voltage`. Currents are those
            at the voltages of the waveform. Takes one pass a point. Default: the points are those of a ramp for which
            the thresholds hold.

        Returns
        -------
        array of shape (T, *shape)
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.
        MemoryError
            If the currents would not fit into memory. No cell has changed then.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=1)
        >>> currents = cells.sweep(np.linspace(0.0, -2.0, 5))
        >>> (1e6 * currents).round(0)  # microamperes; all cells set before -1 V
        array([[   0.,    0.,    0.],
               [  -4.,   -9.,  -13.],
               [-161., -158., -158.],
               [-176., -175., -174.],
               [-255., -254., -254.]], dtype=float32)
        """
        voltages = checks.pulses("waveform", waveform, self.shape, self.state.engine.dtype)
        bandwidth = self.bandwidth if checks.flag("noise", noise) else 0.0
        widths = None if width is None else pulse_widths("width", width, self.params, len(voltages))
        self._require_results(len(voltages), "sweep fewer points, or parts of the array one after the other")
        if widths is not None:
            return self.state.sweep_pulses(voltages, widths, bandwidth).reshape(len(voltages), *self.shape)
        return self.state.sweep(voltages, bandwidth).reshape(len(voltages), *self.shape)

    # ---- time

    @property
    def time(self) -> float:
        """Time in s since the array was made: the sum of all waits, widths of pulses and durations of reads."""
        return self.state.clock.time.seconds

    def wait(self, seconds: float, temperature: float | None = None) -> None:
        """Let time pass: conductances relax and fluctuate as the parameter set says (docs/time.md).

        The state afterwards does not depend on how a wait is divided. Where the parameter set says nothing about time
        (`DeviceParams.with_fluctuation`), cells stand still and only the clock moves.

        Parameters
        ----------
        seconds : float
            How long, counted in whole nanoseconds.
        temperature : float, optional
            Temperature in K meanwhile, at which time counts as the activation energy says. Default: that for which the
            parameters hold.

        Raises
        ------
        ValueError
            If the cells are some of a larger array, whose time passes as a whole; or if an argument is not of the kind
            described.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> params = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
        >>> cells = sg.CellArray(1000, params, rng=7)
        >>> before = cells.conductance()
        >>> cells.wait(3600)
        >>> change = abs(cells.conductance() / before - 1)
        >>> cells.time, bool(0.03 < np.median(change) < 0.3)
        (3600.0, True)
        """
        seconds = checks.not_negative("seconds", seconds, "s")
        temperature = None if temperature is None else checks.positive("temperature", temperature, "K")
        if self.state.positions is not None:
            raise ValueError(
                f"wait cannot be called on a view of some of {self.state.engine.cells.size} cells: time passes for all "
                "of them. Call it on the whole array, or on a copy() of these cells"
            )
        self.state.wait(ticks_of(seconds), temperature)

    # ---- reads

    def read(
        self, u: ArrayLike | None = None, *, bandwidth: float | None = None, duration: float | None = None
    ) -> RealArray:
        """Return currents with the thermal and shot noise of a measurement; reading changes no cell.

        Each read of a cell has its own noise.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Read voltages in V; default: the read voltage of the parameter set.
        bandwidth : float, optional
            Bandwidth in Hz; 0: no noise. Default: half the inverse of ``duration`` if that is given and the array has
            noise, else that of the array.
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, the bandwidth is negative, or the duration is not above 0.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> first, second = cells.read(0.2), cells.read(0.2)
        >>> np.array_equal(first, second)
        False
        >>> np.allclose(first, cells.current(0.2), atol=1e-6)
        True
        """
        voltage = self._read_voltage(u)
        return self._read(voltage, read_bandwidth(bandwidth, duration, self.bandwidth), duration)

    def _read(self, voltage: RealArray, bandwidth: float, duration: float | None) -> RealArray:
        if duration is None:
            return self.state.read(voltage[None], bandwidth).reshape(self.shape)
        ticks = ticks_of(checks.positive("duration", duration, "s"))
        with self.state.guard.changing(steps=True):
            out = self.state.read(voltage[None], bandwidth)
            self.state.wait(ticks, None)
        return out.reshape(self.shape)

    def read_in_blocks(self, u: float | None = None, *, block: int = 1 << 22) -> Iterator[RealArray]:
        """Read all cells at one voltage, and return the currents block by block.

        The blocks, laid end to end, are the flat result of one `read`, bit for bit. They are of use where the memory
        left beside an array cannot hold all of its currents.

        Parameters
        ----------
        u : float, optional
            Read voltage in V; default: that of the parameter set.
        block : int
            Number of cells of a block.

        Returns
        -------
        iterator of arrays of shape (block,)
            Currents in A; the last block may be shorter.

        Raises
        ------
        ValueError
            If ``u`` is not one finite voltage, or ``block`` is less than 1.

        Examples
        --------
        >>> import synaptogen as sg
        >>> [len(currents) for currents in sg.CellArray(10, rng=1).read_in_blocks(block=4)]
        [4, 4, 2]
        """
        if isinstance(u, bool):
            raise TypeError(f"u={u} is a truth value: give a voltage in V")
        block, voltage = checks.positive_int("block", block), self._read_voltage(u)
        if voltage.size > 1:
            raise ValueError(f"u holds {voltage.size} voltages: give one for all cells, or use read")
        return self._blocks_read(voltage[None], block, self.bandwidth, self.state.take_read(self.bandwidth))

    def _blocks_read(self, u: RealArray, block: int, bandwidth: float, reads: ReadNumbers) -> Iterator[RealArray]:
        for begin in range(0, self.size, block):
            here = np.arange(begin, min(self.size, begin + block))
            yield self.state.take(here).read_numbered(u, bandwidth, reads)

    def current(self, u: ArrayLike | None = None, *, duration: float | None = None) -> RealArray:
        """Return currents without noise.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Voltages in V; default: the read voltage of the parameter set.
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the duration is not above 0.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> (1e6 * cells.current([0.1, 0.2, 0.3])).round(2)  # microamperes, one voltage per column
        array([[2.75, 2.68, 4.41],
               [0.34, 4.9 , 2.74]], dtype=float32)
        """
        voltage = self._read_voltage(u)
        return self._read(voltage, 0.0, duration)

    def conductance(self, *, duration: float | None = None) -> RealArray:
        """Return conductances I/U at the read voltage of the parameter set, without noise.

        Parameters
        ----------
        duration : float, optional
            How long the read takes in s: afterwards the clock of the whole array moves on. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Conductances in S.

        Examples
        --------
        >>> import synaptogen as sg
        >>> (1e6 * sg.CellArray(3, rng=7).conductance()).round(1)  # microsiemens
        array([27.9, 13.4, 14.2], dtype=float32)
        """
        u = self.state.engine.dtype(self.params.u_read)
        return np.asarray(self.current(u, duration=duration) / u)

    def _read_voltage(self, u: ArrayLike | None) -> RealArray:
        return checks.voltages("u", self.params.u_read if u is None else u, self.shape, self.state.engine.dtype)

    # ---- crossbar products

    def product(
        self,
        v: ArrayLike,
        *,
        transpose: bool = False,
        bandwidth: float | None = None,
        wires: Wires | None = None,
        duration: float | None = None,
    ) -> RealArray:
        """Return the currents of all lines of the crossbar, as in a product of matrix and vector.

        ``cells @ v`` is ``cells.product(v)``, and ``v @ cells`` is ``cells.product(v, transpose=True)``.

        Parameters
        ----------
        v : array of shape (columns,) or (columns, batch)
            Voltages in V on the columns; with ``transpose`` on the rows, (rows,) or (batch, rows).
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float, optional
            Bandwidth in Hz of the measurement of a line; 0: no noise. Default: as of `read`.
        wires : Wires, optional
            Resistances of the lines, with which the network is solved exactly; default: ideal lines.
        duration : float, optional
            How long the product takes in s, all vectors of a batch together: afterwards the clock of the whole array
            moves on. Default: it takes no time.

        Returns
        -------
        array of shape (rows,) or (rows, batch); with ``transpose`` (columns,) or (batch, columns)
            Currents in A. Each has one Gaussian of noise, with the summed variance of its cells.

        Raises
        ------
        ValueError
            If the array does not have two axes, shapes do not match, a voltage is not finite, or the duration is not
            above 0.
        NotConvergedError
            If the tolerance of ``wires`` cannot be reached.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)
        >>> (1e6 * cells.product([0.2, 0.1, 0.0], bandwidth=0)).round(1)  # microamperes, one per row
        array([66.8, 66.3], dtype=float32)
        >>> (cells @ [0.2, 0.1, 0.0]).shape, ([0.2, 0.1] @ cells).shape
        ((2,), (3,))
        """
        bandwidth = read_bandwidth(bandwidth, duration, self.bandwidth)
        crossbar, transpose = checks.crossbar(self.shape), checks.flag("transpose", transpose)
        if wires is not None and not isinstance(wires, Wires):
            raise TypeError(f"wires is a {type(wires).__name__}: give a synaptogen.crossbar.Wires, or None")
        vectors = checks.vectors(v, self.shape, transpose, self.state.engine.dtype)
        through = None if wires is None else functools.partial(line_currents, self, wires)
        currents = self.state.line_currents(crossbar, vectors, transpose, bandwidth, through)
        if duration is not None:
            self.state.wait(ticks_of(duration), None)
        shaped = currents if transpose else currents.T
        return shaped.reshape(-1) if np.ndim(v) == 1 else np.ascontiguousarray(shaped)

    def __matmul__(self, v: ArrayLike) -> RealArray:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> RealArray:
        return self.product(v, transpose=True)

    @property
    def on_gpu(self) -> "OnGPU":
        """Methods of the array that take arrays of CuPy, PyTorch and others on the GPU, and leave results there.

        Raises
        ------
        ValueError
            If the cells are not on a GPU.
        """
        if self.engine != "cuda":
            raise ValueError(f"these cells are of engine={self.engine!r}: make them with engine='cuda'")
        from .on_gpu import OnGPU  # loads the GPU compiler, an extra

        return OnGPU(self.state, self.shape)

    # ---- state, as copies

    @property
    def r(self) -> RealArray:
        """Mixing states, of shape `shape`: 0 at the lowest LRS, towards 1 at the highest HRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.r.round(2)
        array([0.8 , 0.85, 0.84], dtype=float32)
        """
        return self.state.mixing().reshape(self.shape)

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes of shape `shape`, as numbers of `Mode`: 0 partly reset, 1 LRS, 2 HRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.mode
        array([2, 2, 2], dtype=uint8)
        >>> cells.apply_voltage(-2.0)
        >>> cells.mode == sg.Mode.LRS
        array([ True,  True,  True])
        """
        return modes_of(self._status())

    @property
    def cycle(self) -> NDArray[np.uint32]:
        """Numbers of the running cycles, of shape `shape`; a cycle begins with the RESET of a cell in its LRS.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> cells.apply_voltages([-2.0, 2.0] * 4)
        >>> cells.cycle
        array([4, 4, 4], dtype=uint32)
        """
        return np.asarray(cycle(self._status()))

    @property
    def features(self) -> Features:
        """Features of the running cycles, four arrays of shape `shape`.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).features.u_set.round(2)  # V
        array([-0.57, -0.74, -0.7 ], dtype=float32)
        """
        p, fields = self.state.constants, self.state.fields()
        values = dict(zip(FIELDS, fields.astype(float), strict=True))
        for name in ("r_hrs", "r_lrs"):
            values[name] = iv.resistance_from_mixing(values[name], p)
        kind = self.state.engine.dtype
        return Features(*(values[name].astype(kind).reshape(self.shape) for name in Features._fields))

    @property
    def device(self) -> RealArray:
        """Device vectors of shape (8, *shape), as drawn: the offset mu of each feature, then the scale sigma of each.

        Features in this order: log10 of r_hrs in ohm, u_set in V, r_lrs in ohm, u_reset in V.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).device[1].round(2)  # offsets of U_SET, V
        array([-0.66, -0.67, -0.69], dtype=float32)
        """
        return self.state.device().reshape(8, *self.shape)

    @property
    def component(self) -> NDArray[np.uint8]:
        """Numbers, of shape `shape`, of the components of the population that cells were drawn from.

        They identify outliers where the population has a component for them.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.CellArray(3, rng=7).component
        array([1, 0, 0], dtype=uint8)
        """
        return self.state.components().reshape(self.shape)

    def upcoming(self, count: int) -> Features:
        """Return the features of the next cycles; no cell changes.

        The features of all cycles are fixed by the seed. Voltages determine when a cycle begins, not its features.

        Parameters
        ----------
        count : int
            Number of cycles, at least 1.

        Returns
        -------
        Features
            Four arrays of shape (count, *shape).

        Raises
        ------
        ValueError
            If ``count`` is less than 1.
        MemoryError
            If a copy of the cells, or the features, would not fit into memory.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> future = cells.upcoming(2)
        >>> future.u_set.round(2)  # V
        array([[-0.62, -0.63, -0.75],
               [-0.64, -0.7 , -0.66]], dtype=float32)
        >>> np.array_equal(cells.run_cycles(2).u_set, future.u_set)
        True
        """
        return self.copy().run_cycles(count)

    def run_cycles(self, count: int) -> Features:
        """Run every cell through complete cycles of SET and full RESET, and return the features of each.

        Parameters
        ----------
        count : int
            Number of cycles, at least 1.

        Returns
        -------
        Features
            Four arrays of shape (count, *shape).

        Raises
        ------
        ValueError
            If ``count`` is less than 1.
        MemoryError
            If the features would not fit into memory. No cell has changed then.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(100, rng=7)
        >>> features = cells.run_cycles(50)
        >>> features.r_hrs.shape
        (50, 100)
        >>> bool((features.r_hrs > features.r_lrs).mean() > 0.9)
        True
        """
        count = checks.positive_int("count", count)
        self._require_results(
            len(Features._fields) * count, "run fewer cycles, or parts of the array one after the other"
        )
        cycles = []
        with self.state.guard.changing(steps=True):
            for _ in range(count):
                self.apply_voltages([-FAR, FAR])
                cycles.append(self.features)
        return Features(*(np.stack(feature) for feature in zip(*cycles, strict=True)))

    def _require_results(self, numbers: int, remedy: str) -> None:
        size = float(numbers) * self.size * self.dtype.itemsize
        require_memory(f"a result of {numbers} numbers for each of {self.size:,} cells", size, remedy)

    def limited(self) -> np.int64:
        """Return the number of cells with a feature of the running cycle that was clipped to physical bounds.

        Examples
        --------
        >>> import synaptogen as sg
        >>> int(sg.CellArray((100, 100), rng=7).limited()) < 100
        True
        """
        return np.int64(np.count_nonzero(is_limited(self._status())))

    def worn(self) -> np.int64:
        """Return the number of cells that have failed for good: they stay in their LRS or HRS (`Wear`).

        Their U_SET or U_RESET in `features` is out of reach, -1e12 or 1e12 V. One that is to stay in its LRS gets there
        by its next SET.

        Examples
        --------
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(100, sg.DeviceParams.preset("hennen2024").with_wear(10, lrs=1.0), rng=7)
        >>> _ = cells.run_cycles(100)
        >>> int(cells.worn())
        100
        """
        features = self.features
        return np.int64(np.count_nonzero((features.u_set <= -U_NEVER) | (features.u_reset >= U_NEVER)))

    def _status(self) -> NDArray[np.uint32]:
        return self.state.status().reshape(self.shape)

    # ---- copies

    def copy(self, *, reads: RNG | Literal["same"] = "same") -> "CellArray":
        """Return a copy of the cells. Both arrays change independently, and respond alike to the same voltages.

        `copy.copy` and `copy.deepcopy` return such copies, too (of two views of one array in a list, `copy.deepcopy`
        makes two views of one copy).

        Parameters
        ----------
        reads : int, SeedSequence, Generator or None, optional
            Give the copy other noise of reads and products, as `reseed_reads` does. Default: its next read has the
            noise that the next read of the original has.

        Returns
        -------
        CellArray

        Raises
        ------
        MemoryError
            If the copy would not fit into memory.
        ValueError, TypeError
            If ``reads`` is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> twin, other = cells.copy(), cells.copy(reads=1)
        >>> twin.apply_voltage(-2.0)
        >>> cells.mode, twin.mode
        (array([2, 2, 2], dtype=uint8), array([1, 1, 1], dtype=uint8))
        >>> np.array_equal(cells.read(), other.read())
        False
        """
        offset = 0 if isinstance(reads, str) and reads == "same" else noise_offset(reads, "reads")
        other = self.from_state(self.state.copy(), self.shape)
        other.state.shift_noise(offset)
        return other

    def __copy__(self) -> "CellArray":
        return self.copy()

    def reseed_reads(self, rng: RNG) -> None:
        """Give the reads and products of the cells other noise; voltages and cycles stay as they are.

        For copies, and for arrays in several processes, which would otherwise repeat the noise of each other. Views of
        these cells share their noise, so it changes for all of them.

        Parameters
        ----------
        rng : int, SeedSequence, Generator or None
            Which noise. The same int gives the same. Of n successive ints, at most 75,000, each has at least
            2**32 / (3 n) reads before any read repeats the noise of another. None takes a fresh one.

        Raises
        ------
        ValueError, TypeError
            If ``rng`` is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray(3, rng=7)
        >>> workers = [cells.copy() for _ in range(4)]
        >>> for number, worker in enumerate(workers):
        ...     worker.reseed_reads(number)
        >>> len(np.unique([worker.read() for worker in workers], axis=0))
        4
        """
        self.state.shift_noise(noise_offset(rng))

    @checked
    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory, from which `synaptogen.load` restores the exact state.

        The directory is written beside its place and renamed, so that a crash leaves what was there before. Needs the
        extra ``zarr``.

        Parameters
        ----------
        path : path
            Directory to make.
        overwrite : bool
            Replace a saved array that is at ``path``; other files and folders are never replaced.

        Raises
        ------
        FileExistsError
            If there is something at ``path`` and ``overwrite`` is not given.
        FileNotFoundError
            If the folder of ``path`` is missing.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import synaptogen as sg
        >>> cells = sg.CellArray((2, 3), rng=7)
        >>> cells.apply_voltage(-2.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cells.save(f"{folder}/cells.zarr")
        ...     again = sg.load(f"{folder}/cells.zarr")
        >>> np.array_equal(cells.r, again.r)
        True
        """
        with self.state.guard.lock:
            self.state.guard.check()
            save_state(self.state, self.shape, path, overwrite=overwrite)


@checked
def load(path: PathLike, *, threads: int | None = None) -> CellArray:
    """Read an array that `CellArray.save` has written, in exactly the state in which it was saved.

    Parameters
    ----------
    path : path
        The zarr directory.
    threads : int, optional
        Threads of the CPU engine; default: the number of cores.

    Returns
    -------
    CellArray

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is something else, of another version, or incomplete.
    MemoryError
        If the array would not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> import synaptogen as sg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sg.CellArray((2, 3), rng=7).save(f"{folder}/cells.zarr")
    ...     cells = sg.load(f"{folder}/cells.zarr")
    >>> cells.shape, cells.seed
    ((2, 3), 7)
    """
    workers = default_threads() if threads is None else checks.positive_int("threads", threads)
    return CellArray.from_state(*load_state(path, workers))
