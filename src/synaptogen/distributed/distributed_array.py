"""DistributedArray: cells on the workers of a Dask cluster, as users hold them."""

import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from distributed import Client, default_client

from synaptogen._utils import RNG, AnyArray, checks, require
from synaptogen.blocked import Arguments, BlockedArray, no_arguments, saved_at
from synaptogen.blocked import block_operations as orders
from synaptogen.io import Saved
from synaptogen.params import DeviceParams
from synaptogen.state import BANDWIDTH, array_spec

from .placement import Crew, disband
from .worker import Entry, Job, Origin


class DistributedArray(BlockedArray):
    """An array of cells on the workers of a Dask cluster, with the methods of `CellArray`.

    Lives are those of ``CellArray(shape, params, rng=seed, ...)``, bit for bit, whatever the number of workers, and
    whichever of them die: their blocks are made anew from the last checkpoint and the voltages since. A method returns
    when all workers are done. If it raises for want of workers or memory, voltages that it was to apply are not lost:
    cells see them before the next request is met.

    Parameters
    ----------
    shape, params, rng, engine, history, storage, start, bandwidth
        As for `CellArray`.
    client : distributed.Client, optional
        Default: the one that was made last.
    block : int, optional
        Cells of a block; default: those of some 128 MiB. Give less where there would be less than some blocks a worker.
    checkpoint : path, optional
        Directory for checkpoints, which all workers see under that path. Without, blocks are made anew from the seed
        and all voltages.
    checkpoint_every : int, optional
        Write a checkpoint by itself after so many voltages.
    workers : iterable of str, optional
        Addresses of the workers to use; default: all there are.
    patience : float
        Seconds to wait for a worker where there is none.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or there is no client.
    FileExistsError
        If there is something at ``checkpoint``: `open` goes on with it.
    MemoryError
        If a worker would have to hold more than 0.7 of its memory limit.
    """

    def __init__(
        self,
        shape: int | tuple[int, ...],
        params: str | DeviceParams = "hennen2024",
        *,
        rng: RNG = None,
        engine: str = "cpu",
        history: str | None = None,
        storage: str = "full",
        start: str = "stationary",
        bandwidth: float = BANDWIDTH,
        client: Client | None = None,
        block: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        workers: Iterable[str] | None = None,
        patience: float = 60.0,
    ) -> None:
        shape = checks.blocked_shape(shape)
        if checkpoint is not None and Path(checkpoint).exists():
            raise FileExistsError(f"{checkpoint} exists: DistributedArray.open goes on with it, or remove it")
        crew = Crew(_client(client), workers, checks.positive("patience", patience, "seconds"))
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
        self._settle(Saved(spec, shape), crew, block, checkpoint, checkpoint_every)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        client: Client | None = None,
        block: int | None = None,
        checkpoint_every: int | None = None,
        workers: Iterable[str] | None = None,
        patience: float = 60.0,
    ) -> Self:
        """Go on from a checkpoint, or from any saved array; further checkpoints will take its place.

        `voltages` tells what the cells have seen, and so where to go on in a program.

        Raises
        ------
        FileNotFoundError
            If there is nothing at ``path``.
        ValueError
            If it is something else, damaged, or a copy of scattered cells.
        """
        crew = Crew(_client(client), workers, checks.positive("patience", patience, "seconds"))
        saved = saved_at(path)
        cells = cls.__new__(cls)
        cells._origin_path = str(Path(path).absolute())
        cells._settle(saved, crew, block, path, checkpoint_every)
        return cells

    _origin_path: str | None = None

    def _settle(
        self,
        saved: Saved,
        crew: Crew,
        block: int | None,
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_every: int | None,
    ) -> None:
        self._describe(saved, block)
        self._every = None if checkpoint_every is None else checks.positive_int("checkpoint_every", checkpoint_every)
        if self._every is not None and checkpoint is None:
            raise ValueError("checkpoint_every needs a place: give checkpoint=path, too")
        if checkpoint is not None:
            require("zarr", "distributed")
        self._checkpoint = None if checkpoint is None else Path(checkpoint).absolute()
        self._crew = crew
        self._log: list[Entry] = []  # since the origin, which is of step 0 or the last checkpoint
        self._origin_step, self._origin_voltages = 0, self._voltages
        self._known: dict[int, int] = {}  # the step of each block as its owner last reported it
        self._finalizer = weakref.finalize(self, _forgotten, crew)
        self._finalizer.atexit = False
        for _ in self._ask(orders.nothing):
            pass

    def _place(self) -> str:
        return f"on {len(set(self._crew.owners.values()))} workers"

    # ---- requests

    @property
    def _step(self) -> int:
        return self._origin_step + len(self._log)

    def _job(self, k: int, anew: bool, order: Callable[..., Any], arguments: Arguments, changes: bool) -> Job:
        start = self._origin_step if anew else self._known[k]
        entries = tuple(
            (self._blocks.part(k, pulses, axis=1), self._blocks.part(k, where))
            for pulses, where in self._log[start - self._origin_step :]
        )
        origin = None
        if anew:
            origin = Origin(self._spec, self._blocks, self._origin_path, self._origin_voltages)
        return Job(k, start, entries, order, arguments(k), changes, origin)

    def _run(
        self, order: Callable[..., Any], arguments: Arguments, blocks: Iterable[int] | None, changes: bool
    ) -> Iterator[Any]:
        asked = list(range(self.blocks) if blocks is None else blocks)
        done = self._crew.run(
            {k: self._blocks.size_of(k) for k in asked},
            lambda k, anew: self._job(k, anew, order, arguments, changes),
        )
        self._known |= dict.fromkeys(asked, self._step)
        for k in asked:
            yield done.pop(k)

    def _ask(
        self, order: Callable[..., Any], arguments: Arguments = no_arguments, blocks: Iterable[int] | None = None
    ) -> Iterator[Any]:
        return self._run(order, arguments, blocks, False)

    def _change(
        self, order: Callable[..., Any], pulses: AnyArray, where: AnyArray | None, *arguments: Any
    ) -> Iterator[Any]:
        # what is in the log happens: where a request fails, blocks catch up at the next
        self._log.append((pulses.copy(), None if where is None else where.copy()))
        self._voltages += len(pulses)
        yield from self._run(order, lambda _: arguments, None, True)
        if self._every is not None and self._voltages - self._origin_voltages >= self._every:
            self.checkpoint()

    # ---- what is peculiar to workers

    def checkpoint(self) -> None:
        """Write all cells to the directory for checkpoints; voltages before need not be kept any more.

        The one before stays until the new one is complete.

        Raises ValueError if the array was made without such a directory.
        """
        if self._checkpoint is None:
            raise ValueError("this array has no place for checkpoints: give checkpoint=path when you make it")
        self.save(self._checkpoint, overwrite=True)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the array as a zarr directory that `synaptogen.load` reads, too; see `CellArray.save`.

        Each worker writes its blocks: all need to see the same file system under the same path. In the directory for
        checkpoints, it is one.
        """
        super().save(path, overwrite=overwrite)
        if Path(path).absolute() == self._checkpoint:
            self._origin_path, self._origin_step = str(self._checkpoint), self._step
            self._origin_voltages = self._voltages
            self._log = []

    def release(self) -> None:
        """Give the memory of workers back.

        At the next request blocks are made anew, from the last checkpoint and the voltages since, spread over all
        workers that are there then.
        """
        self._crew.disband()
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


def _forgotten(crew: Crew) -> None:
    disband(crew.client, crew.array, crew.owners)
