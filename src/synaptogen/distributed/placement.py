"""Who holds which block, and how requests get there, whoever dies on the way."""

import asyncio
import concurrent.futures
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

import cloudpickle
import dask
from distributed import Client, Future, KilledWorker, fire_and_forget
from distributed.scheduler import NoValidWorkerError

from .worker import Job, Reply, forget, work

POLL = 0.5  # s between looks at who is still there, while replies are awaited
MOST_LOSSES = 10  # rounds of one request in which workers vanished
LOST = (KilledWorker, NoValidWorkerError, asyncio.CancelledError, concurrent.futures.CancelledError)


class Crew:
    """The workers of an array.

    Parameters
    ----------
    client : distributed.Client
    workers : iterable of str, optional
        Addresses of the workers to use; default: all there are.
    patience : float
        Seconds to wait for a worker where there is none.
    """

    def __init__(self, client: Client, workers: Iterable[str] | None, patience: float) -> None:
        self.client, self._patience = client, patience
        self._allowed = None if workers is None else frozenset(workers)
        self.array = secrets.token_hex(8)
        self.owners: dict[int, str] = {}
        self._numbers = count()

    def run(self, sizes: Mapping[int, int], job: Callable[[int, bool], Job]) -> dict[int, Any]:
        """What becomes of jobs for blocks of some sizes. ``job(block, anew)`` gives the job; ``anew`` with its origin.

        Returns when each has been done. Raises what a job has raised, or RuntimeError if there are no workers.
        """
        done: dict[int, Any] = {}
        anew: set[int] = set()
        losses = 0
        while missing := [k for k in sizes if k not in done]:
            anew |= self._place({k: sizes[k] for k in missing})
            batches: dict[str, list[Job]] = defaultdict(list)
            for k in missing:
                batches[self.owners[k]].append(job(k, k in anew))
            lost, error = False, None
            for address, outcome in self._round(batches).items():
                if outcome is None:
                    lost = True
                    self._dismiss(address)
                elif isinstance(outcome, BaseException):
                    error = error or outcome
                else:
                    done |= {reply.block: reply.value for reply in outcome if reply.done}
                    anew |= {reply.block for reply in outcome if not reply.done}
            if error is not None:
                raise error
            losses += lost
            if losses > MOST_LOSSES:
                raise RuntimeError(
                    f"workers have vanished {losses} times at the same request: look into their logs, perhaps memory "
                    "is short; cells are safe, and made anew when workers are there"
                )
        return done

    # ---- who holds what

    def _place(self, sizes: Mapping[int, int]) -> set[int]:
        """Give blocks that nobody holds to workers, evenly by threads; returns those blocks."""
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
        """Addresses of workers and their threads; there is one at least."""
        end = time.monotonic() + self._patience
        while True:
            found = {a: n for a, n in self.client.nthreads().items() if self._allowed is None or a in self._allowed}
            if found:
                return found
            if time.monotonic() > end:
                raise RuntimeError(
                    f"there has been no worker for {self._patience:g} s: start some; cells are safe, and made anew then"
                )
            time.sleep(POLL)

    def _dismiss(self, address: str) -> None:
        self.owners = {k: owner for k, owner in self.owners.items() if owner != address}

    # ---- one round of requests

    def _round(self, batches: Mapping[str, list[Job]]) -> dict[str, list[Reply] | BaseException | None]:
        """Replies of workers, or what they raised, or None for those that have vanished."""
        futures = {address: self._submit(address, jobs) for address, jobs in batches.items()}
        outcomes: dict[str, list[Reply] | BaseException | None] = self.client.sync(self._await, futures)
        return outcomes

    def _submit(self, address: str, jobs: list[Job]) -> Future:
        # pickled here: Dask would look for futures inside, and warn of large arguments
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
            return self.client.submit(
                work,
                self.array,
                cloudpickle.dumps(jobs),
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

    def disband(self) -> None:
        """Let workers forget the array. They are made anew, for whoever is there, at the next request."""
        disband(self.client, self.array, self.owners)
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


def disband(client: Client, array: str, owners: Mapping[int, str]) -> None:
    """Let the owners of blocks forget an array; never waits."""
    with suppress(Exception):  # the client may be closed, or the cluster gone, and with it all memory
        for address in set(owners.values()):
            fire_and_forget(client.submit(forget, array, workers=[address], allow_other_workers=True, pure=False))
