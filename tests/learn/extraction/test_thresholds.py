"""Thresholds and resistances of devices of closed forms: kinks, small windows, states that change."""

import numpy as np
import pytest

from synaptogen import learn

STEP = 0.02


def ramps(down, up):
    """Voltages of the three legs of a loop."""
    return (
        np.arange(0, -down, -STEP),
        np.arange(-down, up, STEP),
        np.arange(up, 0, -STEP),
    )


def record(legs):
    return tuple(np.concatenate([leg[k] for leg in legs]) for k in (0, 1))


def extracted(legs, noise, seed=0):
    u, i = record(legs)
    i = i + noise * np.random.default_rng(seed).standard_normal(len(i))
    return learn.extract(learn.loops(u[None], i[None])).features


@pytest.mark.parametrize("eta", [2.0, 3.0, 4.0])
def test_a_kink_of_the_current_is_found_within_half_a_step(eta):
    """RESET begins at any place between two points of the ramp."""
    rng = np.random.default_rng(1)
    u_sets, u_resets = -0.9 - 0.08 * rng.random(12), 0.6 + 0.15 * rng.random(12)
    legs = []
    for u_set, u_reset in zip(u_sets, u_resets, strict=True):
        down, rise, fall = ramps(1.4, 1.4)
        end = 1.4 / 5e4
        share = np.clip((1.4 - rise) / (1.4 - u_reset), 0, 1) ** eta
        legs += [(down, down / np.where(down > u_set, 5e4, 2e3))]
        legs += [(rise, np.where(rise < u_reset, rise / 2e3, end + (u_reset / 2e3 - end) * share)), (fall, fall / 5e4)]
    found = extracted(legs, 2e-8)
    assert np.abs(found.u_reset.values[0] - u_resets).max() < STEP / 2
    assert np.abs(found.u_set.values[0] - u_sets).max() < STEP


@pytest.mark.parametrize("ratio", [1.15, 1.2, 1.3])
def test_small_windows(ratio):
    rng = np.random.default_rng(2)
    n = 8
    g_high, g_low = 1e-4 * (1 + 0.01 * rng.standard_normal(n)), 1e-4 / ratio * (1 + 0.02 * rng.standard_normal(n + 1))
    u_sets, u_resets = -1 - 0.05 * rng.standard_normal(n), 0.8 + 0.05 * rng.standard_normal(n)
    legs = []
    for c in range(n):
        down, rise, fall = ramps(1.5, 1.5)
        legs += [(down, down * np.where(down > u_sets[c], g_low[c], g_high[c]))]
        legs += [(rise, rise * np.where(rise < u_resets[c], g_high[c], g_low[c + 1])), (fall, fall * g_low[c + 1])]
    found = extracted(legs, 2e-7)
    assert np.abs(found.r_lrs.values[0] * g_high - 1).max() < 0.02
    assert np.abs(found.r_hrs.values[0] * g_low[:n] - 1).max() < 0.03
    for name, true in (("u_set", u_sets), ("u_reset", u_resets)):
        assert np.abs(found[name].values[0] - true).max() < STEP, name


def test_a_state_that_changes_on_the_way_to_the_read_voltage():
    """The HRS of a few cycles falls to half at 0.35 V: that is the state of the read voltage and of the next cycle."""
    n, changed = 20, np.arange(20) % 7 == 3
    legs = []
    for c in range(n):
        down, rise, fall = ramps(1.4, 1.4)
        before = 2.5e4 if c and changed[c - 1] else 5e4
        legs += [(down, down / np.where(down > -0.9, before, 2e3))]
        legs += [(rise, np.where(rise < 0.7, rise / 2e3, rise / 5e4))]
        legs += [(fall, fall / np.where(changed[c] & (fall < 0.35), 2.5e4, 5e4))]
    found = extracted(legs, 5e-8)
    true = np.where(np.concatenate([[False], changed[:-1]]), 2.5e4, 5e4)
    flag = found.flag.values[0] & (learn.Flag.UNRESOLVED | learn.Flag.MISFIT)
    off = np.abs(found.r_hrs.values[0] / true - 1)
    assert np.all((off < 0.05) | (flag != 0))
    assert np.mean(off < 0.05) > 0.9


@pytest.mark.parametrize("glitch", [100.0, 0.0])
def test_single_points_that_an_instrument_has_lost(glitch, caplog):
    """Spikes and dropouts far from the thresholds change no number by much, and are counted."""
    rng = np.random.default_rng(4)
    n = 10
    u_sets, u_resets = -0.9 - 0.05 * rng.random(n), 0.7 + 0.1 * rng.random(n)
    legs = []
    for u_set, u_reset in zip(u_sets, u_resets, strict=True):
        down, rise, fall = ramps(1.4, 1.4)
        legs += [(down, down / np.where(down > u_set, 5e4, 2e3))]
        legs += [(rise, np.where(rise < u_reset, rise / 2e3, rise / 5e4)), (fall, fall / 5e4)]
    u, i = record(legs)
    i = i + 2e-8 * rng.standard_normal(len(i))
    hit = np.flatnonzero(np.abs(np.abs(u) - 0.4) < 0.1)[::9]
    i[hit] *= glitch
    with caplog.at_level("INFO", logger="synaptogen"):
        found = learn.extract(learn.loops(u[None], i[None])).features
    assert f"{len(hit)} single points" in caplog.text
    assert np.abs(found.r_lrs.values[0] / 2e3 - 1).max() < 0.01
    assert np.abs(found.r_hrs.values[0] / 5e4 - 1).max() < 0.02
    for name, true in (("u_set", u_sets), ("u_reset", u_resets)):
        assert np.abs(found[name].values[0] - true).max() < STEP, name


@pytest.mark.parametrize("step", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("level", [1e-4, 2e-4, 3e-4])
def test_a_reset_that_a_limit_of_the_current_hides_is_no_number(step, level):
    """An instrument clips currents of both signs below that of RESET: nobody has seen U_RESET."""
    rng, legs = np.random.default_rng(5), []
    for u_reset in 0.75 + 0.1 * rng.random(8):
        down, rise, fall = np.arange(0, -1.4, -step), np.arange(-1.4, 1.4, step), np.arange(1.4, 0, -step)
        share = np.clip((1.4 - rise) / (1.4 - u_reset), 0, 1) ** 2
        legs += [(down, down / np.where(down > -0.95, 5e4, 2e3))]
        legs += [(rise, np.where(rise < u_reset, rise / 2e3, 2.8e-5 + (u_reset / 2e3 - 2.8e-5) * share))]
        legs += [(fall, fall / 5e4)]
    u, i = record(legs)
    i = np.clip(i + 1e-8 * rng.standard_normal(len(i)), -level, level)
    found = learn.extract(learn.loops(u[None], i[None])).features
    assert np.all(found.flag.values[0] & int(learn.Flag.MISFIT))
    if level > 1e-4:  # else it acts at the read voltage
        assert np.abs(found.r_lrs.values[0] / 2e3 - 1).max() < 0.01


@pytest.mark.parametrize("share", [0.55, 0.8])
@pytest.mark.parametrize("eta", [0.0, 2.0])
@pytest.mark.parametrize("noise", [1e-8, 3e-7])
def test_a_single_reset_that_a_limit_of_the_current_hides(share, eta, noise):
    """An instrument clips one cycle among good ones: that one is flagged, and its R_LRS is right; no other one is."""
    rng, legs, clipped = np.random.default_rng(6), [], 5
    for c, u_reset in enumerate(0.75 + 0.08 * rng.random(12)):
        down, rise, fall = ramps(1.4, 1.4)
        part = np.clip((1.4 - rise) / (1.4 - u_reset), 0, 1) ** eta if eta else 0.0 * rise
        rising = np.where(rise < u_reset, rise / 2e3, 2.8e-5 + (u_reset / 2e3 - 2.8e-5) * part)
        legs += [(down, down / np.where(down > -0.9, 5e4, 2e3))]
        legs += [(rise, np.minimum(rising, share * u_reset / 2e3) if c == clipped else rising), (fall, fall / 5e4)]
    found = extracted(legs, noise)
    np.testing.assert_array_equal(found.flag.values[0] & int(learn.Flag.MISFIT) > 0, np.arange(12) == clipped)
    assert np.abs(found.r_lrs.values[0] / 2e3 - 1).max() < 0.01
