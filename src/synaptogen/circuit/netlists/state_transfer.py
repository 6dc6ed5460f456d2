"""State on its way back: cells in Python go where their twins in a circuit went."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen.array import FAR, CellArray
from synaptogen.state import Mode


def follow(cells: CellArray, mode: ArrayLike, cycles_done: ArrayLike, u_ratchet: ArrayLike) -> None:
    """Bring cells to a state that lies in their future, by voltages that lead there.

    A state is given by mode, cycle and, where partly reset, the RESET ratchet: the mixing state r follows from these
    and from the features of the cycle, so that it is Python's own to the last bit.

    Parameters
    ----------
    cells : CellArray
    mode : array of shape ``cells.shape``
        Numbers of `synaptogen.Mode`.
    cycles_done : array of shape ``cells.shape``
        Cycles that a cell has begun since the state that it is in.
    u_ratchet : array of shape ``cells.shape``
        Largest voltage in V of the RESET that a cell in the IRS is on; not looked at for others.

    Raises
    ------
    ValueError
        If a cell cannot come to its state; no cell has changed then.
    """
    modes, begun = (_whole(name, a, cells) for name, a in (("mode", mode), ("cycles_done", cycles_done)))
    ratchet = _shaped("u_ratchet", u_ratchet, cells)
    partial = modes == Mode.IRS
    if not np.isfinite(ratchet[partial]).all():
        raise ValueError("u_ratchet holds values that are not finite (NaN or infinite); no cell was changed")
    ratchet = np.where(partial, ratchet, FAR)
    trial = cells.copy()
    _lead(trial, modes, begun, ratchet)
    astray = (trial.mode != modes) | (trial.cycle != cells.cycle + begun)
    if np.any(astray):
        raise ValueError(
            f"{np.count_nonzero(astray)} cells cannot come to the mode, cycle and ratchet given; no cell was changed"
        )
    _lead(cells, modes, begun, ratchet)


def _lead(cells: CellArray, mode: NDArray[np.int64], begun: NDArray[np.int64], ratchet: NDArray[np.float64]) -> None:
    for k in range(int(begun.max(initial=0))):
        active = begun > k
        cells.apply_voltage(-FAR, where=active)
        cells.apply_voltage(np.where(begun == k + 1, ratchet, FAR), where=active)
    cells.apply_voltage(-FAR, where=mode == Mode.LRS)
    cells.apply_voltage(ratchet, where=(begun == 0) & (mode != Mode.LRS))


def _shaped(name: str, values: ArrayLike, cells: CellArray) -> NDArray[np.float64]:
    given = np.asarray(values, float)
    if given.shape != cells.shape:
        raise ValueError(f"{name} has shape {given.shape}: give one value for each cell, shape {cells.shape}")
    return given


def _whole(name: str, values: ArrayLike, cells: CellArray) -> NDArray[np.int64]:
    given = _shaped(name, values, cells)
    if not np.isfinite(given).all() or np.any(given != np.round(given)) or np.any(given < 0):
        raise ValueError(f"{name} must hold whole numbers, 0 or more; no cell was changed")
    return given.astype(np.int64)
