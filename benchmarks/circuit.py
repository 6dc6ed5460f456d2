"""Claim: large arrays of cells run in circuit simulators anyone can install, read and written, and give what Python
gives.

Tables:
  - reads and writes (V/3) of N x N arrays, with ideal wires and with 1 ohm per segment: seconds from array to result
    (netlist, simulation, reading back), of that the simulator's; its processor seconds, which other work on the machine
    lengthens less; its peak memory (where that is more than this script's own); how many cells switched, of these how
    many that are not to be written ("others"), and in how many cells or lines the result is not Python's ("wrong":
    another mode, or r off by more than 1e-4; currents off by more than 1e-6). Python is `CellArray.apply_voltage`,
    with `Wires` for lines with resistance: pulses whose edges are short against switching.
    "set row slow" has edges of 1 us in steps of 20 ns, and cells set one after the other, as by `apply_slowly`; where
    some share a step, a few differ.
  - how time and memory grow: exponents x of N^x from each size to the next.
  - the same 32 x 32 write with cells of an ODE-type memristor model (VTEAM: Kvatinsky et al., IEEE Trans. Circuits
    Syst. II 62, 786 (2015)) in place of ours, in the same simulator; times are ratios to VTEAM. The full cell runs
    with the same tolerances; the pulse cell with those of its own, and backward Euler.
    On edges of 10 ns the full cells set one after the other, each with steps of its own; on 0.1 ns together.
Each case of the first table runs in a process of its own, one after the other.
"""

import json
import math
import resource
import subprocess
import sys
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

import synaptogen as sg
from _timing import introduce, parser, positive, ratios, rounds, seconds, shown, summary, table, write_json
from synaptogen.circuit import CellModel, compile_osdi
from synaptogen.circuit.netlists import (
    ArrayCircuit,
    Result,
    Testbench,
    array_circuit,
    read_bench,
    selected,
    simulate,
    write_bench,
)
from synaptogen.circuit.simulators import Simulator
from synaptogen.crossbar import Wires, apply_slowly, solve

CASES = ("read", "set cell", "set row", "set row slow", "reset cell", "reset row")
EDGES = (1e-8, 1e-10)  # s, of the comparison with VTEAM
VOLTS = {"set": -1.5, "reset": 1.4}  # V; the RESET is a partial one

# ---- one case


def new_cells(n: int, task: str) -> sg.CellArray:
    """Cells that have cycled once, for a read half of them set, for a RESET those of the row in the middle."""
    cells = sg.CellArray((n, n), rng=1)
    cells.apply_voltages([-2.0, 2.0])
    if task.startswith("reset"):
        cells[n // 2].apply_voltage(-2.0)
    if task == "read":
        cells.apply_voltage(-2.0, where=np.random.default_rng(2).random((n, n)) < 0.5)
    return cells


def make_bench(cells: sg.CellArray, task: str, ohms: float) -> Testbench:
    n = len(cells)
    if task == "read":
        v = np.random.default_rng(3).uniform(0.1, 0.3, n)
        return read_bench(array_circuit(cells, "read", wire_resistance=ohms), v)
    array = array_circuit(cells, "pulse", wire_resistance=ohms)
    edge, step = (1e-6, 2e-8) if task.endswith("slow") else (None, None)
    return write_bench(array, n // 2, targets(task, n), VOLTS[task.split()[0]], edge=edge, step=step)


def targets(task: str, n: int) -> Any:
    """Columns that are written."""
    return np.arange(n) if "row" in task else n // 2


def line_volts(bench: Testbench) -> tuple[Any, Any]:
    """The largest voltages of rows and columns."""
    return tuple(np.array([max(w.volts, key=abs) for w in waves if w]) for waves in (bench.rows, bench.columns))


def wires(ohms: float) -> Wires:
    """The wires of an `ArrayCircuit`."""
    return Wires(ohms, ohms, bit_ends="top")


def wrong_lines(cells: sg.CellArray, bench: Testbench, result: Result, ohms: float) -> int:
    """Rows whose current is not Python's, to 1e-6."""
    rows, v = line_volts(bench)
    expected = solve(cells, wires(ohms), rows=rows, columns=v).row_currents
    return int(np.count_nonzero(np.abs(result.rows[0] / expected - 1.0) > 1e-6))


def expected_cells(before: sg.CellArray, task: str, ohms: float) -> sg.CellArray:
    """The cells as Python has them after the pulse."""
    kind, n = task.split()[0], len(before)
    expected = before.copy()
    u = selected(before.shape, n // 2, targets(task, n), VOLTS[kind], "V/3")
    if not ohms:
        expected.apply_voltage(u)
    elif not task.endswith("slow"):
        expected.apply_voltage(u, wires=wires(ohms))
    else:
        apply_slowly(expected, u, wires(ohms))
    return expected


def run_case(task: str, n: int, ohms: float, program: str, timeout: float) -> dict[str, Any]:
    """Simulate one case in this process, and look at the result."""
    spent = [0.0]
    run = Simulator.run

    def timed(self: Simulator, *arguments: Any, **options: Any) -> Any:
        begin = perf_counter()
        try:
            return run(self, *arguments, **options)
        finally:
            spent[0] = perf_counter() - begin

    Simulator.run = timed  # type: ignore[method-assign]
    cells = new_cells(n, task)
    before = cells.copy()
    compile_osdi(make_bench(cells[:1, :1], task, ohms).array.model)
    begin, compiling = perf_counter(), children()
    bench = make_bench(cells, task, ohms)
    result = simulate(bench, program, timeout=timeout)
    used = children()
    if task != "read":
        result.update(cells)
    entry = {
        "total": perf_counter() - begin,
        "simulator": spent[0],
        "processor": used[0] - compiling[0],
        "memory": used[1],
        "points": len(result.time),
    }
    return entry | outcome(before, cells, bench, result, task, ohms)


def children() -> tuple[float, float | None]:
    """Processor seconds of all child processes that have ended, and the peak memory of the largest in GiB.

    A child begins as a copy of this process: None where its peak is no larger than that.
    """
    usage, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    memory = usage.ru_maxrss / 2**20 if usage.ru_maxrss > 1.05 * own.ru_maxrss else None
    return usage.ru_utime + usage.ru_stime, memory


def outcome(
    before: sg.CellArray, after: sg.CellArray, bench: Testbench, result: Result, task: str, ohms: float
) -> dict[str, Any]:
    """How many cells switched, and how many did otherwise than in Python."""
    if task == "read":
        return {"wrong": wrong_lines(before, bench, result, ohms)}
    n, switched = len(before), before.r != after.r
    written = np.zeros_like(switched)
    written[n // 2, targets(task, n)] = True
    counts = {"switched": int(switched.sum()), "others": int((switched & ~written).sum())}
    expected = expected_cells(before, task, ohms)
    off = (expected.mode != after.mode) | (np.abs(expected.r - after.r) > 1e-4)
    return {**counts, "wrong": int(np.count_nonzero(off))}


def measure(n: int, ohms: float, programs: list[str], cases: list[str], timeout: float) -> list[dict[str, Any]]:
    entries = []
    for task in cases:
        for program in programs:
            command = [sys.executable, __file__, "--one", task, str(n), str(ohms), program, str(timeout)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            entry = {"task": task, "N": n, "ohm": ohms, "simulator_name": program}
            failed = done.stderr.strip().splitlines()
            entry |= json.loads(done.stdout) if done.returncode == 0 else {"failed": failed[-1] if failed else ""}
            entries.append(entry)
            print(line(entry), flush=True)
    return entries


def line(entry: dict[str, Any]) -> str:
    """An entry of the first table."""
    begin = f"{entry['task']:13} {entry['N']:5} {entry['ohm']:4g}  {entry['simulator_name']:8}"
    if "failed" in entry:
        return f"{begin} failed: {entry['failed']}"
    numbers = [entry.get(key) for key in COLUMNS.values()]
    return begin + "".join(f"{shown(number):>11}" for number in numbers)


def growth(entries: list[dict[str, Any]]) -> str:
    """Exponents x of N^x, of the processor seconds and the memory of the simulator."""
    rows = []
    series: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for entry in entries:
        if "failed" not in entry:
            series.setdefault((entry["task"], entry["ohm"], entry["simulator_name"]), []).append(entry)
    for key, sizes in series.items():
        for small, large in pairwise(sizes):
            step = math.log(large["N"] / small["N"])
            exponents = [
                math.log(large[name] / small[name]) / step if large[name] and small[name] else None
                for name in ("processor", "memory")
            ]
            rows.append([*key, f"{small['N']} -> {large['N']}", *exponents])
    return table(["", "ohm", "simulator", "N", "time", "memory"], rows)


COLUMNS = {
    "seconds": "total",
    "simulator": "simulator",
    "processor": "processor",
    "GiB": "memory",
    "points": "points",
    "switched": "switched",
    "others": "others",
    "wrong": "wrong",
}

# ---- against an ODE-type model

VTEAM = """\
`include "constants.vams"
`include "disciplines.vams"
// VTEAM with a normalised state s (0: R_on, 1: R_off) and windows that close at its ends
module vteam(p, n);
  inout p, n; electrical p, n; electrical s;
  (* type="instance" *) parameter real s_start = 1.0;
  (* type="instance" *) parameter real v_on = -0.65;
  (* type="instance" *) parameter real v_off = 0.7;
  (* desc="state" *) real r_now;
  real u, x, rate;
  analog begin
    u = V(p, n);
    x = V(s);
    rate = 0.0;
    if (u > v_off) rate = 3e7*pow(u/v_off - 1.0, 3.0)*(1.0 - exp(min((x - 1.0)/0.02, 40.0)));
    if (u < v_on) rate = -3e7*pow(u/v_on - 1.0, 3.0)*(1.0 - exp(min(-x/0.02, 40.0)));
    r_now = x;
    I(s) <+ 1e-9*ddt(V(s));
    if (analysis("static") || $abstime <= 0.0) I(s) <+ 1e-3*(V(s) - s_start);
    else I(s) <+ -1e-9*rate;
    I(p, n) <+ u/(4.3e3 + (1e5 - 4.3e3)*x);
  end
endmodule
"""


def vteam_array(cells: sg.CellArray, ohms: float) -> ArrayCircuit:
    """The same array with VTEAM cells, each with thresholds of its own."""
    model = CellModel(
        kind="tape",
        module="vteam",
        source=VTEAM,
        ports=("p", "n"),
        instance=("s_start", "v_on", "v_off"),
        settings=(),
        outputs=("r_now",),
        cycles=0,
        params=cells.params,
    )
    features = cells.features
    values = {"s_start": np.ones(cells.size), "v_on": features.u_set.ravel(), "v_off": features.u_reset.ravel()}
    values = {name: value.astype(float) for name, value in values.items()}
    return ArrayCircuit(shape=(len(cells), len(cells)), model=model, values=values, wire_resistance=ohms)


def compare(n: int, ohms: float, programs: list[str], repeats: int, edge: float) -> list[dict[str, Any]]:
    cells = new_cells(n, "set row")
    arrays = {
        "VTEAM": vteam_array(cells, ohms),
        "tape cell": array_circuit(cells, "tape", cycles=2, wire_resistance=ohms),
        "pulse cell": array_circuit(cells, "pulse", wire_resistance=ohms),
    }
    entries = []
    for program in programs:
        tasks = {
            name: partial(
                seconds, partial(simulate, write_bench(array, n // 2, np.arange(n), -1.5, edge=edge), program)
            )
            for name, array in arrays.items()
        }
        results = rounds(tasks, repeats)
        entries += [
            {"edge": edge, "simulator": program, "cell": name, "s": summary(v), "ratio": ratios(v, results["VTEAM"])}
            for name, v in results.items()
        ]
    print(f"\nRow SET of {n} x {n}, {ohms} ohm per segment, edges of {1e9 * edge:g} ns: seconds, and ratio to VTEAM")
    rows = [[e["simulator"], e["cell"], e["s"].median, e["ratio"]] for e in entries]
    print(table(["simulator", "cell", "s", "ratio (low-high)"], rows), flush=True)
    return entries


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        task, n, ohms, program, timeout = sys.argv[2:]
        print(json.dumps(run_case(task, int(n), float(ohms), program, float(timeout))))
        return
    options = parser(__doc__, repeats=3)
    options.add_argument("--sizes", type=positive, nargs="*", default=[64, 128, 256], help="N (default: 64 128 256)")
    options.add_argument("--ohms", type=float, nargs="+", default=[0.0, 1.0], help="per segment (default: 0 1)")
    options.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    options.add_argument("--simulators", nargs="+", default=["ngspice", "vacask"])
    options.add_argument("--timeout", type=float, default=1800.0, help="s a case may take (default: %(default)s)")
    options.add_argument("--no-compare", action="store_true", help="leave VTEAM out")
    given = options.parse_args()
    about = introduce("Arrays in circuit simulators")
    print(f"{'':13} {'N':>5} {'ohm':>4}  {'':8}" + "".join(f"{name:>11}" for name in COLUMNS))
    entries = []
    for n in given.sizes:
        for ohms in given.ohms:
            entries += measure(n, ohms, given.simulators, given.cases, given.timeout)
    if entries:
        print(f"\nGrowth with N, as exponents\n{growth(entries)}", flush=True)
    edges = () if given.no_compare else EDGES
    comparison = [entry for edge in edges for entry in compare(32, 1.0, given.simulators, given.repeats, edge)]
    write_json(given.json, about, {"arrays": entries, "comparison": comparison})


if __name__ == "__main__":
    main()
