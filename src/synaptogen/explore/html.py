"""The page: one file of HTML that works from disk. Nothing is fetched."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from synaptogen._utils import PathLike, replacing

from .script import model_script, part
from .sources import Shown, Source, source_of

SCRIPTS = ("program.js", "charts.js", "app.js", "waiting.js", "crossbar.js", "start.js")


def write_page(path: PathLike, *shown: Shown) -> Path:
    """Write a page to play with cells in a browser: voltages, loops, features, waits, distributions, a crossbar.

    The model runs in the page, in double precision. Its numbers are those of ``engine="reference"``, to rounding.

    Parameters
    ----------
    path : str or path
        Of the page; it takes its place as a whole, or not at all.
    *shown : DeviceParams, CellArray, str or path
        Parameter sets, names of presets, parameter files, arrays, saved arrays; default: the preset. The page compares
        any two of them. Of an array it holds the first 32 x 32 cells.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError, OSError
        If something cannot be shown or is damaged. The message names it; no file has changed then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import synaptogen as sg
    >>> params = sg.DeviceParams.preset("hennen2024")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = sg.explore.write_page(Path(folder) / "explore.html", params, params.with_order(1))
    ...     size = file.stat().st_size
    >>> size < 200_000  # bytes
    True
    """
    text = page([source_of(each) for each in shown or ("hennen2024",)])
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return Path(path)


def page(sources: Sequence[Source]) -> str:
    """Return a page.

    Parameters
    ----------
    sources : sequence of Source
        What it shows, at least one.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ValueError
        If a parameter set has a part that the page cannot run.
    """
    names = " and ".join(dict.fromkeys(source.params.name for source in sources))
    return Template(part("page.html")).substitute(
        title=escape(f"Virtual cells of {names}"),
        subtitle="Play with virtual resistive memory cells. They live in this page; nothing is sent or fetched.",
        style=part("style.css"),
        script="\n".join([model_script([source.params for source in sources]), *map(part, SCRIPTS)]),
        sources=_json([_described(source, k) for k, source in enumerate(sources)]),
        footer="Written by the Python package Synaptogen. The formulas are those of its reference engine.",
    )


def _described(source: Source, machine: int) -> dict[str, Any]:
    return {
        "title": source.title,
        "python": source.python,
        "note": source.note,
        "array": source.array,
        "machine": machine,
        "fluctuation": None if source.params.fluctuation is None else source.params.fluctuation.name,
    }


def _json(content: object) -> str:
    """Return JSON that can stand in a script element: no text in it ends the element or begins a comment."""
    return json.dumps(content).replace("<", "\\u003c")
