"""Operations on the cells of one block: functions that can be sent to where the block is.

Each takes the block as a `CellArray` first. Reads and products get their numbers from the whole array, so that their
noise does not depend on how it is cut.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, BoolArray, RealArray, in_unfinished
from synaptogen.array import CellArray
from synaptogen.io import Writer

from .blocks import Pause, Pulses, Step

T = TypeVar("T")

Operation: TypeAlias = Callable[..., object]
"""A function of a block and further arguments."""

# ---- operations that change cells: they take voltages (K, ...), pulses or a pause, and a mask first


def apply(cells: CellArray, pulses: Step, where: BoolArray | None) -> None:
    """Apply K voltages, or wait.

    Parameters
    ----------
    cells : CellArray
        The block.
    pulses : array of shape (K, ...), Pulses, or Pause
        Voltages in V, those with widths, or how long to wait.
    where : array of bool, optional
        Apply them to these cells only.
    """
    if isinstance(pulses, Pause):
        cells.state.wait(*pulses)
    elif isinstance(pulses, Pulses):
        cells.apply_voltages(pulses.voltages, where=where, width=pulses.widths)
    else:
        cells.apply_voltages(pulses, where=where)


def sweep(cells: CellArray, pulses: RealArray | Pulses, where: BoolArray | None, noise: bool, number: int) -> RealArray:
    """Apply K voltages to all cells, and record the current at each.

    Parameters
    ----------
    cells : CellArray
        The block.
    pulses : array of shape (K, ...), or Pulses
        Voltages in V, or those with widths.
    where : None
        There for the same arguments as `apply`.
    noise : bool
        Add noise to the currents.
    number : int
        Number of the first read, which its noise depends on.

    Returns
    -------
    array of shape (K, *cells.shape)
        Currents in A.
    """
    set_read_number(cells, number)
    if isinstance(pulses, Pulses):
        return cells.sweep(pulses.voltages, noise=noise, width=pulses.widths)
    return cells.sweep(pulses, noise=noise)


def run_cycles(cells: CellArray, pulses: RealArray, where: BoolArray | None) -> RealArray:
    """Run all cells through complete cycles.

    Parameters
    ----------
    cells : CellArray
        The block.
    pulses : array of shape (2 * cycles, ...)
        The voltages, of which only the number counts here: others log them.
    where : None
        There for the same arguments as `apply`.

    Returns
    -------
    array of shape (4, cycles, *cells.shape)
        The fields of `Features`.
    """
    return np.stack(cells.run_cycles(len(pulses) // 2))


# ---- operations that change no cell


def set_read_number(cells: CellArray, number: int) -> None:
    """Set the number of the next read of a block.

    Parameters
    ----------
    cells : CellArray
        The block.
    number : int
        The number, which the noise of the read depends on.
    """
    cells.state.number_reads(number)


def read(cells: CellArray, u: ArrayLike, bandwidth: float, number: int) -> RealArray:
    """Return currents with noise.

    Parameters
    ----------
    cells : CellArray
        The block.
    u : array that broadcasts to the shape of the block
        Voltages in V.
    bandwidth : float
        Bandwidth in Hz.
    number : int
        Number of the read, which its noise depends on.

    Returns
    -------
    array of the shape of the block
        Currents in A.
    """
    set_read_number(cells, number)
    return cells.read(u, bandwidth=bandwidth)


def current(cells: CellArray, u: ArrayLike) -> RealArray:
    """Return currents without noise.

    Parameters
    ----------
    cells : CellArray
        The block.
    u : array that broadcasts to the shape of the block
        Voltages in V.

    Returns
    -------
    array of the shape of the block
        Currents in A.
    """
    return cells.current(u)


def array_property(cells: CellArray, name: str) -> AnyArray:
    """Return a property of an array.

    Parameters
    ----------
    cells : CellArray
        The block.
    name : str
        Name of the property.

    Returns
    -------
    array of the shape of the block, for some properties with axes before
    """
    value: AnyArray = getattr(cells, name)
    return value


def features(cells: CellArray) -> RealArray:
    """Return the features of the running cycles, of shape (4, *cells.shape)."""
    return np.stack(cells.features)


def upcoming(cells: CellArray, count: int) -> RealArray:
    """Return the features of the next cycles.

    Parameters
    ----------
    cells : CellArray
        The block.
    count : int
        Number of cycles.

    Returns
    -------
    array of shape (4, count, *cells.shape)
        The fields of `Features`.
    """
    return np.stack(cells.upcoming(count))


def limited(cells: CellArray) -> int:
    """Return the number of cells with a limited feature."""
    return int(cells.limited())


def worn(cells: CellArray) -> int:
    """Return the number of cells that have failed for good."""
    return int(cells.worn())


def row_currents(cells: CellArray, v: ArrayLike, bandwidth: float, number: int) -> RealArray:
    """Return the currents of the rows of a crossbar that lie in this block.

    Parameters
    ----------
    cells : CellArray
        The block.
    v : array of shape (columns,) or (columns, batch)
        Voltages in V on the columns.
    bandwidth : float
        Bandwidth in Hz.
    number : int
        Number of the product, which its noise depends on.

    Returns
    -------
    array of shape (rows of the block,) or (rows of the block, batch)
        Currents in A.
    """
    cells.state.counters.products = number
    return cells.product(v, bandwidth=bandwidth)


def column_sums(cells: CellArray, weights: RealArray) -> RealArray:
    """Return what the rows of this block add to sums over all rows of a crossbar.

    Parameters
    ----------
    cells : CellArray
        The block.
    weights : array of shape (k, rows of the block)
        Factors of the mixing states, from `synaptogen.engines.line_weights`.

    Returns
    -------
    array of shape (k, columns)
    """
    rows, columns = cells.shape
    return cells.state.engine.weighted_sums((rows, columns), cells.state.selection, weights, True)


def column_normals(cells: CellArray, number: int, batch: int) -> RealArray:
    """Return standard normals for the noise of columns; the block must be the first, in which columns begin.

    Parameters
    ----------
    cells : CellArray
        The block.
    number : int
        Number of the product.
    batch : int
        Number of input vectors.

    Returns
    -------
    array of shape (batch, columns)
    """
    return cells.state.engine.line_normals(np.arange(cells.shape[1]), number, batch)


def write(cells: CellArray, folder: str, begin: int) -> None:
    """Write the state of a block into a saved array.

    Parameters
    ----------
    cells : CellArray
        The block.
    folder : str
        Directory of the saved array, which has been begun.
    begin : int
        Number in the whole array of the first cell of the block.
    """
    state = cells.state.dump(0, cells.size)
    with in_unfinished(Path(folder)):
        Writer.reopen(Path(folder), state).write(begin, state)


def call_function(cells: CellArray, function: Callable[[CellArray], T]) -> T:
    """Return what a function of the user returns.

    Parameters
    ----------
    cells : CellArray
        The block.
    function : callable
        A function of the block, which must not apply voltages.

    Returns
    -------
    object
    """
    return function(cells)


def no_operation(cells: CellArray) -> None:
    """Do nothing: for the sake of the block being made."""


REQUIRED_STATE: Mapping[Operation, Collection[str]] = {
    read: ("r",),
    current: ("r",),
    row_currents: ("r",),
    column_sums: ("r",),
    column_normals: (),
}
"""Kinds of state that operations need, for those that need not all."""
