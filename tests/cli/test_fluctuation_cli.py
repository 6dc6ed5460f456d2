"""Commands on repeated reads: look, fit alone and beside features, validate, report."""

import json

import numpy as np
import pandas as pd
import pytest

import synaptogen as sg

learn = pytest.importorskip("synaptogen.learn")
typer_testing = pytest.importorskip("typer.testing")
application = pytest.importorskip("synaptogen.cli.app")

DEVICE = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
TIMES = np.arange(70) * 2.0


def run(*arguments, code=0):
    done = typer_testing.CliRunner().invoke(application.app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Tables of reads, of a bake and of features of one array."""
    folder = tmp_path_factory.mktemp("reads")
    cells = sg.CellArray(48, DEVICE, rng=4)
    cells.apply_voltage(-2.0)
    cells.apply_voltage(2.0)
    g = [cells.conductance()]
    for _ in TIMES[1:]:
        cells.wait(2.0)
        g.append(cells.conductance())
    frame = pd.DataFrame(np.array(g).T * 1e6, columns=[f"{t:g} s" for t in TIMES])
    long = frame.assign(cell=np.arange(48)).melt("cell", var_name="time (s)", value_name="G (uS)")
    long["time (s)"] = long["time (s)"].str.removesuffix(" s").astype(float)
    long.to_csv(folder / "reads.csv", index=False)
    before = cells.conductance()
    cells.wait(1800, temperature=400)
    pd.DataFrame(
        {"cell": np.arange(48), "R_before (ohm)": 1 / before, "R_after (ohm)": 1 / cells.conductance()}
    ).to_csv(folder / "bake.csv", index=False)
    learn.write(learn.features(*(x.T for x in sg.CellArray(40, rng=1).run_cycles(60))), folder / "features.csv")
    return folder


def test_look_says_what_reads_are(files):
    shown = run("look", files / "reads.csv").output
    assert "repeated reads: 48 devices, 70 reads" in shown
    assert "synaptogen fit learns fluctuation" in shown
    assert "--read-voltage" in shown
    facts = json.loads(run("look", files / "bake.csv", "--seconds", 1800, "--temperature", 400, "--json").stdout)
    assert facts["holds"] == "repeated reads"
    assert facts["ranges"]["temperature"]["largest"] == 400


def test_fit_validate_and_report_of_reads_alone(files, tmp_path):
    out = tmp_path / "mine.json"
    shown = run("fit", files / "reads.csv", "-o", out, "--hold-out", "0.5", "--rng", 2).output
    assert "numbers were learned" in shown
    assert "fluctuation of 'mine'" in shown
    params = sg.DeviceParams.from_json(out)
    assert params.name == "mine"
    assert params.source["preset"] == "hennen2024"
    assert params.population == DEVICE.population
    assert params.source["held_out"] == "24 of 48 devices, evenly spaced"
    assert params.fluctuation.source["measurements"]
    shown = run("validate", out, files / "reads.csv", "-o", tmp_path / "v.npz").output
    assert "reads fluctuate by" in shown
    assert "growth of spread" in shown
    assert "held out: 24 of 48 devices" in shown
    pytest.importorskip("matplotlib")
    run("report", tmp_path / "v.npz", "-o", tmp_path / "v.html")
    assert "growth of spread" in (tmp_path / "v.html").read_text(encoding="utf-8")


def test_reads_and_bakes_beside_features(files, tmp_path):
    out = tmp_path / "both.json"
    beside = ("--reads", files / "reads.csv", "--bake", files / "bake.csv", "--seconds", 1800, "--temperature", 400)
    how = ("--history", "var", "--order", 1, "--laws", "plain")
    facts = json.loads(run("fit", files / "features.csv", "-o", out, *beside, *how, "--json").stdout)
    assert facts["fluctuation"]["origin"]["walk"].startswith("learned")
    assert facts["provenance"]["population"]
    params = sg.DeviceParams.from_json(out)
    assert params.fluctuation.name == "both"
    assert "400 K" in params.fluctuation.source["measurements"]


def test_what_does_not_fit_together_is_said(files, tmp_path):
    out = tmp_path / "x.json"
    assert "how long was between" in run("fit", files / "bake.csv", "-o", out, code=1).output
    assert "belong to repeated reads" in run("fit", files / "features.csv", "-o", out, "--age", 5, code=1).output
    assert "nothing to extract" in run("extract", files / "reads.csv", "-o", tmp_path / "f.csv", code=1).output
    assert "with_fluctuation" in run("validate", "hennen2024", files / "reads.csv", code=1).output
    assert not out.exists()
