"""``synaptogen extract``: the four features of each cycle from measured loops."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from synaptogen._utils import require
from synaptogen.cli.measurement_options import (
    Columns,
    CurrentLimit,
    Magnitude,
    Polarity,
    RecordsAre,
    SeriesResistance,
    Shunt,
    measured_from,
)
from synaptogen.cli.options import JSON, Measured, Overwrite, require_free
from synaptogen.cli.output import print_json, say, stages, stdout

if TYPE_CHECKING:
    from synaptogen.learn import Extraction


Output: TypeAlias = Annotated[
    Path, typer.Option("--out", "-o", metavar="FILE", help="Ends in .csv, .tsv, .parquet, .npz or .nc.")
]
ReadVoltage: TypeAlias = Annotated[
    float, typer.Option("--u-read", metavar="V", help="Voltage at which resistances are taken.")
]
FigureFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Draw loops with their features; ends in .png, .pdf, .svg."),
]
Device: TypeAlias = Annotated[
    int, typer.Option("--device", metavar="N", help="Device whose loops are drawn; 0 is the first.")
]


def extract(
    data: Measured,
    output: Output,
    columns: Columns = None,
    current_limit: CurrentLimit = None,
    series_resistance: SeriesResistance = None,
    polarity: Polarity = None,
    shunt: Shunt = None,
    magnitude: Magnitude = False,
    records: RecordsAre = "cycles",
    u_read: ReadVoltage = 0.2,
    figure: FigureFile = None,
    device: Device = 0,
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Extract R_HRS, U_SET, R_LRS, U_RESET of each cycle, with flags of what failed.
    \f

    Parameters
    ----------
    data, output, overwrite : pathlib.Path, pathlib.Path, bool
        Measured loops, the file for the features, and whether to replace it.
    columns, current_limit, series_resistance, polarity, shunt, magnitude, records
        Description of the measurement, see `measured_from`.
    u_read : float
        Voltage in V at which resistances are taken.
    figure, device : pathlib.Path, int
        A figure of the loops of one device.
    as_json : bool
        Print JSON instead of a table.

    Raises
    ------
    ValueError, OSError
        If the measurement holds no loops, or a file cannot be read or written.
    """
    from synaptogen import learn  # heavy, and an extra

    _require_free_files(output, figure, overwrite)
    learn.check_ending(output)
    measured = measured_from(data, columns, current_limit, series_resistance, polarity, shunt, magnitude, records)
    if "current" not in measured:
        raise ValueError(f"{data} holds features, not loops: there is nothing to extract")
    with stages() as shown:
        found = learn.extract(measured, u_read=u_read, progress=lambda done, n: shown("extracting", done / n))
    if figure is not None:
        learn.markers(measured, found, device=device).savefig(figure)
    learn.write(found.features, output)
    facts = _facts(found)
    if as_json:
        print_json(facts)
    else:
        _show(facts)
    say(f"written: {output}")
    if figure is not None:
        say(f"written: {figure}")


def _require_free_files(output: Path, figure: Path | None, overwrite: bool) -> None:
    require_free(output, overwrite)
    if figure is not None:
        require_free(figure, overwrite)
        require("matplotlib", "plot")


def _facts(found: "Extraction") -> dict[str, Any]:
    """Return polarity, kinds, reliabilities, counts of cycles, and the medians of offset, noise and limit in A."""
    return {
        "polarity": int(found.features.attrs["polarity"]),
        "kinds": {kind: found.kinds.count(kind) for kind in sorted(set(found.kinds))},
        "reliability": dict(found.reliability),
        "cycles": dict(found.counts),
        "offset_A": float(np.median(found.offset)),
        "noise_A": float(np.median(found.noise)),
        "current_limit_A": float(np.median(found.current_limit)),
        "definitions": dict(found.definitions),
    }


def _show(facts: dict[str, Any]) -> None:
    table = Table(box=SIMPLE_HEAD, title="Extraction", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    sign = "negative" if facts["polarity"] == 1 else "positive"
    table.add_row("polarity", f"SET at {sign} voltages")
    for kind, count in facts["kinds"].items():
        table.add_row(f"devices: {kind}", f"{count:,}")
    for name, value in facts["reliability"].items():
        table.add_row(f"reliability of {name}", f"{value:.4f}")
    for name in ("offset_A", "noise_A", "current_limit_A"):
        table.add_row(name.replace("_A", " (uA)").replace("_", " "), f"{1e6 * facts[name]:.4g}")
    for name, count in facts["cycles"].items():
        if count or name in ("all", "good"):
            table.add_row(f"cycles: {name}", f"{count:,}")
    stdout.print(table)
