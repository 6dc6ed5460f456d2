"""Tell the user what takes long, once it does."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def notice(message: str, after: float = 1.0) -> Iterator[None]:
    """Print a message to standard error if the block takes longer than ``after`` seconds."""
    timer = threading.Timer(after, lambda: print(message, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
