"""Claim: a switching cycle runs near what this machine can do, by its memory or by its arithmetic, whichever binds.

Measures in the same run, by turns: how fast this machine reads memory, and how fast it updates memory (reads and
writes the same bytes, both counted), each as the best of several programs; and the time of a cycle, -2 V then +1.5 V
on all cells of a VAR(10), as two calls and fused into one pass: means over 10 cycles, in which each ring is renewed
once. The arithmetic alone is timed with few cells, which stay in the cache, ten cycles in one call, one thread.

Bytes of a cycle follow from the layout (engines/cpu/layout.py). Per group of 16 cells a field fills one 64-byte line,
so that lines are read and written whole; a field that is written is first read by the processor, and counted so. The
ring of p slots is read and written once in p cycles, in a RESET; each RESET fetches one slot. A plain layout, with
which it is compared, has the same fields and reads all p slots in each RESET. Not counted are what prefetchers fetch in
vain, and the other half of a line where groups have 8 cells. The least time that memory allows is

    (bytes read - bytes written) / read bandwidth + 2 * bytes written / update bandwidth.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

import synaptogen as sg
from _timing import (
    CYCLES,
    Summary,
    introduce,
    mean_seconds,
    parser,
    positive,
    rounds,
    seconds,
    side,
    summary,
    table,
    write_json,
)

Floats = NDArray[np.float32]
ORDER = 10  # of the VAR
THREADS = (1, 2)
PULSES = [-2.0, 1.5]  # V; switches all cells but one in a million, so that they stay in step over thousands of cycles

# ---- bytes


class Pass(NamedTuple):
    """Fields of a cell that one pass over memory reads and writes."""

    reads: frozenset[str]
    writes: frozenset[str]

    def __or__(self, other: "Pass") -> "Pass":
        return Pass(self.reads | other.reads, self.writes | other.writes)

    def traffic(self) -> NDArray[np.float64]:
        """Bytes read and bytes written: what is written is read as well."""
        return np.array([bytes_of(self.reads | self.writes), bytes_of(self.writes)])


def fields(names: str) -> frozenset[str]:
    """Field names."""
    return frozenset(names.split())


def bytes_of(names: frozenset[str]) -> float:
    """Four bytes a number: eight numbers are a device, four a slot."""
    return 4.0 * sum({"device": 8, "slot": 4}.get(name.rstrip("0123456789"), 1) for name in names)


ALL = fields("r word u_set r_lrs u_reset r_hrs u_ratchet t_scale t_end device")
SLOTS = frozenset(f"slot{k}" for k in range(ORDER))
SET = Pass(fields("word u_set r_lrs"), fields("word r"))
RESET = Pass(fields("word u_reset device slot0"), fields("word u_set r_lrs r_hrs u_reset r"))
PLAIN_RESET = Pass(RESET.reads | SLOTS, RESET.writes | fields("slot0"))
RENEWAL = Pass(SLOTS, SLOTS).traffic() / ORDER

TRAFFIC = {
    "two calls": SET.traffic() + RESET.traffic() + RENEWAL,
    "one pass": (SET | RESET).traffic() + RENEWAL,
    "plain layout": SET.traffic() + PLAIN_RESET.traffic(),
}


# ---- the machine's limits


@njit(nogil=True, fastmath=True)
def read_stream(a: Floats) -> np.float32:
    total = np.float32(0.0)
    for i in range(a.size):
        total += a[i]
    return total


@njit(nogil=True, fastmath=True)
def read_streams(a: Floats) -> np.float32:
    b = a.reshape(8, -1)
    total = np.float32(0.0)
    for i in range(b.shape[1]):
        total += b[0, i] + b[1, i] + b[2, i] + b[3, i] + b[4, i] + b[5, i] + b[6, i] + b[7, i]
    return total


@njit(nogil=True)
def update_stream(a: Floats) -> None:
    one = np.float32(1.0)
    for i in range(a.size):
        a[i] += one


@njit(nogil=True)
def update_streams(a: Floats) -> None:
    b = a.reshape(8, -1)
    one = np.float32(1.0)
    for i in range(b.shape[1]):
        b[0, i] += one
        b[1, i] += one
        b[2, i] += one
        b[3, i] += one
        b[4, i] += one
        b[5, i] += one
        b[6, i] += one
        b[7, i] += one


def add_in_place(a: Floats) -> None:
    np.add(a, np.float32(1.0), out=a)


def copy_half(a: Floats) -> None:
    """Read one half, write the other."""
    half = a.size // 2
    np.copyto(a[half:], a[:half])


class Program(NamedTuple):
    """A program that goes through memory, and how often it moves each byte."""

    run: Callable[[Floats], Any]
    moves: int


READS = {
    "read, 1 stream": Program(read_stream, 1),
    "read, 8 streams": Program(read_streams, 1),
    "read, np.max": Program(np.max, 1),
}
UPDATES = {
    "update, 1 stream": Program(update_stream, 2),
    "update, 8 streams": Program(update_streams, 2),
    "update, np.add": Program(add_in_place, 2),
    "copy, np.copyto": Program(copy_half, 1),
}


def spread(program: Program, memory: Floats, pool: ThreadPoolExecutor, threads: int) -> float:
    """Bytes per second of a program, each thread with its own part of the memory."""
    parts = memory.reshape(threads, -1)
    return program.moves * memory.nbytes / seconds(lambda: list(pool.map(program.run, parts)))


# ---- cycles


def two_calls(cells: sg.CellArray) -> None:
    for _ in range(CYCLES):
        cells.apply_voltage(PULSES[0])
        cells.apply_voltage(PULSES[1])


def one_pass(cells: sg.CellArray) -> None:
    for _ in range(CYCLES):
        cells.apply_voltages(PULSES)


def all_in_one(cells: sg.CellArray) -> None:
    cells.apply_voltages(PULSES * CYCLES)


def cycle_seconds(cycles: Callable[[sg.CellArray], None], cells: sg.CellArray) -> float:
    """Seconds of a cycle of one cell, the mean over a whole turn of the ring."""
    calls = 1 + FEW // cells.size  # a stretch long enough for the clock
    return mean_seconds(partial(cycles, cells), calls) / (CYCLES * cells.size)


FEW_CELLS = 64 * 64  # they take less than 1 MB
FEW = 40 * FEW_CELLS


# ---- report


class Limits(NamedTuple):
    """Bandwidths in bytes per second."""

    read: float
    update: float

    def least(self, traffic: NDArray[np.float64]) -> float:
        """Least seconds for a cell's cycle."""
        read, written = traffic
        return float((read - written) / self.read + 2.0 * written / self.update)


def array_of(cells: int, threads: int) -> sg.CellArray:
    """Cells that have their past."""
    array = sg.CellArray((side(cells), side(cells)), rng=1, threads=threads)
    array.apply_voltages(PULSES)
    if array.nbytes != cells * bytes_of(ALL | SLOTS):
        raise SystemExit("the layout of cells has changed: the fields named in this file are not all of them")
    return array


def measure(cells: int, mebibytes: int, threads: int, repeats: int) -> dict[str, Summary]:
    """Bandwidths of programs in bytes per second and times of cycles in seconds."""
    memory = np.ones(mebibytes * 2**18, np.float32)
    many, few = array_of(cells, threads), array_of(FEW_CELLS, 1)
    with ThreadPoolExecutor(threads) as pool:
        tasks: dict[str, Callable[[], float]] = {
            name: partial(spread, program, memory, pool, threads) for name, program in (READS | UPDATES).items()
        }
        tasks["two calls"] = partial(cycle_seconds, two_calls, many)
        tasks["one pass"] = partial(cycle_seconds, one_pass, many)
        tasks["arithmetic"] = partial(cycle_seconds, all_in_one, few)
        return {name: summary(values) for name, values in rounds(tasks, repeats).items()}


def limits_of(measured: dict[str, Summary]) -> Limits:
    """The best of the programs."""
    return Limits(*(max(measured[name].median for name in programs) for programs in (READS, UPDATES)))


def entry(layout: str, measured: dict[str, Summary], limits: Limits, threads: int) -> dict[str, float | str | None]:
    """Bytes and time of a layout, and what fraction of each limit it reaches."""
    traffic, arithmetic = TRAFFIC[layout], measured["arithmetic"].median / threads
    least = limits.least(traffic)
    result: dict[str, float | str | None] = {
        "layout": layout,
        "bytes read": float(traffic[0]),
        "written": float(traffic[1]),
        "memory ns": least * 1e9,
        "arithmetic ns": arithmetic * 1e9,
    }
    if layout in measured:
        taken = measured[layout].median
        rate = float(traffic.sum()) / taken
        return result | {
            "measured ns": taken * 1e9,
            "of memory": least / taken,
            "of arithmetic": arithmetic / taken,
            "of read": rate / limits.read,
            "of update": rate / limits.update,
        }
    return result | dict.fromkeys(("measured ns", "of memory", "of arithmetic", "of read", "of update"))


def show(measured: dict[str, Summary], entries: list[dict[str, Any]], threads: int) -> None:
    """Print what was found for so many threads."""
    print(f"\n{threads} thread(s): bandwidth in GB/s")
    programs = ((name, Summary(*(v / 1e9 for v in measured[name]))) for name in READS | UPDATES)
    print(table(["program", "median (low-high)"], programs))
    print(f"\n{threads} thread(s): one cycle of one cell: least times, the time taken, fractions of limits")
    print(table(list(entries[0]), (list(e.values()) for e in entries)))
    plain, ours = entries[-1], entries[0]
    print(f"Bytes of a plain layout over ours: {moved(plain) / moved(ours):.2f}")
    print(
        f"Least time of a plain layout over ours as measured: {plain['memory ns'] / ours['measured ns']:.2f}",
        flush=True,
    )


def moved(entry: dict[str, Any]) -> float:
    """Bytes read and written."""
    return float(entry["bytes read"] + entry["written"])


def main() -> None:
    options = parser(__doc__, repeats=5)
    options.add_argument("--cells", type=positive, default=2**22, help="228 bytes each (default: 2^22)")
    options.add_argument(
        "--memory", type=positive, default=1024, metavar="MIB", help="for the bandwidths: far beyond caches"
    )
    given = options.parse_args()
    about = introduce("Switching cycles: fractions of the limits of this machine")
    results = []
    for threads in THREADS:
        measured = measure(given.cells, given.memory, threads, given.repeats)
        limits = limits_of(measured)
        entries = [entry(layout, measured, limits, threads) for layout in TRAFFIC]
        show(measured, entries, threads)
        bandwidths = {name: measured[name] for name in READS | UPDATES}
        results.append({"threads": threads, "bandwidths": bandwidths, "limits": limits, "cycles": entries})
    write_json(given.json, about, results)


if __name__ == "__main__":
    main()
