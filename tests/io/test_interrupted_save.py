"""A save that is killed, or runs out of disk, leaves the old array; the new one is there completely or not at all."""

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("zarr")

SAVER = """
import os, sys
import synaptogen as sg
cells = sg.CellArray(200_000, rng=3, threads=1, storage=sys.argv[1], history="compact")
cells.apply_voltage(-1e6)
for path in sys.stdin:
    child = os.fork()
    if not child:
        import zarr
        print(os.getpid(), flush=True)
        cells.save(path.strip(), overwrite=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
REPEATS = int(os.environ.get("SYNAPTOGEN_KILLS", "4"))


def save_over(saver, path):
    """Let a child of the saver replace an array; returns the child when it begins."""
    saver.stdin.write(f"{path}\n")
    saver.stdin.flush()
    return int(saver.stdout.readline())


def found_at(path):
    """What a reader finds: the array at its place; elsewhere than on Linux, where folders are not swapped in one step,
    perhaps the old one under its hidden name."""
    if path.exists() or sys.platform == "linux":
        return sg.load(path, threads=1)
    (old,) = path.parent.glob(f".{path.name}.old.*")
    return sg.load(old, threads=1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
@pytest.mark.parametrize("storage", ["full", "compact"])
def test_killed_while_saving(storage, tmp_path):
    """``SYNAPTOGEN_KILLS=50`` repeats it as often; moments are spread over the whole save and a bit beyond."""
    old = sg.CellArray(200_000, rng=3, threads=1, storage=storage, history="compact")
    moments, outcomes = random.Random(1), []
    command = [sys.executable, "-c", SAVER, storage]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as saver:
        old.save(tmp_path / "spare.zarr")
        save_over(saver, tmp_path / "spare.zarr")
        begin = time.perf_counter()
        assert saver.stdout.readline() == "gone\n"
        duration = time.perf_counter() - begin
        for k in range(REPEATS):
            path = tmp_path / f"{k}.zarr"
            old.save(path)
            child = save_over(saver, path)
            time.sleep(moments.random() * 1.2 * duration)
            with suppress(ProcessLookupError):  # it was done before
                os.kill(child, signal.SIGKILL)
            assert saver.stdout.readline() == "gone\n"
            after = found_at(path)
            complete = bool(np.all(after.mode == sg.Mode.LRS))
            outcomes.append(complete)
            assert complete or np.all(after.mode == sg.Mode.HRS)
            for mine, theirs in zip(after[:5000].upcoming(2), old[:5000].upcoming(2), strict=True):
                assert np.array_equal(mine, theirs)
            assert complete or np.array_equal(after.r, old.r)
        saver.stdin.close()
    print(f"{sum(outcomes)} of {REPEATS} saves were complete")


FULL = """
import resource, signal, sys
import synaptogen as sg
cells = sg.load(sys.argv[1], threads=1)
cells.apply_voltage(-1e6)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    cells.save(sys.argv[1], overwrite=True)
except OSError as error:
    print("refused")
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit of file sizes")
def test_no_room_on_the_disk(tmp_path, run_python):
    """The system refuses to write beyond a size, as it does on a full disk: an error, and the old array is whole."""
    path = tmp_path / "a.zarr"
    old = sg.CellArray(200_000, rng=3, threads=1, history="compact")
    old.save(path)
    program = FULL.replace("sys.argv[1]", repr(str(path)))
    assert run_python(program) == "refused\n"
    after = sg.load(path, threads=1)
    assert np.array_equal(after.r, old.r)
    assert np.array_equal(after.mode, old.mode)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zarr"]


@pytest.fixture
def interrupt_at(monkeypatch):
    """A function after which Ctrl-C is pressed when a thread of zarr makes its n-th folder, on a slow disk."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    mkdir, made = Path.mkdir, []

    def set_number(number):
        def slow(self, *arguments, **options):
            if threading.current_thread() is not threading.main_thread():
                made.append(self)
                if len(made) == number:
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0.2)
            mkdir(self, *arguments, **options)

        made.clear()
        monkeypatch.setattr(Path, "mkdir", slow)

    yield set_number
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [1, 2, 4, 12])
@pytest.mark.parametrize("kind", ["save", "pass"])
def test_an_interrupt_while_zarr_writes_leaves_nothing_beside(kind, number, tmp_path, interrupt_at, state, same_state):
    """Threads of zarr do not go on after the interrupt: they would make the folder anew that has been removed."""
    path = tmp_path / "a.zarr"
    old = sg.CellArray(600, rng=3, engine="reference")
    old.save(path)
    disk = sg.outofcore.DiskArray.open(path, block=200)
    new = old.copy()
    new.apply_voltage(-2.0)
    interrupt_at(number)
    with pytest.raises(KeyboardInterrupt):
        new.save(path, overwrite=True) if kind == "save" else disk.apply_voltage(-2.0)
    time.sleep(0.3)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zarr"]
    same_state(state(sg.load(path)), state(old))
    if kind == "pass":
        assert disk.voltages == 0
        disk.apply_voltage(-2.0)
        same_state(state(sg.load(path)), state(new))
