"""Files of repeated reads, retention and bakes."""

import csv
import os
from collections.abc import Mapping

import pandas as pd
import xarray as xr

from synaptogen._utils import PathLike, checked, checks

from .columns import listed
from .formats import Contents, load, table_of_frame
from .layouts import is_swept
from .raw_tables import RawTable
from .read_columns import ReadOptions, ReadTable
from .read_names import ROLES
from .read_tables import find_reads
from .reads import reads


@checked
def read_retention(
    source: PathLike | pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    voltage: float | None = None,
    seconds: float | None = None,
    temperature: float | None = None,
) -> xr.Dataset:
    r"""Read repeated reads, retention or a bake from a file or a data frame.

    Formats are those of `learn.read`. Names of columns and the units in them tell what they hold: time (in s, min,
    h ...) or the number of the read; a resistance, a conductance, or a current with its read voltage; and, where they
    are there, device, temperature and level. A table may have a row for each read, a column for each device beside one
    of times, a row for each device with columns named by times, or columns before and after a bake.
    ``attrs["read_as"]`` says what was understood.

    Parameters
    ----------
    source : path or DataFrame
        A file, or a table in memory.
    columns : mapping of str to str, optional
        The file's own names, as ``{"resistance": "R_dut"}``, of device, time, read, resistance, conductance, current,
        voltage, temperature, level, before and after.
    voltage : float, optional
        Read voltage in V, where there are currents and no column says it.
    seconds : float, optional
        Duration in s of a bake, where the table has reads before and after it, and no time.
    temperature : float, optional
        Temperature in K at which cells were between their reads, where no column says it.

    Returns
    -------
    xarray.Dataset
        As `learn.reads` returns it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no repeated reads, or something lacks that they need.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from synaptogen import learn
    >>> table = "cell;time [h];R (kohm);bake T (C)\n1;0;105;25\n1;24;98,2;85\n2;0;110;25\n2;24;131;85\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bake.csv"
    ...     _ = path.write_text(table)
    ...     data = learn.read_retention(path)
    >>> data.time.values.tolist(), data.temperature.values[0].tolist()
    ([0.0, 86400.0], [298.15, 358.15])
    >>> print(data.attrs["read_as"])
    format: text
    resistance: column 'R (kohm)' (times 1000)
    temperature: column 'bake T (C)', in degrees Celsius
    time: column 'time [h]' (times 3600)
    device: column 'cell'
    """
    for ours in columns or {}:
        if ours not in ROLES:
            raise ValueError(f"columns maps {ours!r}, which is not one of {', '.join(ROLES)}")
    options = ReadOptions(
        dict(columns or {}),
        None if voltage is None else checks.positive("voltage", abs(voltage), "V"),
        None if seconds is None else checks.positive("seconds", seconds, "s"),
        None if temperature is None else checks.positive("temperature", temperature, "K"),
    )
    if isinstance(source, pd.DataFrame):
        return _made(Contents([table_of_frame(source)], {}, {}, "data frame"), options, "the table")
    where = os.fspath(source)
    if not os.path.exists(where):
        raise FileNotFoundError(f"there is no file {where}")
    if os.path.isdir(where):
        raise ValueError(f"{where} is a folder: give one file of reads, or join tables with pandas.concat")
    name = os.path.basename(where)
    try:
        return _made(load(where), options, name)
    except ValueError as error:
        frame = _plain_table(where)
        if frame is not None and find_reads(Contents([frame], {}, {}, "text"), options, strict=False) is not None:
            return _made(Contents([frame], {}, {}, "text"), options, name)
        raise ValueError(f"{where}: {error}") from error


def _plain_table(path: str) -> RawTable | None:
    """Return the table of a text or a sheet whose first line names the columns, also by numbers or times."""
    try:
        if path.lower().endswith((".xlsx", ".xls", ".ods")):
            return table_of_frame(pd.read_excel(path, engine="calamine"))
        return table_of_frame(pd.read_csv(path, sep=None, engine="python", comment="#"))
    except (ValueError, TypeError, csv.Error, OSError):  # neither, or no table
        return None


def reads_in(contents: Contents, name: str) -> xr.Dataset | None:
    """Return the repeated reads in what a file holds, or None if it could be something else.

    Parameters
    ----------
    contents : Contents
    name : str
        Of the file, for messages.

    Returns
    -------
    Dataset or None

    Raises
    ------
    ValueError
        If there are reads, but something lacks.
    """
    if any(is_swept(table) for table in contents.tables):
        return None
    found = find_reads(contents, ReadOptions(), strict=True)
    return None if found is None else _dataset(found, name)


def _made(contents: Contents, options: ReadOptions, name: str) -> xr.Dataset:
    found = find_reads(contents, options, strict=False)
    if found is None:
        names = [n for t in contents.tables[:3] for n in t.names[:12]] or list(contents.arrays)
        raise ValueError(
            f"no repeated reads are among {listed(names)}: they need a resistance, a conductance or a current, and a"
            " time or the number of the read, or columns before and after; name them with columns={'resistance': ...}"
        )
    return _dataset(found, name)


def _dataset(found: ReadTable, name: str) -> xr.Dataset:
    made = reads(**found.arguments, name=name)
    return made.assign_attrs(read_as="\n".join(found.lines))
