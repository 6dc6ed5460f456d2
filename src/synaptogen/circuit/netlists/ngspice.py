"""Netlists for ngspice (44 or later, with OSDI)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.circuit.simulators import read_raw

from .circuit import ArrayCircuit
from .dialect import MODEL, RunnableDialect, assigned, cell_settings
from .elements import CellInstance, Resistor, TransistorInstance, VoltageSource
from .names import Family, one_line
from .testbench import Testbench
from .timing import longest_step, shortest_interval, switches, tolerance

RAW, STATE = "out.raw", "state.txt"
DIGITS = 15  # of final states, as text
BLOCK = 1000  # cells whose states are read in one block of statements


class Ngspice(RunnableDialect):
    """Statements of ngspice; see `RunnableDialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : str
        Name of the subcircuit in which the cells lie, or "".
    """

    name = "ngspice"
    suffix = ".cir"
    executable = True
    family: Family = "spice"
    needs = "ngspice 44 or later, which loads compiled cells (OSDI 0.4)"

    def __init__(self, *, subcircuit: str = "") -> None:
        self._name = subcircuit
        self._prefix = f"n.x{subcircuit.lower()}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title and options."""
        self._library = library  # loaded by a command of the control section
        yield f"* {one_line(bench.title)}"
        yield f"* needs {self.needs}"
        yield f".options klu {_options(bench)}"
        yield '* KLU has no noise analysis: write "option sparse" in the control section before one'

    def libraries(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield nothing: ngspice loads compiled cells by a command of the control section."""
        yield from ()

    def models(self, array: ArrayCircuit, bench: Testbench | None) -> Iterator[str]:
        """Yield the model of the cells."""
        yield f".model {MODEL} {array.model.module} {assigned(cell_settings(array, bench))}".rstrip()

    def advice(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield lines that a netlist has to hold which takes in the array's subcircuit."""
        yield ".control"
        yield f"pre_osdi {library}"
        yield ".endc"
        if array.model.kind != "read":
            yield ".options method=gear maxord=1    (backward Euler, for transients)"
        yield ".options klu                     (faster in large arrays; leave it out for .noise)"

    def include(self, file: str) -> str:
        """Return the statement that takes in a file."""
        return f".include {file}"

    def subcircuit(self, pins: Sequence[str], defaults: Mapping[str, float]) -> tuple[Sequence[str], str]:
        """Return the first line and the last line of the subcircuit."""
        return [f".subckt {self._name} {' '.join(pins)} {assigned(defaults)}".rstrip()], f".ends {self._name}"

    def instance(self, pins: Sequence[str]) -> str:
        """Return an instance of the subcircuit."""
        return f"x{self._name} {' '.join(pins)} {self._name}"

    def reference(self, parameter: str) -> str:
        """Return how a statement in a subcircuit refers to one of its parameters."""
        return f"{{{parameter}}}"

    def cell(self, cell: CellInstance) -> str:
        """Return the statement of a cell."""
        return f"{cell.name} {cell.p} {cell.n} {MODEL} {cell.values}"

    def resistor(self, resistor: Resistor) -> str:
        """Return the statement of a resistor."""
        name, a, b, ohms = resistor
        return f"{name} {a} {b} {ohms!r}"

    def transistor(self, transistor: TransistorInstance) -> str:
        """Return the statement of an access transistor."""
        name, nodes, model, values = transistor
        return f"{name} {' '.join(nodes)} {model} {values}"

    def source(self, source: VoltageSource) -> str:
        """Return the statement of a voltage source from a node to ground."""
        name, node, wave = source
        if wave.constant:
            return f"{name} {node} 0 {wave.volts[0]!r}"
        points = " ".join(f"{t!r} {u!r}" for t, u in zip(*wave, strict=True))
        return f"{name} {node} 0 pwl({points})"

    def tail(self, bench: Testbench) -> Iterator[str]:
        """Yield a control section: the analysis and what it writes."""
        yield ".control"
        yield "set num_threads=1"  # threads slow small circuits down
        yield "set filetype=binary"
        yield f"pre_osdi {self._library}"
        for name, node, _ in bench.sources():
            yield f"save v({node}) i({name})"
        if bench.trace:
            for cell in bench.array.cell_names():
                yield "save " + " ".join(f"@{self._prefix}{cell}[{output}]" for output in bench.array.model.outputs)
        yield _analysis(bench)
        yield f"write {RAW}"
        if bench.stop is not None:
            yield from _measures(bench)
            yield from self._states(bench)
        yield ".endc"
        yield ".end"

    def results(self, bench: Testbench) -> tuple[str, ...]:
        """Return the names of the files that a run writes."""
        return (RAW,) if bench.stop is None else (RAW, STATE)

    def vectors(self, file: Path) -> dict[str, Float64Array]:
        """Return the content of a file that a run has written: final states are lines ``@cell[output] = value``."""
        if file.name != STATE:
            return read_raw(file)[0].vectors
        found = re.findall(r"\[(\w+)\] = (\S+)", file.read_text())
        outputs = list(dict.fromkeys(name for name, _ in found))
        if not outputs or len(found) % len(outputs):
            raise ValueError(f"{file} was cut short")
        table = np.array([float(value) for _, value in found]).reshape(-1, len(outputs))
        return dict(zip(outputs, table.T, strict=True))

    def current_name(self, source: str) -> str:
        """Return the name of a source's current in the raw file."""
        return f"i({source})"

    def states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return an output of all cells, point by point: each cell has a vector over time."""
        names = [f"@{self._prefix}{cell}[{output}]" for cell in cells]
        # ngspice takes most of them for voltages
        return np.stack([vectors[name if name in vectors else f"v({name})"] for name in names], axis=1)

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of an output: one vector holds those of all cells."""
        return vectors[output][: len(cells)]

    def _states(self, bench: Testbench) -> Iterator[str]:
        """Yield statements that write the final states of the cells; to save them over time takes N squared time.

        One for each cell prints a line for each output, a third of the time of vectors that are filled one by one. They
        come in blocks: ngspice frees the statements of one level by a recursion as deep as they are many, and a million
        of them overflow its stack.
        """
        outputs, cells = bench.array.model.outputs, bench.array.cell_names()
        yield "setplot new"
        yield f"set numdgt={DIGITS}"
        yield f"echo > {STATE}"
        for first in range(0, len(cells), BLOCK):
            yield "if 1"
            for cell in cells[first : first + BLOCK]:
                yield f"print {' '.join(f'@{self._prefix}{cell}[{output}]' for output in outputs)} >> {STATE}"
            yield "end"


def _options(bench: Testbench) -> str:
    """Return the options of the analysis; cells that switch want backward Euler."""
    warm = "" if bench.celsius is None else f"temp={bench.celsius!r} "
    if bench.stop is None:
        return f"{warm}reltol=1e-9"
    method = "method=gear maxord=1" if switches(bench) else "method=gear"
    # corners that are closer together ngspice takes for one, a 20,000th of the longest step unless told otherwise
    return f"{warm}{method} reltol={tolerance(bench)!r} minbreak={0.1 * shortest_interval(bench):.3g}"


def _analysis(bench: Testbench) -> str:
    if bench.stop is None:
        return "op"
    if bench.array.model.kind == "pulse":  # steps as long as edges allow
        return f"tran {bench.stop / 10.0!r} {bench.stop!r} 0 {bench.step or bench.stop!r}"
    step = longest_step(bench)
    return f"tran {step!r} {bench.stop!r} 0 {step!r}"


def _measures(bench: Testbench) -> Iterator[str]:
    """Yield statements that print the largest and smallest current of each row to the log."""
    for k, volts in enumerate(bench.rows):
        if volts is not None:
            yield f"meas tran i_r{k}_max max i(vr{k})"
            yield f"meas tran i_r{k}_min min i(vr{k})"
