"""Modes of cells, and the features of switching cycles."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import RealArray
from synaptogen.model import HRS, IRS, LRS

_SHIFT = 30  # of the mode in a status word, see `synaptogen.model.switching`


class Mode(IntEnum):
    """State of a cell within its switching cycle.

    Examples
    --------
    >>> import synaptogen as sg
    >>> cells = sg.CellArray(2, rng=1)
    >>> [sg.Mode(mode).name for mode in cells.mode]
    ['HRS', 'HRS']
    """

    IRS = IRS >> _SHIFT  # partly reset
    LRS = LRS >> _SHIFT  # set
    HRS = HRS >> _SHIFT  # completely reset


class Features(NamedTuple):
    """The four features of switching cycles, each an array with one entry per cell, or per cycle and cell.

    Examples
    --------
    >>> import synaptogen as sg
    >>> features = sg.CellArray(3, rng=7).upcoming(5)
    >>> features.r_hrs.shape
    (5, 3)
    >>> features._fields
    ('r_hrs', 'u_set', 'r_lrs', 'u_reset')
    """

    r_hrs: RealArray
    """Resistance in ohm, at the read voltage, of the HRS that the cycle starts from."""
    u_set: RealArray
    """Voltage in V at or below which the cell sets; negative."""
    r_lrs: RealArray
    """Resistance in ohm, at the read voltage, after SET."""
    u_reset: RealArray
    """Voltage in V above which RESET begins; positive."""


def modes_of(status: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the modes, as numbers of `Mode`, that status words hold; of the shape of ``status``."""
    return (status >> np.uint32(_SHIFT)).astype(np.uint8)
