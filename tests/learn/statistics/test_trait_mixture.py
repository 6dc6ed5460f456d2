"""Mixtures of traits that were estimated with error: recovered, between bounds, with the moments that are asked for."""

import numpy as np
import pytest

from synaptogen.learn.statistics.trait_mixture import TraitMixture, nearest_covariance

SPREAD = np.array([1.0, 0.5, 0.2])
SLOPE = 1.2  # of the log error of the second trait with the first
ERROR = 0.5


def estimated(v, rng):
    """Estimates: the second one is biased and less exact where the first trait is large, as with long memory."""
    t = v.copy()
    scale = ERROR * np.exp(SLOPE * (v[:, 0] - 1))
    t[:, 1] += -0.2 * v[:, 0] + scale * rng.standard_normal(len(v))
    t[:, 2] += 0.2 * rng.standard_normal(len(v))
    return t


def first(goal, components=2):
    low, high = goal.min(axis=0) - 1.0, goal.max(axis=0) + 1.0
    return TraitMixture.from_estimates(goal, np.zeros((3, 3)), low, high, (components, 5.0), np.random.default_rng(0))


@pytest.fixture(scope="module")
def learned():
    rng = np.random.default_rng(1)
    true = rng.standard_normal((600, 3)) * SPREAD
    goal = estimated(true, rng)
    mixture = first(goal)
    for _ in range(10):
        drawn = mixture.draw(3000, rng)
        mixture = mixture.learned(drawn, estimated(drawn, rng), goal, rng)
    return true, goal, mixture


def test_spreads_are_those_of_true_traits(learned):
    # 600 devices: the standard error of a spread is 3 % without errors of estimation, and about 8 % with them
    true, goal, mixture = learned
    drawn = mixture.draw(20_000, np.random.default_rng(2))
    assert goal[:, 1].std() > 1.5 * true[:, 1].std()
    np.testing.assert_allclose(drawn.std(axis=0), true.std(axis=0), rtol=0.25)


def test_means_are_those_of_true_traits_where_estimates_are_biased(learned):
    true, _, mixture = learned
    drawn = mixture.draw(20_000, np.random.default_rng(2))
    np.testing.assert_allclose(drawn.mean(axis=0), true.mean(axis=0), atol=0.12)
    # the bias makes traits that do not depend on one another look as if they did
    assert abs(np.corrcoef(drawn[:, :2].T)[0, 1]) < 0.25


def test_estimates_of_new_draws_look_like_the_measured_ones(learned):
    _, goal, mixture = learned
    rng = np.random.default_rng(3)
    again = estimated(mixture.draw(20_000, rng), rng)
    np.testing.assert_allclose(np.cov(again.T), np.cov(goal.T), atol=0.15)


def test_draws_lie_between_the_bounds():
    rng = np.random.default_rng(4)
    mixture = first(rng.standard_normal((300, 3)))
    low, high = np.full(3, -0.7), np.full(3, 0.8)
    narrow = TraitMixture(
        mixture.weights, np.zeros_like(mixture.means), mixture.covariances, low, high, 5.0, (low, high)
    )
    drawn = narrow.draw(5000, rng)
    assert ((drawn >= low) & (drawn <= high)).all()
    assert len(np.unique(drawn[:, 0])) > 4900  # drawn again, not moved to the bounds


def test_matched_draws_have_the_moments_that_are_asked_for():
    rng = np.random.default_rng(5)
    goal = rng.standard_normal((500, 3)) @ np.array([[1.0, 0.3, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 0.2]]) + [
        1.0,
        0.0,
        2.0,
    ]
    mixture = first(rng.standard_normal((300, 3)) + 1.0)
    far = np.full(3, -9.0), np.full(3, 9.0)
    wide = TraitMixture(mixture.weights, mixture.means, mixture.covariances, *far, 5.0, far)
    moved = wide.matched(wide.draw(50_000, rng), goal)
    drawn = moved.draw(50_000, rng)
    np.testing.assert_allclose(drawn.mean(axis=0), goal.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(goal.T), atol=0.04)


def test_bounds_of_traits_that_end_abruptly():
    """Measured traits have a ceiling at 1, which estimates with error blur: the bound comes to it from far above."""
    rng = np.random.default_rng(6)
    true = np.minimum(rng.standard_normal((400, 3)), 1.0)
    goal = true + 0.2 * rng.standard_normal(true.shape)
    far = np.full(3, -4.0), np.full(3, 4.0)
    mixture = TraitMixture(np.ones(1), np.zeros((1, 3)), np.eye(3)[None], *far, 5.0, far)
    for _ in range(12):
        drawn = mixture.draw(4000, rng)
        mixture = mixture.bounded(drawn + 0.2 * rng.standard_normal(drawn.shape), goal)
    np.testing.assert_allclose(mixture.high, 1.15, atol=0.25)  # a heap at the ceiling is not a cut there
    assert (mixture.low < -2).all()
    inside = mixture.bounded(goal + 9.0, goal)  # never within most of the devices
    assert (inside.high >= np.quantile(goal, 0.9, axis=0)).all()


def test_a_difference_of_covariances_becomes_a_covariance():
    S = np.diag([1.0, 4.0, 0.01]) - np.diag([2.0, 0.0, 0.0])
    found = nearest_covariance(S)
    assert np.linalg.eigvalsh(found).min() > 0
    np.testing.assert_allclose(found[1, 1], 4.0, rtol=1e-6)
