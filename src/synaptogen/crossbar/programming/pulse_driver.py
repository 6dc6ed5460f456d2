"""Pulses on their way to the cells, and what they cost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.crossbar.selection import pulses

if TYPE_CHECKING:
    from synaptogen.array import CellArray


def pulse_energy(cells: "CellArray", u: AnyArray, width: float) -> AnyArray:
    """Apply voltages, and return the energy in J of square pulses of ``width`` in s, of each cell.

    An estimate: the current is the mean of those before and after.
    """
    before = cells.current(u)
    after = cells.sweep(u[None])[0]
    return np.asarray(np.abs(u * (before + after)) * before.dtype.type(width / 2))


def read_cells(cells: "CellArray", reads: int) -> AnyArray:
    """Conductances in S at the read voltage, the mean of several reads."""
    total = sum(cells.read() for _ in range(reads))
    return np.asarray(total / cells.dtype.type(reads * cells.params.u_read))


class Pulser(Protocol):
    """How pulses and reads come to cells, at flat places ``index`` of an array and given as a view of it."""

    def __call__(self, cells: "CellArray", index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply a voltage to each; returns the energy in J of each."""
        ...

    def read(self, cells: "CellArray", index: AnyArray, reads: int) -> AnyArray:
        """Conductances in S, with the noise of the mean of several reads."""
        ...


class _Directly:
    def read(self, cells: "CellArray", index: AnyArray, reads: int) -> AnyArray:
        """Reads of the cells themselves."""
        return read_cells(cells, reads)


@dataclass(frozen=True)
class Isolated(_Directly):
    """Each cell has a selector of its own: no cell sees what is meant for another."""

    width: float

    def __call__(self, cells: "CellArray", index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply voltages to some cells, given as a view; returns the energy of each."""
        return pulse_energy(cells, u, self.width)


@dataclass(frozen=True)
class Lines(_Directly):
    """No selectors: a pulse selects a line, the other cells see their share of it, and take their share of energy."""

    crossbar: "CellArray"
    scheme: str
    width: float

    def __call__(self, cells: "CellArray", index: AnyArray, u: AnyArray) -> AnyArray:
        """Apply voltages to cells at flat places of the crossbar; returns the energy, shared among them evenly."""
        wanted = np.zeros(self.crossbar.shape, self.crossbar.dtype)
        wanted.reshape(-1)[index] = u
        energy = 0.0
        for seen in pulses(wanted, self.scheme):
            energy += float(pulse_energy(self.crossbar, seen, self.width).sum(dtype=float))
        return np.full(len(index), energy / len(index), self.crossbar.dtype)
