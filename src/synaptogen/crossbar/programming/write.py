"""Writing conductances with pulses: one shot, or pulse by pulse with a read after each.

A cell that is SET takes the LRS of its cycle. A RESET pulse of an amplitude between its U_RESET and U_max leaves it on
its RESET curve, in between; a larger one moves it on, and only a SET brings it back, to the LRS of the next cycle.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import AnyArray, checks
from synaptogen.crossbar.selection import SCHEMES
from synaptogen.model import noise_variance
from synaptogen.wires import Wires

from .active_cells import OpenCells
from .pulse_driver import Isolated, Lines, Pulser
from .pulse_strategies import STRATEGIES, AlongTransition, Ramp, Strategy
from .report import ProgrammingReport
from .statistics import PopulationStatistics, population_statistics, reachable_window

if TYPE_CHECKING:
    from synaptogen.array import CellArray

Progress: TypeAlias = Callable[[int, int], None]

OUTSIDE = ("refuse", "clip")
SOME_DAY = 1e-3  # share of cycles that reach what counts as reachable at all
PULSE_WIDTH = 1e-7  # s
MOVEMENT = 6.0  # deviations of the read noise


class _Job(NamedTuple):
    """What all methods have in common; arrays are flat."""

    whole: "CellArray"  # as it was given
    cells: "CellArray"  # with one axis
    target: AnyArray
    selected: NDArray[np.bool_]
    clipped: int
    typical: PopulationStatistics
    u_set: float
    pulse: Pulser

    def view(self, index: AnyArray) -> "CellArray":
        """Some of the cells."""
        return self.cells if len(index) == self.cells.size else self.cells[index]

    def report(self, method: str, found: "_Found", tolerance: float, budget: int, noise: float) -> ProgrammingReport:
        """What became of it."""
        shape = self.whole.shape
        return ProgrammingReport(
            method=method,
            target=self.target.reshape(shape),
            reached=self.whole.conductance(),
            measured=found.measured.reshape(shape),
            converged=found.converged.reshape(shape),
            selected=self.selected.reshape(shape),
            pulses=found.pulses.reshape(shape),
            energy=found.energy.reshape(shape),
            tolerance=tolerance,
            budget=budget,
            clipped=self.clipped,
            read_noise=noise,
            cells=self.whole,
        )


class _Found(NamedTuple):
    """What has been found out about each cell, flat."""

    measured: AnyArray
    converged: NDArray[np.bool_]
    pulses: NDArray[np.int32]
    energy: AnyArray


def write_verify(
    cells: "CellArray",
    targets: ArrayLike,
    *,
    tolerance: float = 1e-6,
    budget: int = 100,
    strategy: str | Strategy = "transition",
    reads: int = 1,
    passes: int = 1,
    scheme: str | None = None,
    outside: str = "refuse",
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
    progress: Progress | None = None,
) -> ProgrammingReport:
    """Write conductances pulse by pulse, with a read after each, until each cell is within the tolerance.

    Cells that are there already are left alone. The others are SET and then RESET partly, with rising amplitudes. One
    that falls below its target, or cannot reach it in this cycle, is SET again. All cells see their n-th pulse at the
    same time.

    Parameters
    ----------
    cells : CellArray
    targets : array that broadcasts to the shape of the cells
        Conductances in S at the read voltage.
    tolerance : float
        Largest difference in S of a read from its target.
    budget : int
        SET and RESET pulses that a cell may take.
    strategy : {"transition", "ramp"} or callable
        Amplitudes of the RESET pulses: from each cell's RESET curve as far as it is known (`AlongTransition`), in equal
        steps (`Ramp`), or what a function of `Readback` returns.
    reads : int
        Reads whose mean decides.
    passes : int
        How often to go through all cells. Each pass begins with a new read of all of them, and takes up those that have
        been disturbed or were accepted by chance; the budget holds for all passes together.
    scheme : {"V/2", "V/3"}, optional
        Cells without selectors, of shape (rows, columns): other cells see a part of each pulse (`selection`). Default:
        each cell has a selector.
    outside : {"refuse", "clip"}
        What to do with targets that hardly any cycle of the population reaches (`reachable_window` with a share of
        0.001).
    where : array of bool that broadcasts to the shape of the cells, optional
        Only these cells are written.
    u_set : float, optional
        Amplitude in V of SET pulses; default: one that sets nearly every cell of the population.
    wires : Wires, optional
        Pulses come through the lines of a crossbar, row by row, and cells see what wires leave of them: with selectors
        those of the row alone, else all cells. Energies are then what the drivers give.
    wired_reads : bool
        Reads go through the wires too: with selectors row by row, all cells of a row that are read at once; else column
        by column. By default reads are of the cells themselves.
    pulse_width : float
        Width in s of pulses, for the energy.
    progress : callable, optional
        Called after each round with the number of finished cells and of all cells.

    Returns
    -------
    ProgrammingReport

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, a target cannot be reached and is not to be clipped, or the read
        noise is larger than the tolerance. No cell has changed then.
    """
    checks.positive("tolerance", tolerance, "S")
    checks.positive_int("budget", budget)
    checks.positive_int("passes", passes)
    job = _prepare(cells, targets, scheme, outside, where, u_set, pulse_width, wires, wired_reads)
    noise = _read_noise(job, checks.positive_int("reads", reads))
    if tolerance < noise:
        raise ValueError(
            f"tolerance={tolerance:g} S is below the read noise of {noise:.2g} S at the largest target: average "
            f"{int(np.ceil(reads * (noise / tolerance) ** 2))} reads or more, or lower the bandwidth of the cells"
        )
    choose = _strategy(strategy, job, tolerance, MOVEMENT * noise)
    found = _nothing(job)
    for _ in range(passes):
        still_open = _verify(job, found, tolerance, budget, reads)
        if not still_open.size:
            break
        _write(job, found, still_open, choose, tolerance, budget, reads, progress)
    return job.report(f"write-verify, {_name(strategy)}", found, tolerance, budget, noise)


def one_shot(
    cells: "CellArray",
    targets: ArrayLike,
    *,
    tolerance: float = 1e-6,
    scheme: str | None = None,
    outside: str = "refuse",
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
) -> ProgrammingReport:
    """Write conductances with two pulses: a SET, then a partial RESET of the amplitude that suits the median cell.

    Parameters and errors as of `write_verify`; the tolerance only says which cells the report counts as converged.
    """
    checks.positive("tolerance", tolerance, "S")
    job = _prepare(cells, targets, scheme, outside, where, u_set, pulse_width, wires, wired_reads)
    amplitudes = np.interp(-job.target, -job.typical.conductances, job.typical.amplitudes).astype(job.target.dtype)
    found = _nothing(job)
    index = np.flatnonzero(job.selected)
    for u in np.full_like(amplitudes, job.u_set), amplitudes:
        _pulse_once(job, found, index, u[index])
    _verify(job, found, tolerance, 2, 1)
    return job.report("one shot", found, tolerance, 2, _read_noise(job, 1))


def set_reset(
    cells: "CellArray",
    on: ArrayLike,
    *,
    scheme: str | None = None,
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
) -> ProgrammingReport:
    """Write bits with one pulse a cell: a SET where ``on`` holds, a full RESET elsewhere.

    Parameters
    ----------
    on : array of bool that broadcasts to the shape of the cells
    scheme, where, u_set, wires, wired_reads, pulse_width
        As of `write_verify`.

    Returns
    -------
    ProgrammingReport
        Targets are the population's median LRS and HRS; a cell has converged if its read is on the right side of their
        geometric mean, and the tolerance is half their distance.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described. No cell has changed then.
    """
    bits = checks.mask("on", on, cells.shape)
    typical = population_statistics(cells.params)
    high, low = float(np.median(typical.g_lrs)), float(np.median(typical.g_hrs))
    wanted = np.where(bits, high, low).reshape(cells.shape)
    job = _prepare(cells, wanted, scheme, "refuse", where, u_set, pulse_width, wires, wired_reads)
    found = _nothing(job)
    index = np.flatnonzero(job.selected)
    _pulse_once(job, found, index, np.where(bits, job.u_set, cells.params.u_max).astype(job.target.dtype)[index])
    _verify(job, found, (high - low) / 2, 1, 1)
    found.converged[:] = job.selected & ((found.measured > np.sqrt(high * low)) == bits)
    return job.report("SET and RESET", found, (high - low) / 2, 1, _read_noise(job, 1))


# ---- before a pulse


def _prepare(
    cells: "CellArray",
    targets: ArrayLike,
    scheme: str | None,
    outside: str,
    where: ArrayLike | None,
    u_set: float | None,
    pulse_width: float,
    wires: Wires | None,
    wired_reads: bool,
) -> _Job:
    checks.one_of("outside", outside, OUTSIDE)
    checks.positive("pulse_width", pulse_width, "s")
    pulse = _pulser(cells, scheme, pulse_width, wires, wired_reads)
    given = np.broadcast_to(checks.voltages("targets", targets, cells.shape, cells.dtype.type), cells.size)
    selected = np.ones(cells.size, bool) if where is None else checks.mask("where", where, cells.shape)
    if not selected.any():
        raise ValueError("where selects no cell: nothing is to be written")
    typical = population_statistics(cells.params)
    target, clipped = _reachable(cells, given, selected, outside)
    u_set = typical.u_set if u_set is None else -checks.positive("-u_set", -u_set, "V, that is a negative u_set,")
    return _Job(cells, cells.ravel(), target, selected, clipped, typical, u_set, pulse)


def _pulser(cells: "CellArray", scheme: str | None, width: float, wires: Wires | None, wired_reads: bool) -> Pulser:
    if scheme is not None:
        checks.one_of("scheme", scheme, SCHEMES)
    if scheme is not None or wires is not None:
        checks.crossbar(cells.shape)
    checks.flag("wired_reads", wired_reads)
    if wires is None:
        if wired_reads:
            raise ValueError("wired_reads=True needs wires: give wires=Wires(...)")
        return Isolated(width) if scheme is None else Lines(cells, scheme, width)
    if not isinstance(wires, Wires):
        raise TypeError(f"wires is a {type(wires).__name__}: give a Wires(...)")
    from .wired_driver import WiredLines, WiredRows  # its solver takes long to import

    return (
        WiredRows(cells, wires, width, wired_reads)
        if scheme is None
        else WiredLines(cells, wires, width, wired_reads, scheme)
    )


def _reachable(cells: "CellArray", given: AnyArray, selected: NDArray[np.bool_], outside: str) -> tuple[AnyArray, int]:
    low, high = reachable_window(cells.params, SOME_DAY)
    beyond = selected & ((given < low) | (given > high))
    count = int(np.count_nonzero(beyond))
    if count and outside == "refuse":
        raise ValueError(
            f"{count:,} of {np.count_nonzero(selected):,} targets lie outside of {low:.3g} to {high:.3g} S, "
            f'which hardly any cycle of {cells.params.name!r} reaches: clip them with outside="clip", or leave their '
            "cells out with where="
        )
    return np.where(beyond, np.clip(given, low, high), given).astype(given.dtype), count


def _read_noise(job: _Job, reads: int) -> float:
    u, g = job.cells.params.u_read, float(job.target[job.selected].max())
    return float(np.sqrt(noise_variance(g, u, job.cells.bandwidth) / reads)) / u


def _strategy(strategy: str | Strategy, job: _Job, tolerance: float, resolution: float) -> Strategy:
    if callable(strategy):
        return strategy
    checks.one_of("strategy", strategy, STRATEGIES)
    if strategy == "ramp":
        return Ramp(start=job.typical.u_reset - 2 * job.typical.u_reset_spread)
    return AlongTransition(job.cells.params.constants(), job.typical, tolerance / 2, resolution)


def _name(strategy: str | Strategy) -> str:
    return strategy if isinstance(strategy, str) else type(strategy).__name__


def _nothing(job: _Job) -> _Found:
    size, kind = job.cells.size, job.target.dtype
    return _Found(np.full(size, np.nan, kind), np.zeros(size, bool), np.zeros(size, np.int32), np.zeros(size, kind))


# ---- pulses and reads


def _pulse_once(job: _Job, found: _Found, index: AnyArray, u: AnyArray) -> None:
    found.energy[index] += job.pulse(job.view(index), index, u)
    found.pulses[index] += 1


def _verify(job: _Job, found: _Found, tolerance: float, budget: int, reads: int) -> AnyArray:
    """Read all cells; returns the places of those that are not there yet and may take more pulses."""
    index = np.flatnonzero(job.selected)
    g = job.pulse.read(job.view(index), index, reads)
    found.measured[index] = g
    found.converged[index] = np.abs(g - job.target[index]) <= tolerance
    return np.flatnonzero(job.selected & ~found.converged & (found.pulses < budget))


def _write(
    job: _Job,
    found: _Found,
    index: AnyArray,
    choose: Strategy,
    tolerance: float,
    budget: int,
    reads: int,
    progress: Progress | None,
) -> None:
    """Pulse cells until each has converged or used up its budget."""
    total = int(np.count_nonzero(job.selected))
    state = OpenCells(job.view(index), index, job.target[index], found.measured[index], job.cells.params.u_max)
    while len(state.index):
        u = _next_voltages(state, choose, job.u_set)
        found.energy[state.index] += job.pulse(state.cells, state.index, u)
        found.pulses[state.index] += 1
        state.after(u, job.pulse.read(state.cells, state.index, reads))
        there = np.abs(state.g - state.target) <= tolerance
        found.measured[state.index], found.converged[state.index] = state.g, there
        state.keep(~there & (found.pulses[state.index] < budget))
        if progress is not None:
            progress(total - len(state.index), total)


def _next_voltages(state: OpenCells, choose: Strategy, u_set: float) -> AnyArray:
    """What each open cell sees next: a RESET on its way down, a RESET to leave a cycle that cannot do it, or a SET."""
    u_max, kind = state.u_max, state.g.dtype
    above = state.g > state.target
    down = np.flatnonzero(above & (state.u < u_max))
    renew = ~above & (state.u == 0)
    u = np.where(renew, u_max, u_set).astype(kind)
    if len(down):
        seen = state.seen(down)
        least = np.nextafter(seen.u, kind.type(np.inf))
        u[down] = np.minimum(np.maximum(choose(seen), least), u_max)
    return u
