"""From a testbench to currents and states: write, compile, run, read."""

import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synaptogen._utils import Float64Array, checks, replacing
from synaptogen.array import CellArray
from synaptogen.circuit.compiler import compile_osdi
from synaptogen.circuit.simulators import read_raw, simulator
from synaptogen.circuit.verilog import instance_values

from . import ngspice, vacask
from .circuit import ArrayCircuit, Testbench
from .dialect import Dialect, netlist
from .ngspice import Ngspice
from .spectre import Spectre
from .state_transfer import follow
from .vacask import Vacask

DIALECTS: dict[str, Callable[..., Dialect]] = {"ngspice": Ngspice, "vacask": Vacask, "spectre": Spectre}
TIMEOUT = 600.0  # s


@dataclass(frozen=True)
class Result:
    """What a simulation gave."""

    bench: Testbench
    time: Float64Array
    """Times in s, of shape (T,); one for an operating point."""
    rows: Float64Array
    """Currents in A out of the array into the drivers of its rows, of shape (T, rows); NaN for lines that float."""
    columns: Float64Array
    """Currents in A from the drivers of the columns into the array, of shape (T, columns)."""
    state: dict[str, Float64Array]
    """Final ``r_now``, ``mode_now``, ``cycles_done`` ... of the cells, each of shape (rows, columns), after a transient
    of cells that switch."""

    @property
    def ended(self) -> int:
        """Number of cells that should have begun a cycle after the last of their tape: they stayed in their LRS."""
        return int(np.count_nonzero(self.state.get("tape_end", 0.0)))

    def update(self, cells: CellArray) -> None:
        """Bring the cells that were simulated to the state in which the simulation left them.

        Raises
        ------
        ValueError
            If the cells have changed since, if there is no state, or if a cell came to the end of its tape; no cell
            has changed then.
        """
        array = self.bench.array
        if "mode_now" not in self.state:
            raise ValueError("the simulation changed no state: simulate cells of another kind than read in a transient")
        if self.ended:
            raise ValueError(_ended(self.ended, array))
        try:
            now = instance_values(cells, array.model)
        except ValueError as error:
            raise ValueError(f"cells are not, or are no longer, the cells that were simulated: {error}") from error
        if any(not np.array_equal(now[name], array.values[name]) for name in array.model.instance):
            raise ValueError("cells are not, or are no longer, the cells that were simulated")
        mode, begun, ratchet = (
            self.state[k].reshape(cells.shape) for k in ("mode_now", "cycles_done", "u_ratchet_now")
        )
        follow(cells, mode, begun, ratchet)


def export(
    bench: Testbench, folder: str | os.PathLike[str], dialect: str, *, name: str = "array", subcircuit: bool = True
) -> Path:
    """Write a netlist and its cell into a folder; returns the path of the netlist.

    For ngspice and VACASK the cell is compiled and lies beside the netlist; for Spectre it is Verilog-A. Run the
    netlist in that folder.

    Raises
    ------
    ValueError
        If the dialect is not known, or compiles its cells and these are of the event form.
    FileNotFoundError
        If the folder is not there.
    """
    to = checks.named("dialect", dialect, DIALECTS)(subcircuit=subcircuit)
    place = Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(f"{place} is no directory: make it first")
    model = bench.array.model
    compiled = compile_osdi(model) if to.executable else None  # before anything is written
    library = place / f"{model.module}.va"
    library.write_text(model.source)
    if compiled is not None:
        library = place / f"{model.module}.osdi"
        with replacing(library) as beside:
            beside.write_bytes(compiled.read_bytes())
    return _write(netlist(bench, to, library.name, subcircuit=subcircuit), place / f"{name}{to.suffix}")


def _write(lines: Iterable[str], path: Path) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line + "\n")
    return path


def simulate(
    bench: Testbench,
    program: str = "vacask",
    *,
    folder: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Simulate a testbench.

    Parameters
    ----------
    bench : Testbench
    program : {"vacask", "ngspice"}
    folder : path, optional
        Where to keep netlist, log and results; default: a folder that is removed afterwards.
    timeout : float
        Time limit in s.

    Raises
    ------
    ValueError
        If there is no simulator of that name, or it is too old.
    FileNotFoundError, ModuleNotFoundError
        If it is not installed.
    SimulationError
        If it fails or takes too long; the end of its log is shown.

    Warns
    -----
    RuntimeWarning
        If cells came to the end of their tape; the message names its length. Such a state cannot be read back.
    """
    found = simulator(program)
    to = DIALECTS[program]()
    library = str(compile_osdi(bench.array.model))
    with nullcontext(folder) if folder is not None else tempfile.TemporaryDirectory() as place:
        path = _write(netlist(bench, to, library), Path(place) / f"bench{to.suffix}")
        raw = found.run(path, _results(bench, program), timeout=timeout)
        vectors = read_raw(raw[0])[0].vectors
        finals = read_raw(raw[1])[0].vectors if len(raw) > 1 else vectors
    result = _result(bench, program, vectors, finals)
    if result.ended:
        warnings.warn(_ended(result.ended, bench.array), RuntimeWarning, stacklevel=2)
    return result


def _ended(count: int, array: ArrayCircuit) -> str:
    return (
        f"{count} of {math.prod(array.shape)} cells came to the end of their tape of {array.model.cycles} cycles, and"
        " stayed in their LRS where they should have begun a further one: make the circuit with more cycles"
    )


def _results(bench: Testbench, program: str) -> tuple[str, ...]:
    if program == "vacask":
        return (f"{vacask.OP if bench.stop is None else vacask.TRAN}.raw",)
    return (ngspice.RAW,) if bench.stop is None else (ngspice.RAW, ngspice.STATE)


def _result(
    bench: Testbench, program: str, vectors: dict[str, Float64Array], finals: dict[str, Float64Array]
) -> Result:
    array = bench.array
    some = next(iter(vectors.values()))
    time = vectors.get("time", np.zeros(1))
    form = "i({})" if program == "ngspice" else "{}:flow(br)"
    floats = np.full(len(some), np.nan)

    def currents(letter: str, count: int) -> Float64Array:
        return np.stack([vectors.get(form.format(f"v{letter}{k}"), floats) for k in range(count)], axis=1)

    state: dict[str, Float64Array] = {}
    if bench.stop is not None:
        for output in array.model.outputs:
            state[output] = _final(finals, program, output, [c.name for c in array.cells()]).reshape(array.shape)
    # a source's current is counted into its node's end
    return Result(bench, time, currents("r", array.shape[0]), -currents("c", array.shape[1]), state)


def _final(finals: dict[str, Float64Array], program: str, output: str, cells: list[str]) -> Any:
    if program == "ngspice":
        return finals[output][: len(cells)]
    return np.array([finals[f"{cell}.{output}"][-1] for cell in cells])
