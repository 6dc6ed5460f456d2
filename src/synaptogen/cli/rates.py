"""How fast this machine does what can be done to an array."""

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


def _nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Task:
    """Something to time: ``count`` units of work a call, each call after an untimed preparation."""

    key: str
    title: str
    unit: str
    count: int
    run: Callable[[], object]
    prepare: Callable[[], object] = _nothing


@dataclass(frozen=True)
class Rate:
    """What a task took: ``seconds`` for a call that does ``count`` units of work."""

    key: str
    title: str
    unit: str
    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Units of work a second."""
        return self.count / self.seconds

    @property
    def ns_each(self) -> float:
        """Nanoseconds a unit of work."""
        return 1e9 * self.seconds / self.count

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "unit": self.unit,
            "count": self.count,
            "seconds": self.seconds,
            "per_second": self.per_second,
            "ns_each": self.ns_each,
        }


def array_tasks(cells: CellArray, rng: int | None) -> Iterator[Task]:
    """What can be done to an array: SET, RESET, whole cycles, partial RESET, random voltages, reads, products."""
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
    """The median time of some calls, after one that warms up: it compiles kernels and touches memory."""
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
    """The rates as a table."""
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
