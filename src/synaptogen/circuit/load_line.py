"""A cell behind a resistor, quasi-static, in Python: what circuit simulators are held to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from synaptogen._utils import checks
from synaptogen.array import CellArray
from synaptogen.model import iv

SETTLED = 1e-9  # V; a RESET that moves the voltage by less than this has come to rest
MOST_MOVES = 10_000
GRID = 200  # voltages among which the first meeting point is looked for


class LoadLine(NamedTuple):
    """A cell behind a resistor at each voltage of the source, each of shape (T,)."""

    u: NDArray[np.float64]
    """Voltage of the cell in V."""
    current: NDArray[np.float64]
    """Current in A."""
    r: NDArray[np.float64]
    """Mixing state."""
    mode: NDArray[np.float64]
    """Mode, of `synaptogen.Mode`."""
    cycle: NDArray[np.float64]
    """Number of the running cycle."""


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

    Raises
    ------
    ValueError
        If there is not one cell, voltages are not finite or not one row, or the resistance is negative.
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
    """The voltage at which the cell, as it is, meets the load line: the first from 0 V on.

    There may be others where the current falls with the voltage; a source that rises from 0 V does not get there.
    """
    if ohms == 0.0 or source == 0.0:
        return source
    p, r = cell.params.constants(), _mixing(cell)

    def missing(u: float) -> float:
        return float(u + ohms * iv.current(r, u, p) - source)

    grid = np.linspace(0.0, source, GRID)
    beyond = np.flatnonzero((grid + ohms * iv.current(r, grid, p) - source) * np.sign(source) >= 0.0)
    return float(brentq(missing, grid[beyond[0] - 1], grid[beyond[0]], xtol=1e-15, rtol=1e-14))
