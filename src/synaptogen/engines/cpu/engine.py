"""The CPU engine as arrays use it: buffers, packing of voltages into lanes, and calls of kernels."""

from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import SMALLEST, AnyArray, Float32Array, allocate, notice, pieces_of, share
from synaptogen.engines.compiled_params import CompiledParams, single_precision
from synaptogen.engines.lines import EngineDefaults
from synaptogen.engines.moments import Moment
from synaptogen.engines.protocol import CellIds, Positions, ReadNumbers

from .history_buffers import BLOCK, SLOT_PREFETCH
from .kernels import Kernels, Reads, compile_kernels, source_digest
from .lanes import W, flatten
from .layout import CURVE, DEVICE_RECORD, DEVICE_VECTOR, HOT
from .moving import compile_move, move_of
from .packing import Packing, packing_of, plain
from .products import STRIP, EnvelopeCoefficients, MixingStates
from .transfer import as_records, as_rings, numbers_of, put_numbers

HOT_ROWS, DEVICE_ROWS, CURVE_ROWS = HOT // W, DEVICE_RECORD // W, CURVE // W
VECTOR_ROWS = DEVICE_VECTOR // W

SMALLEST_PRODUCT = 1 << 20  # in a product, each thread gets at least this many cells

NO_REALS = np.zeros((1, W), np.float32)
NO_UINT32S = np.zeros(W, np.uint32)


@cache
def kernels() -> Kernels:
    """Return the kernels of this installation."""
    return compile_kernels(source_digest("cpu"))


@cache
def move_kernel() -> Any:
    """Return the kernel that moves cells to another instant, which only arrays whose clock moves need."""
    return compile_move(source_digest("cpu"))


class CPUEngine(EngineDefaults[Packing]):
    """Cells in lane groups of W cells; see `engines.protocol.Engine` for its attributes and what the methods promise.

    Parameters
    ----------
    params : CompiledParams
        Parameter set of all cells.
    cells : CellIds
        Number and ids of the cells.
    seed : int
        Key of the random numbers, 0 ... 2^64 - 1.
    start : str
        How histories start: "stationary" or "pristine".
    threads : int
        Threads that share the work.
    fill : bool
        If false, buffers are allocated but cells are not made: `restore` must follow.
    """

    name = "cpu"
    storage = "full"
    dtype = np.float32

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int, *, fill: bool = True
    ) -> None:
        self.compiled_params, self.cells, self.seed, self.start, self._threads = params, cells, seed, start, threads
        groups = -(-cells.size // W)
        self._groups = groups
        self._allocate()
        self._ids = NO_UINT32S, NO_UINT32S
        self._line_ids: tuple[Positions | None, NDArray[np.uint32]] = None, np.zeros((2, 0), np.uint32)
        if cells.ids is not None:
            lo, hi = cells.id_words(np.arange(cells.size))
            self._ids = np.zeros((2, groups * W), np.uint32)[0], np.zeros((2, groups * W), np.uint32)[1]
            self._ids[0][: cells.size], self._ids[1][: cells.size] = lo, hi
        self._key = np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32)
        self._backwards = False  # direction of the last product through the matrix
        self._param_arrays = _arrays_of_params(params, start, seed, self._own_from(params))
        self._envelopes = EnvelopeCoefficients(params.constants.u_range, params.constants.llrs, params.constants.hhrs)
        p = params.constants
        self._param_kinds = (
            *map(len, (p.llrs, p.hhrs, p.quantile[0])),
            *((type(scale), len(scale and scale.coefficients)) for scale in p.scales),
            (len(p.own and p.own.first[0]), len(p.own and p.own.second[0]), params.restless),
            (len(p.trend and p.trend.curves[0]), *map(len, p.trend and p.trend[-3:]), bool(p.wear)),
        )
        if fill:
            self._fill()

    def _allocate(self) -> None:
        groups = self._groups
        self._r = allocate((groups + 1) * W, np.float32)  # products read up to W numbers beyond a row
        self._hot = self._padded_hot()
        self._device = allocate(groups * DEVICE_ROWS * W, np.float32)
        self._curve = allocate(groups * CURVE_ROWS * W, np.float32)
        in_blocks = -(-groups // BLOCK) * BLOCK if self.compiled_params.slots else groups
        self._memory = allocate(in_blocks * self.compiled_params.memory * W, np.float32)

    @staticmethod
    def _own_from(params: CompiledParams) -> int:
        return len(params.readout)

    def _padded_hot(self) -> Float32Array:
        """Return zeroed rows; the status of a group is read before the group is reached, also beyond the last one."""
        size = HOT_ROWS * W
        return allocate((self._groups + SLOT_PREFETCH) * size, np.float32)[: self._groups * size]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self.storage == "full":  # a pickle does not hold the memory beyond the last group
            hot, self._hot = self._hot, self._padded_hot()
            self._hot[:] = hot

    def _fill(self) -> None:
        self._run("initialise", self._groups, mixture_arrays(self.compiled_params), self.compiled_params.log_sigma)

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Return the memory in bytes that one cell of a parameter set takes."""
        return 4.0 * (1 + HOT_ROWS + DEVICE_ROWS + CURVE_ROWS + params.memory)

    @property
    def threads(self) -> int:
        """Number of threads that share the work."""
        return self._threads

    @property
    def bytes_per_cell(self) -> float:
        """Memory in bytes that one cell takes."""
        return self.bytes_for(self.compiled_params) + (8.0 if self.cells.ids is not None else 0.0)

    def describe(self) -> str:
        """Return a few words about the engine."""
        return f"cpu, {W} lanes, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def selection(self, positions: Positions | None) -> Packing:
        """Return some cells in the form in which the other methods take them as ``select``."""
        if positions is None:
            return Packing(self.cells.size, None, slice(self.cells.size), None)
        return packing_of(positions)

    # ---- voltages and reads

    def in_one_step(self, select: Packing) -> bool:
        """Return whether voltages change these cells in one call of a kernel."""
        return pieces_of(select.visits(), self._threads) == 1

    def apply(self, u: AnyArray, select: Packing, mask: AnyArray | None = None) -> None:
        """Apply k voltages one after the other."""
        self._apply(u, select, mask, NO_REALS, 0.0, ReadNumbers())

    def sweep(self, u: AnyArray, select: Packing, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Apply k voltages one after the other, and read the current at each."""
        trace = np.empty((len(u), select.visits() * W), np.float32)
        self._apply(u, select, None, trace, bandwidth, reads)
        return select.unpack(trace)

    def _apply(
        self, u: AnyArray, select: Packing, mask: AnyArray | None, trace: AnyArray, bandwidth: float, reads: ReadNumbers
    ) -> None:
        each = u.shape[1] > 1 or select.size == 1
        gate, gated = NO_REALS[0], False
        if each:
            pulses = select.pack(u if mask is None else np.where(mask, u, np.float32(0.0)))
        else:
            pulses = plain(u)
            if mask is not None or select.groups is not None:
                shape = (1, select.size)
                gate = select.pack(np.ones(shape, np.float32) if mask is None else mask.reshape(shape))[0]
                gated = True
        self._run(
            "apply",
            select.visits(),
            select.kernel_argument(),
            pulses,
            each,
            gate,
            gated,
            trace,
            trace is not NO_REALS,
            np.float32(bandwidth),
            self._reads(reads),
        )

    def read(self, u: AnyArray, select: Packing, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Read currents at one voltage per cell, or one for all."""
        each = u.shape[1] > 1 or select.size == 1
        voltages = select.pack(u)[0] if each else plain(u[0])
        out = np.empty(select.visits() * W, np.float32)
        aligned = self.cells.ids is None and self.cells.first % 64 == 0
        if select.groups is None and aligned and reads.each is None and bandwidth > 0.0:
            blocks = -(-self._groups * W // 64)
            self._run(
                "read_blocks",
                blocks,
                self._groups,
                voltages,
                each,
                out,
                np.float32(bandwidth),
                np.uint32(reads.times & 0xFFFFFFFF),
            )
        else:
            self._run(
                "read_each",
                select.visits(),
                select.kernel_argument(),
                voltages,
                each,
                out,
                np.float32(bandwidth),
                self._reads(reads),
            )
        return select.unpack(out)

    # ---- state

    def mixing(self, select: Packing) -> AnyArray:
        """Return the mixing states, an array of shape (m,)."""
        return self._r[: select.size].copy() if select.positions is None else self._r[select.positions]

    def status(self, select: Packing) -> NDArray[np.uint32]:
        """Return status integers of shape (m,) that hold mode and cycle number, see `model.switching`."""
        status: NDArray[np.uint32] = numbers_of(self._views()["hot"][:, :, :, :1], select)[0]
        return status

    def fields(self, select: Packing) -> AnyArray:
        """Return the state of shape (7, m), in the order of `FIELDS`."""
        views = self._views()
        parts = views["hot"][:, :, :, 1:], views["reset"], views["curve"]
        return np.concatenate([numbers_of(part, select) for part in parts]).view(np.float32)

    def device(self, select: Packing) -> AnyArray:
        """Return the device vectors of shape (8, m)."""
        return numbers_of(self._views()["device"], select).view(np.float32)

    # ---- time

    def move(self, moment: Moment, memory: NDArray[np.uint32]) -> None:
        """Move all cells to another instant; see `Engine.move`."""
        self._run("move_cells", self._groups, move_of(moment, self.compiled_params.constants), memory)

    # ---- products

    def line_currents(
        self,
        shape: tuple[int, int],
        select: Packing,
        line_starts: Positions,
        v: AnyArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> AnyArray:
        """Return the currents of the lines of a crossbar; a whole array and one vector have kernels of their own."""
        if len(v) != 1 or select.positions is not None:
            return super().line_currents(shape, select, line_starts, v, transpose, bandwidth, number)
        lines = len(line_starts)
        kernel, together = ("column_currents", STRIP * W) if transpose else ("row_currents", W)
        out = np.empty((1, -(-lines // W) * W), np.float32)
        self._backwards = not self._backwards
        self._run_plain(
            kernel,
            -(-lines // together),
            self._mixing_states(),
            lines,
            plain(v[0]),
            self._envelopes,
            float(bandwidth),
            self._ids_of_lines(line_starts),
            self._key,
            np.uint32(number & 0xFFFFFFFF),
            self._backwards,
            out[0],
            smallest=max(1, SMALLEST_PRODUCT // (together * v.shape[1])),
        )
        return out[:, :lines]

    def _mixing_states(self) -> Any:
        """Mixing states as kernels of products take them."""
        return MixingStates(self._r)

    def weighted_sums(self, shape: tuple[int, int], select: Packing, weights: AnyArray, transpose: bool) -> AnyArray:
        """Multiply rows of weights with the matrix of mixing states."""
        r = self._r[: self.cells.size] if select.positions is None else self._r[select.positions]
        matrix = r.reshape(shape)
        return plain(weights) @ (matrix if transpose else matrix.T)

    def line_normals(self, positions: Positions, number: int, batch: int) -> AnyArray:
        """Draw the normals of the lines of a crossbar product."""
        ids = self._ids_of_lines(positions)
        groups = ids.shape[1] // W
        out = np.empty((-(-batch // 4) * 4, groups * W), np.float32)
        for block in range(len(out) // 4):
            self._run_plain(
                "draw_normals",
                groups,
                ids[0],
                ids[1],
                self._key,
                np.uint32(number & 0xFFFFFFFF),
                np.uint32(block),
                out[4 * block : 4 * block + 4],
            )
        return out[:batch, : len(positions)]

    def _ids_of_lines(self, positions: Positions) -> NDArray[np.uint32]:
        # recomputing them would cost small products a tenth of their time; arrays pass the same object each time
        if positions is not self._line_ids[0]:
            ids = np.zeros((2, -(-len(positions) // W) * W), np.uint32)
            ids[:, : len(positions)] = self.cells.id_words(positions)
            self._line_ids = positions, ids
        return self._line_ids[1]

    # ---- copies

    def copy(self, positions: Positions | None) -> Self:
        """Return a new engine with copies of some cells, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = type(self)(self.compiled_params, cells, self.seed, self.start, self._threads, fill=False)
        if positions is None:
            for mine, its in zip(self._buffers(), other._buffers(), strict=True):
                its[:] = mine
        else:
            other.restore(0, self._state_of(self.selection(positions), positions))
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return the whole state of a range of cells."""
        lanes = slice(begin % W, begin % W + end - begin)
        run = Packing(end - begin, np.arange(begin // W, -(-end // W)), lanes, None)
        return self._state_of(run, slice(begin, end))

    def _state_of(self, select: Packing, here: Positions | slice) -> dict[str, AnyArray]:
        return {"r": self._r[here].copy()} | {name: numbers_of(view, select) for name, view in self._views().items()}

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Write a state that `dump` has returned, or its mixing states alone."""
        self._r[begin : begin + len(state["r"])] = state["r"]
        for name, view in self._views().items():
            if name in state:
                put_numbers(view, begin, state[name])

    def _buffers(self) -> list[AnyArray]:
        return [self._r, self._hot, self._device, self._curve, self._memory]

    def _views(self) -> dict[str, AnyArray]:
        # status integers are stored among reals; as integers, no bit pattern can change while it is copied
        hot, device, curve, memory = (buffer.view(np.uint32) for buffer in self._buffers()[1:])
        device = as_records(device, DEVICE_ROWS)
        return {
            "hot": as_records(hot, HOT_ROWS),
            "device": device[:, :, :, :VECTOR_ROWS],
            "reset": device[:, :, :, VECTOR_ROWS:],
            "curve": as_records(curve, CURVE_ROWS),
            "memory": as_rings(memory, self.compiled_params.slots)
            if self.compiled_params.slots
            else as_records(memory, self.compiled_params.memory),
        }

    # ---- kernels

    def _reads(self, reads: ReadNumbers) -> Reads:
        if reads.each is None:
            return Reads(NO_UINT32S, False, np.uint32(reads.times & 0xFFFFFFFF))
        return Reads(reads.each, True, np.uint32(0))

    def _kernels(self) -> Any:
        return kernels()

    def _move_kernel(self) -> Any:
        return move_kernel()

    def _arrays(self) -> tuple[Any, ...]:
        """Arrays that kernels take as ``state_arrays``."""
        return self._r, self._hot, self._hot.view(np.uint32), self._device, self._curve, self._memory, *self._ids

    def _run(self, kernel: str, count: int, *arguments: Any) -> None:
        common = (self._arrays(), self.cells.ids is None, np.uint64(self.cells.first), self._param_arrays)
        self._run_plain(kernel, count, *common, *arguments)

    def _run_plain(self, kernel: str, count: int, *arguments: Any, smallest: int = SMALLEST) -> None:
        function = self._move_kernel() if kernel == "move_cells" else getattr(self._kernels(), kernel)
        version = type(self), kernel, self._param_kinds
        if version not in _READY:
            with notice("synaptogen: compiling for this machine, once (up to a minute) ..."):
                function(0, 0, *arguments)
            _READY.add(version)
        share(function, count, self._threads, arguments, smallest=smallest)


_READY: set[tuple[type, str, Any]] = set()
"""Kernels that are compiled or loaded from the cache, each with its engine and the kind of its parameter set."""


def _arrays_of_params(params: CompiledParams, start: str, seed: int, own_from: int) -> tuple[Any, ...]:
    """Return a parameter set as kernels take it, ``param_arrays``: single precision, flat.

    Parameters
    ----------
    params : CompiledParams
    start : str
        "stationary" or "pristine".
    seed : int
    own_from : int
        Row of the memory of a group in which begins what devices have of their own.

    Returns
    -------
    tuple
        What `layout.KernelParams` points to, in its order.
    """

    def single(values: AnyArray) -> Float32Array:
        return np.append(np.ascontiguousarray(values, np.float32).ravel(), np.float32(0.0))

    prototype = single_precision(params.constants)
    return (
        np.array(flatten(prototype), np.float32),
        prototype,
        single(params.readout),
        single(params.F),
        single(params.G),
        single(params.start_blocks),
        params.slots,
        params.states,
        start == "stationary",
        np.uint32(seed & 0xFFFFFFFF),
        np.uint32(seed >> 32),
        params.memory,
        params.own,
        own_from,
        params.restless,
    )


def mixture_arrays(params: CompiledParams) -> tuple[NDArray[np.uint32], Float32Array, Float32Array, Float32Array]:
    """Return the population as kernels take it.

    Parameters
    ----------
    params : CompiledParams
        With a mixture of K components.

    Returns
    -------
    starts : uint32 array of shape (K,)
        First random number of each component.
    means : float32 array of shape (K * 8,)
    cholesky : float32 array of shape (K * 64,)
    bounds : float32 array of shape (16,) or (0,)
        Lowest device vector, then the highest.
    """
    single = (np.ascontiguousarray(v, np.float32).ravel() for v in (params.means, params.cholesky, params.bounds))
    return params.component_starts, *single  # type: ignore[return-value]  # three of them
