"""Options that several commands share, and the meaning of their texts."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer

from synaptogen._utils import Shape, checks
from synaptogen.params import DeviceParams, as_device_params, presets

Choice = TypeVar("Choice", bound=str)

# ---- of commands on virtual cells

CrossbarShape: TypeAlias = Annotated[str, typer.Option("--cells", metavar="ROWSxCOLUMNS", help="Shape of the array.")]
Params: TypeAlias = Annotated[
    str, typer.Option("--params", metavar="NAME|FILE.json", help="A preset, or a parameter file.")
]
NewSeed: TypeAlias = Annotated[
    int | None, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits; default: a new one, which is printed.")
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--threads", metavar="N", help="Threads of the CPU engine; default: all cores.")
]

# ---- of commands on circuits

Simulator: TypeAlias = Annotated[str, typer.Option("--simulator", metavar="NAME", help="vacask or ngspice.")]
Timeout: TypeAlias = Annotated[float, typer.Option("--timeout", metavar="S", help="Time limit of the simulator.")]
WireResistance: TypeAlias = Annotated[
    float, typer.Option("--wires", metavar="OHM", help="Resistance of a wire segment between two cells.")
]

# ---- of commands on measurements

Measured: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="Loops, features or repeated reads: CSV, Parquet, NPZ, HDF5, NetCDF; a folder."
    ),
]

# ---- of results

JSON: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output, and nothing else there.")
]
Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]


def choice(option: str, given: str, known: Collection[Choice]) -> Choice:
    """Check a choice between names.

    Parameters
    ----------
    option : str
        The option, for the message.
    given : str
        The text behind it.
    known : collection of str
        The names.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    checks.one_of(option, given, known)
    return next(name for name in known if name == given)


def require_free(target: Path, overwrite: bool) -> None:
    """Refuse to replace a file that exists, or to write into a folder that does not, before any work.

    Parameters
    ----------
    target : pathlib.Path
        The file or folder that a command is about to write.
    overwrite : bool
        Allow to replace it.

    Raises
    ------
    OSError
        If it exists, or its folder does not.
    """
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if os.path.lexists(target) and not overwrite:
        raise FileExistsError(f"{target} exists: give --overwrite to replace it, or another name")


def shape_of(text: str, axes: int | None = None) -> Shape:
    """Read a shape such as 1024x1024.

    Parameters
    ----------
    text : str
        Sizes with an x between them.
    axes : int, optional
        Required number of axes.

    Returns
    -------
    tuple of int
        The sizes.

    Raises
    ------
    ValueError
        If the text is no such shape.
    """
    if not re.fullmatch(r"[0-9]+(x[0-9]+)*", text):
        raise ValueError(f"--cells {text!r} is no shape: give sizes with an x between them, such as 1024x1024")
    shape = checks.shape(tuple(map(int, text.split("x"))))
    if axes is not None and len(shape) != axes:
        raise ValueError(f"--cells {text!r} has {len(shape)} axes: give {axes}, such as {'x'.join(['1024'] * axes)}")
    return shape


def shape_text(shape: Shape) -> str:
    """Write a shape for people, such as 1024 x 1024."""
    return " x ".join(map(str, shape))


def params_from(text: str) -> DeviceParams:
    """Return the preset of that name, or the parameter set in the JSON file at that path.

    Raises
    ------
    ValueError, OSError
        If there is neither, or the file is damaged.
    """
    if text not in presets() and (text.endswith(".json") or Path(text).exists()):
        return DeviceParams.from_json(Path(text))
    return as_device_params(text)
