"""Claim: importing costs less than Numba alone, kernels compile once, and an array takes the memory it says.

- `import synaptogen` in a new process, as ratio to `import numba` (which the first array loads) and to bare Python.
- The first use in a new process, after the import: make 4096 cells, one cycle, a read, a product. "Cold" with an
  empty NUMBA_CACHE_DIR, "cached" with what the cold run left there; and the same operations once more in one process.
- Growth of the peak resident memory by an array, per cell, after a cycle and a read, over that of a process with 64
  cells; as ratio to `CellArray.nbytes`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from _timing import Summary, introduce, parser, positive, ratios, rounds, seconds, side, summary, table, write_json

IMPORTS = {"bare Python": "pass", "numpy": "import numpy", "numba": "import numba", "synaptogen": "import synaptogen"}

FIRST_USE = """
import json, time
begin = time.perf_counter()
import numpy, synaptogen
imported = time.perf_counter()
def use():
    cells = synaptogen.CellArray((64, 64), rng=1)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(1.5)
    cells.read(0.2)
    cells @ numpy.full(64, 0.2, numpy.float32)
use()
used = time.perf_counter()
use()
again = time.perf_counter()
print(json.dumps({"import": imported - begin, "first use": used - imported, "again": again - used}))
"""

PEAK = """
import json, resource, sys, synaptogen
side, history = int(sys.argv[1]), sys.argv[2]
cells = synaptogen.CellArray((side, side), rng=1, history=history)
cells.apply_voltage(-2.0)
cells.apply_voltage(1.5)
cells.read(0.2)
unit = 1 if sys.platform == "darwin" else 1024
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
print(json.dumps({"peak": peak, "nbytes": cells.nbytes}))
"""


def run(code: str, *arguments: str, **environment: str) -> str:
    """Output of a program in a new process."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def answers(code: str, *arguments: str, **environment: str) -> dict[str, float]:
    """The JSON that a program prints."""
    found: dict[str, float] = json.loads(run(code, *arguments, **environment))
    return found


# ---- import


def measure_imports(repeats: int) -> list[dict[str, Any]]:
    """Seconds of processes that import something, by turns."""
    tasks: dict[str, Callable[[], float]] = {
        name: partial(seconds, partial(run, code)) for name, code in IMPORTS.items()
    }
    results = rounds(tasks, repeats)
    return [
        {"process": name, "seconds": summary(values), "synaptogen_over_it": ratios(results["synaptogen"], values)}
        for name, values in results.items()
    ]


# ---- first use


def cold_and_cached() -> dict[str, dict[str, float]]:
    """Times of the first process with an empty cache of kernels, and of the second."""
    with tempfile.TemporaryDirectory() as cache:
        return {kind: answers(FIRST_USE, NUMBA_CACHE_DIR=cache) for kind in ("cold", "cached")}


def measure_first_use(repeats: int) -> dict[str, Summary]:
    """Seconds of the first use cold, cached, and of the second use in one process."""
    taken = rounds({"": cold_and_cached}, repeats, warm_up=0)[""]
    cold, cached = ([t[kind]["first use"] for t in taken] for kind in ("cold", "cached"))
    again = [t["cached"]["again"] for t in taken]
    return {
        "cold": summary(cold),
        "cached": summary(cached),
        "again": summary(again),
        "cold over cached": ratios(cold, cached),
        "cached over again": ratios(cached, again),
    }


# ---- memory


def memory_of(cells: int, history: str) -> dict[str, Any]:
    """Bytes a cell by which an array raises the peak of a process, and what the array says."""
    run(PEAK, "8", history)  # compiles what is not in the cache, which takes memory as well
    few, many = (answers(PEAK, str(rows), history) for rows in (8, side(cells)))
    grown, said = (many["peak"] - few["peak"]) / cells, many["nbytes"] / cells
    return {"history": history, "peak_bytes_per_cell": grown, "nbytes_per_cell": said, "ratio": grown / said}


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=2**22, help="for the memory a cell (default: 2^22)")
    given = options.parse_args()
    about = introduce("Start of a process, and memory")
    imports = measure_imports(given.repeats)
    print("\nA process that imports one thing, and ends")
    rows = ([e["process"], e["seconds"], e["synaptogen_over_it"]] for e in imports)
    print(table(["process", "seconds (low-high)", "synaptogen over it"], rows), flush=True)
    first = measure_first_use(given.repeats)
    print("\nFirst use in a process, seconds and ratios")
    print(table(["", "median (low-high)"], first.items()), flush=True)
    memory = [memory_of(given.cells, history) for history in ("var", "compact")]
    print(f"\nPeak memory, {given.cells} cells")
    print(table(["history", "bytes a cell", "nbytes a cell", "ratio"], (list(e.values()) for e in memory)))
    write_json(given.json, about, {"imports": imports, "first_use": first, "memory": memory})


if __name__ == "__main__":
    main()
