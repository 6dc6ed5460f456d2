"""From an array of cells to the instance parameters of their circuit models."""

import numpy as np
from numpy.typing import NDArray

from synaptogen.array import CellArray

from .cell import CellModel


def instance_values(cells: CellArray, model: CellModel) -> dict[str, NDArray[np.float64]]:
    """Instance parameters of all cells, each of shape (cells.size,), in the order of ``model.instance``.

    The dictionary's keys are ``model.instance``. Cells are in C order, ``cells.r.ravel()``. No cell changes.

    - read: ``r``.
    - tape, event: ``mode_start``, ``r_start``, ``u_ratchet_start``, then ``r_hrs0, u_set0, r_lrs0, u_reset0`` of the
      running cycle and ``r_hrs1 ... u_resetK`` of the following, in ohm and V.
    - pulse: ``mode_start``, ``r_start``, ``u_ratchet_start``, ``r_hrs0, u_set0, r_lrs0, u_reset0, r_hrs1``.
    - autonomous: ``seed_high, seed_low, cell_high, cell_low``, words of 32 bits.

    Raises
    ------
    ValueError
        If the model was made from another parameter set than the cells, or the cells of an autonomous model are not all
        in the HRS of their cycle 0.
    """
    raise NotImplementedError
