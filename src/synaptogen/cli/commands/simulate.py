"""``synaptogen simulate``: features of cycles, or currents of a waveform, into a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, cast

import numpy as np
import typer

from synaptogen._utils import Float64Array, checks
from synaptogen.array import CellArray
from synaptogen.cli.options import NewSeed, Overwrite, Params, params_from, shape_of, shape_text
from synaptogen.cli.output import say, steps
from synaptogen.cli.sinks import STDOUT, Block, Sink, read_voltages, sink_for
from synaptogen.engines import EngineName, Start

BLOCK = 1 << 20  # values that are simulated before they are written


Shape: TypeAlias = Annotated[str, typer.Option("--cells", metavar="SHAPE", help="Shape of the array, such as 16x16.")]
Cycles: TypeAlias = Annotated[
    int | None, typer.Option("--cycles", metavar="K", help="Write the features of the next K cycles of each cell.")
]
Voltages: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--voltages",
        metavar="FILE.csv",
        help="Apply the voltages in V of this file, and write the current at each step: one column for all cells, "
        "or one a cell.",
    ),
]
EngineOption: TypeAlias = Annotated[str, typer.Option("--engine", metavar="NAME", help="cpu or reference.")]
History: TypeAlias = Annotated[
    str | None, typer.Option("--history", metavar="KIND", help="var or compact; default: that of the parameters.")
]
StartOption: TypeAlias = Annotated[
    str, typer.Option("--start", metavar="KIND", help="stationary (cycled before) or pristine.")
]
Noise: TypeAlias = Annotated[bool, typer.Option("--noise", help="Add the noise of a read to currents.")]
Destination: TypeAlias = Annotated[
    str,
    typer.Option(
        "--out", metavar="FILE.csv|.zarr", help=f"Where to write; {STDOUT} is CSV to standard output, the default."
    ),
]


def simulate(
    cells: Shape = "16x16",
    cycles: Cycles = None,
    voltages: Voltages = None,
    params: Params = "hennen2024",
    rng: NewSeed = None,
    engine: EngineOption = "cpu",
    history: History = None,
    start: StartOption = "stationary",
    noise: Noise = False,
    destination: Destination = STDOUT,
    overwrite: Overwrite = False,
) -> None:
    """Simulate cells and write what they do: features of cycles, or currents at given voltages.

    CSV files have a line for each cell and cycle (cell, cycle, r_hrs, u_set, r_lrs, u_reset) or step (step, cell,
    voltage, current), in ohm, V and A; zarr groups have an array for each of these quantities.
    \f

    Parameters
    ----------
    cells, params, rng, engine, history, start
        The array, see `CellArray`.
    cycles, voltages : int, str
        Number of cycles, or a file of voltages in V. One of the two must be given.
    noise : bool
        Add read noise to currents; only with ``voltages``.
    destination, overwrite : str, bool
        Where results go, see `sink_for`.

    Raises
    ------
    ValueError, OSError
        If options exclude each other, or a file cannot be read or written.
    """
    shape = shape_of(cells)
    if (cycles is None) == (voltages is None):
        raise ValueError("give either --cycles K or --voltages FILE.csv")
    if noise and voltages is None:
        raise ValueError("--noise is about currents: it needs --voltages")
    count = None if cycles is None else checks.positive_int("--cycles", cycles)
    waveform = None if voltages is None else _waveform(voltages, shape)
    array = CellArray(
        shape,
        params_from(params),
        rng=rng,
        engine=cast("EngineName", engine),
        history=cast("Literal['var', 'compact'] | None", history),
        start=cast("Start", start),
    )
    job = _sweep_job(array, waveform, noise) if waveform is not None else _cycles_job(array, count or 0)
    attributes = {"start": start, "noise": noise, **_attributes(array)}
    with sink_for(destination, job.index, job.first, job.total, attributes, overwrite) as sink:
        _run(job, sink, array)
    say(
        f"{shape_text(shape)} cells, {job.total} {job.index}s, seed {array.seed}"
        + f": {destination}" * (destination != STDOUT)
    )


@dataclass(frozen=True)
class SimulationJob:
    """The blocks to write.

    Parameters
    ----------
    index : {"cycle", "step"}
        Name of their first axis.
    first, total : int
        Number of the first cycle or step, and how many there are together.
    parts : int
        Number of blocks.
    blocks : iterator of Block
        The blocks; each is simulated when it is taken.
    """

    index: str
    first: int
    total: int
    parts: int
    blocks: Iterator[Block]


def _waveform(path: str, shape: tuple[int, ...]) -> Float64Array:
    """Read voltages in V, of shape (T, *shape), or (T, 1, ... 1) for all cells alike."""
    table = read_voltages(path)
    count, columns = table.shape
    if columns == 1:
        return table.reshape(count, *[1] * len(shape))
    if columns != np.prod(shape, dtype=object):
        raise ValueError(f"{path} has {columns} columns: give one, or one for each of {shape_text(shape)} cells")
    return table.reshape(count, *shape)


def _pieces(total: int, size: int) -> list[tuple[int, int]]:
    """Return the ends of pieces of ``total`` cycles or steps that hold about `BLOCK` values of ``size`` cells."""
    length = max(1, BLOCK // size)
    return [(begin, min(total, begin + length)) for begin in range(0, total, length)]


def _cycles_job(cells: CellArray, total: int) -> SimulationJob:
    pieces = _pieces(total, cells.size)
    return SimulationJob("cycle", 1, total, len(pieces), (_next_cycles(cells, end - begin) for begin, end in pieces))


def _next_cycles(cells: CellArray, count: int) -> Block:
    return cells.run_cycles(count)._asdict()


def _sweep_job(cells: CellArray, waveform: Float64Array, noise: bool) -> SimulationJob:
    pieces = _pieces(len(waveform), cells.size)
    blocks = (_next_steps(cells, waveform[begin:end], noise) for begin, end in pieces)
    return SimulationJob("step", 0, len(waveform), len(pieces), blocks)


def _next_steps(cells: CellArray, waveform: Float64Array, noise: bool) -> Block:
    current = cells.sweep(waveform, noise=noise)
    # voltages in the precision of the engine
    return {"voltage": np.broadcast_to(waveform.astype(current.dtype), current.shape), "current": current}


def _run(job: SimulationJob, sink: Sink, cells: CellArray) -> None:
    with steps(transient=True) as shown:
        advance = shown.begin(f"simulating {shape_text(cells.shape)} cells", job.parts)
        for block in job.blocks:
            sink.write(block)
            advance()


def _attributes(cells: CellArray) -> dict[str, Any]:
    """Return the attributes of a zarr group: all that is needed to make the array again."""
    return {
        "cells": list(cells.shape),
        "seed": str(cells.seed),  # as text: JSON readers round large numbers
        "array": repr(cells),
        "units": {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V", "voltage": "V", "current": "A"},
        "params": json.loads(cells.params.to_json()),
    }
