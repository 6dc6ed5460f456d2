"""A crossbar with wires as a matrix: fast, approximate, for training."""

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checks

from .network import solve
from .parameters import Wires
from .protocols import SolvableCells


def effective_conductances(
    cells: SolvableCells | ArrayLike, wires: Wires, v: ArrayLike, *, transpose: bool = False
) -> Float64Array:
    """Conductances in S with which a product without wires gives nearly the currents of one with wires.

    The crossbar is solved for some typical inputs. Each cell then counts with the conductance that fits its currents
    at these inputs best (least squares): G_eff = sum_k I_k v_k / sum_k v_k^2. That is one solve for each typical input,
    and then a matrix product for every input.

    Parameters
    ----------
    cells : CellArray or array of conductances in S, of shape (rows, columns)
    wires : Wires
    v : array of shape (inputs,) or (batch, inputs)
        Typical voltages in V: on columns, or with ``transpose`` on rows. Each input must be used at least once.
    transpose : bool
        As for `CellArray.product`.

    Returns
    -------
    array of shape (rows, columns)
        Currents are ``G_eff @ v``, or with ``transpose`` ``v @ G_eff``.

    Raises
    ------
    ValueError
        As `solve`; or if an input is 0 in all typical vectors.
    """
    typical = np.atleast_2d(checks.finite("v", v, np.float64))
    if not np.all(np.any(typical != 0, axis=0)):
        raise ValueError("v leaves some inputs at 0 V in all vectors: give typical vectors that use every input")
    rows, columns = (typical, None) if transpose else (None, typical)
    currents = solve(cells, wires, rows=rows, columns=columns, transpose=transpose).currents
    weights = typical / np.sum(typical**2, axis=0)
    return np.asarray(np.einsum("ki,kij->ij" if transpose else "kj,kij->ij", weights, currents))
