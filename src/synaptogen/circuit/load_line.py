"""A cell behind a resistor, quasi-static, in Python: the reference for circuit simulators."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from synaptogen._utils import Float64Array, checks
from synaptogen.array import CellArray
from synaptogen.model import iv

SETTLED = 1e-9  # V; a RESET that moves the voltage by less than this has come to rest
MOST_MOVES = 10_000
GRID = 200  # voltages between which the first meeting point is searched


class LoadLine(NamedTuple):
    """A cell behind a resistor, at rest at each voltage of the source.

    Attributes
    ----------
    u : array of shape (T,)
        Voltage of the cell in V.
    current : array of shape (T,)
        Current in A.
    r : array of shape (T,)
        Mixing state.
    mode : array of shape (T,)
        Mode, a number of `synaptogen.Mode`.
    cycle : array of shape (T,)
        Number of the running cycle.
    """

    u: Float64Array
    current: Float64Array
    r: Float64Array
    mode: Float64Array
    cycle: Float64Array


def sweep_behind_resistor(cell: CellArray, volts: ArrayLike, ohms: float) -> LoadLine:
    """Apply source voltages one after the other to a cell in series with a resistor.

    At each voltage U_source the cell comes to rest where U + R I(r, U) = U_source. A SET lowers its voltage, a RESET
    raises it, which drives the RESET on: where the transition curve falls more steeply than the load line, the cell
    snaps to the next point at which both meet. RESET is followed from meeting point to meeting point with the mixing
    state held in between. This rises to the first point of rest from below, so that no ratchet moves too far.

    Parameters
    ----------
    cell : CellArray
        One cell; it changes. Its engine sets the precision: take ``engine="reference"`` to compare to better than 1e-6.
    volts : array of shape (T,)
        Source voltages in V.
    ohms : float
        The resistor, in ohm; 0: none.

    Returns
    -------
    LoadLine
        Voltage, current and state of the cell at each voltage, arrays of shape (T,).

    Raises
    ------
    ValueError
        If there is not one cell, voltages are not finite or not one row, or the resistance is negative.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.load_line import sweep_behind_resistor
    >>> cell = sg.CellArray((), rng=1, engine="reference")
    >>> line = sweep_behind_resistor(cell, [-0.3, -2.0, 0.2], ohms=1000.0)
    >>> [sg.Mode(int(mode)).name for mode in line.mode]
    ['HRS', 'LRS', 'LRS']
    >>> bool(line.u[2] + 1000.0 * line.current[2] - 0.2 < 1e-12)
    True
    """
    if cell.size != 1:
        raise ValueError(f"cell holds {cell.size} cells: give one")
    source = checks.finite("volts", volts, np.float64)
    if source.ndim != 1:
        raise ValueError(f"volts has shape {source.shape}: give one row of voltages")
    if not 0.0 <= ohms < np.inf:
        raise ValueError(f"ohms={ohms!r}: give a resistance in ohm of 0 or more")
    points = np.array([_point(cell, u, ohms) for u in source.tolist()]).reshape(len(source), 5)
    return LoadLine(*points.T)


def _point(cell: CellArray, source: float, ohms: float) -> tuple[float, float, float, float, float]:
    """Let the cell come to rest; return the numbers of a `LoadLine`."""
    p = cell.params.constants()
    u = _meet(cell, source, ohms)
    for _ in range(MOST_MOVES):
        before = _mixing(cell)
        cell.apply_voltage(u)
        if _mixing(cell) == before:
            break
        last, u = u, _meet(cell, source, ohms)
        if abs(u - last) < SETTLED or u * last <= 0.0 or abs(u) < abs(last):
            break  # a cell that has SET is at rest at once: its voltage has fallen
    r = _mixing(cell)
    return u, float(iv.current(r, u, p)), r, float(np.ravel(cell.mode)[0]), float(np.ravel(cell.cycle)[0])


def _mixing(cell: CellArray) -> float:
    return float(np.ravel(cell.r)[0])


def _meet(cell: CellArray, source: float, ohms: float) -> float:
    """Return the voltage at which the cell, in its present state, meets the load line: the first from 0 V on.

    There may be others where the current falls with the voltage; a source that rises from 0 V does not get there.
    """
    if ohms == 0.0 or source == 0.0:
        return source
    p, r = cell.params.constants(), _mixing(cell)

    def excess(u: float) -> float:
        return float(u + ohms * iv.current(r, u, p) - source)

    grid = np.linspace(0.0, source, GRID)
    beyond = np.flatnonzero((grid + ohms * iv.current(r, grid, p) - source) * np.sign(source) >= 0.0)
    return float(brentq(excess, grid[beyond[0] - 1], grid[beyond[0]], xtol=1e-15, rtol=1e-14))
