"""Tell the user what takes long, once it does."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_told: set[str] = set()


@contextmanager
def notice(message: str, after: float = 1.0) -> Iterator[None]:
    """Print a message to standard error if the block takes longer than ``after`` seconds; a message once a process."""
    timer = threading.Timer(after, _tell, (message,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell(message: str) -> None:
    if message not in _told:
        _told.add(message)
        print(message, file=sys.stderr, flush=True)
