"""BlockedArray: the methods of `CellArray`, for arrays that are cut into blocks."""

import functools
import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from synaptogen._utils import (
    AnyArray,
    BoolArray,
    PathLike,
    RealArray,
    checked,
    checks,
    replacing_folder,
)
from synaptogen.array import FAR, CellArray, CommonMethods, checked_wait
from synaptogen.engines import engine_class, line_weights, with_noise
from synaptogen.io import Saved, Writer, check_writable, state_layout
from synaptogen.params import DeviceParams
from synaptogen.state import ClockTime, Features, pulse_widths, read_bandwidth, ticks_of

from . import block_operations
from .blocks import Blocks, Pause, Pulses, Step, default_block

T = TypeVar("T")

Arguments: TypeAlias = Callable[[int], tuple[object, ...]]
"""A function that returns the arguments of an operation, besides the block, for the block of a number."""


def _run(parts: Generator[Any]) -> None:
    """Run a pass whose results are not needed to its end, or to where Ctrl-C comes."""
    with closing(parts):
        for _ in parts:
            pass


def no_arguments(_: int) -> tuple[()]:
    """Return the arguments of operations that take nothing but the block."""
    return ()


class BlockedArray(CommonMethods):
    """An array of virtual resistive memory cells in blocks that are `CellArray` themselves.

    The cells are those of ``CellArray(shape, params, rng=seed, ...)`` and behave alike, bit for bit. Methods of the
    same names do the same. Results are ordinary arrays in the memory of this process; where they do not fit, use
    `read_in_blocks` and `map_blocks`. There are no views.

    Attributes
    ----------
    shape : tuple of int
        Shape of the array.
    """

    def _set_layout(self, saved: Saved, block: int | None) -> None:
        """Take over the description of an array, and cut it into blocks of at most ``block`` cells."""
        self._spec, self.shape = saved.spec, saved.shape
        cells = default_block(saved.spec.bytes_per_cell) if block is None else checks.positive_int("block", block)
        self._blocks = Blocks(self.shape, cells)
        self._reads, self._products, self._voltages = saved.reads, saved.products, saved.voltages
        self._time = saved.time

    # ---- how operations reach the blocks: the difference between subclasses

    @abstractmethod
    def _evaluate(
        self, operation: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Generator[Any]:
        """Return the results of an operation that changes no cell, for each block in order.

        Parameters
        ----------
        operation : callable
            Called as ``operation(block, *arguments(k))`` for block number k.
        arguments : callable
            Returns the further arguments for block number k.
        blocks : iterable of int, optional
            Numbers of the blocks; default: all.

        Returns
        -------
        iterator
        """

    @abstractmethod
    def _modify(
        self, operation: Callable[..., Any], pulses: Step, where: BoolArray | None, *arguments: object
    ) -> Generator[Any]:
        """Return the results of an operation that applies voltages or waits, for each block in order.

        Parameters
        ----------
        operation : callable
            Called as ``operation(block, pulses, where, *arguments)`` with the parts for the block.
        pulses : array of shape (K, ...), Pulses, or Pause
            Voltages in V; the axes after the first are those of the array, of full length or 1. Or a wait.
        where : array of bool, optional
            Apply the voltages to these cells only; axes as of the array, of full length or 1.
        *arguments
            Further arguments, the same for all blocks.

        Returns
        -------
        iterator
            It must be run to its end.
        """

    # ---- properties of the array

    @property
    def params(self) -> DeviceParams:
        """The parameter set of the device population."""
        return self._spec.params

    @property
    def seed(self) -> int:
        """The 64-bit seed."""
        return self._spec.seed

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self._spec.engine

    @property
    def storage(self) -> str:
        """Form in which cells are stored: "full" or "compact"."""
        return self._spec.storage

    @property
    def bandwidth(self) -> float:
        """Bandwidth of reads in Hz."""
        return self._spec.bandwidth

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of results."""
        kind: np.dtype[np.floating[Any]] = np.dtype(engine_class(self.engine, self.storage).dtype)
        return kind

    @property
    def _bytes_per_cell(self) -> float:
        return self._spec.bytes_per_cell

    @property
    def _start(self) -> str:
        return self._spec.start

    @property
    def voltages(self) -> int:
        """Number of voltages that have been applied to the array since its cells were made.

        It is saved with the array: a program that was interrupted goes on with ``program[cells.voltages :]``.
        """
        return self._voltages

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self._blocks)

    def _location(self) -> str:
        return f"{self._place()}, {self.blocks} blocks"

    def _machine(self) -> str:
        return f"{self.engine}, storage={self.storage}"

    @abstractmethod
    def _place(self) -> str:
        """Return where the blocks are, in a few words for `repr`."""

    # ---- voltages

    def apply_voltage(self, u: ArrayLike, *, where: ArrayLike | None = None, width: float | None = None) -> None:
        """Apply a voltage to each cell; see `CellArray.apply_voltage`.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`
            Voltages in V. Zero changes nothing.
        where : array of bool that broadcasts to `shape`, optional
            Apply the voltage to these cells only; default: to all.
        width : float, optional
            Width of the pulse in s. Default: it acts as one of the reference width, and takes no time.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.
        """
        self.apply_voltages(self._checked_voltages("u", u)[None], where=where, width=width)

    def apply_voltages(
        self, pulses: ArrayLike, *, where: ArrayLike | None = None, width: ArrayLike | None = None
    ) -> None:
        """Apply K voltages one after the other in one pass over all blocks; see `CellArray.apply_voltages`.

        Voltages that are the same along an axis are best given with length 1 along it: they are passed on like that.

        Parameters
        ----------
        pulses : array of shape (K,) or (K, ...) with axes that broadcast to `shape`
            Voltages in V.
        where : array of bool that broadcasts to `shape`, optional
            Apply them to these cells only; default: to all.
        width : float or array of shape (K,), optional
            Width of the pulses in s, or of each.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the cells know no such width. No cell has changed then.
        """
        mask = None if where is None else checks.aligned("where", checks.truths("where", where), self.shape)
        _run(self._modify(block_operations.apply, self._step_of(self._pulses("pulses", pulses), width), mask))

    def _step_of(self, voltages: RealArray, width: ArrayLike | None) -> RealArray | Pulses:
        if width is None:
            return voltages
        return Pulses(voltages, pulse_widths("width", width, self.params, len(voltages)))

    @checked
    def sweep(self, waveform: ArrayLike, *, noise: bool = False, width: ArrayLike | None = None) -> RealArray:
        """Apply a waveform and record the current at each of its points; see `CellArray.sweep`.

        Parameters
        ----------
        waveform : array of shape (T,) or (T, ...) with axes that broadcast to `shape`
            Voltages in V.
        noise : bool
            Add the noise of a read to each current.
        width : float or array of shape (T,), optional
            Take each point as a pulse of this width in s, or each of its own.

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
        """
        pulses = self._pulses("waveform", waveform)
        step = self._step_of(pulses, width)
        out = self._allocate_result(self.dtype, len(pulses))
        number, noise = self._reads, bool(noise and self.bandwidth)
        self._count_reads(len(pulses) if noise else 0)  # before, so that it is saved with what the sweep changes
        return self._gather(out, self._modify(block_operations.sweep, step, None, noise, number))

    @checked
    def run_cycles(self, count: int) -> Features:
        """Run every cell through complete cycles, and return the features of each; see `CellArray.run_cycles`."""
        count = checks.positive_int("count", count)
        out = self._allocate_result(self.dtype, len(Features._fields), count)
        pulses = self._pulses("pulses", [-FAR, FAR] * count)
        return Features(*self._gather(out, self._modify(block_operations.run_cycles, pulses, None)))

    # ---- time

    @property
    def time(self) -> float:
        """Time in s since the array was made: the sum of all waits, widths of pulses and durations of reads."""
        return self._time.seconds

    def wait(self, seconds: float, temperature: float | None = None) -> None:
        """Let time pass, in one pass over all blocks; see `CellArray.wait`.

        Parameters
        ----------
        seconds : float
            How long, counted in whole nanoseconds.
        temperature : float, optional
            Temperature in K meanwhile. Default: that for which the parameters hold.

        Raises
        ------
        ValueError
            If an argument is not of the kind described.
        """
        pause = Pause(*checked_wait(seconds, temperature))
        _run(self._modify(block_operations.apply, pause, None))

    def _pass_time(self, duration: float | None) -> None:
        """Let the time of a read pass, which has been checked."""
        if duration is not None:
            self.wait(duration)

    def _time_after(self, step: Step) -> ClockTime:
        time, law = self._time, self.params.fluctuation
        if isinstance(step, Pause):
            return time.after(law, *step)
        for width in step.widths.tolist() if isinstance(step, Pulses) else ():
            time = time.after(law, ticks_of(width), None)
        return time

    def _checked_voltages(self, name: str, value: ArrayLike) -> RealArray:
        return checks.aligned(name, checks.finite(name, value, self.dtype.type), self.shape)

    def _pulses(self, name: str, value: ArrayLike) -> RealArray:
        return checks.aligned(name, checks.counted(name, value, self.dtype.type), self.shape, first=True)

    # ---- reads

    def read(
        self, u: ArrayLike | None = None, *, bandwidth: float | None = None, duration: float | None = None
    ) -> RealArray:
        """Return currents with noise; see `CellArray.read`.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Read voltages in V; default: the read voltage of the parameter set.
        bandwidth : float, optional
            Bandwidth in Hz; 0: no noise. Default: half the inverse of ``duration`` if that is given and the array has
            noise, else that of the array.
        duration : float, optional
            How long the read takes in s; time then passes in one pass over all blocks. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, the bandwidth is negative, or the duration is not above 0.
        MemoryError
            If the currents would not fit into memory.
        """
        voltage, bandwidth = self._read_voltage(u), read_bandwidth(bandwidth, duration, self.bandwidth)
        out, number = self._allocate_result(self.dtype), self._reads

        def arguments(k: int) -> tuple[object, ...]:
            return self._blocks.part(k, voltage), bandwidth, number

        self._gather(out, self._evaluate(block_operations.read, arguments))
        self._count_reads(1 if bandwidth else 0)
        self._pass_time(duration)
        return out

    def read_in_blocks(self, u: float | None = None) -> Iterator[RealArray]:
        """Read all cells at one voltage, and return the currents block by block; see `CellArray.read_in_blocks`.

        Parameters
        ----------
        u : float, optional
            Read voltage in V; default: that of the parameter set.

        Returns
        -------
        iterator of flat arrays
            Currents in A.

        Raises
        ------
        ValueError
            If ``u`` is not one finite voltage.
        """
        voltage, number = self._one_voltage(u), self._reads
        self._count_reads(1 if self.bandwidth else 0)
        return self._blocks_read(voltage, number)

    def _blocks_read(self, voltage: RealArray, number: int) -> Iterator[RealArray]:
        for k in range(self.blocks):
            for currents in self._evaluate(block_operations.read, lambda _: (voltage, self.bandwidth, number), [k]):
                yield currents.reshape(-1)

    def current(self, u: ArrayLike | None = None, *, duration: float | None = None) -> RealArray:
        """Return currents without noise; see `CellArray.current`.

        Parameters
        ----------
        u : float or array that broadcasts to `shape`, optional
            Voltages in V; default: the read voltage of the parameter set.
        duration : float, optional
            How long the read takes in s. Default: it takes no time.

        Returns
        -------
        array of shape `shape`
            Currents in A.

        Raises
        ------
        ValueError
            If a voltage is not finite, a shape does not fit, or the duration is not above 0.
        """
        voltage = self._read_voltage(u)
        read_bandwidth(0.0, duration, 0.0)
        out = self._allocate_result(self.dtype)
        self._gather(out, self._evaluate(block_operations.current, lambda k: (self._blocks.part(k, voltage),)))
        self._pass_time(duration)
        return out

    def _count_reads(self, k: int) -> None:
        self._reads = (self._reads + k) & 0xFFFFFFFF

    # ---- crossbar products

    @checked
    def product(
        self,
        v: ArrayLike,
        *,
        transpose: bool = False,
        bandwidth: float | None = None,
        duration: float | None = None,
    ) -> RealArray:
        """Return the currents of all lines of the crossbar; see `CellArray.product`.

        Each row lies in one block, and its current is that of a `CellArray`. Currents of columns are sums over blocks,
        in double precision and in the order of the blocks, so that the size of blocks changes their rounding.

        Parameters
        ----------
        v : array of shape (columns,) or (columns, batch)
            Voltages in V on the columns; with ``transpose`` on the rows, (rows,) or (batch, rows).
        transpose : bool
            Drive the rows and return the currents of the columns.
        bandwidth : float, optional
            Bandwidth in Hz of the measurement of a line; 0: no noise. Default: as of `read`.
        duration : float, optional
            How long the product takes in s, all vectors of a batch together. Default: it takes no time.

        Returns
        -------
        array of shape (rows,) or (rows, batch); with ``transpose`` (columns,) or (batch, columns)
            Currents in A.

        Raises
        ------
        ValueError
            If the array does not have two axes, shapes do not match, a voltage is not finite, or the duration is not
            above 0.
        """
        bandwidth = read_bandwidth(bandwidth, duration, self.bandwidth)
        checks.crossbar(self.shape)
        vectors = checks.vectors(v, self.shape, transpose, self.dtype.type)
        if transpose:
            currents = self._column_currents(vectors, bandwidth)
            shaped = currents.reshape(-1) if np.ndim(v) == 1 else currents
        else:
            given = vectors[0] if np.ndim(v) == 1 else vectors.T
            number = self._products
            parts = self._evaluate(block_operations.row_currents, lambda _: (given, bandwidth, number))
            shaped = np.concatenate(list(parts))
        self._count_products(1 if bandwidth else 0)
        self._pass_time(duration)
        return shaped

    def _column_currents(self, vectors: RealArray, bandwidth: float) -> RealArray:
        offset, weights = line_weights(vectors.astype(np.float64), bandwidth, self._spec.compiled_params.constants)
        parts = self._evaluate(block_operations.column_sums, lambda k: (weights[:, self._blocks[k]],))
        sums = functools.reduce(lambda total, part: total + part.astype(np.float64), parts, offset)
        normals = None
        if bandwidth:
            number = self._products
            (normals,) = self._evaluate(block_operations.column_normals, lambda _: (number, len(vectors)), [0])
        return np.asarray(with_noise(sums, normals, len(vectors)), self.dtype)

    def _count_products(self, k: int) -> None:
        self._products += k

    # ---- state, as copies

    @property
    def r(self) -> RealArray:
        """Mixing states of shape `shape`; see `CellArray.r`."""
        return self._state("r", self.dtype)

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes of shape `shape`, as numbers of `Mode`."""
        return self._state("mode", np.uint8)

    @property
    def cycle(self) -> NDArray[np.uint32]:
        """Numbers of the running cycles, of shape `shape`."""
        return self._state("cycle", np.uint32)

    @property
    def component(self) -> NDArray[np.uint8]:
        """Numbers, of shape `shape`, of the components of the population that cells were drawn from."""
        return self._state("component", np.uint8)

    @property
    def device(self) -> RealArray:
        """Device vectors of shape (8, *shape); see `CellArray.device`."""
        return self._state("device", self.dtype, 8)

    @property
    def features(self) -> Features:
        """Features of the running cycles, four arrays of shape `shape`."""
        out = self._allocate_result(self.dtype, len(Features._fields))
        return Features(*self._gather(out, self._evaluate(block_operations.features)))

    @checked
    def upcoming(self, count: int) -> Features:
        """Return the features of the next cycles; see `CellArray.upcoming`."""
        count = checks.positive_int("count", count)
        out = self._allocate_result(self.dtype, len(Features._fields), count)
        return Features(*self._gather(out, self._evaluate(block_operations.upcoming, lambda _: (count,))))

    def limited(self) -> np.int64:
        """Return the number of cells with a limited feature of the running cycle; see `CellArray.limited`."""
        return np.int64(sum(self._evaluate(block_operations.limited)))

    def worn(self) -> np.int64:
        """Return the number of cells that have failed for good; see `CellArray.worn`."""
        return np.int64(sum(self._evaluate(block_operations.worn)))

    def map_blocks(self, function: Callable[[CellArray], T]) -> list[T]:
        """Call a function with each block, where the block is, and return the results in the order of the blocks.

        Parameters
        ----------
        function : callable
            Takes a `CellArray` that holds some entries of the first axis. It may read, and must not apply voltages:
            what it changed would be lost, or not, depending on where the block is.

        Returns
        -------
        list
        """
        return list(self._evaluate(block_operations.call_function, lambda _: (function,)))

    def _state(self, name: str, dtype: DTypeLike, *lead: int) -> AnyArray:
        out = self._allocate_result(dtype, *lead)
        return self._gather(out, self._evaluate(block_operations.array_property, lambda _: (name,)))

    def _allocate_result(self, dtype: DTypeLike, *lead: int) -> AnyArray:
        """Return an array for a result, with axes ``lead`` before those of the cells, if it fits into memory."""
        numbers, kind = math.prod(lead), np.dtype(dtype)
        remedy = "use read_in_blocks, or map_blocks with a function that sums up"
        self._require_results(numbers, kind.itemsize, remedy)
        return np.empty((*lead, *self.shape), kind)

    def _gather(self, out: AnyArray, parts: Generator[AnyArray]) -> AnyArray:
        lead = (slice(None),) * (out.ndim - self.ndim)
        with closing(parts):  # also if Ctrl-C comes here, where a traceback would keep them, and the lock of a writer
            for k, part in enumerate(parts):
                out[(*lead, self._blocks[k])] = part
        return out

    # ---- on disk

    def _saved(self) -> Saved:
        return Saved(self._spec, self.shape, self._reads, self._products, self._voltages, self._time)

    @checked
    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory, which `synaptogen.load` reads, too; see `CellArray.save`.

        Parameters
        ----------
        path : path
            Directory to make.
        overwrite : bool
            Replace a saved array that is at ``path``.

        Raises
        ------
        FileExistsError
            If there is something at ``path`` that must not be replaced.
        FileNotFoundError
            If the folder of ``path`` is missing.
        BlockingIOError
            If another process or object is writing there.
        """
        target = check_writable(path, overwrite=overwrite).absolute()

        def check() -> None:
            check_writable(target, overwrite=overwrite)
            self._check_place(target)

        check()
        token = ""
        with replacing_folder(target, check, lambda: self._was_saved(target, token)) as beside:
            layout = state_layout(self._spec, self._time)
            writer = Writer.new(beside, self.size, layout, self._blocks.chunk, compress=False)
            _run(self._evaluate(block_operations.write, lambda k: (str(beside), self._blocks.first_cell(k))))
            token = writer.finish(self._saved())

    @abstractmethod
    def _check_place(self, target: Path) -> None:
        """Raise if the array must not be saved at a path."""

    @abstractmethod
    def _was_saved(self, target: Path, token: str) -> None:
        """Note that the array has been saved at a path, under a token."""
