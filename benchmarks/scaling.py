"""Claim: updates scale with threads, fused voltages and smaller histories; voltages on few cells cost little.

An update is one applied voltage on one cell; voltages alternate, -1.5 V and +1.5 V. Three tables:
  - updates per second for 1 and 2 threads, and for 1, 8 and 64 voltages fused into one `apply_voltages`, and for the
    histories VAR(10), compact(8) and compact(4). Ratios are to VAR(10), one thread, one voltage a call.
  - a cycle on 1/16 of all cells, chosen in several ways, and on single cells, as ratios to a cycle on all cells. Ideal
    would be 1/16, and 1/cells.
Each time is the mean over a multiple of 10 cycles, for VAR(10) renews its history in every tenth. Arrays and ways take
turns. Cells on which voltages fell now and then are out of step with the others later: each way has its own array.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np

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
    """Updates per second in all settings; one history after the other, or memory would not suffice."""
    found: dict[Setting, list[float]] = {}
    for history, params in histories().items():
        arrays = {workers: new_array(cells, workers, params) for workers in threads}
        settings = [Setting(history, workers, fused) for workers, fused in product(threads, FUSED)]
        tasks = {str(s): partial(updates_per_second, arrays[s.threads], s.fused) for s in settings}
        results = rounds(tasks, repeats)
        found.update({setting: results[str(setting)] for setting in settings})
    first = next(iter(found.values()))
    return [
        setting._asdict() | {"million_updates_per_second": summary(values), "ratio": ratios(values, first)}
        for setting, values in found.items()
    ]
