"""Share a loop among threads. Kernels release the interpreter lock, so ordinary threads run them in parallel."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any

PIECES = 4  # per thread, if pieces are long, so that a busy core does not hold up the others
LONG = 4  # a long piece has so many times the entries of the smallest
SMALLEST = 4096  # entries of a piece; waking a thread, or waiting for the interpreter, costs as much as some thousand


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Return the pool of so many threads, made once per process."""
    return ThreadPoolExecutor(threads, thread_name_prefix="synaptogen")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads do not survive a fork


def pieces_of(count: int, threads: int, smallest: int = SMALLEST) -> int:
    """Return into how many pieces `share` divides a range.

    Parameters
    ----------
    count : int
        Number of entries.
    threads : int
        Threads to use at the most.
    smallest : int
        Least number of entries of a piece.

    Returns
    -------
    int
        At least 1.
    """
    if threads == 1:
        return 1
    return max(1, min(threads * PIECES, max(count // (LONG * smallest), min(threads, count // smallest))))


def share(
    kernel: Callable[..., Any], count: int, threads: int, arguments: tuple[Any, ...], smallest: int = SMALLEST
) -> None:
    """Call a kernel for all pieces of a range, by several threads.

    The caller begins at once and takes pieces like the others: a thread that wakes too late to help costs little.

    Parameters
    ----------
    kernel : callable
        Called as ``kernel(first, last, *arguments)`` for entries ``first`` ... ``last`` - 1. It must release the
        interpreter lock to gain from threads, and pieces must not depend on each other.
    count : int
        Number of entries.
    threads : int
        Threads to use at the most, the caller among them.
    arguments : tuple
        Further arguments of the kernel.
    smallest : int
        Least number of entries of a piece.
    """
    pieces = pieces_of(count, threads, smallest)
    if pieces == 1:
        kernel(0, count, *arguments)
        return
    left = deque(pairwise(count * k // pieces for k in range(pieces + 1)))

    def work() -> None:
        while True:
            try:
                piece = left.popleft()
            except IndexError:
                return
            kernel(*piece, *arguments)

    helpers = [pool(threads - 1).submit(work) for _ in range(min(threads, pieces) - 1)]
    try:
        work()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    finally:
        left.clear()
        _wait_for(helpers)


def _wait_for(helpers: list[Future[None]]) -> None:
    """Wait for threads, even if interrupted: no kernel may run on after the function that shared it has ended."""
    interrupted: BaseException | None = None
    while True:
        try:
            wait(helpers)
            break
        except BaseException as error:  # Ctrl-C
            interrupted = error
    if interrupted is not None:
        raise interrupted
