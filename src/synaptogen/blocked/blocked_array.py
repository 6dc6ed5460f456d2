"""BlockedArray: what arrays in blocks have in common, with the methods of `CellArray`."""

import functools
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from synaptogen._utils import AnyArray, checks, flush, replacing, require_memory
from synaptogen.array import FAR, CellArray
from synaptogen.engines import engine_class, line_weights, with_noise
from synaptogen.io import Saved, Writer, layout_of, writable
from synaptogen.params import DeviceParams
from synaptogen.state import Features

from . import block_operations as orders
from .blocks import Blocks, default_block

Arguments: TypeAlias = Callable[[int], tuple[Any, ...]]
"""Arguments of an order for the block of that number."""


def no_arguments(_: int) -> tuple[()]:
    """An order that needs none."""
    return ()


class BlockedArray(ABC):
    """An array of virtual resistive memory cells in blocks that are `CellArray` themselves.

    The cells are those of ``CellArray(shape, params, rng=seed, ...)`` and live the same lives, bit for bit. Methods of
    the same names do the same. Results are ordinary arrays in the memory of this process; where they do not fit, use
    `read_in_blocks` and `map_blocks`. There are no views.
    """

    __array_ufunc__ = None
    __hash__ = object.__hash__

    def _describe(self, saved: Saved, block: int | None) -> None:
        self._spec, self.shape = saved.spec, saved.shape
        cells = default_block(saved.spec.bytes_per_cell) if block is None else checks.positive_int("block", block)
        self._blocks = Blocks(self.shape, cells)
        self._reads, self._products, self._voltages = saved.reads, saved.products, saved.voltages

    # ---- what makes the difference

    @abstractmethod
    def _ask(
        self, order: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Iterator[Any]:
        """What ``order(block, *arguments(k))`` returns for each block, in their order; it changes no cell."""

    @abstractmethod
    def _change(
        self, order: Callable[..., Any], pulses: AnyArray, where: AnyArray | None, *arguments: Any
    ) -> Iterator[Any]:
        """The same for orders that apply K voltages, of shape (K, ...), aligned with the axes of the array."""

    # ---- what the array is

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def params(self) -> DeviceParams:
        """The device population."""
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
        """How cells are kept: "full" or "compact"."""
        return self._spec.storage

    @property
    def bandwidth(self) -> float:
        """Bandwidth of reads in Hz."""
        return self._spec.bandwidth

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Type of the numbers that come out."""
        kind: np.dtype[np.floating[Any]] = np.dtype(engine_class(self.engine, self.storage).dtype)
        return kind

    @property
    def nbytes(self) -> int:
        """Memory in bytes that the cells take, all together."""
        return round(self.size * self._spec.bytes_per_cell)

    @property
    def voltages(self) -> int:
        """How many voltages have been applied to the array since its cells were made.

        It is saved with the array: a program that was interrupted goes on with ``program[cells.voltages :]``.
        """
        return self._voltages

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self._blocks)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        r = self._spec
        kind = "VAR" if r.params.history.kind == "var" else "compact"
        noise = f"noise of {r.bandwidth:g} Hz at 300 K" if r.bandwidth else "no read noise"
        return (
            f"{type(self).__name__}({' x '.join(map(str, self.shape))}, {self._place()}, params={r.params.name!r}, "
            f"engine={r.engine}, storage={r.storage}, history={kind}({r.params.history.order}), start={r.start}, "
            f"seed={r.seed}, {noise}, {self.blocks} blocks, {r.bytes_per_cell:.0f} B a cell, "
            f"{self.nbytes / 2**20:.1f} MiB)"
        )

    @abstractmethod
    def _place(self) -> str:
        """Where the cells are, in a few words."""

    # ---- voltages

    def apply_voltage(self, u: ArrayLike, *, where: ArrayLike | None = None) -> None:
        """Apply a voltage to each cell; see `CellArray.apply_voltage`."""
        self.apply_voltages(self._aligned("u", u)[None], where=where)

    def apply_voltages(self, pulses: ArrayLike, *, where: ArrayLike | None = None) -> None:
        """Apply K voltages one after the other in one pass over all blocks; see `CellArray.apply_voltages`.

        Voltages that are the same for all entries of an axis are best given as such, with size 1 along it: they are
        passed on as they are.
        """
        mask = None if where is None else checks.aligned("where", checks.truths("where", where), self.shape)
        for _ in self._change(orders.apply, self._pulses("pulses", pulses), mask):
            pass

    def sweep(self, waveform: ArrayLike, *, noise: bool = False) -> AnyArray:
        """Apply a waveform and record the current at each of its points; see `CellArray.sweep`."""
        pulses = self._pulses("waveform", waveform)
        out = self._room(self.dtype, len(pulses))
        number, noise = self._reads, bool(noise and self.bandwidth)
        self._count_reads(len(pulses) if noise else 0)  # before, so that it is saved with what the sweep changes
        return self._gather(out, self._change(orders.sweep, pulses, None, noise, number))

    def run_cycles(self, count: int) -> Features:
        """Run every cell through complete cycles; see `CellArray.run_cycles`."""
        count = checks.positive_int("count", count)
        out = self._room(self.dtype, len(Features._fields), count)
        pulses = self._pulses("pulses", [-FAR, FAR] * count)
        return Features(*self._gather(out, self._change(orders.run_cycles, pulses, None)))

    def _aligned(self, name: str, value: ArrayLike) -> AnyArray:
        return checks.aligned(name, checks.finite(name, value, self.dtype.type), self.shape)

    def _pulses(self, name: str, value: ArrayLike) -> AnyArray:
        return checks.aligned(name, checks.counted(name, value, self.dtype.type), self.shape, first=True)

    # ---- reads

    def read(self, u: ArrayLike | None = None, *, bandwidth: float | None = None) -> AnyArray:
        """Currents in A with noise; see `CellArray.read`."""
        voltage, bandwidth = self._read_voltage(u), self._bandwidth(bandwidth)
        out, number = self._room(self.dtype), self._reads
        self._gather(out, self._ask(orders.read, lambda k: (self._blocks.part(k, voltage), bandwidth, number)))
        self._count_reads(1 if bandwidth else 0)
        return out

    def read_in_blocks(self, u: float | None = None) -> Iterator[AnyArray]:
        """The currents of one `read` at one voltage, flat, a block after the other.

        Raises ValueError if ``u`` is not one finite voltage.
        """
        voltage, number = self._read_voltage(u), self._reads
        if voltage.size > 1:
            raise ValueError(f"u holds {voltage.size} voltages: give one for all cells, or use read")
        self._count_reads(1 if self.bandwidth else 0)
        return self._blocks_read(voltage, number)

    def _blocks_read(self, voltage: AnyArray, number: int) -> Iterator[AnyArray]:
        for k in range(self.blocks):
            for currents in self._ask(orders.read, lambda _: (voltage, self.bandwidth, number), [k]):
                yield currents.reshape(-1)

    def current(self, u: ArrayLike | None = None) -> AnyArray:
        """Currents in A without noise; see `CellArray.current`."""
        voltage = self._read_voltage(u)
        out = self._room(self.dtype)
        return self._gather(out, self._ask(orders.current, lambda k: (self._blocks.part(k, voltage),)))

    def conductance(self) -> AnyArray:
        """Conductances in S at the read voltage of the parameter set."""
        u = self.dtype.type(self.params.u_read)
        return np.asarray(self.current(u) / u)

    def _read_voltage(self, u: ArrayLike | None) -> AnyArray:
        return self._aligned("u", self.params.u_read if u is None else u)

    def _bandwidth(self, bandwidth: float | None) -> float:
        return self.bandwidth if bandwidth is None else checks.bandwidth(bandwidth)

    def _count_reads(self, k: int) -> None:
        self._reads = (self._reads + k) & 0xFFFFFFFF

    # ---- crossbar products

    def product(self, v: ArrayLike, *, transpose: bool = False, bandwidth: float | None = None) -> AnyArray:
        """Currents of all lines of the crossbar at once; see `CellArray.product`.

        Rows lie in one block each, and their currents are those of a `CellArray`. Currents of columns are sums over
        blocks, formed in double precision in the order of the blocks: they depend on the size of blocks, by rounding,
        and on nothing else.
        """
        bandwidth = self._bandwidth(bandwidth)
        checks.crossbar(self.shape)
        vectors = checks.vectors(v, self.shape, transpose, self.dtype.type)
        if transpose:
            currents = self._column_currents(vectors, bandwidth)
            shaped = currents.reshape(-1) if np.ndim(v) == 1 else currents
        else:
            given = vectors[0] if np.ndim(v) == 1 else vectors.T
            number = self._products
            shaped = np.concatenate(list(self._ask(orders.row_currents, lambda _: (given, bandwidth, number))))
        self._count_products(1 if bandwidth else 0)
        return shaped

    def _column_currents(self, vectors: AnyArray, bandwidth: float) -> AnyArray:
        offset, weights = line_weights(vectors.astype(np.float64), bandwidth, self._spec.compiled_params.constants)
        parts = self._ask(orders.column_sums, lambda k: (weights[:, self._blocks[k]],))
        sums = functools.reduce(lambda total, part: total + part.astype(np.float64), parts, offset)
        normals = None
        if bandwidth:
            number = self._products
            (normals,) = self._ask(orders.column_normals, lambda _: (number, len(vectors)), [0])
        return np.asarray(with_noise(sums, normals, len(vectors)), self.dtype)

    def __matmul__(self, v: ArrayLike) -> AnyArray:
        return self.product(v)

    def __rmatmul__(self, v: ArrayLike) -> AnyArray:
        return self.product(v, transpose=True)

    def _count_products(self, k: int) -> None:
        self._products += k

    # ---- state, by copy

    @property
    def r(self) -> AnyArray:
        """Mixing states."""
        return self._state("r", self.dtype)

    @property
    def mode(self) -> NDArray[np.uint8]:
        """Modes, as numbers of `Mode`."""
        return self._state("mode", np.uint8)

    @property
    def cycle(self) -> NDArray[np.uint32]:
        """Numbers of the running cycles."""
        return self._state("cycle", np.uint32)

    @property
    def component(self) -> NDArray[np.uint8]:
        """Numbers of the components of the population that cells were drawn from."""
        return self._state("component", np.uint8)

    @property
    def device(self) -> AnyArray:
        """Device vectors of shape (8, *shape)."""
        return self._state("device", self.dtype, 8)

    @property
    def features(self) -> Features:
        """Features of the running cycles."""
        return Features(*self._gather(self._room(self.dtype, len(Features._fields)), self._ask(orders.features)))

    def upcoming(self, count: int) -> Features:
        """Features of the next cycles; see `CellArray.upcoming`."""
        count = checks.positive_int("count", count)
        out = self._room(self.dtype, len(Features._fields), count)
        return Features(*self._gather(out, self._ask(orders.upcoming, lambda _: (count,))))

    def limited(self) -> np.int64:
        """Number of cells with a feature of the running cycle that had to be limited."""
        return np.int64(sum(self._ask(orders.limited)))

    def map_blocks(self, function: Callable[[CellArray], Any]) -> list[Any]:
        """What a function returns for each block, in their order, called where the block is.

        Parameters
        ----------
        function : callable
            Takes a `CellArray` that holds some entries of the first axis. It may read, and must not apply voltages:
            what it changed would be lost, or not, depending on where the block is.
        """
        return list(self._ask(orders.call, lambda _: (function,)))

    def _state(self, name: str, dtype: DTypeLike, *lead: int) -> AnyArray:
        return self._gather(self._room(dtype, *lead), self._ask(orders.state, lambda _: (name,)))

    def _room(self, dtype: DTypeLike, *lead: int) -> AnyArray:
        """An array for a result with axes before those of the cells, if it fits into memory."""
        numbers, kind = math.prod(lead), np.dtype(dtype)
        require_memory(
            f"a result of {numbers} numbers for each of {self.size:,} cells",
            float(numbers) * self.size * kind.itemsize,
            "use read_in_blocks, or map_blocks with a function that sums up",
        )
        return np.empty((*lead, *self.shape), kind)

    def _gather(self, out: AnyArray, parts: Iterable[AnyArray]) -> AnyArray:
        lead = (slice(None),) * (out.ndim - self.ndim)
        for k, part in enumerate(parts):
            out[(*lead, self._blocks[k])] = part
        return out

    # ---- on disk

    def _saved(self) -> Saved:
        return Saved(self._spec, self.shape, self._reads, self._products, self._voltages)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory that `synaptogen.load` reads, too; see `CellArray.save`."""
        target = writable(path, overwrite=overwrite).absolute()
        with replacing(target) as beside:
            layout = layout_of(self._spec)
            writer = Writer.new(beside, self.size, layout, self._blocks.chunk, compress=False)
            for _ in self._ask(orders.write, lambda k: (str(beside), self._blocks.begin(k))):
                pass
            writer.finish(self._saved())
            flush(beside)
