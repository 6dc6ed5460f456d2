"""State of the cells that a write-verify loop has not finished."""

import numpy as np

from synaptogen._utils import AnyArray, BoolArray
from synaptogen.array import CellArray

from .pulse_strategies import Readback


class ActiveCells:
    """Cells that have not converged, with their pulses and reads so far; arrays shrink as cells are finished.

    Parameters
    ----------
    cells : CellArray of shape (m,)
        A view of them.
    index : array of int of shape (m,)
        Their places in the whole array, flat.
    target, g : array of shape (m,)
        Target conductances, and conductances of the last read, in S.
    u_max : float
        Amplitude in V of a full RESET.
    """

    def __init__(self, cells: CellArray, index: AnyArray, target: AnyArray, g: AnyArray, u_max: float) -> None:
        self.cells, self.index, self.target, self.g, self.u_max = cells, index, target, g, u_max
        # their history is not known; they begin with a SET, as after a full RESET
        self.u = np.full_like(g, u_max)
        self.g_set, self.u_before, self.g_before = g.copy(), np.zeros_like(g), g.copy()

    def record(self, u: AnyArray, g: AnyArray) -> None:
        """Record a pulse and the read that followed.

        Parameters
        ----------
        u : array of shape (m,)
            Amplitudes in V.
        g : array of shape (m,)
            Conductances in S.
        """
        was_set = u < 0
        self.u_before, self.g_before = np.where(was_set, self.u.dtype.type(0), self.u), self.g
        self.u, self.g = np.maximum(u, 0), g
        self.g_set = np.where(was_set, g, self.g_set)

    def readback(self, which: AnyArray) -> Readback:
        """Return what a strategy gets to know of the cells at some places."""
        fields = (self.target, self.g_set, self.u, self.g, self.u_before, self.g_before)
        return Readback(*(fields if len(which) == len(self.index) else (field[which] for field in fields)))

    def keep(self, mask: BoolArray) -> None:
        """Keep the cells of a mask of shape (m,), and drop the others."""
        if mask.all():
            return
        if mask.any():
            self.cells = self.cells[mask]
        for name in ("index", "target", "g", "u", "g_set", "u_before", "g_before"):
            setattr(self, name, getattr(self, name)[mask])
