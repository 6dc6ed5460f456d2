"""How much current may be missing at the nodes of a crossbar that counts as solved."""

import numpy as np

from synaptogen._utils import Float64Array


def rounding(conductances: Float64Array, drops: Float64Array) -> Float64Array:
    """Rounding of what would flow in a line if wires had no resistance, in A, (sides,).

    From conductances in S, (rows, columns), and largest voltages in V between lines, (sides,).
    """
    line = max(conductances.sum(axis=0).max(), conductances.sum(axis=1).max())
    return np.asarray(2.0**-53 * line * drops)


def allowed(tolerance: float, largest: Float64Array, floor: Float64Array) -> Float64Array:
    """What may be missing in A: a share of the largest current of a line, unless that is itself ``rounding``.

    Where lines float, nothing may flow at all, and there is no current that errors could be a share of.
    """
    return np.where(largest > 16 * floor, tolerance * largest, floor)
