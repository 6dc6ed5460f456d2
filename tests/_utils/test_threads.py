"""Loops that threads share: every entry once, whatever happens to one of them."""

import threading
import time

import pytest

from synaptogen._utils.threads import LONG, PIECES, SMALLEST, share


def test_short_loops_are_not_shared():
    calls = []
    for count, threads in ((SMALLEST - 1, 8), (2 * SMALLEST - 1, 8), (10**9, 1)):
        share(lambda first, last: calls.append((first, last, threading.current_thread())), count, threads, ())
        assert calls.pop() == (0, count, threading.current_thread())
        assert not calls


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("smallest", [1, 3, 50])
def test_every_entry_is_visited_once(threads, count, smallest):
    visited, lengths = [], []

    def kernel(first, last, name):
        assert name == "argument"
        visited.extend(range(first, last))
        lengths.append(last - first)

    share(kernel, count, threads, ("argument",), smallest)
    assert sorted(visited) == list(range(count))
    assert min(lengths) >= min(smallest, count)
    assert len(lengths) <= PIECES * threads


@pytest.mark.parametrize(
    ("count", "threads", "pieces"),
    [
        (199, 2, 1),
        (200, 2, 2),
        (100 * 3 * LONG - 1, 2, 2),
        (100 * 3 * LONG, 2, 3),
        (10**6, 2, 2 * PIECES),
        (250, 8, 2),
    ],
)
def test_pieces_are_few_where_they_are_short(count, threads, pieces):
    calls = []
    share(lambda first, last: calls.append(first), count, threads, (), smallest=100)
    assert len(calls) == pieces


def test_threads_help():
    seen, barrier = set(), threading.Barrier(2, timeout=60)

    def kernel(first, last):
        seen.add(threading.current_thread())
        barrier.wait()  # passes only if two threads are here

    share(kernel, 2, 2, (), 1)
    assert threading.current_thread() in seen
    assert len(seen) == 2


@pytest.mark.parametrize("in_caller", [True, False])
def test_an_error_ends_the_loop_and_nothing_goes_on_behind_it(in_caller):
    caller, started, running = threading.current_thread(), [], []
    both = threading.Barrier(2, timeout=60)

    def kernel(first, last):
        started.append(first)
        running.append(first)
        try:
            if len(started) <= 2:
                both.wait()
            if (threading.current_thread() is caller) == in_caller:
                raise KeyboardInterrupt if in_caller else RuntimeError("of a helper")
            time.sleep(0.01)
        finally:
            running.remove(first)

    with pytest.raises(KeyboardInterrupt if in_caller else RuntimeError):
        share(kernel, 8, 2, (), 1)
    assert not running
    count = len(started)
    time.sleep(0.05)
    assert len(started) == count
