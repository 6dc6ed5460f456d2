"""Write netlists."""

from collections.abc import Iterable
from pathlib import Path


def write_lines(lines: Iterable[str], path: Path) -> Path:
    """Write a netlist.

    Parameters
    ----------
    lines : iterable of str
        Its lines, without line breaks.
    path : pathlib.Path
        The file; one of that name is replaced.

    Returns
    -------
    pathlib.Path
        The file.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
    return path
