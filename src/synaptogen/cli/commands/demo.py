"""``synaptogen demo``: a million cells in half a minute, with pictures."""

import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from synaptogen._utils import require
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, Threads, shape_of, shape_text
from synaptogen.cli.output import Steps, out, print_json, say, steps
from synaptogen.cli.rates import READ, RESET, Rate, array_tasks, measure, rate_table
from synaptogen.plot import conductance_map, feature_distributions, feature_traces, iv_grid, product_scatter
from synaptogen.state import Features

SHOWN = ("cycle", "set", "random", "read", "product")
WATCHED = 16  # cells whose I-V cycles are recorded
LOOPS, PART = 1000, 50  # I-V cycles of each, and how many of them a call
LOWEST, HIGHEST, POINT = -1.5, 1.5, 0.015  # V, of the I-V sweep and between its points


class Loops(NamedTuple):
    """I-V cycles of a few cells."""

    waveform: NDArray[np.float64]
    currents: NDArray[np.float32]
    features: Features
    rate: Rate


def demo(
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for figures; those of an earlier run are replaced.")
    ] = Path("synaptogen-demo"),
    cells: Annotated[str, typer.Option("--cells", metavar="ROWSxCOLUMNS", help="Shape of the array.")] = "1024x1024",
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits.")] = 42,
    threads: Threads = None,
    as_json: JSON = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Only the table.")] = False,
) -> None:
    """Cycle, SET, pulse, read and multiply a million cells, then record 1,000 I-V cycles of 16 of them.

    Each step is done six times, so that its rate can be told: once to warm up, then for the median of five. Figures
    need matplotlib; without it there is the table.
    """
    shape = shape_of(cells, axes=2)
    array = CellArray(shape, rng=rng, threads=threads)
    lacking = None if no_figures else _lacking()
    drawing = not no_figures and lacking is None
    if drawing:
        folder.mkdir(parents=True, exist_ok=True)
    with steps() as shown:
        tasks = {task.key: task for task in array_tasks(array, rng)}
        rates = [measure(tasks[key], shown) for key in SHOWN]
        figures = _array_figures(array, rng)
        loops = record_loops(array[np.unravel_index(np.arange(min(WATCHED, array.size)), shape)], shown)
        files = _draw({**figures, **_loop_figures(loops)}, folder, shown) if drawing else []
    _report(array, [*rates, loops.rate], files, as_json)
    if lacking is not None:
        say(f"No figures: {lacking}")


def _lacking() -> str | None:
    """What to install for figures."""
    try:
        require("matplotlib", "plot")
    except ModuleNotFoundError as missing:
        return str(missing)
    return None


def waveform() -> NDArray[np.float64]:
    """One I-V cycle in V: from 0 to the lowest voltage, to the highest, and back to 0."""
    corners = (0.0, LOWEST, HIGHEST, 0.0)
    legs = [
        np.linspace(begin, end, round(abs(end - begin) / POINT), endpoint=False) for begin, end in pairwise(corners)
    ]
    return np.concatenate(legs)


def record_loops(cells: CellArray, shown: Steps) -> Loops:
    """I-V cycles of some cells, and the features that these cycles have."""
    cells.apply_voltage(RESET)  # each loop is whole: it begins in HRS
    features = _features(cells, LOOPS)
    advance = shown.begin(f"{LOOPS:,} I-V cycles of {cells.size} cells", LOOPS // PART)
    one = waveform()
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
    """Features of the running cycle and of those that follow."""
    pairs = zip(cells.features, cells.upcoming(count - 1), strict=True)
    return Features(*(np.concatenate([now[None], later]) for now, later in pairs))


def _array_figures(cells: CellArray, rng: int) -> dict[str, Callable[[], Any]]:
    """Figures of the array as it is now."""
    v = np.random.default_rng(rng).uniform(-READ, READ, cells.shape[1])
    g, ideal, noisy = cells.conductance(), cells.product(v, bandwidth=0), cells @ v
    return {
        "conductance_map": lambda: conductance_map(g),
        "product": lambda: product_scatter(ideal, noisy),
    }


def _loop_figures(loops: Loops) -> dict[str, Callable[[], Any]]:
    return {
        "iv_grid": lambda: iv_grid(loops.waveform, loops.currents),
        "feature_traces": lambda: feature_traces(loops.features),
        "feature_distributions": lambda: feature_distributions(loops.features),
    }


def _draw(figures: dict[str, Callable[[], Any]], folder: Path, shown: Steps) -> list[str]:
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
    out.print(rate_table(f"{shape_text(cells.shape)} cells, seed {cells.seed}", rates))
    out.print(repr(cells), markup=False)
    for file in files:
        out.print(file, markup=False, soft_wrap=True)
