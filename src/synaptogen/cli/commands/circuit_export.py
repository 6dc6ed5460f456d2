"""``synaptogen circuit export``: cells as Verilog-A, arrays as netlists."""

from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer

import synaptogen
from synaptogen._utils import checks
from synaptogen.array import CellArray
from synaptogen.circuit import STEP, T_SWITCH, triangles
from synaptogen.circuit.netlists import (
    DIALECTS,
    ArrayCircuit,
    DialectName,
    Testbench,
    array_circuit,
    export,
    read_bench,
    sweep_bench,
    write_bench,
)
from synaptogen.circuit.verilog import KINDS, CellKind, cell_model
from synaptogen.cli.options import (
    JSON,
    Overwrite,
    WireResistance,
    choice,
    params_from,
    require_free,
    shape_of,
    shape_text,
)
from synaptogen.cli.output import print_json, say, steps
from synaptogen.params import DeviceParams

U_SWEEP, U_SET = 1.5, -1.5  # V
MOST_SWEEPS = 3


Form: TypeAlias = Annotated[
    str | None, typer.Option("--form", metavar="NAME", help=f"Of the cell: {', '.join(KINDS)}; default: see below.")
]
Netlist: TypeAlias = Annotated[
    str | None, typer.Option("--netlist", metavar="SIMULATOR", help=f"Write a netlist too: {', '.join(DIALECTS)}.")
]
SavedArray: TypeAlias = Annotated[
    Path | None, typer.Option("--array", metavar="FILE.zarr", help="A saved array, instead of a new one.")
]
NewShape: TypeAlias = Annotated[str | None, typer.Option("--cells", metavar="SHAPE", help="Shape of a new array.")]
NewParams: TypeAlias = Annotated[
    str | None,
    typer.Option("--params", metavar="NAME|FILE.json", help="Parameters of a new array: a preset, or a file."),
]
Seed: TypeAlias = Annotated[int, typer.Option("--rng", metavar="SEED", help="Seed of a new array.")]
Cycles: TypeAlias = Annotated[
    int, typer.Option("--cycles", metavar="K", help="Number of cycles that a cell can begin after the running one.")
]
FileName: TypeAlias = Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the netlist's file.")]


def export_cells(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; it is made if it does not exist.")],
    form: Form = None,
    netlist: Netlist = None,
    array: SavedArray = None,
    cells: NewShape = None,
    params: NewParams = None,
    rng: Seed = 0,
    cycles: Cycles = 8,
    wires: WireResistance = 0.0,
    name: FileName = "array",
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Write cells as Verilog-A and, with --netlist, an array as a netlist that can be run.

    Without --netlist all forms of the cell are written, or that of --form. With it, an array becomes a subcircuit in a
    testbench, each cell with its own device, state and coming cycles; cells are of the event form for Spectre and of
    the tape form for ngspice and VACASK, or of --form. Cells that switch are swept over +-1.5 V, read cells are read,
    pulse cells of row 0 are set.
    \f

    Parameters
    ----------
    folder, name, overwrite : pathlib.Path, str, bool
        Where files go, the name of the netlist without its suffix, and whether to replace one.
    form, netlist : str, optional
        Kind of the cells (`cell_model`), and the dialect of a netlist.
    array : pathlib.Path, optional
        A saved array; it needs ``netlist`` and excludes ``params``.
    cells, params, rng : str, str, int
        Shape, population and seed of a new array.
    cycles, wires : int, float
        Cycles after the running one, and the resistance of a wire segment in ohm.
    as_json : bool
        Print JSON instead of text.
    """
    population, saved = _population(array, params, netlist)
    checks.positive_int("--cycles", cycles)
    kind = None if form is None else choice("--form", form, KINDS)
    dialect = None if netlist is None else choice("--netlist", netlist, DIALECTS)
    _make_free(folder, "" if dialect is None else f"{name}{DIALECTS[dialect]().suffix}", overwrite)
    if dialect is None:
        written = [_write_model(folder, population, each, cycles) for each in ([kind] if kind else KINDS)]
    else:
        kind = kind or ("event" if dialect == "spectre" else "tape")
        chosen = CellArray(shape_of(cells or "1x1"), population, rng=rng) if saved is None else saved
        t_switch = None if kind in ("read", "pulse") else T_SWITCH
        circuit = array_circuit(chosen, kind, cycles=cycles, wire_resistance=wires, t_switch=t_switch)
        written = _write_netlist(_bench(circuit), folder, dialect, name)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")


def _write_netlist(bench: Testbench, folder: Path, dialect: DialectName, name: str) -> list[Path]:
    """Write the netlist and its cell; return the paths of all files."""
    with steps(transient=True) as progress:
        advance = progress.begin(f"{shape_text(bench.array.shape)} cells for {dialect}", 1)
        path = export(bench, folder, dialect, name=name)
        advance()
    return [path, *sorted(folder.glob(f"{bench.array.model.module}.*"))]


def _make_free(folder: Path, file: str, overwrite: bool) -> None:
    """Make the folder if it is not there, and refuse to replace a file in it."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no directory: give another name")
    if not folder.absolute().parent.is_dir():
        raise FileNotFoundError(f"{folder.absolute().parent} is no directory: make it first")
    if file and folder.exists():
        require_free(folder / file, overwrite)
    folder.mkdir(exist_ok=True)


def _population(array: Path | None, params: str | None, netlist: str | None) -> tuple[DeviceParams, CellArray | None]:
    """Return the population, and the saved array if one is given."""
    if array is None:
        return params_from(params or "hennen2024"), None
    if params is not None:
        raise ValueError("--params and --array: a saved array has parameters of its own, give one of the two")
    if netlist is None:
        raise ValueError("--array: give --netlist, for Verilog-A alone holds no cells")
    saved = synaptogen.load(array)
    return saved.params, saved


def _write_model(folder: Path, params: DeviceParams, kind: CellKind, cycles: int) -> Path:
    model = cell_model(params, kind, cycles=cycles)
    path = folder / f"{model.module}.va"
    path.write_text(model.source, encoding="utf-8")
    return path


def _bench(circuit: ArrayCircuit) -> Testbench:
    """Return the testbench that a designer would try first with cells of this kind."""
    kind, columns = circuit.model.kind, circuit.shape[1]
    if kind == "read":
        return read_bench(circuit, np.full(columns, circuit.model.params.u_read))
    if kind == "pulse":
        return write_bench(circuit, 0, np.arange(columns), U_SET)
    times, volts = triangles(min(MOST_SWEEPS, circuit.model.cycles), -U_SWEEP, U_SWEEP)
    return sweep_bench(circuit, times, volts, step=STEP)
