"""With what amplitude does a write-verify loop pulse next? Strategies, vectorised over the cells that are still open.

A partial RESET leaves a cell on its RESET curve, and only a larger amplitude moves it on, towards lower conductance.
What is below the target must be SET again and begins anew with other features. So amplitudes approach from above.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from synaptogen._utils import AnyArray
from synaptogen.model import Constants, iv

from .statistics import PopulationStatistics


class Readback(NamedTuple):
    """What has been read of m cells since their last SET; each of shape (m,), voltages in V, conductances in S."""

    target: AnyArray
    g_set: AnyArray
    """After the SET."""
    u: AnyArray
    """Amplitude of the last RESET pulse, 0: none yet."""
    g: AnyArray
    """After it."""
    u_before: AnyArray
    """Amplitude of the pulse before that one, 0: none that moved the cell."""
    g_before: AnyArray
    """After that one."""


Strategy: TypeAlias = Callable[[Readback], AnyArray]
"""Amplitudes (m,) in V for cells that are above their target."""

PART = 1 << 14  # cells at a time: what is worked out for them stays in the cache
NEWTON_STEPS = 4
CURVATURE = 1.3  # typical dI/dU over I/U
LEAST = 1e-4  # V, from the end of the curve, where its slope vanishes
DEEPER = 0.8  # an HRS that has not been seen is taken to lie below the target at least by this factor


@dataclass(frozen=True)
class Ramp:
    """Amplitudes that rise in equal steps, as in incremental step pulse programming.

    Parameters
    ----------
    start : float
        First amplitude in V.
    step : float
        V.

    Raises
    ------
    ValueError
        If they are not positive.
    """

    start: float = 0.5
    step: float = 0.01

    def __post_init__(self) -> None:
        if not (0 < self.start < np.inf and 0 < self.step < np.inf):
            raise ValueError(f"start={self.start!r}, step={self.step!r}: give voltages in V above 0")

    def __call__(self, seen: Readback) -> AnyArray:
        """Next amplitudes."""
        number = seen.u.dtype.type
        return np.asarray(np.where(seen.u > 0, seen.u + number(self.step), number(self.start)))


@dataclass(frozen=True)
class AlongTransition:
    """Amplitudes from each cell's RESET curve, as far as it is known.

    The curve I_t(U) = end + scale * fall(U) (`model.iv.transition`) has two unknowns. Two reads of a cell on its
    way tell both. After one, the end is that of the typical HRS; before any, or where nothing has moved yet, the curve
    begins at the typical U_RESET, less a spread to be on the safe side, or above what has been tried.

    Parameters
    ----------
    p : Constants
        Of the parameter set.
    typical : PopulationStatistics
        What is known of the population.
    above : float
        How far above the target, in S, to aim: half the tolerance costs fewest pulses.
    resolution : float
        Change of conductance in S that counts as a movement; several deviations of the read noise.
    """

    p: Constants
    typical: PopulationStatistics
    above: float
    resolution: float

    def __call__(self, seen: Readback) -> AnyArray:
        """Next amplitudes."""
        parts = (Readback(*(array[begin : begin + PART] for array in seen)) for begin in range(0, len(seen.u), PART))
        return np.concatenate([seen.u[:0], *map(self._amplitudes, parts)])

    def _amplitudes(self, seen: Readback) -> AnyArray:
        r = self._mixing(seen.target + seen.g.dtype.type(self.above))
        start = np.where(seen.u > 0, np.maximum(seen.u, 0.5 * self.typical.u_reset), self.typical.u_reset)
        return self._voltage_at(self.curve(seen, r), r, start)

    def _mixing(self, g: AnyArray) -> AnyArray:
        return np.asarray(iv.mixing_from_conductance(g, self.p))

    def curve(self, seen: Readback, r_target: AnyArray) -> iv.Transition:
        """Curves as far as they are known."""
        p, typical = self.p, self.typical
        moved = (seen.u > 0) & (seen.g < seen.g_set - self.resolution)
        tried = np.maximum(typical.u_reset, seen.u + typical.u_reset_spread / 2)
        threshold = np.where(seen.u > 0, tried, typical.u_reset - typical.u_reset_spread)
        at = np.where(moved, seen.u, threshold)
        i_at = iv.current(self._mixing(np.where(moved, seen.g, seen.g_set)), at, p)
        fall = iv.transition_profile(self._before_end(at), p)
        r_hrs = iv.mixing_from_conductance(np.median(typical.g_hrs), p)
        end = np.minimum(iv.current(r_hrs, p.u_max, p), DEEPER * iv.current(r_target, p.u_max, p))
        scale = (i_at - end) / fall
        # two reads on the way: no need for what is typical
        i_before = iv.current(self._mixing(seen.g_before), seen.u_before, p)
        fall_before = iv.transition_profile(self._before_end(seen.u_before), p)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = (i_before - i_at) / (fall_before - fall)
            bottom = i_at - slope * fall
        sound = moved & (seen.u_before > 0) & (slope > 0) & (bottom > 0)
        return iv.Transition(np.where(sound, slope, scale), np.where(sound, bottom, end))

    def _before_end(self, u: AnyArray) -> AnyArray:
        return np.asarray(np.minimum(u, self.p.u_max - LEAST))

    def _voltage_at(self, curve: iv.Transition, r: AnyArray, u: AnyArray) -> AnyArray:
        """Where curves reach mixing states: Newton's method from voltages below.

        The curve falls ever more slowly, so the steps stay on the safe side.
        """
        p = self.p
        for _ in range(NEWTON_STEPS):
            before, wanted = self._before_end(u), iv.current(r, u, p)
            height = iv.transition_profile(before, p)
            slope = curve.scale * iv.transition_slope(height, before, p) + CURVATURE * wanted / u
            u = np.clip(u + (curve.end + curve.scale * height - wanted) / slope, 0.1 * p.u_max, p.u_max)
        return np.asarray(u)


STRATEGIES = ("transition", "ramp")
