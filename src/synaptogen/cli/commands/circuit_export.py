"""``synaptogen circuit export``: cells as Verilog-A, arrays as netlists."""

from collections.abc import Sequence
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
    EDITORS,
    TEST,
    ArrayCircuit,
    DialectName,
    EditorName,
    Testbench,
    array_circuit,
    export,
    export_cell,
    identifier,
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
Symbols: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--symbol", metavar="EDITOR", help=f"Write a symbol too: {', '.join(EDITORS)}; may be repeated."),
]
FileName: TypeAlias = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Of the subcircuit and of its file; a testbench is NAME_test.")
]
Single: TypeAlias = Annotated[
    bool,
    typer.Option("--single", help="One cell as a subcircuit with pins p and n, its seed and number as parameters."),
]


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
    single: Single = False,
    symbol: Symbols = None,
    name: FileName = "array",
    overwrite: Overwrite = False,
    as_json: JSON = False,
) -> None:
    """Write cells as Verilog-A and, with --netlist, an array as a subcircuit for any netlist, with a testbench.

    Without --netlist all forms of the cell are written, or that of --form. With it, an array becomes a subcircuit, each
    cell with its own device, state and coming cycles; cells are of the event form for Spectre and of the tape form for
    ngspice and VACASK, or of --form. In the testbench beside it, cells that switch are swept over +-1.5 V, read cells
    are read, pulse cells of row 0 are set. With --single it is one cell, of the autonomous form, or of --form.
    \f

    Parameters
    ----------
    folder, name, overwrite : pathlib.Path, str, bool
        Where files go, the name of the subcircuit, and whether to replace files.
    form, netlist : str, optional
        Kind of the cells (`cell_model`), and the dialect of a netlist.
    array : pathlib.Path, optional
        A saved array; it needs ``netlist`` and excludes ``params``.
    cells, params, rng : str, str, int
        Shape, population and seed of a new array.
    cycles, wires : int, float
        Cycles after the running one, and the resistance of a wire segment in ohm.
    single : bool
        Write one cell whose parameters are set where it is used.
    symbol : list of str, optional
        Schematic editors for which a symbol of the subcircuit is written.
    as_json : bool
        Print JSON instead of text.

    Raises
    ------
    ValueError, OSError
        If an option is out of range, options exclude each other, or a file exists.
    """
    population, saved = _population(array, params, netlist)
    checks.positive_int("--cycles", cycles)
    identifier("--name", name)
    kind = None if form is None else choice("--form", form, KINDS)
    dialect = None if netlist is None else choice("--netlist", netlist, DIALECTS)
    editors = [choice("--symbol", each, EDITORS) for each in symbol or ()]
    if editors and dialect is None:
        raise ValueError("--symbol: give --netlist, for a symbol stands for a subcircuit")
    if single and (dialect is None or array is not None or cells is not None):
        raise ValueError("--single: give --netlist, and neither --array nor --cells")
    _make_free(folder, [] if dialect is None else _files(folder, dialect, name, editors, single), overwrite)
    if dialect is None:
        written = [_write_model(folder, population, each, cycles) for each in ([kind] if kind else KINDS)]
    elif single:
        model = cell_model(population, kind or "autonomous", cycles=cycles)
        export_cell(model, folder, dialect, name=name, symbols=editors)
        written = [*_files(folder, dialect, name, editors, single), *sorted(folder.glob(f"{model.module}.*"))]
    else:
        kind = kind or ("event" if dialect == "spectre" else "tape")
        chosen = CellArray(shape_of(cells or "1x1"), population, rng=rng) if saved is None else saved
        t_switch = None if kind in ("read", "pulse") else T_SWITCH
        circuit = array_circuit(chosen, kind, cycles=cycles, wire_resistance=wires, t_switch=t_switch)
        written = _write_netlist(_bench(circuit), folder, dialect, name, editors)
    if as_json:
        print_json({"files": [str(path) for path in written]})
        return
    for path in written:
        say(f"wrote {path}")


def _write_netlist(
    bench: Testbench, folder: Path, dialect: DialectName, name: str, editors: Sequence[EditorName]
) -> list[Path]:
    """Write the netlist and its cell; return the paths of all files."""
    with steps(transient=True) as progress:
        advance = progress.begin(f"{shape_text(bench.array.shape)} cells for {dialect}", 1)
        export(bench, folder, dialect, name=name, symbols=editors)
        advance()
    return [*_files(folder, dialect, name, editors), *sorted(folder.glob(f"{bench.array.model.module}.*"))]


def _files(
    folder: Path, dialect: DialectName, name: str, editors: Sequence[EditorName], single: bool = False
) -> list[Path]:
    """Return the paths of the netlists, the subcircuit and its testbench, and of symbols."""
    suffix = DIALECTS[dialect]().suffix
    netlists = [folder / f"{each}{suffix}" for each in ((name,) if single else (name, f"{name}{TEST}"))]
    return [*netlists, *(folder / f"{name}{EDITORS[editor][0]}" for editor in editors)]


def _make_free(folder: Path, files: list[Path], overwrite: bool) -> None:
    """Make the folder if it is not there, and refuse to replace files in it."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no directory: give another name")
    if not folder.absolute().parent.is_dir():
        raise FileNotFoundError(f"{folder.absolute().parent} is no directory: make it first")
    if folder.exists():
        for file in files:
            require_free(file, overwrite)
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
