"""Burn-in: found with its time constant where devices have one, and not in stationary records of long memory."""

from dataclasses import replace

import numpy as np
import pytest

from synaptogen.learn.statistics.burn_in import Amplitudes, BurnIn, Starts, find_burn_in

DEVICES, CYCLES = 60, 300


def stationary(devices, cycles, seed, fade=0.97):
    """Records of unit variance: half of it white, half of long memory."""
    rng = np.random.default_rng(seed)
    slow = np.empty((devices, cycles))
    slow[:, 0] = rng.standard_normal(devices)
    for n in range(1, cycles):
        slow[:, n] = fade * slow[:, n - 1] + np.sqrt(1 - fade**2) * rng.standard_normal(devices)
    return np.sqrt(0.5) * (slow + rng.standard_normal((devices, cycles)))


def test_a_planted_burn_in_is_found():
    rng = np.random.default_rng(3)
    d = 2.0 + rng.standard_normal(DEVICES)
    y = stationary(DEVICES, CYCLES, 1) + d[:, None] * np.exp(-np.arange(CYCLES) / 10)
    found = find_burn_in(np.stack([y, stationary(DEVICES, CYCLES, 2)], axis=-1))
    assert found.tau[0] == pytest.approx(10, rel=0.4)
    assert found.tau[1] == 0
    left, amplitude = found.split(np.stack([y, y], axis=-1))
    assert amplitude[:, 0].mean() == pytest.approx(d.mean(), abs=0.5)
    assert np.corrcoef(amplitude[:, 0], d)[0, 1] > 0.7
    assert np.abs(left[:, :5, 0].mean()) < 0.5
    assert np.array_equal(left[..., 1], y)


def test_stationary_devices_have_none():
    """100 features at 4.5 standard errors: by chance one in about 1,000 runs."""
    y = np.stack([stationary(DEVICES, 120, 10 + k) for k in range(100)], axis=-1)
    assert not find_burn_in(y)


def test_gaps_change_little():
    d = np.full(DEVICES, 2.0)
    y = stationary(DEVICES, CYCLES, 4)[..., None] + (d[:, None] * np.exp(-np.arange(CYCLES) / 10))[..., None]
    holes = y.copy()
    holes[np.random.default_rng(5).random(holes.shape) < 0.2] = np.nan
    whole, gaps = find_burn_in(y), find_burn_in(holes)
    assert gaps.tau == pytest.approx(whole.tau, rel=0.5)
    assert np.array_equal(np.isfinite(gaps.split(holes)[0]), np.isfinite(holes))


@pytest.mark.parametrize(("y", "why"), [(np.zeros((4, 300, 1)), "few devices"), (np.zeros((40, 8, 1)), "short")])
def test_small_records_have_none(y, why):
    assert not find_burn_in(y), why


def test_records_without_values():
    assert not find_burn_in(np.full((40, 300, 1), np.nan))


@pytest.mark.parametrize("tau", [(4.0, 30.0), (20.0, 20.0), (3.0, 0.0)])
def test_the_trend_of_engines_is_the_decay(tau):
    burn_in = BurnIn(np.array(tau))
    n = np.arange(2 * burn_in.cycles)
    exact = np.where(np.array(tau) > 0, np.exp(-n[:, None] / np.maximum(tau, 1e-9)), 0.0)
    assert np.abs(burn_in.decay(len(n)) - exact).max() < 0.015  # it ends at 5 times tau
    amplitudes = replace(Amplitudes.none(np.zeros(4)), mean=np.array([0.5, -2.0]), covariance=np.diag([0.1, 0.3]))
    trend = burn_in.trend(amplitudes, (0, 2))
    assert trend.change(n)[:, [0, 2]] == pytest.approx(burn_in.decay(len(n)) * [0.5, -2.0], abs=1e-9)
    assert np.allclose((trend.factor @ trend.factor.T)[np.ix_([0, 2], [0, 2])], np.diag([0.1, 0.3]), atol=1e-6)


def test_noise_of_estimates_is_taken_out():
    """True amplitudes have mean 1 and variance .5; estimates add noise of variance .8, here and in the simulation."""
    rng = np.random.default_rng(6)
    measured = 1 + np.sqrt([0.5, 0.5]) * rng.standard_normal((4000, 2)) + np.sqrt(0.8) * rng.standard_normal((4000, 2))
    noise = np.sqrt(0.8) * rng.standard_normal((4000, 2))
    v = rng.standard_normal((4000, 4))
    found = Amplitudes.none(np.zeros(4)).moved(Starts(noise, v), Starts(measured, v))
    assert found.mean == pytest.approx([1, 1], abs=0.1)
    assert np.diagonal(found.covariance) == pytest.approx([0.5, 0.5], abs=0.15)
    assert np.abs(found.slope).max() < 0.1


def test_amplitudes_that_follow_the_device():
    """Devices that begin at one level: amplitudes fall with the later mean, whatever the noise."""
    rng = np.random.default_rng(7)

    def estimated(burns):
        mu, sigma, error = rng.standard_normal(3000), np.exp(0.3 * rng.standard_normal(3000)), rng.standard_normal(3000)
        d = burns * (1.5 - mu) + 0.2 * rng.standard_normal(3000)
        return Starts((d + 0.7 * error)[:, None], np.column_stack([mu - 0.2 * error, sigma]))

    measured = estimated(True)
    found = Amplitudes.none(measured.vector.mean(axis=0)).moved(estimated(False), measured)
    assert found.slope[0, 0] == pytest.approx(-1.0, abs=0.1)
    assert found.slope[0, 1] == pytest.approx(0.0, abs=0.15)
    assert found.mean[0] == pytest.approx(1.5, abs=0.1)
    trend = BurnIn(np.array([10.0])).trend(found, (2,))
    assert trend.slope[2, 2] == found.slope[0, 0]
    assert trend.slope[2, 6] == found.slope[0, 1]


def test_starts_of_devices_with_gaps():
    y = stationary(20, 60, 8)[..., None]
    y[3] = np.nan
    y[5, ::2] = np.nan
    starts = Starts.from_records(y, np.zeros((20, 1)))
    assert len(starts.vector) == 19
    assert np.isfinite(starts.vector).all()
