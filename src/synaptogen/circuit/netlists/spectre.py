"""Netlists for Spectre. Written from its documentation, not run: Spectre is not to be had freely."""

from collections.abc import Iterator

from .circuit import ArrayCircuit, Testbench, Wave
from .dialect import MODEL, SUBCIRCUIT, assigned


class Spectre:
    """Statements of Spectre's own language."""

    name = "spectre"
    suffix = ".scs"
    executable = False

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._prefix = f"x{SUBCIRCUIT}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Title, the Verilog-A cell and models."""
        array = bench.array
        yield f"// {bench.title}"
        yield "simulator lang=spectre"
        yield "global 0"
        yield f'ahdl_include "{library}"'
        if array.transistor:
            yield array.transistor.card
        yield f"model {MODEL} {array.model.module} {assigned(array.settings)}".rstrip()

    def subcircuit(self, array: ArrayCircuit, body: Iterator[str]) -> Iterator[str]:
        """A subcircuit with the lines as pins."""
        yield f"subckt {SUBCIRCUIT} ({' '.join(array.terminals())})"
        yield from body
        yield f"ends {SUBCIRCUIT}"

    def instance(self, array: ArrayCircuit) -> str:
        """An instance of it."""
        return f"x{SUBCIRCUIT} ({' '.join(array.terminals())}) {SUBCIRCUIT}"

    def cell(self, name: str, p: str, n: str, values: str) -> str:
        """A cell."""
        return f"{name} ({p} {n}) {MODEL} {values}"

    def resistor(self, name: str, a: str, b: str, ohms: float) -> str:
        """A resistor."""
        return f"{name} ({a} {b}) resistor r={ohms!r}"

    def transistor(self, name: str, nodes: tuple[str, str, str, str], model: str, values: str) -> str:
        """A transistor."""
        return f"{name} ({' '.join(nodes)}) {model} {values}"

    def source(self, name: str, node: str, wave: Wave) -> str:
        """A voltage source from a node to ground."""
        if wave.constant:
            return f"{name} ({node} 0) vsource dc={wave.volts[0]!r}"
        points = " ".join(f"{t!r} {u!r}" for t, u in zip(*wave, strict=True))
        return f"{name} ({node} 0) vsource type=pwl wave=[{points}]"

    def tail(self, bench: Testbench, cells: list[str]) -> Iterator[str]:
        """Analysis and what is saved."""
        if bench.array.model.kind == "event":  # its variables have no attributes that would make them outputs
            yield "saveahdl options saveahdlvars=all"
        if bench.stop is None:
            yield "op1 dc reltol=1e-9"
        else:
            bound = f" maxstep={bench.step!r}" if bench.step else ""
            method = "euler" if bench.array.model.kind == "pulse" else "gear2"
            yield f"tran1 tran stop={bench.stop!r} method={method}{bound}"
            for cell in cells if bench.array.model.kind != "event" else []:
                yield "save " + " ".join(f"{self._prefix}{cell}:{output}" for output in bench.array.model.outputs)
        for name, node, _ in bench.sources():
            yield f"save {node} {name}:p"
