"""Figures of a validation, drawn from the curves that it holds: measured is blue, generated orange, order 1 grey."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from synaptogen._utils import DARK, FAINT, MICRO, OHM, OKABE_ITO, STYLE, AnyArray, literal, require
from synaptogen.learn.extraction import MarkedLoops
from synaptogen.learn.validation import MARKED, Validation
from synaptogen.params import FEATURES, Population

from .loop_markers import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "draw_figure"]


MEASURED, GENERATED = OKABE_ITO[0], OKABE_ITO[1]
SYMBOLS = (r"$R_\mathrm{HRS}$", r"$U_\mathrm{SET}$", r"$R_\mathrm{LRS}$", r"$U_\mathrm{RESET}$")
UNITS = (f"(log$_{{10}}$ {OHM})", "(V)", f"({OHM})", "(V)")
ELLIPSES = (1.0, 2.0)  # radii in standard deviations
DPI = 110


def loops(v: Validation) -> "Figure":
    """Draw measured loops beside generated ones, and their distance point by point."""
    figure = _figure(9.0, 3.4)
    left, middle, right = figure.subplots(1, 3)
    u = v.curves["loop_u"]
    for axes, name, colour in ((left, "measured", MEASURED), (middle, "generated", GENERATED)):
        for row in v.curves[f"loops_{name}"]:
            axes.plot(u, 1e6 * row, color=colour, linewidth=0.4, alpha=0.35, rasterized=True)
        axes.set(title=name, xlabel="Voltage U (V)", ylabel=f"Current I ({MICRO}A)")
    middle.sharey(left)
    order = _branches(u)
    for part, style, label in order:
        right.plot(u[part], 1e6 * v.curves["loop_distance"][part], style, color=GENERATED, label=label)
        right.plot(u[part], 1e6 * v.curves["loop_floor"][part], style, color=FAINT)
    right.plot([], [], color=FAINT, label="floor: measured halves")
    right.set(title="distance, point by point", xlabel="Voltage U (V)", ylabel=f"Distance of currents ({MICRO}A)")
    right.legend(loc="upper left")
    right.set_ylim(0, 1.35 * 1e6 * max(v.curves["loop_distance"].max(), v.curves["loop_floor"].max()))
    return figure


def _branches(u: AnyArray) -> list[tuple[slice, str, str]]:
    low, high = int(np.argmin(u)), int(np.argmax(u))
    return [
        (slice(0, low + 1), "-", "to the lowest voltage"),
        (slice(low, high + 1), "--", "to the highest"),
        (slice(high, None), ":", "back to 0"),
    ]


def markers(v: Validation) -> "Figure":
    """Draw measured loops with the features that were found in them."""
    found = {name.removeprefix(MARKED): value for name, value in v.curves.items() if name.startswith(MARKED)}
    return draw(MarkedLoops.from_arrays(found))


def series(v: Validation) -> "Figure":
    """Draw the features of one measured device beside those of a generated one, cycle by cycle."""
    figure = _figure(9.0, 6.0)
    features = _measured(v)
    grid = figure.subplots(len(features), 2, sharex=True, sharey="row", squeeze=False)
    titles = (f"measured, device {literal(str(v.curves['series_labels'][0]))}", "generated")
    for column, (name, colour, title) in enumerate(
        (("measured", MEASURED, titles[0]), ("generated", GENERATED, titles[1]))
    ):
        y = v.curves[f"series_{name}"][0]
        for row, f in enumerate(features):
            axes = grid[row, column]
            axes.plot(np.arange(len(y)), y[:, f], ".-", color=colour, markersize=2.5, linewidth=0.3)
            axes.set_ylabel(f"{SYMBOLS[f]} {UNITS[f]}" if column == 0 else "")
        grid[0, column].set_title(title)
        grid[-1, column].set_xlabel("Cycle")
    return figure


def marginals(v: Validation) -> "Figure":
    """Draw the density of each standardised feature, and its quantiles against the measured ones."""
    features = _measured(v)
    figure = _figure(9.0, 4.6)
    grid = figure.subplots(2, len(features), squeeze=False)
    for column, f in enumerate(features):
        levels, mine, its = v.curves[f"qq_{f}"]
        low, high = v.curves[f"qq_band_{f}"]
        density, qq = grid[:, column]
        for values, colour, label in ((mine, MEASURED, "measured"), (its, GENERATED, "generated")):
            inner = slice(2, -2, 4)
            x, p = values[inner], levels[inner]
            step = np.maximum(np.diff(x), 1e-9)
            density.plot((x[1:] + x[:-1]) / 2, np.diff(p) / step, color=colour, label=label)
        density.set(title=SYMBOLS[f], xlabel="Standard deviations", ylim=(0, None))
        qq.axline((0, 0), slope=1, color=DARK, linewidth=0.6)
        qq.fill_betweenx(its, low, high, color=MEASURED, alpha=0.2, linewidth=0, label="95 % of measured")
        qq.plot(mine, its, ".", color=GENERATED, markersize=3)
        qq.set(xlabel="Measured quantile")
    grid[0, 0].set_ylabel("Density")
    grid[1, 0].set_ylabel("Generated quantile")
    grid[0, 0].legend(loc="upper left", handlelength=1)
    return figure


def correlations(v: Validation, kind: str = "x") -> "Figure":
    """Draw auto- and cross-correlations, with the band of the measurement.

    Parameters
    ----------
    v : Validation
    kind : {"x", "z"}
        Of normal scores, or of the standardised features themselves.

    Returns
    -------
    matplotlib.figure.Figure
    """
    mine, its, one = (v.curves[f"{kind}_{k}"] for k in ("measured", "generated", "order_1"))
    low, high = v.curves[f"{kind}_band"]
    features, m = _measured(v), mine.shape[1]
    figure = _figure(9.0, max(1.8 * m, 2.6))
    grid = figure.subplots(m, m, sharex=True, squeeze=False)
    k = np.arange(1, len(mine))
    for a in range(m):
        for b in range(m):
            axes = grid[a, b]
            axes.axhline(0, color=DARK, linewidth=0.4)
            axes.fill_between(k, low[1:, a, b], high[1:, a, b], color=MEASURED, alpha=0.3, linewidth=0)
            axes.plot(k, one[1:, a, b], color=FAINT, label="order 1")
            axes.plot(k, mine[1:, a, b], color=MEASURED, label="measured, with 95 % band")
            axes.plot(k, its[1:, a, b], color=GENERATED, label="generated")
            if len(k) > 20:
                axes.set_xscale("log")
            axes.text(
                0.96,
                0.92,
                f"{SYMBOLS[features[a]]} after {SYMBOLS[features[b]]}",
                transform=axes.transAxes,
                ha="right",
                va="top",
                fontsize=7,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
            )
        grid[a, 0].set_ylabel("Correlation")
    for axes in grid[-1]:
        axes.set_xlabel("Lag (cycles)")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def devices(v: Validation) -> "Figure":
    """Draw mu and sigma of each device, with the ellipses of the population's components."""
    features = _measured(v)
    figure = _figure(9.0, 4.6 if len(features) > 2 else 2.6)
    rows = 2 if len(features) > 2 else 1
    grid = np.ravel(figure.subplots(rows, 3 if rows == 2 else len(features)))
    pairs = [(f, FEATURES + f) for f in features]
    if len(features) == FEATURES:
        pairs += [(0, 2), (1, 3)]
    log = v.params.population.sigma_scale == "log"
    for axes, (a, b) in zip(grid, pairs, strict=False):
        for name, colour, marker in (("generated", GENERATED, "x"), ("measured", MEASURED, ".")):
            points = v.curves[f"vectors_{name}"]
            axes.plot(points[:, a], points[:, b], marker, color=colour, markersize=4, alpha=0.7, label=name)
        out = v.curves["outlying"]
        points = v.curves["vectors_measured"][out]
        axes.plot(points[:, a], points[:, b], "o", color=DARK, markersize=7, fillstyle="none", label="outlying")
        for k in range(v.params.population.n_components):
            _ellipses(axes, v.params.population, k, a, b, log)
        axes.set(xlabel=_trait(a), ylabel=_trait(b))
        axes.margins(0.1)
    for unused in grid[len(pairs) :]:
        unused.remove()
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _trait(index: int) -> str:
    f = index % FEATURES
    part = "mean" if index < FEATURES else "deviation"
    return f"{part} of {SYMBOLS[f]} {UNITS[f]}"


def _ellipses(axes: "Axes", population: Population, k: int, a: int, b: int, log: bool) -> None:
    """Draw outlines of a component, the heavier the thicker; sigma is brought back from its logarithm."""
    factor = population.cholesky[k]
    covariance = (factor @ factor.T)[np.ix_((a, b), (a, b))]
    t = np.linspace(0, 2 * np.pi, 121)
    circle = np.linalg.cholesky(covariance) @ np.array([np.cos(t), np.sin(t)])
    for size in ELLIPSES:
        x, y = population.means[k][[a, b], None] + size * circle
        x, y = (np.exp(w) if log and i >= FEATURES else w for w, i in ((x, a), (y, b)))
        weight = float(population.weights[k])
        axes.plot(
            x,
            y,
            color=DARK,
            linewidth=0.6 + 1.2 * weight,
            alpha=0.8,
            label="population" if k == 0 and size == ELLIPSES[0] else "_",
        )


def spread(v: Validation) -> "Figure":
    """Draw lag-1 correlation and skewness of each device: measured devices, and devices that share one model."""
    names = [name.removeprefix("spread_") for name in v.curves if name.startswith("spread_")]
    columns = max((len(names) + 1) // 2, 1)
    figure = _figure(9.0, 4.6)
    grid = figure.subplots(2, columns, squeeze=False)
    for number, name in enumerate(names):
        axes = grid[number % 2, number // 2]
        for values, colour, label in zip(
            v.curves[f"spread_{name}"], (MEASURED, GENERATED), ("measured", "one shared law"), strict=True
        ):
            axes.plot(values, (np.arange(len(values)) + 0.5) / len(values), color=colour, label=label)
        axes.axhspan(0.1, 0.9, color=FAINT, alpha=0.15, linewidth=0)
        what, _, feature = name.partition(" of ")
        symbol = SYMBOLS[("r_hrs", "u_set", "r_lrs", "u_reset").index(feature)]
        axes.set_xlabel(f"{what}, {symbol}")
        if number < 2:
            axes.set_ylabel("Share of devices")
        poor = v[f"spread of {name}"].grade == "poor"
        axes.set_title(f"{v[f'spread of {name}'].generated:.2g} x as wide" + (": too wide" if poor else ""))
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def residuals(v: Validation) -> "Figure":
    """Draw the autocorrelations that prediction errors keep, with the limit for the largest of them."""
    figure = _figure(6.0, 2.8)
    axes = figure.subplots()
    rest, limit = v.curves["residual_correlations"], float(v.curves["residuals"][1])
    k = np.arange(1, len(rest))
    for a, f in enumerate(_measured(v)):
        axes.plot(k + 0.12 * (a - 1.5), rest[1:, a, a], "o", markersize=3.5, color=OKABE_ITO[a], label=SYMBOLS[f])
    for a in range(rest.shape[1]):
        for b in range(rest.shape[1]):
            if a != b:
                axes.plot(k, rest[1:, a, b], ".", markersize=2, color=FAINT, label="_")
    axes.axhspan(-limit, limit, color=MEASURED, alpha=0.12, linewidth=0)
    axes.axhline(0, color=DARK, linewidth=0.4)
    axes.set(xlabel="Lag (cycles)", ylabel="Correlation of errors")
    axes.legend(loc="upper right", ncols=4)
    return figure


def fluctuation(v: Validation) -> "Figure":
    """Draw how the spread of ln G grows with time, how sd/G differs between cells, and the spectrum, by level."""
    names = [str(name) for name in v.curves["reads_groups"]]
    figure = _figure(9.0, 0.4 + 2.6 * len(names))
    grid = figure.subplots(len(names), 3, squeeze=False)
    for k, (name, (growth, sd, spectrum)) in enumerate(zip(names, grid, strict=True)):
        for kind, colour in (("measured", MEASURED), ("generated", GENERATED)):
            t, spread = v.curves[f"reads_growth_{kind}_{k}"]
            growth.plot(t, spread, "o-" if kind == "measured" else "-", color=colour, markersize=3, label=kind)
            values = v.curves[f"reads_sd_{kind}_{k}"]
            sd.plot(values, (np.arange(len(values)) + 0.5) / len(values), color=colour)
            spectrum.plot(*v.curves[f"reads_spectrum_{kind}_{k}"], color=colour)
        growth.set(xscale="log", yscale="log", ylabel=f"{literal(name)}\nRobust sd of ln(G/G$_0$)")
        sd.set(xscale="log", ylabel="Share of cells")
        spectrum.set(xscale="log", yscale="log", ylabel="Power of ln G (1/Hz)")
    for axes, label in zip(
        grid[-1], ("Time after the first read (s)", "sd/G of all reads", "Frequency (Hz)"), strict=True
    ):
        axes.set_xlabel(label)
    grid[0, 0].legend(loc="upper left")
    return figure


def moves(v: Validation) -> "Figure":
    """Draw how far cells have moved at the last of a few reads, by conductance and temperature."""
    g, kelvin, measured, generated = v.curves["moves"].T
    figure = _figure(6.0, 3.4)
    axes = figure.subplots()
    known = np.where(np.isfinite(kelvin), kelvin, 0.0)
    for k, heat in enumerate(np.unique(known)):
        rows = np.flatnonzero(known == heat)
        rows = rows[np.argsort(g[rows])]
        label = f"{heat:.0f} K" if heat else "no temperature"
        colour = OKABE_ITO[k % len(OKABE_ITO)]
        axes.plot(1e6 * g[rows], measured[rows], "o", color=colour, markersize=4, label=f"{label}, measured")
        axes.plot(1e6 * g[rows], generated[rows], "-", color=colour, label=f"{label}, generated")
    axes.set(xlabel=f"Conductance at the first read ({MICRO}S)", ylabel="Robust sd of ln(G/G$_0$)", yscale="log")
    axes.legend(fontsize=7)
    return figure


def draw_figure(v: Validation, name: str) -> "Figure":
    """Draw one of `FIGURES`, in the style of the package.

    Parameters
    ----------
    v : Validation
    name : str
        A key of `FIGURES` for which `has_figure` is True.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with require("matplotlib", "plot").rc_context(STYLE):
        return FIGURES[name][2](v)


def has_figure(v: Validation, name: str) -> bool:
    """Return whether a validation holds what a figure needs.

    Parameters
    ----------
    v : Validation
    name : str
        A key of `FIGURES`.

    Returns
    -------
    bool
    """
    return FIGURES[name][0] in v.curves or any(key.startswith(FIGURES[name][0]) for key in v.curves)


FIGURES: dict[str, tuple[str, str, "Callable[[Validation], Figure]"]] = {
    "loops": (
        "loop_u",
        "I-V loops, measured beside generated. Right: how far the currents of the two are apart at each voltage, beside"
        " the distance of one half of the measured loops from the other.",
        loops,
    ),
    "markers": (
        MARKED,
        "What was found where in measured loops: the voltages of SET and RESET (triangles), the curves that resistances"
        " come from, and the resistances at the read voltage (dots). The HRS that a cycle begins with (blue dot) is"
        " that of the branch before; if the blue curve misses it, the HRS has changed in between.",
        markers,
    ),
    "series": (
        "series_measured",
        "Features of successive cycles of one device. Look for the same kind of unrest.",
        series,
    ),
    "marginals": (
        "qq_",
        "Distribution of each feature about the mean of its device, in standard deviations. Bottom: generated against"
        " measured quantiles; on the line, the two distributions are the same.",
        marginals,
    ),
    "correlations": (
        "x_band",
        "Memory: correlation of a feature with another (or itself) some cycles before. On the diagonal, how long a"
        " feature remembers itself. The orange line should lie in the blue band.",
        correlations,
    ),
    "linear": (
        "z_band",
        "The same for the features as they are, not transformed to normal scores.",
        functools.partial(correlations, kind="z"),
    ),
    "devices": (
        "vectors_measured",
        "Devices: mean and standard deviation of each, measured and generated, with the ellipses (1 and 2 standard"
        " deviations) of the components of the population. Circled devices lie far from the others.",
        devices,
    ),
    "spread": (
        "spread_",
        "Does each device have its own memory and its own shape of distribution? Each line shows how a trait varies"
        " from device to device. If the measured line is flatter than the generated one, devices differ by more than"
        " chance, and one law for all is not enough.",
        spread,
    ),
    "residuals": (
        "residual_correlations",
        "What is left after each cycle was predicted from those before: correlations of the errors, which should lie in"
        " the shaded band. Grey: pairs of different features.",
        residuals,
    ),
    "fluctuation": (
        "reads_groups",
        "Repeated reads: how far cells have moved since the first read, how much single cells fluctuate, and the median"
        " spectrum. Each row is a level.",
        fluctuation,
    ),
    "moves": (
        "moves",
        "Few reads, as before and after a bake: spread of ln(G/G_0) at the last one, measured beside generated.",
        moves,
    ),
}


def _measured(v: Validation) -> list[int]:
    """Return the features that were measured."""
    return [int(f) for f in v.curves["measured_features"]]


def _figure(width: float, height: float) -> "Figure":
    figure: Figure = require("matplotlib.figure", "plot").Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    return figure
