"""Bring cells in Python to the state that a simulation has left their circuit in."""

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, IntArray
from synaptogen.array import FAR, CellArray
from synaptogen.state import Mode

NEAR = 1e-6  # V; what a simulator may round a ratchet by


def follow(cells: CellArray, mode: ArrayLike, cycles_done: ArrayLike, u_ratchet: ArrayLike) -> None:
    """Bring cells to a later state, by voltages that lead there.

    A state is given by mode, cycle and, where partly reset, the RESET ratchet: the mixing state r follows from these
    and from the features of the cycle, so that it is Python's own to the last bit.

    Parameters
    ----------
    cells : CellArray
        The cells; they change.
    mode : array of shape ``cells.shape``
        Numbers of `synaptogen.Mode`.
    cycles_done : array of shape ``cells.shape``
        Cycles that a cell has begun since the state that it is in.
    u_ratchet : array of shape ``cells.shape``
        Largest voltage in V of the running RESET of a cell in the IRS; ignored for others.

    Raises
    ------
    ValueError
        If a cell cannot come to its state; no cell has changed then.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.circuit.netlists import follow
    >>> cells = sg.CellArray(2, rng=1)
    >>> follow(cells, mode=[sg.Mode.LRS, sg.Mode.IRS], cycles_done=[0, 1], u_ratchet=[0.0, 0.9])
    >>> [sg.Mode(mode).name for mode in cells.mode.tolist()], cells.cycle.tolist()
    (['LRS', 'IRS'], [0, 1])

    The states that a simulation has left:

    >>> state = result.state  # doctest: +SKIP
    >>> follow(cells, state["mode_now"], state["cycles_done"], state["u_ratchet_now"])  # doctest: +SKIP
    """
    modes, begun = (_whole(name, a, cells) for name, a in (("mode", mode), ("cycles_done", cycles_done)))
    ratchet = _shaped("u_ratchet", u_ratchet, cells)
    partial = modes == Mode.IRS
    if not np.isfinite(ratchet[partial]).all():
        raise ValueError("u_ratchet holds values that are not finite (NaN or infinite); no cell was changed")
    ratchet = np.where(partial, ratchet, FAR)
    trial = cells.copy()
    _lead(trial, modes, begun, ratchet)
    missed = np.count_nonzero((trial.mode != modes) | (trial.cycle != cells.cycle + begun))
    if missed:
        raise ValueError(f"{missed} cells cannot come to the mode, cycle and ratchet given; no cell was changed")
    _lead(cells, modes, begun, ratchet)


def _lead(cells: CellArray, mode: IntArray, begun: IntArray, ratchet: Float64Array) -> None:
    """Apply voltages: a SET and a RESET for each cycle begun, the last RESET as far as the ratchet."""
    for k in range(int(begun.max(initial=0))):
        active = begun > k
        cells.apply_voltage(-FAR, where=active)
        # a RESET that has begun and not yet moved on has its ratchet at U_RESET itself, above which it begins
        least = np.nextafter(cells.features.u_reset, np.inf)
        last = np.where(np.abs(ratchet - least) < NEAR, np.maximum(ratchet, least), ratchet)
        cells.apply_voltage(np.where(begun == k + 1, last, FAR), where=active)
    cells.apply_voltage(-FAR, where=mode == Mode.LRS)
    cells.apply_voltage(ratchet, where=(begun == 0) & (mode != Mode.LRS))


def _shaped(name: str, values: ArrayLike, cells: CellArray) -> Float64Array:
    given = np.asarray(values, float)
    if given.shape != cells.shape:
        raise ValueError(f"{name} has shape {given.shape}: give one value for each cell, shape {cells.shape}")
    return given


def _whole(name: str, values: ArrayLike, cells: CellArray) -> IntArray:
    given = _shaped(name, values, cells)
    if not np.isfinite(given).all() or np.any(given != np.round(given)) or np.any(given < 0):
        raise ValueError(f"{name} must hold whole numbers, 0 or more; no cell was changed")
    return given.astype(np.int64)
