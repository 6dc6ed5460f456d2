"""What the languages of simulators have in common: a netlist is the same statements, written differently."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from .circuit import ArrayCircuit, Testbench, Wave

MODEL = "cell"
SUBCIRCUIT = "array"
STATE = "state"  # what simulators call the file of final states


class Dialect(Protocol):
    """How one simulator wants its statements."""

    name: str
    suffix: str
    executable: bool
    """Can `run` start it here?"""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Title, libraries and models; ``library`` is the path of the compiled or the Verilog-A cell."""
        ...

    def subcircuit(self, array: ArrayCircuit, body: Iterator[str]) -> Iterator[str]:
        """A subcircuit with the lines as pins."""
        ...

    def instance(self, array: ArrayCircuit) -> str:
        """An instance of that subcircuit, its pins at nodes of the same names."""
        ...

    def cell(self, name: str, p: str, n: str, values: str) -> str:
        """A cell."""
        ...

    def resistor(self, name: str, a: str, b: str, ohms: float) -> str:
        """A resistor."""
        ...

    def transistor(self, name: str, nodes: tuple[str, str, str, str], model: str, values: str) -> str:
        """A transistor; nodes are drain, gate, source, bulk."""
        ...

    def source(self, name: str, node: str, wave: Wave) -> str:
        """A voltage source from a node to ground."""
        ...

    def tail(self, bench: Testbench, cells: list[str]) -> Iterator[str]:
        """Analyses, what to save of terminals and of ``cells`` (their full names), and the end."""
        ...


def assigned(values: Mapping[str, float]) -> str:
    """Assignments of parameters, with all digits of the numbers."""
    return " ".join(f"{name}={float(value)!r}" for name, value in values.items())


def body(array: ArrayCircuit, to: Dialect) -> Iterator[str]:
    """The statements of an array: cells, transistors, wires."""
    names = array.model.instance
    table = zip(*(array.values[name].tolist() for name in names), strict=True)
    form = " ".join(f"{name}={{!r}}" for name in names)
    for place, values in zip(array.cells(), table, strict=True):
        yield to.cell(place.name, place.p, place.n, form.format(*values))
    if array.transistor:
        extra = assigned(array.transistor.parameters)
        for _, _, n, i, j in array.cells():
            nodes = (n, f"g{i}", array.row_node(i, j), "0")
            yield to.transistor(f"m{i}_{j}", nodes, array.transistor.model, extra)
    for segment in array.segments():
        yield to.resistor(*segment)


def netlist(bench: Testbench, to: Dialect, library: str, *, subcircuit: bool = False) -> Iterator[str]:
    """The lines of a netlist that can be simulated.

    Parameters
    ----------
    bench : Testbench
    to : Dialect
    library : str
        Path of the compiled cell, or of its Verilog-A text for Spectre.
    subcircuit : bool
        Put the array into a subcircuit of its own.
    """
    array = bench.array
    yield from to.head(bench, library)
    if subcircuit:
        yield from to.subcircuit(array, body(array, to))
        yield to.instance(array)
    else:
        yield from body(array, to)
    for name, node, volts in bench.sources():
        if bench.source_resistance:
            yield to.source(name, f"s{node}", volts)
            yield to.resistor(f"rs{node}", f"s{node}", node, bench.source_resistance)
        else:
            yield to.source(name, node, volts)
    yield from to.tail(bench, [place.name for place in array.cells()])
