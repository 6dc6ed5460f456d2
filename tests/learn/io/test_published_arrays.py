"""Workbooks, structures and folders within files as people publish them: devices, cycles, settings, summaries."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the loops
from instrument_texts import POINTS, T1, A, I, N, T, U, V, each

from synaptogen import learn

h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")
pytest.importorskip("openpyxl")


def book(path, **sheets):
    with path.open("xb") as file, pd.ExcelWriter(file, engine="openpyxl") as writer:
        for name, rows in sheets.items():
            width = max(map(len, rows))
            filled = [[*row, *[None] * (width - len(row))] for row in rows]
            pd.DataFrame(filled).to_excel(writer, sheet_name=name, index=False, header=False)


def columns(names, *values):
    return [list(names), *map(list, zip(*values, strict=True))]


def mat(path, **content):
    scipy_io.savemat(path, content, appendmat=False)


def hdf5(path, content):
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file[name] = values


def cells(values):
    made = np.empty((1, len(values)), object)
    for k, value in enumerate(values):
        made[0, k] = value
    return made


SETTINGS = [
    ["Test Name", "loop#1@1"],
    ["Instrument", "SMU1", "GNDU"],
    ["Start/Bias", 0, 0],
    ["Stop", -1.4, "N/A"],
    ["Number of Points", 71, "N/A"],
    ["Compliance", 5e-4, "N/A"],
    ["Sweep Delay", 0, 0],
    ["Hold Time", 0, 0],
    ["Range", 0.01, 1],
]
LOOPS = [{"V": U[k], "I": I[k]} for k in range(N)]
NUMBERS = range(1, N + 1)
ROWS = [{"V": v, "I": i} for v, i in zip(V.tolist(), A.tolist(), strict=True)]
RECORD = {
    "a row for each quantity": lambda p: book(p, S=[["V", *V], ["I", *A]]),
    "dates first": lambda p: book(
        p, S=columns(["Date", "V", "I"], [pd.Timestamp("2024-05-01") + pd.Timedelta(seconds=t) for t in T], V, A)
    ),
    "remarks in columns beside": lambda p: book(
        p,
        S=[["V", "I", None, "Sample", "X12"]]
        + [[V[k], A[k], None, "broken" if k == 3 else None, 12 if k == 4 else None] for k in range(V.size)],
    ),
    "errors of formulas": lambda p: book(
        p, S=columns(["V", "I", "R"], V, A, ["#DIV/0!" if v == 0 else v / a for v, a in zip(V, A, strict=True)])
    ),
    "a list of points": lambda p: p.write_text(json.dumps([[v, i] for v, i in zip(V, A, strict=True)])),
    "a list of two lists": lambda p: p.write_text(json.dumps([V.tolist(), A.tolist()])),
    "units in an object": lambda p: p.write_text(
        json.dumps({"units": {"V": "mV", "I": "uA"}, "V": (1e3 * V).tolist(), "I": (1e6 * A).tolist()})
    ),
    "columns of numbered rows": lambda p: p.write_text(
        json.dumps({"V": dict(enumerate(V.tolist())), "I": dict(enumerate(A.tolist()))})
    ),
    "numbered rows": lambda p: p.write_text(json.dumps(dict(enumerate(ROWS)))),
    "rows beside a schema": lambda p: p.write_text(
        json.dumps({"schema": {"fields": [{"name": "V"}, {"name": "I"}]}, "data": ROWS})
    ),
}
CYCLES = {
    "sheets of a parameter analyser": lambda p: book(
        p,
        Data=columns(["AnodeI", "AnodeV", "Time"], I[0], U[0], T1),
        Calc=[["a", 1], ["b", 2]],
        Settings=SETTINGS,
        **{f"Append{k}": columns(["AnodeI", "AnodeV", "Time"], I[k], U[k], T1) for k in range(1, N)},
    ),
    "runs with a maximum": lambda p: book(
        p,
        **{
            f"Run{k + 1}": columns(["AnodeV", "AnodeI", "MAXI"], U[k], I[k], [I[k].max()] + [None] * (POINTS - 1))
            for k in range(N)
        },
        Settings=SETTINGS,
    ),
    "cycles in merged cells": lambda p: book(
        p,
        S=[
            ["Loops"],
            [x for k in NUMBERS for x in (f"Cycle {k}", None)],
            ["V (V)", "I (uA)"] * N,
            *map(list, zip(*each(U, 1e6 * I), strict=True)),
        ],
    ),
    "a row for each current": lambda p: book(p, S=[["V", *U[0]], *([f"I{k}", *I[k]] for k in range(N))]),
    "a summary sheet first": lambda p: book(
        p,
        Summary=columns(["Cycle", "Vset", "HRS"], NUMBERS, [-1.0] * N, [5e4] * N),
        Raw=columns(["Cycle", "V", "I"], np.repeat(NUMBERS, POINTS), V, A),
    ),
    "cells of voltages and of currents": lambda p: mat(p, V=cells(list(U)), I=cells(list(I))),
    "fields named by cycles": lambda p: mat(p, data={f"cycle{k}": loop for k, loop in enumerate(LOOPS)}),
}
DEVICES = {
    "a sheet for each device": lambda p: book(p, **{d: columns(["V", "I"] * N, *each(U, I)) for d in ("A", "B")}),
    "devices in merged cells": lambda p: book(
        p,
        S=[
            ["Device 1", *[None] * (2 * N - 1), "Device 2", *[None] * (2 * N - 1)],
            [x for _ in "AB" for k in NUMBERS for x in (f"Cycle {k}", None)],
            ["V (V)", "I (uA)"] * (2 * N),
            *map(list, zip(*each(U, 1e6 * I), *each(U, 1e6 * I), strict=True)),
        ],
    ),
    "cells of cells": lambda p: mat(p, device=cells([{"name": n, "cycle": cells(LOOPS)} for n in "AB"])),
    "structures of matrices": lambda p: mat(p, A={"V": U, "I": I}, B={"V": U, "I": I}),
    "folders of matrices": lambda p: hdf5(p, {f"{d}/{n}": x for d in "AB" for n, x in (("V", U.T), ("I", I.T))}),
    "matrices of cycles in folders": lambda p: hdf5(
        p, {f"{d}/cycle_{k}": np.stack([U[k], I[k]], 1) for d in "AB" for k in range(N)}
    ),
}


def same(found, u, i):
    for name, expected, least in (("voltage", u, 1e-8), ("current", i, 1e-12)):
        np.testing.assert_allclose(found[name].to_numpy().ravel(), np.ravel(expected), rtol=1e-5, atol=least)


@pytest.mark.parametrize("name", RECORD)
def test_a_record(tmp_path, name):
    RECORD[name](tmp_path / "a")
    same(learn.read(tmp_path / "a"), V, A)


@pytest.mark.parametrize("name", CYCLES)
def test_cycles(tmp_path, name):
    CYCLES[name](tmp_path / "a")
    found = learn.read(tmp_path / "a")
    assert (found.sizes["device"], found.sizes["cycle"]) == (1, N)
    same(found, U, I)


@pytest.mark.parametrize("name", DEVICES)
def test_devices(tmp_path, name):
    DEVICES[name](tmp_path / "a")
    found = learn.read(tmp_path / "a")
    assert (found.sizes["device"], found.sizes["cycle"]) == (2, N)
    same(found, [U, U], [I, I])


def test_folders_named_by_devices_are_devices(tmp_path):
    hdf5(tmp_path / "a", {f"{d}/{n}": x for d in ("device1", "device2") for n, x in (("V", V), ("I", A))})
    found = learn.read(tmp_path / "a")
    assert found.device.values.tolist() == ["device1", "device2"]
    same(found, [V, V], [A, A])
