"""A cell's life depends on its seed, its id and its voltages alone: never on threads, pieces, fusing, copies or disks.

Everything here is equality to the last bit, on the compiled engine. Sizes are large enough for kernels to be shared by
threads (in tests a piece has five lane groups or more of up to 16 cells) and no multiple of a group.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.params.device_params import DeviceParams

PRESET = DeviceParams.preset("hennen2024")
SETS = {"VAR(10)": PRESET, "VAR(3)": PRESET.with_order(3), "compact(5)": PRESET.compact(5)}
SETS["own laws"] = DeviceParams.from_json(Path(__file__).parents[1] / "data" / "own_laws.json")
SIZE = 4099
FAR = 1e6

histories = pytest.mark.parametrize("params", SETS.values(), ids=SETS)


def made(params=PRESET, size=SIZE, **options):
    return sg.CellArray(size, params, **{"rng": 17, "threads": 1, **options})


def voltages(seed, *shape):
    return np.random.default_rng(seed).uniform(-1.7, 1.7, shape)


def live(cells, seed=0, steps=12):
    """Some voltages, different for each cell, and reads: out of step after a while."""
    found = []
    for k in range(steps):
        cells.apply_voltage(voltages((seed, k), *cells.shape))
        if k % 4 == 1:
            cells.apply_voltages([-FAR, FAR, -FAR, 1.1])
        if k % 4 == 3:
            found.append(cells.read(0.2))
            found.append(cells.sweep([0.1, 0.8, 1.2], noise=True))
    return found


def assert_same_currents(a, b):
    assert len(a) == len(b)
    for mine, theirs in zip(a, b, strict=True):
        assert np.array_equal(mine, theirs)


# ---------------------------------------------------------------------------------------- threads


@histories
@pytest.mark.parametrize("start", ["stationary", "pristine"])
def test_any_number_of_threads(params, start, state, same_state):
    results = []
    for threads in (1, 2, 3):
        cells = made(params, threads=threads, start=start)
        currents = live(cells)
        results.append((currents, state(cells)))
    for currents, after in results[1:]:
        assert_same_currents(currents, results[0][0])
        same_state(after, results[0][1])


def test_threads_really_share_the_work(monkeypatch):
    from synaptogen.engines.cpu import engine

    kernels, pieces = engine.kernels(), []
    spied = kernels._replace(apply=lambda *work: pieces.append(work[:2]) or kernels.apply(*work))
    monkeypatch.setattr(engine, "kernels", lambda: spied)
    made(threads=3).apply_voltage(-1.0)
    assert len(pieces) > 3
    first, last = np.array(sorted(pieces)).T
    assert first[0] == 0
    assert np.array_equal(first[1:], last[:-1])


@pytest.mark.parametrize("shape", [(37, 113), (130, 33), (1, 3000), (3000, 1)])
def test_products_with_any_number_of_threads(shape, monkeypatch):
    from synaptogen.engines.cpu import engine

    monkeypatch.setattr(engine, "SMALLEST_PRODUCT", 1)
    one, many = (sg.CellArray(shape, rng=3, threads=threads) for threads in (1, 3))
    v, w = voltages(1, shape[1]), voltages(2, shape[0])
    assert np.array_equal(one @ v, many @ v)
    assert np.array_equal(w @ one, w @ many)


# ---------------------------------------------------------------------------------------- pieces


def whole_array_against(pieces, params, steps=10, size=SIZE):
    """The same voltages on the whole array at once, and on each of its pieces one after another."""
    whole, cut = made(params, size), made(params, size)
    for k in range(steps):
        pulses = voltages((5, k), 2, size)
        if k % 3 == 2:
            pulses = np.array([-FAR, FAR, -1.0, 0.9])
        whole.apply_voltages(pulses)
        for piece in pieces:
            cut[piece].apply_voltages(pulses if pulses.ndim == 1 else pulses[:, piece])
    return whole, cut


def every_cell(size):
    return [[k] for k in range(size)]


PIECES = {
    "halves": [np.s_[:2000], np.s_[2000:]],
    "blocks that cut groups": [np.s_[k : k + 101] for k in range(0, SIZE, 101)],
    "strided": [np.s_[k::3] for k in range(3)],
    "backwards": [np.s_[::-2], np.s_[1::2]],
    "in any order": np.array_split(np.random.default_rng(8).permutation(SIZE), 7),
}


@histories
@pytest.mark.parametrize("name", PIECES)
def test_whole_array_against_pieces(params, name, same_cells):
    whole, cut = whole_array_against(PIECES[name], params)
    same_cells(whole, cut)
    for cells in (whole, cut):
        cells.apply_voltages([-FAR, FAR] * 7)
    same_cells(whole, cut)


@histories
def test_whole_array_against_single_cells(params, same_cells):
    same_cells(*whole_array_against(every_cell(70), params, steps=6, size=70))


@settings(max_examples=20)
@given(
    size=st.integers(1, 70),
    order=st.lists(st.integers(0, 69), min_size=1, max_size=70, unique=True),
    data=st.data(),
)
def test_cells_that_are_cycled_in_any_order(size, order, data, same_cells):
    """Voltages on different cells commute."""
    order = [k for k in order if k < size]
    counts = data.draw(st.lists(st.integers(0, 15), min_size=len(order), max_size=len(order)))
    params = data.draw(st.sampled_from(list(SETS.values())))
    a, b = made(params, size), made(params, size)
    for k, n in zip(order, counts, strict=True):
        a[k].apply_voltages([-FAR, FAR] * n + [0.5])
    for n in range(15):
        chosen = [k for k, count in zip(order, counts, strict=True) if count > n]
        if chosen:
            b[chosen].apply_voltages([-FAR, FAR])
    b.apply_voltage(0.5)
    same_cells(a, b)


def test_where_is_a_view(same_cells):
    a, b = made(), made()
    for k in range(12):
        mask = np.random.default_rng(k).uniform(size=SIZE) < 0.5
        a.apply_voltages([-1.2, 1.3, -2.0], where=mask)
        b[mask].apply_voltages([-1.2, 1.3, -2.0])
    same_cells(a, b)


@pytest.mark.parametrize("size", [1, 15, 16, 17, 31, 63, 64, 65, 255, 257])
def test_arrays_of_any_size_hold_the_same_cells(size, same_cells):
    """Cell k is cell k of any array of the same seed."""
    large, small = made(size=300), made(size=size)
    u = voltages(9, 14, 300)
    large.apply_voltages(u)
    small.apply_voltages(u[:, :size])
    same_cells(large[:size], small)
    assert np.array_equal(large.read()[:size], small.read())


def test_shape_does_not_matter():
    flat, square = made(size=4096), made(size=(64, 64))
    for cells in (flat, square):
        cells.apply_voltages([-FAR, FAR, -1.0])
    assert np.array_equal(flat.r, square.r.ravel())
    assert np.array_equal(flat.read(), square.read().ravel())


# ---------------------------------------------------------------------------------------- fused pulses


@histories
@pytest.mark.parametrize("each", [False, True])
def test_fused_pulses_are_single_pulses(params, each, same_cells):
    fused, single = made(params, threads=2), made(params)
    pulses = voltages(4, 25, SIZE) if each else np.tile([-1.8, 1.0, 1.2, 1.8, -0.7, 0.9, 1.46], 9)
    fused.apply_voltages(pulses)
    for u in pulses:
        single.apply_voltage(u)
    same_cells(fused, single)


def test_a_sweep_is_pulses_and_currents(same_cells):
    swept, pulsed = made(), made()
    waveform = np.concatenate([np.linspace(0, -1.5, 11), np.linspace(-1.4, 1.5, 21)])
    trace = swept.sweep(waveform)
    for k, u in enumerate(waveform):
        pulsed.apply_voltage(u)
        assert np.array_equal(trace[k], pulsed.current(u))
    same_cells(swept, pulsed)


def test_noise_of_a_sweep_is_that_of_reads(state, same_state):
    swept, pulsed = made(), made()
    for cells in (swept, pulsed):
        cells[100:200].read()
    waveform = np.linspace(-1.5, 1.5, 9)
    trace = swept.sweep(waveform, noise=True)
    for k, u in enumerate(waveform):
        pulsed.apply_voltage(u)
        assert np.array_equal(trace[k], pulsed.read(u))
    same_state(state(swept), state(pulsed))


# ---------------------------------------------------------------------------------------- reads


def test_noise_is_a_function_of_cell_and_of_how_often_it_was_read():
    a, b = made(), made()
    first, second = a.read(), a.read()
    assert not np.any(first == second)
    # b reads the same cells in pieces, some twice before others are read at all
    pieces = [np.s_[:70], np.s_[70:1003], np.s_[1003::2], np.s_[1004::2]]
    for piece in pieces[:2]:
        assert np.array_equal(b[piece].read(), first[piece])
    for piece in pieces[:2]:
        assert np.array_equal(b[piece].read(), second[piece])
    for piece in pieces[2:]:
        assert np.array_equal(b[piece].read(), first[piece])
        assert np.array_equal(b[piece].read(), second[piece])
    assert np.array_equal(a.read(), b.read())
    assert np.array_equal(a[5].read(), b[5].read())
    assert np.array_equal(a.read(), b.read())


def test_noise_of_single_cells_is_that_of_the_whole():
    a, b = made(size=130), made(size=130)
    assert np.array_equal(a.read(0.3), [b[k].read(0.3) for k in range(130)])
    assert np.array_equal(a.read(), b.read())


def test_noiseless_reads_count_for_nothing():
    a, b = made(), made()
    a.read(bandwidth=0)
    a.current()
    a.conductance()
    a.sweep([0.1, 0.2])
    assert np.array_equal(a.read(), b.read())


def test_noise_of_products_counts_apart():
    a, b = (sg.CellArray((20, 30), rng=2) for _ in range(2))
    first = a @ np.full(30, 0.2)
    assert np.array_equal(a.read(), b.read())
    assert np.array_equal(first, b @ np.full(30, 0.2))
    assert not np.array_equal(first, b @ np.full(30, 0.2))


# ---------------------------------------------------------------------------------------- copies and disks


@histories
def test_a_copy_lives_on_as_the_original(params, same_cells):
    cells = made(params)
    live(cells)
    twin = cells.copy()
    same_cells(cells, twin)
    assert_same_currents(live(cells, 1), live(twin, 1))
    same_cells(cells, twin)


VIEWS = {
    "block": np.s_[100:1300],
    "block that cuts groups": np.s_[1001:1100],
    "strided": np.s_[3::7],
    "backwards": np.s_[2000:10:-1],
    "picked": np.random.default_rng(3).permutation(SIZE)[:333],
    "one": np.s_[77],
}


@histories
@pytest.mark.parametrize("name", VIEWS)
def test_a_copy_of_a_view_lives_on_as_the_view(params, name, same_cells):
    cells = made(params)
    live(cells)
    view = cells[VIEWS[name]]
    view.read()
    twin = view.copy()
    same_cells(view, twin)
    assert_same_currents(live(view, 1), live(twin, 1))
    same_cells(view, twin)
    second = twin.copy() if twin.ndim == 0 else twin[::2].copy()
    same_cells(second, view if twin.ndim == 0 else view[::2])
    assert_same_currents(live(second, 2), live(view if twin.ndim == 0 else view[::2], 2))


def test_a_copy_is_apart(same_cells):
    cells = made()
    twin = cells[:500].copy()
    before = cells[:500].copy()
    twin.apply_voltages([-FAR, FAR])
    twin.read()
    same_cells(cells[:500], before)
    assert np.array_equal(cells[:500].read(), before.read())


@histories
def test_saved_in_the_middle_of_a_program(params, tmp_path, same_cells):
    cells = made(params)
    live(cells)
    cells[5:99].read()
    cells.save(tmp_path / "cells")
    twin = sg.load(tmp_path / "cells", threads=2)
    same_cells(cells, twin)
    assert_same_currents(live(cells, 1), live(twin, 1))
    same_cells(cells, twin)


def test_a_saved_view_lives_on(tmp_path, same_cells):
    cells = made()
    live(cells)
    view = cells[4000:100:-3]
    view.save(tmp_path / "cells")
    twin = sg.load(tmp_path / "cells", threads=2)
    assert_same_currents(live(view, 1), live(twin, 1))
    same_cells(view, twin)


def test_looking_at_cells_changes_nothing(state, same_state):
    cells = made()
    live(cells)
    before = state(cells)
    assert cells.upcoming(3).u_set.shape == (3, SIZE)
    assert (cells.r.size, cells.mode.size, cells.cycle.size, cells.device.size) == (SIZE, SIZE, SIZE, 8 * SIZE)
    assert cells.features.r_lrs.size == SIZE
    assert cells.limited() >= 0
    assert cells.conductance().size == cells.current(0.1).size == SIZE
    assert repr(cells)
    assert cells.copy().size == SIZE
    same_state(before, state(cells))


def test_results_are_copies():
    cells = made(size=64)
    r, device, features = cells.r, cells.device, cells.features
    before = r.copy()
    r[:] = 0
    device[:] = 0
    features.u_set[:] = 0
    assert np.array_equal(cells.r, before)
    assert np.all(cells.device[2] > 0)
    assert np.all(cells.features.u_set < 0)


# ---------------------------------------------------------------------------------------- seeds


def test_the_seed_makes_the_same_cells_anew(same_cells):
    cells = sg.CellArray(500)
    twin = sg.CellArray(500, rng=cells.seed)
    same_cells(cells, twin)
    assert_same_currents(live(cells), live(twin))


@pytest.mark.parametrize("seeds", [(0, 1), (1, 1 + 2**32), (2**63, 2**64 - 1)])
def test_other_seeds_make_other_cells(seeds):
    a, b = (sg.CellArray(500, rng=seed) for seed in seeds)
    assert not np.any(a.r == b.r)
    assert not np.any(a.device == b.device)
    assert not np.any(a.read() == b.read())


def test_cells_of_an_array_are_all_different():
    cells = sg.CellArray(20_000, rng=1)
    assert len(np.unique(cells.device, axis=1).T) == 20_000
    assert len(np.unique(np.stack(cells.features), axis=1).T) == 20_000
