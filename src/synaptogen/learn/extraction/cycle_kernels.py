"""Compiled loops over the points of measured I-V curves that measure single cycles under known curves.

Cycles are rows as `segmentation` makes them: start, lowest, highest and end of the voltage, with branches A, B and C
between them. Voltages are in V, currents in A. The curves of a branch are two tables over the voltage, of a current and
of its derivative by a state x: I(x, U) = a(U) + x d(U). `branch_curves` makes them.
"""

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .segmentation import END, HIGHEST, LOWEST, START, compiled
from .survey_kernels import FLOOR
from .threshold_kernels import level_run, lrs_at, reset_voltage, set_voltage

# columns of the table that `measure_cycles` fills, see there
(
    STATE_A,
    STATE_B,
    STATE_C,
    ERROR_A,
    ERROR_B,
    ERROR_C,
    REST_A,
    REST_B,
    REST_C,
    REST_ERROR_A,
    REST_ERROR_B,
    REST_ERROR_C,
    U_SET,
    U_RESET,
    KINK_SHIFT,
    KINK,
    SET_AGREES,
    RESET_AGREES,
    LEVER_A,
    LEVER_B,
    LEVER_C,
    MEASURE_COLUMNS,
) = range(22)

FIRST_LRS_TOP = 0.3  # share of the reach up to which the LRS is fitted before the thresholds are known
LRS_TOP = 0.85  # share of U_RESET up to which the LRS is fitted
FIRST_HRS, SET_ROUNDS = 0.3, 4  # share of the negative reach that the HRS is fitted to before U_SET is known
LRS_BOTTOM = 0.33  # share of the negative reach from which the LRS is fitted
HRS_A_BOTTOM = 0.85  # share of U_SET up to which the HRS is fitted on branch A
BELOW_LIMIT = 0.75  # share of the current limit below which the instrument does not act
BELOW_PLATEAU = 0.95  # share of the voltage at which the current of RESET becomes flat
MODEL_ERROR = 0.02  # error of two polynomials as a share of the current
HUBER = 1.5  # standard deviations beyond which residuals count linearly
HUBER_ROUNDS = 6
BESIDE = (0.6, 1.5)  # shares of the read voltage between which points check a resistance
WIDER = (0.25, 2.5)  # the same where these are fewer than three; two are enough if one of them is beside it
FOLLOWED, FEWEST_FOLLOWED = 0.5, 5  # share of the voltages of the LRS whose points lead its line on; fewest of them


@compiled
def _at(table: Float64Array, x: float) -> float:
    """Interpolate in a table, at a place in units of its points."""
    k = min(max(int(x), 0), len(table) - 2)
    return float(table[k] + (x - k) * (table[k + 1] - table[k]))


@compiled
def _fill_model(
    u: Float64Array, i: Float64Array, n: int, table: Float64Array, u_range: float, noise: float, work: Float64Array
) -> None:
    """Fill rows of ``work`` with a, d, I - a and the inverse variance of each point."""
    a, d, y, weight = work[0], work[1], work[2], work[3]
    scale = (table.shape[1] - 1) / (2.0 * u_range)
    for k in range(n):
        x = (u[k] + u_range) * scale
        a[k], d[k] = _at(table[0], x), _at(table[1], x)
        y[k] = i[k] - a[k]
        weight[k] = 1.0 / (noise * noise + MODEL_ERROR * MODEL_ERROR * i[k] * i[k])


@compiled
def _fit_state(
    u: Float64Array,
    i: Float64Array,
    work: Float64Array,
    first: int,
    last: int,
    low: float,
    high: float,
    limit: float,
    x: float,
) -> tuple[float, float, float]:
    """Return the state of points between two voltages, by Huber's method from ``x`` on, its error, and its lever.

    The lever is by how much a current that is added to all points changes the state, in 1/A.

    Points count from ``first`` to ``last`` (excluded), with currents above -``limit``.
    """
    d, y, weight, error, lever = work[1], work[2], work[3], np.nan, np.nan
    for _ in range(HUBER_ROUNDS):
        s, ss, sums = 0.0, 0.0, 0.0
        for k in range(first, last):
            if low <= u[k] <= high and i[k] > -limit:
                w, rest = weight[k], y[k] - x * d[k]
                far = rest * rest * w
                if far > HUBER * HUBER:  # False while x is NaN: the first round is plain least squares
                    w *= HUBER / np.sqrt(far)
                s, ss, sums = s + w * d[k] * y[k], ss + w * d[k] * d[k], sums + w * d[k]
        if ss <= 0.0:
            return np.nan, np.nan, np.nan
        before, x, error, lever = x, s / ss, 1.0 / np.sqrt(ss), sums / ss
        if abs(x - before) < 0.03 * error:
            break
    return x, error, lever


@compiled
def _check_state(
    u: Float64Array,
    i: Float64Array,
    work: Float64Array,
    first: int,
    last: int,
    at_: float,
    x: float,
    limit: float,
    noise: float,
) -> tuple[float, float]:
    """Return by how much points beside a voltage conduct more than the curve, in S, and the standard error."""
    a, d, beside = work[0], work[1], 0
    for near, far in (BESIDE, WIDER):
        n, s, ss = 0, 0.0, 0.0
        for k in range(first, last):
            if near <= u[k] / at_ <= far and i[k] > -limit:
                n, s, ss = n + 1, s + u[k] * (i[k] - a[k] - x * d[k]), ss + u[k] * u[k]
        if n >= 3 or (n == 2 and beside > 0):
            return s / ss, noise / np.sqrt(ss)
        beside = n
    return np.nan, np.nan


@compiled
def _check_both_sides(
    u: Float64Array,
    i: Float64Array,
    work: Float64Array,
    first: int,
    last: int,
    at_: float,
    x: float,
    limit: float,
    noise: float,
) -> tuple[float, float]:
    """Return the same from points near the voltage and its negative, where either side has fewer than three."""
    n, s, ss = 0, 0.0, 0.0
    for k in range(first, last):
        if WIDER[0] <= abs(u[k]) / at_ <= WIDER[1] and i[k] > -limit:
            n, s, ss = n + 1, s + u[k] * (i[k] - work[0, k] - x * work[1, k]), ss + u[k] * u[k]
    return (s / ss, noise / np.sqrt(ss)) if n >= 2 else (np.nan, np.nan)


@compiled
def _measure_cycle(
    u: Float64Array,
    i: Float64Array,
    low: int,
    high: int,
    n: int,
    tables: Float64Array,
    windows: Float64Array,
    u_range: float,
    u_read: float,
    noise: float,
    limit: float,
    m: int,
    work: Float64Array,
    summary: Float64Array,
) -> None:
    """Measure states and thresholds of one cycle of n points; ``summary`` is its row of `measure_cycles`."""
    summary[:] = np.nan
    slope, line = work[4], work[5]
    if high >= 0:
        _fill_model(u, i, n, tables[2], u_range, noise, work)
        from_, top = max(FLOOR * u[high], windows[2, 0]), windows[2, 1]
        state, error, lever = _fit_state(u, i, work, high, n, from_, top, np.inf, np.nan)
        summary[STATE_C], summary[ERROR_C], summary[LEVER_C] = state, error, lever
        summary[REST_C], summary[REST_ERROR_C] = _check_state(
            u, i, work, high, n, u_read, summary[STATE_C], np.inf, noise
        )
    un = -u[low] if low >= 0 else 0.0
    up = u[high] if high >= 0 else un
    first, last = max(low, 0), high if high >= 0 else n
    _fill_model(u, i, n, tables[1], u_range, noise, work)
    bottom = max(-LRS_BOTTOM * un if low >= 0 else FLOOR * up, windows[1, 0])
    most, below = windows[1, 1], BELOW_LIMIT * limit
    if high >= 0:
        flat, _ = level_run(i, first, high, noise)
        if flat > first and u[flat] > 0:  # an instrument may limit the current of this cycle
            most = min(most, BELOW_PLATEAU * u[flat])
    top = min(FIRST_LRS_TOP * up, most)
    state, error, lever = _fit_state(u, i, work, first, last, bottom, top, below, np.nan)
    summary[STATE_B], summary[ERROR_B], summary[LEVER_B] = state, error, lever
    if high >= 0:
        begin = high
        while begin > first and u[begin - 1] > 0:
            begin -= 1
        for _ in range(3):
            _lrs_line(u, tables[1], u_range, begin, high, summary[STATE_B], top, slope, line)
            _follow_points(u, i, begin, high, top, slope, line)
            summary[U_RESET], summary[KINK_SHIFT], summary[KINK], agrees = reset_voltage(
                u, i, slope, line, begin, high, 0.1 * up, m, noise
            )
            summary[RESET_AGREES] = 1.0 if agrees else 0.0
            before = top
            top = LRS_TOP * (summary[U_RESET] if summary[U_RESET] == summary[U_RESET] else up)
            top = min(top, most)
            state, error, lever = _fit_state(u, i, work, first, last, bottom, top, below, summary[STATE_B])
            summary[STATE_B], summary[ERROR_B], summary[LEVER_B] = state, error, lever
            if abs(top - before) < 0.05 * up:
                break
    side = u_read if high >= 0 and not summary[U_RESET] < 1.2 * u_read else -u_read
    until = last
    if side > 0 and summary[U_RESET] == summary[U_RESET]:
        while until > first and u[until - 1] > 0.95 * summary[U_RESET]:
            until -= 1
    summary[REST_B], summary[REST_ERROR_B] = _check_state(
        u, i, work, first, until, side, summary[STATE_B], below, noise
    )
    if summary[REST_B] != summary[REST_B]:
        summary[REST_B], summary[REST_ERROR_B] = _check_both_sides(
            u, i, work, first, until, u_read, summary[STATE_B], below, noise
        )
    if low >= 0 and low > 0:
        _measure_set(u, i, low, last, n, tables[0], windows, u_range, u_read, noise, work, summary)


@compiled
def _measure_set(
    u: Float64Array,
    i: Float64Array,
    low: int,
    last: int,
    n: int,
    table: Float64Array,
    windows: Float64Array,
    u_range: float,
    u_read: float,
    noise: float,
    work: Float64Array,
    summary: Float64Array,
) -> None:
    """Measure U_SET, and the HRS on branch A up to it."""
    b, h = work[4], work[5]
    lrs_at(u, i, 0, low, last, b)
    _fill_model(u, i, n, table, u_range, noise, work)
    top = min(FLOOR * u[low], windows[0, 1])
    bottom = FIRST_HRS * u[low]
    for _ in range(SET_ROUNDS):
        x, error, lever = _fit_state(u, i, work, 0, low, max(bottom, windows[0, 0]), top, np.inf, summary[STATE_A])
        summary[STATE_A], summary[ERROR_A], summary[LEVER_A] = x, error, lever
        for k in range(low + 1):
            h[k] = -(work[0, k] + (x if x == x else 0.0) * work[1, k])
        before = summary[U_SET]
        summary[U_SET], agrees = set_voltage(u, i, low, b, h, noise)
        summary[SET_AGREES] = 1.0 if agrees else 0.0
        if summary[U_SET] != summary[U_SET] or summary[U_SET] == before:
            break
        bottom = HRS_A_BOTTOM * summary[U_SET]
    if summary[U_SET] != summary[U_SET]:
        bottom = u[low]
    first = 0
    while first < low and u[first] > 0:
        first += 1
    stop = first
    while stop < low and u[stop] > bottom:
        stop += 1
    summary[REST_A], summary[REST_ERROR_A] = _check_state(
        u, i, work, first, stop, -u_read, summary[STATE_A], np.inf, noise
    )


@compiled
def _lrs_line(
    u: Float64Array,
    table: Float64Array,
    u_range: float,
    first: int,
    last: int,
    x: float,
    top: float,
    slope: Float64Array,
    line: Float64Array,
) -> None:
    """Fill in conductance and current of the LRS; beyond ``top``, where it is not known, it is straight."""
    points = table.shape[1] - 1
    scale = points / (2.0 * u_range)
    edge = (top + u_range) * scale
    h = 0.5
    end_slope = (
        _at(table[0], edge + h) - _at(table[0], edge - h) + x * (_at(table[1], edge + h) - _at(table[1], edge - h))
    ) * scale
    end_line = _at(table[0], edge) + x * _at(table[1], edge)
    for k in range(first, last + 1):
        if u[k] >= top:
            slope[k], line[k] = end_slope, end_line + end_slope * (u[k] - top)
            continue
        p = (u[k] + u_range) * scale
        slope[k] = (
            _at(table[0], p + h) - _at(table[0], p - h) + x * (_at(table[1], p + h) - _at(table[1], p - h))
        ) * scale
        line[k] = _at(table[0], p) + x * _at(table[1], p)


@compiled
def _straight(
    u: Float64Array, y: Float64Array, first: int, last: int, low: float, top: float
) -> tuple[float, float, float]:
    """Return value and slope at ``top`` of the straight line through points between two voltages, and the mean square.

    The mean square is infinite where there are too few points.
    """
    n, s, ss, sy, ssy, yy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, last + 1):
        if low <= u[k] <= top:
            t = u[k] - top
            n, s, ss = n + 1, s + t, ss + t * t
            sy, ssy, yy = sy + y[k], ssy + t * y[k], yy + y[k] * y[k]
    determinant = n * ss - s * s
    if n < FEWEST_FOLLOWED or not determinant > 1e-9 * n * ss:
        return 0.0, 0.0, np.inf
    slope, value = (n * ssy - s * sy) / determinant, (ss * sy - s * ssy) / determinant
    return value, slope, max(yy - value * sy - slope * ssy, 0.0) / n


@compiled
def _follow_points(
    u: Float64Array, i: Float64Array, first: int, last: int, top: float, slope: Float64Array, line: Float64Array
) -> None:
    """Lay the line of the LRS through the last points that it is fitted to: a curve of many cycles may bend there.

    It is the curve and a straight line, or a straight line alone, if that is much nearer to the points.
    """
    low = FOLLOWED * top
    value, steep, off = _straight(u, i - line, first, last, low, top)
    alone, own, off_alone = _straight(u, i, first, last, low, top)
    if off == np.inf:
        return
    for k in range(first, last + 1):
        if u[k] < low:
            continue
        if 2.0 * off_alone < off:
            slope[k], line[k] = own, alone + own * (u[k] - top)
        else:
            slope[k], line[k] = slope[k] + steep, line[k] + value + steep * (u[k] - top)


@compiled
def measure_cycles(
    u: Float64Array,
    i: Float64Array,
    rows: IntArray,
    count: int,
    tables: Float64Array,
    windows: Float64Array,
    u_range: float,
    u_read: float,
    noise: float,
    limit: float,
    share: float,
    parity: int,
    out: Float64Array,
) -> None:
    """Measure states and thresholds of each cycle of a device.

    Parameters
    ----------
    u, i : array of shape (points,)
        Voltages and currents of a device in the order of time, without offset.
    rows : array of int of shape (count, 6)
        Cycles, see `segmentation`.
    count : int
        Number of cycles.
    tables : array of shape (3, 2, grid)
        Curves a and d of branches A, B and C, at voltages from -``u_range`` to ``u_range``.
    windows : array of shape (3, 2)
        Voltages in V between which the curves of each branch hold.
    u_range, u_read : float
        In V.
    noise, limit : float
        Standard deviation of a current, and current limit (infinite: none), in A.
    share : float
        Half width of the slope filter, as a share of the points of the rising positive ramp.
    parity : int
        0 or 1 takes every second point, -1 all of them.
    out : array of shape (count, 21)
        Filled with, NaN where not found: states of branches A, B and C and their standard errors; by how much points
        beside the read voltage conduct more than the curves, and the errors (S); U_SET and U_RESET (V); how far the
        kink lies beyond U_RESET, and the kink that raw points show (V); 1 where raw points agree with U_SET and with
        U_RESET, else 0; by how much a current that is added to all points changes the states (1/A).
    """
    longest = 3
    for c in range(count):
        longest = max(longest, rows[c][END] - rows[c][START])
    work, v, w = np.empty((6, longest)), np.empty(longest), np.empty(longest)
    for c in range(count):
        row = rows[c]
        start, step, n = row[START], 1 if parity < 0 else 2, 0
        low, high = -1, -1
        for k in range(start + max(parity, 0), row[END], step):
            v[n], w[n] = u[k], i[k]
            if row[LOWEST] >= 0 and low < 0 and k >= row[LOWEST]:
                low = n
            if row[HIGHEST] >= 0 and high < 0 and k >= row[HIGHEST]:
                high = n
            n += 1
        if (row[LOWEST] >= 0 and low < 0) or (row[HIGHEST] >= 0 and high < 0):
            out[c, :] = np.nan
            continue
        rising = 0
        if high >= 0:
            k = high
            while k >= 0 and v[k] > 0:
                k, rising = k - 1, rising + 1
        m = max(1, int(share * rising + 0.5))
        _measure_cycle(v, w, low, high, n, tables, windows, u_range, u_read, noise, limit, m, work, out[c])
