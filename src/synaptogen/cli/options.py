"""Options that several commands share, and what their texts mean."""

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from synaptogen._utils import checks
from synaptogen.params import DeviceParams, as_device_params, presets

JSON: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON object to standard output, and nothing else there.")
]
Threads: TypeAlias = Annotated[
    int | None, typer.Option("--threads", metavar="N", help="Threads of the CPU engine; default: all cores.")
]

Overwrite: TypeAlias = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")]
Measured: TypeAlias = Annotated[
    Path, typer.Argument(metavar="DATA", help="Loops or features: CSV, TSV, Parquet, NPZ, HDF5, NetCDF; a folder.")
]


def require_free(target: Path, overwrite: bool) -> None:
    """Refuse to replace a file that is there, or to write into a folder that is not, before any work.

    Raises
    ------
    OSError
    """
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists: give --overwrite to replace it, or another name")


def shape_of(text: str, axes: int | None = None) -> tuple[int, ...]:
    """A shape such as 1024x1024, with so many axes.

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


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as people read it."""
    return " x ".join(map(str, shape))


def params_from(text: str) -> DeviceParams:
    """The preset of that name, or the parameter set in the JSON file at that path.

    Raises
    ------
    ValueError, OSError
        If there is neither, or the file is not sound.
    """
    if text not in presets() and (text.endswith(".json") or Path(text).exists()):
        return DeviceParams.from_json(Path(text))
    return as_device_params(text)
