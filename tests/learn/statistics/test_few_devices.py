"""Populations of few devices: their own means, a spread that leans on a preset's, and a preset that fades."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn.statistics.few_devices import copies_of_devices, population_of_few
from synaptogen.learn.statistics.population_fit import EstimationNoise
from synaptogen.learn.statistics.preset_completion import standard_form
from synaptogen.learn.statistics.prior_weights import (
    PSEUDO_CYCLES,
    blend_autocovariances,
    blend_shapes,
    memory_weights,
    shape_weights,
)
from synaptogen.params import yule_walker

PRESET = sg.DeviceParams.preset("hennen2024")
FORM = standard_form(PRESET)
NO_NOISE = EstimationNoise(np.ones(4), np.zeros((8, 8)))
FEATURES = ("r_hrs", "u_set", "r_lrs", "u_reset")


def vectors(n, seed=0):
    rng = np.random.default_rng(seed)
    centre = np.array([6.1, -1.2, 2.5e5, 1.3, 0.12, 0.08, 1.4e4, 0.06])
    spread = np.array([0.05, 0.04, 1e4, 0.05, 0.01, 0.004, 1e3, 0.003])
    return centre + spread * rng.standard_normal((n, 8))


def test_one_device_is_the_mean_and_has_the_relative_spread_of_the_preset():
    (v,) = vectors(1)
    found = population_of_few(FORM.population, v[None], NO_NOISE)
    np.testing.assert_allclose(found.means[0, :4], v[:4])
    np.testing.assert_allclose(np.exp(found.means[0, 4:]), v[4:])
    usual = FORM.population.weights > 0.1
    w = FORM.population.weights[usual] / FORM.population.weights[usual].sum()
    means = FORM.population.means[usual]
    variance = (
        w @ (means**2)
        - (w @ means) ** 2
        + w
        @ np.diagonal(
            FORM.population.cholesky[usual] @ FORM.population.cholesky[usual].swapaxes(1, 2), axis1=1, axis2=2
        )
    )
    spread = np.sqrt(np.diagonal(found.covariance()))
    assert spread[0] == pytest.approx(np.sqrt(variance[0]), rel=1e-6)  # in decades
    for f in (1, 2, 3):
        assert spread[f] / abs(v[f]) == pytest.approx(np.sqrt(variance[f]) / abs(w @ means[:, f]), rel=1e-6)


def test_the_measured_spread_counts_more_the_more_devices_there_are():
    """The share of the preset falls without a jump; with many devices the scatter of the devices is left."""
    shares = []
    for n in (2, 5, 15, 60, 400):
        found = population_of_few(FORM.population, vectors(n), NO_NOISE)
        own = np.cov(vectors(n)[:, :4].T)
        one = population_of_few(FORM.population, vectors(n).mean(0)[None], NO_NOISE)
        u_set = [c[1, 1] for c in (found.covariance(), own, one.covariance())]
        shares.append((u_set[0] - u_set[1]) / (u_set[2] - u_set[1]))
    np.testing.assert_allclose(shares, [4 / (4 + n - 1) for n in (2, 5, 15, 60, 400)], rtol=0.02)


def test_what_was_not_measured_stays_the_presets():
    v = vectors(3)
    v[:, [1, 5]] = np.nan
    found = population_of_few(FORM.population, v, NO_NOISE)
    usual = FORM.population.weights > 0.1
    w = FORM.population.weights[usual] / FORM.population.weights[usual].sum()
    assert found.means[0, 1] == pytest.approx(w @ FORM.population.means[usual, 1])
    assert found.means[0, 2] == pytest.approx(v[:, 2].mean())


def test_copies_are_the_devices():
    v = vectors(4)
    v[1, 3] = np.nan
    found = copies_of_devices(FORM.population, v)
    np.testing.assert_allclose(found.means[np.isfinite(v)], v[np.isfinite(v)])
    assert found.means[1, 3] == pytest.approx(FORM.population.mean()[3])


# ---- laws far from any preset


def table(law, devices, cycles, seed):
    """Log-normal resistances and normal thresholds with a memory, about medians that differ from device to device."""
    rng = np.random.default_rng(seed)
    own = np.exp(0.1 * rng.standard_normal((devices, 1, 4)))
    x, memory = np.empty((devices, cycles, 4)), rng.standard_normal((devices, 4))
    for t in range(cycles):
        memory = 0.7 * memory + np.sqrt(1 - 0.49) * rng.standard_normal((devices, 4))
        x[:, t] = memory
    spread = np.exp(np.array([0.4, 0.0, 0.06, 0.0]) * x)
    spread += np.array([0.0, 0.08, 0.0, 0.06]) * x
    return learn.features(*np.moveaxis(np.array(law) * own * spread, -1, 0))


LAWS = {
    "megaohm": (1e7, -2.2, 3e5, 1.9),
    "ten ohm": (400.0, -0.5, 14.0, 0.45),
    "hardly a window": (12_400.0, -0.9, 8_700.0, 1.1),
    "six decades": (1e9, -3.5, 2e4, 2.8),
}


@pytest.mark.parametrize("devices", [1, 2, 5, 15, 16, 50])
@pytest.mark.parametrize("law", list(LAWS))
def test_the_file_simulates_the_measured_devices(law, devices):
    """Medians within 6 standard errors (of devices where there are several, else of 100 cycles with this memory)."""
    data = table(LAWS[law], devices, 100, devices)
    params = learn.fit(data, history="var", order=2, rng=1).params
    cells = sg.CellArray(2000, params, rng=0, engine="reference")
    cycles = cells.run_cycles(10)
    assert cells.limited() == 0
    for f, name in enumerate(FEATURES):
        measured, simulated = np.log(np.abs(data[name].to_numpy())), np.log(np.abs(getattr(cycles, name)))
        within = np.std(measured - measured.mean(1, keepdims=True))
        error = np.hypot(1.25 * within * np.sqrt(5.7 / (100 * devices)), 0.1 / np.sqrt(max(devices, 1)) * (devices > 1))
        assert abs(np.median(simulated) - np.median(measured)) < 6 * error + 0.01, name
        width = [np.diff(np.quantile(v, [0.1, 0.9]))[0] for v in (simulated, measured)]
        low, high = (0.8, 1.9) if devices == 1 else (0.6, 1.6) if devices < 16 else (0.8, 1.25)
        assert low < width[0] / width[1] < high, (f, name)


def test_the_source_of_a_population_can_be_chosen():
    data = table(LAWS["megaohm"], 3, 60, 0)
    means = {}
    for source in ("measured", "preset", "twins"):
        fit = learn.fit_features(data, preset=PRESET, history="var", order=1, population=source)
        means[source] = fit.population.mean()[2]
        assert (fit.population.n_components == 3) == (source != "measured")
    assert means["measured"] == pytest.approx(means["twins"], rel=1e-6)
    assert means["preset"] == pytest.approx(FORM.population.mean()[2])
    with pytest.raises(ValueError, match="population='all' is not known"):
        learn.fit_features(data, preset=PRESET, population="all")


# ---- a preset that fades


def test_a_preset_that_agrees_counts_as_a_thousand_cycles():
    prior = FORM.gamma(30)
    weights = memory_weights(prior, prior, 500.0, (0, 1, 2, 3))
    np.testing.assert_allclose(weights, PSEUDO_CYCLES / (PSEUDO_CYCLES + 500))


def test_a_preset_that_contradicts_the_record_fades():
    """An autocorrelation of .71 in 900 cycles stays; the preset has .13 there."""
    prior, gamma = FORM.gamma(30), FORM.gamma(30).copy()
    gamma[1:, 0, 0] = 0.71 ** np.arange(1, 31)
    weights = memory_weights(gamma, prior, 900.0, (0, 1, 2, 3))
    assert weights[0] < 0.05
    assert weights[3] > 0.4
    blended = blend_autocovariances(gamma, prior, weights)
    assert blended[1, 0, 0] > 0.68
    np.testing.assert_allclose(np.diagonal(blended[0]), 1)
    yule_walker(blended, 2)  # autocovariances of a process


def test_shapes_fade_one_by_one():
    x = np.linspace(-4, 4, 161)
    prior = np.tile(x, (4, 1))
    averages = prior.copy()
    averages[1] = np.sinh(x) / 3
    averages[2] = np.nan
    weights = shape_weights(averages, prior, np.exp(-(x**2) / 2), FORM.gamma(30), 900.0)
    assert weights[0] == pytest.approx(PSEUDO_CYCLES / (PSEUDO_CYCLES + 900))
    assert weights[1] < 0.2
    found = blend_shapes(averages, prior, weights)
    np.testing.assert_allclose(found[0], x)
    assert np.isnan(found[2]).all()
