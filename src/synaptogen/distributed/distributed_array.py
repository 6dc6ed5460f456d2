"""DistributedArray: an array of cells on the workers of a Dask cluster."""

import weakref
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, Self

from distributed import Client, default_client

from synaptogen._utils import RNG, BoolArray, PathLike, checked, checks, require
from synaptogen.blocked import (
    Arguments,
    BlockedArray,
    SavedSource,
    Step,
    block_operations,
    copied,
    describe_saved,
    no_arguments,
    voltages_of,
)
from synaptogen.engines import EngineName, Start, Storage
from synaptogen.io import Saved, require_same
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, ArraySpec, HistoryKind

from .placement import Placement, release_blocks
from .worker import Entry, Request, Source


class DistributedArray(BlockedArray):
    """An array of cells on the workers of a Dask cluster, with the methods of `CellArray`.

    The cells behave like those of ``CellArray(shape, params, rng=seed, ...)``, bit for bit, with any number of workers.
    If a worker dies, its blocks are built again from the last checkpoint and the voltages since. A method returns
    when all workers are done. If it raises because workers or memory are missing, voltages that it was to apply are
    not lost: they are applied before the next request is answered.

    Parameters
    ----------
    shape, params, rng, engine, history, storage, start, bandwidth
        As for `CellArray`.
    client : distributed.Client, optional
        The cluster; default: the client that was made last.
    block : int, optional
        Number of cells of a block; default: cells of about 128 MiB. Give less where there would be fewer than several
        blocks per worker.
    checkpoint : path, optional
        Directory for checkpoints, which all workers see under that path. Default: none; blocks are then built again
        from the seed and all voltages.
    checkpoint_every : int, optional
        Write a checkpoint automatically after so many voltages; default: only when `checkpoint` is called.
    workers : iterable of str, optional
        Addresses of the workers to use; default: all there are.
    patience : float
        Seconds to wait for a worker where there is none.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or there is no client.
    FileExistsError
        If there is something at ``checkpoint``: `open` continues from it.
    MemoryError
        If a worker would have to hold more than 0.7 of its memory limit.
    RuntimeError
        If there is no worker within ``patience`` seconds, or workers keep vanishing.
    ConnectionError
        If the client is closed, or the scheduler is gone: see `reconnect`.
    """

    @checked
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
        bandwidth: float = BANDWIDTH,
        client: Client | None = None,
        block: int | None = None,
        checkpoint: PathLike | None = None,
        checkpoint_every: int | None = None,
        workers: Iterable[str] | None = None,
        patience: float = 60.0,
    ) -> None:
        shape = checks.blocked_shape(shape)
        if checkpoint is not None and Path(checkpoint).exists():
            raise FileExistsError(f"{checkpoint} exists: DistributedArray.open goes on with it, or remove it")
        placement = Placement(_client(client), workers, checks.positive("patience", patience, "seconds"))
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
        self._set_up(Saved(spec, shape), placement, block, checkpoint, checkpoint_every)

    @classmethod
    @checked
    def open(
        cls,
        path: PathLike,
        *,
        client: Client | None = None,
        block: int | None = None,
        checkpoint_every: int | None = None,
        workers: Iterable[str] | None = None,
        patience: float = 60.0,
    ) -> Self:
        """Continue from a checkpoint, or from any saved array; further checkpoints replace it.

        `voltages` is the number of voltages that had been applied: a program continues with ``program[voltages:]``.

        Parameters
        ----------
        path : path
            Directory of the checkpoint, and of further ones; all workers see it under that path.
        client : distributed.Client, optional
            The cluster; default: the client that was made last.
        block : int, optional
            Number of cells of a block; default: cells of about 128 MiB.
        checkpoint_every : int, optional
            Write a checkpoint automatically after so many voltages.
        workers : iterable of str, optional
            Addresses of the workers to use; default: all there are.
        patience : float
            Seconds to wait for a worker where there is none.

        Returns
        -------
        DistributedArray

        Raises
        ------
        FileNotFoundError
            If there is nothing at ``path``.
        ValueError
            If it is something else, damaged, or a copy of scattered cells; or if there is no client.
        TypeError
            If an argument is not of the kind described.
        MemoryError
            If a worker would have to hold more than 0.7 of its memory limit.
        RuntimeError
            If there is no worker within ``patience`` seconds, or workers keep vanishing.
        """
        placement = Placement(_client(client), workers, checks.positive("patience", patience, "seconds"))
        saved, source = describe_saved(path)
        cells = cls.__new__(cls)
        cells._source = source
        cells._set_up(saved, placement, block, path, checkpoint_every)
        return cells

    _source: SavedSource | None = None

    def _set_up(
        self,
        saved: Saved,
        placement: Placement,
        block: int | None,
        checkpoint: PathLike | None,
        checkpoint_every: int | None,
    ) -> None:
        self._set_layout(saved, block)
        self._every = None if checkpoint_every is None else checks.positive_int("checkpoint_every", checkpoint_every)
        if self._every is not None and checkpoint is None:
            raise ValueError("checkpoint_every needs a place: give checkpoint=path, too")
        if checkpoint is not None:
            require("zarr", "distributed")
        self._checkpoint = None if checkpoint is None else Path(checkpoint).absolute()
        self._placement = placement
        self._log: list[Entry] = []  # of all steps since the source: since step 0 or the last checkpoint
        self._source_step, self._source_voltages = 0, self._voltages
        self._known: dict[int, int] = {}  # the step that each block had reached when its owner last replied
        self._finalize()
        for _ in self._evaluate(block_operations.no_operation):
            pass

    def _place(self) -> str:
        return f"on {len(set(self._placement.owners.values()))} workers"

    # ---- requests

    @property
    def _step(self) -> int:
        """Number of calls that have applied voltages."""
        return self._source_step + len(self._log)

    def _request(
        self, k: int, rebuild: bool, operation: Callable[..., Any], arguments: Arguments, changes: bool
    ) -> Request:
        start = self._source_step if rebuild else self._known[k]
        entries = tuple(
            (self._blocks.step(k, pulses), self._blocks.part(k, where))
            for pulses, where in self._log[start - self._source_step :]
        )
        source = None
        if rebuild:
            source = Source(self._spec, self._blocks, self._source)
        return Request(k, start, entries, operation, arguments(k), changes, source)

    def _run(
        self, operation: Callable[..., Any], arguments: Arguments, blocks: Iterable[int] | None, changes: bool
    ) -> Generator[Any]:
        wanted = list(range(self.blocks) if blocks is None else blocks)
        done = self._placement.run(
            {k: self._blocks.size_of(k) for k in wanted},
            lambda k, rebuild: self._request(k, rebuild, operation, arguments, changes),
        )
        self._known |= dict.fromkeys(wanted, self._step)
        for k in wanted:
            yield done.pop(k)

    def _evaluate(
        self, operation: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Generator[Any]:
        return self._run(operation, arguments, blocks, False)

    def _modify(
        self, operation: Callable[..., Any], pulses: Step, where: BoolArray | None, *arguments: object
    ) -> Generator[Any]:
        self._placement.require_client()
        # voltages in the log are applied in any case: after a request that failed, blocks catch up at the next
        self._log.append((copied(pulses), None if where is None else where.copy()))
        self._voltages += voltages_of(pulses)
        self._time = self._time_after(pulses)
        yield from self._run(operation, lambda _: arguments, None, True)
        if self._every is not None and self._voltages - self._source_voltages >= self._every:
            self.checkpoint()

    # ---- checkpoints and the memory of workers

    def checkpoint(self) -> None:
        """Write all cells to the directory for checkpoints; earlier voltages need not be kept any more.

        The last checkpoint stays until the new one is complete.

        Raises
        ------
        ValueError
            If the array was made without such a directory, or another array is there now.
        BlockingIOError
            If another process or object is writing there.
        """
        if self._checkpoint is None:
            raise ValueError("this array has no place for checkpoints: give checkpoint=path when you make it")
        self.save(self._checkpoint, overwrite=True)

    @checked
    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory, which `synaptogen.load` reads, too; see `CellArray.save`.

        Each worker writes its blocks.

        Parameters
        ----------
        path : path
            Directory to make, which all workers see under that path. The directory for checkpoints makes it a
            checkpoint.
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
        super().save(path, overwrite=overwrite)

    def _check_place(self, target: Path) -> None:
        if target != self._checkpoint or not target.exists():
            return
        if self._source is None or self._source.path != str(target):
            raise FileExistsError(f"{target} was made by another since this array was: save to another path")
        require_same(target, self._source.token)

    def _was_saved(self, target: Path, token: str) -> None:
        if target == self._checkpoint:
            self._source, self._source_step = SavedSource(str(target), token), self._step
            self._source_voltages = self._voltages
            self._log = []

    @checked
    def reconnect(self, client: Client | None = None, *, workers: Iterable[str] | None = None) -> None:
        """Go on with another client, after the first was closed or its scheduler was lost.

        Blocks are built again on the workers of the new cluster, from the last checkpoint or the seed, and the
        voltages since. So no voltage is lost.

        Parameters
        ----------
        client : distributed.Client, optional
            The cluster; default: the client that was made last.
        workers : iterable of str, optional
            Addresses of the workers to use; default: all there are.

        Raises
        ------
        ValueError, TypeError
            If there is no client, or ``client`` is none.
        ConnectionError
            If it is closed, too.
        """
        placement = Placement(_client(client), workers, self._placement.patience)
        placement.require_client()
        self._finalizer.detach()
        self._placement.release()
        self._placement = placement
        self._known.clear()
        self._finalize()

    def _finalize(self) -> None:
        self._finalizer = weakref.finalize(self, _release_blocks, self._placement)
        self._finalizer.atexit = False

    def release(self) -> None:
        """Free the memory of the workers.

        At the next request blocks are built again, from the last checkpoint and the voltages since, and distributed
        over all workers that are there then.
        """
        self._placement.release()
        self._known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _client(client: Client | None) -> Client:
    if client is None:
        try:
            return default_client()
        except ValueError:
            raise ValueError("there is no Dask client: make one first, client = distributed.Client()") from None
    if not isinstance(client, Client):
        raise TypeError(f"client is a {type(client).__name__}: give a distributed.Client")
    if client.asynchronous:
        raise ValueError("client is asynchronous: give one that is not")
    return client


def _release_blocks(placement: Placement) -> None:
    release_blocks(placement.client, placement.array, placement.owners)
