"""Tables as they stand in a file: names, units and columns, before anyone knows what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray

MOST_SHOWN = 5  # first lines that an error message shows


@dataclass
class RawTable:
    """One table of a file.

    Attributes
    ----------
    names : list of str
        Names of the columns as the file has them, empty where it has none.
    columns : list of array
        Numbers as float64, NaN where there is none, or texts.
    where : str
        Name of the sheet or of the block in the file; empty for the only one.
    head : list of str
        First lines, as they were understood.
    """

    names: list[str]
    columns: list[AnyArray]
    where: str = ""
    head: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def named(self) -> bool:
        """Whether the columns have names."""
        return any(self.names)

    def frame(self) -> pd.DataFrame:
        """Return the table with its names, which may repeat."""
        made = pd.concat([pd.Series(c) for c in self.columns], axis=1)
        made.columns = pd.Index(self.names)
        return made


def is_numeric(column: AnyArray) -> bool:
    """Return whether a column holds numbers."""
    return column.dtype.kind in "fiu"


def as_column(values: Sequence[object]) -> AnyArray:
    """Return values as float64 if all of them are numbers or empty, else as texts.

    Parameters
    ----------
    values : sequence
        Numbers, texts, None.

    Returns
    -------
    array of shape (len(values),)
    """
    cleaned = [None if isinstance(v, str) and not v.strip() else v for v in values]
    try:
        return np.array([np.nan if v is None else float(v) for v in cleaned], np.float64)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.array(["" if v is None else str(v).strip() for v in cleaned], dtype=object)


def table_of_cells(cells: list[list[object]], where: str) -> RawTable | None:
    """Find the table in the cells of a sheet: the first row that mostly holds numbers, and the names above it.

    Parameters
    ----------
    cells : list of lists
        Rows of a sheet.
    where : str
        Name of the sheet.

    Returns
    -------
    RawTable or None
        None if no row holds two numbers.
    """

    def count(row: list[object]) -> int:
        return sum(isinstance(v, int | float) and not isinstance(v, bool) for v in row)

    first = next((k for k, row in enumerate(cells) if count(row) >= 2 and count(row) >= _filled(row) / 2), None)
    if first is None:
        return None
    width = max(len(row) for row in cells[first : first + 50])
    body = [list(row[:width]) + [None] * (width - len(row)) for row in cells[first:]]
    above = [[("" if v is None else str(v).strip()) for v in row] for row in cells[:first]]
    names = merged_names([row[:width] + [""] * (width - len(row)) for row in above], width)
    columns = [as_column([row[k] for row in body]) for k in range(width)]
    used = [k for k in range(width) if names[k] or (is_numeric(columns[k]) and np.isfinite(columns[k]).any())]
    shown = ["  ".join(str(v) for v in row if v is not None) for row in cells[:MOST_SHOWN]]
    return RawTable([names[k] for k in used], [columns[k] for k in used], where, shown)


def _filled(row: list[object]) -> int:
    return sum(v is not None and str(v).strip() != "" for v in row)


def merged_names(above: list[list[str]], width: int) -> list[str]:
    """Return names of columns from the lines above a table; units in a line of their own are joined to the names.

    Parameters
    ----------
    above : list of list of str
        Fields of the lines above the numbers, the nearest last, each of ``width`` fields.
    width : int
        Number of columns.

    Returns
    -------
    list of str
        Empty texts if there is no line of names.
    """
    from .columns import is_unit

    lines = [row for row in above if sum(bool(v) for v in row) >= max(2, width // 2) or (width <= 2 and all(row))]
    if not lines or (lines[-1] is not above[-1] and sum(bool(v) for v in above[-1]) >= 1):
        return [""] * width
    last = lines[-1]
    if len(lines) > 1 and all(not v or is_unit(v) for v in last):
        names = lines[-2]
        return [f"{name} ({unit.strip('()[] ')})" if unit else name for name, unit in zip(names, last, strict=True)]
    return last
