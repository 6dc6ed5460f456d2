"""The event form in EVAS, against the reference engine at every time point.

EVAS runs the Verilog-A of Spectre without currents: the cell's voltage goes in and its current comes out.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.circuit import cell_model, instance_values
from synaptogen.circuit.netlists import array_circuit, export, sweep_bench
from synaptogen.circuit.verilog.event import SIGNAL_FLOW
from synaptogen.model import iv

pytest.importorskip("evas", reason="EVAS comes with pip install evas-sim")


@pytest.fixture(scope="module")
def params():
    return sg.DeviceParams.preset("hennen2024")


def evas(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "evas", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


def flow(model):
    return f"`define {SIGNAL_FLOW}\n{model.source}"


def run(folder, model, values, corners, step):
    """Time in s, voltage in V, current in A."""
    (folder / "cell.va").write_text(flow(model))
    (folder / "bench.scs").write_text(f"""// one cell
simulator lang=spectre
global 0
ahdl_include "cell.va"
v1 (a 0) vsource type=pwl wave=[{" ".join(f"{float(t)!r} {float(u)!r}" for t, u in corners)}]
x1 (a i) {model.module} t_switch=1e-5 {" ".join(f"{k}={v!r}" for k, v in values.items())}
tran1 tran stop={float(corners[-1][0])!r} maxstep={step!r}
save a:16e i:16e
""")
    code, output = evas(folder, "simulate", "bench.scs", "-o", "out", "--spectre-strict")
    assert code == 0, output
    t, u, i = np.loadtxt(folder / "out" / "tran.csv", delimiter=",", skiprows=1).T
    return t, u, i * 1e-6


def cell_and_values(params, seed, cycles, before=()):
    cell = sg.CellArray((), params, rng=seed, engine="reference")
    if before:
        cell.apply_voltages(list(before))
    model = cell_model(params, "event", cycles=cycles)
    return cell, model, {k: float(v[0]) for k, v in instance_values(cell, model).items()}


@pytest.mark.parametrize(("seed", "step"), [(7, 1e-3), (8, 1e-2)])
def test_six_triangular_cycles(params, tmp_path, seed, step):
    """1e-9 A at every time point, those of the events with them: the bound asked for; both are double precision."""
    corners = [(0, 0), *((k + x, u) for k in range(6) for x, u in ((0.25, -1.5), (0.75, 1.5))), (6, 0)]
    cell, model, values = cell_and_values(params, seed, 8)
    t, u, i = run(tmp_path, model, values, corners, step)
    expected = cell.sweep(u)
    assert cell.cycle == 6
    assert len(t) >= 6 / step
    assert np.abs(i - expected).max() < 1e-9
    assert np.abs(expected).max() > 1e-4


@pytest.mark.parametrize("before", [(), (-2.0,), (-2.0, 1.0), (-2.0, 2.0)])
def test_random_pulses_from_any_state(params, tmp_path, before):
    """61 pulses with partial RESETs, from HRS of cycle 0, LRS, IRS and HRS of a later cycle."""
    rng = np.random.default_rng(3)
    negative = rng.permutation(61) % 2 == 0
    heights = np.where(negative, -rng.uniform(0.3, 1.4, 61), rng.uniform(0.3, 1.6, 61))
    shape = ((0.5e-3, 1), (19.5e-3, 1), (20e-3, 0), (40e-3, 0))
    corners = [(0, 0), *((0.04 * k + t, u * on) for k, u in enumerate(heights) for t, on in shape)]
    cell, model, values = cell_and_values(params, 5, 30, before)
    first = int(cell.cycle)
    _, u, i = run(tmp_path, model, values, corners, 4e-3)
    expected, mode = np.array([(cell.sweep([x])[0], cell.mode) for x in u], float).T
    assert cell.cycle - first > 5
    assert np.sum(mode == sg.Mode.IRS) > 100
    assert np.abs(i - expected).max() < 1e-9


def test_pulses_of_any_width_where_thresholds_depend_on_it(params, tmp_path):
    """Each pulse is followed by a small read, which tells the state that it has left."""
    params = params.with_pulse_width(sg.PulseWidthParams("kappa", 3e-6, 0.08, 0.05))
    rng = np.random.default_rng(3)
    negative = rng.permutation(61) % 2 == 0
    heights = np.where(negative, -rng.uniform(0.3, 1.2, 61), rng.uniform(0.3, 1.4, 61))
    widths, corners, reads = 10.0 ** rng.uniform(-4, -1, 61), [(0, 0)], []
    for u, w in zip(heights, widths, strict=True):
        for t, level in ((1e-3, u), (1, u), (1e-3, 0), (0.5, 0), (0.1, 0.02), (0.5, 0.02), (0.1, 0), (0.1, 0)):
            corners.append((corners[-1][0] + t * w, level))
        reads.append(corners[-4][0] + 0.25 * w)
    cell, model, values = cell_and_values(params, 5, 30)
    t, _, i = run(tmp_path, model, values, corners, 2e-2)
    expected = []
    for u, w in zip(heights, widths, strict=True):
        cell.apply_voltage(u, width=w)
        expected.append(cell.current(0.02))
    assert cell.cycle > 5
    assert np.abs(np.interp(reads, t, i) - expected).max() < 1e-9
    code, output = evas(tmp_path, "lint", "cell.va", "--spectre-strict")
    assert (code, output.strip()) == (0, "No EVAS lint diagnostics.")


def test_a_tape_that_ends_stays_in_its_last_lrs(params, tmp_path):
    corners = [(0, 0), *((k + x, u) for k in range(4) for x, u in ((0.25, -1.5), (0.75, 1.5))), (4, 0)]
    cell, model, values = cell_and_values(params, 7, 2)
    t, u, i = run(tmp_path, model, values, corners, 1e-2)
    begun = t >= 2
    expected = cell.sweep(u[~begun])
    assert np.abs(i[~begun] - expected).max() < 1e-9
    cell.apply_voltage(-1.5)
    late = t > 2.25
    assert np.abs(i[late] - iv.current(float(cell.r), u[late], params.constants())).max() < 1e-9


def test_strict_lint_for_spectre_is_clean(params, tmp_path):
    """The shipped dress too, but for EVAS's word that it solves no circuits."""
    model = cell_model(params, "event", cycles=3)
    (tmp_path / "cell.va").write_text(model.source)
    (tmp_path / "flow.va").write_text(flow(model))
    code, output = evas(tmp_path, "lint", "flow.va", "--spectre-strict")
    assert (code, output.strip()) == (0, "No EVAS lint diagnostics.")
    code, output = evas(tmp_path, "lint", "cell.va", "--spectre-strict", "--format", "json")
    assert code == 0, output
    assert {found["code"] for found in json.loads(output)} == {"EVAS-COMP-EKCL"}


def test_a_netlist_for_spectre_takes_it(params, tmp_path):
    cells = sg.CellArray((2, 3), params, rng=1)
    path = export(sweep_bench(array_circuit(cells, "event", cycles=2), [0.0, 1.0], [0.0, 1.0]), tmp_path, "spectre")
    text = path.read_text()
    module = cell_model(params, "event", cycles=2).module
    assert f'ahdl_include "{module}.va"' in text
    array = (tmp_path / "array.scs").read_text()
    assert f"model cell {module}" in array
    assert array.count("\nn") == 6
    assert "saveahdlvars=all" in text
    assert (tmp_path / f"{module}.va").read_text().count(f"module {module}(") == 2
