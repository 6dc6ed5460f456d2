import numpy as np
import pandas as pd
import pytest
import xarray as xr

from synaptogen.learn.io.measurement import features, loops
from synaptogen.learn.io.reading import read

U = np.tile(np.concatenate([np.linspace(0, -1, 5), np.linspace(-1, 1, 10), np.linspace(1, 0, 5)]), (2, 3, 1))
CURRENT = 1e-4 * U
R_HRS, U_SET, R_LRS, U_RESET = (np.full((2, 3), x) for x in (1e5, -0.7, 5e3, 0.8))


def long_form(u=U, i=CURRENT):
    d, c, _ = np.indices(u.shape)
    return pd.DataFrame({"device": d.ravel(), "cycle": c.ravel(), "voltage": u.ravel(), "current": i.ravel()})


def test_loops_are_labelled():
    found = loops(U, CURRENT, current_limit=1e-4, series_resistance=100, polarity=-1)
    assert dict(found.sizes) == {"device": 2, "cycle": 3, "point": 20}
    assert found.attrs == {"current_limit": 1e-4, "series_resistance": 100.0, "polarity": -1}
    np.testing.assert_array_equal(found.current, CURRENT)


def test_one_device_needs_no_axis():
    assert loops(U[0], CURRENT[0]).sizes["device"] == 1
    assert features(r_lrs=R_LRS[0]).sizes["device"] == 1


def test_a_waveform_is_shared():
    np.testing.assert_array_equal(loops(U[0, 0], CURRENT).voltage, U)


def test_a_point_is_missing_in_both():
    i = CURRENT.copy()
    i[0, 0, 3] = np.nan
    found = loops(U, i)
    assert np.isnan(found.voltage[0, 0, 3])
    assert int(np.isnan(found.voltage).sum()) == 1


@pytest.mark.parametrize(
    ("u", "i", "message"),
    [
        (U, 1e3 * CURRENT, "mA"),
        (1e3 * U, CURRENT, "mV"),
        (CURRENT, U, "mA"),
        (U, np.full_like(CURRENT, np.nan), "NaN"),
        (U, np.where(CURRENT > 5e-5, np.inf, CURRENT), "infinities"),
        (U[:1, :, :5], CURRENT, "shape"),
        (np.empty((0, 3)), np.empty((0, 3)), "empty"),
        (U[0, 0], CURRENT[0, 0], "cycles, points"),
        ([["a"]], [["b"]], "numbers"),
        (1e-3 * U, CURRENT, "exchanged"),
    ],
)
def test_bad_loops_are_refused(u, i, message):
    with pytest.raises((ValueError, TypeError), match=message):
        loops(u, i)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"polarity": 0}, "polarity"),
        ({"current_limit": 300.0}, "mA"),
        ({"current_limit": -1e-4}, "current_limit"),
        ({"series_resistance": -1}, "series_resistance"),
        ({"device": ["a"]}, "device"),
    ],
)
def test_bad_attributes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        loops(U, CURRENT, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "at least one"),
        ({"r_lrs": R_LRS / 1e3}, "kilo-ohms"),
        ({"r_hrs": np.log10(R_HRS)}, "logarithm"),
        ({"r_hrs": -R_HRS}, "positive"),
        ({"u_set": 1e3 * U_SET}, "mV"),
        ({"u_set": U_SET, "r_lrs": R_LRS[:1]}, "equal shapes"),
        ({"r_lrs": R_LRS * np.inf}, "infinities"),
    ],
)
def test_bad_features_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        features(**arguments)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_tables_of_loops(tmp_path, ending):
    path = tmp_path / f"loops.{ending}"
    table = long_form().query("not (device == 1 and cycle == 1)").sample(frac=1, random_state=0).sort_index()
    if ending == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="," if ending == "csv" else "\t")
    found = read(path, current_limit=1e-4)
    assert found.attrs["current_limit"] == 1e-4
    expected = CURRENT.copy()
    expected[1, 1] = np.nan
    np.testing.assert_allclose(found.current, expected)


def test_cycles_left_out_keep_their_place(tmp_path):
    path = tmp_path / "loops.csv"
    long_form().assign(cycle=lambda t: 2 * t.cycle + 1).to_csv(path, index=False)
    found = read(path)
    assert found.cycle.values.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(found.current[:, 1]).all()


def test_ragged_loops(tmp_path):
    path = tmp_path / "loops.csv"
    long_form().drop(index=range(15, 20)).to_csv(path, index=False)
    found = read(path)
    assert np.isnan(found.current[0, 0, 15:]).all()
    assert int(np.isnan(found.current).sum()) == 5


def test_columns_are_mapped(tmp_path):
    path = tmp_path / "loops.csv"
    names = {"device": "chip", "cycle": "no", "voltage": "U (V)", "current": "I (A)"}
    long_form().rename(columns=names).assign(chip=lambda t: "d" + t.chip.astype(str)).to_csv(path, index=False)
    found = read(path, columns=names)
    assert found.device.values.tolist() == ["d0", "d1"]
    np.testing.assert_allclose(found.current, CURRENT)


def test_a_table_without_device_is_one_device(tmp_path):
    path = tmp_path / "loops.csv"
    long_form(U[:1], CURRENT[:1]).drop(columns="device").to_csv(path, index=False)
    assert read(path).sizes["device"] == 1


def test_tables_of_features(tmp_path):
    path = tmp_path / "features.csv"
    d, c = np.indices(R_LRS.shape)
    pd.DataFrame({"device": d.ravel(), "cycle": c.ravel(), "r_lrs": R_LRS.ravel()}).to_csv(path, index=False)
    found = read(path)
    assert list(found.data_vars) == ["r_lrs"]
    np.testing.assert_array_equal(found.r_lrs, R_LRS)


@pytest.mark.parametrize("names", [("V", "I", "t"), ("voltage", "current", "time")])
def test_npz(tmp_path, names):
    path = tmp_path / "loops.npz"
    np.savez(path, **dict(zip(names, (U, CURRENT, U * 0 + np.arange(20.0)), strict=True)))
    found = read(path, polarity=-1)
    np.testing.assert_array_equal(found.current, CURRENT)
    assert found.attrs["polarity"] == -1
    assert "time" in found


def test_netcdf_keeps_attributes(tmp_path):
    path = tmp_path / "loops.nc"
    written = loops(U, CURRENT, current_limit=2e-4, device=[3, 5])
    written.to_netcdf(path, engine="h5netcdf")
    found = read(path)
    del found.attrs["read_as"]
    xr.testing.assert_identical(found, written)


def test_plain_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "loops.h5"
    with h5py.File(path, "w") as file:
        file["V"], file["I"] = U, CURRENT
    np.testing.assert_array_equal(read(path).current, CURRENT)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "device,cycle,voltage,current\n", "no rows"),
        ("a.csv", "x,y\n1,2\n", "columns="),
        ("a.csv", "cycle,voltage,current\n0,1,high\n", "not a number"),
        ("a.csv", "cycle,r_lrs\n0,5000\n0,5000\n", "more than one row"),
        ("a.csv", "cycle,voltage,current\n,1,1e-6\n", "without a label"),
        ("a.xls", "x", "says a workbook"),
        ("a.npz", "x", "NPZ"),
        ("a.nc", "x", "NetCDF"),
        ("a.parquet", "x", "a Parquet table"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_wrong_names_are_refused(tmp_path):
    path = tmp_path / "loops.csv"
    long_form().to_csv(path, index=False)
    with pytest.raises(ValueError, match="'U'"):
        read(path, columns={"voltage": "U"})
    with pytest.raises(ValueError, match="'volts'"):
        read(path, columns={"volts": "voltage"})
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.csv")
