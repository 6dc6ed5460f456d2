"""A cell behind a resistor, quasi-static, in Python: the reference for circuit simulators."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from synaptogen._utils import Float64Array, checks
from synaptogen.array import CellArray
from synaptogen.engines import FIELDS
from synaptogen.model import iv
from synaptogen.state import Mode

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


def sweep_behind_resistor(cell: CellArray, volts: ArrayLike, ohms: float, *, set_hold: float = 0.0) -> LoadLine:
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
    set_hold : float
        Share of U_SET, above 0 and below 1, at which a SET stops, as in `array_circuit`: the LRS is then above the
        cell's own where the resistor limits the current. The result holds it; ``cell`` itself is left in its own LRS.
        0: each SET goes on to the cell's own LRS.

    Returns
    -------
    LoadLine
        Voltage, current and state of the cell at each voltage, arrays of shape (T,).

    Raises
    ------
    ValueError
        If there is not one cell, voltages are not finite or not one row, the resistance is negative, or
        ``set_hold`` is no share.

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
    if not 0.0 <= set_hold < 1.0:
        raise ValueError(f"set_hold={set_hold!r}: give a share of U_SET above 0 and below 1, or 0 for none")
    behind = _Behind(cell, ohms, set_hold)
    points = np.array([_point(behind, u) for u in source.tolist()]).reshape(len(source), 5)
    return LoadLine(*points.T)


class _Behind:
    """A cell behind a resistor, whose LRS the current may have limited."""

    def __init__(self, cell: CellArray, ohms: float, set_hold: float) -> None:
        self.cell, self.ohms, self.set_hold = cell, ohms, set_hold
        self.p = cell.params.constants()
        self._lrs: float | None = None  # mixing state of the LRS, where the last SET was behind the resistor
        self._u_reset = 0.0  # at which RESET begins from there

    @property
    def mode(self) -> int:
        """Mode, a number of `synaptogen.Mode`."""
        return int(np.ravel(self.cell.mode)[0])

    @property
    def r(self) -> float:
        """Mixing state."""
        if self._lrs is None or self.mode == Mode.HRS:
            return float(np.ravel(self.cell.r)[0])
        if self.mode == Mode.LRS:
            return self._lrs
        now = self._fields()
        curve = iv.transition(self._lrs, self._u_reset, now["r_hrs"], self.p)
        return float(iv.partial_reset(curve, now["u_ratchet"], self.p))

    def apply(self, u: float, source: float) -> None:
        """Apply a voltage to the cell, which the source and the resistor have brought there."""
        before, was_set = self.r, self.mode == Mode.LRS
        self.cell.apply_voltage(u)
        if self.set_hold and self.mode == Mode.LRS:
            if not was_set:
                self._lrs, self._u_reset = before, self._fields()["u_reset"]
            if self._lrs is not None:
                self._lrs = min(self._lrs, self._stops_at(source))

    def _stops_at(self, source: float) -> float:
        """Return the mixing state at which a SET would stop: the cell's own, or the one that the current leaves."""
        now = self._fields()
        stop = self.set_hold * now["u_set"]
        if source > stop:
            return math.inf
        if self.ohms == 0.0:
            return now["r_lrs"]
        return max(now["r_lrs"], float(iv.mixing_from_current((source - stop) / self.ohms, stop, self.p)))

    def _fields(self) -> dict[str, float]:
        return dict(zip(FIELDS, self.cell.state.fields().ravel().tolist(), strict=True))


def _point(behind: _Behind, source: float) -> tuple[float, float, float, float, float]:
    """Let the cell come to rest; return the numbers of a `LoadLine`."""
    u = _meet(behind, source)
    for _ in range(MOST_MOVES):
        before = behind.r
        behind.apply(u, source)
        if behind.r == before:
            break
        last, u = u, _meet(behind, source)
        if abs(u - last) < SETTLED or u * last <= 0.0 or abs(u) < abs(last):
            break  # a cell that has SET is at rest at once: its voltage has fallen
    cycle = float(np.ravel(behind.cell.cycle)[0])
    return u, float(iv.current(behind.r, u, behind.p)), behind.r, float(behind.mode), cycle


def _meet(behind: _Behind, source: float) -> float:
    """Return the voltage at which the cell, in its present state, meets the load line: the first from 0 V on.

    There may be others where the current falls with the voltage; a source that rises from 0 V does not get there.
    """
    p, r, ohms = behind.p, behind.r, behind.ohms
    if ohms == 0.0 or source == 0.0:
        return source

    def excess(u: float) -> float:
        return float(u + ohms * iv.current(r, u, p) - source)

    grid = np.linspace(0.0, source, GRID)
    beyond = np.flatnonzero((grid + ohms * iv.current(r, grid, p) - source) * np.sign(source) >= 0.0)
    return float(brentq(excess, grid[beyond[0] - 1], grid[beyond[0]], xtol=1e-15, rtol=1e-14))
