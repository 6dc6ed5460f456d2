"""Pulses through wires: which cells they set, where RESET ends, slow edges, pulses that do not come to rest."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import Wires, apply_slowly, solve
from synaptogen.wires import pulses


def varied(shape):
    """Half of the cells set, all of them then partly reset, or not, at random."""
    rng = np.random.default_rng(1)
    cells = sg.CellArray(shape, rng=1)
    cells.apply_voltage(-2.5, where=rng.uniform(size=shape) < 0.5)
    cells.apply_voltage(rng.uniform(0, 1.2, shape))
    return cells


def test_cells_that_the_first_voltages_can_set_do_so_together():
    """The current of a cell that has set lowers the voltages of the others, which have set by then."""
    cells, wires = sg.CellArray((8, 64), rng=1), Wires(10.0, 10.0, bit_ends="top")
    first = solve(cells, wires, rows=np.zeros(8), columns=np.full(64, -1.2)).cells
    expected = first <= cells.features.u_set
    cells.apply_voltage(-1.2, wires=wires)
    last = solve(cells, wires, rows=np.zeros(8), columns=np.full(64, -1.2)).cells
    assert np.array_equal(cells.mode == sg.Mode.LRS, expected)
    assert 100 < expected.sum() < 500
    assert np.any(last[expected] > sg.CellArray((8, 64), rng=1).features.u_set[expected])


def test_on_a_slow_ramp_each_set_counts_for_the_next():
    """Fewer cells set than in a pulse, none without a voltage that suffices; and steps of the ramp do not matter."""
    cells, wires = sg.CellArray((6, 32), rng=1), Wires(10.0, 4.0, bit_ends="top")
    pulse, slow, coarse = cells.copy(), cells.copy(), cells.copy()
    pulse.apply_voltage(-1.2, wires=wires)
    apply_slowly(slow, -1.2, wires, steps=400)
    apply_slowly(coarse, -1.2, wires, steps=40)
    did, others = slow.mode == sg.Mode.LRS, slow.mode != sg.Mode.LRS
    assert np.array_equal(did, coarse.mode == sg.Mode.LRS)
    assert 20 < did.sum() < 0.95 * np.sum(pulse.mode == sg.Mode.LRS)
    rows, columns = np.zeros(6), np.full(32, -1.2)
    first, last = (solve(c, wires, rows=rows, columns=columns).cells for c in (cells, slow))
    u_set = cells.features.u_set
    assert np.all(first[did] <= u_set[did])
    assert np.all(last[others] > u_set[others])


@pytest.mark.parametrize("u", [-1.1, 1.1])
def test_a_slow_ramp_through_ideal_wires_is_a_pulse(u):
    cells = varied((8, 12))
    cells.apply_voltage(-2.5, where=np.arange(12) % 2 == 0)
    slow, pulse = cells.copy(), cells.copy()
    apply_slowly(slow, u, Wires(0, 0), steps=7)
    pulse.apply_voltage(u)
    assert np.array_equal(slow.mode, pulse.mode)
    assert np.allclose(slow.r, pulse.r, atol=1e-5)
    assert not np.array_equal(slow.r, cells.r)


def test_a_slow_reset_through_wires_ends_where_a_pulse_ends():
    cells, wires = sg.CellArray((12, 16), rng=2), Wires(10.0, 4.0)
    cells.apply_voltage(-2.5)
    slow, pulse = cells.copy(), cells.copy()
    apply_slowly(slow, 1.1, wires, steps=20)
    pulse.apply_voltage(1.1, wires=wires)
    np.testing.assert_allclose(slow.r, pulse.r, atol=1e-5)
    assert np.abs(slow.r - cells.r).max() > 0.1


def test_a_slow_ramp_takes_whole_steps_and_voltages_of_lines():
    cells = varied((3, 4))
    before = cells.r
    for arguments, message in (((0.5, Wires(), 0), "steps"), ((np.eye(3, 4), Wires(), 5), "line by line")):
        with pytest.raises(ValueError, match=message):
            apply_slowly(cells, *arguments[:2], steps=arguments[2])
    with pytest.raises(ValueError, match="width means nothing to a slow ramp"):
        apply_slowly(cells, -2.0, Wires(), width=1e-6)
    assert np.array_equal(cells.r, before)


def test_a_reset_through_wires_ends_where_cells_fit_their_voltages():
    cells, wires = varied((16, 24)), Wires(5.0, 8.0)
    cells.apply_voltage(-2.5)
    expected = cells.copy()
    cells.apply_voltage(1.1, wires=wires)
    seen = solve(cells, wires, rows=np.zeros(16), columns=np.full(24, 1.1)).cells
    expected.apply_voltage(seen)
    assert np.array_equal(cells.mode, expected.mode)
    np.testing.assert_allclose(cells.r, expected.r, atol=1e-5)
    assert 20 < np.sum(cells.mode == sg.Mode.IRS) < 380


def test_a_pulse_that_does_not_come_to_rest_says_so_and_can_go_on(monkeypatch):
    cells, wires = sg.CellArray((16, 16), rng=3), Wires(20.0, 20.0)
    cells.apply_voltage(-2.5)
    whole = cells.copy()
    whole.apply_voltage(1.3, wires=wires)
    monkeypatch.setattr(pulses, "MOST_ROUNDS", 2)
    with pytest.warns(RuntimeWarning, match="after 2 rounds .* apply the same voltages again"):
        cells.apply_voltage(1.3, wires=wires)
    assert np.abs(cells.r - whole.r).max() > 1e-3
    monkeypatch.undo()
    cells.apply_voltage(1.3, wires=wires)
    np.testing.assert_allclose(cells.r, whole.r, atol=1e-5)
    assert np.array_equal(cells.mode, whole.mode)
