"""Strategies of a write-verify loop against the RESET curves that they follow."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import AlongTransition, Ramp, Readback, write_verify
from synaptogen.crossbar.programming.statistics import population_statistics
from synaptogen.model import iv

PARAMS = sg.DeviceParams.preset("hennen2024")
P = PARAMS.constants()


def strategy(above=0.0):
    return AlongTransition(P, population_statistics(PARAMS), above, 0.5e-6)


class Curve:
    """The RESET curves of cells with these features, by the model's own formulas."""

    def __init__(self, r_lrs, u_reset, r_hrs):
        self.g_lrs = 1 / r_lrs
        self.t = iv.transition(
            iv.mixing_from_conductance(self.g_lrs, P), u_reset, iv.mixing_from_conductance(1 / r_hrs, P), P
        )

    def g(self, u):
        return 1 / iv.resistance_from_mixing(iv.partial_reset(self.t, u, P), P)


def curves(count=2000, seed=0):
    rng = np.random.default_rng(seed)
    return Curve(rng.uniform(4000, 5200, count), rng.uniform(0.6, 0.85, count), rng.uniform(4e4, 2e5, count))


def test_two_reads_tell_the_whole_curve():
    """Then the next amplitude hits any target below, within what four Newton steps leave."""
    cells = curves()
    rng = np.random.default_rng(1)
    before = rng.uniform(0.86, 0.95, 2000)
    now = before + rng.uniform(0.02, 0.1, 2000)
    end = cells.g(np.full(2000, 1.35))
    target = cells.g(now) - rng.uniform(0.05, 0.9, 2000) * (cells.g(now) - end)
    readback = Readback(target, cells.g_lrs, now, cells.g(now), before, cells.g(before))
    reached = cells.g(strategy()(readback))
    assert np.quantile(np.abs(reached - target), 0.99) < 0.1e-6
    assert np.all(np.abs(reached - target) < 0.25e-6)
    # and half a tolerance higher on request
    higher = cells.g(strategy(above=0.5e-6)(readback))
    assert np.median(higher - target) == pytest.approx(0.5e-6, rel=0.1)


def test_one_read_brings_most_cells_closer_without_going_beyond():
    cells = curves()
    now = np.full(2000, 0.88)
    target = 0.6 * cells.g(now)
    readback = Readback(target, cells.g_lrs, now, cells.g(now), np.zeros(2000), cells.g_lrs)
    reached = cells.g(strategy()(readback))
    left = (reached - target) / (cells.g(now) - target)
    assert np.median(np.abs(left)) < 0.1
    assert np.mean(left > -0.2) > 0.95


def test_the_first_amplitude_is_on_the_safe_side():
    """Over cells that the population makes: about one in ten ends below a target of 100 uS, hardly any far above."""
    cells = sg.CellArray(4000, PARAMS, rng=3, bandwidth=0)
    cells.apply_voltage(-2.0)
    g_set = cells.conductance()
    target, zero = np.full_like(g_set, 100e-6), np.zeros_like(g_set)
    cells.apply_voltage(strategy()(Readback(target, g_set, zero, g_set, zero, g_set)))
    below = np.mean(cells.conductance() < target)
    assert 0.02 < below < 0.25
    assert np.median(cells.conductance()) < 150e-6


def test_what_has_not_moved_yet_is_tried_higher():
    g = np.full(3, 220e-6)
    u = np.array([0.7, 0.9, 1.1])
    readback = Readback(np.full(3, 60e-6), g, u, g, np.zeros(3), g)
    assert np.all(strategy()(readback) > u)


def test_targets_that_no_curve_reaches_ask_for_a_full_reset_at_most():
    cells = Curve(np.full(4, 4500.0), np.full(4, 0.73), np.full(4, 3e4))
    now, before = np.full(4, 1.1), np.full(4, 1.0)
    readback = Readback(np.full(4, 2e-6), cells.g_lrs, now, cells.g(now), before, cells.g(before))
    assert np.allclose(strategy()(readback), P.u_max, atol=0.02)
    assert np.all(strategy()(readback) <= P.u_max)


def test_nonsense_reads_give_amplitudes_all_the_same():
    """Reads with any noise give finite voltages within the range of a RESET."""
    rng = np.random.default_rng(2)
    g = rng.uniform(-5e-6, 3e-4, (5, 5000))
    u = rng.choice([0.0, 0.3, 0.8, 1.0, 1.4, P.u_max], (2, 5000))
    readback = Readback(np.abs(g[0]), g[1], u[0], g[2], u[1], g[3])
    with np.errstate(all="raise"):
        found = strategy()(readback)
    assert np.all((found > 0) & (found <= P.u_max))


def test_a_ramp_by_hand():
    u = np.array([0.0, 0.5, 0.62], np.float32)
    found = Ramp(0.5, 0.1)(Readback(u, u, u, u, u, u))
    assert found.dtype == np.float32
    assert np.allclose(found, [0.5, 0.6, 0.72])


def test_a_stretched_transition_is_followed_as_well():
    """Along a straight line, a power and a step: in the mean fewer than eight pulses, SET among them."""
    cells = sg.CellArray(2000, PARAMS.replace(eta=2.0, stretch=[0.15, 0.1, 0.05]), rng=1)
    targets = np.random.default_rng(0).uniform(60e-6, 160e-6, 2000)
    report = write_verify(cells, targets)
    assert report.converged.mean() > 0.995
    assert report.pulses.mean() < 8
