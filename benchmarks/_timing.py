"""What the benchmarks share: a clock, rounds of tasks, tables, a command line, and what machine this is.

Needs NumPy alone, so that any interpreter can run the scripts that import it.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

CYCLES = 10
"""Switching cycles in a timed stretch: in so many, each cell of a VAR(10) renews its history once."""


class Summary(NamedTuple):
    """Median and extremes of several repeats."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{figure(self.median)} ({figure(self.low)}-{figure(self.high)})"


def seconds(work: Callable[[], Any]) -> float:
    """Wall-clock seconds of one call; what it returns is dropped after the clock has stopped."""
    begin = time.perf_counter()
    kept = work()
    end = time.perf_counter()
    del kept
    return end - begin


def mean_seconds(work: Callable[[], Any], count: int = 1) -> float:
    """Mean wall-clock seconds of several calls."""
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - begin) / count


def rounds(tasks: Mapping[str, Callable[[], T]], repeats: int, warm_up: int = 1) -> dict[str, list[T]]:
    """Results of each task, which take turns (A B A B ...), so that ratios hold while a machine drifts."""
    results: dict[str, list[T]] = {name: [] for name in tasks}
    for turn in range(warm_up + repeats):
        for name, task in tasks.items():
            result = task()
            if turn >= warm_up:
                results[name].append(result)
    return results


def summary(values: Iterable[float]) -> Summary:
    """Median and extremes."""
    values = list(values)
    return Summary(statistics.median(values), min(values), max(values))


def ratios(above: Sequence[float], below: Sequence[float]) -> Summary:
    """Summary of the ratios within each round."""
    return summary(a / b for a, b in zip(above, below, strict=True))


def figure(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0.0:
        return "0"
    text = f"{value:.3g}"
    return f"{float(text):.0f}" if "e+" in text else text


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their longest entry, the first one to the left, the others to the right."""
    lines = [list(headers)] + [[cell if isinstance(cell, str) else shown(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])

    def line(cells: Sequence[str]) -> str:
        return "  ".join([cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))])

    return "\n".join(line(cells) for cells in lines)


def shown(value: object) -> str:
    """An entry of a table."""
    if value is None:
        return ""
    return figure(value) if isinstance(value, float) else str(value)


def machine() -> dict[str, Any]:
    """What this machine is, and how busy."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("synaptogen", "numpy", "numba")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    fields = [line.partition(":") for line in lines]
    return next((value.strip() for name, _, value in fields if name.strip() == "model name"), platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def parser(claim: str | None, repeats: int) -> argparse.ArgumentParser:
    """A command line with what all benchmarks understand."""
    options = argparse.ArgumentParser(description=claim, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", metavar="FILE", type=Path, help="write all figures to a file")
    options.add_argument("--repeats", type=positive, default=repeats, help="rounds of each task (default: %(default)s)")
    return options


def positive(text: str) -> int:
    """A positive whole number, given as such or as a power: 2^20."""
    base, _, exponent = text.partition("^")
    value: int = int(base) ** int(exponent or 1)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def side(cells: int) -> int:
    """Rows, and columns, of a square array of so many cells."""
    root = math.isqrt(cells)
    if root * root != cells:
        raise SystemExit(f"{cells} cells do not make a square array: give a square number, such as 2^20")
    return root


def introduce(title: str) -> dict[str, Any]:
    """Print what is measured on what machine, and return the machine."""
    about = machine()
    print(
        f"{title}\n{about['processor']}, {about['cores']} cores, load {about['load']}, {about['versions']}", flush=True
    )
    return about


def write_json(path: Path | None, about: Mapping[str, Any], results: object) -> None:
    """Write figures and machine, if a path is given."""
    if path is not None:
        path.write_text(json.dumps({"machine": about, "results": _plain(results)}, indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """Values as JSON has them: named tuples become objects."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value
