"""Kernels with one thread for each cell: one compiled function for each thing that can happen to an array."""

from typing import Any, NamedTuple

from numba import cuda

from synaptogen.model import any_, bits

from .buffers import DeviceArray
from .cell import draw_device, first_cycle, read_current, step
from .compiler import jit
from .layout import WARP_TILE, CellBuffers, KernelParams, base_of
from .moving import KernelMoment, move_cell
from .scalars import load, store, uint32_of

EXPONENT = 0x7F800000
"""The exponent bits of single precision, all of which are set in numbers that are not finite."""


class SelectedCells(NamedTuple):
    """The cells that a kernel visits: thread k < ``count`` visits ``cells[k]`` if ``listed``, else ``first`` + k.

    Attributes
    ----------
    cells : array of int64 of shape (count,)
        Positions, if they are ``listed``.
    listed : bool
        Whether there is a list.
    first, count : int
        First position of a run, and number of cells.
    """

    cells: Any
    listed: Any
    first: Any
    count: Any


class KernelReads(NamedTuple):
    """`ReadNumbers` as kernels take them.

    Attributes
    ----------
    each : array of uint32 of shape (n,)
        Number of the next read of each cell, by position, if ``listed``.
    listed : bool
        Whether each cell has a number of its own.
    times : uint32
        Else the number for all of them.
    """

    each: Any
    listed: Any
    times: Any


@jit
def initialise(state: CellBuffers, params: KernelParams, mixture: tuple[DeviceArray, ...], log_sigma: bool) -> None:
    """Draw the devices of all cells, and begin cycle 0.

    Parameters
    ----------
    state, params
        The cells, and their parameter set.
    mixture : tuple of arrays
        The population, see `kernel_params.mixture_of`.
    log_sigma : bool
        Whether it was fitted to log sigma.
    """
    i = cuda.grid(1)
    if i < state.size:
        draw_device(state, params, i, mixture, log_sigma)
        first_cycle(state, params, i)


@jit
def apply(
    state: CellBuffers,
    params: KernelParams,
    selection: SelectedCells,
    pulses: DeviceArray,
    count: int,
    each: bool,
    mask: DeviceArray,
    masked: bool,
    trace: DeviceArray,
    traced: bool,
    bandwidth: float,
    reads: KernelReads,
) -> None:
    """Apply voltages one after the other, and record the current after each if ``traced``.

    Parameters
    ----------
    state, params, selection
        The cells, their parameter set, and which m of them.
    pulses : array of shape (count,), or (count * m,) if ``each`` cell has voltages of its own
        Voltages in V, those of one time together.
    count, each : int, bool
        Number of voltages, and whether each cell has its own.
    mask, masked : array of uint8 of shape (m,), bool
        Not 0 where voltages are applied, and whether to look at it.
    trace, traced : array of shape (count * m,), bool
        Currents in A, and whether to record them.
    bandwidth, reads
        Of the reads, in Hz, and their numbers.
    """
    k = cuda.grid(1)
    if k < selection.count and (not masked or mask[k] != 0):
        i = selection.cells[k] if selection.listed else selection.first + k
        before = load(state.status, i)
        status = before
        for pulse in range(count):
            u = load(pulses, pulse * selection.count + k if each else pulse)
            status = step(state, params, i, status, u)
            if traced:
                number = load(reads.each, i) if reads.listed else uint32_of(reads.times)
                current = read_current(state, params, i, u, bandwidth, number + uint32_of(pulse))
                store(trace, pulse * selection.count + k, current)
        if any_(status != before):
            store(state.status, i, status)


@jit
def read(
    state: CellBuffers,
    params: KernelParams,
    selection: SelectedCells,
    voltages: DeviceArray,
    each: bool,
    out: DeviceArray,
    bandwidth: float,
    reads: KernelReads,
) -> None:
    """Read currents.

    Parameters
    ----------
    state, params, selection
        The cells, their parameter set, and which m of them.
    voltages, each : array of shape (1,), or (m,) if ``each`` cell has a voltage of its own
        Voltages in V.
    out : array of shape (m,)
        Currents in A.
    bandwidth, reads
        Of the reads, in Hz (0: no noise), and their numbers.
    """
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        number = load(reads.each, i) if reads.listed else uint32_of(reads.times)
        store(out, k, read_current(state, params, i, load(voltages, k if each else 0), bandwidth, number))


@jit
def move(state: CellBuffers, params: KernelParams, moment: KernelMoment, index: DeviceArray) -> None:
    """Move all cells to an instant, see `Engine.move`.

    Parameters
    ----------
    state, params
        The cells, and their parameter set.
    moment : KernelMoment
        The instant.
    index : array of uint32 of shape (n,)
        Which write each cell has last seen.
    """
    i = cuda.grid(1)
    if i < state.size:
        move_cell(state, params, moment, index, i)


@jit
def gather(array: DeviceArray, groups: int, selection: SelectedCells, out: DeviceArray) -> None:
    """Copy the numbers of some cells out of tiles.

    Parameters
    ----------
    array, groups : array, int
        Tiles of ``groups`` numbers per cell.
    selection : SelectedCells
        The m cells.
    out : array of shape (groups * m,)
        The first number of all cells, then the second ...
    """
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        base = base_of(i, groups)
        for group in range(groups):
            store(out, group * selection.count + k, load(array, base + group * WARP_TILE))


@jit
def scatter(array: DeviceArray, groups: int, selection: SelectedCells, values: DeviceArray) -> None:
    """Copy the numbers of some cells into tiles: the inverse of `gather`.

    Parameters
    ----------
    array, groups, selection
        As for `gather`.
    values : array of shape (groups * m,)
        What `gather` gives.
    """
    k = cuda.grid(1)
    if k < selection.count:
        i = selection.cells[k] if selection.listed else selection.first + k
        base = base_of(i, groups)
        for group in range(groups):
            store(array, base + group * WARP_TILE, load(values, group * selection.count + k))


@jit
def find_not_finite(values: DeviceArray, found: DeviceArray) -> None:
    """Set ``found[0]`` to 1 if a value is NaN or infinite, by its bits, as the compiler takes numbers to be finite.

    Parameters
    ----------
    values : array of float32
        Numbers to check.
    found : array of uint32 of shape (1,)
        The result.
    """
    k = cuda.grid(1)
    if k < values.size and any_((bits(load(values, k)) & EXPONENT) == EXPONENT):
        store(found, 0, uint32_of(1))
