"""Drivers: they apply the pulses of a programming method to cells, read these, and account for energy."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.array import CellArray
from synaptogen.crossbar.selection import Scheme, pulses


def read_cells(cells: CellArray, reads: int) -> AnyArray:
    """Return the mean of several reads at the read voltage.

    Parameters
    ----------
    cells : CellArray
        Cells to read.
    reads : int
        Number of reads.

    Returns
    -------
    array of the shape of the cells
        Conductances in S.
    """
    total = sum(cells.read() for _ in range(reads))
    return np.asarray(total / cells.dtype.type(reads * cells.params.u_read))


def applied(cells: CellArray, u: AnyArray, acting: float | None) -> AnyArray:
    """Return the voltages of pulses that do the same as pulses of the reference width.

    Parameters
    ----------
    cells : CellArray
        The cells, of whose parameter set the law of pulse widths is.
    u : array
        Amplitudes in V at the reference width.
    acting : float, optional
        Width in s; None: that of the reference.

    Returns
    -------
    array
        Amplitudes in V.
    """
    law = cells.params.pulse_width
    if law is None or acting is None:
        return u
    wanted = law.applied_voltage(u, acting).astype(u.dtype)
    # up to the next number: a full RESET stays one when cells divide again
    return np.asarray(np.where(u == 0.0, u, np.nextafter(wanted, np.copysign(u.dtype.type(np.inf), u))))


def _apply_pulse(cells: CellArray, u: AnyArray, width: float, acting: float | None) -> AnyArray:
    """Apply voltages, and return the energy in J of each cell for square pulses of a width in s.

    This is an estimate: the current is taken as the mean of the currents before and after.
    """
    u = applied(cells, u, acting)
    before = cells.current(u)
    after = cells.sweep(u[None], width=acting)[0]
    return np.asarray(np.abs(u * (before + after)) * before.dtype.type(width / 2))


class PulseDriver(Protocol):
    """Applies pulses to some cells of an array, and reads them; the programming methods know no other way to the cells.

    The cells are given as a view of the array, and by their flat places in it.
    """

    def __call__(self, cells: CellArray, index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each cell, and return the energy of each.

        Parameters
        ----------
        cells : CellArray of shape (m,)
            View of the cells.
        index : array of int of shape (m,)
            Their flat places in the array.
        u : array of shape (m,)
            Amplitudes in V.

        Returns
        -------
        array of shape (m,)
            Energies in J.
        """
        ...

    def read(self, cells: CellArray, index: AnyArray, reads: int) -> AnyArray:
        """Read cells, with the noise of the mean of several reads.

        Parameters
        ----------
        cells : CellArray of shape (m,)
            View of the cells.
        index : array of int of shape (m,)
            Their flat places in the array.
        reads : int
            Number of reads.

        Returns
        -------
        array of shape (m,)
            Conductances in S.
        """
        ...


class _DirectReads:
    def read(self, cells: CellArray, index: AnyArray, reads: int) -> AnyArray:
        """Read the cells themselves, see `PulseDriver.read`."""
        return read_cells(cells, reads)


@dataclass(frozen=True)
class IsolatedDriver(_DirectReads):
    """Driver of cells with selectors: a pulse reaches no other cell.

    Parameters
    ----------
    width : float
        Width of pulses in s, for the energy.
    acting : float, optional
        Width in s as which they act; None: that of the reference, and they take no time.
    """

    width: float
    acting: float | None = None

    def __call__(self, cells: CellArray, index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each cell, see `PulseDriver.__call__`."""
        return _apply_pulse(cells, u, self.width, self.acting)


@dataclass(frozen=True)
class LineDriver(_DirectReads):
    """Driver of a crossbar without selectors: a pulse on a line also reaches, and heats, unselected cells.

    Parameters
    ----------
    crossbar : CellArray of shape (rows, columns)
        The whole array.
    scheme : {"V/2", "V/3"}
        Selection scheme.
    width, acting
        As for `IsolatedDriver`.
    """

    crossbar: CellArray
    scheme: Scheme
    width: float
    acting: float | None = None

    def __call__(self, cells: CellArray, index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each cell; the energy of all cells of the array is divided evenly among them."""
        wanted = np.zeros(self.crossbar.shape, self.crossbar.dtype)
        wanted.reshape(-1)[index] = u
        energy = 0.0
        for voltages in pulses(wanted, self.scheme):
            energy += float(_apply_pulse(self.crossbar, voltages, self.width, self.acting).sum(dtype=float))
        return np.full(len(index), energy / len(index), self.crossbar.dtype)
