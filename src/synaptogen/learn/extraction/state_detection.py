"""Detection of cycles that set and that reset, from the conductances of their branches, before any curve is known.

A branch is a LRS or a HRS. A cycle sets if B conducts more than A by a factor and by more than noise, and resets if B
conducts more than C. A cycle without either is in the LRS, after a RESET that failed, or in the HRS, by what is usual
for its device.
"""

from dataclasses import dataclass

import numpy as np

from synaptogen._utils import BoolArray

from .cycles import DeviceCycles
from .survey_kernels import CONDUCTANCE_A, CONDUCTANCE_B, CONDUCTANCE_C, WEIGHT_A, WEIGHT_B, WEIGHT_C

STATE_RATIO, LEAST_RATIO = 1.5, 1.08  # branches whose conductances differ by a larger factor are different states
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
    began : array of bool of shape (n,)
        Its branch A is missing, and it goes back to the HRS: the record begins in the LRS.
    no_set, no_reset : array of bool of shape (n,)
        It stays in the HRS; it stays in the LRS.
    never : bool
        The device does not switch once.
    """

    sets: BoolArray
    resets: BoolArray
    from_lrs: BoolArray
    began: BoolArray
    no_set: BoolArray
    no_reset: BoolArray
    never: bool

    @property
    def lrs(self) -> BoolArray:
        """Whether branch B is a LRS, shape (n,)."""
        return self.sets | self.from_lrs | self.began


def detect_states(one: DeviceCycles) -> CycleStates:
    """Detect the states of the branches of a device.

    Parameters
    ----------
    one : DeviceCycles

    Returns
    -------
    CycleStates
    """
    sets, resets = _switches(one)
    return _states_of_device(one, sets, resets, _between(one, sets, resets))


def _switches(one: DeviceCycles) -> tuple[BoolArray, BoolArray]:
    """Return which cycles set, and which reset: conductances differ by more than a factor and more than noise.

    The factor follows from the usual ratio of the two states of this device.
    """
    g_a, g_b, g_c = one.conductances.T
    w_a, w_b, w_c = one.surveyed[:, [WEIGHT_A, WEIGHT_B, WEIGHT_C]].T

    def beyond(ratio: float) -> tuple[BoolArray, BoolArray]:
        with np.errstate(invalid="ignore", divide="ignore"):
            sets = (g_b > ratio * g_a) & (g_b - g_a > SIGMAS * one.noise * np.sqrt(1 / w_a + 1 / w_b))
            resets = (g_b > ratio * g_c) & (g_b - g_c > SIGMAS * one.noise * np.sqrt(1 / w_c + 1 / w_b))
        return sets, resets

    sets, resets = beyond(LEAST_RATIO)
    if not sets.any() and not resets.any():
        return sets, resets
    low = np.concatenate([g_a[sets], g_c[resets]])
    window = float(np.median(g_b[sets | resets]) / max(np.median(low), 1e-3 * np.median(g_b[sets | resets])))
    return beyond(float(np.clip(window ** (1 / 3), LEAST_RATIO, STATE_RATIO)))


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
    never = not (sets.any() or resets.any())
    from_lrs = negative & ~sets & (g_a > between) & (not never)
    low = sets | from_lrs
    return CycleStates(
        sets=sets,
        resets=resets & (low | ~negative),
        from_lrs=from_lrs,
        began=np.isnan(g_a) & (one.lowest >= 0) & resets,
        no_set=negative & ~low,
        no_reset=low & np.isfinite(g_c) & ~resets,
        never=never,
    )
