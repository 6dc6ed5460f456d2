"""Time: cutting waits, arrays and runs into pieces changes no bit."""

import copy
from itertools import pairwise

import numpy as np
import pytest

import synaptogen as sg

PARAMS = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
CELLS = 700


@pytest.fixture(params=["cpu", "reference", "compact"])
def engine(request):
    return request.param


def written(engine="cpu", shape=CELLS, **options):
    if engine == "compact":
        engine, options["storage"] = "cpu", "compact"
    cells = sg.CellArray(shape, PARAMS, rng=11, engine=engine, **options)
    rng = np.random.default_rng(1)
    cells.apply_voltages(rng.choice([-2.0, 1.1, 1.3, 2.0], (3, CELLS)).reshape(3, *cells.shape))
    return cells


def test_waits_can_be_cut_anywhere(engine):
    rng = np.random.default_rng(2)
    whole, cut = written(engine), written(engine)
    for _ in range(3):
        pieces = rng.integers(1, 10**12, 4)
        whole.wait(pieces.sum() / 1e9, temperature=350)
        for piece in pieces:
            cut.wait(piece / 1e9, temperature=350)
        np.testing.assert_array_equal(whole.r, cut.r)
        u = rng.choice([0.0, 0.0, -2.0, 1.2, 1.4], CELLS)
        whole.apply_voltage(u)
        cut.apply_voltage(u)
    assert whole.time == pytest.approx(cut.time)
    assert whole.state.clock.time.age == cut.state.clock.time.age


def test_arrays_can_be_cut_anywhere(engine):
    cells = written(engine)
    part = cells[100:533].copy()
    for array in (cells, part):
        array.wait(3.0)
    cells[5:200].apply_voltage(-2.0)
    part[:100].apply_voltage(-2.0)
    for array in (cells, part):
        array.wait(1000.0)
    np.testing.assert_array_equal(cells.r[100:533], part.r)


def test_threads_change_nothing():
    one, many = (written(threads=threads, shape=(7, 100)) for threads in (1, 5))
    for array in (one, many):
        array.wait(77.0)
    np.testing.assert_array_equal(one.r, many.r)


def test_engines_agree():
    cpu, reference = written("cpu"), written("reference")
    for k, array in enumerate((cpu, reference, cpu, reference)):
        array.wait(10.0 + k // 2)
        array.apply_voltage(1.25, where=np.arange(CELLS) % 3 == k // 2)
    np.testing.assert_allclose(cpu.conductance(), reference.conductance(), rtol=2e-4, atol=1e-9)


def test_what_is_written_later_is_younger(engine):
    cells = written(engine)
    twin = cells.copy()
    twin.wait(1e6)
    cells.wait(1e6)
    cells.apply_voltages([-2.0, 2.0])
    fresh = cells.conductance()
    cells.wait(1.0)
    twin.wait(1.0)
    twin.apply_voltages([-2.0, 2.0])
    np.testing.assert_array_equal(fresh, twin.conductance())  # writes are those of cells that have stood still
    early = np.abs(np.log(cells.conductance() / fresh))
    cells.wait(1e7)
    late = np.abs(np.log(cells.conductance() / fresh))
    assert np.median(late) > 3 * np.median(early)


def test_nothing_else_than_the_mixing_state_changes(engine):
    cells = written(engine)
    before = cells.copy()
    cells.wait(1e5)
    assert (cells.r != before.r).mean() > (0.95 if engine == "compact" else 0.9999)
    np.testing.assert_array_equal(cells.mode, before.mode)
    np.testing.assert_array_equal(cells.cycle, before.cycle)
    # compact cells keep no second number for the HRS: there, `features.r_hrs` is the resistance at the present time
    same = np.ones(CELLS, bool) if engine != "compact" else cells.mode != sg.Mode.HRS
    for name in sg.Features._fields:
        np.testing.assert_array_equal(getattr(cells.features, name)[same], getattr(before.features, name)[same])
    cells.apply_voltages([-2.0, 2.0] * 3)
    before.apply_voltages([-2.0, 2.0] * 3)
    np.testing.assert_array_equal(cells.r, before.r)


def test_an_instant_has_one_state_and_waits_of_nothing_change_nothing(engine):
    cells = written(engine)
    cells.wait(0.0)
    assert cells.state.clock.memory is None
    cells.wait(5.0)
    before = cells.r
    cells.wait(0.0)
    np.testing.assert_array_equal(cells.r, before)
    np.testing.assert_array_equal(cells.current(0.1), cells.current(0.1))


def test_heat_makes_time_pass_faster_as_the_energy_says():
    cold, hot = written(), written()
    params = PARAMS.fluctuation
    factor = np.exp(params.energy / 8.617333262e-5 * (1 / 300 - 1 / 380))
    hot.wait(10.0, temperature=380)
    assert hot.state.clock.time.age / hot.state.clock.time.ticks / 2**32 == pytest.approx(factor)
    cold.wait(10.0, temperature=300)
    twin = written()
    twin.wait(10.0)
    np.testing.assert_array_equal(cold.r, twin.r)
    assert hot.time == cold.time == 10.0


def test_cells_without_this_part_stand_still_and_take_no_memory():
    cells = sg.CellArray(CELLS, rng=11)
    before, size = cells.r, cells.nbytes
    cells.wait(1e9)
    np.testing.assert_array_equal(cells.r, before)
    assert cells.time == 1e9
    assert cells.nbytes == size
    still = sg.CellArray(CELLS, PARAMS, rng=11)
    assert still.nbytes == size
    still.wait(1.0)
    assert still.nbytes == size + 4 * CELLS
    assert "hfox-1t1r" in repr(still)
    assert "stand still" in repr(cells)


def test_time_passes_for_whole_arrays():
    cells = written(shape=(7, 100))
    with pytest.raises(ValueError, match="whole array"):
        cells[2:].wait(1.0)
    cells.ravel().wait(1.0)
    assert cells.time == cells[2:].time == 1.0


@pytest.mark.parametrize("seconds", [-1.0, np.nan, np.inf])
def test_bad_times_are_refused_by_name(seconds):
    with pytest.raises(ValueError, match="seconds"):
        written().wait(seconds)
    with pytest.raises(ValueError, match="temperature"):
        written().wait(1.0, temperature=seconds)
    with pytest.raises(TypeError, match="seconds"):
        written().wait("1")


def test_copies_and_deep_copies_go_on_alike(engine):
    cells = written(engine)
    cells.wait(3.0)
    others = [cells.copy(), copy.deepcopy(cells)]
    for array in (cells, *others):
        array.apply_voltage(-2.0, where=np.arange(CELLS) % 2 == 0)
        array.wait(50.0)
    for other in others:
        np.testing.assert_array_equal(other.r, cells.r)


def test_instants_that_nobody_remembers_are_dropped(monkeypatch):
    monkeypatch.setattr("synaptogen.state.clock._KEPT", 8)
    cells, twin = written(), written()
    for k in range(40):
        cells.wait(1.0)
        cells.apply_voltage([-2.0, 2.0][k % 2], where=np.arange(CELLS) % 7 == 0)
    monkeypatch.setattr("synaptogen.state.clock._KEPT", 1000)
    for k in range(40):
        twin.wait(1.0)
        twin.apply_voltage([-2.0, 2.0][k % 2], where=np.arange(CELLS) % 7 == 0)
    cells.wait(9.0)
    twin.wait(9.0)
    np.testing.assert_array_equal(cells.r, twin.r)
    assert len(cells.state.clock.time.instants) < 10 < len(twin.state.clock.time.instants)


@pytest.mark.parametrize("kind", ["array", "disk"])
def test_save_and_load_in_the_middle(tmp_path, kind, engine):
    shape, plan = (28, 25), [(-2.0, 3.0), (1.2, 100.0), (-2.0, 1e5)]
    cells, whole = (written(engine, shape=shape) for _ in range(2))
    for k, (u, seconds) in enumerate(plan):
        mask = np.arange(25) % 3 == k
        cells.save(tmp_path / str(k))
        if kind == "array":
            cells = sg.load(tmp_path / str(k))
        else:
            cells = sg.outofcore.DiskArray.open(tmp_path / str(k), block=128)
        for array in (cells, whole):
            array.apply_voltage(u, where=mask)
            array.wait(seconds)
        np.testing.assert_array_equal(cells.r, whole.r)
        assert cells.time == whole.time


def test_blocks_on_disk_are_the_cells_of_an_array(tmp_path):
    disk = sg.outofcore.DiskArray((64, 8), PARAMS, path=tmp_path / "cells", rng=3, block=128)
    cells = sg.CellArray((64, 8), PARAMS, rng=3)
    for array in (disk, cells):
        array.apply_voltages([-2.0, 1.2])
        array.wait(10.0)
        array.apply_voltage(-2.0, where=np.arange(8) % 2 == 0)
        array.wait(1e4, temperature=330)
    np.testing.assert_array_equal(disk.r, cells.r)
    np.testing.assert_array_equal(disk.read(), cells.read())
    assert disk.voltages == 3


@pytest.mark.parametrize("storage", ["full", "compact"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_programs_do_not_depend_on_how_they_are_cut(storage, seed, tmp_path):
    """Waits, arrays and runs cut at random places, with any number of threads, against all in one piece."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(500, 3000))
    steps = [
        (
            rng.choice([-2.0, 0.0, 0.9, 1.2, 2.0], n),
            float(rng.choice([1e-6, 0.5, 60.0, 1e5])),
            290.0 + 60.0 * rng.random(),
        )
        for _ in range(5)
    ]
    whole = sg.CellArray(n, PARAMS, rng=11, storage=storage, threads=3)
    edges = np.unique([0, *rng.integers(1, n, 3), n])
    places = [slice(*pair) for pair in pairwise(edges)]
    parts = [whole[place].copy() for place in places]
    saved = int(rng.integers(5))
    for k, (u, seconds, temperature) in enumerate(steps):
        whole.apply_voltage(u)
        whole.wait(seconds, temperature)
        ticks = round(seconds * 1e9)
        for j, place in enumerate(places):
            if k == saved:
                parts[j].save(tmp_path / str(j))
                parts[j] = sg.load(tmp_path / str(j), threads=int(rng.integers(1, 4)))
            parts[j].apply_voltage(u[place])
            cuts = np.sort(rng.integers(0, ticks + 1, 2))
            for piece in np.diff([0, *cuts, ticks]).tolist():
                parts[j].state.wait(piece, temperature)
        np.testing.assert_array_equal(np.concatenate([part.r for part in parts]), whole.r)
        assert all(part.time == whole.time for part in parts)
