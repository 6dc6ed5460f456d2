"""Strategies choose the amplitudes of the next RESET pulses of a write-verify loop, for all active cells at once.

A partial RESET leaves a cell on its RESET curve, and only a larger amplitude moves it further, towards lower
conductance. A cell below its target must be SET again, and its next cycle has other features. Strategies therefore
approach the target from above. A function of `Readback` that returns amplitudes is a strategy, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from synaptogen._utils import AnyArray, require_fields
from synaptogen.model import Constants, iv

from .statistics import PopulationStatistics


class Readback(NamedTuple):
    """Reads of m cells since their last SET, for a strategy; all arrays have the shape (m,).

    Attributes
    ----------
    target : array
        Target conductances in S.
    g_set : array
        Conductances in S after the SET.
    u : array
        Amplitudes in V of the last RESET pulse; 0: none yet.
    g : array
        Conductances in S after that pulse.
    u_before : array
        Amplitudes in V of the RESET pulse before; 0: there was none.
    g_before : array
        Conductances in S after that one.
    """

    target: AnyArray
    g_set: AnyArray
    u: AnyArray
    g: AnyArray
    u_before: AnyArray
    g_before: AnyArray


Strategy: TypeAlias = Callable[[Readback], AnyArray]
"""Amplitudes (m,) in V for cells that are above their target."""

StrategyName: TypeAlias = Literal["transition", "ramp"]
STRATEGIES: tuple[StrategyName, ...] = ("transition", "ramp")

PART = 1 << 14  # cells at a time, so that intermediate arrays stay in the cache
NEWTON_STEPS = 4
CURVATURE = 1.3  # typical dI/dU over I/U
LEAST = 1e-4  # V; distance from the end of the curve, where its slope vanishes
DEEPER = 0.8  # an HRS that is not known yet is assumed to be at most this factor times the target


@dataclass(frozen=True)
class Ramp:
    """Amplitudes that rise in equal steps, as in incremental step pulse programming.

    Parameters
    ----------
    start : float
        First amplitude in V.
    step : float
        Increase in V from pulse to pulse.

    Raises
    ------
    ValueError
        If one of them is not positive.
    """

    start: float = 0.5
    step: float = 0.01

    def __post_init__(self) -> None:
        require_fields(self)
        if not (0 < self.start < np.inf and 0 < self.step < np.inf):
            raise ValueError(f"start={self.start!r}, step={self.step!r}: give voltages in V above 0")

    def __call__(self, cells: Readback) -> AnyArray:
        """Return the next amplitudes in V, (m,)."""
        number = cells.u.dtype.type
        return np.asarray(np.where(cells.u > 0, cells.u + number(self.step), number(self.start)))


@dataclass(frozen=True)
class AlongTransition:
    """Amplitudes from each cell's RESET curve, as far as it is known.

    The curve I_t(U) = end + scale * profile(U) (docs/model.md, "Switching"; `model.iv.transition_profile`) has two
    unknowns. Two reads of a cell on this curve determine both. After one read, the end is that of the typical HRS.
    Before any, or if the conductance has not changed yet, the curve is assumed to begin at the typical U_RESET minus
    one spread (an early-resetting cell), or above the amplitudes that were tried.

    Parameters
    ----------
    p : Constants
        Of the parameter set.
    typical : PopulationStatistics
        Typical thresholds and states of the population.
    above : float
        Aim this far above the target, in S; half the tolerance needs the fewest pulses.
    resolution : float
        Change of conductance in S that counts as significant: several standard deviations of the read noise.
    """

    p: Constants
    typical: PopulationStatistics
    above: float
    resolution: float

    def __call__(self, cells: Readback) -> AnyArray:
        """Return the next amplitudes in V, (m,)."""
        parts = (Readback(*(array[begin : begin + PART] for array in cells)) for begin in range(0, len(cells.u), PART))
        return np.concatenate([cells.u[:0], *map(self._amplitudes, parts)])

    def _amplitudes(self, cells: Readback) -> AnyArray:
        r = self._mixing(cells.target + cells.g.dtype.type(self.above))
        start = np.where(cells.u > 0, np.maximum(cells.u, 0.5 * self.typical.u_reset), self.typical.u_reset)
        return self._voltage_at(self.curve(cells, r), r, start)

    def _mixing(self, g: AnyArray) -> AnyArray:
        return np.asarray(iv.mixing_from_conductance(g, self.p))

    def curve(self, cells: Readback, r_target: AnyArray) -> iv.Transition:
        """Estimate the RESET curves of cells from their reads.

        Parameters
        ----------
        cells : Readback of m cells
            Reads so far.
        r_target : array of shape (m,)
            Mixing states of the targets.

        Returns
        -------
        iv.Transition of arrays of shape (m,)
            ``scale`` and ``end`` of each curve in A.
        """
        p, typical = self.p, self.typical
        moved = (cells.u > 0) & (cells.g < cells.g_set - self.resolution)
        tried = np.maximum(typical.u_reset, cells.u + typical.u_reset_spread / 2)
        threshold = np.where(cells.u > 0, tried, typical.u_reset - typical.u_reset_spread)
        at = np.where(moved, cells.u, threshold)
        i_at = iv.current(self._mixing(np.where(moved, cells.g, cells.g_set)), at, p)
        profile = iv.transition_profile(self._before_end(at), p)
        r_hrs = iv.mixing_from_conductance(np.median(typical.g_hrs), p)
        end = np.minimum(iv.current(r_hrs, p.u_max, p), DEEPER * iv.current(r_target, p.u_max, p))
        scale = (i_at - end) / profile
        # two reads on the curve determine it without typical values
        i_before = iv.current(self._mixing(cells.g_before), cells.u_before, p)
        profile_before = iv.transition_profile(self._before_end(cells.u_before), p)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = (i_before - i_at) / (profile_before - profile)
            bottom = i_at - slope * profile
        sound = moved & (cells.u_before > 0) & (slope > 0) & (bottom > 0)
        return iv.Transition(np.where(sound, slope, scale), np.where(sound, bottom, end))

    def _before_end(self, u: AnyArray) -> AnyArray:
        return np.asarray(np.minimum(u, self.p.u_max - LEAST))

    def _voltage_at(self, curve: iv.Transition, r: AnyArray, u: AnyArray) -> AnyArray:
        """Return the voltages at which curves reach mixing states, by Newton's method from voltages below.

        The slope of the curve decreases, so the steps do not go too far.
        """
        p = self.p
        for _ in range(NEWTON_STEPS):
            before, wanted = self._before_end(u), iv.current(r, u, p)
            height = iv.transition_profile(before, p)
            slope = curve.scale * iv.transition_slope(height, before, p) + CURVATURE * wanted / u
            u = np.clip(u + (curve.end + curve.scale * height - wanted) / slope, 0.1 * p.u_max, p.u_max)
        return np.asarray(u)
