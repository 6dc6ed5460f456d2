"""Files of measurements, as far as their arrays: tables in long form, NPZ, and HDF5 or NetCDF.

This is the place for the format of another instrument. `read_file` chooses a loader by the ending of the file; column
names, units, labels and the cutting of long records into cycles are the same for all formats and come afterwards. So a
new format is one function and one entry:

- A format that holds one table, in long form (a row per point, or a row per cycle): a function that takes the path and
  returns a `pandas.DataFrame` whose columns have the file's own names (``"V1"``, ``"I (uA)"``); add it to
  `TABLE_LOADERS`. A text file needs no loader of its own if `text_tables` finds its table.
- A format that holds arrays: a function that takes the path and returns a dict of arrays by the file's own names, with
  shape (devices, cycles, points), (cycles, points) or, of features, (devices, cycles), and a dict of attributes, of
  which `ATTRIBUTES` are used; add it to `ARRAY_LOADERS`.

A loader raises ValueError or OSError, with a plain sentence, if the file is not of its format; `learn.read` puts the
path before it. It imports a library that the extra ``learn`` does not hold by `synaptogen._utils.require`, inside the
function. Values are numbers; NaN, or a magnitude above `OVERFLOW` in a table, means not measured. Names of columns that
people commonly use for this instrument go to `columns.ALIASES`. A test with a small file goes to
tests/learn/io/test_other_formats.py, and the ending to the docstring of `learn.read` and to docs/learning.md.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import AnyArray, Shape
from synaptogen.learn.extraction import number_cycles
from synaptogen.params import FEATURE_NAMES

from .columns import FLAG, KEYS, KNOWN, LOOPS, Column, columns_of, listed
from .text_tables import load_text

ATTRIBUTES = ("current_limit", "series_resistance", "polarity")
OVERFLOW = 1e30  # instruments write 9.9e37 for what they could not measure
SPARSEST = 10  # cycle numbers that span more than this times their count are labels, not a count


class FileContents(NamedTuple):
    """Contents of a file.

    Attributes
    ----------
    arrays : dict of str to array
        By our names, in SI units: voltage and current (devices, cycles, points), or features (devices, cycles).
    device, cycle : array or None
        Labels of devices and cycles.
    attributes : dict
        Those of `ATTRIBUTES` that the file holds.
    """

    arrays: dict[str, AnyArray]
    device: AnyArray | None
    cycle: AnyArray | None
    attributes: dict[str, Any]


def read_file(path: str, columns: Mapping[str, str]) -> FileContents:
    """Read a file by its ending.

    Parameters
    ----------
    path : str
    columns : mapping of str to str
        The file's names of some of our columns.

    Returns
    -------
    FileContents

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, of an unknown kind, not of the format of its ending, or lacks columns.
    """
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
    return _from_arrays(*ARRAY_LOADERS[ending](path), columns)


def _check_columns(columns: Mapping[str, str]) -> None:
    for name in columns:
        if name not in KNOWN:
            raise ValueError(f"columns maps {name!r}, which is not one of {', '.join(KNOWN)}")


def _load_table(path: str, ending: str) -> pd.DataFrame:
    try:
        return TABLE_LOADERS[ending](path)
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


TABLE_LOADERS: dict[str, Callable[[str], pd.DataFrame]] = {
    ".csv": load_text,
    ".tsv": load_text,
    ".txt": load_text,
    ".parquet": pd.read_parquet,
    ".pq": pd.read_parquet,
}
"""Loaders of tables in long form, by the ending of the file."""

ARRAY_LOADERS: dict[str, Callable[[str], tuple[dict[str, AnyArray], dict[str, Any]]]] = {
    ".npz": _load_npz,
    ".h5": _load_netcdf,
    ".hdf5": _load_netcdf,
    ".nc": _load_netcdf,
}
"""Loaders of named arrays and attributes, by the ending of the file."""

TABLES, ARRAYS = tuple(TABLE_LOADERS), tuple(ARRAY_LOADERS)


def _wanted(names: Mapping[str, Column], present: Iterable[object]) -> tuple[str, ...]:
    """Return the variables to read: loops if there is a current, else features."""
    if "voltage" in names and "current" in names:
        return tuple(name for name in LOOPS if name in names)
    features = tuple(name for name in FEATURE_NAMES if name in names)
    if features:
        return (*features, FLAG) if FLAG in names else features
    raise ValueError(
        f"neither voltage and current nor a feature ({', '.join(FEATURE_NAMES)}) is among {listed(present)}: "
        "name them with columns={'voltage': ...}"
    )


def _from_table(table: pd.DataFrame, columns: Mapping[str, str]) -> FileContents:
    names = columns_of(table.columns, columns)
    wanted = _wanted(names, table.columns)
    if not len(table):
        raise ValueError("the table has columns but no rows")
    if "time" in wanted and not pd.api.types.is_numeric_dtype(table[names["time"].name]):
        wanted = tuple(name for name in wanted if name != "time")  # clock times are not used
    values = {name: names[name].factor * _numeric(table[names[name].name], name) for name in wanted}
    device, d = (
        _codes(table[names["device"].name]) if "device" in names else (np.zeros(1, int), np.zeros(len(table), int))
    )
    if "cycle" in names:
        cycle, c = _cycle_codes(table[names["cycle"].name])
    else:
        c = _cut(values["voltage"], d) if "current" in wanted else _count_within(d)
        cycle = np.arange(int(c.max()) + 1)
    row = d * len(cycle) + c  # number of the cycle among those of all devices
    if "current" in wanted:
        point = _count_within(row)
        shape: Shape = (len(device), len(cycle), int(point.max()) + 1)
        where = row * shape[2] + point
    else:
        if len(np.unique(row)) < len(row):
            raise ValueError("a cycle of a device has more than one row: features are one row a cycle")
        shape, where = (len(device), len(cycle)), row
    return FileContents({k: _scatter(v, shape, where) for k, v in values.items()}, device, cycle, {})


def _count_within(group: AnyArray) -> AnyArray:
    """Count the rows of each group: 0, 1, 2 ... in the order of the table."""
    return np.asarray(pd.Series(group).groupby(group).cumcount().to_numpy())


def _cut(voltage: AnyArray, device: AnyArray) -> AnyArray:
    """Return the cycle number of each point of long records; a cycle begins where the voltage falls through zero."""
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
    """Return labels and codes of cycles; numbers that are left out are missing cycles, and keep their place."""
    labels, codes = _codes(column)
    if labels.dtype.kind == "f" and np.all(labels == np.round(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        return labels, codes
    span = int(labels[-1]) - int(labels[0]) + 1
    if span > SPARSEST * len(labels):
        return labels, codes
    return np.arange(labels[0], labels[0] + span), (labels - labels[0])[codes]


def _scatter(values: AnyArray, shape: Shape, where: AnyArray) -> AnyArray:
    out = np.full(int(np.prod(shape)), np.nan)
    out[where] = values
    return out.reshape(shape)


def _from_arrays(present: dict[str, AnyArray], attributes: dict[str, Any], columns: Mapping[str, str]) -> FileContents:
    names = columns_of(present, columns)
    wanted = _wanted(names, present)
    arrays = {name: _scaled(np.asarray(present[str(names[name].name)]), names[name].factor) for name in wanted}
    given = {k: attributes.get(k, present.get(k)) for k in ATTRIBUTES}
    instrument = {k: np.asarray(v).item() for k, v in given.items() if v is not None and np.size(v) == 1}
    labels = [_label(present, names.get(key)) for key in KEYS]
    return FileContents(arrays, labels[0], labels[1], instrument)


def _scaled(values: AnyArray, factor: float) -> AnyArray:
    return values if factor == 1.0 else values * factor


def _label(present: Mapping[str, AnyArray], column: Column | None) -> AnyArray | None:
    return present[str(column.name)] if column is not None and np.ndim(present[str(column.name)]) == 1 else None
