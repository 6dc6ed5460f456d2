"""Shapes and memory of their own: found where devices have them, and not where they share one law."""

from pathlib import Path

import numpy as np
import pytest

import synaptogen as sg
from synaptogen import learn
from synaptogen.learn.statistics.own_traits import (
    REACH,
    TraitEstimator,
    hermite,
    own_scores,
    population_columns,
    steps_of,
)
from synaptogen.params import RestlessInnovation

PRESET = sg.DeviceParams.preset("hennen2024")
OWN = sg.DeviceParams.from_json(Path(__file__).parents[2] / "data" / "own_laws.json")


def test_hermite_polynomials_are_orthonormal():
    x, w = np.polynomial.hermite_e.hermegauss(20)
    values = np.array([np.polyval(hermite(n), x) for n in range(6)])
    assert np.allclose((values * w) @ values.T / w.sum(), np.eye(6), atol=1e-12)


def test_columns_of_a_population():
    assert population_columns((0, 2)) == [0, 4, 8, 12, 16, 2, 6, 10, 14, 18]


def test_traits_of_devices_that_have_them():
    """Skewness as the first shape: planted numbers come out of long records within their errors."""
    rng = np.random.default_rng(2)
    c = np.array([-0.2, -0.1, 0.0, 0.1, 0.2])
    x = rng.standard_normal((5, 20_000))
    y = 3.0 + 0.5 * (x + c[:, None] * np.polyval(hermite(2), np.clip(x, -REACH, REACH)))
    estimator = TraitEstimator.plain(y[..., None], np.array([0.3]))
    traits = estimator(y[..., None])
    assert np.allclose(traits[:, 2] - traits[:, 2].mean(), c, atol=0.03)
    assert np.allclose(traits[:, 0], y.mean(axis=1))
    assert np.allclose(np.exp(traits[:, 1]), y.std(axis=1))


def test_moments_of_restless_innovations():
    """Mean 0 and variance 1 by the closed form, against a million draws; 1e-4 false alarms."""
    law = RestlessInnovation(0.4, 0.3, 0.4, 0.9)
    rng = np.random.default_rng(5)
    v, n, w = rng.standard_normal((3, 1_000_000))
    u = np.sqrt(1 - law.new) * v + np.sqrt(law.new) * n
    made = np.exp(law.spread * u - law.spread**2) * (w + law.rise * v)
    mean, deviation = law.moments()
    assert made.mean() == pytest.approx(mean, abs=4 * made.std() / 1000)
    assert made.std() == pytest.approx(deviation, rel=0.01)


def test_restless_cells_keep_mean_and_variance():
    straight = np.tile([0.0, 0.0, 0.0, 1.0, 0.0], (4, 1))  # a curved Gamma would widen with the tails
    calm = OWN.replace(restless=None, quantile=straight)
    law = RestlessInnovation(0.5, 0.3, 0.4, 0.9)
    a, b = (sg.CellArray(3000, p, rng=4).run_cycles(150).r_lrs for p in (calm, calm.replace(restless=law)))
    ya, yb = (calm.scales[2].inverse(r.T.astype(float)) for r in (a, b))
    assert yb.mean() == pytest.approx(ya.mean(), abs=0.03)
    assert yb.std() == pytest.approx(ya.std(), rel=0.05)
    assert steps_of(yb[..., None]).kurtosis[0] > steps_of(ya[..., None]).kurtosis[0] + 0.2


def test_devices_that_differ_in_memory_are_not_taken_for_restless_ones():
    """Of Gaussian records, steps of each device have the kurtosis 3; of all devices together they have more."""
    rng = np.random.default_rng(1)
    fade, y = rng.uniform(0, 0.95, 300), rng.standard_normal((300, 250))
    for n in range(1, 250):
        y[:, n] = fade * y[:, n - 1] + np.sqrt(1 - fade**2) * y[:, n]
    d = np.diff(own_scores(y[..., None])[..., 0], axis=1)
    assert (d**4).mean() / (d**2).mean() ** 2 > 3.5
    assert steps_of(y[..., None]).kurtosis[0] < 3.1


@pytest.mark.parametrize("seed", [1, 2])
def test_devices_of_one_law_get_nothing_of_their_own(seed):
    cycles = sg.CellArray(64, PRESET.compact(4), rng=seed).run_cycles(200)
    fit = learn.fit(learn.features(r_hrs=cycles.r_hrs.T, r_lrs=cycles.r_lrs.T), history="compact", states=4).features
    assert fit.own is None
    assert fit.restless is None
    assert "share one shape" in fit.provenance["own laws"]


def test_devices_of_their_own_laws_are_found():
    wide = OWN.population
    means, factor = wide.means.copy(), wide.cholesky.copy()
    factor[:, range(8, 16), range(8, 16)] = 0.12
    low, high = wide.low.copy(), wide.high.copy()
    low[8:16], high[8:16] = -0.35, 0.35
    params = OWN.replace(
        population=sg.Population(wide.weights, means, factor, "log", low, high),
        quantile=np.tile([0.0, 0.0, 0.0, 1.0, 0.0], (4, 1)),
    )
    cycles = sg.CellArray(64, params, rng=1).run_cycles(200)
    fit = learn.fit(learn.features(r_hrs=cycles.r_hrs.T, r_lrs=cycles.r_lrs.T), history="compact", states=4).features
    assert fit.own is not None
    assert fit.population.means.shape[1] == 20
