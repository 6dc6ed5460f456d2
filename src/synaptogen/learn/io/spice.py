"""Raw files of SPICE-like simulators, with numbers as text or binary."""

import re

import numpy as np

from .raw_tables import RawTable

UNITS = {"voltage": "V", "current": "A", "time": "s"}


def is_raw_file(start: bytes) -> bool:
    """Return whether these are the first bytes of a raw file.

    Parameters
    ----------
    start : bytes

    Returns
    -------
    bool
    """
    text = start.replace(b"\x00", b"")
    return text.startswith(b"Title:") and b"Plotname:" in text


def load_raw(path: str) -> list[RawTable]:
    """Read the plots of a raw file: each is a table of vectors.

    Parameters
    ----------
    path : str

    Returns
    -------
    list of RawTable

    Raises
    ------
    ValueError
        If the numbers are complex or compressed, or the file was cut short.
    """
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"T\x00i\x00":
        raise ValueError(
            "a raw file of LTspice is packed in a form of its own: export it as text (in the plot: File, Export data)"
        )
    tables = []
    place = 0
    while (head := re.compile(rb"(?:Values|Binary):[ \t]*\r?\n").search(data, place)) is not None:
        table, place = _plot(data, data[place : head.start()].decode("utf-8", "replace"), head)
        tables.append(table)
    return tables


def _plot(data: bytes, header: str, head: "re.Match[bytes]") -> tuple[RawTable, int]:
    """Return the table of a plot, and the place behind it."""
    told = dict(re.findall(r"(?mi)^(flags|no\. variables|no\. points|plotname):[ \t]*(.*?)[ \t]*\r?$", header.lower()))
    count, points = int(told["no. variables"]), int(told["no. points"])
    if "complex" in told.get("flags", ""):
        raise ValueError("its numbers are complex: give a transient or a DC analysis")
    lines = header[header.lower().rindex("variables:") :].splitlines()
    vectors = [line.split() for line in lines if len(line.split()) >= 3 and line.split()[0].isdigit()]
    names = [f"{v[1]} ({UNITS[v[2]]})" if v[2] in UNITS else v[1] for v in vectors[:count]]
    if head[0].startswith(b"Binary"):
        end = head.end() + 8 * count * points
        if end > len(data):
            raise ValueError(f"it was cut short: {points} points of {count} vectors are announced")
        values = np.frombuffer(data[head.end() : end], "<f8").reshape(points, count)
    else:
        following = data.find(b"Title:", head.end())
        end = following if following >= 0 else len(data)
        numbers = data[head.end() : end].split()
        if len(numbers) < points * (count + 1):
            raise ValueError(f"it was cut short: {points} points of {count} vectors are announced")
        values = np.array(numbers[: points * (count + 1)], np.float64).reshape(points, count + 1)[:, 1:]
    plot = told.get("plotname", "")
    return RawTable(names, list(values.T.astype(np.float64)), plot, [], []), end
