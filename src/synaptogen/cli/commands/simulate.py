"""``synaptogen simulate``: features of cycles, or currents of a waveform, into a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from synaptogen._utils import checks
from synaptogen.array import CellArray
from synaptogen.cli.options import params_from, shape_of, shape_text
from synaptogen.cli.output import say, steps
from synaptogen.cli.sinks import STDOUT, Block, Sink, read_voltages, sink_for

BLOCK = 1 << 20  # values that are simulated before they are written


def simulate(
    cells: Annotated[
        str, typer.Option("--cells", metavar="SHAPE", help="Shape of the array, such as 16x16.")
    ] = "16x16",
    cycles: Annotated[
        int | None, typer.Option("--cycles", metavar="K", help="Write the features of the next K cycles of each cell.")
    ] = None,
    voltages: Annotated[
        str | None,
        typer.Option(
            "--voltages",
            metavar="FILE.csv",
            help="Apply the voltages in V of this file, and write the current at each step: one column for all cells, "
            "or one a cell.",
        ),
    ] = None,
    params: Annotated[
        str, typer.Option("--params", metavar="NAME|FILE.json", help="A preset, or a parameter file.")
    ] = "hennen2024",
    rng: Annotated[
        int | None, typer.Option("--rng", metavar="SEED", help="Seed of 64 bits; default: a new one, which is told.")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="NAME", help="cpu or reference.")] = "cpu",
    history: Annotated[
        str | None, typer.Option("--history", metavar="KIND", help="var or compact; default: that of the parameters.")
    ] = None,
    start: Annotated[
        str, typer.Option("--start", metavar="KIND", help="stationary (cycled before) or pristine.")
    ] = "stationary",
    noise: Annotated[bool, typer.Option("--noise", help="Add the noise of a read to currents.")] = False,
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE.csv|.zarr", help=f"Where to write; {STDOUT} is CSV to standard output, the default."
        ),
    ] = STDOUT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Simulate cells and write what they do: features of cycles, or currents at given voltages.

    CSV files have a line for each cell and cycle (cell, cycle, r_hrs, u_set, r_lrs, u_reset) or step (step, cell,
    voltage, current), in ohm, V and A; zarr groups have an array for each of these quantities.
    """
    shape = shape_of(cells)
    if (cycles is None) == (voltages is None):
        raise ValueError("give either --cycles K or --voltages FILE.csv")
    if noise and voltages is None:
        raise ValueError("--noise is about currents: it needs --voltages")
    count = None if cycles is None else checks.positive_int("--cycles", cycles)
    waveform = None if voltages is None else _waveform(voltages, shape)
    array = CellArray(shape, params_from(params), rng=rng, engine=engine, history=history, start=start)
    job = _sweep_job(array, waveform, noise) if waveform is not None else _cycles_job(array, count or 0)
    attributes = {"start": start, "noise": noise, **_attributes(array)}
    with sink_for(out, job.index, job.first, job.total, attributes, overwrite) as sink:
        _pour(job, sink, array)
    say(f"{shape_text(shape)} cells, {job.total} {job.index}s, seed {array.seed}" + f": {out}" * (out != STDOUT))


@dataclass(frozen=True)
class Job:
    """What to write: ``parts`` blocks, together ``total`` cycles or steps, numbered from ``first``."""

    index: str
    first: int
    total: int
    parts: int
    blocks: Iterator[Block]


def _waveform(path: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Voltages of shape (T, *shape), or (T, 1, ... 1) for all cells alike."""
    table = read_voltages(path)
    count, columns = table.shape
    if columns == 1:
        return table.reshape(count, *[1] * len(shape))
    if columns != np.prod(shape, dtype=object):
        raise ValueError(f"{path} has {columns} columns: give one, or one for each of {shape_text(shape)} cells")
    return table.reshape(count, *shape)


def _pieces(total: int, size: int) -> list[tuple[int, int]]:
    """Ends of the pieces of ``total`` cycles or steps of so many cells."""
    length = max(1, BLOCK // size)
    return [(begin, min(total, begin + length)) for begin in range(0, total, length)]


def _cycles_job(cells: CellArray, total: int) -> Job:
    pieces = _pieces(total, cells.size)
    return Job("cycle", 1, total, len(pieces), (_next_cycles(cells, end - begin) for begin, end in pieces))


def _next_cycles(cells: CellArray, count: int) -> Block:
    return cells.run_cycles(count)._asdict()


def _sweep_job(cells: CellArray, waveform: NDArray[np.float64], noise: bool) -> Job:
    pieces = _pieces(len(waveform), cells.size)
    blocks = (_next_steps(cells, waveform[begin:end], noise) for begin, end in pieces)
    return Job("step", 0, len(waveform), len(pieces), blocks)


def _next_steps(cells: CellArray, waveform: NDArray[np.float64], noise: bool) -> Block:
    current = cells.sweep(waveform, noise=noise)
    # the voltages as the engine took them
    return {"voltage": np.broadcast_to(waveform.astype(current.dtype), current.shape), "current": current}


def _pour(job: Job, sink: Sink, cells: CellArray) -> None:
    with steps(transient=True) as shown:
        advance = shown.begin(f"simulating {shape_text(cells.shape)} cells", job.parts)
        for block in job.blocks:
            sink.write(block)
            advance()


def _attributes(cells: CellArray) -> dict[str, Any]:
    return {
        "cells": list(cells.shape),
        "seed": str(cells.seed),  # as text: JSON readers round large numbers
        "array": repr(cells),
        "units": {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V", "voltage": "V", "current": "A"},
        "params": json.loads(cells.params.to_json()),
    }
