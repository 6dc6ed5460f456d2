"""``synaptogen crossbar program`` and its figures."""

import json

import numpy as np
import pytest

import synaptogen as sg
from synaptogen.crossbar import DifferentialPair, reachable_window, write_verify

pytest.importorskip("typer")
pytest.importorskip("rich")

from typer.testing import CliRunner

from synaptogen.cli import app as application


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs ``crossbar program`` in an empty folder, and checks its exit code."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, code=0):
        result = CliRunner().invoke(application.app, ["crossbar", "program", *map(str, arguments)])
        assert result.exit_code == code, result.output
        return result

    return command


def test_it_does_what_the_library_does(run):
    weights = np.random.default_rng(1).uniform(-2, 2, (5, 7))
    weights[0, 0] = 2.0
    np.save("w.npy", weights)
    result = run("w.npy", "--rng", 3, "--tolerance", 2e-6, "--out", "r.npz", "--json")
    with np.load("r.npz") as file:
        found = dict(file)
    mapping = DifferentialPair(*reachable_window(), w_max=2.0)
    cells = sg.CellArray((10, 7), rng=3)
    report = write_verify(cells, mapping.targets(weights), tolerance=2e-6)
    for name in ("target", "reached", "measured", "pulses", "energy", "converged"):
        assert np.array_equal(found[name], getattr(report, name)), name
    assert np.array_equal(found["component"], cells.component)
    assert np.array_equal(found["weights"], weights)
    back = mapping.combine(report.reached.astype(float))
    assert np.array_equal(found["reached_weights"], back)
    printed = json.loads(result.stdout)
    assert printed["report"] == json.loads(json.dumps(report.statistics()))
    assert printed["rms_weight_error"] == pytest.approx(np.sqrt(np.mean((back - weights) ** 2)) / 2)
    assert "written: r.npz" in result.stderr


def test_conductances_from_csv_in_one_shot(run):
    with open("g.csv", "w", encoding="utf-8") as file:
        file.write("5e-5,1e-4\n\n6e-5,7e-5\n8e-5,9e-5\n")
    result = run("g.csv", "--mapping", "none", "--method", "one-shot", "--rng", 1)
    assert "one shot: " in result.stdout
    assert "of 6 cells" in result.stdout
    assert "weights:" not in result.stdout


@pytest.mark.parametrize("mapping", ["pair", "offset", "slices", "none"])
def test_random_matrices(run, mapping):
    result = run("--random", "6x8", "--mapping", mapping, "--rng", 1, "--budget", 5, "--scheme", "V/3", "--u-set", -1.3)
    assert "write-verify, transition: " in result.stdout


def test_figures(run):
    pytest.importorskip("matplotlib")
    run("--random", "8x8", "--rng", 1, "--figure", "f.png")
    with open("f.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_figures_of_series_and_of_disturbance():
    pytest.importorskip("matplotlib")
    from synaptogen.crossbar import figures

    cells = sg.CellArray((16, 16), rng=2)
    reports = {str(t): write_verify(cells.copy(), 80e-6, tolerance=t) for t in (1e-6, 4e-6)}
    left, right = figures.error_distributions(reports, reports).axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["1e-06", "4e-06"]
    assert right.get_ylabel() == ""
    before = cells.conductance()
    panels = figures.disturbance(cells, [0.5, 1.5], lines=2).axes
    assert [len(panel.lines) for panel in panels] == [4, 4]
    assert np.array_equal(cells.conductance(), before)


def test_shares_of_disturbed_cells_by_their_thresholds():
    """SET pulses of u on one row: of the others, those set whose U_SET is at or above what they see."""
    from synaptogen.crossbar.figures import disturbed_shares

    cells = sg.CellArray((32, 32), rng=2)
    thresholds = cells.upcoming(1).u_set[0]
    selected = np.zeros((32, 32), bool)
    selected[0, ::2] = True
    for u in (-1.0, -2.0):
        other, chosen = disturbed_shares(cells, [u], "V/3", lines=1)[0]
        voltages = np.where(selected[0] & (np.arange(32) > 0)[:, None], u / 3, -u / 3)
        voltages[0] = np.where(selected[0], u, u / 3)
        expected = thresholds >= voltages
        assert chosen == pytest.approx(expected[selected].mean())
        assert other == pytest.approx(expected[~selected].mean())


WRONG = [
    ((), "give either a file or --random"),
    (("nothing.csv",), "No such file"),
    (("w.txt",), "ends in .csv or .npy"),
    (("bad.csv",), "bad.csv holds no matrix"),
    (("empty.csv",), "it is empty"),
    (("head.npy",), "head.npy holds no matrix"),
    (("nan.csv",), "finite numbers"),
    (("--random", "3x4x5"), "3 axes"),
    (("--random", "3x4", "--mapping", "pears"), "--mapping"),
    (("--random", "3x4", "--method", "magic"), "--method"),
    (("--random", "3x4", "--out", "x.csv"), ".npz"),
    (("--random", "3x4", "--out", "old.npz"), "--overwrite"),
    (("--random", "3x4", "--w-max", 0.01), "--clip"),
    (("--random", "3x4", "--tolerance", 1e-9), "read noise"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_refusals(run, arguments, message):
    for name, text in {"bad.csv": "1,a\n", "empty.csv": "\n", "nan.csv": "1,nan\n", "old.npz": ""}.items():
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    with open("head.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00\x03\x00(((")
    result = run(*arguments, code=1)
    plain = " ".join(result.stderr.split())
    if message == "--clip":
        assert 'outside="clip"' in plain
    else:
        assert message in plain


def test_cells_that_change_in_time(run):
    pytest.importorskip("matplotlib")
    np.save("g.npy", np.full((8, 9), 60e-6))
    given = ["g.npy", "--mapping", "none", "--rng", 4, "--fluctuation", "hfox-1t1r", "--after", 5, "--after", 1e4]
    result = run(*given, "--rounds", 2, "--wait", 7, "--out", "r.npz", "--time-figure", "later.png", "--json")
    params = sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    cells = sg.CellArray((8, 9), params, rng=4)
    report = write_verify(cells, 60e-6, rounds=2, wait=7.0, after=[5.0, 1e4])
    with np.load("r.npz") as file:
        np.testing.assert_array_equal(file["after"], [5.0, 1e4])
        np.testing.assert_array_equal(file["reached_later"], [state.conductance for state in report.later])
    assert json.loads(result.stdout)["report"] == json.loads(json.dumps(report.statistics()))
    with open("later.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"
    assert "stand still" in run("g.npy", "--mapping", "none", "--rounds", 2, code=1).output
    assert "--fluctuation" in run("g.npy", "--mapping", "none", "--time-figure", "x.png", code=1).output


def test_the_width_of_pulses_is_that_of_the_library(run):
    given = ("--random", "4x5", "--mapping", "none", "--rng", 3, "--width-law", "hfox-1t1r-gate", "--out", "r.npz")
    run(*given, "--width", 1e-7)
    with np.load("r.npz") as file:
        found = dict(file)
    params = sg.DeviceParams.preset("hennen2024").with_pulse_width("hfox-1t1r-gate")
    cells = sg.CellArray((4, 5), params, rng=3)
    report = write_verify(cells, found["target"], tolerance=1e-6, width=1e-7)
    for name in ("reached", "pulses", "energy"):
        np.testing.assert_array_equal(found[name], getattr(report, name))
    short = run(*given, "--width", 1e-9, "--overwrite", code=1)
    assert "width" in short.output
    run("--random", "4x5", "--width", 1e-7, code=1)  # neither a law nor a fluctuation
    run("--random", "4x5", "--width-law", "none", code=1)
