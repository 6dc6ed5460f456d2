"""What an experimenter knows of a population before writing to it: typical thresholds, states and RESET curve.

Measured on a sample of virtual cells of the same parameter set, made for the purpose.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from synaptogen._utils import Float64Array

if TYPE_CHECKING:
    from synaptogen.array import CellArray
    from synaptogen.params import DeviceParams


SAMPLE = 1 << 14  # cells
STEPS = 128  # amplitudes of the mean RESET curve
QUANTILES = np.linspace(0, 1, 2001)
SAFETY = 1.2  # a SET pulse goes beyond the lowest U_SET of the sample by this factor


class Window(NamedTuple):
    """A range of conductances."""

    low: float
    """S"""
    high: float
    """S"""


class PopulationStatistics(NamedTuple):
    """What is typical of a population."""

    u_set: float
    """V; sets nearly every cell."""
    u_reset: float
    """V; median threshold of the RESET."""
    u_reset_spread: float
    """V; half the distance of its 16 % and 84 % quantiles."""
    g_lrs: Float64Array
    """S; quantiles of the conductance after SET, at `QUANTILES`."""
    g_hrs: Float64Array
    """S; the same after a full RESET."""
    amplitudes: Float64Array
    """V; rising."""
    conductances: Float64Array
    """S; medians after SET and a RESET of that amplitude, falling."""


@lru_cache(maxsize=16)
def population_statistics(params: "DeviceParams") -> PopulationStatistics:
    """Measure a sample of cells of a population."""
    cells = _sample(params)
    u_set = SAFETY * float(min(cells.features.u_set.min(), cells.upcoming(1).u_set.min()))
    cells.apply_voltage(u_set)
    g_lrs = cells.conductance()
    low, middle, high = np.quantile(cells.features.u_reset, [0.16, 0.5, 0.84])
    amplitudes = np.linspace(0.5 * middle, params.u_max, STEPS)
    medians = [float(np.median(g_lrs))]
    for u in amplitudes[1:]:
        cells.apply_voltage(u)
        medians.append(float(np.median(cells.conductance())))
    return PopulationStatistics(
        u_set=u_set,
        u_reset=float(middle),
        u_reset_spread=float(high - low) / 2,
        g_lrs=np.quantile(g_lrs, QUANTILES),
        g_hrs=np.quantile(cells.conductance(), QUANTILES),
        amplitudes=amplitudes,
        conductances=np.minimum.accumulate(medians),
    )


def _sample(params: "DeviceParams") -> "CellArray":
    from synaptogen.array import CellArray  # arrays import this package

    return CellArray(SAMPLE, params, rng=0, bandwidth=0.0)


def reachable_window(params: "str | DeviceParams" = "hennen2024", share: float = 0.95) -> Window:
    """Conductances that ``share`` of all switching cycles reach, at either end.

    Parameters
    ----------
    params : str or DeviceParams
        The device population.
    share : float
        Between 0 and 1. Near 1: what nearly every cell reaches in any cycle; near 0: what some cell reaches some day.

    Returns
    -------
    Window
        ``low``, which that share of HRSs are at or below, and ``high``, which that share of LRSs are at or above, in S.

    Raises
    ------
    ValueError
        If the share is not of that kind, or the population has no window at it.
    """
    from synaptogen.params import as_device_params

    if not 0 < share < 1:
        raise ValueError(f"share={share!r}: give a share of cycles between 0 and 1")
    typical: Any = population_statistics(as_device_params(params))
    window = Window(
        float(np.interp(share, QUANTILES, typical.g_hrs)), float(np.interp(1 - share, QUANTILES, typical.g_lrs))
    )
    if window.low >= window.high:
        raise ValueError(f"share={share!r}: so many cycles have no conductance in common; give a smaller share")
    return window
