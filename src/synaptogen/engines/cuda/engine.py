"""The CUDA engine as arrays see it: buffers on the GPU, and what goes there and comes back."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray
from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.lines import line_currents
from synaptogen.engines.protocol import FIELDS, CellIds, Positions, ReadNumbers

from . import availability as machine
from . import kernels, products
from .buffers import DeviceArray, empty, launch, launch_blocks, on_device, on_host
from .kernel_params import mixture_of, rules_of
from .kernels import Reads, Selection
from .layout import DEVICE_GROUPS, TILE, State

REMEDY = (
    "make fewer cells, or use history='compact' or a lower order (params.with_order), which take less of it, "
    "or engine='cpu'"
)


class Chosen(NamedTuple):
    """Some cells: how many, where (None: all, in their order), and as kernels take them."""

    size: int
    positions: Positions | None
    argument: Selection


class CUDAEngine:
    """CellIds on a GPU, a thread each; see `engines.protocol.Engine` for what the methods promise.

    Methods whose names end in ``_there`` take arrays of the GPU and leave their results on it.

    Raises
    ------
    ModuleNotFoundError, RuntimeError
        If numba-cuda is not installed, or finds no GPU.
    MemoryError
        If the GPU has no room for the cells.
    """

    name = "cuda"
    storage = "full"
    dtype = np.float32

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int = 1, *, fill: bool = True
    ) -> None:
        self.require_room(params, cells.size)
        self.compiled_params, self.cells, self.seed, self.start = params, cells, seed, start
        self.rules = rules_of(params, start, seed, on_device)
        self.state = self._allocate()
        if fill:
            launch(
                kernels.initialise, cells.size, self.state, self.rules, mixture_of(params, on_device), params.log_sigma
            )

    def _allocate(self) -> State:
        cells = self.cells
        padded = -(-cells.size // TILE) * TILE
        listed = cells.ids is not None
        ids = np.concatenate(cells.id_words(np.arange(cells.size))) if listed else np.zeros(1)
        return State(
            empty(padded),
            empty(padded, np.uint32),
            empty(padded * len(FIELDS)),
            empty(padded * DEVICE_GROUPS),
            empty(padded * self.compiled_params.memory),
            on_device(ids, np.uint32),
            cells.size,
            not listed,
            np.uint32(cells.first & 0xFFFFFFFF),
            np.uint32(cells.first >> 32),
        )

    @staticmethod
    def bytes_for(params: CompiledParams) -> float:
        """Memory that one cell of a params takes."""
        return 4.0 * (2 + len(FIELDS) + DEVICE_GROUPS + params.memory)

    @classmethod
    def require_room(cls, params: CompiledParams, cells: int) -> None:
        """Raise MemoryError unless so many cells of a params fit on the GPU, RuntimeError if there is none."""
        machine.require_gpu()
        size = cls.bytes_for(params)
        machine.require_memory(f"{cells:,} cells of {size:.0f} B", cells * size, REMEDY)

    @property
    def threads(self) -> int:
        """Threads of the processor: one."""
        return 1

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        return self.bytes_for(self.compiled_params) + (8.0 if self.cells.ids is not None else 0.0)

    def describe(self) -> str:
        """The engine in a few words."""
        return f"cuda, {machine.gpu_name()}"

    def selection(self, positions: Positions | None) -> Chosen:
        """What the other methods take as ``select``."""
        if positions is None:
            return Chosen(self.cells.size, None, Selection(nothing(np.int64), False, 0, self.cells.size))
        size, first = len(positions), int(positions[0])
        if np.array_equal(positions, np.arange(first, first + size)):
            return Chosen(size, positions, Selection(nothing(np.int64), False, first, size))
        return Chosen(size, positions, Selection(on_device(positions, np.int64), True, 0, size))

    # ---- voltages and reads

    def apply(self, u: AnyArray, select: Chosen, mask: AnyArray | None = None) -> None:
        """Apply k voltages one after the other, only where the mask holds."""
        gate = None if mask is None else on_device(mask, np.uint8)
        self.apply_there(on_device(u), len(u), is_each(u, select), select, gate)

    def apply_there(
        self, pulses: DeviceArray, count: int, each: bool, select: Chosen, mask: DeviceArray | None = None
    ) -> None:
        """The same with ``count`` pulses on the GPU, flat: the voltages of one after those of another."""
        self._apply(pulses, count, each, select, mask, None, 0.0, ReadNumbers())

    def sweep(self, u: AnyArray, select: Chosen, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Apply k voltages one after the other; returns the current at each."""
        trace = self.sweep_there(on_device(u), len(u), is_each(u, select), select, bandwidth, reads)
        return on_host(trace, len(u), select.size)

    def sweep_there(
        self, pulses: DeviceArray, count: int, each: bool, select: Chosen, bandwidth: float, reads: ReadNumbers
    ) -> DeviceArray:
        """The same with ``count`` pulses on the GPU."""
        size = count * select.size
        machine.require_memory(f"the currents of {count} voltages", 4.0 * size, "sweep fewer points, or fewer cells")
        trace = empty(size)
        self._apply(pulses, count, each, select, None, trace, bandwidth, reads)
        return trace

    def _apply(
        self,
        pulses: DeviceArray,
        count: int,
        each: bool,
        select: Chosen,
        mask: DeviceArray | None,
        trace: DeviceArray | None,
        bandwidth: float,
        reads: ReadNumbers,
    ) -> None:
        launch(
            kernels.apply,
            select.size,
            self.state,
            self.rules,
            select.argument,
            pulses,
            count,
            each,
            nothing(np.uint8) if mask is None else mask,
            mask is not None,
            nothing(np.float32) if trace is None else trace,
            trace is not None,
            np.float32(bandwidth),
            self._reads(reads),
        )

    def read(self, u: AnyArray, select: Chosen, bandwidth: float, reads: ReadNumbers) -> AnyArray:
        """Currents at one voltage each, or one for all."""
        return on_host(self.read_there(on_device(u), is_each(u, select), select, bandwidth, reads), select.size)

    def read_there(
        self, voltages: DeviceArray, each: bool, select: Chosen, bandwidth: float, reads: ReadNumbers
    ) -> DeviceArray:
        """The same on the GPU."""
        out = empty(select.size)
        launch(
            kernels.read,
            select.size,
            self.state,
            self.rules,
            select.argument,
            voltages,
            each,
            out,
            np.float32(bandwidth),
            self._reads(reads),
        )
        return out

    def _reads(self, reads: ReadNumbers) -> Reads:
        if reads.each is None:
            return Reads(nothing(np.uint32), False, np.uint32(reads.times & 0xFFFFFFFF))
        return Reads(on_device(reads.each, np.uint32), True, np.uint32(0))

    # ---- state

    def mixing(self, select: Chosen) -> AnyArray:
        """Mixing states."""
        return self._gathered("r", select)[0]

    def status(self, select: Chosen) -> NDArray[np.uint32]:
        """Words that hold mode and cycle number."""
        words: NDArray[np.uint32] = self._gathered("word", select)[0]
        return words

    def fields(self, select: Chosen) -> AnyArray:
        """State in the order of `FIELDS`."""
        return self._gathered("field", select)

    def device(self, select: Chosen) -> AnyArray:
        """Device vectors."""
        return self._gathered("device", select)

    def _gathered(self, name: str, select: Chosen) -> AnyArray:
        return on_host(self.gathered_there(name, select), self._groups()[name], select.size)

    def gathered_there(self, name: str, select: Chosen) -> DeviceArray:
        """One of the arrays of the state, by cell: (groups, m), flat, a copy on the GPU."""
        array, groups = getattr(self.state, name), self._groups()[name]
        out = empty(groups * select.size, array.dtype)
        launch(kernels.gather, select.size, array, groups, select.argument, out)
        return out

    def _groups(self) -> dict[str, int]:
        return {"r": 1, "word": 1, "field": len(FIELDS), "device": DEVICE_GROUPS, "memory": self.compiled_params.memory}

    # ---- products

    def line_currents(
        self,
        shape: tuple[int, int],
        select: Chosen,
        line_starts: Positions,
        v: AnyArray,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> AnyArray:
        """Currents of lines of a crossbar."""
        return line_currents(self, shape, select, line_starts, v, transpose, bandwidth, number)

    def weighted_sums(self, shape: tuple[int, int], select: Chosen, weights: AnyArray, transpose: bool) -> AnyArray:
        """Products of the matrix of mixing states with rows of weights."""
        padded = np.zeros((len(weights) + len(weights) % 2, weights.shape[1]), np.float32)
        padded[: len(weights)] = weights
        sums = self.weighted_sums_there(shape, select, on_device(padded), len(padded), transpose)
        return on_host(sums, len(padded), shape[1] if transpose else shape[0])[: len(weights)]

    def weighted_sums_there(
        self, shape: tuple[int, int], select: Chosen, weights: DeviceArray, count: int, transpose: bool
    ) -> DeviceArray:
        """The same on the GPU, for an even ``count`` of weights."""
        r = self.state.r if select.positions is None else self.gathered_there("r", select)
        return matrix_times(r, shape, weights, count, transpose)

    def product_there(
        self,
        shape: tuple[int, int],
        select: Chosen,
        starts: Positions,
        v: DeviceArray,
        batch: int,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> DeviceArray:
        """Currents (batch, lines) of a crossbar for voltages (batch, inputs), all on the GPU.

        As `crossbar.product.line_currents` does it, in single precision.
        """
        inputs, lines = shape if transpose else shape[::-1]
        at_zero, with_r, out = empty(2 * batch * inputs), empty(2 * batch * inputs), empty(batch * lines)
        p = self.rules.constants
        launch(products.weigh, batch * inputs, v, inputs, p, np.float32(bandwidth), at_zero, with_r)
        sums = self.weighted_sums_there(shape, select, with_r, 2 * batch, transpose)
        offsets = matrix_times(on_device(np.ones(inputs)), (1, inputs), at_zero, 2 * batch, False)
        z = self.line_normals_there(starts, number, batch) if bandwidth else nothing(np.float32)
        launch(products.finish, batch * lines, sums, offsets, z, bandwidth > 0.0, lines, out)
        return out

    def line_normals(self, positions: Positions, number: int, batch: int) -> AnyArray:
        """Normals for the lines of a crossbar product."""
        return on_host(self.line_normals_there(positions, number, batch), batch, len(positions))

    def line_normals_there(self, positions: Positions, number: int, batch: int) -> DeviceArray:
        """The same on the GPU; rows to the next multiple of four."""
        ids, lines, blocks = np.concatenate(self.cells.id_words(positions)), len(positions), -(-batch // 4)
        out = empty(4 * blocks * lines)
        launch(
            products.draw_normals,
            blocks * lines,
            on_device(ids, np.uint32),
            lines,
            self.rules.k0,
            self.rules.k1,
            np.uint32(number & 0xFFFFFFFF),
            blocks,
            out,
        )
        return out

    # ---- copies

    def copy(self, positions: Positions | None) -> Self:
        """An engine of its own with copies of some cells, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = type(self)(self.compiled_params, cells, self.seed, self.start, fill=False)
        mine, its = self.selection(positions), other.selection(None)
        for name in self._groups():
            other._scatter(name, its, self.gathered_there(name, mine))
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """All state of a range of cells."""
        select = self.selection(np.arange(begin, end))
        state = {name: self._gathered(name, select) for name in self._groups()}
        return {name: array[0] if name in ("r", "word") else array for name, array in state.items()}

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Take back what `dump` gave, or some of its arrays."""
        for name, values in state.items():
            select = self.selection(np.arange(begin, begin + values.shape[-1]))
            self._scatter(name, select, on_device(values, getattr(self.state, name).dtype))

    def _scatter(self, name: str, select: Chosen, values: DeviceArray) -> None:
        launch(kernels.scatter, select.size, getattr(self.state, name), self._groups()[name], select.argument, values)


def nothing(dtype: Any) -> DeviceArray:
    """An array for an argument that is not used."""
    return empty(1, dtype)


def is_each(u: AnyArray, select: Chosen) -> bool:
    """Does each cell have a voltage of its own?"""
    return u.shape[-1] > 1 or select.size == 1


def matrix_times(
    r: DeviceArray, shape: tuple[int, int], weights: DeviceArray, count: int, transpose: bool
) -> DeviceArray:
    """An even ``count`` of rows of weights times a matrix, or its transpose, of at least that ``shape``."""
    rows, columns = shape
    if not transpose:
        y = empty(count * rows)
        launch_blocks(products.rows_times, rows * (count // 2), r, rows, columns, weights, y)
        return y
    chunks = -(-rows // products.ROWS)
    y, parts = empty(count * columns), empty(chunks * 2 * columns)
    for k in range(0, count, 2):
        launch(products.columns_times, chunks * columns, r, rows, columns, weights, k, parts)
        launch(products.sum_parts, 2 * columns, parts, chunks, columns, k, y)
    return y
