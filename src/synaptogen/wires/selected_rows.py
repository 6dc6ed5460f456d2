"""Solution and pulses of one row of an array with selectors; the cells of all other rows are switched off."""

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.state import ticks_of

from .parameters import Chains, Wires
from .problem import Network
from .protocols import SwitchingCells
from .pulses import MOST_ROUNDS, SETTLED, respond


def solve_row(cells: SwitchingCells, wires: Wires, row: int, u: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Solve one row: the word line is at 0 V behind its driver, the columns are driven.

    Each bit line carries the current of one cell only, so it is a resistance in series that grows with the distance of
    the row from the end at which the line is connected.

    Parameters
    ----------
    cells : SwitchingCells of shape (rows, columns)
        The whole array.
    wires : Wires
        Resistances of the lines.
    row : int
        Selected row.
    u : array of shape (columns,)
        Voltages in V of the columns.

    Returns
    -------
    voltages : array of shape (columns,)
        Voltages in V across the cells.
    currents : array of shape (columns,)
        Currents in A through the cells.

    Raises
    ------
    NotConvergedError
        If the tolerance of ``wires`` cannot be reached.
    """
    rows, columns = cells.shape
    own, above, below = wires.of_row(row, (rows, columns))
    top, bottom = above + wires.source, below + wires.source
    with np.errstate(invalid="ignore", divide="ignore"):  # lines without resistance, and open ones
        both = np.where(np.isinf(top), bottom, np.where(np.isinf(bottom), top, top * bottom / (top + bottom)))
    series = {"top": top, "bottom": bottom, "both": np.where(top + bottom == 0.0, 0.0, both)}[wires.bit_ends]
    line = cells[row : row + 1]
    network = Network(
        own.chains("word", True, np.zeros(1, np.bool_), columns),
        Chains(0.0, series, np.full(columns, np.inf)),
        np.zeros((1, 1)),
        np.ascontiguousarray(u, np.float64)[None],
        np.zeros((1, 1)),
        np.zeros((1, columns)),
    )
    from . import newton  # here, since it loads Numba

    model = newton.ModelCells(line.r, -1.0, line.state.constants)
    ((_, state),) = newton.solve(model, network, wires.tolerance, 1)
    voltages = (network.bit_voltages - network.word_voltages) + (state.b - state.w)[0]
    return voltages[0], -state.currents[0, 0]


def apply_to_row(cells: SwitchingCells, wires: Wires, row: int, u: Float64Array, width: float | None = None) -> None:
    """Apply voltages of columns to one row, and solve again after each change of cells until no voltage changes.

    Parameters
    ----------
    cells : SwitchingCells of shape (rows, columns)
        The whole array.
    wires : Wires
        Resistances of the lines.
    row : int
        Selected row.
    u : array of shape (columns,)
        Voltages in V of the columns.
    width : float, optional
        Width of the pulse in s, see `apply_through_lines`.

    Raises
    ------
    NotConvergedError
        If the tolerance of ``wires`` cannot be reached.
    """
    line, before = cells[row : row + 1], np.zeros(len(u))
    if width is not None:
        cells.state.wait(ticks_of(width), None)
    more = False
    for _ in range(MOST_ROUNDS if width is None else MOST_ROUNDS + len(u)):
        voltages, _ = solve_row(cells, wires, row, u)
        if np.abs(voltages - before).max() <= SETTLED and not more:
            return
        more = respond(line, voltages[None], width)
        before = voltages
