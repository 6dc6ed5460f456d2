"""Switching under one applied voltage: which cells SET, RESET or begin their next cycle.

The status of a cell is one 32-bit word: the mode in the top two bits, then one bit that is set if a feature of the
running cycle had to be limited, and the number of the cycle in the other 29 bits.
"""

from typing import NamedTuple

from .constants import Constants
from .ops import Mask, Real, UInt32, where

LRS = 1 << 30
HRS = 2 << 30
IRS = 0
MODE = LRS | HRS
LIMITED = 1 << 29
CYCLE = LIMITED - 1
"""Largest number of a cycle; after it a cell begins again with cycle 0."""


class Resets(NamedTuple):
    """The cells that a voltage resets."""

    begin: Mask  # cells that begin their next cycle
    full: Mask  # cells that are completely reset
    partial: Mask  # cells that are partly reset


def is_lrs(status: UInt32) -> Mask:
    """Return whether a cell is in its LRS."""
    return (status & LRS) != 0


def is_hrs(status: UInt32) -> Mask:
    """Return whether a cell is completely reset, in its HRS."""
    return (status & HRS) != 0


def is_irs(status: UInt32) -> Mask:
    """Return whether a cell is partly reset."""
    return (status & MODE) == 0


def is_limited(status: UInt32) -> Mask:
    """Return whether a feature of the running cycle had to be limited."""
    return (status & LIMITED) != 0


def cycle(status: UInt32) -> UInt32:
    """Return the number of the running cycle."""
    return status & CYCLE


def sets(status: UInt32, u: Real, u_set: Real) -> Mask:
    """Return whether a voltage sets a cell: if it is not in its LRS, and the voltage is at or below its U_SET.

    Parameters
    ----------
    status : UInt32
        Status of the cell.
    u : Real
        Voltage in V.
    u_set : Real
        U_SET of the running cycle in V.

    Returns
    -------
    Mask
    """
    return ~is_lrs(status) & (u <= u_set)


def resets(status: UInt32, u: Real, u_reset: Real, u_ratchet: Real, p: Constants) -> Resets:
    """Return which cells a voltage resets, partly or completely.

    A cell in its LRS resets above its U_RESET, and a partly reset one above the largest voltage since then.

    Parameters
    ----------
    status : UInt32
        Status of the cell.
    u : Real
        Voltage in V.
    u_reset : Real
        U_RESET of the running cycle in V.
    u_ratchet : Real
        Largest voltage in V that was applied since the RESET began.
    p : Constants

    Returns
    -------
    Resets
    """
    lrs = is_lrs(status)
    reset = ~is_hrs(status) & (u > where(lrs, u_reset, u_ratchet))
    full = reset & (u >= p.u_max)
    return Resets(reset & lrs, full, reset & ~full)


def in_mode(status: UInt32, mask: Mask, mode: int) -> UInt32:
    """Return the status after cells have changed to a mode.

    Parameters
    ----------
    status : UInt32
        Status before.
    mask : Mask
        Cells that change.
    mode : int
        `LRS`, `HRS` or `IRS`.

    Returns
    -------
    UInt32
    """
    return where(mask, (status & (LIMITED | CYCLE)) | mode, status)


def in_next_cycle(status: UInt32, mask: Mask, limited: Mask) -> UInt32:
    """Return the status after cells have begun their next cycle.

    Parameters
    ----------
    status : UInt32
        Status before.
    mask : Mask
        Cells that begin it.
    limited : Mask
        Whether a feature of that cycle had to be limited.

    Returns
    -------
    UInt32
    """
    following = (status & MODE) | ((status + 1) & CYCLE)
    return where(mask, where(limited, following | LIMITED, following), status)
