"""Selection schemes: pulses on one line of a crossbar without selectors, and the voltages of the other cells.

Such a crossbar is written line by line: one row is selected, and each column is driven with its own amplitude. The
voltage of a cell is the potential of its column minus that of its row. With m the amplitude of largest magnitude:

    scheme   selected row   other rows   selected column j   other columns   largest voltage of other cells
    V/2      -m/2           0            U_j - m/2           0               m/2, in the row and in the columns
    V/3      0              2m/3         U_j                 m/3             m/3, everywhere

For V/3 this holds if all amplitudes of the row are equal: cells in the column of a smaller amplitude get U_j - 2m/3, at
most 2m/3 in magnitude.
"""

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, checked, checks
from synaptogen.array import CellArray
from synaptogen.state import pulse_widths
from synaptogen.wires import Wires

Scheme: TypeAlias = Literal["V/2", "V/3"]
Potentials: TypeAlias = tuple[float, float, AnyArray]
"""Potentials in V of the selected row, of the other rows, and of the columns (columns,)."""


def _half(u: AnyArray) -> Potentials:
    """Return the potentials of the scheme V/2 for the amplitudes (columns,) of one row; 0: not selected."""
    m = _largest(u)
    return -m / 2, 0.0, np.where(u != 0, u - m / 2, 0)


def _third(u: AnyArray) -> Potentials:
    """Return the potentials of the scheme V/3."""
    m = _largest(u)
    return 0.0, 2 * m / 3, np.where(u != 0, u, m / 3)


SCHEMES: dict[Scheme, Callable[[AnyArray], Potentials]] = {"V/2": _half, "V/3": _third}


def _largest(u: AnyArray) -> float:
    return float(u[np.argmax(np.abs(u))])


def line_voltages(scheme: Scheme, row: int, u: AnyArray, shape: tuple[int, int]) -> AnyArray:
    """Return the voltage of each cell while one row is written.

    Parameters
    ----------
    scheme : {"V/2", "V/3"}
        Selection scheme.
    row : int
        Selected row.
    u : array of shape (columns,)
        Amplitudes in V; 0: the cell is not selected.
    shape : (int, int)
        Rows and columns of the crossbar.

    Returns
    -------
    array of shape (rows, columns)
        V.
    """
    checks.one_of("scheme", scheme, SCHEMES)
    selected, others, columns = SCHEMES[scheme](u)
    rows = np.full((shape[0], 1), others, u.dtype)
    rows[row] = selected
    voltages: AnyArray = columns.astype(u.dtype) - rows
    voltages[row] = np.where(u != 0, u, voltages[row])  # exact to the last bit, since thresholds are sharp
    return voltages


@checked
def apply_selected(
    cells: CellArray,
    u: ArrayLike,
    scheme: Scheme,
    *,
    parallel: bool = True,
    wires: Wires | None = None,
    width: float | None = None,
) -> None:
    """Apply amplitudes to selected cells of a crossbar without selectors, line by line, and disturb the others.

    Each row gets one pulse for its negative amplitudes (SET) and one for its positive ones (RESET). Unselected cells
    get the part of each pulse that the scheme leaves on them.

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
        Cells to change.
    u : array that broadcasts to the shape of the cells
        Amplitudes in V; 0: the cell is not selected.
    scheme : {"V/2", "V/3"}
        Selection scheme.
    parallel : bool
        Write all selected cells of a row at once; otherwise one after the other.
    wires : Wires, optional
        Resistances of the lines that the pulses pass.
    width : float, optional
        Width of each pulse in s, see `CellArray.apply_voltage`.

    Raises
    ------
    ValueError
        If the cells are not a crossbar, a voltage is not finite, a shape does not fit, there is no such scheme, or the
        cells know no such width. No cell has changed then.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import apply_selected
    >>> cells, u = sg.CellArray((4, 4), rng=1), np.zeros((4, 4))
    >>> u[1, 2] = -1.5
    >>> apply_selected(cells, u, "V/3")
    >>> np.argwhere(cells.mode == sg.Mode.LRS).tolist()
    [[1, 2]]
    """
    shape = checks.crossbar(cells.shape)
    checks.one_of("scheme", scheme, SCHEMES)
    flat = checks.voltages("u", u, shape, cells.dtype.type)
    if width is not None:
        pulse_widths("width", width, cells.params, 1)
    for voltages in pulses(np.broadcast_to(flat, cells.size).reshape(shape), scheme, parallel):
        cells.apply_voltage(voltages, wires=wires, width=width)


def pulses(u: AnyArray, scheme: Scheme, parallel: bool = True) -> Iterator[AnyArray]:
    """Generate the voltages of all cells, pulse by pulse, while amplitudes are applied to selected cells.

    Parameters
    ----------
    u : array of shape (rows, columns)
        Amplitudes in V; 0: the cell is not selected.
    scheme : {"V/2", "V/3"}
        Selection scheme.
    parallel : bool
        Write all selected cells of a row at once; otherwise one after the other.

    Yields
    ------
    array of shape (rows, columns)
        V.
    """
    shape = u.shape[0], u.shape[1]
    for row in np.flatnonzero(u.any(axis=1)):
        for sign in (-1, 1):
            wanted = np.where(u[row] * sign > 0, u[row], u.dtype.type(0))
            columns = np.flatnonzero(wanted)
            groups = [columns] if parallel else columns.reshape(-1, 1)
            for group in groups if len(columns) else []:
                line = np.zeros_like(wanted)
                line[group] = wanted[group]
                yield line_voltages(scheme, int(row), line, shape)
