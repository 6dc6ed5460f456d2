"""Arrays on disk: the cells of `CellArray`, passes that are whole or were not, and memory for some blocks only."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("zarr")

from synaptogen._utils import folders
from synaptogen.io import zarr_format as store
from synaptogen.outofcore import disk_array
from synaptogen.outofcore.disk_array import DiskArray

SHAPE = (37, 70)
KINDS = {
    "full": {"storage": "full"},
    "packed": {"storage": "compact"},
    "compact, pristine": {"history": "compact", "start": "pristine", "bandwidth": 1e6},
    "reference": {"engine": "reference"},
}


def pair(path, kind="packed", shape=SHAPE, block=900, **options):
    options = {"rng": 3, "threads": 1, **KINDS[kind], **options}
    return sg.CellArray(shape, **options), DiskArray(shape, path=path, block=block, **options)


def same(a, b):
    assert a.dtype == b.dtype
    assert np.array_equal(a, b)


def all_same(many, others):
    for a, b in zip(many, others, strict=True):
        same(a, b)


def lived(cells, shape=SHAPE):
    """A life with voltages of all kinds; returns what was seen."""
    rng = np.random.default_rng(1)
    cells.apply_voltages(rng.uniform(-1.6, 1.6, (5, *shape)))
    cells.apply_voltage(-2.0, where=rng.random((shape[0], *[1] * (len(shape) - 1))) < 0.5)
    cells.apply_voltages(rng.uniform(-1.6, 1.6, (3, 1, *shape[1:])))
    trace = cells.sweep(np.linspace(0, -1.5, 4), noise=True)
    return [trace, cells.read(), cells.read(rng.uniform(0, 0.3, shape)), *cells.run_cycles(2), cells.current(0.1)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_cells_as_in_memory(kind, tmp_path, same_cells):
    a, b = pair(tmp_path / "cells", kind)
    assert b.blocks == 4
    all_same(lived(a), lived(b))
    same_cells(a, b)
    all_same(a.upcoming(2), b.upcoming(2))
    same(a.component, b.component)
    same(a.conductance(), b.conductance())
    assert (b.size, b.ndim, len(b), b.seed, b.nbytes) == (a.size, a.ndim, len(a), a.seed, a.nbytes)
    same_cells(sg.load(b.path, threads=1), a)


def test_one_axis(tmp_path, same_cells):
    a, b = pair(tmp_path / "cells", shape=1000, block=128)
    assert b.blocks == 8
    all_same(lived(a, (1000,)), lived(b, (1000,)))
    same_cells(a, b)


def test_blocks_are_read_one_after_the_other(tmp_path):
    a, b = pair(tmp_path / "cells")
    parts = list(b.read_in_blocks())
    assert len(parts) == 4
    same(np.concatenate(parts), a.read().ravel())
    same(a.read(), b.read())  # the read before was counted
    with pytest.raises(ValueError, match="one for all"):
        b.read_in_blocks(np.zeros(SHAPE))


@pytest.mark.parametrize("bandwidth", [None, 0.0])
def test_products(bandwidth, tmp_path):
    a, b = pair(tmp_path / "cells")
    for cells in (a, b):
        cells.apply_voltages(np.random.default_rng(1).uniform(-1.6, 1.6, (3, *SHAPE)))
    rows, columns = SHAPE
    v = np.random.default_rng(2).uniform(0, 0.2, columns)
    same(a.product(v, bandwidth=bandwidth), b.product(v, bandwidth=bandwidth))
    w = np.random.default_rng(3).uniform(0, 0.2, (3, rows))
    for given in (w[0], w):  # in another order of sums
        mine, its = (cells.product(given, bandwidth=bandwidth, transpose=True) for cells in (a, b))
        assert mine.shape == its.shape
        assert np.allclose(mine, its, rtol=1e-5)
    batch = np.random.default_rng(4).uniform(0, 0.2, (columns, 3))
    assert np.allclose(a.product(batch, bandwidth=bandwidth), b.product(batch, bandwidth=bandwidth), rtol=1e-5)
    if bandwidth is None:
        assert not np.array_equal(v[:rows] @ b, v[:rows] @ b)  # noise has moved on


def test_sums_over_columns_depend_on_blocks_alone(tmp_path):
    _, b = pair(tmp_path / "cells")
    w = np.linspace(0, 0.2, SHAPE[0])
    again = DiskArray.open(b.path, block=900, threads=2)
    same(w @ b, w @ again)


def test_opened_again(tmp_path, same_cells):
    a, b = pair(tmp_path / "cells")
    for cells in (a, b):
        cells.apply_voltages([-2.0, 2.0, -2.0])
        cells.read()
        _ = cells @ np.zeros(SHAPE[1])
    c = DiskArray.open(b.path, block=400, threads=1)
    assert c.voltages == b.voltages == 3
    assert c.blocks > b.blocks
    same(a.read(), c.read())
    same(a @ np.full(SHAPE[1], 0.2), c @ np.full(SHAPE[1], 0.2))
    c.apply_voltages(np.random.default_rng(1).uniform(-1.6, 1.6, (5, *SHAPE)))
    a.apply_voltages(np.random.default_rng(1).uniform(-1.6, 1.6, (5, *SHAPE)))
    same_cells(a, c)


def test_an_array_that_was_saved_in_memory(tmp_path, same_cells):
    a = sg.CellArray(SHAPE, rng=4, threads=1)
    a.apply_voltages([-2.0, 1.0])
    a.save(tmp_path / "cells")
    b = DiskArray.open(tmp_path / "cells", block=500, threads=1)
    for cells in (a, b):
        cells.apply_voltage(-2.0)
    same_cells(a, b)
    b.save(tmp_path / "copy")
    same_cells(sg.load(tmp_path / "copy"), a)


@pytest.mark.parametrize("special", ["ids", "reads"])
def test_arrays_that_cannot_be_cut(special, tmp_path):
    a = sg.CellArray(SHAPE, rng=4, threads=1)
    if special == "reads":
        a[:3].read()
    (a[::2, ::3] if special == "ids" else a).save(tmp_path / "cells")
    with pytest.raises(ValueError, match=r"synaptogen\.load reads"):
        DiskArray.open(tmp_path / "cells")


def test_map_and_progress(tmp_path):
    seen = []
    options = {"rng": 3, "storage": "compact", "threads": 1, "block": 900}
    b = DiskArray(SHAPE, path=tmp_path / "cells", progress=lambda *done: seen.append(done), **options)
    assert seen == [(840, 2590), (1680, 2590), (2520, 2590), (2590, 2590)]
    assert b.map_blocks(lambda cells: cells.shape) == [(12, 70)] * 3 + [(1, 70)]
    assert len(seen) == 8


@pytest.mark.parametrize("path", ["voltages", "where", "existing", "shape", "block", "noise"])
def test_bad_input_changes_nothing(path, tmp_path, state, same_state):
    _, b = pair(tmp_path / "cells")
    before = state(sg.load(b.path))
    with pytest.raises((ValueError, TypeError, FileExistsError)):
        {
            "voltages": lambda: b.apply_voltages([1.0, np.nan]),
            "where": lambda: b.apply_voltage(1.0, where=np.ones((2, 2), bool)),
            "existing": lambda: DiskArray(SHAPE, path=b.path),
            "shape": lambda: DiskArray((), path=b.path, overwrite=True),
            "block": lambda: DiskArray(3, path=b.path, overwrite=True, block=0),
            "noise": lambda: b.read(bandwidth=-1.0),
        }[path]()
    same_state(before, state(sg.load(b.path)))
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]


def test_a_result_that_does_not_fit(tmp_path, monkeypatch):
    _, b = pair(tmp_path / "cells")
    monkeypatch.setattr("synaptogen._utils.memory.available_memory", lambda: 20 * b.size)
    assert len(b.mode) == SHAPE[0]
    with pytest.raises(MemoryError, match="map_blocks"):
        b.device  # noqa: B018
    with pytest.raises(MemoryError, match="map_blocks"):
        b.sweep([-2.0] * 9)
    assert b.voltages == 0


def test_a_full_disk_leaves_the_array_before_the_pass(tmp_path, monkeypatch, state, same_state):
    a, b = pair(tmp_path / "cells")
    write, written = store.Writer.write, []

    def fail(self, begin, block):
        written.append(begin)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        write(self, begin, block)

    monkeypatch.setattr(store.Writer, "write", fail)
    with pytest.raises(OSError, match="No space"):
        b.apply_voltage(-2.0)
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    assert b.voltages == 0
    same_state(state(sg.load(b.path)), state(a))
    for cells in (a, b):
        cells.apply_voltage(-2.0)
    same_state(state(sg.load(b.path)), state(a))


@pytest.fixture
def interrupts():
    """Ctrl-C raises, as in a program that nobody has put into the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_after_the_swap_finds_the_array_after_the_pass(tmp_path, monkeypatch, interrupts, same_cells):
    a, b = pair(tmp_path / "cells", "reference")
    remove = folders._remove

    def interrupted(around):
        signal.raise_signal(signal.SIGINT)
        remove(around)

    monkeypatch.setattr(folders, "_remove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        b.apply_voltages([-2.0, 0.9])
    monkeypatch.undo()
    a.apply_voltages([-2.0, 0.9])
    assert b.voltages == 2
    same_cells(a, b)
    b.apply_voltage(-2.0)
    assert b.voltages == 3


def test_an_interrupt_between_blocks_lets_the_next_writer_in(tmp_path, monkeypatch, interrupts, same_cells):
    """Even while its traceback is kept, as interactive interpreters do."""
    a, b = pair(tmp_path / "cells", "reference")

    class Interrupting(np.ndarray):
        """Where the currents of blocks are collected, between which the pass is suspended."""

        def __setitem__(self, key, value):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(b, "_allocate_result", lambda *_: np.empty((2, *SHAPE)).view(Interrupting))
    with pytest.raises(KeyboardInterrupt) as kept:
        b.sweep([-2.0, 0.9])
    monkeypatch.undo()
    assert b.voltages == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    b.sweep([-2.0, 0.9])
    a.sweep([-2.0, 0.9])
    same_cells(a, b)
    assert kept.tb is not None


def test_a_pass_that_fails_does_not_wait_for_the_block_that_is_read_ahead(tmp_path, monkeypatch):
    """Whoever lets go of it: in a thread of zarr, for which the reader waits, neither would ever go on."""
    _, b = pair(tmp_path / "cells", "reference")
    go_on, load = threading.Event(), disk_array.load_block

    def slow(source, spec, blocks, k, *rest):
        if k:
            go_on.wait(30.0)
        return load(source, spec, blocks, k, *rest)

    monkeypatch.setattr(disk_array, "load_block", slow)
    begin = time.perf_counter()
    with pytest.raises(ZeroDivisionError):
        b.map_blocks(lambda _: 1 // 0)
    assert time.perf_counter() - begin < 20.0
    go_on.set()


PASSES = """
import sys
from synaptogen.outofcore import DiskArray
cells = DiskArray.open(sys.argv[1], block=20_000, threads=1)
cells.run_cycles(1)
print("ready", flush=True)
for k in range(1000):
    cells.run_cycles(1)
"""


def test_killed_in_a_pass(tmp_path):
    """SIGKILL at random moments: the array is the one after some number of whole passes, which it knows."""
    path, moments = tmp_path / "cells", random.Random(1)
    made = DiskArray(200_000, path=path, rng=3, storage="compact", block=20_000, threads=1)
    reference = sg.CellArray(200_000, rng=3, storage="compact", threads=1)
    seen = 0
    for _ in range(3):
        command = [sys.executable, "-c", PASSES, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
            assert killed.stdout.readline() == "ready\n"
            time.sleep(moments.random() * 0.4)
            os.kill(killed.pid, signal.SIGKILL)
        after = DiskArray.open(path, threads=1)
        assert after.voltages % 2 == 0
        assert after.voltages > seen
        reference.apply_voltages([-1e6, 1e6] * ((after.voltages - seen) // 2))
        seen = after.voltages
        same(after.r, reference.r)
        same(after.cycle, reference.cycle)
        after.run_cycles(1)  # a writer clears up
        reference.run_cycles(1)
        seen += 2
        assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    assert made.path == path
