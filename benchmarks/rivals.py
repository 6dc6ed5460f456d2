"""Claim: our cells take a tenth of the time, or less, of other compact models of ReRAM with variability.

Two published models, JART VCM v1b and Stanford-PKU, are written here from their equations (`_rivals_va`, with sources)
and take our cells' place in the same circuits, in the same simulator, with the same tolerance (reltol 1e-5), one after
the other in alternation. They keep the integration that suits them: second order, with steps ruled by the error of
truncation. Stanford-PKU comes twice: its random term drawn anew every ns, as published, and every 100 ns.

Cases: a loop of -1.5 and 1.6 V in 40 us on a row of cells, ideal wires; a row SET by one pulse of -1.5 V and 1 us, V/3,
1 ohm per segment; a read at 0.2 V. Printed: user CPU seconds of the simulator and time points, and theirs over ours.
"""

import resource
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import synaptogen as sg
from _rivals_va import JART, STANFORD
from _timing import introduce, parser, positive, ratios, rounds, summary, table, write_json
from synaptogen.circuit import CellModel, compile_osdi
from synaptogen.circuit.netlists import (
    ArrayCircuit,
    Testbench,
    array_circuit,
    read_bench,
    simulate,
    sweep_bench,
    write_bench,
)
from synaptogen.circuit.simulators import SimulationError

PERIOD = 40e-6  # s, of a loop
OURS = ("tape", "autonomous", "pulse")
STANFORDS = {"Stanford, 1 ns": 1e-9, "Stanford, 100 ns": 1e-7}
RIVALS = ("JART", *STANFORDS)


class Run(NamedTuple):
    """One simulation: user CPU seconds of the simulator, and time points."""

    seconds: float
    points: int


def rival(name: str, shape: tuple[int, int], ohms: float) -> ArrayCircuit:
    """An array of cells of another model."""
    count = shape[0] * shape[1]
    number = np.arange(count, dtype=float)
    if name == "JART":
        source, module, start, settings = JART, "jart_vcm_v1b", {"n_start": np.full(count, 0.008)}, {"period": PERIOD}
    else:
        source, module, start = STANFORD, "stanford_pku", {"gap_start": np.full(count, 1.7)}
        settings = {"refresh": STANFORDS[name]}
    values = {"number": number, **start}
    params = sg.DeviceParams.preset("hennen2024")
    model = CellModel("tape", module, source, ("p", "n"), tuple(values), tuple(settings.items()), ("r_now",), 0, params)
    return ArrayCircuit(shape=shape, model=model, values=values, settings=settings, wire_resistance=ohms)


def ours(kind: Any, shape: tuple[int, int], ohms: float) -> ArrayCircuit:
    """An array of our cells, all new."""
    return array_circuit(sg.CellArray(shape, rng=1), kind, cycles=2, wire_resistance=ohms)


def bench(case: str, name: str, n: int) -> Testbench:
    """The circuit of a case with cells of one model."""
    shape, ohms = ((1, n), 0.0) if case == "loop" else ((n, n), 1.0)
    kind = "read" if case == "read" and name == "tape" else name
    array = rival(name, shape, ohms) if name in RIVALS else ours(kind, shape, ohms)
    if case == "loop":
        quarter = 0.25 * PERIOD
        return sweep_bench(array, quarter * np.arange(5.0), [0.0, -1.5, 0.0, 1.6, 0.0])
    if case == "read":
        return read_bench(array, np.full(n, 0.2))
    return write_bench(array, n // 2, np.arange(n), -1.5)


def run(circuit: Testbench, program: Any, timeout: float) -> Run:
    """Simulate; a model that does not get to the end takes infinitely long, and it is said why."""
    begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    try:
        points = len(simulate(circuit, program, timeout=timeout).time)
    except SimulationError as error:
        print(f"{circuit.array.model.module}, {program}: {str(error).splitlines()[0]}")
        return Run(np.inf, 0)
    return Run(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin, points)


def compare(case: str, n: int, program: str, names: Sequence[str], repeats: int, timeout: float) -> list[Any]:
    """Simulate a case with each model in turn."""
    circuits = {name: bench(case, name, n) for name in names}
    for circuit in circuits.values():
        compile_osdi(circuit.array.model)  # which would count as time of the first simulation
    tasks = {name: partial(run, circuit, program, timeout) for name, circuit in circuits.items()}
    results = rounds(tasks, repeats, warm_up=0)
    times = {name: [r.seconds for r in runs] for name, runs in results.items()}
    return [
        {
            "case": f"{case} {n}",
            "simulator": program,
            "cell": name,
            "points": results[name][0].points,
            "s": summary(times[name]),
            "over tape": ratios(times[name], times["tape"]),
        }
        for name in names
    ]


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--loops", type=positive, nargs="*", default=[1, 64, 1024])
    options.add_argument("--rows", type=positive, nargs="*", default=[32, 64, 128])
    options.add_argument("--reads", type=positive, nargs="*", default=[64, 128])
    options.add_argument("--simulators", nargs="+", default=["vacask", "ngspice"])
    options.add_argument("--timeout", type=float, default=600.0, help="s a simulation may take (default: %(default)s)")
    given = options.parse_args()
    about = introduce("Other compact models with variability in the same circuits")
    entries: list[Any] = []
    for case, sizes in (("loop", given.loops), ("row", given.rows), ("read", given.reads)):
        models = ("tape", *RIVALS[::2]) if case == "read" else (*OURS, *RIVALS)
        for n in sizes:
            for program in given.simulators:
                found = compare(case, n, program, models, given.repeats, given.timeout)
                rows = [[e["case"], e["simulator"], e["cell"], e["points"], e["s"], e["over tape"]] for e in found]
                print(
                    table(["", "simulator", "cell", "points", "CPU s", "over tape (low-high)"], rows), "\n", flush=True
                )
                entries += found
    write_json(given.json, about, entries)


if __name__ == "__main__":
    main()
