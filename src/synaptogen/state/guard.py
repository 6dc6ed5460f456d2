"""One caller at a time for the cells of an engine, and calls that end complete when they are interrupted."""

import copy
import logging
import os
import threading
from types import FrameType, TracebackType
from typing import Any, Self
from weakref import WeakSet, ref

from synaptogen._utils import give_back, take_over

REMEDY = (
    "some have seen its voltages and others have not. Load them from where they were saved, or make them again from "
    "their seed and apply the voltages again"
)


class Guard:
    """The lock of an engine, shared by all arrays that are views of its cells.

    Threads take turns: each call on an array is complete before the next one begins. A call that was broken off leaves
    cells that are neither as before nor as after it; the guard then refuses all further calls.

    Attributes
    ----------
    lock : RLock
        Held by the thread that reads or changes the cells. The calls of one thread may be nested.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._broken = ""
        self._parts: ref[SharedParts] | None = None
        _GUARDS.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()  # copies, and arrays out of a pickle, have a lock of their own

    def check(self) -> None:
        """Require that the cells are in a state that a whole number of calls has left.

        Raises
        ------
        RuntimeError
            If a call that changed them was broken off; the message names the remedy.
        """
        if self._broken:
            raise RuntimeError(f"these cells must not be used: {self._broken}: {REMEDY}")

    def changing(self, *, steps: bool = False) -> "_Changing":
        """Return a context in which this thread alone changes the cells, and Ctrl-C waits for the end of it.

        The first Ctrl-C is kept until the context ends, so that it finds the cells as after the call. A second one ends
        the call at once, and the cells must not be used any more.

        Parameters
        ----------
        steps : bool
            Whether errors leave the cells as after some of several steps, which is a state that cells can have.
            Otherwise any error in the context makes the cells unusable.

        Returns
        -------
        context manager
        """
        return _Changing(self, steps)

    def parts(self, engine: Any, counters: Any, clock: Any) -> "SharedParts":
        """Return what all views of the cells share, in the form that goes into a pickle.

        Parameters
        ----------
        engine, counters, clock : object
            The parts.

        Returns
        -------
        SharedParts
            The same object for all views, as long as a pickle keeps it: so they share cells when they come out of it.
        """
        with self.lock:
            found = None if self._parts is None else self._parts()
            if found is None:
                found = SharedParts(self, (engine, counters, clock))
                self._parts = ref(found)
            return found

    def give_up(self, reason: str) -> None:
        """Refuse all further calls, for a reason that messages name."""
        self._broken = reason

    def renew(self) -> None:
        """Take a new lock if another thread holds this one: after a fork, that thread does not exist any more."""
        if self.lock.acquire(blocking=False):
            self.lock.release()
            return
        self.lock = threading.RLock()
        self.give_up("this process was forked while another thread used them")


class SharedParts:
    """What views of some cells share, which a pickle takes at one moment, between the calls of other threads.

    Parameters
    ----------
    guard : Guard
        The lock of the cells.
    parts : tuple
        What the views share. It is copied if other threads could change it before the pickle is complete.
    """

    def __init__(self, guard: Guard, parts: tuple[Any, ...]) -> None:
        self._guard, self._parts = guard, parts

    def __reduce__(self) -> tuple[Any, ...]:
        with self._guard.lock:
            self._guard.check()
            parts = self._parts if threading.active_count() == 1 else copy.deepcopy(self._parts)
        return tuple, ((*parts, self._guard),)


_GUARDS: WeakSet[Guard] = WeakSet()


def _renew_all() -> None:
    for guard in _GUARDS:
        guard.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class _Changing:
    """The context of `Guard.changing`."""

    def __init__(self, guard: Guard, steps: bool) -> None:
        self._guard, self._steps, self._deferral = guard, steps, _Deferral()

    def __enter__(self) -> Self:
        self._deferral.begin()  # first: an interrupt between taking the lock and returning would leave it locked
        try:
            self._guard.lock.acquire()
            try:
                self._guard.check()
            except BaseException:
                self._guard.lock.release()
                raise
        except BaseException:
            self._deferral.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deferral.ending = True
        if kind is not None and not (self._steps and issubclass(kind, Exception)):
            self._guard.give_up(f"a call that changed them was broken off ({kind.__name__})")
            if error is not None:
                error.add_note(f"the cells must not be used any more: {REMEDY}")
        self._guard.lock.release()
        self._deferral.end()


class _Deferral:
    """A handler of SIGINT (Ctrl-C) that keeps the first one for later, and passes on the second.

    Attributes
    ----------
    ending : bool
        Whether the call is done, so that a second one is kept, too: the lock and the earlier handler are given back.
    """

    def __init__(self) -> None:
        self.ending = False
        self._before: Any = None
        self._kept: tuple[int, FrameType | None] | None = None

    def begin(self) -> None:
        """Put this handler in place of one of Python, in the thread that handles signals."""
        self._before = take_over(self, _Deferral)  # which an outer call may have put there

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._kept is not None and not self.ending:
            self._kept = None  # its error is the one that tells what became of the cells: no second one at the end
            self._before(number, frame)
            return
        self._kept = number, frame
        logging.getLogger("synaptogen").info(
            "synaptogen: interrupted; the call is finished first, so that no cell is left half way. "
            "Interrupt again to break it off, after which these cells must not be used"
        )

    def end(self) -> None:
        """Put the earlier handler back, and give it the interrupt that was kept."""
        if self._before is None:
            return
        give_back(self._before)
        before, self._before = self._before, None
        if self._kept is not None:
            before(*self._kept)
