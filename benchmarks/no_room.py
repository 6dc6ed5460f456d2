"""Claim: on a full disk, wherever it fills up, and in folders that are read-only, there is an error and the old array.

A small file system in memory is mounted (which needs Linux and root) and filled so that a random number of bytes is
left. Then an array in it is saved over, changed by a pass, read with noise, or written by a checkpoint of Dask. Either
the call returns and the new array is there, or it raises an OSError and the old one is, and nothing is left beside it.
The same calls follow in a folder and an array that the user may only read.
"""

import contextlib
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import distributed
import numpy as np

import synaptogen as sg
from _timing import introduce, parser, table, write_json

CELLS, BLOCK = 20_000, 2_500
ROOM = 24 << 20  # bytes of the file system
NOBODY = 65534


def old() -> sg.CellArray:
    cells = sg.CellArray(CELLS, rng=3, history="compact", threads=1)
    cells.apply_voltages([-2.0, 0.8])
    return cells


def new() -> sg.CellArray:
    cells = old()
    cells.apply_voltage(-1.2)
    return cells


def save(path: Path, _: distributed.Client) -> None:
    new().save(path, overwrite=True)


def first_save(path: Path, _: distributed.Client) -> None:
    new().save(path.with_name("first"))


def one_pass(path: Path, _: distributed.Client) -> None:
    sg.outofcore.DiskArray.open(path, threads=1, block=BLOCK).apply_voltage(-1.2)


def noisy_read(path: Path, _: distributed.Client) -> None:
    sg.outofcore.DiskArray.open(path, threads=1, block=BLOCK).read()


def checkpoint(path: Path, client: distributed.Client) -> None:
    with sg.distributed.DistributedArray.open(path, client=client, block=BLOCK) as cells:
        cells.apply_voltage(-1.2)
        cells.checkpoint()


CALLS: dict[str, Callable[[Path, distributed.Client], None]] = {
    "save": save,
    "first save": first_save,
    "pass on disk": one_pass,
    "noisy read of an array on disk": noisy_read,
    "checkpoint of Dask": checkpoint,
}


def same(a: sg.CellArray, b: sg.CellArray) -> bool:
    mine, its = (cells.state.engine.dump(0, CELLS) for cells in (a, b))
    return all(np.array_equal(mine[name], its[name]) for name in mine)


def outcome(call: str, path: Path, client: distributed.Client) -> str:
    """What a call does, and what is there afterwards."""
    beside = set(path.parent.iterdir())
    try:
        CALLS[call](path, client)
        said = "done"
    except OSError as error:
        said = f"refused ({type(error).__name__} {error.errno or ''}".strip() + ")"
    except Exception as error:
        return f"RAW {type(error).__name__}: {error}"
    written = set(path.parent.iterdir()) - beside
    if call == "first save" and said == "done":
        if not same(sg.load(path.with_name("first"), threads=1), new()):
            return "WRONG: what was written is something else"
        written -= {path.with_name("first")}
    if written:
        return f"WRONG: left over {sorted(entry.name for entry in written)}"
    try:
        changed = said == "done" and call not in ("noisy read of an array on disk", "first save")
        if not same(sg.load(path, threads=1), new() if changed else old()):
            return f"WRONG: {said}, but the array is another"
    except Exception as error:
        return f"WRONG: {said}, {type(error).__name__}: {error}"
    return said


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def full_disk(call: str, free: int, client: distributed.Client) -> str:
    with small_disk() as folder:
        old().save(folder / "cells")
        usage = os.statvfs(folder)
        fill = usage.f_bavail * usage.f_frsize - free
        (folder / "ballast").write_bytes(bytes(max(0, fill)))
        return outcome(call, folder / "cells", client)


def read_only(call: str, client: distributed.Client) -> str:
    """As a user who may read a folder and write none."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "cells")
        old().save(path)
        for entry in [path, *path.rglob("*")]:
            entry.chmod(0o555 if entry.is_dir() else 0o444)
        os.seteuid(NOBODY)
        try:
            return outcome(call, path, client)
        finally:
            os.seteuid(0)


def main() -> None:
    options = parser(__doc__, 10)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    about = introduce("Full disks and folders that cannot be written")
    if os.geteuid():
        sys.exit("this needs root, for a small file system of its own")
    chance, counts = random.Random(given.seed), Counter[tuple[str, str, str]]()
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        with small_disk() as folder:
            old().save(folder / "cells")
            size = sum(file.stat().st_size for file in folder.rglob("*"))
        for call in CALLS:
            for _ in range(given.repeats):
                counts[call, "full disk", full_disk(call, chance.randrange(int(1.5 * size)), client)] += 1
            counts[call, "read-only", read_only(call, client)] += 1
            found = {outcome: number for (name, _, outcome), number in counts.items() if name == call}
            print(f"{call}: {found}", file=sys.stderr, flush=True)
    print(table(["call", "where", "outcome", "number"], [[*key, number] for key, number in sorted(counts.items())]))
    bad = sum(number for (_, _, what), number in counts.items() if what.startswith(("RAW", "WRONG")))
    print(f"\n{sum(counts.values())} calls: {bad} that lost an array, left something, or raised another error")
    write_json(given.json, about, [[*key, number] for key, number in counts.items()])
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
