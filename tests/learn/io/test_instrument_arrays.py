"""Arrays and workbooks as programs write them: units in attributes, nested folders, structures, axes in any order."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the loops
from instrument_texts import A, I, N, U, V

from synaptogen import learn

h5py = pytest.importorskip("h5py")
scipy_io = pytest.importorskip("scipy.io")


def hdf5(path, content):
    with h5py.File(path, "w") as file:
        for name, (values, attributes) in content.items():
            file[name] = values
            file[name].attrs.update(attributes)


def mat(path, **content):
    scipy_io.savemat(path, content, appendmat=False)


def structures():
    made = np.zeros((N,), dtype=[("V", "O"), ("I", "O")])
    for k in range(N):
        made[k] = (U[k], I[k])
    return made


def cells():
    made = np.empty(N, object)
    for k in range(N):
        made[k] = np.stack([U[k], I[k]], 1)
    return made


def compound():
    made = np.zeros(V.size, dtype=[("V", "f8"), ("I", "f8")])
    made["V"], made["I"] = V, A
    return made


def rows_of_cells(path, rows):
    pytest.importorskip("openpyxl")
    width = max(map(len, rows))
    filled = [[*row, *[None] * (width - len(row))] for row in rows]
    with path.open("xb") as file:
        pd.DataFrame(filled).to_excel(file, index=False, header=False, engine="openpyxl")


def comma(values):
    return [f"{v:.12f}".replace(".", ",") for v in values]


PAIR = np.stack([V, A], 1)
RECORD = {
    "structure": lambda p: mat(p, data={"V": V, "I": A, "info": "x"}),
    "matrix of MATLAB": lambda p: mat(p, IV=PAIR),
    "nested structures": lambda p: mat(p, exp={"run": {"V": V, "I_uA": 1e6 * A}, "n": 3.0}),
    "units in attributes": lambda p: hdf5(
        p, {"voltage": (1e3 * V, {"units": "mV"}), "current": (1e6 * A, {"units": "uA"})}
    ),
    "names of columns in attributes": lambda p: hdf5(
        p, {"iv": (PAIR * [1, 1e3], {"columns": ["Voltage", "Current"], "units": ["V", "mA"]})}
    ),
    "compound": lambda p: hdf5(p, {"data": (compound(), {})}),
    "names apart from rows": lambda p: p.write_text(json.dumps({"columns": ["V", "I"], "data": PAIR.tolist()})),
    "an object per line": lambda p: p.write_text("".join(json.dumps({"V": v, "I": i}) + "\n" for v, i in PAIR)),
    "units beside values": lambda p: p.write_text(
        json.dumps({"voltage": {"unit": "V", "values": V.tolist()}, "current": {"unit": "uA", "values": list(1e6 * A)}})
    ),
    "texts in cells": lambda p: rows_of_cells(
        p, [["U [V]", "I [uA]"], *map(list, zip(comma(V), comma(1e6 * A), strict=True))]
    ),
    "names, units, remarks": lambda p: rows_of_cells(
        p,
        [["loops"], [], [None, "Voltage", "Current"], [None, "V", "uA"], [None, "set", "x"]]
        + [[None, v, 1e6 * i] for v, i in PAIR],
    ),
}
CYCLES = {
    "array of structures": lambda p: mat(p, sweep=structures()),
    "cells": lambda p: mat(p, loops=cells()),
    "points first": lambda p: mat(p, V=U.T, I=I.T),
    "one voltage, points first": lambda p: mat(p, V=U[0], I=I.T),
    "a folder per cycle": lambda p: hdf5(
        p, {f"sweep_{k}/{n}": (x[k], {}) for k in range(N) for n, x in (("V", U), ("I", I))}
    ),
    "matrices in a folder": lambda p: hdf5(p, {"meas/V": (U, {}), "meas/I": (I, {}), "temperature": (300.0, {})}),
}


def same(found, u, i):
    np.testing.assert_allclose(found.voltage.to_numpy().ravel(), np.ravel(u), atol=1e-8)
    np.testing.assert_allclose(found.current.to_numpy().ravel(), np.ravel(i), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", RECORD)
def test_a_record(tmp_path, name):
    path = tmp_path / "a"
    RECORD[name](path)
    same(learn.read(path), V, A)


@pytest.mark.parametrize("name", CYCLES)
def test_cycles(tmp_path, name):
    path = tmp_path / "a"
    CYCLES[name](path)
    found = learn.read(path)
    assert found.sizes["cycle"] == N
    same(found, U, I)


def test_one_array_of_both(tmp_path):
    for array in (np.stack([U, I], -1), np.stack([U, I])):
        np.save(tmp_path / "a.npy", array)
        same(learn.read(tmp_path / "a.npy"), U, I)
    np.savez(tmp_path / "b.npz", data=PAIR)
    same(learn.read(tmp_path / "b.npz"), V, A)


@pytest.mark.parametrize("kind", ["hdf5", "json"])
def test_folders_of_devices_with_folders_of_cycles(tmp_path, kind):
    path = tmp_path / "a"
    if kind == "hdf5":
        parts = [(d, k, n, x) for d in "AB" for k in range(N) for n, x in (("V", U), ("I", I))]
        hdf5(path, {f"{d}/cycle{k}/{n}": (x[k], {}) for d, k, n, x in parts})
    else:
        cycles = [{"V": U[k].tolist(), "I": I[k].tolist()} for k in range(N)]
        path.write_text(json.dumps({"devices": [{"name": name, "cycles": cycles} for name in "AB"]}))
    found = learn.read(path)
    assert found.device.values.tolist() == ["A", "B"]
    assert found.sizes["cycle"] == N
    same(found, [U, U], [I, I])


def test_tables_below_each_other_in_a_sheet(tmp_path):
    rows = [[["V", "I"], *map(list, zip(U[k], I[k], strict=True)), []] for k in range(2)]
    rows_of_cells(tmp_path / "a", [["Sweep 1"], *rows[0], ["Sweep 2"], *rows[1]])
    same(learn.read(tmp_path / "a"), U[:2], I[:2])


def test_resistances_by_state(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "Cycle,State,R (kohm)\n" + "".join(f"{k},HRS,{50 + k}\n{k},LRS,{2 + 0.01 * k}\n" for k in range(30))
    )
    found = learn.read(path)
    np.testing.assert_allclose(found.r_hrs[0], 1e3 * (50 + np.arange(30)))
    np.testing.assert_allclose(found.r_lrs[0], 1e3 * (2 + 0.01 * np.arange(30)))
