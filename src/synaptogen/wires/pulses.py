"""Voltages on cells through lines with resistance: programming, and what it disturbs."""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checks
from synaptogen.state import Mode

from .network import solve
from .parameters import Wires
from .problem import NotConvergedError
from .protocols import SwitchingCells

MOST_ROUNDS = 1000  # a dozen are usual; more where a RESET hardly gains on the voltage that it raises
SETTLED = 1e-6  # V


def line_voltages(u: ArrayLike, shape: tuple[int, int]) -> tuple[Float64Array, Float64Array]:
    """Voltages of rows (rows,) and of columns (columns,) with u[i, j] = columns[j] - rows[i], rows[0] = 0.

    Adding one voltage to all lines changes no current, so one line may be given any.

    Raises
    ------
    ValueError
        If there are none: then not all of these voltages can be applied at once.
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


def apply_through_lines(cells: SwitchingCells, u: ArrayLike, wires: Wires) -> None:
    """Apply voltages through wires; cells that switch change what the others see, until nothing moves.

    A pulse whose edges are short against switching: cells that it can set as the array was before, set together. (See
    `apply_slowly` for long edges.)
    RESET raises the voltages of others, never lowers them, so its outcome depends on no order: the smallest ratchets
    that fit the voltages.

    Raises
    ------
    ValueError
        As `line_voltages`; no cell has changed then.
    NotConvergedError
        As `solve`; cells may have changed.

    Warns
    -----
    RuntimeWarning
        If voltages still move after `MOST_ROUNDS` rounds. Cells are then on their way, as after a shorter pulse; the
        same voltages, applied again, take them further.
    """
    rows, columns = line_voltages(u, checks.crossbar(cells.shape))
    before = np.zeros(cells.shape)
    for _ in range(MOST_ROUNDS):
        try:
            seen = solve(cells, wires, rows=rows, columns=columns).cells
        except NotConvergedError as error:
            error.add_note("cells that had switched until then stay so: apply the same voltages again to go on")
            raise
        moved = np.abs(seen - before).max()
        if moved <= SETTLED:
            return
        cells.apply_voltage(seen)
        before = seen
    warnings.warn(
        f"voltages of cells still moved by {moved:.1g} V after {MOST_ROUNDS} rounds of switching and solving: apply "
        "the same voltages again, and cells go on from where they are",
        RuntimeWarning,
        stacklevel=3,
    )


def apply_slowly(cells: SwitchingCells, u: ArrayLike, wires: Wires, *, steps: int = 100) -> None:
    """Apply voltages through wires that rise together, so slowly that cells set one after the other.

    A cell that has set draws current, and through the wires it takes voltage from the others; so fewer set than in a
    pulse with short edges, ``cells.apply_voltage(u, wires=wires)``. RESET knows no such difference.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
    u : float or array that broadcasts to ``cells.shape``
        Voltages in V at the end of the ramp, u[i, j] = columns[j] - rows[i].
    wires : Wires
    steps : int
        Steps of the ramp. Of several cells that can set in one step, the one that needs the smallest part of its
        voltage does first.

    Raises
    ------
    ValueError, TypeError
        If u is no such difference or not finite, or ``steps`` not an int of at least 1. No cell has changed then.
    NotConvergedError
        As `solve`; cells may have changed.
    """
    rows, columns = line_voltages(u, checks.crossbar(cells.shape))
    for part in np.linspace(0.0, 1.0, checks.positive_int("steps", steps) + 1)[1:]:
        while True:
            seen = solve(cells, wires, rows=part * rows, columns=part * columns).cells
            over = np.where(cells.mode == Mode.LRS, 0.0, seen / cells.features.u_set)
            if over.max() >= 1.0:
                cells.apply_voltage(seen, where=over == over.max())
                continue
            before = cells.r
            cells.apply_voltage(seen, where=seen > 0.0)
            if np.abs(cells.r - before).max() <= SETTLED:
                break
