"""Tables as they stand in a file: names, units and columns, before anyone knows what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray

MOST_SHOWN = 5  # first lines that an error message shows


@dataclass(eq=False)
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
    notes : list of str
        What was done about cells that are no numbers.
    device : str
        Name of the device, if the place in the file says it.
    devices : list of str
        Names of the devices of the columns, if a row above the names says them, else empty.
    """

    names: list[str]
    columns: list[AnyArray]
    where: str = ""
    head: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    device: str = ""
    devices: list[str] = field(default_factory=list)

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
