"""Statistics of a population that programming uses: typical thresholds, states and the median RESET curve.

They are measured on a sample of virtual cells of the same parameter set, as an experimenter would on a test array.
"""

import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from synaptogen._utils import Float64Array, checked
from synaptogen.array import CellArray
from synaptogen.params import DeviceParams, as_device_params

SAMPLE = 1 << 14  # cells
STEPS = 128  # amplitudes of the median RESET curve
QUANTILES = np.linspace(0, 1, 2001)
SAFETY = 1.2  # amplitude of a SET pulse over the lowest U_SET of the sample


class Window(NamedTuple):
    """A range of conductances.

    Attributes
    ----------
    low, high : float
        S.
    """

    low: float
    high: float


class PopulationStatistics(NamedTuple):
    """Typical thresholds and states of a population.

    Attributes
    ----------
    u_set : float
        Voltage in V that sets nearly every cell.
    u_reset : float
        Median RESET threshold in V.
    u_reset_spread : float
        Half the distance in V between its 16 % and 84 % quantiles.
    g_lrs : array of shape (2001,)
        Quantiles in S of the conductance after SET, evenly spaced from 0 to 1.
    g_hrs : array of shape (2001,)
        Quantiles in S of the conductance after a full RESET.
    amplitudes : array of shape (128,)
        Rising amplitudes in V of RESET pulses.
    conductances : array of shape (128,)
        Median conductances in S after SET and a RESET of that amplitude; never rising.
    """

    u_set: float
    u_reset: float
    u_reset_spread: float
    g_lrs: Float64Array
    g_hrs: Float64Array
    amplitudes: Float64Array
    conductances: Float64Array


@lru_cache(maxsize=16)
@checked
def population_statistics(params: DeviceParams) -> PopulationStatistics:
    """Measure the statistics of a population on a sample of virtual cells.

    Results of the last 16 parameter sets are kept.

    Parameters
    ----------
    params : DeviceParams
        The device population.

    Returns
    -------
    PopulationStatistics

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen.crossbar import population_statistics
    >>> statistics = population_statistics(sg.DeviceParams.preset("hennen2024"))
    >>> statistics.amplitudes.shape, statistics.u_set < 0.0 < statistics.u_reset
    ((128,), True)
    >>> bool(statistics.g_hrs.max() < statistics.g_lrs.max())
    True
    """
    cells = CellArray(SAMPLE, params, rng=0, bandwidth=0.0)
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


@checked
def reachable_window(
    params: str | DeviceParams = "hennen2024", coverage: float = 0.95, *, share: float | None = None
) -> Window:
    """Return the range of conductances that a share of all switching cycles reach, at either end.

    Parameters
    ----------
    params : str or DeviceParams
        The device population.
    coverage : float
        Share of the cycles, between 0 and 1. Near 1: conductances that nearly every cell reaches in any cycle; near 0:
        conductances that few cells reach in few cycles.
    share : float, optional
        Earlier name of ``coverage``.

    Returns
    -------
    Window
        ``low``: that share of HRSs are at or below it; ``high``: that share of LRSs are at or above it, in S.

    Raises
    ------
    ValueError
        If ``coverage`` is not between 0 and 1, or so many cycles have no range in common.

    Warns
    -----
    DeprecationWarning
        If ``share`` is given.

    Examples
    --------
    >>> from synaptogen.crossbar import reachable_window
    >>> most, few = reachable_window(coverage=0.95), reachable_window(coverage=0.01)
    >>> few.low < most.low < most.high < few.high
    True
    """
    if share is not None:
        warnings.warn("reachable_window(share=...) is now coverage=...", DeprecationWarning, stacklevel=2)
        coverage = share
    if not 0 < coverage < 1:
        raise ValueError(f"coverage={coverage!r}: give a share of cycles between 0 and 1")
    statistics = population_statistics(as_device_params(params))
    window = Window(
        float(np.interp(coverage, QUANTILES, statistics.g_hrs)),
        float(np.interp(1 - coverage, QUANTILES, statistics.g_lrs)),
    )
    if window.low >= window.high:
        raise ValueError(f"coverage={coverage!r}: so many cycles have no conductance in common; give a smaller share")
    return window
