"""Tables in text files as instruments and spreadsheets write them.

Lines before the table are skipped; comma, semicolon, tab and blanks separate columns; numbers have decimal points or
commas; a line of units may follow that of names. What a file has is found from its first lines.
"""

import io
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from .columns import UNITS

SEPARATORS = ("\t", ";", ",", " ")
SNIFFED = 400  # number of lines of which one must belong to the table
RUN = 3  # number of lines of numbers in a row that make a table
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|NaN|NAN|")
WITH_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class _Dialect:
    """Separator, decimal sign, and the place of the first line of numbers."""

    separator: str
    comma: bool
    first: int

    def fields(self, line: str) -> list[str]:
        """Return the fields of a line."""
        parts = line.split() if self.separator == " " else line.split(self.separator)
        return [part.strip().strip('"').strip() for part in parts]


def load_text(path: str) -> pd.DataFrame:
    """Read the table in a text file.

    Raises
    ------
    ValueError
        If there is none, or its columns have no names.
    """
    encoding = _encoding(path)
    with open(path, encoding=encoding, errors="replace") as file:
        head = [(k, line.rstrip("\r\n")) for k, line in enumerate(islice(file, SNIFFED))]
    source: Any = path
    if any(line.startswith("DataName") for _, line in head):
        with open(path, encoding=encoding, errors="replace") as file:
            lines = _data_lines(file.read().splitlines())
        head, source = list(enumerate(lines[:SNIFFED])), io.StringIO("\n".join(lines))
    content = [(k, line) for k, line in head if line.strip() and not line.lstrip().startswith("#")]
    lines = [line for _, line in content]
    dialect = _dialect(lines)
    if dialect is None:
        if len(lines) == 1 and not any(map(str.isdigit, lines[0])):
            raise ValueError("the table has columns but no rows")
        raise ValueError(
            "this is not a table in the format of its ending: no run of lines with at least two numbers each,"
            " separated by commas, semicolons, tabs or blanks"
        )
    return pd.read_csv(
        source,
        sep=r"\s+" if dialect.separator == " " else dialect.separator,
        decimal="," if dialect.comma else ".",
        names=_names(lines, dialect),
        skiprows=content[dialect.first][0],
        index_col=False,
        skipinitialspace=True,
        comment="#",
        encoding=encoding,
        encoding_errors="replace",
    )


def _encoding(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(1 << 16)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        start[: max(len(start) - 4, 0)].decode("utf-8-sig")  # not through the middle of a character
    except UnicodeDecodeError as error:
        if error.end < len(start) - 8:
            return "cp1252"
    return "utf-8-sig"


def _data_lines(lines: list[str]) -> list[str]:
    """Return the table of a file whose lines begin with what they hold (DataName, DataValue)."""
    names = next(line for line in lines if line.startswith("DataName"))
    rows = [line for line in lines if line.startswith("DataValue")]
    return [line.partition(",")[2] for line in (names, *rows)]


def _dialect(lines: list[str]) -> _Dialect | None:
    """Return the way of reading by which most fields of the table are numbers, and by which it begins first."""
    found: list[tuple[float, int, bool, int, _Dialect]] = []
    for separator in SEPARATORS:
        for comma in (False, True) if separator != "," else (False,):
            first, numbers = _numbers_begin(lines, _Dialect(separator, comma, 0))
            if first is not None:
                found.append((-numbers, first, comma, len(found), _Dialect(separator, comma, first)))
    return min(found)[-1] if found else None


def _numbers_begin(lines: list[str], dialect: _Dialect) -> tuple[int | None, float]:
    """Return the first of several lines with equally many fields, two of them numbers, and the share of numbers."""
    widths, shares, counts = [], [], []
    for line in lines:
        fields = dialect.fields(line)
        is_number = [_is_number(field, dialect.comma) for field in fields]
        widths.append(len(fields))
        counts.append(sum(n and bool(f) for n, f in zip(is_number, fields, strict=True)))
        shares.append(sum(is_number) / len(fields))
    run = min(RUN, len(lines) - 1) or 1
    for k in range(len(lines) - run + 1):
        part = slice(k, k + run)
        if min(counts[part]) >= 2 and len(set(widths[part])) == 1:
            while k > 0 and counts[k - 1] > 0 and widths[k - 1] == widths[k]:
                k -= 1  # a line of few numbers belongs to the table, names hold none
            return k, sum(shares[k:]) / len(shares[k:])
    return None, 0.0


def _is_number(field: str, comma: bool) -> bool:
    return bool(NUMBER.fullmatch(field) or (comma and WITH_COMMA.fullmatch(field)))


def _names(lines: list[str], dialect: _Dialect) -> list[str]:
    """Return names of the columns, with units from a line of their own if there is one."""
    width = len(dialect.fields(lines[dialect.first]))
    above = [dialect.fields(line) for line in lines[: dialect.first]]
    fitting = [fields for fields in above[-2:] if len(fields) == width or (fields and fields[-1] == "")]
    fitting = [fields[:width] for fields in fitting if len(fields) >= width]
    if not fitting:
        raise ValueError(
            f"no line of {width} names above the numbers: put one there, such as device,cycle,voltage,current"
        )
    names = fitting[-1]
    if len(fitting) == 2 and all(not field or field.strip("()[]") in UNITS for field in names):
        return [f"{name} ({unit.strip('()[]')})" if unit else name for name, unit in zip(*fitting, strict=True)]
    return names
