"""Claim: updates scale with threads, fused voltages and smaller histories; voltages on few cells cost little.

An update is one applied voltage on one cell; voltages alternate, -1.5 V and +1.5 V. Two tables:
  - updates per second for 1 and 2 threads, and for 1, 8 and 64 voltages fused into one `apply_voltages`, and for the
    histories VAR(10), compact(8) and compact(4). Ratios are to VAR(10), one thread, one voltage a call.
  - a cycle on 1/16 of all cells, chosen in several ways, and on single cells, as ratios to a cycle on all cells. Ideal
    would be 1/16, and 1/cells.
Each time is the mean over a multiple of 10 cycles, in which each cell of a VAR(10) renews its history once. Arrays and
ways take turns. Cells on which voltages fell now and then are out of step with the others later: each way has its own
array.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import synaptogen as sg
from _timing import CYCLES, introduce, mean_seconds, parser, positive, ratios, rounds, side, summary, table, write_json

PULSES = (-1.5, 1.5)
FUSED = (1, 8, 64)
SHARE = 16
SINGLE = 100  # cells

# ---- threads, fused voltages, histories


class Setting(NamedTuple):
    """One way to update all cells."""

    history: str
    threads: int
    fused: int

    def __str__(self) -> str:
        return f"{self.history}, {self.threads} thread(s), {self.fused} fused"


def histories() -> dict[str, sg.DeviceParams]:
    """Parameter sets with several kinds of history."""
    params = sg.DeviceParams.preset("hennen2024")
    return {"VAR(10)": params.with_order(10), "compact(8)": params.compact(8), "compact(4)": params.compact(4)}


def new_array(cells: int, threads: int, params: sg.DeviceParams | str = "hennen2024") -> sg.CellArray:
    """An array whose cells have their past."""
    array = sg.CellArray((side(cells), side(cells)), params, rng=1, threads=threads)
    array.apply_voltages(PULSES)
    return array


def updates_per_second(array: sg.CellArray, fused: int) -> float:
    """Millions of updates a second over a stretch of whole turns of the ring."""
    if fused == 1:
        calls, pulses = [partial(array.apply_voltage, u) for u in PULSES], len(PULSES)
    else:
        calls, pulses = [partial(array.apply_voltages, np.tile(PULSES, fused // 2))], fused
    stretch = int(np.lcm(pulses, 2 * CYCLES))
    taken = mean_seconds(lambda: [call() for call in calls], stretch // pulses)
    return array.size * pulses / taken / 1e6


def measure_updates(cells: int, threads: list[int], repeats: int) -> list[dict[str, Any]]:
    """Updates per second in all settings."""
    params = histories()
    arrays = {
        (history, workers): new_array(cells, workers, params[history]) for history in params for workers in threads
    }
    settings = [Setting(*which) for which in product(params, threads, FUSED)]
    results = rounds(
        {str(s): partial(updates_per_second, arrays[s.history, s.threads], s.fused) for s in settings}, repeats
    )
    first = results[str(settings[0])]
    return [
        setting._asdict() | {"million_updates_per_second": summary(values), "ratio": ratios(values, first)}
        for setting, values in zip(settings, results.values(), strict=True)
    ]


def show_updates(entries: list[dict[str, Any]]) -> None:
    """Print a line for each history and number of threads."""
    print("\nMillion updates per second, and ratio to the first")
    rows = []
    for begin in range(0, len(entries), len(FUSED)):
        line = entries[begin : begin + len(FUSED)]
        rows.append([line[0]["history"], line[0]["threads"]])
        for entry in line:
            rows[-1] += [entry["million_updates_per_second"].median, entry["ratio"]]
    headers = ["history", "threads", *(text for k in FUSED for text in (f"{k} fused", "ratio (low-high)"))]
    print(table(headers, rows), flush=True)


# ---- few cells


Apply = Callable[[float], None]


def block(array: sg.CellArray) -> NDArray[np.bool_]:
    """A mask of the first rows."""
    mask = np.zeros(array.shape, bool)
    mask[: len(array) // SHARE] = True
    return mask


def scattered(array: sg.CellArray) -> NDArray[np.bool_]:
    """A mask of random cells."""
    return np.random.default_rng(2).random(array.shape) < 1 / SHARE


def masked(array: sg.CellArray, mask: NDArray[np.bool_]) -> Apply:
    """Voltages where a mask holds."""
    return lambda u: array.apply_voltage(u, where=mask)


def single_cells(array: sg.CellArray) -> Apply:
    """Voltages on one cell after another, each indexed anew."""
    places = np.random.default_rng(3).integers(len(array), size=(SINGLE, 2)).tolist()

    def apply(u: float) -> None:
        for row, column in places:
            array[row, column].apply_voltage(u)

    return apply


WAYS: dict[str, tuple[Callable[[sg.CellArray], Apply], int]] = {  # how voltages are applied, and calls in that
    "all cells": (lambda array: array.apply_voltage, 1),
    "1/16, where= a block of rows": (lambda array: masked(array, block(array)), 1),
    "1/16, where= random cells": (lambda array: masked(array, scattered(array)), 1),
    "1/16, view of a block of rows": (lambda array: array[: len(array) // SHARE].apply_voltage, 1),
    "1/16, the view made anew": (lambda array: lambda u: array[: len(array) // SHARE].apply_voltage(u), 1),
    "1/16, view of random cells": (lambda array: array[scattered(array)].apply_voltage, 1),
    "one cell, the view made anew": (single_cells, SINGLE),
}


def cycle_seconds(apply: Apply, calls: int) -> float:
    """Seconds of a cycle by calls of a function."""
    return mean_seconds(lambda: list(map(apply, PULSES)), CYCLES) / calls


def measure_ways(cells: int, repeats: int) -> list[dict[str, Any]]:
    """Seconds of a cycle on some cells, one thread."""
    tasks = {}
    for name, (way, calls) in WAYS.items():
        tasks[name] = partial(cycle_seconds, way(new_array(cells, 1)), calls)
    results = rounds(tasks, repeats)
    whole = results["all cells"]
    return [
        {"way": name, "seconds": summary(values), "ratio": ratios(values, whole)} for name, values in results.items()
    ]


def show_ways(entries: list[dict[str, Any]]) -> None:
    """Print a line for each way."""
    print(f"\nA cycle on some cells, one thread, VAR(10), as ratio to all cells (1/{SHARE} = {1 / SHARE:.4f})")
    rows = [[e["way"], e["seconds"].median * 1e6, e["ratio"]] for e in entries]
    print(table(["way", "microseconds", "ratio (low-high)"], rows), flush=True)


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=2**22, help="(default: 2^22)")
    options.add_argument("--threads", type=positive, nargs="+", default=[1, 2], help="(default: 1 2)")
    given = options.parse_args()
    about = introduce(f"Scaling of updates, {given.cells} cells")
    updates = measure_updates(given.cells, given.threads, given.repeats)
    show_updates(updates)
    ways = measure_ways(given.cells, given.repeats)
    show_ways(ways)
    write_json(given.json, about, {"cells": given.cells, "updates": updates, "some_cells": ways})


if __name__ == "__main__":
    main()
