"""Runs the list of `peer.py` with one package: this one, or the published one under an interpreter of its own.

Reads requests from standard input, one JSON object a line: the name of a group of operations and a number of cells.
Answers each with a line: mean seconds of each timed operation of the group. Arrays live on from request to request.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol

import numpy as np

from _timing import CYCLES, mean_seconds, seconds, side

Times = dict[str, float]
Action = Callable[[Any, "Package"], Any]


class Package(Protocol):
    """One of the two packages, as the list sees it."""

    def shape(self, size: int) -> tuple[int, ...]:
        """Of arrays of voltages for so many cells."""

    def make(self, size: int, start: str) -> Any:
        """A square array."""

    def apply(self, cells: Any, u: Any) -> None:
        """Apply a voltage, one for all or one each."""

    def ten_cycles(self, cells: Any) -> None:
        """Ten cycles of -1.5 V and +1.5 V, in as few calls as can be."""

    def read(self, cells: Any) -> Any:
        """Currents at 0.2 V with noise."""

    def product(self, cells: Any, v: Any) -> Any:
        """Currents of the rows with noise."""


class Ours:
    """This package."""

    def __init__(self, threads: int) -> None:
        import synaptogen

        self._make, self._threads = synaptogen.CellArray, threads

    def shape(self, size: int) -> tuple[int, ...]:
        return side(size), side(size)

    def make(self, size: int, start: str) -> Any:
        return self._make(self.shape(size), rng=1, start=start, threads=self._threads)

    def apply(self, cells: Any, u: Any) -> None:
        cells.apply_voltage(u)

    def ten_cycles(self, cells: Any) -> None:
        cells.apply_voltages([-1.5, 1.5] * CYCLES)

    def read(self, cells: Any) -> Any:
        return cells.read(0.2)

    def product(self, cells: Any, v: Any) -> Any:
        return cells @ v


class Published:
    """The package on PyPI, version 0.2.0; with ``numpy_any``, its calls of Python's ``any`` reach NumPy's."""

    def __init__(self, numpy_any: bool) -> None:
        import synaptogen.synaptogen as package  # type: ignore[import-not-found]  # the published one

        found = version("synaptogen")
        if found != "0.2.0":
            raise SystemExit(f"{sys.executable} has synaptogen {found}, not 0.2.0")
        self._package: Any = package
        if numpy_any:
            self._package.any = np.any

    def shape(self, size: int) -> tuple[int, ...]:
        return (size,)

    def make(self, size: int, start: str) -> Any:
        if start != "pristine":
            raise ValueError("the published package knows pristine cells only")
        return self._package.CellArrayCPU(size)

    def apply(self, cells: Any, u: Any) -> None:
        self._package.applyVoltage(cells, u)

    def ten_cycles(self, cells: Any) -> None:
        for _ in range(CYCLES):
            one_cycle(self, cells)

    def read(self, cells: Any) -> Any:
        return self._package.Iread(cells)  # at 0.2 V unless told otherwise

    def product(self, cells: Any, v: Any) -> Any:
        return cells @ v


# ---- the list


class Step(NamedTuple):
    """One timed operation; what ``prepare`` returns is handed to it and not timed."""

    name: str
    run: Callable[[Package, Any, Any], Any]
    prepare: Callable[[Package, int], Any] | None = None


def voltage(name: str, u: float) -> Step:
    """The same voltage for all cells."""
    return Step(name, lambda package, cells, _: package.apply(cells, u))


def random_voltages(package: Package, size: int) -> Any:
    """One voltage each, uniform in +-1.5 V."""
    return RNG.uniform(-1.5, 1.5, package.shape(size)).astype(np.float32)


def column_voltages(_: Package, size: int) -> Any:
    """One voltage a column."""
    return RNG.uniform(-0.2, 0.2, side(size)).astype(np.float32)


RNG = np.random.default_rng(2)

GROUPS: dict[str, tuple[str, tuple[Step, ...]]] = {  # a group of steps, and the array that it works on
    "cycle": ("cycled", (voltage("down", -1.5), voltage("up", 1.5))),
    "scattered cycle": ("scattered", (voltage("down", -1.5), voltage("up", 1.5))),
    "full": ("cycled", (voltage("SET", -2.0), voltage("RESET", 1.5))),
    "partial": ("partly reset", (voltage("SET", -2.0), voltage("partial RESET", 1.0))),
    "random": ("random", (Step("voltages", lambda package, cells, u: package.apply(cells, u), random_voltages),)),
    "read": ("cycled", (Step("read", lambda package, cells, _: package.read(cells)),)),
    "product": ("cycled", (Step("product", lambda package, cells, v: package.product(cells, v), column_voltages),)),
}


PRODUCTS = 100


def products(package: Package, cells: Any, v: Any) -> None:
    """One after the other, as a program makes them that does nothing else."""
    for _ in range(PRODUCTS):
        package.product(cells, v)


STRETCHES = {  # timed as a whole
    "fused cycle": Step("cycles", lambda package, cells, _: package.ten_cycles(cells)),
    "products in a row": Step("products", products, column_voltages),
}


def run_steps(package: Package, cells: Any, size: int, steps: tuple[Step, ...]) -> Times:
    """Mean seconds of each step over the cycles of a timed stretch."""
    total = dict.fromkeys((step.name for step in steps), 0.0)
    for _ in range(CYCLES):
        for step in steps:
            argument = step.prepare(package, size) if step.prepare else None
            total[step.name] += seconds(partial(step.run, package, cells, argument))
    return {name: t / CYCLES for name, t in total.items()}


def begin(package: Package, size: int, start: str) -> Times:
    """Seconds to make an array, and of its first cycle: our cells get their past in their first SET."""
    made: list[Any] = []
    init = seconds(lambda: made.append(package.make(size, start)))
    return {"init": init, "first cycle": mean_seconds(lambda: one_cycle(package, made[0]))}


def currents(package: Package, size: int) -> Times:
    """Median currents in uA after SET and after RESET: both packages do the same work."""
    cells, result = package.make(size, "pristine"), {}
    for name, u in ("LRS", -2.0), ("HRS", 1.5):
        package.apply(cells, u)
        result[name] = 1e6 * statistics.median(np.ravel(package.read(cells)).tolist())
    return result


# ---- arrays


def one_cycle(package: Package, cells: Any) -> None:
    """SET and RESET of all cells."""
    package.apply(cells, -1.5)
    package.apply(cells, 1.5)


def partial_cycle(package: Package, cells: Any) -> None:
    """SET of all cells, RESET of some, most of them partial."""
    package.apply(cells, -2.0)
    package.apply(cells, 1.0)


def scatter(package: Package, cells: Any, size: int) -> None:
    """Bring cells to cycle numbers that differ by 0 to 9, at random."""
    cycles = RNG.integers(CYCLES, size=package.shape(size))
    for k in range(CYCLES - 1):
        package.apply(cells, np.where(cycles > k, np.float32(-2.0), np.float32(0.0)))
        package.apply(cells, 1.5)


class Arrays:
    """The arrays of one size, made when first asked for."""

    def __init__(self, package: Package) -> None:
        self._package, self._size = package, 0
        self._arrays: dict[str, Any] = {}

    def get(self, name: str, size: int) -> Any:
        """The array that is kept in some state."""
        if size != self._size:
            self._arrays.clear()
            self._size = size
        if name not in self._arrays:
            self._arrays[name] = self._new(name, size)
        return self._arrays[name]

    def _new(self, name: str, size: int) -> Any:
        cells = self._package.make(size, "pristine")
        one_cycle(self._package, cells)
        if name == "partly reset":
            partial_cycle(self._package, cells)
        elif name in ("scattered", "random"):
            scatter(self._package, cells, size)
        if name == "random":
            for _ in range(3):
                self._package.apply(cells, random_voltages(self._package, size))
        return cells


def answer(package: Package, arrays: Arrays, group: str, size: int) -> Times:
    """What a request asks for."""
    if group == "currents":
        return currents(package, size)
    if group in ("pristine", "stationary"):
        return begin(package, size, group)
    if group in STRETCHES:
        stretch = STRETCHES[group]
        argument = stretch.prepare(package, size) if stretch.prepare else None
        work = partial(stretch.run, package, arrays.get("cycled", size), argument)
        return {stretch.name: seconds(work) / (PRODUCTS if stretch.prepare else CYCLES)}
    state, steps = GROUPS[group]
    return run_steps(package, arrays.get(state, size), size, steps)


def warm_up(package: Package) -> None:
    """Do everything once with a few cells: nothing is compiled, or loaded, in a timed stretch."""
    arrays = Arrays(package)
    for group in ("pristine", "currents", *GROUPS, *STRETCHES):
        answer(package, arrays, group, 2**12)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--package", choices=("ours", "published"), required=True)
    options.add_argument("--numpy-any", action="store_true", help="published: NumPy's any in place of Python's")
    options.add_argument("--threads", type=int, default=1, help="ours: number of threads (default: %(default)s)")
    given = options.parse_args()
    answers, sys.stdout = sys.stdout, sys.stderr  # what packages print shall not mix with answers
    package: Package = Ours(given.threads) if given.package == "ours" else Published(given.numpy_any)
    warm_up(package)
    arrays = Arrays(package)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(package, arrays, request["group"], request["cells"])), file=answers, flush=True)


if __name__ == "__main__":
    main()
