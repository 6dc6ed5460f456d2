"""How a pulse reaches one line of cells, and what the others see of it.

A crossbar without selectors is written line by line: one row is selected, and each column brings its own amplitude.
A cell sees the potential of its column minus that of its row. With m the amplitude of largest magnitude of a pulse:

    scheme   selected row   other rows   selected column j   other columns   other cells see at most
    V/2      -m/2           0            U_j - m/2           0               m/2, those of the row and of the columns
    V/3      0              2m/3         U_j                 m/3             m/3, all of them
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, checks

if TYPE_CHECKING:
    from synaptogen.array import CellArray
    from synaptogen.wires import Wires

Potentials: TypeAlias = tuple[float, float, AnyArray]
"""Of the selected row, of the other rows, and of the columns, in V."""


def half(u: AnyArray) -> Potentials:
    """Potentials of the scheme V/2 for the amplitudes (columns,) of one row, 0: not selected."""
    m = _largest(u)
    return -m / 2, 0.0, np.where(u != 0, u - m / 2, 0)


def third(u: AnyArray) -> Potentials:
    """Potentials of the scheme V/3."""
    m = _largest(u)
    return 0.0, 2 * m / 3, np.where(u != 0, u, m / 3)


SCHEMES: dict[str, Callable[[AnyArray], Potentials]] = {"V/2": half, "V/3": third}


def _largest(u: AnyArray) -> float:
    return float(u[np.argmax(np.abs(u))])


def line_voltages(scheme: str, row: int, u: AnyArray, shape: tuple[int, int]) -> AnyArray:
    """What each cell of an array of ``shape`` sees while ``row`` is written with amplitudes ``u`` (columns,) in V."""
    selected, others, columns = checks.named("scheme", scheme, SCHEMES)(u)
    rows = np.full((shape[0], 1), others, u.dtype)
    rows[row] = selected
    seen: AnyArray = columns.astype(u.dtype) - rows
    seen[row] = np.where(u != 0, u, seen[row])  # to the last bit: thresholds are sharp
    return seen


def apply_selected(
    cells: "CellArray", u: ArrayLike, scheme: str, *, parallel: bool = True, wires: "Wires | None" = None
) -> None:
    """Apply amplitudes to selected cells of a crossbar without selectors, line by line; the others see their share.

    Each row takes one pulse for its negative amplitudes (SET) and one for its positive ones (RESET).

    Parameters
    ----------
    cells : CellArray of shape (rows, columns)
    u : array that broadcasts to the shape of the cells
        Amplitudes in V; 0: the cell is not selected.
    scheme : {"V/2", "V/3"}
    parallel : bool
        All selected cells of a row at once; else one after the other.
    wires : Wires, optional
        The pulses come through lines with resistance.

    Raises
    ------
    ValueError
        If the cells are not a crossbar, a voltage is not finite, a shape does not fit, or there is no such scheme. No
        cell has changed then.
    """
    shape = checks.crossbar(cells.shape)
    checks.one_of("scheme", scheme, SCHEMES)
    flat = checks.voltages("u", u, shape, cells.dtype.type)
    for seen in pulses(np.broadcast_to(flat, cells.size).reshape(shape), scheme, parallel):
        cells.apply_voltage(seen, wires=wires)


def pulses(u: AnyArray, scheme: str, parallel: bool = True) -> Iterator[AnyArray]:
    """What all cells see, pulse by pulse, while amplitudes (rows, columns) are applied to selected cells."""
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
