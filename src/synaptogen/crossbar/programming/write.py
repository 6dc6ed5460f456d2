"""Write conductances with pulses: in one shot, or pulse by pulse with a read after each.

A SET brings a cell to the LRS of its cycle. A RESET pulse with an amplitude between its U_RESET and U_max leaves it in
between, on its RESET curve. A larger amplitude moves it further along the curve. Only a SET brings it back, to the LRS
of the next cycle.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import AnyArray, BoolArray, Progress, checked, checks
from synaptogen.array import CellArray
from synaptogen.crossbar.mappings import OUTSIDE, Outside
from synaptogen.crossbar.selection import SCHEMES, Scheme
from synaptogen.model import noise_variance
from synaptogen.state import pulse_widths, ticks_of
from synaptogen.wires import Wires

from .active_cells import ActiveCells
from .pulse_driver import IsolatedDriver, LineDriver, PulseDriver
from .pulse_strategies import STRATEGIES, AlongTransition, Ramp, Strategy, StrategyName
from .report import AFTER, Later, ProgrammingReport
from .statistics import PopulationStatistics, population_statistics, reachable_window
from .wired_driver import WiredLineDriver, WiredRowDriver

REACHABLE = 1e-3  # share of cycles that must reach a conductance that counts as reachable
PULSE_WIDTH = 1e-7  # s
PART = 1 << 20  # cells whose copies are left alone at once
MOVEMENT = 6.0  # standard deviations of the read noise that count as a change of conductance


class _Task(NamedTuple):
    """Checked arguments that all methods share; arrays are flat."""

    whole: CellArray  # as it was given
    cells: CellArray  # with one axis
    target: AnyArray  # S
    selected: BoolArray
    clipped: int
    population: PopulationStatistics
    u_set: float  # V
    driver: PulseDriver
    others: AnyArray | None  # conductances in S before the run, if some cells are not to be written
    after: tuple[float, ...]  # s; when to look at copies of the cells

    def view(self, index: AnyArray) -> CellArray:
        """Return a view of some of the cells."""
        return self.cells if len(index) == self.cells.size else self.cells[index]

    def report(
        self,
        method: str,
        outcome: "_Outcome",
        tolerance: float,
        budget: int,
        noise: float,
        left: tuple[int, ...] = (),
    ) -> ProgrammingReport:
        """Return the report of a run that has ended."""
        shape = self.whole.shape
        return ProgrammingReport(
            method=method,
            target=self.target.reshape(shape),
            reached=self.whole.conductance(),
            measured=outcome.measured.reshape(shape),
            converged=outcome.converged.reshape(shape),
            selected=self.selected.reshape(shape),
            pulses=outcome.pulses.reshape(shape),
            energy=outcome.energy.reshape(shape),
            tolerance=tolerance,
            budget=budget,
            clipped=self.clipped,
            read_noise=noise,
            cells=self.whole,
            before=None if self.others is None else self.others.reshape(shape),
            left=left,
            later=self.later(),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass; what it does to cells that are not written does not count as a disturbance."""
        if self.others is not None:
            self.others[:] -= self.whole.conductance()
        self.whole.wait(seconds)
        if self.others is not None:
            self.others[:] += self.whole.conductance()

    def later(self) -> tuple[Later, ...]:
        """Return the conductances of copies of the cells that are left alone."""
        index = np.flatnonzero(self.selected)
        g = np.full((len(self.after), self.cells.size), np.nan, self.target.dtype)
        for part in np.split(index, range(PART, len(index), PART)) if self.after else ():
            copy, passed = self.view(part).copy(), 0
            for k in np.argsort(self.after, kind="stable"):
                ticks = ticks_of(self.after[k])
                copy.state.wait(ticks - passed, None)
                g[k, part], passed = copy.conductance(), ticks
        return tuple(Later(t, row.reshape(self.whole.shape)) for t, row in zip(self.after, g, strict=True))


class _Outcome(NamedTuple):
    """Outcome for each cell so far, flat; see the fields of `ProgrammingReport`."""

    measured: AnyArray  # S
    converged: BoolArray
    pulses: NDArray[np.int32]
    energy: AnyArray  # J


@checked
def write_verify(
    cells: CellArray,
    targets: ArrayLike,
    *,
    tolerance: float = 1e-6,
    budget: int = 100,
    strategy: StrategyName | Strategy = "transition",
    reads: int = 1,
    passes: int = 1,
    rounds: int = 1,
    wait: float = 1.0,
    after: Sequence[float] | None = None,
    scheme: Scheme | None = None,
    outside: Outside = "refuse",
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
    width: float | None = None,
    progress: Progress | None = None,
) -> ProgrammingReport:
    """Write conductances pulse by pulse, with a read after each, until each cell is within the tolerance.

    Cells that are within the tolerance already are left alone. The others are SET and then partly RESET with rising
    amplitudes. A cell that falls below its target, or cannot reach it in this cycle, is SET again. All cells get their
    n-th pulse at the same time. Ctrl-C ends a run between two pulses: the cells are as these have left them, and can be
    written again.

    Parameters
    ----------
    cells : CellArray
        Cells to write.
    targets : array that broadcasts to the shape of the cells
        Conductances in S at the read voltage.
    tolerance : float
        Largest difference in S of a read from its target.
    budget : int
        Most SET and RESET pulses per cell.
    strategy : {"transition", "ramp"} or callable
        Amplitudes of the RESET pulses: from each cell's RESET curve as far as it is known (`AlongTransition`), in equal
        steps (`Ramp`), or as a function of `Readback` returns them.
    reads : int
        Number of reads whose mean is compared with the target.
    passes : int
        Number of passes over all cells. Each pass begins with a new read of all cells and continues with those that
        have been disturbed or were accepted by chance. The budget holds for all passes together.
    rounds : int
        Number of rounds, each of ``passes``. Before each but the first, the array is left alone, and those cells are
        written again that have left the tolerance meanwhile. The budget holds for all rounds together.
    wait : float
        Time in s between rounds, which passes for the whole array.
    after : sequence of float, optional
        Times in s after the run for which the report says how many cells are still within the tolerance. Copies of the
        cells are left alone for this; the cells themselves do not change. Default: a second, an hour and ten years if
        the parameter set has a fluctuation (docs/time.md), else none.
    scheme : {"V/2", "V/3"}, optional
        Selection scheme of cells without selectors, of shape (rows, columns): other cells get a part of each pulse (see
        docs/crossbar.md). Default: each cell has a selector.
    outside : {"refuse", "clip"}
        How to treat targets that hardly any cycle of the population reaches (`reachable_window` with a coverage of
        0.001).
    where : array of bool that broadcasts to the shape of the cells, optional
        Write only these cells.
    u_set : float, optional
        Amplitude in V of SET pulses; default: one that sets nearly every cell of the population.
    wires : Wires, optional
        Pulses pass through the lines of a crossbar, row by row, and are attenuated by their resistance. They reach the
        cells of the row if cells have selectors, otherwise all cells. Energies then include those of the wires.
    wired_reads : bool
        Reads pass through the wires too: with selectors row by row, all cells of a row that are read at once; otherwise
        column by column. By default, reads are of the cells themselves.
    pulse_width : float
        Width in s of pulses without ``width``, for the energy.
    width : float, optional
        Width in s of each pulse, also for the energy: pulses act as `DeviceParams.pulse_width` says, and time passes
        for the array. Amplitudes (of strategies, and ``u_set``) hold for the reference width; the pulses have those
        that do the same.
    progress : callable, optional
        Called as ``progress(done, total)`` after each pulse, with numbers of cells.

    Returns
    -------
    ProgrammingReport

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, a target cannot be reached and ``outside`` is "refuse", the read
        noise is larger than the tolerance, or ``rounds`` or ``after`` are given for cells that stand still or for some
        cells of an array, whose time passes as a whole. No cell has changed then.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import write_verify
    >>> cells = sg.CellArray((16, 16), rng=1)
    >>> targets = np.random.default_rng(1).uniform(20e-6, 60e-6, (16, 16))
    >>> report = write_verify(cells, targets, tolerance=2e-6)
    >>> bool(report.converged.mean() > 0.95)
    True
    >>> bool(np.abs(report.error[report.converged]).max() < 3e-6)
    True
    """
    checks.positive("tolerance", tolerance, "S")
    checks.positive_int("budget", budget)
    checks.positive_int("passes", passes)
    _require_time(cells, checks.positive_int("rounds", rounds), checks.positive("wait", wait, "s"))
    task = _prepare(cells, targets, scheme, outside, where, u_set, pulse_width, wires, wired_reads, width, after)
    noise = _read_noise(task, checks.positive_int("reads", reads))
    if tolerance < noise:
        raise ValueError(
            f"tolerance={tolerance:g} S is below the read noise of {noise:.2g} S at the largest target: average "
            f"{int(np.ceil(reads * (noise / tolerance) ** 2))} reads or more, or lower the bandwidth of the cells"
        )
    choose = _strategy(strategy, task, tolerance, MOVEMENT * noise)
    left: list[int] = []
    outcome = _empty_outcome(task)
    for number in range(rounds):
        if number:
            task.wait(wait)
        inside = outcome.converged.copy()
        for k in range(passes):
            active = _verify(task, outcome, tolerance, budget, reads)
            if number and not k:
                left.append(int(np.count_nonzero(inside & ~outcome.converged)))
            if not active.size:
                break
            _write(task, outcome, active, choose, tolerance, budget, reads, progress)
    return task.report(f"write-verify, {_name(strategy)}", outcome, tolerance, budget, noise, tuple(left))


@checked
def one_shot(
    cells: CellArray,
    targets: ArrayLike,
    *,
    tolerance: float = 1e-6,
    after: Sequence[float] | None = None,
    scheme: Scheme | None = None,
    outside: Outside = "refuse",
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
    width: float | None = None,
) -> ProgrammingReport:
    """Write conductances with two pulses: a SET, then a partial RESET with the amplitude for the median cell.

    Parameters
    ----------
    cells : CellArray
        Cells to write.
    targets : array that broadcasts to the shape of the cells
        Conductances in S at the read voltage.
    tolerance : float
        Largest difference in S of a read from its target for a cell that the report counts as converged. It has no
        influence on the pulses.
    after, scheme, outside, where, u_set, wires, wired_reads, pulse_width, width
        As for `write_verify`.

    Returns
    -------
    ProgrammingReport

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or a target cannot be reached and ``outside`` is "refuse". No cell
        has changed then.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import one_shot
    >>> report = one_shot(sg.CellArray((8, 8), rng=1), 40e-6, tolerance=5e-6)
    >>> set(report.pulses.ravel().tolist())
    {2}
    >>> bool(0.0 < report.converged.mean() < 1.0)
    True
    """
    checks.positive("tolerance", tolerance, "S")
    task = _prepare(cells, targets, scheme, outside, where, u_set, pulse_width, wires, wired_reads, width, after)
    curve = task.population
    amplitudes = np.interp(-task.target, -curve.conductances, curve.amplitudes).astype(task.target.dtype)
    outcome = _empty_outcome(task)
    index = np.flatnonzero(task.selected)
    for u in np.full_like(amplitudes, task.u_set), amplitudes:
        _pulse_once(task, outcome, index, u[index])
    _verify(task, outcome, tolerance, 2, 1)
    return task.report("one shot", outcome, tolerance, 2, _read_noise(task, 1))


@checked
def set_reset(
    cells: CellArray,
    on: ArrayLike,
    *,
    scheme: Scheme | None = None,
    where: ArrayLike | None = None,
    u_set: float | None = None,
    wires: Wires | None = None,
    wired_reads: bool = False,
    pulse_width: float = PULSE_WIDTH,
    width: float | None = None,
) -> ProgrammingReport:
    """Write bits with one pulse per cell: a SET where ``on`` holds, a full RESET elsewhere.

    Parameters
    ----------
    cells : CellArray
        Cells to write.
    on : array of bool that broadcasts to the shape of the cells
        Which cells are to be in the LRS.
    scheme, where, u_set, wires, wired_reads, pulse_width, width
        As for `write_verify`.

    Returns
    -------
    ProgrammingReport
        Targets are the population's median LRS and HRS. A cell has converged if its read is on the right side of their
        geometric mean. The tolerance is half their distance.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described. No cell has changed then.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import set_reset
    >>> cells, on = sg.CellArray((4, 4), rng=1), np.eye(4, dtype=bool)
    >>> report = set_reset(cells, on)
    >>> report.converged.shape, bool(np.all((cells.mode == sg.Mode.LRS) == on))
    ((4, 4), True)
    """
    bits = checks.mask("on", on, cells.shape)
    population = population_statistics(cells.params)
    high, low = float(np.median(population.g_lrs)), float(np.median(population.g_hrs))
    targets = np.where(bits, high, low).reshape(cells.shape)
    task = _prepare(cells, targets, scheme, "refuse", where, u_set, pulse_width, wires, wired_reads, width, ())
    outcome = _empty_outcome(task)
    index = np.flatnonzero(task.selected)
    u = np.where(bits, task.u_set, cells.params.u_max).astype(task.target.dtype)
    _pulse_once(task, outcome, index, u[index])
    _verify(task, outcome, (high - low) / 2, 1, 1)
    outcome.converged[:] = task.selected & ((outcome.measured > np.sqrt(high * low)) == bits)
    return task.report("SET and RESET", outcome, (high - low) / 2, 1, _read_noise(task, 1))


# ---- before a pulse


def _prepare(
    cells: CellArray,
    targets: ArrayLike,
    scheme: Scheme | None,
    outside: Outside,
    where: ArrayLike | None,
    u_set: float | None,
    pulse_width: float,
    wires: Wires | None,
    wired_reads: bool,
    width: float | None,
    after: Sequence[float] | None,
) -> _Task:
    """Check the arguments; nothing has changed if they are refused."""
    checks.one_of("outside", outside, OUTSIDE)
    times = _times(cells, after)
    checks.positive("pulse_width", pulse_width, "s")
    if width is not None:
        pulse_width = float(pulse_widths("width", width, cells.params, 1)[0])
    driver = _driver(cells, scheme, pulse_width, wires, wired_reads, width)
    given = np.broadcast_to(checks.voltages("targets", targets, cells.shape, cells.dtype.type), cells.size)
    selected = np.ones(cells.size, bool) if where is None else checks.mask("where", where, cells.shape)
    if not selected.any():
        raise ValueError("where selects no cell: nothing is to be written")
    population = population_statistics(cells.params)
    target, clipped = _reachable(cells, given, selected, outside)
    u_set = population.u_set if u_set is None else -checks.positive("-u_set", -u_set, "V, that is a negative u_set,")
    others = None if selected.all() else cells.conductance()
    return _Task(cells, cells.ravel(), target, selected, clipped, population, u_set, driver, others, times)


def _require_time(cells: CellArray, rounds: int, wait: float) -> None:
    """Refuse waits that would do nothing, or that only a whole array can make."""
    if rounds == 1:
        return
    if cells.params.fluctuation is None:
        raise ValueError(
            f"rounds={rounds} waits {wait:g} s for cells that stand still: give them params.with_fluctuation(...), "
            "or passes= in place of rounds="
        )
    if cells.state.positions is not None:
        raise ValueError(
            f"rounds={rounds} lets time pass, which it does for whole arrays: give the whole array, and where= for "
            "these cells"
        )


def _times(cells: CellArray, after: Sequence[float] | None) -> tuple[float, ...]:
    if after is None:
        return () if cells.params.fluctuation is None else AFTER
    times = tuple(checks.not_negative("after", each, "s") for each in after)
    if times and cells.params.fluctuation is None:
        raise ValueError("after= asks what time does to cells that stand still: give them params.with_fluctuation(...)")
    return times


def _driver(
    cells: CellArray,
    scheme: Scheme | None,
    width: float,
    wires: Wires | None,
    wired_reads: bool,
    acting: float | None,
) -> PulseDriver:
    if scheme is not None:
        checks.one_of("scheme", scheme, SCHEMES)
    if scheme is not None or wires is not None:
        checks.crossbar(cells.shape)
    checks.flag("wired_reads", wired_reads)
    if wires is None:
        if wired_reads:
            raise ValueError("wired_reads=True needs wires: give wires=Wires(...)")
        return IsolatedDriver(width, acting) if scheme is None else LineDriver(cells, scheme, width, acting)
    if not isinstance(wires, Wires):
        raise TypeError(f"wires is a {type(wires).__name__}: give a Wires(...)")
    if scheme is None:
        return WiredRowDriver(cells, wires, width, wired_reads, acting)
    return WiredLineDriver(cells, wires, width, wired_reads, acting, scheme)


def _reachable(cells: CellArray, given: AnyArray, selected: BoolArray, outside: Outside) -> tuple[AnyArray, int]:
    """Return targets within the reachable window, and how many were clipped to it."""
    low, high = reachable_window(cells.params, REACHABLE)
    beyond = selected & ((given < low) | (given > high))
    count = int(np.count_nonzero(beyond))
    if count and outside == "refuse":
        raise ValueError(
            f"{count:,} of {np.count_nonzero(selected):,} targets lie outside of {low:.3g} to {high:.3g} S, "
            f'which hardly any cycle of {cells.params.name!r} reaches: clip them with outside="clip", or leave their '
            "cells out with where="
        )
    return np.where(beyond, np.clip(given, low, high), given).astype(given.dtype), count


def _read_noise(task: _Task, reads: int) -> float:
    """Return the standard deviation in S of the mean of reads, at the largest target."""
    u, g = task.cells.params.u_read, float(task.target[task.selected].max())
    return float(np.sqrt(noise_variance(g, u, task.cells.bandwidth) / reads)) / u


def _strategy(strategy: StrategyName | Strategy, task: _Task, tolerance: float, resolution: float) -> Strategy:
    if callable(strategy):
        return strategy
    checks.one_of("strategy", strategy, STRATEGIES)
    if strategy == "ramp":
        return Ramp(start=task.population.u_reset - 2 * task.population.u_reset_spread)
    return AlongTransition(task.cells.params.constants(), task.population, tolerance / 2, resolution)


def _name(strategy: StrategyName | Strategy) -> str:
    return strategy if isinstance(strategy, str) else type(strategy).__name__


def _empty_outcome(task: _Task) -> _Outcome:
    size, kind = task.cells.size, task.target.dtype
    return _Outcome(np.full(size, np.nan, kind), np.zeros(size, bool), np.zeros(size, np.int32), np.zeros(size, kind))


# ---- pulses and reads


def _pulse_once(task: _Task, outcome: _Outcome, index: AnyArray, u: AnyArray) -> None:
    outcome.energy[index] += task.driver(task.view(index), index, u)
    outcome.pulses[index] += 1


def _verify(task: _Task, outcome: _Outcome, tolerance: float, budget: int, reads: int) -> AnyArray:
    """Read all cells, and return the places of those that have not converged and may take more pulses."""
    index = np.flatnonzero(task.selected)
    g = task.driver.read(task.view(index), index, reads)
    outcome.measured[index] = g
    outcome.converged[index] = np.abs(g - task.target[index]) <= tolerance
    return np.flatnonzero(task.selected & ~outcome.converged & (outcome.pulses < budget))


def _write(
    task: _Task,
    outcome: _Outcome,
    index: AnyArray,
    choose: Strategy,
    tolerance: float,
    budget: int,
    reads: int,
    progress: Progress | None,
) -> None:
    """Apply pulses to cells until each has converged or used up its budget."""
    total = int(np.count_nonzero(task.selected))
    active = ActiveCells(task.view(index), index, task.target[index], outcome.measured[index], task.cells.params.u_max)
    while len(active.index):
        u = _next_voltages(active, choose, task.u_set)
        outcome.energy[active.index] += task.driver(active.cells, active.index, u)
        outcome.pulses[active.index] += 1
        active.record(u, task.driver.read(active.cells, active.index, reads))
        converged = np.abs(active.g - active.target) <= tolerance
        outcome.measured[active.index], outcome.converged[active.index] = active.g, converged
        active.keep(~converged & (outcome.pulses[active.index] < budget))
        if progress is not None:
            progress(total - len(active.index), total)


def _next_voltages(active: ActiveCells, choose: Strategy, u_set: float) -> AnyArray:
    """Return the next voltage in V of each active cell.

    A cell above its target gets the next partial RESET. One whose LRS is below its target needs another cycle: a full
    RESET, and then a SET. All others are SET.
    """
    u_max, kind = active.u_max, active.g.dtype
    above = active.g > active.target
    down = np.flatnonzero(above & (active.u < u_max))
    next_cycle = ~above & (active.u == 0)
    u = np.where(next_cycle, u_max, u_set).astype(kind)
    if len(down):
        cells = active.readback(down)
        least = np.nextafter(cells.u, kind.type(np.inf))
        u[down] = np.minimum(np.maximum(choose(cells), least), u_max)
    return u
