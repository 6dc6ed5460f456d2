"""Options that describe a measurement, and how it is read with them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

import typer

if TYPE_CHECKING:
    import xarray as xr

Columns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="A column's name in the file, as voltage='U (V)'; repeat it."),
]
CurrentLimit: TypeAlias = Annotated[
    float | None,
    typer.Option("--current-limit", metavar="A", help="Current limit of the measurement; default: found in the loops."),
]
SeriesResistance: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--series-resistance", metavar="OHM", help="Resistance of wires and transistor, whose voltage is subtracted."
    ),
]
Polarity: TypeAlias = Annotated[
    int | None,
    typer.Option("--polarity", metavar="1|-1", help="-1: SET is at positive voltages. Default: found in the loops."),
]
Shunt: TypeAlias = Annotated[
    float | None,
    typer.Option("--shunt", metavar="OHM", help="The current was measured as a voltage over this resistance."),
]
Magnitude: TypeAlias = Annotated[
    bool, typer.Option("--magnitude", help="Currents are magnitudes: they get the sign of the voltage.")
]
RecordsAre: TypeAlias = Annotated[
    str,
    typer.Option(
        "--records", metavar="cycles|devices", help="Whether several records of one file are cycles or devices."
    ),
]


def measured_from(
    path: Path,
    columns: list[str] | None,
    current_limit: float | None,
    series_resistance: float | None,
    polarity: int | None,
    shunt: float | None = None,
    magnitude: bool = False,
    records: str = "cycles",
) -> "xr.Dataset":
    """Read the measurement in a file or folder.

    Parameters
    ----------
    path : pathlib.Path
        The file or folder.
    columns : list of str, optional
        Names of columns as OURS=THEIRS.
    current_limit, series_resistance, polarity : float, float, int, optional
        Current limit in A, resistance in ohm to be subtracted, 1 or -1; see `synaptogen.learn.read`.
    shunt, magnitude, records : float, bool, str, optional
        Resistance in ohm over which currents were measured, whether they are magnitudes, and what several records are.

    Returns
    -------
    xarray.Dataset
        Loops or features.

    Raises
    ------
    ValueError, OSError
        If `synaptogen.learn.read` raises it, or a column is not given as OURS=THEIRS.
    """
    from synaptogen import learn  # heavy, and an extra

    named = {}
    for text in columns or []:
        ours, sign, theirs = text.partition("=")
        if not sign or not theirs:
            raise ValueError(f"--column {text!r} is no pair of names: give OURS=THEIRS, such as voltage=U")
        named[ours.strip()] = theirs
    return learn.read(
        path,
        columns=named,
        current_limit=current_limit,
        series_resistance=series_resistance,
        polarity=polarity,
        shunt=shunt,
        magnitude=magnitude,
        records=cast("Literal['cycles', 'devices']", records),
    )
