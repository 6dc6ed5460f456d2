"""Share a loop among threads. Kernels release the interpreter lock, so plain threads do, any number of them."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any

PIECES = 4  # a thread, if they are long, so that a busy core does not hold up the others
LONG = 4  # times the smallest piece
SMALLEST = 4096  # entries; a thread that has slept, or waits for the interpreter, costs as much as some thousand


def default_threads() -> int:
    """As many as this process has cores."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """The pool of so many threads, made once."""
    return ThreadPoolExecutor(threads, thread_name_prefix="synaptogen")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads do not survive a fork


def share(
    kernel: Callable[..., Any], count: int, threads: int, arguments: tuple[Any, ...], smallest: int = SMALLEST
) -> None:
    """Call ``kernel(first, last, *arguments)`` for pieces of 0 ... count, of at least ``smallest`` entries.

    The caller begins at once and takes pieces like the others: a thread that wakes too late to help costs little.
    """
    pieces = min(threads * PIECES, max(count // (LONG * smallest), min(threads, count // smallest)))
    if threads == 1 or pieces <= 1:
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
        wait(helpers)  # even if interrupted: no kernel may go on behind the caller's back
