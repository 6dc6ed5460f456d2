"""`synaptogen crossbar solve` and `map`."""

import json

import pytest

pytest.importorskip("typer")
from typer.testing import CliRunner

from synaptogen.cli.app import app


def run(*arguments):
    return CliRunner().invoke(app, ["crossbar", *arguments])


def test_solve_tells_what_wires_cost():
    free = json.loads(run("solve", "--cells", "12x9", "--word", "0", "--bit", "0", "--json").stdout)
    lossy = json.loads(run("solve", "--cells", "12x9", "--word", "20", "--json").stdout)
    assert len(free["current"]["ideal"]) == 12
    assert free["loss"]["mean"] == pytest.approx(0, abs=1e-5)
    assert 0.01 < lossy["loss"]["mean"] < lossy["loss"]["largest"] < 1
    assert lossy["cell_voltage"]["lowest"] < lossy["cell_voltage"]["mean"] < 0.2
    assert len(json.loads(run("solve", "--cells", "12x9", "--transpose", "--json").stdout)["current"]["ideal"]) == 9
    assert "less than without" in run("solve", "--cells", "12x9").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--word", "-1"], "word=-1"),
        (["--set", "2"], "--set"),
        (["--voltage", "0"], "--voltage"),
        (["--bit-ends", "left"], "bit_ends"),
        (["--cells", "4"], "axes"),
    ],
)
def test_bad_options(arguments, message):
    result = run("solve", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr


def test_map_draws_a_figure(tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "map.png"
    assert run("map", str(file), "--cells", "9x12").exit_code == 0
    assert file.read_bytes()[:4] == b"\x89PNG"
    assert "no figure" in run("map", str(tmp_path / "map.txt")).stderr
