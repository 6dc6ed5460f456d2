"""Compiled loops over the points of measured I-V curves that measure single cycles.

Cycles are rows as `segmentation` makes them: start, lowest, highest and end of the voltage, with branches A, B and C
between them. Voltages are in V, currents in A. A mixing state r places a branch between the two envelopes:
I = (1 - r) I_LLRS + r I_HHRS.
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
# columns of the table that `measure_cycles` fills, see there
STATE_A, STATE_B, STATE_C, ERROR_A, ERROR_B, ERROR_C, U_SET, U_RESET, KINK_SHIFT, MEASURE_COLUMNS = range(10)

NEAR = 0.1  # share of the reach of a ramp in which offset and noise are measured
LINEAR = 0.2  # share of the reach in which conductances are measured that tell states apart
FLOOR = 0.03  # share of the reach below which a point does not determine a resistance
FIRST_LRS_TOP = 0.3  # share of the reach up to which the LRS is fitted before the thresholds are known
LRS_TOP = 0.85  # share of U_RESET up to which the LRS is fitted
LRS_BOTTOM = 0.33  # share of the negative reach from which the LRS is fitted
HRS_A_BOTTOM = 0.85  # share of U_SET up to which the HRS is fitted on branch A
BELOW_LIMIT = 0.75  # share of the current limit below which the instrument does not act
MODEL_ERROR = 0.02  # error of two polynomials as a share of the current
STATE_RATIO = 1.5  # branches whose conductances differ by a larger factor are different states
HUBER = 1.5  # standard deviations beyond which residuals count linearly
HUBER_ROUNDS = 6


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
    """Fit a straight line to the points about the falling zero crossing: its intercept, and the variance about it."""
    n, su, si, suu, sui, sii = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, last):
        if -width < u[k] < width:
            n += 1
            su, si = su + u[k], si + i[k]
            suu, sui, sii = suu + u[k] * u[k], sui + u[k] * i[k], sii + i[k] * i[k]
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


@compiled
def _polynomial(coefficients: Float64Array, x: float) -> float:
    """Evaluate a polynomial, highest power first, by Horner's rule."""
    y = 0.0
    for c in coefficients:
        y = y * x + c
    return y


@compiled
def _derivative_of(coefficients: Float64Array) -> Float64Array:
    """Return the coefficients of the derivative of a polynomial."""
    n = len(coefficients) - 1
    return coefficients[:n] * np.arange(n, 0, -1)


@compiled
def _fit_state(
    u: Float64Array,
    i: Float64Array,
    y: Float64Array,
    d: Float64Array,
    weight: Float64Array,
    first: int,
    last: int,
    low: float,
    high: float,
    limit: float,
    r: float,
) -> tuple[float, float]:
    """Return the mixing state of points between two voltages, by Huber's method from ``r`` on, and its error.

    ``y`` is I - I_LLRS and ``d`` is I_HHRS - I_LLRS at each point, ``weight`` the inverse variance: y = r d + error.
    Points count from ``first`` to ``last`` (excluded), with currents above -``limit``.
    """
    error = np.nan
    for _ in range(HUBER_ROUNDS):
        s, ss = 0.0, 0.0
        for k in range(first, last):
            if low <= u[k] <= high and i[k] > -limit:
                w, rest = weight[k], y[k] - r * d[k]
                far = rest * rest * w
                if far > HUBER * HUBER:  # False while r is NaN: the first round is plain least squares
                    w *= HUBER / np.sqrt(far)
                s, ss = s + w * d[k] * y[k], ss + w * d[k] * d[k]
        if ss <= 0.0:
            return np.nan, np.nan
        before, r, error = r, s / ss, 1.0 / np.sqrt(ss)
        if abs(r - before) < 0.03 * error:
            break
    return r, error


@compiled
def _u_set(
    u: Float64Array,
    i: Float64Array,
    a: Float64Array,
    d: Float64Array,
    first: int,
    low: int,
    r_a: float,
    r_b: float,
    top: float,
    noise: float,
) -> float:
    """Return the voltage at which the current is half way from the HRS to the LRS, or to the limit if that is less."""
    for k in range(first, low + 1):
        if u[k] >= 0:
            continue
        from_, to = -(a[k] + r_a * d[k]), -(a[k] + r_b * d[k])
        to = min(to, top)
        if to - from_ < 6.0 * noise:
            continue
        half = 0.5 * (from_ + to)
        if -i[k] < half or (k < low and -i[k + 1] < half):
            continue
        if k == first or u[k - 1] >= 0:
            return float(u[k])
        short = half + i[k - 1]  # current that the point before lacks
        part = min(max(short / (short - half - i[k]), 0.0), 1.0)
        return float(u[k - 1] + part * (u[k] - u[k - 1]))
    return np.nan


@compiled
def _slope_at(u: Float64Array, i: Float64Array, k: int, m: int) -> float:
    """Return dI/dU at a point: Savitzky and Golay's filter of degree 2 over 2m + 1 points, of both I and U."""
    di, du = 0.0, 0.0
    for j in range(1, m + 1):
        di, du = di + j * (i[k + j] - i[k - j]), du + j * (u[k + j] - u[k - j])
    return di / du


@compiled
def _first_below_half(
    u: Float64Array, i: Float64Array, slope: Float64Array, first: int, high: int, from_: float, m: int
) -> tuple[int, float]:
    """Return the first point where dI/dU is below half the slope of the LRS, or -1, and dI/dU at the point before."""
    before = np.nan
    for k in range(first, high):
        half_width = min(m, high - k, k - first)
        if half_width < 1 or u[k] < from_:
            continue
        now = _slope_at(u, i, k, half_width)
        if now < 0.5 * slope[k]:
            return k, before
        before = now
    return -1, before


@compiled
def _kink_distance(share: float, m: int) -> float:
    """Return where the kink between two lines lies, in steps from the centre of the filter, given its ``share``.

    The filter shows the part sum_{k > x} k (k - x) / sum k^2 of the change of slope at a distance of x steps.
    """
    total = m * (m + 1) * (2 * m + 1) / 3.0
    x = float(m)
    seen = 0.0
    while x > -m:
        ahead = 0.0
        for k in range(-m, m + 1):
            if k > x - 0.1:
                ahead += k * (k - x + 0.1)
        ahead /= total
        if ahead >= share:
            return x - 0.1 * (share - seen) / max(ahead - seen, 1e-12)
        seen = ahead
        x -= 0.1
    return x


@compiled
def _reset_voltage(
    u: Float64Array, i: Float64Array, slope: Float64Array, first: int, high: int, from_: float, m: int
) -> tuple[float, float]:
    """Return the voltage at which dI/dU falls to half the slope of the LRS, and how far beyond it the kink lies.

    The filter shows the RESET early. How early follows from the slopes on both sides; that behind the kink is
    extrapolated to it from two places. In one cycle that is noisy: the caller takes the median of a device.
    """
    at, before = _first_below_half(u, i, slope, first, high, from_, m)
    if at < 0:
        return np.nan, np.nan
    half_width = min(m, high - at, at - first)
    now, s, place = _slope_at(u, i, at, half_width), slope[at], u[at]
    if before > now:  # False for NaN
        place -= (0.5 * s - now) / (before - now) * (u[at] - u[at - 1])
    after, ahead = now, at + half_width + (half_width + 1) // 2  # the kink itself lies a little ahead
    if ahead < high:
        after = _slope_at(u, i, ahead, min(half_width, high - ahead))
        if ahead + half_width <= high - half_width:
            after += min(after - _slope_at(u, i, ahead + half_width, half_width), 0.0)
    after = min(after, now)
    step = (u[at + half_width] - u[at - half_width]) / (2 * half_width)
    return place, _kink_distance(0.5 * s / (s - after), half_width) * step


@compiled
def _fill_model(
    u: Float64Array, i: Float64Array, n: int, llrs: Float64Array, hhrs: Float64Array, noise: float, work: Float64Array
) -> None:
    """Fill rows of ``work`` with I_LLRS, I_HHRS - I_LLRS, I - I_LLRS and the inverse variance of each point."""
    a, d, y, weight = work[0], work[1], work[2], work[3]
    for k in range(n):
        a[k] = _polynomial(llrs, u[k])
        d[k], y[k] = _polynomial(hhrs, u[k]) - a[k], i[k] - a[k]
        weight[k] = 1.0 / (noise * noise + MODEL_ERROR * MODEL_ERROR * i[k] * i[k])


@compiled
def _measure_set(
    u: Float64Array,
    i: Float64Array,
    low: int,
    n: int,
    un: float,
    noise: float,
    limit: float,
    work: Float64Array,
    summary: Float64Array,
) -> None:
    """Measure the HRS on branch A and U_SET, twice: the window of the second fit ends before the first U_SET."""
    a, d, y, weight = work[0], work[1], work[2], work[3]
    peak = 0.0
    for k in range(max(low - 1, 0), min(low + 2, n)):
        peak = max(peak, -i[k])
    peak, bottom = min(peak, limit), -FIRST_LRS_TOP * un
    for _ in range(2):
        summary[STATE_A], summary[ERROR_A] = _fit_state(
            u, i, y, d, weight, 0, low, bottom, -FLOOR * un, np.inf, summary[STATE_A]
        )
        summary[U_SET] = _u_set(u, i, a, d, 0, low, summary[STATE_A], summary[STATE_B], peak, noise)
        if summary[U_SET] != summary[U_SET]:
            break
        bottom = HRS_A_BOTTOM * summary[U_SET]


@compiled
def _measure_cycle(
    u: Float64Array,
    i: Float64Array,
    low: int,
    high: int,
    n: int,
    llrs: Float64Array,
    hhrs: Float64Array,
    d_llrs: Float64Array,
    d_hhrs: Float64Array,
    noise: float,
    limit: float,
    hrs_top: float,
    m: int,
    work: Float64Array,
    summary: Float64Array,
) -> None:
    """Measure mixing states and thresholds of one cycle of n points; ``summary`` is its row of `measure_cycles`."""
    summary[:] = np.nan
    d, y, weight, slope = work[1], work[2], work[3], work[4]
    _fill_model(u, i, n, llrs, hhrs, noise, work)
    if high >= 0:
        lowest, top = FLOOR * u[high], hrs_top * u[high]
        summary[STATE_C], summary[ERROR_C] = _fit_state(u, i, y, d, weight, high, n, lowest, top, np.inf, np.nan)
    un = -u[low] if low >= 0 else 0.0
    up = u[high] if high >= 0 else un
    first, last = max(low, 0), high if high >= 0 else n
    bottom, top, below = -LRS_BOTTOM * un if low >= 0 else FLOOR * up, FIRST_LRS_TOP * up, BELOW_LIMIT * limit
    summary[STATE_B], summary[ERROR_B] = _fit_state(u, i, y, d, weight, first, last, bottom, top, below, np.nan)
    if high >= 0:
        begin = high
        while begin > first and u[begin - 1] > 0:
            begin -= 1
        for _ in range(2):
            _lrs_slopes(u, d_llrs, d_hhrs, begin, high, summary[STATE_B], top, slope)
            summary[U_RESET], summary[KINK_SHIFT] = _reset_voltage(u, i, slope, begin, high, 0.1 * up, m)
            before = top
            top = LRS_TOP * (summary[U_RESET] if summary[U_RESET] == summary[U_RESET] else up)
            summary[STATE_B], summary[ERROR_B] = _fit_state(
                u, i, y, d, weight, first, last, bottom, top, below, summary[STATE_B]
            )
            if abs(top - before) < 0.05 * up:
                break
    if low >= 0:
        _measure_set(u, i, low, n, un, noise, limit, work, summary)


@compiled
def _lrs_slopes(
    u: Float64Array,
    d_llrs: Float64Array,
    d_hhrs: Float64Array,
    first: int,
    last: int,
    r: float,
    top: float,
    slope: Float64Array,
) -> None:
    """Fill in the small-signal conductance of the LRS; beyond ``top``, where it is not known, it stays constant."""
    for k in range(first, last + 1):
        x = min(u[k], top)
        a = _polynomial(d_llrs, x)
        slope[k] = a + r * (_polynomial(d_hhrs, x) - a)


@compiled
def measure_cycles(
    u: Float64Array,
    i: Float64Array,
    rows: IntArray,
    count: int,
    llrs: Float64Array,
    hhrs: Float64Array,
    noise: float,
    limit: float,
    hrs_top: float,
    share: float,
    parity: int,
    out: Float64Array,
) -> None:
    """Measure mixing states and thresholds of each cycle of a device.

    Parameters
    ----------
    u, i : array of shape (points,)
        Voltages and currents of a device in the order of time, without offset.
    rows : array of int of shape (count, 6)
        Cycles, see `segmentation`.
    count : int
        Number of cycles.
    llrs, hhrs : array
        Envelopes in A as polynomials in V, highest power first.
    noise, limit : float
        Standard deviation of a current, and current limit (infinite: none), in A.
    hrs_top : float
        Branch C is fitted up to this share of its highest voltage.
    share : float
        Half width of the slope filter, as a share of the points of the rising positive ramp.
    parity : int
        0 or 1 takes every second point, -1 all of them.
    out : array of shape (count, 9)
        Filled with, NaN where not found: mixing states of branches A, B and C and their standard errors; U_SET and
        U_RESET (V); how far the kink lies beyond U_RESET (V).
    """
    longest = 1
    for c in range(count):
        longest = max(longest, rows[c][END] - rows[c][START])
    d_llrs, d_hhrs = _derivative_of(llrs), _derivative_of(hhrs)
    work, v, w = np.empty((5, longest)), np.empty(longest), np.empty(longest)
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
        _measure_cycle(v, w, low, high, n, llrs, hhrs, d_llrs, d_hhrs, noise, limit, hrs_top, m, work, out[c])
