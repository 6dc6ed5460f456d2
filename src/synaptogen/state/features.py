"""What a cell shows of its state: the mode it is in, and the features of its running cycle."""

from enum import IntEnum
from typing import Any, NamedTuple

from numpy.typing import NDArray

from synaptogen.model import switching as sw


class Mode(IntEnum):
    """Where a cell is in its switching cycle."""

    IRS = sw.IRS >> 30  # partly reset
    LRS = sw.LRS >> 30  # set
    HRS = sw.HRS >> 30  # completely reset


class Features(NamedTuple):
    """The four features of a switching cycle, each an array with one entry a cell."""

    r_hrs: NDArray[Any]
    """Resistance in ohm, at the read voltage, of the HRS that the cycle starts from."""
    u_set: NDArray[Any]
    """Voltage in V at or below which the cell sets; negative."""
    r_lrs: NDArray[Any]
    """Resistance in ohm, at the read voltage, after SET."""
    u_reset: NDArray[Any]
    """Voltage in V above which RESET begins; positive."""
