"""Options that describe a measurement, which several commands share, and how it is read with them."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, cast

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

Units: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--unit", metavar="OURS=UNIT", help="The unit of a column, as current=uA; repeat it."),
]


@dataclass(frozen=True)
class Measurement:
    """What a user says of a measurement, by the options that `measurement_options` gives a command.

    Parameters
    ----------
    columns : list of str, optional
        Names of columns as OURS=THEIRS.
    current_limit, series_resistance, polarity : float, float, int, optional
        Current limit in A, resistance in ohm to be subtracted, 1 or -1; see `synaptogen.learn.read`.
    shunt, magnitude, records : float, bool, str, optional
        Resistance in ohm over which currents were measured, whether they are magnitudes, and what several records are.
    units : list of str, optional
        Units of columns as OURS=UNIT.
    """

    columns: Columns = None
    current_limit: CurrentLimit = None
    series_resistance: SeriesResistance = None
    polarity: Polarity = None
    shunt: Shunt = None
    magnitude: Magnitude = False
    records: RecordsAre = "cycles"
    units: Units = None

    def read(self, path: Path) -> "xr.Dataset":
        """Read the measurement in a file or folder.

        Parameters
        ----------
        path : pathlib.Path
            The file or folder.

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

        return learn.read(
            path,
            columns=_pairs("--column", self.columns, "OURS=THEIRS, such as voltage=U"),
            current_limit=self.current_limit,
            series_resistance=self.series_resistance,
            polarity=self.polarity,
            shunt=self.shunt,
            magnitude=self.magnitude,
            records=cast("Literal['cycles', 'devices']", self.records),
            units=_pairs("--unit", self.units, "OURS=UNIT, such as current=uA"),
        )


def _pairs(option: str, texts: list[str] | None, form: str) -> dict[str, str]:
    pairs = {}
    for text in texts or []:
        ours, sign, theirs = text.partition("=")
        if not sign or not theirs:
            raise ValueError(f"{option} {text!r} is no pair of names: give {form}")
        pairs[ours.strip()] = theirs
    return pairs


def measurement_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Measurement`, in the place of its parameter ``measurement``.

    Parameters
    ----------
    command : callable
        With a parameter ``measurement``, which it gets filled in.

    Returns
    -------
    callable
        With an option for each field instead.
    """
    options = inspect.signature(Measurement).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @functools.wraps(command)
    def with_options(*given: Any, **named: Any) -> None:
        described = Measurement(**{name: named.pop(name) for name in options})
        command(*given, **named, measurement=described)

    shown: list[inspect.Parameter] = []
    for name, parameter in own.items():
        shown += options.values() if name == "measurement" else [parameter]
    signature = inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown])
    with_options.__signature__ = signature  # type: ignore[attr-defined]  # Typer reads it
    with_options.__annotations__ = {p.name: p.annotation for p in shown}
    return with_options
