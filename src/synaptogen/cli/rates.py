"""Rates of this machine: how long the operations of an array take."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen.array import CellArray

from .output import Steps

SET, RESET, PARTIAL, RANDOM, READ = -2.0, 2.0, 1.0, 1.5, 0.2  # V
REPEATS = 5


def _no_preparation() -> None:
    pass


@dataclass(frozen=True)
class Task:
    """An operation to time.

    Parameters
    ----------
    key, title, unit : str
        Its key in JSON, its name for people, and the unit of its work.
    count : int
        Units of work per call.
    run : callable
        Does the work.
    prepare : callable
        Called before each call of ``run``, and not timed.
    """

    key: str
    title: str
    unit: str
    count: int
    run: Callable[[], object]
    prepare: Callable[[], object] = _no_preparation


@dataclass(frozen=True)
class Rate:
    """The time that a task takes.

    Parameters
    ----------
    key, title, unit : str
        Those of the `Task`.
    count : int
        Units of work per call.
    seconds : float
        Time of a call in s.
    """

    key: str
    title: str
    unit: str
    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Units of work per second."""
        return self.count / self.seconds

    @property
    def ns_each(self) -> float:
        """Nanoseconds per unit of work."""
        return 1e9 * self.seconds / self.count

    def as_json(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        return {
            "unit": self.unit,
            "count": self.count,
            "seconds": self.seconds,
            "per_second": self.per_second,
            "ns_each": self.ns_each,
        }


def array_tasks(cells: CellArray, rng: int | None) -> Iterator[Task]:
    """Yield the operations of an array: SET, RESET, whole cycles, partial RESET, random voltages, reads, products.

    Parameters
    ----------
    cells : CellArray
        The array; the tasks change it.
    rng : int, optional
        Seed of random voltages.

    Yields
    ------
    Task
        Products only for arrays with two axes.
    """
    size, apply = cells.size, cells.apply_voltage
    source = np.random.default_rng(rng)
    yield Task("set", f"SET, {SET:g} V", "cells", size, lambda: apply(SET), lambda: apply(RESET))
    yield Task("reset", f"RESET, {RESET:+g} V", "cells", size, lambda: apply(RESET), lambda: apply(SET))
    yield Task("cycle", "SET-RESET cycle", "cell cycles", size, lambda: cells.apply_voltages([SET, RESET]))
    yield Task(
        "partial_reset", f"partial RESET, {PARTIAL:+g} V", "cells", size, lambda: apply(PARTIAL), lambda: apply(SET)
    )
    pulses = np.empty(cells.shape, np.float32)

    def draw() -> None:  # which takes longer than to apply them, and is not timed
        pulses[...] = source.uniform(-RANDOM, RANDOM, cells.shape)

    yield Task("random", f"random, +-{RANDOM:g} V", "cells", size, lambda: apply(pulses), draw)
    yield Task("read", f"noisy read, {READ:g} V", "reads", size, lambda: cells.read(READ))
    if cells.ndim == 2:
        v = source.uniform(-READ, READ, cells.shape[1]).astype(np.float32)
        yield Task("product", "crossbar product", "cell products", size, lambda: cells @ v)


def measure(task: Task, steps: Steps, repeats: int = REPEATS) -> Rate:
    """Return the median time of some calls, after one that warms up: it compiles kernels and touches memory.

    Parameters
    ----------
    task : Task
        The operation.
    steps : Steps
        Shows the progress.
    repeats : int
        Number of timed calls.

    Returns
    -------
    Rate
        With the median of the times.
    """
    advance = steps.begin(task.title, repeats + 1)
    times = []
    for _ in range(repeats + 1):
        task.prepare()
        begin = time.perf_counter()
        task.run()
        times.append(time.perf_counter() - begin)
        advance()
    return Rate(task.key, task.title, task.unit, task.count, statistics.median(times[1:]))


def rate_table(title: str, rates: Iterable[Rate]) -> Table:
    """Return the rates as a table.

    Parameters
    ----------
    title : str
        Its title.
    rates : iterable of Rate
        A line each.

    Returns
    -------
    rich.table.Table
        To be printed.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("Step")
    for heading in ("a call (ms)", "each (ns)", "million/s"):
        table.add_column(heading, justify="right")
    table.add_column("what")
    for rate in rates:
        figures = (1e3 * rate.seconds, rate.ns_each, rate.per_second / 1e6)
        table.add_row(rate.title, *map(_figure, figures), rate.unit)
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
