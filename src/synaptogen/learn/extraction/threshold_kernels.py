"""Compiled loops that find the thresholds of single cycles in raw points.

U_SET is looked for between branch A and branch B, which carries the current of the LRS back over the same voltages.
U_RESET is where dI/dU falls to half the slope of the LRS, or where the current jumps down.
"""

import numpy as np

from synaptogen._utils import Float64Array

from .segmentation import compiled

CONTRAST = 6.0  # standard deviations by which LRS and HRS differ at a SET that counts
SHARE = 0.05  # of the current of the LRS, the same
LEAST = 0.05  # share of the reach below which no threshold is sought
ABRUPT = 0.3  # share of the current that an abrupt RESET loses within a step
SMALL_STEP, MOST = 0.1, 0.8  # the same for a step that is this share of what the current has lost some points later
CLEAR_STEP, ALONE = 0.15, 4.0  # the same for a step of an erratic RESET, which is so many times the next one
BEFORE_JUMP = 0.06  # share by which the current may be off the line of the LRS before an abrupt RESET
STRAIGHT, FAR_OFF = 4, 0.4  # steps before it that are straight where it is further off, and how far that may be
OFF_LINE = 0.15  # share by which the current may leave the line of the LRS before RESET
BESIDE_KINK = 4  # points to either side of the filter in which a kink is fitted
LEAST_FALL = 0.4  # share of the slope of the LRS that it loses at a kink at least
ROUND = 0.004  # share of the current by which points may be off a kink's law
FLAT, EQUAL = 0.003, 0.001  # shares of the current within which a plateau is flat, and one of few points
FEWEST_EQUAL, FEWEST_LEVEL = 3, 6  # points of the latter at least; of those that noise makes differ
QUIET = 0.004  # share of the current that this noise may be


@compiled
def lrs_at(u: Float64Array, i: Float64Array, first: int, low: int, last: int, b: Float64Array) -> int:
    """Fill in the magnitude of the current of branch B at the voltages of branch A.

    Parameters
    ----------
    u, i : array of shape (n,)
        Voltages in V and currents in A of a cycle.
    first, low, last : int
        First point, point of the lowest voltage, and point behind the last of branch B.
    b : array of shape (n,)
        Filled from ``first`` to ``low``; NaN where branch B has no such voltage.

    Returns
    -------
    int
        Point of branch B behind its last negative voltage.
    """
    j = low
    while j < last and u[j] < 0:
        j += 1
    end = j
    j -= 1
    for k in range(first, low + 1):
        b[k] = np.nan
        if u[k] >= 0:
            continue
        while j > low and u[j] > u[k]:
            j -= 1
        if j + 1 < end and u[j + 1] > u[j]:
            part = min(max((u[k] - u[j]) / (u[j + 1] - u[j]), 0.0), 1.0)
            b[k] = -(i[j] + part * (i[j + 1] - i[j]))
        elif u[j] <= u[k] * 0.9:
            b[k] = -i[j]
    return end


@compiled
def set_voltage(
    u: Float64Array, i: Float64Array, low: int, b: Float64Array, h: Float64Array, noise: float
) -> tuple[float, bool]:
    """Return the voltage at which the current has gone half way from the HRS to the LRS, and whether it jumps there.

    Parameters
    ----------
    u, i : array of shape (n,)
        Voltages in V and currents in A of a cycle.
    low : int
        Point of the lowest voltage.
    b, h : array of shape (n,)
        Magnitudes of the current of the LRS (`lrs_at`) and of the HRS at the voltages of branch A.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    (float, bool)
        NaN where the current does not get half way.
    """
    at, found = _half_way(u, i, low, b, h, noise)
    if at < 0:
        return np.nan, False
    before = after = 0.0
    n = m = 0
    for k in range(max(0, at - 4), min(at + 4, low + 1)):
        if k == at or k == at - 1 or u[k] >= 0 or not b[k] > 0:
            continue
        share = (-i[k] - h[k]) / max(b[k] - h[k], 1e-30)
        if k < at:
            before, n = before + share, n + 1
        else:
            after, m = after + share, m + 1
    return found, (n == 0 or before / n < 0.5) and (m == 0 or after / m > 0.5)


@compiled
def _half_way(
    u: Float64Array, i: Float64Array, low: int, b: Float64Array, h: Float64Array, noise: float
) -> tuple[int, float]:
    """Return the first point beyond half way, whose successor is too, and the voltage half way to it."""
    for k in range(low + 1):
        if u[k] > LEAST * u[low] or not b[k] > 0:
            continue
        if b[k] - h[k] < max(CONTRAST * noise, SHARE * b[k]) or -i[k] < 0.5 * (h[k] + b[k]):
            continue
        if k < low and -i[k + 1] < 0.5 * (h[k + 1] + b[k + 1]):
            continue
        if k == 0 or u[k - 1] >= 0 or not b[k - 1] > 0:
            return k, u[k]
        lacks = 0.5 * (h[k - 1] + b[k - 1]) + i[k - 1]
        over = -i[k] - 0.5 * (h[k] + b[k])
        part = min(max(lacks / max(lacks + over, 1e-30), 0.0), 1.0)
        return k, u[k - 1] + part * (u[k] - u[k - 1])
    return -1, np.nan


@compiled
def _slope_at(u: Float64Array, i: Float64Array, k: int, m: int) -> float:
    """Return dI/dU at a point: Savitzky and Golay's filter of degree 2 over 2m + 1 points, of both I and U."""
    di, du = 0.0, 0.0
    for j in range(1, m + 1):
        di, du = di + j * (i[k + j] - i[k - j]), du + j * (u[k + j] - u[k - j])
    return di / du if du > 0 else np.nan


@compiled
def _leaves_line(
    u: Float64Array, i: Float64Array, line: Float64Array, first: int, last: int, noise: float, share: float
) -> bool:
    """Return whether most of the points are below the line of the LRS by a share and by noise."""
    n = below = 0
    for k in range(first, last):
        n += 1
        below += line[k] - i[k] > max(share * line[k], 3.0 * noise)
    return n > 0 and 2 * below > n


@compiled
def _first_below_half(
    u: Float64Array,
    i: Float64Array,
    slope: Float64Array,
    line: Float64Array,
    first: int,
    high: int,
    from_: float,
    m: int,
    noise: float,
) -> tuple[int, float]:
    """Return the first point where dI/dU is below half the slope of the LRS, or -1, and dI/dU at the point before.

    Behind it the current stays below the line of the LRS, which tells a RESET from noise.
    """
    before = np.nan
    for k in range(first, high):
        half_width = min(m, high - k, k - first)
        if half_width < 1 or u[k] < from_:
            continue
        now = _slope_at(u, i, k, half_width)
        ahead = k + half_width
        if now < 0.5 * slope[k] and _leaves_line(u, i, line, ahead, min(ahead + m + 2, high + 1), noise, 0.03):
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
def _goes_straight(
    u: Float64Array, i: Float64Array, slope: Float64Array, line: Float64Array, first: int, k: int, noise: float
) -> bool:
    """Return whether the current rises in a straight line up to a point, not far from the line of the LRS."""
    if k - first < STRAIGHT or abs(i[k] - line[k]) > FAR_OFF * abs(line[k]):
        return False
    rise = (i[k] - i[k - STRAIGHT]) / STRAIGHT
    if 2.0 * rise < slope[k] * (u[k] - u[k - 1]):
        return False
    bent = False
    for j in range(k - STRAIGHT, k):
        bent |= abs(i[j + 1] - i[j] - rise) > max(0.01 * i[k], 4.0 * noise)
    return not bent


@compiled
def _jump_down(
    u: Float64Array,
    i: Float64Array,
    slope: Float64Array,
    line: Float64Array,
    first: int,
    last: int,
    from_: float,
    noise: float,
) -> int:
    """Return the point before the first step down from the line of the LRS, or -1.

    A step is large, or is most of what the current lacks of the line some points later.
    """
    for k in range(first, last):
        if u[k] < from_ or i[k] <= 0:
            continue
        fall = i[k] - i[k + 1]
        off = abs(i[k] - line[k]) > max(BEFORE_JUMP * abs(line[k]), 4.0 * noise)
        straight = _goes_straight(u, i, slope, line, first, k, noise)
        if off and not straight:
            continue
        if fall > max(ABRUPT * i[k], 6.0 * noise):
            if _leaves_line(u, i, line, k + 1, min(k + 5, last + 1), noise, 0.5 * ABRUPT):
                return k
            continue
        lost, far = fall + line[k + 1] - line[k], min(k + 4, last)
        later = i[k + 1] - i[k + 2] + line[k + 2] - line[k + 1] if k + 2 <= last else lost
        clear = lost > max(CLEAR_STEP * line[k + 1], 20.0 * noise, 0.0 if straight else ALONE * abs(later))
        most = lost >= max(SMALL_STEP * line[k + 1], 8.0 * noise, MOST * (line[far] - i[far]))
        if far <= k + 1 or not (clear or most):
            continue
        if _leaves_line(u, i, line, k + 1, min(k + 5, last + 1), noise, 0.5 * lost / line[k + 1]):
            return k
    return -1


@compiled
def reset_voltage(
    u: Float64Array,
    i: Float64Array,
    slope: Float64Array,
    line: Float64Array,
    first: int,
    high: int,
    from_: float,
    m: int,
    noise: float,
) -> tuple[float, float, float, bool]:
    """Return the voltage of RESET, how far beyond it the kink lies, the kink itself, and whether the points agree.

    The filter shows a gradual RESET early. How early follows from the slopes on both sides; that behind the kink is
    extrapolated to it from two places. In one cycle that is noisy: the caller takes the median of a device. A step down
    by a large share of the current is a RESET of its own, between two points.

    Parameters
    ----------
    u, i : array of shape (n,)
        Voltages in V and currents in A of a cycle.
    slope, line : array of shape (n,)
        Conductance in S and current in A of the LRS at these voltages.
    first, high : int
        First point of positive voltage on branch B, and point of the highest voltage.
    from_ : float
        Least voltage in V.
    m : int
        Half width of the filter in points.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    (float, float, float, bool)
        NaN where the current never leaves the line of the LRS; no shift and no kink where it jumps, no kink where the
        transition is round (`_kink`).
    """
    clipped = _end_of_plateau(u, i, line, first, high, noise)
    if clipped >= 0:
        return u[clipped], np.nan, np.nan, False
    at, before = _first_below_half(u, i, slope, line, first, high, from_, m, noise)
    until = high if at < 0 else min(at + m + 1, high)
    jump = _jump_down(u, i, slope, line, first, until, from_, noise)
    if jump >= 0:
        return 0.5 * (u[jump] + u[jump + 1]), np.nan, np.nan, True
    if at < 0:
        return np.nan, np.nan, np.nan, True
    kink = _kink(u, i, slope, line, first, high, at, m, noise)
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
    return (
        place,
        _kink_distance(0.5 * s / (s - after), half_width) * step,
        kink,
        _on_line(i, line, first, at - m, noise),
    )


@compiled
def _kink(
    u: Float64Array,
    i: Float64Array,
    slope: Float64Array,
    line: Float64Array,
    first: int,
    high: int,
    at: int,
    m: int,
    noise: float,
) -> float:
    """Return the voltage at which the current leaves the line of the LRS in a kink, or NaN if there is none.

    Behind the kink the current lacks b t + c t^2 of the line, t the voltage beyond it. The kink is where that fits
    best; it counts if its standard error is below half a step, if the slope falls by nearly half at once, and if the
    points follow that law.
    """
    begin, end = max(at - 2 * m - BESIDE_KINK, first), min(at + 3 * m + BESIDE_KINK, high + 1)
    if at - begin < 3 or end - at < 4:
        return np.nan
    level, n = 0.0, 0
    for k in range(begin, max(at - m, begin + 2)):
        level, n = level + i[k] / line[k], n + 1
    level /= n
    step = (u[end - 1] - u[begin]) / (end - 1 - begin)
    best, place, fall, count = np.inf, np.nan, 0.0, 4 * (2 * m + 4) + 1
    costs = np.empty(count)
    for c in range(count):
        x = u[at] + (0.25 * c - m - 2) * step
        tt, ttt, tttt, ty, tty, yy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(begin, end):
            y, t = level * line[k] - i[k], max(u[k] - x, 0.0)
            yy += y * y
            if t > 0.0:
                tt, ttt, tttt = tt + t * t, ttt + t * t * t, tttt + t * t * t * t
                ty, tty = ty + t * y, tty + t * t * y
        determinant = tt * tttt - ttt * ttt
        costs[c] = np.inf
        if not determinant > 1e-9 * tt * tttt:
            continue
        b, q = (ty * tttt - tty * ttt) / determinant, (tty * tt - ty * ttt) / determinant
        costs[c] = max(yy - b * ty - q * tty, 0.0)
        if costs[c] < best:
            best, place, fall, chosen = costs[c], x, b, c
    if not best < np.inf or chosen < 2 or chosen > count - 3 or fall < LEAST_FALL * slope[at]:
        return np.nan
    bend = costs[chosen - 2] + costs[chosen + 2] - 2.0 * best  # over half a step to either side
    variance = max(noise * noise, best / max(end - begin - 3, 1))
    if variance > max(3.0 * noise, ROUND * i[at]) ** 2:
        return np.nan
    if not bend > 0.0 or variance / bend > 1.0:  # the standard error is half a step times its square root
        return np.nan
    narrow = costs[chosen - 1] + costs[chosen + 1] - 2.0 * best
    part = 0.5 * (costs[chosen - 1] - costs[chosen + 1]) / narrow if narrow > 0.0 else 0.0
    return float(place + 0.25 * step * min(max(part, -0.5), 0.5))


@compiled
def _on_line(i: Float64Array, line: Float64Array, first: int, last: int, noise: float) -> bool:
    """Return whether most of the points before RESET lie on the line of the LRS."""
    n = off = 0
    for k in range(first, last):
        n += 1
        off += abs(i[k] - line[k]) > max(OFF_LINE * abs(line[k]), 4.0 * noise)
    return n == 0 or 2 * off <= n


@compiled
def _end_of_plateau(u: Float64Array, i: Float64Array, line: Float64Array, first: int, high: int, noise: float) -> int:
    """Return the last point of a plateau at which an instrument limits the current of RESET, or -1.

    The current goes along the line of the LRS right up to it, and then is flat.
    """
    begin, end = level_run(i, first, high, noise)
    if begin >= 0 and line[end] > 1.04 * i[begin] + 3.0 * noise and _begins_on_line(i, line, first, begin, i[begin]):
        return end
    begin, end = _wide_plateau(i, first, high, noise)
    if begin < 0 or line[end] < 1.15 * i[begin : end + 1].max():
        return -1
    return end if _begins_on_line(i, line, first, begin, i[begin : end + 1].max()) else -1


@compiled
def _begins_on_line(i: Float64Array, line: Float64Array, first: int, begin: int, level: float) -> bool:
    """Return whether a plateau begins where the line of the LRS reaches it, perhaps a whole step later."""
    if begin - 2 < first or abs(i[begin - 2] - line[begin - 2]) > OFF_LINE * line[begin - 2]:
        return False
    return bool(line[begin] < 1.06 * level or line[begin - 1] < level)


@compiled
def level_run(i: Float64Array, first: int, high: int, noise: float) -> tuple[int, int]:
    """Return first and last of the points about the largest current that are equal to it, or -1 and -1.

    Where noise alone makes them differ, there must be more of them; much noise would hide a fall.

    Parameters
    ----------
    i : array of shape (n,)
        Currents in A.
    first, high : int
        First and last point to look at.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    (int, int)
    """
    top = first
    for k in range(first, high + 1):
        if i[k] > i[top]:
            top = k
    if noise > QUIET * i[top]:
        return -1, -1
    width, fewest = EQUAL * i[top], FEWEST_EQUAL
    if 5.0 * noise > width:
        width, fewest = 5.0 * noise, FEWEST_LEVEL
    begin = end = top
    while begin > first and i[begin - 1] > i[top] - width:
        begin -= 1
    while end < high and i[end + 1] > i[top] - width:
        end += 1
    if end - begin + 1 < fewest:
        return -1, -1
    return begin, end


@compiled
def _wide_plateau(i: Float64Array, first: int, high: int, noise: float) -> tuple[int, int]:
    """Return first and last point of a flat top of ten points or more, or -1 and -1; it is neither round nor falls."""
    top = first
    for k in range(first, high + 1):
        if i[k] > i[top]:
            top = k
    level, width = i[top], max(FLAT * i[top], 2.0 * noise)
    if level < 20.0 * noise:
        return -1, -1
    begin = end = top
    while begin > first and i[begin - 1] > level - 2.0 * width:
        begin -= 1
    while end < high and i[end + 1] > level - 2.0 * width:
        end += 1
    if end - begin < 9:
        return -1, -1
    part = (end + 1 - begin) // 3
    middle = outside = falls = 0.0
    for k in range(part):
        falls += i[begin + k] - i[end - k]
        middle += i[begin + part + k]
        outside += 0.5 * (i[begin + k] + i[end - k])
    if (middle - outside) / part > max(3.0 * noise / np.sqrt(part), 0.1 * FLAT * level):
        return -1, -1  # the round top of a gradual RESET
    if falls / part > max(2.5 * noise / np.sqrt(part), 0.1 * FLAT * level):
        return -1, -1  # it goes on falling
    return begin, end
