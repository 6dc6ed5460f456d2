"""Pulses applied through lines with resistance: programming, and its disturbance of other cells."""

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checked, checks
from synaptogen.state import Mode, ticks_of

from .network import solve
from .parameters import Wires
from .problem import NotConvergedError
from .protocols import SwitchingCells

MOST_ROUNDS = 1000  # a dozen are usual; more where each step of a RESET raises the cell's voltage almost as much again
SETTLED = 1e-6  # V; change of a cell voltage (and of a mixing state) that counts as none


def line_voltages(u: ArrayLike, shape: tuple[int, int]) -> tuple[Float64Array, Float64Array]:
    """Return the voltages of lines that give each cell its voltage, with u[i, j] = columns[j] - rows[i].

    Adding one voltage to all lines changes no current, so rows[0] is set to 0 V.

    Parameters
    ----------
    u : float or array that broadcasts to ``shape``
        Cell voltages in V.
    shape : (int, int)
        Rows and columns.

    Returns
    -------
    rows : array of shape (rows,)
        Voltages in V of word lines.
    columns : array of shape (columns,)
        Voltages in V of bit lines.

    Raises
    ------
    ValueError
        If there are no such voltages: then the cell voltages cannot be applied at once.
    """
    given = checks.finite("u", u, np.float64)
    try:
        wanted = np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"u has shape {given.shape}, which does not broadcast to the shape {shape} of cells") from None
    columns, rows = wanted[0].copy(), wanted[0, 0] - wanted[:, 0]
    if np.abs(columns - rows[:, None] - wanted).max() > 1e-6 * max(1.0, float(np.abs(wanted).max())):
        raise ValueError(
            "u cannot be applied through lines at once: it is not u[i, j] = columns[j] - rows[i]; apply it line by line"
        )
    return rows, columns


def apply_through_lines(cells: SwitchingCells, u: ArrayLike, wires: Wires, width: float | None = None) -> None:
    """Apply voltages through wires, and solve again after each change of cells until no cell voltage changes.

    This is a pulse whose edges are short compared with switching: all cells that can be set in the state before the
    pulse are set together (see `apply_slowly` for long edges). With a width and a law of pulse widths, cells are set
    one after the other, in the order of the times that they take. A RESET can only raise the voltages of other cells,
    so its outcome does not depend on an order: it is the smallest change of the cells that fits the voltages.

    Parameters
    ----------
    cells : SwitchingCells of shape (rows, columns)
        Cells to change.
    u : float or array that broadcasts to ``cells.shape``
        Voltages in V without wires, u[i, j] = columns[j] - rows[i].
    wires : Wires
        Resistances of the lines.
    width : float, optional
        Width of the pulse in s. Lines and currents have the voltages as they are; cells switch as the law of pulse
        widths says. Default: that of the reference.

    Raises
    ------
    ValueError
        If ``u`` is no such difference, or not finite. No cell has changed then.
    NotConvergedError
        If `solve` cannot reach the tolerance; cells may have changed.

    Warns
    -----
    RuntimeWarning
        If voltages still change after `MOST_ROUNDS` rounds. The cells are then as after a shorter pulse; applying the
        same voltages again takes them further.
    """
    rows, columns = line_voltages(u, checks.crossbar(cells.shape))
    before = np.zeros(cells.shape)
    if width is not None:
        cells.state.wait(ticks_of(width), None)
    more, rounds = False, MOST_ROUNDS if width is None else MOST_ROUNDS + math.prod(cells.shape)
    for _ in range(rounds):
        try:
            voltages = solve(cells, wires, rows=rows, columns=columns).cells
        except NotConvergedError as error:
            error.add_note("cells that had switched until then stay so: apply the same voltages again to go on")
            raise
        moved = np.abs(voltages - before).max()
        if moved <= SETTLED and not more:
            return
        more = respond(cells, voltages, width)
        before = voltages
    warnings.warn(
        f"voltages of cells still moved by {moved:.1g} V after {rounds} rounds of switching and solving: apply "
        "the same voltages again, and cells go on from where they are",
        RuntimeWarning,
        stacklevel=3,
    )


def respond(cells: SwitchingCells, voltages: Float64Array, width: float | None) -> bool:
    """Let cells respond to their voltages in the course of a pulse.

    Parameters
    ----------
    cells : SwitchingCells
        The cells.
    voltages : array of the shape of the cells
        Their voltages in V at present.
    width : float, optional
        Width of the pulse in s; None: that of the reference.

    Returns
    -------
    bool
        Whether other cells are to be set in what is left of the pulse, if their voltages stay.
    """
    acting = cells.state.acting(voltages, width)
    if width is None or cells.state.params.pulse_width is None:
        cells.apply_voltage(acting)
        return False
    # f falls in time, and is the same for all: the cell sets first whose voltage is the largest share of its threshold
    u_set = cells.features.u_set
    due, share = (cells.mode != Mode.LRS) & (acting <= u_set), acting / u_set
    first = due & (share == np.max(share, where=due, initial=0.0))
    cells.apply_voltage(acting, where=first | (acting > 0.0))
    return bool(due.sum() > first.sum())


@checked
def apply_slowly(cells: SwitchingCells, u: ArrayLike, wires: Wires, *, steps: int = 100, width: None = None) -> None:
    """Apply voltages through wires that rise together, so slowly that cells are set one after the other.

    A cell that has been set draws more current, which lowers the voltages of the others through the wires. Fewer cells
    are set than by a pulse with short edges, ``cells.apply_voltage(u, wires=wires)``. For RESET there is no difference.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
        Cells to change.
    u : float or array that broadcasts to ``cells.shape``
        Voltages in V at the end of the ramp, u[i, j] = columns[j] - rows[i].
    wires : Wires
        Resistances of the lines.
    steps : int
        Steps of the ramp. If several cells can be set in one step, the one that needs the smallest share of its voltage
        is set first.
    width : None
        Widths are refused: a ramp takes its own time, for which the thresholds hold.

    Raises
    ------
    ValueError, TypeError
        If ``u`` is no such difference or not finite, ``steps`` not an int of at least 1, or a width is given. No cell
        has changed then.
    NotConvergedError
        If `solve` cannot reach the tolerance; cells may have changed.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import Wires, apply_slowly
    >>> cells, wires = sg.CellArray((8, 8), rng=1), Wires(100.0, 100.0)
    >>> slowly = cells.copy()
    >>> cells.apply_voltage(-1.0, wires=wires)
    >>> apply_slowly(slowly, -1.0, wires, steps=20)
    >>> fast, slow = (int((each.mode == sg.Mode.LRS).sum()) for each in (cells, slowly))
    >>> fast > slow > 0
    True
    """
    if width is not None:
        raise ValueError(
            "width means nothing to a slow ramp, which switches cells at the thresholds of sweeps: leave it out, or "
            "give it to cells.apply_voltage(u, wires=wires, width=width)"
        )
    rows, columns = line_voltages(u, checks.crossbar(cells.shape))
    for part in np.linspace(0.0, 1.0, checks.positive_int("steps", steps) + 1)[1:]:
        while True:
            voltages = solve(cells, wires, rows=part * rows, columns=part * columns).cells
            over = np.where(cells.mode == Mode.LRS, 0.0, voltages / cells.features.u_set)
            if over.max() >= 1.0:
                cells.apply_voltage(voltages, where=over == over.max())
                continue
            before = cells.r
            cells.apply_voltage(voltages, where=voltages > 0.0)
            if np.abs(cells.r - before).max() <= SETTLED:
                break
