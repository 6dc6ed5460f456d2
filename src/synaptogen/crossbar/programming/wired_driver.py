"""Pulses, and reads, that come to the cells through wires."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.crossbar.selection import pulses
from synaptogen.wires import apply_to_row, line_currents, solve, solve_row

from .pulse_driver import read_cells

if TYPE_CHECKING:
    from synaptogen.array import CellArray
    from synaptogen.wires import Wires


@dataclass(frozen=True)
class _Wired:
    crossbar: "CellArray"
    wires: "Wires"
    width: float
    wired_reads: bool

    def read(self, cells: "CellArray", index: AnyArray, reads: int) -> AnyArray:
        """Conductances in S as the mean of several reads; the noise is that of the cells at the read voltage."""
        g = read_cells(cells, reads)
        if not self.wired_reads:
            return g
        u = self.crossbar.params.u_read
        return np.asarray(g - cells.current(u) / u + self.currents(index, u) / u, g.dtype)

    def currents(self, index: AnyArray, u: float) -> AnyArray:
        """Of cells, while lines are read."""
        raise NotImplementedError

    def _wanted(self, index: AnyArray, u: AnyArray | float) -> AnyArray:
        wanted = np.zeros(self.crossbar.shape)
        wanted.reshape(-1)[index] = u
        return wanted


@dataclass(frozen=True)
class WiredRows(_Wired):
    """Cells with selectors: row by row, each column brings its amplitude, and the cells of other rows are cut off."""

    def __call__(self, cells: "CellArray", index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply voltages to cells; returns the energy of each, with what wires take of it."""
        wanted = self._wanted(index, u)
        energy = np.zeros(self.crossbar.shape)
        for row, amplitudes in _by_row(wanted):
            before = solve_row(self.crossbar, self.wires, row, amplitudes)[1]
            apply_to_row(self.crossbar, self.wires, row, amplitudes)
            after = solve_row(self.crossbar, self.wires, row, amplitudes)[1]
            energy[row] += np.abs(amplitudes * (before + after)) * self.width / 2
        return np.asarray(energy.reshape(-1)[index], self.crossbar.dtype)

    def currents(self, index: AnyArray, u: float) -> AnyArray:
        """Row by row, all cells at ``index`` at once."""
        found, wanted = np.zeros(self.crossbar.shape), self._wanted(index, u)
        for row in np.flatnonzero(wanted.any(axis=1)):
            found[row] = solve_row(self.crossbar, self.wires, int(row), wanted[row])[1]
        return found.reshape(-1)[index]


@dataclass(frozen=True)
class WiredLines(_Wired):
    """No selectors: each pulse is on all lines, and acts on every cell with what wires leave of it."""

    scheme: str = "V/2"

    def __call__(self, cells: "CellArray", index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply voltages to cells; returns the energy of all, shared among them evenly."""
        crossbar, wires, energy = self.crossbar, self.wires, 0.0
        for seen in pulses(self._wanted(index, u), self.scheme):
            lines = {"rows": seen[0, 0] - seen[:, 0], "columns": seen[0]}
            before = solve(crossbar, wires, **lines).currents
            crossbar.apply_voltage(seen, wires=wires)
            after = solve(crossbar, wires, **lines).currents
            energy += float(np.abs(seen * (before + after)).sum()) * self.width / 2
        return np.full(len(index), energy / len(index), crossbar.dtype)

    def currents(self, index: AnyArray, u: float) -> AnyArray:
        """Column by column, all other columns at 0 V, rows sensed."""
        columns = self.crossbar.shape[1]
        return line_currents(self.crossbar, self.wires, u * np.eye(columns), False, 0.0)[0].T.reshape(-1)[index]


def _by_row(wanted: AnyArray) -> Iterator[tuple[int, AnyArray]]:
    """Rows with their amplitudes: a pulse for the negative ones, and one for the positive ones."""
    for row in np.flatnonzero(wanted.any(axis=1)):
        for sign in (-1, 1):
            amplitudes = np.where(sign * wanted[row] > 0, wanted[row], 0.0)
            if amplitudes.any():
                yield int(row), amplitudes
