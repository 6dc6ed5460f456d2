"""Claim: a switching cycle takes a small fraction of the time of the published package, on one thread of one machine.

Compares with the package `synaptogen` 0.2.0 on PyPI (NumPy), which lives in a virtual environment of its own; name its
interpreter with --peer-python, or let the script install it below the cache directory. The published package runs
twice: as it is, and with NumPy's `any` in place of Python's, which it calls on arrays. All three take turns.

What is compared fairly, and how:
  - A VAR(10) of this package runs ahead: each cell draws ten cycles at once, a tenth of the cells in each RESET. So
    each figure is the MEAN of 10 consecutive calls of each kind (10 cycles, 10 random voltages); medians are taken over
    such means.
  - "as one call": ours takes the twenty voltages of ten cycles in one `apply_voltages`; the published package has no
    such call, and takes them one by one.
  - The past of a cell is drawn in its first SET, so that init alone would flatter: see "init and first cycle". The
    published package makes pristine cells only, and is compared with both kinds of ours.
  - "in step": all cells are at the same cycle number, but for a few that a voltage did not switch: -2 V sets all but
    one in a million, -1.5 V leaves out more, which are out of step from then on. "out of step": cycle numbers differ
    by 0 to 9 at random, which costs this package several times more and the published one nothing.
  - products: the first ten after other work find their cells in memory at first; of 100 in a row most find them in a
    cache, if they fit into one.
  - "random voltages": one for each cell, uniform in +-1.5 V, drawn outside the timed stretch, the same for all
    packages, on cells out of step and in random states.
  - With --threads N, NumPy's matrix products in both packages may use N threads as well.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from _timing import Summary, introduce, parser, positive, ratios, rounds, summary, table, write_json

# groups that get a round to warm up; the others run for long
BRIEF = {"pristine", "stationary", "read", "product", "products in a row"}
WORKER = Path(__file__).with_name("_peer_worker.py")
OURS, PUBLISHED, NUMPY_ANY = "this package", "published", "published, NumPy's any"
Times = dict[str, float]


class Row(NamedTuple):
    """A line of the result: the sum of some steps of a group; the published package's may be another group."""

    name: str
    group: str
    steps: tuple[str, ...]
    published_group: str | None = None


ROWS = (
    Row("init, pristine", "pristine", ("init",)),
    Row("init, stationary", "stationary", ("init",), "pristine"),
    Row("init and first cycle, pristine", "pristine", ("init", "first cycle")),
    Row("init and first cycle, stationary", "stationary", ("init", "first cycle"), "pristine"),
    Row("SET of all, -2 V", "full", ("SET",)),
    Row("RESET of all, +1.5 V", "full", ("RESET",)),
    Row("cycle, the two together", "full", ("SET", "RESET")),
    Row("cycle, -1.5 V and +1.5 V", "cycle", ("down", "up")),
    Row("ten cycles as one call, a cycle", "fused cycle", ("cycles",)),
    Row("cycle, cells out of step", "scattered cycle", ("down", "up")),
    Row("SET and partial RESET, -2 V and +1 V", "partial", ("SET", "partial RESET")),
    Row("partial RESET, +1 V", "partial", ("partial RESET",)),
    Row("random voltages", "random", ("voltages",)),
    Row("read with noise, 0.2 V", "read", ("read",)),
    Row("crossbar product with noise, first ten", "product", ("product",)),
    Row("the same, 100 in a row", "products in a row", ("products",)),
)


# ---- workers


class Worker:
    """A package in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, group: str, cells: int) -> Times:
        """Seconds of each step of a group."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"group": group, "cells": cells}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended without an answer to {group!r}: see its message above")
        times: Times = json.loads(line)
        return times


@contextmanager
def worker(interpreter: tuple[str, ...], threads: int, *arguments: str) -> Iterator[Worker]:
    """Start a worker, and end it."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [*interpreter, str(WORKER), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | limits
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()


def installed_peer() -> str:
    """The interpreter of a virtual environment with the published package, made when first needed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "synaptogen-benchmarks" / "synaptogen-0.2.0"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        print(f"installing synaptogen 0.2.0 into {folder} ...", flush=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "synaptogen==0.2.0", "numpy"], check=True)
    return str(python)


# ---- measurement


def measure(workers: dict[str, Worker], cells: int, repeats: int) -> dict[tuple[str, str], list[Times]]:
    """Times of each group, by package and group, the packages taking turns."""
    results = {}
    for group in dict.fromkeys(row.group for row in ROWS):
        able = {name: w for name, w in workers.items() if name == OURS or group != "stationary"}
        taken = rounds({name: partial(w.ask, group, cells) for name, w in able.items()}, repeats, int(group in BRIEF))
        results.update({(name, group): times for name, times in taken.items()})
        print(f"  {group}: done", file=sys.stderr, flush=True)
    return results


def sums(row: Row, package: str, results: dict[tuple[str, str], list[Times]]) -> list[float]:
    """Seconds of a row in each round."""
    group = row.group if package == OURS else row.published_group or row.group
    return [sum(times[step] for step in row.steps) for times in results[package, group]]


def compared(row: Row, packages: list[str], results: Any, cells: int) -> dict[str, Any]:
    """Nanoseconds a cell of each package, and how many times faster ours is."""
    each = {package: sums(row, package, results) for package in packages}
    return {
        "cells": cells,
        "operation": row.name,
        "ns_per_cell": {name: summary(t / cells * 1e9 for t in times) for name, times in each.items()},
        "times_faster": {name: ratios(times, each[OURS]) for name, times in each.items() if name != OURS},
    }


def line(entry: dict[str, Any]) -> list[str | float | Summary]:
    """An entry as a line of the table."""
    ns, faster = entry["ns_per_cell"], entry["times_faster"]
    pairs = [(ns[name].median, faster[name]) for name in faster]
    return [entry["operation"], ns[OURS].median, *(column for pair in pairs for column in pair)]


def show_currents(workers: dict[str, Worker]) -> dict[str, Times]:
    """Print median currents, by which one sees that all do the same work."""
    found = {name: w.ask("currents", 2**16) for name, w in workers.items()}
    print("\nMedian currents at 0.2 V in uA after SET and after RESET, the first cycle of pristine cells:")
    print(table(["package", "SET", "RESET"], ([name, c["LRS"], c["HRS"]] for name, c in found.items())), flush=True)
    return found


def main() -> None:
    options = parser(__doc__, repeats=3)
    options.add_argument("--sizes", type=positive, nargs="+", default=[2**16, 2**20, 2**22], metavar="CELLS")
    options.add_argument("--threads", type=positive, default=1, help="of this package (default: %(default)s)")
    options.add_argument("--peer-python", metavar="PATH", help="interpreter that has synaptogen 0.2.0")
    given = options.parse_args()
    peer = (given.peer_python or installed_peer(), "-E")  # a PYTHONPATH meant for this package must not reach it
    about = introduce(f"Times of operations, {given.threads} thread(s): published package over this one")
    entries = []
    with ExitStack() as stack:
        workers = {
            OURS: stack.enter_context(
                worker((sys.executable,), given.threads, "--package=ours", f"--threads={given.threads}")
            ),
            PUBLISHED: stack.enter_context(worker(peer, given.threads, "--package=published")),
            NUMPY_ANY: stack.enter_context(worker(peer, given.threads, "--package=published", "--numpy-any")),
        }
        currents = show_currents(workers)
        for cells in given.sizes:
            results = measure(workers, cells, given.repeats)
            found = [compared(row, list(workers), results, cells) for row in ROWS]
            headers = ["ns per cell", "ours", "published", "times faster", "with NumPy's any", "times faster"]
            print(f"\n{cells} cells\n{table(headers, map(line, found))}", flush=True)
            entries += found
    write_json(given.json, about, {"threads": given.threads, "currents": currents, "operations": entries})


if __name__ == "__main__":
    main()
