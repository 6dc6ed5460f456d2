"""Claim: of 10,000 damaged files none crashes, and none is silently read as something else than what was saved.

Saved arrays, parameter files, validations and measurements are flipped, cut, filled, swapped, replaced by parts of
others, or forged: a value is replaced by one that no file should hold, with all digests made to fit. Each is opened
by the library, and some by the command line. The outcome is one of these:

    refused    an error that names the file
    harmless   the same content as before
    other      forged or unprotected content that is valid: another array, which its digest says is meant
    WRONG      content that nobody saved and that is not refused
    RAW        an error that the library does not promise, a traceback on the command line, a crash, or no end

Needs zarr, and the extras learn and cli. Each hundred files are opened in a process of their own, whose memory is
measured.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from typer.testing import CliRunner

import synaptogen as sg
from _timing import introduce, parser, table, write_json
from synaptogen import learn
from synaptogen.cli.app import app
from synaptogen.io import description, saved_arrays

CELLS, BLOCK, BATCH = 150, 64, 100
LONGEST = 60  # s of a processor that opening a file may take
FORK = multiprocessing.get_context("fork")
HOSTILE = [
    *(None, True, -1, 0, 1.5, 1e400, -0.0, 10**9, 10**30, "", "x", "../../x", "1" * 5000, "\x00\r\n<script>"),
    *([], {}, [[]], [1, [2]], {"a": {}}, [10**9] * 3, ["r"] * 500, "NaN", "\ud800", json.loads("[" * 80 + "]" * 80)),
]


class Kind(NamedTuple):
    """A kind of files."""

    make: Callable[[Path], None]
    """Writes one to a path."""
    digest: Callable[[Path], str]
    """Opens one and returns a digest of what is in it."""
    checked: bool
    """Whether damage that leaves the form intact must be found."""
    command: list[str]
    """A command that opens PATH."""


# ---- kinds


def arrays(**options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        cells = sg.CellArray(CELLS, rng=4, threads=1, **options)
        cells.apply_voltages([-2.0, 0.9])
        cells.read()
        cells.save(path)

    return make


def scattered(path: Path) -> None:
    cells = sg.CellArray(2 * CELLS, rng=4, threads=1)
    cells.apply_voltages([-2.0, 0.9])
    cells[::4].read()
    cells[1::2].copy().save(path)


def on_disk(path: Path) -> None:
    cells = sg.outofcore.DiskArray(CELLS, path=path, rng=4, threads=1, block=BLOCK)
    cells.apply_voltages([-2.0, 0.9])


def version_3(path: Path) -> None:
    arrays()(path)
    about = json.loads((path / "zarr.json").read_text())
    attributes = {k: v for k, v in about["attributes"].items() if k not in ("id", "checksums", "digest")}
    about["attributes"] = {**attributes, "version": 3}
    (path / "zarr.json").write_text(json.dumps(about))


def digest_of(state: dict[str, Any], *counts: object) -> str:
    found = hashlib.sha256(repr(counts).encode())
    for name in sorted(state):
        found.update(name.encode() + np.ascontiguousarray(state[name]).tobytes())
    return found.hexdigest()


def array_digest(path: Path) -> str:
    """The same in both ways of opening, and cells that live on."""
    cells = sg.load(path, threads=1)
    state, size = cells.state, cells.size
    found = digest_of(state.engine.dump(0, size), cells.shape, cells.seed, cells.bandwidth, state.counters.reads.times)
    with contextlib.suppress(ValueError):  # scattered cells cannot be cut into blocks
        blocked = sg.outofcore.DiskArray.open(path, threads=1, block=BLOCK)
        assert np.array_equal(np.concatenate(blocked.map_blocks(lambda block: block.r.ravel())), cells.r.ravel())
    cells.apply_voltages([-2.0, 0.7, 2.0])
    cells.read()
    cells.run_cycles(1)
    assert np.isfinite(cells.current(0.1)).all()
    return found


def params(path: Path) -> None:
    sg.DeviceParams.preset("hennen2024").with_order(2).to_json(path)


def params_digest(path: Path) -> str:
    found = sg.DeviceParams.from_json(path)
    assert np.isfinite(sg.CellArray(5, found, rng=1, threads=1).run_cycles(2).r_hrs).all()
    return found.to_json()


def validation(path: Path) -> None:
    features = sg.CellArray(20, rng=3, threads=1).run_cycles(60)
    values = {name: values.T.astype(float) for name, values in features._asdict().items()}
    learn.validate("hennen2024", learn.features(**values), splits=4, windows=300).save(path)


def validation_digest(path: Path) -> str:
    found = learn.Validation.load(path)
    values = {name: np.asarray(curve) for name, curve in found.curves.items()}
    return digest_of(values, found.properties, found.facts, found.notes, found.one_law, found.params.to_json())


def measured(ending: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        data = learn.sample_loops(devices=2, cycles=3, points=60, outliers=0, rng=1)
        written = path.with_name(f"measured{ending}")
        learn.write(data, written)
        written.rename(path)

    return make


def measured_digest(path: Path) -> str:
    found = learn.read(path)
    return digest_of({name: np.asarray(values) for name, values in found.data_vars.items()})


EXPORT = ["circuit", "export", "PATH.out", "--array", "PATH", "--netlist", "ngspice"]
SIMULATE = ["simulate", "--params", "PATH", "--cycles", "1", "--cells", "2", "--rng", "1"]
REPORT = ["report", "PATH", "--out", "PATH.html", "--overwrite"]
KINDS = {
    "array": Kind(arrays(), array_digest, True, EXPORT),
    "array, compact storage": Kind(arrays(storage="compact"), array_digest, True, EXPORT),
    "array, compact history": Kind(arrays(history="compact"), array_digest, True, EXPORT),
    "array, reference engine": Kind(arrays(engine="reference"), array_digest, True, EXPORT),
    "array, scattered cells": Kind(scattered, array_digest, True, EXPORT),
    "array of a pass on disk": Kind(on_disk, array_digest, True, EXPORT),
    "array of version 3": Kind(version_3, array_digest, False, EXPORT),
    "parameters": Kind(params, params_digest, True, SIMULATE),
    "validation": Kind(validation, validation_digest, True, REPORT),
    "measurement, CSV": Kind(measured(".csv"), measured_digest, False, ["look", "PATH"]),
    "measurement, NPZ": Kind(measured(".npz"), measured_digest, False, ["look", "PATH"]),
}


# ---- damage: each function changes one file, or a folder


def flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 1, 2, 50))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def take_out(content: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(content))
    del content[begin : begin + chance.randrange(1, 100)]


def extend(content: bytearray, chance: random.Random) -> None:
    content += chance.choice((b"\0", b"}", chance.randbytes(500), bytes(content)))


def fill(content: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(content))
    end = min(len(content), begin + chance.choice((1, 4, 64, 10**6)))
    content[begin:end] = bytes([chance.choice((0, 255, 32))]) * (end - begin)


CHANGES = {"flipped": flip, "cut": cut, "taken out": take_out, "extended": extend, "filled": fill}


def files_of(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def foreign(path: Path, others: list[Path], chance: random.Random) -> None:
    """Put a file of another kind, or of another place, or nothing, at the place of a file."""
    file = chance.choice(files_of(path))
    source = chance.choice([*files_of(path), *files_of(chance.choice(others)), None])
    if source is None:
        file.unlink()
        if chance.random() < 0.3:
            file.mkdir()
    else:
        content = source.read_bytes()
        file.write_bytes(content)


def entries(value: Any) -> Iterator[tuple[Any, Any]]:
    """All places in JSON."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from entries(value[key])


def forge(path: Path, chance: random.Random) -> bool:
    """Replace a value in JSON, with digests that fit; False for files without."""
    found = [file for file in files_of(path) if file.read_bytes()[:1] == b"{"]
    if not found:
        return False
    file = chance.choice(found)
    about = json.loads(file.read_bytes())
    places = [p for p in entries(about) if p[1] != "digest"]
    where, key = chance.choice([p for p in places if p[0] is about.get("attributes")] or places)
    if chance.random() < 0.5:
        where, key = chance.choice(places)
    if isinstance(where, dict) and chance.random() < 0.2:
        del where[key]
    else:
        where[key] = chance.choice(HOSTILE)
    attributes = about.get("attributes")
    if isinstance(attributes, dict) and "digest" in attributes:
        with contextlib.suppress(UnicodeEncodeError):
            attributes["digest"] = description._digest(attributes)
    elif not path.is_dir():
        about.pop("digest", None)
    file.write_text(json.dumps(about), encoding="utf-8")
    return True


def damage(path: Path, others: list[Path], chance: random.Random) -> str:
    """Damage a file or folder; returns how."""
    draw = chance.random()
    if draw < 0.15 and forge(path, chance):
        return "forged"
    if draw < 0.3:
        foreign(path, others, chance)
        return "swapped or foreign"
    name = chance.choice(list(CHANGES))
    file = chance.choice([f for f in files_of(path) if f.stat().st_size])
    content = bytearray(file.read_bytes())
    CHANGES[name](content, chance)
    file.write_bytes(content)
    return name


# ---- outcomes


def too_long(*_: object) -> None:
    raise RuntimeError("it did not come back")


def opened(kind: Kind, path: Path, how: str, intact: str) -> str:
    """What the library does with a file."""
    try:
        found = kind.digest(path)
    except (ValueError, FileNotFoundError, IsADirectoryError, PermissionError, MemoryError) as error:
        return "refused" if str(error) else f"RAW {type(error).__name__} without a message"
    except BaseException as error:
        return f"RAW {type(error).__name__}: {str(error)[:120]}"
    if found == intact:
        return "harmless"
    return "other" if how == "forged" or not kind.checked else "WRONG"


def commanded(kind: Kind, path: Path) -> str:
    """What the command line does with a file."""
    words = [word.replace("PATH", str(path)) for word in kind.command]
    done = CliRunner().invoke(app, words)
    if done.exception is None or isinstance(done.exception, SystemExit):
        told = done.exit_code == 0 or "rror" in done.output
        return f"exit code {done.exit_code}" + ("" if told else " without a message")
    return f"RAW {type(done.exception).__name__}: {str(done.exception)[:120]}"


class Batch(NamedTuple):
    """A hundred files."""

    name: str
    original: Path
    others: list[Path]
    intact: str
    numbers: range
    folder: Path


def work(batch: Batch, seed: int, answers: Any) -> None:
    """Damage and open the files of a batch; tell each before it is opened, so that a crash is known."""
    kind = KINDS[batch.name]
    signal.signal(signal.SIGPROF, too_long)
    for number in batch.numbers:
        chance = random.Random(f"{seed} {batch.name} {number}")
        path = batch.folder / f"{number}"
        copy = shutil.copytree if batch.original.is_dir() else shutil.copy
        copy(batch.original, path)
        how = damage(path, batch.others, chance)
        answers.send((number, how))
        signal.setitimer(signal.ITIMER_PROF, LONGEST)  # of the processor, whatever else it does
        outcome = opened(kind, path, how, batch.intact)
        command = commanded(kind, path) if number % 5 == 0 else ""
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.send((outcome, command))
        for left in batch.folder.glob(f"{number}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    answers.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    os._exit(0)


def run(batch: Batch, seed: int, counts: dict[str, Counter[tuple[str, str]]]) -> int:
    """Run a batch in a process of its own, and count outcomes; returns KiB of memory."""
    mine, theirs = FORK.Pipe(False)
    process = FORK.Process(target=work, args=(batch, seed, theirs))
    process.start()
    theirs.close()
    memory, pending = 0, None
    with contextlib.suppress(EOFError):
        while True:
            told = mine.recv()
            if isinstance(told, int):
                memory = told
            elif isinstance(told[0], int):
                pending = told
            else:
                number, how = pending
                counts["library"][how, told[0]] += 1
                if told[1]:
                    counts["command line"]["", told[1]] += 1
                if any(map(is_bad, told)):
                    print(f"{batch.name} {number}, {how}: {told}", file=sys.stderr, flush=True)
                pending = None
    process.join()
    if pending is not None:
        counts["library"][pending[1], "RAW crash"] += 1
        print(f"{batch.name} {pending}: crash, exit code {process.exitcode}", file=sys.stderr, flush=True)
    return memory


def is_bad(outcome: str) -> bool:
    return outcome.startswith(("RAW", "WRONG")) or "without" in outcome


def main() -> None:
    options = parser(__doc__, 10)  # files of each kind; the claim was shown with --repeats 910
    options.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    about = introduce("Damaged files")
    saved_arrays.BLOCK = BLOCK
    rows, results, bad = [], {}, 0
    with tempfile.TemporaryDirectory() as folder:
        originals = {name: Path(folder) / f"original-{k}" for k, name in enumerate(KINDS)}
        for name, kind in KINDS.items():
            kind.make(originals[name])
        for name in given.kinds:
            counts = {"library": Counter[tuple[str, str]](), "command line": Counter[tuple[str, str]]()}
            others = [path for other, path in originals.items() if other != name]
            intact, memory = KINDS[name].digest(originals[name]), 0
            place = Path(folder) / "damaged"
            place.mkdir(exist_ok=True)
            for begin in range(0, given.repeats, BATCH):
                numbers = range(begin, min(given.repeats, begin + BATCH))
                batch = Batch(name, originals[name], others, intact, numbers, place)
                memory = max(memory, run(batch, given.seed, counts))
            for who, outcomes in counts.items():
                rows += [[name, who, *found, number] for found, number in sorted(outcomes.items())]
                bad += sum(
                    n for (_, what), n in outcomes.items() if what.startswith(("RAW", "WRONG")) or "without" in what
                )
            results[name] = {w: {" ".join(k): n for k, n in c.items()} for w, c in counts.items()} | {"KiB": memory}
            print(f"{name}: {memory >> 10} MiB for the largest process; {results[name]}", flush=True)
    print(table(["kind", "by", "damage", "outcome", "number"], rows))
    files = given.repeats * len(given.kinds)
    print(f"\n{files} damaged files: {bad} read wrongly, crashes, hangs, or errors that the library does not promise")
    write_json(given.json, about, results)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
