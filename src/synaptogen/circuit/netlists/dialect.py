"""The contract between a circuit and the language of a simulator: all that a new dialect has to provide.

A netlist consists of the same statements in every language, only written differently. `netlist` here decides which
statements there are and in which order; a `Dialect` writes each one. To add a dialect:

1. Write a subclass of `Dialect` in a file of its own, see `ngspice`, `vacask` and `spectre`. Languages of Spectre's
   family can take some methods from `spectre_syntax.SpectreSyntax`.
2. For a simulator that runs here, subclass `RunnableDialect`, whose methods say where its results are, and write a
   function that finds its program, see `synaptogen.circuit.simulators.discovery`.
3. Enter the class in `DIALECTS` of `simulation`, under its `DialectName`, and in `RUNNABLE` if it runs here.

Every method returns text without a line break at its end, or yields such lines. Numbers are written with all digits
(``repr``), so that a netlist holds the cells of Python to the last bit. Nodes of lines have the names of
`ArrayCircuit.terminals`; "0" is ground.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, TypeAlias

from synaptogen._utils import Float64Array

from .circuit import ArrayCircuit, CellInstance, Resistor, Testbench, TransistorInstance, VoltageSource

DialectName: TypeAlias = Literal["ngspice", "vacask", "spectre"]

MODEL = "cell"
"""Name of the model of all cells in a netlist."""
SUBCIRCUIT = "array"
"""Name of the subcircuit that holds an array."""


class Dialect(Protocol):
    """The language of one simulator. Its constructor takes ``subcircuit``: whether the array is a subcircuit.

    Attributes
    ----------
    name : str
        Name of the dialect, see `DialectName`.
    suffix : str
        End of the name of a netlist, such as ".cir".
    executable : bool
        Whether the cell is compiled (OSDI) and netlists can be run here; otherwise the cell stays Verilog-A.
    """

    name: str
    suffix: str
    executable: bool

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title, options, libraries and models: all that stands before the cells.

        Parameters
        ----------
        bench : Testbench
            Its title, whether it is a transient, the settings and the module of its cells, the transistor's card.
        library : str
            Path of the cell: compiled where ``executable``, else Verilog-A.

        Yields
        ------
        str
            A line; the model of the cells is named `MODEL`.
        """
        ...

    def subcircuit(self, array: ArrayCircuit) -> tuple[str, str]:
        """Return the first and the last line of a subcircuit `SUBCIRCUIT`, whose pins are `ArrayCircuit.terminals`."""
        ...

    def instance(self, array: ArrayCircuit) -> str:
        """Return an instance of that subcircuit, its pins at nodes of the same names."""
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
        of each source (`Testbench.sources`) and, after a transient, the final `CellModel.outputs` of the cells.
        """
        ...


class RunnableDialect(Dialect, Protocol):
    """A dialect whose netlists `simulate` can run: it knows where the simulator puts its results."""

    def raw_files(self, bench: Testbench) -> tuple[str, ...]:
        """Return the names of the raw files that a run writes: the analysis, then final states if they lie apart."""
        ...

    def current_name(self, source: str) -> str:
        """Return the name of the current of a voltage source in the raw file, positive from its node into it."""
        ...

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of one output of all cells.

        Parameters
        ----------
        vectors : mapping of str to array
            Content of the last of `raw_files`.
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


def netlist(bench: Testbench, dialect: Dialect, library: str, *, subcircuit: bool = False) -> Iterator[str]:
    """Yield the lines of a netlist that can be simulated.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    dialect : Dialect
        The language; it must have been made with the same ``subcircuit``.
    library : str
        Path of the compiled cell, or of its Verilog-A text for Spectre.
    subcircuit : bool
        Put the array into a subcircuit of its own.

    Yields
    ------
    str
        A line without its line break.
    """
    array = bench.array
    yield from dialect.head(bench, library)
    if subcircuit:
        first, last = dialect.subcircuit(array)
        yield first
        yield from _array_statements(array, dialect)
        yield last
        yield dialect.instance(array)
    else:
        yield from _array_statements(array, dialect)
    for source in bench.sources():
        name, node, wave = source
        if bench.source_resistance:
            yield dialect.source(VoltageSource(name, f"s{node}", wave))
            yield dialect.resistor(Resistor(f"rs{node}", f"s{node}", node, bench.source_resistance))
        else:
            yield dialect.source(source)
    yield from dialect.tail(bench)


def _array_statements(array: ArrayCircuit, dialect: Dialect) -> Iterator[str]:
    """Yield the statements of an array: cells, transistors, wires."""
    names = array.model.instance
    table = zip(*(array.values[name].tolist() for name in names), strict=True)
    form = " ".join(f"{name}={{!r}}" for name in names)
    for place, values in zip(array.cells(), table, strict=True):
        yield dialect.cell(CellInstance(place.name, place.p, place.n, form.format(*values)))
    if array.transistor:
        extra = assigned(array.transistor.parameters)
        for _, _, n, i, j in array.cells():
            nodes = (n, f"g{i}", array.row_node(i, j), "0")
            yield dialect.transistor(TransistorInstance(f"m{i}_{j}", nodes, array.transistor.model, extra))
    for segment in array.segments():
        yield dialect.resistor(segment)
