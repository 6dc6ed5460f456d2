"""Share a loop among threads. Kernels release the interpreter lock, so plain threads do, any number of them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any

PIECES = 4  # a thread, so that a busy core does not hold up the others
SMALLEST = 64  # entries; below it threads cost more than they bring


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
    """Call ``kernel(first, last, *arguments)`` for pieces of 0 ... count, of at least ``smallest`` entries."""
    pieces = min(threads * PIECES, count // smallest) if threads > 1 else 1
    if pieces <= 1:
        kernel(0, count, *arguments)
        return
    ends = [count * k // pieces for k in range(pieces + 1)]
    running = [pool(threads).submit(kernel, *piece, *arguments) for piece in pairwise(ends)]
    try:
        for piece in running:
            piece.result()
    finally:
        wait(running)  # even if interrupted: no kernel may go on behind the caller's back
