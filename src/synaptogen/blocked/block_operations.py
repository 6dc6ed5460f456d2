"""What is done with the cells of one block, wherever they are: functions that can be sent there.

Reads and products are numbered by the whole array, so that their noise does not depend on where it is cut.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.array import CellArray
from synaptogen.io import Writer

# ---- what changes cells: voltages (K, ...), a mask, and more


def apply(cells: CellArray, pulses: AnyArray, where: AnyArray | None) -> None:
    """Apply K voltages."""
    cells.apply_voltages(pulses, where=where)


def sweep(cells: CellArray, pulses: AnyArray, where: AnyArray | None, noise: bool, number: int) -> AnyArray:
    """Apply K voltages to all cells; the current at each."""
    numbered(cells, number)
    return cells.sweep(pulses, noise=noise)


def run_cycles(cells: CellArray, pulses: AnyArray, where: AnyArray | None) -> AnyArray:
    """Apply K voltages, two a cycle, to all cells; features (4, cycles, ...)."""
    return np.stack(cells.run_cycles(len(pulses) // 2))


# ---- what does not


def numbered(cells: CellArray, number: int) -> None:
    """The next read has this number."""
    cells.state.number_reads(number)


def read(cells: CellArray, u: AnyArray, bandwidth: float, number: int) -> AnyArray:
    """Currents with noise."""
    numbered(cells, number)
    return cells.read(u, bandwidth=bandwidth)


def current(cells: CellArray, u: AnyArray) -> AnyArray:
    """Currents without noise."""
    return cells.current(u)


def state(cells: CellArray, name: str) -> Any:
    """One of the properties of an array."""
    return getattr(cells, name)


def features(cells: CellArray) -> AnyArray:
    """Features (4, ...) of the running cycle."""
    return np.stack(cells.features)


def upcoming(cells: CellArray, count: int) -> AnyArray:
    """Features (4, count, ...) of the next cycles."""
    return np.stack(cells.upcoming(count))


def limited(cells: CellArray) -> int:
    """Number of cells with a limited feature."""
    return int(cells.limited())


def row_currents(cells: CellArray, v: AnyArray, bandwidth: float, number: int) -> AnyArray:
    """Currents of the rows of this block."""
    cells.state.counters.products = number
    return cells.product(v, bandwidth=bandwidth)


def column_sums(cells: CellArray, weights: AnyArray) -> AnyArray:
    """What the rows of this block add to sums over rows, (k, columns)."""
    rows, columns = cells.shape
    return cells.state.engine.weighted_sums((rows, columns), cells.state.selection, weights, True)


def column_normals(cells: CellArray, number: int, batch: int) -> AnyArray:
    """The noise of columns, which begin in this block: (batch, columns)."""
    return cells.state.engine.line_normals(np.arange(cells.shape[1]), number, batch)


NEEDS: Mapping[Callable[..., Any], Collection[str]] = {
    read: ("r",),
    current: ("r",),
    row_currents: ("r",),
    column_sums: ("r",),
    column_normals: (),
}
"""What orders need of the state of cells, where it is not all."""


def write(cells: CellArray, folder: str, begin: int) -> None:
    """Write the state of this block into a saved array."""
    state = cells.state.engine.dump(0, cells.size)
    Writer.joining(Path(folder), state).write(begin, state)


def call(cells: CellArray, function: Callable[[CellArray], Any]) -> Any:
    """A function of the user."""
    return function(cells)


def nothing(cells: CellArray) -> None:
    """Be there."""
