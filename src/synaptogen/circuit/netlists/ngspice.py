"""Netlists for ngspice (44 or later, with OSDI)."""

from collections.abc import Iterator, Mapping

from synaptogen._utils import Float64Array, printable

from .circuit import ArrayCircuit, CellInstance, Resistor, Testbench, TransistorInstance, VoltageSource
from .dialect import MODEL, SUBCIRCUIT, RunnableDialect, assigned
from .timing import longest_step, model_settings, shortest_interval, switches

RAW, STATE = "out.raw", "state.raw"
BLOCK = 1000  # cells whose states are read in one block of statements


class Ngspice(RunnableDialect):
    """Statements of ngspice; see `Dialect` for the meaning of the methods.

    Parameters
    ----------
    subcircuit : bool
        Whether the cells lie in a subcircuit.
    """

    name = "ngspice"
    suffix = ".cir"
    executable = True

    def __init__(self, *, subcircuit: bool = False) -> None:
        self._prefix = f"n.x{SUBCIRCUIT}." if subcircuit else ""

    def head(self, bench: Testbench, library: str) -> Iterator[str]:
        """Yield title, options and models.

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
        self._library = library  # loaded by a command of the control section
        array = bench.array
        yield f"* {printable(bench.title)}"
        yield f".options klu {_options(bench)}"
        if array.transistor:
            yield array.transistor.card
        yield f".model {MODEL} {array.model.module} {assigned(model_settings(bench))}".rstrip()

    def subcircuit(self, array: ArrayCircuit) -> tuple[str, str]:
        """Return the first and the last line of a subcircuit with the lines as pins."""
        return f".subckt {SUBCIRCUIT} {' '.join(array.terminals())}", f".ends {SUBCIRCUIT}"

    def instance(self, array: ArrayCircuit) -> str:
        """Return an instance of the array's subcircuit."""
        return f"x{SUBCIRCUIT} {' '.join(array.terminals())} {SUBCIRCUIT}"

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
        yield _analysis(bench)
        yield f"write {RAW}"
        if bench.stop is not None:
            yield from _measures(bench)
            yield from self._states(bench)
        yield ".endc"
        yield ".end"

    def raw_files(self, bench: Testbench) -> tuple[str, ...]:
        """Return the names of the raw files that a run writes."""
        return (RAW,) if bench.stop is None else (RAW, STATE)

    def current_name(self, source: str) -> str:
        """Return the name of a source's current in the raw file."""
        return f"i({source})"

    def final_states(self, vectors: Mapping[str, Float64Array], output: str, cells: list[str]) -> Float64Array:
        """Return the final values of an output: one vector holds those of all cells.

        Parameters
        ----------
        vectors : mapping of str to array
            Content of the file of states.
        output : str
            One of `CellModel.outputs`.
        cells : list of str
            Names of the cells.

        Returns
        -------
        array of shape (len(cells),)
            Values in the order of ``cells``.
        """
        return vectors[output][: len(cells)]

    def _states(self, bench: Testbench) -> Iterator[str]:
        """Yield statements that write the final states of the cells; to save them over time takes N squared time.

        They come in blocks: ngspice frees the statements of one level by a recursion as deep as they are many, and a
        million of them overflow its stack.
        """
        outputs, cells = bench.array.model.outputs, bench.array.cell_names()
        yield "setplot new"
        yield from (f"let {output} = vector({len(cells)})" for output in outputs)
        for first in range(0, len(cells), BLOCK):
            yield "if 1"
            for k, cell in enumerate(cells[first : first + BLOCK], first):
                yield from (f"let {output}[{k}] = @{self._prefix}{cell}[{output}]" for output in outputs)
            yield "end"
        yield f"write {STATE} {' '.join(outputs)}"


def _options(bench: Testbench) -> str:
    """Return the options of the analysis; cells that switch want backward Euler."""
    if bench.stop is None:
        return "reltol=1e-9"
    method = "method=gear maxord=1" if switches(bench) else "method=gear"
    tolerance = "" if bench.array.model.kind == "pulse" else " reltol=1e-5"
    # corners that are closer together ngspice takes for one, a 20,000th of the longest step unless told otherwise
    return f"{method}{tolerance} minbreak={0.1 * shortest_interval(bench):.3g}"


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
