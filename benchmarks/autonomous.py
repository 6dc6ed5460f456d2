"""Claim: a cell that draws its own life in the simulator costs what a cell costs whose features come with the netlist.

Tables, of the same cells as tape cells and as autonomous cells:
  - a waveform of two cycles on a row of cells, and an operating point of a square array, where each cell is set up and
    evaluated a few times only: CPU seconds of the simulator, and the ratio to tape cells. The waveform tells what an
    evaluation costs, the operating point what drawing a device and its cycles adds to setting a cell up.
  - the length of a cell's line in the netlist, and the time to compile the cell.
And the largest difference between the final mixing states of both.
"""

import resource
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import synaptogen as sg
from _timing import figure, introduce, parser, positive, ratios, rounds, summary, table, write_json
from synaptogen.circuit import cell_model, compile_osdi
from synaptogen.circuit.netlists import Result, Testbench, array_circuit, export, read_bench, simulate, sweep_bench

KINDS = ("tape", "autonomous")
RAMP = 1e-2  # s
Cases = dict[str, Testbench]


def waveform(cycles: int) -> tuple[list[float], list[float]]:
    """SET and RESET by ramps."""
    volts = [0.0] + [-1.5, 0.0, 1.5, 0.0] * cycles
    return (np.arange(len(volts)) * RAMP).tolist(), volts


def cases(cells: int, side: int, cycles: int) -> dict[str, Cases]:
    """The testbenches of each case, for each kind of cell."""
    row, square = sg.CellArray(cells, rng=1), sg.CellArray((side, side), rng=1)
    times, volts = waveform(2)
    circuits = {
        kind: (array_circuit(row, kind, cycles=cycles, t_switch=1e-5), array_circuit(square, kind, cycles=cycles))
        for kind in KINDS
    }
    return {
        f"two cycles, {cells} cells": {
            k: sweep_bench(c, times, volts, step=RAMP / 100) for k, (c, _) in circuits.items()
        },
        f"operating point, {side} x {side}": {k: read_bench(c, [0.2] * side) for k, (_, c) in circuits.items()},
    }


def cpu_seconds(bench: Testbench, program: str, results: dict[str, Result], kind: str) -> float:
    """CPU time of the simulator in s."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    begin = spent()
    results[kind] = simulate(bench, program)
    return spent() - begin


def compare(name: str, benches: Cases, program: str, repeats: int) -> list[dict[str, Any]]:
    results: dict[str, Result] = {}
    tasks = {k: partial(cpu_seconds, b, program, results, k) for k, b in benches.items()}
    times = rounds(tasks, repeats)
    apart = None
    if "r_now" in results["tape"].state:
        apart = float(np.abs(results["tape"].state["r_now"] - results["autonomous"].state["r_now"]).max())
    return [
        {
            "case": name,
            "simulator": program,
            "cell": k,
            "s": summary(times[k]),
            "ratio": ratios(times[k], times["tape"]),
            "apart": apart,
        }
        for k in KINDS
    ]


def sizes(benches: Cases, cycles: int) -> list[dict[str, Any]]:
    """Bytes of a cell's line, and seconds to compile."""
    entries = []
    for kind, bench in benches.items():
        with tempfile.TemporaryDirectory() as folder:
            lines = export(bench, folder, "vacask", flat=True).read_text(encoding="utf-8").splitlines()
            line = next(line for line in lines if line.startswith("n0_0 "))
            begin = perf_counter()
            compile_osdi(cell_model(bench.array.model.params, kind, cycles=cycles), folder=Path(folder) / "new")
            entries.append({"cell": kind, "bytes": len(line), "compile": perf_counter() - begin})
    return entries


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=64, help="of the waveform (default: %(default)s)")
    options.add_argument("--side", type=positive, default=64, help="of the square array (default: %(default)s)")
    options.add_argument("--cycles", type=positive, default=8, help="that a cell can run through (default: 8)")
    options.add_argument("--simulators", nargs="+", default=["ngspice", "vacask"])
    given = options.parse_args()
    about = introduce("Autonomous cells in circuit simulators")
    entries = []
    every = cases(given.cells, given.side, given.cycles)
    for name, benches in every.items():
        for program in given.simulators:
            entries += compare(name, benches, program, given.repeats)
    rows = [[e["case"], e["simulator"], e["cell"], e["s"], e["ratio"]] for e in entries]
    print(table(["", "simulator", "cell", "CPU s", "ratio to tape"], rows))
    apart = max(e["apart"] for e in entries if e["apart"] is not None)
    print(f"\nLargest difference of final mixing states: {apart:.2g}\n")
    lines = sizes(next(reversed(every.values())), given.cycles)
    print(table(["cell", "bytes a line", "compile s"], [[e["cell"], e["bytes"], figure(e["compile"])] for e in lines]))
    write_json(given.json, about, {"times": entries, "sizes": lines})


if __name__ == "__main__":
    main()
