"""What all figures have in common: their style and colours, an empty figure, an image of a crossbar.

Needs the extra ``synaptogen[plot]``.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

from .arrays import Float64Array
from .optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

P = ParamSpec("P")

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours that colour-blind people tell apart (Okabe and Ito, 2008), the darkest first."""
FAINT, DARK = "#9AA5B1", "#1A1A1A"

STYLE = {
    "axes.linewidth": 0.7,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "figure.dpi": 150,
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "xtick.direction": "in",
    "xtick.major.pad": 5.5,  # clear of the lowest number of the other axis
    "ytick.direction": "in",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.top": True,
    "ytick.right": True,
}

MICRO, OHM = "\N{MICRO SIGN}", "\N{GREEK CAPITAL LETTER OMEGA}"


def styled(draw: "Callable[P, Figure]") -> "Callable[P, Figure]":
    """Draw with this module's style, and leave the user's own as it was."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        with require("matplotlib", "plot").rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches that belongs to nobody else."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def draw_map(axes: "Axes", values: Float64Array, limits: tuple[float, float]) -> Any:
    """Values (rows, columns) of the cells of a crossbar as an image, colours between two limits; returns the image."""
    aspect: Literal["equal", "auto"] = "equal" if max(values.shape) <= 4 * min(values.shape) else "auto"
    image = axes.imshow(values, cmap="viridis", vmin=limits[0], vmax=limits[1], interpolation="nearest", aspect=aspect)
    axes.tick_params(top=False, right=False, direction="out")
    axes.set_xlabel("Column")
    axes.set_ylabel("Row")
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis)
    return image


def whole_numbers(axis: "Axis") -> None:
    """Ticks at whole numbers only, as of rows, columns, cycles."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
