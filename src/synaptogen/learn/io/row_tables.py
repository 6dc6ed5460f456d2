"""From rows of fields to tables: which rows are numbers, what the lines above them name, which cells are missing.

Rows come from lines of a text or from the sheet of a workbook. A table is a run of rows of numbers; empty rows part two
tables if both are long enough to be records.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from synaptogen._utils import AnyArray

from .columns import FEATURE_ROLES, listed, role_of
from .fields import MISSING, WORDS, Dialect, status_name
from .headers import MOST_LINES, Header, names_from
from .raw_tables import MOST_SHOWN, RawTable, is_numeric
from .units import base_unit, factor_of, is_unit, split_unit

RUN = 3  # rows of numbers that make a table
RECORD = 12  # rows of numbers that empty rows part from others
MOSTLY, FEW_WORDS = 0.6, 4  # share of numbers in a column of numbers; different words in it that stand for none
SPARSE = 0.1  # share of rows: columns filled in fewer are remarks beside the table
NAMED = ("voltage", "current", *FEATURE_ROLES)  # what names of columns stand for
STATISTICS = frozenset(
    (
        *("mean", "average", "avg", "median", "std", "stdev", "std dev", "std.", "sd", "sigma", "cv", "min", "max"),
        *(
            "mean:",
            "average:",
            "median:",
            "std:",
            "min:",
            "max:",
            "minimum",
            "maximum",
            "standard deviation",
            "variance",
        ),
        *(
            "\N{GREEK SMALL LETTER MU}",
            "\N{GREEK SMALL LETTER SIGMA}",
            "\N{GREEK SMALL LETTER SIGMA}/\N{GREEK SMALL LETTER MU}",
        ),
    )
)
SMOOTH = 0.2  # mean step of a column of a sweep, as a share of its swing
WIDE = 24  # fields of a row that may hold a whole quantity

Fields = list[str]
Naming = Callable[[list[str], int], Header]


def table_of_rows(
    rows: Sequence[Fields],
    names: Sequence[str],
    dialect: Dialect,
    where: str,
    head: list[str],
    devices: Sequence[str] = (),
) -> RawTable:
    """Make a table of rows of fields.

    Parameters
    ----------
    rows : sequence of list of str
        Fields of each row; shorter rows are filled up.
    names : sequence of str
        Names of the columns, empty where there is none.
    dialect : Dialect
    where : str
        Name of the sheet or of the block.
    head : list of str
        First lines, for messages.
    devices : sequence of str
        Names of the devices of the columns, if a row above the names says them.

    Returns
    -------
    RawTable
    """
    width = len(names)
    rows, summed = _without_statistics(_without_labelled(rows, dialect))
    rows, labels = _without_settings(rows, dialect)
    columns: list[AnyArray] = []
    own, notes = list(names), [f"rows of statistics are left out: {listed(summed)}"] if summed else []
    notes += [f"rows of settings at the end are left out: {listed(labels)}"] if labels else []
    for k in range(width):
        cells = [row[k] if k < len(row) else "" for row in rows]
        values, unit = column_of(cells, dialect)
        lost = (
            {c for c, v in zip(cells, values, strict=True) if v != v and c not in MISSING} if is_numeric(values) else ()
        )
        if lost:
            notes.append(f"cells of column {own[k] or k + 1!r} that are no numbers are missing: {listed(sorted(lost))}")
        if unit:
            own[k] = f"{split_unit(own[k])[0] or status_name(cells[0]) or _quantity(unit)} ({unit})"
        columns.append(values)
    return finished(RawTable(own, columns, where, head, notes, devices=[*devices, *[""] * (width - len(devices))]))


def _without_labelled(rows: Sequence[Fields], dialect: Dialect) -> Sequence[Fields]:
    """Return rows without the first ones that say what they hold, as ``BlockSize,500,500``, above rows that do not."""
    first = 0
    while first < min(len(rows), FEW_WORDS) and rows[first][0] and not dialect.number(rows[first][0]):
        first += 1
    later = {row[0] for row in rows[first : first + RECORD] if row}
    return rows[first:] if first and len(rows) > 2 * RECORD and later == {""} else rows


def _without_statistics(rows: Sequence[Fields]) -> tuple[Sequence[Fields], list[str]]:
    """Return rows without those of a mean or a deviation at the end, and the words of these."""
    last, words = len(rows), list[str]()
    while last > RUN and (word := next((cell for cell in rows[last - 1] if cell), "")).lower() in STATISTICS:
        words.insert(0, word)
        last -= 1
    return rows[:last], words


def _without_settings(rows: Sequence[Fields], dialect: Dialect) -> tuple[Sequence[Fields], list[str]]:
    """Return rows without those at the end that say what they hold, as ``Samples,500``, and these words."""
    last, labels = len(rows), list[str]()
    while last > RECORD and len(labels) < FEW_WORDS and _is_label(rows[last - 1][0], dialect):
        last -= 1
        labels.insert(0, rows[last][0])
    if not labels or any(_is_label(row[0], dialect) for row in rows[last - RECORD : last] if row):
        return rows, []
    return rows[:last], labels


def _is_label(cell: str, dialect: Dialect) -> bool:
    return bool(cell) and cell not in MISSING and cell not in WORDS and not dialect.number(cell)


def _quantity(unit: str) -> str:
    return {"V": "voltage", "A": "current", "s": "time"}.get(unit, "resistance")


def column_of(cells: Sequence[str], dialect: Dialect) -> tuple[AnyArray, str]:
    """Return the values of a column, numbers or texts, and the unit that its cells have.

    Parameters
    ----------
    cells : sequence of str
    dialect : Dialect

    Returns
    -------
    values : array
        float64, or texts.
    unit : str
        In SI, in which the numbers are; empty where cells have none.
    """
    parsed = [None if cell in MISSING or cell in WORDS else dialect.parsed(cell) for cell in cells]
    words = {cell for cell, p in zip(cells, parsed, strict=True) if p is None and cell not in MISSING}
    numbers = sum(p is not None for p in parsed)
    there = sum(cell not in MISSING for cell in cells)
    if words and (numbers < MOSTLY * there or len(words) > FEW_WORDS or not numbers):
        return np.array(list(cells), dtype=object), ""
    units = {p[1] for p in parsed if p is not None} - {""}
    values = np.array([np.nan if p is None else p[0] for p in parsed], np.float64)
    return values, units.pop() if len(units) == 1 else ""


def finished(table: RawTable) -> RawTable:
    """Return a table in which columns of units are joined to their numbers, without columns that say nothing.

    Parameters
    ----------
    table : RawTable

    Returns
    -------
    RawTable
    """
    names, columns, places = _with_unit_columns(table.names, table.columns)
    keep = [k for k, column in enumerate(columns) if not _says_nothing(column, bool(names[k]), table.rows)]
    devices = [table.devices[places[k]] for k in keep] if any(table.devices) else []
    return replace(table, names=[names[k] for k in keep], columns=[columns[k] for k in keep], devices=devices)


def _with_unit_columns(names: list[str], columns: list[AnyArray]) -> tuple[list[str], list[AnyArray], list[int]]:
    """Apply columns that hold a unit in each row, as "Amp DC", to the numbers before them; returns places."""
    names, columns, places = list(names), list(columns), list(range(len(names)))
    for k in range(len(columns) - 1, 0, -1):
        if is_numeric(columns[k]) or not is_numeric(columns[k - 1]):
            continue
        texts = [str(v) for v in columns[k]]
        there = {t for t in texts if t}
        if not there or not all(map(is_unit, there)) or len({base_unit(t) for t in there}) > 1:
            continue
        factors = np.array([factor_of(t) if t else np.nan for t in texts], np.float64)
        unit = base_unit(there.pop())
        columns[k - 1] = np.asarray(columns[k - 1]) * factors
        names[k - 1] = f"{split_unit(names[k - 1])[0] or _quantity(unit)} ({unit})"
        del names[k], columns[k], places[k]
    return names, columns, places


def _says_nothing(column: AnyArray, named: bool, rows: int) -> bool:
    if is_numeric(column):
        filled = int(np.count_nonzero(np.isfinite(column)))
        return (not filled and not named) or (rows > 5 * RECORD and 0 < filled < SPARSE * rows and not named)
    texts = {str(v) for v in column}
    if texts <= WORDS | {""}:
        return True
    return (not named or rows > 5 * RECORD) and sum(str(v) != "" for v in column) < SPARSE * rows


def is_row(counts: tuple[int, int, int]) -> bool:
    """Return whether a row belongs to a table, given how many fields, numbers and words it has."""
    return counts[1] >= 2 and counts[2] <= counts[1]


def numbers_columns(fields: Fields, dialect: Dialect) -> bool:
    """Return whether a row is one of names, some of which are the numbers of cycles, as in ``Voltage,1,10,100``.

    Parameters
    ----------
    fields : list of str
    dialect : Dialect

    Returns
    -------
    bool
    """
    words = [field for field in fields if field and not dialect.number(field)]
    if not words or not any(role_of(word)[0] in NAMED for word in words):
        return False
    digits = [field for field in fields if field.isdecimal()]
    steps = np.diff([int(field[:9]) for field in digits])
    return len(digits) >= 2 and len(digits) + len(words) == len(fields) and bool(np.all(steps >= 1))


class TableBuilder:
    """Takes the rows of a text or a sheet one after the other, and collects tables.

    Parameters
    ----------
    dialect : Dialect
    naming : callable
        Returns names of columns, given the lines above a table and the number of columns.
    """

    def __init__(self, dialect: Dialect, naming: Naming) -> None:
        self._dialect, self._naming = dialect, naming
        self._rows: list[Fields] = []
        self._texts: list[str] = []
        self._few: list[Fields] = []  # of each text, its fields if some of them are numbers
        self._blocks: list[tuple[list[Fields], Header, bool, list[str]]] = []
        self._names: list[str] = []
        self._alone = self._spaced = False
        self.notes: list[str] = []

    def add(self, fields: Fields, text: str, counts: tuple[int, int, int]) -> None:
        """Take a row.

        Parameters
        ----------
        fields : list of str
        text : str
            The whole row.
        counts : tuple of int
            How many fields, numbers and words it has.
        """
        width = len(self._rows[-1]) if self._rows else -1
        same = abs(len(fields) - width) <= 1
        if counts[1] >= 2 and counts[2] and numbers_columns(fields, self._dialect):
            counts = (counts[0], 0, counts[0])
        if is_row(counts) or (self._rows and same and counts[1] >= 1 and counts[2] <= 1 + counts[1]):
            if self._rows and not same:
                self._close()
            if not self._rows:
                self._take_back(len(fields))
            self._rows.append(fields)
            return
        self._close()
        self._texts.append(text)
        self._few.append(fields if counts[1] and counts[2] <= counts[1] else [])
        del self._texts[:-50], self._few[:-50]

    def _take_back(self, width: int) -> None:
        """Begin a table with the rows of few numbers just before it: names hold none."""
        while self._few and len(self._few[-1]) == width:
            self._rows.insert(0, self._few.pop())
            self._texts.pop()

    def comment(self, text: str) -> None:
        """Take a line behind a comment sign; within a table only names begin another."""
        words = text.strip(" #%!\t").replace(",", " ").replace(";", " ").split()
        if self._rows and not any(role_of(word)[0] in ("voltage", "current") for word in words):
            return
        self.add([], text, (0, 0, 9))

    def gap(self) -> None:
        """Take an empty row, which ends a record, but not a few rows."""
        if len(self._rows) >= RECORD and not self._spaced:
            self._close()
            self._alone = True
        self._spaced = bool(self._rows)

    def _close(self, *, at_end: bool = False) -> None:
        if not self._rows:
            return
        width = max(map(len, self._rows))
        settings = len(self._rows) < RUN and (self._texts or self._blocks)  # above the names of a table
        if settings and not at_end:
            self._texts += [self._dialect.separator.join(row) for row in self._rows]
            self._few += [[] for _ in self._rows]
        elif not settings or not self._blocks:
            header = self._naming(self._texts, width) if self._texts else Header([""] * width, [])
            own = header.names
            self.notes += [remark(line) for line in header.left_out]
            joined = not any(own) and self._alone and not self._texts
            if not any(own) and len(self._names) == width:
                own = self._names  # a further record under the same names
            shown = [*self._texts[-2:], *(self._dialect.separator.join(row) for row in self._rows[:2])]
            self._blocks.append((self._rows, header._replace(names=own), joined, shown))
            self._names = own
            self._texts, self._few = [], []
        self._rows, self._alone, self._spaced = [], False, False

    def tables(self, where: str = "") -> list[RawTable]:
        """Return all tables; what empty rows part is one table where its parts are too short for records.

        Parameters
        ----------
        where : str
            Name of the sheet.

        Returns
        -------
        list of RawTable
        """
        self._close(at_end=True)
        merged: list[tuple[list[Fields], Header, list[str]]] = []
        for rows, header, joined, shown in self._blocks:
            last = merged[-1] if merged else None
            if last and joined and last[1].names == header.names and min(len(rows), len(last[0])) < RECORD:
                last[0].extend(rows)
            else:
                merged.append((list(rows), header, shown))
        made = []
        for n, (rows, header, shown) in enumerate(merged):
            block = f"table {n + 1}" if len(merged) > 1 else ""
            place = " ".join(x for x in (where, block) if x)
            names = _padded(header.names, rows)
            made.append(table_of_rows(rows, names, self._dialect, place, shown[:MOST_SHOWN], header.devices))
        if made:
            made[0].notes += self.notes
        return made


def remark(line: str) -> str:
    """Return what is said about a line between names and numbers."""
    return f"a line between names and numbers is left out: {line!r}"


def _padded(names: list[str], rows: list[Fields]) -> list[str]:
    width = max(map(len, rows))
    return [*names, *[""] * (width - len(names))]


def naming(dialect: Dialect, fields_of: Callable[[str, int], Fields | None]) -> Naming:
    """Return the way to find names above a table.

    Parameters
    ----------
    dialect : Dialect
    fields_of : callable
        Returns as many fields of a line as the table has columns, or None.

    Returns
    -------
    callable
    """

    def find(texts: list[str], width: int) -> Header:
        fitting: list[Fields] = []
        misses = 0
        for text in reversed(texts[-MOST_LINES - 4 :]):
            fields = fields_of(text, width)
            if fields is None:
                misses += 1
                if fitting or misses > 4:
                    break
                continue
            fitting.insert(0, fields)
            if len(fitting) == MOST_LINES:
                break
        numbers = [[dialect.number(field) for field in row] for row in fitting]
        return names_from(fitting, width, numbers)

    return find


def transposed(rows: Sequence[Fields], dialect: Dialect) -> list[RawTable]:
    """Return tables of rows of which each holds a quantity, as instruments print their buffers; none if they do not.

    Parameters
    ----------
    rows : sequence of list of str
        All rows that are not empty.
    dialect : Dialect

    Returns
    -------
    list of RawTable
    """
    long = [row for row in rows if len(row) >= WIDE]
    if not long or len(long) < len(rows) / 2:
        return []
    if len(long) == 1 and len(rows) == 1:
        return _one_line(long[0], dialect)
    named = [not dialect.number(row[0]) and row[0] not in MISSING for row in long]
    if not all(dialect.number(cell) or cell in MISSING for row in long for cell in row[1:]):
        return []
    if not all(named) and (any(named) or len(long) > 8 or len(long) * 3 > len(long[0]) or len(rows) > len(long)):
        return []
    names = [row[0] if has else "" for row, has in zip(long, named, strict=True)]
    columns = [column_of(row[1:] if has else row, dialect)[0] for row, has in zip(long, named, strict=True)]
    longest = max(map(len, columns))
    filled = [np.concatenate([c, np.full(longest - len(c), np.nan)]) for c in columns]
    return [RawTable(names, filled, "", ["  ".join(row[:4]) + " ..." for row in long[:MOST_SHOWN]])]


def _one_line(row: Fields, dialect: Dialect) -> list[RawTable]:
    """Return the table in one line of readings: five numbers each as source meters send them, or the fewest that fit.

    Numbers belong to rows of a width if each column is smooth then: it goes up and down a few times only.
    """
    values, _ = column_of([cell for cell in row if cell not in MISSING], dialect)
    if not is_numeric(values):
        return []
    shown = ["  ".join(row[:5]) + " ..."]
    if len(values) % 5 == 0 and len(values) >= 5 * RUN and np.all(np.diff(values[3::5]) >= 0):
        names = ["voltage", "current", "R", "time", "status"]
        return [RawTable(names, list(values.reshape(-1, 5).T), "", shown)]
    for width in (2, 3, 4):
        table = values[: len(values) // width * width].reshape(-1, width)
        if len(values) % width == 0 and len(table) >= WIDE and all(_is_smooth(column) for column in table.T):
            return [RawTable([""] * width, list(table.T), "", shown)]
    return []


def _is_smooth(column: AnyArray) -> bool:
    there = column[np.isfinite(column)]
    return len(there) > 1 and float(np.abs(np.diff(there)).sum()) <= SMOOTH * len(there) * float(np.ptp(there))
