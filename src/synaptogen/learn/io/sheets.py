"""Tables in the sheets of workbooks, whose cells are numbers, texts, or numbers as texts."""

from collections.abc import Sequence
from dataclasses import replace

from .fields import Dialect
from .raw_tables import RawTable
from .row_tables import TableBuilder, naming, transposed

SEPARATOR = "\t"


def tables_of_sheet(cells: Sequence[Sequence[object]], where: str) -> list[RawTable]:
    """Find the tables in the cells of a sheet.

    Parameters
    ----------
    cells : sequence of sequences
        Rows of a sheet.
    where : str
        Name of the sheet.

    Returns
    -------
    list of RawTable
        Empty if no rows hold two numbers each.
    """
    dialect = Dialect(SEPARATOR, _decimal_commas(cells))
    rows = [[_text(value, dialect.comma) for value in row] for row in cells]
    sideways = transposed([_without_end(row) for row in rows if any(row)], dialect)
    if sideways:
        return [replace(table, where=where) for table in sideways]
    builder = TableBuilder(dialect, naming(dialect, _fields_of_width))
    for fields in rows:
        if any(fields):
            builder.add(fields, SEPARATOR.join(fields), _counts(fields, dialect))
        else:
            builder.gap()
    return builder.tables(where)


def _without_end(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row = row[:-1]
    return row


def _counts(fields: list[str], dialect: Dialect) -> tuple[int, int, int]:
    numbers = sum(map(dialect.number, fields))
    return len(fields), numbers, sum(bool(f) for f in fields) - numbers


def _text(value: object, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, float | int) and not isinstance(value, bool):
        text = repr(float(value))
        return text.replace(".", ",") if comma else text
    return str(value).replace(SEPARATOR, " ").strip()


def _decimal_commas(cells: Sequence[Sequence[object]]) -> bool:
    """Return whether texts in cells are numbers with decimal commas, more than with points."""
    texts = [value for row in cells[:500] for value in row if isinstance(value, str)]
    with_comma, with_point = (sum(map(Dialect(SEPARATOR, comma).number, texts)) for comma in (True, False))
    return with_comma > with_point


def _fields_of_width(text: str, width: int) -> list[str] | None:
    fields = [field.strip() for field in text.split(SEPARATOR)]
    while len(fields) > width and not fields[-1]:
        fields.pop()
    return fields + [""] * (width - len(fields)) if len(fields) <= width else None
