"""Files of measurements: from tables and arrays, as files have them, to voltages, currents and features in SI units.

`formats.load` finds the format of a file by its content, `layouts` finds records in tables. Here labels of devices and
cycles are taken in, and records become arrays. A new format is a function in `formats`; names that people use for
columns go to `columns.ALIASES`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray
from synaptogen.learn.extraction import kind_of_columns, refuse
from synaptogen.params import FEATURE_NAMES

from .arrays import columns_of_arrays, loops_of_arrays
from .channels import Channel, channels_of, holds_features, numbers_of
from .columns import KEYS, KNOWN, LOOPS, QUOTIENTS, Column, columns_of, device_part, listed, role_of
from .feature_columns import one_row_per_cycle
from .fillers import without_fillers
from .formats import Contents, load, table_of_frame
from .joined_tables import one_below_the_other
from .label_columns import with_labels, without_counts_of_points
from .layouts import Options, Record, Understood, hint_of_quotient, is_swept, pairs_in, records_of
from .long_form import by_state, joined_halves, read_long_form, require_filled, wanted_of
from .raw_tables import RawTable
from .record_rows import with_rows_of_points
from .text_tables import shown_lines
from .units import is_density, require_known_unit, split_unit, with_unit

CURRENT = "current of a quotient (A)"  # name of a column that is made
ATTRIBUTES = ("current_limit", "series_resistance", "polarity")


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


def load_file(path: str, columns: Mapping[str, str]) -> Contents:
    """Return what a file holds, once the names of columns are checked.

    Parameters
    ----------
    path : str
    columns : mapping of str to str
        The file's names of some of our columns.

    Returns
    -------
    Contents

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, damaged or of an unknown kind, or a name of ours is unknown.
    """
    check_columns(columns)
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no file {path}")
    contents = load(path)
    return contents._replace(tables=one_below_the_other(contents.tables))


def understand(contents: Contents, columns: Mapping[str, str], options: Options) -> FileContents:
    """Find loops or features in what a file holds, and take in what the options say.

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
        If there is neither, or columns could mean several things, or an option contradicts the file.
    """
    found = _understood(contents, columns, options)
    if options.shunt is None or found.understood.shunted:
        return found
    if "current" not in found.arrays or found.understood.believed:
        raise ValueError(
            "shunt is the resistance over which a current was measured as a voltage, but the file holds "
            + ("currents in A" if "current" in found.arrays else "features")
            + ": leave it out"
        )
    found.understood.lines.append(f"current: a voltage over a shunt of {options.shunt:g} ohm")
    return found._replace(arrays={**found.arrays, "current": found.arrays["current"] / options.shunt})


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse names of ours that do not exist."""
    for name in columns:
        if name not in KNOWN and name not in QUOTIENTS:
            raise ValueError(f"columns maps {name!r}, which is not one of {', '.join((*KNOWN, *QUOTIENTS))}")
    if len(set(columns) & {"current", *QUOTIENTS}) > 1:
        raise ValueError("columns names more than one of current, resistance and conductance: give one")


def _understood(contents: Contents, columns: Mapping[str, str], options: Options) -> FileContents:
    """Find loops or features in what a file holds."""
    understood = Understood([f"format: {contents.format}"] if contents.format else [])
    if options.units:
        contents, columns = _with_units(contents, columns, options.units)
    tables = [without_fillers(table) for table in contents.tables]
    if contents.arrays:
        columns_alone = columns_of_arrays(contents.arrays) if not _named_here(columns, contents.arrays) else None
        if columns_alone is None:
            arrays, notes = loops_of_arrays(contents.arrays)
            understood.lines += notes
            return _from_arrays(arrays, contents.attributes, columns, understood)
        tables = columns_alone
    understood.lines += [note for table in tables for note in table.notes]
    if not columns:
        tables = _without_other_kinds(tables, understood)
        tables = [_with_rows_said(table, understood) for table in tables]
    tables = [_with_differences(table, columns) for table in tables]
    if set(columns) & set(QUOTIENTS):
        tables = [_with_current(table, columns, understood) for table in tables]
        columns = {k: v for k, v in columns.items() if k not in QUOTIENTS} | {"current": CURRENT}
    if not columns:
        tables = [one_row_per_cycle(table, understood) for table in tables]
    if not set(columns) & set(KEYS):
        tables = [with_labels(without_counts_of_points(table, understood), understood) for table in tables]
    if len(tables) == 1 and tables[0].named and not columns:
        wide = by_state(tables[0].frame())
        if wide is not None:
            understood.lines.append(
                "resistances of HRS and LRS in rows of their own: one row per cycle is made of them"
            )
            tables = [table_of_frame(wide)]
    long = [t for t in tables if _is_long_form(t, columns)]
    with_loops = [t for t in long if _holds_loops(t)]
    if with_loops and len(with_loops) < len(long) and not columns:
        others = [t for t in long if t not in with_loops]
        understood.lines.append(f"left out, a summary beside the loops: {listed(t.where or 'a table' for t in others)}")
        tables = [t for t in tables if t not in others]
        long = with_loops
    largest = max((t.rows for t in tables if t not in long and _holds_loops(t)), default=0)
    if long and largest > max(t.rows for t in long) and not columns:
        understood.lines.append(f"left out, a summary beside the loops: {listed(t.where or 'a table' for t in long)}")
        tables = [t for t in tables if t not in long]
    elif long:
        return _from_long_form(long, tables, columns, understood)
    one = tables[0] if len(tables) == 1 and not columns and tables[0].named else None
    if one is not None and _labels_rows(one):
        pairs = pairs_in(one, options, understood)
        if len(pairs) == 1:
            return _from_long_form([_with_pair(one, *pairs[0])], tables, columns, understood)
    if columns:
        tables = [_renamed(t, columns) for t in tables]
    records = records_of(tables, options, understood)
    if not records:
        names = [name for t in tables for name in t.names]
        if any(re.search(r"(?i)pulse", n) for n in names) and not any(role_of(n)[0] == "voltage" for n in names):
            refuse("pulse response")
        raise ValueError(_nothing_found(tables))
    return _from_records(records, options, understood)


def _with_rows_said(table: RawTable, understood: Understood) -> RawTable:
    found = with_rows_of_points(table)
    understood.lines += found.notes if found is not table else []
    return found


def _without_other_kinds(tables: list[RawTable], understood: Understood) -> list[RawTable]:
    """Refuse tables of kinds that have no cycles, or leave them out beside loops."""
    kinds = [kind_of_columns(table.names) if table.named else None for table in tables]
    if not any(kinds):
        return tables
    swept = [is_swept(table) for table in tables]
    kept = []
    for k, (table, kind) in enumerate(zip(tables, kinds, strict=True)):
        if kind is None or (kind == "retention" and swept[k]):
            kept.append(table)
        elif any(swept[:k] + swept[k + 1 :]):
            understood.lines.append(f"left out, {kind} beside the loops: {listed(table.names)}")
        else:
            refuse(kind)
    return kept


def _with_units(
    contents: Contents, columns: Mapping[str, str], units: Mapping[str, str]
) -> tuple[Contents, Mapping[str, str]]:
    """Return contents, and the names of columns that the user gave, with the units that the user says."""
    given = {theirs: ours for ours, theirs in columns.items()}

    def renamed(name: str) -> str:
        folder, slash, last = name.rpartition("/")
        if folder and role_of(last)[0] is None and name not in given:
            folder, slash, last = "", "", name  # a slash before a unit
        role = given.get(name) or role_of(last)[0] or ""
        return f"{folder}{slash}{with_unit(last, units[role])}" if role in units else name

    tables = [replace(t, names=[renamed(n) if n else n for n in t.names]) for t in contents.tables]
    arrays = {renamed(name): array for name, array in contents.arrays.items()}
    return contents._replace(tables=tables, arrays=arrays), {k: renamed(v) for k, v in columns.items()}


def _named_here(columns: Mapping[str, str], arrays: Mapping[str, AnyArray]) -> bool:
    """Return whether the user names whole paths of arrays."""
    return any("/" in theirs and theirs in arrays for theirs in columns.values())


def _holds_loops(table: RawTable) -> bool:
    roles = {c.role for c in channels_of(table)}
    return {"voltage", "current"} <= roles


def _labels_rows(table: RawTable) -> bool:
    return any(role_of(name)[0] in KEYS or device_part(name) for name in table.names if name)


def _with_pair(table: RawTable, v: Channel, i: Channel) -> RawTable:
    """Return a table with one voltage and one current, which were chosen from several."""
    keep = [
        k for k, name in enumerate(table.names) if role_of(name)[0] not in ("voltage", "current", "u_set", "u_reset")
    ]
    names = ["voltage (V)", "current (A)" if i.unit else "current", *(table.names[k] for k in keep)]
    columns = [numbers_of(table, v), numbers_of(table, i), *(table.columns[k] for k in keep)]
    return RawTable(names, columns, table.where, table.head, [f"voltage is {v.name!r}, current is {i.name!r}"])


def _with_differences(table: RawTable, columns: Mapping[str, str]) -> RawTable:
    """Return a table with columns that the user gives as a difference of two, as VBL-VSL."""
    for theirs in columns.values():
        first, _, second = theirs.partition("-")
        first, second = first.strip(), second.strip()
        if theirs not in table.names and first in table.names and second in table.names:
            (_, f), (_, g) = split_unit(first), split_unit(second)
            a, b = (table.columns[table.names.index(name)] for name in (first, second))
            table = RawTable([*table.names, theirs], [*table.columns, f * a - g * b], table.where, table.head)
    return table


def _with_current(table: RawTable, columns: Mapping[str, str], understood: Understood) -> RawTable:
    """Return a table with a current, made of a voltage and of the resistance or conductance that the user names."""
    kind = next(kind for kind in QUOTIENTS if kind in columns)
    theirs = columns[kind]
    volts = (
        [columns["voltage"]] if "voltage" in columns else [c.name for c in channels_of(table) if c.role == "voltage"]
    )
    for name in (theirs, *volts):
        if name not in table.names:
            raise ValueError(f"there is no column {name!r}; there are {listed(table.names)}")
    if len(volts) != 1:
        raise ValueError(f"{listed(volts)} could each be the voltage of {theirs!r}: say which, --column voltage=NAME")
    require_known_unit(theirs, kind)
    v, g = (split_unit(n)[1] * np.asarray(table.columns[table.names.index(n)], np.float64) for n in (*volts, theirs))
    with np.errstate(divide="ignore", invalid="ignore"):
        current = v * g if kind == "conductance" else v / g
    current[~np.isfinite(current)] = np.nan
    understood.lines.append(f"current: {volts[0]!r} {'times' if kind == 'conductance' else 'over'} {theirs!r}")
    return replace(table, names=[*table.names, CURRENT], columns=[*table.columns, current])


def _from_long_form(
    long: list[RawTable], tables: list[RawTable], columns: Mapping[str, str], understood: Understood
) -> FileContents:
    same = [t for t in long if t.names == long[0].names]
    others = [t.where or "a table" for t in tables if t not in same and len(tables) > 1]
    frames = [t.frame() for t in same]
    if len(same) > 1:
        frames = _of_devices(frames, same)
    understood.lines += [f"sheet or block: {', '.join(t.where for t in same)}"] if same[0].where else []
    understood.lines += [note for t in same for note in t.notes if note not in understood.lines]
    if others:
        understood.lines.append(f"left out: {', '.join(others)}")
    frame = pd.concat(frames, ignore_index=True)
    found = joined_halves(read_long_form(frame, columns, understood, same[0].head), understood)
    return FileContents(found.arrays, found.device, found.cycle, {}, understood)


def _of_devices(frames: list[pd.DataFrame], tables: list[RawTable]) -> list[pd.DataFrame]:
    """Name the sheets or blocks as devices where their cycles have the same numbers, and nothing else names devices."""
    names = [str(n) for n in frames[0].columns]
    if any(role_of(n)[0] == "device" or device_part(n) for n in names):
        return frames
    cycles = [n for n in names if role_of(n)[0] == "cycle"]
    if not cycles:
        return frames
    labels = [set(frame[cycles[0]]) for frame in frames]
    if sum(map(len, labels)) == len(set.union(*labels)):
        return frames
    return [frame.assign(device=t.where or str(k + 1)) for k, (frame, t) in enumerate(zip(frames, tables, strict=True))]


def _nothing_found(tables: list[RawTable]) -> str:
    names = listed(name for t in tables[:3] for name in t.names[:12])
    head = shown_lines(tables[0].head) if tables and tables[0].head else ""
    begins = f"; the table begins with {head}" if head else ""
    every = [name for t in tables for name in t.names if name]
    if any(map(is_density, every)):
        begins = f"; a current density is no current: multiply it by the area of the device{begins}"
    elif any(re.match(r"(?i)\s*(?:log|ln\b)", name) for name in every):
        begins = (
            f"; a logarithm is no current and no resistance: give the quantity itself, or name that of a current with"
            f" its base, log10(I), and give --magnitude{begins}"
        )
    else:
        begins = hint_of_quotient(every) + begins
    return (
        f"neither voltage and current nor a feature ({', '.join(FEATURE_NAMES)}) is among {names}: name them with "
        f"columns={{'voltage': ...}}, or --column voltage=NAME{begins}"
    )


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
    return ("current" not in roles or holds_features(table)) and bool(have & set(FEATURE_NAMES))


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
    require_filled(len(records) * points, total, "records differ in length")
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
    by_device = options.records == "cycles" and len({r.device for r in records}) > 1
    if many and not by_device:
        other = "devices" if options.records == "cycles" else "cycles"
        understood.lines.append(f"{len(records)} records, taken as {options.records}; --records {other} for the other")
    labels = np.array([r.label or str(k + 1) for k, r in enumerate(records)], dtype=object)
    if by_device:
        return _by_device(arrays, [r.device for r in records], understood)
    if options.records == "devices":
        return FileContents(arrays, labels if many else None, None, {}, understood)
    return FileContents(arrays, None, None, {}, understood)


def _by_device(arrays: dict[str, AnyArray], devices: list[str], understood: Understood) -> FileContents:
    """Put the records of each device side by side."""
    names = list(dict.fromkeys(devices))
    most = max(devices.count(name) for name in names)
    placed = {}
    for key, array in arrays.items():
        out = np.full((len(names), most, array.shape[-1]), np.nan)
        for d, name in enumerate(names):
            own = array[0, [k for k, each in enumerate(devices) if each == name]]
            out[d, : len(own)] = own
        placed[key] = out
    understood.lines.append(f"devices by their places in the file: {len(names)} of up to {most} cycles")
    return FileContents(placed, np.array(names, dtype=object), None, {}, understood)


def _from_arrays(
    present: Mapping[str, AnyArray], attributes: dict[str, Any], columns: Mapping[str, str], understood: Understood
) -> FileContents:
    if set(columns) & set(QUOTIENTS):
        raise ValueError("a current is made of a resistance or a conductance in tables only: give the current")
    names = columns_of(present, columns)
    wanted = wanted_of(names, present)
    for name in wanted:
        require_known_unit(str(names[name].name), name)
    understood.believed |= "current" in names and names["current"].factor != 1.0
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
