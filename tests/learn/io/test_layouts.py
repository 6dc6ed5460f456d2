"""One measurement in many layouts, as instruments and people write them: each must be read as the same numbers."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from synaptogen import learn

N = 3  # loops


def ramp(start):
    """One loop of 121 points: negative half first, or from another point of the ramp."""
    u = np.concatenate([np.linspace(0, -1.4, 36), np.linspace(-1.36, 1.2, 65), np.linspace(1.16, 0, 20)])
    return np.roll(u, start)


def measured(start=0, sign=1, seed=0):
    rng = np.random.default_rng(seed)
    u = sign * np.tile(ramp(start), (N, 1))
    return u, u / 5e3 * (1 + 0.01 * rng.standard_normal(u.shape))


U, AMPS = measured()
LONG_U, LONG_I = U.ravel(), AMPS.ravel()


def text(rows, separator=",", decimal=".", digits=10):
    return "\n".join(separator.join(f"{v:.{digits}g}".replace(".", decimal) for v in row) for row in rows) + "\n"


def record(head, *columns, **style):
    return head + "\n" + text(zip(*columns, strict=True), **style)


def pairs(head, separator=","):
    return record(head, *[c for k in range(N) for c in (U[k], AMPS[k])], separator=separator)


def blocks(first, between="", word=""):
    parts = []
    for k in range(N):
        rows = text(zip(U[k], AMPS[k], strict=True))
        parts.append(between.format(k + 1) + first + "\n" + "".join(f"{word}{line}\n" for line in rows.splitlines()))
    return "\n".join(parts)


STEPS = np.arange(len(LONG_U))
# layouts of one long record
RECORDS = {
    "plain": record("voltage,current", LONG_U, LONG_I),
    "letters": record("V,I", LONG_U, LONG_I),
    "exchanged columns": record("I,V", LONG_I, LONG_U),
    "numpy savetxt": record("# V I", LONG_U, LONG_I, separator=" "),
    "semicolons, decimal commas": record("U;I", LONG_U, LONG_I, separator=";", decimal=","),
    "tabs, decimal commas": record("Spannung\tStrom", LONG_U, LONG_I, separator="\t", decimal=","),
    "names by blanks, numbers by tabs": record("Voltage Current", LONG_U, LONG_I, separator="\t"),
    "units in brackets": record("Voltage [mV],Current [uA]", 1e3 * LONG_U, 1e6 * LONG_I),
    "units after the last underscore": record("bias_V,drain_current_nA", LONG_U, 1e9 * LONG_I),
    "units after a slash": record("U/V,I/pA", LONG_U, 1e12 * LONG_I),
    "a line of units": record("Voltage,Current\nV,mA", LONG_U, 1e3 * LONG_I),
    "a line of units in brackets": record("Voltage\tCurrent\n(mV)\t(mA)", 1e3 * LONG_U, 1e3 * LONG_I, separator="\t"),
    "milliamperes of a large device": record("V,I (A)", LONG_U, 300 * LONG_I),
    "lines before": record(
        "Instrument: X\nDate,2024-05-01\nCompliance,1E-4\n\nVoltage (V),Current (A)", LONG_U, LONG_I
    ),
    "index and time first": record("Index,Time,Voltage,Current", STEPS, 0.1 * STEPS, LONG_U, LONG_I),
    "source and sense of one channel": record("Smu1.V[1][1],Smu1.I[1][1]", LONG_U, LONG_I),
    "parameter analyser": record("VF,IF", LONG_U, LONG_I),
    "drain and gate": record("DrainI,DrainV,GateI,GateV", LONG_I, LONG_U, 1e-12 + 0 * LONG_I, 0 * LONG_U),
    "two channels, one grounded": record("V1,I1,V2,I2", LONG_U, LONG_I, 0 * LONG_U, -LONG_I),
    "a magnitude beside": record("V1,I1,absI", LONG_U, LONG_I, np.abs(LONG_I)),
    "resistance beside": record("V,I,R", LONG_U, LONG_I, np.full(len(LONG_U), 5e3)),
    "set and measured voltage": record("V_applied,V_meas,I", LONG_U, LONG_U, LONG_I),
    "no names": text(zip(LONG_U, LONG_I, strict=True)),
    "no names, blanks": text(zip(LONG_U, LONG_I, strict=True), separator="   "),
    "no names, time first": text(zip(0.1 * STEPS, LONG_U, LONG_I, strict=True), separator="\t"),
    "sensor words": record("Bias voltage (V), Measured current (A)", LONG_U, LONG_I, separator=", "),
    "cycle per row": None,
}
# layouts of three records
SEVERAL = {
    "wide pairs": pairs(",".join(["Voltage (V),Current (A)"] * N)),
    "wide numbered pairs": pairs(",".join(f"V{k},I{k}" for k in range(1, N + 1))),
    "wide pairs without names": text(zip(*[c for k in range(N) for c in (U[k], AMPS[k])], strict=True)),
    "one voltage, many currents": record("V,I1,I2,I3", U[0], *AMPS),
    "one voltage, many named currents": record(
        "Voltage (V),run 1 current (A),run 2 current (A),run 3 current", U[0], *AMPS
    ),
    "blocks": blocks("V,I", "Sweep {}\n"),
    "blocks with empty lines": blocks("Voltage (V),Current (A)", "\n\nTest {}\nOperator,me\n"),
    "data values": blocks("DataName, V1, I1", "SetupTitle, loop\nTestParameter, x{}\n", "DataValue, "),
}


def same(data, u, i, cycles):
    assert data.sizes["cycle"] == cycles
    np.testing.assert_allclose(data.voltage.to_numpy().ravel(), np.ravel(u), atol=1e-8)
    np.testing.assert_allclose(data.current.to_numpy().ravel(), np.ravel(i), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("ending", ["csv", "dat", "asc", "txt"])
@pytest.mark.parametrize("name", [name for name, content in RECORDS.items() if content])
def test_a_record(tmp_path, name, ending):
    path = tmp_path / f"a.{ending}"
    path.write_text(RECORDS[name], encoding="utf-8")
    same(learn.read(path), LONG_U, (300 if "large" in name else 1) * LONG_I, 1)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_records(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(SEVERAL[name])
    cycles = learn.read(path)
    same(cycles, U if "one voltage" not in name else np.tile(U[0], (N, 1)), AMPS, N)
    assert "--records devices" in cycles.attrs["read_as"]
    devices = learn.read(path, records="devices")
    assert devices.sizes["device"] == N
    np.testing.assert_array_equal(devices.current.to_numpy()[:, 0], cycles.current.to_numpy()[0])


def test_sweeps_of_set_and_reset_in_columns_of_their_own(tmp_path):
    k = int(np.argmin(np.abs(U[0][36:]))) + 36
    path = tmp_path / "a.csv"
    first, second = (U[0][:k], AMPS[0][:k]), (U[0][k:], AMPS[0][k:])
    table = pd.DataFrame(
        {n: pd.Series(c) for n, c in zip(("V_set", "I_set", "V_reset", "I_reset"), (*first, *second), strict=True)}
    )
    table.to_csv(path, index=False)
    same(learn.read(path), U[0], AMPS[0], 1)


def test_an_oscilloscope_with_a_shunt(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(record("x-axis,1,2\nsecond,Volt,Volt", 1e-6 * STEPS, LONG_U, 50 * LONG_I))
    with pytest.raises(ValueError, match="--shunt OHM"):
        learn.read(path)
    same(learn.read(path, shunt=50.0), LONG_U, LONG_I, 1)
    path.write_text(record("Time (s),Channel 1 (V),Channel 2 (V)", 1e-6 * STEPS, LONG_U, 50 * LONG_I))
    with pytest.raises(ValueError, match="--shunt OHM"):
        learn.read(path)
    same(learn.read(path, shunt=50.0), LONG_U, LONG_I, 1)


def test_magnitudes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(record("V,I", LONG_U, np.abs(LONG_I)))
    with pytest.raises(ValueError, match="--magnitude"):
        learn.read(path)
    same(learn.read(path, magnitude=True), LONG_U, LONG_I, 1)


def test_numbers_that_instruments_write_for_none(tmp_path):
    path = tmp_path / "a.csv"
    i = np.where(STEPS == 5, 9.91e37, LONG_I)
    path.write_text(record("V,I", LONG_U, i))
    found = learn.read(path).current.to_numpy().ravel()
    assert np.isnan(found[5])
    assert np.isfinite(np.delete(found, 5)).all()


# ---- other formats, whatever their ending


def workbook(engine, sheets):
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine=engine) as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False)
    return buffer.getvalue()


@pytest.mark.parametrize("ending", ["xlsx", "xls", "data"])
def test_workbooks(tmp_path, ending):
    pytest.importorskip("openpyxl")
    path = tmp_path / f"a.{ending}"
    sheets = {f"Append{k}" if k else "Data": pd.DataFrame({"AV": U[k], "AI": AMPS[k]}) for k in range(N)}
    sheets["Settings"] = pd.DataFrame({"name": ["compliance"], "value": [1e-4]})
    path.write_bytes(workbook("openpyxl", sheets))
    found = learn.read(path)
    same(found, U, AMPS, N)
    assert "Settings" not in found.attrs["read_as"] or "left out" in found.attrs["read_as"]


def test_arrays_of_other_programs(tmp_path):
    import h5py
    import scipy.io

    scipy.io.savemat(tmp_path / "a.mat", {"V": LONG_U, "I": LONG_I})
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file["run/V"], file["run/I"] = LONG_U, LONG_I
    np.save(tmp_path / "c.npy", np.stack([LONG_U, LONG_I], axis=1))
    np.savez(tmp_path / "d.bin", voltage=LONG_U, current=LONG_I)
    (tmp_path / "e.json").write_text(json.dumps({"V": LONG_U.tolist(), "I": LONG_I.tolist()}))
    (tmp_path / "f.json").write_text(json.dumps([{"V": u, "I": i} for u, i in zip(LONG_U, LONG_I, strict=True)]))
    pd.DataFrame({"V": LONG_U, "I": LONG_I}).to_parquet(tmp_path / "g")
    for path in sorted(tmp_path.iterdir()):
        name = path.with_suffix(".npz") if path.name.startswith("d.") else path
        if name.exists():
            same(learn.read(name), LONG_U, LONG_I, 1)


def test_three_dimensional_arrays_stay_cycles(tmp_path):
    np.savez(tmp_path / "a.npz", V=U, I=AMPS)
    same(learn.read(tmp_path / "a.npz"), U, AMPS, N)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "a.pkl"
    pd.DataFrame({"V": LONG_U, "I": LONG_I}).to_pickle(path)
    with pytest.raises(ValueError, match="a pickle can run any program"):
        learn.read(path)


def test_data_frames_and_datasets():
    frame = pd.DataFrame({"V": LONG_U, "I": LONG_I})
    same(learn.read(frame), LONG_U, LONG_I, 1)
    data = learn.read(frame)
    same(learn.read(data, polarity=-1), LONG_U, LONG_I, 1)
    features = pd.DataFrame({"cycle": range(60), "R_LRS (kohm)": 5 + 0.01 * np.sin(np.arange(60))})
    assert learn.fit(features, history="var", order=1).params.name == "fitted"


def test_folders_of_any_depth(tmp_path):
    for die in ("a", "b"):
        folder = tmp_path / "wafer" / die / "loops"
        folder.mkdir(parents=True)
        for k in range(N):
            (folder / f"sweep {k + 9}.csv").write_text(record("V,I", U[k], AMPS[k]))
    (tmp_path / "notes.txt").write_text("measured on Monday\n")
    found = learn.read(tmp_path)
    assert found.device.values.tolist() == ["wafer/a/loops", "wafer/b/loops"]
    np.testing.assert_allclose(found.current.to_numpy()[1], AMPS, rtol=1e-6)
    assert "notes.txt" in found.attrs["left_out"]


def test_halves_in_files_of_their_own(tmp_path):
    k = 50
    for n in (1, 2):
        (tmp_path / f"cell_set_{n}.csv").write_text(record("V,I", U[n][:k], AMPS[n][:k]))
        (tmp_path / f"cell_reset_{n}.csv").write_text(record("V,I", U[n][k:], AMPS[n][k:]))
    (tmp_path / "x").mkdir()
    for path in list(tmp_path.glob("*.csv")):
        path.rename(tmp_path / "x" / path.name)
    found = learn.read(tmp_path)
    flat = found.current.to_numpy().ravel()
    np.testing.assert_allclose(flat[np.isfinite(flat)], np.concatenate([AMPS[1], AMPS[2]]), rtol=1e-6)


# ---- what is not understood


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (record("V,Ia,Ib", LONG_U, LONG_I, 2 * LONG_I), "could each be the current"),
        (record("a,b,c", LONG_U, LONG_I, LONG_I), "--column voltage=NAME"),
        ("device,cycle,voltage,current\na,1e308,0,0\na,2,1,1e-5\na,3,1,1e-5\n", "no counts"),
        ("a,b\n" + "1" * 60000 + "x,1\n" + text(zip(STEPS, STEPS, strict=True)), "begins with"),  # in linear time
    ],
)
def test_what_is_not_understood_is_said(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        learn.read(path)
    assert str(path) in str(error.value)
    assert len(str(error.value)) < 1500


def test_a_ragged_table_is_refused_before_it_takes_the_memory(tmp_path):
    path = tmp_path / "a.csv"
    rows = ["device,cycle,voltage,current"]
    rows += [f"d{k},{k},0.1,1e-5" for k in range(40_000)] + [f"e,0,{k % 7},1e-5" for k in range(40_000)]
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(ValueError, match="would fill"):
        learn.read(path)


# ---- synaptogen look


def test_look_says_what_was_understood(tmp_path):
    from typer.testing import CliRunner

    from synaptogen.cli.app import app

    path = tmp_path / "a.csv"
    path.write_text(SEVERAL["wide pairs"])
    done = CliRunner().invoke(app, ["look", str(path), "--figure", str(tmp_path / "a.png")])
    assert done.exit_code == 0, done.output
    assert "3 cycles" in done.output
    assert "voltage: column 'Voltage (V)'" in done.output
    assert "--records devices" in done.output
    assert (tmp_path / "a.png").exists()
    done = CliRunner().invoke(app, ["look", str(path), "--json", "--records", "devices"])
    facts = json.loads(done.output)
    assert facts["sizes"] == {"device": 3, "cycle": 1, "point": 121}
    assert facts["ranges"]["voltage"]["largest"] == pytest.approx(1.2)
