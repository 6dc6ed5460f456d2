"""Figures that define the features: each on a simulated loop with noise, offset and a limited current.

Needs the extra ``plot``. `save_definitions` writes the figures of the documentation.
"""

import os
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from synaptogen import CellArray
from synaptogen._utils import DARK, FAINT, MICRO, OKABE_ITO, STYLE, Float64Array, PathLike, one_of, require
from synaptogen.learn import Extraction, extract, loops
from synaptogen.learn.extraction import corrected_points
from synaptogen.learn.extraction.cycle_kernels import (
    BELOW_LIMIT,
    LRS_BOTTOM,
    LRS_TOP,
    STATE_A,
    STATE_B,
    STATE_C,
    U_RESET,
    U_SET,
)
from synaptogen.learn.extraction.cycles import SLOPE_SHARE
from synaptogen.learn.extraction.survey_kernels import FLOOR
from synaptogen.params import FEATURE_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Feature: TypeAlias = Literal["r_hrs", "u_set", "r_lrs", "u_reset"]

BLUE, RED, GREEN = OKABE_ITO[:3]
CYCLES, SHOWN = 60, 20
LIMIT, NOISE, OFFSET = 150e-6, 2e-6, 1e-6  # A


class _Loop(NamedTuple):
    """One cycle: its points by branch, the states found, and the extraction they are from."""

    u: Float64Array
    i: Float64Array  # uA
    low: int
    high: int
    measured: Float64Array
    found: Extraction

    def curve(self, state: int, u: Float64Array) -> Float64Array:
        """Current in uA of the curve that was fitted to a branch."""
        curves = self.found.cycles[0].curves
        g = curves.conductance(self.measured[STATE_A : STATE_C + 1])[state - STATE_A]
        return 1e6 * curves.current(state - STATE_A, float(g), u)


def definition(feature: Feature, *, rng: int = 3) -> "Figure":
    """Draw the definition of one feature on a simulated loop.

    Parameters
    ----------
    feature : {"r_hrs", "u_set", "r_lrs", "u_reset"}
    rng : int
        Seed of the cell and of the noise.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no such feature.
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    one_of("feature", feature, FEATURE_NAMES)
    loop = _simulated(rng)
    with require("matplotlib", "plot").rc_context(STYLE):
        figure: Figure = require("matplotlib.figure", "plot").Figure(figsize=(4.6, 3.3), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(loop.u, loop.i, ".-", color=FAINT, markersize=2, linewidth=0.5, label="measured")
        _DRAWERS[feature](axes, loop)
        axes.axhline(0, color=DARK, linewidth=0.4)
        axes.set(xlabel="Voltage U (V)", ylabel=f"Current I ({MICRO}A)")
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def save_definitions(folder: PathLike) -> None:
    """Write ``definition-r_hrs.png`` and so on into a folder."""
    for feature in FEATURE_NAMES:
        name = os.path.join(os.fspath(folder), f"definition-{feature}.png")
        definition(feature).savefig(name, dpi=110)


def _simulated(rng: int) -> _Loop:
    quarter = np.linspace(0, 1.5, 75, endpoint=False)
    wave = np.concatenate([-quarter, quarter - 1.5, quarter, 1.5 - quarter])
    i = CellArray(1, rng=rng).sweep(np.tile(wave, CYCLES)).reshape(CYCLES, -1).astype(np.float64)
    noise = np.random.default_rng(rng).standard_normal(i.shape)
    data = loops(wave, np.maximum(i, -LIMIT) + OFFSET + NOISE * noise)
    found = extract(data)
    one = found.cycles[0]
    points = corrected_points(data, 0, one)
    start = one.start[SHOWN]
    part = slice(start, one.end[SHOWN])
    low, high = int(one.lowest[SHOWN] - start), int(one.highest[SHOWN] - start)
    return _Loop(points.u[part], 1e6 * points.i[part], low, high, one.measured[SHOWN], found)


def _resistance(axes: "Axes", loop: _Loop, state: int, window: tuple[float, float], points: slice, name: str) -> None:
    u, i = loop.u[points], loop.i[points]
    inside = (u >= window[0]) & (u <= window[1]) & (i > -BELOW_LIMIT * 1e6 * loop.found.current_limit[0])
    axes.plot(u[inside], i[inside], ".", color=BLUE, markersize=4, label="fitted points")
    line = np.linspace(u[inside].min(), u[inside].max(), 101)
    axes.plot(line, loop.curve(state, line), color=DARK, label="mixture I(r, U)")
    u_read = loop.found.u_read
    at_read = float(loop.curve(state, np.array(u_read)))
    axes.plot([0, u_read], [0, at_read], color=RED, linewidth=1.5)
    axes.plot(
        u_read, at_read, "o", color=RED, label=f"{name} = {u_read / at_read * 1e3:.3g} k$\\Omega$ at {u_read:g} V"
    )


def _draw_r_hrs(axes: "Axes", loop: _Loop) -> None:
    top = loop.found.hrs_top * loop.u[loop.high]
    window = (FLOOR * loop.u[loop.high], top)
    _resistance(axes, loop, STATE_C, window, slice(loop.high, None), r"next $R_\mathrm{HRS}$")
    axes.set(xlim=(-0.05, 1.55), ylim=(-10, 80))


def _draw_r_lrs(axes: "Axes", loop: _Loop) -> None:
    window = (LRS_BOTTOM * loop.u[loop.low], LRS_TOP * loop.measured[U_RESET])
    _resistance(axes, loop, STATE_B, window, slice(loop.low, loop.high), r"$R_\mathrm{LRS}$")


def _draw_u_set(axes: "Axes", loop: _Loop) -> None:
    u_set = float(loop.measured[U_SET])
    line = np.linspace(u_set - 0.15, 0, 101)
    hrs = loop.curve(STATE_A, line)
    end = np.maximum(loop.curve(STATE_B, line), -1e6 * loop.found.current_limit[0])
    axes.plot(line, hrs, color=BLUE, label="HRS")
    axes.plot(line, end, color=GREEN, label="LRS or limit")
    axes.plot(line, (hrs + end) / 2, "--", color=DARK, label="half way")
    axes.axvline(u_set, color=RED, label=rf"$U_\mathrm{{SET}}$ = {u_set:.3f} V")
    axes.set(xlim=(u_set - 0.2, 0.02), ylim=(-170, 60))


def _draw_u_reset(axes: "Axes", loop: _Loop) -> None:
    u_reset = float(loop.measured[U_RESET])
    rising = slice(loop.low + int(np.argmax(loop.u[loop.low :] > 0)), loop.high)
    u, i = loop.u[rising], loop.i[rising]
    m = max(1, round(SLOPE_SHARE * len(u)))
    savgol = require("scipy.signal", "learn").savgol_filter
    slope = savgol(i, 2 * m + 1, 2, deriv=1) / savgol(u, 2 * m + 1, 2, deriv=1)
    lrs = np.gradient(loop.curve(STATE_B, np.minimum(u, LRS_TOP * u_reset) + np.linspace(0, 1e-9, len(u))))
    below = u <= LRS_TOP * u_reset
    level = float(lrs[below][1:-1].mean() / np.diff(u[below]).mean())
    axes.plot(u, slope, color=BLUE, label=f"dI/dU ({MICRO}S)")
    axes.axhline(level / 2, linestyle="--", color=DARK, label="half of the LRS")
    axes.axvline(u_reset, color=RED, label=rf"$U_\mathrm{{RESET}}$ = {u_reset:.3f} V")
    axes.set(xlim=(0, 1.5))


_DRAWERS = {"r_hrs": _draw_r_hrs, "u_set": _draw_u_set, "r_lrs": _draw_r_lrs, "u_reset": _draw_u_reset}
