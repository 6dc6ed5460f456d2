"""Files of measurements, as far as their arrays: tables in long form, NPZ, and HDF5 or NetCDF."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import AnyArray
from synaptogen.learn.extraction import number_cycles
from synaptogen.params import FEATURE_NAMES

from .columns import FLAG, KEYS, KNOWN, LOOPS, Column, columns_of, listed
from .text_tables import load_text

ATTRIBUTES = ("current_limit", "series_resistance", "polarity")
TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
ARRAYS = (".npz", ".h5", ".hdf5", ".nc")
OVERFLOW = 1e30  # instruments write 9.9e37 for what they could not measure
SPARSEST = 10  # cycle numbers that span more than this times their count are labels, not a count


class Found(NamedTuple):
    """What a file holds: arrays by name, labels, and what it says of the instrument."""

    arrays: dict[str, AnyArray]
    device: AnyArray | None
    cycle: AnyArray | None
    attributes: dict[str, Any]


def read(path: str, columns: Mapping[str, str]) -> Found:
    """Read a file by its ending."""
    _check_columns(columns)
    ending = os.path.splitext(path)[1].lower()
    if ending not in TABLES + ARRAYS:
        raise ValueError(
            f"the ending {ending!r} is not known: use one of {', '.join(TABLES + ARRAYS)}; save spreadsheets as CSV"
        )
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}")
    if os.path.getsize(path) == 0:
        raise ValueError("the file is empty")
    if ending in TABLES:
        return _from_table(_load_table(path, ending), columns)
    return _from_arrays(*(_load_npz(path) if ending == ".npz" else _load_netcdf(path)), columns)


def _check_columns(columns: Mapping[str, str]) -> None:
    for name in columns:
        if name not in KNOWN:
            raise ValueError(f"columns maps {name!r}, which is not one of {', '.join(KNOWN)}")


def _load_table(path: str, ending: str) -> pd.DataFrame:
    try:
        if ending in (".parquet", ".pq"):
            return pd.read_parquet(path)
        return load_text(path)
    except (ValueError, OSError) as error:  # pandas and pyarrow raise subclasses of these
        raise ValueError(f"this is not a table in the format of its ending: {error}") from error


def _load_npz(path: str) -> tuple[dict[str, AnyArray], dict[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}, {}
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"this is not an NPZ file of plain arrays: {error}") from error


def _load_netcdf(path: str) -> tuple[dict[str, AnyArray], dict[str, Any]]:
    try:
        with xr.open_dataset(path, engine="h5netcdf", phony_dims="access", decode_times=False) as data:
            return {str(name): data[name].values for name in data.variables}, dict(data.attrs)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"this is not an HDF5 or NetCDF file of arrays: {error}") from error


def _wanted(names: Mapping[str, Column], present: Any) -> tuple[str, ...]:
    """The variables to read: loops if there is a current, else features."""
    if "voltage" in names and "current" in names:
        return tuple(name for name in LOOPS if name in names)
    features = tuple(name for name in FEATURE_NAMES if name in names)
    if features:
        return (*features, FLAG) if FLAG in names else features
    raise ValueError(
        f"neither voltage and current nor a feature ({', '.join(FEATURE_NAMES)}) is among {listed(present)}: "
        "name them with columns={'voltage': ...}"
    )


def _from_table(table: pd.DataFrame, columns: Mapping[str, str]) -> Found:
    names = columns_of(table.columns, columns)
    wanted = _wanted(names, table.columns)
    if not len(table):
        raise ValueError("the table has columns but no rows")
    if "time" in wanted and not pd.api.types.is_numeric_dtype(table[names["time"].name]):
        wanted = tuple(name for name in wanted if name != "time")  # clock times tell nothing that is used
    values = {name: names[name].factor * _numeric(table[names[name].name], name) for name in wanted}
    device, d = (
        _codes(table[names["device"].name]) if "device" in names else (np.zeros(1, int), np.zeros(len(table), int))
    )
    if "cycle" in names:
        cycle, c = _cycle_codes(table[names["cycle"].name])
    elif "current" in wanted:
        c = _cut(values["voltage"], d)
        cycle = np.arange(int(c.max()) + 1)
    else:
        c = pd.Series(d).groupby(d).cumcount().to_numpy()
        cycle = np.arange(int(c.max()) + 1)
    cell = d * len(cycle) + c
    if "current" in wanted:
        point = pd.Series(cell).groupby(cell).cumcount().to_numpy()
        shape = (len(device), len(cycle), int(point.max()) + 1)
        return Found({k: _scatter(v, shape, cell * shape[2] + point) for k, v in values.items()}, device, cycle, {})
    if len(np.unique(cell)) < len(cell):
        raise ValueError("a cycle of a device has more than one row: features are one row a cycle")
    return Found({k: _scatter(v, (len(device), len(cycle)), cell) for k, v in values.items()}, device, cycle, {})


def _cut(voltage: AnyArray, device: AnyArray) -> AnyArray:
    """Number of the cycle of each point of long records: a cycle begins where the voltage falls through zero."""
    number = np.zeros(len(voltage), np.int64)
    for d in np.unique(device):
        points = np.flatnonzero((device == d) & np.isfinite(voltage))
        number[points] = number_cycles(voltage[points])
    return number


def _numeric(column: Any, name: str) -> AnyArray:
    try:
        values = np.asarray(pd.to_numeric(column), np.float64)
        return np.where(np.abs(values) > OVERFLOW, np.nan, values) if np.isfinite(values).any() else values
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {column.name!r} for {name} holds what is not a number: {error}") from error


def _codes(column: Any) -> tuple[AnyArray, AnyArray]:
    if column.isna().any():
        raise ValueError(f"column {column.name!r} has rows without a label: fill or remove them")
    codes, labels = pd.factorize(column, sort=True)
    return np.asarray(labels), np.asarray(codes)


def _cycle_codes(column: Any) -> tuple[AnyArray, AnyArray]:
    """Labels and codes of cycles; numbers that are left out are missing cycles, and keep their place."""
    labels, codes = _codes(column)
    if labels.dtype.kind == "f" and np.all(labels == np.round(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        return labels, codes
    span = int(labels[-1]) - int(labels[0]) + 1
    if span > SPARSEST * len(labels):
        return labels, codes
    return np.arange(labels[0], labels[0] + span), (labels - labels[0])[codes]


def _scatter(values: AnyArray, shape: tuple[int, ...], where: AnyArray) -> AnyArray:
    out = np.full(int(np.prod(shape)), np.nan)
    out[where] = values
    return out.reshape(shape)


def _from_arrays(present: dict[str, AnyArray], said: dict[str, Any], columns: Mapping[str, str]) -> Found:
    names = columns_of(present, columns)
    wanted = _wanted(names, present)
    arrays = {name: _scaled(np.asarray(present[names[name].name]), names[name].factor) for name in wanted}
    attributes = {k: said.get(k, present.get(k)) for k in ATTRIBUTES}
    attributes = {k: np.asarray(v).item() for k, v in attributes.items() if v is not None and np.size(v) == 1}
    labels = [_label(present, names.get(key)) for key in KEYS]
    return Found(arrays, labels[0], labels[1], attributes)


def _scaled(values: AnyArray, factor: float) -> AnyArray:
    return values if factor == 1.0 else values * factor


def _label(present: Mapping[str, AnyArray], column: Column | None) -> AnyArray | None:
    return present[column.name] if column is not None and np.ndim(present[column.name]) == 1 else None
