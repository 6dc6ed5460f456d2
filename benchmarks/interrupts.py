"""Claim: Ctrl-C at any moment of a long call leaves the cells as before or after it, or they say that they are not.

Each trial makes an array in a process of its own and interrupts a call at a random moment, once or twice. What the
interrupted process finds is one of these:

    before, after    the cells as before or after the call, their time and the numbers of reads and products too
    whole pulses     the cells as after a whole number of the pulses of a write-verify, which can be called again
    done             the call was done before the interrupt
    refused          the cells must not be used, which the error and every further call say (after two interrupts)

Needs Linux. Processes are forked from one that has everything compiled.
"""

import contextlib
import hashlib
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from kills import Helper
from synaptogen.crossbar import Wires, write_verify

MOVING = sg.DeviceParams.preset("hennen2024").compact(4).with_fluctuation("hfox-1t1r")
WIRES = Wires(2.0, 2.0)


def lived(side: int, **options: object) -> sg.CellArray:
    cells = sg.CellArray((side, side), rng=3, threads=2, **options)
    cells.apply_voltages([-2.0, 0.9])
    return cells


def write(cells: sg.CellArray, progress: Callable[[int, int], None] | None = None) -> None:
    targets = np.random.default_rng(1).uniform(20e-6, 60e-6, cells.shape)
    write_verify(cells, targets, tolerance=2e-6, budget=12, progress=progress)


CALLS: dict[str, tuple[Callable[[], sg.CellArray], Callable[[sg.CellArray], object]]] = {
    "voltages": (lambda: lived(500), lambda cells: cells.apply_voltages([-2.0, 0.9, 2.0] * 4)),
    "cycles": (lambda: lived(400, history="compact"), lambda cells: cells.run_cycles(4)),
    "cycles, compact storage": (lambda: lived(400, storage="compact"), lambda cells: cells.run_cycles(4)),
    "sweep with noise": (lambda: lived(300), lambda cells: cells.sweep(np.linspace(0, -1.5, 40), noise=True)),
    "wait": (lambda: lived(250, params=MOVING), lambda cells: cells.wait(1e4)),
    "product": (lambda: lived(1000), lambda cells: cells.product(np.full((1000, 200), 0.2))),
    "product through wires": (lambda: lived(64), lambda cells: cells.product(np.full((64, 8), 0.2), wires=WIRES)),
    "voltages through wires": (lambda: lived(48), lambda cells: cells.apply_voltage(0.9, wires=WIRES)),
    "write-verify": (lambda: lived(200), write),
}


def digest(cells: sg.CellArray) -> str:
    """A digest of everything that a call may change."""
    state, found = cells.state.engine.dump(0, cells.size), hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode() + np.ascontiguousarray(state[name]).tobytes())
    counts = cells.time, cells.state.counters.reads.times, cells.state.counters.products
    return f"{found.hexdigest()} {counts}"


def undisturbed(call: str) -> tuple[list[str], float]:
    """Digests before the call, after each pulse of a write-verify, and after the call; and how long it takes."""
    make, run = CALLS[call]
    cells = make()
    digests = [digest(cells)]
    if run is write:
        write(cells, lambda done, total: digests.append(digest(cells)))
    else:
        run(cells)
    again = make()
    begin = time.perf_counter()
    run(again)
    return [*digests, digest(cells)], time.perf_counter() - begin


def victim(call: str, known: list[str], orders: Connection, answers: Connection) -> None:
    """Make the call, and say what an interrupt finds."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in the background ignore
    make, run = CALLS[call]
    cells = make()
    outcome = "done"
    try:
        answers.send("begin")
        run(cells)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt as error:
        ignored = False
        while not ignored:  # a second interrupt may come here
            with contextlib.suppress(KeyboardInterrupt):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                ignored = True
        outcome = after_interrupt(cells, known, getattr(error, "__notes__", []))
    answers.send(outcome)
    os._exit(0)


def after_interrupt(cells: sg.CellArray, known: list[str], notes: list[str]) -> str:
    try:
        cells.r  # noqa: B018
    except RuntimeError as error:
        told = "must not be used" in str(error) and any("must not be used" in note for note in notes)
        return "refused" if told else "ERROR refused without a remedy"
    found = digest(cells)
    if found in (known[0], known[-1]):
        return "before" if found == known[0] else "after"
    cells_of = [each.split(" ")[0] for each in known]
    if found.split(" ")[0] in cells_of[1:-1]:
        return "whole pulses"
    if found.split(" ")[0] not in cells_of:
        return "ERROR neither before nor after"
    return f"ERROR counts {found.partition(' ')[2]} of cells {'before' if found.startswith(cells_of[0]) else 'after'}"


def main() -> None:
    options = parser(__doc__, 10)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--calls", nargs="*", default=list(CALLS), choices=list(CALLS))
    given = options.parse_args()
    about = introduce("Interrupted calls")
    chance, counts = random.Random(given.seed), Counter[tuple[str, int, str]]()
    for call in given.calls:
        known, duration = undisturbed(call)
        pace = 1.0
        for k in range(2 * given.repeats):
            times = 1 + k % 2
            doomed = Helper(victim, call, known)
            outcome = doomed.answer()
            if outcome == "begin":
                for _ in range(times):
                    time.sleep(chance.random() * pace * duration / times)
                    os.kill(doomed.process.pid or 0, signal.SIGINT)
                outcome = doomed.answer()
            doomed.end()
            pace *= 0.8 if outcome == "done" else 1.05  # a share of calls is done, whatever else runs here
            counts[call, times, outcome] += 1
        print(f"{call}: an undisturbed one takes {duration:.3f} s", file=sys.stderr, flush=True)
    rows = [[*key, number] for key, number in sorted(counts.items())]
    print(table(["call", "interrupts", "outcome", "number"], rows))
    bad = sum(row[3] for row in rows if "ERROR" in str(row[2]))
    print(f"\n{sum(counts.values())} calls: {bad} that left cells neither before nor after, or without a word")
    write_json(given.json, about, rows)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
