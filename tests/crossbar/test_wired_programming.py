"""Programming through wires: the limit of none, what they take, and what a closed loop makes of it."""

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import Wires, apply_selected, one_shot, set_reset, solve, write_verify
from synaptogen.wires.selected_rows import solve_row

SHAPE = (12, 20)
NONE = Wires(0.0, 0.0)


def made(rng=11, **options):
    return sg.CellArray(SHAPE, rng=rng, **options)


def wanted():
    return np.random.default_rng(7).uniform(35e-6, 120e-6, SHAPE)


def bits():
    return np.random.default_rng(8).uniform(size=SHAPE) < 0.5


METHODS = {
    "write_verify": lambda cells, **options: write_verify(cells, wanted(), **options),
    "one_shot": lambda cells, **options: one_shot(cells, wanted(), **options),
    "set_reset": lambda cells, **options: set_reset(cells, bits(), **options),
}
methods = pytest.mark.parametrize("method", METHODS)
schemes = pytest.mark.parametrize("scheme", [None, "V/3"])


@methods
@schemes
@pytest.mark.parametrize("wired_reads", [False, True])
def test_wires_without_resistance_change_nothing(method, scheme, wired_reads):
    free, wired = made(), made()
    expected = METHODS[method](free, scheme=scheme)
    found = METHODS[method](wired, scheme=scheme, wires=NONE, wired_reads=wired_reads)
    if wired_reads:  # their currents are rounded otherwise, and a decision may be another
        assert np.mean(np.abs(found.measured - expected.measured) < 1e-10) > 0.95
        return
    assert np.array_equal(free.r, wired.r)
    assert np.array_equal(free.mode, wired.mode)
    assert np.array_equal(found.pulses, expected.pulses)
    assert np.allclose(found.energy, expected.energy, rtol=1e-4)


@pytest.mark.parametrize("ends", ["top", "bottom", "both"])
@pytest.mark.parametrize("row", [0, 5, 11])
def test_a_row_alone_is_a_crossbar_of_one_row(ends, row):
    """Its bit lines are resistances in series: those of a crossbar of one row with segments as long as the way."""
    cells = made()
    cells.apply_voltage(-2.5, where=bits())
    wires, u = Wires(7.0, 3.0, source=1.0, bit_ends=ends, tolerance=1e-11), np.linspace(-0.6, 0.4, 20)
    way = {"top": 3.0 * (row + 1), "bottom": 3.0 * (12 - row)}
    way["both"] = (way["top"] + 1) * (way["bottom"] + 1) / (way["top"] + way["bottom"] + 2) - 1
    alone = Wires(7.0, way[ends], source=1.0, bit_ends="top", tolerance=1e-11)
    expected = solve(cells[row : row + 1], alone, rows=[0.0], columns=u)
    seen, currents = solve_row(cells, wires, row, u)
    assert np.allclose(seen, expected.cells[0], rtol=0, atol=1e-9)
    assert np.allclose(currents, expected.currents[0], rtol=0, atol=1e-9 * np.abs(expected.currents).max())


@schemes
def test_wires_leave_far_cells_unset(scheme):
    """SET pulses of hardly enough: word lines are driven on the left, bit lines at the bottom."""
    free, wired = made(), made()
    everything = np.ones(SHAPE, bool)
    set_reset(free, everything, u_set=-1.2, scheme=scheme)
    set_reset(wired, everything, u_set=-1.2, scheme=scheme, wires=Wires(150.0, 150.0))
    left_out = (free.mode == sg.Mode.LRS) & (wired.mode != sg.Mode.LRS)
    assert left_out[:, 10:].sum() > 15
    assert left_out[:, 10:].sum() > 3 * left_out[:, :10].sum()


@schemes
def test_a_closed_loop_reaches_its_targets_through_wires(scheme):
    cells, wires = made(), Wires(4.0, 4.0, source=20.0)
    report = write_verify(cells, wanted(), tolerance=4e-6, scheme=scheme, u_set=-1.5, wires=wires, budget=60, passes=2)
    one = one_shot(made(), wanted(), tolerance=4e-6, scheme=scheme, u_set=-1.5, wires=wires)
    assert report.converged.mean() > 0.9 > 0.6 > one.converged.mean()
    close = np.abs(report.reached - report.target) < 6e-6
    assert close[report.converged].mean() > 0.97
    assert np.all(report.energy[report.pulses > 0] > 0)


@schemes
def test_reads_through_wires_take_the_loss_for_the_cells(scheme):
    """Cells that read right through wires conduct more than they should."""
    cells = made()
    report = write_verify(
        cells, wanted(), tolerance=4e-6, scheme=scheme, u_set=-1.5, wires=Wires(20.0, 20.0), wired_reads=True, budget=12
    )
    there = report.converged
    assert there.mean() > 0.3
    assert np.all(np.abs(report.measured - report.target)[there] <= 4e-6)
    gain = (report.reached - report.measured)[there]
    assert np.median(gain) > 1e-6
    through = cells[:, :1].product(np.array([0.2]), wires=NONE, bandwidth=0) / 0.2
    assert np.allclose(through, report.reached[:, 0], rtol=1e-4)


def test_select_schemes_through_wires():
    one, other, u = made(), made(), np.where(bits(), -1.6, 0.0)
    apply_selected(one, u, "V/2", wires=NONE)
    apply_selected(other, u, "V/2")
    assert np.array_equal(one.r, other.r)
    lossy = made()
    apply_selected(lossy, u, "V/2", wires=Wires(50.0, 50.0))
    assert (lossy.mode == sg.Mode.LRS).sum() < (one.mode == sg.Mode.LRS).sum()


@methods
def test_bad_wires(method):
    cells = made()
    before = cells.r
    with pytest.raises(TypeError, match="wires is a float"):
        METHODS[method](cells, wires=1.0)
    with pytest.raises(ValueError, match="wired_reads"):
        METHODS[method](cells, wired_reads=True)
    with pytest.raises(TypeError, match="wired_reads"):
        METHODS[method](cells, wires=NONE, wired_reads="yes")
    assert np.array_equal(cells.r, before)
    with pytest.raises(ValueError, match="shape"):
        set_reset(sg.CellArray(5, rng=1), True, wires=NONE)
