"""One row of an array whose cells have selectors: those of all other rows are switched off."""

import numpy as np

from synaptogen._utils import Float64Array

from .parameters import Chains, Wires
from .problem import Network
from .protocols import SwitchingCells
from .pulses import MOST_ROUNDS, SETTLED


def solve_row(cells: SwitchingCells, wires: Wires, row: int, u: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Voltages in V and currents in A of the cells of a row, (columns,), for voltages ``u`` of the columns.

    The word line is at 0 V behind its driver. Bit lines carry the current of one cell each, so they are resistances in
    series, as long as the row is far from where they are connected.

    Raises
    ------
    NotConvergedError
        As `solve`.
    """
    rows, columns = cells.shape
    top, bottom = (wires.bit * segments + wires.source for segments in (row + 1, rows - row))
    series = {"top": top, "bottom": bottom, "both": top * bottom / (top + bottom) if top + bottom else 0.0}[
        wires.bit_ends
    ]
    line = cells[row : row + 1]
    network = Network(
        wires.chains("word", True, np.zeros(1, np.bool_)),
        Chains(0.0, np.full(columns, series), np.full(columns, np.inf)),
        np.zeros((1, 1)),
        np.ascontiguousarray(u, np.float64)[None],
        np.zeros((1, 1)),
        np.zeros((1, columns)),
    )
    from . import newton

    model = newton.ModelCells(line.r, -1.0, line.state.constants)
    ((_, state),) = newton.solve(model, network, wires.tolerance, 1)
    seen = (network.bit - network.word) + (state.b - state.w)[0]
    return seen[0], -state.currents[0, 0]


def apply_to_row(cells: SwitchingCells, wires: Wires, row: int, u: Float64Array) -> None:
    """Apply voltages of columns to a row; cells that switch change what the others see, until nothing moves."""
    line, before = cells[row : row + 1], np.zeros(len(u))
    for _ in range(MOST_ROUNDS):
        seen, _ = solve_row(cells, wires, row, u)
        if np.abs(seen - before).max() <= SETTLED:
            return
        line.apply_voltage(seen[None])
        before = seen
