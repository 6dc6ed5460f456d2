"""Tables of features that are not one row per cycle with a column per feature: they are turned into such tables.

Columns of several devices side by side, as ``HRS, LRS, HRS, LRS`` or ``D1 HRS, D2 HRS``; conductances in place of
resistances; a single column of resistances in which the two states take turns.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from synaptogen._utils import AnyArray, Float64Array

from .columns import FEATURE_ROLES, KEYS, listed, role_of
from .layouts import Understood
from .raw_tables import RawTable, is_numeric
from .units import LONGEST, base_unit, quantity_of, split_unit, unit_in

TURNS = 0.98  # share of the steps of a column of resistances that must change the state
WINDOW = 1.5  # ratio of the medians of its two states, at least
FEWEST = 10  # rows of it

_TAG = r"(?:device|dev|cell|sample|die|chip|memristor|bit|[d#])?[\s_\-.]*[a-z]?\d+"
_BEFORE = re.compile(rf"(?i)(?P<tag>{_TAG})[\s_\-:.,]+(?P<rest>\S.*)")
_BEHIND = re.compile(rf"(?i)(?P<rest>.*?[a-z])[\s_\-:.,]+[(\[]?(?P<tag>{_TAG})[)\]]?")
_NUMBERED = re.compile(r"(?i)(?P<rest>.*[a-z)])[(\[]?(?P<tag>\d+)[)\]]?")
_CONDUCTANCE = re.compile(
    r"(?i)(?:g|conductance)[\s_\-.]*\(?(?P<state>hrs|lrs|on|off)\)?|(?P<first>hrs|lrs|on|off)[\s_\-.]*conductance"
)
_READ_CURRENT = re.compile(
    r"(?i)(?:(?:i|current)[\s_\-.]*\(?(?P<state>hrs|lrs|on|off)\)?|(?P<first>hrs|lrs|on|off)[\s_\-.]*current)"
    r"[\s_]*(?:(?:@|at)[\s_]*(?P<volts>-?\d*\.?\d+)\s*(?P<milli>m?)V)?"
)
_READ_VOLTAGE = re.compile(r"(?i)[vu][\s_]*read|read[\s_]*voltage")
_STATE = {"hrs": "HRS", "off": "HRS", "lrs": "LRS", "on": "LRS"}


class _Place(NamedTuple):
    """Of which feature a column is, and of which device."""

    role: str
    tag: str


def one_row_per_cycle(table: RawTable, understood: Understood) -> RawTable:
    """Return a table of features with a row per cycle of a device; other tables as they are.

    Parameters
    ----------
    table : RawTable
    understood : Understood
        Gets a line for each decision.

    Returns
    -------
    RawTable

    Raises
    ------
    ValueError
        If columns of devices side by side do not go together.
    """
    if not table.named:
        return table
    table = _of_read_currents(table, understood)
    if any(role_of(name)[0] == "current" and not _conducts(name) for name in table.names):
        return table
    table = _with_resistances(table, understood)
    table = _in_turns(table, understood)
    return _below_each_other(table, understood)


def _of_read_currents(table: RawTable, understood: Understood) -> RawTable:
    """Take resistances for the currents of the two states, ``I_HRS@0.1V``, that were read at a voltage."""
    matches = [_READ_CURRENT.fullmatch(split_unit(n)[0].strip()) if len(n) <= LONGEST else None for n in table.names]
    found = {k: match for k, match in enumerate(matches) if match}
    states = [_STATE[(m["state"] or m["first"]).lower()] for m in found.values()]
    if sorted(states) != ["HRS", "LRS"] or not all(is_numeric(table.columns[k]) for k in found):
        return table
    names, columns = list(table.names), list(table.columns)
    reads = [k for k, name in enumerate(names) if _READ_VOLTAGE.fullmatch(split_unit(name[:LONGEST])[0])]
    if any(role_of(name)[0] == "voltage" and k not in reads for k, name in enumerate(names)):
        return table
    for (k, match), state in zip(found.items(), states, strict=True):
        if match["volts"]:
            volts: Float64Array | float = float(match["volts"]) * (1e-3 if match["milli"] else 1.0)
        elif len(reads) == 1:
            volts = split_unit(names[reads[0]])[1] * np.asarray(columns[reads[0]], np.float64)
        else:
            raise ValueError(
                f"{table.names[k]!r} is a current of one of the two states, and the voltage at which it was read is"
                f" not given: write it into the name, as in '{match[0]}@0.1V (A)', or give resistances"
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            ohm = np.abs(volts / (split_unit(table.names[k])[1] * np.asarray(columns[k], np.float64)))
        columns[k] = np.where(np.isfinite(ohm), ohm, np.nan)
        names[k] = f"{state} (ohm)"
    understood.lines.append(f"resistances: the read voltage over {listed(table.names[k] for k in found)}")
    keep = [k for k in range(len(names)) if k not in reads]
    return replace(table, names=[names[k] for k in keep], columns=[columns[k] for k in keep], devices=[])


def _conducts(name: str) -> bool:
    return quantity_of(name) == "conductance"


def _with_resistances(table: RawTable, understood: Understood) -> RawTable:
    """Take resistances for conductances of the two states."""
    names, columns, made = list(table.names), list(table.columns), []
    for k, name in enumerate(table.names):
        base, factor = split_unit(name)
        if not is_numeric(columns[k]):
            continue
        place = _place(base)
        state = _CONDUCTANCE.fullmatch(base.strip())
        if state is not None:
            own = _STATE[(state["state"] or state["first"]).lower()]
        elif place is not None and place.role in ("r_hrs", "r_lrs") and base_unit(unit_in(name) or "ohm") == "S":
            own = base
        else:
            continue
        with np.errstate(divide="ignore"):
            values = 1 / (factor * np.asarray(columns[k], np.float64))
        columns[k] = np.where(np.isfinite(values), values, np.nan)
        names[k] = f"{own} (ohm)"
        made.append(name)
    if made:
        understood.lines.append(f"resistances: the inverse of {listed(made[:4])}")
    return replace(table, names=names, columns=columns)


def _place(name: str) -> _Place | None:
    """Return feature and device of a name without its unit, as of "HRS_D1" or "D1 Vset"; None if it is no feature."""
    role = role_of(name)[0]
    if role in FEATURE_ROLES:
        return _Place(str(role), "")
    for form in (_BEFORE, _BEHIND, _NUMBERED):
        match = form.fullmatch(name.strip())
        role = role_of(match["rest"])[0] if match else None
        if match and role in FEATURE_ROLES:
            return _Place(str(role), match["tag"].strip(" _-.#"))
    return None


def _below_each_other(table: RawTable, understood: Understood) -> RawTable:
    """Put the features of several devices below each other, with a column that names the device."""
    places = [
        _place(split_unit(name)[0]) if is_numeric(c) else None
        for name, c in zip(table.names, table.columns, strict=True)
    ]
    roles = [p.role for p in places if p is not None]
    if len(roles) == len(set(roles)) or any(role_of(name)[0] == "device" for name in table.names):
        return table
    devices = _devices(places, table.devices)
    labels = list(dict.fromkeys(d for d in devices if d))
    cycles = [k for k, name in enumerate(table.names) if role_of(name)[0] == "cycle" and is_numeric(table.columns[k])]
    parts: dict[str, list[AnyArray]] = {}
    order = list(dict.fromkeys(roles))
    for label in labels:
        own = {p.role: k for k, p in enumerate(places) if p is not None and devices[k] == label}
        if sum(devices[k] == label for k, p in enumerate(places) if p) > len(own) or set(own) != set(order):
            raise ValueError(
                f"columns of features do not make blocks of {listed(order)} for each of the devices"
                f" {listed(labels[:5])}: give the same features of each, or one row per cycle with a column of devices"
            )
        values = {
            role: split_unit(table.names[k])[1] * np.asarray(table.columns[k], np.float64) for role, k in own.items()
        }
        there = np.any([np.isfinite(v) for v in values.values()], axis=0)
        number = _cycle_of(table, cycles, min(own.values()), len(labels))
        parts.setdefault("device", []).append(np.full(int(there.sum()), label, object))
        parts.setdefault("cycle", []).append(number[there])
        for role in order:
            parts.setdefault(role, []).append(values[role][there])
    understood.lines.append(f"columns of {len(labels)} devices side by side: {listed(labels[:4])}")
    units = {role: "ohm" if role.startswith("r_") else "V" for role in order}
    names = [f"{key} ({units[key]})" if key in units else key for key in parts]
    return replace(table, names=names, columns=[np.concatenate(values) for values in parts.values()], devices=[])


def _devices(places: Sequence[_Place | None], above: Sequence[str]) -> list[str]:
    """Return the device of each column: by its name, by the row above the names, or by its block."""
    found, seen = [], dict[str, int]()
    for k, place in enumerate(places):
        if place is None:
            found.append("")
        elif place.tag:
            found.append(place.tag)
        elif k < len(above) and above[k]:
            found.append(above[k])
        else:
            seen[place.role] = seen.get(place.role, 0) + 1
            found.append(str(seen[place.role]))
    return found


def _cycle_of(table: RawTable, cycles: list[int], first: int, devices: int) -> AnyArray:
    """Return the numbers of cycles of a block: of the column before it, of the only one, or counted."""
    if len(cycles) == 1 or (cycles and len(cycles) < devices):
        return np.asarray(table.columns[cycles[0]])
    before = [k for k in cycles if k < first]
    return np.asarray(table.columns[before[-1]]) if before else np.arange(table.rows, dtype=np.float64)


def _in_turns(table: RawTable, understood: Understood) -> RawTable:
    """Make two features of a single column of resistances in which HRS and LRS take turns."""
    numeric = [k for k, c in enumerate(table.columns) if is_numeric(c)]
    resistances = [k for k in numeric if _is_resistance(table.names[k])]
    others = [k for k in range(len(table.columns)) if k not in resistances]
    if len(resistances) != 1 or not all(_is_counter(table, k) for k in others):
        return table
    base, factor = split_unit(table.names[resistances[0]])
    r = factor * np.asarray(table.columns[resistances[0]], np.float64)
    r = r[: len(r) // 2 * 2].reshape(-1, 2)
    if len(r) < FEWEST or not np.all(r > 0):
        return table
    first, second = r.T
    up = float(np.median(first)) > float(np.median(second))
    high, low = (first, second) if up else (second, first)
    turns = np.mean(np.concatenate([first > second, np.roll(first, -1)[:-1] > second[:-1]]) == up)
    if turns < TURNS or np.median(high) < WINDOW * np.median(low):
        return table
    understood.lines.append(
        f"column {base!r}: HRS and LRS take turns, {'HRS' if up else 'LRS'} first; two rows are a cycle"
    )
    return RawTable(
        ["cycle", "HRS (ohm)", "LRS (ohm)"], [np.arange(len(r), dtype=np.float64), high, low], table.where, table.head
    )


def _is_resistance(name: str) -> bool:
    base = split_unit(name)[0].lower()
    return base in ("r", "resistance", "rread", "r_read", "read resistance", "res") or quantity_of(name) == "resistance"


def _is_counter(table: RawTable, k: int) -> bool:
    """Return whether a column counts cycles or pulses, and is not a time."""
    name = split_unit(table.names[k])[0].lower()
    counts = role_of(name)[0] in KEYS or re.search(r"pulse|number|index|count|cycle|^no|^#|^n$|point", name) is not None
    values: Float64Array | AnyArray = table.columns[k]
    return counts and role_of(name)[0] != "device" and is_numeric(values) and bool(np.all(np.diff(values) >= 0))
