"""Figures of crossbars: programming errors, disturbance of half-selected cells, voltage drops along wires.

Each function but `disturbed_shares` returns a new `matplotlib.figure.Figure`. These need the extra
``plot``.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import (
    DARK,
    FAINT,
    MICRO,
    OKABE_ITO,
    STYLE,
    AnyArray,
    BoolArray,
    draw_map,
    new_figure,
    require,
    styled,
    whole_numbers,
)
from synaptogen.array import CellArray
from synaptogen.wires import Solution

from .programming import Later, ProgrammingReport, duration
from .selection import SCHEMES, Scheme, line_voltages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS = 5  # levels of conductance that `retention` tells apart
MOVED = 1e-6  # S; a cell whose conductance has changed by more was disturbed


def programming_report(report: ProgrammingReport) -> "Figure":
    """Draw errors, pulses and failures of one programming run, in three panels.

    Parameters
    ----------
    report : ProgrammingReport

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    with require("matplotlib", "plot").rc_context(STYLE):
        figure, (errors, pulses, failures) = _panels(3, 8.2)
        _draw_errors(errors, {report.method: report})
        _draw_pulses(pulses, report)
        _draw_failures(failures, report)
        return figure


def error_distributions(reports: Mapping[str, ProgrammingReport], others: Mapping[str, ProgrammingReport]) -> "Figure":
    """Draw the distributions of errors of two series of programming runs, for example over tolerances and over budgets.

    Parameters
    ----------
    reports, others : mapping of str to ProgrammingReport
        Runs of the left and of the right panel, by their names in the legend; at most six each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    with require("matplotlib", "plot").rc_context(STYLE):
        figure, (left, right) = _panels(2, 7.2)
        _draw_errors(left, reports)
        _draw_errors(right, others)
        right.set_ylabel("")
        return figure


def retention(report: ProgrammingReport) -> "Figure":
    """Draw what time does to the conductances of each level that was written.

    One panel a level shows the distributions of the differences from the targets at the end of the run and later, with
    the tolerance; the last one the shares of cells within the tolerance. More than five targets are grouped into five
    levels of as many cells each.

    Parameters
    ----------
    report : ProgrammingReport
        Of cells whose parameter set has a fluctuation.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the report says nothing of later times.
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    if not report.later:
        raise ValueError(
            "report says nothing of later times: write cells whose parameter set has a fluctuation "
            "(params.with_fluctuation), and give times after="
        )
    with require("matplotlib", "plot").rc_context(STYLE):
        levels = _levels(1e6 * report.target[report.selected].astype(float))
        states = [Later(0.0, report.reached), *report.later]
        errors = [1e6 * (state.conductance - report.target)[report.selected].astype(float) for state in states]
        names = ["at the end", *(f"{duration(state.seconds)} later" for state in report.later)]
        figure, (*panels, shares) = _panels(len(levels) + 1, 2.0 * (len(levels) + 1) + 1.5)
        for axes, (level, chosen) in zip(panels, levels.items(), strict=True):
            _draw_states(axes, [error[chosen] for error in errors], names, 1e6 * report.tolerance)
            axes.set_title(level)
        panels[0].set_ylabel("Cells below (%)")
        for (level, chosen), colour in zip(levels.items(), OKABE_ITO, strict=False):
            within = [100 * np.mean(np.abs(error[chosen]) <= 1e6 * report.tolerance) for error in errors]
            shares.plot(range(len(within)), within, "o-", color=colour, markersize=3, label=level)
        shares.set_xticks(range(len(names)), names, rotation=30, ha="right")
        shares.set_ylabel("Within the tolerance (%)")
        shares.set_ylim(-3, 103)
        shares.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(names))
        return figure


def disturbance(cells: CellArray, amplitudes: Sequence[float], *, lines: int = 8) -> "Figure":
    """Draw the shares of cells that change when lines are written, against the amplitude, for V/2 and V/3.

    Every second cell of the first lines is selected. SET pulses are applied to cells in the HRS and RESET pulses to
    cells in the LRS, the states that they can disturb. Solid lines show the unselected cells, dashed lines the selected
    ones.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
        A copy of them is used.
    amplitudes : sequence of float
        Magnitudes in V.
    lines : int
        Number of lines that are written, one after the other.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    with require("matplotlib", "plot").rc_context(STYLE):
        figure, panels = _panels(2, 6.6)
        for axes, sign, title in zip(
            panels, (-1, 1), ("SET pulses, cells in HRS", "RESET pulses, cells in LRS"), strict=True
        ):
            for scheme, colour in zip(SCHEMES, OKABE_ITO, strict=False):
                shares = disturbed_shares(cells, [sign * u for u in amplitudes], scheme, lines)
                axes.plot(amplitudes, 100 * shares[:, 0], color=colour, label=f"{scheme}, other cells")
                axes.plot(amplitudes, 100 * shares[:, 1], "--", color=colour, label=f"{scheme}, selected cells")
            axes.set_title(title)
            axes.set_xlabel("Amplitude (V)")
            axes.set_ylim(-3, 103)
        panels[0].set_ylabel(f"Cells that moved by\nmore than {1e6 * MOVED:g} {MICRO}S (%)")
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=4)
        return figure


def disturbed_shares(cells: CellArray, amplitudes: Sequence[float], scheme: Scheme, lines: int = 8) -> AnyArray:
    """Return the shares of cells that change when lines are written, see `disturbance`.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
        A copy of them is used.
    amplitudes : sequence of float
        V; negative for SET pulses, positive for RESET pulses.
    scheme : {"V/2", "V/3"}
        Selection scheme.
    lines : int
        Number of lines that are written, one after the other.

    Returns
    -------
    array of shape (amplitudes, 2)
        Shares of the unselected and of the selected cells.
    """
    shape = (cells.shape[0], cells.shape[1])
    selected = np.zeros(shape, bool)
    selected[:lines, ::2] = True
    shares = []
    for amplitude in amplitudes:
        trial = cells.copy()
        trial.apply_voltages([-1e6, 1e6] if amplitude < 0 else [-1e6])
        before = trial.conductance()
        for row in range(lines):
            u = np.where(selected[row], amplitude, 0.0).astype(cells.dtype)
            trial.apply_voltage(line_voltages(scheme, row, u, shape))
        moved = np.abs(trial.conductance() - before) > MOVED
        shares.append([moved[~selected].mean(), moved[selected].mean()])
    return np.array(shares)


# ---- panels


def _panels(count: int, width: float) -> "tuple[Figure, Sequence[Axes]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 2.7), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _draw_errors(axes: "Axes", reports: Mapping[str, ProgrammingReport]) -> None:
    """Draw the share of cells whose error is larger than the value on the axis."""
    for (name, report), colour in zip(reports.items(), OKABE_ITO, strict=False):
        error = np.sort(np.abs(1e6 * report.error[report.selected].astype(float)))
        larger = 100 * (1 - np.arange(len(error)) / len(error))
        axes.plot(error, larger, color=colour, label=name, drawstyle="steps-pre", rasterized=len(error) > 10_000)
        axes.axvline(1e6 * report.tolerance, color=colour, linewidth=0.7, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.01, 300)
    axes.set_ylim(top=130)
    axes.set_xlabel(f"Error of the conductance ({MICRO}S)")
    axes.set_ylabel("Cells with a larger error (%)")
    if len(reports) > 1:
        axes.legend(loc="lower left")


def _levels(targets: AnyArray) -> dict[str, BoolArray]:
    """Return which cells belong to each level, by its name; ``targets`` of shape (m,) are in uS."""
    different = np.unique(targets)
    if len(different) <= LEVELS:
        return {f"{g:.3g} {MICRO}S": targets == g for g in different}
    edges = np.quantile(targets, np.linspace(0, 1, LEVELS + 1))
    number = np.clip(np.searchsorted(edges, targets, "right") - 1, 0, LEVELS - 1)
    ranges = pairwise(edges)
    return {f"{a:.3g} to {b:.3g} {MICRO}S": number == k for k, (a, b) in enumerate(ranges) if np.any(number == k)}


def _draw_states(axes: "Axes", errors: Sequence[AnyArray], names: Sequence[str], tolerance: float) -> None:
    for error, name, colour in zip(errors, names, (DARK, *OKABE_ITO), strict=False):
        x = np.sort(error)
        below = 100 * (np.arange(len(x)) + 0.5) / len(x)
        axes.plot(x, below, color=colour, label=name, rasterized=len(x) > 10_000)
    for edge in (-tolerance, tolerance):
        axes.axvline(edge, color=DARK, linewidth=0.7, linestyle=":")
    axes.set_xscale("symlog", linthresh=tolerance)
    ticks = [sign * tolerance * 10**k for sign in (-1, 1) for k in range(3)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlim(1.3 * ticks[2], 1.3 * ticks[-1])
    axes.set_xlabel(f"Difference from\nthe target ({MICRO}S)")


def _draw_pulses(axes: "Axes", report: ProgrammingReport) -> None:
    pulses = report.pulses[report.selected]
    counts = np.bincount(pulses)
    numbers = np.flatnonzero(counts)
    axes.vlines(numbers, 1e-9, 100 * counts[numbers] / len(pulses), color=OKABE_ITO[0], linewidth=2.0)
    axes.set_yscale("log")
    axes.set_ylim(40 / len(pulses), 130)
    axes.axvline(pulses.mean(), color=DARK, linewidth=0.7, linestyle=":")
    axes.annotate(
        f"mean {pulses.mean():.2f}", (float(pulses.mean()), 60), xytext=(6, 0), textcoords="offset points", fontsize=8
    )
    axes.set_xlabel("Pulses of a cell")
    axes.set_ylabel("Cells (%)")


def _draw_failures(axes: "Axes", report: ProgrammingReport) -> None:
    rates = report.by_component()
    weights = report.cells.params.population.weights
    names = [f"{rate.component}\n({100 * w:.3g} %)" for rate, w in zip(rates, weights, strict=True)]
    axes.bar(names, [100 * rate.rate for rate in rates], color=FAINT, edgecolor=DARK, linewidth=0.7)
    for place, rate in enumerate(rates):
        above = (place, 100 * rate.rate)
        axes.annotate(f"{rate.failed:,}", above, xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8)
    axes.margins(y=0.15)
    axes.set_xlabel("Component of the population\n(its share of the cells)")
    axes.set_ylabel("Its cells that failed (%)")


@styled
def voltage_drop_map(solution: Solution, ideal: ArrayLike) -> "Figure":
    """Draw the voltage of each cell as a share of its voltage without wires, as an image and as means along lines.

    Parameters
    ----------
    solution : Solution
        For one input vector.
    ideal : float or array that broadcasts to (rows, columns)
        Voltages in V across the cells without wires, not 0.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the solution is that of several input vectors, or an ideal voltage is 0 or not finite.
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    if solution.cells.ndim != 2:
        raise ValueError(f"solution holds {len(solution.cells)} input vectors: give one, Solution(*(x[0] for x in it))")
    without = np.broadcast_to(np.asarray(ideal, float), solution.cells.shape)
    if np.any(without == 0) or not np.isfinite(without).all():
        raise ValueError(
            "ideal holds voltages that are 0 V or not finite: give the voltages of the cells without wires"
        )
    share = 100 * solution.cells / without
    figure = new_figure(7.0, 3.2)
    image_axes, profile = figure.subplots(1, 2, width_ratios=[1.2, 1])
    image = draw_map(image_axes, share, (float(share.min()), float(max(share.max(), share.min() + 1e-9))))
    figure.colorbar(image, ax=image_axes, label="Cell voltage (% of ideal)", pad=0.02)
    rows, columns = share.shape
    profile.plot(np.arange(columns), share.mean(axis=0), color=OKABE_ITO[0], label="along word lines")
    profile.plot(np.arange(rows), share.mean(axis=1), color=OKABE_ITO[1], linestyle="--", label="along bit lines")
    profile.set_xlabel("Column, or row")
    profile.set_ylabel("Mean cell voltage (% of ideal)")
    whole_numbers(profile.xaxis)
    profile.legend()
    return figure
