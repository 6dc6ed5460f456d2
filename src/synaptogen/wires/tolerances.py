"""Largest current that may be missing at the nodes of a crossbar that counts as solved."""

import numpy as np

from synaptogen._utils import Float64Array


def rounding(conductances: Float64Array, drops: Float64Array) -> Float64Array:
    """Return the rounding error of the current that would flow in a line if wires had no resistance.

    Parameters
    ----------
    conductances : array of shape (rows, columns)
        Conductances in S.
    drops : array of shape (sides,)
        Largest voltage in V between lines of each right side.

    Returns
    -------
    array of shape (sides,)
        Currents in A.
    """
    line = max(conductances.sum(axis=0).max(), conductances.sum(axis=1).max())
    return np.asarray(2.0**-53 * line * drops)


def allowed(tolerance: float, largest: Float64Array, floor: Float64Array) -> Float64Array:
    """Return the current that may be missing: a share of the largest current of a line, or the rounding error.

    The second holds where the largest current is itself not above rounding: for example, if all sources have the same
    voltage, or lines float, no current flows of which errors could be a share.

    Parameters
    ----------
    tolerance : float
        Share of the largest current.
    largest : array of shape (sides,)
        Largest current in A of a line, for each right side.
    floor : array of shape (sides,)
        Rounding error in A, see `rounding`.

    Returns
    -------
    array of shape (sides,)
        Currents in A.
    """
    return np.where(largest > 16 * floor, tolerance * largest, floor)
