"""Features in, parameters out: what was simulated must come back, and what was not measured must be said."""

import numpy as np
import pytest
import xarray as xr

import synaptogen as sg
from synaptogen.learn.statistics.bias_correction import BiasCorrectedFit
from synaptogen.learn.statistics.feature_fit import fit_features
from synaptogen.learn.statistics.feature_tables import feature_table
from synaptogen.learn.statistics.preset_completion import standard_form
from synaptogen.learn.statistics.quantile_transform import rms_difference
from synaptogen.params import FEATURE_NAMES, DeviceParams
from synaptogen.params.history import yule_walker

PRESET = DeviceParams.preset("hennen2024")
TRUTH = standard_form(PRESET)


def measure(devices, cycles, seed, params=PRESET):
    """A table of features (device, cycle) of virtual devices."""
    cells = sg.CellArray(devices, params, rng=seed)
    features = cells.run_cycles(cycles)
    return xr.Dataset({name: (("device", "cycle"), getattr(features, name).T.astype(float)) for name in FEATURE_NAMES})


@pytest.fixture(scope="module")
def table():
    return measure(160, 1000, 1)


@pytest.fixture(scope="module")
def fit(table):
    return fit_features(table, preset=PRESET)


@pytest.fixture(scope="module")
def one_device(table):
    return fit_features(table.isel(device=[0], cycle=slice(0, 100)), preset=PRESET)


def worst_acf(history, lags=200):
    return np.abs(history.autocovariance(lags) - TRUTH.gamma(lags)).max()


def test_shapes_come_back(fit):
    assert max(rms_difference(a, b) for a, b in zip(fit.quantile, TRUTH.quantile, strict=True)) < 0.015


def test_memory_comes_back(fit):
    assert fit.var.order == 10
    assert np.sqrt(np.mean((fit.var.lags - TRUTH.history.lags) ** 2)) < 0.0035
    assert worst_acf(fit.var) < 0.02
    assert np.abs(fit.autocovariance[:11] - TRUTH.gamma(10)).max() < 0.02
    assert fit.whiteness.white


def test_devices_come_back(fit, table):
    assert 0.01 < fit.population.weights.min() < 0.09
    mean = fit.devices.sel(trait=[f"mu_{n}" for n in FEATURE_NAMES]).mean("device").to_numpy()
    y = [np.log10(table.r_hrs), table.u_set, table.r_lrs, table.u_reset]
    np.testing.assert_allclose(mean, [float(v.mean()) for v in y], rtol=1e-6)
    assert fit.outlying.shape == (160,)


def test_standard_errors_are_of_the_size_of_the_errors(fit):
    scores = (fit.var.lags - TRUTH.history.lags) / fit.standard_errors["lags"]
    assert 0.8 < scores.std() < 1.25
    shape = (fit.quantile - TRUTH.quantile) / fit.standard_errors["quantile"]
    assert 0.3 < shape.std() < 2.5
    assert fit.standard_errors["devices"].shape == (160, 8)
    off = np.diagonal(fit.history.autocovariance(10) - TRUTH.gamma(10), axis1=1, axis2=2)[1:]
    score = off / np.diagonal(fit.standard_errors["autocorrelation"][1:11], axis1=1, axis2=2)
    assert 0.5 < np.sqrt(np.mean(score**2)) < 1.8
    assert "autocorrelations +- " in fit.provenance["errors"]


def test_errors_of_a_compact_history_have_the_size_of_its_scatter():
    """Four measurements of the same model: their histories scatter as each of them says."""
    truth = PRESET.compact(4)
    fits = [fit_features(measure(32, 700, 70 + k, truth), preset=PRESET, history="compact", states=4) for k in range(4)]
    near = [np.diagonal(f.history.autocovariance(10)[1:], axis1=1, axis2=2) for f in fits]
    said = [np.diagonal(f.standard_errors["autocorrelation"][1:11], axis1=1, axis2=2) for f in fits]
    ratio = np.sqrt(np.mean(np.square(said)) / np.mean(np.var(near, axis=0, ddof=1)))
    assert 0.4 < ratio < 2.5


def test_scores_are_normal_and_labelled(fit, table):
    assert fit.x.dims == ("device", "cycle", "feature")
    assert fit.x.dtype == np.float32
    assert list(fit.x.feature.values) == list(FEATURE_NAMES)
    assert float(np.abs(fit.x.std(("device", "cycle")) - 1).max()) < 0.01


def test_orders_are_compared(fit):
    assert list(fit.order_table.columns) == ["aic", "bic", "held_out", "spectral_radius"]
    assert fit.order_table["bic"].idxmin() == 10
    assert fit.order_table["held_out"].idxmax() in range(9, 13)
    assert {"components", "strength", "sigma_scale", "held_out"} == set(fit.population_table.columns)


@pytest.mark.parametrize("kind", ["var", "compact"])
def test_parameters_run_unchanged_and_survive_json(fit, kind):
    params = fit.to_params(PRESET, "mine").replace(history=getattr(fit, kind))
    again = DeviceParams.from_json(params.to_json())
    assert again == params
    for engine in ("cpu", "reference"):
        cells = sg.CellArray(8, again, rng=1, engine=engine)
        assert f"history={'VAR' if kind == 'var' else 'compact'}" in repr(cells)
        assert np.isfinite(cells.run_cycles(3).r_hrs).all()
    assert "VAR(10)" in params.source["history"]


def test_generated_features_look_like_the_measured_ones(fit, table):
    again = measure(160, 1000, 9, fit.to_params(PRESET, "mine"))
    for name in FEATURE_NAMES:
        a, b = (np.quantile(d[name], [0.05, 0.25, 0.5, 0.75, 0.95]) for d in (table, again))
        assert np.abs(a - b).max() < 0.15 * (a[-1] - a[0])


def test_the_same_seed_gives_the_same_fit(table):
    part = table.isel(device=slice(0, 20), cycle=slice(0, 200))
    a, b = (fit_features(part, preset=PRESET, rng=5, history="var") for _ in range(2))
    assert a.to_params(PRESET, "x") == b.to_params(PRESET, "x")


def test_long_memory_makes_a_compact_history_the_default():
    k, taus = np.arange(51), np.geomspace(3, 150, 5)
    gamma = np.exp(-k[:, None] / taus).mean(1)[:, None, None] * np.diag([0.3, 0.5, 0.6, 0.5])
    gamma[0] = np.eye(4)
    truth = yule_walker(gamma, 50)
    found = fit_features(measure(96, 1200, 3, PRESET.replace(history=truth)), preset=PRESET)
    gamma = truth.autocovariance(300)
    assert found.history is found.compact
    assert np.abs(found.compact.autocovariance(300) - gamma).max() < 0.05
    assert np.abs(found.var.autocovariance(300) - gamma).max() > 0.08
    assert "more likely than VAR" in found.provenance["history"]


def test_cycles_without_memory_get_no_compact_history(table):
    rng = np.random.default_rng(0)
    part = table.isel(device=slice(0, 60), cycle=slice(0, 400))
    mixed = part.isel(cycle=rng.permutation(400))
    found = fit_features(mixed, preset=PRESET, components=1)
    assert found.history is found.var
    assert found.var.order == 1


def test_records_of_300_cycles_are_corrected():
    """Removing the means of devices takes 0.06 off; what is left is chance of 180,000 cycles."""
    table = measure(600, 300, 4)
    found = fit_features(table, preset=PRESET, history="var", components=1)
    rounds = BiasCorrectedFit(feature_table(table), TRUTH, "bic", "var", 8, 0, lambda *_: None)
    naive = yule_walker(rounds.uncorrected, 10)
    assert worst_acf(naive) > 0.04
    assert worst_acf(found.var) < 0.02
    rms = np.sqrt(np.mean((found.var.autocovariance(200) - TRUTH.gamma(200)) ** 2))
    assert rms < 0.004
    np.testing.assert_allclose(rounds.bias.noise.shrinkage, 1)
    sigma = found.devices.sel(trait="sigma_r_lrs")
    assert float(sigma.mean()) == pytest.approx(TRUTH.population.mean()[6], rel=0.03)


def test_what_was_not_measured_comes_from_the_preset(table):
    part = table[["r_hrs", "r_lrs"]].assign(u_set=table.u_set * np.nan)
    found = fit_features(part, preset=PRESET, history="var")
    np.testing.assert_array_equal(found.quantile[[1, 3]], TRUTH.quantile[[1, 3]])
    assert found.population.mean()[[1, 3, 5, 7]] == pytest.approx(TRUTH.population.mean()[[1, 3, 5, 7]])
    assert any("u_set, u_reset not measured" in note for note in found.notes)
    assert "u_set, u_reset from the preset" in found.provenance["population"]
    assert np.isnan(found.devices.sel(trait="mu_u_set")).all()
    assert worst_acf(found.var) < 0.08
    params = found.to_params(PRESET, "partial")
    assert np.isfinite(sg.CellArray(8, params, rng=1, engine="reference").run_cycles(2).u_set).all()


def test_missing_cycles_are_no_neighbours(table, fit):
    """A gap in the numbers of cycles, or NaN: lags keep their true distance."""
    holed = table.isel(device=slice(0, 100))
    rng = np.random.default_rng(0)
    gone = xr.DataArray(rng.random((100, 1000)) < 0.1, dims=("device", "cycle"))
    numbers = np.concatenate([np.arange(500), np.arange(700, 1200)])
    found = fit_features(holed.where(~gone).assign_coords(cycle=numbers), preset=PRESET, history="var")
    assert found.x.sizes["cycle"] == 1200
    assert found.var.order == 10
    assert np.abs(found.autocovariance[:3] - fit.autocovariance[:3]).max() < 0.03
    assert any("missing" in note for note in found.notes)


def test_one_device_is_drawn_towards_the_preset(one_device, table):
    """100 cycles: the shape and the memory of the preset, hardly moved; the device's own mean and sigma."""
    assert max(rms_difference(a, b) for a, b in zip(one_device.quantile, TRUTH.quantile, strict=True)) < 0.04
    assert one_device.var.order == 10
    assert np.abs(one_device.var.autocovariance(20) - TRUTH.gamma(20)).max() < 0.1
    assert one_device.population.n_components == 1
    assert one_device.population_table is None
    assert float(one_device.devices.sel(trait="mu_r_lrs")[0]) == pytest.approx(float(table.r_lrs[0, :100].mean()))
    np.testing.assert_allclose(one_device.population.mean()[:4], one_device.devices.to_numpy()[0, :4])
    assert any("preset" in note and "few" in note for note in one_device.notes)
    assert "lags" not in one_device.standard_errors
    params = one_device.to_params(PRESET, "one")
    assert DeviceParams.from_json(params.to_json()) == params


def test_a_small_record_can_ask_for_an_order(table):
    found = fit_features(table.isel(device=[0], cycle=slice(0, 120)), preset=PRESET, order=1)
    assert found.history.order == 1


def test_a_table_of_one_device_needs_no_axis(table):
    found = fit_features(table.isel(device=0, cycle=slice(0, 100)), preset=PRESET)
    assert found.devices.shape == (1, 8)


def test_devices_that_never_change_are_left_out_and_named(table):
    part = table.isel(device=slice(0, 20), cycle=slice(0, 200)).copy(deep=True)
    part["r_lrs"][3] = 5000.0
    for name in FEATURE_NAMES:
        part[name][7, 10:] = np.nan
    found = fit_features(part, preset=PRESET)
    assert found.devices.sizes["device"] == 18
    assert any("never changes: 3" in note for note in found.notes)
    assert any("fewer than 30 cycles: 7" in note for note in found.notes)


def test_progress_is_reported(table):
    reports = []
    fit_features(table.isel(device=[0], cycle=slice(0, 100)), preset=PRESET, progress=lambda *a: reports.append(a))
    shares = [share for _, share in reports]
    assert shares == sorted(shares)
    assert reports[-1] == ("errors", 1.0)


BAD = {
    "both signs": (
        lambda d: d.assign(u_set=d.u_set * np.where(np.arange(d.sizes["cycle"]) % 3, 1, -1)),
        "u_set must be negative",
    ),
    "millivolts": (lambda d: d.assign(u_reset=1000 * d.u_reset), "u_reset has a median size .* give volts"),
    "kilohm": (lambda d: d.assign(r_lrs=d.r_lrs / 1000), "r_lrs has a median .* give ohm"),
    "logarithms": (lambda d: d.assign(r_hrs=np.log10(d.r_hrs)), "r_hrs has a median .* logarithms"),
    "zero ohm": (lambda d: d.assign(r_lrs=d.r_lrs * 0), "r_lrs must be positive"),
    "exchanged": (lambda d: d.rename(r_hrs="r_lrs", r_lrs="r_hrs"), "exchange the two"),
    "constant": (lambda d: d.assign(r_lrs=d.r_lrs * 0 + 5000), "r_lrs is constant"),
    "one cycle": (lambda d: d.isel(cycle=[0]), "1 cycle"),
    "four cycles": (lambda d: d.isel(cycle=slice(0, 4)), "at least 5"),
    "empty": (lambda d: d.isel(cycle=slice(0, 0)), "empty"),
    "infinite": (lambda d: d.where(d.r_hrs < 1e5, np.inf), "infinite"),
    "only NaN": (lambda d: d * np.nan, "only NaN"),
    "other names": (lambda d: d.rename({n: n.upper() for n in FEATURE_NAMES}), "none of the variables"),
    "other axes": (lambda d: d.rename(cycle="time"), "dimensions device and cycle"),
    "cycle twice": (lambda d: d.assign_coords(cycle=np.arange(200) // 2), "names a cycle twice"),
    "far cycles": (lambda d: d.assign_coords(cycle=np.arange(200) * 1000), "number the cycles"),
    "the same twice": (lambda d: d.assign(u_reset=-d.u_set), "two features are the same"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_tables_are_refused(table, kind):
    change, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        fit_features(change(table.isel(device=slice(0, 120), cycle=slice(0, 200))), preset=PRESET)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "best"}, "'bic', 'aic', 'held_out'"),
        ({"order": 0}, "1 or more"),
        ({"order": 400}, "too high for records of 200"),
        ({"history": "ring"}, "'var', 'compact'"),
        ({"states": 0}, "states must be 1"),
        ({"components": 0}, "components must be 1"),
        ({"components": 2}, "leave it out"),
    ],
)
def test_bad_options_are_refused(table, options, message):
    with pytest.raises(ValueError, match=message):
        fit_features(table.isel(device=[0], cycle=slice(0, 200)), preset=PRESET, **options)
