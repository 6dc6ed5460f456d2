"""What a worker does with requests, however often and in whichever order they come."""

from types import SimpleNamespace

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("distributed")

from synaptogen.blocked import block_operations
from synaptogen.blocked.blocks import Blocks
from synaptogen.distributed.worker import Request, Source, WorkerState

PULSES = np.random.default_rng(1).uniform(-1.6, 1.6, (6, 1, 320, 1))  # six calls, each of one voltage a cell
SHAPE, BLOCK = (640, 7), 320 * 7


def new_worker(limit=None):
    return WorkerState(
        SimpleNamespace(state=SimpleNamespace(nthreads=1), memory_manager=SimpleNamespace(memory_limit=limit))
    )


def request(start, end, operation=block_operations.no_operation, *arguments, changes=False, rebuild=False):
    spec = sg.CellArray(1, rng=3, storage="compact", threads=1).state.spec
    source = Source(spec, Blocks(SHAPE, BLOCK), None) if rebuild else None
    return Request(1, start, tuple((u, None) for u in PULSES[start:end]), operation, arguments, changes, source)


@pytest.fixture
def after():
    """The mixing states of the second block after a number of calls."""
    cells = sg.CellArray(SHAPE, rng=3, storage="compact", threads=1)[320:].copy()
    states = [cells.r]
    for u in PULSES:
        cells.apply_voltages(u)
        states.append(cells.r)
    return states


def mixing_after(worker, start, end, **options):
    reply = worker.perform("a", request(start, end, block_operations.array_property, "r", **options))
    return reply.value if reply.done else None


def test_a_block_goes_from_step_to_step(after):
    worker = new_worker()
    assert np.array_equal(mixing_after(worker, 0, 2, rebuild=True), after[2])
    assert np.array_equal(mixing_after(worker, 2, 3), after[3])
    assert np.array_equal(mixing_after(worker, 3, 3), after[3])


def test_a_request_that_is_repeated_is_not_done_twice(after):
    worker = new_worker()
    for _ in range(2):
        assert np.array_equal(mixing_after(worker, 0, 2, rebuild=True), after[2])
    for _ in range(2):
        assert np.array_equal(mixing_after(worker, 1, 4), after[4])


def test_a_request_that_is_behind_or_ahead_is_sent_back(after):
    worker = new_worker()
    assert mixing_after(worker, 0, 1) is None  # never seen
    assert np.array_equal(mixing_after(worker, 0, 3, rebuild=True), after[3])
    assert mixing_after(worker, 4, 5) is None  # voltage 3 would be missing; the block is dropped
    assert np.array_equal(mixing_after(worker, 0, 5, rebuild=True), after[5])
    assert mixing_after(worker, 0, 4) is None  # it cannot go back
    assert np.array_equal(mixing_after(worker, 0, 4, rebuild=True), after[4])


def test_a_sweep_is_done_again_from_the_start(after):
    """Its result may be lost on the way: the same sweep has to show the same currents."""
    worker = new_worker()
    first = worker.perform("a", request(0, 2, block_operations.sweep, True, 5, changes=True, rebuild=True))
    assert not worker.perform("a", request(0, 2, block_operations.sweep, True, 5, changes=True)).done
    again = worker.perform("a", request(0, 2, block_operations.sweep, True, 5, changes=True, rebuild=True))
    assert first.value.shape == (1, 320, 7)
    assert np.array_equal(first.value, again.value)
    assert np.array_equal(mixing_after(worker, 2, 3), after[3])


def test_a_block_that_failed_is_made_anew(after):
    worker = new_worker()
    worker.perform("a", request(0, 1, rebuild=True))

    def fail(cells, *_):
        cells.apply_voltage(-3.0)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        worker.perform("a", request(1, 2, fail, changes=True))
    assert mixing_after(worker, 1, 2) is None
    assert np.array_equal(mixing_after(worker, 0, 2, rebuild=True), after[2])


def test_memory_of_a_worker():
    worker = new_worker(limit=int(2.5 * 20 * BLOCK))
    worker.perform("a", request(0, 0, rebuild=True))
    with pytest.raises(MemoryError, match="start more workers"):
        worker.perform("b", request(0, 0, rebuild=True))
    assert not worker.arrays["b"]
