"""Ctrl-C in the middle of what must be done whole."""

import threading
from signal import SIGINT
from types import FrameType, TracebackType
from typing import Any, Self

try:
    # what `signal` wraps: its conversions to enums take as long as a voltage on some thousand cells
    from _signal import getsignal, signal  # type: ignore[import-not-found]  # has no stub
except ImportError:  # a Python of another make
    from signal import getsignal, signal

_SIGINT = int(SIGINT)


class Uninterrupted:
    """A context at whose end Ctrl-C takes effect, however often it was pressed.

    For what other threads do meanwhile, such as those of zarr: they would go on after the wait for them has been
    interrupted, and write into folders that have been given up.
    """

    def __init__(self) -> None:
        self._before: Any = None
        self._kept: tuple[int, FrameType | None] | None = None

    def __enter__(self) -> Self:
        self._before = take_over(self)
        return self

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Keep an interrupt: this is the handler of the signal."""
        self._kept = number, frame

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            return
        give_back(self._before)
        if self._kept is not None:
            self._before(*self._kept)


def take_over(handler: Any, spare: type | None = None) -> Any:
    """Put a handler of Ctrl-C in place of one of Python, in the thread that handles signals.

    Parameters
    ----------
    handler : callable
        The new handler.
    spare : type, optional
        A type of handlers that stay.

    Returns
    -------
    callable or None
        The handler before, for `give_back`; None if it has stayed.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    before: Any = getsignal(_SIGINT)
    if not callable(before) or (spare is not None and isinstance(before, spare)):
        return None  # not ours to replace
    try:
        signal(_SIGINT, handler)
    except ValueError:  # a sub-interpreter, which sees no signals
        return None
    return before


def give_back(before: Any) -> None:
    """Put the handler of Ctrl-C that `take_over` has returned in its place."""
    signal(_SIGINT, before)
