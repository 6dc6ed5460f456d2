"""The contract between a circuit and the language of a simulator: all that a new dialect has to provide.

A netlist consists of the same statements in every language, only written differently. The functions here decide which
statements there are and in which order; a `Dialect` writes each one. A circuit is written in one of two ways: `netlist`
is one file that can be run; `subcircuits` writes a file with the array alone, for any netlist to take in, and a
testbench that takes it in and can be run. To add a dialect:

1. Write a subclass of `Dialect` in a file of its own, see `ngspice`, `vacask` and `spectre`. Languages of Spectre's
   family can take some methods from `spectre_syntax.SpectreSyntax`.
2. For a simulator that runs here, subclass `RunnableDialect`, whose methods say where its results are, and write a
   function that finds its program, see `synaptogen.circuit.simulators.discovery`.
3. Enter the class in `DIALECTS` of `exporting`, under its `DialectName`, and in `RUNNABLE` of `simulation` if it runs
   here.

Every method returns text without a line break at its end, or yields such lines. Numbers are written with all digits
(``repr``), so that a netlist holds the cells of Python to the last bit. Nodes of lines have the names of
`ArrayCircuit.terminals`; "0" is ground.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from synaptogen._utils import Float64Array

from .circuit import ArrayCircuit
from .elements import CellInstance, Resistor, TransistorInstance, VoltageSource
from .elimination import ordering_resistors
from .names import Family, in_language
from .testbench import Testbench
from .timing import model_settings

DialectName: TypeAlias = Literal["ngspice", "vacask", "spectre"]

MODEL = "cell"
"""Name of the model of all cells of an array in a netlist; in a subcircuit it is known there alone."""


class Dialect(Protocol):
    """The language of one simulator. Its constructor takes ``subcircuit``: the name of the array's subcircuit, or "".

    Attributes
    ----------
    name : str
        Name of the dialect, see `DialectName`.
    suffix : str
        End of the name of a netlist, such as ".cir".
    executable : bool
        Whether the cell is compiled (OSDI) and netlists can be run here; otherwise the cell stays Verilog-A.
    family : {"spice", "spectre"}
        Family of the language; a comment begins with * or with //.
    needs : str
        What runs these netlists, with its version.
    """

    name: str
    suffix: str
    executable: bool
    family: Family
    needs: str

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title, options and what drivers need: all that stands before cards, models and cells.

        Parameters
        ----------
        bench : Testbench
            Its title, and whether it is a transient.
        library : str
            Path of the cell: compiled where ``executable``, else Verilog-A.

        Yields
        ------
        str
            A line.
        """
        ...

    def libraries(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield what loads the cell and models of wires, where a file that others take in can do so.

        Parameters
        ----------
        array : ArrayCircuit
            The cells and wires.
        library : str
            Path of the cell.

        Yields
        ------
        str
            A line.
        """
        ...

    def models(self, array: ArrayCircuit, bench: Testbench | None) -> Iterator[str]:
        """Yield the model of the cells, named `MODEL`, and those of wires.

        Parameters
        ----------
        array : ArrayCircuit
            The cells and wires.
        bench : Testbench, optional
            The analysis to which settings of the cells are made to fit.

        Yields
        ------
        str
            A line.
        """
        ...

    def advice(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield lines that a netlist has to hold which takes in the array's subcircuit, such as options.

        Parameters
        ----------
        array : ArrayCircuit
            The cells and wires.
        library : str
            Path of the cell.

        Yields
        ------
        str
            A line; it is written as a comment.
        """
        ...

    def include(self, file: str) -> str:
        """Return the statement that takes in a file."""
        ...

    def subcircuit(self, pins: Sequence[str], defaults: Mapping[str, float]) -> tuple[Sequence[str], str]:
        """Return the first lines and the last line of the subcircuit.

        Parameters
        ----------
        pins : sequence of str
            Its pins.
        defaults : mapping of str to float
            Its parameters and their defaults; none in an array.

        Returns
        -------
        tuple of (sequence of str, str)
            Lines.
        """
        ...

    def instance(self, pins: Sequence[str]) -> str:
        """Return an instance of the subcircuit, its pins at nodes of the same names."""
        ...

    def reference(self, parameter: str) -> str:
        """Return how a statement in a subcircuit refers to one of its parameters."""
        ...

    def cell(self, cell: CellInstance) -> str:
        """Return the statement of a cell."""
        ...

    def resistor(self, resistor: Resistor) -> str:
        """Return the statement of a resistor."""
        ...

    def transistor(self, transistor: TransistorInstance) -> str:
        """Return the statement of an access transistor."""
        ...

    def source(self, source: VoltageSource) -> str:
        """Return the statement of a voltage source: constant, or straight lines between points."""
        ...

    def tail(self, bench: Testbench) -> Iterator[str]:
        """Yield the analysis, what is saved, and the end of the netlist.

        The analysis is an operating point where ``bench.stop`` is None, else a transient. Saved are voltage and current
        of each source (`Testbench.sources`) and, after a transient, the final `CellModel.outputs` of the cells; at all
        points where ``bench.trace`` is set.
        """
        ...


class RunnableDialect(Dialect, Protocol):
    """A dialect whose netlists `simulate` can run: it knows where the simulator puts its results."""

    def results(self, bench: Testbench) -> tuple[str, ...]:
        """Return the names of the files that a run writes: the analysis, then final states if they lie apart."""
        ...

    def vectors(self, file: Path) -> dict[str, Float64Array]:
        """Return the content of one of `results`: vectors by name.

        Parameters
        ----------
        file : Path
            The file.

        Returns
        -------
        dict of str to array
            Vectors by name.

        Raises
        ------
        ValueError
            If it is damaged.
        """
        ...

    def current_name(self, source: str) -> str:
        """Return the name of the current of a voltage source in the raw file, positive from its node into it."""
        ...

    def states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return one output of all cells at all points, where ``bench.trace`` is set.

        Parameters
        ----------
        vectors : mapping of str to array
            Content of the first of `results`.
        output : str
            One of `CellModel.outputs`.
        cells : list of str
            Names of the cells.

        Returns
        -------
        array of shape (points, len(cells))
            Values in the order of ``cells``.
        """
        ...

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of one output of all cells.

        Parameters
        ----------
        vectors : mapping of str to array
            Content of the last of `results`.
        output : str
            One of `CellModel.outputs`.
        cells : list of str
            Names of the cells.

        Returns
        -------
        array of shape (len(cells),)
            Values in the order of ``cells``.
        """
        ...


def assigned(values: Mapping[str, float]) -> str:
    """Return assignments of parameters, ``name=value name=value``, with all digits of the numbers."""
    return " ".join(f"{name}={float(value)!r}" for name, value in values.items())


def cell_settings(array: ArrayCircuit, bench: Testbench | None) -> dict[str, float]:
    """Return the model parameters of the cells; those of a transient say in which time cells follow an event.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.
    bench : Testbench, optional
        The analysis.

    Returns
    -------
    dict of str to float
        Settings of `CellModel.settings` by name.
    """
    return dict(array.settings) if bench is None else model_settings(bench)


def netlist(bench: Testbench, dialect: Dialect, library: str) -> Iterator[str]:
    """Yield the lines of a netlist that can be simulated, all in one file and without a subcircuit.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    dialect : Dialect
        The language, made without a subcircuit.
    library : str
        Path of the compiled cell, or of its Verilog-A text for Spectre.

    Yields
    ------
    str
        A line without its line break.
    """
    yield from dialect.head(bench, library)
    yield from about_statics(bench.array, dialect)
    yield from dialect.libraries(bench.array, library)
    yield from card(bench, dialect)
    yield from dialect.models(bench.array, bench)
    yield from array_statements(bench.array, dialect)
    yield from drivers(bench, dialect)
    yield from dialect.tail(bench)


def comment_mark(dialect: Dialect) -> str:
    """Return what a comment of a language begins with."""
    return "*" if dialect.family == "spice" else "//"


def about_statics(array: ArrayCircuit, dialect: Dialect) -> Iterator[str]:
    """Yield a comment that says, of cells that switch, that they do so in transients alone.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.
    dialect : Dialect
        The language.

    Yields
    ------
    str
        A line without its line break.
    """
    if "t_switch" in dict(array.model.settings):
        mark = comment_mark(dialect)
        warned = "" if array.model.kind == "event" else ", with a warning in the log where a transient would switch"
        yield f"{mark} Cells switch in transients alone: for an I-V loop, run a slow one. Operating points, dc sweeps,"
        yield f"{mark} AC and noise keep the state of the start{warned}."


def card(bench: Testbench, dialect: Dialect) -> Iterator[str]:
    """Yield the model card of the transistors, if there are any.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    dialect : Dialect
        The language.

    Yields
    ------
    str
        A line without its line break.
    """
    if bench.array.transistor:
        yield in_language(bench.array.transistor.card, dialect.family, dialect.name)


def drivers(bench: Testbench, dialect: Dialect) -> Iterator[str]:
    """Yield the voltage sources, each with its resistance.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    dialect : Dialect
        The language.

    Yields
    ------
    str
        A line without its line break.
    """
    for source in bench.sources():
        name, node, wave = source
        if bench.source_resistance:
            yield dialect.source(VoltageSource(name, f"s{node}", wave))
            yield dialect.resistor(Resistor(f"rs{node}", f"s{node}", node, bench.source_resistance))
        else:
            yield dialect.source(source)


def array_statements(array: ArrayCircuit, dialect: Dialect) -> Iterator[str]:
    """Yield the statements of an array: cells, transistors, wires, and what brings these into a good order.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.
    dialect : Dialect
        The language.

    Yields
    ------
    str
        A line without its line break.
    """
    names = array.model.instance
    table = zip(*(array.values[name].tolist() for name in names), strict=True)
    form = " ".join(f"{name}={{!r}}" for name in names)
    for place, values in zip(array.cells(), table, strict=True):
        yield dialect.cell(CellInstance(place.name, place.p, place.n, form.format(*values)))
    if array.transistor:
        access = array.transistor
        extra, first = assigned(access.parameters), "m" if access.element == "m" else f"{access.element}m"
        for _, _, n, i, j in array.cells():
            nodes = (n, f"g{i}", array.row_node(i, j), "0")
            yield dialect.transistor(TransistorInstance(f"{first}{i}_{j}", nodes, access.model, extra))
    for segment in array.segments():
        yield dialect.resistor(segment)
    if dialect.executable:  # their solver is KLU
        for resistor in ordering_resistors(array):
            yield dialect.resistor(resistor)
