"""Claim: workers or a scheduler of Dask that are lost in a pass or a checkpoint cost an error, never an array.

Each trial has a scheduler, two workers and a client, each a process of its own. At a random moment of a call of the
client one worker, both, or the scheduler get a SIGKILL. Either the call returns, or it raises a ConnectionError or a
RuntimeError. The array on the disk is the one before the checkpoint, or that after it if the checkpoint has returned.
Then the client goes on with another cluster: its cells have seen all voltages, and its next checkpoint has them and
leaves nothing beside it. Or the client gets the SIGKILL: the array is the one before or after, and the next writer,
who comes while the workers may still write, leaves nothing beside it once they are done.

Needs Linux, zarr and distributed.
"""

import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import distributed
import numpy as np

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from kills import ADDED, BLOCK, NEW, OLD, Given, Helper, digest, lived

CALLS = ("pass", "checkpoint")
LOST = ("one worker", "both workers", "scheduler", "client")
SETTLED = 2.0  # s after which workers whose client was killed have written what they had to
PATIENCE = 1.5  # s for which the client waits for workers where there are none


def scheduler(_: Connection, answers: Connection) -> None:
    async def serve() -> None:
        async with distributed.Scheduler(port=0, dashboard=False, dashboard_address=":0") as serving:
            answers.send(serving.address)
            await serving.finished()

    asyncio.run(serve())


def worker(address: str, _: Connection, answers: Connection) -> None:
    async def serve() -> None:
        async with distributed.Worker(address, nthreads=1, death_timeout=5) as serving:
            answers.send(serving.address)
            await serving.finished()

    asyncio.run(serve())


def client(call: str, given: Given, address: str, orders: Connection, answers: Connection) -> None:
    """Make the call when told to; then say how it ended, what is on the disk, and what becomes of the cells."""
    connected = distributed.Client(address)
    connected.wait_for_workers(2)
    cells = sg.distributed.DistributedArray.open(given.path, client=connected, block=BLOCK, patience=PATIENCE)
    if call == "checkpoint":
        cells.apply_voltages(ADDED)
    answers.send("ready")
    orders.recv()
    begin = time.perf_counter()
    try:
        cells.checkpoint() if call == "checkpoint" else cells.apply_voltages(ADDED)
        outcome = "done"
    except (ConnectionError, RuntimeError) as error:
        outcome = type(error).__name__
    except BaseException as error:
        outcome = f"ERROR {type(error).__name__}: {error}"
    answers.send((outcome, time.perf_counter() - begin))
    names = {value: name for name, value in given.contents.items()}
    answers.send(names.get(digest(sg.load(given.path, threads=1)), "mixture"))
    answers.send(afterwards(cells, given))
    os._exit(0)


def afterwards(cells: sg.distributed.DistributedArray, given: Given) -> str:
    """What becomes of the cells on another cluster."""
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(silence_logs=50, **options) as cluster, distributed.Client(cluster) as other:
        cells.reconnect(other)
        if not np.array_equal(cells.r, lived(NEW).r):
            return "ERROR voltages are missing"
        cells.checkpoint()
        if digest(sg.load(given.path, threads=1)) != given.contents[NEW]:
            return "ERROR another array was written"
        left = sorted(entry.name for entry in given.path.parent.iterdir() if entry != given.path)
        return f"ERROR left over: {left}" if left else "goes on"


def trial(call: str, lost: str | None, given: Given, delay: float) -> tuple[dict[str, str], float]:
    """Lose something in a call, a while after it begins."""
    serving = Helper(scheduler)
    address = serving.answer()
    working = [Helper(worker, address) for _ in range(2)]
    for each in working:
        each.answer()
    calling = Helper(client, call, given, address)
    result, spent = {"call": calling.answer()}, 0.0
    if result["call"] == "ready":
        calling.orders.send("go")
        time.sleep(delay)
        victims = {"one worker": working[:1], "both workers": working, "scheduler": [serving], "client": [calling]}
        for each in victims[lost] if lost else ():
            os.kill(each.process.pid or 0, signal.SIGKILL)
        told = calling.answer()
        if lost == "client":
            return without_client(call, given, [calling, *working, serving]), 0.0
        result["call"], spent = told if isinstance(told, tuple) else (told, 0.0)
        result["on disk"], result["afterwards"] = calling.answer(), calling.answer()
        expected = NEW if (call, result["call"]) == ("checkpoint", "done") else OLD
        if result["on disk"] != expected:
            result["on disk"] = f"ERROR {result['on disk']} after {result['call']}"
    for each in (calling, *working, serving):
        each.end()
    return result, spent


def without_client(call: str, given: Given, processes: list[Helper]) -> dict[str, str]:
    """What a client that was killed has left, and what the next writer makes of it."""
    names = {value: name for name, value in given.contents.items()}
    found = names.get(digest(sg.load(given.path, threads=1)), "mixture")
    result = {"call": "killed", "on disk": found if (call, found) != ("pass", NEW) else "ERROR new after a pass"}
    lived(OLD).save(given.path, overwrite=True)
    time.sleep(SETTLED)
    for each in processes:
        each.end()
    left = sorted(entry.name for entry in given.path.parent.iterdir() if entry != given.path)
    whole = digest(sg.load(given.path, threads=1)) == given.contents[OLD]
    result["afterwards"] = f"ERROR left over: {left}" if left else "next writer" if whole else "ERROR another array"
    return result


def main() -> None:
    options = parser(__doc__, 5)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    about = introduce("Lost workers and schedulers")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    contents, chance = {name: digest(lived(name)) for name in (OLD, NEW)}, random.Random(given.seed)
    counts, old = Counter[tuple[str, str, str, str]](), lived(OLD)
    with tempfile.TemporaryDirectory() as folder:
        for call in CALLS:
            durations: list[float] = []
            for k in range(3 + len(LOST) * given.repeats):
                place = Path(folder) / f"{call}-{k}"
                place.mkdir()
                about_array = Given(place / "cells.zarr", contents, k)
                old.save(about_array.path)
                lost = LOST[k % len(LOST)] if k >= 3 else None
                delay = chance.random() * 1.1 * float(np.median(durations)) if lost else 0.0
                result, spent = trial(call, lost, about_array, delay)
                durations += [spent] if lost is None else []
                for what, outcome in result.items():
                    counts[call, lost or "nothing", what, outcome] += 1
            print(f"{call}: an undisturbed one takes {np.median(durations):.3f} s", file=sys.stderr, flush=True)
    rows = [[*key, number] for key, number in sorted(counts.items())]
    print(table(["in a", "lost", "what", "outcome", "number"], rows))
    bad = sum(row[4] for row in rows if "ERROR" in row[3] or row[3] == "mixture")
    print(f"\n{len(CALLS) * len(LOST) * given.repeats} losses: {bad} arrays lost, mixed, left over, or other errors")
    write_json(given.json, about, rows)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
