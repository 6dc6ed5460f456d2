"""Commands on measurements: the options that they share, a line per device, workbooks, JSON without NaN."""

import json

import numpy as np
import pytest

learn = pytest.importorskip("synaptogen.learn")
typer_testing = pytest.importorskip("typer.testing")
application = pytest.importorskip("synaptogen.cli.app")

SHARED = ("--column", "--current-limit", "--series-resistance", "--polarity", "--shunt", "--magnitude", "--records")


def run(*arguments, code=0):
    done = typer_testing.CliRunner().invoke(application.app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("command", ["look", "extract", "fit", "validate"])
def test_the_same_options_describe_a_measurement(command):
    shown = run(command, "--help").output
    for option in SHARED:
        assert option in shown


def test_extract_prints_a_line_per_device(tmp_path):
    pytest.importorskip("openpyxl")
    data = learn.sample_loops(devices=3, cycles=12, outliers=0).assign_coords(device=["left", "middle", "right"])
    learn.write(data, tmp_path / "loops.npz")
    out = tmp_path / "features.xlsx"
    shown = run("extract", tmp_path / "loops.npz", "-o", out).output
    found = learn.extract(data).features
    for d, name in enumerate(["left", "middle", "right"]):
        (line,) = [row for row in shown.splitlines() if row.strip().startswith(name)]
        assert "12/12" in line
        assert f"{np.median(found.u_set[d]):.3f}" in line
    back = learn.read(out)
    np.testing.assert_allclose(back.r_lrs, found.r_lrs)
    assert back.device.values.tolist() == ["left", "middle", "right"]


def test_json_of_an_extraction_says_what_it_means(tmp_path):
    data = learn.sample_loops(devices=2, cycles=2, outliers=0)
    learn.write(data, tmp_path / "loops.npz")
    arguments = ("extract", tmp_path / "loops.npz", "-o", tmp_path / "f.csv", "--json")

    def refused(name):
        raise AssertionError(f"{name} is no JSON")

    facts = json.loads(run(*arguments).stdout, parse_constant=refused)
    assert set(facts["meaning"]) <= set(facts)
    assert facts["reliability"]["u_set"] is None  # two cycles do not tell
    assert [one["device"] for one in facts["devices"]] == ["0", "1"]
    u_set = learn.extract(data).features.u_set[0]
    assert facts["devices"][0]["u_set"]["median"] == pytest.approx(float(u_set.median()))


def test_a_shunt_needs_a_voltage(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("V (V),I (A)\n" + "".join(f"{v:.3f},{v * 1e-5:.3e}\n" for v in np.linspace(-1, 1, 40)))
    assert "leave it out" in run("look", path, "--shunt", 50, code=1).output
