"""Tables in HTML and in the XML of spreadsheets, which programs write under the ending of a workbook."""

import re
from html.parser import HTMLParser

ROWS, CELLS = frozenset(("tr", "row")), frozenset(("td", "th", "cell"))
TABLES = frozenset(("table", "worksheet"))
_START = re.compile(
    rb"(?is)(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<\?mso[^>]*\?>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table|meta|workbook|ss:workbook)\b"
)
_ENCODING = re.compile(rb"(?i)(?:charset|encoding)\s*=\s*[\"']?([\w-]+)")


def is_markup(start: bytes) -> bool:
    """Return whether first bytes are those of a page or of a spreadsheet in XML.

    Parameters
    ----------
    start : bytes

    Returns
    -------
    bool
    """
    return _START.match(start) is not None


def cells_of(data: bytes) -> list[list[list[object]]]:
    """Return the cells of each table of a page, or of each sheet of a spreadsheet.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    list of list of list
        Tables, rows and cells, which are texts.
    """
    named = _ENCODING.search(data[:2000])
    try:
        text = data.decode(named[1].decode() if named else "utf-8-sig", "replace")
    except LookupError:
        text = data.decode("utf-8-sig", "replace")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return [table for table in reader.tables if table]


class _Reader(HTMLParser):
    """Collects the texts of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[object]]] = [[]]
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        if name in TABLES and self.tables[-1]:
            self.tables.append([])
        elif name in ROWS:
            self.tables[-1].append([])
        elif name in CELLS and self.tables[-1]:
            self._cell = []
            skipped = next((v for k, v in attrs if k.rpartition(":")[2] == "index" and v), "")
            row = self.tables[-1][-1]
            while skipped.isdecimal() and len(row) < min(int(skipped) - 1, 10_000):
                row.append(None)  # cells that a spreadsheet leaves out

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag.rpartition(":")[2] in CELLS and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell).strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
