"""Read raw files, the results of SPICE-like simulators: binary files of real numbers."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from synaptogen._utils import Float64Array, PathLike

_MARK = b"Binary:\n"


class Plot(NamedTuple):
    """One analysis of a raw file.

    Attributes
    ----------
    name : str
        Its title, such as ``Transient Analysis``.
    vectors : dict of str to array of shape (points,)
        Values by name in lower case, such as ``time`` (s), ``v(c0)`` (V) and ``i(vc0)`` (A).
    """

    name: str
    vectors: dict[str, Float64Array]


def read_raw(path: PathLike) -> list[Plot]:
    r"""Read all analyses of a binary raw file.

    Parameters
    ----------
    path : path
        A file that ngspice or VACASK has written.

    Returns
    -------
    list of Plot
        The analyses in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a binary raw file of real numbers, or was cut short.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from synaptogen.circuit.simulators import read_raw
    >>> head = (
    ...     "Title: two points\nPlotname: Transient Analysis\nFlags: real\nNo. Variables: 2\nNo. Points: 2\n"
    ...     "Variables:\n\t0\ttime\ttime\n\t1\tv(c0)\tvoltage\nBinary:\n"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "out.raw"
    ...     _ = path.write_bytes(head.encode() + np.array([[0.0, 0.2], [1e-6, 0.3]], "<f8").tobytes())
    ...     [plot] = read_raw(path)
    >>> plot.name, plot.vectors["v(c0)"].tolist()
    ('Transient Analysis', [0.2, 0.3])
    """
    content = Path(path).read_bytes()
    plots, begin = [], 0
    while content[begin:].strip():
        mark = content.find(_MARK, begin)
        if mark < 0:
            raise ValueError(f"{path} is not a binary raw file, or was cut short")
        plot, begin = _plot(path, content, begin, mark)
        plots.append(plot)
    if not plots:
        raise ValueError(f"{path} is empty")
    return plots


def _plot(path: PathLike, content: bytes, start: int, mark: int) -> tuple[Plot, int]:
    """Return the analysis whose head begins at ``start`` and ends at ``mark``, and where the next one begins."""
    head, _, variables = content[start:mark].decode(errors="replace").partition("\nVariables:")
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
