"""Cells that a write-verify loop has not finished with."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray

from .pulse_strategies import Readback

if TYPE_CHECKING:
    from synaptogen.array import CellArray


class OpenCells:
    """What is known of the cells that are not there yet; arrays shrink as cells are finished.

    Parameters
    ----------
    cells : CellArray of shape (m,)
    index : array of int of shape (m,)
        Their places in the whole array.
    target, g : array of shape (m,)
        Conductances in S that are wanted, and that were read.
    u_max : float
        Amplitude in V of a full RESET.
    """

    def __init__(self, cells: "CellArray", index: AnyArray, target: AnyArray, g: AnyArray, u_max: float) -> None:
        self.cells, self.index, self.target, self.g, self.u_max = cells, index, target, g, u_max
        # their past is not known; as after a full RESET, they begin with a SET
        self.u = np.full_like(g, u_max)
        self.g_set, self.u_before, self.g_before = g.copy(), np.zeros_like(g), g.copy()

    def after(self, u: AnyArray, g: AnyArray) -> None:
        """Take note of a pulse, and of the read that followed."""
        was_set = u < 0
        self.u_before, self.g_before = np.where(was_set, self.u.dtype.type(0), self.u), self.g
        self.u, self.g = np.maximum(u, 0), g
        self.g_set = np.where(was_set, g, self.g_set)

    def seen(self, which: AnyArray) -> Readback:
        """What a strategy is told of some of them."""
        parts = (self.target, self.g_set, self.u, self.g, self.u_before, self.g_before)
        return Readback(*(parts if len(which) == len(self.index) else (part[which] for part in parts)))

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Go on with some of them."""
        if mask.all():
            return
        if mask.any():
            self.cells = self.cells[mask]
        for name in ("index", "target", "g", "u", "g_set", "u_before", "g_before"):
            setattr(self, name, getattr(self, name)[mask])
