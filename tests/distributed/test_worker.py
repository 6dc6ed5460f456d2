"""What a worker does with requests, however often and in whichever order they come."""

from types import SimpleNamespace

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("distributed")

from synaptogen.blocked import block_operations as orders
from synaptogen.blocked.blocks import Blocks
from synaptogen.distributed.worker import Job, Origin, Room

PULSES = np.random.default_rng(1).uniform(-1.6, 1.6, (6, 1, 320, 1))  # six calls, each of one voltage a cell
SHAPE, BLOCK = (640, 7), 320 * 7


def new_room(limit=None):
    return Room(SimpleNamespace(state=SimpleNamespace(nthreads=1), memory_manager=SimpleNamespace(memory_limit=limit)))


def job(start, end, order=orders.nothing, *arguments, changes=False, anew=False):
    recipe = sg.CellArray(1, rng=3, storage="compact", threads=1).state.spec
    origin = Origin(recipe, Blocks(SHAPE, BLOCK), None, 0) if anew else None
    return Job(1, start, tuple((u, None) for u in PULSES[start:end]), order, arguments, changes, origin)


@pytest.fixture
def after():
    """The mixing states of the second block after a number of calls."""
    cells = sg.CellArray(SHAPE, rng=3, storage="compact", threads=1)[320:].copy()
    states = [cells.r]
    for u in PULSES:
        cells.apply_voltages(u)
        states.append(cells.r)
    return states


def seen(room, start, end, **options):
    reply = room.perform("a", job(start, end, orders.state, "r", **options))
    return reply.value if reply.done else None


def test_a_block_goes_from_step_to_step(after):
    room = new_room()
    assert np.array_equal(seen(room, 0, 2, anew=True), after[2])
    assert np.array_equal(seen(room, 2, 3), after[3])
    assert np.array_equal(seen(room, 3, 3), after[3])


def test_a_request_that_is_repeated_is_not_done_twice(after):
    room = new_room()
    for _ in range(2):
        assert np.array_equal(seen(room, 0, 2, anew=True), after[2])
    for _ in range(2):
        assert np.array_equal(seen(room, 1, 4), after[4])


def test_a_request_that_is_behind_or_ahead_is_sent_back(after):
    room = new_room()
    assert seen(room, 0, 1) is None  # never seen
    assert np.array_equal(seen(room, 0, 3, anew=True), after[3])
    assert seen(room, 4, 5) is None  # voltage 3 would be missing; the block is dropped
    assert np.array_equal(seen(room, 0, 5, anew=True), after[5])
    assert seen(room, 0, 4) is None  # it cannot go back
    assert np.array_equal(seen(room, 0, 4, anew=True), after[4])


def test_a_sweep_is_done_again_from_the_start(after):
    """Its result may be lost on the way: the same sweep has to show the same currents."""
    room = new_room()
    first = room.perform("a", job(0, 2, orders.sweep, True, 5, changes=True, anew=True))
    assert not room.perform("a", job(0, 2, orders.sweep, True, 5, changes=True)).done
    again = room.perform("a", job(0, 2, orders.sweep, True, 5, changes=True, anew=True))
    assert first.value.shape == (1, 320, 7)
    assert np.array_equal(first.value, again.value)
    assert np.array_equal(seen(room, 2, 3), after[3])


def test_a_block_that_failed_is_made_anew(after):
    room = new_room()
    room.perform("a", job(0, 1, anew=True))

    def fail(cells, *_):
        cells.apply_voltage(-3.0)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        room.perform("a", job(1, 2, fail, changes=True))
    assert seen(room, 1, 2) is None
    assert np.array_equal(seen(room, 0, 2, anew=True), after[2])


def test_memory_of_a_worker():
    room = new_room(limit=int(2.5 * 20 * BLOCK))
    room.perform("a", job(0, 0, anew=True))
    with pytest.raises(MemoryError, match="start more workers"):
        room.perform("b", job(0, 0, anew=True))
    assert not room.arrays["b"]
