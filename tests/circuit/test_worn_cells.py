"""Trend and wear in circuits: cells fail in the cycle in which they fail in Python, and stay."""

from dataclasses import replace

import numpy as np
import pytest
from test_autonomous import PROGRAMS, drawn_in_simulator, foretold

import synaptogen as sg
from synaptogen.circuit import cell_model, instance_values
from synaptogen.model import U_NEVER

CURVES = [[0.1, -0.2], [0.0, -0.05], [100.0, 50.0], [0.0, 0.05]]
SLOPE = np.zeros((4, 8))  # devices follow the trend by their offsets and scales
SLOPE[0, 0], SLOPE[0, 4], SLOPE[1, 3], SLOPE[2, 2], SLOPE[3, 5] = -0.7, 0.5, 0.2, 1e-3, 1.0
CENTRE = sg.DeviceParams.preset("hennen2024").population.mean()
TREND = sg.Trend(8, CURVES, factor=0.2 * np.tril(np.ones((4, 4))), slope=SLOPE, centre=CENTRE)
AGED = sg.DeviceParams.preset("hennen2024").compact(3).replace(trend=TREND, wear=sg.Wear(6.0, 2.0, 0.4))


@pytest.mark.parametrize("passes", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_autonomous_cells_fail_in_the_same_cycle(program, passes, tmp_path):
    """Features to the last cycle that a cell lives, to rounding; after it the same threshold is out of reach."""
    params = AGED.replace(trend=replace(TREND, passes=passes))
    cells = sg.CellArray(40, params, rng=5, engine="reference")
    model = cell_model(params, "autonomous", cycles=10)
    found = drawn_in_simulator(program, model, instance_values(cells, model), tmp_path)
    expected = foretold(cells, 10)
    dead = np.zeros(40, bool)
    for k in range(11):
        for name in ("r_hrs", "u_set", "r_lrs", "u_reset"):
            alike = np.ones(40, bool) if name.startswith("u_") and k == 0 else ~dead
            np.testing.assert_allclose(found[f"{name}{k}"][alike], expected[f"{name}{k}"][alike], rtol=1e-12)
        dead |= (expected[f"u_set{k}"] <= -U_NEVER) | (expected[f"u_reset{k}"] >= U_NEVER)
        now = (found[f"u_set{k}"] <= -U_NEVER) | (found[f"u_reset{k}"] >= U_NEVER)
        np.testing.assert_array_equal(now, dead)
    assert 5 < dead.sum() <= 40


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("low", [True, False])
def test_a_tape_sweeps_as_the_cell_in_python(program, low):
    """Four sweeps of a cell that fails in its second cycle: currents of the simulator and of Python agree."""
    cells = sg.CellArray(200, AGED, rng=9, engine="reference")
    first, second = cells.upcoming(2)[1], cells.upcoming(2)[3]
    fails = (second[0] < U_NEVER) & (second[1] >= U_NEVER) if low else (first[0] > -U_NEVER) & (first[1] <= -U_NEVER)
    one = cells[int(np.flatnonzero(fails)[0])]
    from synaptogen.circuit import compare_iv

    found = compare_iv(one, program, sweeps=4)
    assert found.largest_difference < 1e-3 * found.largest_current
    assert one.worn() == 1
    assert one.mode == (sg.Mode.LRS if low else sg.Mode.HRS)
