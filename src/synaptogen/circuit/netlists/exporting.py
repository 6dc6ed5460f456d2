"""Write arrays and single cells as files for netlists elsewhere: subcircuits, testbenches, the cells themselves."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from synaptogen._utils import PathLike, checks, replacing
from synaptogen.circuit.compiler import compile_osdi
from synaptogen.circuit.verilog import CellModel, default_values

from .circuit import ArrayCircuit, circuit_of
from .dialect import Dialect, DialectName, card, netlist
from .files import write_lines
from .names import identifier
from .ngspice import Ngspice
from .schematics import EditorName, Part, symbol
from .spectre import Spectre
from .subcircuits import cell_subcircuit, subcircuit, testbench
from .testbench import Testbench
from .vacask import Vacask

DIALECTS: dict[DialectName, Callable[..., Dialect]] = {"ngspice": Ngspice, "vacask": Vacask, "spectre": Spectre}
"""The class of each `DialectName`."""
TEST = "_test"
"""What the name of a testbench ends in."""


def export(
    circuit: Testbench | ArrayCircuit,
    folder: PathLike,
    dialect: DialectName,
    *,
    name: str = "array",
    symbols: Collection[EditorName] = (),
    flat: bool = False,
) -> Path:
    """Write an array as a subcircuit that any netlist can take in, a testbench beside it, and its cell.

    The files are ``NAME.cir`` (ngspice), ``NAME.sim`` (VACASK) or ``NAME.scs`` (Spectre) with the subcircuit ``NAME``,
    whose pins are `ArrayCircuit.terminals`; for a testbench ``NAME_test`` with the same suffix, which is to be run in
    that folder; and the cell, compiled (``.osdi``) for ngspice and VACASK, as Verilog-A (``.va``) for all. Comments at
    the head of the subcircuit say which simulator it needs, and what a netlist holds that takes it in. Several arrays
    go into one netlist under names of their own.

    Parameters
    ----------
    circuit : Testbench or ArrayCircuit
        The array, with its drivers and an analysis, or alone.
    folder : path
        An existing folder. Files of the same names are replaced.
    dialect : {"ngspice", "vacask", "spectre"}
        Language of the netlists.
    name : str
        Name of the subcircuit and of its file.
    symbols : collection of {"xschem", "kicad"}
        Schematic editors for which a symbol of the subcircuit is written: ``NAME.sym``, ``NAME.kicad_sym``.
    flat : bool
        Write one file ``NAME`` that holds the testbench with its array, without a subcircuit.

    Returns
    -------
    pathlib.Path
        The file to run: the testbench, or the subcircuit where there is none.

    Raises
    ------
    ValueError, TypeError
        If the dialect is not known, or compiles its cells and these are of the event form; if the name is none that
        can stand in a netlist; if a transistor's card is missing or in another language.
    FileNotFoundError
        If the folder is not there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, export, read_bench
    >>> bench = read_bench(array_circuit(sg.CellArray((2, 2), rng=1), "read"), [0.2, 0.2])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export(bench, folder, "spectre", name="weights")
    ...     array = Path(folder, "weights.scs").read_text().splitlines()
    >>> path.name, [line for line in array if line.startswith(("subckt", "ends"))]
    ('weights_test.scs', ['subckt weights (r0 r1 c0 c1)', 'ends weights'])
    """
    checks.one_of("dialect", dialect, DIALECTS)
    bench = circuit if isinstance(circuit, Testbench) else None
    array = circuit if isinstance(circuit, ArrayCircuit) else circuit.array
    identifier("name", name)
    language = DIALECTS[dialect](subcircuit="" if flat else name)
    if array.transistor and array.transistor.model.lower() == name.lower():
        raise ValueError(f"name={name!r} is the name of the transistor's model, too: take another name")
    place = existing(folder)
    file = place / f"{name}{language.suffix}"
    list(language.models(array, bench))  # a waveform that nothing can resolve is found before anything is written
    if flat:
        if bench is None or symbols:
            raise ValueError("flat: an array alone is a subcircuit, and so is what a symbol stands for; leave flat out")
        list(card(bench, language))
        _write_library(array.model, place, language)
        return write_lines(netlist(bench, language, _library_name(array.model, language)), file)
    library = _library_name(array.model, language)
    rows, columns = array.shape
    pins = array.terminals()
    part = Part(name, file.name, pins[:rows], pins[rows : rows + columns], pins[rows + columns :], {})
    drawn = [symbol(editor, part, dialect) for editor in symbols]
    test = None if bench is None else list(testbench(bench, language, library, file.name))
    _write_library(array.model, place, language)
    _write_symbols(drawn, place)
    write_lines(subcircuit(array, language, library, file.name, bench), file)
    return file if test is None else write_lines(test, place / f"{name}{TEST}{language.suffix}")


def export_cell(
    model: CellModel,
    folder: PathLike,
    dialect: DialectName,
    *,
    name: str = "reram",
    symbols: Collection[EditorName] = (),
    t_switch: float | None = None,
    capacitance: float = 0.0,
    tcr_lrs: float = 0.0,
    tcr_hrs: float = 0.0,
    set_hold: float = 0.0,
) -> Path:
    """Write one cell as a subcircuit with pins p and n, whose parameters are set where it is used, and the cell itself.

    An autonomous cell takes a seed and a number, so that one subcircuit serves for any number of different devices.

    Parameters
    ----------
    model : CellModel
        The cell, see `cell_model`.
    folder : path
        An existing folder. Files of the same names are replaced.
    dialect : {"ngspice", "vacask", "spectre"}
        Language of the netlist.
    name : str
        Name of the subcircuit and of its file.
    symbols : collection of {"xschem", "kicad"}
        Schematic editors for which a symbol of the subcircuit is written: ``NAME.sym``, ``NAME.kicad_sym``.
    t_switch : float, optional
        Time in s in which a cell follows an event: at most a hundredth of the shortest pulse. Default: that of the
        model.
    capacitance : float
        Capacitance between the pins in F, of a model with a capacitor; 0: none.
    tcr_lrs, tcr_hrs : float
        Temperature coefficients of resistance in 1/K, of a model that has them, see `array_circuit`.
    set_hold : float
        Share of U_SET at which a SET stops, of a model that has it, see `array_circuit`; 0: the model's, if any.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ValueError, TypeError
        If the dialect is not known, or compiles its cells and the cell is of the event form; if the name is none that
        can stand in a netlist, or a number is out of range.
    FileNotFoundError
        If the folder is not there.

    Examples
    --------
    >>> import tempfile
    >>> from synaptogen import DeviceParams
    >>> from synaptogen.circuit import cell_model
    >>> from synaptogen.circuit.netlists import export_cell
    >>> model = cell_model(DeviceParams.preset("hennen2024"), "autonomous")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lines = export_cell(model, folder, "spectre").read_text().splitlines()
    >>> [line for line in lines if line.startswith(("subckt", "parameters"))]
    ['subckt reram (p n)', 'parameters cell_id=0.0 seed=0.0 seed_high=0.0 pristine=0.0']
    """
    checks.one_of("dialect", dialect, DIALECTS)
    language = DIALECTS[dialect](subcircuit=identifier("name", name))
    place = existing(folder)
    cell = circuit_of(
        (1, 1),
        model,
        default_values(model),
        t_switch=t_switch,
        capacitance=capacitance,
        tcr_lrs=tcr_lrs,
        tcr_hrs=tcr_hrs,
        set_hold=set_hold,
    )
    file = place / f"{name}{language.suffix}"
    defaults = {each: float(value[0]) for each, value in cell.values.items()}
    part = Part(name, file.name, ("p",), (), ("n",), defaults)
    drawn = [symbol(editor, part, dialect) for editor in symbols]
    content = list(cell_subcircuit(cell, language, _library_name(model, language), file.name))
    _write_library(model, place, language)
    _write_symbols(drawn, place)
    return write_lines(content, file)


def _write_symbols(drawn: Iterable[tuple[str, str]], folder: Path) -> None:
    for name, content in drawn:
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def existing(folder: PathLike) -> Path:
    """Return a folder that is there, or raise FileNotFoundError."""
    place = Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is no directory: make it first")
    return place


def _library_name(model: CellModel, language: Dialect) -> str:
    """Return the name of the file of a cell: compiled, or Verilog-A."""
    return f"{model.module}.{'osdi' if language.executable else 'va'}"


def _write_library(model: CellModel, folder: Path, language: Dialect) -> None:
    """Write a cell as Verilog-A and, where the language loads compiled cells, compiled.

    Parameters
    ----------
    model : CellModel
        The cell.
    folder : pathlib.Path
        Where the files go.
    language : Dialect
        The language of the netlist.
    """
    compiled = compile_osdi(model) if language.executable else None  # before anything is written
    (folder / f"{model.module}.va").write_text(model.source, encoding="utf-8")
    if compiled is not None:
        with replacing(folder / f"{model.module}.osdi") as beside:
            beside.write_bytes(compiled.read_bytes())
