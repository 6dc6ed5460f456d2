"""Drivers whose pulses, and on request reads, pass through wires."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.array import CellArray
from synaptogen.crossbar.selection import Scheme, pulses
from synaptogen.wires import Wires, apply_to_row, line_currents, solve, solve_row

from .pulse_driver import applied, read_cells


@dataclass(frozen=True)
class _WiredReads:
    crossbar: CellArray
    wires: Wires
    width: float
    wired_reads: bool
    acting: float | None = None

    def read(self, cells: CellArray, index: AnyArray, reads: int) -> AnyArray:
        """Read cells, see `PulseDriver.read`; the noise is that of the cells at the read voltage."""
        g = read_cells(cells, reads)
        if not self.wired_reads:
            return g
        u = self.crossbar.params.u_read
        return np.asarray(g - cells.current(u) / u + self._currents(index, u) / u, g.dtype)

    def _currents(self, index: AnyArray, u: float) -> AnyArray:
        """Return the currents of cells when their lines are read.

        Parameters
        ----------
        index : array of int of shape (m,)
            Flat places of the cells.
        u : float
            Read voltage in V.

        Returns
        -------
        array of shape (m,)
            A.
        """
        raise NotImplementedError

    def _wanted(self, index: AnyArray, u: AnyArray | float) -> AnyArray:
        wanted = np.zeros(self.crossbar.shape)
        wanted.reshape(-1)[index] = u
        return wanted


@dataclass(frozen=True)
class WiredRowDriver(_WiredReads):
    """Driver of cells with selectors behind wires: row by row, the cells of all other rows are switched off.

    Parameters
    ----------
    crossbar : CellArray of shape (rows, columns)
        The whole array.
    wires : Wires
        Resistances of the lines.
    width : float
        Width of pulses in s.
    wired_reads : bool
        Whether reads pass through the wires too.
    acting : float, optional
        Width in s as which pulses act; None: that of the reference, and they take no time.
    """

    def __call__(self, cells: CellArray, index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each cell, see `PulseDriver.__call__`; the energies include that of the wires."""
        wanted = self._wanted(index, applied(self.crossbar, u, self.acting))
        energy = np.zeros(self.crossbar.shape)
        for row, amplitudes in _by_row(wanted):
            before = solve_row(self.crossbar, self.wires, row, amplitudes)[1]
            apply_to_row(self.crossbar, self.wires, row, amplitudes, self.acting)
            after = solve_row(self.crossbar, self.wires, row, amplitudes)[1]
            energy[row] += np.abs(amplitudes * (before + after)) * self.width / 2
        return np.asarray(energy.reshape(-1)[index], self.crossbar.dtype)

    def _currents(self, index: AnyArray, u: float) -> AnyArray:
        """Read row by row, all cells of a row at once; see `_WiredReads._currents`."""
        found, wanted = np.zeros(self.crossbar.shape), self._wanted(index, u)
        for row in np.flatnonzero(wanted.any(axis=1)):
            found[row] = solve_row(self.crossbar, self.wires, int(row), wanted[row])[1]
        return found.reshape(-1)[index]


@dataclass(frozen=True)
class WiredLineDriver(_WiredReads):
    """Driver of a crossbar without selectors behind wires: each pulse reaches all cells, attenuated by the wires.

    Parameters
    ----------
    crossbar, wires, width, wired_reads, acting
        As for `WiredRowDriver`.
    scheme : {"V/2", "V/3"}
        Selection scheme.
    """

    scheme: Scheme = "V/2"

    def __call__(self, cells: CellArray, index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each cell; the energy of all cells and wires is divided evenly among them."""
        crossbar, wires, energy = self.crossbar, self.wires, 0.0
        for voltages in pulses(self._wanted(index, applied(crossbar, u, self.acting)), self.scheme):
            lines = {"rows": voltages[0, 0] - voltages[:, 0], "columns": voltages[0]}
            before = solve(crossbar, wires, **lines).currents
            crossbar.apply_voltage(voltages, wires=wires, width=self.acting)
            after = solve(crossbar, wires, **lines).currents
            energy += float(np.abs(voltages * (before + after)).sum()) * self.width / 2
        return np.full(len(index), energy / len(index), crossbar.dtype)

    def _currents(self, index: AnyArray, u: float) -> AnyArray:
        """Read column by column, with all other columns at 0 V and rows sensed; see `_WiredReads._currents`."""
        columns = self.crossbar.shape[1]
        return line_currents(self.crossbar, self.wires, u * np.eye(columns), False, 0.0)[0].T.reshape(-1)[index]


def _by_row(wanted: AnyArray) -> Iterator[tuple[int, AnyArray]]:
    """Generate rows with their amplitudes: one pulse for the negative ones, and one for the positive ones."""
    for row in np.flatnonzero(wanted.any(axis=1)):
        for sign in (-1, 1):
            amplitudes = np.where(sign * wanted[row] > 0, wanted[row], 0.0)
            if amplitudes.any():
                yield int(row), amplitudes
