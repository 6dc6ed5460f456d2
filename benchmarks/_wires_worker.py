"""One contender of `wires.py` in its own process: CPU seconds and memory of one crossbar, as JSON.

Runs under any interpreter that has NumPy and the contender: CONTENDER N SIDES REPEATS SECONDS GIBIBYTES are its
arguments.
"""

import contextlib
import io
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

SEGMENT = 1.0  # ohm
ENOUGH = 5.0  # s; after that there are no more repeats


def linear(g, v):
    from synaptogen.crossbar import Wires, solve

    return lambda: solve(g, Wires(SEGMENT, SEGMENT), rows=v, transpose=True, threads=1)


def non_linear(g, v):
    import synaptogen as sg
    from synaptogen.crossbar import Wires, solve

    cells = sg.CellArray(g.shape, rng=1, threads=1)
    cells.apply_voltage(-2.5, where=np.random.default_rng(1).uniform(size=g.shape) < 0.5)
    return lambda: solve(cells, Wires(SEGMENT, SEGMENT), rows=v, transpose=True, threads=1)


def nodal(g):
    """Return the conductance matrix of all nodes: word lines, then bit lines."""
    import scipy.sparse as sp

    n, m = g.shape
    along = sp.diags([[-1.0] * (m - 1), [1.0] + [2.0] * (m - 2) + [1.0], [-1.0] * (m - 1)], [-1, 0, 1])
    first, last = sp.lil_matrix((m, m)), sp.lil_matrix((n, n))
    first[0, 0], last[n - 1, n - 1] = 1, 1
    word_lines = sp.kron(sp.eye(n), along + first) / SEGMENT
    down = sp.diags([[-1.0] * (n - 1), [1.0] + [2.0] * (n - 2) + [1.0], [-1.0] * (n - 1)], [-1, 0, 1])
    bit_lines = sp.kron(down + last, sp.eye(m)) / SEGMENT
    cells = sp.diags(g.ravel())
    return sp.block_array([[word_lines + cells, -cells], [-cells, bit_lines + cells]], format="csc")


def scipy_direct(g, v):
    """Solve with spsolve, or factor once for several right sides."""
    from scipy.sparse.linalg import splu, spsolve

    def work():
        right = np.zeros((2, *g.shape, len(v)))
        right[0, :, 0] = v.T / SEGMENT
        if len(v) == 1:
            return spsolve(nodal(g), right.ravel())
        return splu(nodal(g)).solve(right.reshape(2 * g.size, -1))

    return work


def badcrossbar(g, v):
    import badcrossbar as peer

    def work():
        with contextlib.redirect_stdout(io.StringIO()):
            return peer.compute(v.T, 1 / g, r_i=SEGMENT)

    return work


CONTENDERS = {"linear": linear, "non-linear": non_linear, "scipy": scipy_direct, "badcrossbar": badcrossbar}


def resident(which):
    """Return VmRSS, or its peak VmHWM, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(which)) / 1024


def problem(n, sides):
    rng = np.random.default_rng(0)
    return 1 / rng.uniform(1e4, 1e5, (n, n)), rng.uniform(0, 0.2, (sides, n))


def main():
    name, (n, sides, repeats, seconds, gibibytes) = sys.argv[1], map(int, sys.argv[2:])
    make = CONTENDERS[name]
    make(*problem(16, sides))()  # imports and compiles
    work = make(*problem(n, sides))
    resource.setrlimit(resource.RLIMIT_AS, (gibibytes << 30,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + round(time.process_time()),) * 2)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the peak
    before, times = resident("VmRSS"), []
    try:
        while len(times) < repeats and sum(times) < ENOUGH:
            begin = time.thread_time()  # under a time limit, the clock of a process is coarse
            kept = work()
            times.append(time.thread_time() - begin)
            del kept
    except MemoryError:
        print(json.dumps({"failed": f"more than {gibibytes} GiB"}))
        return
    print(json.dumps({"seconds": times, "mebibytes": resident("VmHWM") - before}))


if __name__ == "__main__":
    main()
