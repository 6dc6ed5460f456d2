"""Figures of what wires do to voltages. Needs the extra ``synaptogen[plot]``."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from synaptogen.drawing import OKABE_ITO, draw_map, new_figure, styled, whole_numbers

from .network import Solution

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def voltage_drop_map(solution: Solution, ideal: ArrayLike) -> "Figure":
    """Share of the ideal voltage of each cell that wires leave to it, as an image, and what is lost on the way.

    Parameters
    ----------
    solution : Solution of one right side
    ideal : float or array that broadcasts to (rows, columns)
        Voltages in V across the cells without wires, not 0.

    Raises
    ------
    ValueError
        If the solution has several right sides, or an ideal voltage is 0.
    """
    if solution.cells.ndim != 2:
        raise ValueError(f"solution holds {len(solution.cells)} right sides: give one, Solution(*(x[0] for x in it))")
    without = np.broadcast_to(np.asarray(ideal, float), solution.cells.shape)
    if np.any(without == 0) or not np.isfinite(without).all():
        raise ValueError("ideal holds voltages of 0 V or that are not finite, of which there is no share")
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
