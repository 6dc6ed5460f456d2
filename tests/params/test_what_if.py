"""Populations for questions of designers: spread and stuck devices."""

import numpy as np
import pytest

import synaptogen as sg

PRESET = sg.DeviceParams.preset("hennen2024")


@pytest.mark.parametrize("factor", [0.25, 2.0])
def test_spread_multiplies_the_covariance(factor):
    wide = PRESET.with_spread(factor).population
    assert np.allclose(wide.mean(), PRESET.population.mean())
    assert np.allclose(wide.covariance(), factor**2 * PRESET.population.covariance())


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_stuck_devices_never_switch(engine):
    """Shares within four standard errors; no stuck cell is moved by any voltage."""
    n = 20_000
    cells = sg.CellArray(n, PRESET.with_stuck(lrs=0.05, hrs=0.1), rng=1, engine=engine)
    start = cells.conductance()
    for u in (-5.0, 5.0, -5.0):
        cells.apply_voltage(u)
    stuck = cells.mode == sg.Mode.HRS
    assert stuck.mean() == pytest.approx(0.15, abs=4 * np.sqrt(0.15 * 0.85 / n))
    assert np.array_equal(cells.conductance()[stuck], start[stuck])
    low = stuck & (1 / start < 9000)
    assert low.mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / n) + 0.002)
    assert np.median(1 / start[low]) == pytest.approx(np.median(cells.features.r_lrs), rel=0.02)


def test_bounds_stay_about_the_others():
    population = PRESET.population
    mean, spread = population.mean(), np.sqrt(np.diagonal(population.covariance()))
    bounded = sg.Population(
        population.weights, population.means, population.cholesky, low=mean - 20 * spread, high=mean + 20 * spread
    )
    cells = sg.CellArray(2000, PRESET.replace(population=bounded).with_stuck(hrs=0.5), rng=1)
    cells.apply_voltage(-5.0)
    assert (cells.mode == sg.Mode.HRS).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PRESET.with_spread(0.0), "factor must be above 0"),
        (lambda: PRESET.with_spread(float("nan")), "factor"),
        (lambda: PRESET.with_stuck(lrs=0.6, hrs=0.4), "sum below 1"),
        (lambda: PRESET.with_stuck(hrs=-0.1), "shares from 0 to 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
