"""Tables of repeated reads, retention and bakes: from columns, whose names and units tell what they hold, to reads.

Four layouts are known. Long: a row for each read, with columns for the device, the time or the number of the read, and
a resistance, conductance or current. Before and after: a row for each device, with a column for each of the two, or two
rows with a column that says which. Wide: a column of times or numbers, and a column for each device. Turned: a row for
each device, and columns that are named by times or numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Float64Array

from .columns import FEATURE_ROLES, listed, role_of
from .formats import Contents
from .raw_tables import RawTable, is_numeric
from .read_names import AFTER, BEFORE, QUANTITIES, QUANTITY_OF, SPANS, WORDS, Name, name_of, parted
from .units import base_unit, factor_of

WARM = 200.0  # a temperature without a unit is in K above this, else in degrees Celsius
STEADY = 0.02  # relative spread of a voltage that is a read voltage
RESISTIVE, CONDUCTIVE = 100.0, 0.05  # a median without name is in ohm above, in S below
FEWEST_TURNED = 3  # columns that are named by times
ZERO_CELSIUS = 273.15
_NUMBERED = re.compile(
    r"(?P<what>[a-zA-Z]*?)[\s_=#@(\[]*(?:(?:t|at|after|read|time)[\s_=#]*)?(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    r"[\s_(\[]*(?P<unit>[^\s_()\[\]\d]*)[)\]]?"
)
_CLOCK = re.compile(r"(?i)\b(?:date|time|datetime|timestamp|clock|stamp)|time\b")


@dataclass
class ReadTable:
    """Repeated reads of a file, in the form that `reads` takes.

    Attributes
    ----------
    arguments : dict
        Arguments of `reads`.
    lines : list of str
        How it was understood.
    """

    arguments: dict[str, Any]
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of a table of reads.

    Attributes
    ----------
    columns : mapping of str to str
        The file's names of some of our `ROLES`.
    voltage : float, optional
        Read voltage in V of currents.
    seconds, temperature : float, optional
        Time in s between the reads before and after a bake, and its temperature in K.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    voltage: float | None = None
    seconds: float | None = None
    temperature: float | None = None


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
        found = _from_arrays(contents.arrays, options, strict)
        if found is not None:
            return _with_format(found, contents)
        tables = _columns_of(contents.arrays)
    each = [t for t in tables if t.named and t.rows and (not strict or not _switches(t))]
    if strict and len(each) < len(tables):
        return None
    parts = [(t, part) for t in each if (part := _from_table(t, options, strict)) is not None]
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
    if any(r in ("cycle", "r_hrs", "r_lrs", "u_set", "u_reset") for r in roles):
        return not any(name_of(n).role in ("time", "read") for n in table.names if role_of(n)[0] != "cycle")
    volts = [c for n, c in zip(table.names, table.columns, strict=True) if role_of(n)[0] == "voltage"]
    return any(is_numeric(c) and not _steady(c) for c in volts)


def _steady(column: AnyArray) -> bool:
    there = np.abs(column[np.isfinite(column)])
    return bool(there.size and np.median(there) > 0 and np.ptp(there) < STEADY * np.median(there))


def _columns_of(arrays: Mapping[str, AnyArray]) -> list[RawTable]:
    """Return one-dimensional arrays of one length as a table."""
    flat = {k: np.asarray(v) for k, v in arrays.items() if np.ndim(v) == 1}
    lengths = [len(v) for v in flat.values()]
    if not lengths:
        return []
    kept = {k: v for k, v in flat.items() if len(v) == max(lengths)}
    values = [v.astype(np.float64) if v.dtype.kind in "fiub" else v.astype(object) for v in kept.values()]
    return [RawTable(list(kept), values)]


# ---- layouts of tables


def _names(table: RawTable, columns: Mapping[str, str]) -> list[Name]:
    names = [name_of(n) if n else Name("") for n in table.names]
    given = {n.role for n in names if not n.base}
    names = [Name("") if n.base and n.role in given else n for n in names]  # the same once more, as a logarithm
    for ours, theirs in columns.items():
        if theirs not in table.names:
            raise ValueError(f"there is no column {theirs!r} for {ours}; there are {listed(table.names)}")
        k = table.names.index(theirs)
        _, factor, kind = parted(theirs)
        role = ours if ours not in ("before", "after") else names[k].role or ""
        names = [n._replace(role="") if n.role == role and j != k else n for j, n in enumerate(names)]
        names[k] = Name(role, factor, names[k].celsius, bool(kind), ours if ours in ("before", "after") else "")
    return names


def _from_table(table: RawTable, options: ReadOptions, strict: bool) -> ReadTable | None:
    names = _names(table, options.columns)
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


def _values(table: RawTable, names: Sequence[Name], k: int) -> Float64Array:
    return _in_si(np.asarray(table.columns[k], np.float64), names[k], table.names[k])


def _in_si(values: Float64Array, name: Name, text: str) -> Float64Array:
    """Return what a column or an array holds in SI units, and not as a logarithm."""
    if np.isnan(name.base):
        raise ValueError(f"{text!r} does not say which logarithm it is: name it log10(...) or ln(...)")
    return np.asarray((np.power(name.base, values) if name.base else values) * name.factor)


def _kelvin(table: RawTable, names: Sequence[Name], lines: list[str]) -> Float64Array | None:
    found = [k for k, n in enumerate(names) if n.role == "temperature" and is_numeric(table.columns[k])]
    if not found:
        return None
    name, values = names[found[0]], np.asarray(table.columns[found[0]], np.float64)
    celsius = name.celsius or (not name.unit and float(np.nanmedian(values)) < WARM)
    lines.append(f"temperature: column {table.names[found[0]]!r}, in {'degrees Celsius' if celsius else 'K'}")
    return values + ZERO_CELSIUS if celsius else values


def _labels(table: RawTable, names: Sequence[Name], role: str) -> tuple[AnyArray | None, list[str]]:
    """Return one label a row from the columns of a role, which together name a device, and the names of these."""
    columns = [k for k, n in enumerate(names) if n.role == role]
    texts = {k: pd.Series(table.columns[k]) for k in columns}
    vary = [k for k in columns if texts[k].nunique(dropna=False) > 1] or columns[:1]
    if not vary:
        return None, []
    if len(vary) == 1:
        own = texts[vary[0]]
        whole = is_numeric(table.columns[vary[0]]) and own.notna().all() and (own == own.round()).all()
        return np.asarray(own.astype(np.int64) if whole else own), [table.names[vary[0]]]
    rows = zip(*([f"{v:g}" if isinstance(v, float) else str(v) for v in texts[k]] for k in vary), strict=True)
    return np.array(["/".join(row) for row in rows], dtype=object), [table.names[k] for k in vary]


def _amount(
    table: RawTable, names: Sequence[Name], k: int, values: Float64Array, options: ReadOptions, lines: list[str]
) -> dict[str, Any]:
    """Return the quantity of a column by its name, with the read voltage of a current."""
    role = names[k].role
    if role not in QUANTITIES:
        role = _by_size(values, table.names[k])
        lines.append(f"{table.names[k]!r} has no unit: taken as {role} in {'ohm' if role == 'resistance' else 'S'}")
    return {role: values, **_voltage(role, table, names, options)}


def _voltage(role: str, table: RawTable, names: Sequence[Name], options: ReadOptions) -> dict[str, Any]:
    if role != "current":
        return {}
    if options.voltage is not None:
        return {"voltage": options.voltage}
    found = [k for k, n in enumerate(names) if n.role == "voltage" and is_numeric(table.columns[k])]
    if not found:
        raise ValueError("current needs the read voltage in V: give voltage to learn.read_retention (--read-voltage)")
    u = _values(table, names, found[0])
    if not _steady(u):
        raise ValueError(f"the voltage {table.names[found[0]]!r} varies: repeated reads have one read voltage")
    return {"voltage": float(np.nanmedian(np.abs(u)))}


def _by_size(values: Float64Array, name: str) -> str:
    middle = float(np.nanmedian(np.abs(values)))
    if middle > RESISTIVE:
        return "resistance"
    if middle < CONDUCTIVE:
        return "conductance"
    raise ValueError(
        f"{name!r} has median {middle:.4g} and no unit: name it with one, as in R (kohm) or G (uS), to tell what it is"
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


def _long(
    table: RawTable, names: list[Name], quantity: int, clock: Sequence[int], options: ReadOptions
) -> ReadTable | None:
    lines: list[str] = []
    phase = _phase(table)
    if phase is not None:
        names[phase[0]] = Name("")
    device, parts = _labels(table, names, "device")
    level, _ = _labels(table, names, "level")
    kelvin = _kelvin(table, names, lines)
    values = _values(table, names, quantity)
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
    lines.insert(0, f"{names[quantity].role}: column {table.names[quantity]!r}" + _times(names[quantity].factor))
    if parts:
        lines.append(f"device: column{'s' * (len(parts) > 1)} {listed(parts)}")
    arguments: dict[str, Any] = {
        **_amount(table, names, quantity, grid, options, lines),
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
        arguments["temperature"] = _baked(shape[1], options.temperature)
    if level is not None:
        arguments["level"] = level[order[first]]
        lines.append("level: a column of its own")
    return ReadTable(arguments, lines)


def _own_labels(device: AnyArray, rows: AnyArray, labels: AnyArray) -> AnyArray:
    """Return labels of devices, or of records where a device has several."""
    own = device[rows]
    return own if len(pd.unique(own)) == len(own) else np.asarray(labels, dtype=object)


def _times(factor: float) -> str:
    return "" if factor == 1.0 else f" (times {factor:g})"


def _baked(n: int, kelvin: float) -> Float64Array:
    """Return temperatures: that of the first read is not known."""
    return np.concatenate([[np.nan], np.full(n - 1, kelvin)])


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
        lines.append(f"time: column {table.names[timed[0]]!r}" + _times(names[timed[0]].factor))
        return True, _values(table, names, timed[0])
    if clock:
        lines.append(f"reads are counted by column {table.names[clock[0]]!r}; they were not timed")
        return False, _values(table, names, clock[0])
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
    values = np.stack([_values(table, names, before[0]), _values(table, names, after[0])], axis=1)
    timed = [k for k, n in enumerate(names) if n.role == "time" and is_numeric(table.columns[k])]
    seconds: Any = options.seconds
    if seconds is None and timed:
        seconds = _values(table, names, timed[0])
    if seconds is None:
        raise ValueError(
            f"{table.names[before[0]]!r} and {table.names[after[0]]!r} do not say how long was between: give seconds "
            "to learn.read_retention (--seconds)"
        )
    time = np.zeros(values.shape)
    time[:, 1] = seconds
    kelvin = _kelvin(table, names, lines)
    arguments: dict[str, Any] = {**_amount(table, names, before[0], values, options, lines), "time": time}
    if np.ptp(time[:, 1]) == 0:
        arguments["time"] = time[0]
    if kelvin is not None:
        arguments["temperature"] = np.stack([np.full(len(values), np.nan), kelvin], axis=1)
    elif options.temperature is not None:
        arguments["temperature"] = _baked(2, options.temperature)
    return ReadTable(arguments | _side_labels(table, names), lines)


def _side_labels(table: RawTable, names: Sequence[Name]) -> dict[str, Any]:
    """Return labels of devices and levels where each row is a device."""
    found: dict[str, Any] = {}
    device, _ = _labels(table, names, "device")
    if device is not None and len(pd.unique(device)) == len(device):
        found["device"] = device
    level, _ = _labels(table, names, "level")
    return found if level is None else {**found, "level": level}


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
    time = _values(table, names, clock[0])
    if table.rows < 2 or np.isnan(time).any() or np.any(np.diff(time) <= 0):
        return None
    values = np.stack([_values(table, names, k) for k in devices])
    kelvin = _kelvin(table, names, lines)
    arguments: dict[str, Any] = _amount(table, names, devices[0], values, options, lines)
    arguments["device"] = np.array([table.names[k] for k in devices], dtype=object)
    if names[clock[0]].role == "time":
        arguments["time"] = time
        lines.append(f"time: column {table.names[clock[0]]!r}" + _times(names[clock[0]].factor))
    else:
        lines.append(f"reads are counted by column {table.names[clock[0]]!r}; they were not timed")
    if kelvin is not None:
        arguments["temperature"] = kelvin
    elif options.temperature is not None:
        arguments["temperature"] = _baked(values.shape[1], options.temperature)
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
        role = _by_size(values, table.names[found[0][1]])
        lines.append(f"taken as {role} in {'ohm' if role == 'resistance' else 'S'}, by its size")
    arguments: dict[str, Any] = {role: values, **_voltage(role, table, names, options)}
    if factor is not None:
        arguments["time"] = number * factor
        lines.append(f"time: names of the columns, in {unit}")
    else:
        lines.append("reads are counted by the names of the columns; they were not timed")
    if options.temperature is not None:
        arguments["temperature"] = _baked(values.shape[1], options.temperature)
    return ReadTable(arguments | _side_labels(table, names), lines)


# ---- named arrays, and several tables


def _from_arrays(arrays: Mapping[str, AnyArray], options: ReadOptions, strict: bool) -> ReadTable | None:
    """Return reads of named arrays: tables of devices and reads, or pairs before and after."""
    numeric = {k: np.asarray(v) for k, v in arrays.items() if np.asarray(v).dtype.kind in "fiu"}
    tables = {k: v for k, v in numeric.items() if v.ndim == 2 and _array_role(k) and min(v.shape) >= 1}
    points = {n for k, v in tables.items() if _array_role(k) == "current" for n in v.shape}
    volts = [v for k, v in numeric.items() if role_of(k)[0] == "voltage" and (v.ndim > 1 or v.size in points)]
    if tables and all(_steady(v.astype(np.float64)) for v in volts):
        return _array_tables(tables, numeric, arrays, options)
    stems = {re.sub(r"[\s_]*(before|pre)$", "", k): k for k in numeric if re.search(r"[\s_]?(before|pre)$", k)}
    pairs = {
        stem: (numeric[k], numeric[other])
        for stem, k in stems.items()
        for other in (f"{stem}_after", f"{stem}_post", f"{stem} after", "after" if not stem else "")
        if other in numeric and numeric[other].shape == numeric[k].shape and numeric[k].ndim == 1
    }
    if not pairs:
        return None
    if options.seconds is None:
        raise ValueError(
            f"{listed(stems.values())} do not say how long was between: give seconds to learn.read_retention"
            " (--seconds)"
        )
    values = np.concatenate([np.stack(pair, axis=1) for pair in pairs.values()]).astype(np.float64)
    role = next((r for r in map(_array_role, pairs) if r), "") or _by_size(values, next(iter(pairs)))
    lines = [f"before and after, as {role}: {listed(pairs)}"]
    arguments: dict[str, Any] = {role: values, "time": np.array([0.0, options.seconds])}
    arguments |= {"voltage": options.voltage} if role == "current" and options.voltage is not None else {}
    arguments |= {} if options.temperature is None else {"temperature": _baked(2, options.temperature)}
    if len(pairs) > 1:
        names = [f"{stem}/{k}" for stem, pair in pairs.items() for k in range(len(pair[0]))]
        arguments["device"] = np.array(names, dtype=object)
    return ReadTable(arguments, lines)


def _array_role(name: str) -> str:
    last = name.rpartition("/")[2]
    named = name_of(last).role
    if named in QUANTITIES:
        return named
    if role_of(last)[0] in FEATURE_ROLES:
        return ""
    first = re.split(r"[\s_]+", last.lower())[0]
    return next((q for q in QUANTITIES if first == q or first in WORDS[q]), "")


def _array_tables(
    tables: dict[str, AnyArray], every: dict[str, AnyArray], named: Mapping[str, AnyArray], options: ReadOptions
) -> ReadTable | None:
    role = _array_role(next(iter(tables)))
    tables = {k: v for k, v in tables.items() if _array_role(k) == role}
    times = [k for k, v in every.items() if name_of(k).role == "time" and v.ndim <= 2]
    time = _in_si(every[times[0]].astype(np.float64), name_of(times[0]), times[0]) if times else None
    length = time.shape[-1] if time is not None else 0
    turned = {k: v.T if length and v.shape[1] != length and v.shape[0] == length else v for k, v in tables.items()}
    most = max(v.shape[1] for v in turned.values())
    if most < 2 or (time is not None and most != length):
        return None
    rows: list[Float64Array] = []
    labels: list[object] = []
    for k, v in turned.items():
        own = _in_si(v.astype(np.float64), name_of(k.rpartition("/")[2]), k)
        rows.append(np.pad(own, ((0, 0), (0, most - v.shape[1])), constant_values=np.nan))
        labels += [f"{k}/{n}" for n in range(len(v))] if len(turned) > 1 else list(range(len(v)))
    values = np.concatenate(rows)
    lines = [f"{role}: arrays {listed(turned)}, a row for each of {len(values)} devices"]
    arguments: dict[str, Any] = {role: values, "device": np.array(labels, dtype=object)}
    for ours in ("device", "level"):
        label = next((np.asarray(v) for k, v in named.items() if name_of(k).role == ours), None)
        if label is not None and label.shape == (len(values),) and len(turned) == 1:
            arguments[ours] = label
    if time is not None and time.shape in (values.shape, values.shape[1:]):
        arguments["time"] = time
        lines.append(f"time: array {times[0]!r}")
    else:
        lines.append("reads are counted; they were not timed")
    if role == "current":
        volts = [v for k, v in every.items() if name_of(k).role == "voltage"]
        steady = float(np.median(np.abs(volts[0]))) if volts else None
        arguments["voltage"] = options.voltage if options.voltage is not None else steady
    heat = [k for k in every if name_of(k).role == "temperature" and every[k].ndim <= 2]
    if heat:
        kelvin = every[heat[0]].astype(np.float64)
        celsius = name_of(heat[0]).celsius or (not name_of(heat[0]).unit and float(np.median(kelvin)) < WARM)
        arguments["temperature"] = kelvin + ZERO_CELSIUS * celsius
    elif options.temperature is not None:
        arguments["temperature"] = _baked(values.shape[1], options.temperature)
    return ReadTable(arguments, lines)


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
