"""Names of columns from the lines above a table: names, units, comments, in any order."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from .columns import FEATURE_ROLES, KEYS, device_part, role_of
from .units import is_unit, quantity_of, split_unit

_DEVICE = re.compile(r"(?i)(?:device|dev\.?|cell|die|sample|chip|memristor)[\s_#:\-.]*(?:[a-z]?\d+|\s[a-z])")
MOST_LINES = 8  # above a table that are looked at
_LABELS = frozenset(
    (
        *("long name", "short name", "unit", "units", "comments", "quantity", "y_unit_label", "vunit", "tracename"),
        *("vertical units", "f(x)=", "sparklines"),
    )
)
"""Words in the first field of a line that say what the line holds."""


class Header(NamedTuple):
    """Names of columns, empty where there is none, and lines below them with numbers, which are left out.

    ``devices`` are the names of the devices of the columns, if a line above the names says them, else empty.
    """

    names: list[str]
    left_out: list[str]
    devices: Sequence[str] = ()


def names_from(above: Sequence[Sequence[str]], width: int, is_number: Sequence[Sequence[bool]]) -> Header:
    """Return names of columns from the lines above a table; units in a line of their own are joined to the names.

    The line with most names of voltages, currents and features is that of the names; lines of units may stand above or
    below it; all others are comments.

    Parameters
    ----------
    above : sequence of sequence of str
        Fields of the lines above the numbers, the nearest last, each of ``width`` fields.
    width : int
        Number of columns.
    is_number : sequence of sequence of bool
        Which of these fields are numbers.

    Returns
    -------
    Header
    """
    rows = _with_labels_above([_unlabelled(row) for row in above[-MOST_LINES:]])
    numbers = list(is_number)[-MOST_LINES:]
    units = [k for k, row in enumerate(rows) if _is_units(row)]
    weights = [
        0.0 if k in units else _weight(row, any(n)) for k, (row, n) in enumerate(zip(rows, numbers, strict=True))
    ]
    chosen = -1
    for k in range(len(rows) - 1, -1, -1):
        if weights[k] > 0 and (chosen < 0 or weights[k] > weights[chosen]):
            chosen = k
    if chosen >= 0 and weights[chosen] < 1:  # words of times alone do not outweigh a nearer name for each column
        nearer = [k for k in range(chosen + 1, len(rows)) if k not in units and _names_each(rows[k], numbers[k])]
        chosen = nearer[-1] if nearer else chosen
    if chosen < 0:
        others = [k for k, row in enumerate(rows) if k not in units and _fills(row, width) and not any(numbers[k])]
        if not others:
            return Header([_named_by_unit(unit) for unit in rows[units[-1]]] if units else [""] * width, [])
        chosen = others[-1]
    left_out = ["  ".join(rows[k])[:60] for k in range(chosen + 1, len(rows)) if any(numbers[k]) and k not in units]
    names = list(rows[chosen])
    said = [k for k in units if above[-MOST_LINES:][k][0] and not rows[k][0]]  # Y_Unit_Label, further up
    near = sorted((k for k in units if abs(k - chosen) <= 2 or k in said), key=lambda k: (abs(k - chosen), k < chosen))
    if near:
        names = [_with_unit(name, unit) for name, unit in zip(names, rows[near[0]], strict=True)]
        bare = [_named_by_unit(unit) for unit in rows[near[0]]]
        if _have_both(bare) and not _have_both(names):
            names = bare  # the units say what the words above them do not
    devices = next((found for row in rows[:chosen] if (found := _devices_of(row))), [])
    return Header(names, left_out, devices)


def _unlabelled(row: Sequence[str]) -> Sequence[str]:
    """Return a line without the word in its first field that says what the line holds, as "Units"."""
    return ["", *row[1:]] if len(row) > 2 and row[0].strip(" :").lower() in _LABELS else row


def _have_both(names: Sequence[str]) -> bool:
    return {role_of(name)[0] for name in names if name} >= {"voltage", "current"}


def _with_labels_above(rows: list[Sequence[str]]) -> list[Sequence[str]]:
    """Return rows in which a name that stands among units, ``Cycle,V,V`` below ``,Set,Reset``, is among the names."""
    for k in range(1, len(rows)):
        label, rest = rows[k][0], list(rows[k][1:])
        if role_of(label)[0] in KEYS and not rows[k - 1][0] and len(rest) > 1 and _is_units(rest) and all(rest):
            rows[k - 1] = [label, *rows[k - 1][1:]]
            rows[k] = ["", *rest]
    return rows


def _devices_of(row: Sequence[str]) -> list[str]:
    """Return the device of each column if a row names several, each above the first of its columns; else nothing."""
    cells = list(row)
    if device_part(cells[0]) and all(cells[1:]):
        cells[0] = ""  # as "device, A1, A1, B2, B2"
    elif not all(_DEVICE.fullmatch(cell) for cell in cells if cell):
        return []
    if len({cell for cell in cells if cell}) < 2:
        return []
    for k in range(1, len(cells)):
        cells[k] = cells[k] or cells[k - 1]
    return cells


def _is_units(row: Sequence[str]) -> bool:
    there = [v for v in row if v and v not in ("#", "-", "1", "a.u.", "[]", "()")]
    return bool(there) and all(map(is_unit, there))


def _names_each(row: Sequence[str], are_numbers: Sequence[bool]) -> bool:
    return all(row) and len(set(row)) == len(row) and not any(are_numbers)


def _fills(row: Sequence[str], width: int) -> bool:
    filled = sum(bool(v) for v in row)
    return filled >= max(2, width // 2) or (width <= 2 and filled == width)


def _weight(row: Sequence[str], has_numbers: bool) -> float:
    """Return how much a line looks like names: voltages and currents count more than words that have other meanings.

    Beside numbers, as in "cycle 3", such a word is part of a remark; a time has channels with numbers beside it.
    """
    weight = 0.0
    for name in row:
        role, _ = role_of(name) if name else (None, "")
        if role in ("voltage", "current") or (role in FEATURE_ROLES and name.strip().lower() not in ("set", "reset")):
            weight += 1.0
        elif role == "time" or (role is not None and not has_numbers):
            weight += 0.05
    return weight


def _named_by_unit(unit: str) -> str:
    """Return a name for a column of which only the unit is known."""
    quantity = quantity_of(f"x ({unit.strip('()[]{}<> ')})")
    return f"{quantity} ({unit.strip('()[]{}<> ')})" if quantity else ""


def _with_unit(name: str, unit: str) -> str:
    if not name and is_unit(unit):
        return _named_by_unit(unit)
    if not name or not is_unit(unit) or split_unit(name)[0] != name.strip().strip('"').strip():
        return name
    return f"{name} ({unit.strip('()[]{}<> ')})"
