"""The side of the workers: a worker holds blocks, and takes them from step to step."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import cloudpickle
from distributed import Worker, get_worker

from synaptogen.array import CellArray
from synaptogen.blocked import Blocks, SavedSource, block_operations, load_block
from synaptogen.engines import CellIds
from synaptogen.state import ArraySpec, CellState

MOST_MEMORY = 0.7  # of a worker's limit: at 0.8 Dask gives it no more work, at 0.95 it ends it

Entry = tuple[Any, Any]
"""The voltages (K, ...) of one step, aligned with the axes of a block, or a pause; and a mask or None."""


class Source(NamedTuple):
    """Where a block comes from."""

    spec: ArraySpec
    """Everything that determines the cells."""
    blocks: Blocks
    """The blocks of the array."""
    saved: SavedSource | None
    """The saved array that the block is in; None for new cells."""


class Request(NamedTuple):
    """A request to one block."""

    block: int
    """Number of the block."""
    start: int
    """Step that the block had reached before ``entries``."""
    entries: tuple[Entry, ...]
    """Voltages of the steps from ``start`` on."""
    operation: Callable[..., Any]
    """The operation to call then; see `synaptogen.blocked.block_operations`."""
    arguments: tuple[Any, ...]
    """Further arguments of the operation."""
    changes: bool
    """Whether the operation changes cells: it then applies the last of ``entries`` itself."""
    source: Source | None
    """Where the block comes from at step ``start``, for a block that is to be built."""


class Reply(NamedTuple):
    """The answer to a request."""

    block: int
    """Number of the block."""
    done: bool
    """Whether the request was done; if not, it has to be sent again with the source of the block."""
    value: Any = None
    """The result of the operation."""


class Held:
    """A block, and the step that it has reached.

    Parameters
    ----------
    cells : CellArray
        The block.
    step : int
        The step.
    """

    def __init__(self, cells: CellArray, step: int) -> None:
        self.cells, self.step = cells, step

    def apply(self, entries: tuple[Entry, ...]) -> None:
        """Apply the voltages of some steps."""
        for entry in entries:
            block_operations.apply(self.cells, *entry)
            self.step += 1


class WorkerState:
    """The blocks that a worker holds.

    Parameters
    ----------
    worker : distributed.Worker
        The worker.

    Attributes
    ----------
    arrays : dict of str to dict of int to Held
        Blocks by the name of the array and the number of the block.
    """

    def __init__(self, worker: Worker) -> None:
        self.lock = threading.Lock()  # one request at a time: each uses all threads of the worker
        self.arrays: dict[str, dict[int, Held]] = {}
        self.threads: int = worker.state.nthreads
        self.limit: int | None = worker.memory_manager.memory_limit

    def perform(self, array: str, request: Request) -> Reply:
        """Take a block to the step of a request, and call its operation.

        Parameters
        ----------
        array : str
            Name of the array.
        request : Request
            The request.

        Returns
        -------
        Reply

        Raises
        ------
        MemoryError, ValueError
            As `make`, where the block has to be built.
        Exception
            Whatever the operation raises; the block is dropped then.
        """
        blocks = self.arrays.setdefault(array, {})
        before = request.start + len(request.entries) - request.changes  # the step at which the operation is called
        held = blocks.get(request.block)
        if held is None or not request.start <= held.step <= before:
            blocks.pop(request.block, None)
            if request.source is None:
                return Reply(request.block, False)
            held = blocks[request.block] = Held(self.make(request.source, request.block), request.start)
        try:
            held.apply(request.entries[held.step - request.start : before - request.start])
            if not request.changes:
                return Reply(request.block, True, request.operation(held.cells, *request.arguments))
            value = request.operation(held.cells, *request.entries[-1], *request.arguments)
            held.step += 1
            return Reply(request.block, True, value)
        except BaseException:
            del blocks[request.block]  # some of its cells may have changed, others not
            raise

    def make(self, source: Source, k: int) -> CellArray:
        """Return a block as it was at its source.

        Parameters
        ----------
        source : Source
            Where it comes from.
        k : int
            Its number.

        Returns
        -------
        CellArray

        Raises
        ------
        MemoryError
            If the worker may not use so much memory.
        FileNotFoundError, ValueError
            If the saved array is gone, damaged, or another one.
        """
        spec, blocks, size = source.spec, source.blocks, source.blocks.size_of(k)
        self.require_memory(size * spec.bytes_per_cell)
        if source.saved is not None:
            return load_block(source.saved, spec, blocks, k, self.threads)
        state = CellState.build(spec, CellIds(size, spec.first + blocks.first_cell(k)), self.threads, in_block=True)
        return CellArray.from_state(state, blocks.shape_of(k))

    def require_memory(self, size: float) -> None:
        """Require that the worker may use memory for another block.

        Parameters
        ----------
        size : float
            Bytes that the block takes.

        Raises
        ------
        MemoryError
            If it may not.
        """
        held = sum(h.cells.nbytes for blocks in self.arrays.values() for h in blocks.values())
        if self.limit and held + size > MOST_MEMORY * self.limit:
            raise MemoryError(
                f"a worker with a memory limit of {self.limit / 2**30:.2f} GiB holds cells of {held / 2**30:.2f} GiB "
                f"and would need {size / 2**30:.2f} GiB more: start more workers or give them more memory "
                "(memory_limit), or use storage='compact'"
            )


_WORKER_STATES: "WeakKeyDictionary[Worker, WorkerState]" = WeakKeyDictionary()
_STATES_LOCK = threading.Lock()


def worker_state() -> WorkerState:
    """Return the state of the worker on which a task runs; several workers may share a process."""
    worker = get_worker()
    with _STATES_LOCK:
        return _WORKER_STATES.setdefault(worker, WorkerState(worker))


def work(array: str, requests: bytes) -> list[Reply]:
    """Do requests for blocks of an array, one after the other: a task of Dask.

    Parameters
    ----------
    array : str
        Name of the array.
    requests : bytes
        The requests, pickled.

    Returns
    -------
    list of Reply
        One for each request.
    """
    here = worker_state()
    with here.lock:
        return [here.perform(array, request) for request in cloudpickle.loads(requests)]


def forget(array: str) -> None:
    """Free the blocks of an array: a task of Dask."""
    here = worker_state()
    with here.lock:
        here.arrays.pop(array, None)
