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


UNUSUAL = {
    "large currents": ("V,I", 1.0, 12.0, "--unit current=mA"),
    "small resistances": ("V,I", 0.6, 40.0, "--unit current=mA"),
    "a unit that is given": ("V (V),I (A)", 1.0, 12.0, None),
    "usual sizes": ("V,I", 1.0, 2e3, None),
    "large voltages": ("V (V),I (A)", 15.0, 2e4, "--unit voltage=mV"),
    "small currents": ("V,I", 1.0, 2e11, "--unit current="),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_sizes_are_said_by_all_commands(tmp_path, name):
    head, volts, ohms, remedy = UNUSUAL[name]
    rng, x = np.random.default_rng(0), np.concatenate([np.linspace(0, 1, 30), np.linspace(1, 0, 30)])
    u = volts * np.tile(np.concatenate([-x, x]), (32, 1))
    k, at = np.arange(120), rng.integers(17, 23, (2, 32, 1))
    r_hrs, r_lrs = ohms * np.array([[4.0], [1.0]])[:, :, None] * np.exp(0.03 * rng.standard_normal((2, 33, 1)))
    i = u / np.where(k < at[0], r_hrs[:-1], np.where(k < 60 + at[1], r_lrs[:-1], r_hrs[1:]))
    path = tmp_path / "a.csv"
    path.write_text(head + "\n" + "".join(f"{v:.6g},{a:.6g}\n" for v, a in zip(u.ravel(), i.ravel(), strict=True)))
    looked = run("look", path).output
    extracted = run("extract", path, "-o", tmp_path / "f.csv", "--json")
    fitted = run("fit", path, "-o", tmp_path / "p.json", "--json", "--history", "var", "--order", 1, "--laws", "plain")
    shown = (
        looked,
        extracted.stderr,
        fitted.stderr,
        *(" ".join(json.loads(x.stdout)[k]) for x, k in ((extracted, "warnings"), (fitted, "notes"))),
    )
    assert ["unusually" in text for text in shown] == [remedy is not None] * len(shown), shown
    assert all(remedy in " ".join(text.split()) for text in shown if remedy), shown  # lines may be broken


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [("R_LRS", 5.0, None), ("R_LRS", 20.0, "r_lrs=kohm"), ("V_set", -14.0, "u_set=mV"), ("V_reset", 0.05, "u_reset=V")],
)
def test_unusual_features_are_said_by_all_commands(tmp_path, column, value, remedy):
    rows = np.array([5e4, -1.0, 2e3, 0.8]) * np.exp(0.05 * np.random.default_rng(0).standard_normal((40, 4)))
    names = ["R_HRS", "V_set", "R_LRS", "V_reset"]
    rows[:, names.index(column)] *= value / np.array([5e4, -1.0, 2e3, 0.8])[names.index(column)]
    path = tmp_path / "f.csv"
    path.write_text(",".join(names) + "\n" + "".join(",".join(f"{x:.6g}" for x in row) + "\n" for row in rows))
    if remedy is None:
        assert "--unit r_lrs=kohm" in run("fit", path, "-o", tmp_path / "p.json", code=1).output
        return
    assert remedy in run("look", path).output
    fitted = run("fit", path, "-o", tmp_path / "p.json", "--history", "var", "--order", 1, "--laws", "plain")
    assert f"--unit {remedy}" in fitted.stderr


def test_cells_beyond_the_model_are_refused_with_the_remedy(tmp_path):
    rows = np.array([5e12, -1.0, 2e3, 0.8]) * np.exp(0.05 * np.random.default_rng(0).standard_normal((40, 4)))
    path = tmp_path / "f.csv"
    path.write_text("R_HRS,V_set,R_LRS,V_reset\n" + "".join(",".join(f"{x:.6g}" for x in row) + "\n" for row in rows))
    assert "at most 1e12 ohm" in run("fit", path, "-o", tmp_path / "p.json", code=1).output
