"""Layouts of measurements: which columns are voltage and current, and what several of them are.

A table may hold one record (a column each of voltage and current), pairs of columns, one voltage with many currents, or
SET and RESET in columns of their own; a file may hold several such tables. All become a list of records, which are then
cycles of one device, or devices.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from synaptogen._utils import AnyArray, Float64Array
from synaptogen.learn.extraction import refuse

from .channels import (
    OVERFLOW,
    Channel,
    channels_of,
    magnitudes_of,
    numbered_currents,
    numbers_of,
    pairs_of,
    varies,
    way_of,
    without_gates,
    without_repeats,
    words_of,
)
from .columns import QUOTIENTS, listed
from .raw_tables import RawTable, is_numeric
from .units import factor_of, quantity_of, require_known_unit, split_unit

Records: TypeAlias = Literal["cycles", "devices"]
"""What several records of one file are."""


ONE_SIDE = 0.05  # share of the largest voltage that a sweep of one sign may reach on the other side
SWEPT = 12  # different voltages of a sweep
FILLERS = 5  # points of no voltage and no current at all at the end of a record that are no points
PULSES = frozenset(("pulse", "pulses", "write", "program", "programming", "prog", "amplitude"))
SCOPE_WORDS = ("sample interval", "record length", "horizontal units", "vertical units", "volts/div", "waveform type")


@dataclass
class Record:
    """Points of one record.

    Attributes
    ----------
    voltage, current : array of shape (n,)
        V and A.
    time : array of shape (n,) or None
        s.
    label : str
        Its name in the file.
    device : str
        Name of the device, if the place in the file says it.
    table : str
        Name of the sheet or of the block.
    """

    voltage: Float64Array
    current: Float64Array
    time: Float64Array | None
    label: str
    device: str = ""
    table: str = ""


@dataclass
class Understood:
    """What was understood of a file, for `look` and for messages.

    Attributes
    ----------
    lines : list of str
        One sentence each.
    believed : bool
        Whether units were given, so that unusual magnitudes are meant.
    shunted : bool
        Whether the resistance of a shunt has made a current of a voltage.
    """

    lines: list[str] = field(default_factory=list)
    believed: bool = False
    shunted: bool = False


class Options:
    """How to read what a file leaves open.

    Parameters
    ----------
    shunt : float, optional
        Resistance in ohm over which an oscilloscope measured the current as a second voltage.
    magnitude : bool
        Currents are magnitudes; they get the sign of the voltage.
    records : {"cycles", "devices"}
        What several records of a file are.
    units : mapping of str to str
        Units of some of our columns, which count more than those of the file.
    """

    def __init__(
        self,
        shunt: float | None = None,
        magnitude: bool = False,
        records: Records = "cycles",
        units: Mapping[str, str] | None = None,
    ) -> None:
        self.shunt, self.magnitude, self.records, self.units = shunt, magnitude, records, dict(units or {})


def records_of(tables: list[RawTable], options: Options, understood: Understood) -> list[Record]:
    """Return the records of all tables that hold voltages and currents.

    Parameters
    ----------
    tables : list of RawTable
    options : Options
    understood : Understood
        Gets a line for each decision.

    Returns
    -------
    list of Record
        Empty if no table holds both.

    Raises
    ------
    ValueError
        If columns could mean several things; the message names the option that decides.
    """
    found: list[Record] = []
    skipped = []
    named = any(_has_names_of_loops(table) for table in tables)
    for table in tables:
        settings = named and not table.named  # beside loops with names
        mine = [] if settings else _records_of_table(table, options, understood)
        if not mine:
            skipped.append(table.where or "a table")
        for record in mine:
            record.device = table.device or record.device
            record.table = table.where
            record.label = " ".join(x for x in (table.where, record.label) if x) if len(tables) > 1 else record.label
        found += mine
    if options.records == "cycles":
        found = whole_loops(found, understood)
    sheets = {record.device for record in found}
    if sheets == {""} and options.records == "cycles":
        _take_sheets_for_devices(found, understood)
    if found and skipped:
        understood.lines.append(f"left out, without voltage and current: {', '.join(skipped)}")
    return found


def _take_sheets_for_devices(records: list[Record], understood: Understood) -> None:
    """Name devices by the sheets of a file if each of several holds several records."""
    counts: dict[str, int] = {}
    for record in records:
        counts[record.table] = counts.get(record.table, 0) + 1
    if len(counts) > 1 and min(counts.values()) > 1 and all(counts):
        for record in records:
            record.device = record.table
        understood.lines.append(
            f"each sheet or block holds several records, and is taken as a device: {listed(counts)}"
        )


def side_of(voltage: Float64Array) -> int:
    """Return 1 where all voltages are positive, -1 where all are negative, but for small ones; else 0.

    Parameters
    ----------
    voltage : array
        In V, perhaps NaN.

    Returns
    -------
    int
    """
    there = voltage[np.isfinite(voltage)]
    if not there.size or not np.any(there != 0):
        return 0
    low, high = float(there.min()), float(there.max())
    return 1 if -low < ONE_SIDE * high else -1 if high < -ONE_SIDE * low else 0


def is_swept(table: RawTable) -> bool:
    """Return whether a voltage of a table goes to both signs, and a current or another voltage is beside it.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    bool
    """
    channels = [c for c in channels_of(table) if c.role in ("voltage", "current")] if table.named else []
    volts = [numbers_of(table, c) for c in channels if c.role == "voltage"]
    return len(channels) > 1 and any(len(np.unique(v)) >= SWEPT and side_of(v) == 0 for v in volts)


def whole_loops(records: list[Record], understood: Understood) -> list[Record]:
    """Join sweeps of one sign each with the sweep of the other sign behind it: they are the halves of loops.

    Parameters
    ----------
    records : list of Record
        In the order of the file.
    understood : Understood
        Gets a line if sweeps were joined.

    Returns
    -------
    list of Record
        The same ones if they are no halves.
    """
    sides = [side_of(r.voltage) for r in records]
    n = len(records) // 2
    if len(records) != 2 * n or not n or 0 in sides:
        return records
    if sides == [sides[0], -sides[0]] * n:
        pairs = [(records[2 * k], records[2 * k + 1]) for k in range(n)]
    elif sides == [sides[0]] * n + [-sides[0]] * n:
        pairs = list(zip(records[:n], records[n:], strict=True))
    else:
        return records
    if any(a.device != b.device for a, b in pairs):
        return records
    understood.lines.append(f"sweeps of one sign each: joined to {n} loops, in this order")
    joined = []
    for a, b in pairs:
        voltage, current = (np.concatenate([getattr(r, name) for r in (a, b)]) for name in ("voltage", "current"))
        joined.append(Record(voltage, current, None, a.label, a.device, a.table))
    return joined


def pairs_in(table: RawTable, options: Options, understood: Understood) -> list[tuple[Channel, Channel]]:
    """Return the pairs of voltage and current of a table by the names of its columns, without those of a gate.

    Parameters
    ----------
    table : RawTable
    options : Options
    understood : Understood
        Gets a line for each decision.

    Returns
    -------
    list of pairs of Channel
        Empty if the names of no columns are those of both.

    Raises
    ------
    ValueError
        If columns could mean several things.
    """
    channels, gates = without_gates(channels_of(table))
    volts, amps = ([c for c in channels if c.role == kind] for kind in ("voltage", "current"))
    if volts and not amps:
        amps = _magnitudes(table, options, understood)
    if len(volts) == 1 and not amps and options.shunt is None:
        amps = numbered_currents(table)
        if amps:
            understood.lines.append(f"currents: columns {listed(i.name for i in amps[:3])}, which are only numbered")
    if options.shunt is not None and len(volts) >= 2 and not amps:
        volts, shunt = volts[:1], volts[1]
        understood.shunted = True
        amps = [Channel("current", shunt.tag, shunt.index, shunt.factor / options.shunt, shunt.name, True)]
        understood.lines.append(f"current: {shunt.name!r} over a shunt of {options.shunt:g} ohm")
    if len(volts) >= 2 and not amps:
        raise ValueError(_two_voltages([v.name for v in volts]) + hint_of_quotient(table.names))
    if not volts or not amps:
        return []
    every = pairs_of(table, volts, amps)
    pairs = without_repeats(table, every)
    if len(pairs) < len(every):
        understood.lines.append(
            f"left out, the same numbers as others: {listed(i.name for p, i in every if (p, i) not in pairs)}"
        )
    for v, i in pairs:
        require_known_unit(v.name, "voltage")
        require_known_unit(i.name, "current")
        if "read" in words_of(i) and words_of(v) & PULSES and "read" not in words_of(v):
            refuse("pulse response")  # a current at another voltage than that beside it
    understood.believed |= any(i.unit for _, i in pairs)
    if gates:
        understood.lines.append(f"left out, of a gate: {listed(gates)}")
    return pairs


def _magnitudes(table: RawTable, options: Options, understood: Understood) -> list[Channel]:
    found = magnitudes_of(table)
    if found and not options.magnitude:
        raise ValueError(
            f"{listed(c.name for c in found[:3])} holds magnitudes of currents: give magnitude=True (--magnitude), by"
            " which they get the sign of the voltage"
        )
    return found


def _records_of_table(table: RawTable, options: Options, understood: Understood) -> list[Record]:
    channels = channels_of(table) if table.named else []
    times = [c for c in channels if c.role == "time"]
    known = any(c.role in ("voltage", "current") for c in channels)
    if not table.named or (not known and _names_are_channels(table)):
        return _by_position(table, options, understood)
    pairs = pairs_in(table, options, understood)
    time = times[0] if len(times) == 1 else None
    for v, i in pairs[:3]:
        understood.lines.append(
            f"voltage: column {v.name!r}{_times(v.factor)}; current: column {i.name!r}{_times(i.factor)}"
        )
    if len(pairs) > 3:
        understood.lines.append(f"... {len(pairs)} pairs of columns in all")
    records = []
    for k, (v, i) in enumerate(pairs):
        own = numbers_of(table, v), numbers_of(table, i)
        when = None if time is None else numbers_of(table, time)
        device = table.devices[i.index] if table.devices else i.device if len(pairs) > 1 else ""
        records.append(Record(*own, when, f"{k + 1}" if len(pairs) > 1 else "", device))
    halves = [re.sub(r"\d", "", v.tag) for v, _ in pairs]
    if len(pairs) > 1 and set(halves) in ({"set", "reset"}, {"pos", "neg"}):
        order = ("set", "reset") if "set" in halves else tuple(dict.fromkeys(halves))
        records = _joined(pairs, records, order)
        understood.lines.append(f"sweeps {' and '.join(order)} in columns of their own: joined in this order")
    elif len(pairs) > 1 and all(way_of(i.tag) for _, i in pairs):
        return _there_and_back(pairs, records, understood)
    return [_without_end(record) for record in records]


def _there_and_back(
    pairs: list[tuple[Channel, Channel]], records: list[Record], understood: Understood
) -> list[Record]:
    """Join currents of the way there and of the way back, over one voltage or each over its own."""
    parts: list[Record] = []
    for (_, i), record in zip(pairs, records, strict=True):
        cut = _without_end(record)
        turn = way_of(i.tag) < 0 and len(parts) % 2 == 1 and _same(cut.voltage, parts[-1].voltage[: len(cut.voltage)])
        parts.append(Record(cut.voltage[::-1], cut.current[::-1], None, "") if turn else cut)
    understood.lines.append("currents of the way there and back in columns of their own: joined in this order")
    voltage, current = (np.concatenate([getattr(r, name) for r in parts]) for name in ("voltage", "current"))
    return [Record(voltage, current, None, "")]


def _has_names_of_loops(table: RawTable) -> bool:
    roles = {c.role for c in channels_of(table)} if table.named else set()
    return {"voltage", "current"} <= roles


def _times(factor: float) -> str:
    return "" if factor == 1.0 else f" (times {factor:g})"


def _names_are_channels(table: RawTable) -> bool:
    return all(
        not name or re.fullmatch(r"[\w\- ]*\d+|x-?axis|x_value|time|index|comment|untitled", name.strip().lower())
        for name in table.names
    )


def _joined(pairs: list[tuple[Channel, Channel]], records: list[Record], order: tuple[str, ...]) -> list[Record]:
    """Join the two halves of loops, number by number, in this order."""
    by_number: dict[str, dict[str, Record]] = {}
    for (v, _), record in zip(pairs, records, strict=True):
        number, half = re.sub(r"\D", "", v.tag), re.sub(r"\d", "", v.tag)
        while half in by_number.get(number, {}):
            number += "'"  # the same names once more, of a further loop
        by_number.setdefault(number, {})[half] = _without_end(record)
    joined = []
    for number, parts in by_number.items():
        each = [parts[key] for key in order if key in parts]
        voltage, current = (np.concatenate([getattr(r, name) for r in each]) for name in ("voltage", "current"))
        joined.append(Record(voltage, current, None, number, each[0].device))
    return joined


def _without_end(record: Record) -> Record:
    """Return a record without the missing points at its end, which shorter columns of a table have."""
    there = np.isfinite(record.voltage) & np.isfinite(record.current)
    zero = (record.voltage == 0) & (record.current == 0)
    end = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
    filled = end - 1 - int(np.flatnonzero(~zero[:end])[-1]) if end and not zero[:end].all() else 0
    if filled >= FILLERS:  # zeros that fill up a shorter column
        end -= filled
    time = None if record.time is None else record.time[:end]
    return Record(record.voltage[:end], record.current[:end], time, record.label, record.device)


def _by_position(table: RawTable, options: Options, understood: Understood) -> list[Record]:
    """Return the record of a table whose names say nothing: counters and times first, then voltage and current."""
    found = _records_by_position(table, options, understood)
    factors = {role: factor_of(unit) or 1.0 for role, unit in options.units.items()}
    for record in found:
        record.voltage = factors.get("voltage", 1.0) * record.voltage
        record.current = factors.get("current", 1.0) * record.current
    understood.believed |= bool(found) and "current" in options.units
    return found


def _records_by_position(table: RawTable, options: Options, understood: Understood) -> list[Record]:
    numeric = [k for k, c in enumerate(table.columns) if is_numeric(c) and np.isfinite(c).any()]
    values = {k: np.where(np.abs(table.columns[k]) > OVERFLOW, np.nan, table.columns[k]) for k in numeric}
    steady = [k for k in numeric if len(values[k]) > 2 and np.all(np.diff(values[k][np.isfinite(values[k])]) > 0)]
    rest = [k for k in numeric if k not in steady] if len(numeric) > 2 else numeric
    if len(rest) > 2:
        rest = [k for k in rest if varies(np.asarray(values[k]))]
        rest = [k for n, k in enumerate(rest) if not any(_repeats(values[k], values[j]) for j in rest[:n])]
    if len(rest) < 2:
        return []
    v, i = rest[:2]
    volt_like = [k for k in rest if "volt" in table.names[k].lower()]
    if len(volt_like) >= 2 or _both_volts(table, rest):
        if options.shunt is None or len(rest) > 2:
            raise ValueError(_two_voltages([table.names[k] or str(k + 1) for k in rest]))
        understood.lines.append(
            f"voltage: column {_column(table, v)}; current: column {_column(table, i)} over {options.shunt:g} ohm"
        )
        understood.believed = understood.shunted = True
        return [Record(np.asarray(values[v]), np.asarray(values[i]) / options.shunt, None, "")]
    if len(rest) > 2:
        others = rest[1:]
        if len(rest) % 2 == 0 and all(_same(values[rest[0]], values[k]) for k in rest[::2]):
            understood.lines.append(f"columns without names: {len(rest) // 2} pairs of voltage and current")
            pairs = zip(rest[::2], rest[1::2], strict=True)
            return [
                _without_end(Record(np.asarray(values[a]), np.asarray(values[b]), None, f"{n + 1}"))
                for n, (a, b) in enumerate(pairs)
            ]
        size = [float(np.nanmax(np.abs(values[k]))) for k in others]
        if max(size) < 0.1 * float(np.nanmax(np.abs(values[v]))) and min(size) > 1e-3 * max(size):
            understood.lines.append(f"columns without names: one voltage and {len(others)} currents")
            return [
                _without_end(Record(np.asarray(values[v]), np.asarray(values[k]), None, f"{n + 1}"))
                for n, k in enumerate(others)
            ]
    peak = [float(np.nanmax(np.abs(values[k]))) for k in (v, i)]
    if peak[0] < 0.1 * peak[1] and peak[1] > 0.1:
        v, i = i, v
    understood.lines.append(f"no names: voltage is column {_column(table, v)}, current is column {_column(table, i)}")
    return [Record(np.asarray(values[v]), np.asarray(values[i]), None, "")]


def _repeats(a: AnyArray, b: AnyArray) -> bool:
    """Return whether a column holds the numbers of another one, or their magnitudes."""
    return np.array_equal(a, b, equal_nan=True) or np.array_equal(a, np.abs(b), equal_nan=True)


def hint_of_quotient(names: Sequence[str]) -> str:
    """Return what could be done with a resistance or a conductance beside each voltage, or an empty text.

    Parameters
    ----------
    names : sequence of str
        Names of columns.

    Returns
    -------
    str
    """
    for kind in QUOTIENTS:
        for name in names:
            base = split_unit(name)[0].lower()
            if base in (kind, kind[0].replace("c", "g")) or quantity_of(name) == kind:
                return (
                    f"; if {name!r} is the {kind} at this voltage, and not one that was read later at another,"
                    f" --column {kind}={name!r} makes a current of it"
                )
    return ""


def _two_voltages(names: list[str]) -> str:
    return (
        f"columns {listed(names)} are voltages, and none is a current: if one is across a shunt in"
        " series, give its resistance with shunt=OHM, or --shunt OHM; else name the current with --column current=NAME;"
        " of more than two, name the voltage too"
    )


def _both_volts(table: RawTable, columns: list[int]) -> bool:
    if not table.named:  # the first lines of files of oscilloscopes say so beside or above the numbers
        return any(word in line.lower() for line in table.head for word in SCOPE_WORDS)
    return all(
        re.fullmatch(r"(ch(annel)?[\s_]*|c)?\d+.*|.*\(volt\)", table.names[k].strip().lower()) is not None
        for k in columns
    )


def _column(table: RawTable, k: int) -> str:
    return repr(table.names[k]) if table.names[k] else str(k + 1)


def _same(a: AnyArray, b: AnyArray) -> bool:
    there = np.isfinite(a) & np.isfinite(b)
    return bool(there.any()) and float(np.abs(a[there] - b[there]).max()) <= 0.05 * float(np.ptp(a[there]) or 1.0)
