"""Named arrays of files: which of them are columns of tables, and which are loops with axes of devices and cycles.

Names are paths, as ``"die3/cycle 7/V"``: arrays with the same folder belong together. A matrix of few columns is a
table; an array whose voltages run along another axis than the last is turned.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from synaptogen._utils import AnyArray

from .columns import FEATURE_ROLES, role_of
from .raw_tables import RawTable

MOST_COLUMNS = 12  # of a matrix that is a table
_DEVICE = re.compile(r"(?i)^(?:dev|device|cell|sample|die|chip|memristor)[\s_\-.#]*\w{0,8}$")
_DEVICES = ("devices", "cells", "samples", "memristors", "chips")
RUNS = 5.0  # times as far along the axis of points as along others does a voltage run
UNIT_ATTRIBUTES = ("units", "unit", "Unit", "Units")
COLUMN_ATTRIBUTES = ("columns", "names", "header", "labels", "column_names")


def with_attributes(name: str, array: AnyArray, attributes: Mapping[str, object]) -> dict[str, AnyArray]:
    """Return an array by its name and unit, or its columns by theirs, as attributes of the array say.

    Parameters
    ----------
    name : str
    array : array
    attributes : mapping
        Of this array.

    Returns
    -------
    dict of str to array
    """
    units = _texts(attributes, UNIT_ATTRIBUTES)
    columns = _texts(attributes, COLUMN_ATTRIBUTES)
    if array.ndim == 2 and columns and len(columns) in array.shape:
        each = array.T if array.shape[1] == len(columns) else array
        named = [f"{c} ({u})" for c, u in zip(columns, units, strict=True)] if len(units) == len(columns) else columns
        return {f"{name}/{column}": values for column, values in zip(named, each, strict=True)}
    return {f"{name} ({units[0]})" if len(units) == 1 and units[0] else name: array}


def in_order(arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return arrays with numbers in their names in order: "cycle2/V" before "cycle10/V", which files of HDF5 exchange.

    Parameters
    ----------
    arrays : mapping of str to array

    Returns
    -------
    dict of str to array
    """

    def key(name: str) -> list[tuple[int, int, str]]:
        return [(0, int(x), "") if x.isdecimal() else (1, 0, x) for x in re.split(r"(\d+)", name) if x]

    return {name: arrays[name] for name in sorted(arrays, key=key)}


def _texts(attributes: Mapping[str, object], names: Sequence[str]) -> list[str]:
    for key in names:
        if key in attributes:
            value = attributes[key]
            each = [value] if isinstance(value, str | bytes) else list(np.ravel(np.asarray(value)))
            return [v.decode() if isinstance(v, bytes) else str(v) for v in each]
    return []


def _last(name: str) -> tuple[str, str]:
    """Return the folder and the rest of a name; a slash before a unit, as in U/V, parts nothing."""
    folder, _, last = name.rpartition("/")
    above, _, quantity = folder.rpartition("/")
    if last.isdecimal() and role_of(quantity)[0] in ("voltage", "current"):  # cells of voltages, and cells of currents
        return "/".join(x for x in (above, last) if x), quantity
    if role_of(last)[0] is None and role_of(name.rsplit("/", 2)[-2] + "/" + last if folder else last)[0] is not None:
        folder, _, before = folder.rpartition("/")
        last = f"{before}/{last}"
    return folder, last


def columns_of_arrays(arrays: Mapping[str, AnyArray]) -> list[RawTable] | None:
    """Return tables if the arrays are columns, folder by folder, or matrices of few columns; else None.

    Parameters
    ----------
    arrays : mapping of str to array

    Returns
    -------
    list of RawTable or None
    """
    folders: dict[str, dict[str, AnyArray]] = {}
    matrices: list[tuple[str, AnyArray]] = []
    for name, array in arrays.items():
        flat = np.squeeze(np.asarray(array))
        folder, last = _last(name)
        known = role_of(last)[0] in ("voltage", "current", "time", *FEATURE_ROLES)
        if flat.ndim == 0 or flat.dtype.kind not in "fiubUSO":
            continue
        if flat.ndim == 1:
            folders.setdefault(folder, {})[last] = flat
        elif known:
            return None
        elif flat.ndim == 2 and 2 <= min(flat.shape) <= MOST_COLUMNS and flat.dtype.kind in "fiu":
            matrices.append((name, flat.T if flat.shape[1] <= flat.shape[0] else flat))
        elif flat.ndim == 3 and flat.dtype.kind in "fiu":
            return None
    tables = [_table(own, folder) for folder, own in folders.items()]
    tables = [t for t in tables if t is not None]
    if matrices and not any(_has_both(t) for t in tables):
        tables = [RawTable([""] * len(m), [np.asarray(c, np.float64) for c in m], name) for name, m in matrices]
    return _with_devices([t for t in tables if t is not None]) or None


def _table(own: Mapping[str, AnyArray], folder: str) -> RawTable | None:
    longest = max(len(a) for a in own.values())
    roles: dict[int, set[str]] = {}
    for name, a in own.items():
        role = role_of(name)[0]
        if role in ("voltage", "current"):
            roles.setdefault(len(a), set()).add(role)
    length = max(roles, default=longest)
    records = {n for n, found in roles.items() if len(found) == 2} if len(roles.get(length, ())) == 2 else set()
    kept = {k: a for k, a in own.items() if len(a) == length or (len(a) in records and a.dtype.kind in "fiub")}
    values = [_padded(a, length) if a.dtype.kind in "fiub" else a.astype(object) for a in kept.values()]
    return RawTable(list(kept), values, folder) if kept and length > 1 else None


def _padded(array: AnyArray, length: int) -> AnyArray:
    """Return numbers with NaN behind them, as records of different lengths are in the columns of a table."""
    values = np.asarray(array, np.float64)
    return np.concatenate([values, np.full(length - len(values), np.nan)])


def _has_both(table: RawTable | None) -> bool:
    roles = {role_of(name)[0] for name in table.names} if table is not None else set()
    return {"voltage", "current"} <= roles


def _is_record(table: RawTable) -> bool:
    return _has_both(table) or not table.named


def _with_devices(tables: list[RawTable]) -> list[RawTable]:
    """Name the devices of tables whose folders lie in folders, as those of cycles within those of devices."""
    paths = [table.where.split("/") for table in tables if _is_record(table)]
    if len(paths) > 1 and all(_DEVICE.search(path[-1]) for path in paths):
        for table in tables:
            table.device = table.where if _is_record(table) else ""
        return tables
    places = [next((k for k, part in enumerate(path[:-1]) if part.lower() in _DEVICES), -1) for path in paths]
    if len(paths) > 1 and min(places) >= 0:  # devices/3/cycles/1
        for table in tables:
            own = table.where.split("/")
            place = next((k for k, part in enumerate(own[:-1]) if part.lower() in _DEVICES), -1)
            table.device = own[place + 1] if place >= 0 and _is_record(table) else ""
        return tables
    named = [next((part for part in path[:-1] if _DEVICE.search(part)), "") for path in paths]
    if len(paths) > 1 and all(named) and len(set(named)) == len(paths):  # Dev1/IV, Dev2/IV
        for table in tables:
            own = [part for part in table.where.split("/")[:-1] if _DEVICE.search(part)]
            table.device = own[0] if own and _is_record(table) else ""
        return tables
    folders = {"/".join(path[:-1]) for path in paths}
    if len(folders) < 2 or len(folders) == len(paths) or any(len(path) < 2 for path in paths):
        return tables
    parts = [folder.split("/") for folder in sorted(folders)]
    differ = [k for k in range(min(map(len, parts))) if len({p[k] for p in parts}) > 1]
    for table in tables:
        if _is_record(table):
            path = table.where.split("/")[:-1]
            table.device = "/".join(path[k] for k in differ) or "/".join(path)
    return tables


def loops_of_arrays(arrays: Mapping[str, AnyArray]) -> tuple[dict[str, AnyArray], list[str]]:
    """Return arrays of loops with points along the last axis, by names without folders, and what was done.

    Parameters
    ----------
    arrays : mapping of str to array
        Of a folder with one voltage and one current, or one array that holds both.

    Returns
    -------
    arrays : dict of str to array
    notes : list of str
    """
    notes: list[str] = []
    split = {name: _last(name) for name in arrays}
    holders = {split[name][0] for name in arrays if role_of(split[name][1])[0] in ("voltage", "current")}
    found = dict(arrays)
    if len(holders) > 1:
        found = _stacked(arrays, split, sorted(holders)) or found
    elif len(holders) == 1:
        folder = holders.pop()
        found = {last: arrays[name] for name, (where, last) in split.items() if where == folder}
        found |= {last: arrays[name] for name, (where, last) in split.items() if where == "" and last not in found}
    elif not holders:
        both = [(name, a) for name, a in arrays.items() if a.ndim in (2, 3) and 2 in (a.shape[0], a.shape[-1])]
        if len(both) == 1:
            name, array = both[0]
            found = _of_both(array)
            notes.append(f"{name!r} of shape {array.shape}: voltage and current along the axis of length 2")
    volts = [name for name in found if role_of(name)[0] == "voltage"]
    amps = [name for name in found if role_of(name)[0] == "current"]
    if len(volts) == 1 and len(amps) == 1:
        v, i = np.asarray(found[volts[0]]), np.asarray(found[amps[0]])
        axis = _axis_of_points(v, i)
        if axis != i.ndim - 1:
            notes.append(f"points lie along axis {axis} of {i.shape}: arrays are turned")
            for name, array in found.items():
                if np.ndim(array) == i.ndim and np.shape(array) == i.shape:
                    found[name] = np.moveaxis(np.asarray(array), axis, -1)
    return found, notes


def _stacked(
    arrays: Mapping[str, AnyArray], split: Mapping[str, tuple[str, str]], folders: Sequence[str]
) -> dict[str, AnyArray]:
    """Return arrays of devices, each a folder with matrices of voltage and current; nothing if they are no such."""
    each: list[dict[str, AnyArray]] = []
    for folder in folders:
        own = {last: np.asarray(arrays[name]) for name, (where, last) in split.items() if where == folder}
        volts, amps = ([name for name in own if role_of(name)[0] == kind] for kind in ("voltage", "current"))
        if len(volts) != 1 or len(amps) != 1 or own[amps[0]].ndim != 2:
            return {}
        v, i = own[volts[0]], own[amps[0]]
        axis = _axis_of_points(v, i)
        i = np.moveaxis(i, axis, -1)
        v = np.moveaxis(v, axis, -1) if v.ndim == 2 else v
        each.append({volts[0]: np.broadcast_to(v, i.shape), amps[0]: i})
    if len({tuple(own) for own in each}) > 1:
        return {}
    shape = tuple(max(next(iter(own.values())).shape[k] for own in each) for k in (0, 1))
    found: dict[str, AnyArray] = {}
    for name in each[0]:
        stack = np.full((len(each), *shape), np.nan)
        for out, own in zip(stack, each, strict=True):
            out[: own[name].shape[0], : own[name].shape[1]] = own[name]
        found[name] = stack
    return {**found, "device": np.array(folders, dtype=object)}


def _of_both(array: AnyArray) -> dict[str, AnyArray]:
    first, second = (array[0], array[1]) if array.shape[0] == 2 else (array[..., 0], array[..., 1])
    if np.nanmax(np.abs(first)) < 0.1 * np.nanmax(np.abs(second)):
        first, second = second, first
    return {"voltage": first, "current": second}


def _axis_of_points(v: AnyArray, i: AnyArray) -> int:
    """Return the axis along which the voltage runs."""
    last = i.ndim - 1
    if i.ndim < 2 or not i.size or i.dtype.kind not in "fiu" or v.dtype.kind not in "fiu":
        return last
    if v.ndim == 1:
        fits = [axis for axis in range(i.ndim) if i.shape[axis] == len(v)]
        return fits[-1] if fits else last
    if v.shape != i.shape:
        return last
    place = [size // 4 for size in v.shape]
    runs = []
    for axis in range(v.ndim):
        along = v[tuple(slice(None) if k == axis else p for k, p in enumerate(place))]
        there = along[np.isfinite(along)]
        runs.append(float(np.ptp(there)) if there.size else 0.0)
    best = int(np.argmax(runs))
    return best if runs[best] > RUNS * runs[last] else last
