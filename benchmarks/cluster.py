"""Claim: workers of a Dask cluster on this machine cost a pulse less than 10 % of the time of one process at 1e8 cells.

Three tables:
  - overhead: the same voltages on the same cells, in one process with as many threads as there are workers, and on a
    local cluster with one thread a worker, taking turns; and the time of a request that has nothing to do.
  - strong scaling: the same cells on 1, 2 and 4 workers.
  - weak scaling: as many cells on each of 1, 2 and 4 workers.
More workers than cores show what is lost by cutting, not what would be gained.
"""

from typing import Any

import numpy as np

import synaptogen as sg
from _timing import introduce, parser, positive, ratios, seconds, summary, table, write_json
from distributed import Client, LocalCluster

SET, RESET = -3.0, 2.0
KINDS = {"SET": SET, "RESET": RESET}
NUMBERS = (1, 2, 4)


def pulse_times(arrays: dict[str, Any], repeats: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of SETs and RESETs of all cells of some arrays that take turns."""
    times: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in KINDS} for name in arrays}
    for k in range(repeats + 1):
        for kind, u in KINDS.items():
            for name, cells in arrays.items():
                t = seconds(lambda cells=cells, u=u: cells.apply_voltage(u))
                if k:  # the first time is for warming up
                    times[name][kind].append(t)
    return times


def overhead(client: Client, cells: int, workers: int, repeats: int) -> list[list[object]]:
    """One process against the cluster."""
    arrays = {
        "alone": sg.CellArray(cells, rng=1, storage="compact", threads=workers),
        "cluster": sg.distributed.DistributedArray(cells, rng=1, storage="compact", client=client),
    }
    times = pulse_times(arrays, repeats)
    probe = range(0, cells, max(1, cells // 1000))
    same = np.array_equal(arrays["alone"][np.array(probe)].r, arrays["cluster"].r[np.array(probe)])
    arrays["cluster"].release()
    idle = sg.distributed.DistributedArray(64 * workers, rng=1, storage="compact", client=client, block=64)
    empty = summary([seconds(lambda: idle.apply_voltage(0.0)) for _ in range(4 * repeats + 8)][8:])
    print(f"cells on the cluster equal those of one process: {same}; a request with nothing to do takes {empty} s")
    rows: list[list[object]] = []
    for kind in KINDS:
        alone, cluster = times["alone"][kind], times["cluster"][kind]
        rows.append([
            kind, summary(alone).median, summary(cluster).median, ratios(cluster, alone),
            empty.median / summary(alone).median,
        ])  # fmt: skip
    return rows


def scaling(client: Client, sizes: dict[int, int], repeats: int) -> list[list[object]]:
    """Pulses on so many cells for each number of workers."""
    addresses = sorted(client.nthreads())
    arrays = {
        str(number): sg.distributed.DistributedArray(
            cells, rng=1, storage="compact", client=client, workers=addresses[:number], block=2**18
        )
        for number, cells in sizes.items()
    }
    times = pulse_times(arrays, repeats)
    for cells in arrays.values():
        cells.release()
    first = times[str(NUMBERS[0])]
    return [
        [number, sizes[number], *(summary(times[str(number)][kind]).median for kind in KINDS)]
        + [ratios(first[kind], times[str(number)][kind]) for kind in KINDS]
        for number in sizes
    ]


def main() -> None:
    """Run the three."""
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=10**8, help="of the first table (default: 10^8)")
    options.add_argument("--scaling-cells", type=positive, default=10**7, help="of the others (default: 10^7)")
    options.add_argument("--workers", type=positive, default=2, help="of the first table (default: 2)")
    given = options.parse_args()
    about = introduce("Arrays on a local cluster")
    quiet = {"threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with LocalCluster(n_workers=given.workers, **quiet) as cluster, Client(cluster) as client:
        first = overhead(client, given.cells, given.workers, given.repeats)
    print(table([f"{given.cells:.0e} cells", "one process, s", "cluster, s", "ratio", "empty request / pulse"], first))
    with LocalCluster(n_workers=max(NUMBERS), **quiet) as cluster, Client(cluster) as client:
        strong = scaling(client, dict.fromkeys(NUMBERS, given.scaling_cells), given.repeats)
        weak = scaling(client, {n: n * given.scaling_cells // 2 for n in NUMBERS}, given.repeats)
    heads = ["workers", "cells", "SET, s", "RESET, s", "times faster, SET", "RESET"]
    print(table([*heads[:4], "strong: times as fast, SET", "RESET"], strong))
    print(table([*heads[:4], "weak: efficiency, SET", "RESET"], weak))
    write_json(given.json, about, {"overhead": first, "strong": strong, "weak": weak})


if __name__ == "__main__":
    main()
