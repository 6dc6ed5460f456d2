"""What is done with the cells of one block, wherever they are: functions that can be sent there.

Reads and products are numbered by the whole array, so that their noise does not depend on where it is cut.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen import store
from synaptogen.array import CellArray
from synaptogen.engines.protocol import ReadNumbers

Array: TypeAlias = NDArray[Any]

# ---- what changes cells: voltages (K, ...), a mask, and more


def apply(cells: CellArray, pulses: Array, where: Array | None) -> None:
    """Apply K voltages."""
    cells.apply_voltages(pulses, where=where)


def sweep(cells: CellArray, pulses: Array, where: Array | None, noise: bool, number: int) -> Array:
    """Apply K voltages to all cells; the current at each."""
    numbered(cells, number)
    return cells.sweep(pulses, noise=noise)


def run_cycles(cells: CellArray, pulses: Array, where: Array | None) -> Array:
    """Apply K voltages, two a cycle, to all cells; features (4, cycles, ...)."""
    return np.stack(cells.run_cycles(len(pulses) // 2))


# ---- what does not


def numbered(cells: CellArray, number: int) -> None:
    """The next read has this number."""
    cells._counters.reads = ReadNumbers(number)


def read(cells: CellArray, u: Array, bandwidth: float, number: int) -> Array:
    """Currents with noise."""
    numbered(cells, number)
    return cells.read(u, bandwidth=bandwidth)


def current(cells: CellArray, u: Array) -> Array:
    """Currents without noise."""
    return cells.current(u)


def state(cells: CellArray, name: str) -> Any:
    """One of the properties of an array."""
    return getattr(cells, name)


def features(cells: CellArray) -> Array:
    """Features (4, ...) of the running cycle."""
    return np.stack(cells.features)


def upcoming(cells: CellArray, count: int) -> Array:
    """Features (4, count, ...) of the next cycles."""
    return np.stack(cells.upcoming(count))


def limited(cells: CellArray) -> int:
    """Number of cells with a limited feature."""
    return int(cells.limited())


def row_currents(cells: CellArray, v: Array, bandwidth: float, number: int) -> Array:
    """Currents of the rows of this block."""
    cells._counters.products = number
    return cells.product(v, bandwidth=bandwidth)


def column_sums(cells: CellArray, weights: Array) -> Array:
    """What the rows of this block add to sums over rows, (k, columns)."""
    rows, columns = cells.shape
    return cells._engine.weighted_sums((rows, columns), cells._select, weights, True)


def column_normals(cells: CellArray, number: int, batch: int) -> Array:
    """The noise of columns, which begin in this block: (batch, columns)."""
    return cells._engine.line_normals(np.arange(cells.shape[1]), number, batch)


NEEDS: Mapping[Callable[..., Any], Collection[str]] = {
    read: ("r",), current: ("r",), row_currents: ("r",), column_sums: ("r",), column_normals: (),
}  # fmt: skip
"""What orders need of the state of cells, where it is not all."""


def write(cells: CellArray, folder: str, begin: int) -> None:
    """Write the state of this block into a saved array."""
    state = cells._engine.dump(0, cells.size)
    store.Writer.joining(Path(folder), state).write(begin, state)


def call(cells: CellArray, function: Callable[[CellArray], Any]) -> Any:
    """A function of the user."""
    return function(cells)


def nothing(cells: CellArray) -> None:
    """Be there."""
