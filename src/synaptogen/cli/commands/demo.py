"""``synaptogen demo``: a million cells in half a minute, with pictures."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer

from synaptogen._utils import Float32Array, Float64Array, require
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, CrossbarShape, Threads, shape_of, shape_text
from synaptogen.cli.output import Steps, print_json, say, stdout, steps
from synaptogen.cli.rates import READ, RESET, Rate, array_tasks, measure, rate_table
from synaptogen.plot import conductance_map, feature_distributions, feature_traces, iv_grid, product_scatter
from synaptogen.state import Features

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("cycle", "set", "random", "read", "product")
WATCHED = 16  # cells whose I-V cycles are recorded
LOOPS, PART = 1000, 50  # I-V cycles of each, and how many of them a call
LOWEST, HIGHEST, POINT = -1.5, 1.5, 0.015  # V, of the I-V sweep and between its points


class Loops(NamedTuple):
    """I-V cycles of a few cells.

    Attributes
    ----------
    waveform : array of shape (T,)
        Voltages of one cycle in V.
    currents : array of shape (LOOPS, T, n_cells)
        Currents in A.
    features : Features
        Features of these cycles, each of shape (LOOPS, n_cells).
    rate : Rate
        Points per second.
    """

    waveform: Float64Array
    currents: Float32Array
    features: Features
    rate: Rate


def demo(
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for figures; those of an earlier run are replaced.")
    ] = Path("synaptogen-demo"),
    cells: CrossbarShape = "1024x1024",
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits.")] = 42,
    threads: Threads = None,
    as_json: JSON = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Only the table.")] = False,
) -> None:
    """Cycle, SET, pulse, read and multiply a million cells, then record 1,000 I-V cycles of 16 of them.

    Each step runs six times: once to warm up, then five times, of which the table shows the median. Figures
    need matplotlib; without it there is the table.
    \f

    Parameters
    ----------
    folder, no_figures : pathlib.Path, bool
        Folder of the figures, and whether to draw none.
    cells, rng, threads : str, int, int
        Shape, seed and threads of the array.
    as_json : bool
        Print JSON instead of a table.
    """
    shape = shape_of(cells, axes=2)
    array = CellArray(shape, rng=rng, threads=threads)
    remedy = None if no_figures else _remedy()
    drawing = not no_figures and remedy is None
    if drawing:
        folder.mkdir(parents=True, exist_ok=True)
    with steps() as shown:
        tasks = {task.key: task for task in array_tasks(array, rng)}
        rates = [measure(tasks[key], shown) for key in SHOWN]
        figures = _array_figures(array, rng)
        loops = record_loops(array[np.unravel_index(np.arange(min(WATCHED, array.size)), shape)], shown)
        files = _draw({**figures, **_loop_figures(loops)}, folder, shown) if drawing else []
    _report(array, [*rates, loops.rate], files, as_json)
    if remedy is not None:
        say(f"No figures: {remedy}")


def _remedy() -> str | None:
    """Return what to install for figures; None if it is installed."""
    try:
        require("matplotlib", "plot")
    except ModuleNotFoundError as missing:
        return str(missing)
    return None


def _waveform() -> Float64Array:
    """Return one I-V cycle in V: from 0 to the lowest voltage, to the highest, and back to 0."""
    corners = (0.0, LOWEST, HIGHEST, 0.0)
    legs = [
        np.linspace(begin, end, round(abs(end - begin) / POINT), endpoint=False) for begin, end in pairwise(corners)
    ]
    return np.concatenate(legs)


def record_loops(cells: CellArray, shown: Steps) -> Loops:
    """Record I-V cycles of some cells, and the features of these cycles.

    Parameters
    ----------
    cells : CellArray
        The cells, of one axis; they run through `LOOPS` cycles.
    shown : Steps
        Shows the progress.

    Returns
    -------
    Loops
        Voltages, currents, features and the rate.
    """
    cells.apply_voltage(RESET)  # each loop is whole: it begins in HRS
    features = _features(cells, LOOPS)
    advance = shown.begin(f"{LOOPS:,} I-V cycles of {cells.size} cells", LOOPS // PART)
    one = _waveform()
    parts, times = [], []
    for _ in range(LOOPS // PART):
        begin = time.perf_counter()
        parts.append(cells.sweep(np.tile(one, PART)))
        times.append(time.perf_counter() - begin)
        advance()
    currents = np.concatenate(parts).reshape(LOOPS, len(one), cells.size)
    rate = Rate("iv", f"I-V cycles of {cells.size} cells", "points", parts[0].size, statistics.median(times[1:]))
    return Loops(one, currents, features, rate)


def _features(cells: CellArray, count: int) -> Features:
    """Return the features of the running cycle and of those that follow."""
    pairs = zip(cells.features, cells.upcoming(count - 1), strict=True)
    return Features(*(np.concatenate([now[None], later]) for now, later in pairs))


def _array_figures(cells: CellArray, rng: int) -> dict[str, Callable[[], "Figure"]]:
    """Return functions that draw figures of the array, in the state in which it is now."""
    v = np.random.default_rng(rng).uniform(-READ, READ, cells.shape[1])
    g, ideal, noisy = cells.conductance(), cells.product(v, bandwidth=0), cells @ v
    return {
        "conductance_map": lambda: conductance_map(g),
        "product": lambda: product_scatter(ideal, noisy),
    }


def _loop_figures(loops: Loops) -> dict[str, Callable[[], "Figure"]]:
    return {
        "iv_grid": lambda: iv_grid(loops.waveform, loops.currents),
        "feature_traces": lambda: feature_traces(loops.features),
        "feature_distributions": lambda: feature_distributions(loops.features),
    }


def _draw(figures: dict[str, Callable[[], "Figure"]], folder: Path, shown: Steps) -> list[str]:
    advance = shown.begin("figures", len(figures))
    files = []
    for name, draw in figures.items():
        files.append(str(folder / f"{name}.png"))
        draw().savefig(files[-1])
        advance()
    return files


def _report(cells: CellArray, rates: list[Rate], files: list[str], as_json: bool) -> None:
    if as_json:
        content = {"cells": list(cells.shape), "seed": cells.seed, "array": repr(cells), "figures": files}
        print_json({**content, "rates": {rate.key: rate.as_json() for rate in rates}})
        return
    stdout.print(rate_table(f"{shape_text(cells.shape)} cells, seed {cells.seed}", rates))
    stdout.print(repr(cells), markup=False)
    for file in files:
        stdout.print(file, markup=False, soft_wrap=True)
