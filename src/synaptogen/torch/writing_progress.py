"""Progress of writing a network: a function that is called, and lines in the log with an estimate of the time left."""

import contextvars
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(written, total)`` with numbers of weights."""

EVERY = 10.0  # seconds between lines in the log
_LOG = logging.getLogger("synaptogen")


class _Writing:
    """Counts the weights that are written."""

    def __init__(self, total: int, report: Progress | None) -> None:
        self.total, self.report, self.written = total, report, 0
        self.begun = self.said = time.monotonic()

    def add(self, weights: int) -> None:
        """Count weights that have been written."""
        self.written += weights
        if self.report is not None:
            self.report(self.written, self.total)
        now = time.monotonic()
        if now - self.said >= EVERY:
            self.said = now
            left = (now - self.begun) * (self.total / self.written - 1.0)
            _LOG.info("%.3g of %.3g M weights written, about %.0f s left", self.written / 1e6, self.total / 1e6, left)


_PRESENT: contextvars.ContextVar[_Writing | None] = contextvars.ContextVar("writing", default=None)


@contextmanager
def writing(total: int, report: Progress | None) -> Iterator[None]:
    """Report the weights that are written within a block.

    Parameters
    ----------
    total : int
        Number of weights that will be written.
    report : callable or None
        Called as ``report(written, total)``.

    Yields
    ------
    None
    """
    token = _PRESENT.set(_Writing(total, report))
    try:
        yield
    finally:
        _PRESENT.reset(token)


_SKIPPED: contextvars.ContextVar[bool] = contextvars.ContextVar("skipped", default=False)


@contextmanager
def without_writing() -> Iterator[None]:
    """Make layers within a block whose cells are not written: their states are still to be loaded."""
    token = _SKIPPED.set(True)
    try:
        yield
    finally:
        _SKIPPED.reset(token)


def is_skipped() -> bool:
    """Return whether this is within `without_writing`."""
    return _SKIPPED.get()


def written(weights: int) -> None:
    """Count weights that have been written, within `writing`; do nothing elsewhere."""
    present = _PRESENT.get()
    if present is not None:
        present.add(weights)
