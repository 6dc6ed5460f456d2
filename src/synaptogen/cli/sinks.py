"""Files that ``synaptogen simulate`` reads and writes."""

import csv
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, replacing, require

Block: TypeAlias = Mapping[str, AnyArray]
"""Quantities by name, each of shape (k, *cells): k cycles or steps that follow those of the block before."""

FORMAT, VERSION = "synaptogen/simulation", 1
LARGEST_CHUNK = 1 << 22  # numbers
STDOUT = "-"


def read_voltages(path: str) -> NDArray[np.float64]:
    """Voltages in V of a CSV file, of shape (T, columns); a first line without any number is a heading.

    Raises
    ------
    ValueError
        If the file is empty, or a line has something else than finite numbers, or more or fewer than the line before.
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
    """Where blocks go."""

    def write(self, block: Block) -> None:
        """Take the next block."""
        ...


class CSVSink:
    """A table in long form: a line for each cell and cycle or step, one cycle or step after the other."""

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
    """A format that reads back as the same number."""
    return "%.9g" if dtype == np.float32 else "%.17g"


class ZarrSink:
    """A zarr group: one array of shape (total, *cells) for each quantity."""

    def __init__(self, folder: Path, total: int) -> None:
        self._group = require("zarr", "zarr").create_group(folder, zarr_format=3)
        self._total, self._next = total, 0

    def write(self, block: Block) -> None:
        """Take the next block."""
        for name, values in block.items():
            if name not in self._group:
                shape = (self._total, *values.shape[1:])
                self._group.create_array(name, shape=shape, chunks=_chunks(values.shape), dtype=values.dtype)
            self._group[name][self._next : self._next + len(values)] = values
        self._next += len(next(iter(block.values())))

    def finish(self, attributes: Mapping[str, Any]) -> None:
        """Write attributes: a group that has them is complete."""
        self._group.attrs.update(format=FORMAT, version=VERSION, **attributes)


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A block as a chunk, cut along its first axes where it is large."""
    chunks = list(shape)
    for axis in range(len(chunks)):
        chunks[axis] = max(1, min(chunks[axis], LARGEST_CHUNK // math.prod(chunks[axis + 1 :])))
    return tuple(chunks)


@contextmanager
def sink_for(
    out: str, index: str, first: int, total: int, attributes: Mapping[str, Any], overwrite: bool
) -> Iterator[Sink]:
    """Open what ``out`` names; the file or folder takes its place as a whole, or not at all.

    Raises
    ------
    ValueError
        If the name has another ending than .csv or .zarr.
    OSError
        If something is there that must not be replaced.
    """
    if out == STDOUT:
        yield CSVSink(sys.stdout, index, first)
        return
    target = Path(out)
    if target.suffix not in (".csv", ".zarr"):
        raise ValueError(f"--out {out!r} must end in .csv or .zarr, or be {STDOUT} for CSV to standard output")
    _require_free(target, overwrite)
    with replacing(target) as beside:
        if target.suffix == ".csv":
            with beside.open("x", encoding="utf-8", newline="") as file:
                yield CSVSink(file, index, first)
        else:
            sink = ZarrSink(beside, total)
            yield sink
            sink.finish(attributes)


def _require_free(target: Path, overwrite: bool) -> None:
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(f"{target.absolute().parent} is no directory: make it first")
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise FileExistsError(f"{target} exists: give --overwrite to replace it, or another name")
    if not (_is_ours(target) if target.suffix == ".zarr" else target.is_file()):
        raise FileExistsError(f"{target} was not written by this command: remove it yourself, or give another name")


def _is_ours(target: Path) -> bool:
    try:
        return bool(json.loads((target / "zarr.json").read_text())["attributes"]["format"] == FORMAT)
    except (OSError, ValueError, KeyError, TypeError):
        return False
