"""Failed cycles and bounds in tables of features that have no column of flags.

People write the end of the ramp where a cell did not switch, a zero where there was no threshold, and the resistance of
the other state after a failed SET or RESET. Such values are recognised, flagged as `extract` flags them, and counted.
"""

from collections.abc import Mapping

import numpy as np

from synaptogen._utils import AnyArray, BoolArray, Float64Array
from synaptogen.learn.extraction import Flag

FEWEST = 5  # equal values at the end of the ramp, at least
TIMES = 3.0  # as many as of the value before it
SHARE = 0.01  # of the cycles that end there, at least
WINDOW = 3.0  # ratio of the two states from which the state of a single resistance can be told
OTHER = 0.25  # share of the window, on a logarithmic scale, within which a resistance belongs to the other state


def events_in(arrays: Mapping[str, AnyArray]) -> tuple[dict[str, AnyArray], list[str]]:
    """Flag failed cycles and bounds in a table of features.

    Parameters
    ----------
    arrays : mapping of str to array of shape (devices, cycles)
        Features by name, without a flag.

    Returns
    -------
    arrays : dict of str to array
        The same, with ``flag`` if there is anything to flag; zeros of thresholds are NaN.
    lines : list of str
        What was found, for `look` and for messages.
    """
    found = {name: np.array(values, np.float64) for name, values in arrays.items()}
    flag = np.zeros(next(iter(found.values())).shape, np.int64)
    lines: list[str] = []

    def mark(event: BoolArray, bit: Flag, text: str) -> None:
        count = int(np.count_nonzero(event))
        if count:
            flag[event] |= int(bit)
            name = str(bit.name).lower()
            lines.append(f"{text} in {count:,} of {flag.size:,} cycles: flagged {name}")

    for name, never, end in (
        ("u_set", Flag.NO_SET, Flag.SET_AT_END),
        ("u_reset", Flag.NO_RESET, Flag.RESET_AT_END),
    ):
        if name not in found:
            continue
        zero = found[name] == 0
        mark(zero, never, f"{name} is 0")
        found[name] = np.where(zero, np.nan, found[name])
        level = _pile(found[name])
        if level is not None:
            mark(found[name] == level, end, f"{name} is {level:g} V, the end of the ramp,")
    if {"r_hrs", "r_lrs"} <= set(found):
        to_lrs, to_hrs = _in_other_state(found["r_hrs"], found["r_lrs"])
        mark(to_lrs, Flag.FROM_LRS, "r_hrs is that of the LRS, since the RESET before failed,")
        mark(to_hrs, Flag.NO_SET, "r_lrs is that of the HRS, since SET failed,")
    return ({**found, "flag": flag} if flag.any() else found), lines


def _pile(values: Float64Array) -> float | None:
    """Return the threshold of largest magnitude if so many cycles have just this one that it is the end of the ramp."""
    there = values[np.isfinite(values)]
    if not there.size:
        return None
    side = 1.0 if np.median(there) > 0 else -1.0
    levels, counts = np.unique(side * there, return_counts=True)
    if len(levels) < 3 or counts[-1] < max(FEWEST, SHARE * there.size):
        return None
    return float(side * levels[-1]) if counts[-1] > TIMES * counts[-2] else None


def _in_other_state(r_hrs: Float64Array, r_lrs: Float64Array) -> tuple[BoolArray, BoolArray]:
    """Return where R_HRS is a LRS, and where R_LRS is a HRS."""
    with np.errstate(invalid="ignore", divide="ignore"):
        high, low = np.log(np.where(r_hrs > 0, r_hrs, np.nan)), np.log(np.where(r_lrs > 0, r_lrs, np.nan))
        top, bottom = float(np.nanmedian(high)), float(np.nanmedian(low))
        if not top - bottom > np.log(WINDOW):
            nothing = np.zeros(r_hrs.shape, np.bool_)
            return nothing, nothing
        part = OTHER * (top - bottom)
        # tails of a wide distribution are no failures: the other state must be far outside of the own one
        wide_high, wide_low = (float(np.nanmedian(np.abs(x - m))) for x, m in ((high, top), (low, bottom)))
        to_lrs = (high < bottom + part) & (high < top - 6 * wide_high)
        to_hrs = (low > top - part) & (low > bottom + 6 * wide_low)
    return np.asarray(to_lrs), np.asarray(to_hrs)
