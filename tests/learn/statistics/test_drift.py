"""Drift is reported against its limit under a stationary model, and removed only when asked for."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn.statistics.drift import explained_share, measure_drift
from synaptogen.learn.statistics.latent_simulation import latent_records
from synaptogen.params import FEATURE_NAMES

PRESET = sg.DeviceParams.preset("hennen2024")


def measure(devices, cycles, seed):
    f = sg.CellArray(devices, rng=seed).run_cycles(cycles)
    return learn.features(*(getattr(f, name).T.astype(float) for name in FEATURE_NAMES))


def test_stationary_records_stay_below_their_limit():
    exceeded = 0
    for seed in range(20):
        x = latent_records(PRESET.history, 12, 300, np.random.default_rng(seed))
        exceeded += bool(measure_drift(x, PRESET.history, (0, 1, 2, 3), 99).drifting)
    assert exceeded <= 4  # of 20 with 5 % each: more in fewer than 0.3 % of seeds


def test_a_trend_is_found_in_the_feature_that_has_it():
    x = latent_records(PRESET.history, 12, 300, np.random.default_rng(1))
    x[..., 3] += np.linspace(-1, 1, 300)
    found = measure_drift(x, PRESET.history, (0, 1, 2, 3), 99)
    assert found.drifting == ("u_reset",)
    assert found.index["u_reset"] > 1.3 * found.limit["u_reset"]


def test_share_of_a_parabola():
    t = np.linspace(-1, 1, 101)
    assert np.allclose(explained_share(np.array([1 + 2 * t - t**2])), 1)
    white = np.random.default_rng(2).standard_normal((400, 200))
    assert abs(explained_share(white).mean() - 2 / 199) < 0.002  # two degrees of freedom of 199; error 0.0005
    assert np.isnan(explained_share(np.full((1, 101), np.nan))).all()


def test_a_declared_trend_is_removed_and_returned():
    data = measure(20, 200, 3)
    slope = 0.05
    n = np.linspace(-1, 1, 200)
    drifting = data.assign(u_reset=data.u_reset + slope * n, r_hrs=data.r_hrs * 10 ** (0.3 * n))
    left, removed = learn.remove_trend(drifting, 1)
    plain, before = learn.remove_trend(data, 1)
    np.testing.assert_allclose(left.u_reset, plain.u_reset, atol=1e-12)
    np.testing.assert_allclose(left.r_hrs, plain.r_hrs, rtol=1e-9)
    np.testing.assert_allclose(removed.u_reset - before.u_reset, slope, atol=1e-9)
    np.testing.assert_allclose(removed.r_hrs - before.r_hrs, 0.3, atol=1e-9)
    np.testing.assert_allclose(left.u_reset.mean("cycle"), drifting.u_reset.mean("cycle"))
    with pytest.raises(ValueError, match="detrend must be 1"):
        learn.remove_trend(data, 4)


def test_fit_reports_drift_and_removes_it_only_when_asked():
    data = measure(20, 200, 4)
    drifting = data.assign(u_reset=data.u_reset + 0.05 * np.linspace(-1, 1, 200))
    plain = learn.fit(drifting, history="var")
    assert "u_reset" in plain.drift.drifting
    assert plain.drift.removed is None
    assert any("u_reset drifts" in note for note in plain.notes)
    assert "u_reset drifts" in plain.params.source["notes"]
    without = learn.fit(drifting, history="var", detrend=1)
    assert "u_reset" not in without.drift.drifting
    assert without.drift.removed.u_reset.shape == (20, 1)
    assert "trend" in without.params.source
    assert any("was taken" in note for note in without.notes)
    assert without.params.trend.curves[3].any()
    assert not without.params.trend.curves[1].any()


def test_memory_beyond_the_record_is_noted():
    rng = np.random.default_rng(5)
    walk = np.cumsum(rng.standard_normal((200, 120, 4)), axis=1) * [0.02, 0.004, 40, 0.004] + [5, -0.7, 4500, 0.75]
    values = np.moveaxis(walk, 2, 0)
    fit = learn.fit(learn.features(10 ** values[0], *values[1:]), history="var", order=1)
    assert any("can tell from drift" in note for note in fit.notes)
    assert not any("can tell from drift" in note for note in learn.fit(measure(20, 200, 4), history="var").notes)
