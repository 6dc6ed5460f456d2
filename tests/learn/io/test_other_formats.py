"""Files as instruments and spreadsheets write them: the same measurement, whatever its clothes."""

import gzip
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from synaptogen import learn
from synaptogen.learn.io.units import split_unit

MICRO, OMEGA = "\N{MICRO SIGN}", "\N{GREEK CAPITAL LETTER OMEGA}"


@pytest.fixture(scope="module")
def made(simulate):
    """Two devices of five loops."""
    return simulate(2, 5, points=60)


def column(values):
    return np.asarray(values, float).ravel()


def lines(made, separator=",", decimal=".", scale=(1.0, 1.0), device=0, cycle=True):
    """Rows of one device."""
    u, i = scale[0] * made.voltage[device], scale[1] * made.current[device]
    c = np.repeat(np.arange(len(u)), u.shape[1])
    rows = zip(c, column(u), column(i), strict=True)
    texts = [([str(k)] if cycle else []) + [f"{v:.6g}", f"{a:.9g}"] for k, v, a in rows]
    return "\n".join(separator.join(part.replace(".", decimal) for part in row) for row in texts) + "\n"


def assert_same_record(found, made):
    assert found.sizes["cycle"] == 1
    np.testing.assert_allclose(found.voltage.values.ravel(), column(made.voltage[0]), atol=1e-6)
    np.testing.assert_allclose(found.current.values.ravel(), column(made.current[0]), rtol=1e-5, atol=1e-12)


def assert_same(found, made, device=0):
    assert found.current.shape == (1, *made.current.shape[1:])
    np.testing.assert_allclose(found.voltage[0], made.voltage[device], atol=1e-6)
    np.testing.assert_allclose(found.current[0], made.current[device], rtol=1e-5, atol=1e-12)


STYLES = {
    "semicolons and decimal commas": ("a.csv", "Cycle;Voltage (V);Current (A)\n", {"separator": ";", "decimal": ","}),
    "tabs and decimal commas": ("a.txt", "cycle\tU [V]\tI [A]\n", {"separator": "\t", "decimal": ","}),
    "blanks": ("a.txt", "cycle U I\n", {"separator": "  "}),
    "milli and micro": ("a.csv", f"cycle,U (mV),I ({MICRO}A)\n", {"scale": (1e3, 1e6)}),
    "units after a slash": ("a.csv", "cycle,U/V,I/mA\n", {"scale": (1.0, 1e3)}),
    "a line of units": ("a.csv", "cycle,voltage,current\n,mV,uA\n", {"scale": (1e3, 1e6)}),
    "lines before the table": (
        "a.csv",
        "Keithley 2636B,SN 1234\nDate: 2024-05-01\nCompliance,150E-6,A\n\nRepeat,AV,AI\n",
        {},
    ),
    "comments and quotes": ("a.csv", '# lot 7\n# wafer 3\n"cycle","voltage_V","current_A"\n', {}),
}


@pytest.mark.parametrize("style", STYLES)
def test_text_of_many_styles(made, tmp_path, style):
    name, head, options = STYLES[style]
    path = tmp_path / name
    path.write_text(head + lines(made, **options), encoding="utf-8")
    assert_same(learn.read(path), made)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_text_of_other_encodings(made, tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_text(f"cycle,U (V),I ({MICRO}A)\n" + lines(made, scale=(1.0, 1e6)), encoding=encoding)
    assert_same(learn.read(path), made)


def test_lines_that_say_what_they_hold(made, tmp_path):
    """As parameter analysers export them: no cycle, each row with a word in front."""
    rows = "\n".join(f"DataValue, {line}" for line in lines(made, separator=", ", cycle=False).splitlines())
    path = tmp_path / "a.csv"
    path.write_text(f"SetupTitle, IV\nTestParameter, Channel.IName, I1, I2\nDataName, V1, I1\n{rows}\n")
    assert_same_record(learn.read(path), made)


@pytest.mark.parametrize("columns", ["device,voltage,current", "voltage,current"])
def test_a_long_record_is_cut_into_cycles(made, tmp_path, columns):
    path = tmp_path / "a.csv"
    with_device = columns.startswith("device")
    rows = []
    for d in range(2 if with_device else 1):
        each = lines(made, device=d, cycle=False).splitlines()
        rows += [f"{d},{line}" if with_device else line for line in each]
    path.write_text(columns + "\n" + "\n".join(rows) + "\n")
    found = learn.read(path)
    assert found.sizes["cycle"] == 1  # one record, which extract cuts
    whole = learn.extract(learn.loops(made.voltage, made.current)).features
    mine = learn.extract(found).features
    last = slice(0, len(mine.device))
    np.testing.assert_allclose(mine.r_lrs, whole.r_lrs[last], rtol=0.01)
    np.testing.assert_allclose(mine.u_set, whole.u_set[last], atol=0.01)


@pytest.mark.parametrize("label", ["run{}", "cycle {} of 20", "{}th", "c{}a"])
def test_cycles_that_are_labelled_by_texts_keep_their_order(tmp_path, label):
    u = np.concatenate([np.linspace(0, -1, 20), np.linspace(-1, 1, 40), np.linspace(1, 0, 20)])
    rows = [f"{label.format(c)},{v:.5f},{v * (1 + c):.5g}e-6" for c in range(1, 13) for v in u]
    (tmp_path / "a.csv").write_text("Run,V,I\n" + "\n".join(rows) + "\n")
    found = learn.read(tmp_path / "a.csv")
    np.testing.assert_allclose(1e6 * np.nanmax(found.current, axis=-1)[0], np.arange(2, 14), rtol=1e-4)
    assert found.cycle.values[1] == label.format(2)


def test_cycles_that_are_labelled_by_words_come_as_they_come(tmp_path):
    words = ("pristine", "aged", "baked")
    rows = [f"{w},{4 + k},{-0.8 - 0.1 * k}" for k, w in enumerate(words)]
    (tmp_path / "f.csv").write_text("Run,R_LRS (kohm),V_set (V)\n" + "\n".join(rows) + "\n")
    found = learn.read(tmp_path / "f.csv")
    assert found.cycle.values.tolist() == list(words)
    np.testing.assert_allclose(found.r_lrs, [[4000, 5000, 6000]])


def test_a_positive_sweep_first_makes_a_cycle_of_its_own(simulate, tmp_path):
    made = simulate(1, 6, points=120, shape="positive first")
    path = tmp_path / "a.csv"
    path.write_text("voltage,current\n" + lines(made, cycle=False))
    found = learn.extract(learn.read(path))
    assert found.counts["good"] >= 5


def test_features_without_a_cycle_are_counted(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(f"device;R_LRS (k{OMEGA});V_set (V)\nA;5,1;-0,7\nA;5,2;-0,8\nB;4,9;-0,9\n", encoding="utf-8")
    found = learn.read(path)
    np.testing.assert_allclose(found.r_lrs, [[5100, 5200], [4900, np.nan]])
    np.testing.assert_allclose(found.u_set, [[-0.7, -0.8], [-0.9, np.nan]])


def test_the_files_of_a_folder_are_devices(made, tmp_path):
    for k, device in enumerate(("die10", "die9")):
        (tmp_path / f"{device}.csv").write_text("cycle,V,I\n" + lines(made, device=1 - k))
    found = learn.read(tmp_path)
    assert found.device.values.tolist() == ["die9", "die10"]
    np.testing.assert_allclose(found.current, made.current, rtol=1e-5)


def test_the_files_in_folders_are_cycles(made, tmp_path):
    for d in range(2):
        (tmp_path / f"cell{d}").mkdir()
        for c in range(5):
            data = pd.DataFrame({"V": made.voltage[d, c], "I": made.current[d, c]})
            data.to_csv(tmp_path / f"cell{d}" / f"sweep{2 * c}.csv", index=False)
    found = learn.read(tmp_path)
    assert found.current.shape == made.current.shape
    np.testing.assert_allclose(found.current, made.current)


@pytest.mark.parametrize(
    "names", [("SET {}", "RESET {}", 1), ("{}_pos", "{}_neg", -1), ("{} positive", "{} negative", -1)]
)
@pytest.mark.parametrize("what", ["cycle{}", "cell{}"])
def test_files_of_halves(made, tmp_path, names, what):
    u, i = (getattr(made, name)[0, :3] for name in ("voltage", "current"))
    joined = []
    for c in range(3):
        cut = int(np.flatnonzero(u[c] < 0)[-1]) + 1
        parts = [slice(cut), slice(cut, None)][:: names[2]]
        for name, part in zip(names[:2], parts, strict=True):
            data = pd.DataFrame({"V": u[c][part], "I": i[c][part]})
            data.to_csv(tmp_path / f"{name.format(what.format(c))}.csv", index=False)
        joined.append(np.concatenate([i[c][part] for part in parts]))
    found = learn.read(tmp_path)
    sizes = (1, 3) if what.startswith("cycle") else (3, 1)
    assert (found.sizes["device"], found.sizes["cycle"]) == sizes
    for row, expected in zip(found.current.values.reshape(3, -1), joined, strict=True):
        np.testing.assert_allclose(row[np.isfinite(row)], expected, rtol=1e-6)


@pytest.mark.parametrize(
    "name", ["cycle{}/iv.csv", "cell 3 cycle {} of 12.csv", "iv-data@1[{}].csv", "IV ({}).csv", "IV{}.CSV"]
)
def test_files_and_folders_that_count_cycles_keep_their_order(tmp_path, name):
    u = np.concatenate([np.linspace(0, -1, 20), np.linspace(-1, 1, 40), np.linspace(1, 0, 20)])
    for c in range(12):
        path = tmp_path / ("IV.csv" if name == "IV ({}).csv" and c == 0 else name.format(c))
        path.parent.mkdir(exist_ok=True)
        pd.DataFrame({"V": u, "I": 1e-6 * (c + 1) * u}).to_csv(path, index=False)
    found = learn.read(tmp_path)
    assert (found.sizes["device"], found.sizes["cycle"]) == (1, 12)
    np.testing.assert_allclose(1e6 * found.current.max("point").values[0], np.arange(1, 13), rtol=1e-6)


@pytest.mark.parametrize("kind", ["h5", "h5 groups", "mat", "npz"])
def test_arrays_that_count_cycles_keep_their_order_and_length(tmp_path, kind):
    """HDF5 sorts names as texts; the last record has one point more than the others."""
    arrays = {}
    for c in range(1, 13):
        u = np.concatenate([np.linspace(0, -1, 20), np.linspace(-1, 1, 40), np.linspace(1, 0, 20 + (c == 12))])
        names = (f"cycle{c}/V", f"cycle{c}/I") if "groups" in kind else (f"V{c}", f"I{c}")
        arrays |= dict(zip(names, (u, 1e-6 * c * u), strict=True))
    path = tmp_path / "a.dat"
    if kind == "npz":
        with path.open("wb") as file:
            np.savez(file, **arrays)
    elif kind == "mat":
        pytest.importorskip("scipy.io").savemat(path, arrays, appendmat=False)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    found = learn.read(path)
    assert (found.sizes["device"], found.sizes["cycle"]) == (1, 12)
    np.testing.assert_allclose(1e6 * found.current.max("point").values[0], np.arange(1, 13), rtol=1e-6)


@pytest.mark.parametrize("names", [("SET", "RESET"), ("cell1_set", "cell1_reset"), ("cell1/neg", "cell1/pos")])
def test_folders_of_halves(made, tmp_path, names):
    u, i = (getattr(made, name)[0, :3] for name in ("voltage", "current"))
    for c in range(3):
        cut = int(np.flatnonzero(u[c] < 0)[-1]) + 1
        for name, part in zip(names, (slice(cut), slice(cut, None)), strict=True):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            data = pd.DataFrame({"V": u[c][part], "I": i[c][part]})
            data.to_csv(tmp_path / name / f"sweep {c}.csv", index=False)
    found = learn.read(tmp_path)
    assert (found.sizes["device"], found.sizes["cycle"]) == (1, 3)
    assert np.isfinite(found.current).sum() == i.size
    for row, expected in zip(found.current.values[0], i, strict=True):
        np.testing.assert_allclose(np.sort(row[np.isfinite(row)]), np.sort(expected), rtol=1e-6)


def test_files_that_are_counted_are_cycles(made, tmp_path):
    for c in range(3):
        data = pd.DataFrame({"V": made.voltage[0, c], "I": made.current[0, c]})
        data.to_csv(tmp_path / f"sweep {c}.csv", index=False)
    found = learn.read(tmp_path)
    np.testing.assert_allclose(found.current.values, made.current[:1, :3], rtol=1e-6)
    assert "cycles of one device" in found.attrs["read_as"]


def test_packed_files(made, tmp_path):
    content = ("cycle,V,I\n" + lines(made)).encode()
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(content))
    np.testing.assert_allclose(learn.read(packed).current, made.current[:1], rtol=1e-5)
    packed.write_bytes(gzip.compress(content)[:-40])
    with pytest.raises(ValueError, match="gzip file is damaged"):
        learn.read(packed)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", content)
    with pytest.raises(ValueError, match=r"ZIP archive of 1 files.*unpack it"):
        learn.read(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"TDSm\x0e\x00\x00\x00", "LabVIEW TDMS file: export it as text"),
        (b"CPYUA 4.3318 205\n", "Origin project: export its worksheets"),
        (b"%PDF-1.4\n", "a PDF: .* ask for the data"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"\x07\x00\x01\x00\x00\x00\x99\x02", "binary file of an unknown format: export it as text"),
    ],
)
def test_files_of_other_programs_are_named(tmp_path, start, message):
    path = tmp_path / "a.dat"
    path.write_bytes(start + bytes(range(256)) * 4)
    with pytest.raises(ValueError, match=message):
        learn.read(path)


def test_devices_and_cycles_in_json(made, tmp_path):
    content = {
        "devices": [
            {
                "name": name,
                "cycles": [{"voltage": list(made.voltage[d, 0]), "current": list(made.current[d, 0])}],
            }
            for d, name in enumerate("ab")
        ]
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    found = learn.read(path)
    assert found.device.values.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.current, made.current[:, :1], rtol=1e-9)


def test_folders_that_say_nothing_are_refused(tmp_path, made):
    with pytest.raises(ValueError, match="no measurement that can be read"):
        learn.read(tmp_path)
    (tmp_path / "a.csv").write_text("cycle,V,I\n" + lines(made))
    (tmp_path / "b.csv").write_text("cycle,r_lrs\n0,5000\n")
    with pytest.raises(ValueError, match="some files hold loops and others features"):
        learn.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("some words\nand more of them\nbut no numbers\n", "holds no table"),
        ("time,bias2,what\n" + "0,1,2\n" * 5, "name them with columns="),
    ],
)
def test_text_without_a_usable_table(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        learn.read(path)


def test_several_columns_of_the_same_kind_must_be_chosen_from(made, tmp_path):
    path = tmp_path / "a.csv"
    two = "\n".join(f"{line},{k % 7}e-5" for k, line in enumerate(lines(made, cycle=False).splitlines()))
    path.write_text(f"V,I1,I2\n{two}\n")
    with pytest.raises(ValueError, match="'I1', 'I2' could each be the current"):
        learn.read(path)
    assert_same_record(learn.read(path, columns={"current": "I1"}), made)


def test_first_rows_with_few_numbers_belong_to_the_table(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("device,cycle,r_hrs,r_lrs\nA,0,,\nA,1,,\nA,2,1e5,5e3\nA,3,1e5,5e3\nA,4,1e5,5e3\n")
    found = learn.read(path)
    assert found.r_lrs.shape == (1, 5)
    assert np.isnan(found.r_lrs[0, :2]).all()


def test_overflows_and_clock_times_are_no_numbers(made, tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{line},12:00:01" for line in lines(made).splitlines()]
    rows[7] = rows[7].split(",")[0] + ",-0.7,9.91E+37,12:00:01"
    path.write_text("cycle,V,I,time\n" + "\n".join(rows) + "\n")
    found = learn.read(path)
    assert "time" not in found
    assert np.isnan(found.current[0, 0, 7])
    assert int(np.isnan(found.current).sum()) == 1


def test_magnitudes_and_exchanged_signs_are_refused(made):
    with pytest.raises(ValueError, match="as a magnitude has"):
        learn.loops(made.voltage, np.abs(made.current))
    with pytest.raises(ValueError, match="sign opposite to that of the voltage"):
        learn.loops(made.voltage, -made.current)


def test_the_other_polarity_is_named(made, tmp_path):
    from typer.testing import CliRunner

    from synaptogen.cli.app import app

    path = tmp_path / "a.csv"
    table = pd.DataFrame(
        {"sweep": np.repeat(np.arange(5), 60), "U": -column(made.voltage[0]), "Id": -column(made.current[0])}
    )
    table.to_csv(path, index=False)
    out = str(tmp_path / "f.csv")
    done = CliRunner().invoke(app, ["extract", str(path), "-o", out])
    assert done.exit_code == 0, done.output
    assert "SET at positive voltages" in done.output
    assert (pd.read_csv(out)["u_set"].dropna() > 0).all()
    done = CliRunner().invoke(app, ["extract", str(path), "-o", out, "--polarity", "-1", "--overwrite"])
    assert done.exit_code == 0, done.output
    wrong = CliRunner().invoke(app, ["extract", str(path), "-o", str(tmp_path / "g.csv"), "--column", "U"])
    assert wrong.exit_code == 1
    assert "give OURS=THEIRS" in wrong.output


@pytest.mark.parametrize(
    ("name", "base", "factor"),
    [
        ("Voltage (mV)", "Voltage", 1e-3),
        ("I_uA", "I", 1e-6),
        ("u_set", "u_set", 1.0),
        ("r_hrs", "r_hrs", 1.0),
        (f"R_LRS [k{OMEGA}]", "R_LRS", 1e3),
        ("U in V", "U", 1.0),
        ("V", "V", 1.0),
        ("current, nA", "current", 1e-9),
    ],
)
def test_units_are_taken_from_names(name, base, factor):
    assert split_unit(name) == (base, factor)
