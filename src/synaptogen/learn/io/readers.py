"""Files of measurements: from tables and arrays, as files have them, to voltages, currents and features in SI units.

`formats.load` finds the format of a file by its content, `layouts` finds records in tables. Here labels of devices and
cycles are taken in, and records become arrays. A new format is a function in `formats`; names that people use for
columns go to `columns.ALIASES`.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Shape
from synaptogen.learn.extraction import kind_of_columns, refuse
from synaptogen.params import FEATURE_NAMES

from .columns import FLAG, KEYS, KNOWN, LOOPS, Column, columns_of, listed, role_of, split_unit
from .formats import Contents, load
from .layouts import OVERFLOW, Options, Record, Understood, records_of
from .raw_tables import RawTable
from .text_tables import shown_lines

ATTRIBUTES = ("current_limit", "series_resistance", "polarity")
SPARSEST = 10  # cycle numbers that span more than this times their count are labels, not a count
RAGGED = 50  # numbers of an array over the rows of its table


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
    understood : Understood
        How it was read.
    """

    arrays: dict[str, AnyArray]
    device: AnyArray | None
    cycle: AnyArray | None
    attributes: dict[str, Any]
    understood: Understood


def read_file(path: str, columns: Mapping[str, str], options: Options) -> FileContents:
    """Read a file by its content.

    Parameters
    ----------
    path : str
    columns : mapping of str to str
        The file's names of some of our columns.
    options : Options
        What the file leaves open.

    Returns
    -------
    FileContents

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, damaged, of an unknown kind, or lacks columns.
    """
    check_columns(columns)
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}")
    return understand(load(path), columns, options)


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse names of ours that do not exist."""
    for name in columns:
        if name not in KNOWN:
            raise ValueError(f"columns maps {name!r}, which is not one of {', '.join(KNOWN)}")


def understand(contents: Contents, columns: Mapping[str, str], options: Options) -> FileContents:
    """Find loops or features in what a file holds.

    Parameters
    ----------
    contents : Contents
    columns : mapping of str to str
        The file's names of some of our columns.
    options : Options

    Returns
    -------
    FileContents

    Raises
    ------
    ValueError
        If there is neither, or columns could mean several things.
    """
    understood = Understood([f"format: {contents.format}"] if contents.format else [])
    tables = contents.tables
    if contents.arrays:
        columns_alone = _as_tables(contents.arrays)
        if columns_alone is None:
            return _from_arrays(contents.arrays, contents.attributes, columns, understood)
        tables = columns_alone
    for table in tables:
        kind = kind_of_columns(table.names) if table.named and not columns else None
        if kind is not None:
            refuse(kind)
    plain = [t for t in tables if _is_long_form(t, columns)]
    if plain:
        frame, where = plain[0].frame(), plain[0].where
        if len(plain) > 1:
            frame = pd.concat([t.frame() for t in plain if t.names == plain[0].names], ignore_index=True)
        understood.lines += [f"sheet or block: {where}"] if where else []
        return _from_table(frame, columns, understood, plain[0].head)
    if columns:
        tables = [_renamed(t, columns) for t in tables]
    records = records_of(tables, options, understood)
    if not records:
        raise ValueError(_nothing_found(tables))
    return _from_records(records, options, understood)


def _nothing_found(tables: list[RawTable]) -> str:
    names = listed(name for t in tables[:3] for name in t.names[:12])
    head = shown_lines(tables[0].head) if tables and tables[0].head else ""
    begins = f"; the table begins with {head}" if head else ""
    return (
        f"neither voltage and current nor a feature ({', '.join(FEATURE_NAMES)}) is among {names}: name them with "
        f"columns={{'voltage': ...}}, or --column voltage=NAME{begins}"
    )


def _as_tables(arrays: Mapping[str, AnyArray]) -> list[RawTable] | None:
    """Return tables if all arrays of a folder of names are columns of one length, else None."""
    folders: dict[str, dict[str, AnyArray]] = {}
    for name, array in arrays.items():
        flat = np.squeeze(np.asarray(array))
        if flat.ndim == 0:
            continue
        if flat.ndim > 1:
            return None
        folder, _, last = name.rpartition("/")
        folders.setdefault(folder, {})[last] = flat
    tables = []
    for folder, own in folders.items():
        longest = max(len(a) for a in own.values())
        kept = {k: a for k, a in own.items() if len(a) == longest and longest > 1}
        values = [np.asarray(a, np.float64) if a.dtype.kind in "fiub" else a.astype(object) for a in kept.values()]
        if kept:
            tables.append(RawTable(list(kept), values, folder))
    return tables or None


def _is_long_form(table: RawTable, columns: Mapping[str, str]) -> bool:
    """Return whether a table has labels of cycles or devices, or features, so that its columns are found by name."""
    if not table.named:
        return False
    given = set(columns)
    roles: dict[str, int] = {}
    for name in table.names:
        base, _ = split_unit(name)
        role = next((ours for ours in KNOWN if base.lower() == ours), None) or role_of(name)[0]
        if name and role is not None:
            roles[role] = roles.get(role, 0) + 1
    have = set(roles) | given
    loops = {"voltage", "current"} <= have
    if loops and "current" not in given and (roles.get("voltage", 0) > 1 or roles.get("current", 0) > 1):
        return False
    if loops:
        return bool(have & set(KEYS)) or bool(given)
    return "current" not in roles and bool(have & set(FEATURE_NAMES))


def _renamed(table: RawTable, columns: Mapping[str, str]) -> RawTable:
    """Return a table in which given columns have our names."""
    back = {theirs: ours for ours, theirs in columns.items()}
    taken = set(columns)
    names = []
    for name in table.names:
        if name in back:
            names.append(back[name])
        else:
            names.append("" if role_of(name)[0] in taken else name)
    return RawTable(names, table.columns, table.where, table.head)


def _from_records(records: list[Record], options: Options, understood: Understood) -> FileContents:
    """Put records side by side as cycles of a device, or as devices."""
    many = len(records) > 1
    points = max(len(r.voltage) for r in records)
    total = sum(len(r.voltage) for r in records)
    _require_filled(len(records) * points, total, "records differ in length")
    arrays: dict[str, AnyArray] = {}
    for name in LOOPS:
        values = [getattr(r, name) for r in records]
        if any(v is None for v in values):
            continue
        out = np.full((len(records), points), np.nan)
        for row, v in zip(out, values, strict=True):
            row[: len(v)] = v
        arrays[name] = out[None] if options.records == "cycles" else out[:, None]
    if options.magnitude:
        arrays["current"] = np.abs(arrays["current"]) * np.sign(arrays["voltage"])
        understood.lines.append("currents are magnitudes: they get the sign of the voltage")
    if many:
        other = "devices" if options.records == "cycles" else "cycles"
        understood.lines.append(f"{len(records)} records, taken as {options.records}; --records {other} for the other")
    labels = np.array([r.label or str(k + 1) for k, r in enumerate(records)], dtype=object)
    if options.records == "devices":
        return FileContents(arrays, labels if many else None, None, {}, understood)
    return FileContents(arrays, None, None, {}, understood)


def _require_filled(numbers: int, rows: int, why: str) -> None:
    if numbers > max(RAGGED * rows, 10_000_000):
        raise ValueError(
            f"the table would fill {numbers:,} places with {rows:,} rows, since {why}: cut it into files of records of "
            "about one length"
        )


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


def _columns_by_role(table: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, Column]:
    """Return columns by our names: given ones, exact names and aliases, then by the meaning of the whole name."""
    found = columns_of(table.columns, columns)
    for name in table.columns:
        role, _ = role_of(str(name))
        if role in KNOWN and role not in found and str(name) not in columns.values():
            found[role] = Column(name, split_unit(str(name))[1])
    return found


def _from_table(
    table: pd.DataFrame, columns: Mapping[str, str], understood: Understood, head: list[str]
) -> FileContents:
    names = _columns_by_role(table, columns)
    try:
        wanted = _wanted(names, table.columns)
    except ValueError as error:
        raise ValueError(f"{error}; the table begins with {shown_lines(head)}") from None
    if not len(table):
        raise ValueError("the table has columns but no rows")
    if "time" in wanted and not pd.api.types.is_numeric_dtype(table[names["time"].name]):
        wanted = tuple(name for name in wanted if name != "time")  # clock times are not used
    for name in (*[k for k in KEYS if k in names], *wanted):
        factor = names[name].factor
        understood.lines.append(
            f"{name}: column {str(names[name].name)!r}" + ("" if factor == 1.0 else f" (times {factor:g})")
        )
    understood.believed = "current" in names and split_unit(str(names["current"].name))[0] != str(names["current"].name)
    values = {name: names[name].factor * _numeric(table[names[name].name], name) for name in wanted}
    device, d = (
        _codes(table[names["device"].name]) if "device" in names else (np.zeros(1, int), np.zeros(len(table), int))
    )
    if "cycle" in names:
        cycle, c = _cycle_codes(table[names["cycle"].name])
    else:
        c = np.zeros(len(table), np.int64) if "current" in wanted else _count_within(d)
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
    _require_filled(int(np.prod([int(n) for n in shape])), len(table), "devices and cycles differ in length")
    arrays = {k: _scatter(v, shape, where) for k, v in values.items()}
    return FileContents(arrays, device, cycle, {}, understood)


def _count_within(group: AnyArray) -> AnyArray:
    """Count the rows of each group: 0, 1, 2 ... in the order of the table."""
    return np.asarray(pd.Series(group).groupby(group).cumcount().to_numpy())


def _numeric(column: Any, name: str) -> AnyArray:
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"several columns are named {column.columns[0]!r}: give them different names")
    try:
        values = np.asarray(pd.to_numeric(column.replace("", np.nan)), np.float64)
        return np.where(np.abs(values) > OVERFLOW, np.nan, values) if np.isfinite(values).any() else values
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {column.name!r} for {name} holds what is not a number: {error}") from error


def _codes(column: Any) -> tuple[AnyArray, AnyArray]:
    if column.isna().any() or (column == "").any():
        raise ValueError(f"column {column.name!r} has rows without a label: fill or remove them")
    codes, labels = pd.factorize(column, sort=True)
    return np.asarray(labels), np.asarray(codes)


def _cycle_codes(column: Any) -> tuple[AnyArray, AnyArray]:
    """Return labels and codes of cycles; numbers that are left out are missing cycles, and keep their place."""
    labels, codes = _codes(column)
    if labels.dtype.kind == "f":
        if not np.all(np.isfinite(labels)) or np.abs(labels).max() > 2**53:
            raise ValueError(f"column {column.name!r} holds cycle numbers that are no counts, such as {labels[-1]!r}")
        if np.all(labels == np.round(labels)):
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


def _from_arrays(
    present: Mapping[str, AnyArray], attributes: dict[str, Any], columns: Mapping[str, str], understood: Understood
) -> FileContents:
    names = columns_of(present, columns)
    wanted = _wanted(names, present)
    arrays = {name: _scaled(np.asarray(present[str(names[name].name)]), names[name].factor) for name in wanted}
    understood.lines += [f"{name}: array {str(names[name].name)!r} of shape {arrays[name].shape}" for name in wanted]
    given = {k: attributes.get(k, present.get(k)) for k in ATTRIBUTES}
    instrument = {k: np.asarray(v).item() for k, v in given.items() if v is not None and np.size(v) == 1}
    labels = [_label(present, names.get(key)) for key in KEYS]
    return FileContents(arrays, labels[0], labels[1], instrument, understood)


def _scaled(values: AnyArray, factor: float) -> AnyArray:
    return values if factor == 1.0 else values * factor


def _label(present: Mapping[str, AnyArray], column: Column | None) -> AnyArray | None:
    return present[str(column.name)] if column is not None and np.ndim(present[str(column.name)]) == 1 else None
