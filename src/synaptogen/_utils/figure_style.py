"""Style and colours that all figures share, an empty figure, and an image of a crossbar.

Needs the extra ``plot``.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, ParamSpec

from .arrays import Float64Array
from .optional import require
from .text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

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
    """Return a function that draws with the style of this module, and leaves the user's own as it was."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        with require("matplotlib", "plot").rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawn


def literal(text: str) -> str:
    """Return a text of a file for use in a figure: dollar signs are drawn as they are, and begin no formula.

    Parameters
    ----------
    text : str
        Any text, such as the name of a device.

    Returns
    -------
    str
        One line.
    """
    return printable(text).replace("$", r"\$")


def new_figure(width: float, height: float) -> "Figure":
    """Return an empty figure that pyplot does not know of.

    Parameters
    ----------
    width, height : float
        Size in inches.

    Returns
    -------
    Figure
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def draw_map(axes: "Axes", values: Float64Array, limits: tuple[float, float]) -> "AxesImage":
    """Draw a value of each cell of a crossbar as an image.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : array of shape (rows, columns)
        One value per cell.
    limits : tuple of float
        Values at the two ends of the colour scale.

    Returns
    -------
    AxesImage
    """
    aspect: Literal["equal", "auto"] = "equal" if max(values.shape) <= 4 * min(values.shape) else "auto"
    image = axes.imshow(values, cmap="viridis", vmin=limits[0], vmax=limits[1], interpolation="nearest", aspect=aspect)
    axes.tick_params(top=False, right=False, direction="out")
    axes.set_xlabel("Column")
    axes.set_ylabel("Row")
    whole_numbers(axes.xaxis)
    whole_numbers(axes.yaxis)
    return image


def whole_numbers(axis: "Axis") -> None:
    """Put ticks at whole numbers only: for axes that count rows, columns or cycles."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
