"""An array, or one cell, as a subcircuit in a file of its own, and a testbench that takes it in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .circuit import ArrayCircuit
from .dialect import Dialect, about_statics, array_statements, card, comment_mark, drivers
from .elements import CellInstance
from .names import one_line
from .testbench import Testbench

SHOWN = 8  # pins that a comment shows


def testbench(bench: Testbench, dialect: Dialect, library: str, file: str) -> Iterator[str]:
    """Yield the lines of a netlist that takes in a file with the array's subcircuit, and can be simulated.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    dialect : Dialect
        The language, made with the name of the subcircuit.
    library : str
        Path of the cell.
    file : str
        Name of the file that `subcircuit` fills.

    Yields
    ------
    str
        A line without its line break.
    """
    yield from dialect.head(bench, library)
    yield from card(bench, dialect)
    yield dialect.include(file)
    yield dialect.instance(bench.array.terminals())
    yield from drivers(bench, dialect)
    yield from dialect.tail(bench)


testbench.__test__ = False  # type: ignore[attr-defined]  # not one of pytest's functions


def subcircuit(
    array: ArrayCircuit, dialect: Dialect, library: str, file: str, bench: Testbench | None = None
) -> Iterator[str]:
    """Yield the lines of a file with the array as a subcircuit, for any netlist to take in.

    Parameters
    ----------
    array : ArrayCircuit
        The cells and wires.
    dialect : Dialect
        The language, made with the name of the subcircuit.
    library : str
        Path of the cell.
    file : str
        Name of the file, for its comments.
    bench : Testbench, optional
        The analysis to which settings of the cells are made to fit.

    Yields
    ------
    str
        A line without its line break.
    """
    rows, columns, pins = *array.shape, array.terminals()
    parts = [f"rows r0 to r{rows - 1}, columns c0 to c{columns - 1}"]
    comments = [f"{file}: an array of {rows} rows, {columns} columns; cells of kind {array.model.kind}."]
    if array.transistor:
        parts.append(f"gates g0 to g{rows - 1}")
        comments.append(f"It needs the transistor model {array.transistor.model}, which the netlist around it holds.")
    comments.append(f"Pins: {', '.join(parts)}. V(column) - V(row) is the voltage of a cell; below 0 V it sets.")
    yield from _subcircuit(array, dialect, library, file, bench, comments, pins, {}, array_statements(array, dialect))


def cell_subcircuit(cell: ArrayCircuit, dialect: Dialect, library: str, file: str) -> Iterator[str]:
    """Yield the lines of a file with one cell as a subcircuit, whose parameters are those of the cell.

    Parameters
    ----------
    cell : ArrayCircuit
        One row and one column; its values become the defaults of the parameters.
    dialect : Dialect
        The language, made with the name of the subcircuit.
    library : str
        Path of the cell.
    file : str
        Name of the file, for its comments.

    Yields
    ------
    str
        A line without its line break.
    """
    defaults = {name: float(cell.values[name][0]) for name in cell.model.instance}
    given = " ".join(f"{name}={dialect.reference(name)}" for name in defaults)
    comments = [
        f"{file}: one cell of kind {cell.model.kind}.",
        "Pins: p, n. V(p) - V(n) is the voltage of the cell; below 0 V it sets.",
    ]
    statement = dialect.cell(CellInstance("n1", "p", "n", given))
    yield from _subcircuit(cell, dialect, library, file, None, comments, ("p", "n"), defaults, [statement])


def _subcircuit(
    array: ArrayCircuit,
    dialect: Dialect,
    library: str,
    file: str,
    bench: Testbench | None,
    comments: Sequence[str],
    pins: Sequence[str],
    defaults: Mapping[str, float],
    statements: Iterable[str],
) -> Iterator[str]:
    """Yield comments that say how to use the subcircuit, then the subcircuit around its models and statements."""
    mark = comment_mark(dialect)
    shown = pins if len(pins) <= SHOWN else [*pins[: SHOWN - 1], "..."]
    for comment in comments:
        yield f"{mark} {one_line(comment)}"
    yield from about_statics(array, dialect)
    yield f"{mark} Needs {dialect.needs}. A netlist that takes in this file holds:"
    for line in (dialect.include(file), dialect.instance(shown), *dialect.advice(array, library)):
        yield f"{mark}   {line}"
    yield from dialect.libraries(array, library)
    first, last = dialect.subcircuit(pins, defaults)
    yield from first
    yield from dialect.models(array, bench)
    yield from statements
    yield last
