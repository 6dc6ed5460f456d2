"""Arrays that come out of a pickle own their memory, whatever memory the pickle was read from."""

import io
import pickle
import threading

import numpy as np
import pytest

import synaptogen as sg

KINDS = {
    "cpu": {},
    "cpu, compact history": {"history": "compact"},
    "compact storage": {"storage": "compact"},
    "reference": {"engine": "reference"},
}


def sent(cells, memory):
    """Send cells through a pickle whose buffers lie in a kind of memory; returns the cells and these buffers."""
    buffers = []
    data = pickle.dumps(cells, protocol=5, buffer_callback=buffers.append)
    frames = [memory(buffer.raw()) for buffer in buffers]
    return pickle.loads(data, buffers=frames), frames


@pytest.mark.parametrize("memory", [bytes, lambda raw: memoryview(bytearray(raw)).toreadonly()])
@pytest.mark.parametrize("kind", KINDS)
def test_voltages_do_not_change_the_memory_of_a_pickle(kind, memory, same_cells):
    cells = sg.CellArray(300, rng=4, **KINDS[kind])
    cells[:7].read(0.2)  # some cells are read more often than others
    received, frames = sent(cells, memory)
    before = [bytes(frame) for frame in frames]
    for each in (cells, received):
        each.apply_voltages([-2.0, 1.1, 0.4])
        each[3:9].read(0.2)
    assert [bytes(frame) for frame in frames] == before
    same_cells(received, cells)
    assert np.array_equal(received.read(0.2), cells.read(0.2))


@pytest.mark.parametrize("kind", KINDS)
def test_cells_in_a_mapped_file_are_copied(kind, tmp_path, same_cells):
    cells = sg.CellArray((16, 20), rng=4, **KINDS[kind])
    buffers = []
    data = pickle.dumps(cells, protocol=5, buffer_callback=buffers.append)
    frames = []
    for number, buffer in enumerate(buffers):
        path = tmp_path / str(number)
        path.write_bytes(buffer.raw())
        frames.append(np.memmap(path, np.uint8, "r") if path.stat().st_size else b"")
    received = pickle.loads(data, buffers=frames)
    for each in (cells, received):
        each.apply_voltages([-2.0, 1.5] * 12)  # histories are refilled
    same_cells(received, cells)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_of_another_thread_is_of_one_moment(kind, monkeypatch, same_cells):
    """Another thread applies a voltage after the pickle has begun, and before it reads the cells."""
    cells = sg.CellArray(40, rng=4, **KINDS[kind])
    before, step = cells.copy(), threading.Event()

    class Slow(pickle.Pickler):
        def reducer_override(self, value):
            if isinstance(value, type(cells.state.engine)):
                step.set()
                other.join()
            return NotImplemented

    other = threading.Thread(target=lambda: (step.wait(), cells.apply_voltage(-2.0)))
    other.start()
    file = io.BytesIO()
    Slow(file).dump([cells, cells[::2]])
    received, view = pickle.loads(file.getvalue())
    same_cells(received, before)
    assert np.array_equal(cells.mode, np.ones(40))
    view.apply_voltage(-2.0)
    assert received.mode.tolist() == [1, 2] * 20


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"history": "compact"},
        {"storage": "compact"},
        {"engine": "reference"},
        {"params": sg.DeviceParams.preset("hennen2024").with_order(3)},
    ],
    ids=str,
)
def test_the_memory_of_a_cell_is_that_of_its_arrays(options):
    """Beside cells, a pickle holds the parameter set, some ten thousand bytes."""
    cells = sg.CellArray(1 << 16, rng=1, threads=1, **options)
    assert len(pickle.dumps(cells)) / cells.size == pytest.approx(cells.state.engine.bytes_per_cell, rel=0.01, abs=0.5)
    assert cells.nbytes == cells.size * cells.state.engine.bytes_per_cell
