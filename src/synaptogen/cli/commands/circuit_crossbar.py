"""``synaptogen circuit crossbar``: an array read or written in a circuit simulator, beside Python."""

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from synaptogen._utils import checks
from synaptogen.array import CellArray
from synaptogen.circuit.netlists import (
    DIALECTS,
    Result,
    Testbench,
    array_circuit,
    export,
    read_bench,
    selected,
    simulate,
    write_bench,
)
from synaptogen.circuit.simulators import SIMULATORS, SimulationError
from synaptogen.cli.options import JSON, params_from, shape_of, shape_text
from synaptogen.cli.output import out, print_json, say, steps
from synaptogen.crossbar import Wires
from synaptogen.state import Mode


def crossbar(
    cells: Annotated[str, typer.Option("--cells", metavar="ROWSxCOLUMNS", help="Shape of the array.")] = "32x32",
    write: Annotated[
        float | None,
        typer.Option("--write", metavar="V", help="Write with this voltage (negative sets); default: read."),
    ] = None,
    row: Annotated[int, typer.Option("--row", metavar="I", help="Row to write.")] = 0,
    column: Annotated[
        int | None, typer.Option("--column", metavar="J", help="Column to write; default: the whole row.")
    ] = None,
    scheme: Annotated[str, typer.Option("--scheme", metavar="NAME", help="Select scheme: V/2 or V/3.")] = "V/3",
    wires: Annotated[
        float, typer.Option("--wires", metavar="OHM", help="Resistance of a wire segment between two cells.")
    ] = 0.0,
    params: Annotated[
        str, typer.Option("--params", metavar="NAME|FILE.json", help="A preset, or a parameter file.")
    ] = "hennen2024",
    rng: Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of the array.")] = 0,
    simulator: Annotated[str, typer.Option("--simulator", metavar="NAME", help="vacask or ngspice.")] = "vacask",
    folder: Annotated[
        Path | None,
        typer.Option("--export", metavar="FOLDER", help="Write the netlist into this folder, and do not run it."),
    ] = None,
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="NAME", help="Of --export: vacask, ngspice or spectre.")
    ] = "vacask",
    timeout: Annotated[float, typer.Option("--timeout", metavar="S", help="Time limit of the simulator.")] = 600.0,
    as_json: JSON = False,
) -> None:
    """Read or write a crossbar in a circuit simulator, and compare with Python.

    Half of the cells, at random, are in their LRS, the others in their HRS.
    """
    array = _half_set(shape_of(cells, axes=2), params, rng)
    checks.one_of("--simulator", simulator, SIMULATORS)
    checks.one_of("--dialect", dialect, DIALECTS)
    rows, columns = array.shape
    for name, line, count in (("--row", row, rows), ("--column", column, columns)):
        if line is not None and not 0 <= line < count:
            raise ValueError(f"{name} {line} is not there: lines are numbered 0 to {count - 1}")
    targets = np.arange(columns) if column is None else np.array([column])
    bench = _bench(array, write, row, targets, scheme, wires)
    if folder is not None:
        path = export(bench, folder, dialect, name="crossbar")
        if as_json:
            print_json({"netlist": str(path)})
        else:
            say(f"wrote {path}")
        return
    begin = perf_counter()
    try:
        with steps(transient=True) as progress:
            advance = progress.begin(f"{shape_text(array.shape)} cells in {simulator}", 1)
            result = simulate(bench, simulator, timeout=timeout)
            advance()
    except SimulationError as error:  # its log has more than one line
        say(str(error))
        raise typer.Exit(1) from error
    report: dict[str, Any] = {
        "simulator": simulator,
        "cells": list(array.shape),
        "wire_resistance": wires,
        "seconds": round(perf_counter() - begin, 3),
    }
    if write is None:
        report |= _read_report(array, result)
    else:
        report |= _write_report(array, result, selected((rows, columns), row, targets, write, scheme), wires)
    _show(report, as_json)


def _read_report(array: CellArray, result: Result) -> dict[str, Any]:
    ideal = array.product(np.full(array.shape[1], array.params.u_read), bandwidth=0.0)
    return {
        "mean_row_current": float(result.rows[0].mean()),
        "largest_deviation_from_ideal_wires": float(np.abs(result.rows[0] / ideal - 1.0).max()),
    }


def _write_report(array: CellArray, result: Result, volts: NDArray[np.float64], wires: float) -> dict[str, Any]:
    before, ideal, python = array.r, array.copy(), array.copy()
    result.update(array)
    ideal.apply_voltage(volts)
    python.apply_voltage(volts, wires=Wires(wires, wires, bit_ends="top"))
    return {
        "cells_changed": int(np.count_nonzero(array.r != before)),
        "cells_changed_with_ideal_wires": int(np.count_nonzero(ideal.r != before)),
        "modes_unlike_ideal_wires": int(np.count_nonzero(array.mode != ideal.mode)),
        "modes_unlike_python": int(np.count_nonzero(array.mode != python.mode)),
        "cells_in_LRS": int(np.count_nonzero(array.mode == Mode.LRS)),
    }


def _half_set(shape: tuple[int, ...], params: str, rng: int) -> CellArray:
    array = CellArray(shape, params_from(params), rng=rng)
    array.apply_voltages([-2.0, 2.0])
    array.apply_voltage(-2.0, where=np.random.default_rng(rng).random(shape) < 0.5)
    return array


def _bench(array: CellArray, write: float | None, row: int, columns: Any, scheme: str, wires: float) -> Testbench:
    if write is None:
        circuit = array_circuit(array, "read", wire_resistance=wires)
        return read_bench(circuit, np.full(array.shape[1], array.params.u_read))
    circuit = array_circuit(array, "pulse", wire_resistance=wires)
    return write_bench(circuit, row, columns, write, scheme=scheme)


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    for name, value in report.items():
        shown = f"{value:.4g}" if isinstance(value, float) else shape_text(tuple(value)) if name == "cells" else value
        out.print(f"{name.replace('_', ' '):36} {shown}")
