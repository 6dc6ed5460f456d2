"""Compiled loops over the points of measured I-V curves: what one cycle says.

Cycles are rows as `_cutting` makes them: start, minimum, maximum and end of the voltage, branches A, B and C between.
"""

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .segmentation import END, FOLLOWS, HIGHEST, LOWEST, START, compiled

# what `survey` tells of a cycle
OFFSET, SPREAD, FREEDOM, G_A, G_B, G_C, W_A, W_B, W_C, TOP, LEVEL, REACH_N, REACH_P, SURVEYED = range(14)
# what `measure` tells of a cycle
R_A, R_B, R_C, S_A, S_B, S_C, U_SET, U_RESET, KINK, MEASURED = range(10)

NEAR = 0.1  # of the reach of a ramp: where offset and noise are taken
LINEAR = 0.2  # of the reach: where the conductances for telling states apart are taken
FLOOR = 0.03  # of the reach: below, a point says nothing about a resistance
FIRST = 0.3  # of the reach: the LRS is fitted so far before the thresholds are known
LRS_TOP = 0.85  # of U_RESET: the LRS is fitted so far
LRS_BOTTOM = 0.33  # of the reach on the negative side
A_BOTTOM = 0.85  # of U_SET: the HRS is fitted so far on branch A
BELOW_LIMIT = 0.75  # of the current limit: below, the instrument does not act
RELATIVE = 0.02  # of a current: how well two polynomials describe it
RATIO = 1.5  # of conductances: beyond, two branches are different states
HUBER = 1.5  # standard deviations
ROUNDS = 6


@compiled
def survey(u: Float64Array, i: Float64Array, rows: IntArray, count: int, out: Float64Array) -> None:
    """Tell offset, spread, conductances and current level of each cycle, without knowing any curve: out (count, 13)."""
    for c in range(count):
        row, told = rows[c], out[c]
        told[:] = np.nan
        low, high = row[LOWEST], row[HIGHEST]
        un = -u[low] if low >= 0 else u[high]
        up = u[high] if high >= 0 else un
        told[REACH_N], told[REACH_P] = un if low >= 0 else np.nan, up if high >= 0 else np.nan
        first = rows[c - 1][HIGHEST] if row[FOLLOWS] and c > 0 and rows[c - 1][HIGHEST] >= 0 else row[START]
        if low >= 0:
            _crossing(u, i, first, low, NEAR * min(un, up), told)
            told[G_A], told[W_A] = _slope(u, i, row[START], low, -LINEAR * un, -FLOOR * un)
            told[G_B], told[W_B] = _slope(u, i, low, high if high >= 0 else row[END], -LINEAR * un, LINEAR * up)
            _plateau(u, i, low, high if high >= 0 else row[END], told)
        elif high >= 0:
            told[G_B], told[W_B] = _slope(u, i, row[START], high, FLOOR * up, LINEAR * up)
        if high >= 0:
            told[G_C], told[W_C] = _slope(u, i, high, row[END], FLOOR * up, LINEAR * up)


@compiled
def _crossing(u: Float64Array, i: Float64Array, first: int, last: int, width: float, told: Float64Array) -> None:
    """Intercept of a straight line through the points about the falling zero crossing, and their spread about it."""
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
    told[OFFSET] = si / n - cui / cuu * su / n
    if n > 2:
        told[SPREAD], told[FREEDOM] = max(cii - cui * cui / cuu, 0.0) / (n - 2), n - 2


@compiled
def _slope(u: Float64Array, i: Float64Array, first: int, last: int, low: float, high: float) -> tuple[float, float]:
    """Sums of u*i and u, and of u*u, whose ratios are a conductance once the offset is known: packed as (g, w).

    The offset is subtracted before, so that the line goes through the origin.
    """
    sui, suu = 0.0, 0.0
    for k in range(first, last):
        if low <= u[k] <= high:
            sui, suu = sui + u[k] * i[k], suu + u[k] * u[k]
    return sui / suu, suu


@compiled
def _plateau(u: Float64Array, i: Float64Array, low: int, last: int, told: Float64Array) -> None:
    """Largest magnitude of the current about the minimum, and its level where it stays on the way back."""
    top, n = 0.0, 0
    for k in range(max(low - 1, 0), min(low + 2, last)):
        top, n = top - i[k], n + 1
    top /= n
    told[TOP] = top
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
        if flat < max(0.01 * level, 1.5 * np.sqrt(told[SPREAD])):
            told[LEVEL] = level


@compiled
def poly(coefficients: Float64Array, x: float) -> float:
    """Horner's rule, highest power first."""
    y = 0.0
    for c in coefficients:
        y = y * x + c
    return y


@compiled
def _derived(coefficients: Float64Array) -> Float64Array:
    """Coefficients of the derivative."""
    n = len(coefficients) - 1
    return coefficients[:n] * np.arange(n, 0, -1)


@compiled
def mixing(
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
    """Mixing state r of the points between two voltages, by Huber's method from ``r`` on, and its standard error.

    ``y`` is I - I_LLRS and ``d`` is I_HHRS - I_LLRS at each point, ``weight`` the inverse variance: y = r d + error.
    """
    error = np.nan
    for _ in range(ROUNDS):
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
    """Voltage at which the current has gone half way from the HRS to the LRS or the limit, whichever is less."""
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
        short = half + i[k - 1]  # what the point before lacks
        part = min(max(short / (short - half - i[k]), 0.0), 1.0)
        return float(u[k - 1] + part * (u[k] - u[k - 1]))
    return np.nan


@compiled
def _derivative(u: Float64Array, i: Float64Array, k: int, m: int) -> float:
    """Return dI/dU at a point: Savitzky and Golay's filter of degree 2 over 2m + 1 points, of both I and U."""
    di, du = 0.0, 0.0
    for j in range(1, m + 1):
        di, du = di + j * (i[k + j] - i[k - j]), du + j * (u[k + j] - u[k - j])
    return di / du


@compiled
def _fallen(
    u: Float64Array, i: Float64Array, slope: Float64Array, first: int, high: int, from_: float, m: int
) -> tuple[int, float]:
    """First point where dI/dU is below half the slope of the LRS, or -1; and dI/dU at the point before."""
    before = np.nan
    for k in range(first, high):
        half_width = min(m, high - k, k - first)
        if half_width < 1 or u[k] < from_:
            continue
        now = _derivative(u, i, k, half_width)
        if now < 0.5 * slope[k]:
            return k, before
        before = now
    return -1, before


@compiled
def _kink(share: float, m: int) -> float:
    """Where the kink between two lines lies, in steps from the centre of the filter, when it sees ``share`` of it.

    The filter sees the part sum_{k > x} k (k - x) / sum k^2 of the change of slope at a distance of x steps.
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
    """Voltage at which dI/dU falls to half the slope of the LRS; and how far beyond the kink of two lines lies.

    The filter sees the RESET come. How early follows from the slopes on both sides, that behind the kink extrapolated
    to it from two places. In one cycle that is noisy: the caller takes the median of a device.
    """
    at, before = _fallen(u, i, slope, first, high, from_, m)
    if at < 0:
        return np.nan, np.nan
    half_width = min(m, high - at, at - first)
    now, s, place = _derivative(u, i, at, half_width), slope[at], u[at]
    if before > now:  # False for NaN
        place -= (0.5 * s - now) / (before - now) * (u[at] - u[at - 1])
    after, ahead = now, at + half_width + (half_width + 1) // 2  # the kink itself lies a little ahead
    if ahead < high:
        after = _derivative(u, i, ahead, min(half_width, high - ahead))
        if ahead + half_width <= high - half_width:
            after += min(after - _derivative(u, i, ahead + half_width, half_width), 0.0)
    after = min(after, now)
    step = (u[at + half_width] - u[at - half_width]) / (2 * half_width)
    return place, _kink(0.5 * s / (s - after), half_width) * step


@compiled
def measure_one(
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
    told: Float64Array,
) -> None:
    """Tell mixing states and thresholds of one cycle of n points."""
    told[:] = np.nan
    a, d, y, weight, slope = work[0], work[1], work[2], work[3], work[4]
    for k in range(n):
        a[k] = poly(llrs, u[k])
        d[k], y[k] = poly(hhrs, u[k]) - a[k], i[k] - a[k]
        weight[k] = 1.0 / (noise * noise + RELATIVE * RELATIVE * i[k] * i[k])
    if high >= 0:
        lowest, top = FLOOR * u[high], hrs_top * u[high]
        told[R_C], told[S_C] = mixing(u, i, y, d, weight, high, n, lowest, top, np.inf, np.nan)
    un = -u[low] if low >= 0 else 0.0
    up = u[high] if high >= 0 else un
    first, last = max(low, 0), high if high >= 0 else n
    bottom, top, below = -LRS_BOTTOM * un if low >= 0 else FLOOR * up, FIRST * up, BELOW_LIMIT * limit
    told[R_B], told[S_B] = mixing(u, i, y, d, weight, first, last, bottom, top, below, np.nan)
    if high >= 0:
        begin = high
        while begin > first and u[begin - 1] > 0:
            begin -= 1
        for _ in range(2):
            _slopes(u, d_llrs, d_hhrs, begin, high, told[R_B], top, slope)
            told[U_RESET], told[KINK] = _reset_voltage(u, i, slope, begin, high, 0.1 * up, m)
            before = top
            top = LRS_TOP * (told[U_RESET] if told[U_RESET] == told[U_RESET] else up)
            told[R_B], told[S_B] = mixing(u, i, y, d, weight, first, last, bottom, top, below, told[R_B])
            if abs(top - before) < 0.05 * up:
                break
    if low >= 0:
        peak = 0.0
        for k in range(max(low - 1, 0), min(low + 2, n)):
            peak = max(peak, -i[k])
        peak, bottom = min(peak, limit), -FIRST * un
        for _ in range(2):
            told[R_A], told[S_A] = mixing(u, i, y, d, weight, 0, low, bottom, -FLOOR * un, np.inf, told[R_A])
            told[U_SET] = _u_set(u, i, a, d, 0, low, told[R_A], told[R_B], peak, noise)
            if told[U_SET] != told[U_SET]:
                break
            bottom = A_BOTTOM * told[U_SET]


@compiled
def _slopes(
    u: Float64Array,
    d_llrs: Float64Array,
    d_hhrs: Float64Array,
    first: int,
    last: int,
    r: float,
    top: float,
    slope: Float64Array,
) -> None:
    """Small-signal conductance of the LRS at each point; beyond ``top``, where it is not known, it goes on."""
    for k in range(first, last + 1):
        x = min(u[k], top)
        a = poly(d_llrs, x)
        slope[k] = a + r * (poly(d_hhrs, x) - a)


@compiled
def measure(
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
    """Measure each cycle of a device; ``parity`` 0 or 1 takes every second point, -1 all: out (count, 9).

    The HRS is fitted up to ``hrs_top`` of the reach of the ramp; ``share`` is the half width of the slope filter as a
    share of the points of the rising positive ramp.
    """
    longest = 1
    for c in range(count):
        longest = max(longest, rows[c][END] - rows[c][START])
    d_llrs, d_hhrs = _derived(llrs), _derived(hhrs)
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
        measure_one(v, w, low, high, n, llrs, hhrs, d_llrs, d_hhrs, noise, limit, hrs_top, m, work, out[c])
