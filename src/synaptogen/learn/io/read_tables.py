"""Tables of repeated reads, retention and bakes: from columns, whose names and units tell what they hold, to reads.

Four layouts are known. Long: a row for each read, with columns for the device, the time or the number of the read, and
a resistance, conductance or current. Before and after: a row for each device, with a column for each of the two, or two
rows with a column that says which. Wide: a column of times or numbers, and a column for each device. Turned: a row for
each device, and columns that are named by times or numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synaptogen._utils import AnyArray

from .columns import role_of
from .formats import Contents
from .raw_tables import RawTable, is_numeric
from .read_arrays import reads_of_arrays
from .read_columns import ReadOptions, ReadTable, is_steady
from .read_layouts import reads_of_table
from .read_names import QUANTITIES, name_of


def find_reads(contents: Contents, options: ReadOptions, *, strict: bool) -> ReadTable | None:
    """Find repeated reads in what a file holds.

    Parameters
    ----------
    contents : Contents
        Tables, or named arrays.
    options : ReadOptions
        What the user says.
    strict : bool
        Take nothing that could be something else, as loops, cycles or features.

    Returns
    -------
    ReadTable or None
        None if it is nothing of this kind.

    Raises
    ------
    ValueError
        If it is, but something lacks.
    """
    tables = contents.tables
    if contents.arrays:
        found = reads_of_arrays(contents.arrays, options, strict)
        if found is not None:
            return _with_format(found, contents)
        tables = _columns_of(contents.arrays)
    each = [t for t in tables if t.named and t.rows and (not strict or not _switches(t))]
    if strict and len(each) < len(tables):
        return None
    parts = [(t, part) for t in each if (part := reads_of_table(t, options, strict)) is not None]
    if not parts:
        return None
    found = _joined(parts) if len(parts) > 1 else parts[0][1]
    _refuse_what_is_not_used(found, options)
    return _with_format(found, contents)


def _with_format(found: ReadTable, contents: Contents) -> ReadTable:
    return ReadTable(found.arguments, [f"format: {contents.format}"] * bool(contents.format) + found.lines)


def _refuse_what_is_not_used(found: ReadTable, options: ReadOptions) -> None:
    """Refuse the duration of a bake where no reads before and after one were found."""
    time = found.arguments.get("time")
    if options.seconds is not None and (time is None or not np.any(np.asarray(time) == options.seconds)):
        raise ValueError(
            f"seconds (--seconds) is {options.seconds:g}, but the table does not say which reads were before and after"
            " a bake: call them so, or leave seconds out"
        )


def _switches(table: RawTable) -> bool:
    """Return whether a table could hold loops, cycles or features."""
    roles = [role_of(name)[0] for name in table.names if name]
    volts = [c for n, c in zip(table.names, table.columns, strict=True) if role_of(n)[0] == "voltage"]
    swept = any(is_numeric(c) and not is_steady(c) for c in volts)
    if swept and "current" in roles:
        return True
    if any(r in ("cycle", "r_hrs", "r_lrs", "u_set", "u_reset") for r in roles):
        return not any(name_of(n).role in ("time", "read") for n in table.names if role_of(n)[0] != "cycle")
    return swept


def _columns_of(arrays: Mapping[str, AnyArray]) -> list[RawTable]:
    """Return one-dimensional arrays of one length as a table."""
    flat = {k: np.asarray(v) for k, v in arrays.items() if np.ndim(v) == 1}
    lengths = [len(v) for v in flat.values()]
    if not lengths:
        return []
    kept = {k: v for k, v in flat.items() if len(v) == max(lengths)}
    values = [v.astype(np.float64) if v.dtype.kind in "fiub" else v.astype(object) for v in kept.values()]
    return [RawTable(list(kept), values)]


def _joined(parts: Sequence[tuple[RawTable, ReadTable]]) -> ReadTable:
    """Return the reads of several sheets or blocks as one: devices one below another."""
    roles = {next(q for q in QUANTITIES if q in part.arguments) for _, part in parts}
    if len(roles) > 1 or len({"time" in part.arguments for _, part in parts}) > 1:
        raise ValueError("sheets or blocks hold reads of different kinds: read them one by one")
    role = roles.pop()
    most = max(part.arguments[role].shape[1] for _, part in parts)
    padded: dict[str, list[AnyArray]] = {}
    labels: list[str] = []
    for number, (table, part) in enumerate(parts):
        own = part.arguments
        n = len(own[role])
        for key in (role, "time", "temperature"):
            if key in own:
                full = np.broadcast_to(np.asarray(own[key], np.float64), own[role].shape)
                padded.setdefault(key, []).append(
                    np.pad(full, ((0, 0), (0, most - full.shape[1])), constant_values=np.nan)
                )
            elif key == "temperature":
                padded.setdefault(key, []).append(np.full((n, most), np.nan))
        where = table.where or str(number + 1)
        labels += [f"{where}/{d}" for d in own.get("device", range(n))]
    arguments: dict[str, Any] = {key: np.concatenate(values) for key, values in padded.items()}
    if np.isnan(arguments["temperature"]).all():
        del arguments["temperature"]
    if role == "current":
        arguments["voltage"] = np.concatenate(
            [np.full((len(part.arguments[role]), 1), part.arguments["voltage"]) for _, part in parts]
        )
    if all("level" in part.arguments for _, part in parts):
        arguments["level"] = np.concatenate([np.asarray(part.arguments["level"]) for _, part in parts])
    arguments["device"] = np.array(labels, dtype=object)
    lines = [f"sheets or blocks: {', '.join(t.where or '?' for t, _ in parts)}", *parts[0][1].lines]
    return ReadTable(arguments, lines)
