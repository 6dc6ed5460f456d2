"""One applied voltage: which cells SET, RESET or begin their next cycle.

A cell's word holds its mode in the top two bits, then one bit that says that a feature of its running cycle had to be
limited, and its cycle number below.
"""

from typing import Any, NamedTuple

from .ops import Mask, Real, UInt32, where

LRS = 1 << 30
HRS = 2 << 30
IRS = 0
MODE = LRS | HRS
LIMITED = 1 << 29
CYCLE = LIMITED - 1
"""Largest cycle number; after it a cell starts its life again at cycle 0."""


class Resets(NamedTuple):
    """What a positive voltage does: cells in ``begin`` start their next cycle, and are in ``full`` or ``partial``."""

    begin: Mask
    full: Mask
    partial: Mask


def is_lrs(word: UInt32) -> Mask:
    """Is the cell in its LRS?"""
    return (word & LRS) != 0


def is_hrs(word: UInt32) -> Mask:
    """Is the cell in a completely reset HRS?"""
    return (word & HRS) != 0


def is_irs(word: UInt32) -> Mask:
    """Is the cell partly reset?"""
    return (word & MODE) == 0


def is_limited(word: UInt32) -> Mask:
    """Did a feature of the running cycle have to be limited?"""
    return (word & LIMITED) != 0


def cycle(word: UInt32) -> UInt32:
    """Number of the running cycle."""
    return word & CYCLE


def sets(word: UInt32, u: Real, u_set: Real) -> Mask:
    """A cell that is not in its LRS sets at and below its U_SET."""
    return ~is_lrs(word) & (u <= u_set)


def resets(word: UInt32, u: Real, u_reset: Real, u_ratchet: Real, p: Any) -> Resets:
    """A set cell resets above its U_RESET, a partly reset one above the largest voltage it has seen since."""
    lrs = is_lrs(word)
    reset = ~is_hrs(word) & (u > where(lrs, u_reset, u_ratchet))
    full = reset & (u >= p.u_max)
    return Resets(reset & lrs, full, reset & ~full)


def in_mode(word: UInt32, mask: Mask, mode: int) -> UInt32:
    """The word after cells in the mask have gone over to a mode."""
    return where(mask, (word & (LIMITED | CYCLE)) | mode, word)


def in_next_cycle(word: UInt32, mask: Mask, limited: Mask) -> UInt32:
    """The word after cells in the mask have begun their next cycle."""
    following = (word & MODE) | ((word + 1) & CYCLE)
    return where(mask, where(limited, following | LIMITED, following), word)
