"""Compiled loops that measure of each cycle what can be measured without knowing any curve.

Cycles are rows as `segmentation` makes them. Voltages are in V, currents in A.
"""

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .segmentation import END, FOLLOWS, HIGHEST, LOWEST, START, compiled

# columns of the table that `survey_cycles` fills, see there
(
    OFFSET,
    VARIANCE,
    DEGREES_OF_FREEDOM,
    CONDUCTANCE_A,
    CONDUCTANCE_B,
    CONDUCTANCE_C,
    WEIGHT_A,
    WEIGHT_B,
    WEIGHT_C,
    PEAK,
    PLATEAU,
    REACH_NEGATIVE,
    REACH_POSITIVE,
    SURVEY_COLUMNS,
) = range(14)
NEAR = 0.1  # share of the reach of a ramp in which offset and noise are measured
LINEAR = 0.2  # share of the reach in which conductances are measured that tell states apart
FLOOR = 0.03  # share of the reach below which a point does not determine a resistance


@compiled
def survey_cycles(u: Float64Array, i: Float64Array, rows: IntArray, count: int, out: Float64Array) -> None:
    """Measure what can be measured of each cycle without knowing any curve.

    Parameters
    ----------
    u, i : array of shape (points,)
        Voltages and currents of a device in the order of time.
    rows : array of int of shape (count, 6)
        Cycles, see `segmentation`.
    count : int
        Number of cycles.
    out : array of shape (count, 13)
        Filled with, NaN where a branch is missing: current at zero voltage (A); variance about it (A^2) and its degrees
        of freedom; conductances of branches A, B, C near zero (S) and the sums of u^2 behind them (V^2); largest
        current magnitude at the lowest voltage and level of a plateau there (A); lowest and highest voltage as
        magnitudes (V).
    """
    for c in range(count):
        row, summary = rows[c], out[c]
        summary[:] = np.nan
        low, high = row[LOWEST], row[HIGHEST]
        un = -u[low] if low >= 0 else u[high]
        up = u[high] if high >= 0 else un
        summary[REACH_NEGATIVE], summary[REACH_POSITIVE] = un if low >= 0 else np.nan, up if high >= 0 else np.nan
        first = rows[c - 1][HIGHEST] if row[FOLLOWS] and c > 0 and rows[c - 1][HIGHEST] >= 0 else row[START]
        if low >= 0:
            _fit_offset(u, i, first, low, NEAR * min(un, up), summary)
            summary[CONDUCTANCE_A], summary[WEIGHT_A] = _conductance_sums(
                u, i, row[START], low, -LINEAR * un, -FLOOR * un
            )
            summary[CONDUCTANCE_B], summary[WEIGHT_B] = _conductance_sums(
                u, i, low, high if high >= 0 else row[END], -LINEAR * un, LINEAR * up
            )
            _find_plateau(u, i, low, high if high >= 0 else row[END], summary)
        elif high >= 0:
            summary[CONDUCTANCE_B], summary[WEIGHT_B] = _conductance_sums(
                u, i, row[START], high, FLOOR * up, LINEAR * up
            )
        if high >= 0:
            summary[CONDUCTANCE_C], summary[WEIGHT_C] = _conductance_sums(u, i, high, row[END], FLOOR * up, LINEAR * up)


@compiled
def _fit_offset(u: Float64Array, i: Float64Array, first: int, last: int, width: float, summary: Float64Array) -> None:
    """Fit a straight line to the points about the falling zero crossing: its intercept, and the variance about it.

    Where few points are near, those further off count.
    """
    for wider in range(1, 4):
        n, su, si, suu, sui, sii = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(first, last):
            if abs(u[k]) < wider * width:
                n += 1
                su, si = su + u[k], si + i[k]
                suu, sui, sii = suu + u[k] * u[k], sui + u[k] * i[k], sii + i[k] * i[k]
        if n > 2:
            break
    if n < 2:
        return
    cuu, cui, cii = suu - su * su / n, sui - su * si / n, sii - si * si / n
    if cuu <= 1e-6 * width * width:
        return
    summary[OFFSET] = si / n - cui / cuu * su / n
    if n > 2:
        summary[VARIANCE], summary[DEGREES_OF_FREEDOM] = max(cii - cui * cui / cuu, 0.0) / (n - 2), n - 2


@compiled
def _conductance_sums(
    u: Float64Array, i: Float64Array, first: int, last: int, low: float, high: float
) -> tuple[float, float]:
    """Return sum(u i) / sum(u^2), a conductance once the offset is subtracted, and sum(u^2), its weight.

    The line goes through the origin; points count whose voltage lies between ``low`` and ``high``.
    """
    sui, suu = 0.0, 0.0
    for k in range(first, last):
        if low <= u[k] <= high:
            sui, suu = sui + u[k] * i[k], suu + u[k] * u[k]
    return sui / suu, suu


@compiled
def _find_plateau(u: Float64Array, i: Float64Array, low: int, last: int, summary: Float64Array) -> None:
    """Find the largest magnitude of the current about the minimum, and its level where it stays on the way back."""
    top, n = 0.0, 0
    for k in range(max(low - 1, 0), min(low + 2, last)):
        top, n = top - i[k], n + 1
    top /= n
    summary[PEAK] = top
    s, ss, m, k = 0.0, 0.0, 0, low
    while k < last and -i[k] > 0.95 * top and u[k] < 0:
        s, ss, m, k = s - i[k], ss + i[k] * i[k], m + 1, k + 1
    # the last points of a plateau are already on the way down
    wide = k < last and -u[k] < 0.85 * -u[low]
    if wide and m > 4:
        s, ss, keep = 0.0, 0.0, m - m // 5 - 1
        for j in range(low, low + keep):
            s, ss = s - i[j], ss + i[j] * i[j]
        level = s / keep
        flat = np.sqrt(max(ss / keep - level * level, 0.0))
        if flat < max(0.01 * level, 1.5 * np.sqrt(summary[VARIANCE])):
            summary[PLATEAU] = level
