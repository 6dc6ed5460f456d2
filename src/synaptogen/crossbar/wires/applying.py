"""Voltages on cells through lines with resistance: programming, and what it disturbs."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen import checks

from .network import solve
from .parameters import Wires

if TYPE_CHECKING:
    from synaptogen.array import CellArray

Float64Array: TypeAlias = NDArray[np.float64]

MOST_ROUNDS = 100
SETTLED = 1e-4  # V


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

    Quasi-static, as the model: of the voltages that a cell sees on the way, a SET by the first that suffices and the
    ratchet of RESET by the largest are kept.
    """
    rows, columns = line_voltages(u, checks.crossbar(cells.shape))
    before = np.zeros(cells.shape)
    for _ in range(MOST_ROUNDS):
        seen = solve(cells, wires, rows=rows, columns=columns).cells
        if np.abs(seen - before).max() <= SETTLED:
            return
        cells.apply_voltage(seen)
        before = seen
