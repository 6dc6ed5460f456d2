"""Arrays larger than memory: cells lie on disk, and a pass over them brings each block into memory once.

    cells = DiskArray((1 << 17, 1 << 17), path="cells.zarr", rng=1, storage="compact")
    cells.apply_voltages([-3.0, 2.0] * 10)  # twenty voltages, one pass
    for currents in cells.read_in_blocks(0.2): ...
    cells = DiskArray.open("cells.zarr")    # later

The directory at ``path`` is a saved array as `CellArray.save` writes them. A pass that changes cells writes a new one
beside it, which takes its place in one step when it is complete. So whatever happens, a crash, a full disk, an
interrupt, the array at ``path`` is that before the pass or that after it; the price is room on disk for two. What a
pass that was killed has left beside is removed when the array is opened, or by the next pass.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeAlias

from synaptogen._utils import (
    RNG,
    AnyArray,
    checks,
    default_threads,
    flush,
    remove_leftovers,
    replacing,
    require,
    require_cells,
)
from synaptogen.array import CellArray
from synaptogen.blocked import Arguments, BlockedArray, block_from, no_arguments, saved_at
from synaptogen.blocked import block_operations as orders
from synaptogen.engines import CellIds
from synaptogen.io import Saved, Writer, layout_of, recount, writable
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, CellState, array_spec

Progress: TypeAlias = Callable[[int, int], None]
AT_ONCE = 4  # blocks in memory at a time: one that is read, one at work, one that is written, and its copy


class DiskArray(BlockedArray):
    """An array of cells on disk, with the methods of `CellArray`.

    Parameters
    ----------
    shape, params, rng, engine, history, storage, start, threads, bandwidth
        As for `CellArray`.
    path : path
        Directory of the array, made here.
    overwrite : bool
        Replace an array that is there.
    block : int, optional
        CellIds that are brought into memory together; default: those of some 128 MiB. Four such blocks are in memory at
        a time.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of cells, after each block of every pass.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described.
    FileExistsError
        If there is something at ``path`` and ``overwrite`` is not given.
    OSError
        If the disk is full. A pass that raises has changed nothing.
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        path: str | os.PathLike[str],
        rng: RNG = None,
        engine: str = "cpu",
        history: str | None = None,
        storage: str = "full",
        start: str = "stationary",
        threads: int | None = None,
        bandwidth: float = BANDWIDTH,
        overwrite: bool = False,
        block: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        require("zarr", "zarr")
        shape = checks.blocked_shape(shape)
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        target = writable(path, overwrite=overwrite)
        spec = array_spec(
            params,
            rng=rng,
            engine=engine,
            history=history,
            storage=storage,
            start=start,
            bandwidth=bandwidth,
            resident=1,
        )
        self._settle(target, Saved(spec, shape), workers, block, progress)
        remove_leftovers(target)
        for _ in self._pass(self._new_blocks(), lambda k, cells: None):
            pass

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        threads: int | None = None,
        block: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Go on with an array on disk, one that `CellArray.save` has written, too. Nobody else may be changing it.

        Raises
        ------
        FileNotFoundError
            If there is nothing at ``path``.
        ValueError
            If it is something else, damaged, or a copy of scattered cells.
        """
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        cells = cls.__new__(cls)
        cells._settle(Path(path), saved_at(path), workers, block, progress)
        remove_leftovers(path)
        return cells

    def _settle(self, path: Path, saved: Saved, threads: int, block: int | None, progress: Progress | None) -> None:
        self.path, self._threads, self._progress = path.absolute(), threads, progress
        self._describe(saved, block)
        require_cells(AT_ONCE * self._blocks.size_of(0), self._spec.bytes_per_cell)

    def _place(self) -> str:
        return f"on disk at {self.path}"

    # ---- passes

    def _ask(
        self, order: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Iterator[Any]:
        numbers = range(self.blocks) if blocks is None else blocks
        for k, cells in self._read_blocks(numbers, orders.NEEDS.get(order)):
            yield order(cells, *arguments(k))
            self._report(k)

    def _change(
        self, order: Callable[..., Any], pulses: AnyArray, where: AnyArray | None, *arguments: Any
    ) -> Iterator[Any]:
        def work(k: int, cells: CellArray) -> Any:
            return order(cells, self._blocks.part(k, pulses, axis=1), self._blocks.part(k, where), *arguments)

        remove_leftovers(self.path)
        before = self._voltages
        self._voltages += len(pulses)
        try:
            yield from self._pass(self._read_blocks(range(self.blocks)), work)
        except BaseException:
            self._voltages = before
            raise

    def _pass(self, blocks: Iterator[tuple[int, CellArray]], work: Callable[[int, CellArray], Any]) -> Iterator[Any]:
        """Work on each block and write it; the new array takes the place of the old one at the end."""
        layout = layout_of(self._spec)
        with replacing(self.path) as beside, ThreadPoolExecutor(1) as thread:
            writer = Writer.new(beside, self.size, layout, self._blocks.chunk, compress=False)
            writing: Future[None] | None = None
            for k, cells in blocks:
                yield work(k, cells)
                state = cells.state.engine.dump(0, cells.size)
                del cells
                if writing is not None:
                    writing.result()
                writing = thread.submit(writer.write, self._blocks.begin(k), state)
                self._report(k)
            if writing is not None:
                writing.result()
            writer.finish(self._saved())
            flush(beside)

    def _new_blocks(self) -> Iterator[tuple[int, CellArray]]:
        for k in range(self.blocks):
            cells = CellIds(self._blocks.size_of(k), self._blocks.begin(k))
            state = CellState.build(self._spec, cells, self._threads)
            yield k, CellArray.from_state(state, self._blocks.shape_of(k))

    def _read_blocks(
        self, numbers: Iterable[int], names: Collection[str] | None = None
    ) -> Iterator[tuple[int, CellArray]]:
        """Blocks from disk, each read while the one before it is worked on."""
        order = list(numbers)

        def read(k: int) -> CellArray:
            return block_from(str(self.path), self._spec, self._blocks, k, self._threads, names)

        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(read, order[0])
            for k, following in zip(order, [*order[1:], None], strict=True):
                cells = ahead.result()
                if following is not None:
                    ahead = reader.submit(read, following)
                yield k, cells
                del cells

    def _report(self, k: int) -> None:
        if self._progress is not None:
            self._progress(self._blocks.begin(k) + self._blocks.size_of(k), self.size)

    # ---- how often the array was read is kept on disk, too: noise does not begin anew when it is opened

    def _count_reads(self, k: int) -> None:
        super()._count_reads(k)
        if k:
            recount(self.path, self._saved())

    def _count_products(self, k: int) -> None:
        super()._count_products(k)
        if k:
            recount(self.path, self._saved())
