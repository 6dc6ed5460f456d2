"""Tables in text files as instruments and spreadsheets write them.

Lines before a table are skipped; comma, semicolon, tab and blanks separate columns; numbers have decimal points or
commas; names may stand behind ``#``, be separated otherwise than the numbers, have a line of units below them, or be
missing. A file may hold several tables, one below the other, each with its lines of text. What a file has is found from
its first lines; a file with one table of numbers is then read by pandas, others line by line.
"""

import re
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray

from .raw_tables import MOST_SHOWN, RawTable, as_column, is_numeric, merged_names

SEPARATORS = ("\t", ";", ",", " ")
SNIFFED = 2000  # number of lines of which one must belong to a table
RUN = 3  # number of lines of numbers in a row that make a table
LONGEST = 40  # characters of a number
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
WITH_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+|\d+)([eE][+-]?\d+)?")
MISSING = frozenset(("", "nan", "NaN", "NAN", "#N/A", "N/A", "null", "--", "-", "---", "inf", "Inf", "INF"))
WORDS = frozenset(("DataName", "DataValue"))  # with which parameter analysers begin each row


@dataclass(frozen=True)
class _Dialect:
    """Separator and decimal sign."""

    separator: str
    comma: bool

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line."""
        return [part.strip().strip('"').strip() for part in _split(line, self.separator)]

    def number(self, field: str) -> bool:
        """Return whether a field is a number."""
        if len(field) > LONGEST or not field:
            return False
        return bool((WITH_COMMA if self.comma else NUMBER).fullmatch(field))

    def value(self, field: str) -> object:
        """Return a field as a number where it is one."""
        if field in MISSING:
            return np.nan
        if self.number(field):
            return float(field.replace(",", ".") if self.comma else field.replace("D", "E").replace("d", "e"))
        return field

    def counts(self, line: str) -> tuple[int, int, int]:
        """Return how many fields a line has, how many are numbers, and how many are words."""
        fields = self.fields(line)
        numbers = sum(map(self.number, fields))
        words = sum(f not in MISSING and f not in WORDS and not self.number(f) for f in fields)
        return len(fields), numbers, words


def _split(line: str, separator: str) -> list[str]:
    """Return the fields of a line; blanks in a row are one separator."""
    return line.split() if separator == " " else line.split(separator)


def load_text(path: str) -> list[RawTable]:
    """Read the tables in a text file.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of RawTable
        At least one.

    Raises
    ------
    ValueError
        If there is none.
    """
    encoding = _encoding(path)
    with open(path, encoding=encoding, errors="replace", newline=None) as file:
        head = [line.rstrip("\r\n") for line in islice(file, SNIFFED)]
    dialect = _dialect([line for line in head if line.strip() and not line.lstrip().startswith("#")])
    if dialect is None:
        shown = [line for line in head if line.strip()][:MOST_SHOWN]
        if len(shown) == 1 and not any(map(str.isdigit, shown[0])) and any(s in shown[0] for s in ",;\t"):
            raise ValueError("the table has columns but no rows")
        raise ValueError(
            "this text holds no table: there is no run of lines with at least two numbers each, separated by commas,"
            f" semicolons, tabs or blanks; it begins with {shown_lines(shown)}"
        )
    first = _first(head, dialect)
    whole = _read_whole(path, encoding, dialect, head, first)
    if whole is not None:
        return [whole]
    with open(path, encoding=encoding, errors="replace") as file:
        return _blocks(file.read().splitlines(), dialect)


def shown_lines(lines: list[str]) -> str:
    """Return first lines of a file for a message, each cut to a readable length."""
    return " | ".join(repr(line[:60] + ("..." if len(line) > 60 else "")) for line in lines) or "nothing"


def _encoding(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(1 << 16)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\x00" in start[:1000]:
        return "utf-16-le" if start[1:2] == b"\x00" else "utf-16-be"
    try:
        start[: max(len(start) - 4, 0)].decode("utf-8-sig")  # not through the middle of a character
    except UnicodeDecodeError as error:
        if error.end < len(start) - 8:
            return "cp1252"
    return "utf-8-sig"


def _dialect(lines: list[str]) -> _Dialect | None:
    """Return the way of reading by which most lines hold equally many numbers, and no other words."""
    best: tuple[float, int, _Dialect] | None = None
    for place, separator in enumerate(SEPARATORS):
        for comma in (False, True) if separator != "," else (False,):
            dialect = _Dialect(separator, comma)
            counted = [dialect.counts(line) for line in lines]
            tables = [(w, n) for w, n, words in counted if n >= 2 and words <= n]
            if not _has_run(counted):
                continue
            numbers = sum(n for _, n in tables)
            # a decimal comma read as a separator makes twice as many numbers: prefer separators that are not commas
            score = numbers * (0.45 if separator == "," and _commas_are_decimal(lines) else 1.0) + (
                0.1 if not comma else 0
            )
            if best is None or score > best[0] + 1e-9:
                best = (score, place, dialect)
    return best[2] if best else None


def _commas_are_decimal(lines: list[str]) -> bool:
    """Return whether another separator than the comma divides lines into numbers with decimal commas."""
    for separator in (";", "\t", " "):
        dialect = _Dialect(separator, True)
        counted = [dialect.counts(line) for line in lines if "," in line]
        if counted and _has_run(counted) and sum(n >= 2 and not words for _, n, words in counted) > len(counted) / 2:
            return True
    return False


def _has_run(counted: list[tuple[int, int, int]]) -> bool:
    run, most = 0, 0
    width = -1
    for w, numbers, words in counted:
        fits = numbers >= 2 and words <= numbers
        run = run + 1 if fits and (w == width or run == 0) else int(fits)
        width, most = w, max(most, run)
    return most >= min(RUN, max(len(counted) - 1, 1))


def _first(lines: list[str], dialect: _Dialect) -> int:
    """Return the number of the first line of the first table."""
    counted = [
        dialect.counts(line) if line.strip() and not line.lstrip().startswith("#") else (0, 0, 9) for line in lines
    ]
    for k, (width, numbers, words) in enumerate(counted):
        if numbers >= 2 and words <= numbers:
            after = [c for c in counted[k : k + RUN] if c[0]]
            if all(n >= 2 and abs(w - width) <= 1 for w, n, _ in after):
                while (
                    k > 0
                    and counted[k - 1][1] > 0
                    and counted[k - 1][0] == width
                    and counted[k - 1][2] < counted[k - 1][1] + 2
                ):
                    k -= 1  # a line of few numbers belongs to the table, names hold none
                return k
    return 0


def _names_above(lines: list[str], dialect: _Dialect, width: int) -> list[str]:
    """Return names of columns from the lines above a table, perhaps behind # and separated otherwise."""
    above: list[list[str]] = []
    for line in lines[-4:]:
        text = line.strip().lstrip("#%").strip() if line.lstrip()[:1] in "#%" else line.rstrip("\r\n")
        if not text.strip():
            continue
        fields = _fields_of_width(text, dialect, width)
        if fields is not None:
            above.append(fields)
        elif above:
            above.clear()
    return merged_names(above, width) if above else [""] * width


def _fields_of_width(text: str, dialect: _Dialect, width: int) -> list[str] | None:
    """Return as many fields as the table has, by whichever separator gives them."""
    for separator in dict.fromkeys((dialect.separator, *SEPARATORS)):
        fields = [f.strip().strip('"').strip() for f in _split(text, separator)]
        while len(fields) > width and fields[-1] == "":
            fields.pop()
        if len(fields) == width:
            return fields
    wide = [f.strip() for f in re.split(r"\s{2,}", text.strip())]
    if len(wide) == width:
        return wide
    fields = dialect.fields(text)
    if width - 2 <= len(fields) < width and len(fields) >= 2:
        return fields + [""] * (width - len(fields))
    return None


def _read_whole(path: str, encoding: str, dialect: _Dialect, head: list[str], first: int) -> RawTable | None:
    """Read a file with one table by pandas; return None if there is more than one, or something else in it."""
    width = len(dialect.fields(head[first]))
    start = [dialect.fields(line) for line in head[first : first + 50] if line.strip()]
    width = max(map(len, start))
    try:
        table = pd.read_csv(
            path,
            sep=r"\s+" if dialect.separator == " " else dialect.separator,
            decimal="," if dialect.comma else ".",
            header=None,
            names=list(range(width)),
            skiprows=first,
            index_col=False,
            skipinitialspace=True,
            comment="#",
            encoding=encoding,
            encoding_errors="replace",
            na_values=[*MISSING],
            on_bad_lines="error",
            low_memory=False,
        )
    except (ValueError, pd.errors.ParserError):
        return None
    columns: list[AnyArray] = [_plain(table[k]) for k in range(width)]
    for k, column in enumerate(columns):
        numbers = sum(dialect.number(row[k]) for row in start if len(row) > k)
        if numbers and not is_numeric(column):
            return None
    return _trimmed(RawTable(_names_above(head[:first], dialect, width), columns, "", head[:MOST_SHOWN]))


def _plain(column: "pd.Series") -> AnyArray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    return as_column(column.astype(object).where(column.notna(), None).tolist())


def _trimmed(table: RawTable) -> RawTable:
    """Return a table without columns that hold nothing or repeat the word of parameter analysers."""
    keep = [k for k, c in enumerate(table.columns) if not _is_filler(c, bool(table.names[k]))]
    return RawTable([table.names[k] for k in keep], [table.columns[k] for k in keep], table.where, table.head)


def _is_filler(column: AnyArray, named: bool) -> bool:
    if is_numeric(column):
        return not named and not np.isfinite(column).any()
    return {str(v) for v in column} <= WORDS | {""}


def _blocks(lines: list[str], dialect: _Dialect) -> list[RawTable]:
    """Cut a file into tables: runs of lines of numbers, each with the lines of text above it."""
    tables: list[RawTable] = []
    text: list[str] = []
    rows: list[list[str]] = []
    names: list[str] = []

    def close() -> None:
        if len(rows) >= 2:
            width = max(map(len, rows))
            own = _names_above(text, dialect, width) if text else [""] * width
            if not any(own) and len(names) == width:
                own = names  # a further record under the same names
            columns = [as_column([dialect.value(r[k]) if k < len(r) else None for r in rows]) for k in range(width)]
            shown = [*text[-2:], *(dialect.separator.join(r) for r in rows[:2])]
            tables.append(_trimmed(RawTable(own, columns, f"table {len(tables) + 1}", shown)))
            names[:] = own
            text.clear()
        rows.clear()

    for line in lines:
        if not line.strip():
            close()
            continue
        width, numbers, words = dialect.counts(line) if not line.lstrip().startswith("#") else (0, 0, 1)
        if numbers >= 2 and words <= numbers:
            if rows and abs(width - len(rows[-1])) > 1:
                close()
            rows.append(dialect.fields(line))
        else:
            close()
            text.append(line)
            del text[:-50]
    close()
    return tables
