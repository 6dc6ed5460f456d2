"""The laws of what happens between pulses, against closed forms; tests are at fixed seeds."""

import math

import numpy as np
import pytest
from scipy import stats

import synaptogen as sg
from synaptogen.engines import TICKS, Grids, instant_word, log_changes
from synaptogen.model import BURSTS, GRIDS, OCTAVES, fluctuation

N = 20_000
PARAMS = sg.FluctuationParams.preset("hfox-1t1r")


def keys(cells=N, written=0, seed=5):
    cell, zero = np.arange(cells, dtype=np.uint32)[:, None], np.zeros((1, 1), np.uint32)
    return fluctuation.write_key(cell, zero, zero + np.uint32(written), zero, zero + np.uint32(seed), zero)


def grid_at(seconds, params=PARAMS):
    grids = Grids.of(params)
    return np.stack([grids.place(round(t * TICKS)) for t in seconds], 1)[:, None, :]


def changed(params, **changes):
    return sg.FluctuationParams.from_dict(params.to_dict() | changes)


def test_uniform_numbers_and_normal_ones_have_their_laws():
    words = fluctuation.hashed(keys(), 7, fluctuation.counter_of(np.arange(5, dtype=np.uint32))).ravel()
    for half in (fluctuation.upper(words), fluctuation.lower(words)):
        assert stats.kstest(half, stats.uniform(-1, 2).cdf).pvalue > 1e-3
        bell = fluctuation.bell(half)
        assert abs(bell.std() - 1) < 0.01
        for q in (0.01, 0.16, 0.5, 0.9, 0.998):
            assert abs(np.quantile(bell, q) - stats.norm.ppf(q)) < 0.1
    assert abs(np.corrcoef(fluctuation.upper(words), fluctuation.lower(words))[0, 1]) < 4 / math.sqrt(len(words))


def test_heavy_numbers_are_about_the_sinh_of_a_normal_one():
    v = (np.arange(1 << 16) + 0.5) / (1 << 15) - 1
    assert np.all(np.diff(fluctuation.heavy(v, 0.0)) > 0)
    for q in (0.9, 0.99, 0.998):
        expected = math.sinh(stats.norm.ppf(q))
        assert fluctuation.heavy(np.array([2 * q - 1]), 0.0)[0] == pytest.approx(expected, rel=0.15)


def test_slots_of_one_cell_and_cells_of_one_slot_are_independent():
    words = fluctuation.upper(
        fluctuation.hashed(keys(2000), 16, fluctuation.counter_of(np.arange(50, dtype=np.uint32)))
    )
    for a, b in ((words[:, 1:], words[:, :-1]), (words[1:], words[:-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / math.sqrt(a.size)
    rows = [
        fluctuation.upper(fluctuation.hashed(keys(), row, np.full((1, 1), 3, np.uint32))).ravel()
        for row in (1, 2, 9, 23, 32, 36)
    ]
    assert np.abs(np.corrcoef(rows) - np.eye(len(rows))).max() < 4.5 / math.sqrt(N)


def test_the_variance_and_the_memory_of_the_stationary_part_are_those_of_its_octaves():
    params = changed(PARAMS, burst=0.0, flicker_slope=-0.2)
    p, t = params.constants(), np.array([0.0, 0.4, 3.0, 20.0, 300.0, 6000.0]) + 1e6
    key = keys(4 * N)
    x = fluctuation.flicker(key, fluctuation.phase_word(key), grid_at(t, params), p)
    v = (np.arange(1 << 16) + 0.5) / (1 << 15) - 1
    variance = np.mean(fluctuation.heavy(v, 0.0) ** 2)
    for k in range(len(t)):
        # an octave of slots of length l keeps its value over a lag with probability 1 - lag / l, at a random phase
        lag = t[k] - t[0]
        expected = variance * sum(a**2 * max(0.0, 1 - lag / 6.0**j) for j, a in enumerate(p.octaves))
        product = x[:, 0] * x[:, k]
        assert abs(product.mean() - expected) < 4.5 * product.std() / math.sqrt(len(x))


def test_equal_octaves_have_a_spectrum_of_one_over_f():
    params = changed(PARAMS, burst=0.0, flicker_slope=0.0)
    key = keys(400)
    x = fluctuation.flicker(key, fluctuation.phase_word(key), grid_at(np.arange(4096.0), params), params.constants())
    power = (np.abs(np.fft.rfft(x - x.mean(1, keepdims=True), axis=1)) ** 2).mean(0)
    f = np.fft.rfftfreq(4096)
    inside = (f > 2 / 1000) & (f < 0.1)
    assert np.polyfit(np.log(f[inside]), np.log(power[inside]), 1)[0] == pytest.approx(-1.0, abs=0.15)


def test_bursts_change_the_amplitude_and_nothing_else():
    key, grid = keys(), grid_at([5e4])
    phase = fluctuation.phase_word(key)
    calm = fluctuation.flicker(key, phase, grid, changed(PARAMS, burst=0.0).constants())
    ratio = np.log(fluctuation.flicker(key, phase, grid, PARAMS.constants()) / calm)
    assert ratio.std() == pytest.approx(PARAMS.burst * math.sqrt(BURSTS), rel=0.03)
    assert abs(ratio.mean()) < 4.5 * ratio.std() / math.sqrt(N)


def test_traps_are_present_active_and_up_as_often_as_they_should_be():
    params = changed(PARAMS, trap_duty_low=0.3, trap_duty_high=0.3)
    key = keys(4 * N)
    x = fluctuation.telegraph(key, fluctuation.phase_word(key), grid_at([1e5], params), params.constants())
    still = (1 - params.trap_share * params.trap_active * 0.3) ** 3
    assert abs((x == 0).mean() - still) < 4.5 * math.sqrt(still * (1 - still) / x.size)
    assert abs((x > 0).sum() - (x < 0).sum()) < 4.5 * math.sqrt((x != 0).sum())


def test_the_walk_makes_its_jumps_at_random_places_of_its_slots():
    key = keys()
    rows = Grids.of(PARAMS).since(round(100.3 * TICKS), [0])
    made = fluctuation.jumps_made(key, rows[2], rows[3])
    assert set(np.unique(made - rows[2])) == {0, 1}
    passed = float(rows[3][0]) / 2**32
    assert abs((made > rows[2]).mean() - passed) < 4.5 * math.sqrt(passed * (1 - passed) / N)


def test_a_cell_at_the_cut_still_has_its_white_part():
    """With a walk that takes all cells to the cut, what is left is N, of the amplitude of each cell."""
    params = changed(PARAMS, walk=10.0, walk_cells=0.0, walk_skew=1.0, white=0.01, white_cells=0.0)
    ages = [round(1e6 * TICKS) + k * TICKS for k in range(400)]
    ids = np.arange(50, dtype=np.uint32), np.zeros(50, np.uint32)
    change = log_changes(params, ages, np.full(50, 1e-7), ids, 3)
    there = np.abs(np.median(change, axis=1)) > fluctuation.MOST - 0.05
    assert there.mean() > 0.9
    # an sd of 400 numbers is known to 3.5 %
    np.testing.assert_allclose(change[there].std(axis=1), 0.01, rtol=4.5 * 0.035)
    loud = changed(params, white=10.0)
    assert np.abs(log_changes(loud, ages[:9], np.full(50, 1e-7), ids, 3)).max() == fluctuation.MOST_AT_ALL


def test_what_is_far_below_half_conductance_feels_all_and_what_is_far_above_nearly_nothing():
    p = PARAMS.constants()
    s = fluctuation.strength(np.array([1e-6, PARAMS.half_conductance, 250e-6, -1e-6]), p)
    assert s[0] == pytest.approx(1.0, abs=1e-6)
    assert s[1] == pytest.approx(0.5)
    assert s[2] < 0.02
    assert s[3] == pytest.approx(1.0)


@pytest.mark.parametrize("r", [-3000.0, -0.2, 0.0, 0.3, 0.85, 0.889])
@pytest.mark.parametrize("change", [0.0, 1e-12, -1e-12, 0.3, -0.3, -50.0])
def test_a_moved_state_is_never_taken_for_a_written_one(r, change):
    written = np.array([r], np.float32)
    moved = fluctuation.moved(written, np.array([change], np.float32), np.float32(0.9), np.float32(0.889))
    moved = moved.astype(np.float32)
    assert moved[0] <= np.float32(0.889)
    assert fluctuation.as_written(written, written).all()
    assert not fluctuation.as_written(moved, written).any()


def test_conductance_changes_by_the_factor_that_is_asked_for():
    r, r_zero = np.array([0.1, 0.5, 0.8]), 0.9
    moved = fluctuation.moved(r, np.array([0.2, -0.1, 0.05]), r_zero, 0.889)
    np.testing.assert_allclose((r_zero - moved) / (r_zero - r), np.exp([0.2, -0.1, 0.05]), rtol=1e-12)


def test_times_have_places_on_all_grids_without_end():
    grids = Grids.of(PARAMS)
    assert len(grids.lengths) == GRIDS
    ticks = 3 * 10**30 + 12345
    place = grids.place(ticks).reshape(GRIDS, 2)
    for (slot, passed), length in zip(place.tolist(), grids.lengths, strict=True):
        assert slot == (ticks // length) % 2**32
        assert passed == (ticks % length) * 2**32 // length
    assert grids.lengths[:OCTAVES] == tuple(TICKS * 6**j for j in range(OCTAVES))
    assert instant_word(ticks) != instant_word(ticks + 1)
    late = grids.since(ticks, [0, ticks - 1])
    assert late[2].tolist()[1] == 0
