"""Claim: no SIGKILL at any moment of a save, of a pass on disk or of a checkpoint loses, mixes or spoils an array.

Each trial has a folder with one array. A victim replaces the array and is killed at a random moment, or a little after
it is done. Half of the kills wait until the new array is complete beside the old one, and so hit the moments of
syncing, swapping and clearing up. What the killed process has left shows which moment it was. A reader loads the array
again and again meanwhile. A second writer tries once to replace the array too, or counts reads in it. Every array has
one of four contents, which are known, so that whatever is loaded can be told from a mixture. Afterwards the array must
load in both ways, and the next writer must find the lock free and clear up.

With ``--signal TERM`` and ``--signal INT`` victims are ended by the system's request, or interrupted as by Ctrl-C.
After Ctrl-C nothing may be left beside the array, and the object of a pass must know what is on the disk and go on.

Needs Linux, zarr and distributed. Processes are forked from one that has everything compiled.
"""

import contextlib
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import distributed
import numpy as np

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from synaptogen._utils import leftovers
from synaptogen.io.description import is_saved_array

CELLS, BLOCK = 40_000, 5_000
OLD, NEW, OTHER, BOTH = "old", "new", "other", "other, then new"
ADDED = [-1.2, 0.7]  # V, by a victim; also to the array of the second writer, if it opens that one
VOLTAGES = {OLD: [-2.0, 0.8], OTHER: [-2.0, 1.1]}
VOLTAGES |= {NEW: VOLTAGES[OLD] + ADDED, BOTH: VOLTAGES[OTHER] + ADDED}
FORK = multiprocessing.get_context("fork")
PATIENCE = 60.0  # s until a process that does not answer counts as hung
FIRST, LAST = 1e-3, 1.0  # s after the new array is complete, between which syncing, swapping and clearing up end


class Given(NamedTuple):
    """What the processes of a trial know."""

    path: Path
    """Where the array is."""
    contents: dict[str, str]
    """Digests of what it may hold, by names."""
    seed: int
    """Of their random moments."""


class Moment(NamedTuple):
    """When a victim is killed, and how."""

    by: signal.Signals
    """The signal that it gets."""
    complete: bool
    """Wait first until the new array is complete beside the old one."""
    delay: float
    """Seconds from there, or from the begin."""


def lived(content: str) -> sg.CellArray:
    """The array of a content, in memory."""
    cells = sg.CellArray(CELLS, rng=3, history="compact", threads=1)
    cells.apply_voltages(VOLTAGES[content])
    return cells


def digest(cells: sg.CellArray) -> str:
    """A digest of the state of all cells."""
    found = hashlib.sha256()
    for name, values in sorted(cells.state.engine.dump(0, CELLS).items()):
        found.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


# ---- victims: each says when it begins and when it is done


def save(given: Given, begin: Callable[[], None]) -> None:
    cells = sg.load(given.path, threads=1)
    cells.apply_voltages(ADDED)
    begin()
    try:
        cells.save(given.path, overwrite=True)
    except KeyboardInterrupt:
        require(digest(cells) in given.contents.values(), "the array in memory has changed")
        raise


def one_pass(given: Given, begin: Callable[[], None]) -> None:
    cells = sg.outofcore.DiskArray.open(given.path, threads=1, block=BLOCK)
    before = cells.voltages
    begin()
    try:
        cells.apply_voltages(ADDED)
    except KeyboardInterrupt:
        try:
            found = int(cells.cycle.max()) >= 0 and sg.outofcore.DiskArray.open(given.path, threads=1).voltages
        except ValueError:  # the second writer has replaced the array
            raise KeyboardInterrupt from None
        require(cells.voltages == found in (before, before + len(ADDED)), "the object does not know what is on disk")
        raise


def checkpoint(given: Given, begin: Callable[[], None]) -> None:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        cells = sg.distributed.DistributedArray.open(given.path, client=client, block=BLOCK)
        cells.apply_voltages(ADDED)
        expected = cells.r
        begin()
        try:
            cells.checkpoint()
        except KeyboardInterrupt:
            require(np.array_equal(cells.r, expected), "the array on the workers has changed")
            raise


def require(holds: bool, message: str) -> None:
    """Tell the parent of a victim that something is wrong."""
    if not holds:
        raise AssertionError(message)


VICTIMS = {"save": save, "pass on disk": one_pass, "checkpoint of Dask": checkpoint}


def victim(kind: str, given: Given, answers: Connection) -> None:
    """Replace the array; the moment of the kill is chosen by the parent."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in the background ignore
    try:
        VICTIMS[kind](given, lambda: answers.send("begin"))
        answers.send("done")
    except KeyboardInterrupt:
        answers.send("interrupted")
    except AssertionError as error:
        answers.send(f"ERROR {error}")
    except (BlockingIOError, ValueError) as error:  # the second writer was faster: it writes, or has replaced the array
        answers.send(f"refused: {error}")
    os._exit(0)


# ---- those beside it


def reader(given: Given, orders: Connection, answers: Connection) -> None:
    """Load the array until told to stop; it must always be there, as one of the known contents."""
    seen: Counter[str] = Counter()
    ways = [lambda: digest(sg.load(given.path, threads=1)), lambda: blocks_read(given.path)]
    names = {value: name for name, value in given.contents.items()}
    turn = 0
    while not orders.poll():
        try:
            seen[names.get(ways[turn % 2](), "mixture")] += 1
        except ValueError as error:
            seen["told that it was replaced" if "another array" in str(error) else f"ERROR {error}"] += 1
        except Exception as error:
            seen[f"ERROR {type(error).__name__}: {error}"] += 1
        turn += 1
    answers.send(dict(seen))
    os._exit(0)


def blocks_read(path: Path) -> str:
    """Digest of an array that is read block by block, each of which could be of another save."""
    cells = sg.outofcore.DiskArray.open(path, threads=1, block=BLOCK)
    parts = cells.map_blocks(lambda block: block.state.engine.dump(0, block.size))
    found = hashlib.sha256()
    for name in sorted(parts[0]):
        found.update(name.encode() + np.ascontiguousarray(np.concatenate([p[name] for p in parts], axis=-1)).tobytes())
    return found.hexdigest()


def second_writer(given: Given, orders: Connection, answers: Connection) -> None:
    """Once, at a random moment, save another array there, or read with noise, which is counted on disk."""
    chance = random.Random(given.seed)
    other = lived(OTHER)
    answers.send("ready")
    orders.recv()
    time.sleep(chance.random() * 0.3)
    try:
        if chance.random() < 0.5:
            other.save(given.path, overwrite=True)
            answers.send("replaced")
        else:
            sg.outofcore.DiskArray.open(given.path, threads=1, block=BLOCK).read()
            answers.send("counted")
    except BlockingIOError:
        answers.send("refused")
    except ValueError as error:
        answers.send("told that it was replaced" if "another array" in str(error) else f"ERROR {error}")
    except Exception as error:
        answers.send(f"ERROR {type(error).__name__}: {error}")
    os._exit(0)


# ---- trials


class Helper:
    """A forked process with a pipe in each direction."""

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        theirs_in, self.orders = FORK.Pipe(False)
        self.answers, theirs_out = FORK.Pipe(False)
        self.process = FORK.Process(target=work, args=(*arguments, theirs_in, theirs_out))
        self.process.start()
        theirs_in.close()
        theirs_out.close()

    def answer(self) -> Any:
        if not self.answers.poll(PATIENCE):
            return "ERROR hung"
        try:
            return self.answers.recv()
        except EOFError:
            return "ERROR died"

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.orders.close()
        self.process.kill()
        self.process.join()
        self.answers.close()


def await_complete(path: Path, process: Any) -> None:
    """Wait until a new array is complete beside the old one, or the process has ended."""
    while process.is_alive() and not any(is_saved_array(folder / "new") for folder in leftovers(path)):
        pass


def left_by_killed(path: Path, old: str) -> str:
    """At which moment a process was killed, by what it has left."""
    found = leftovers(path)
    if not found:
        return "before it wrote, or after the swap and clearing up"
    new = found[0] / "new"
    if not is_saved_array(new):
        return "while it wrote, or cleared up"
    try:
        swapped = digest(sg.load(new, threads=1)) == old
    except (ValueError, OSError):
        return "while it cleared up"
    return "after the swap, before clearing up" if swapped else "complete, before the swap"


def trial(kind: str, given: Given, moment: Moment | None) -> tuple[dict[str, str], dict[str, int], float]:
    """One victim, killed at a moment after it begins, beside a reader and a second writer."""
    watching, writing = Helper(reader, given), Helper(second_writer, given)
    writing.answer()
    early = given.seed % 2 == 0
    if early:  # while the victim still opens the array
        writing.orders.send("go")
    doomed = Helper(lambda orders, answers: victim(kind, given, answers))
    outcome, begun, spent = doomed.answer(), time.perf_counter(), 0.0
    if not early:
        writing.orders.send("go")
    if outcome == "begin":
        if moment is None:
            outcome, spent = doomed.answer(), time.perf_counter() - begun
        else:
            if moment.complete:
                await_complete(given.path, doomed.process)
            time.sleep(moment.delay)
            with contextlib.suppress(ProcessLookupError):
                os.kill(doomed.process.pid or 0, moment.by)
            spent = time.perf_counter() - begun
            outcome = doomed.answer()
            outcome = "killed" if outcome == "ERROR died" else outcome
            doomed.process.kill()
            doomed.process.join()
    result = {"victim": outcome.split(":")[0] if outcome.startswith("refused") else outcome}
    if outcome == "killed":
        result["moment"] = left_by_killed(given.path, given.contents[OLD])
    result["writer"] = writing.answer()
    if outcome == "interrupted" and leftovers(given.path):
        result["victim"] = "ERROR interrupted, and left a folder"
    watching.orders.send("stop")
    seen = watching.answer()
    for helper in (watching, writing, doomed):
        helper.end()
    return result, seen if isinstance(seen, dict) else {seen: 1}, spent


def judged(given: Given) -> str:
    """What is at the path now, by both ways of loading, and whether the next writer gets in and clears up."""
    names = {value: name for name, value in given.contents.items()}
    try:
        loaded, blocked = digest(sg.load(given.path, threads=1)), blocks_read(given.path)
    except Exception as error:
        return f"ERROR unloadable: {type(error).__name__}: {error}"
    if loaded != blocked or loaded not in names:
        return "ERROR mixture"
    try:
        lived(OTHER).save(given.path, overwrite=True)
    except Exception as error:
        return f"ERROR next writer: {type(error).__name__}: {error}"
    left = sorted(entry.name for entry in given.path.parent.iterdir() if entry != given.path)
    return f"ERROR left over: {left}" if left else names[loaded]


def trials(
    kind: str, kills: int, folder: Path, contents: dict[str, str], seed: int, by: signal.Signals
) -> dict[str, Counter[str]]:
    """Kill many victims of a kind; outcomes are counted."""
    chance, counts = random.Random(seed), {k: Counter[str]() for k in ("victim", "moment", "writer", "found", "reader")}
    old, durations, pace, kill_times = lived(OLD), [], 1.0, []
    for k in range(kills + 3):
        place = folder / str(k)
        place.mkdir()
        given = Given(place / "cells.zarr", contents, chance.randrange(1 << 30))
        old.save(given.path)
        moment = None
        if k >= 3:
            complete, draw = k % 2 == 0, chance.random()
            late, early = FIRST * (LAST / FIRST) ** draw, draw * pace * float(np.median(durations))
            moment = Moment(by, complete, late if complete else early)
        result, seen, spent = trial(kind, given, moment)
        if moment is None:
            durations.append(max(spent, 0.05))
        else:
            if not moment.complete:  # a share of victims is done, whatever else runs here
                pace *= 0.8 if result["victim"] == "done" else 1.05
            if result["victim"] in ("killed", "interrupted"):
                kill_times.append(spent)
            for who, outcome in result.items():
                counts[who][outcome] += 1
            counts["found"][judged(given)] += 1
            counts["reader"].update(seen)
        shutil.rmtree(place)
        if k % 20 == 19:
            found = dict(counts["found"])
            print(f"{kind}: {k + 1} of {kills + 3}, {found}", file=sys.stderr, flush=True)
    spread = np.percentile(kill_times, (0, 25, 50, 75, 100)).round(3).tolist() if kill_times else []
    print(f"{kind}: an undisturbed one takes {np.median(durations):.3f} s; quartiles of the kills {spread} s")
    return counts


def main() -> None:
    options = parser(__doc__, 20)  # the claim was shown with --repeats 200
    options.add_argument("--kinds", nargs="*", default=list(VICTIMS), choices=list(VICTIMS))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--signal", default="KILL", choices=["KILL", "TERM", "INT"])
    given = options.parse_args()
    about = introduce("Arrays after SIGKILL")
    contents = {name: digest(lived(name)) for name in VOLTAGES}
    by, results = signal.Signals[f"SIG{given.signal}"], {}
    with tempfile.TemporaryDirectory() as folder:
        for number, kind in enumerate(given.kinds):
            place = Path(folder) / str(number)
            place.mkdir()
            results[kind] = trials(kind, given.repeats, place, contents, given.seed + number, by)
            print(kind, {who: dict(outcomes) for who, outcomes in results[kind].items()}, flush=True)
    rows = [
        [kind, who, outcome, count]
        for kind, counts in results.items()
        for who, outcomes in counts.items()
        for outcome, count in sorted(outcomes.items())
    ]
    print(table(["killed in a", "who", "outcome", "number"], rows))
    bad = sum(row[3] for row in rows if "ERROR" in row[2] or row[2] == "mixture")
    kills = given.repeats * len(given.kinds)
    print(f"\n{kills} kills: {bad} arrays lost, mixed or unloadable, locks kept, or errors other than refusals")
    write_json(given.json, about, results)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
