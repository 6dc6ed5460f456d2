"""Writing conductances: what is promised of each method, on cells with noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synaptogen as sg
from synaptogen.crossbar import Ramp, one_shot, reachable_window, set_reset, write_verify
from synaptogen.crossbar.programming.statistics import population_statistics

ENGINES = ["cpu", "reference"]
engines = pytest.mark.parametrize("engine", ENGINES)
MICRO = 1e-6


def made(shape=(24, 32), engine="cpu", rng=11, **options):
    return sg.CellArray(shape, rng=rng, engine=engine, **options)


def wanted(shape=(24, 32), low=35e-6, high=170e-6):
    return np.random.default_rng(7).uniform(low, high, shape)


# ---- write-verify


@engines
@pytest.mark.parametrize("strategy", ["transition", "ramp"])
@pytest.mark.parametrize("tolerance", [1e-6, 4e-6])
def test_cells_are_where_they_should_be(engine, strategy, tolerance):
    """Read noise of at most 0.2 uS: 6 deviations, some 6,000 cells in all, one false alarm in 10^5 runs."""
    cells, targets = made(engine=engine), wanted()
    report = write_verify(cells, targets, tolerance=tolerance, strategy=strategy, budget=400)
    assert report.reached.dtype == cells.dtype
    assert np.array_equal(report.reached, cells.conductance())
    assert np.all(np.abs(report.measured - report.target)[report.converged] <= tolerance)
    assert np.all(np.abs(report.error)[report.converged] <= tolerance + 6 * 0.2e-6)
    assert report.converged.mean() > 0.99
    assert report.failed.sum() == (~report.converged).sum()
    assert report.pulses.max() <= 400


def test_without_noise_there_is_no_doubt():
    cells, targets = made(bandwidth=0.0), wanted()
    report = write_verify(cells, targets, tolerance=0.05e-6, budget=1000)
    assert report.converged.all()
    assert np.all(np.abs(report.error) <= 0.05e-6 * (1 + 1e-4))
    assert report.read_noise == 0.0


def test_cells_whose_cycle_cannot_reach_the_target_get_another_cycle():
    """A target of 230 uS, above most LRSs: a full RESET and a SET bring another LRS."""
    cells = made((500,))
    report = write_verify(cells, 230e-6, tolerance=5e-6, budget=300)
    assert report.converged.mean() > 0.9
    assert np.median(report.pulses) > 4


def test_errors_fill_the_tolerance_and_no_more():
    """Aimed at half the tolerance above the target: most errors lie on that side."""
    report = write_verify(made((64, 64)), wanted((64, 64)), tolerance=4e-6)
    error = report.error[report.converged] / MICRO
    assert 1.0 < np.median(error) < 3.0
    assert np.mean(error > 0) > 0.8


def test_a_smaller_budget_reaches_fewer_cells_and_a_smaller_tolerance_costs_more():
    targets = wanted((64, 64))
    reports = [write_verify(made((64, 64)), targets, budget=budget) for budget in (3, 6, 12, 100)]
    shares = [report.converged.mean() for report in reports]
    assert 0.1 < shares[0] < shares[1] < shares[2] < shares[3]
    assert [report.pulses.max() <= report.budget for report in reports] == [True] * 4
    costs = [write_verify(made((64, 64)), targets, tolerance=t).pulses.mean() for t in (8e-6, 2e-6, 0.5e-6)]
    assert costs[0] < costs[1] < costs[2]


def test_the_transition_costs_far_fewer_pulses_than_a_ramp():
    targets = wanted((64, 64), 40e-6, 120e-6)
    along, ramp = (
        write_verify(made((64, 64)), targets, tolerance=2e-6, budget=1000, strategy=s) for s in ("transition", "ramp")
    )
    assert along.pulses.mean() < 6 < 20 < ramp.pulses.mean()
    assert along.total_energy < ramp.total_energy / 3


def test_finished_cells_are_left_alone():
    cells, targets = made(), wanted()
    write_verify(cells, targets)
    again = write_verify(cells, targets, tolerance=2.5e-6)  # as wide as the noise asks for
    assert again.converged.all() or again.failed.sum() < 3
    assert np.mean(again.pulses == 0) > 0.99


def test_a_second_pass_takes_up_cells_that_were_accepted_by_chance():
    """A tolerance of 1.6 deviations of the noise: many cells are not where a second look finds them."""
    targets = wanted((64, 64))
    one, three = (write_verify(made((64, 64)), targets, tolerance=0.3e-6, passes=k) for k in (1, 3))
    assert three.pulses.mean() > one.pulses.mean()
    assert "deviations of the read noise" in one.summary()
    assert np.mean(np.abs(three.error) < 0.3e-6) > np.mean(np.abs(one.error) < 0.3e-6)


def test_averaged_reads_find_smaller_tolerances():
    targets = wanted((64, 64))
    one, many = (write_verify(made((64, 64)), targets, tolerance=0.25e-6, reads=k) for k in (1, 16))
    assert many.read_noise == pytest.approx(one.read_noise / 4)
    assert np.std(many.error[many.converged]) < np.std(one.error[one.converged])
    assert np.quantile(np.abs(many.error[many.converged]), 0.99) < 0.25e-6 + 3 * many.read_noise


@engines
def test_where_and_views_are_the_same(engine, state, same_state):
    a, b = made(engine=engine), made(engine=engine)
    targets, mask = wanted(), np.zeros((24, 32), bool)
    mask[3:9, 4:20] = True
    untouched = a.conductance()[~mask]
    whole = write_verify(a, np.where(mask, targets, 80e-6), where=mask)
    part = write_verify(b[3:9, 4:20], targets[3:9, 4:20])
    same_state(state(a), state(b))
    assert np.array_equal(whole.pulses[mask], part.pulses.ravel())
    assert not whole.pulses[~mask].any()
    assert not whole.failed[~mask].any()
    assert np.array_equal(a.conductance()[~mask], untouched)


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 70), st.integers(1, 3), st.integers(0, 2**32))
def test_any_shape_any_seed_any_threads(rows, columns, threads, seed):
    shape = (rows, columns)
    targets = np.random.default_rng(seed).uniform(35e-6, 170e-6, shape)
    a, b = made(shape, rng=seed, threads=1), made(shape, rng=seed, threads=threads)
    first, second = write_verify(a, targets, budget=20), write_verify(b, targets, budget=20)
    for name in ("reached", "measured", "pulses", "energy", "converged"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_scalars_vectors_and_single_cells():
    assert write_verify(made((40,)), 100e-6, tolerance=2e-6).converged.all()
    report = write_verify(made((3, 40)), np.full(40, 90e-6), tolerance=2e-6)
    assert report.target.shape == (3, 40)
    assert write_verify(made((3, 4))[1, 2], 100e-6, tolerance=3e-6).reached.shape == ()


def test_what_pulses_a_strategy_of_ones_own_brings():
    """Its arguments hold rising amplitudes since the last SET, and the reads that followed."""
    readbacks = []

    def strategy(seen):
        readbacks.append(seen)
        return np.where(seen.u > 0, seen.u + 0.05, 0.6)

    report = write_verify(made((50,)), 80e-6, tolerance=3e-6, strategy=strategy, budget=60)
    assert report.method == "write-verify, function"
    assert report.converged.mean() > 0.8
    assert np.all(readbacks[0].u == 0)
    for seen in readbacks:
        assert np.all(seen.g > seen.target)
        assert np.all(seen.u_before[seen.u > 0] <= seen.u[seen.u > 0])
        assert np.all(seen.g <= seen.g_set + 2e-6)


def test_a_strategy_that_does_not_rise_still_ends():
    report = write_verify(made((50,)), 80e-6, strategy=lambda seen: np.full_like(seen.u, 0.9), budget=30)
    assert report.pulses.max() <= 30


def test_progress_ends_at_the_end():
    seen = []
    write_verify(made(), wanted(), budget=10, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (768, 768)
    assert sorted(seen) == seen
    assert len(seen) == 10


# ---- outliers


def test_components_are_those_that_cells_were_drawn_from():
    """White with their own component's factor, cells' vectors are the normals that they were drawn with."""
    cells = made((5000,), engine="reference")
    population, k = cells.params.population, cells.component
    lo, hi = cells.state.engine.cells.id_words(np.arange(5000))
    from synaptogen.model import random

    key = [np.array([word], np.uint32) for word in (cells.seed & 0xFFFFFFFF, cells.seed >> 32)]
    z = np.concatenate([random.normals(lo, hi, random.DEVICE, np.zeros_like(lo), lo * 0 + b, *key) for b in (1, 2)])
    off = cells.device.T - population.means[k]
    assert np.allclose(np.linalg.solve(population.cholesky[k], off[..., None])[..., 0], z.T, atol=1e-6)
    share = np.bincount(k) / 5000
    deviation = np.sqrt(population.weights * (1 - population.weights) / 5000)
    assert np.all(np.abs(share - population.weights) < 5 * deviation)
    assert np.array_equal(cells[7:90].component, k[7:90])
    assert np.array_equal(sg.CellArray((5000,), rng=11).component, k)
    assert np.array_equal(cells[::3].copy().component, k[::3])


def test_failures_belong_to_the_outliers():
    """With few pulses, cells of the third component (4.2 %, early and late RESETs) fail far more often."""
    report = write_verify(made((256, 256)), wanted((256, 256)), budget=12)
    rates = report.by_component()
    assert [rate.cells for rate in rates] == np.bincount(report.components.ravel()).tolist()
    assert sum(rate.failed for rate in rates) == report.failed.sum()
    usual = (rates[0].failed + rates[1].failed) / (rates[0].cells + rates[1].cells)
    assert rates[2].rate > 2 * usual > 0
    assert f"component 2: {rates[2].failed:,} of" in report.summary()


# ---- one shot, SET and RESET


@engines
def test_one_shot_reaches_the_target_in_the_median(engine):
    for target in (40e-6, 80e-6, 150e-6):
        cells = made((4000,), engine=engine)
        report = one_shot(cells, target, tolerance=5e-6)
        assert np.all(report.pulses == 2)
        # the median of 4,000 cells that scatter like the population: within 5 standard errors
        spread = np.subtract(*np.quantile(report.reached, [0.84, 0.16])) / 2
        assert abs(np.median(report.reached) - target) < 5 * 1.25 * spread / np.sqrt(4000) + 0.5e-6
        assert np.array_equal(report.converged, np.abs(report.measured - report.target) <= 5e-6)


def test_one_shot_is_two_pulses():
    a, b = made((500,)), made((500,))
    one_shot(a, 80e-6)
    population = population_statistics(b.params)
    b.apply_voltage(population.u_set)
    b.apply_voltage(np.float32(np.interp(-80e-6, -population.conductances, population.amplitudes)))
    assert np.allclose(a.conductance(), b.conductance(), rtol=1e-5, atol=0)


@engines
def test_bits(engine):
    cells = made((32, 32), engine=engine)
    cells.apply_voltages([-2.0, 1.5, -2.0, 1.0])
    on = np.random.default_rng(1).uniform(size=(32, 32)) < 0.5
    report = set_reset(cells, on)
    assert np.array_equal(cells.mode == sg.Mode.LRS, on)
    assert np.array_equal(cells.mode == sg.Mode.HRS, ~on)
    assert np.all(report.pulses == 1)
    assert report.converged.mean() > 0.98
    assert np.array_equal(
        report.converged, (report.measured > np.sqrt(report.target.max() * report.target.min())) == on
    )


def test_energy_of_a_pulse_by_hand():
    cells = made((6,))
    before = cells.current(-2.0).astype(float)
    report = set_reset(cells, np.ones(6, bool), u_set=-2.0, pulse_width=1e-6)
    after = cells.current(-2.0).astype(float)
    assert np.allclose(report.energy, 1e-6 * 2.0 * np.abs(before + after) / 2, rtol=1e-5, atol=0)
    assert report.total_energy == pytest.approx(report.energy.sum(), rel=1e-5)


@pytest.mark.parametrize("budget", [1, 2, 3, 7])
@pytest.mark.parametrize("passes", [1, 3])
def test_the_budget_holds_for_all_passes_together(budget, passes):
    """A tolerance near the read noise keeps most cells from converging, so that each pass would go on."""
    report = write_verify(made(), wanted((24, 32)), tolerance=3e-7, budget=budget, passes=passes)
    assert report.pulses.max() == budget
    assert (report.pulses[~report.converged] == budget).all()


# ---- cells without selectors


def test_gentle_pulses_in_thirds_disturb_no_one():
    """SET at -1.3 V: others see 0.43 V, less than the lowest of their thresholds, see the figures in the docs."""
    cells, targets = made((32, 32)), wanted((32, 32))
    report = write_verify(cells, targets, scheme="V/3", u_set=-1.3, tolerance=2e-6, passes=4)
    assert report.disturbed.sum() <= 3
    assert np.mean(np.abs(report.error) < 3e-6) > 0.98


def test_halves_of_strong_pulses_disturb_many_and_the_report_says_so():
    cells, targets = made((32, 32)), wanted((32, 32))
    report = write_verify(cells, targets, scheme="V/2", tolerance=2e-6, budget=20)
    assert report.disturbed.sum() > 50
    first = report.summary().splitlines()[0]
    assert f", {report.disturbed.sum():,} disturbed after their last read, " in first
    assert "other cells" not in first


def test_the_first_line_counts_neighbours_that_were_disturbed():
    cells, written = made((32, 32)), np.zeros((32, 32), bool)
    written[::4] = True
    before = cells.conductance()
    report = set_reset(cells, True, where=written, scheme="V/2", u_set=-2.4)
    moved = ~written & (np.abs(cells.conductance() - before) > report.tolerance)
    assert moved.any()
    assert np.array_equal(report.others_disturbed, moved)
    assert f"{moved.sum():,} other cells disturbed" in report.summary().splitlines()[0]
    assert "disturbed cells changed by more than" in report.summary()
    assert report.statistics()["others_disturbed"] == moved.sum()


def test_a_run_that_disturbed_nothing_does_not_speak_of_it():
    cells = made((8, 8))
    report = set_reset(cells, True, where=np.eye(8, dtype=bool))
    assert not report.others_disturbed.any()
    assert "disturbed" not in report.summary()


def test_energy_of_others_counts():
    a, b = made((16, 16)), made((16, 16))
    on = np.eye(16, dtype=bool)
    alone, among = set_reset(a, on, where=on), set_reset(b, on, where=on, scheme="V/2")
    assert among.total_energy > 2 * alone.total_energy


# ---- the report


def test_a_report_tells_in_figures_and_words():
    report = write_verify(made(), wanted(), budget=5)
    facts = report.statistics()
    assert facts["cells"] == 768
    assert facts["converged"] + facts["failed"] == 768
    assert facts["rms_error"] == pytest.approx(np.sqrt(np.mean(report.error.astype(float) ** 2)))
    assert facts["mean_pulses"] == report.pulses.mean()
    assert f"{facts['converged']:,} of 768 cells within 1" in str(report)
    assert "cells=" not in repr(report)


# ---- what can be reached


def test_windows_hold_the_share_that_they_say():
    """Shares of 40,000 other cells; the sample of 16,384 behind the window has errors too: 6 deviations of both."""
    cells = sg.CellArray(40_000, rng=5)
    cells.apply_voltage(-2.0)
    lrs = cells.conductance()
    cells.apply_voltage(1.5)
    hrs = cells.conductance()
    for share in (0.5, 0.9, 0.99):
        low, high = reachable_window(coverage=share)
        deviation = np.sqrt(share * (1 - share) * (1 / 40_000 + 1 / 16_384))
        assert abs(np.mean(hrs <= low) - share) < 6 * deviation
        assert abs(np.mean(lrs >= high) - share) < 6 * deviation
    wide, narrow = reachable_window(coverage=0.01), reachable_window(coverage=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert reachable_window(sg.DeviceParams.preset("hennen2024"), 0.5) == reachable_window(coverage=0.5)
    with pytest.warns(DeprecationWarning, match="coverage"):
        assert reachable_window(share=0.5) == reachable_window(coverage=0.5)


def test_targets_out_of_reach_are_refused_or_clipped(state, same_state):
    cells, targets = made((8, 8)), wanted((8, 8))
    targets[0, 0], targets[1, :2] = 0.0, 1e-3
    before = state(cells)
    with pytest.raises(ValueError, match=r"3 of 64 targets lie outside.*clip"):
        write_verify(cells, targets)
    same_state(state(cells), before)
    report = write_verify(cells, targets, outside="clip", budget=10)
    low, high = reachable_window(coverage=1e-3)
    assert report.clipped == 3
    assert report.target[0, 0] == np.float32(low)
    assert np.all(report.target[1, :2] == np.float32(high))
    away = np.abs(targets - 80e-6) < 70e-6
    assert write_verify(cells, targets, where=away, budget=10).clipped == 0


WRONG = [
    ({"targets": np.nan}, "targets holds values that are not finite"),
    ({"targets": np.ones((3, 3))}, "targets has shape"),
    ({"targets": [1e-4, 2e-4, 3e-4]}, "targets has shape"),
    ({"tolerance": 0.0}, "tolerance"),
    ({"tolerance": np.nan}, "tolerance"),
    ({"tolerance": 1e-9}, "below the read noise.*average [0-9]+ reads"),
    ({"budget": 0}, "budget"),
    ({"reads": 0}, "reads"),
    ({"passes": 0}, "passes"),
    ({"strategy": "rampp"}, "did you mean 'ramp'"),
    ({"scheme": "V/4"}, "scheme"),
    ({"outside": "ignore"}, "outside"),
    ({"where": np.zeros((4, 8), bool)}, "where selects no cell"),
    ({"u_set": 1.0}, "u_set"),
    ({"pulse_width": -1.0}, "pulse_width"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_bad_input_changes_no_cell(wrong, message, state, same_state):
    cells = made((4, 8))
    before = state(cells)
    with pytest.raises(ValueError, match=message):
        write_verify(cells, **{"targets": 100e-6, **wrong})
    same_state(state(cells), before)


def test_more_bad_input():
    cells = made((4, 8))
    with pytest.raises(ValueError, match="rows, columns"):
        write_verify(cells[0], 1e-4, scheme="V/2")
    with pytest.raises(TypeError, match="on is of type"):
        set_reset(cells, np.ones((4, 8)))
    with pytest.raises(TypeError, match="targets"):
        one_shot(cells, "high")
    with pytest.raises(ValueError, match="tolerance"):
        one_shot(cells, 1e-4, tolerance=-1.0)
    for share in (0.0, 1.0, np.nan):
        with pytest.raises(ValueError, match="coverage"):
            reachable_window(coverage=share)
    with pytest.raises(ValueError, match=r"preset|known"):
        reachable_window("hennen")
    with pytest.raises(ValueError, match="start"):
        Ramp(start=0.0)


@pytest.mark.parametrize("wired", [False, True])
@pytest.mark.parametrize("scheme", [None, "V/2"])
def test_energies_are_those_of_the_currents_before_and_after(wired, scheme):
    """E = |u| (|I before| + |I after|) / 2 times the width, summed over all cells that see a voltage."""
    cells = sg.CellArray((1, 5), rng=3, bandwidth=0)
    before = cells.current(-2.2)
    options = {"wires": sg.crossbar.Wires(1e-9, 1e-9)} if wired else {}
    report = set_reset(cells, True, u_set=-2.2, pulse_width=5e-8, scheme=scheme, **options)
    expected = 2.2 * (np.abs(before) + np.abs(cells.current(-2.2))) / 2 * 5e-8
    assert report.total_energy == pytest.approx(float(expected.sum()), rel=1e-3)
    if scheme is None:
        np.testing.assert_allclose(report.energy, expected, rtol=1e-3)
