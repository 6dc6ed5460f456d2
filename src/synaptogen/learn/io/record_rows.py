"""Tables with a whole record in each row: cells that hold lists of points, or a column for each point.

They become tables with a row per point, and labels of devices and cycles in columns of their own.
"""

import csv
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray

from .columns import KEYS, device_part, role_of
from .raw_tables import RawTable, is_numeric
from .units import LONGEST

FEWEST = 12  # points of a record
ALONG = 5.0  # times as far along the points as across the records does a voltage run

_POINT = re.compile(r"(?P<quantity>.*?[^\W\d])[\s_\-.\[(]*(?P<number>\d+)[\])]?(?P<unit>\s*[(\[][^()\[\]]*[)\]])?")
_LIST = re.compile(r"\s*\[(?P<body>[^\[\]]*)\]\s*")


def with_points_in_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a row per point of one in which cells hold lists of points; others as they are.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If the lists in a row differ in length.
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    lists = [k for k in range(frame.shape[1]) if _holds_lists(frame.iloc[:, k])]
    names = [frame.columns[k] for k in lists]
    if not lists or len(set(frame.columns)) < frame.shape[1]:
        return frame
    keys = [n for n in frame.columns if n not in names and (role_of(n)[0] in KEYS or device_part(n))]
    if not any(role_of(n)[0] == "cycle" for n in keys):
        count = frame.groupby(keys).cumcount() if keys else np.arange(len(frame))
        frame = frame.assign(cycle=np.asarray(count))
    try:
        return frame.explode(names, ignore_index=True).astype(dict.fromkeys(names, np.float64))
    except ValueError as error:
        raise ValueError(
            f"the cells of {', '.join(map(repr, names))} hold lists that do not go together: {error}"
        ) from None


def _holds_lists(column: "pd.Series") -> bool:
    return len(column) > 0 and all(isinstance(v, list | tuple | np.ndarray) for v in column)


def lists_in_cells(path: str) -> pd.DataFrame | None:
    """Return the table of a text whose cells hold lists, ``"[0, 0.1, ...]"``; None if it has none.

    Parameters
    ----------
    path : str

    Returns
    -------
    DataFrame or None

    Raises
    ------
    ValueError
        If a program has printed dots in place of numbers.
    """
    with open(path, "rb") as file:
        if b"[" not in file.read(1 << 14):
            return None
    try:
        frame = pd.read_csv(path, sep=None, engine="python")
    except (ValueError, csv.Error):
        return None
    found = False
    for name in frame.columns:
        matches = [_LIST.fullmatch(v) if isinstance(v, str) else None for v in frame[name]]
        if not matches or not all(matches):
            continue
        bodies = [m["body"] for m in matches if m]
        if any("..." in body for body in bodies):
            raise ValueError(
                f"the cells of {str(name)!r} were printed with dots in place of most numbers: save the arrays"
                " themselves, as NPZ or as one row per point"
            )
        try:
            values = [[float(x) for x in re.split(r"[\s,;]+", body.strip(" ,;\n"))] for body in bodies]
        except ValueError:
            continue
        frame[name] = pd.Series(values, index=frame.index)
        found = True
    return frame if found else None


def with_rows_of_points(table: RawTable) -> RawTable:
    """Return a table with a row per point of one with columns ``V0, V1, ..., I0, I1, ...`` in which a row is a record.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    RawTable
        The same one if its voltages do not run along the rows.
    """
    if len(table.names) < 2 * FEWEST or not table.rows:
        return table
    groups: dict[str, list[tuple[int, int]]] = {}
    for k, name in enumerate(table.names):
        match = _POINT.fullmatch(name) if len(name) <= LONGEST and is_numeric(table.columns[k]) else None
        if match:
            groups.setdefault(match["quantity"] + (match["unit"] or ""), []).append((int(match["number"][:9]), k))
    points = {name: [k for _, k in sorted(own)] for name, own in groups.items() if len(own) >= FEWEST}
    roles = {name: role_of(name)[0] for name in points}
    volts, amps = ([n for n, role in roles.items() if role == kind] for kind in ("voltage", "current"))
    if len(volts) != 1 or len(amps) != 1 or len(points[volts[0]]) != len(points[amps[0]]):
        return table
    u, i = (np.stack([table.columns[k] for k in points[n]], 1) for n in (volts[0], amps[0]))
    if not _runs_along(u):
        return table
    rest = [k for k in range(len(table.names)) if k not in (*points[volts[0]], *points[amps[0]])]
    keys = [k for k in rest if table.names[k] and (role_of(table.names[k])[0] in KEYS or device_part(table.names[k]))]
    width = u.shape[1]
    names, columns = [table.names[k] for k in keys], [np.repeat(table.columns[k], width) for k in keys]
    if not any(role_of(name)[0] == "cycle" for name in names):
        names, columns = [*names, "cycle"], [*columns, np.repeat(_count(table, keys), width)]
    note = f"each row is a record of {width} points, in columns {volts[0]!r} and {amps[0]!r}"
    return RawTable([*names, volts[0], amps[0]], [*columns, u.ravel(), i.ravel()], table.where, table.head, [note])


def _runs_along(u: AnyArray) -> bool:
    """Return whether voltages change along the rows, and hardly across them."""
    if len(u) == 1:
        return True
    low, high = np.nanmin(u, 1), np.nanmax(u, 1)
    across = float(np.median(np.nanmax(u, 0) - np.nanmin(u, 0)))
    return float(np.median(high - low)) > ALONG * across


def _count(table: RawTable, keys: Sequence[int]) -> AnyArray:
    """Return the number of each row among those of its device."""
    if not keys:
        return np.arange(table.rows, dtype=np.float64)
    frame = pd.DataFrame({k: table.columns[k] for k in keys})
    return np.asarray(frame.groupby(list(keys)).cumcount(), np.float64)
