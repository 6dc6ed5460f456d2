"""Netlists for ngspice (44 or later, with OSDI)."""

from collections.abc import Iterator

from .circuit import ArrayCircuit, Testbench, Wave
from .dialect import MODEL, SUBCIRCUIT, assigned

RAW, STATE = "out.raw", "state.raw"
BLOCK = 1000  # cells whose states are read in one block of statements
NODE_SCALE = 1e-9  # keeps the current of a pulse cell's inner node from ruling the time step


class Ngspice:
    """Statements of ngspice."""

    name = "ngspice"
    suffix = ".cir"
    executable = True

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._prefix = f"n.x{SUBCIRCUIT}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Title, options and models."""
        array = bench.array
        settings = dict(array.settings)
        yield f"* {bench.title}"
        if array.model.kind == "pulse":
            # a pulse cell wants backward Euler and no bound on its step
            settings.setdefault("node_scale", NODE_SCALE)
            yield ".options klu method=gear maxord=1"
        elif bench.stop is None:
            yield ".options klu reltol=1e-9"
        else:
            yield ".options klu method=gear reltol=1e-5"
        if array.transistor:
            yield array.transistor.card
        yield f".model {MODEL} {array.model.module} {assigned(settings)}".rstrip()
        self._library = library

    def subcircuit(self, array: ArrayCircuit, body: Iterator[str]) -> Iterator[str]:
        """A subcircuit with the lines as pins."""
        yield f".subckt {SUBCIRCUIT} {' '.join(array.terminals())}"
        yield from body
        yield f".ends {SUBCIRCUIT}"

    def instance(self, array: ArrayCircuit) -> str:
        """An instance of it."""
        return f"x{SUBCIRCUIT} {' '.join(array.terminals())} {SUBCIRCUIT}"

    def cell(self, name: str, p: str, n: str, values: str) -> str:
        """A cell."""
        return f"{name} {p} {n} {MODEL} {values}"

    def resistor(self, name: str, a: str, b: str, ohms: float) -> str:
        """A resistor."""
        return f"{name} {a} {b} {ohms!r}"

    def transistor(self, name: str, nodes: tuple[str, str, str, str], model: str, values: str) -> str:
        """A transistor."""
        return f"{name} {' '.join(nodes)} {model} {values}"

    def source(self, name: str, node: str, wave: Wave) -> str:
        """A voltage source from a node to ground."""
        if wave.constant:
            return f"{name} {node} 0 {wave.volts[0]!r}"
        points = " ".join(f"{t!r} {u!r}" for t, u in zip(*wave, strict=True))
        return f"{name} {node} 0 pwl({points})"

    def tail(self, bench: Testbench, cells: list[str]) -> Iterator[str]:
        """Analysis and results."""
        yield ".control"
        yield "set num_threads=1"  # threads slow small circuits down
        yield "set filetype=binary"
        yield f"pre_osdi {self._library}"
        for name, node, _ in bench.sources():
            yield f"save v({node}) i({name})"
        yield _analysis(bench)
        yield f"write {RAW}"
        if bench.stop is not None:
            yield from _measures(bench)
            yield from self._states(bench, cells)
        yield ".endc"
        yield ".end"

    def _states(self, bench: Testbench, cells: list[str]) -> Iterator[str]:
        """The states of cells as they stand at the end: to save them over time would take time with N squared.

        In blocks: ngspice frees the statements of one level by a recursion as deep as they are many, and a million of
        them overflow its stack.
        """
        outputs = bench.array.model.outputs
        yield "setplot new"
        yield from (f"let {output} = vector({len(cells)})" for output in outputs)
        for first in range(0, len(cells), BLOCK):
            yield "if 1"
            for k, cell in enumerate(cells[first : first + BLOCK], first):
                yield from (f"let {output}[{k}] = @{self._prefix}{cell}[{output}]" for output in outputs)
            yield "end"
        yield f"write {STATE} {' '.join(outputs)}"


def _analysis(bench: Testbench) -> str:
    if bench.stop is None:
        return "op"
    if bench.array.model.kind == "pulse":  # steps as long as edges allow
        return f"tran {bench.stop / 10.0!r} {bench.stop!r} 0 {bench.step or bench.stop!r}"
    step = bench.step or bench.stop / 100.0
    return f"tran {step!r} {bench.stop!r} 0 {step!r}"


def _measures(bench: Testbench) -> Iterator[str]:
    """The largest and smallest current of each row, for those who read the log."""
    for k, volts in enumerate(bench.rows):
        if volts is not None:
            yield f"meas tran i_r{k}_max max i(vr{k})"
            yield f"meas tran i_r{k}_min min i(vr{k})"
