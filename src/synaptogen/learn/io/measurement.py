"""Labelled containers of measured I-V loops, or of the features of each cycle, and the checks that both pass.

Loops are an `xarray.Dataset` with dimensions (device, cycle, point), variables ``voltage`` in V, ``current`` in A and,
where known, ``time`` in s. Loops may differ in length: what is missing is NaN. Features are a Dataset with dimensions
(device, cycle) and variables ``r_hrs``, ``u_set``, ``r_lrs``, ``u_reset`` in ohm and V, NaN where missing.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, BoolArray, PathLike, RealArray, Shape, checked, checks, one_of
from synaptogen.params import FEATURE_NAMES, FEATURE_UNITS

from .folders import read_folder
from .formats import Contents, table_of_frame
from .layouts import Options, Records
from .readers import FileContents, check_columns, read_file, understand
from .table_events import events_in
from .units import check_units

Labels: TypeAlias = Sequence[object] | AnyArray

LARGEST_VOLTAGE = 50.0  # V; a larger one is in millivolts
LARGEST_CURRENT = 0.09  # A; a larger one is in mA or uA: large devices take 80 mA
LARGEST_BELIEVED = 10.0  # A; a larger one is wrong, whatever its unit
SMALLEST_RESISTANCE = 8.0  # ohm; a median below is in kilo-ohms or a logarithm
NEAR, TELLING = 0.1, 0.5  # shares of the largest voltage: near zero below the first, far from it above the second
FEWEST_SIGNS, WRONG = 10, 0.1  # points that a check of signs needs; share of currents with a wrong sign


@checked
def loops(
    voltage: ArrayLike,
    current: ArrayLike,
    time: ArrayLike | None = None,
    *,
    current_limit: float | None = None,
    series_resistance: float | None = None,
    polarity: int | None = None,
    device: Labels | None = None,
    cycle: Labels | None = None,
) -> xr.Dataset:
    """Make a measurement of I-V loops from arrays.

    Parameters
    ----------
    voltage, current : array of shape (n_devices, n_cycles, n_points) or (n_cycles, n_points)
        In V and A; NaN beyond the end of a shorter loop, and all over a loop that is missing. A voltage may have
        fewer axes, if all loops share it.
    time : array of the same shape, optional
        In s.
    current_limit : float, optional
        Magnitude in A at which the instrument limited the current of SET. Estimated when not given.
    series_resistance : float, optional
        In ohm, of wires and transistor; its voltage drop is subtracted before features are extracted.
    polarity : {1, -1}, optional
        1: SET by a negative voltage; -1: by a positive one. Default: `extract` finds it.
    device, cycle : sequence, optional
        Labels of devices and cycles; default 0, 1, 2 ...

    Returns
    -------
    xarray.Dataset
        Dimensions device, cycle and point; the options are attributes.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no value, or values are infinite or obviously in other units.

    Examples
    --------
    Two loops of one cell that stays at 10 kohm:

    >>> import numpy as np
    >>> from synaptogen import learn
    >>> voltage = 1.5 * np.sin(np.linspace(0, 2 * np.pi, 100))
    >>> data = learn.loops(voltage, np.stack([voltage, voltage]) / 10e3, current_limit=200e-6)
    >>> dict(data.sizes)
    {'device': 1, 'cycle': 2, 'point': 100}
    >>> data.attrs["current_limit"], data.current.units
    (0.0002, 'A')
    """
    given = {"current_limit": current_limit, "series_resistance": series_resistance, "polarity": polarity}
    return _loops(voltage, current, time, device=device, cycle=cycle, believed=False, **given)


def _loops(
    voltage: ArrayLike,
    current: ArrayLike,
    time: ArrayLike | None = None,
    *,
    device: Labels | None = None,
    cycle: Labels | None = None,
    believed: bool,
    **attributes: Any,
) -> xr.Dataset:
    """Return a measurement of loops; with ``believed``, units were given, so that large currents are meant."""
    i = _cube("current", current)
    u = _like("voltage", voltage, i.shape)
    missing = np.isnan(u) | np.isnan(i)
    if missing.any():
        u, i = (np.where(missing, np.array(np.nan, x.dtype), x) for x in (u, i))
    _check_loops(u, i, missing, believed)
    dims = ("device", "cycle", "point")
    parts = {"voltage": (dims, u, {"units": "V"}), "current": (dims, i, {"units": "A"})}
    if time is not None:
        parts["time"] = (dims, _like("time", time, i.shape), {"units": "s"})
    return xr.Dataset(parts, _coordinates(i.shape[:2], device, cycle), _attributes(**attributes))


@checked
def features(
    r_hrs: ArrayLike | None = None,
    u_set: ArrayLike | None = None,
    r_lrs: ArrayLike | None = None,
    u_reset: ArrayLike | None = None,
    *,
    flag: ArrayLike | None = None,
    device: Labels | None = None,
    cycle: Labels | None = None,
) -> xr.Dataset:
    """Make a measurement from the features of each cycle; those not given are not measured.

    Parameters
    ----------
    r_hrs, r_lrs : array of shape (n_devices, n_cycles) or (n_cycles,), optional
        Resistances in ohm: of the HRS that a cycle starts from, and of the LRS after SET. NaN: missing.
    u_set, u_reset : array of the same shape, optional
        Thresholds in V, of opposite signs; `fit` brings them to the sign of the model, U_SET negative.
    flag : array of int of the same shape, optional
        Events in each cycle, sums of `Flag`; 0 for good cycles.
    device, cycle : sequence, optional
        Labels of devices and cycles; default 0, 1, 2 ...

    Returns
    -------
    xarray.Dataset
        Dimensions device and cycle.

    Raises
    ------
    ValueError
        If nothing is given, shapes differ, or values have the wrong sign or are obviously in other units.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> cycles = sg.CellArray(3, rng=1).run_cycles(50)  # each feature has shape (cycles, devices)
    >>> data = learn.features(r_hrs=cycles.r_hrs.T, r_lrs=cycles.r_lrs.T, device=["a", "b", "c"])
    >>> dict(data.sizes), sorted(data.data_vars)
    ({'device': 3, 'cycle': 50}, ['r_hrs', 'r_lrs'])
    >>> data.r_lrs.sel(device="b").units
    'ohm'
    """
    given = dict(zip(FEATURE_NAMES, (r_hrs, u_set, r_lrs, u_reset), strict=True))
    arrays = {name: _table(name, value) for name, value in given.items() if value is not None}
    if not arrays:
        raise ValueError(f"no feature is given: give at least one of {', '.join(FEATURE_NAMES)}")
    shape = next(iter(arrays.values())).shape
    for name, array in arrays.items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, but {next(iter(arrays))} {shape}: give equal shapes")
        _check_feature(name, array)
    dims = ("device", "cycle")
    parts: dict[str, Any] = {name: (dims, array, {"units": FEATURE_UNITS[name]}) for name, array in arrays.items()}
    if flag is not None:
        flags = _table("flag", flag)
        if flags.shape != shape:
            raise ValueError(f"flag has shape {flags.shape}, but the features {shape}: give one flag a cycle")
        parts["flag"] = (dims, flags)
    return xr.Dataset(parts, _coordinates(shape, device, cycle))


@checked
def read(
    source: PathLike | pd.DataFrame | xr.Dataset,
    *,
    columns: Mapping[str, str] | None = None,
    current_limit: float | None = None,
    series_resistance: float | None = None,
    polarity: int | None = None,
    shunt: float | None = None,
    magnitude: bool = False,
    records: Records = "cycles",
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    r"""Read loops or features from a file, a folder or a data frame.

    The format is found by the content: text of many styles, workbooks (xls, xlsx, ods), NPZ and NPY, MATLAB, HDF5 and
    NetCDF, Parquet, JSON. Names of columns and the units in them tell what they hold. A table may have one row per
    point (device, cycle, voltage, current[, time], where device and cycle may be missing), one row per cycle (device,
    cycle and features), pairs of columns of voltage and current, or one voltage and many currents. A record without
    numbers of cycles stays one record; `extract` cuts it. In a table of features without flags, failed cycles and
    thresholds at the end of the ramp are recognised and flagged. ``attrs["read_as"]`` says what was understood.

    Parameters
    ----------
    source : path, DataFrame or Dataset
        A file; a folder, in which each file is a device, or each folder in it, with files of successive cycles; or a
        table or Dataset in memory.
    columns : mapping of str to str, optional
        The file's own names, as ``{"voltage": "U (V)"}``. Common names such as V, I and t are known.
    current_limit, series_resistance, polarity
        As in `loops`; they take precedence over the file.
    shunt : float, optional
        Resistance in ohm over which an oscilloscope has measured the current as a second voltage.
    magnitude : bool
        Currents are magnitudes; they get the sign of the voltage.
    records : {"cycles", "devices"}
        What several records of one file are: pairs of columns, blocks, or sheets.
    units : mapping of str to str, optional
        Units of columns that do not name them, or a wrong one, as ``{"current": "uA"}``.

    Returns
    -------
    xarray.Dataset
        As `loops` or `features` returns it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, damaged, of an unknown kind, lacks columns, or holds values that `loops` or `features` refuses.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from synaptogen import learn
    >>> table = "measured on Monday\ncycle;R_HRS [kohm];V_set\n0;80,1;-0,9\n1;75,2;-1,1\n2;91,0;-1,0\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "features.csv"
    ...     _ = path.write_text(table)
    ...     data = learn.read(path)
    >>> data.r_hrs.values.round().tolist()
    [[80100.0, 75200.0, 91000.0]]
    >>> print(data.attrs["read_as"])
    format: text
    cycle: column 'cycle'
    r_hrs: column 'R_HRS [kohm]' (times 1000)
    u_set: column 'V_set'
    """
    one_of("records", records, ("cycles", "devices"))
    check_units(units or {})
    options = Options(None if shunt is None else checks.positive("shunt", shunt, "ohm"), magnitude, records, units)
    given = {"current_limit": current_limit, "series_resistance": series_resistance, "polarity": polarity}
    names = dict(columns or {})
    if isinstance(source, xr.Dataset):
        if units:
            raise ValueError("units are for files and tables: the variables of a Dataset are in SI units")
        return _with_attributes(source, given)
    if isinstance(source, pd.DataFrame):
        check_columns(names)
        contents = Contents([table_of_frame(source)], {}, {}, "data frame")
        return _dataset(understand(contents, names, options), given, magnitude)
    where = os.fspath(source)
    if os.path.isdir(where):
        return read_folder(where, lambda one: _read_file(one, names, options, given))
    return _read_file(where, names, options, given)


def _read_file(where: str, columns: Mapping[str, str], options: Options, given: Mapping[str, Any]) -> xr.Dataset:
    try:
        return _dataset(read_file(where, columns, options), given, options.magnitude)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _with_attributes(data: xr.Dataset, given: Mapping[str, Any]) -> xr.Dataset:
    """Return a Dataset that was made elsewhere, checked, with what the user says of it."""
    arrays: dict[str, Any] = {}
    for name in ("voltage", "current", "time") if "current" in data else (*FEATURE_NAMES, "flag"):
        if name in data:
            dims = [d for d in ("device", "cycle", "point") if d in data[name].dims]
            arrays[name] = data[name].transpose(*dims).to_numpy()
    labels = {
        name: data[name].to_numpy() for name in ("device", "cycle") if name in data.coords and data[name].ndim == 1
    }
    if "current" not in data:
        return features(**arrays, **labels)
    own = {str(k): v for k, v in data.attrs.items() if k in given}
    parts: dict[str, Any] = {**arrays, **own, **{k: v for k, v in given.items() if v is not None}, **labels}
    return loops(**parts)


def _dataset(found: FileContents, given: Mapping[str, Any], magnitude: bool) -> xr.Dataset:
    arrays: dict[str, Any] = found.arrays
    if "current" not in arrays:
        if "flag" not in arrays:
            arrays, lines = events_in(arrays)
            found.understood.lines += lines
        made = features(**arrays, device=found.device, cycle=found.cycle)
    else:
        if magnitude:
            arrays = {**arrays, "current": np.abs(arrays["current"]) * np.sign(arrays["voltage"])}
        attributes = {**found.attributes, **{k: v for k, v in given.items() if v is not None}}
        believed = found.understood.believed
        made = _loops(**arrays, **attributes, device=found.device, cycle=found.cycle, believed=believed)
    return made.assign_attrs(read_as="\n".join(found.understood.lines))


def _numbers(name: str, value: ArrayLike) -> RealArray:
    try:
        array = np.asarray(value)
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a rectangular array of numbers: fill shorter loops with NaN") from None
    if array.size == 0:
        raise ValueError(f"{name} is empty: there must be at least one cycle")
    return array


def _cube(name: str, value: ArrayLike) -> RealArray:
    array = _numbers(name, value)
    if array.ndim not in (2, 3):
        raise ValueError(
            f"{name} has shape {array.shape}: give (devices, cycles, points), or (cycles, points) of one device"
        )
    return array if array.ndim == 3 else array[None]


def _table(name: str, value: ArrayLike) -> RealArray:
    array = _numbers(name, value)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}: give (devices, cycles), or (cycles,) of one device")
    return array if array.ndim == 2 else array[None]


def _like(name: str, value: ArrayLike, shape: Shape) -> RealArray:
    array = _numbers(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}, but current {shape}: give one {name} a point") from None


def _check_loops(u: RealArray, i: RealArray, missing: BoolArray, believed: bool) -> None:
    if missing.all():
        raise ValueError("voltage and current hold no point where both are numbers: everything is NaN")
    reach_u, reach_i = _reach("voltage", u), _reach("current", i)
    if reach_u > LARGEST_VOLTAGE:
        raise ValueError(
            f"voltage reaches {reach_u:.4g} V, as if it were in mV: give V, or name the column with its unit,"
            " or say it, as in units={'voltage': 'mV'} or --unit voltage=mV"
        )
    if reach_i > (LARGEST_BELIEVED if believed else LARGEST_CURRENT):
        raise ValueError(
            f"current reaches {reach_i:.4g} A, as if it were in mA or uA: give A, or name the column with its unit, as"
            " in current (mA), or say its unit, as in units={'current': 'mA'} or --unit current=mA"
        )
    _check_signs(u, i, missing, reach_u)
    if reach_u < 1e-2 < 1e2 * reach_u:
        raise ValueError(f"voltage reaches {reach_u:.4g} V only: give V, and see that it is not exchanged with current")


def _check_signs(u: RealArray, i: RealArray, missing: BoolArray, reach: float) -> None:
    """Refuse a current that has not the sign of the voltage, far from zero, if it depends on the voltage at all."""
    low, high = (i[~missing & (side * u > TELLING * reach)] for side in (-1, 1))
    near = i[~missing & (np.abs(u) < NEAR * reach)]
    if min(len(low), len(high), len(near)) < FEWEST_SIGNS:
        return
    if np.median(np.abs(np.concatenate([low, high]))) < 2 * np.median(np.abs(near)) + 1e-15:
        return  # an offset, or nothing
    along = float(np.mean(low < 0)), float(np.mean(high > 0))
    if max(along) < WRONG:
        raise ValueError("current has the sign opposite to that of the voltage: change the sign of one of them")
    if min(along) < WRONG < 1 - WRONG < max(along):
        raise ValueError(
            "current has the same sign at both signs of the voltage, as a magnitude has: give it its sign, or"
            " magnitude=True (--magnitude), by which it gets that of the voltage"
        )


def _reach(name: str, values: RealArray) -> float:
    """Return the largest magnitude of a typical loop; raises at infinities."""
    largest = np.fmax.reduce(np.abs(values), axis=-1)  # NaN only where a loop is missing
    if np.isinf(largest).any():
        raise ValueError(f"{name} holds infinities: replace points that could not be measured by NaN")
    return float(np.median(largest[~np.isnan(largest)]))


def _check_feature(name: str, values: RealArray) -> None:
    there = values[~np.isnan(values)]
    if not there.size:
        return
    if np.isinf(there).any():
        raise ValueError(f"{name} holds infinities: replace what could not be measured by NaN")
    middle = float(np.median(there))
    if name.startswith("r_"):
        if there.min() <= 0:
            raise ValueError(f"{name} must be positive, but holds {there.min():.4g} ohm: replace such values by NaN")
        if middle < SMALLEST_RESISTANCE:
            raise ValueError(
                f"{name} has median {middle:.4g} ohm, as if it were in kilo-ohms or a logarithm: give ohms, or say"
                f" the unit, as in units={{{name!r}: 'kohm'}} or --unit {name}=kohm"
            )
    elif abs(middle) > LARGEST_VOLTAGE:
        raise ValueError(f"{name} has median {middle:.4g} V, as if it were in mV: give V")


def _attributes(
    current_limit: float | None = None, series_resistance: float | None = None, polarity: int | None = None
) -> dict[str, Any]:
    if polarity not in (1, -1, None):
        raise ValueError(f"polarity must be 1 (SET by a negative voltage) or -1, not {polarity!r}")
    attributes: dict[str, Any] = {} if polarity is None else {"polarity": int(polarity)}
    given = {"current_limit": (current_limit, "A"), "series_resistance": (series_resistance, "ohm")}
    for name, (value, unit) in given.items():
        if value is None:
            continue
        least = 0.0 if name == "series_resistance" else 1e-15
        if not least <= value < np.inf:
            raise ValueError(f"{name} must be a positive number in {unit}, not {value!r}: leave it out if unknown")
        attributes[name] = float(value)
    if attributes.get("current_limit", 0.0) > LARGEST_CURRENT:
        raise ValueError(f"current_limit is {current_limit:.4g} A, as if it were in mA or uA: give A")
    return attributes


def _coordinates(shape: Shape, device: Labels | None, cycle: Labels | None) -> dict[str, Any]:
    coordinates = {}
    for name, labels, length in (("device", device, shape[0]), ("cycle", cycle, shape[1])):
        values = np.arange(length) if labels is None else np.asarray(labels)
        if values.shape != (length,):
            raise ValueError(f"{name} has {values.size} labels for {length}: give one each")
        coordinates[name] = values
    return coordinates
