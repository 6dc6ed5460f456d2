"""Units and layouts that programs and people write: read as the same numbers, or refused; folders by their names."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the layouts
import program_texts as texts
from instrument_texts import STEP, A, I, N, T, U, V, table
from test_instruments import check

from synaptogen import learn


@pytest.mark.parametrize("name", texts.PROGRAMS)
def test_texts(tmp_path, name):
    layout = texts.PROGRAMS[name]
    path = tmp_path / layout.name
    path.write_bytes(layout.content.encode(layout.encoding))
    check(path, layout)


def cases(forms):
    return [(form, factor) for factor, names in forms.items() for form in names]


@pytest.mark.parametrize(("name", "factor"), cases(texts.CURRENTS))
def test_units_of_currents(tmp_path, name, factor):
    path = tmp_path / "a.txt"
    path.write_text(table(f"V\t{name}", V, factor * A, separator="\t"), encoding="utf-8")
    np.testing.assert_allclose(learn.read(path).current.to_numpy().ravel(), A, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize(("form", "factor"), cases(texts.RESISTANCES))
def test_units_of_resistances(tmp_path, form, factor):
    path = tmp_path / "a.txt"
    content = texts.features(form, ("R_HRS", "R_LRS"), (texts.R_HRS / factor, texts.R_LRS / factor))
    path.write_text(content, encoding="utf-8")
    found = learn.read(path)
    np.testing.assert_allclose(found.r_hrs.to_numpy()[0], texts.R_HRS, rtol=1e-6)
    np.testing.assert_allclose(found.r_lrs.to_numpy()[0], texts.R_LRS, rtol=1e-6)


@pytest.mark.parametrize(("form", "factor"), cases(texts.CONDUCTANCES))
def test_units_of_conductances(tmp_path, form, factor):
    path = tmp_path / "a.txt"
    content = texts.features(form, ("G_HRS", "G_LRS"), (factor / texts.R_HRS, factor / texts.R_LRS))
    path.write_text(content, encoding="utf-8")
    np.testing.assert_allclose(learn.read(path).r_lrs.to_numpy()[0], texts.R_LRS, rtol=1e-6)


@pytest.mark.parametrize("name", texts.UNKNOWN)
def test_units_that_are_not_known_are_refused(tmp_path, name):
    path = tmp_path / "a.txt"
    path.write_text(table(f"V\t{name}", V, A, separator="\t"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"--unit current|--column"):
        learn.read(path)


def test_unusual_sizes_are_said(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(texts.features("{}", ("R_HRS", "R_LRS"), (texts.R_HRS / 1e3, texts.R_LRS / 1e3)))
    assert "--unit r_hrs=kohm" in learn.read(path).attrs["read_as"]
    path.write_text(table("V,I", V, 100 * A))
    assert "--unit current=mA" in learn.read(path).attrs["read_as"]
    path.write_text(table("V,I (A)", V, 100 * A))
    assert "unusually" not in learn.read(path).attrs["read_as"]


def test_raw_files_with_binary_numbers(tmp_path):
    path = tmp_path / "a.raw"
    body = b"".join(struct.pack("<ddd", *row) for row in zip(T, V, A, strict=True))
    path.write_bytes(texts.HEAD.format(V.size).encode() + b"Binary:\n" + body)
    np.testing.assert_array_equal(learn.read(path).current.to_numpy().ravel(), A)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="cut short"):
        learn.read(path)


def test_numbers_of_nines_that_are_measured_stay(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table("n,V (mV),I (nA)", STEP, 999 * V, 1e9 * A))  # -999 mV is a voltage of this ramp
    found = learn.read(path)
    assert np.isfinite(found.voltage).all()


FOLDERS = {  # forms of names, of two devices
    "device and cycle": "D{d}_c{k:03d}.txt",
    "words of both": "dev{d} cycle{k}.csv",
    "cycle first": "cycle{k}_dev{d}.csv",
    "rows and columns": "R{d}C2_cyc{k}.csv",
    "program of an analyser": "I_V Sweep [cell {d}({k}) ; 5_1_2024 10_00_00 AM].csv",
}


@pytest.mark.parametrize("form", FOLDERS.values(), ids=FOLDERS)
def test_names_that_say_device_and_cycle(tmp_path, form):
    for d in (1, 3):
        for k in range(N):
            (tmp_path / form.format(d=d, k=k + 1)).write_text(table("V,I", U[k], d * I[k]))
    found = learn.read(tmp_path)
    assert dict(found.sizes) == {"device": 2, "cycle": N, "point": U.shape[1]}
    np.testing.assert_allclose(found.current.to_numpy(), [I, 3 * I], rtol=1e-6, atol=1e-12)
    assert "taken as its cycles" in found.attrs["read_as"]


def test_rows_and_columns_stay_devices(tmp_path):
    for k in range(N):
        (tmp_path / f"R1_C{k}.csv").write_text(table("V,I", U[k], I[k]))
    assert learn.read(tmp_path).sizes["device"] == N


def test_halves_of_several_devices(tmp_path):
    for d in (1, 2):
        for k in range(N):
            (tmp_path / f"D{d}_SET_{k + 1}.csv").write_text(table("V,I", U[k][:71], d * I[k][:71]))
            (tmp_path / f"D{d}_RESET_{k + 1}.csv").write_text(table("V,I", U[k][71:], d * I[k][71:]))
    found = learn.read(tmp_path)
    assert (found.sizes["device"], found.sizes["cycle"]) == (2, N)
    np.testing.assert_allclose(found.current.to_numpy()[1], 2 * I, rtol=1e-6, atol=1e-12)
