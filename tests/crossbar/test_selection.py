"""Select schemes: what each cell of a crossbar without selectors sees."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import apply_selected
from synaptogen.crossbar.selection import line_voltages


def test_half_by_hand():
    seen = line_voltages("V/2", 1, np.array([0.0, 1.0, 1.2]), (3, 3))
    assert np.allclose(seen, [[0.0, 0.4, 0.6], [0.6, 1.0, 1.2], [0.0, 0.4, 0.6]])


def test_third_by_hand():
    seen = line_voltages("V/3", 0, np.array([-1.5, 0.0, -1.2]), (2, 3))
    assert np.allclose(seen, [[-1.5, -0.5, -1.2], [-0.5, 0.5, -0.2]])


@pytest.mark.parametrize(("scheme", "share"), [("V/2", 1 / 2), ("V/3", 1 / 3)])
def test_no_other_cell_sees_more_than_its_share(scheme, share):
    u = np.array([0.0, 0.9, 0.0, 1.4, 1.4])
    for sign in (1, -1):
        seen = line_voltages(scheme, 2, sign * u, (4, 5))
        assert np.array_equal(seen[2][u != 0], sign * u[u != 0])
        others = np.ones((4, 5), bool)
        others[2, u != 0] = False
        assert np.all(seen[others] * sign <= share * 1.4 + 1e-12)
        # the largest amplitude: exactly the share, everywhere that it reaches
        assert np.allclose(np.abs(seen[2][u == 0]), share * 1.4)
        assert np.allclose(np.abs(seen[[0, 1, 3]][:, u == 1.4]), share * 1.4)


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("scheme", ["V/2", "V/3"])
def test_cells_see_line_after_line(scheme, parallel):
    """A call equals applying the voltages of each line by hand."""
    cells, twin = (sg.CellArray((3, 4), rng=3) for _ in range(2))
    cells.apply_voltage(-2.0)
    twin.apply_voltage(-2.0)
    u = np.zeros((3, 4))
    u[0, 1], u[0, 3], u[2, 0] = -1.4, 1.2, 0.9
    apply_selected(cells, u, scheme, parallel=parallel)
    for row, column in ((0, 1), (0, 3), (2, 0)):  # one cell of each sign in a row: parallel or not
        line = np.where(np.arange(4) == column, u[row, column], 0.0)
        twin.apply_voltage(line_voltages(scheme, row, line, (3, 4)))
    assert np.array_equal(cells.conductance(), twin.conductance())


def test_parallel_and_single_pulses_of_a_row_differ_for_the_others():
    """V/3 RESET of three cells one by one: rows below see -V/3 in the columns that wait; all at once, V/3."""
    u = np.array([[1.2, 1.2, 1.2], [0, 0, 0]])
    one = [line_voltages("V/3", 0, np.where(np.arange(3) == k, 1.2, 0.0), (2, 3))[1] for k in range(3)]
    assert np.allclose(one, 0.8 * np.eye(3) - 0.4)
    assert np.allclose(line_voltages("V/3", 0, u[0], (2, 3))[1], 0.4)


def test_half_selected_cells_are_disturbed_where_their_voltage_is_beyond_their_threshold():
    """Cells in HRS, a SET of -2 V in one row: exactly those others set whose U_SET is at or above what they saw."""
    cells = sg.CellArray((16, 32), rng=5)
    u = np.zeros((16, 32))
    u[3, ::2] = -2.0
    thresholds = cells.features.u_set
    apply_selected(cells, u, "V/2")
    expected = thresholds >= line_voltages("V/2", 3, u[3].astype(np.float32), (16, 32))
    assert np.array_equal(cells.mode == sg.Mode.LRS, expected)
    assert 0.2 < expected[u == 0].mean() < 0.8


def test_bad_input():
    cells = sg.CellArray((3, 4), rng=1)
    before = cells.conductance()
    for u, scheme, shape in [(1.0, "V/4", (3, 4)), (np.nan, "V/2", (3, 4)), (np.ones((4, 3)), "V/2", (3, 4))]:
        with pytest.raises(ValueError, match=r"scheme|u h"):
            apply_selected(cells[: shape[0]], u, scheme)
    with pytest.raises(ValueError, match="rows, columns"):
        apply_selected(cells[0], 1.0, "V/2")
    assert np.array_equal(cells.conductance(), before)
