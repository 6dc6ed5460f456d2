"""Detection of cycles that set and that reset, from the conductances of their branches, before any curve is known.

A branch is a LRS or a HRS. A cycle sets if B conducts more than A by a factor and by more than noise, and resets if B
conducts more than C. A cycle without either is in the LRS, after a RESET that failed, or in the HRS, by what is usual
for its device; a device that never switches is compared with the others.
"""

from dataclasses import dataclass

import numpy as np

from synaptogen._utils import BoolArray

from .cycle_kernels import (
    CONDUCTANCE_A,
    CONDUCTANCE_B,
    CONDUCTANCE_C,
    STATE_RATIO,
    WEIGHT_A,
    WEIGHT_B,
    WEIGHT_C,
)
from .cycles import DeviceCycles

SIGMAS = 5.0  # branches whose conductances differ by more than so many standard deviations are different states


@dataclass(frozen=True)
class CycleStates:
    """Switching events in the cycles of one device.

    Parameters
    ----------
    sets, resets : array of bool of shape (n,)
        The cycle goes to the LRS; it goes back to the HRS.
    from_lrs : array of bool of shape (n,)
        It begins in the LRS.
    no_set, no_reset : array of bool of shape (n,)
        It stays in the HRS; it stays in the LRS.
    never : bool
        The device does not switch once.
    """

    sets: BoolArray
    resets: BoolArray
    from_lrs: BoolArray
    no_set: BoolArray
    no_reset: BoolArray
    never: bool

    @property
    def lrs(self) -> BoolArray:
        """Whether branch B is a LRS, shape (n,)."""
        return self.sets | self.from_lrs


def detect_states(cycles: list[DeviceCycles]) -> list[CycleStates]:
    """Detect the states of the branches of every device.

    Parameters
    ----------
    cycles : list of DeviceCycles

    Returns
    -------
    list of CycleStates

    Raises
    ------
    ValueError
        If no cycle of any device switches.
    """
    switches = [_switches(one) for one in cycles]
    between = [_between(one, *two) for one, two in zip(cycles, switches, strict=True)]
    if np.all(np.isnan(between)):
        raise ValueError(_nothing_switches(cycles))
    typical = float(np.exp(np.nanmedian(np.log(between))))
    return [
        _states_of_device(one, *two, typical if np.isnan(middle) else middle)
        for one, two, middle in zip(cycles, switches, between, strict=True)
    ]


def _switches(one: DeviceCycles) -> tuple[BoolArray, BoolArray]:
    """Return which cycles set, and which reset: conductances differ by more than a factor and more than noise."""
    g_a, g_b, g_c = one.conductances.T
    w_a, w_b, w_c = one.surveyed[:, [WEIGHT_A, WEIGHT_B, WEIGHT_C]].T
    with np.errstate(invalid="ignore", divide="ignore"):
        sets = (g_b > STATE_RATIO * g_a) & (g_b - g_a > SIGMAS * one.noise * np.sqrt(1 / w_a + 1 / w_b))
        resets = (g_b > STATE_RATIO * g_c) & (g_b - g_c > SIGMAS * one.noise * np.sqrt(1 / w_c + 1 / w_b))
    return sets, resets


def _between(one: DeviceCycles, sets: BoolArray, resets: BoolArray) -> float:
    """Return a conductance in S between the states of a device, or NaN if it never switches."""
    if not sets.any() and not resets.any():
        return np.nan
    surveyed = one.surveyed
    low = np.concatenate([surveyed[sets, CONDUCTANCE_A], surveyed[resets, CONDUCTANCE_C]])
    high = surveyed[sets | resets, CONDUCTANCE_B]
    return float(np.median(high) / np.sqrt(np.median(high) / max(np.median(low), 1e-3 * np.median(high))))


def _states_of_device(one: DeviceCycles, sets: BoolArray, resets: BoolArray, between: float) -> CycleStates:
    g_a, g_b, g_c = one.conductances.T
    negative = np.isfinite(g_a) & np.isfinite(g_b)
    from_lrs = negative & ~sets & (g_a > between)
    low = sets | from_lrs
    return CycleStates(
        sets=sets,
        resets=resets & (low | ~negative),
        from_lrs=from_lrs,
        no_set=negative & ~low,
        no_reset=low & np.isfinite(g_c) & ~resets,
        never=not (sets.any() or resets.any()),
    )


def _nothing_switches(cycles: list[DeviceCycles]) -> str:
    surveyed = np.concatenate([one.surveyed for one in cycles])
    g_a, g_b, g_c = (
        float(np.nanmedian(surveyed[:, c])) if np.isfinite(surveyed[:, c]).any() else np.nan
        for c in (CONDUCTANCE_A, CONDUCTANCE_B, CONDUCTANCE_C)
    )
    if min(g_a, g_c) > STATE_RATIO * g_b:
        return (
            "no cycle switches, but would with the other polarity: give polarity=-1 (--polarity -1) if SET is at"
            " positive voltages"
        )
    return (
        "no cycle of any device switches between two resistances: the conductance before SET, after it and after RESET"
        f" is {g_a:.3g}, {g_b:.3g} and {g_c:.3g} S. Check that voltage and current belong together"
    )
