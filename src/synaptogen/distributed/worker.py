"""What happens on a worker: it holds blocks, and takes them from step to step."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import cloudpickle
from distributed import Worker, get_worker

from synaptogen.array import CellArray
from synaptogen.blocked import Blocks, block_from, saved_at
from synaptogen.blocked import block_operations as orders
from synaptogen.engines import CellIds
from synaptogen.state import ArraySpec, CellState

MOST_MEMORY = 0.7  # of a worker's limit: at 0.8 Dask gives it no more work, at 0.95 it ends it

Entry = tuple[Any, Any]
"""Voltages (K, ...), aligned with the axes of a block, and a mask or None: what one call applies."""


class Origin(NamedTuple):
    """How to make a block: its spec, and the saved array that it is in, with the voltages that it has seen."""

    spec: ArraySpec
    blocks: Blocks
    saved: str | None
    voltages: int


class Job(NamedTuple):
    """A request to one block.

    ``entries`` lead on from the step ``start``. Then ``order`` is called; one that ``changes`` cells takes the place
    of the last entry. ``origin`` is that of ``start``, for a block that is to be made.
    """

    block: int
    start: int
    entries: tuple[Entry, ...]
    order: Callable[..., Any]
    arguments: tuple[Any, ...]
    changes: bool
    origin: Origin | None


class Reply(NamedTuple):
    """What became of a job: not ``done`` means that the block has to be sent with its origin."""

    block: int
    done: bool
    value: Any = None


class Held:
    """A block, and the step that it has reached."""

    def __init__(self, cells: CellArray, step: int) -> None:
        self.cells, self.step = cells, step

    def apply(self, entries: tuple[Entry, ...]) -> None:
        """Apply voltages."""
        for entry in entries:
            orders.apply(self.cells, *entry)
            self.step += 1


class Room:
    """The blocks that a worker holds, by array."""

    def __init__(self, worker: Worker) -> None:
        self.lock = threading.Lock()  # one request at a time: each uses all threads of the worker
        self.arrays: dict[str, dict[int, Held]] = {}
        self.threads: int = worker.state.nthreads
        self.limit: int | None = worker.memory_manager.memory_limit

    def perform(self, array: str, job: Job) -> Reply:
        """Take a block to the step of a job and do what it asks."""
        blocks = self.arrays.setdefault(array, {})
        before = job.start + len(job.entries) - job.changes  # the step at which the order is called
        held = blocks.get(job.block)
        if held is None or not job.start <= held.step <= before:
            blocks.pop(job.block, None)
            if job.origin is None:
                return Reply(job.block, False)
            held = blocks[job.block] = Held(self.make(job.origin, job.block), job.start)
        try:
            held.apply(job.entries[held.step - job.start : before - job.start])
            if not job.changes:
                return Reply(job.block, True, job.order(held.cells, *job.arguments))
            value = job.order(held.cells, *job.entries[-1], *job.arguments)
            held.step += 1
            return Reply(job.block, True, value)
        except BaseException:
            del blocks[job.block]  # some of its cells may have changed, others not
            raise

    def make(self, origin: Origin, k: int) -> CellArray:
        """A block as it was at its origin."""
        spec, blocks, size = origin.spec, origin.blocks, origin.blocks.size_of(k)
        self.require_memory(size * spec.bytes_per_cell)
        if origin.saved is not None:
            found = saved_at(origin.saved)
            if (found.spec.seed, found.voltages) != (spec.seed, origin.voltages):
                raise ValueError(f"{origin.saved} is another array than the checkpoint that was left there")
            return block_from(origin.saved, spec, blocks, k, self.threads)
        state = CellState.build(spec, CellIds(size, spec.first + blocks.begin(k)), self.threads)
        return CellArray.from_state(state, blocks.shape_of(k))

    def require_memory(self, size: float) -> None:
        """Raise MemoryError if a block of some bytes would exceed what a worker may use."""
        held = sum(h.cells.nbytes for blocks in self.arrays.values() for h in blocks.values())
        if self.limit and held + size > MOST_MEMORY * self.limit:
            raise MemoryError(
                f"a worker with a memory limit of {self.limit / 2**30:.2f} GiB holds cells of {held / 2**30:.2f} GiB "
                f"and would need {size / 2**30:.2f} GiB more: start more workers or give them more memory "
                "(memory_limit), or use storage='compact'"
            )


_ROOMS: "WeakKeyDictionary[Worker, Room]" = WeakKeyDictionary()
_MAKING = threading.Lock()


def room() -> Room:
    """That of the worker on which a task runs: workers may share a process."""
    worker = get_worker()
    with _MAKING:
        return _ROOMS.setdefault(worker, Room(worker))


def work(array: str, jobs: bytes) -> list[Reply]:
    """Task: perform jobs for blocks of an array, pickled, one after the other."""
    here = room()
    with here.lock:
        return [here.perform(array, job) for job in cloudpickle.loads(jobs)]


def forget(array: str) -> None:
    """Task: an array is needed no more."""
    here = room()
    with here.lock:
        here.arrays.pop(array, None)
