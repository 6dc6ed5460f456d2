"""Measurements to files, in the formats that `learn.read` reads."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import AnyArray, PathLike, checked, replacing, require

__all__ = ["check_ending", "write"]

ENDINGS = (".csv", ".tsv", ".xlsx", ".parquet", ".npz", ".nc")
MOST_ROWS = 1_048_575  # of a sheet, below the names


@checked
def write(data: xr.Dataset, path: PathLike) -> None:
    """Write loops, features or reads: as a table in long form (.csv, .tsv, .xlsx, .parquet), or as arrays (.npz, .nc).

    The file takes its place as a whole, or not at all.

    Parameters
    ----------
    data : xarray.Dataset
        Loops, features or repeated reads.
    path : str or path

    Raises
    ------
    ValueError
        If the ending is another, or a table has more rows than a sheet of a workbook can hold.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from synaptogen import learn
    >>> data = learn.sample_loops(devices=2, cycles=3, points=40, outliers=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     learn.write(data, Path(folder) / "loops.npz")
    ...     back = learn.read(Path(folder) / "loops.npz")
    >>> bool((back.current == data.current).all())
    True
    """
    ending = check_ending(path)
    if "conductance" in data:
        data = _plain_reads(data)
    with replacing(path) as beside:
        if ending in (".csv", ".tsv"):
            _table(data).to_csv(beside, sep="," if ending == ".csv" else "\t", index=False, float_format="%.9g")
        elif ending == ".xlsx":
            _workbook(_table(data), beside)
        elif ending == ".parquet":
            _table(data).to_parquet(beside, index=False)
        elif ending == ".npz":
            with beside.open("xb") as file:
                arrays: dict[str, Any] = _arrays(data)  # savez has a keyword of its own, which is no array
                np.savez_compressed(file, **arrays)
        else:
            data.to_netcdf(beside, engine="h5netcdf")


@checked
def check_ending(path: PathLike) -> str:
    """Return the ending of a file that `write` can write.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    str
        In lower case, with its dot.

    Raises
    ------
    ValueError
        If it is another.

    Examples
    --------
    >>> from synaptogen import learn
    >>> learn.check_ending("Features.CSV")
    '.csv'
    >>> learn.check_ending("features.xls")
    Traceback (most recent call last):
    ...
    ValueError: 'features.xls' must end in one of .csv, .tsv, .xlsx, .parquet, .npz, .nc
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{os.fspath(path)!r} must end in one of {', '.join(ENDINGS)}")
    return ending


def _workbook(table: pd.DataFrame, path: Path) -> None:
    require("openpyxl", "learn")
    if len(table) > MOST_ROWS:
        raise ValueError(
            f"a sheet of a workbook holds {MOST_ROWS:,} rows, and there are {len(table):,}: write .csv or .parquet"
        )
    with path.open("xb") as file:  # pandas goes by the ending of a path, and the file beside has another
        table.to_excel(file, index=False, engine="openpyxl")


def _plain_reads(data: xr.Dataset) -> xr.Dataset:
    """Return repeated reads with names that say the unit, and numbers of reads that were not timed by that name."""
    names = {"conductance": "conductance (S)", "time": "time (s)" if data.attrs["timed"] else "number"}
    if "temperature" in data:
        names["temperature"] = "temperature (K)"
    plain = xr.Dataset(
        {names[str(k)]: (v.dims, v.to_numpy()) for k, v in data.data_vars.items()},
        {k: (v.dims, v.to_numpy()) for k, v in data.coords.items()},
    )
    return plain if data.attrs["timed"] else plain.drop_vars("number").assign_coords(read=data["time"].to_numpy())


def _table(data: xr.Dataset) -> pd.DataFrame:
    """Return one row per point, or per cycle; rows without any value are left out."""
    timed = ["read"] if "time (s)" in data else []
    table = data.to_dataframe().reset_index().drop(columns=["point", *timed], errors="ignore")
    values = ["conductance (S)"] if "conductance (S)" in data else [name for name in data.data_vars if name != "flag"]
    if "flag" in table:
        return table[table["flag"].notna()]
    return table.dropna(subset=values, how="all")


def _arrays(data: xr.Dataset) -> dict[str, AnyArray]:
    arrays = {str(name): data[name].to_numpy() for name in (*data.data_vars, *data.coords)}
    attributes = {k: np.asarray(v) for k, v in data.attrs.items() if isinstance(v, int | float)}
    return {**arrays, **attributes}
