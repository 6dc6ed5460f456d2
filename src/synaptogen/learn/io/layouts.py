"""Layouts of measurements: which columns are voltage and current, and what several of them are.

A table may hold one record (a column each of voltage and current), pairs of columns, one voltage with many currents, or
SET and RESET in columns of their own; a file may hold several such tables. All become a list of records, which are then
cycles of one device, or devices.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from synaptogen._utils import AnyArray, Float64Array

from .columns import listed, role_of, split_unit
from .raw_tables import RawTable, is_numeric

Records: TypeAlias = Literal["cycles", "devices"]
"""What several records of one file are."""

OVERFLOW = 1e30  # instruments write 9.91e37 for what they could not measure
CONSTANT = 1e-9  # share of its magnitude by which a constant column varies


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
    """

    voltage: Float64Array
    current: Float64Array
    time: Float64Array | None
    label: str


@dataclass
class Understood:
    """What was understood of a file, for `look` and for messages.

    Attributes
    ----------
    lines : list of str
        One sentence each.
    believed : bool
        Whether units were given, so that unusual magnitudes are meant.
    """

    lines: list[str] = field(default_factory=list)
    believed: bool = False


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
    """

    def __init__(self, shunt: float | None = None, magnitude: bool = False, records: Records = "cycles") -> None:
        self.shunt, self.magnitude, self.records = shunt, magnitude, records


@dataclass
class _Role:
    role: str
    tag: str
    index: int
    factor: float
    name: str
    unit: bool


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
    for table in tables:
        mine = _records_of_table(table, options, understood)
        if not mine:
            skipped.append(table.where or "a table")
        for record in mine:
            record.label = " ".join(x for x in (table.where, record.label) if x) if len(tables) > 1 else record.label
        found += mine
    if found and skipped:
        understood.lines.append(f"left out, without voltage and current: {', '.join(skipped)}")
    return found


def _records_of_table(table: RawTable, options: Options, understood: Understood) -> list[Record]:
    roles = _roles(table) if table.named else []
    if any(r.role == "current" for r in roles):  # then V_set is the voltage of a sweep, and not a threshold
        for r in roles:
            if r.role in ("u_set", "u_reset"):
                r.role, r.tag = "voltage", r.role.removeprefix("u_")
    volts, amps, times = ([r for r in roles if r.role == kind] for kind in ("voltage", "current", "time"))
    if not table.named or (not volts and not amps and _names_are_channels(table)):
        return _by_position(table, options, understood)
    if options.shunt is not None and len(volts) >= 2 and not amps:
        volts, shunt = volts[:1], volts[1]
        amps = [_Role("current", shunt.tag, shunt.index, shunt.factor / options.shunt, shunt.name, True)]
        understood.lines.append(f"current: {shunt.name!r} over a shunt of {options.shunt:g} ohm")
    if len(volts) >= 2 and not amps:
        raise ValueError(_two_voltages([v.name for v in volts]))
    if not volts or not amps:
        return []
    understood.believed |= any(r.unit for r in amps)
    pairs = _pairs(table, volts, amps)
    time = times[0] if len(times) == 1 else None
    for v, i in pairs[:3]:
        understood.lines.append(
            f"voltage: column {v.name!r}{_times(v.factor)}; current: column {i.name!r}{_times(i.factor)}"
        )
    if len(pairs) > 3:
        understood.lines.append(f"... {len(pairs)} pairs of columns in all")
    records = []
    for k, (v, i) in enumerate(pairs):
        own = _numbers(table, v), _numbers(table, i)
        when = None if time is None else _numbers(table, time)
        records.append(Record(*own, when, f"{k + 1}" if len(pairs) > 1 else ""))
    if len(pairs) > 1 and {re.sub(r"\d", "", v.tag) for v, _ in pairs} == {"set", "reset"}:
        records = _joined(pairs, records)
        understood.lines.append("sweeps of SET and of RESET in columns of their own: joined in this order")
    return [_without_end(record) for record in records]


def _times(factor: float) -> str:
    return "" if factor == 1.0 else f" (times {factor:g})"


def _names_are_channels(table: RawTable) -> bool:
    return all(
        not name or re.fullmatch(r"[\w\- ]*\d+|x-?axis|time|index", name.strip().lower()) for name in table.names
    )


def _roles(table: RawTable) -> list[_Role]:
    found = []
    for k, name in enumerate(table.names):
        if not is_numeric(table.columns[k]) or not name:
            continue
        role, tag = role_of(name)
        if role is not None:
            base, factor = split_unit(name)
            found.append(_Role(role, tag, k, factor, name, base != name.strip().strip('"').strip()))
    return found


def _numbers(table: RawTable, role: _Role) -> Float64Array:
    values = np.asarray(table.columns[role.index], np.float64)
    return np.where(np.abs(values) > OVERFLOW, np.nan, values) * role.factor


def _pairs(table: RawTable, volts: list[_Role], amps: list[_Role]) -> list[tuple[_Role, _Role]]:
    """Return the pairs of voltage and current that belong together."""
    if len(volts) == 1 and len(amps) == 1:
        return [(volts[0], amps[0])]
    swept = [v for v in volts if _varies(_numbers(table, v))] or volts
    if len(swept) == 1 and len(amps) > 1:
        (v,) = swept
        same = [i for i in amps if i.tag and i.tag == v.tag]
        if same and not _numbered(amps):
            return [(v, same[0])]
        varying = [i for i in amps if _varies(_numbers(table, i))] or amps
        if len(varying) > 1 and _opposite(table, varying):
            return [(v, same[0] if same else varying[0])]
        if len(varying) == 2 or (len(varying) > 1 and not _alike(table, varying)):
            raise ValueError(
                f"{listed(i.name for i in varying)} could each be the current: say which with "
                "columns={'current': ...}, or --column current=NAME"
            )
        return [(v, i) for i in varying]
    if len(swept) == len(amps):
        by_tag = {i.tag: i for i in amps}
        if len(by_tag) == len(amps) and all(v.tag in by_tag for v in swept):
            pairs = [(v, by_tag[v.tag]) for v in swept]
        else:
            pairs = list(zip(swept, amps, strict=True))
        return pairs
    if len(amps) == 1:  # set and measured voltage: the one nearest to the current in name or place
        (i,) = amps
        same = [v for v in swept if v.tag and v.tag == i.tag]
        if same:
            return [(same[0], i)]
        measured = [v for v in swept if "meas" in v.name.lower()]
        if measured or _alike(table, swept):
            return [((measured or swept)[0], i)]
        raise ValueError(
            f"{listed(v.name for v in swept)} could each be the voltage: say which with columns={{'voltage': ...}}, or "
            "--column voltage=NAME"
        )
    matched = [(v, i) for v in swept for i in amps if v.tag == i.tag]
    if matched:
        return matched
    raise ValueError(
        f"{len(swept)} voltages ({listed(v.name for v in swept[:4])}) and {len(amps)} currents "
        f"({listed(i.name for i in amps[:4])}) do not make pairs: name one of each with --column"
    )


def _numbered(amps: list[_Role]) -> bool:
    """Return whether currents are numbered through, as of many cycles."""
    return len(amps) > 2 and all(re.search(r"\d", i.tag) or i.name == amps[0].name for i in amps)


def _varies(values: Float64Array) -> bool:
    there = values[np.isfinite(values)]
    return bool(there.size) and float(np.ptp(there)) > CONSTANT * float(np.abs(there).max() or 1.0)


def _alike(table: RawTable, roles: list[_Role]) -> bool:
    """Return whether columns are repeats of one measurement: of the same order of magnitude at the same points."""
    size = [float(np.nanmedian(np.abs(_numbers(table, r)))) for r in roles]
    return len(roles) > 2 or max(size) < 30 * max(min(size), 1e-30)


def _opposite(table: RawTable, roles: list[_Role]) -> bool:
    """Return whether two currents are the ends of one path: the same with opposite signs."""
    if len(roles) != 2:
        return False
    a, b = (_numbers(table, r) for r in roles)
    there = np.isfinite(a) & np.isfinite(b)
    total = float(np.abs(a[there]).sum() + np.abs(b[there]).sum())
    return total > 0 and float(np.abs(a[there] + b[there]).sum()) < 0.2 * total


def _joined(pairs: list[tuple[_Role, _Role]], records: list[Record]) -> list[Record]:
    """Join sweeps of SET and of RESET, number by number, SET first."""
    by_number: dict[str, dict[str, Record]] = {}
    for (v, _), record in zip(pairs, records, strict=True):
        number = re.sub(r"\D", "", v.tag)
        by_number.setdefault(number, {})["reset" if "reset" in v.tag else "set"] = _without_end(record)
    joined = []
    for number, parts in by_number.items():
        each = [parts[key] for key in ("set", "reset") if key in parts]
        voltage, current = (np.concatenate([getattr(r, name) for r in each]) for name in ("voltage", "current"))
        joined.append(Record(voltage, current, None, number))
    return joined


def _without_end(record: Record) -> Record:
    """Return a record without the missing points at its end, which shorter columns of a table have."""
    there = np.flatnonzero(np.isfinite(record.voltage) & np.isfinite(record.current))
    end = int(there[-1]) + 1 if there.size else 0
    time = None if record.time is None else record.time[:end]
    return Record(record.voltage[:end], record.current[:end], time, record.label)


def _by_position(table: RawTable, options: Options, understood: Understood) -> list[Record]:
    """Return the record of a table whose names say nothing: counters and times first, then voltage and current."""
    numeric = [k for k, c in enumerate(table.columns) if is_numeric(c) and np.isfinite(c).any()]
    values = {k: np.where(np.abs(table.columns[k]) > OVERFLOW, np.nan, table.columns[k]) for k in numeric}
    steady = [k for k in numeric if len(values[k]) > 2 and np.all(np.diff(values[k][np.isfinite(values[k])]) > 0)]
    rest = [k for k in numeric if k not in steady] if len(numeric) > 2 else numeric
    if len(rest) > 2:
        rest = [k for k in rest if _varies(np.asarray(values[k]))]
    if len(rest) < 2:
        return []
    v, i = rest[:2]
    volt_like = [k for k in rest if "volt" in table.names[k].lower()]
    if len(rest) == 2 and (len(volt_like) == 2 or _both_volts(table, rest)):
        if options.shunt is None:
            raise ValueError(_two_voltages([table.names[k] or str(k + 1) for k in rest]))
        understood.lines.append(
            f"voltage: column {_column(table, v)}; current: column {_column(table, i)} over {options.shunt:g} ohm"
        )
        understood.believed = True
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


def _two_voltages(names: list[str]) -> str:
    return (
        f"columns {listed(names)} are voltages, and none is a current: if one is across a shunt in"
        " series, give its resistance with shunt=OHM, or --shunt OHM; else name the current with --column current=NAME"
    )


def _both_volts(table: RawTable, columns: list[int]) -> bool:
    return all(
        re.fullmatch(r"(ch(annel)?\s*)?\d+.*|.*\(volt\)", table.names[k].strip().lower()) is not None and table.named
        for k in columns
    )


def _column(table: RawTable, k: int) -> str:
    return repr(table.names[k]) if table.names[k] else str(k + 1)


def _same(a: AnyArray, b: AnyArray) -> bool:
    there = np.isfinite(a) & np.isfinite(b)
    return bool(there.any()) and float(np.abs(a[there] - b[there]).max()) <= 0.05 * float(np.ptp(a[there]) or 1.0)
