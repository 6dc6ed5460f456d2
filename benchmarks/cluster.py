"""Claim: workers of a Dask cluster on this machine cost a pulse less than 10 % of the time of one process at 1e8 cells.

Three tables:
  - overhead: the same voltages on the same cells, in one process with as many threads as there are workers, and on a
    local cluster with one thread a worker, taking turns; and the time of a request that has nothing to do.
  - strong scaling: the same cells on 1, 2 and 4 workers.
  - weak scaling: as many cells on each of 1, 2 and 4 workers.
Beside the time on the clock stands that of processors, in all processes together, which other work on the machine
hardly changes. More workers than cores show what cutting costs, not what would be gained.
"""

import time
from typing import Any, NamedTuple

import numpy as np
from distributed import Client, LocalCluster

import synaptogen as sg
from _timing import introduce, parser, positive, ratios, seconds, summary, table, write_json

SET, RESET = -3.0, 2.0
KINDS = {"SET": SET, "RESET": RESET}
NUMBERS = (1, 2, 4)


class Cost(NamedTuple):
    """Seconds of a pulse on the clock, and of processors."""

    wall: float
    cpu: float


Costs = dict[str, list[Cost]]


def cpu_seconds(client: Client) -> float:
    """Seconds that processors have worked for the client, the scheduler, which is in its process, and the workers."""
    return time.process_time() + sum(client.run(time.process_time).values())


def pulses(client: Client, arrays: dict[str, Any], repeats: int) -> dict[str, Costs]:
    """What SETs and RESETs of all cells of some arrays cost, which take turns."""
    costs: dict[str, Costs] = {name: {kind: [] for kind in KINDS} for name in arrays}
    for k in range(repeats + 1):
        for kind, u in KINDS.items():
            for name, cells in arrays.items():
                before = cpu_seconds(client)
                wall = seconds(lambda cells=cells, u=u: cells.apply_voltage(u))
                if k:  # the first time is for warming up
                    costs[name][kind].append(Cost(wall, cpu_seconds(client) - before))
    return costs


def compared(above: list[Cost], below: list[Cost]) -> tuple[Any, Any]:
    """Ratios on the clock and of processors."""
    wall, cpu = (ratios([c[i] for c in above], [c[i] for c in below]) for i in (0, 1))
    return wall, cpu


def median_wall(costs: list[Cost]) -> float:
    """Median on the clock."""
    return summary(c.wall for c in costs).median


def overhead(client: Client, cells: int, workers: int, repeats: int) -> list[list[object]]:
    """One process against the cluster."""
    arrays = {
        "alone": sg.CellArray(cells, rng=1, storage="compact", threads=workers),
        "cluster": sg.distributed.DistributedArray(cells, rng=1, storage="compact", client=client),
    }
    costs = pulses(client, arrays, repeats)
    probe = np.arange(0, cells, max(1, cells // 1000))
    same = np.array_equal(arrays["alone"][probe].r, arrays["cluster"].r[probe])
    arrays["cluster"].release()
    idle = sg.distributed.DistributedArray(64 * workers, rng=1, storage="compact", client=client, block=64)
    empty = summary([seconds(lambda: idle.apply_voltage(0.0)) for _ in range(48)][8:])
    print(f"cells on the cluster equal those of one process: {same}; a request with nothing to do takes {empty} s")
    return [
        [
            kind,
            median_wall(costs["alone"][kind]),
            median_wall(costs["cluster"][kind]),
            *compared(costs["cluster"][kind], costs["alone"][kind]),
            empty.median / median_wall(costs["alone"][kind]),
        ]
        for kind in KINDS
    ]


def scaling(client: Client, sizes: dict[int, int], repeats: int) -> list[list[object]]:
    """Pulses on so many cells for each number of workers, as ratios to one worker: its time over theirs, and their
    processor time for a cell over its."""
    addresses = sorted(client.nthreads())
    arrays = {
        str(number): sg.distributed.DistributedArray(
            cells, rng=1, storage="compact", client=client, workers=addresses[:number], block=2**18
        )
        for number, cells in sizes.items()
    }
    costs = pulses(client, arrays, repeats)
    for cells in arrays.values():
        cells.release()
    rows: list[list[object]] = []
    for number, size in sizes.items():
        row: list[object] = [number, size]
        for kind in KINDS:
            own, first = costs[str(number)][kind], costs["1"][kind]
            faster, _ = compared(first, own)
            _, more = compared(own, [Cost(c.wall, c.cpu * size / sizes[1]) for c in first])
            row += [median_wall(own), faster, more]
        rows.append(row)
    return rows


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
    heads = ["one process, s", "cluster, s", "ratio", "of processor time", "empty request / pulse"]
    print(table([f"{given.cells:.0e} cells", *heads], first))
    with LocalCluster(n_workers=max(NUMBERS), **quiet) as cluster, Client(cluster) as client:
        strong = scaling(client, dict.fromkeys(NUMBERS, given.scaling_cells), given.repeats)
        weak = scaling(client, {n: n * given.scaling_cells // 2 for n in NUMBERS}, given.repeats)
    heads = ["cells", "SET, s", "speed", "cpu a cell", "RESET, s", "speed", "cpu a cell"]
    print(table(["strong: workers", *heads], strong))
    print(table(["weak: workers", *heads], weak))
    write_json(given.json, about, {"overhead": first, "strong": strong, "weak": weak})


if __name__ == "__main__":
    main()
