"""Netlists for VACASK."""

from collections.abc import Iterator, Mapping

import numpy as np

from synaptogen._utils import Float64Array, printable

from .circuit import ArrayCircuit, Resistor, Testbench, VoltageSource
from .dialect import MODEL, SUBCIRCUIT, RunnableDialect, assigned
from .spectre_syntax import SpectreSyntax
from .timing import longest_step, model_settings, switches

OP, TRAN = "op1", "tran1"


class Vacask(SpectreSyntax, RunnableDialect):
    """Statements of VACASK; see `Dialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : bool
        Whether the cells lie in a subcircuit.
    """

    name = "vacask"
    suffix = ".sim"
    executable = True

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._name = f'"x{SUBCIRCUIT}:{{}}"' if subcircuit else "{}"

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title, libraries and models.

        Parameters
        ----------
        bench : Testbench
            What is simulated.
        library : str
            Path of the compiled cell.

        Yields
        ------
        str
            A line.
        """
        array = bench.array
        yield printable(bench.title)
        yield "ground 0"
        yield f'load "{library}"'
        yield "model vsrc vsource"
        if array.wire_resistance or array.column_ohms or bench.source_resistance:
            yield 'load "resistor.osdi"'
            yield "model res resistor"
        if array.transistor:
            yield array.transistor.card
        settings = model_settings(bench)
        given = f" ({assigned(settings)})" if settings else ""
        yield f"model {MODEL} {array.model.module}{given}"

    def subcircuit(self, array: ArrayCircuit) -> tuple[str, str]:
        """Return the first and the last line of a subcircuit with the lines as pins."""
        return f"subckt {SUBCIRCUIT} ({' '.join(array.terminals())})", "ends"

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
            method = '"euler" tran_lteratio=1e9 tran_minpts=0' if switches(bench) else '"gear2"'
            yield f'  options rawfile="binary" tran_method={method}{"" if pulse else " reltol=1e-5"}'
        for name, node, _ in bench.sources():
            yield f"  save v({node}) i({name})"
        if bench.stop is None:
            yield f"  analysis {OP} op"
        else:
            for cell in bench.array.cell_names():
                name = self._name.format(cell)
                yield "  save " + " ".join(f"p({name},{output})" for output in bench.array.model.outputs)
            step = longest_step(bench)
            bound = f" maxstep={step!r}" if bench.step or not pulse else ""
            yield f"  analysis {TRAN} tran step={step!r} stop={bench.stop!r}{bound}"
        yield "endc"

    def raw_files(self, bench: Testbench) -> tuple[str, ...]:
        """Return the name of the raw file that a run writes."""
        return (f"{OP if bench.stop is None else TRAN}.raw",)

    def current_name(self, source: str) -> str:
        """Return the name of a source's current in the raw file."""
        return f"{source}:flow(br)"

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of an output: each cell has a vector over time.

        Parameters
        ----------
        vectors : mapping of str to array
            Content of the raw file.
        output : str
            One of `CellModel.outputs`.
        cells : list of str
            Names of the cells.

        Returns
        -------
        array of shape (len(cells),)
            Values in the order of ``cells``.
        """
        return np.array([vectors[f"{cell}.{output}"][-1] for cell in cells])
