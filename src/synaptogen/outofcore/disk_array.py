"""Arrays larger than memory: the cells are on disk, and a pass over them brings each block into memory once.

    cells = DiskArray((1 << 17, 1 << 17), path="cells.zarr", rng=1, storage="compact")
    cells.apply_voltages([-3.0, 2.0] * 10)  # twenty voltages, one pass
    for currents in cells.read_in_blocks(0.2): ...
    cells = DiskArray.open("cells.zarr")    # later

The directory at ``path`` is a saved array as `CellArray.save` writes them. A pass that changes cells writes a new array
beside it, which takes its place in one step when it is complete. So after a crash, on a full disk or after an
interrupt, the array at ``path`` is that before the pass or that after it. This takes disk space for two arrays. What a
pass that was killed has left is removed by the next pass or save. One process writes at a time, and a second one is
refused; others may read meanwhile. An object notices that another has replaced its array: it must be opened again then.
"""

import functools
from collections.abc import Callable, Collection, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from synaptogen._utils import (
    RNG,
    BoolArray,
    PathLike,
    Progress,
    Uninterrupted,
    checked,
    checks,
    default_threads,
    replacing_folder,
    require,
    require_cells,
    resolved,
)
from synaptogen.array import CellArray
from synaptogen.blocked import (
    Arguments,
    BlockedArray,
    SavedSource,
    Step,
    block_operations,
    describe_saved,
    load_block,
    no_arguments,
    voltages_of,
)
from synaptogen.engines import CellIds, EngineName, Start, Storage
from synaptogen.io import (
    Saved,
    Writer,
    check_writable,
    require_nothing_else,
    require_same,
    state_layout,
    update_counts,
)
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, ArraySpec, CellState, HistoryKind

AT_ONCE = 4  # blocks in memory at a time: one being read, one in use, one being written, and its copy


class DiskArray(BlockedArray):
    """An array of cells on disk, with the methods of `CellArray`.

    Parameters
    ----------
    shape, params, rng, engine, history, storage, start, threads, bandwidth
        As for `CellArray`.
    path : path
        Directory of the array, which is made.
    overwrite : bool
        Replace a saved array that is at ``path``.
    block : int, optional
        Number of cells that are brought into memory together; default: cells of about 128 MiB. Four such blocks are in
        memory at a time.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of cells, after each block of every pass.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described.
    FileExistsError
        If there is something at ``path`` that must not be replaced.
    FileNotFoundError
        If the folder of ``path`` is missing.
    BlockingIOError
        If another process or object is writing there.
    MemoryError
        If four blocks would not fit into memory.
    OSError
        If the disk is full. A pass that raises has changed nothing.

    Attributes
    ----------
    path : Path
        Directory of the array.

    Examples
    --------
    >>> import tempfile
    >>> import synaptogen as sg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cells = sg.outofcore.DiskArray((64, 4), path=f"{folder}/cells.zarr", rng=7, block=64)
    ...     cells.apply_voltages([-2.0, 2.0, -2.0])  # three voltages, one pass over four blocks
    ...     modes = cells.mode
    ...     again = sg.outofcore.DiskArray.open(f"{folder}/cells.zarr", block=64)
    ...     blocks, voltages = again.blocks, again.voltages
    >>> bool((modes == sg.Mode.LRS).all())
    True
    >>> blocks, voltages
    (4, 3)
    """

    @checked
    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        path: PathLike,
        rng: RNG = None,
        engine: EngineName = "cpu",
        history: HistoryKind | None = None,
        storage: Storage = "full",
        start: Start = "stationary",
        threads: int | None = None,
        bandwidth: float = BANDWIDTH,
        overwrite: bool = False,
        block: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        require("zarr", "zarr")
        shape = checks.blocked_shape(shape)
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        target = check_writable(path, overwrite=overwrite)
        spec = ArraySpec.from_arguments(
            params,
            rng=rng,
            engine=engine,
            history=history,
            storage=storage,
            start=start,
            bandwidth=bandwidth,
            resident=1,
        )
        self._set_up(target, Saved(spec, shape), workers, block, progress)
        free = functools.partial(check_writable, target, overwrite=overwrite)
        for _ in self._pass(self._new_blocks(), lambda k, cells: None, free):
            pass

    @classmethod
    @checked
    def open(
        cls,
        path: PathLike,
        *,
        threads: int | None = None,
        block: int | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Open an array on disk, also one that `CellArray.save` has written.

        Nothing on disk changes. Later passes replace the array; others may read it meanwhile.

        Parameters
        ----------
        path : path
            Its directory.
        threads : int, optional
            Threads of the CPU engine; default: the number of cores.
        block : int, optional
            Number of cells that are brought into memory together; default: cells of about 128 MiB.
        progress : callable, optional
            Called as ``progress(done, total)`` with numbers of cells, after each block of every pass.

        Returns
        -------
        DiskArray

        Raises
        ------
        FileNotFoundError
            If there is nothing at ``path``.
        ValueError
            If it is something else, damaged, or a copy of scattered cells.
        MemoryError
            If four blocks would not fit into memory.
        """
        workers = default_threads() if threads is None else checks.positive_int("threads", threads)
        cells = cls.__new__(cls)
        saved, source = describe_saved(path)
        cells._set_up(Path(path), saved, workers, block, progress)
        cells._token = source.token
        return cells

    _token: str

    def _set_up(self, path: Path, saved: Saved, threads: int, block: int | None, progress: Progress | None) -> None:
        self.path, self._threads, self._progress = path.absolute(), threads, progress
        self._set_layout(saved, block)
        require_cells(AT_ONCE * self._blocks.size_of(0), self._spec.bytes_per_cell)

    def _place(self) -> str:
        return f"on disk at {self.path}"

    # ---- passes

    def _evaluate(
        self, operation: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Generator[Any]:
        numbers = range(self.blocks) if blocks is None else blocks
        with closing(self._read_blocks(numbers, block_operations.REQUIRED_STATE.get(operation))) as found:
            for k, cells in found:
                yield operation(cells, *arguments(k))
                self._report(k)

    def _modify(
        self, operation: Callable[..., Any], pulses: Step, where: BoolArray | None, *arguments: object
    ) -> Generator[Any]:
        def modify(k: int, cells: CellArray) -> Any:
            return operation(cells, self._blocks.step(k, pulses), self._blocks.part(k, where), *arguments)

        self._require_replaceable()  # here, too, so that no lock is needed to be refused
        before = self._token, self._voltages, self._time
        self._voltages += voltages_of(pulses)
        self._time = self._time_after(pulses)
        try:
            yield from self._pass(self._read_blocks(range(self.blocks)), modify, self._require_replaceable)
        except BaseException:
            if self._token == before[0]:  # else Ctrl-C came after the new array had taken its place
                _, self._voltages, self._time = before
            raise

    def _require_replaceable(self) -> None:
        require_same(self.path, self._token)
        require_nothing_else(self.path)

    def _pass(
        self,
        blocks: Generator[tuple[int, CellArray]],
        work: Callable[[int, CellArray], Any],
        check: Callable[[], object],
    ) -> Generator[Any]:
        """Call a function with each block and write the block; the new array takes the place of the old at the end."""
        layout = state_layout(self._spec, self._time)
        token = ""

        def done() -> None:
            self._token = token

        with closing(blocks), replacing_folder(self.path, check, done) as beside, ThreadPoolExecutor(1) as thread:
            writer = Writer.new(beside, self.size, layout, self._blocks.chunk, compress=False)
            writing: Future[None] | None = None
            try:
                for k, cells in blocks:
                    yield work(k, cells)
                    state = cells.state.dump(0, cells.size)
                    del cells
                    if writing is not None:
                        writing.result()
                    writing = thread.submit(writer.write, self._blocks.first_cell(k), state)
                    self._report(k)
                if writing is not None:
                    writing.result()
            finally:
                with Uninterrupted():  # before the folder is removed
                    wait([] if writing is None else [writing])
            token = writer.finish(self._saved())

    def _check_place(self, target: Path) -> None:
        if resolved(target) == resolved(self.path):
            require_same(self.path, self._token)

    def _was_saved(self, target: Path, token: str) -> None:
        if resolved(target) == resolved(self.path):
            self._token = token

    def _new_blocks(self) -> Generator[tuple[int, CellArray]]:
        for k in range(self.blocks):
            cells = CellIds(self._blocks.size_of(k), self._blocks.first_cell(k))
            state = CellState.build(self._spec, cells, self._threads)
            yield k, CellArray.from_state(state, self._blocks.shape_of(k))

    def _read_blocks(
        self, numbers: Iterable[int], names: Collection[str] | None = None
    ) -> Generator[tuple[int, CellArray]]:
        """Read blocks from disk, each while the one before it is in use."""
        wanted = list(numbers)

        source = SavedSource(str(self.path), self._token)

        def read(k: int) -> CellArray:
            return load_block(source, self._spec, self._blocks, k, self._threads, names)

        reader = ThreadPoolExecutor(1)
        try:
            ahead = reader.submit(read, wanted[0])
            for k, following in zip(wanted, [*wanted[1:], None], strict=True):
                cells = ahead.result()
                if following is not None:
                    ahead = reader.submit(read, following)
                yield k, cells
                del cells
        finally:
            # without waiting: the garbage collector may be here in the very thread of zarr that the reader waits for
            reader.shutdown(wait=False, cancel_futures=True)

    def _report(self, k: int) -> None:
        if self._progress is not None:
            self._progress(self._blocks.first_cell(k) + self._blocks.size_of(k), self.size)

    # ---- numbers of reads and products are on disk, too, so that noise does not repeat when the array is opened again

    def _count_reads(self, k: int) -> None:
        super()._count_reads(k)
        if k:
            update_counts(self.path, self._token, self._saved())

    def _count_products(self, k: int) -> None:
        super()._count_products(k)
        if k:
            update_counts(self.path, self._token, self._saved())
