"""Claim: exact crossbars with wires, linear and non-linear, take a small fraction of the time of public solvers.

N x N cells, 1 ohm a segment, lines driven and grounded at one end. Linear cells of 10 to 100 kohm; non-linear ones are
those of the preset, half of them set. `scipy` is a direct solve of the full nodal matrix, factored once for all right
sides; `badcrossbar` runs in its own interpreter (--peer-python), where it is timed without its start. Memory is the
peak of traced allocations of NumPy. One thread. Also the error of `effective_conductances`.
"""

import subprocess
import tracemalloc
from functools import partial

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

import synaptogen as sg
from _timing import introduce, parser, positive, rounds, seconds, summary, table, write_json
from synaptogen.crossbar import Wires, effective_conductances, solve

WORKER = """
import contextlib, io, sys, time
import numpy as np
import badcrossbar
n, sides = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
r, v = rng.uniform(1e4, 1e5, (n, n)), rng.uniform(0, 0.2, (sides, n))
begin = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    badcrossbar.compute(v.T, r, r_i=1.0)
print(time.perf_counter() - begin)
"""
LARGEST_DIRECT = 256  # beyond, direct solvers take gigabytes


def nodal(g, ohm):
    """Conductance matrix of all nodes: words, then bits."""
    n, m = g.shape
    along = sp.diags([[-1.0] * (m - 1), [1.0] + [2.0] * (m - 2) + [1.0], [-1.0] * (m - 1)], [-1, 0, 1])
    first, last = sp.lil_matrix((m, m)), sp.lil_matrix((n, n))
    first[0, 0], last[n - 1, n - 1] = 1, 1
    words = sp.kron(sp.eye(n), along + first) / ohm
    down = sp.diags([[-1.0] * (n - 1), [1.0] + [2.0] * (n - 2) + [1.0], [-1.0] * (n - 1)], [-1, 0, 1])
    bits = sp.kron(down + last, sp.eye(m)) / ohm
    cells = sp.diags(g.ravel())
    return sp.block_array([[words + cells, -cells], [-cells, bits + cells]], format="csc")


def direct(g, v):
    n, m = g.shape
    right = np.zeros((2, n, m, len(v)))
    right[0, :, 0] = v.T
    if len(v) == 1:
        return scipy.sparse.linalg.spsolve(nodal(g, 1.0), right.ravel())
    return scipy.sparse.linalg.splu(nodal(g, 1.0)).solve(right.reshape(2 * n * m, -1))


def peer(python, n, sides):
    told = subprocess.run([python, "-c", WORKER, str(n), str(sides)], check=True, capture_output=True, text=True).stdout
    return float(told.splitlines()[-1])  # after its log


def peak(work):
    tracemalloc.start()
    work()
    used = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return used


def measure(n, sides, python, repeats):
    rng = np.random.default_rng(0)
    g, v = 1 / rng.uniform(1e4, 1e5, (n, n)), rng.uniform(0, 0.2, (sides, n))
    cells = sg.CellArray((n, n), rng=1)
    cells.apply_voltage(-2.5, where=rng.uniform(size=(n, n)) < 0.5)
    work = {
        "linear": partial(solve, g, Wires(), rows=v, transpose=True, threads=1),
        "non-linear": partial(solve, cells, Wires(), rows=v, transpose=True, threads=1),
    }
    if n <= LARGEST_DIRECT:
        work["scipy"] = partial(direct, g, v)
    memory = {name: peak(task) for name, task in work.items()}
    tasks = {name: partial(seconds, task) for name, task in work.items()}
    if python and n <= LARGEST_DIRECT:
        tasks["badcrossbar"] = partial(peer, python, n, sides)
    times = {name: summary(values) for name, values in rounds(tasks, repeats).items()}
    return {"n": n, "sides": sides, "seconds": times, "mebibytes": memory}


def effective_errors(n=64):
    """Mean errors of line currents, relative to the mean current: without wires, and by `effective_conductances`."""
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
    options = parser(__doc__, 3)
    options.add_argument("--sizes", nargs="+", type=positive, default=[64, 128, 256, 512, 1024])
    options.add_argument("--sides", nargs="+", type=positive, default=[1, 16])
    options.add_argument("--peer-python", metavar="PATH", help="an interpreter that has badcrossbar")
    arguments = options.parse_args()
    about = introduce(__doc__.splitlines()[0])
    results = []
    for n in arguments.sizes:
        for sides in arguments.sides:
            results.append(measure(n, sides, arguments.peer_python, arguments.repeats))
            entry = results[-1]
            rows = [
                [name, str(t), entry["mebibytes"].get(name),
                 *((t.median / entry["seconds"][ours].median) for ours in ("linear", "non-linear"))]
                for name, t in entry["seconds"].items()
            ]  # fmt: skip
            print(f"\n{n} x {n}, {sides} right sides")
            print(table(["", "seconds (low-high)", "MiB", "times linear", "times non-linear"], rows), flush=True)
    errors = effective_errors()
    print("\nErrors of line currents, root mean square, in % of the currents'")
    print(table(["64 x 64", "without wires", "effective conductances"], errors))
    write_json(arguments.json, about, {"times": results, "effective": errors})


if __name__ == "__main__":
    main()
