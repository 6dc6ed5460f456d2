"""Repeated reads: arrays, tables of many layouts, what is refused."""

import numpy as np
import pandas as pd
import pytest

import synaptogen as sg

learn = pytest.importorskip("synaptogen.learn")

OHM = np.array([[1e5, 1.1e5, 1.25e5], [2e4, 2.1e4, 1.9e4]])
PRESET = sg.DeviceParams.preset("hennen2024")
TIME = np.array([0.0, 60.0, 3600.0])


def long_frame(**more):
    rows = [
        {"device": d, "time (s)": t, "R (kohm)": OHM[k, j] / 1e3, **{n: v[k, j] for n, v in more.items()}}
        for k, d in enumerate("ab")
        for j, t in enumerate(TIME)
    ]
    return pd.DataFrame(rows)


def expect(data, *, timed=True):
    data = data.sortby("device")
    np.testing.assert_allclose(1 / data.conductance.transpose("device", "read"), OHM, rtol=1e-9)
    assert data.attrs["timed"] is timed
    np.testing.assert_allclose(np.broadcast_to(data.time, OHM.shape)[1], TIME if timed else [0, 1, 2], atol=1e-6)


def test_three_quantities_give_the_same():
    for given in (
        {"resistance": OHM},
        {"conductance": 1 / OHM},
        {"current": 0.2 / OHM, "voltage": 0.2},
        {"current": -0.2 / OHM, "voltage": -0.2},
    ):
        expect(learn.reads(**given, time=TIME))
    expect(learn.reads(OHM), timed=False)


LAYOUTS = {
    "long": lambda: long_frame(),
    "shuffled": lambda: long_frame().sample(frac=1, random_state=3),
    "minutes, conductance": lambda: pd.DataFrame(
        {
            "Cell": [1, 1, 1, 2, 2, 2],
            "elapsed time [min]": [*TIME / 60, *TIME / 60],
            "G_uS": (1e6 / OHM).ravel(),
        }
    ),
    "current and voltage": lambda: pd.DataFrame(
        {"dev": list("aaabbb"), "t": [*TIME, *TIME], "V_read (mV)": 200.0, "I (uA)": (2e5 / OHM).ravel()}
    ),
    "a column a device": lambda: pd.DataFrame({"t (s)": TIME, "R1": OHM[0], "R2": OHM[1]}),
    "a row a device": lambda: pd.DataFrame(
        {"device": ["a", "b"], "0 s": OHM[:, 0], "60 s": OHM[:, 1], "3600 s": OHM[:, 2]}
    ),
    "a row a device, at times": lambda: pd.DataFrame(
        {"DUT": ["a", "b"], "R@0s": OHM[:, 0], "R (60 s)": OHM[:, 1], "R at 3600 s": OHM[:, 2]}
    ),
    "logarithms": lambda: pd.DataFrame(
        {
            "address": list("aaabbb"),
            "log10(t/s)": np.log10([1e-9, *TIME[1:]] * 2),
            "ln(G/uS)": np.log(1e6 / OHM).ravel(),
        }
    ),
    "beside its logarithm": lambda: long_frame().assign(**{"log10(R)": np.log10(OHM).ravel(), "log t (s)": 1.0}),
    "rows and columns": lambda: long_frame().rename(columns={"device": "WL"}).assign(BL=[1, 1, 1, 2, 2, 2]),
    "mean and deviation": lambda: (
        long_frame().rename(columns={"R (kohm)": "R mean (kohm)"}).assign(**{"R std (kohm)": 0.5, "sigma_R": 0.1})
    ),
    "dates": lambda: (
        long_frame()
        .assign(
            timestamp=[f"2024-03-0{d} {10 + t // 3600:02.0f}:{t % 3600 // 60:02.0f}:00" for d in (1, 2) for t in TIME]
        )
        .drop(columns="time (s)")
    ),
    "hours, minutes, seconds": lambda: (
        long_frame().assign(time=["00:00:00", "00:01:00", "01:00:00"] * 2).drop(columns="time (s)")
    ),
    "target beside the resistance": lambda: long_frame().assign(
        **{"target_resistance (kohm)": [90.0] * 3 + [20.0] * 3}
    ),
    "a row a device, hours": lambda: pd.DataFrame(
        {"chip": ["a", "b"], "R_0h": OHM[:, 0], f"R_{1 / 60!r}h": OHM[:, 1], "R_1h": OHM[:, 2]}
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("ending", ["frame", "csv", "xlsx"])
def test_layouts_are_understood(tmp_path, name, ending):
    frame = LAYOUTS[name]()
    if ending == "frame":
        return expect(learn.read_retention(frame))
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        pytest.importorskip("openpyxl")
        frame.to_excel(path, index=False)
    return expect(learn.read_retention(path))


@pytest.mark.parametrize("name", ["long", "minutes, conductance", "current and voltage", "a column a device"])
def test_the_common_reader_finds_them_too(tmp_path, name):
    LAYOUTS[name]().to_csv(tmp_path / "a.csv", index=False)
    expect(learn.read(tmp_path / "a.csv"))
    expect(learn.read(LAYOUTS[name]()))


def test_counted_reads_are_not_timed():
    frame = long_frame().rename(columns={"time (s)": "read"})
    frame["read"] = [0, 1, 2, 0, 1, 2]
    expect(learn.read(frame), timed=False)


def test_temperatures_and_levels():
    celsius = long_frame(**{"T (C)": np.full(OHM.shape, 85.0), "level": np.array([[3] * 3, [7] * 3])})
    data = learn.read_retention(celsius)
    assert np.allclose(data.temperature, 358.15)
    assert data.level.values.tolist() == [3, 7]
    plain = learn.read_retention(long_frame(temperature=np.full(OHM.shape, 400.0)))
    assert np.allclose(plain.temperature, 400.0)
    assert "in K" in plain.attrs["read_as"]


def before_after():
    return pd.DataFrame({"device": ["a", "b"], "R_before (ohm)": OHM[:, 0], "R_after (ohm)": OHM[:, 1]})


def test_reads_before_and_after_a_bake():
    data = learn.read_retention(before_after(), seconds=1800, temperature=398)
    np.testing.assert_allclose(1 / data.conductance, OHM[:, :2])
    assert data.time.values.tolist() == [0, 1800]
    assert np.isnan(data.temperature[0])
    assert float(data.temperature[1]) == 398
    labelled = pd.DataFrame(
        {"device": list("aabb"), "phase": ["before", "after"] * 2, "conductance (S)": (1 / OHM[:, :2]).ravel()}
    )
    np.testing.assert_allclose(learn.read_retention(labelled, seconds=60).conductance, 1 / OHM[:, :2])
    worded = labelled.assign(phase=["Before bake", "After the bake (85 C)"] * 2)
    data = learn.read_retention(worded, seconds=60)
    assert data.time.values.tolist() == [0, 60]
    np.testing.assert_allclose(data.conductance, 1 / OHM[:, :2])
    own = before_after().assign(**{"bake time (h)": 0.5, "bake temperature (C)": [85.0, 125.0]})
    data = learn.read_retention(own)
    assert data.time.values[-1] == 1800
    np.testing.assert_allclose(data.temperature.values[:, 1], [358.15, 398.15])


def test_named_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", resistance_x=OHM, resistance_y=OHM[:1], read_voltage=[0.2, 0.1])
    data = learn.read(tmp_path / "a.npz")
    assert dict(data.sizes) == {"device": 3, "read": 3}
    np.savez(tmp_path / "b.npz", one_before=OHM[:, 0], one_after=OHM[:, 1])
    data = learn.read_retention(tmp_path / "b.npz", seconds=5)
    np.testing.assert_allclose(1 / data.conductance, OHM[:, :2])


def test_arrays_at_a_ramp_of_voltages_are_no_reads(tmp_path):
    ramp = np.interp(np.arange(41), [0, 10, 30, 40], [0.0, -1.5, 1.5, 0.0])
    np.savez(tmp_path / "a.npz", voltage=ramp, current=np.outer([1e-5, 2e-5, 3e-5], ramp))
    data = learn.read(tmp_path / "a.npz")
    assert "read" not in data.dims
    assert dict(data.sizes) == {"device": 1, "cycle": 3, "point": 41}


@pytest.mark.parametrize("ending", ["csv", "tsv", "xlsx", "parquet", "npz", "nc"])
@pytest.mark.parametrize("timed", [True, False])
def test_what_is_written_comes_back(tmp_path, ending, timed):
    heat = np.array([300.0, 300.0, 358.0])
    data = learn.reads(OHM, time=TIME if timed else None, temperature=heat, level=[1, 2], device=["a", "b"])
    learn.write(data, tmp_path / f"a.{ending}")
    back = learn.read(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(back.conductance, data.conductance, rtol=1e-8)
    assert back.attrs["timed"] == timed
    assert [str(d) for d in back.device.values] == ["a", "b"]
    assert back.level.values.tolist() == [1, 2]
    np.testing.assert_allclose(np.broadcast_to(back.temperature, OHM.shape), np.broadcast_to(heat, OHM.shape))


def test_a_device_at_several_levels_is_several_records():
    frame = long_frame(level=np.array([[1] * 3, [2] * 3])).assign(device="a")
    assert learn.read_retention(frame).device.values.tolist() == ["a/1", "a/2"]


def test_missing_reads_are_missing():
    frame = long_frame().drop(index=2)
    data = learn.read_retention(frame)
    assert np.isnan(data.conductance.sel(device="a")[2])
    assert data.time.shape == (2, 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no quantity is given"),
        ({"resistance": OHM, "conductance": 1 / OHM}, "give one of"),
        ({"current": OHM * 1e-9}, "give voltage"),
        ({"resistance": OHM, "voltage": 0.2}, "leave it out"),
        ({"current": OHM * 1e-9, "voltage": 0.0}, "other than 0"),
        ({"resistance": OHM / 1e5}, "kilo-ohms"),
        ({"conductance": 1e6 / OHM}, "give S"),
        ({"current": 0.2e6 / OHM, "voltage": 0.2}, "give A"),
        ({"resistance": OHM, "time": [0, 2, 1]}, "sort the reads"),
        ({"resistance": OHM, "time": [-1, 0, 1]}, "not be negative"),
        ({"resistance": OHM, "time": [0, 1]}, "one time a read"),
        ({"resistance": OHM, "temperature": -3.0}, "give K"),
        ({"resistance": OHM[:, :1]}, "two reads or more"),
        ({"resistance": OHM, "device": ["a"]}, "labels"),
        ({"conductance": -1 / OHM}, "no positive number"),
    ],
)
def test_unsound_arrays_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        learn.reads(**given)


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (before_after(), {}, "how long was between"),
        (pd.DataFrame({"t": TIME, "i": 1e-6}), {}, "give voltage"),
        (pd.DataFrame({"x": TIME, "y": TIME}), {}, "no repeated reads are among 'x', 'y'"),
        (long_frame().assign(device="a"), {}, "several reads at the same time"),
        (long_frame(), {"columns": {"resistance": "Z"}}, "no column 'Z'"),
        (long_frame(), {"columns": {"ohm": "R (kohm)"}}, "not one of"),
        (pd.DataFrame({"t": TIME, "V": TIME, "I": TIME * 1e-9}), {}, "varies"),
        (pd.DataFrame({"d": ["a"], "1": [3.0], "2": [3.1], "4": [3.0]}), {}, "no unit"),
        (pd.DataFrame({"log(time)": [1.0, 2.0], "R": OHM[0, :2]}), {}, "which logarithm"),
        (pd.DataFrame({"t": TIME, "log R": np.log(OHM[0])}), {}, "which logarithm"),
        (pd.DataFrame({"date": ["noon", "night"], "R": OHM[0, :2]}), {}, "no time that is known"),
        (long_frame(), {"seconds": 5.0}, "leave seconds out"),
    ],
)
def test_unsound_tables_are_refused(frame, options, message):
    with pytest.raises(ValueError, match=message):
        learn.read_retention(frame, **options)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        learn.read_retention(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="folder"):
        learn.read_retention(tmp_path)


def test_what_learns_from_cycles_says_where_to_go():
    data = learn.reads(OHM)
    for call in (learn.fit, learn.extract, lambda data: learn.fit_features(data, preset=PRESET)):
        with pytest.raises(ValueError, match="fit_fluctuation"):
            call(data)
    with pytest.raises(ValueError, match=r"learn\.reads"):
        learn.fit_fluctuation(learn.features(r_lrs=OHM))
    with pytest.raises(ValueError, match="with_fluctuation"):
        learn.validate("hennen2024", data)
