"""Thresholds that depend on the width of pulses: circuits against Python, rectangular pulses from 1 ns to 1 ms."""

import re
from dataclasses import replace

import numpy as np
import pytest
from analog import EventCell, run_functions
from programs import PROGRAMS

import synaptogen as sg
from synaptogen.circuit import cell_model, compare_iv, instance_values
from synaptogen.circuit.netlists import array_circuit, follow, selected, simulate, sweep_bench, write_bench
from synaptogen.circuit.verilog import KINDS
from synaptogen.model import pulse_width
from synaptogen.wires import Wires

PRESET = sg.DeviceParams.preset("hennen2024")
TABLE = sg.PulseWidthParams(
    "table",
    1e-6,
    [(1e-9, 1.3), (1e-7, 1.12), (1e-6, 1.0), (1e-3, 0.85)],
    [(1e-9, 1.4), (1e-6, 1.1), (1e-4, 1.0), (1e-3, 1.0)],
)
KAPPA = sg.PulseWidthParams("kappa", 3e-6, 0.08, 0.05)
LAWS = [pytest.param(law, id=law.name) for law in (TABLE, KAPPA)]


def cells_of(law, shape=40, seed=5):
    return sg.CellArray(shape, PRESET.with_pulse_width(law), rng=seed, engine="reference")


def assert_as_in_python(result, cells, expected, tolerance=5e-3):
    np.testing.assert_array_equal(result.state["mode_now"].ravel(), expected.mode.ravel())
    np.testing.assert_array_equal(result.state["cycles_done"].ravel(), (expected.cycle - cells.cycle).ravel())
    np.testing.assert_allclose(result.state["r_now"].ravel(), expected.r.ravel(), atol=tolerance)


# ---- the text


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("kind", ["tape", "pulse", "event", "autonomous"])
def test_functions_of_a_file_compute_what_the_model_does(law, kind):
    model = cell_model(PRESET.with_pulse_width(law), kind)
    titles = r"analog function real (?:set|reset)_(?:factor|time);.*?endfunction"
    f, p = run_functions("\n".join(re.findall(titles, model.source, re.DOTALL))), law.constants()
    for t in 10.0 ** np.linspace(-12, 1, 53):
        place = pulse_width.decades(t, p)
        assert f["set_factor"](t) == pytest.approx(pulse_width.threshold_factor(place, p.set), rel=1e-13)
        assert f["reset_factor"](t) == pytest.approx(pulse_width.threshold_factor(place, p.reset), rel=1e-13)
    for ratio in np.linspace(0.5, 2.0, 31):
        assert f["set_time"](ratio) == pytest.approx(pulse_width.switching_time(ratio, p.set, p), rel=1e-12)
        assert f["reset_time"](ratio) == pytest.approx(pulse_width.switching_time(ratio, p.reset, p), rel=1e-12)
    assert not re.search(r"@(?!\(cross|\(initial_step)", model.source)


@pytest.mark.parametrize("kind", KINDS)
def test_cells_without_a_law_have_none_of_it(kind):
    plain = cell_model(PRESET, kind)
    assert not re.search(r"_age\b|\bage\b|u_acts|u_factor|@[a-z]", plain.source)
    same = cell_model(PRESET.with_pulse_width(TABLE), kind).module == plain.module
    assert same == (kind == "read")


@pytest.mark.parametrize("kind", ["tape", "pulse", "autonomous"])
def test_cells_whose_set_can_stop_do_not_know_widths(kind):
    with pytest.raises(ValueError, match=r"hold.*with_pulse_width"):
        cell_model(PRESET.with_pulse_width(TABLE), kind, hold=True)


# ---- pulses


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["pulse", "tape", "autonomous"])
@pytest.mark.parametrize("law", LAWS)
def test_pulses_of_any_width_do_what_they_do_in_python(program, kind, law):
    """At voltages around the thresholds of that width: a part of the cells sets, all reset in part, or in full."""
    for width in (1e-9, 4e-8, 1e-6, 3e-5, 1e-3):
        for u in (-0.67, 0.95, 1.5):
            cells = cells_of(law, (1, 40))
            if u > 0.0 and kind == "autonomous":
                continue  # which begins in the HRS
            if u > 0.0:
                cells.apply_voltage(-2.0)
            applied = float(law.applied_voltage(u, width))
            expected = cells.copy()
            expected.apply_voltage(applied, width=width)
            bench = write_bench(array_circuit(cells, kind), 0, np.arange(40), applied, width=width)
            assert_as_in_python(simulate(bench, program), cells, expected)
            assert u > 0.0 or 0 < (expected.mode == sg.Mode.LRS).sum() < 40
            # a cell that took no notice of the width would end elsewhere
            plain = cells.copy()
            plain.apply_voltage(applied)
            near = u == 1.5 or abs(np.log10(width / law.reference)) < 1
            assert near or not np.allclose(plain.r, expected.r, atol=2e-3)


def pulses(rng, number):
    """Corners of rectangular pulses, their heights and widths."""
    times, volts = [0.0], [0.0]
    heights = rng.uniform(0.4, 1.5, number) * rng.choice([-1, 1], number)
    widths = 10.0 ** rng.uniform(-9, -3, number)
    for u, width in zip(heights, widths, strict=True):
        gap = width * 10.0 ** rng.uniform(-2, 1)
        for duration, level in ((1e-3 * width, u), (width, u), (1e-3 * width, 0.0), (gap, 0.0)):
            times.append(times[-1] + duration)
            volts.append(level)
    return times, volts, heights, widths


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "autonomous"])
def test_random_pulses_end_where_python_ends(program, kind):
    for seed in range(4):
        times, volts, heights, widths = pulses(np.random.default_rng(seed), 6)
        cells = cells_of((TABLE, KAPPA)[seed % 2], 6, seed)
        expected = cells.copy()
        expected.apply_voltages(heights, width=widths)
        result = simulate(sweep_bench(array_circuit(cells, kind), times, volts), program)
        assert_as_in_python(result, cells, expected)
        result.update(cells)
        np.testing.assert_allclose(cells.r, expected.r, atol=5e-3)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("width", [1e-8, 1e-5])
def test_cells_that_share_a_wire_set_in_the_order_of_their_times(program, width):
    """As in Python, where all at once, as without a width, would be more."""
    cells = cells_of(KAPPA, (16, 16), 4)
    u = float(KAPPA.applied_voltage(-0.78, width))
    lines = Wires(10.0, 10.0, bit_ends="top")
    volts = selected((16, 16), 3, np.arange(16), u, "V/3")
    expected, at_once = cells.copy(), cells.copy()
    expected.apply_voltage(volts, wires=lines, width=width)
    at_once.apply_voltage(KAPPA.effective_voltage(volts, width), wires=lines)
    array = array_circuit(cells, "pulse", wire_resistance=10.0)
    result = simulate(write_bench(array, 3, np.arange(16), u, width=width), program)
    assert_as_in_python(result, cells, expected)
    assert 0 < (expected.mode == sg.Mode.LRS).sum() < (at_once.mode == sg.Mode.LRS).sum()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("ohms", [0.0, 3000.0])
def test_a_cell_sets_after_its_switching_time(program, ohms):
    """The voltage-time dilemma: the delay of the SET under a constant voltage, against closed form."""
    cells = cells_of(KAPPA, 1)
    u_set = float(cells.features.u_set[0])
    for ratio in (1.2, 1.0, 0.8):
        expected = float(KAPPA.switching_time(ratio * u_set, u_set))
        before = float(cells.current(ratio * u_set)[0])  # of the HRS, at which the cell is until it sets
        source, stop = ratio * u_set + 2 * ohms * before, 3 * expected  # at the column and at the row
        array = array_circuit(cells, "tape", t_switch=1e-3 * expected)
        bench = sweep_bench(array, [0.0, 1e-3 * stop, stop], [0.0, source, source])
        result = simulate(replace(bench, source_resistance=ohms), program)
        found = result.time[np.argmax(np.abs(result.columns[:, 0]) > 1.2 * abs(before))]
        assert found == pytest.approx(expected, rel=0.06)  # points are within 5 % of the time


@pytest.mark.parametrize("program", PROGRAMS)
def test_random_pulses_behind_a_resistor_come_to_an_end(program):
    for seed in (1, 5, 6, 11):
        times, volts, _, _ = pulses(np.random.default_rng(seed), 6)
        array = array_circuit(cells_of((TABLE, KAPPA)[seed % 2], 1, seed), "tape")
        bench = sweep_bench(array, times, [1.6 * u for u in volts])
        result = simulate(replace(bench, source_resistance=3000.0), program)
        assert result.state["cycles_done"].item() <= 6


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_sweep_at_the_pace_of_the_reference_ends_where_it_always_did(program):
    """Where a threshold is passed after about the reference width, kappa moves it by some thousandths."""
    cells = cells_of(KAPPA, 40)
    least = -KAPPA.applied_voltage(-1.0, KAPPA.longest)  # time counts from that share of U_SET on
    period = 4 * 1.5 / (0.67 * (1 - least)) * KAPPA.reference
    times = period * np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    result = simulate(sweep_bench(array_circuit(cells, "tape"), times, [0.0, -1.5, 0.0, 1.15, 0.0]), program)
    expected = cells.copy()
    expected.apply_voltages([-1.5, 1.15])
    assert_as_in_python(result, cells, expected, 0.02)


# ---- the event form, as simulators of its kind run it


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("before", [(), (-2.0,), (-2.0, 1.0)])
def test_the_event_form_follows_pulses(law, before):
    rng = np.random.default_rng(3)
    cell = cells_of(law, ())
    if before:
        cell.apply_voltages(list(before))
    model = cell_model(cell.params, "event", cycles=30)
    device = EventCell(model, {k: float(v[0]) for k, v in instance_values(cell, model).items()})
    t, switched = 0.0, 0
    device.current(0.0, 0.0)
    for _ in range(60):
        u, width = rng.uniform(0.4, 1.5) * rng.choice([-1, 1]), 10.0 ** rng.uniform(-9, -3)
        inside = np.sort(rng.uniform(0, 1, 5)) * width
        for point in (t + 1e-6 * width, *(t + 1e-6 * width + inside), t + (1 + 1e-6) * width):
            device.current(point, rng.uniform(-2, 2))  # a trial voltage, which must not count
            device.current(point, u)
        for point in (t + 1.01 * width, t + 2 * width):
            device.current(point, 0.0)
        t += 3 * width
        mode = cell.mode
        cell.apply_voltage(u, width=width)
        switched += int(cell.mode != mode)
        now = device.variables
        assert now["mode_now"] == cell.mode
        assert now["r_now"] == pytest.approx(float(cell.r), abs=1e-5)
    assert switched > 10


def test_what_compares_quasi_static_sweeps_refuses_such_cells():
    with pytest.raises(ValueError, match="with_pulse_width"):
        compare_iv(cells_of(KAPPA, 1))


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_reset_that_has_just_begun_comes_back(engine):
    """Its ratchet is at U_RESET itself, to rounding, above which a RESET begins in Python."""
    cells = sg.CellArray(50, PRESET, rng=1, engine=engine)
    cells.apply_voltage(-2.0)
    ratchet = cells.features.u_reset.astype(float) - 1e-9
    follow(cells, np.zeros(50), np.ones(50), ratchet)
    assert (cells.mode == sg.Mode.IRS).all()
    with pytest.raises(ValueError, match="cannot come to"):
        follow(sg.CellArray(50, PRESET, rng=1, engine=engine), np.zeros(50), np.ones(50), ratchet - 1e-3)
