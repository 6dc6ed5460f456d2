"""Netlists for Spectre. Written from its documentation, not run: Spectre is commercial and was not available."""

from collections.abc import Iterator, Mapping, Sequence

from .circuit import ArrayCircuit
from .dialect import MODEL, Dialect, assigned, cell_settings
from .elements import Resistor, VoltageSource
from .names import Family, one_line
from .spectre_syntax import SpectreSyntax
from .testbench import Testbench


class Spectre(SpectreSyntax, Dialect):
    """Statements of Spectre's own language; see `Dialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : str
        Name of the subcircuit in which the cells lie, or "".
    """

    name = "spectre"
    suffix = ".scs"
    executable = False
    family: Family = "spectre"
    needs = "Spectre with Verilog-A (written from its documentation, not run)"

    def __init__(self, *, subcircuit: str = "") -> None:
        self._name = subcircuit
        self._prefix = f"x{subcircuit}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title and the Verilog-A cell."""
        yield f"// {one_line(bench.title)}"
        yield f"// needs {self.needs}"
        yield "simulator lang=spectre"
        yield "global 0"
        yield f'ahdl_include "{library}"'
        if bench.celsius is not None:
            yield f"warmth options temp={bench.celsius!r}"

    def libraries(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield nothing: a cell is read once, by the netlist that takes in all files."""
        yield from ()

    def models(self, array: ArrayCircuit, bench: Testbench | None) -> Iterator[str]:
        """Yield the model of the cells."""
        yield f"model {MODEL} {array.model.module} {assigned(cell_settings(array, bench))}".rstrip()

    def advice(self, array: ArrayCircuit, library: str) -> Iterator[str]:
        """Yield lines that a netlist has to hold which takes in the array's subcircuit."""
        yield f'ahdl_include "{library}"    (once for all arrays of these cells)'
        if array.model.kind in ("tape", "autonomous", "pulse"):
            yield "tran method=euler"

    def include(self, file: str) -> str:
        """Return the statement that takes in a file."""
        return f'include "{file}"'

    def subcircuit(self, pins: Sequence[str], defaults: Mapping[str, float]) -> tuple[Sequence[str], str]:
        """Return the first lines and the last line of the subcircuit."""
        first, _ = super().subcircuit(pins, defaults)
        return ["simulator lang=spectre", *first], f"ends {self._name}"

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
