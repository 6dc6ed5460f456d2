"""Which cycles set and which reset: told from the conductances of their branches, before any curve is known.

A branch is a LRS or a HRS. A cycle sets if B conducts more than A by a factor and by more than noise, and resets if B
conducts more than C. A cycle without either is in the LRS, after a RESET that failed, or in the HRS, by what is usual
for its device; a device that never switches is measured by the others.
"""

from dataclasses import dataclass

import numpy as np

from synaptogen._utils import BoolArray

from . import cycle_kernels as at
from .cycles import Cycles

SIGMAS = 5.0  # of the noise of two conductances: beyond, two branches are different states


@dataclass(frozen=True)
class States:
    """What each cycle of a device did; arrays of shape (n,)."""

    sets: BoolArray
    resets: BoolArray
    from_lrs: BoolArray
    no_set: BoolArray
    no_reset: BoolArray
    never: bool

    @property
    def lrs(self) -> BoolArray:
        """Branch B is a LRS."""
        return self.sets | self.from_lrs


def states_of(cycles: list[Cycles]) -> list[States]:
    """Tell the states of the branches of every device apart.

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
        _state(one, *two, typical if np.isnan(middle) else middle)
        for one, two, middle in zip(cycles, switches, between, strict=True)
    ]


def _switches(one: Cycles) -> tuple[BoolArray, BoolArray]:
    """Which cycles set, and which reset: conductances differ by more than a factor and more than noise."""
    g_a, g_b, g_c = one.told[:, [at.G_A, at.G_B, at.G_C]].T
    w_a, w_b, w_c = one.told[:, [at.W_A, at.W_B, at.W_C]].T
    with np.errstate(invalid="ignore", divide="ignore"):
        sets = (g_b > at.RATIO * g_a) & (g_b - g_a > SIGMAS * one.noise * np.sqrt(1 / w_a + 1 / w_b))
        resets = (g_b > at.RATIO * g_c) & (g_b - g_c > SIGMAS * one.noise * np.sqrt(1 / w_c + 1 / w_b))
    return sets, resets


def _between(one: Cycles, sets: BoolArray, resets: BoolArray) -> float:
    """Conductance between the states of a device, or NaN if it never switches."""
    if not sets.any() and not resets.any():
        return np.nan
    told = one.told
    low = np.concatenate([told[sets, at.G_A], told[resets, at.G_C]])
    high = told[sets | resets, at.G_B]
    return float(np.median(high) / np.sqrt(np.median(high) / max(np.median(low), 1e-3 * np.median(high))))


def _state(one: Cycles, sets: BoolArray, resets: BoolArray, between: float) -> States:
    g_a, g_b, g_c = one.told[:, [at.G_A, at.G_B, at.G_C]].T
    negative = np.isfinite(g_a) & np.isfinite(g_b)
    from_lrs = negative & ~sets & (g_a > between)
    low = sets | from_lrs
    return States(
        sets=sets,
        resets=resets & (low | ~negative),
        from_lrs=from_lrs,
        no_set=negative & ~low,
        no_reset=low & np.isfinite(g_c) & ~resets,
        never=not (sets.any() or resets.any()),
    )


def _nothing_switches(cycles: list[Cycles]) -> str:
    told = np.concatenate([one.told for one in cycles])
    g_a, g_b, g_c = (
        float(np.nanmedian(told[:, c])) if np.isfinite(told[:, c]).any() else np.nan for c in (at.G_A, at.G_B, at.G_C)
    )
    if min(g_a, g_c) > at.RATIO * g_b:
        return (
            "no cycle switches, but would with the other polarity: give polarity=-1 (--polarity -1) if SET is at"
            " positive voltages"
        )
    return (
        "no cycle of any device switches between two resistances: the conductance before SET, after it and after RESET"
        f" is {g_a:.3g}, {g_b:.3g} and {g_c:.3g} S. Check that voltage and current belong together"
    )
