"""Do quantile polynomials come back from what they made?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synaptogen.learn.statistics.quantile_transform import (
    SLOPE,
    cell_averages,
    fit_quantiles,
    local_averages,
    normal_scores,
    normalised,
    polynomial_through,
    rms_difference,
)
from synaptogen.params.device_params import DeviceParams

PUBLISHED = [normalised(row)[0] for row in DeviceParams.preset("hennen2024").quantile]


def normals(*shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("feature", range(4))
def test_published_polynomials_come_back(feature):
    gamma = PUBLISHED[feature]
    found = fit_quantiles(np.polyval(gamma, normals(500, 3000)))
    assert rms_difference(found, gamma) < 0.005
    x = np.linspace(-3, 3, 101)
    assert np.abs(np.polyval(found, x) - np.polyval(gamma, x)).max() < 0.03


def test_an_exact_polynomial_is_found_exactly():
    gamma = PUBLISHED[0]
    np.testing.assert_allclose(polynomial_through(cell_averages(gamma)), gamma, atol=1e-12)


def test_extremes_have_no_leverage():
    """One value a thousand standard deviations away moves the curve by less than the scatter of the rest does."""
    z = normals(50_000)
    before = fit_quantiles(z)
    z[0] = 1000.0
    assert rms_difference(fit_quantiles(z), before) < 0.02


def test_records_of_several_lengths_are_pooled_and_nan_is_left_out():
    z = normals(5000)
    holed = np.full(5100, np.nan)
    holed[50:-50] = z
    pooled = fit_quantiles([z[:1000], z[1000:]])
    np.testing.assert_array_equal(pooled, fit_quantiles(z))
    np.testing.assert_array_equal(pooled, fit_quantiles(holed))


def test_cells_that_a_record_does_not_reach_stay_unknown():
    averages = local_averages(normals(100))
    assert np.isnan(averages[[0, -1]]).all()
    assert np.isfinite(averages[40:121]).all()


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(30, 400),
    kind=st.sampled_from(["normal", "uniform", "two humps", "heavy", "few values"]),
)
def test_whatever_comes_the_curve_increases(seed, n, kind):
    rng = np.random.default_rng(seed)
    z = {
        "normal": lambda: rng.standard_normal(n),
        "uniform": lambda: rng.uniform(-1.7, 1.7, n),
        "two humps": lambda: rng.choice([-1, 1], n) + 0.05 * rng.standard_normal(n),
        "heavy": lambda: rng.standard_t(2, n),
        "few values": lambda: rng.integers(-2, 3, n).astype(float),
    }[kind]()
    gamma = fit_quantiles((z - z.mean()) / z.std())
    x = np.linspace(-4, 4, 801)
    assert np.polyval(np.polyder(gamma), x).min() >= 0.99 * SLOPE


def test_the_constrained_curve_is_the_best_one():
    """No feasible neighbour has a smaller sum of squares."""
    rng = np.random.default_rng(3)
    z = rng.choice([-1, 1], 500) + 0.05 * rng.standard_normal(500)
    averages = local_averages(z)
    best = polynomial_through(averages)
    seen = np.isfinite(averages)
    x = np.linspace(-4, 4, 161)[seen]
    grid = np.linspace(-4, 4, 321)

    def cost(gamma):
        return np.sum(np.exp(-(x**2) / 2) * (cell_averages(gamma)[seen] - averages[seen]) ** 2)

    tried = 0
    for _ in range(2000):
        near = best + 1e-3 * rng.standard_normal(5) * 10.0 ** rng.uniform(-2, 1)
        if np.polyval(np.polyder(near), grid).min() >= 1.001 * SLOPE:
            tried += 1
            assert cost(near) >= cost(best) - 1e-9
    assert tried > 20


def test_normalised_has_mean_zero_and_variance_one():
    row = DeviceParams.preset("hennen2024").quantile[2]
    gamma, mean, deviation = normalised(row)
    x = normals(2_000_000)
    assert np.polyval(row, x).mean() == pytest.approx(mean, abs=0.003)
    assert np.polyval(row, x).std() == pytest.approx(deviation, abs=0.003)
    assert normalised(gamma)[1:] == pytest.approx((0.0, 1.0), abs=1e-12)


def test_scores_invert_the_polynomial():
    x = np.linspace(-3.9, 3.9, 1001)
    for gamma in PUBLISHED:
        np.testing.assert_allclose(normal_scores(gamma, np.polyval(gamma, x)), x, atol=2e-5)
    assert np.isnan(normal_scores(PUBLISHED[0], [np.nan, 0.0])).tolist() == [True, False]


def test_scores_beyond_the_range_are_held_at_its_end():
    low, high = normal_scores(PUBLISHED[0], [-1e9, 1e9])
    assert -6 <= low < -4
    assert 4 < high <= 6


@pytest.mark.parametrize("z", [[], [np.nan] * 10, [1.0] * 50, [1.0, 2.0]])
def test_too_little_to_fit_is_refused(z):
    with pytest.raises(ValueError, match=r"give (more|at least)"):
        fit_quantiles(np.array(z))


def test_infinities_are_refused():
    with pytest.raises(ValueError, match="infinities"):
        fit_quantiles(np.array([1.0, np.inf, 2.0]))
