"""A matrix that approximates a crossbar with wires, for fast products in training."""

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checked, checks

from .network import solve
from .parameters import Wires
from .protocols import SolvableCells


@checked
def effective_conductances(
    cells: SolvableCells | ArrayLike, wires: Wires, v: ArrayLike, *, transpose: bool = False
) -> Float64Array:
    """Return conductances in S whose products without wires approximate the currents of a crossbar with wires.

    The crossbar is solved for the typical inputs ``v``. Each cell then gets the conductance that fits its currents at
    these inputs best (least squares): G_eff = sum_k I_k v_k / sum_k v_k^2. After one solution for each typical input,
    any other input costs only a matrix product.

    Parameters
    ----------
    cells : CellArray or array of shape (rows, columns)
        Cells of the model, or conductances in S of linear cells.
    wires : Wires
        Resistances of the lines.
    v : array of shape (inputs,) or (batch, inputs)
        Typical voltages in V of columns, or with ``transpose`` of rows. Each input must be other than 0 at least once.
    transpose : bool
        Drive rows and sense columns, as in `CellArray.product`.

    Returns
    -------
    array of shape (rows, columns)
        Conductances in S. Currents in A are ``G_eff @ v``, or with ``transpose`` ``v @ G_eff``.

    Raises
    ------
    ValueError
        If an input is 0 in all typical vectors, or `solve` refuses the arguments.

    Examples
    --------
    >>> import numpy as np
    >>> from synaptogen.crossbar import Wires, effective_conductances, solve
    >>> g, wires = np.full((2, 3), 1e-4), Wires(word=100.0, bit=100.0)
    >>> effective = effective_conductances(g, wires, np.eye(3))
    >>> effective.shape, bool(np.all(effective < g))
    ((2, 3), True)
    >>> v = np.array([0.1, 0.2, 0.3])
    >>> currents = solve(g, wires, columns=v).row_currents
    >>> bool(np.allclose(effective @ v, currents, rtol=0.1))
    True
    """
    typical = np.atleast_2d(checks.finite("v", v, np.float64))
    if not np.all(np.any(typical != 0, axis=0)):
        raise ValueError("v leaves some inputs at 0 V in all vectors: give typical vectors that use every input")
    rows, columns = (typical, None) if transpose else (None, typical)
    currents = solve(cells, wires, rows=rows, columns=columns, transpose=transpose).currents
    weights = typical / np.sum(typical**2, axis=0)
    return np.asarray(np.einsum("ki,kij->ij" if transpose else "kj,kij->ij", weights, currents))
