"""Simulate a testbench: write the netlist, compile the cell, run the simulator, read currents and states."""

import math
import shutil
import tempfile
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from synaptogen._utils import Float64Array, PathLike
from synaptogen.array import CellArray
from synaptogen.circuit.compiler import compile_osdi
from synaptogen.circuit.simulators import SimulatorName
from synaptogen.circuit.simulators import simulator as find_simulator
from synaptogen.circuit.verilog import instance_values

from .circuit import ArrayCircuit
from .dialect import RunnableDialect, netlist
from .exporting import existing
from .files import write_lines
from .ngspice import Ngspice
from .state_transfer import follow
from .testbench import Testbench
from .vacask import Vacask

RUNNABLE: dict[SimulatorName, Callable[..., RunnableDialect]] = {"ngspice": Ngspice, "vacask": Vacask}
"""The class of each dialect whose simulator can run here, by `SimulatorName`."""
TIMEOUT = 600.0  # s


@dataclass(frozen=True)
class Result:
    """Currents and final states of a simulation.

    Attributes
    ----------
    bench : Testbench
        What was simulated.
    time : array of shape (T,)
        Times in s; one for an operating point.
    rows : array of shape (T, rows)
        Currents in A out of the array into the drivers of its rows; NaN for lines that float.
    columns : array of shape (T, columns)
        Currents in A from the drivers of the columns into the array; NaN for lines that float.
    state : dict of str to array of shape (rows, columns)
        Final `CellModel.outputs` of the cells after a transient: ``r_now`` and, of cells that switch, ``mode_now``,
        ``cycles_done`` ... Empty after an operating point.
    trace : dict of str to array of shape (T, rows, columns)
        The same at all points, of a testbench that asked for it (`Testbench.trace`), else empty.
    """

    bench: Testbench
    time: Float64Array
    rows: Float64Array
    columns: Float64Array
    state: dict[str, Float64Array]
    trace: dict[str, Float64Array] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Number of cells that should have gone on beyond what they have features for, and did not.

        Cells with a tape stayed in the LRS of their last cycle, those of kind pulse in their HRS or IRS.
        """
        return int(np.count_nonzero(self.state.get("tape_end", 0.0)))

    def update(self, cells: CellArray) -> None:
        """Bring the cells that were simulated to the state in which the simulation left them.

        Parameters
        ----------
        cells : CellArray
            The cells of which the circuit was made, unchanged since; they change.

        Raises
        ------
        ValueError
            If the cells have changed since, if there is no state, if a cell came to the end of its tape, or if the
            current has limited its LRS (``set_hold``); no cell has changed then.
        """
        array = self.bench.array
        if "mode_now" not in self.state:
            raise ValueError("the simulation changed no state: simulate cells of another kind than read in a transient")
        if self.ended:
            raise ValueError(_end_of_tape(self.ended, array))
        limited = int(np.count_nonzero(self.state.get("lrs_limited", 0.0)))
        if limited:
            raise ValueError(
                f"{limited} cells have an LRS that the current has kept above their own, which cells in Python cannot"
                " have: take r_now from the state, or make the circuit without set_hold"
            )
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


def simulate(
    bench: Testbench,
    simulator: SimulatorName = "vacask",
    *,
    folder: PathLike | None = None,
    timeout: float = TIMEOUT,
) -> Result:
    """Simulate a testbench.

    Parameters
    ----------
    bench : Testbench
        The array, its drivers and the analysis.
    simulator : {"vacask", "ngspice"}
        The circuit simulator.
    folder : path, optional
        Where to keep netlist, log and results; default: a folder that is removed afterwards.
    timeout : float
        Time limit in s.

    Returns
    -------
    Result
        Currents of all lines and final states of the cells.

    Raises
    ------
    ValueError
        If there is no simulator of that name, or it is too old.
    FileNotFoundError, ModuleNotFoundError
        If it is not installed, or the folder is not there.
    SimulationError
        If it fails or takes too long; the end of its log is shown.

    Warns
    -----
    RuntimeWarning
        If cells came to the end of their tape; the message names its length. Such a state cannot be read back.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import array_circuit, read_bench, simulate
    >>> cells = sg.CellArray((2, 2), rng=1)
    >>> bench = read_bench(array_circuit(cells, "read", wire_resistance=1.0), [0.2, 0.2])
    >>> simulate(bench, "vacask").rows[0]  # A, of each row  # doctest: +SKIP
    array([4.47911320e-06, 7.77422924e-06])
    """
    found = find_simulator(simulator)
    language = RUNNABLE[simulator]()
    compiled = compile_osdi(bench.array.model)
    given = nullcontext(existing(folder)) if folder is not None else tempfile.TemporaryDirectory()
    with given as place:
        # beside the netlist, for simulators take few paths as they are
        library = Path(shutil.copyfile(compiled, Path(place) / f"{bench.array.model.module}.osdi"))
        path = write_lines(netlist(bench, language, library.name), Path(place) / f"bench{language.suffix}")
        files = found.run(path, language.results(bench), timeout=timeout)
        vectors = [language.vectors(file) for file in files]
    result = _result(bench, language, vectors[0], vectors[-1])
    if result.ended:
        warnings.warn(_end_of_tape(result.ended, bench.array), RuntimeWarning, stacklevel=2)
    return result


def _end_of_tape(count: int, array: ArrayCircuit) -> str:
    if array.model.kind == "pulse":
        return (
            f"{count} of {math.prod(array.shape)} cells of kind pulse should have set once more than they can, and"
            " stayed as they were: make the circuit with cells of kind tape"
        )
    return (
        f"{count} of {math.prod(array.shape)} cells came to the end of their tape of {array.model.cycles} cycles, and"
        " stayed in their LRS where they should have begun a further one: make the circuit with more cycles"
    )


def _result(
    bench: Testbench, language: RunnableDialect, vectors: dict[str, Float64Array], finals: dict[str, Float64Array]
) -> Result:
    """Take currents from the vectors of the analysis, and states from those of the final state."""
    array = bench.array
    points = len(next(iter(vectors.values())))
    time = vectors.get("time", np.zeros(1))
    floating = np.full(points, np.nan)

    def currents(letter: str, count: int) -> Float64Array:
        names = [language.current_name(f"v{letter}{k}") for k in range(count)]
        return np.stack([vectors.get(name, floating) for name in names], axis=1)

    state: dict[str, Float64Array] = {}
    trace: dict[str, Float64Array] = {}
    if bench.stop is not None:
        cells = array.cell_names()
        for output in array.model.outputs:
            state[output] = language.final_states(finals, output, cells).reshape(array.shape)
            if bench.trace:
                trace[output] = language.states(vectors, output, cells).reshape(points, *array.shape)
    # a source's current is counted into its node's end
    return Result(bench, time, currents("r", array.shape[0]), -currents("c", array.shape[1]), state, trace)
