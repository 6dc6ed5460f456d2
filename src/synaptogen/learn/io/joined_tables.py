"""Tables that are parts of one: the voltage in one of them, the current in another one below it."""

from dataclasses import replace

import numpy as np

from .columns import role_of
from .raw_tables import RawTable, is_numeric


def one_below_the_other(tables: list[RawTable]) -> list[RawTable]:
    """Return tables in which a table of voltages is joined with that of the currents at the same points.

    Parameters
    ----------
    tables : list of RawTable
        All tables of a file, in its order.

    Returns
    -------
    list of RawTable
        The same ones if any has both, or none belong together.
    """
    kinds = [_kind(table) for table in tables]
    found = [k for k, kind in enumerate(kinds) if kind]
    half = len(found) // 2
    if len(found) != 2 * half or not half or any(kind == "both" for kind in kinds):
        return tables
    in_turns = [(tables[found[2 * k]], tables[found[2 * k + 1]]) for k in range(half)]
    in_blocks = list(zip((tables[k] for k in found[:half]), (tables[k] for k in found[half:]), strict=True))
    for pairs in (in_turns, in_blocks):
        if all(_belong(a, b) for a, b in pairs):
            return [_joined(a, b) for a, b in pairs]
    return tables


def _kind(table: RawTable) -> str:
    """Return which of voltage and current a table has."""
    roles = {role_of(n)[0] for n, c in zip(table.names, table.columns, strict=True) if n and is_numeric(c)}
    here = roles & {"voltage", "current"}
    return "both" if len(here) == 2 else next(iter(here), "") or ""


def _belong(a: RawTable, b: RawTable) -> bool:
    return {_kind(a), _kind(b)} == {"voltage", "current"} and a.rows == b.rows


def _joined(a: RawTable, b: RawTable) -> RawTable:
    """Return one table of two, without the columns that both have."""
    new = [k for k, c in enumerate(b.columns) if not any(_same(c, own) for own in a.columns)]
    note = "voltage and current in tables below each other: joined point by point"
    names, columns = [*a.names, *(b.names[k] for k in new)], [*a.columns, *(b.columns[k] for k in new)]
    return replace(a, names=names, columns=columns, notes=[*a.notes, *b.notes, note], devices=[])


def _same(a: "np.ndarray", b: "np.ndarray") -> bool:
    return is_numeric(a) and is_numeric(b) and np.array_equal(a, b, equal_nan=True)
