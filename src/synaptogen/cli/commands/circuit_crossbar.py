"""``synaptogen circuit crossbar``: an array read or written in a circuit simulator and in Python."""

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, TypeAlias, cast

import numpy as np
import typer

from synaptogen._utils import Float64Array, IntArray, Shape
from synaptogen.array import CellArray
from synaptogen.circuit.netlists import (
    DIALECTS,
    Result,
    Scheme,
    Testbench,
    array_circuit,
    export,
    read_bench,
    selected,
    simulate,
    write_bench,
)
from synaptogen.circuit.simulators import SIMULATORS, SimulationError, SimulatorName
from synaptogen.cli.options import (
    JSON,
    CrossbarShape,
    Params,
    Simulator,
    Timeout,
    WireResistance,
    choice,
    params_from,
    shape_of,
    shape_text,
)
from synaptogen.cli.output import print_json, say, stdout, steps
from synaptogen.crossbar import Wires
from synaptogen.state import Mode

Write: TypeAlias = Annotated[
    float | None, typer.Option("--write", metavar="V", help="Write with this voltage (negative sets); default: read.")
]
Row: TypeAlias = Annotated[int, typer.Option("--row", metavar="I", help="Row to write.")]
Column: TypeAlias = Annotated[
    int | None, typer.Option("--column", metavar="J", help="Column to write; default: the whole row.")
]
Width: TypeAlias = Annotated[float, typer.Option("--width", metavar="S", help="Width of the write pulse in s.")]
SchemeName: TypeAlias = Annotated[str, typer.Option("--scheme", metavar="NAME", help="Select scheme: V/2 or V/3.")]
Seed: TypeAlias = Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of the array.")]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--export", metavar="FOLDER", help="Write the netlist into this folder, and do not run it."),
]
Language: TypeAlias = Annotated[
    str, typer.Option("--dialect", metavar="NAME", help="Dialect of --export: vacask, ngspice or spectre.")
]


def crossbar(
    cells: CrossbarShape = "32x32",
    write: Write = None,
    row: Row = 0,
    column: Column = None,
    width: Width = 1e-6,
    scheme: SchemeName = "V/3",
    wires: WireResistance = 0.0,
    params: Params = "hennen2024",
    rng: Seed = 0,
    simulator: Simulator = "vacask",
    folder: Folder = None,
    dialect: Language = "vacask",
    timeout: Timeout = 600.0,
    as_json: JSON = False,
) -> None:
    """Read or write a crossbar in a circuit simulator, and compare with Python.

    Half of the cells, at random, are in their LRS, the others in their HRS.
    \f

    Parameters
    ----------
    cells, params, rng : str, str, int
        Shape, population and seed of the array.
    write, row, column, width, scheme : float, int, int, float, str
        Write voltage in V, selected lines, width of the pulse in s and select scheme; None: read at the read voltage,
        or the whole row.
    wires : float
        Resistance of a wire segment in ohm.
    simulator, timeout : str, float
        The simulator and its time limit in s.
    folder, dialect : pathlib.Path, str
        Only write a netlist.
    as_json : bool
        Print JSON instead of text.

    Raises
    ------
    ValueError
        If an option is out of range.
    typer.Exit
        If the simulation fails; its log is printed.
    """
    array = _half_set(shape_of(cells, axes=2), params, rng)
    program = choice("--simulator", simulator, SIMULATORS)
    language = choice("--dialect", dialect, DIALECTS)
    _require_lines(array, row, column)
    targets = np.arange(array.shape[1]) if column is None else np.array([column])
    bench = _bench(array, write, row, targets, width, scheme, wires)
    if folder is not None:
        path = export(bench, folder, language, name="crossbar")
        if as_json:
            print_json({"netlist": str(path)})
        else:
            say(f"wrote {path}")
        return
    begin = perf_counter()
    result = _simulated(bench, program, timeout)
    report: dict[str, Any] = {
        "simulator": program,
        "cells": list(array.shape),
        "wire_resistance": wires,
        "seconds": round(perf_counter() - begin, 3),
    }
    if write is None:
        report |= _read_report(array, result)
    else:
        volts = selected(bench.array.shape, row, targets, write, cast("Scheme", scheme))
        report |= _write_report(array, result, volts, width, wires)
    _show(report, as_json)


def _require_lines(array: CellArray, row: int, column: int | None) -> None:
    for name, line, count in (("--row", row, array.shape[0]), ("--column", column, array.shape[1])):
        if line is not None and not 0 <= line < count:
            raise ValueError(f"{name} {line} is not there: lines are numbered 0 to {count - 1}")


def _simulated(bench: Testbench, program: SimulatorName, timeout: float) -> Result:
    """Simulate; print the log and exit where that fails."""
    try:
        with steps(transient=True) as progress:
            advance = progress.begin(f"{shape_text(bench.array.shape)} cells in {program}", 1)
            result = simulate(bench, program, timeout=timeout)
            advance()
    except SimulationError as error:  # its log has more than one line
        say(str(error))
        raise typer.Exit(1) from error
    return result


def _read_report(array: CellArray, result: Result) -> dict[str, Any]:
    ideal = array.product(np.full(array.shape[1], array.params.u_read), bandwidth=0.0)
    return {
        "mean_row_current": float(result.rows[0].mean()),
        "largest_deviation_from_ideal_wires": float(np.abs(result.rows[0] / ideal - 1.0).max()),
    }


def _write_report(array: CellArray, result: Result, volts: Float64Array, width: float, wires: float) -> dict[str, Any]:
    before, ideal, python = array.r, array.copy(), array.copy()
    acting = None if array.params.pulse_width is None else width
    result.update(array)
    ideal.apply_voltage(volts, width=acting)
    python.apply_voltage(volts, wires=Wires(wires, wires, bit_ends="top"), width=acting)
    return {
        "cells_changed": int(np.count_nonzero(array.r != before)),
        "cells_changed_with_ideal_wires": int(np.count_nonzero(ideal.r != before)),
        "modes_unlike_ideal_wires": int(np.count_nonzero(array.mode != ideal.mode)),
        "modes_unlike_python": int(np.count_nonzero(array.mode != python.mode)),
        "cells_in_LRS": int(np.count_nonzero(array.mode == Mode.LRS)),
    }


def _half_set(shape: Shape, params: str, rng: int) -> CellArray:
    """Return an array of which half of the cells, at random, are in their LRS, the others in their HRS."""
    array = CellArray(shape, params_from(params), rng=rng)
    array.apply_voltages([-2.0, 2.0])
    array.apply_voltage(-2.0, where=np.random.default_rng(rng).random(shape) < 0.5)
    return array


def _bench(
    array: CellArray, write: float | None, row: int, columns: IntArray, width: float, scheme: str, wires: float
) -> Testbench:
    """Return the read at the read voltage of all columns, or the write."""
    if write is None:
        circuit = array_circuit(array, "read", wire_resistance=wires)
        return read_bench(circuit, np.full(array.shape[1], array.params.u_read))
    circuit = array_circuit(array, "pulse", wire_resistance=wires)
    if array.params.pulse_width is not None:
        array.params.pulse_width.known_widths("--width", width)
    return write_bench(circuit, row, columns, write, scheme=cast("Scheme", scheme), width=width)


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        shown = f"{value:.4g}" if isinstance(value, float) else shape_text(tuple(value)) if name == "cells" else value
        stdout.print(f"{name.replace('_', ' '):36} {shown}")
