"""Flags of extracted cycles: why a feature is missing, or less certain than others."""

from enum import IntFlag

import numpy as np

from synaptogen._utils import AnyArray

__all__ = ["FAILED", "MEANINGS", "Flag", "flags_in_words"]


class Flag(IntFlag):
    """Events in a cycle, as bits of the variable ``flag``; 0 is a good cycle.

    Examples
    --------
    >>> from synaptogen import learn
    >>> flag = learn.Flag(4 + 128)
    >>> learn.Flag.NO_SET in flag, learn.Flag.WORN in flag
    (True, False)
    >>> [one.name for one in learn.Flag if one in flag]
    ['NO_SET', 'HRS_FROM_A']
    """

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
    """The current of the HRS is lost in noise: R_HRS is uncertain (standard error above 2 %), or a lower bound."""
    MISFIT = 512
    """A number disagrees with the raw points beside it, or could not be checked with them."""
    SET_AT_END = 1024
    """SET was at the end of the ramp: U_SET is a bound."""
    RESET_AT_END = 2048
    """RESET was at the end of the ramp: U_RESET is a bound."""
    FORMING = 4096
    """A forming sweep, which goes further than the others: no cycle."""


FAILED = Flag.FORMING | Flag.MISSING | Flag.INCOMPLETE | Flag.NO_SET | Flag.NO_RESET | Flag.FROM_LRS
"""Flags of a cycle that does not count as a good one."""

MEANINGS = {
    Flag.MISSING: "no loop was measured",
    Flag.INCOMPLETE: "a branch was not measured, or has too few points",
    Flag.NO_SET: "the cell stayed in its HRS",
    Flag.NO_RESET: "the cell stayed in its LRS",
    Flag.FROM_LRS: "the cycle began in the LRS",
    Flag.WORN: "the device had stopped switching",
    Flag.NEVER: "the device never switched",
    Flag.HRS_FROM_A: "R_HRS is from the branch before the SET, since no cycle before was measured",
    Flag.UNRESOLVED: "R_HRS is uncertain by more than 2 %, or a lower bound",
    Flag.MISFIT: "a number disagrees with the raw points beside it, or could not be checked",
    Flag.SET_AT_END: "U_SET is a bound, at the end of the ramp",
    Flag.RESET_AT_END: "U_RESET is a bound, at the end of the ramp",
    Flag.FORMING: "a forming sweep, which is no cycle",
}
"""What each flag says of a cycle, for notes."""


def flags_in_words(flag: AnyArray) -> str:
    """Return how many cycles have each flag, as a fact for people.

    Parameters
    ----------
    flag : array of int
        Sums of `Flag`, one a cycle.

    Returns
    -------
    str
    """
    numbers = np.asarray(flag).astype(np.int64)
    counts = {str(one.name): int(np.count_nonzero(numbers & one)) for one in Flag}
    said = [f"{name} {count:,}" for name, count in counts.items() if count or name == "MISFIT"]
    return f"{', '.join(said)} of {numbers.size:,}"
