"""Files that ``synaptogen simulate`` reads and writes: voltages in, tables or zarr groups out."""

import csv
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeAlias

import numpy as np

from synaptogen._utils import (
    AnyArray,
    Float64Array,
    Shape,
    Uninterrupted,
    load_small,
    parse_object,
    replacing,
    replacing_folder,
    require,
)

from .options import require_free

Block: TypeAlias = Mapping[str, AnyArray]
"""Quantities by name, each of shape (k, *cells): k cycles or steps that follow those of the block before."""

FORMAT, VERSION = "synaptogen/simulation", 1
LARGEST_CHUNK = 1 << 22  # numbers
_LARGEST = 1 << 20  # bytes of the description of a result
STDOUT = "-"


def read_voltages(path: str) -> Float64Array:
    """Read voltages from a CSV file.

    Parameters
    ----------
    path : str
        A file with a column for all cells, or one for each; a first line without any number is a heading.

    Returns
    -------
    array of shape (T, columns)
        Voltages in V.

    Raises
    ------
    ValueError
        If the file is empty, or a line holds anything but finite numbers, or more or fewer than the line before.
    """
    rows: list[list[float]] = []
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            for line, row in enumerate(csv.reader(file), 1):
                if not any(map(str.strip, row)) or (line == 1 and not any(map(_is_number, row))):
                    continue
                rows.append([_volts(path, line, text) for text in row])
                if len(rows[-1]) != len(rows[0]):
                    raise ValueError(f"{path}, line {line}: {len(rows[-1])} columns after {len(rows[0])} before")
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a CSV file: {error}") from error
    if not rows:
        raise ValueError(f"{path} holds no voltages: give a column of numbers in V")
    return np.array(rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _volts(path: str, line: int, text: str) -> float:
    if not _is_number(text):
        raise ValueError(f"{path}, line {line}: {text!r} is not a number: give voltages in V")
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{path}, line {line}: {text!r} is not a finite voltage")
    return value


class Sink(Protocol):
    """A destination of blocks."""

    def write(self, block: Block) -> None:
        """Take the next block."""
        ...


class CSVSink:
    """A table in long form: a line for each cell and cycle or step, one cycle or step after the other.

    Parameters
    ----------
    file : text file
        Open for writing.
    index : {"cycle", "step"}
        Name of the first axis of blocks.
    first : int
        Its first number.
    """

    def __init__(self, file: TextIO, index: str, first: int) -> None:
        self._file, self._index, self._next = file, index, first
        self._started = False

    def write(self, block: Block) -> None:
        """Take the next block."""
        index = [self._index, "cell"] if self._index == "step" else ["cell", self._index]
        if not self._started:
            self._file.write(",".join([*index, *block]) + "\n")
            self._started = True
        values = [np.asarray(v).reshape(len(v), -1) for v in block.values()]
        count, cells = values[0].shape
        numbers = {
            self._index: np.repeat(np.arange(count) + self._next, cells),
            "cell": np.tile(np.arange(cells), count),
        }
        formats = ["%d"] * 2 + [_exact(v.dtype) for v in values]
        table = np.column_stack([numbers[name] for name in index] + [v.ravel() for v in values])
        np.savetxt(self._file, table, fmt=formats, delimiter=",")
        self._next += count


def _exact(dtype: np.dtype[Any]) -> str:
    """Return a format that reads back as the same number."""
    return "%.9g" if dtype == np.float32 else "%.17g"


class ZarrSink:
    """A zarr group: one array of shape (total, *cells) for each quantity.

    Parameters
    ----------
    folder : pathlib.Path
        The group; it must not exist.
    total : int
        Number of cycles or steps of all blocks together.
    """

    def __init__(self, folder: Path, total: int) -> None:
        create_group = require("zarr", "zarr").create_group
        with Uninterrupted():
            self._group = create_group(folder, zarr_format=3)
        self._total, self._next = total, 0

    def write(self, block: Block) -> None:
        """Take the next block."""
        for name, values in block.items():
            with Uninterrupted():  # threads of zarr would go on writing after it
                if name not in self._group:
                    shape = (self._total, *values.shape[1:])
                    self._group.create_array(name, shape=shape, chunks=_chunks(values.shape), dtype=values.dtype)
                self._group[name][self._next : self._next + len(values)] = values
        self._next += len(next(iter(block.values())))

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write attributes: a group that has them is complete."""
        with Uninterrupted():
            self._group.update_attributes({"format": FORMAT, "version": VERSION, **attributes})


def _chunks(shape: Shape) -> Shape:
    """Return the shape of a chunk: that of a block, cut along its first axes where it is large."""
    chunks = list(shape)
    for axis in range(len(chunks)):
        chunks[axis] = max(1, min(chunks[axis], LARGEST_CHUNK // math.prod(chunks[axis + 1 :])))
    return tuple(chunks)


@contextmanager
def sink_for(
    destination: str, index: str, first: int, total: int, attributes: Mapping[str, Any], overwrite: bool
) -> Iterator[Sink]:
    """Open a destination; a file or folder takes its place as a whole, or not at all.

    Parameters
    ----------
    destination : str
        Name of a file that ends in .csv, of a folder that ends in .zarr, or "-" for CSV to standard output.
    index : {"cycle", "step"}
        Name of the first axis of blocks.
    first, total : int
        Its first number, and how many there are in all blocks.
    attributes : mapping of str to object
        Attributes of a zarr group, for JSON.
    overwrite : bool
        Allow to replace a file, or a folder that this command wrote.

    Yields
    ------
    Sink
        It takes blocks one after the other.

    Raises
    ------
    ValueError
        If the name has another ending than .csv or .zarr.
    OSError
        If something is there that must not be replaced.
    """
    if destination == STDOUT:
        yield CSVSink(sys.stdout, index, first)
        return
    target = Path(destination)
    if target.suffix not in (".csv", ".zarr"):
        raise ValueError(f"--out {destination!r} must end in .csv or .zarr, or be {STDOUT} for CSV to standard output")

    def check() -> None:
        require_free(target, overwrite)
        _require_replaceable(target)

    check()
    with replacing(target) if target.suffix == ".csv" else replacing_folder(target, check) as beside:
        if target.suffix == ".csv":
            with beside.open("x", encoding="utf-8", newline="") as file:
                yield CSVSink(file, index, first)
        else:
            sink = ZarrSink(beside, total)
            yield sink
            sink.finish(attributes)


def _require_replaceable(target: Path) -> None:
    """Refuse to replace a folder that this command has not written."""
    if not os.path.lexists(target):
        return
    if not (_is_ours(target) if target.suffix == ".zarr" else target.is_file()):
        raise FileExistsError(f"{target} was not written by this command: remove it yourself, or give another name")


def _is_ours(target: Path) -> bool:
    try:
        return bool(parse_object(load_small(target / "zarr.json", _LARGEST))["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False
