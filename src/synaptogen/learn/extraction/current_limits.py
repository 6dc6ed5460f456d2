"""Limits of the current that an instrument has set: of SET, and of RESET where it clips currents of both signs."""

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .segmentation import HIGHEST, LOWEST, START
from .survey_kernels import PEAK, PLATEAU

FLAT, ALIKE = 0.002, 0.005  # shares of the current within which a plateau is flat, and plateaus of cycles are alike
LONGEST_STEP, FEWEST = 0.1, 3  # share of the reach that a plateau spans at least, and its points
MOST = 50  # cycles that are looked at, about
QUIET = 0.005  # share of the current below which the noise must be


def set_limit(surveyed: Float64Array, noise: float) -> float:
    """Return the level in A of the plateau of SET that most cycles share, or infinity: a saturating device varies.

    Parameters
    ----------
    surveyed : array of shape (n, 13)
        Results of `survey_kernels.survey_cycles`.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    float
    """
    levels = surveyed[np.isfinite(surveyed[:, PLATEAU]), PLATEAU]
    tops = surveyed[np.isfinite(surveyed[:, PEAK]), PEAK]
    if not len(levels):
        return np.inf
    level = float(np.median(levels))
    reached = np.abs(levels - level) < 0.01 * level + 0.5 * noise
    above = np.count_nonzero(tops > 1.05 * level + 3 * noise)
    if np.count_nonzero(reached) < 0.8 * len(levels) or above > 0.1 * len(tops):
        return np.inf
    return level


def reset_limit(u: Float64Array, i: Float64Array, rows: IntArray, noise: float) -> float:
    """Return the level in A of a flat top of the current of RESET that most cycles share, or infinity.

    Parameters
    ----------
    u, i : array of shape (points,)
        Voltages in V and currents in A.
    rows : array of int of shape (n, 6)
        Cycles, see `segmentation`.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    float
    """
    levels, flat = [], []
    whole = np.flatnonzero(rows[:, HIGHEST] >= 0)
    for row in rows[whole[:: max(len(whole) // MOST, 1)]]:
        first, last = max(row[START], row[LOWEST]), row[HIGHEST] + 1
        top = float(i[first:last].max())
        at_top = u[first:last][i[first:last] > (1 - FLAT) * top - 3 * noise]
        levels.append(top)
        flat.append(len(at_top) >= FEWEST and np.ptp(at_top) > LONGEST_STEP * u[row[HIGHEST]])
    if not levels or not np.mean(flat) > 0.8:
        return np.inf
    level = float(np.median(levels))
    alike = np.abs(np.array(levels) - level) < ALIKE * level + 3 * noise
    return level if noise < QUIET * level and np.mean(alike) > 0.8 else np.inf
