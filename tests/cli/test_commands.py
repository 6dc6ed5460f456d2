"""The command line: what each command prints and writes, and how it refuses."""

import contextlib
import csv
import importlib.metadata
import io
import json
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import synaptogen as sg

pytest.importorskip("typer")
pytest.importorskip("rich")

from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from synaptogen import cli
from synaptogen._utils import install_command
from synaptogen.cli import app as application
from synaptogen.cli import feature_overview, output, sinks
from synaptogen.cli.commands import demo, doctor, simulate

FEATURES = ["r_hrs", "u_set", "r_lrs", "u_reset"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command in an empty folder, and checks its exit code."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, code=0):
        result = CliRunner().invoke(application.app, [str(a) for a in arguments])
        assert result.exit_code == code, result.output
        return result

    return command


@pytest.fixture
def short(monkeypatch):
    """A demo of a few I-V cycles."""
    monkeypatch.setattr(demo, "LOOPS", 20)
    monkeypatch.setattr(demo, "PART", 5)


def columns(text):
    """A CSV table as arrays by heading."""
    heading, *rows = csv.reader(io.StringIO(text))
    return dict(zip(heading, np.array(rows, float).T, strict=True))


# ---- what is there


def test_version_and_help(run):
    assert run("--version").stdout == f"synaptogen {sg.__version__}\n"
    assert run("--help").stdout.count("demo") == 1
    for name in ("demo", "doctor", "presets", "simulate", "bench"):
        assert "Usage" in run(name, "--help").stdout


def test_every_option_has_a_help_text():
    import typer.main

    command = typer.main.get_command(application.app)
    for each in (command, *command.commands.values()):
        assert each.help
        assert all(parameter.help for parameter in each.params)


def test_doctor(run):
    facts = json.loads(run("doctor", "--json").stdout)
    assert facts["synaptogen"] == sg.__version__
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["numpy"] == np.__version__
    assert facts["lanes"] in (1, 2, 4, 8, 16)
    assert facts["threads"] >= 1
    assert facts["presets"] == sg.presets()
    assert all(("program" in found) != ("missing" in found) for found in facts["simulators"].values())
    shown = run("doctor").stdout
    assert shown.startswith(f"synaptogen {sg.__version__} works here")
    for text in ("lanes", "GiB", "hennen2024", "kernel cache", "vacask"):
        assert text in shown


def test_doctor_says_how_to_get_what_is_missing(run, monkeypatch):
    def version(name):
        if name == "matplotlib":
            raise importlib.metadata.PackageNotFoundError
        return "1"

    wanted = ["numpy>=2", "matplotlib>=3; extra == 'plot'", "zarr>=3; extra == 'zarr'", "pytest; extra == 'test'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: wanted)
    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setenv("SYNAPTOGEN_NGSPICE", "nowhere")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/no")
    shown = " ".join(run("doctor").stdout.split())
    assert f"needs matplotlib: {install_command('plot')}" in shown
    assert "Not installed: the extra plot, ngspice" in shown
    assert "extra zarr installed" in shown
    assert "SYNAPTOGEN_NGSPICE='nowhere' is no program" in shown
    assert "pytest" not in shown
    assert os.geteuid() == 0 or "set NUMBA_CACHE_DIR" in shown  # root may write anywhere


def test_presets(run):
    (preset,) = json.loads(run("presets", "--json").stdout)["presets"]
    assert preset["name"] == "hennen2024"
    assert preset["history"] == {"kind": "var", "order": 10}
    assert preset["components"] == 3
    assert "MIT" in preset["licence"]
    assert all(values == sorted(values) for values in preset["features"].values())
    assert preset["features"]["u_set"][-1] < 0 < preset["features"]["u_reset"][0]
    shown = run("presets").stdout
    for text in ("hennen2024", "var(10)", f"{preset['u_max']:g}", "doi:", "MIT", "median"):
        assert text in shown


# ---- demo and bench


def test_demo_writes_figures_and_tells_rates(run, short):
    result = run("demo", "--cells", "32x32", "--out", "new/folder")
    for name in ("iv_grid", "feature_traces", "feature_distributions", "conductance_map", "product"):
        with open(f"new/folder/{name}.png", "rb") as file:
            assert file.read(4) == b"\x89PNG"
        assert f"{name}.png" in result.stdout
    for text in ("SET", "noisy read", "crossbar product", "I-V cycles of 16 cells", "million/s", "seed 42"):
        assert text in result.stdout
    assert "SET, -2 V ..." in result.stderr


def test_demo_as_json(run, short):
    facts = json.loads(run("demo", "--cells", "8x4", "--rng", 7, "--threads", 1, "--json", "--no-figures").stdout)
    assert facts["cells"] == [8, 4]
    assert facts["seed"] == 7
    assert facts["figures"] == []
    assert list(facts["rates"]) == ["cycle", "set", "random", "read", "product", "iv"]
    for rate in facts["rates"].values():
        assert rate["per_second"] == pytest.approx(rate["count"] / rate["seconds"])
        assert rate["ns_each"] == pytest.approx(1e9 / rate["per_second"])


def test_demo_without_matplotlib_asks_for_it_and_goes_on(run, short, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("demo", "--cells", "8x8")
    assert install_command("plot") in result.stderr
    assert "crossbar product" in result.stdout
    assert not list(tmp_path.iterdir())


def test_loops_of_the_demo_have_the_features_that_it_shows(short):
    with output.steps() as shown:
        loops = demo.record_loops(sg.CellArray(8, rng=3), shown)
    assert loops.currents.shape == (20, len(loops.waveform), 8)
    assert loops.features.u_set.shape == (20, 8)
    down = loops.waveform[: np.argmin(loops.waveform) + 1]
    jumps = np.abs(np.diff(loops.currents[:, : len(down)], axis=1))
    reached = loops.features.u_set[:, None] >= np.float32(down)[:, None]
    assert np.array_equal(1 + jumps.argmax(axis=1), reached.argmax(axis=1))


def test_bench(run):
    facts = json.loads(run("bench", "--cells", "32x32", "--json", "--threads", 1).stdout)
    assert list(facts["rates"]) == ["init", "set", "reset", "cycle", "partial_reset", "random", "read", "product"]
    assert all(rate["count"] == 1024 and rate["ns_each"] > 0 for rate in facts["rates"].values())
    table = run("bench", "--cells", "100").stdout
    assert "partial RESET" in table
    assert "crossbar" not in table  # which takes two axes
    assert "each (ns)" in table


def test_bars_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(output, "stderr", output.Console(stderr=True, force_terminal=True))
    with output.steps() as shown:
        advance = shown.begin("stirring", 2)
        advance()
        advance()
    printed = capsys.readouterr()
    assert "stirring" in printed.err
    assert "2/2" in printed.err
    assert printed.out == ""


def test_messages_of_the_library_go_to_standard_error(run, monkeypatch):
    logger = logging.getLogger("synaptogen")
    level, handlers = logger.level, list(logger.handlers)

    def gather():
        logger.info("compiling [once] ...")
        return {}

    monkeypatch.setattr(doctor, "gather", gather)
    result = run("doctor", "--json")
    assert result.stderr == "compiling [once] ...\n"
    assert json.loads(result.stdout) == {}
    assert (logger.level, logger.handlers) == (level, handlers)


# ---- simulate


def test_cycles_are_the_upcoming_ones(run):
    result = run("simulate", "--cells", "2x3", "--cycles", 5, "--rng", 9)
    assert "seed 9" in result.stderr
    table = columns(result.stdout)
    assert list(table) == ["cell", "cycle", *FEATURES]
    assert list(table["cell"]) == [*range(6)] * 5
    assert list(table["cycle"]) == [n for n in range(1, 6) for _ in range(6)]
    expected = sg.CellArray((2, 3), rng=9).upcoming(5)
    for name in FEATURES:
        assert np.array_equal(table[name].astype(np.float32), getattr(expected, name).ravel())


@pytest.mark.parametrize("noise", [False, True])
def test_voltages_give_the_currents_of_a_sweep(run, tmp_path, noise):
    u = [0.0, -1.2, 0.2, 1.0, 0.2]
    (tmp_path / "u.csv").write_text("\N{ZERO WIDTH NO-BREAK SPACE}voltage (V)\n" + "\n".join(map(str, u)) + "\n\n")
    run("simulate", "--cells", 3, "--voltages", "u.csv", "--rng", 1, "--out", "i.csv", *["--noise"] * noise)
    table = columns((tmp_path / "i.csv").read_text())
    assert list(table) == ["step", "cell", "voltage", "current"]
    assert list(table["step"]) == [k for k in range(5) for _ in range(3)]
    assert np.array_equal(table["voltage"].astype(np.float32), np.repeat(u, 3).astype(np.float32))
    expected = sg.CellArray(3, rng=1).sweep(u, noise=noise)
    assert np.array_equal(table["current"].astype(np.float32), expected.ravel())


def test_one_column_a_cell(run, tmp_path):
    u = np.array([[-2, 0, -2, 0], [0.2, 0.1, 0.2, 0.1]])
    np.savetxt(tmp_path / "u.csv", u, delimiter=",")
    table = columns(run("simulate", "--cells", "2x2", "--voltages", "u.csv", "--rng", 1).stdout)
    expected = sg.CellArray((2, 2), rng=1).sweep(u.reshape(2, 2, 2))
    assert np.array_equal(table["current"].astype(np.float32), expected.ravel())
    assert np.allclose(table["voltage"], u.ravel())


def test_engine_history_start_and_parameter_file(run, tmp_path):
    params = sg.DeviceParams.preset("hennen2024").with_order(2).replace(name="two")
    params.to_json(tmp_path / "two.json")
    table = columns(
        run(
            "simulate",
            "--cells",
            2,
            "--cycles",
            3,
            "--rng",
            1,
            "--params",
            "two.json",
            "--engine",
            "reference",
            "--start",
            "pristine",
            "--history",
            "compact",
        ).stdout
    )
    expected = sg.CellArray(2, params, rng=1, engine="reference", start="pristine", history="compact").upcoming(3)
    for name in FEATURES:
        assert np.array_equal(table[name], getattr(expected, name).ravel())  # 17 digits: double precision


@pytest.mark.parametrize("job", [("--cycles", 7), ("--voltages", "u.csv", "--noise")])
def test_blocks_change_nothing(run, tmp_path, monkeypatch, job):
    (tmp_path / "u.csv").write_text("\n".join(["-1.5", "0.2", "1.5", "0.2"] * 3))
    whole = run("simulate", "--cells", 4, "--rng", 1, *job).stdout
    monkeypatch.setattr(simulate, "BLOCK", 9)
    assert run("simulate", "--cells", 4, "--rng", 1, *job).stdout == whole


def test_zarr(run, tmp_path, monkeypatch):
    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr(simulate, "BLOCK", 12)
    monkeypatch.setattr(sinks, "LARGEST_CHUNK", 4)
    run("simulate", "--cells", "2x3", "--cycles", 5, "--rng", 2**64 - 1, "--out", "f.zarr")
    group = zarr.open_group(tmp_path / "f.zarr", mode="r")
    expected = sg.CellArray((2, 3), rng=2**64 - 1).upcoming(5)
    for name in FEATURES:
        assert np.array_equal(group[name][:], getattr(expected, name))
        assert group[name].chunks == (1, 1, 3)
    assert group.attrs["format"] == "synaptogen/simulation"
    assert group.attrs["seed"] == str(2**64 - 1)
    assert group.attrs["units"]["r_hrs"] == "ohm"
    assert sg.DeviceParams.from_json(group.attrs["params"]).name == "hennen2024"

    (tmp_path / "u.csv").write_text("-2\n0.2\n")
    run("simulate", "--cells", "2x3", "--voltages", "u.csv", "--rng", 1, "--out", "f.zarr", "--overwrite")
    group = zarr.open_group(tmp_path / "f.zarr", mode="r")
    assert sorted(group.array_keys()) == ["current", "voltage"]
    assert np.array_equal(group["current"][:], sg.CellArray((2, 3), rng=1).sweep([-2, 0.2]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.zarr", "u.csv"]


def test_a_file_is_replaced_only_if_asked_and_only_as_a_whole(run, tmp_path, monkeypatch):
    target = tmp_path / "o.csv"
    target.write_text("mine")
    arguments = ("simulate", "--cells", 2, "--cycles", 1, "--out", "o.csv")
    assert "give --overwrite" in run(*arguments, code=1).stderr
    assert target.read_text() == "mine"

    with monkeypatch.context() as broken:
        broken.setattr(sinks.np, "savetxt", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left")))
        assert "No space left" in run(*arguments, "--overwrite", code=1).stderr
    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["o.csv"]

    run(*arguments, "--overwrite")
    assert target.read_text().startswith("cell,cycle,")


def test_folders_of_others_are_never_replaced(run, tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "precious").touch()
    (tmp_path / "b.csv").mkdir()
    for name in ("a.zarr", "b.csv"):
        result = run("simulate", "--cells", 2, "--cycles", 1, "--out", name, "--overwrite", code=1)
        assert "remove it yourself" in result.stderr
    assert (tmp_path / "a.zarr" / "precious").exists()


# ---- refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\nabc\n", "line 2: 'abc' is not a number"),
        ("0.1\nnan\n", "line 2: 'nan' is not a finite voltage"),
        ("u\n-inf\n", "line 2: '-inf' is not a finite voltage"),
        ("1\n2,3\n", "line 2: 2 columns after 1 before"),
        ("1,2,3\n", "3 columns: give one, or one for each of 2 cells"),
        ("voltage\n", "holds no voltages"),
        ("", "holds no voltages"),
        ("1e39\n", "not finite"),
        ("0\n\xff\n", "not a CSV file"),
    ],
)
def test_voltage_files_that_are_refused(run, tmp_path, text, message):
    (tmp_path / "u.csv").write_bytes(text.encode("latin-1"))
    result = run("simulate", "--cells", 2, "--voltages", "u.csv", "--out", "o.csv", code=1)
    assert message in result.stderr
    assert result.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["u.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("simulate", "either --cycles K or --voltages"),
        ("simulate --cycles 1 --voltages u.csv", "either --cycles K or --voltages"),
        ("simulate --cycles 0", "at least 1"),
        ("simulate --cycles 1 --noise", "--noise is about currents"),
        ("simulate --cycles 1 --cells 2y3", "'2y3' is no shape"),
        ("simulate --cycles 1 --cells 2x0", "holds no cells"),
        ("simulate --cycles 1 --cells 1000000x1000000", "GiB"),
        ("simulate --cycles 1 --params hennen2042", "did you mean 'hennen2024'?"),
        ("simulate --cycles 1 --params none.json", "No such file or directory: none.json"),
        ("simulate --cycles 1 --engine cpx", "did you mean 'cpu'?"),
        ("simulate --cycles 1 --history vra", "did you mean 'var'?"),
        ("simulate --cycles 1 --start fresh", "'stationary', 'pristine'"),
        ("simulate --cycles 1 --rng -1", "64-bit seed"),
        ("simulate --cycles 1 --out o.txt", "must end in .csv or .zarr"),
        ("simulate --cycles 1 --out none/o.csv", "make it first"),
        ("simulate --voltages none.csv", "No such file or directory: none.csv"),
        ("demo --cells 32", "has 1 axes: give 2"),
        ("demo --cells 2x2 --threads 0", "at least 1"),
        ("bench --cells big", "'big' is no shape"),
    ],
)
def test_errors_are_one_line_without_a_traceback(run, tmp_path, arguments, message):
    result = run(*arguments.split(), code=1)
    (error,) = [line for line in result.stderr.splitlines() if not line.endswith("...")]
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


def test_demo_refuses_a_folder_that_is_a_file_before_the_work(run, tmp_path):
    (tmp_path / "taken").touch()
    result = run("demo", "--cells", "8x8", "--out", "taken", code=1)
    assert result.stderr == "error: File exists: taken\n"


def test_zarr_that_is_not_installed(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "zarr", None)
    result = run("simulate", "--cells", 2, "--cycles", 1, "--out", "o.zarr", code=1)
    assert install_command("zarr") in result.stderr
    assert not list(tmp_path.iterdir())


def test_debug_shows_where_an_error_comes_from(tmp_path):
    with pytest.raises(ValueError, match="at least 1"):
        CliRunner().invoke(application.app, ["--debug", "simulate", "--cycles", "0"], catch_exceptions=False)


def test_defects_are_not_taken_for_errors_of_the_user(run, monkeypatch):
    monkeypatch.setattr(doctor, "gather", lambda: {}["none"])
    with pytest.raises(KeyError):
        CliRunner().invoke(application.app, ["doctor"], catch_exceptions=False)


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_main_without_its_libraries_names_the_extra(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SystemExit, match=re.escape(install_command("cli"))):
        cli.main()


def test_main_runs_the_commands(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["synaptogen", "--version"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert capsys.readouterr().out == f"synaptogen {sg.__version__}\n"


def test_a_pipe_that_closes_early_is_no_error(run_python):
    run_python(
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'synaptogen', *'simulate --cells 64 --cycles 300 --rng 1'.split()]\n"
        "process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)\n"
        "assert process.stdout.readline().startswith('cell,cycle')\n"
        "process.stdout.close()\n"
        "text = process.stderr.read()\n"
        "process.stderr.close()\n"
        "process.wait()\n"
        "assert 'Traceback' not in text and 'error' not in text, text\n"
    )


def test_texts_of_files_neither_style_nor_control_the_terminal(capsys):
    hostile = "[/red] [link=x]y[/link] \x1b]0;title\x07 \u202e"
    table = Table(title=hostile)
    table.add_row(hostile)
    for console in (output.stdout, output.stderr):
        console.print(hostile, soft_wrap=True)
        console.print(table)
    printed = "".join(capsys.readouterr())
    assert printed.count("[/red] [link=x]y[/link]") == 6
    assert not {"\x1b", "\x07", "\u202e"} & set(printed)


def test_what_a_terminal_cannot_write_is_no_error():
    """Names of files may hold any characters, and a terminal may know few."""
    from synaptogen.cli.output import _PlainConsole

    for encoding, shown in (("ascii", "\\u6e2c\\xfc.png"), ("latin-1", "\\u6e2cü.png"), ("utf-8", "測ü.png")):
        file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        _PlainConsole(file=file, highlight=False, markup=False).print("wrote 測ü.png\ud800")
        file.flush()
        assert file.buffer.getvalue().decode(encoding) == f"wrote {shown} \n"


# ---- terminals, pipes and colours


def in_terminal(command, **environment):
    """What a command writes to a terminal of 80 columns."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    settings = {**plain, "COLUMNS": "80", "TERM": "xterm-256color", **environment}
    done = subprocess.Popen([sys.executable, *command], stdout=theirs, stderr=theirs, env=settings)
    os.close(theirs)
    parts = []
    with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    assert done.wait() == 0
    return b"".join(parts).decode()


COLOUR = re.compile(r"\x1b\[(\d+;)*([349][0-8]|10[0-7])(;\d+)*m")


def test_colours_only_where_they_are_wanted():
    command = ["-m", "synaptogen", "--help"]
    assert COLOUR.search(in_terminal(command))
    assert not COLOUR.search(in_terminal(command, NO_COLOR="1"))
    piped = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_bars_only_on_terminals():
    command = ["-m", "synaptogen", "bench", "--cells", "64x64"]
    assert "\x1b" in in_terminal(command, NO_COLOR="1")  # bars move the cursor
    piped = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_tables_fit_eighty_columns(monkeypatch):
    pytest.importorskip("sklearn")
    from synaptogen.learn import FeatureOverview

    units = [("r_hrs", "ohm"), ("u_set", "V"), ("r_lrs", "ohm"), ("u_reset", "V")]
    small, large = np.full(7, 1.23456e-8), np.full(7, 9.87654e11)
    console = Console(width=80, file=io.StringIO())
    monkeypatch.setattr(feature_overview, "stdout", console)
    feature_overview.print_overview([FeatureOverview(name, unit, small, large, 4) for name, unit in units])
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("1.23e-08") == shown.count("9.88e+11") == 20


def test_the_shell_completes():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m synaptogen --show-completion; exit $?"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "complete" in done.stdout
