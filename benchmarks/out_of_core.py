"""Claim: an array of three times the memory works from disk, is right to the last bit, and goes at the disk's pace.

A process whose memory is limited by the system (RLIMIT_DATA) makes an array on disk and applies voltages to it, one a
pass and many a pass; it reads all cells with noise and multiplies them with a vector. This process, without a limit,
does the same in memory and compares all state. Files are flushed to the disk in each pass, and dropped from the cache
before it. A pass is compared with the time that the disk takes, in the same run, to read and write as many bytes.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from _timing import introduce, parser, positive, seconds, table, write_json

GIB = 2**30
CHUNK = 2**26  # bytes
PROGRAM = np.random.default_rng(1).uniform(-1.5, 1.5, 32).astype(np.float32)


def evict(folder: Path) -> None:
    """Drop files from the page cache."""
    for path in folder.rglob("*") if folder.is_dir() else [folder]:
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_rates(folder: Path, size: int) -> tuple[float, float]:
    """Bytes a second that the disk reads and writes, in one file."""
    path, block = folder / "rates", np.random.default_rng(2).bytes(CHUNK)

    def write() -> None:
        with path.open("wb") as file:
            for _ in range(size // CHUNK):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            while file.read(CHUNK):
                pass

    written = seconds(write)
    evict(path)
    read_in = seconds(read)
    path.unlink()
    return size / read_in, size / written


def limited(given: Any) -> None:
    """What the process with little memory does; prints its times as JSON."""
    import synaptogen as sg
    from synaptogen.outofcore.disk_array import DiskArray

    resource.setrlimit(resource.RLIMIT_DATA, (given.limit, given.limit))
    n = given.side
    shape, path = (n, n), Path(given.path)
    try:
        sg.CellArray(shape, rng=1, storage="compact", threads=given.threads)
        refused = False
    except (MemoryError, OSError):
        refused = True
    options = {"storage": "compact", "threads": given.threads, "block": given.block}
    times: dict[str, float] = {}
    made: list[Any] = []
    times["init"] = seconds(lambda: made.append(DiskArray(shape, path=path, rng=1, **options)))
    cells, v, currents = made[0], np.full(n, 0.2, np.float32), []
    for name, work in (
        ("SET, 1 voltage a pass", lambda: cells.apply_voltage(-3.0)),
        ("RESET, 1 voltage a pass", lambda: cells.apply_voltage(2.0)),
        ("32 voltages a pass", lambda: cells.apply_voltages(PROGRAM)),
        ("read all", lambda: currents.append(sum(float(b.sum(dtype=float)) for b in cells.read_in_blocks(0.2)))),
        ("product", lambda: currents.append(float((cells @ v).sum(dtype=float)))),
    ):
        evict(path)
        times[name] = seconds(work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    about = {"refused": refused, "times": times, "peak": peak, "currents": currents, "array": repr(cells)}
    print(json.dumps(about))


def compare(path: Path, n: int, threads: int) -> tuple[float, float]:
    """Share of blocks on disk that are equal to the same cells in memory, and the seconds of the 32 voltages there."""
    import synaptogen as sg
    from synaptogen.io import zarr_format as store

    cells = sg.CellArray((n, n), rng=1, storage="compact", threads=threads)
    cells.apply_voltages([-3.0, 2.0])
    in_memory = seconds(lambda: cells.apply_voltages(PROGRAM))
    reader = store.Reader.from_group(store.open_saved(path), cells.size)
    equal = []
    for begin in range(0, cells.size, 2**22):
        end = min(cells.size, begin + 2**22)
        mine, its = cells.state.engine.dump(begin, end), reader.state(begin, end)
        equal.append(all(np.array_equal(mine[name], its[name]) for name in mine))
    return float(np.mean(equal)), in_memory


def main() -> None:
    """Run the list once."""
    options = parser(__doc__, repeats=1)
    options.add_argument("--limit", type=positive, default=2**30, help="bytes of memory (default: 2^30)")
    options.add_argument("--times", type=float, default=3.0, help="size of the array, in limits (default: 3)")
    options.add_argument("--block", type=positive, default=2**21, help="cells of a block (default: 2^21)")
    options.add_argument("--threads", type=positive, default=2)
    options.add_argument("--folder", type=Path, help="where to write, with room for two arrays (default: the system's)")
    options.add_argument("--path", help="(of the process with the limit)")
    options.add_argument("--side", type=int, help="(of the process with the limit)")
    given = options.parse_args()
    if given.path:
        limited(given)
        return
    about = introduce("An array of several times the memory")
    n = int((given.times * given.limit / 20) ** 0.5) // 64 * 64 + 64
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "cells.zarr"
        reads, writes = disk_rates(Path(folder), 2**31)
        command = [
            sys.executable,
            __file__,
            "--path",
            str(path),
            "--side",
            str(n),
            "--limit",
            str(given.limit),
            "--block",
            str(given.block),
            "--threads",
            str(given.threads),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found = json.loads(done.stdout)
        reads_after, writes_after = disk_rates(Path(folder), 2**31)
        equal, in_memory = compare(path, n, given.threads)
    reads, writes = (reads + reads_after) / 2, (writes + writes_after) / 2
    size = 20.0 * n * n
    moved = {"init": (0.0, size), "read all": (size / 10, 0.0), "product": (size / 10, 0.0)}  # mixing states alone
    rows = []
    for name, t in found["times"].items():
        read, written = moved.get(name, (size, size))
        ideal = read / reads + written / writes
        rows.append([name, t, 1e9 * t / n**2, (read + written) / t / 1e6, ideal / t])
    print(found["array"])
    print(table(["", "s", "ns a cell", "MB/s", "of the disk's pace"], rows))
    print(
        f"array {size / given.limit:.2f} times the limit of {given.limit / GIB:.2f} GiB, peak RSS "
        f"{found['peak'] / GIB:.2f} GiB; the same array in memory was {'' if found['refused'] else 'NOT '}refused\n"
        f"disk: reads {reads / 1e6:.0f} MB/s, writes {writes / 1e6:.0f} MB/s; the 32 voltages take {in_memory:.3g} s "
        f"in memory without a limit; blocks equal to those in memory: {100 * equal:.0f} %"
    )
    write_json(given.json, about, {**found, "equal": equal, "reads": reads, "writes": writes, "rows": rows})


if __name__ == "__main__":
    main()
