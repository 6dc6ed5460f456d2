"""Columns that label the records of a table, although their names are not known: ``Pass``, ``Position``, row and col.

A column labels records if each of its values holds for a whole sweep of the voltage, there and back. Texts name
devices; whole numbers count cycles, or name devices where a column of cycles begins anew with each of them. Columns of
a unit or of a limit are settings, and label nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Float64Array, IntArray

from .columns import KEYS, device_part, is_setting, listed, role_of
from .folders import device_of
from .layouts import Understood
from .raw_tables import RawTable, is_numeric
from .units import split_unit

_READING = re.compile(r"(?i)readings?\s*(?:#|no\.?|number|index)?")
SHORTEST = 12  # points of a record
SPAN, WAYS = 0.6, 0.15  # shares of the swing of the voltage, and of the points of each direction, in each record
PLACES = (("row", "col"), ("row", "column"), ("x", "y"), ("wl", "bl"), ("te", "be"))


def with_labels(table: RawTable, understood: Understood) -> RawTable:
    """Return a table in which columns that label records have names that say so.

    Parameters
    ----------
    table : RawTable
    understood : Understood
        Gets a line for what was found.

    Returns
    -------
    RawTable
        The same one if no column labels records.
    """
    roles = [role_of(name)[0] if name else None for name in table.names]
    roles = [  # texts below "ID" are labels, and no drain current
        None if r in ("voltage", "current") and not is_numeric(table.columns[k]) else r for k, r in enumerate(roles)
    ]
    volts = [k for k, r in enumerate(roles) if r == "voltage"]
    if not volts or "current" not in roles or table.rows < 2 * SHORTEST:
        return table
    voltage = np.asarray(table.columns[max(volts, key=lambda k: _swing(table, k))], np.float64)
    known = _codes([table.columns[k] for k, r in enumerate(roles) if r == "cycle"])
    named = any(r == "device" or device_part(n) for r, n in zip(roles, table.names, strict=True) if n)
    free = [
        k
        for k, name in enumerate(table.names)
        if name and roles[k] is None and not _is_setting(name) and not device_part(name)
    ]
    lower = [name.strip().lower() for name in table.names]
    place = next(([lower.index(a), lower.index(b)] for a, b in PLACES if a in lower and b in lower), [])
    if place and not named and _labels_records(_codes([table.columns[k] for k in place], known), voltage):
        return _named(table, place, "device", understood)
    for k in free:
        own = _codes([table.columns[k]])
        both = _codes([table.columns[k]], known)
        if own is None or both is None or not _labels_records(both, voltage):
            continue
        if known is not None:
            if named or both.max() == known.max():
                continue  # says no more than the column of cycles
            return _named(table, [k], "device", understood)
        if not is_numeric(table.columns[k]):
            return table if named else _named_by_texts(table, k, understood)
        if _counts(np.asarray(table.columns[k], np.float64)):
            return _named(table, [k], "cycle", understood)
    return table


def without_counts_of_points(table: RawTable, understood: Understood) -> RawTable:
    """Return a table without columns that count its rows, although their names, as "N", could be those of labels.

    Parameters
    ----------
    table : RawTable
    understood : Understood
        Gets a line for what was left out.

    Returns
    -------
    RawTable
        The same one if none does, or if it has no voltage and current.
    """
    roles = [role_of(name)[0] if name else None for name in table.names]
    counts = [
        k
        for k, r in enumerate(roles)
        if is_numeric(table.columns[k])
        and table.rows >= 2 * SHORTEST
        and (r in KEYS or device_part(table.names[k]) or _READING.fullmatch(table.names[k]))
        and np.all(np.diff(table.columns[k]) == 1)
    ]
    rest = [r for k, r in enumerate(roles) if k not in counts]
    if not counts or not {"voltage", "current"} <= set(rest):
        return table
    understood.lines.append(f"left out, a count of the points: {listed(table.names[k] for k in counts)}")
    keep = [k for k in range(len(roles)) if k not in counts]
    return replace(
        table,
        names=[table.names[k] for k in keep],
        columns=[table.columns[k] for k in keep],
        devices=[table.devices[k] for k in keep] if any(table.devices) else [],
    )


def _named(table: RawTable, columns: Sequence[int], role: str, understood: Understood) -> RawTable:
    """Return a table in which columns have a name of a role, which one that has this name loses."""
    texts = [[f"{v:g}" if isinstance(v, float) else str(v) for v in table.columns[k]] for k in columns]
    if len(columns) == 1:
        label = table.columns[columns[0]]
    else:
        label = np.array(["/".join(row) for row in zip(*texts, strict=True)], dtype=object)
    other = "device" if role == "cycle" else "cycle"
    theirs = listed(table.names[k] for k in columns)
    hint = f"; --column {other}=NAME for the other" if len(columns) == 1 else ""
    understood.lines.append(f"{role}: {theirs} labels whole sweeps{hint}")
    keep = [k for k in range(len(table.names)) if k not in columns]
    places = [*keep, columns[0]]
    return replace(
        table,
        names=[*(table.names[k] for k in keep), role],
        columns=[*(table.columns[k] for k in keep), label],
        devices=[table.devices[k] for k in places] if any(table.devices) else [],
    )


def _named_by_texts(table: RawTable, k: int, understood: Understood) -> RawTable:
    """Return a table in which a column of texts names devices, or device and cycle, as "D3_c012" does."""
    codes, labels = pd.factorize(pd.Series(table.columns[k]))
    texts = [re.sub(r"(?i)\.(?:csv|txt|dat|xlsx?|tsv)$", "", str(label)) for label in labels]
    devices = [device_of(text) for text in texts]
    if not all(devices) or len(set(devices)) == len(devices):
        return _named(table, [k], "device", understood)
    count = np.array([devices[:n].count(device) for n, device in enumerate(devices)], np.float64)
    understood.lines.append(f"device and cycle: {table.names[k]!r} says both, as in {str(labels[0])!r}")
    own = np.array(devices, dtype=object)[codes]
    return replace(
        table,
        names=[*table.names[:k], "device", *table.names[k + 1 :], "cycle"],
        columns=[*table.columns[:k], own, *table.columns[k + 1 :], count[codes]],
        devices=[*table.devices, ""] if any(table.devices) else [],
    )


def _is_setting(name: str) -> bool:
    base, factor = split_unit(name)
    return (
        base != name.strip() or factor != 1.0 or is_setting(name) or bool(re.search(r"(?i)time|date|temp|area", name))
    )


def _swing(table: RawTable, k: int) -> float:
    there = table.columns[k][np.isfinite(table.columns[k])]
    return float(np.ptp(there)) if there.size else 0.0


def _codes(columns: Sequence[AnyArray], known: IntArray | None = None) -> IntArray | None:
    """Return one number for each different row of these columns; None without columns, or where a label is missing."""
    parts = [] if known is None else [known]
    for column in columns:
        codes, _ = pd.factorize(pd.Series(column))
        if (codes < 0).any() or (column.dtype == object and any(v == "" for v in column)):
            return None
        parts.append(np.asarray(codes, np.int64))
    if not columns or not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total * (int(part.max()) + 1) + part
    return np.asarray(pd.factorize(total)[0], np.int64)


def _labels_records(codes: IntArray | None, voltage: Float64Array) -> bool:
    """Return whether each label holds for a sweep of its own, there and back, over most of the swing of the voltage."""
    if codes is None or codes.max() < 1:
        return False
    count = int(codes.max()) + 1
    if count * SHORTEST > len(codes) or np.count_nonzero(np.diff(codes)) > 2 * count:
        return False
    whole = float(np.nanmax(voltage) - np.nanmin(voltage))
    for label in range(count):
        own = voltage[codes == label]
        own = own[np.isfinite(own)]
        if len(own) < SHORTEST or np.ptp(own) < SPAN * whole:
            return False
        steps = np.diff(own)
        if min(np.mean(steps > 0), np.mean(steps < 0)) < WAYS:
            return False
    return True


def _counts(values: Float64Array) -> bool:
    """Return whether numbers go up by ones, as a count of cycles does."""
    there = values[np.isfinite(values)]
    if not len(there) or np.any(there != np.round(there)):
        return False
    labels = there[np.concatenate([[True], np.diff(there) != 0])]
    return bool(len(labels) > 1 and np.all(np.diff(labels) == 1))
