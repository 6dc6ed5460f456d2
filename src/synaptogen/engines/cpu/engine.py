"""The CPU engine as arrays see it: buffers, packing of voltages into lanes, dispatch of kernels."""

from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines.law import Law
from synaptogen.engines.notice import notice
from synaptogen.engines.protocol import FIELDS, Array, Cells, Positions, ReadNumbers
from synaptogen.engines.room import allocate
from synaptogen.engines.threads import SMALLEST, share

from .kernels import STRIP, Kernels, Reads, Selection, compiled, source_digest
from .lanes import W, flat
from .memory import AHEAD

Float32Array = NDArray[np.float32]
HOT_GROUPS = 1 + len(FIELDS)  # the word, then the fields
DEVICE_GROUPS = 8
QUARTER = min(W, 4)  # lanes that are transposed together

NO_TILES = np.zeros(1, np.int64)
NO_REALS = np.zeros((1, W), np.float32)
NO_WORDS = np.zeros(W, np.uint32)


@cache
def kernels() -> Kernels:
    """The kernels of this installation."""
    return compiled(source_digest("cpu"))


def plain(values: Array) -> Float32Array:
    """Single precision, contiguous, aligned and writable: kernels are compiled for arrays of that kind alone."""
    return np.require(values, np.float32, ["C", "A", "W"])


class Packing(NamedTuple):
    """Some cells as lanes: they lie in ``tiles``, at ``lanes`` of those tiles laid end to end. No tiles: all cells."""

    size: int
    tiles: NDArray[np.int64] | None
    lanes: NDArray[np.int64] | slice
    positions: Positions | None

    def kernel_argument(self) -> Selection:
        """What kernels take."""
        return Selection(NO_TILES if self.tiles is None else self.tiles, self.tiles is not None)

    def visits(self) -> int:
        """Number of tiles to visit."""
        return -(-self.size // W) if self.tiles is None else len(self.tiles)

    def pack(self, values: Array) -> Float32Array:
        """Values (k, m) as lanes (k, tiles * W), zeros where no cell was selected."""
        if self.size == self.visits() * W and isinstance(self.lanes, slice):
            return plain(values)
        packed = np.zeros((len(values), self.visits() * W), np.float32)
        packed[:, self.lanes] = values
        return packed

    def unpack(self, packed: Array) -> Array:
        """The inverse."""
        return packed[..., self.lanes]


def packing_of(positions: Positions) -> Packing:
    """How cells at some positions are packed."""
    size = len(positions)
    if positions[-1] - positions[0] == size - 1 and np.all(positions[1:] > positions[:-1]):  # one run
        first = int(positions[0] % W)
        return Packing(
            size, np.arange(positions[0] // W, positions[-1] // W + 1), slice(first, first + size), positions
        )
    tile = positions // W
    if np.all(tile[1:] >= tile[:-1]):  # most other views: no need to sort
        new = np.concatenate([[True], tile[1:] != tile[:-1]])
        tiles, entry = tile[new], np.cumsum(new) - 1
    else:
        tiles, entry = np.unique(tile, return_inverse=True)
    return Packing(size, tiles, entry * W + positions % W, positions)


def lanes_at(positions: Positions) -> tuple[Positions, Positions, Positions]:
    """Tile, quarter and place in it of the lanes of some cells."""
    lane = positions % W
    return positions // W, lane // QUARTER, lane % QUARTER


class CPUEngine:
    """Cells in tiles of W lanes; see `engines.protocol.Engine` for what the methods promise."""

    name = "cpu"
    dtype = np.float32

    def __init__(self, law: Law, cells: Cells, seed: int, start: str, threads: int, *, fill: bool = True) -> None:
        self.law, self.cells, self.seed, self.start, self._threads = law, cells, seed, start, threads
        tiles = -(-cells.size // W)
        self._tiles = tiles
        self._allocate()
        self._ids = NO_WORDS, NO_WORDS
        self._lines: tuple[Positions | None, NDArray[np.uint32]] = None, np.zeros((2, 0), np.uint32)
        if cells.ids is not None:
            lo, hi = cells.words(np.arange(cells.size))
            self._ids = np.zeros((2, tiles * W), np.uint32)[0], np.zeros((2, tiles * W), np.uint32)[1]
            self._ids[0][: cells.size], self._ids[1][: cells.size] = lo, hi
        self._law = kernel_law(law, start, seed)
        self._law_type = tuple(map(len, (law.constants.llrs, law.constants.hhrs, law.constants.quantile[0])))
        if fill:
            self._fill()

    def _allocate(self) -> None:
        tiles = self._tiles
        self._r = allocate((tiles + 1) * W, np.float32)  # products read up to one tile beyond a row
        self._hot = allocate((tiles + AHEAD) * HOT_GROUPS * W, np.float32)[: tiles * HOT_GROUPS * W]  # read ahead
        self._device = allocate(tiles * DEVICE_GROUPS * W, np.float32)
        self._memory = allocate(tiles * self.law.memory * W, np.float32)

    def _fill(self) -> None:
        self._run("initialise", self._tiles, mixture_of(self.law), self.law.log_sigma)

    @staticmethod
    def bytes_for(law: Law) -> float:
        """Memory that one cell of a law takes."""
        return 4.0 * (1 + HOT_GROUPS + DEVICE_GROUPS + law.memory)

    @property
    def threads(self) -> int:
        """Threads that share the work."""
        return self._threads

    @property
    def bytes_per_cell(self) -> float:
        """Memory that one cell takes."""
        return self.bytes_for(self.law) + (8.0 if self.cells.ids is not None else 0.0)

    def describe(self) -> str:
        """The engine in a few words."""
        return f"cpu, {W} lanes, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def selection(self, positions: Positions | None) -> Packing:
        """What the other methods take as ``select``."""
        if positions is None:
            return Packing(self.cells.size, None, slice(self.cells.size), None)
        return packing_of(positions)

    # ---- voltages and reads

    def apply(self, u: Array, select: Packing, mask: Array | None = None) -> None:
        """Apply k voltages one after the other, only where the mask holds."""
        self._apply(u, select, mask, NO_REALS, 0.0, ReadNumbers())

    def sweep(self, u: Array, select: Packing, bandwidth: float, reads: ReadNumbers) -> Array:
        """Apply k voltages one after the other; returns the current at each."""
        trace = np.empty((len(u), select.visits() * W), np.float32)
        self._apply(u, select, None, trace, bandwidth, reads)
        return select.unpack(trace)

    def _apply(
        self, u: Array, select: Packing, mask: Array | None, trace: Array, bandwidth: float, reads: ReadNumbers
    ) -> None:
        each = u.shape[1] > 1 or select.size == 1
        gate, gated = NO_REALS[0], False
        if each:
            pulses = select.pack(u if mask is None else np.where(mask, u, np.float32(0.0)))
        else:
            pulses = plain(u)
            if mask is not None or select.tiles is not None:
                shape = (1, select.size)
                gate = select.pack(np.ones(shape, np.float32) if mask is None else mask.reshape(shape))[0]
                gated = True
        self._run(
            "apply", select.visits(), select.kernel_argument(), pulses, each, gate, gated, trace, trace is not NO_REALS,
            np.float32(bandwidth), self._reads(reads),
        )  # fmt: skip

    def read(self, u: Array, select: Packing, bandwidth: float, reads: ReadNumbers) -> Array:
        """Currents at one voltage each, or one for all."""
        each = u.shape[1] > 1 or select.size == 1
        voltages = select.pack(u)[0] if each else plain(u[0])
        out = np.empty(select.visits() * W, np.float32)
        aligned = self.cells.ids is None and self.cells.first % 64 == 0
        if select.tiles is None and aligned and reads.each is None and bandwidth > 0.0:
            blocks = -(-self._tiles * W // 64)
            self._run(
                "read_blocks",
                blocks,
                self._tiles,
                voltages,
                each,
                out,
                np.float32(bandwidth),
                np.uint32(reads.times & 0xFFFFFFFF),
            )
        else:
            self._run(
                "read_each", select.visits(), select.kernel_argument(), voltages, each, out, np.float32(bandwidth),
                self._reads(reads),
            )  # fmt: skip
        return select.unpack(out)

    # ---- state

    def mixing(self, select: Packing) -> Array:
        """Mixing states."""
        return self._r[: select.size].copy() if select.positions is None else self._r[select.positions]

    def words(self, select: Packing) -> NDArray[np.uint32]:
        """Words that hold mode and cycle number."""
        return self._groups(self._hot.view(np.uint32), HOT_GROUPS, select, slice(0, 1))[0]

    def fields(self, select: Packing) -> Array:
        """State in the order of `FIELDS`."""
        return self._groups(self._hot, HOT_GROUPS, select, slice(1, None))

    def device(self, select: Packing) -> Array:
        """Device vectors."""
        return self._groups(self._device, DEVICE_GROUPS, select, slice(None))

    def _groups(self, buffer: Array, groups: int, select: Packing, which: slice) -> Array:
        tiled = buffer.reshape(self._tiles, groups, W)[:, which]
        if select.positions is None:
            return np.ascontiguousarray(tiled.transpose(1, 0, 2).reshape(tiled.shape[1], -1)[:, : select.size])
        return np.ascontiguousarray(tiled[select.positions // W, :, select.positions % W].T)

    # ---- products

    def weighted_sums(self, shape: tuple[int, int], select: Packing, weights: Array, transpose: bool) -> Array:
        """Products of the matrix of mixing states with rows of weights."""
        weights = plain(weights)
        r = self._r if select.positions is None else self._r[select.positions]
        if len(weights) == 2 and select.positions is None:
            return self._two_sums(r, shape, weights, transpose)
        matrix = r[: shape[0] * shape[1]].reshape(shape)
        return weights @ (matrix if transpose else matrix.T)

    def _two_sums(self, r: Array, shape: tuple[int, int], weights: Array, transpose: bool) -> Array:
        rows, columns = shape
        width = -(-columns // W) * W
        if transpose:
            out = np.zeros((2, width), np.float32)
            strips = -(-width // (STRIP * W))
            self._run_plain("columns_times", strips, *self._operand(r), rows, columns, weights, out, smallest=2)
            return out[:, :columns]
        padded = np.zeros((2, width), np.float32)
        padded[:, :columns] = weights
        out = np.empty((2, rows), np.float32)
        self._run_plain("rows_times", rows, *self._operand(r), columns, padded, out)
        return out

    def _operand(self, r: Array) -> tuple[Any, ...]:
        """Mixing states as kernels of products take them."""
        return (r,)

    def line_normals(self, positions: Positions, number: int, batch: int) -> Array:
        """Normals for the lines of a crossbar product."""
        ids = self._ids_of_lines(positions)
        tiles = ids.shape[1] // W
        out = np.empty((-(-batch // 4) * 4, tiles * W), np.float32)
        key = np.array([self.seed & 0xFFFFFFFF, self.seed >> 32], np.uint32)
        for block in range(len(out) // 4):
            self._run_plain(
                "draw_normals", tiles, ids[0], ids[1], key, np.uint32(number & 0xFFFFFFFF), np.uint32(block),
                out[4 * block : 4 * block + 4],
            )  # fmt: skip
        return out[:batch, : len(positions)]

    def _ids_of_lines(self, positions: Positions) -> NDArray[np.uint32]:
        # small products would spend a tenth of their time on this; an array asks with the same object each time
        if positions is not self._lines[0]:
            ids = np.zeros((2, -(-len(positions) // W) * W), np.uint32)
            ids[:, : len(positions)] = self.cells.words(positions)
            self._lines = positions, ids
        return self._lines[1]

    # ---- copies

    def copy(self, positions: Positions | None) -> Self:
        """An engine of its own with copies of some cells, or of all."""
        cells = self.cells if positions is None else self.cells.at(positions)
        other = type(self)(self.law, cells, self.seed, self.start, self._threads, fill=False)
        if positions is None:
            for mine, its in zip(self._buffers(), other._buffers(), strict=True):
                its[:] = mine
        else:
            other.restore(0, self._state_of(self.selection(positions)))
        return other

    def dump(self, begin: int, end: int) -> dict[str, Array]:
        """All state of a range of cells."""
        return self._state_of(self.selection(np.arange(begin, end)))

    def _state_of(self, select: Packing) -> dict[str, Array]:
        positions = np.arange(self.cells.size) if select.positions is None else select.positions
        at = lanes_at(positions)
        return {"r": self.mixing(select)} | {
            name: np.ascontiguousarray(lanes[at].reshape(len(positions), -1).T)
            for name, lanes in self._by_lane().items()
        }

    def restore(self, begin: int, state: dict[str, Array]) -> None:
        """Take back what `dump` gave."""
        positions = np.arange(begin, begin + len(state["r"]))
        self._r[positions] = state["r"]
        for name, lanes in self._by_lane().items():
            lanes[lanes_at(positions)] = state[name].T.reshape(len(positions), *lanes.shape[3:])

    def _buffers(self) -> list[Array]:
        return [self._r, self._hot, self._device, self._memory]

    def _by_lane(self) -> dict[str, Array]:
        """Buffers as views indexed by `lanes_at`, with the numbers of a cell behind.

        Words are stored among reals: copied as integers, no bit pattern can change on the way.
        """
        hot, device, memory = (buffer.view(np.uint32) for buffer in (self._hot, self._device, self._memory))
        shape = self._tiles, -1, W // QUARTER, QUARTER
        views = {name: b.reshape(shape).transpose(0, 2, 3, 1) for name, b in (("hot", hot), ("device", device))}
        if self.law.slots and QUARTER == 4:  # as `memory.place` has it
            rings = memory.reshape(self._tiles, self.law.slots, 4, W // 4, 4)
            return views | {"memory": rings.transpose(0, 3, 2, 1, 4)}
        return views | {"memory": memory.reshape(shape).transpose(0, 2, 3, 1)}

    # ---- kernels

    def _reads(self, reads: ReadNumbers) -> Reads:
        if reads.each is None:
            return Reads(NO_WORDS, False, np.uint32(reads.times & 0xFFFFFFFF))
        return Reads(reads.each, True, np.uint32(0))

    def _kernels(self) -> Any:
        return kernels()

    def _arrays(self) -> tuple[Any, ...]:
        """What kernels take as the state."""
        return self._r, self._hot, self._hot.view(np.uint32), self._device, self._memory, *self._ids

    def _run(self, kernel: str, count: int, *arguments: Any) -> None:
        common = (self._arrays(), self.cells.ids is None, np.uint64(self.cells.first), self._law)
        self._run_plain(kernel, count, *common, *arguments)

    def _run_plain(self, kernel: str, count: int, *arguments: Any, smallest: int = SMALLEST) -> None:
        function = getattr(self._kernels(), kernel)
        version = type(self), kernel, self._law_type
        if version not in _READY:
            with notice("synaptogen: compiling for this machine, once (about ten seconds) ..."):
                function(0, 0, *arguments)
            _READY.add(version)
        share(function, count, self._threads, arguments, smallest)


_READY: set[tuple[type, str, Any]] = set()
"""Kernels of each engine, and the kinds of law that they ran with, that are compiled or loaded from the cache."""


def kernel_law(law: Law, start: str, seed: int) -> tuple[Any, ...]:
    """The law as kernels take it: single precision, flat."""

    def single(values: Array) -> Float32Array:
        return np.append(np.ascontiguousarray(values, np.float32).ravel(), np.float32(0.0))

    blocks = law.start
    if law.slots:
        blocks = blocks.reshape(law.slots, 4, law.slots, 4).transpose(0, 2, 3, 1)
    witness = single_bundle(law.constants)
    return (
        np.array(flat(witness), np.float32), witness, single(law.readout), single(law.F), single(law.G), single(blocks),
        law.slots, 0 if law.slots else law.memory, start == "stationary",
        np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32),
    )  # fmt: skip


def single_bundle(bundle: Any) -> Any:
    """A nest of tuples of numbers, in single precision."""
    if not isinstance(bundle, tuple):
        return np.float32(bundle)
    parts = [single_bundle(part) for part in bundle]
    return type(bundle)(*parts) if hasattr(bundle, "_fields") else tuple(parts)


def mixture_of(law: Law) -> tuple[NDArray[np.uint32], Float32Array, Float32Array]:
    """The population as kernels take it."""
    return law.component_starts, law.means.astype(np.float32).ravel(), law.cholesky.astype(np.float32).ravel()
