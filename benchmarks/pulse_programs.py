"""Claim: programs of pulses of any width end in circuit simulators where they end in Python.

Random programs of one to seven pulses, 0.3 to 1.8 V of either sign, widths and gaps from 0.1 ns to 1 ms, edges from a
thousandth of the width to three times the width, triangles, any largest step, on four cells of kind tape at their
default settings. Printed for each simulator: runs that failed, runs in which a cell ended in another mode or cycle or
with another r (by more than 1e-4) than in Python, the largest difference of r, and time points. Seeds of what went
wrong are printed, so that it can be run again (--first). With --ohms each cell is behind a resistor, where Python is
`sweep_behind_resistor`; there r is compared to 1e-3, for a RESET that nearly runs away comes to rest slowly.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import synaptogen as sg
from _timing import introduce, parser, positive, summary, table, write_json
from synaptogen.circuit.load_line import sweep_behind_resistor
from synaptogen.circuit.netlists import array_circuit, simulate, sweep_bench
from synaptogen.circuit.simulators import SimulationError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "circuit"))
from test_numerics import pulse_program  # the programs are those of the tests

TOLERANCE = 1e-4  # of r
BEHIND = 1e-3  # of r, behind a resistor
RAMP = 40  # voltages on the way up, of the quasi-static cell


class Outcome(NamedTuple):
    """What became of one program: time points, largest difference of r, cells that are not Python's."""

    points: int
    difference: float
    wrong: int


def in_python(cells: sg.CellArray, heights: list[float], ohms: float) -> Any:
    """Modes, cycles begun and mixing states after pulses."""
    if not ohms:
        cells.apply_voltages(heights)
        return cells.mode, cells.cycle, cells.r
    ramp = np.concatenate([np.append(np.linspace(0.0, u, RAMP), 0.0) for u in heights])
    lines = [sweep_behind_resistor(cell, ramp, ohms) for cell in cells]
    return np.array([(line.mode[-1], line.cycle[-1], line.r[-1]) for line in lines]).T


def run(seed: int, program: Any, ohms: float) -> Outcome | None:
    """Simulate the program of a seed, and compare; None if the simulator failed."""
    times, volts, heights, step = pulse_program(np.random.default_rng(seed))
    cells = sg.CellArray(4, rng=seed, engine="reference")
    expected_mode, expected_cycle, expected_r = in_python(cells.copy(), heights, ohms)
    circuit = array_circuit(cells, column_resistance=ohms)
    try:
        result = simulate(sweep_bench(circuit, times, volts, step=step), program, timeout=120.0)
    except SimulationError as error:
        print(f"seed {seed}, {program}: {error}")
        return None
    mode, cycle, r = (result.state[name][0] for name in ("mode_now", "cycles_done", "r_now"))
    apart = np.abs(r - expected_r)
    wrong = (mode != expected_mode) | (cycle != expected_cycle) | (apart > (BEHIND if ohms else TOLERANCE))
    if wrong.any():
        print(f"seed {seed}, {program}: {wrong.sum()} cells differ, r by up to {apart.max():.2g}")
    return Outcome(len(result.time), float(apart.max()), int(wrong.sum()))


def main() -> None:
    options = parser(__doc__, repeats=1)
    options.add_argument("--programs", type=positive, default=1000, help="how many (default: %(default)s)")
    options.add_argument("--first", type=int, default=0, help="seed of the first (default: %(default)s)")
    options.add_argument("--ohms", type=float, default=0.0, help="a resistor before each cell (default: none)")
    options.add_argument("--simulators", nargs="+", default=["ngspice", "vacask"])
    given = options.parse_args()
    about = introduce("Random programs of pulses in circuit simulators")
    entries = []
    for program in given.simulators:
        found = [run(seed, program, given.ohms) for seed in range(given.first, given.first + given.programs)]
        done = [outcome for outcome in found if outcome is not None]
        entries.append(
            {
                "simulator": program,
                "programs": len(found),
                "failed": len(found) - len(done),
                "wrong": sum(outcome.wrong > 0 for outcome in done),
                "largest difference of r": max(outcome.difference for outcome in done),
                "points": summary([outcome.points for outcome in done]),
            }
        )
    print(table(list(entries[0]), [list(entry.values()) for entry in entries]))
    write_json(given.json, about, entries)


if __name__ == "__main__":
    main()
