"""Measurements to files, in the formats that `measurement.read` reads."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from synaptogen._utils import replacing

__all__ = ["check_ending", "write"]

ENDINGS = (".csv", ".tsv", ".parquet", ".npz", ".nc")


def write(data: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """Write loops or features: as a table in long form (.csv, .tsv, .parquet), or as arrays (.npz, .nc).

    The file takes its place as a whole, or not at all.

    Raises
    ------
    ValueError
        If the ending is another.
    """
    ending = check_ending(path)
    with replacing(path) as beside:
        if ending in (".csv", ".tsv"):
            _table(data).to_csv(beside, sep="," if ending == ".csv" else "\t", index=False, float_format="%.9g")
        elif ending == ".parquet":
            _table(data).to_parquet(beside, index=False)
        elif ending == ".npz":
            with beside.open("xb") as file:
                np.savez_compressed(file, **_arrays(data))
        else:
            data.to_netcdf(beside, engine="h5netcdf")


def check_ending(path: str | os.PathLike[str]) -> str:
    """Return the ending of a file that `write` can write.

    Raises
    ------
    ValueError
        If it has another.
    """
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"{os.fspath(path)!r} must end in one of {', '.join(ENDINGS)}")
    return ending


def _table(data: xr.Dataset) -> Any:
    """One row a point, or a cycle; rows without any value are left out."""
    table = data.to_dataframe().reset_index().drop(columns="point", errors="ignore")
    values = [name for name in data.data_vars if name != "flag"]
    if "flag" in table:
        return table[table["flag"].notna()]
    return table.dropna(subset=values, how="all")


def _arrays(data: xr.Dataset) -> dict[str, Any]:
    arrays = {str(name): data[name].to_numpy() for name in (*data.data_vars, *data.coords)}
    said = {k: np.asarray(v) for k, v in data.attrs.items() if isinstance(v, int | float)}
    return {**arrays, **said}
