"""Tables in text files as instruments and spreadsheets write them.

Lines before a table are skipped; comma, semicolon, tab, bar and blanks separate columns; numbers are written in any of
the forms of `fields`; names may stand behind ``#``, be separated otherwise than the numbers, have lines of units and
comments beside them, or be missing. A file may hold several tables, one below the other, each with its lines of text,
or rows in place of columns. What a file has is found from its first lines; a file with one table of plain numbers is
then read by pandas, others line by line.
"""

import re
import warnings
from itertools import islice

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray

from .columns import role_of
from .fields import MISSING, Dialect
from .line_forms import in_fields
from .raw_tables import MOST_SHOWN, RawTable, as_column, is_numeric
from .row_tables import RUN, TableBuilder, finished, is_row, naming, numbers_columns, remark, transposed

SEPARATORS = ("\t", ";", ",", "|", " ")
SNIFFED = 2000  # number of lines of which one must belong to a table
TAIL = 1 << 12  # bytes at the end of a file that are looked at
REMARKS = ("comment", "comments", "remark", "remarks")  # names of a last column that most rows lack
COMMENTS = "#%!"  # characters that begin a comment
ENCODINGS = {  # words for voltage and current
    "gbk": ("\u7535\u538b", "\u7535\u6d41"),
    "shift_jis": ("\u96fb\u5727", "\u96fb\u6d41"),
    "big5": ("\u96fb\u58d3", "\u96fb\u6d41"),
    "euc-kr": ("\uc804\uc555", "\uc804\ub958"),
    "cp1251": ("\u043d\u0430\u043f\u0440\u044f\u0436", "\u0442\u043e\u043a"),
}
_OTHER_SIGN = re.compile(r"\s*(?://+|;+|\*+|--+|REM)\s+")  # of a comment, above a table
_BEHIND = re.compile(r"\s+(?:#|//).*$")  # a comment behind the numbers of a row


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
    other = in_fields([line for line in head if not _is_comment(line)])
    plain = [line for line in head if line.strip() and not _is_comment(line)]
    dialect = None if other else _dialect(plain)
    if len(head) == SNIFFED and (other is not None or dialect is None):  # a form may show itself in the whole file
        with open(path, encoding=encoding, errors="replace") as file:
            other = in_fields([line for line in file.read().splitlines() if not _is_comment(line)])
    dialect = _dialect(other) if other else dialect
    if dialect is None:
        tables = _further_down(path, encoding) if len(head) == SNIFFED else []
        if tables:
            return tables
        raise ValueError(_no_table(head))
    if other is not None:
        rows = [dialect.fields(line) for line in other]
        return transposed(rows, dialect) or _blocks(other, dialect, _ends_early(path, encoding))
    if len(head) < SNIFFED:
        rows = [dialect.fields(line) for line in head if line.strip() and not _is_comment(line)]
        sideways = transposed(rows, dialect)
        if sideways:
            return sideways
    whole = None if _ends_early(path, encoding) else _read_whole(path, encoding, dialect, head)
    if whole is not None:
        return [whole]
    with open(path, encoding=encoding, errors="replace") as file:
        tables = _blocks(file.read().splitlines(), dialect, _ends_early(path, encoding))
    if not tables:
        raise ValueError(_no_table(head))
    return tables


def _further_down(path: str, encoding: str) -> list[RawTable]:
    """Return the tables of a file that begins with more other lines than are looked at first; none if it has none."""
    with open(path, encoding=encoding, errors="replace") as file:
        lines = [line for line in file.read().splitlines() if line.strip()]
    for first in range(0, len(lines), SNIFFED // 2):
        part = lines[first : first + SNIFFED]
        dialect = _dialect([line for line in part if not _is_comment(line)])
        if dialect is not None:
            return _blocks(lines[first:], dialect, _ends_early(path, encoding))
    return []


def _no_table(head: list[str]) -> str:
    shown = [line for line in head if line.strip()][:MOST_SHOWN]
    if len(shown) == 1 and not any(map(str.isdigit, shown[0])) and any(s in shown[0] for s in ",;\t"):
        return "the table has columns but no rows"
    return (
        "this text holds no table: there is no run of lines with at least two numbers each, separated by commas,"
        f" semicolons, tabs, bars or blanks; it begins with {shown_lines(shown)}"
    )


def shown_lines(lines: list[str]) -> str:
    """Return first lines of a file for a message, each cut to a readable length."""
    return " | ".join(repr(line[:60] + ("..." if len(line) > 60 else "")) for line in lines) or "nothing"


def _is_comment(line: str) -> bool:
    return line.lstrip(" ")[:1] in COMMENTS  # behind a tab it is a field


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
            return _old_encoding(start)
    return "utf-8-sig"


def _old_encoding(start: bytes) -> str:
    """Return the encoding, of those before Unicode, in which a text names voltage and current."""
    for encoding, words in ENCODINGS.items():
        text = start.decode(encoding, "ignore").lower()
        if all(word in text for word in words):
            return encoding
    return "cp1252"


def _ends_early(path: str, encoding: str) -> bool:
    """Return whether the last line was cut off while it was written: no line end, and shorter than those before."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL, 0) // 2 * 2)
        tail = file.read()
    text = tail.decode(encoding.replace("-sig", "") if not encoding.startswith("utf-16") else "utf-16-le", "replace")
    if text.endswith(("\n", "\r")) or not text:
        return False
    lines = text.splitlines()
    last, before = lines[-1], lines[-12:-1]
    return len(before) >= RUN and 0 < len(last) < min(map(len, before)) - 1


def _dialect(lines: list[str]) -> Dialect | None:
    """Return the way of reading by which most lines hold equally many numbers, and no other words."""
    best: tuple[float, Dialect] | None = None
    quoted = any('"' in line for line in lines)
    for separator in SEPARATORS:
        if separator != " " and not any(separator in line for line in lines):
            continue
        for comma in (False, True) if separator != "," or quoted else (False,):
            dialect = Dialect(separator, comma)
            counted = [dialect.counts(line) for line in lines]
            if not _has_run(counted):
                continue
            numbers = sum(n for _, n, words in counted if n >= 2 and words <= n)
            # a decimal comma read as a separator makes twice as many numbers: prefer separators that are not commas
            bad = separator in ", " and _commas_are_decimal(lines)
            score = numbers * (0.45 if bad and not comma else 1.0) + (0.1 if not comma else 0)
            if best is None or score > best[0] + 1e-9:
                best = (score, dialect)
    return best[1] if best else None


def _commas_are_decimal(lines: list[str]) -> bool:
    """Return whether another separator than the comma divides lines into numbers with decimal commas."""
    for separator in (";", "\t", "|", " "):
        dialect = Dialect(separator, True)
        counted = [dialect.counts(line) for line in lines if "," in line]
        if counted and _has_run(counted) and sum(n >= 2 and not words for _, n, words in counted) > len(counted) / 2:
            return True
    return False


def _has_run(counted: list[tuple[int, int, int]]) -> bool:
    run, most = 0, 0
    width = -1
    for row in counted:
        fits = is_row(row)
        run = run + 1 if fits and (row[0] == width or run == 0) else int(fits)
        width, most = row[0], max(most, run)
    return most >= min(RUN, max(len(counted) - 1, 1))


def _first(lines: list[str], dialect: Dialect) -> int:
    """Return the number of the first line of the first table."""
    counted = [dialect.counts(line) if line.strip() and not _is_comment(line) else (0, 0, 9) for line in lines]
    for k, (width, numbers, words) in enumerate(counted):
        if numbers >= 2 and words <= numbers and not (words and numbers_columns(dialect.fields(lines[k]), dialect)):
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


def _fields_of_width(dialect: Dialect, text: str, width: int) -> list[str] | None:
    """Return as many fields of a line as the table has, by whichever separator gives them; perhaps behind #."""
    if _is_comment(text):
        text = text.strip().lstrip(COMMENTS).strip()
    text = text.rstrip("\r\n")
    if not text.strip():
        return None
    sign = _OTHER_SIGN.match(text)
    if sign is not None and sign[0].strip() != dialect.separator:
        text = text[sign.end() :]
    for separator in dict.fromkeys((dialect.separator, *SEPARATORS)):
        if separator == "|" and separator != dialect.separator:
            continue  # bars are signs of magnitudes
        fields = Dialect(separator, dialect.comma).fields(text)
        while len(fields) > width and fields[-1] == "":
            fields.pop()
        if len(fields) == width or (len(fields) == width + 1 and fields[-1].lower() in REMARKS):
            return fields[:width]
    wide = [f.strip() for f in re.split(r"\s{2,}", text.strip())]
    if len(wide) == width:
        return wide
    fields = dialect.fields(text)
    if len(fields) > width and sum(role_of(f)[0] in ("voltage", "current", "time") for f in fields[:width]) >= 2:
        return fields[:width]
    if max(width - 2, 2) <= len(fields) < width:
        return fields + [""] * (width - len(fields))
    return None


def _read_whole(path: str, encoding: str, dialect: Dialect, head: list[str]) -> RawTable | None:
    """Read a file with one table of plain numbers by pandas; return None if it holds anything else."""
    if dialect.separator == "|":
        return None
    first = _first(head, dialect)
    body = [line for line in head[first:] if line.strip()]
    counted = [dialect.counts(line) for line in (*body[:50], *body[-50:]) if not _is_comment(line)]
    if any(not numbers or words > numbers for _, numbers, words in counted) or _has_gaps(path, first):
        return None
    start = [dialect.fields(line) for line in body[:50] if not _is_comment(line)]
    width = max(map(len, start))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows that are longer than others
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
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning):
        return None
    columns: list[AnyArray] = [_plain(table[k]) for k in range(width)]
    for k, column in enumerate(columns):
        if not is_numeric(column) and any(dialect.number(row[k]) for row in start if len(row) > k):
            return None
    find = naming(dialect, lambda text, n: _fields_of_width(dialect, text, n))
    above = [line for line in head[:first] if line.strip()]
    header = find(above, width)
    names = _moved(header.names, columns[0])
    notes = [remark(line) for line in header.left_out]
    devices = [*header.devices, *[""] * (width - len(header.devices))]
    return finished(RawTable(names, columns, "", head[:MOST_SHOWN], notes, devices=devices))


def _moved(names: list[str], first: AnyArray) -> list[str]:
    """Return names with an empty one first, where numbers of rows without a name stand before the named columns."""
    if len(names) < 3 or names[-1] or not all(names[:-1]) or role_of(names[0])[0] not in ("voltage", "current"):
        return names
    numbers = pd.to_numeric(pd.Series(first), errors="coerce").to_numpy()
    counts = len(numbers) > 2 and np.all(np.diff(numbers) == 1)
    return ["", *names[:-1]] if counts else names


def _has_gaps(path: str, first: int) -> bool:
    """Return whether empty lines part the rows of a table, or a sign of a comment stands within a row."""
    with open(path, "rb") as file:
        for _ in range(first):
            file.readline()
        gap = False
        while lines := file.readlines(1 << 20):
            for line in lines:
                empty = not line.strip(b" \t\r\n\x00,;")
                if (gap and not empty) or b"#" in line:
                    return True
                gap = empty
    return False


def _plain(column: "pd.Series") -> AnyArray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    return as_column(column.astype(object).where(column.notna(), None).tolist())


def _blocks(lines: list[str], dialect: Dialect, ends_early: bool) -> list[RawTable]:
    """Cut a file into tables: runs of lines of numbers, each with the lines of text above it."""
    if ends_early:
        lines = lines[:-1]  # cut off within a number
    builder = TableBuilder(dialect, naming(dialect, lambda text, n: _fields_of_width(dialect, text, n)))
    for line in lines:
        if not line.strip(" \t\r\n,;"):
            builder.gap()
        elif line.lstrip()[:1] in "nN" and all(field in MISSING for field in dialect.fields(line)):
            fields = dialect.fields(line)
            builder.add(fields, line, (len(fields), len(fields), 0))  # NaN,NaN: a missing point, no name
        elif _is_comment(line):
            builder.comment(line)
        else:
            row = _BEHIND.sub("", line) if "#" in line or "//" in line else line
            builder.add(dialect.fields(row), line, dialect.counts(row))
    tables = builder.tables()
    for table in tables:
        if table.columns:
            table.names = _moved(table.names, table.columns[0])
    if ends_early and tables:
        tables[-1].notes.append("the last line was cut off while it was written, and is left out")
    return tables
