"""Scales chosen by held-out likelihood: the plain one where it is true, a curve where it is."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn.statistics.feature_tables import feature_table
from synaptogen.learn.statistics.scale_choice import bent_scale, choose_scales, gaussian_curve, on_scales, plain_form

PRESET = sg.DeviceParams.preset("hennen2024")


def records(kind, seed, devices=40, cycles=100):
    """R_LRS of devices that are Gaussian on a scale: linear, log10, or log10 of an excess."""
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 0.5, (devices, 1)) + rng.normal(0, 1, (devices, cycles))
    if kind == "linear":
        return 5000 + 250 * y
    return 10 ** (3.6 + 0.3 * y) if kind == "log10" else 3000 + 10 ** (2.5 + 0.4 * y)


def chosen(kind, seed):
    return choose_scales(feature_table(learn.features(r_lrs=records(kind, seed)))).scales[2]


@pytest.mark.parametrize("seed", range(6))
def test_the_plain_scale_stays_where_it_is_true(seed):
    assert chosen("linear", seed) == sg.FeatureScale("linear")


@pytest.mark.parametrize("seed", range(3))
def test_a_logarithm_is_found(seed):
    assert chosen("log10", seed).kind == "log10"


@pytest.mark.parametrize("seed", range(3))
def test_an_excess_needs_a_curve(seed):
    assert chosen("excess", seed).curve is not None


def test_pooled_values_are_gaussian_on_the_curve():
    value = records("excess", 1, 100, 200)
    y = gaussian_curve(value, "log10", 0.9 * value.min()).inverse(value).ravel()
    z = (y - y.mean()) / y.std()
    assert abs(np.mean(z**3)) < 0.1
    assert abs(np.mean(z**4) - 3) < 0.2


def test_plain_scales_change_no_number():
    y = np.random.default_rng(0).normal(3, 1, (3, 4, 4))
    assert np.array_equal(on_scales(y, PRESET.scales), y)


def test_plain_form_simulates_the_same_devices():
    value = records("excess", 2, 60, 100)
    scale = gaussian_curve(value, "log10", 0.9 * value.min())
    means, factor = PRESET.population.means[:1].copy(), PRESET.population.cholesky[:1].copy()
    means[0, [2, 6]], factor[0, [2, 6]], factor[0, :, [2, 6]] = (0.0, np.log(0.9)), 0.0, 0.0
    means[0, [4, 5, 7]] = np.log(means[0, [4, 5, 7]])
    factor[0, range(8), range(8)] = [0.1, 0.02, 0.4, 0.02, 0.1, 0.1, 0.1, 0.1]
    factor[0] = np.diag(np.diagonal(factor[0]))
    scales = (PRESET.scales[0], PRESET.scales[1], scale, PRESET.scales[3])
    params = PRESET.replace(population=sg.Population([1.0], means, factor, "log"), scales=scales)
    plain = plain_form(params)
    assert plain.scales == PRESET.scales
    a, b = (np.median(sg.CellArray(4000, p, rng=3, engine="reference").run_cycles(5).r_lrs) for p in (params, plain))
    assert b == pytest.approx(a, rel=0.1)


def test_a_learned_population_stays_in_the_measured_range():
    value = records("excess", 3, 40, 100)
    params = learn.fit(learn.features(r_lrs=value), history="var", order=1).params
    made = sg.CellArray(20_000, params, rng=1, engine="reference").run_cycles(3).r_lrs
    assert made.min() > 0.9 * value.min()
    assert np.quantile(made, 0.001) == pytest.approx(np.quantile(value, 0.001), rel=0.05)


def test_a_bent_scale_gives_simulated_cells_the_measured_tails():
    """Simulated numbers have heavier tails than the Gaussian that measured ones are; their values then have not."""
    value = records("excess", 4, 150, 200)
    scale = gaussian_curve(value, "log10", 0.9 * value.min())
    y = np.random.default_rng(5).standard_t(8, value.shape)
    levels = [0.001, 0.01, 0.5, 0.99, 0.999]
    heavy, bent = (np.quantile(one.value(y), levels) for one in (scale, bent_scale(scale, y, value)))
    assert heavy[-1] > 1.3 * np.quantile(value, 0.999)
    np.testing.assert_allclose(bent, np.quantile(value, levels), rtol=0.03)
    normal = np.random.default_rng(6).standard_normal(value.shape)  # what needs no bending keeps its curve
    grid = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(bent_scale(scale, normal, value).value(grid), scale.value(grid), rtol=0.05)


def test_a_bent_scale_follows_a_sharp_end_and_ends_beyond_the_measured_values():
    """As R_HRS that cannot fall below a series resistance: ranks of values are right, near the end too."""
    z = np.random.default_rng(7).standard_normal((150, 300))
    value = 10 ** (3.8 + 0.5 * np.log1p(np.exp(1.5 * z)))
    scale = gaussian_curve(value, "log10")
    y = np.random.default_rng(8).standard_normal((600, 300))
    bent = bent_scale(scale, y, value)
    at = np.array([-3, -2, -1, 0, 1, 2, 3.0])
    assert np.abs(np.interp(bent.value(at), np.sort(value.ravel()), np.sort(z.ravel())) - at).max() < 0.1
    ends = bent.value(np.array([-50.0, 50.0]))
    assert 0.8 * value.min() < ends[0] < value.min() * 1.01
    assert 0.9 * value.max() < ends[1] < 2 * value.max()
