"""Raw files: what SPICE-like simulators write. Own reader, of binary files of real numbers, in one copy."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MARK = b"Binary:\n"


class Plot(NamedTuple):
    """One analysis of a raw file."""

    name: str
    """Such as ``Transient Analysis``."""
    vectors: dict[str, NDArray[np.float64]]
    """Values by name in lower case, each of shape (points,)."""


def read_raw(path: str | os.PathLike[str]) -> list[Plot]:
    """Read all analyses of a binary raw file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a binary raw file of real numbers, or was cut short.
    """
    content = Path(path).read_bytes()
    plots, at = [], 0
    while content[at:].strip():
        mark = content.find(_MARK, at)
        if mark < 0:
            raise ValueError(f"{path} is not a binary raw file, or was cut short")
        plot, at = _plot(path, content, at, mark)
        plots.append(plot)
    if not plots:
        raise ValueError(f"{path} is empty")
    return plots


def _plot(path: str | os.PathLike[str], content: bytes, at: int, mark: int) -> tuple[Plot, int]:
    head, _, variables = content[at:mark].decode(errors="replace").partition("\nVariables:")
    fields = {
        key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head.split("\n"))
    }
    names = [line.split()[1].lower() for line in variables.strip().splitlines() if len(line.split()) > 1]
    try:
        points, count = int(fields["no. points"]), int(fields["no. variables"])
    except (KeyError, ValueError):
        raise ValueError(f"{path} has a damaged head") from None
    if "real" not in fields.get("flags", "").lower():
        raise ValueError(f"{path} holds {fields.get('flags')} numbers: only real ones can be read")
    begin = mark + len(_MARK)
    end = begin + 8 * points * count
    if count != len(names) or end > len(content):
        raise ValueError(f"{path} was cut short")
    table = np.frombuffer(content, "<f8", points * count, begin).reshape(points, count)
    return Plot(fields.get("plotname", ""), dict(zip(names, table.T.copy(), strict=True))), end
