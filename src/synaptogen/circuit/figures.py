"""Figures of circuits. Needs the extra ``plot``."""

from typing import TYPE_CHECKING

import numpy as np

from synaptogen._utils import DARK, MICRO, OHM, OKABE_ITO, checked, new_figure, styled

from .iv_curve import IVComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LOWEST = 1e-6  # % of the largest current; smaller differences are drawn there
SHOWN_NAMES = {"vacask": "VACASK"}


@styled
@checked
def iv_comparison(comparison: IVComparison) -> "Figure":
    """Draw I-V sweeps of a cell in a simulator over those in Python, and their differences over time.

    Parameters
    ----------
    comparison : IVComparison
        The result of `compare_iv`.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels: current over voltage; difference in % of the largest current over time.
    """
    figure = new_figure(7.0, 3.2)
    curve, differences = figure.subplots(1, 2, width_ratios=[1, 1.1])
    _draw_curves(curve, comparison)
    _draw_differences(differences, comparison)
    return figure


def _draw_curves(axes: "Axes", comparison: IVComparison) -> None:
    behind = comparison.ohms > 0.0
    blue, orange = OKABE_ITO[:2]
    axes.plot(
        comparison.python.u, 1e6 * comparison.python.current, color=blue, linewidth=2.4, alpha=0.6, label="Python"
    )
    name = SHOWN_NAMES.get(comparison.simulator, comparison.simulator)
    axes.plot(comparison.u, 1e6 * comparison.current, color=orange, linewidth=0.8, label=name)
    axes.set_xlabel("Voltage of the cell U (V)" if behind else "Voltage U (V)")
    axes.set_ylabel(f"Current I ({MICRO}A)")
    axes.legend(loc="upper left", title=f"behind {comparison.ohms:g} {OHM}" if behind else None)


def _draw_differences(axes: "Axes", comparison: IVComparison) -> None:
    share = 100.0 * np.abs(comparison.differences) / comparison.largest_current
    largest = float(np.nanmax(share))
    axes.semilogy(1e3 * comparison.time, np.maximum(share, LOWEST), ".", color=OKABE_ITO[0], markersize=2)
    axes.axhline(largest, color=DARK, linewidth=0.7, linestyle="--")
    axes.text(0.02, 1.15 * largest, f"{largest:.2g} %", transform=axes.get_yaxis_transform(), va="bottom", fontsize=8)
    axes.set_ylim(0.5 * LOWEST, 10.0 * max(largest, LOWEST))
    axes.set_xlabel("Time (ms)")
    axes.set_ylabel("Difference, away from events\n(% of largest current)")
