"""Measurements from files, folders, data frames and Datasets."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import PathLike, checked, checks, one_of
from synaptogen.params import FEATURE_NAMES

from .folders import read_folder
from .formats import Contents, table_of_frame
from .layouts import Options, Records
from .measurement import believed_loops, features, loops
from .measurement_checks import runs_against, unusual_sizes
from .readers import FileContents, check_columns, load_file, understand
from .retention import reads_in
from .table_events import events_in
from .units import check_units


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
    r"""Read loops, features or repeated reads from a file, a folder or a data frame.

    The format is found by the content: text of many styles, workbooks (xls, xlsx, ods), NPZ and NPY, MATLAB, HDF5 and
    NetCDF, Parquet, JSON. Names of columns and the units in them tell what they hold. A table may have one row per
    point (device, cycle, voltage, current[, time], where device and cycle may be missing), one row per cycle (device,
    cycle and features), pairs of columns of voltage and current, or one voltage and many currents. A record without
    numbers of cycles stays one record; `extract` cuts it. In a table of features without flags, failed cycles and
    thresholds at the end of the ramp are recognised and flagged. Resistances against time without switching, and reads
    before and after a bake, are repeated reads; `read_retention` takes what such a table leaves open.
    ``attrs["read_as"]`` says what was understood, ``attrs["unusual"]`` which numbers are unusual in their units.

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
        As `loops`, `features` or `reads` returns it.

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
        if "conductance" in source:
            return source
        return _with_attributes(source, given)
    if isinstance(source, pd.DataFrame):
        check_columns(names)
        contents = Contents([table_of_frame(source)], {}, {}, "data frame")
        repeated = None if names or units else reads_in(contents, "the table")
        if repeated is not None:
            return repeated
        return _dataset(understand(contents, names, options), given, magnitude)
    where = os.fspath(source)
    if os.path.isdir(where):
        return read_folder(where, lambda one: _no_reads(_read_file(one, names, options, given), one))
    return _read_file(where, names, options, given)


def _read_file(where: str, columns: Mapping[str, str], options: Options, given: Mapping[str, Any]) -> xr.Dataset:
    try:
        contents = load_file(where, columns)
        repeated = None if columns or options.units else reads_in(contents, os.path.basename(where))
        if repeated is not None:
            return repeated
        return _dataset(understand(contents, columns, options), given, options.magnitude)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _no_reads(data: xr.Dataset, where: str) -> xr.Dataset:
    if "conductance" in data:
        raise ValueError(f"{where}: these are repeated reads: give such files one by one (learn.read_retention)")
    return data


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
        if runs_against(arrays["voltage"], arrays["current"]):
            arrays = {**arrays, "current": -arrays["current"]}
            found.understood.lines.append(
                "current has the sign opposite to that of the voltage, as that out of the other terminal: its sign is"
                " changed"
            )
        attributes = {**found.attributes, **{k: v for k, v in given.items() if v is not None}}
        believed = found.understood.believed
        made = believed_loops(**arrays, **attributes, device=found.device, cycle=found.cycle, believed=believed)
    unusual = unusual_sizes(arrays, found.understood.believed)
    if unusual:
        made.attrs["unusual"] = "\n".join(unusual)
    return made.assign_attrs(read_as="\n".join(found.understood.lines + unusual))
