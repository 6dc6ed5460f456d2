"""Layouts of repeated reads in a table: long, before and after, wide, and turned; `read_tables` describes them."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Float64Array

from .columns import listed
from .raw_tables import RawTable, is_numeric
from .read_columns import (
    ReadOptions,
    ReadTable,
    amount_of,
    baked,
    by_size,
    kelvin_of,
    labels_of,
    names_of,
    side_labels,
    times_factor,
    values_of,
    voltage_of,
)
from .read_names import AFTER, BEFORE, QUANTITIES, QUANTITY_OF, SPANS, Name
from .units import base_unit, factor_of

FEWEST_TURNED = 3  # columns that are named by times
_NUMBERED = re.compile(
    r"(?P<what>[a-zA-Z]*?)[\s_=#@(\[]*(?:(?:t|at|after|read|time)[\s_=#]*)?(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"[\s_(\[]*(?P<unit>[^\s_()\[\]\d]*)[)\]]?"
)
_CLOCK = re.compile(r"(?i)\b(?:date|time|datetime|timestamp|clock|stamp)|time\b")


def _long(
    table: RawTable, names: list[Name], quantity: int, clock: Sequence[int], options: ReadOptions
) -> ReadTable | None:
    lines: list[str] = []
    phase = _phase(table)
    if phase is not None:
        names[phase[0]] = Name("")
    device, parts = labels_of(table, names, "device")
    level, _ = labels_of(table, names, "level")
    kelvin = kelvin_of(table, names, lines)
    values = values_of(table, names, quantity)
    if device is None:
        device = np.zeros(table.rows, np.int64)
    timed, when = _clock(table, names, clock, phase, options, device, lines)
    if when is None:
        return None
    keys = _keys(device, level, when)
    codes, labels = pd.factorize(keys, sort=False)
    order = np.lexsort((when, codes))
    codes, when, values = codes[order], when[order], values[order]
    first = np.searchsorted(codes, np.arange(len(labels)))
    place = np.arange(len(codes)) - first[codes]
    if place.max() < 1:
        return None
    shape = (len(labels), int(place.max()) + 1)
    grid, times = np.full(shape, np.nan), np.full(shape, np.nan)
    grid[codes, place], times[codes, place] = values, when
    lines.insert(0, f"{names[quantity].role}: column {table.names[quantity]!r}" + times_factor(names[quantity].factor))
    if parts:
        lines.append(f"device: column{'s' * (len(parts) > 1)} {listed(parts)}")
    arguments: dict[str, Any] = {
        **amount_of(table, names, quantity, grid, options, lines),
        "device": _own_labels(device, order[first], labels),
    }
    if timed:
        same = np.isfinite(times).all() and np.ptp(times, axis=0).max() == 0
        arguments["time"] = times[0] if same else times
    if kelvin is not None:
        heat = np.full(shape, np.nan)
        heat[codes, place] = kelvin[order]
        arguments["temperature"] = heat
    elif options.temperature is not None:
        arguments["temperature"] = baked(shape[1], options.temperature)
    if level is not None:
        arguments["level"] = level[order[first]]
        lines.append("level: a column of its own")
    return ReadTable(arguments, lines)


def _own_labels(device: AnyArray, rows: AnyArray, labels: AnyArray) -> AnyArray:
    """Return labels of devices, or of records where a device has several."""
    own = device[rows]
    return own if len(pd.unique(own)) == len(own) else np.asarray(labels, dtype=object)


def _clock(
    table: RawTable,
    names: Sequence[Name],
    clock: Sequence[int],
    phase: tuple[int, AnyArray] | None,
    options: ReadOptions,
    device: AnyArray,
    lines: list[str],
) -> tuple[bool, Float64Array | None]:
    """Return whether reads were timed, and the time of each row in s or its number."""
    timed = [k for k in clock if names[k].role == "time"]
    if phase is not None and (not timed or options.seconds is not None):
        seconds = options.seconds
        if seconds is None:
            raise ValueError(
                f"{table.names[phase[0]]!r} says before and after, but not how long was between: give seconds to"
                " learn.read_retention (--seconds)"
            )
        lines.append(f"time: {table.names[phase[0]]!r} says before and after, {seconds:g} s apart")
        return True, np.where(phase[1], seconds, 0.0)
    if timed:
        lines.append(f"time: column {table.names[timed[0]]!r}" + times_factor(names[timed[0]].factor))
        return True, values_of(table, names, timed[0])
    if clock:
        lines.append(f"reads are counted by column {table.names[clock[0]]!r}; they were not timed")
        return False, values_of(table, names, clock[0])
    moments = _moments(table, names, device, lines)
    if moments is not None:
        return True, moments
    lines.append("reads are counted in the order of the rows; they were not timed")
    return False, pd.Series(device).groupby(device).cumcount().to_numpy().astype(np.float64)


def _moments(table: RawTable, names: Sequence[Name], device: AnyArray, lines: list[str]) -> Float64Array | None:
    """Return the time in s since the first read of each device, where a column holds dates or hours and minutes."""
    for name, own, column in zip(table.names, names, table.columns, strict=True):
        if is_numeric(column) or own.role in ("device", "level") or not (name and _CLOCK.search(name)):
            continue
        texts = pd.Series(column).astype(str).str.strip()
        spans = pd.to_timedelta(texts, errors="coerce")
        if spans.notna().all():
            lines.append(f"time: column {name!r}, as hours, minutes and seconds")
            return np.asarray(spans.dt.total_seconds(), np.float64)
        dates = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
        if not dates.notna().all():
            raise ValueError(
                f"{name!r} holds {texts.iloc[0]!r}, which is no time that is known: give seconds, hh:mm:ss, or dates "
                "as 2024-12-31 23:59:59"
            )
        lines.append(f"time: column {name!r}, from the first read of a device on")
        seconds = (dates - dates.min()).dt.total_seconds()
        return np.asarray(seconds - seconds.groupby(pd.Series(device)).transform("min"), np.float64)
    return None


def _keys(device: AnyArray, level: AnyArray | None, when: Float64Array) -> AnyArray:
    """Return one key a row: the device, with its level where a device was read at several."""
    if np.isnan(when).any():
        raise ValueError("the time or the number of a read is missing in some rows: fill or remove them")
    pairs = pd.DataFrame({"device": device, "when": when})
    if not pairs.duplicated().any():
        return np.asarray(device)
    if level is not None:
        both = pd.Series(device).astype(str) + "/" + pd.Series(level).astype(str)
        if not pd.DataFrame({"key": both, "when": when}).duplicated().any():
            return both.to_numpy()
    raise ValueError(
        "a device has several reads at the same time: label the devices, and the records of a device, by columns of"
        " their own, as device and level"
    )


def _phase(table: RawTable) -> tuple[int, AnyArray] | None:
    """Return a column that says whether a row was read before or after, and which rows are the later ones."""
    for k, column in enumerate(table.columns):
        if is_numeric(column):
            continue
        texts = pd.Series(column).astype(str).str.lower().str.findall(r"[^\W\d_]+")
        early, late = (
            texts.map(lambda words, known=known: any(w in known for w in words)) for known in (BEFORE, AFTER)
        )
        if (early != late).all() and late.nunique() == 2:
            return k, np.asarray(late)
    return None


def _before_after(table: RawTable, names: list[Name], options: ReadOptions, strict: bool) -> ReadTable | None:
    """Return reads of a table with a column before and one after."""
    before = [k for k, n in enumerate(names) if n.when == "before" and is_numeric(table.columns[k])]
    after = [k for k, n in enumerate(names) if n.when == "after" and is_numeric(table.columns[k])]
    before, after = (
        [k for k in found if names[k].role in ("", *QUANTITIES)] if len(found) > 1 else found
        for found in (before, after)
    )
    if len(before) != 1 or len(after) != 1 or (strict and names[before[0]].role not in QUANTITIES):
        return None
    lines = [f"before: column {table.names[before[0]]!r}, after: column {table.names[after[0]]!r}"]
    values = np.stack([values_of(table, names, before[0]), values_of(table, names, after[0])], axis=1)
    timed = [k for k, n in enumerate(names) if n.role == "time" and is_numeric(table.columns[k])]
    seconds: Any = options.seconds
    if seconds is None and timed:
        seconds = values_of(table, names, timed[0])
    if seconds is None:
        raise ValueError(
            f"{table.names[before[0]]!r} and {table.names[after[0]]!r} do not say how long was between: give seconds "
            "to learn.read_retention (--seconds)"
        )
    time = np.zeros(values.shape)
    time[:, 1] = seconds
    kelvin = kelvin_of(table, names, lines)
    arguments: dict[str, Any] = {**amount_of(table, names, before[0], values, options, lines), "time": time}
    if np.ptp(time[:, 1]) == 0:
        arguments["time"] = time[0]
    if kelvin is not None:
        arguments["temperature"] = np.stack([np.full(len(values), np.nan), kelvin], axis=1)
    elif options.temperature is not None:
        arguments["temperature"] = baked(2, options.temperature)
    return ReadTable(arguments | side_labels(table, names), lines)


def _wide(
    table: RawTable, names: list[Name], clock: Sequence[int], options: ReadOptions, strict: bool
) -> ReadTable | None:
    """Return reads of a table with a column for each device."""
    used = {k for k, n in enumerate(names) if n.role in ("time", "read", "temperature", "voltage")}
    devices = [k for k in range(len(names)) if k not in used and is_numeric(table.columns[k]) and table.names[k]]
    known = [k for k in devices if names[k].role in QUANTITIES]
    if known:
        devices = known
    elif strict:
        return None
    if not devices or len({names[k].role for k in devices}) > 1:
        return None
    lines = [f"a column for each of {len(devices)} devices: {listed(table.names[k] for k in devices[:3])} ..."]
    time = values_of(table, names, clock[0])
    if table.rows < 2 or np.isnan(time).any() or np.any(np.diff(time) <= 0):
        return None
    values = np.stack([values_of(table, names, k) for k in devices])
    kelvin = kelvin_of(table, names, lines)
    arguments: dict[str, Any] = amount_of(table, names, devices[0], values, options, lines)
    arguments["device"] = np.array([table.names[k] for k in devices], dtype=object)
    if names[clock[0]].role == "time":
        arguments["time"] = time
        lines.append(f"time: column {table.names[clock[0]]!r}" + times_factor(names[clock[0]].factor))
    else:
        lines.append(f"reads are counted by column {table.names[clock[0]]!r}; they were not timed")
    if kelvin is not None:
        arguments["temperature"] = kelvin
    elif options.temperature is not None:
        arguments["temperature"] = baked(values.shape[1], options.temperature)
    return ReadTable(arguments, lines)


def _turned(table: RawTable, names: list[Name], options: ReadOptions) -> ReadTable | None:
    """Return reads of a table with a row for each device, whose columns are named by times or numbers."""
    found: list[tuple[float, int, str, str]] = []
    for k, text in enumerate(table.names):
        if names[k].when == "before" and names[k].role in QUANTITIES and is_numeric(table.columns[k]):
            found.append((0.0, k, "", text.strip()[:1].lower()))
            continue
        match = _NUMBERED.fullmatch(text.strip()) if text else None
        if match is None or not is_numeric(table.columns[k]) or names[k].role in ("device", "level", "temperature"):
            continue
        found.append((float(match["number"]), k, match["unit"], match["what"].lower()))
    units = {unit for number, _, unit, _ in found if unit or number}
    whats = {what for *_, what in found}
    if len(found) < FEWEST_TURNED or len(units) > 1 or len(whats) > 1:
        return None
    found.sort()
    number = np.array([f[0] for f in found])
    if np.any(np.diff(number) <= 0):
        return None
    unit, what = units.pop(), whats.pop()
    factor = SPANS.get(unit, factor_of(unit)) if unit else None
    role = {"r": "resistance", "g": "conductance", "i": "current"}.get(what, "")
    role = role or next((q for q in QUANTITIES if what == q), "")
    if unit and factor is None:
        return None
    scale = 1.0
    if unit not in SPANS and factor is not None and base_unit(unit) != "s":
        measured = QUANTITY_OF[base_unit(unit)]
        if role not in ("", measured) or measured not in QUANTITIES:
            return None
        role, scale, factor = measured, factor, None  # as G1_uS: a unit of the numbers
    values = scale * np.stack([np.asarray(table.columns[k], np.float64) for _, k, _, _ in found], axis=1)
    lines = [f"a row for each of {len(values)} devices, reads in columns {table.names[found[0][1]]!r} ..."]
    if not role:
        role = by_size(values, table.names[found[0][1]])
        lines.append(f"taken as {role} in {'ohm' if role == 'resistance' else 'S'}, by its size")
    arguments: dict[str, Any] = {role: values, **voltage_of(role, table, names, options)}
    if factor is not None:
        arguments["time"] = number * factor
        lines.append(f"time: names of the columns, in {unit}")
    else:
        lines.append("reads are counted by the names of the columns; they were not timed")
    if options.temperature is not None:
        arguments["temperature"] = baked(values.shape[1], options.temperature)
    return ReadTable(arguments | side_labels(table, names), lines)


def reads_of_table(table: RawTable, options: ReadOptions, strict: bool) -> ReadTable | None:
    """Return the reads of a table in whichever layout it has, or None if it has none.

    Parameters
    ----------
    table : RawTable
        The table.
    options : ReadOptions
        What the user says.
    strict : bool
        Take nothing that could be something else.

    Returns
    -------
    ReadTable or None
    """
    names = names_of(table, options.columns)
    pair = _before_after(table, names, options, strict)
    if pair is not None:
        return pair
    quantity = [k for k, n in enumerate(names) if n.role in QUANTITIES and is_numeric(table.columns[k])]
    clock = [k for k, n in enumerate(names) if n.role in ("time", "read") and is_numeric(table.columns[k])]
    if len(quantity) > 1 and len({names[k].role for k in quantity}) == len(quantity):
        quantity = quantity[:1]  # the same reads as resistance and as current
    if len(quantity) == 1 and (clock or _phase(table) is not None):
        return _long(table, names, quantity[0], clock, options)
    if clock and len(clock) <= 2:
        return _wide(table, names, clock, options, strict)
    turned = _turned(table, names, options)
    if turned is None and len(quantity) == 1 and not strict:
        return _long(table, names, quantity[0], clock, options)
    return turned
