"""I-V sweeps of one cell in a circuit simulator, compared with Python."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array, checked, checks
from synaptogen.array import CellArray

from .load_line import LoadLine, sweep_behind_resistor
from .netlists import Result, array_circuit, simulate, sweep_bench
from .simulators import SimulatorName
from .waveforms import PERIOD, STEP, T_SWITCH, triangles

POINTS = 600  # a sweep, at which the cell in Python is computed
NEAR = 10.0  # switching times around an event that are left out of the comparison
JUMP = 0.02  # of r between two points: an event, even if the mode stays


@dataclass(frozen=True)
class IVComparison:
    """Sweeps of a cell in a simulator and in Python, at the same times.

    Attributes
    ----------
    simulator : str
        Name of the simulator.
    ohms : float
        Resistor in series, in ohm.
    time : array of shape (T,)
        Times in s.
    source : array of shape (T,)
        Voltage of the source in V.
    current : array of shape (T,)
        Current in the simulator in A.
    python : LoadLine
        The cell in Python.
    quiet : bool array of shape (T,)
        Points that are not within 10 switching times of an event, at which the two are compared.
    cycles : int
        Cycles that the cell in the simulator has begun.
    """

    simulator: SimulatorName
    ohms: float
    time: Float64Array
    source: Float64Array
    current: Float64Array
    python: LoadLine
    quiet: BoolArray
    cycles: int

    @property
    def u(self) -> Float64Array:
        """Voltage of the cell in the simulator, in V, of shape (T,)."""
        return self.source - self.ohms * self.current

    @property
    def differences(self) -> Float64Array:
        """Current in the simulator less that in Python, in A, of shape (T,); NaN near events."""
        return np.where(self.quiet, self.current - self.python.current, np.nan)

    @property
    def largest_difference(self) -> float:
        """The largest difference away from events, in A."""
        return float(np.nanmax(np.abs(self.differences)))

    @property
    def largest_current(self) -> float:
        """The largest current in Python, in A."""
        return float(np.abs(self.python.current).max())


@checked
def compare_iv(
    cell: CellArray,
    simulator: SimulatorName = "vacask",
    *,
    sweeps: int = 3,
    u_min: float = -1.5,
    u_max: float = 1.5,
    ohms: float = 0.0,
    timeout: float = 600.0,
) -> IVComparison:
    """Sweep a cell in a circuit simulator and in Python: 0, ``u_min``, ``u_max``, 0, several times.

    A sweep takes 1 ms, the cell of kind tape follows an event within some 20 ns, steps are at most 1 us. With a
    resistor the cell in Python is on its load line, see `sweep_behind_resistor`.

    Parameters
    ----------
    cell : CellArray
        One cell; it changes as in the sweep. Its engine sets the precision of the comparison.
    simulator : {"vacask", "ngspice"}
        The circuit simulator.
    sweeps : int
        Number of sweeps.
    u_min, u_max : float
        Ends of a sweep in V, below and above 0.
    ohms : float
        Resistor in series, in ohm.
    timeout : float
        Time limit of the simulator in s.

    Returns
    -------
    IVComparison
        Both currents at the same times, and the points at which they can be compared.

    Raises
    ------
    ValueError
        If there is not one cell, its thresholds depend on the width of pulses, or a number is out of range.
    FileNotFoundError, ModuleNotFoundError, SimulationError
        If the simulator is not installed, or it fails.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit import compare_iv
    >>> cell = sg.CellArray((), rng=0, engine="reference")
    >>> found = compare_iv(cell, "vacask", sweeps=1)  # doctest: +SKIP
    >>> found.largest_difference / found.largest_current < 1e-3  # doctest: +SKIP
    True
    """
    if cell.size != 1:
        raise ValueError(f"cell holds {cell.size} cells: give one")
    if cell.params.pulse_width is not None:
        raise ValueError(
            f"cell has {cell.params.pulse_width!r}: its thresholds depend on the pace of a sweep, which quasi-static "
            "sweeps in Python do not know. Take a cell of params.with_pulse_width(None)"
        )
    if not (-np.inf < u_min < 0.0 < u_max < np.inf):
        raise ValueError(f"u_min={u_min!r}, u_max={u_max!r}: give voltages below and above 0 V")
    if not 0.0 <= ohms < np.inf:
        raise ValueError(f"ohms={ohms!r}: give a resistance in ohm of 0 or more")
    count = checks.positive_int("sweeps", sweeps)
    times, volts = triangles(count, u_min, u_max)
    result = _simulated(cell, simulator, count, times, volts, ohms, timeout)
    source = np.interp(result.time, times, volts)
    chosen = _thinned(result.time, source, PERIOD / POINTS)
    first = int(np.ravel(cell.cycle)[0])
    python = sweep_behind_resistor(cell, source[chosen], ohms)
    return IVComparison(
        simulator=simulator,
        ohms=ohms,
        time=result.time[chosen],
        source=source[chosen],
        current=result.rows[chosen, 0],
        python=python,
        quiet=_quiet(result.time[chosen], python, first),
        cycles=int(result.state["cycles_done"].item()),
    )


def _simulated(
    cell: CellArray,
    simulator: SimulatorName,
    sweeps: int,
    times: Float64Array,
    volts: Float64Array,
    ohms: float,
    timeout: float,
) -> Result:
    """Apply the waveform to a cell of kind tape, with room for a SET-RESET cycle in each sweep and one more."""
    # two wire segments lead to the one cell: its row and its column
    circuit = array_circuit(cell, "tape", cycles=sweeps + 1, t_switch=T_SWITCH, wire_resistance=0.5 * ohms)
    return simulate(sweep_bench(circuit, times, volts, step=STEP), simulator, timeout=timeout)


def _thinned(time: Float64Array, source: Float64Array, distance: float) -> NDArray[np.intp]:
    """Return indices of points that suffice for a quasi-static cell: one every ``distance`` s, and the turns."""
    slots = np.floor(time / distance)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(source)))) + 1
    return np.union1d(np.flatnonzero(np.diff(slots, prepend=-1.0)), np.append(turns, len(time) - 1))


def _quiet(time: Float64Array, python: LoadLine, first: int) -> BoolArray:
    """Mark points away from both ends of each step in which the cell in Python had an event."""
    jumps = np.abs(np.diff(python.r, prepend=python.r[:1])) > JUMP
    begins = np.diff(python.cycle, prepend=first) != 0
    events = np.flatnonzero(jumps | begins)
    ends = np.concatenate([time[events], time[np.maximum(events - 1, 0)]])
    if not len(ends):
        return np.ones(len(time), bool)
    return np.asarray(np.abs(time[:, None] - ends).min(axis=1) > NEAR * T_SWITCH)
