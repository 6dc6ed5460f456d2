"""``synaptogen report``: a validation as an HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from synaptogen.cli.options import Overwrite, require_free
from synaptogen.cli.output import say, stages


def report(
    validation: Annotated[
        Path, typer.Argument(metavar="FILE.npz", help="File that synaptogen validate -o has written.")
    ],
    output: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="FILE.html", help="Page to write: one file that works without a network."),
    ],
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="DIR", help="Write the figures there as PNG files, too.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write one HTML page that shows how good a parameter set is.
    \f

    Parameters
    ----------
    validation : pathlib.Path
        A saved `synaptogen.learn.Validation`.
    output, figures, overwrite : pathlib.Path, pathlib.Path, bool
        The page, a folder for figures, and whether to replace the page.
    """
    from synaptogen import learn  # heavy, and an extra

    require_free(output, overwrite)
    result = learn.Validation.load(validation)
    with stages() as shown:
        written = learn.report(result, output, figures=figures, progress=shown)
    for path in written:
        say(f"written: {path}")
