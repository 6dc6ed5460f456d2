"""Netlists for Spectre. Written from its documentation, not run: Spectre is commercial and was not available."""

from collections.abc import Iterator

from synaptogen._utils import printable

from .circuit import ArrayCircuit, Resistor, Testbench, VoltageSource
from .dialect import MODEL, SUBCIRCUIT, Dialect, assigned
from .spectre_syntax import SpectreSyntax
from .timing import model_settings


class Spectre(SpectreSyntax, Dialect):
    """Statements of Spectre's own language; see `Dialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : bool
        Whether the cells lie in a subcircuit.
    """

    name = "spectre"
    suffix = ".scs"
    executable = False

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._prefix = f"x{SUBCIRCUIT}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title, the Verilog-A cell and models.

        Parameters
        ----------
        bench : Testbench
            What is simulated.
        library : str
            Path of the Verilog-A cell.

        Yields
        ------
        str
            A line.
        """
        array = bench.array
        yield f"// {printable(bench.title)}"
        yield "simulator lang=spectre"
        yield "global 0"
        yield f'ahdl_include "{library}"'
        if array.transistor:
            yield array.transistor.card
        yield f"model {MODEL} {array.model.module} {assigned(model_settings(bench))}".rstrip()

    def subcircuit(self, array: ArrayCircuit) -> tuple[str, str]:
        """Return the first and the last line of a subcircuit with the lines as pins."""
        return f"subckt {SUBCIRCUIT} ({' '.join(array.terminals())})", f"ends {SUBCIRCUIT}"

    def resistor(self, resistor: Resistor) -> str:
        """Return the statement of a resistor."""
        name, a, b, ohms = resistor
        return f"{name} ({a} {b}) resistor r={ohms!r}"

    def source(self, source: VoltageSource) -> str:
        """Return the statement of a voltage source from a node to ground."""
        name, node, wave = source
        if wave.constant:
            return f"{name} ({node} 0) vsource dc={wave.volts[0]!r}"
        points = " ".join(f"{t!r} {u!r}" for t, u in zip(*wave, strict=True))
        return f"{name} ({node} 0) vsource type=pwl wave=[{points}]"

    def tail(self, bench: Testbench) -> Iterator[str]:
        """Yield the analysis and what is saved."""
        if bench.array.model.kind == "event":  # its variables have no attributes that would make them outputs
            yield "saveahdl options saveahdlvars=all"
        if bench.stop is None:
            yield "op1 dc reltol=1e-9"
        else:
            bound = f" maxstep={bench.step!r}" if bench.step else ""
            method = "gear2" if bench.array.model.kind == "event" else "euler"
            yield f"tran1 tran stop={bench.stop!r} method={method}{bound}"
            for cell in bench.array.cell_names() if bench.array.model.kind != "event" else []:
                yield "save " + " ".join(f"{self._prefix}{cell}:{output}" for output in bench.array.model.outputs)
        for name, node, _ in bench.sources():
            yield f"save {node} {name}:p"
