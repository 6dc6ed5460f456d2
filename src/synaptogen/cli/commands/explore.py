"""``synaptogen explore``: a page to play with cells in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from synaptogen import explore as pages
from synaptogen.cli.options import Overwrite, require_free
from synaptogen.cli.output import say


def explore(
    shown: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE|ARRAY",
            help="Presets, parameter files, saved arrays; default: hennen2024. The page compares any two.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE.html", help="The page: one file, no network.")
    ] = Path("explore.html"),
    overwrite: Overwrite = False,
) -> None:
    """Write one HTML page to play with cells in a browser.
    \f

    Parameters
    ----------
    shown : list of str, optional
        What the page shows, see `synaptogen.explore.write_page`.
    output, overwrite : pathlib.Path, bool
        The page, and whether to replace it.
    """
    require_free(output, overwrite)
    written = pages.write_page(output, *(shown or ()))
    say(f"written: {written} ({written.stat().st_size / 1000:.0f} kB), open it in a browser")
