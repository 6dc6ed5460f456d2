"""The restless scale of R_LRS: its numbers come back from records that were made with them."""

import numpy as np
import pytest

from synaptogen.learn.statistics.unrest import FIRST_UNREST, Unrest, UnrestGoal, moved_unrest, unrest_statistics
from synaptogen.model import innovation_of_lrs, next_unrest
from synaptogen.model.own_law import Restless


def law_of(unrest):
    p = unrest.innovation()
    mean, deviation = p.moments()
    h = p.spread
    return Restless(
        h / np.log(2), h**2 / np.log(2), p.rise, np.sqrt(1 - p.new), np.sqrt(p.new), mean, 1 / deviation, p.fade,
        np.sqrt(1 - p.fade**2),
    )  # fmt: skip


def records(unrest, seed, devices=400, cycles=300):
    rng, law = np.random.default_rng(seed), law_of(unrest)
    v = rng.standard_normal(devices)
    y = np.empty((devices, cycles))
    for n in range(cycles):
        e = rng.standard_normal((3, devices))
        y[:, n] = innovation_of_lrs(e[0], v, e[1], law)
        v = next_unrest(v, e[2], law)
    return y


def test_parameters_of_the_model():
    p = FIRST_UNREST.innovation()
    assert p.new == pytest.approx(0.4)
    assert p.fade == pytest.approx(np.exp(-0.1))


def test_statistics_of_white_noise():
    """Kurtosis of steps 3, no correlations of sizes beyond the next step, none with the level; 2 % again by chance."""
    s = unrest_statistics(np.random.default_rng(1).standard_normal((400, 300)))
    assert np.exp(s[0]) == pytest.approx(3, abs=0.1)
    assert s[1] == pytest.approx(0.02, abs=0.01)
    assert s[3:10] == pytest.approx(0, abs=0.02)
    assert s[-1] == pytest.approx(np.sqrt(2 / 300), rel=0.1)  # ln of a ratio of deviations of 150 cycles each


def test_planted_numbers_come_back():
    planted = Unrest(np.array([0.5, 0.35, -1.0, np.log(25.0)]))
    goal, now = UnrestGoal.from_records(records(planted, 1)), FIRST_UNREST
    for _ in range(8):
        now = moved_unrest(now, goal, lambda tried: records(tried, 2), 0.8)
    assert now.values[0] == pytest.approx(0.5, abs=0.06)
    assert now.values[1] == pytest.approx(0.35, abs=0.1)
    assert now.values[2] == pytest.approx(-1.0, abs=1.2)  # the numbers that tell it least
    assert now.values[3] == pytest.approx(np.log(25.0), abs=0.35)
