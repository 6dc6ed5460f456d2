"""The CUDA engine against the reference engine, on a GPU or in Numba's simulator, whose threads are Python's.

Run by `test_cuda` in processes of their own, one with NUMBA_ENABLE_CUDASIM=1. In the simulator numbers are NumPy's, of
single and double precision by turns: the simulator tests what kernels, launches and the engine do, not last bits.
"""

import functools

import numpy as np
import pytest
from numba import cuda

import synaptogen as sg
from synaptogen.engines.cuda import availability, interop
from synaptogen.engines.cuda.compiler import SIMULATED
from synaptogen.model.switching import CYCLE
from synaptogen.params.device_params import DeviceParams

assert cuda.is_available(), "run with NUMBA_ENABLE_CUDASIM=1, or where there is a GPU"

PRESET = DeviceParams.preset("hennen2024")
SETS = {"VAR(10)": PRESET, "VAR(1)": PRESET.with_order(1), "compact(5)": PRESET.compact(5)}
SHAPE = 5, 9
SIZE = 45
FAR = 1e6
CYCLES = [-FAR, FAR]

histories = pytest.mark.parametrize("params", SETS.values(), ids=SETS)


def make_cells(params=PRESET, engine="cuda", shape=SHAPE, **options):
    return sg.CellArray(shape, params, **{"rng": 3, "engine": engine, **options})


def make_pair(params=PRESET, **options):
    return make_cells(params, **options), make_cells(params, "reference", **options)


def voltages(seed, *shape):
    return np.round(np.random.default_rng(seed).uniform(-1.7, 1.7, shape), 3)


def assert_same_cells(cells, reference):
    """Check that modes and cycles are equal, and numbers within single precision."""
    assert np.array_equal(cells.state.status(), reference.state.status())
    assert np.abs(cells.r - reference.r).max() < 2e-6
    for mine, theirs in zip(cells.features, reference.features, strict=True):
        assert np.allclose(mine, theirs, rtol=3e-5)
    scale = np.abs(reference.device).max(axis=(1, 2), keepdims=True)
    assert np.all(np.abs(cells.device - reference.device) < 1e-6 * scale)


def assert_close(a, b, tolerance=5e-6):
    """Check that currents agree within single precision."""
    assert np.asarray(a).dtype == np.float32
    assert np.asarray(a).shape == b.shape
    assert np.abs(np.asarray(a) - b).max() < tolerance * np.abs(b).max()


# ---------------------------------------------------------------------------------------- against the reference


@histories
@pytest.mark.parametrize("start", ["stationary", "pristine"])
def test_cells_have_the_same_history_as_those_of_the_reference(params, start):
    both = make_pair(params, start=start)
    assert_same_cells(*both)
    for k in range(4):
        u = voltages(k, 4, *SHAPE)
        for cells in both:
            cells.apply_voltages(u)
            cells.apply_voltages(CYCLES, where=u[0] > -0.5)
            cells.apply_voltage(-FAR)
            cells.apply_voltage(1.1 + 0.1 * u[1])
            cells[1:3, ::2].apply_voltages(CYCLES * 3)
            cells[[4, 0, 2], [1, 8, 3]].apply_voltages(u[:, 0, :3])
            cells[2, 2].apply_voltage(-FAR)
        assert_same_cells(*both)
        assert_close(*(cells.sweep([0.3, -1.2, 0.9, 1.3], noise=True) for cells in both))
        assert_close(*(cells.sweep(u, noise=False) for cells in both))
    modes = both[1].mode
    assert len(np.unique(modes)) == 3
    assert both[1].cycle.max() > both[1].cycle.min() + 5


@histories
def test_many_cycles(params):
    both = make_pair(params, shape=3)
    for cells in both:
        cells.apply_voltages(CYCLES * 25)
    assert np.array_equal(both[0].cycle, [25] * 3)
    assert np.abs(both[0].r - both[1].r).max() < 2e-6


@histories
def test_cycle_numbers_start_again_after_the_last(params):
    both = make_pair(params, shape=4)
    order = max(params.history.order, 1)
    for cells in both:
        cells.apply_voltages(CYCLES * (2 * order - 1))
        state = cells.state.engine.dump(0, 4)
        state["word"][:] = (state["word"] & ~np.uint32(CYCLE)) | np.uint32((CYCLE - 12) // order * order - 1)
        cells.state.engine.restore(0, state)
    for _ in range(3):
        for cells in both:
            cells.apply_voltages(CYCLES * 8)
        assert np.array_equal(both[0].state.status(), both[1].state.status())
        assert np.abs(both[0].r - both[1].r).max() < 2e-6
    assert both[0].cycle.max() < 100


def test_reads():
    both = make_pair()
    for cells in both:
        cells.apply_voltage(voltages(1, *SHAPE) - 0.8)
    for key in (..., np.s_[1:, 3], np.s_[::2, ::3], np.s_[4, 4]):
        assert_close(*(cells[key].read(0.3) for cells in both))
        assert_close(*(cells[key].read() for cells in both))
        assert_close(*(cells[key].read(-0.1, bandwidth=0.0) for cells in both))
    assert_close(*(cells.read(voltages(2, *SHAPE)) for cells in both))
    assert_close(*(cells.conductance() for cells in both))


@pytest.mark.parametrize("key", [..., np.s_[::2, 1:], np.s_[::-1, ::3]])
@pytest.mark.parametrize("transpose", [False, True])
def test_products(key, transpose):
    both = [cells[key] for cells in make_pair()]
    rows, columns = both[0].shape
    inputs = rows if transpose else columns
    for batch, bandwidth in ((1, 1e8), (3, 0.0)):
        v = voltages(batch, batch, inputs) * 0.1
        assert_close(*(c.product(v if transpose else v.T, transpose=transpose, bandwidth=bandwidth) for c in both))


def test_products_of_rows_longer_than_a_block():
    from synaptogen.engines.cuda.compiler import THREADS_PER_BLOCK
    from synaptogen.engines.cuda.products import ROWS_PER_THREAD

    both = make_pair(shape=(2, THREADS_PER_BLOCK + 3))
    # a current is a sum, less a larger one
    assert_close(*(cells @ np.abs(voltages(1, THREADS_PER_BLOCK + 3) * 0.1) for cells in both), 2e-5)
    both = make_pair(shape=(2 * ROWS_PER_THREAD + 5, 3))
    assert_close(*(np.abs(voltages(1, 2 * ROWS_PER_THREAD + 5) * 0.1) @ cells for cells in both), 2e-5)


# ---------------------------------------------------------------------------------------- bit identity


@histories
def test_pieces_copies_and_fusing_change_no_bit(params, state, same_state):
    whole, cut, single = make_cells(params), make_cells(params), make_cells(params)
    parts = np.array_split(np.random.default_rng(8).permutation(SIZE), 4)
    for k in range(5):
        pulses = voltages((5, k), 3, SIZE) if k % 2 else np.array([-FAR, FAR, -1.0, 0.9])
        whole.ravel().apply_voltages(pulses)
        for part in parts:
            cut.ravel()[part].apply_voltages(pulses if pulses.ndim == 1 else pulses[:, part])
        for pulse in pulses:
            single.ravel().apply_voltage(pulse)
        if k == 2:
            cut = cut.copy()
    same_state(state(cut), state(whole))
    same_state(state(single), state(whole))


def test_reads_do_not_depend_on_how_cells_are_addressed():
    a, b = make_cells(), make_cells()
    one = a.read(0.2).ravel()
    other = np.concatenate([b.ravel()[:7].read(0.2), b.ravel()[[9, 8, 7]].read(0.2)[::-1], b.ravel()[10:].read(0.2)])
    assert np.array_equal(one, other)


def test_products_of_views_are_those_of_copies():
    cells = make_cells()
    part = cells[1:4, ::2]
    v = voltages(1, 5) * 0.1
    assert np.array_equal(part.product(v, bandwidth=0.0), part.copy().product(v, bandwidth=0.0))


@pytest.mark.parametrize("scattered", [False, True])
def test_save_and_load(scattered, tmp_path, state, same_state):
    pytest.importorskip("zarr")
    cells = make_cells()
    cells.apply_voltages(voltages(1, 4, *SHAPE))
    cells = cells[:, ::2].copy() if scattered else cells
    cells.read()
    cells.save(tmp_path / "cells.zarr")
    other = sg.load(tmp_path / "cells.zarr")
    assert other.engine == "cuda"
    for each in (cells, other):
        each.apply_voltages(CYCLES)
    same_state(state(other), state(cells))
    assert np.array_equal(other.read(), cells.read())


def test_mixing_states_are_restored_alone():
    a, b = make_cells(), make_cells()
    a.apply_voltage(-FAR)
    b.state.engine.restore(7, {"r": a.state.engine.dump(7, 40)["r"]})
    assert np.array_equal(b.r.ravel()[7:40], a.r.ravel()[7:40])
    assert np.array_equal(b.r.ravel()[40:], make_cells().r.ravel()[40:])
    assert np.array_equal(b.state.status(), make_cells().state.status())


# ---------------------------------------------------------------------------------------- arrays on the GPU


def single(values):
    return cuda.to_device(np.asarray(values, np.float32))


def test_voltages_and_currents_on_the_gpu(state, same_state):
    a, b = make_cells(), make_cells()
    u = voltages(1, 4, *SHAPE).astype(np.float32)
    for gpu, host in ((a.on_gpu, b), (a[1:4, ::2].on_gpu, b[1:4, ::2])):
        some = np.ascontiguousarray(u[:, : host.shape[0], : host.shape[1]])
        gpu.apply_voltages(single(some))
        host.apply_voltages(some)
        gpu.apply_voltages(single([-2.0, 1.0]))
        host.apply_voltages([-2.0, 1.0])
        gpu.apply_voltage(single(some[0]))
        host.apply_voltage(some[0])
        gpu.apply_voltage(-1.0)
        host.apply_voltage(-1.0)
        for mine, theirs in (
            (gpu.sweep(single(some), noise=True), host.sweep(some, noise=True)),
            (gpu.sweep([0.1, 0.2]), host.sweep([0.1, 0.2])),
            (gpu.read(), host.read()),
            (gpu.read(single(some[1]), bandwidth=0.0), host.read(some[1], bandwidth=0.0)),
            (gpu.r, host.r),
        ):
            assert mine.shape == theirs.shape
            assert np.array_equal(np.asarray(mine), theirs)
    same_state(state(a), state(b))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("bandwidth", [0.0, 1e8])
def test_products_on_the_gpu(transpose, bandwidth):
    a, b = make_pair()
    inputs = SHAPE[0] if transpose else SHAPE[1]
    for batch in ((), (2,)):
        v = (voltages(2, *batch, inputs) * 0.1).astype(np.float32)
        found = a.on_gpu.product(single(v), transpose=transpose, bandwidth=bandwidth)
        expected = b.product(v if transpose else v.T, transpose=transpose, bandwidth=bandwidth)
        assert_close(found, expected if transpose else expected.T)


def test_mixing_states_of_a_whole_array_are_no_copy():
    cells = make_cells()
    r = cells.on_gpu.r
    cells.apply_voltage(-FAR)
    assert np.array_equal(np.asarray(r), cells.r)


def test_bad_arrays_on_the_gpu_change_nothing(state, same_state):
    cells = make_cells()
    before = state(cells)
    bad = np.full(SHAPE, -2.0, np.float32)
    bad[3, 3] = np.nan
    for call, value, error, message in (
        (cells.on_gpu.apply_voltage, single(bad), ValueError, "u holds values that are not finite"),
        (cells.on_gpu.apply_voltage, single(np.full(SHAPE, -np.inf)), ValueError, "not finite"),
        (cells.on_gpu.apply_voltage, cuda.to_device(np.full(SHAPE, -2.0)), TypeError, "float64.*float32"),
        (cells.on_gpu.apply_voltage, single([-2.0] * 9), ValueError, r"u has shape \(9,\)"),
        (cells.on_gpu.apply_voltages, single(np.zeros((2, 9))), ValueError, r"pulses has shape.*\(K, 5, 9\)"),
        (cells.on_gpu.apply_voltages, single(np.float32(1.0).reshape(())), ValueError, "pulses has shape"),
        (cells.on_gpu.product, single([0.1] * 8), ValueError, "v has shape"),
        (cells.on_gpu.apply_voltage, [np.nan], ValueError, "u holds"),
        *(
            (functools.partial(call, width=1e-6), [-2.0], ValueError, "width is not served")
            for call in (cells.on_gpu.apply_voltage, cells.on_gpu.apply_voltages, cells.on_gpu.sweep)
        ),
    ):
        with pytest.raises(error, match=message):
            call(value)
    same_state(state(cells), before)


def test_a_result_shows_its_shape_and_type():
    found = make_cells().on_gpu.read()
    assert repr(found) == "GPUArray(shape=(5, 9), dtype=float32)"
    assert np.asarray(found, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without a copy"):
        np.array(found, copy=False)


def test_arrays_of_the_host_are_copied_and_those_of_dlpack_are_shared():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert interop.on_gpu_already(array) is None
    assert interop.on_gpu_already([0.1]) is None
    for given in (array, array[:, ::2]):
        interface = interop.DLPackArray(given).__cuda_array_interface__
        assert interface["data"][0] == given.ctypes.data
        assert interface["shape"] == given.shape
        assert interface["typestr"] == "<f4"
        assert interface["strides"] in (None, given.strides)


def test_on_gpu_needs_the_engine():
    with pytest.raises(ValueError, match="engine='cuda'"):
        _ = make_cells(engine="reference").on_gpu


# ---------------------------------------------------------------------------------------- messages


def test_repr():
    assert f"engine=cuda, {'simulated' if SIMULATED else ''}" in repr(make_cells())
    assert "228 B a cell" in repr(make_cells())
    assert make_cells()[:, ::2].copy().state.engine.bytes_per_cell == 236


def test_cells_that_do_not_fit_are_refused(monkeypatch):
    cells = make_cells(shape=100)
    monkeypatch.setattr(availability, "free_memory", lambda: 100 * 228)
    assert make_cells(shape=100).size == 100
    with pytest.raises(MemoryError, match=r"101 cells of 228 B would take .* on the GPU.*history='compact'"):
        make_cells(shape=101)
    monkeypatch.setattr(availability, "free_memory", lambda: 100)
    with pytest.raises(MemoryError, match="sweep fewer points"):
        cells.sweep([0.1, 0.2])
    with pytest.raises(MemoryError, match="on the GPU"):
        cells.copy()


def test_a_machine_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"found no GPU.*driver.*nvidia-smi.*engine='cpu'"):
        make_cells()


def test_compact_storage_is_not_for_the_gpu():
    with pytest.raises(ValueError, match="needs engine='cpu'"):
        make_cells(storage="compact")


# ---------------------------------------------------------------------------------------- time


def test_waits_are_those_of_the_reference():
    params = PRESET.with_fluctuation("hfox-1t1r")
    cells, reference = make_pair(params)
    for k, seconds in enumerate((0.5, 100.0, 1e7)):
        for each in (cells, reference):
            each.apply_voltages(voltages(k, 3, *SHAPE))
            each.wait(seconds, temperature=330.0)
        assert np.array_equal(cells.mode, reference.mode)
        assert np.allclose(cells.conductance(), reference.conductance(), rtol=3e-4, atol=1e-9)
        assert np.array_equal(cells.state.clock.memory[0, :SIZE], reference.state.clock.memory[0, :SIZE])
    part, other = cells[1:3].copy(), cells.copy()
    for each in (part, other, cells):
        each.wait(3.0)
    assert np.array_equal(part.r, cells.r[1:3])
    assert np.array_equal(other.r, cells.r)
