"""What can happen in a cycle: flags of extracted features."""

from enum import IntFlag

__all__ = ["Flag"]


class Flag(IntFlag):
    """What happened in a cycle; bits of the variable ``flag``."""

    MISSING = 1
    """No loop was measured."""
    INCOMPLETE = 2
    """A branch was not measured, or has too few points."""
    NO_SET = 4
    """The cell stayed in its HRS: no U_SET, R_LRS, U_RESET."""
    NO_RESET = 8
    """The cell stayed in its LRS: no U_RESET, and no R_HRS in the next cycle."""
    FROM_LRS = 16
    """The cycle began in the LRS, since the RESET before failed: no R_HRS, U_SET."""
    WORN = 32
    """One of the last cycles of the record, all of which failed."""
    NEVER = 64
    """The device did not switch once."""
    HRS_FROM_A = 128
    """R_HRS is from the negative branch, since no cycle before was measured."""
    UNRESOLVED = 256
    """The current of the HRS is below the noise: R_HRS is a lower bound."""
