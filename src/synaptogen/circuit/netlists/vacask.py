"""Netlists for VACASK."""

from collections.abc import Iterator

from .circuit import ArrayCircuit, Testbench, Wave
from .dialect import MODEL, SUBCIRCUIT, assigned

OP, TRAN = "op1", "tran1"


class Vacask:
    """Statements of VACASK."""

    name = "vacask"
    suffix = ".sim"
    executable = True

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._name = f'"x{SUBCIRCUIT}:{{}}"' if subcircuit else "{}"

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Title, libraries and models."""
        array = bench.array
        yield bench.title
        yield "ground 0"
        yield f'load "{library}"'
        yield "model vsrc vsource"
        if array.wire_resistance or array.column_ohms or bench.source_resistance:
            yield 'load "resistor.osdi"'
            yield "model res resistor"
        if array.transistor:
            yield array.transistor.card
        settings = f" ({assigned(array.settings)})" if array.settings else ""
        yield f"model {MODEL} {array.model.module}{settings}"

    def subcircuit(self, array: ArrayCircuit, body: Iterator[str]) -> Iterator[str]:
        """A subcircuit with the lines as pins."""
        yield f"subckt {SUBCIRCUIT} ({' '.join(array.terminals())})"
        yield from body
        yield "ends"

    def instance(self, array: ArrayCircuit) -> str:
        """An instance of it."""
        return f"x{SUBCIRCUIT} ({' '.join(array.terminals())}) {SUBCIRCUIT}"

    def cell(self, name: str, p: str, n: str, values: str) -> str:
        """A cell."""
        return f"{name} ({p} {n}) {MODEL} {values}"

    def resistor(self, name: str, a: str, b: str, ohms: float) -> str:
        """A resistor."""
        return f"{name} ({a} {b}) res r={ohms!r}"

    def transistor(self, name: str, nodes: tuple[str, str, str, str], model: str, values: str) -> str:
        """A transistor."""
        return f"{name} ({' '.join(nodes)}) {model} {values}"

    def source(self, name: str, node: str, wave: Wave) -> str:
        """A voltage source from a node to ground."""
        if wave.constant:
            return f"{name} ({node} 0) vsrc dc={wave.volts[0]!r}"
        points = ", ".join(f"{t!r}, {u!r}" for t, u in zip(*wave, strict=True))
        return f'{name} ({node} 0) vsrc type="pwl" wave=[{points}]'

    def tail(self, bench: Testbench, cells: list[str]) -> Iterator[str]:
        """Analysis and what is saved."""
        yield "control"
        pulse = bench.array.model.kind == "pulse"
        if bench.stop is None:
            yield '  options rawfile="binary" reltol=1e-9'
        elif pulse:  # backward Euler, and no bound on the step but the cells' own
            yield '  options rawfile="binary" tran_method="euler" tran_lteratio=1e9 tran_minpts=0'
        else:
            yield '  options rawfile="binary" tran_method="gear2" reltol=1e-5'
        for name, node, _ in bench.sources():
            yield f"  save v({node}) i({name})"
        if bench.stop is None:
            yield f"  analysis {OP} op"
        else:
            for cell in cells:
                name = self._name.format(cell)
                yield "  save " + " ".join(f"p({name},{output})" for output in bench.array.model.outputs)
            step = bench.step or bench.stop / 100.0
            bound = f" maxstep={bench.step!r}" if bench.step else ""
            yield f"  analysis {TRAN} tran step={step!r} stop={bench.stop!r}{bound}"
        yield "endc"
