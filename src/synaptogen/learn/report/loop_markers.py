"""Measured loops, one by one, with the four features of the cycle marked in them.

The quickest check of an extraction is to look. Each loop is drawn twice, with the current as it is, where the LRS and
its RESET show, and with its magnitude on a logarithmic axis, where the HRS and the SET do.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from synaptogen._utils import DARK, FAINT, MICRO, OHM, OKABE_ITO, STYLE, Float64Array, checked, literal, require
from synaptogen.learn.extraction import Extraction, MarkedLoops, mark_loops
from synaptogen.plot import QUANTITIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


COLUMNS = 4
BLUE, RED, GREEN, PINK = OKABE_ITO[:4]
BRANCHES = ((BLUE, "HRS"), (GREEN, "LRS"), (PINK, "next HRS"))  # A, B, C
SYMBOLS = [quantity.label.split(" (")[0] for quantity in QUANTITIES]


@checked
def markers(loops: xr.Dataset, extraction: Extraction, *, device: int = 0, cycles: list[int] | None = None) -> "Figure":
    """Draw loops of one device with the features that were found in them.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, see `learn.loops`.
    extraction : Extraction
        Result of `extract` for these loops.
    device : int
        Place of the device on its axis.
    cycles : list of int, optional
        Places on the axis of cycles; default: eight, evenly spaced.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels per loop.

    Raises
    ------
    ValueError
        If there is no such device, or no loop in any of these cycles.
    ModuleNotFoundError
        If Matplotlib is not installed.

    Examples
    --------
    >>> from synaptogen import learn
    >>> data = learn.sample_loops(devices=2, cycles=10, points=120, outliers=0)
    >>> figure = learn.markers(data, learn.extract(data), device=1, cycles=[0, 4])
    >>> len(figure.axes)
    4
    """
    return draw(mark_loops(loops, extraction, device=device, cycles=cycles))


def draw(found: MarkedLoops) -> "Figure":
    """Draw a page of loops: in columns of two, the current above and its magnitude below."""
    n = len(found.u)
    columns, rows = min(COLUMNS, n), -(-n // COLUMNS)
    with require("matplotlib", "plot").rc_context(STYLE):
        figure: Figure = require("matplotlib.figure", "plot").Figure(
            figsize=(2.2 * columns + 0.2, 3.9 * rows + 0.4), layout="constrained", dpi=110
        )
        grid = figure.subplots(2 * rows, columns, sharex=True, squeeze=False)
        for k in range(rows * columns):
            pair = grid[2 * (k // columns) : 2 * (k // columns) + 2, k % columns]
            if k < n:
                _draw_loop(pair[0], found, k)
                _draw_loop(pair[1], found, k, log=True)
            else:
                for axes in pair:
                    axes.remove()
        for row in range(rows):
            grid[2 * row, 0].set_ylabel(f"Current I ({MICRO}A)")
            grid[2 * row + 1, 0].set_ylabel(f"|I| ({MICRO}A)")
        figure.supxlabel("Voltage U (V)", fontsize=9)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside upper left",
            ncols=2 * columns,
            title=literal(f"Device {found.device}"),
            alignment="left",
            title_fontsize=9,
        )
    return figure


def _draw_loop(axes: "Axes", found: MarkedLoops, n: int, *, log: bool = False) -> None:
    def scaled(i: Float64Array) -> Float64Array:
        return np.abs(1e6 * i) if log else 1e6 * i

    u, i, curves = found.u[n], found.i[n], found.curves[n]
    r_hrs, u_set, r_lrs, u_reset = found.features[n]
    axes.plot(u, scaled(i), ".-", color=FAINT, markersize=1.8, linewidth=0.4, label="measured", zorder=1)
    windows = ((u_set, 0.0), (np.nanmin(u), u_reset), (0.0, np.nanmax(u)))
    for (low, high), curve, (colour, label) in zip(windows, curves, BRANCHES, strict=True):
        line = np.linspace(low, high, 101)
        current = np.interp(line, found.grid, curve)
        seen = current >= np.nanmin(i)  # not beyond the current limit
        axes.plot(line[seen], scaled(current[seen]), color=colour, linewidth=1.1, label=label, zorder=2)
    for resistance, at_, (colour, _) in ((r_hrs, -found.u_read, BRANCHES[0]), (r_lrs, found.u_read, BRANCHES[1])):
        axes.plot(at_, scaled(at_ / resistance), "o", color=colour, markersize=4, zorder=3)
    for voltage, curve, mark, label in ((u_set, curves[0], "v", SYMBOLS[1]), (u_reset, curves[1], "^", SYMBOLS[3])):
        axes.axvline(voltage, color=RED, linewidth=0.6, zorder=0)
        current = np.interp(voltage, found.grid, curve)
        axes.plot(voltage, scaled(current), mark, color=RED, markersize=5, label=label, zorder=4)
    if log:
        size = 1e6 * float(np.nanmax(np.abs(i)))
        axes.set(yscale="log", ylim=(3e-4 * size, 2 * size))
        return
    axes.axhline(0, color=DARK, linewidth=0.4, zorder=0)
    axes.set_title(
        f"cycle {found.cycle[n]}: {SYMBOLS[0]} {1e-3 * r_hrs:.3g} k{OHM}, {SYMBOLS[1]} {u_set:.2f} V,\n"
        f"{SYMBOLS[2]} {1e-3 * r_lrs:.3g} k{OHM}, {SYMBOLS[3]} {u_reset:.2f} V",
        fontsize=7,
    )
