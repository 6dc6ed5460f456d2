"""Figures of cells and crossbars: I-V loops, switching features, conductance maps, crossbar products."""

import itertools
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import (
    DARK,
    FAINT,
    MICRO,
    OHM,
    OKABE_ITO,
    Float64Array,
    checked,
    draw_map,
    literal,
    new_figure,
    styled,
    whole_numbers,
)
from synaptogen.state import Features

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_LOOPS = 120  # loops drawn for a cell: more only make the bundle darker
MOST_LINES = 64  # cells with a line of their own
WIDEST = 96  # rows or columns of a conductance map in which single cells can be seen
ZOOM = 32  # rows and columns of the enlarged corner of a larger map


class _Quantity(NamedTuple):
    """The form in which a feature is written on an axis."""

    name: str
    label: str
    factor: float  # from SI units to those of the label
    scale: str


QUANTITIES = (
    _Quantity("r_hrs", rf"$R_\mathrm{{HRS}}$ (k{OHM})", 1e-3, "log"),
    _Quantity("u_set", r"$U_\mathrm{SET}$ (V)", 1.0, "linear"),
    _Quantity("r_lrs", rf"$R_\mathrm{{LRS}}$ (k{OHM})", 1e-3, "linear"),
    _Quantity("u_reset", r"$U_\mathrm{RESET}$ (V)", 1.0, "linear"),
)


@styled
@checked
def iv_grid(
    voltages: ArrayLike, currents: ArrayLike, *, highlight: int = 3, labels: Sequence[str] | None = None
) -> "Figure":
    """Draw I-V loops of several cells side by side: many cycles as a faint bundle, and a few of them in colour.

    Parameters
    ----------
    voltages : array of shape (T,)
        Voltages in V of the waveform of one cycle.
    currents : array of shape (n_cycles, T, n_cells)
        Currents in A, for example those of `CellArray.sweep` for the waveform repeated n_cycles times, reshaped. At
        most 120 cycles of each cell are drawn, evenly spaced.
    highlight : int
        Number of cycles in colour: the first, the last, and others between them.
    labels : sequence of str, optional
        Names of the cells; default: "cell 0" and so on.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If shapes do not match.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> cells = sg.CellArray(4, rng=1)
    >>> loop = np.interp(np.arange(160), [0, 40, 120, 160], [0.0, -1.5, 1.5, 0.0])  # V
    >>> currents = cells.sweep(np.tile(loop, 5)).reshape(5, 160, 4)
    >>> figure = sg.plot.iv_grid(loop, currents)
    >>> len(figure.axes)
    4
    """
    u, i = _loops(voltages, currents)
    names = labels or [f"cell {k}" for k in range(i.shape[2])]
    if len(names) != i.shape[2]:
        raise ValueError(f"labels names {len(names)} cells, but currents holds {i.shape[2]}")
    chosen = _spaced(len(i), highlight)
    figure, grid = _grid(i.shape[2])
    for cell, (axes, name) in enumerate(zip(grid, names, strict=True)):
        _draw_loops(axes, u, i[:, :, cell], chosen)
        axes.text(0.05, 0.93, literal(name), transform=axes.transAxes, va="top", fontsize=8)
    figure.supxlabel("Voltage U (V)", fontsize=10)
    figure.supylabel(f"Current I ({MICRO}A)", fontsize=10)
    _legend_outside(figure, grid[0])
    return figure


def _loops(voltages: ArrayLike, currents: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Return voltages in V and currents in uA, after a check of their shapes."""
    u, i = np.asarray(voltages, float), 1e6 * np.asarray(currents, float)
    if u.ndim != 1 or i.ndim != 3 or i.shape[1] != len(u) or i.size == 0:
        raise ValueError(
            f"voltages has shape {u.shape} and currents {i.shape}: give (T,) and (n_cycles, T, n_cells), both not empty"
        )
    return u, i


def _spaced(count: int, most: int) -> list[int]:
    """Return at most ``most`` of the numbers 0 ... count - 1, evenly spaced, with both ends."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, most))})


def _grid(cells: int) -> "tuple[Figure, list[Axes]]":
    """Return a figure with axes for a number of cells."""
    columns = int(np.ceil(np.sqrt(cells)))
    rows = -(-cells // columns)
    figure = new_figure(max(1.9 * columns, 3.6) + 0.5, 1.55 * rows + 0.9)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in axes[cells:]:
        unused.remove()
    for lowest in axes[max(0, cells - columns) : cells]:
        lowest.tick_params(axis="x", labelbottom=True)
    return figure, list(axes[:cells])


def _draw_loops(axes: "Axes", u: Float64Array, i: Float64Array, chosen: list[int]) -> None:
    """Draw the loops (n_cycles, T) of a cell, those of ``chosen`` cycles in colour."""
    from matplotlib.collections import LineCollection

    bundle = [np.column_stack([u, i[k]]) for k in _spaced(len(i), MOST_LOOPS)]
    # as an image: a hundred curves per cell would make a vector file of many megabytes
    axes.add_collection(LineCollection(bundle, colors=FAINT, linewidths=0.4, alpha=0.35, rasterized=True))
    for k, colour in zip(chosen, itertools.cycle(OKABE_ITO), strict=False):
        axes.plot(u, i[k], color=colour, label=f"cycle {k + 1}")
    axes.axhline(0, color=DARK, linewidth=0.4, zorder=0)
    axes.axvline(0, color=DARK, linewidth=0.4, zorder=0)
    axes.margins(x=0.04, y=0.06)
    axes.autoscale_view()


def _legend_outside(figure: "Figure", axes: "Axes") -> None:
    handles, names = axes.get_legend_handles_labels()
    if names:
        figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 6))


@styled
@checked
def feature_traces(features: Features, *, cells: Sequence[int] | None = None, first_cycle: int = 1) -> "Figure":
    """Draw the features of a few cells against the cycle number: cycles as points, their running median as a line.

    The median is taken over 25 cycles, or over about a tenth of them where there are fewer than 240.

    Parameters
    ----------
    features : Features of shape (n_cycles, ...)
        For example from `CellArray.upcoming`.
    cells : sequence of int, optional
        Flat numbers of the cells to draw; default: the first three.
    first_cycle : int
        Number of the first cycle.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is no cycle, or no such cell.

    Examples
    --------
    >>> import synaptogen as sg
    >>> figure = sg.plot.feature_traces(sg.CellArray(10, rng=1).upcoming(100), cells=[0, 7])
    >>> len(figure.axes), figure.axes[-1].get_xlabel()
    (4, 'Cycle number')
    """
    tables = _tables(features)
    cycles, count = tables[0].shape
    chosen = list(range(min(3, count))) if cells is None else list(cells)
    if not chosen or not all(0 <= cell < count for cell in chosen):
        raise ValueError(f"cells={cells!r}: give numbers from 0 to {count - 1}")
    figure = new_figure(6.6, 6.4)
    panels = figure.subplots(len(QUANTITIES), 1, sharex=True)
    for axes, quantity, table in zip(panels, QUANTITIES, tables, strict=True):
        for cell, colour in zip(chosen, itertools.cycle(OKABE_ITO), strict=False):
            _draw_trace(axes, np.arange(cycles, dtype=float) + first_cycle, table[:, cell], colour, f"cell {cell}")
        axes.set_ylabel(quantity.label)
        axes.set_yscale(quantity.scale)
        _scale(axes.yaxis, table[:, chosen], quantity.scale)
    panels[-1].set_xlabel("Cycle number")
    panels[-1].set_xlim(first_cycle - 0.5, first_cycle + cycles - 0.5)
    whole_numbers(panels[-1].xaxis)
    figure.align_ylabels(panels)
    _legend_outside(figure, panels[0])
    return figure


def _tables(features: Features) -> list[Float64Array]:
    """Return the four features as tables (n_cycles, n_cells), in the units of their axes."""
    shapes = {np.shape(values) for values in features}
    if len(shapes) != 1 or 0 in (shape := shapes.pop()) or not shape:
        raise ValueError("features must hold four arrays of one shape (n_cycles, ...) that is not empty")
    return [
        quantity.factor * np.asarray(getattr(features, quantity.name), float).reshape(shape[0], -1)
        for quantity in QUANTITIES
    ]


def _draw_trace(axes: "Axes", cycles: Float64Array, values: Float64Array, colour: str, name: str) -> None:
    size = 2.4 if len(values) > 200 else 5
    axes.plot(cycles, values, ".", color=colour, markersize=size, alpha=0.5, markeredgewidth=0, rasterized=True)
    width = min(25, 1 + len(values) // 10)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    centres = np.lib.stride_tricks.sliding_window_view(cycles, width).mean(axis=1)
    axes.plot(centres, np.median(windows, axis=1), color=colour, linewidth=1.2, label=name)


def _scale(axis: "Axis", table: Float64Array, scale: str) -> None:
    """Write plain numbers also on a logarithmic axis: 50, 100, 200 rather than powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    if scale == "log":
        decades = np.log10(table.max() / table.min())
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


@styled
@checked
def feature_distributions(features: Features) -> "Figure":
    """Draw quantile plots of the four features: each cell a thin line, all cells pooled a thick one, medians as marks.

    On the normal scale of the vertical axis a Gaussian distribution (for R_HRS: a lognormal one) is a straight line.

    Parameters
    ----------
    features : Features of shape (n_cycles, ...)
        For example from `CellArray.upcoming`. At most 64 cells have a line of their own.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If there is no cycle.

    Examples
    --------
    >>> import synaptogen as sg
    >>> figure = sg.plot.feature_distributions(sg.CellArray(10, rng=1).upcoming(100))
    >>> [axes.get_xscale() for axes in figure.axes]
    ['log', 'linear', 'linear', 'linear']
    """
    tables = _tables(features)
    figure = new_figure(6.6, 5.6)
    panels = figure.subplots(2, 2, sharey=True).ravel()
    for axes, quantity, table in zip(panels, QUANTITIES, tables, strict=True):
        _draw_quantiles(axes, table)
        axes.set_xlabel(quantity.label)
        axes.set_xscale(quantity.scale)
        _scale(axes.xaxis, table, quantity.scale)
    _probability_axis(panels[0])
    for left in panels[::2]:
        left.set_ylabel("Cumulative probability (%)")
    _legend_outside(figure, panels[0])
    return figure


def _draw_quantiles(axes: "Axes", table: Float64Array) -> None:
    cycles, cells = table.shape
    each = _normal_points(cycles)
    for number, cell in enumerate(_spaced(cells, MOST_LINES)):
        label = "one cell" if number == 0 else "_"  # the legend leaves out what begins with an underscore
        axes.plot(_quantiles(table[:, cell], each), each, color=OKABE_ITO[5], linewidth=0.6, alpha=0.8, label=label)
    pooled = _normal_points(table.size)
    axes.plot(_quantiles(table, pooled), pooled, color=DARK, linewidth=1.6, label="all cells pooled")
    medians = np.median(table, axis=0)
    axes.plot(
        medians, np.zeros(cells), "|", color=OKABE_ITO[1], markersize=11, markeredgewidth=0.9, label="medians of cells"
    )


def _normal_points(count: int) -> Float64Array:
    """Return standard normal quantiles, at most 200, in the range that a number of values supports."""
    end = NormalDist().inv_cdf(1 - 0.5 / max(count, 2))
    return np.linspace(-end, end, min(200, count))


def _quantiles(values: Float64Array, points: Float64Array) -> Float64Array:
    return np.asarray(np.quantile(values, [NormalDist().cdf(z) for z in points]))


def _probability_axis(axes: "Axes") -> None:
    percents = (0.01, 0.1, 1, 10, 50, 90, 99, 99.9, 99.99)
    lowest, highest = axes.get_ylim()
    at = {NormalDist().inv_cdf(p / 100): f"{p:g}" for p in percents}
    shown = {z: text for z, text in at.items() if lowest <= z <= highest}
    axes.set_yticks(list(shown), list(shown.values()))


@styled
@checked
def conductance_map(g: ArrayLike) -> "Figure":
    """Draw the conductances of a crossbar as an image, and their histogram; for a large array also an enlarged corner.

    Parameters
    ----------
    g : array of shape (rows, columns)
        Conductances in S, for example from `CellArray.conductance`. Colours span the middle 99 %.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If it does not have two axes, or is empty.

    Examples
    --------
    >>> import synaptogen as sg
    >>> figure = sg.plot.conductance_map(sg.CellArray((16, 16), rng=1).conductance())
    >>> [axes.get_ylabel() for axes in figure.axes][:2]
    ['Row', 'Share of cells (%)']
    """
    values = 1e6 * np.asarray(g, float)
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"g has shape {values.shape}: give conductances of shape (rows, columns), not empty")
    limits = _middle(values)
    figure, maps, histogram = _map_axes(max(values.shape) > WIDEST)
    image = draw_map(maps[0], values, limits)
    if len(maps) > 1:
        rows, columns = values[:ZOOM, :ZOOM].shape
        draw_map(maps[1], values[:ZOOM, :ZOOM], limits)
        maps[0].set_title(f"{values.shape[0]} x {values.shape[1]} cells")
        maps[1].set_title(f"its first {rows} x {columns} cells")
    figure.colorbar(image, ax=maps, label=f"Conductance G ({MICRO}S)", extend="both", pad=0.02)
    _draw_histogram(histogram, values, image)
    return figure


def _middle(values: Float64Array) -> tuple[float, float]:
    low, high = (float(x) for x in np.quantile(values, [0.005, 0.995]))
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _map_axes(large: bool) -> "tuple[Figure, list[Axes], Axes]":
    if not large:
        figure = new_figure(7.0, 3.2)
        one, histogram = figure.subplots(1, 2, width_ratios=[1.3, 1])
        return figure, [one], histogram
    figure = new_figure(7.0, 5.2)
    axes = figure.subplot_mosaic([["whole", "corner"], ["histogram", "histogram"]], height_ratios=[2, 1])
    return figure, [axes["whole"], axes["corner"]], axes["histogram"]


def _draw_histogram(axes: "Axes", values: Float64Array, image: "AxesImage") -> None:
    counts, edges = np.histogram(values, bins=60)
    centres = (edges[1:] + edges[:-1]) / 2
    axes.bar(centres, 100 * counts / values.size, width=np.diff(edges), color=image.cmap(image.norm(centres)))
    axes.set_xlabel(f"Conductance G ({MICRO}S)")
    axes.set_ylabel("Share of cells (%)")
    axes.set_yscale("log")


@styled
@checked
def product_scatter(ideal: ArrayLike, noisy: ArrayLike) -> "Figure":
    """Draw the currents of a crossbar product with noise against those without, and a histogram of the differences.

    Parameters
    ----------
    ideal, noisy : arrays of the same shape
        Currents in A: ``cells.product(v, bandwidth=0)`` and ``cells @ v``.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        If shapes differ or there is nothing to draw.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> cells, v = sg.CellArray((64, 16), rng=1), np.full(16, 0.2)
    >>> figure = sg.plot.product_scatter(cells.product(v, bandwidth=0), cells @ v)
    >>> len(figure.axes)
    2
    """
    x, y = np.ravel(np.asarray(ideal, float)), np.ravel(np.asarray(noisy, float))
    if np.shape(ideal) != np.shape(noisy) or x.size == 0:
        raise ValueError(f"ideal has shape {np.shape(ideal)}, noisy {np.shape(noisy)}: give the same, not empty")
    factor, unit = _prefix(np.abs([x, y]).max())
    figure = new_figure(6.6, 3.2)
    scatter, residual = figure.subplots(1, 2)
    _draw_scatter(scatter, factor * x, factor * y)
    scatter.set_xlabel(f"Noiseless current ({unit})")
    scatter.set_ylabel(f"Measured current ({unit})")
    _draw_residual(residual, y - x)
    return figure


def _prefix(largest: float) -> tuple[float, str]:
    """Return the factor and unit in which a current is a number of one to three digits."""
    for exponent, unit in ((0, "A"), (3, "mA"), (6, f"{MICRO}A")):
        if largest * 10.0**exponent >= 1:
            return 10.0**exponent, unit
    return 1e9, "nA"


def _draw_scatter(axes: "Axes", x: Float64Array, y: Float64Array) -> None:
    axes.axline((x[0], x[0]), slope=1, color=DARK, linewidth=0.7)
    axes.plot(x, y, ".", color=OKABE_ITO[0], markersize=4, alpha=0.6, markeredgewidth=0)


def _draw_residual(axes: "Axes", difference: Float64Array) -> None:
    factor, unit = _prefix(np.abs(difference).max())
    spread = factor * difference.std()
    axes.hist(factor * difference, bins=40, color=OKABE_ITO[5])
    axes.set_xlabel(f"Measured less noiseless current ({unit})")
    axes.set_ylabel("Number of lines")
    axes.set_title(f"standard deviation {spread:.3g} {unit}")
