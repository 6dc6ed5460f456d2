"""From loops or features to parameters that run, in one call and on the command line."""

import json

import numpy as np
import pytest

pytest.importorskip("xarray")
pytest.importorskip("sklearn")

import synaptogen as sg
from synaptogen import learn

UP, DOWN = np.linspace(0, 1.5, 70, endpoint=False), np.linspace(0, -1.5, 70, endpoint=False)
RAMP = np.concatenate([DOWN, -1.5 - DOWN, UP, 1.5 - UP])
CYCLES = 80


@pytest.fixture(scope="module")
def loops():
    """Loops of 20 devices, with a microampere of noise."""
    cells = sg.CellArray(20, rng=3)
    currents = cells.sweep(np.tile(RAMP, CYCLES)).reshape(CYCLES, RAMP.size, 20).transpose(2, 0, 1)
    noise = np.random.default_rng(4).normal(0.0, 1e-6, currents.shape)
    return learn.loops(np.broadcast_to(RAMP, currents.shape), currents + noise)


@pytest.fixture(scope="module")
def result(loops):
    return learn.fit(loops, name="mine")


def test_loops_become_parameters_that_run(result):
    params = result.params
    assert params.name == "mine"
    cells = sg.CellArray((8, 8), params, rng=1)
    cells.apply_voltages([-2.0, 2.0] * 15)
    assert np.isfinite(cells.r).all()
    assert (cells.cycle == 15).all()
    assert "measured" in result.provenance["currents"]


def test_currents_are_those_of_the_devices(result):
    preset = sg.DeviceParams.preset("hennen2024")
    u = np.linspace(-1.2, 1.2, 25)
    for resistance in (4e3, 6e3, 6e4, 1.2e5):
        found = result.envelopes.current(np.array(resistance), u)
        assert np.isfinite(found).all()
        assert found[-1] > 0 > found[0]
    assert result.params.u_read == preset.u_read
    # the current of an LRS of the population's mean resistance, within a few per cent of what made the loops
    r_lrs = 4500.0
    mine = result.envelopes.current(np.array(r_lrs), u)
    cell = sg.CellArray(1, preset, rng=1, engine="reference")
    p = cell.state.engine.compiled_params.constants
    from synaptogen.model import iv

    true = iv.current(iv.mixing_from_conductance(1 / r_lrs, p), u, p)
    assert np.abs(mine - true).max() < 0.04 * np.abs(true).max()


def test_parameters_survive_a_file(result, tmp_path):
    path = tmp_path / "mine.json"
    result.params.to_json(path)
    assert sg.DeviceParams.from_json(path) == result.params


def test_the_form_of_the_reset_is_reported(result):
    assert result.params.stretch is None
    assert "power law; rms of held-out cycles" in result.provenance["reset"]


def test_unknown_choices_are_refused(loops):
    with pytest.raises(ValueError, match=r"reset=.*stretched"):
        learn.fit(loops, reset="table")


def test_features_alone_take_the_currents_of_the_preset():
    f = sg.CellArray(20, rng=5).run_cycles(150)
    result = learn.fit(learn.features(*(getattr(f, name).T for name in ("r_hrs", "u_set", "r_lrs", "u_reset"))))
    preset = sg.DeviceParams.preset("hennen2024")
    assert np.array_equal(result.params.llrs, preset.llrs)
    assert "preset hennen2024" in result.provenance["currents"]
    assert result.extraction is None


def test_command_line(tmp_path):
    from typer.testing import CliRunner

    from synaptogen.cli.app import app

    f = sg.CellArray(18, rng=6).run_cycles(120)
    cycle, device = np.indices(f.r_hrs.shape)
    table = np.column_stack([v.ravel() for v in (device, cycle, *f)])
    data, out = tmp_path / "features.csv", tmp_path / "mine.json"
    np.savetxt(data, table, delimiter=",", header="device,cycle,r_hrs,u_set,r_lrs,u_reset", comments="")
    runner = CliRunner()
    done = runner.invoke(app, ["fit", str(data), "-o", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert "provenance" in json.loads(done.stdout)
    assert sg.DeviceParams.from_json(out).name == "mine"
    again = runner.invoke(app, ["fit", str(data), "-o", str(out)])
    assert again.exit_code == 1
    assert "exists" in again.output
    missing = runner.invoke(app, ["fit", str(tmp_path / "no.csv"), "-o", str(tmp_path / "x.json")])
    assert missing.exit_code == 1
