"""Arrays on a cluster: the cells of `CellArray`, for any number of workers, and when some of them die."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("distributed")
pytest.importorskip("zarr")

import dask
from distributed import Client, LocalCluster

from synaptogen._utils import install_command
from synaptogen.distributed import DistributedArray
from synaptogen.io import Writer

SHAPE = (60, 70)
OPTIONS = {"rng": 3, "block": 600}
QUIET = {"dashboard_address": ":0", "silence_logs": 50, "threads_per_worker": 1}


@pytest.fixture(scope="module")
def client():
    """A cluster of four processes."""
    with LocalCluster(n_workers=4, **QUIET) as cluster, Client(cluster) as connected:
        connected.wait_for_workers(4)
        yield connected


@pytest.fixture(scope="module")
def inside():
    """A cluster of two workers in this process."""
    with LocalCluster(n_workers=2, processes=False, **QUIET) as cluster, Client(cluster, set_as_default=False) as one:
        yield one


def same(a, b):
    assert a.dtype == b.dtype
    assert np.array_equal(a, b)


def lived(cells):
    """A life with voltages of all kinds; returns what was seen."""
    rng = np.random.default_rng(1)
    cells.apply_voltages(rng.uniform(-1.6, 1.6, (5, *SHAPE)))
    cells.apply_voltage(-2.0, where=rng.random((SHAPE[0], 1)) < 0.5)
    cells.apply_voltages(rng.uniform(-1.6, 1.6, (3, 1, SHAPE[1])))
    seen = [cells.sweep(np.linspace(0, -1.5, 4), noise=True), cells.read(), cells.read(rng.uniform(0, 0.3, SHAPE))]
    v = rng.uniform(0, 0.2, SHAPE[1])
    return [*seen, *cells.run_cycles(2), cells @ v, cells @ v, cells.r, cells.mode, *cells.features, cells.device]


# ---------------------------------------------------------------------------------------- the same cells


@pytest.mark.parametrize("storage", ["compact", "full"])
def test_lives_do_not_depend_on_the_number_of_workers(storage, client, tmp_path, state, same_state):
    alone = sg.CellArray(SHAPE, rng=3, storage=storage, threads=1)
    expected, sums = lived(alone), []
    w = np.linspace(0, 0.2, SHAPE[0])
    addresses = sorted(client.nthreads())
    for number in (1, 2, 4):
        with DistributedArray(SHAPE, storage=storage, workers=addresses[:number], **OPTIONS) as cells:
            assert f"on {number} workers" in repr(cells)
            for mine, its in zip(expected, lived(cells), strict=True):
                same(mine, its)
            sums.append(np.stack([w @ cells, cells.product(w, transpose=True, bandwidth=0)]))
            same(sums[0], sums[-1])
            assert cells.limited() == alone.limited()
            cells.save(tmp_path / f"{number}")
    assert np.allclose(sums[0], np.stack([w @ alone, alone.product(w, transpose=True, bandwidth=0)]), rtol=1e-5)
    for number in (1, 2, 4):
        same_state(state(sg.load(tmp_path / f"{number}", threads=1)), state(alone))


def test_workers_in_one_process_hold_blocks_of_their_own(inside, same_cells):
    a = sg.CellArray(SHAPE, rng=3, threads=1)
    with DistributedArray(SHAPE, client=inside, **OPTIONS) as b:
        for cells in (a, b):
            cells.apply_voltages([-2.0, 1.0])
        same_cells(a, b)
        same(np.concatenate(list(b.read_in_blocks())), a.read().ravel())
        assert b.map_blocks(lambda cells: cells.shape[0]) == [8] * 7 + [4]


def test_voltages_are_those_of_the_call(inside, same_cells):
    """Cells that are made anew see what was given, not what the caller's arrays became."""
    a, b = sg.CellArray(SHAPE, rng=3, threads=1), DistributedArray(SHAPE, client=inside, **OPTIONS)
    u, where = np.full((2, *SHAPE), -2.0, np.float32), np.arange(SHAPE[1]) % 2 == 0
    for cells in (a, b):
        cells.apply_voltages(u, where=where)
    u[:], where[:] = 2.0, False
    b.release()
    same_cells(a, b)


# ---------------------------------------------------------------------------------------- what goes wrong


def kill_after(client, delay):
    """Kill a worker, one that holds blocks, from another thread."""
    process = next(iter(client.run(os.getpid).values()))
    timer = threading.Timer(delay, os.kill, (process, signal.SIGKILL))
    timer.start()
    return timer


def program(k):
    """Voltages of call k."""
    return np.random.default_rng(k).uniform(-1.6, 1.6, (2, 1, SHAPE[1]))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_worker_is_killed_in_a_program(checkpoint, client, tmp_path):
    client.wait_for_workers(4)
    place = {"checkpoint": tmp_path / "cells", "checkpoint_every": 5} if checkpoint else {}
    alone = sg.CellArray(SHAPE, storage="compact", rng=3, threads=1)
    with DistributedArray(SHAPE, storage="compact", client=client, **place, **OPTIONS) as cells:
        killer, k = kill_after(client, 0.1), 0
        while killer.is_alive() or k < 20:
            for c in (alone, cells):
                c.apply_voltages(program(k))
            k += 1
        same(alone.sweep([-1.0, -2.0], noise=True), cells.sweep([-1.0, -2.0], noise=True))
        same(alone.read(), cells.read())
        for mine, its in zip(alone.upcoming(2), cells.upcoming(2), strict=True):
            same(mine, its)
    assert alone.cycle.max() > 2


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_worker_dies_at_a_request(client, tmp_path):
    """In the middle of it, for certain."""
    client.wait_for_workers(4)
    place = str(tmp_path / "died")

    def die_once(cells):
        if not os.path.exists(place):
            with open(place, "x"):
                os.kill(os.getpid(), signal.SIGKILL)
        return float(cells.r.sum())

    alone = sg.CellArray(SHAPE, rng=3, threads=1)
    with DistributedArray(SHAPE, client=client, **OPTIONS) as cells:
        for c in (alone, cells):
            c.apply_voltage(-2.0)
        sums = cells.map_blocks(die_once)
        assert os.path.exists(place)
        assert sums == [float(alone[8 * k : 8 * k + 8].r.sum()) for k in range(8)]
        same(alone.r, cells.r)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize(("storage", "checkpoint"), [("compact", True), ("full", False)])
def test_a_worker_is_killed_while_time_passes(storage, checkpoint, client, tmp_path):
    """The cells of an array on workers of which one dies, those of a saved copy, and those of an array here."""
    client.wait_for_workers(4)
    params = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    place = {"checkpoint": tmp_path / "cells", "checkpoint_every": 5} if checkpoint else {}
    alone = sg.CellArray(SHAPE, params, storage=storage, rng=3, threads=1)
    with DistributedArray(SHAPE, params, storage=storage, client=client, **place, **OPTIONS) as cells:
        killer, k = kill_after(client, 0.1), 0
        while killer.is_alive() or k < 8:
            for c in (alone, cells):
                c.apply_voltages(program(k))
                c.wait(0.3 + 1000.0 * k, temperature=300 + k)
            k += 1
        assert cells.time == alone.time
        same(alone.r, cells.r)
        same(alone.read(), cells.read())
        cells.save(tmp_path / "saved")
        again = sg.load(tmp_path / "saved", threads=1)
        for c in (alone, cells, again):
            c.apply_voltage(-2.0, where=np.arange(SHAPE[1]) % 2 == 0)
            c.wait(1e6)
        same(alone.r, cells.r)
        same(alone.r, again.r)
    assert np.abs(np.log(alone.conductance() / sg.load(tmp_path / "saved").conductance())).max() > 0.1


CLIENT = """
import sys
import numpy as np
from distributed import Client
from synaptogen.distributed import DistributedArray
def program(k):
    return np.random.default_rng(k).uniform(-1.6, 1.6, (2, 1, 70))
with Client(sys.argv[1]) as client:
    cells = DistributedArray((60, 70), rng=3, block=600, checkpoint=sys.argv[2], checkpoint_every=6)
    for k in range(100_000):
        cells.apply_voltages(program(k))
        print(k, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_client_is_killed_and_another_goes_on(client, tmp_path):
    command = [sys.executable, "-c", CLIENT, client.scheduler.address, str(tmp_path / "cells")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        while int(first.stdout.readline()) < 7:
            pass
        first.kill()
    cells = DistributedArray.open(tmp_path / "cells", client=client)
    assert cells.voltages >= 12
    assert cells.voltages % 6 == 0
    alone = sg.CellArray(SHAPE, rng=3, threads=1)
    for k in range(40):
        alone.apply_voltages(program(k))
        if k >= cells.voltages // 2:
            cells.apply_voltages(program(k))
    same(alone.r, cells.r)
    same(alone.cycle, cells.cycle)
    cells.release()


def test_a_function_that_fails_is_told_and_nothing_is_lost(inside, same_cells):
    a, b = sg.CellArray(SHAPE, rng=3, threads=1), DistributedArray(SHAPE, client=inside, **OPTIONS)
    with pytest.raises(ZeroDivisionError):
        b.map_blocks(lambda _: 1 // 0)
    for cells in (a, b):
        cells.apply_voltage(-2.0)
    same_cells(a, b)


def test_a_checkpoint_that_was_replaced_is_told(inside, tmp_path):
    b = DistributedArray(SHAPE, client=inside, checkpoint=tmp_path / "cells", **OPTIONS)
    b.apply_voltage(-2.0)
    b.checkpoint()
    sg.CellArray(SHAPE, rng=3, threads=1).save(tmp_path / "cells", overwrite=True)
    b.release()
    with pytest.raises(ValueError, match="another array"):
        b.read()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_without_workers_a_checkpoint_leaves_the_last_one(client, tmp_path, same_cells):
    client.wait_for_workers(4)
    a, address = sg.CellArray(SHAPE, rng=3, threads=1), sorted(client.nthreads())[0]
    place = {"checkpoint": tmp_path / "cells", "workers": [address], "patience": 0.1}
    b = DistributedArray(SHAPE, client=client, **place, **OPTIONS)
    b.checkpoint()
    b.apply_voltage(-2.0)
    os.kill(client.run(os.getpid, workers=[address])[address], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="no worker"):
        b.checkpoint()
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    same_cells(a, sg.load(tmp_path / "cells", threads=1))
    client.wait_for_workers(4)
    b.reconnect(client)
    b.checkpoint()
    a.apply_voltage(-2.0)
    same_cells(a, sg.load(tmp_path / "cells", threads=1))


def test_workers_that_write_on_after_an_interrupt_leave_nothing(inside, tmp_path, monkeypatch, same_cells):
    """Ctrl-C in a checkpoint does not stop the workers; what they have written since is removed."""
    a = sg.CellArray(SHAPE, rng=3, threads=1)
    b = DistributedArray(SHAPE, client=inside, checkpoint=tmp_path / "cells", **OPTIONS)
    b.checkpoint()
    b.apply_voltage(-2.0)
    write, begun = Writer.write, []

    def slow(self, begin, state):
        if not begun:
            begun.append(begin)
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)
        write(self, begin, state)

    monkeypatch.setattr(Writer, "write", slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            b.checkpoint()
    finally:
        signal.signal(signal.SIGINT, before)
    found = b.r  # after all that workers had to do
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    same_cells(a, sg.load(tmp_path / "cells", threads=1))
    monkeypatch.undo()
    a.apply_voltage(-2.0)
    same(found, a.r)
    b.checkpoint()
    same_cells(a, sg.load(tmp_path / "cells", threads=1))
    b.release()


SCHEDULER = """
import time
from distributed import LocalCluster
with LocalCluster(
    n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=":0", silence_logs=50
) as cluster:
    print(cluster.scheduler_address, flush=True)
    time.sleep(120)
"""


@pytest.mark.parametrize("lost", ["client", "scheduler"])
def test_a_lost_connection_is_told_and_another_goes_on(lost, inside, tmp_path, same_cells):
    """Everything in process and cluster is gone: an error, the last checkpoint, and no voltage lost."""
    a = sg.CellArray(SHAPE, rng=3, threads=1)
    command = [sys.executable, "-c", SCHEDULER]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cluster,
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
    ):
        first = Client(cluster.stdout.readline().strip(), set_as_default=False)
        b = DistributedArray(SHAPE, client=first, checkpoint=tmp_path / "cells", **OPTIONS)
        for cells in (a, b):
            cells.apply_voltage(-2.0)
        b.checkpoint()
        for cells in (a, b):
            cells.apply_voltage(0.9)
        if lost == "client":
            first.close()
        cluster.kill()
        cluster.wait()
        attempts = [b.read, b.checkpoint, lambda: b.apply_voltage(1.0), lambda: b.save(tmp_path / "other"), lambda: b.r]
        attempts += [lambda: DistributedArray.open(tmp_path / "cells", client=first)]
        attempts += [lambda: DistributedArray(9, client=first), lambda: b.reconnect(first)]
        for attempt in attempts:
            with pytest.raises(ConnectionError, match=r"reconnect\(client\)"):
                attempt()
        first.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["cells"]
    assert sg.load(tmp_path / "cells", threads=1).mode.max() == sg.Mode.LRS
    assert b.voltages == 2
    b.reconnect(inside)
    same_cells(a, b)
    b.checkpoint()
    same_cells(a, sg.load(tmp_path / "cells", threads=1))
    b.release()


def test_no_workers(client):
    with pytest.raises(RuntimeError, match=r"no worker for 0\.1 s"):
        DistributedArray(SHAPE, client=client, workers=["tcp://127.0.0.1:1"], patience=0.1, **OPTIONS)


def test_memory_is_given_back(inside):
    from synaptogen.distributed.worker import _WORKER_STATES

    held = DistributedArray(SHAPE, client=inside, **OPTIONS)
    name = held._placement.array
    assert any(name in worker.arrays for worker in _WORKER_STATES.values())
    del held
    end = time.monotonic() + 10
    while any(name in worker.arrays for worker in _WORKER_STATES.values()):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("shape", (), ValueError),
        ("block", 0, ValueError),
        ("client", 3, TypeError),
        ("patience", -1.0, ValueError),
        ("checkpoint_every", 3, ValueError),
        ("checkpoint", ".", FileExistsError),
        ("engine", "gpu", ValueError),
        ("checkpoint_every", 0, ValueError),
    ],
)
def test_bad_arguments(name, value, error, inside):
    with pytest.raises(error, match=name if error is not FileExistsError else "exists"):
        DistributedArray(**{"shape": SHAPE, "client": inside, **OPTIONS, name: value})


def test_bad_voltages_change_nothing(inside, same_cells):
    a, b = sg.CellArray(SHAPE, rng=3, threads=1), DistributedArray(SHAPE, client=inside, **OPTIONS)
    for wrong in ([1.0, np.nan], np.zeros((2, 3)), []):
        with pytest.raises(ValueError, match="pulses"):
            b.apply_voltages(wrong)
    with pytest.raises(ValueError, match="no place for checkpoints"):
        b.checkpoint()
    assert b.voltages == 0
    same_cells(a, b)


def test_without_a_client(run_python):
    program = """
import synaptogen as sg
try:
    sg.distributed.DistributedArray(3)
except ValueError as error:
    print(error)
"""
    assert run_python(program) == "there is no Dask client: make one first, client = distributed.Client()\n"


def test_missing_library_names_the_extra(run_python):
    program = """
import sys
sys.modules["distributed"] = None
import synaptogen as sg
try:
    sg.distributed
except ModuleNotFoundError as error:
    print(error)
"""
    assert install_command("distributed") in run_python(program)


def test_widths_of_pulses_are_part_of_the_log(inside, same_cells):
    """Blocks that are made anew see the same pulses at the same times."""
    law = sg.PulseWidthParams("mine", 1e-6, 0.1, 0.1)
    params = sg.DeviceParams.preset("hennen2024").with_pulse_width(law)
    for each in (params, params.with_fluctuation("hfox-1t1r")):
        a = sg.CellArray(SHAPE, each, rng=3, threads=1)
        b = DistributedArray(SHAPE, each, client=inside, **OPTIONS)
        for cells in (a, b):
            cells.apply_voltages([-0.7, 1.1], width=[1e-8, 1e-4])
            cells.sweep([0.5, 1.2], width=1e-5)
            cells.read(duration=2.0)
        same_cells(a, b)
        b.release()
        same_cells(a, b)
        assert a.time == pytest.approx(b.time)
        assert b.voltages == 4
