"""Which worker holds which block, and how requests reach it, also when workers die."""

import asyncio
import concurrent.futures
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import cloudpickle
import dask
from distributed import Client, Future, KilledWorker, fire_and_forget
from distributed.scheduler import NoValidWorkerError

from .worker import Reply, Request, forget, work

POLL = 0.5  # s between checks of which workers are alive, while replies are awaited
MOST_LOSSES = 10  # rounds of one call of `run` in which workers may vanish
LOST = (KilledWorker, NoValidWorkerError, asyncio.CancelledError, concurrent.futures.CancelledError)


class Placement:
    """The placement of the blocks of an array on workers.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    workers : iterable of str, optional
        Addresses of the workers to use; default: all there are.
    patience : float
        Seconds to wait for a worker where there is none.

    Attributes
    ----------
    array : str
        Name of the array on the workers; a new one after each release.
    owners : dict of int to str
        Address of the worker that holds each block.
    patience : float
        See above.
    """

    def __init__(self, client: Client, workers: Iterable[str] | None, patience: float) -> None:
        self.client, self.patience = client, patience
        self._allowed = None if workers is None else frozenset(workers)
        self.array = secrets.token_hex(8)
        self.owners: dict[int, str] = {}
        self._numbers = count()

    def run(self, sizes: Mapping[int, int], request: Callable[[int, bool], Request]) -> dict[int, Any]:
        """Have requests done, one for each of some blocks.

        Parameters
        ----------
        sizes : mapping of int to int
            Numbers of the blocks, and how many cells each has.
        request : callable
            Called as ``request(block, rebuild)``; returns the request for a block, with the source of the block if it
            is to be built again.

        Returns
        -------
        dict of int to object
            The result of each operation, by block.

        Raises
        ------
        RuntimeError
            If there are no workers, or workers keep vanishing.
        ConnectionError
            If the client is closed, or the scheduler is gone.
        Exception
            Whatever an operation has raised.
        """
        with self._connected():
            return self._run(sizes, request)

    def _run(self, sizes: Mapping[int, int], request: Callable[[int, bool], Request]) -> dict[int, Any]:
        done: dict[int, Any] = {}
        rebuild: set[int] = set()
        losses = 0
        while missing := [k for k in sizes if k not in done]:
            rebuild |= self._place({k: sizes[k] for k in missing})
            batches: dict[str, list[Request]] = defaultdict(list)
            for k in missing:
                batches[self.owners[k]].append(request(k, k in rebuild))
            lost, error = False, None
            for address, outcome in self._round(batches).items():
                if outcome is None:
                    lost = True
                    self._dismiss(address)
                elif isinstance(outcome, BaseException):
                    error = error or outcome
                else:
                    done |= {reply.block: reply.value for reply in outcome if reply.done}
                    rebuild |= {reply.block for reply in outcome if not reply.done}
            if error is not None:
                raise error
            losses += lost
            if losses > MOST_LOSSES:
                raise RuntimeError(
                    f"workers have vanished {losses} times at the same request: look into their logs, perhaps memory "
                    "is short; cells are safe, and built again when workers are there"
                )
        return done

    # ---- the connection

    def require_client(self) -> None:
        """Require that the client is connected to a scheduler.

        Raises
        ------
        ConnectionError
            If it is not.
        """
        if self.client.status != "running":
            raise ConnectionError(
                "the Dask client is closed, or its scheduler is gone: make another client, and give it to "
                "cells.reconnect(client), or to DistributedArray.open with the last checkpoint"
            )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        self.require_client()
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            try:
                self.require_client()
            except ConnectionError as lost:
                raise lost from error
            raise

    # ---- which worker holds which block

    def _place(self, sizes: Mapping[int, int]) -> set[int]:
        """Assign blocks that no worker holds, evenly by threads, and return their numbers."""
        orphans = sorted(sizes.keys() - self.owners.keys())
        if orphans:
            threads = self._alive()
            load = dict.fromkeys(threads, 0)
            for owner in self.owners.values():
                if owner in load:
                    load[owner] += 1
            for k in orphans:
                owner = min(threads, key=lambda address: ((load[address] + 1) / threads[address], address))
                self.owners[k] = owner
                load[owner] += 1
        return set(orphans)

    def _alive(self) -> dict[str, int]:
        """Return the threads of all workers by address; there is at least one worker."""
        end = time.monotonic() + self.patience
        while True:
            found = {a: n for a, n in self.client.nthreads().items() if self._allowed is None or a in self._allowed}
            if found:
                return found
            if time.monotonic() > end:
                raise RuntimeError(
                    f"there has been no worker for {self.patience:g} s: start some; cells are safe, "
                    "and built again then"
                )
            time.sleep(POLL)

    def _dismiss(self, address: str) -> None:
        self.owners = {k: owner for k, owner in self.owners.items() if owner != address}

    # ---- one round of requests

    def _round(self, batches: Mapping[str, list[Request]]) -> dict[str, list[Reply] | BaseException | None]:
        """Return the replies of workers, or the error that one raised, or None for those that have vanished."""
        futures = {address: self._submit(address, requests) for address, requests in batches.items()}
        outcomes: dict[str, list[Reply] | BaseException | None] = self.client.sync(self._await, futures)
        return outcomes

    def _submit(self, address: str, requests: list[Request]) -> Future:
        # pickled here: Dask would look for futures inside, and warn of large arguments
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
            return self.client.submit(
                work,
                self.array,
                cloudpickle.dumps(requests),
                key=f"synaptogen-{self.array}-{next(self._numbers)}",
                workers=[address],
                allow_other_workers=False,
                pure=False,
            )

    async def _await(self, futures: Mapping[str, Future]) -> dict[str, list[Reply] | BaseException | None]:
        tasks = {address: asyncio.ensure_future(_outcome(future)) for address, future in futures.items()}
        while pending := {task for task in tasks.values() if not task.done()}:
            done, _ = await asyncio.wait(pending, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
            if done:
                continue
            alive = await self.client.nthreads()
            for address, task in tasks.items():
                if address not in alive and not task.done():
                    task.cancel()
        return {address: None if task.cancelled() else task.result() for address, task in tasks.items()}

    def release(self) -> None:
        """Free the blocks on all workers; the next request builds them again, on the workers that are there then."""
        release_blocks(self.client, self.array, self.owners)
        self.array = secrets.token_hex(8)
        self.owners = {}


async def _outcome(future: Future) -> list[Reply] | BaseException | None:
    try:
        replies: list[Reply] = await future
        return replies
    except LOST:
        return None
    except Exception as error:
        return error


def release_blocks(client: Client, array: str, owners: Mapping[int, str]) -> None:
    """Free the blocks of an array, without waiting for it.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    array : str
        Name of the array on the workers.
    owners : mapping of int to str
        Address of the worker that holds each block.
    """
    with suppress(Exception):  # the client may be closed, or the cluster gone, and with it all memory
        for address in set(owners.values()):
            fire_and_forget(client.submit(forget, array, workers=[address], allow_other_workers=True, pure=False))
