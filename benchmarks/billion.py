"""A billion cells, 32768 x 32768 in compact storage, fit into 22 GiB and do what any array does.

Makes them, sets and resets them all, partly resets a random tenth of them at random voltages, reads them all with
noise, multiplies them with a vector. Rates stand beside what this machine's memory copies in the same run, and, where
``--peer-python`` names an interpreter that has it, beside the published package (at 2^20 cells, which it can hold).
"""

import gc
import json
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from _timing import introduce, parser, positive, seconds, side, table, write_json

GIB = 2**30
BLOCK_ROWS = 128  # of the partial RESET, whose voltages are drawn a block at a time
PEER_CELLS = 2**20
PEER_STEPS = {"init": "init", "SET all": "SET", "RESET all": "RESET", "read all": "read", "product": "product"}


def copy_rate(threads: int) -> float:
    """Bytes a second that a copy in memory moves, read and written, best of five."""
    from concurrent.futures import ThreadPoolExecutor

    parts = [(np.ones(2**26), np.zeros(2**26)) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def copy() -> None:
            list(pool.map(lambda part: np.copyto(part[1], part[0]), parts))

        return max(2 * 8 * 2**26 * threads / seconds(copy) for _ in range(5))


def partial_reset(cells: Any, rng: np.random.Generator) -> None:
    """A random tenth of all cells at random voltages."""
    rows = len(cells)
    for begin in range(0, rows, BLOCK_ROWS):
        block = cells[begin : begin + BLOCK_ROWS]
        u = rng.random(block.shape, np.float32)
        u *= 0.8
        u += 0.6
        u[rng.random(block.shape, np.float32) >= 0.1] = 0.0
        block.apply_voltage(u)


def read_all(cells: Any) -> float:
    """Mean current in A of one noisy read of all cells."""
    return sum(float(block.sum(dtype=np.float64)) for block in cells.read_in_blocks(0.2)) / cells.size


def peer_times(python: Path) -> dict[str, float]:
    """Nanoseconds a cell of the published package."""
    worker = Path(__file__).with_name("_peer_worker.py")
    found: dict[str, float] = {}
    groups = ("pristine", "full", "read", "product")
    requests = "".join(json.dumps({"group": group, "cells": PEER_CELLS}) + "\n" for group in groups)
    done = subprocess.run(
        [python, "-E", worker, "--package=published"], input=requests, capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return {name: 1e9 * t / PEER_CELLS for name, t in found.items()}


def main() -> None:
    """Run the list once: it takes minutes, and its repeats would show the same."""
    options = parser(__doc__, repeats=1)
    options.add_argument("--cells", type=positive, default=2**30, help="a square number (default: 2^30)")
    options.add_argument("--threads", type=positive, default=2)
    options.add_argument("--peer-python", type=Path, help="an interpreter with synaptogen 0.2.0")
    given = options.parse_args()
    about = introduce("A billion cells in compact storage")
    peer = peer_times(given.peer_python) if given.peer_python else {}
    limit = copy_rate(given.threads)
    gc.collect()

    import synaptogen as sg

    few = sg.CellArray((64, 64), rng=1, storage="compact", threads=given.threads)
    few.apply_voltages([-2.0, 1.0, 2.0])
    read_all(few)
    few.product(np.zeros(64))
    few.product(np.zeros(64), transpose=True)
    n = side(given.cells)
    made: list[Any] = []
    rng = np.random.default_rng(2)
    v = np.full(n, 0.2, np.float32)
    currents: list[float] = []
    # name, what is done, bytes a cell that must move at the least: words and thresholds are read, what changes written
    steps: list[tuple[str, Callable[[], Any], float]] = [
        (
            "init",
            lambda: made.append(sg.CellArray((n, n), rng=1, storage="compact", threads=given.threads)),
            20.0,
        ),
        ("SET all", lambda: made[0].apply_voltage(-3.0), 24.0),
        ("RESET all", lambda: made[0].apply_voltage(2.0), 40.0),
        ("SET all again", lambda: made[0].apply_voltage(-3.0), 24.0),
        ("partial RESET of a tenth", lambda: partial_reset(made[0], rng), 16.0),
        ("read all", lambda: currents.append(read_all(made[0])), 2.0),
        ("product", lambda: currents.append(float(np.mean(made[0] @ v))), 2.0),
        ("product, transposed", lambda: currents.append(float(np.mean(v @ made[0]))), 2.0),
    ]
    rows, results = [], {}
    for name, work, moved in steps:
        t = seconds(work)
        ns, peer_ns = 1e9 * t / given.cells, peer.get(PEER_STEPS.get(name, ""))
        rows.append([name, t, ns, 1e3 / ns, moved / (ns * 1e-9) / limit, None if peer_ns is None else peer_ns / ns])
        results[name] = {"seconds": t, "ns": ns, "of copy": moved / (ns * 1e-9) / limit, "peer ns": peer_ns}
        print(f"  {name}: {t:.3g} s", flush=True)
    cells = made[0]
    modes = np.bincount(cells[:128].mode.ravel(), minlength=3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(cells)
    print(table(["", "s", "ns a cell", "million cells/s", "of the copy rate", "times the published package"], rows))
    print(
        f"peak RSS {peak / GIB:.2f} GiB, {peak / given.cells:.2f} B a cell; copy rate {limit / 1e9:.1f} GB/s; first"
        f" 128 rows: {modes[1]} LRS, {modes[0]} IRS, {modes[2]} HRS; mean current {currents[0] * 1e6:.4g} uA"
        f" by reads, {currents[1] / n * 1e6:.4g} uA by the product"
    )
    write_json(given.json, about, {**results, "peak RSS": peak, "copy rate": limit})


if __name__ == "__main__":
    main()
