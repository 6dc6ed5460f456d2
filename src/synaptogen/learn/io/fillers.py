"""Numbers that stand for none: instruments and people write -999, 9999 or 1e30 where nothing was measured."""

import re
from dataclasses import replace

import numpy as np

from synaptogen._utils import AnyArray, BoolArray

from .raw_tables import RawTable, is_numeric

HUGE = 1e30  # numbers from here on are no measurements, as 9.91e37
APART = 20.0  # times the largest other number, from which a number of nines stands for none
MOST, FEWEST = 0.5, 5  # share of a column that may be such numbers; fewest others
_NINES = re.compile(r"9{3,}(?:\.0|\.9+)?")


def without_fillers(table: RawTable) -> RawTable:
    """Return a table in which numbers that stand for none are missing, and a note of them.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    RawTable
    """
    columns, notes = list(table.columns), list(table.notes)
    for k, column in enumerate(columns):
        if not is_numeric(column):
            continue
        values = np.asarray(column, np.float64)
        none = _fillers(values)
        if none.any():
            columns[k] = np.where(none, np.nan, values)
            said = ", ".join(f"{v:g}" for v in np.unique(values[none])[:3])
            notes.append(
                f"column {table.names[k] or k + 1!r}: {np.count_nonzero(none)} numbers that stand for none ({said}) are"
                " missing points"
            )
    return replace(table, columns=columns, notes=notes)


def _fillers(values: AnyArray) -> BoolArray:
    """Return which numbers stand for none: huge ones, nines far from all others, negative ones among positive."""
    size = np.abs(values)
    huge = size >= HUGE
    with np.errstate(invalid="ignore"):
        candidates = {float(v) for v in np.unique(size[(size >= 999) & ~huge]) if _NINES.fullmatch(repr(float(v)))}
    nines = np.isin(size, list(candidates)) if candidates else np.zeros(len(values), np.bool_)
    others = values[~huge & ~nines & np.isfinite(values)]
    if len(others) < FEWEST or np.count_nonzero(huge | nines) > MOST * len(values):
        return np.zeros(len(values), np.bool_)
    apart = size > APART * float(np.abs(others).max())
    strange = (values < 0) & bool((others >= 0).all())
    return np.asarray(huge | nines & (apart | strange))
