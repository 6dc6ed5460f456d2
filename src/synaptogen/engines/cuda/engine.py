"""The CUDA engine as arrays use it: buffers on the GPU, and copies to them and from them."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, BoolArray, Float32Array, RealArray
from synaptogen.engines.compiled_params import CompiledParams
from synaptogen.engines.lines import EngineDefaults
from synaptogen.engines.moments import Moment
from synaptogen.engines.protocol import FIELDS, CellIds, Positions, ReadNumbers

from . import availability, kernels, products
from .buffers import DeviceArray, empty, launch, launch_blocks, on_device, on_host, unused
from .kernel_params import kernel_params_of, mixture_of
from .kernels import KernelReads, SelectedCells
from .layout import DEVICE_GROUPS, FIELD_GROUPS, WARP_TILE, CellBuffers
from .moving import kernel_moment_of

REMEDY = (
    "make fewer cells, or use history='compact' or a lower order (params.with_order), which take less of it, "
    "or engine='cpu'"
)


class CUDASelection(NamedTuple):
    """A selection of cells, as the methods of the engine take it.

    Attributes
    ----------
    size : int
        Number of cells.
    positions : array of int of shape (size,), or None
        Their positions; None: all cells, in their order.
    cells : SelectedCells
        The same as kernels take it.
    """

    size: int
    positions: Positions | None
    cells: SelectedCells


class CUDAEngine(EngineDefaults[CUDASelection]):
    """Cells on a GPU, one thread for each; `engines.protocol.Engine` says what the arguments and methods mean.

    Methods whose names end in ``_on_device`` take arrays on the GPU and leave their results there, flat.

    Raises
    ------
    ModuleNotFoundError
        If numba-cuda is not installed.
    RuntimeError
        If it finds no GPU.
    MemoryError
        If the GPU has too little free memory for the cells.
    """

    name = "cuda"
    storage = "full"
    dtype: type[np.floating[Any]] = np.float32

    def __init__(
        self, params: CompiledParams, cells: CellIds, seed: int, start: str, threads: int = 1, *, fill: bool = True
    ) -> None:
        self.require_room(params, cells.size)
        self.compiled_params, self.cells, self.seed, self.start = params, cells, seed, start
        self._params = kernel_params_of(params, start, seed, on_device)
        self.state = self._allocate()
        if fill:
            mixture = mixture_of(params, on_device)
            launch(kernels.initialise, cells.size, self.state, self._params, mixture, params.log_sigma)

    def _allocate(self) -> CellBuffers:
        cells = self.cells
        padded = -(-cells.size // WARP_TILE) * WARP_TILE
        listed = cells.ids is not None
        ids = np.concatenate(cells.id_words(np.arange(cells.size))) if listed else np.zeros(1)
        return CellBuffers(
            empty(padded),
            empty(padded, np.uint32),
            empty(padded * FIELD_GROUPS),
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
        """Return the bytes that one cell of a parameter set takes on the GPU, without its id."""
        return 4.0 * (2 + len(FIELDS) + DEVICE_GROUPS + params.memory)

    @classmethod
    def require_room(cls, params: CompiledParams, cells: int) -> None:
        """Check that there is a GPU, and that cells fit on it."""
        availability.require_gpu()
        size = cls.bytes_for(params)
        availability.require_memory(f"{cells:,} cells of {size:.0f} B", cells * size, REMEDY)

    @property
    def threads(self) -> int:
        """Number of threads of the processor: one."""
        return 1

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes on the GPU, in bytes."""
        return self.bytes_for(self.compiled_params) + (8.0 if self.cells.ids is not None else 0.0)

    def describe(self) -> str:
        """Return the names of the engine and of the GPU."""
        return f"cuda, {availability.gpu_name()}"

    def selection(self, positions: Positions | None) -> CUDASelection:
        """Return some cells as the other methods take them: all, a run of consecutive ones, or a list on the GPU."""
        if positions is None:
            return CUDASelection(self.cells.size, None, SelectedCells(unused(np.int64), False, 0, self.cells.size))
        size, first = len(positions), int(positions[0])
        if np.array_equal(positions, np.arange(first, first + size)):
            return CUDASelection(size, positions, SelectedCells(unused(np.int64), False, first, size))
        return CUDASelection(size, positions, SelectedCells(on_device(positions, np.int64), True, 0, size))

    # ---- voltages and reads

    def apply(self, u: RealArray, select: CUDASelection, mask: BoolArray | None = None) -> None:
        """Apply k voltages one after the other."""
        gate = None if mask is None else on_device(mask, np.uint8)
        self.apply_on_device(on_device(u), len(u), _is_each(u, select), select, gate)

    def apply_on_device(
        self, pulses: DeviceArray, count: int, each: bool, select: CUDASelection, mask: DeviceArray | None = None
    ) -> None:
        """Apply voltages that lie on the GPU.

        Parameters
        ----------
        pulses : device array of shape (count,), or (count * m,) if ``each`` cell has voltages of its own
            Voltages in V, all those of one time together.
        count : int
            Number of voltages.
        each : bool
            Whether each cell has voltages of its own.
        select : CUDASelection
            The m cells.
        mask : device array of uint8 of shape (m,), optional
            Not 0 where voltages are applied.
        """
        self._apply(pulses, count, each, select, mask, None, 0.0, ReadNumbers())

    def sweep(self, u: RealArray, select: CUDASelection, bandwidth: float, reads: ReadNumbers) -> Float32Array:
        """Apply k voltages one after the other, and record the current after each."""
        trace = self.sweep_on_device(on_device(u), len(u), _is_each(u, select), select, bandwidth, reads)
        return on_host(trace, len(u), select.size)

    def sweep_on_device(
        self, pulses: DeviceArray, count: int, each: bool, select: CUDASelection, bandwidth: float, reads: ReadNumbers
    ) -> DeviceArray:
        """Apply voltages that lie on the GPU, and record the current after each.

        Parameters
        ----------
        pulses, count, each, select
            As for `apply_on_device`.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        reads : ReadNumbers
            Numbers of the first read.

        Returns
        -------
        device array of shape (count * m,)
            Currents in A, all those of one time together.

        Raises
        ------
        MemoryError
            If the currents do not fit on the GPU.
        """
        size = count * select.size
        remedy = "sweep fewer points, or fewer cells"
        availability.require_memory(f"the currents of {count} voltages", 4.0 * size, remedy)
        trace = empty(size)
        self._apply(pulses, count, each, select, None, trace, bandwidth, reads)
        return trace

    def _apply(
        self,
        pulses: DeviceArray,
        count: int,
        each: bool,
        select: CUDASelection,
        mask: DeviceArray | None,
        trace: DeviceArray | None,
        bandwidth: float,
        reads: ReadNumbers,
    ) -> None:
        launch(
            kernels.apply,
            select.size,
            self.state,
            self._params,
            select.cells,
            pulses,
            count,
            each,
            unused(np.uint8) if mask is None else mask,
            mask is not None,
            unused(np.float32) if trace is None else trace,
            trace is not None,
            np.float32(bandwidth),
            _kernel_reads(reads),
        )

    def read(self, u: RealArray, select: CUDASelection, bandwidth: float, reads: ReadNumbers) -> Float32Array:
        """Return currents, which changes no state."""
        currents = self.read_on_device(on_device(u), _is_each(u, select), select, bandwidth, reads)
        return on_host(currents, select.size)

    def read_on_device(
        self, voltages: DeviceArray, each: bool, select: CUDASelection, bandwidth: float, reads: ReadNumbers
    ) -> DeviceArray:
        """Return currents at voltages that lie on the GPU.

        Parameters
        ----------
        voltages : device array of shape (1,), or (m,) if ``each`` cell has a voltage of its own
            Voltages in V.
        each : bool
            Whether each cell has a voltage of its own.
        select : CUDASelection
            The m cells.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        reads : ReadNumbers
            Numbers of the read.

        Returns
        -------
        device array of shape (m,)
            Currents in A.
        """
        out = empty(select.size)
        launch(
            kernels.read,
            select.size,
            self.state,
            self._params,
            select.cells,
            voltages,
            each,
            out,
            np.float32(bandwidth),
            _kernel_reads(reads),
        )
        return out

    # ---- state

    def mixing(self, select: CUDASelection) -> Float32Array:
        """Return the mixing states, of shape (m,)."""
        return self._gather("r", select)[0]

    def status(self, select: CUDASelection) -> NDArray[np.uint32]:
        """Return the status words, of shape (m,)."""
        status: NDArray[np.uint32] = self._gather("word", select)[0]
        return status

    def fields(self, select: CUDASelection) -> Float32Array:
        """Return the state in the order of `FIELDS`, of shape (7, m)."""
        return self._gather("field", select)

    def device(self, select: CUDASelection) -> Float32Array:
        """Return the device vectors, of shape (8, m)."""
        return self._gather("device", select)

    def _arrays(self) -> dict[str, tuple[DeviceArray, int]]:
        """Return the arrays of the state by their names in saved files, and how many numbers of a cell each holds."""
        state = self.state
        return {
            "r": (state.r, 1),
            "word": (state.status, 1),
            "field": (state.fields, FIELD_GROUPS),
            "device": (state.device, DEVICE_GROUPS),
            "memory": (state.memory, self.compiled_params.memory),
        }

    def _gather(self, name: str, select: CUDASelection) -> AnyArray:
        return on_host(self.gather_on_device(name, select), self._arrays()[name][1], select.size)

    def gather_on_device(self, name: str, select: CUDASelection) -> DeviceArray:
        """Return a copy of one part of the state of some cells.

        Parameters
        ----------
        name : {"r", "word", "field", "device", "memory"}
            Which part, by its name in `dump`.
        select : CUDASelection
            The m cells.

        Returns
        -------
        device array of shape (numbers per cell * m,)
            The first number of all cells, then the second ...
        """
        array, groups = self._arrays()[name]
        out = empty(groups * select.size, array.dtype)
        launch(kernels.gather, select.size, array, groups, select.cells, out)
        return out

    def _scatter(self, name: str, select: CUDASelection, values: DeviceArray) -> None:
        array, groups = self._arrays()[name]
        launch(kernels.scatter, select.size, array, groups, select.cells, values)

    def move(self, moment: Moment, memory: NDArray[np.uint32]) -> None:
        """Move all cells to an instant; 4 bytes a cell go to the GPU and come back."""
        index = on_device(memory[0], np.uint32)
        place = kernel_moment_of(moment, self.compiled_params.constants, on_device)
        launch(kernels.move, self.cells.size, self.state, self._params, place, index)
        memory[0] = on_host(index, memory.shape[1])

    # ---- products

    def weighted_sums(
        self, shape: tuple[int, int], select: CUDASelection, weights: RealArray, transpose: bool
    ) -> Float32Array:
        """Return products of rows of weights with the matrix of mixing states."""
        padded = np.zeros((len(weights) + len(weights) % 2, weights.shape[1]), np.float32)
        padded[: len(weights)] = weights
        sums = self.weighted_sums_on_device(shape, select, on_device(padded), len(padded), transpose)
        return on_host(sums, len(padded), shape[1] if transpose else shape[0])[: len(weights)]

    def weighted_sums_on_device(
        self, shape: tuple[int, int], select: CUDASelection, weights: DeviceArray, count: int, transpose: bool
    ) -> DeviceArray:
        """Return products of rows of weights that lie on the GPU with the matrix of mixing states.

        Parameters
        ----------
        shape, select, transpose
            Rows and columns, the cells that fill them, and whether inputs are rows.
        weights : device array of shape (count * inputs,)
            Rows of weights.
        count : int
            How many rows; even.

        Returns
        -------
        device array of shape (count * outputs,)
        """
        r = self.state.r if select.positions is None else self.gather_on_device("r", select)
        return _multiply(r, shape, weights, count, transpose)

    def product_on_device(
        self,
        shape: tuple[int, int],
        select: CUDASelection,
        line_starts: Positions,
        v: DeviceArray,
        batch: int,
        transpose: bool,
        bandwidth: float,
        number: int,
    ) -> DeviceArray:
        """Return the currents of lines for voltages that lie on the GPU.

        It does what `line_currents` does, in single precision.

        Parameters
        ----------
        shape, select, line_starts, transpose
            Rows and columns, the cells, positions of the first cells of the lines, and whether to drive the rows.
        v : device array of shape (batch * inputs,)
            Voltages in V.
        batch : int
            Number of vectors.
        bandwidth : float
            Bandwidth in Hz; 0: no noise.
        number : int
            Number of the product.

        Returns
        -------
        device array of shape (batch * lines,)
            Currents in A.
        """
        inputs, lines = shape if transpose else shape[::-1]
        at_zero, with_r, out = empty(2 * batch * inputs), empty(2 * batch * inputs), empty(batch * lines)
        p = self._params.constants
        launch(products.weigh, batch * inputs, v, inputs, p, np.float32(bandwidth), at_zero, with_r)
        sums = self.weighted_sums_on_device(shape, select, with_r, 2 * batch, transpose)
        offsets = _multiply(on_device(np.ones(inputs)), (1, inputs), at_zero, 2 * batch, False)
        z = self.line_normals_on_device(line_starts, number, batch) if bandwidth else unused(np.float32)
        launch(products.finish, batch * lines, sums, offsets, z, bandwidth > 0.0, lines, out)
        return out

    def line_normals(self, positions: Positions, number: int, batch: int) -> Float32Array:
        """Return the normal numbers of the lines of a product."""
        return on_host(self.line_normals_on_device(positions, number, batch), batch, len(positions))

    def line_normals_on_device(self, positions: Positions, number: int, batch: int) -> DeviceArray:
        """Return the normal numbers of the lines of a product on the GPU.

        Parameters
        ----------
        positions, number, batch
            As for `line_normals`.

        Returns
        -------
        device array
            ``batch`` rows of numbers for each line, and further ones up to the next multiple of four.
        """
        ids, lines, blocks = np.concatenate(self.cells.id_words(positions)), len(positions), -(-batch // 4)
        out = empty(4 * blocks * lines)
        launch(
            products.draw_normals,
            blocks * lines,
            on_device(ids, np.uint32),
            lines,
            self._params.k0,
            self._params.k1,
            np.uint32(number & 0xFFFFFFFF),
            blocks,
            out,
        )
        return out

    # ---- copies

    def copy(self, positions: Positions | None) -> Self:
        """Return a new engine with copies of the cells at some positions, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = type(self)(self.compiled_params, cells, self.seed, self.start, fill=False)
        mine, its = self.selection(positions), other.selection(None)
        for name in self._arrays():
            other._scatter(name, its, self.gather_on_device(name, mine))
        return other

    def dump(self, begin: int, end: int) -> dict[str, AnyArray]:
        """Return copies of the state of consecutive cells."""
        select = self.selection(np.arange(begin, end))
        state = {name: self._gather(name, select) for name in self._arrays()}
        return {name: array[0] if name in ("r", "word") else array for name, array in state.items()}

    def restore(self, begin: int, state: dict[str, AnyArray]) -> None:
        """Overwrite the state of consecutive cells."""
        for name, values in state.items():
            select = self.selection(np.arange(begin, begin + values.shape[-1]))
            self._scatter(name, select, on_device(values, self._arrays()[name][0].dtype))


def _is_each(u: AnyArray, select: CUDASelection) -> bool:
    """Return whether voltages (k, 1) or (k, m) are meant for one cell each."""
    return u.shape[-1] > 1 or select.size == 1


def _kernel_reads(reads: ReadNumbers) -> KernelReads:
    if reads.each is None:
        return KernelReads(unused(np.uint32), False, np.uint32(reads.times & 0xFFFFFFFF))
    return KernelReads(on_device(reads.each, np.uint32), True, np.uint32(0))


def _multiply(r: DeviceArray, shape: tuple[int, int], weights: DeviceArray, count: int, transpose: bool) -> DeviceArray:
    """Return an even ``count`` of rows of weights times the transpose of a matrix, or with ``transpose`` the matrix."""
    rows, columns = shape
    if not transpose:
        y = empty(count * rows)
        launch_blocks(products.rows_times, rows * (count // 2), r, rows, columns, weights, y)
        return y
    chunks = -(-rows // products.ROWS_PER_THREAD)
    y, parts = empty(count * columns), empty(chunks * 2 * columns)
    for k in range(0, count, 2):
        launch(products.columns_times, chunks * columns, r, rows, columns, weights, k, parts)
        launch(products.sum_parts, 2 * columns, parts, chunks, columns, k, y)
    return y
