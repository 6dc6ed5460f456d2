"""Voltages on cells through lines with resistance: programming, and what it disturbs."""

import warnings
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen import checks

from .network import solve
from .parameters import Wires
from .solver import NotConvergedError

if TYPE_CHECKING:
    from synaptogen.array import CellArray

Float64Array: TypeAlias = NDArray[np.float64]

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


def apply_through_lines(cells: "CellArray", u: ArrayLike, wires: Wires) -> None:
    """Apply voltages through wires; cells that switch change what the others see, until nothing moves.

    A pulse whose edges are short against switching: cells that the lines as they were before can set, set together.
    (On slow edges they would one by one, and each that has set draws current that the others miss: fewer would.)
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
