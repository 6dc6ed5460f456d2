"""Trend and wear on all engines: closed forms, one life however the work is divided, files."""

from dataclasses import replace

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.model import ageing

PRESET = sg.DeviceParams.preset("hennen2024")
CURVES = [[-0.2, 0.05], [-0.05, 0.0], [50.0, 0.0], [0.05, 0.02]]
TREND = sg.Trend(20, CURVES, [1.0, 1.0, -0.5, 1.0], 0.3 * np.tril(np.ones((4, 4))))
SLOPE = np.zeros((4, 8))
SLOPE[0, 0], SLOPE[0, 4], SLOPE[1, 3], SLOPE[2, 2], SLOPE[3, 5] = -0.7, 0.5, 0.2, 1e-3, 1.0
SLOPED = sg.Trend(20, CURVES, TREND.mean, TREND.factor, SLOPE, PRESET.population.mean())
PASSING = sg.Trend(8, CURVES, TREND.mean, TREND.factor, SLOPE, SLOPED.centre, passes=True)
SHARED = sg.Trend(20, CURVES, TREND.mean)
AGED = PRESET.compact(4).replace(trend=TREND, wear=sg.Wear(12.0, 2.0, 0.4))
ENGINES = [("reference", "full"), ("cpu", "full"), ("cpu", "compact")]


def within(count, n, share):
    """Whether a count is binomial: a false alarm in 1 of 16,000 (four standard errors)."""
    return abs(count - n * share) < 4 * np.sqrt(n * share * (1 - share)) + 1


def worn(features):
    return (features.u_set <= -ageing.U_NEVER) | (features.u_reset >= ageing.U_NEVER)


# ---- closed forms


@pytest.mark.parametrize("law", [sg.Wear(9.0, 0.6, 0.3), sg.Wear(9.0, 1.0, 1.0), sg.Wear(9.0, 4.0, 0.0)])
def test_share_of_failed_cells_is_weibull(law):
    """At each of ten cycles 1 - exp(-(n/scale)**shape); no cell has failed before its first cycle."""
    n = 40_000
    cells = sg.CellArray(n, PRESET.with_order(1).replace(wear=law), rng=3, engine="reference")
    assert cells.worn() == 0
    for k in range(1, 11):
        cells.run_cycles(1)
        share = 1 - np.exp(-((k / law.scale) ** law.shape))
        assert within(int(cells.worn()), n, share), k
    total = int(cells.worn())
    assert within(np.count_nonzero(cells.features.u_reset >= ageing.U_NEVER), total, law.lrs)


def test_early_failures_of_rare_wear_are_as_rare_as_they_should_be():
    """Of 2**32 words the smallest are as exponential as the others; nobody fails in cycle 0."""
    word = np.array([0, 1, 99, 2**20, 2**25 - 1, 2**25, 2**31, 2**32 - 1], np.uint32)
    v = (word.astype(np.float64) + 0.5) / 2.0**32
    np.testing.assert_allclose(ageing.unit_exponential(word), -np.log1p(-v), rtol=3e-7)
    law = sg.Wear(1e9, 3.0).constants()
    assert not np.any(ageing.has_failed(np.zeros(8, np.uint32), word, law))


@pytest.mark.parametrize(("engine", "storage"), ENGINES)
def test_a_failed_cell_stays(engine, storage):
    """One that fails to the LRS sets once more, one that fails to the HRS stays there, whatever is applied."""
    cells = sg.CellArray(3000, AGED, rng=5, engine=engine, storage=storage)
    cells.run_cycles(10)
    features = cells.features
    low, high = features.u_reset >= ageing.U_NEVER, features.u_set <= -ageing.U_NEVER
    assert cells.worn() == np.count_nonzero(low | high) > 1000
    assert not np.any(low & high)
    assert cells.limited() <= 3
    cells.apply_voltage(-1e6)
    then = cells.conductance()
    for u in (1.2, -0.9, 1e6, -1e6):
        cells.apply_voltage(u)
        assert np.array_equal(cells.conductance()[low | high], then[low | high])
    assert np.all(cells.mode[low] == sg.Mode.LRS)
    assert np.all(cells.mode[high] == sg.Mode.HRS)
    assert np.all(cells.cycle[low | high] <= 10)
    assert np.all(cells.cycle[~(low | high)] >= 11)


def test_trend_moves_features_by_the_curve_and_then_holds():
    """The same cells with and without: log10 R_HRS differs by d T(t), with d of each device by the normals it has."""
    plain, moved = (
        sg.CellArray(500, PRESET.compact(4).replace(trend=trend), rng=7, engine="reference") for trend in (None, TREND)
    )
    a, b = np.log10(plain.run_cycles(25).r_hrs), np.log10(moved.run_cycles(25).r_hrs)
    cycle = np.minimum(np.arange(1, 26), 19)
    curve = np.polyval(CURVES[0], 2 * cycle / 19 - 1)
    d = (b - a)[-1] / curve[-1]
    assert abs(d.mean() - 1.0) < 4 * 0.3 / np.sqrt(500)  # a false alarm in 1 of 16,000
    assert 0.25 < d.std() < 0.35
    inside = (b - a)[:, np.abs(plain.features.r_hrs) < 1e7]
    np.testing.assert_allclose(inside, (curve[:, None] * d)[:, np.abs(plain.features.r_hrs) < 1e7], atol=1e-9)
    np.testing.assert_allclose(TREND.change(np.arange(1, 26))[:, 0], curve, rtol=1e-12)


def test_trend_follows_offsets_and_scales_of_the_device():
    """Without normals of its own, d is mean + slope @ (v - centre), where |sigma| counts."""
    law = sg.Trend(20, CURVES, TREND.mean, None, SLOPE, SLOPED.centre)
    plain, moved = (
        sg.CellArray(300, PRESET.compact(4).replace(trend=trend), rng=7, engine="reference") for trend in (None, law)
    )
    v = np.concatenate([plain.device[:4], np.abs(plain.device[4:])]).astype(np.float64)
    a, b = plain.run_cycles(20), moved.run_cycles(20)
    inside = np.abs(plain.features.r_hrs) < 1e7
    d = 1.0 + SLOPE[0] @ (v - law.centre[:, None])
    change = (np.log10(b.r_hrs) - np.log10(a.r_hrs))[-1]
    np.testing.assert_allclose(change[inside], (-0.15 * d)[inside], atol=1e-6)
    np.testing.assert_allclose(law.change([0, 19, 30]), TREND.change([0, 19, 30]))


@pytest.mark.parametrize(("engine", "storage"), ENGINES)
def test_nothing_is_left_of_a_trend_that_passes(engine, storage):
    """To its last but one cycle it is the trend that stays; from its last on cells are, to the bit, those without."""
    plain, stays, passes = (
        sg.CellArray(700, PRESET.compact(4).replace(trend=trend), rng=7, engine=engine, storage=storage).run_cycles(12)
        for trend in (None, replace(PASSING, passes=False), PASSING)
    )  # cycles 1 to 12
    for name in ("r_hrs", "u_set", "r_lrs", "u_reset"):
        without, kept, found = (getattr(features, name) for features in (plain, stays, passes))
        assert np.array_equal(found[:6], kept[:6])
        assert not np.array_equal(found[:6], without[:6])
        assert np.array_equal(found[6:], without[6:])
    assert np.array_equal(PASSING.change([0, 6]), replace(PASSING, passes=False).change([0, 6]))
    assert not PASSING.change([7, 8, 500]).any()


# ---- one life


@pytest.mark.parametrize("trend", [TREND, SLOPED, PASSING, SHARED], ids=["plain", "sloped", "passing", "shared"])
@pytest.mark.parametrize(("engine", "storage"), ENGINES[1:])
def test_engines_age_alike(engine, storage, trend):
    """The same cells fail in the same cycles, features agree as without ageing; a cell in a thousand may round off."""
    params = AGED.replace(trend=trend)
    mine, its = (
        sg.CellArray(2000, params, rng=2, engine=e, storage=s).run_cycles(15)
        for e, s in ((engine, storage), ENGINES[0])
    )
    same = worn(mine) == worn(its)
    assert same.mean() > 0.999
    tolerance = 2e-3 if storage == "compact" else 5e-5
    for name in ("r_hrs", "r_lrs"):
        a, b = (1 / getattr(features, name)[same] for features in (mine, its))  # codes are linear in conductance
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=1e-8)


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_cuts_change_no_bit(storage, same_cells):
    """One array, its slices, one voltage at a time, more threads, a copy that lives on: the same cells."""
    pulses = np.random.default_rng(1).uniform(-1.7, 1.7, (30, 800))
    options = {"params": AGED, "rng": 4, "storage": storage}
    whole = sg.CellArray(800, threads=1, **options)
    whole.apply_voltages(pulses)
    assert 0 < whole.worn() < 800
    parts = sg.CellArray(800, threads=2, **options)
    for here in (slice(500, 800), slice(0, 130), slice(130, 500)):
        for k, u in enumerate(pulses):
            parts[here].apply_voltage(u[here])
            parts = parts.copy() if k == 7 else parts
    same_cells(whole, parts)


@pytest.mark.parametrize("storage", ["full", "compact"])
def test_saved_cells_age_on(storage, tmp_path, same_cells):
    pytest.importorskip("zarr")
    cells = sg.CellArray(300, AGED, rng=6, storage=storage)
    cells.run_cycles(6)
    cells.save(tmp_path / "cells.zarr")
    back = sg.load(tmp_path / "cells.zarr")
    assert back.params == AGED
    for each in (cells, back):
        each.apply_voltages([-1.0, 1.1, -2.0, 2.0])
    same_cells(cells, back)


def test_blocks_age_as_the_whole(tmp_path):
    pytest.importorskip("zarr")
    from synaptogen import outofcore

    whole = sg.CellArray((40, 7), AGED, rng=8)
    disk = outofcore.DiskArray((40, 7), path=tmp_path / "disk.zarr", params=AGED, rng=8, block=16)
    for each in (whole, disk):
        each.apply_voltages([-5.0, 5.0] * 9)
    assert disk.worn() == whole.worn() > 0
    assert np.array_equal(disk.features.u_set, whole.features.u_set)


def test_without_both_nothing_changes(state, same_state):
    """The same bits as without the part, where the part has no effect."""
    idle = PRESET.replace(trend=sg.Trend(5, np.zeros((4, 2))), wear=sg.Wear(1e15))
    plain, other = (sg.CellArray(500, params, rng=1, engine="reference") for params in (PRESET, idle))
    for each in (plain, other):
        each.apply_voltages([-1.0, 1.2, -2.0, 2.0])
    same_state(state(plain), state(other))


# ---- parameters


def test_files_hold_both(tmp_path):
    AGED.to_json(tmp_path / "aged.json")
    back = sg.DeviceParams.from_json(tmp_path / "aged.json")
    assert back == AGED
    assert "slope" not in AGED.to_json()  # earlier versions read such files
    sloped = AGED.replace(trend=SLOPED)
    assert sg.DeviceParams.from_json(sloped.to_json()) == sloped != AGED
    assert hash(back) == hash(AGED)
    assert back != AGED.replace(wear=None)
    assert repr(back).endswith(", trend, wear)")
    for part in ("trend", "wear"):
        assert f'"{part}"' not in PRESET.to_json()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sg.Wear(0.0), "scale must be from"),
        (lambda: sg.Wear(10.0, shape=0.0), "shape must be from"),
        (lambda: sg.Wear(10.0, lrs=1.5), "lrs must be from 0 to 1"),
        (lambda: sg.Trend(1, np.zeros((4, 2))), "cycles must be from 2"),
        (lambda: sg.Trend(2.5, np.zeros((4, 2))), "cycles must be a whole number"),
        (lambda: sg.Trend(10, np.zeros((3, 2))), "curves must have shape"),
        (lambda: sg.Trend(10, np.zeros((4, 2)), slope=np.zeros((4, 4))), "slope must have shape"),
        (lambda: sg.Trend(10, np.zeros((4, 2)), factor=np.ones((4, 4))), "factor must be lower triangular"),
        (lambda: PRESET.with_trend(100, u_set=2.0), "trend leads the mean device"),
        (lambda: PRESET.replace(trend=3), "trend must be a Trend or None"),
        (lambda: PRESET.replace(wear="old"), "wear must be a Wear or None"),
        (lambda: sg.Wear.from_dict({"scale": 1.0, "shap": 2.0}), "unknown keys shap"),
        (lambda: sg.Trend.from_dict({"cycles": 5}), "lacks curves"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
