"""``synaptogen crossbar solve`` and ``map``: voltages and currents of virtual cells behind wires."""

from pathlib import Path
from typing import Annotated, TypeAlias, cast

import numpy as np
import typer

from synaptogen._utils import checks, require
from synaptogen.array import CellArray
from synaptogen.cli.options import JSON, Params, Threads, params_from, shape_of, shape_text
from synaptogen.cli.output import print_json, say, stdout
from synaptogen.crossbar import Solution, Wires, solve
from synaptogen.wires import BitEnds, WordEnds

SET = -3.0  # V; sets nearly all cells

CellsOption: TypeAlias = Annotated[str, typer.Option("--cells", metavar="ROWSxCOLUMNS", help="Shape of the crossbar.")]
Seed: TypeAlias = Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of cells and of which are set.")]
Share: TypeAlias = Annotated[float, typer.Option("--set", metavar="SHARE", help="Share of the cells that are set.")]
Voltage: TypeAlias = Annotated[float, typer.Option("--voltage", metavar="V", help="Voltage in V on all driven lines.")]
WordSegment: TypeAlias = Annotated[
    float, typer.Option("--word", metavar="OHM", help="Resistance of a word-line segment.")
]
BitSegment: TypeAlias = Annotated[float, typer.Option("--bit", metavar="OHM", help="Resistance of a bit-line segment.")]
Driver: TypeAlias = Annotated[float, typer.Option("--source", metavar="OHM", help="Resistance of a driver.")]
SenseAmplifier: TypeAlias = Annotated[
    float, typer.Option("--sense", metavar="OHM", help="Resistance of a sense amplifier.")
]
WordSide: TypeAlias = Annotated[str, typer.Option("--word-ends", metavar="END", help="left, right or both.")]
BitSide: TypeAlias = Annotated[str, typer.Option("--bit-ends", metavar="END", help="top, bottom or both.")]
Transpose: TypeAlias = Annotated[
    bool, typer.Option("--transpose", help="Drive rows and sense columns; default: the reverse.")
]


def solve_lines(
    cells: CellsOption = "64x64",
    params: Params = "hennen2024",
    rng: Seed = 1,
    share: Share = 0.5,
    voltage: Voltage = 0.2,
    word: WordSegment = 1.0,
    bit: BitSegment = 1.0,
    source: Driver = 0.0,
    sense: SenseAmplifier = 0.0,
    word_ends: WordSide = "left",
    bit_ends: BitSide = "bottom",
    transpose: Transpose = False,
    threads: Threads = None,
    as_json: JSON = False,
) -> None:
    """Solve a crossbar with wires, and tell what they cost: voltages of cells, currents of lines.
    \f

    Parameters
    ----------
    cells, params, rng, share : str, str, int, float
        Shape, population and seed of the array, and the share of its cells that are set.
    voltage, transpose : float, bool
        Voltage in V on all driven lines; drive rows instead of columns.
    word, bit, source, sense, word_ends, bit_ends : float, float, float, float, str, str
        Resistances in ohm and fed ends of lines, see `Wires`.
    threads : int, optional
        Threads of the CPU engine.
    as_json : bool
        Print JSON instead of text.
    """
    wires = Wires(word, bit, source, sense, cast("WordEnds", word_ends), cast("BitEnds", bit_ends))
    array, solution = _solved(cells, params, rng, share, voltage, wires, transpose, threads)
    currents = solution.column_currents if transpose else solution.row_currents
    lines = np.full(array.shape[0 if transpose else 1], voltage)
    ideal = array.product(lines, transpose=transpose, bandwidth=0).astype(float)
    left = solution.cells / voltage
    loss = float(1 - currents.sum() / ideal.sum())
    facts = {
        "cells": list(array.shape),
        "voltage": voltage,
        "cell_voltage": {"lowest": left.min() * voltage, "mean": left.mean() * voltage},
        "current": {"ideal": ideal.tolist(), "with_wires": currents.tolist()},
        "loss": {"mean": loss, "largest": float((1 - currents / ideal).max())},
    }
    if as_json:
        print_json(facts)
        return
    stdout.print(f"{shape_text(array.shape)} cells at {voltage:g} V, {word:g} and {bit:g} ohm a segment")
    stdout.print(f"voltage of a cell: mean {100 * left.mean():.2f} %, lowest {100 * left.min():.2f} % of that")
    stdout.print(f"current of a line: {1e6 * currents.mean():.4g} uA, {100 * loss:.2f} % less than without")


def draw_map(
    file: Annotated[Path, typer.Argument(help="Figure to write: .png, .pdf or .svg.")],
    cells: CellsOption = "64x64",
    params: Params = "hennen2024",
    rng: Seed = 1,
    share: Share = 0.5,
    voltage: Voltage = 0.2,
    word: WordSegment = 1.0,
    bit: BitSegment = 1.0,
    source: Driver = 0.0,
    sense: SenseAmplifier = 0.0,
    word_ends: WordSide = "left",
    bit_ends: BitSide = "bottom",
    transpose: Transpose = False,
    threads: Threads = None,
) -> None:
    """Draw how much of the voltage each cell of a crossbar with wires gets.
    \f

    Parameters
    ----------
    file : pathlib.Path
        The figure; an existing one is replaced.
    cells, params, rng, share, voltage, word, bit, source, sense, word_ends, bit_ends, transpose, threads
        See `solve_lines`.

    Raises
    ------
    ValueError
        If the name of the file has another suffix, or an option is out of range.
    """
    require("matplotlib", "plot")
    from synaptogen.crossbar import figures

    if file.suffix not in (".png", ".pdf", ".svg"):
        raise ValueError(f"{file} is no figure: end its name in .png, .pdf or .svg")
    wires = Wires(word, bit, source, sense, cast("WordEnds", word_ends), cast("BitEnds", bit_ends))
    _, solution = _solved(cells, params, rng, share, voltage, wires, transpose, threads)
    figures.voltage_drop_map(solution, voltage).savefig(file)
    say(f"{file}: cells get {100 * solution.cells.min() / voltage:.2f} % of {voltage:g} V or more")


def _solved(
    shape: str,
    params: str,
    rng: int,
    share: float,
    voltage: float,
    wires: Wires,
    transpose: bool,
    threads: int | None,
) -> tuple[CellArray, Solution]:
    """Return cells of which some are set, and their voltages with one voltage on all driven lines."""
    if not 0 <= share <= 1:
        raise ValueError(f"--set {share}: give a share from 0 to 1")
    if voltage == 0 or not np.isfinite(voltage):
        raise ValueError(f"--voltage {voltage}: give a voltage in V other than 0")
    size = checks.crossbar(shape_of(shape, 2))
    array = CellArray(size, params_from(params), rng=rng, threads=threads)
    array.apply_voltage(SET, where=np.random.default_rng(rng).uniform(size=size) < share)
    driven = np.full(size[0 if transpose else 1], voltage)
    rows, columns = (driven, None) if transpose else (None, driven)
    return array, solve(array, wires, rows=rows, columns=columns, transpose=transpose)
