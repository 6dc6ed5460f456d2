"""Trend given back and wear: simulated truth is found within its interval, and nothing where there is nothing."""

import numpy as np
import pytest
import xarray as xr

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn import Flag
from synaptogen.learn.statistics import expected_failures, fit_trend, fit_wear, lives_of, remove_trend
from synaptogen.learn.statistics.wear_fit import FEWEST_FAILURES, Lives
from synaptogen.learn.validation.samples import assign_folds, draw_splits
from synaptogen.model import U_NEVER

PRESET = sg.DeviceParams.preset("hennen2024")


def measured(params, devices, cycles, seed):
    """Features of an array as a table, with the flags that an extraction gives to cells that failed."""
    features = sg.CellArray(devices, params, rng=seed, engine="reference").run_cycles(cycles)
    table = learn.features(**{name: values.T.astype(float) for name, values in features._asdict().items()})
    flag = np.zeros((devices, cycles), int)
    high, low = features.u_set.T <= -U_NEVER, features.u_reset.T >= U_NEVER
    flag[high] = Flag.NO_SET
    flag[low] = Flag.NO_RESET | Flag.FROM_LRS
    run = (high | low).sum(1)
    for n, length in enumerate(run):
        if length >= 5:
            flag[n, cycles - length :] |= Flag.WORN
    table["flag"] = (("device", "cycle"), flag)
    return table


# ---- wear


def simulated(scale, shape, devices, cycles, rng):
    """Lives by inverting the distribution, of records that end."""
    life = np.ceil(scale * rng.weibull(shape, devices))
    failed = life <= cycles - 1
    return Lives(
        np.where(failed, life, cycles - 1.0), failed, int(failed.sum() // 2), int(failed.sum() - failed.sum() // 2)
    )


@pytest.mark.parametrize(("scale", "shape"), [(150.0, 1.5), (400.0, 0.7), (80.0, 4.0)])
def test_intervals_hold_the_truth(scale, shape):
    """Of 24 populations 95 % are expected; fewer than 18 (for each number) are a false alarm of 1 in 5,000."""
    rng = np.random.default_rng(3)
    held = np.zeros(2)
    for _ in range(24):
        found = fit_wear(simulated(scale, shape, 64, 150, rng))
        assert found.wear is not None
        held += [found.scale[0] <= scale <= found.scale[1], found.shape[0] <= shape <= found.shape[1]]
    assert np.all(held >= 18)


def test_cells_that_fail_teach_the_wear_that_they_have():
    """From an array of cells by way of flags; the share in the LRS too, within four standard errors."""
    table = measured(PRESET.with_wear(60, shape=2.0, lrs=0.3), 300, 100, 4)
    lives = lives_of(table)
    found = fit_wear(lives)
    assert found.scale[0] < 60 < found.scale[1]
    assert found.shape[0] < 2.0 < found.shape[1]
    assert abs(found.wear.lrs - 0.3) < 4 * np.sqrt(0.3 * 0.7 / found.failures)
    assert found.lrs[0] < found.wear.lrs < found.lrs[1]
    low, high = expected_failures(found.wear, lives)
    assert low <= found.failures <= high
    assert f"{found.failures} of 300 devices failed for good" in str(found)


@pytest.mark.parametrize("failures", [0, 1, FEWEST_FAILURES - 1, FEWEST_FAILURES])
def test_few_failures_teach_nothing(failures):
    failed = np.arange(50) < failures
    found = fit_wear(Lives(np.where(failed, 20.0 + np.arange(50), 99.0), failed, 0, failures))
    assert (found.wear is None) == (failures < FEWEST_FAILURES)
    assert ("no wear" in str(found)) == (0 < failures < FEWEST_FAILURES)
    assert bool(str(found)) == bool(failures)


def test_lives_are_counted_in_measured_cycles():
    """Forming and missing cycles are none; a device that never switched has no life; one that lives is censored."""
    flag = np.zeros((4, 20), int)
    flag[0, 0] = Flag.FORMING
    flag[0, 14:] = Flag.WORN | Flag.NO_SET
    flag[1] = Flag.NEVER
    flag[2, 18:] = Flag.MISSING
    flag[3, 5:] = Flag.WORN | Flag.FROM_LRS
    lives = lives_of(xr.Dataset({"flag": (("device", "cycle"), flag)}))
    assert lives.last.tolist() == [13, 17, 5]
    assert lives.failed.tolist() == [True, False, True]
    assert (lives.lrs, lives.hrs) == (1, 1)
    assert lives_of(xr.Dataset({"r_lrs": (("device", "cycle"), np.ones((2, 3)))})) is None


def test_lives_count_cycles_that_are_not_in_the_table():
    """Of a table whose rows are blocks of cycles: numbers of the cycles count, from the start of a life."""
    flag = np.zeros((2, 20), int)
    flag[0, 14:] = Flag.WORN | Flag.NO_SET
    labels = np.concatenate([np.arange(10, 20), np.arange(50, 60)])
    table = xr.Dataset({"flag": (("device", "cycle"), flag)}, {"cycle": labels})
    assert lives_of(table).last.tolist() == [54, 59]
    assert lives_of(table.assign_coords(cycle=np.arange(1, 21))).last.tolist() == [14, 19]  # the first cycle is 1


# ---- trend


def test_a_trend_is_found_and_given_back():
    """Of 40 devices with a bent trend: its mean and its spread, within four standard errors of what is simulated."""
    curve = np.zeros((4, 3))
    curve[0], curve[3] = [0.1, 0.3, -0.1 / 3], [0.0, 0.05, 0.0]
    truth = sg.Trend(200, curve, factor=np.diag([0.25, 1e-6, 1e-6, 0.0]))
    table = measured(PRESET.with_order(2).replace(trend=truth), 40, 200, 5)
    left, _ = remove_trend(table, 2)
    found = fit_trend(table, left, PRESET.with_order(2), 2, seed=1)
    at = np.arange(200)
    change = found.change(at)
    for f, error in ((0, 0.25 / np.sqrt(40)), (3, 0.1)):
        size = np.sqrt(np.mean(truth.change(at)[:, f] ** 2))
        assert np.sqrt(np.mean((change - truth.change(at))[:, f] ** 2)) < 4 * error * size
    spread = found.factor[0, 0] * np.sqrt(np.mean(np.polyval(found.curves[0], np.linspace(-1, 1, 200)) ** 2))
    true = 0.25 * np.sqrt(np.mean(np.polyval(curve[0], np.linspace(-1, 1, 200)) ** 2))
    assert 0.5 * true < spread < 1.7 * true
    assert not found.curves[2].any() or np.abs(found.change(at)[:, 2]).max() < 100


def test_a_trend_is_found_in_blocks_of_the_cycles():
    """The same trend as in whole records, over as many cycles, from rows with gaps between them."""
    truth = PRESET.with_order(2).with_trend(400, r_hrs=-1.0)
    table = measured(truth, 20, 400, 5).assign_coords(cycle=np.arange(400))
    part, _, _ = learn.hold_out(table, 0.4, by="cycle")
    found = fit_trend(part, remove_trend(part, 1)[0], PRESET.with_order(2), 1, seed=1)
    assert found.cycles == 400
    change = found.change([0, 399])[:, 0]
    assert change[1] - change[0] == pytest.approx(-1.0, abs=0.15)


def test_stationary_devices_have_no_trend():
    """Of 12 stationary populations one in twenty is expected to show one; four or more are an alarm of 1 in 400."""
    shown = 0
    for seed in range(12):
        table = measured(PRESET.with_order(1), 20, 60, 100 + seed)
        left, _ = remove_trend(table, 1)
        shown += fit_trend(table, left, PRESET.with_order(1), 1, seed=1) is not None
    assert shown < 4


@pytest.mark.parametrize("trend", ["kept", "removed"])
def test_fit_says_what_became_of_the_trend(trend):
    table = measured(PRESET.with_order(1).with_trend(120, r_hrs=-1.0).replace(wear=sg.Wear(100.0, 1.5)), 20, 120, 6)
    result = learn.fit(table, history="var", order=1, laws="plain", detrend=1, trend=trend)
    kept = trend == "kept"
    assert (result.params.trend is not None) == kept
    assert "simulated cells follow it in r_hrs" in result.verdict if kept else "removed on request" in result.verdict
    assert result.params.wear == result.wear.wear
    assert result.params.wear is not None
    assert str(result.wear) in result.verdict
    assert sg.DeviceParams.from_json(result.params.to_json()) == result.params
    if kept:
        change = result.params.trend.change([0, 119])[:, 0]
        assert change[1] - change[0] == pytest.approx(-1.0, abs=0.25)


def test_a_population_without_wear_gives_none():
    result = learn.fit(measured(PRESET.with_order(1), 20, 40, 7), history="var", order=1, laws="plain")
    assert result.params.wear is None
    assert result.params.trend is None
    assert str(result.wear) == ""
    assert "fail" not in result.verdict


def test_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="trend='given' is not known"):
        learn.fit(learn.features(r_hrs=np.full((3, 40), 1e5)), trend="given")


# ---- one drifting device


def test_halves_of_few_devices_hold_neighbouring_stretches():
    """A straight trend moves the means of two halves apart by no more than a stretch, whatever the split."""
    rng = np.random.default_rng(1)
    for devices, cycles in ((1, 1000), (2, 400), (3, 300), (5, 200)):
        fold, stretches = assign_folds(devices, cycles, rng)
        place = np.tile(np.arange(stretches) / stretches, devices)
        masks = draw_splits(int(fold.max()) + 1, 24, stretches, rng)
        assert len({mask.tobytes() for mask in masks}) == len(masks)
        assert not any(np.array_equal(a, ~b) for a in masks for b in masks)
        for mask in masks:
            inside = mask[fold]
            assert inside.sum() * 2 == len(inside) or devices == 3
            assert abs(place[inside].mean() - place[~inside].mean()) <= 1.5 / stretches


def test_a_drifting_device_is_told_from_one_that_does_not_drift():
    """Correlations: good where the file has the trend, worse where it has not; the floor is not made of the trend."""
    still = PRESET.with_order(1)
    moving = still.with_trend(800, r_hrs=-1.5)
    table = measured(moving, 1, 800, 8)
    found = {
        name: learn.validate(params, table, splits=16, windows=200)["linear correlations"]
        for name, params in (("moving", moving), ("still", still))
    }
    assert found["moving"].generated < 0.75 * found["still"].generated
    assert found["still"].grade == "poor"
    assert found["moving"].grade in ("good", "fair")
