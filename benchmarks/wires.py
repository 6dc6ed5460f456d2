"""Claim: exact crossbars with wires, linear and non-linear, take a small fraction of the time of public solvers.

N x N cells, 1 ohm a segment, lines driven and grounded at one end. Linear cells of 10 to 100 kohm; non-linear ones are
those of the preset, half of them set. `scipy` is a direct solve of the full nodal matrix, factored once for all right
sides; `badcrossbar` runs in its own interpreter (--peer-python). All return the voltages of all nodes. Each contender
has a process of its own, one thread, and has been warmed up: seconds are those of the CPU, the least of the repeats;
memory is the peak of what is resident, above what was before. Linux only. Also the error of `effective_conductances`.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

import synaptogen as sg
from _timing import figure, introduce, parser, positive, table, write_json
from synaptogen.crossbar import Wires, effective_conductances

WORKER = Path(__file__).with_name("_wires_worker.py")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def measured(python, contender, n, sides, options):
    """Return the time and memory of a contender, {"seconds", "mebibytes"}, or the reason of its failure, {"failed"}."""
    numbers = n, sides, options.repeats, options.limit, options.gibibytes
    command = [python, str(WORKER), contender, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"failed": f"more than {options.limit} s"}
    if done.returncode:
        messages = done.stderr.strip().splitlines()
        memory = done.returncode < 0 or any("emory" in line for line in messages)
        return {"failed": f"more than {options.gibibytes} GiB" if memory else messages[-1]}
    found = json.loads(done.stdout.splitlines()[-1])  # after its log
    return found if "failed" in found else {**found, "seconds": min(found["seconds"])}


def compare(n, sides, options):
    """Measure all contenders on one crossbar."""
    pythons = dict.fromkeys(["linear", "non-linear", "scipy"], sys.executable)
    if options.peer_python:
        pythons["badcrossbar"] = options.peer_python
    found = {name: measured(python, name, n, sides, options) for name, python in pythons.items()}
    return {"n": n, "sides": sides, "found": found}


def lines(entry):
    """Generate rows of a table, with the times as multiples of those of this package."""
    found = entry["found"]
    for name, result in found.items():
        if "failed" in result:
            yield [name, result["failed"], "", "", ""]
        else:
            ours = [found[own].get("seconds") for own in ("linear", "non-linear")]
            times = ["" if t is None else result["seconds"] / t for t in ours]
            yield [name, figure(result["seconds"]), *times, float(result["mebibytes"])]


def effective_errors(n=64):
    """Return rms errors of line currents in % of the rms current: without wires, and by `effective_conductances`."""
    cells = sg.CellArray((n, n), rng=1)
    rng = np.random.default_rng(2)
    cells.apply_voltage(-2.5, where=rng.uniform(size=(n, n)) < 0.5)
    rows = []
    for ohm in (0.5, 2.0, 5.0):
        for name, low in (("0 ... 0.2 V", 0.0), ("-0.2 ... 0.2 V", -0.2)):
            v, typical = rng.uniform(low, 0.2, (200, n)), rng.uniform(low, 0.2, (16, n))
            exact = cells.product(v.T, wires=Wires(ohm, ohm), bandwidth=0)
            ideal = cells.product(v.T, bandwidth=0)
            fast = effective_conductances(cells, Wires(ohm, ohm), typical) @ v.T
            scale = np.sqrt(np.mean(exact**2)) / 100
            rows.append(
                [f"{ohm:g} ohm, {name}", *(float(np.sqrt(np.mean((x - exact) ** 2)) / scale) for x in (ideal, fast))]
            )
    return rows


def main():
    options = parser(__doc__, 5)
    options.add_argument("--sizes", nargs="+", type=positive, default=[64, 128, 256, 512, 1024])
    options.add_argument("--sides", nargs="+", type=positive, default=[1, 16])
    options.add_argument(
        "--limit", type=positive, default=300, metavar="S", help="CPU seconds of a contender at a size"
    )
    options.add_argument("--gibibytes", type=positive, default=8, help="memory that a contender may take")
    options.add_argument("--peer-python", metavar="PATH", help="an interpreter that has badcrossbar")
    arguments = options.parse_args()
    about = introduce(__doc__.splitlines()[0])
    results = []
    for n in arguments.sizes:
        for sides in arguments.sides:
            results.append(compare(n, sides, arguments))
            print(f"\n{n} x {n}, {sides} right side{'s' * (sides > 1)}")
            print(table(["", "CPU seconds", "times linear", "times non-linear", "MiB"], lines(results[-1])), flush=True)
    errors = effective_errors()
    print("\nErrors of line currents, root mean square, in % of the currents'")
    print(table(["64 x 64", "without wires", "effective conductances"], errors))
    write_json(arguments.json, about, {"times": results, "effective": errors})


if __name__ == "__main__":
    main()
