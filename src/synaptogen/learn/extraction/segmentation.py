"""Compiled loops over the points of measured I-V curves that find where cycles begin.

A *cycle* is a row of six whole numbers: START, LOWEST, HIGHEST and END are indices into the points of one device in the
order of time, LOOP is the place of its loop on the axis of cycles, and FOLLOWS is 1 if it follows the cycle before
without a gap. Its branches are A (start to lowest, negative voltages), B (lowest to highest) and C (highest to end,
positive voltages). LOWEST is -1 without a negative half, HIGHEST is -1 without a positive half.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from synaptogen._utils import Float64Array, IntArray

F = TypeVar("F", bound=Callable[..., Any])

START, LOWEST, HIGHEST, END, LOOP, FOLLOWS = range(6)
GLITCH = 0.3  # share of the current by which a glitch leaves the line between its neighbours
NEIGHBOURS = 0.2  # share of that by which the neighbours may differ, from one another and from theirs
HALF_WAVE = 0.3  # share of the largest voltage beyond which a half wave counts as one
EARLY_END = (
    0.1  # of the whole ramp: a loop that ends so far from its extreme, and is followed by another such, ends early
)


def compiled(function: F) -> F:
    """Compile a kernel for this machine, once; kernels release the interpreter lock."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


@compiled
def gather_points(
    voltage: Float64Array,
    current: Float64Array,
    sign: float,
    resistance: float,
    u: Float64Array,
    i: Float64Array,
    applied: Float64Array,
    loop: IntArray,
) -> int:
    """Put the points of a device one after the other, without those that are NaN.

    Parameters
    ----------
    voltage, current : array of shape (cycles, points)
        In V and A, as the instrument applied and measured them.
    sign : float
        1 or -1: the polarity that makes SET negative.
    resistance : float
        Series resistance in ohm, whose voltage drop is subtracted from ``u``.
    u, i, applied : array of shape (cycles * points,)
        Filled with the voltage across the device (V), the current (A) and the applied voltage (V).
    loop : array of int of shape (cycles * points,)
        Filled with the place of the loop of each point.

    Returns
    -------
    int
        Number of points that were filled.
    """
    n = 0
    for c in range(voltage.shape[0]):
        for k in range(voltage.shape[1]):
            v, a = sign * voltage[c, k], sign * current[c, k]
            if v == v and a == a:
                applied[n], i[n], u[n], loop[n] = v, a, v - resistance * a, c
                n += 1
    return n


@compiled
def mend_glitches(i: Float64Array, n: int) -> int:
    """Put single points that leave both neighbours, which agree with each other, onto the line between them.

    So instruments write a point while they change their range, or lose one. A point of a switching event has neighbours
    that differ.

    Parameters
    ----------
    i : array of shape (most,)
        Currents in A in the order of time; changed in place.
    n : int
        Number of points.

    Returns
    -------
    int
        Number of points that were mended.
    """
    bends = np.empty(max(n - 2, 1))
    for k in range(1, n - 1):
        bends[k - 1] = abs(i[k] - 0.5 * (i[k - 1] + i[k + 1]))
    noise = np.median(bends[: n - 2]) if n > 2 else 0.0
    count = 0
    for k in range(2, n - 2):
        middle = 0.5 * (i[k - 1] + i[k + 1])
        off = abs(i[k] - middle)
        if off < GLITCH * abs(middle) or off < 12.0 * noise or abs(i[k + 1] - i[k - 1]) > NEIGHBOURS * off:
            continue
        if max(abs(i[k - 2] - i[k - 1]), abs(i[k + 2] - i[k + 1])) > NEIGHBOURS * off:
            continue
        i[k] = middle
        count += 1
    return count


@compiled
def cut_cycles(applied: Float64Array, loop: IntArray, n: int, negative: float, positive: float, rows: IntArray) -> int:
    """Cut the points of a device into cycles where the voltage falls through zero.

    Where loops are missing, or one ends early and the next begins anew, there is a gap.

    Parameters
    ----------
    applied : array of shape (n,)
        Applied voltage in V.
    loop : array of int of shape (n,)
        Place of the loop of each point.
    n : int
        Number of points.
    negative, positive : float
        Usual largest voltages of both signs in V, as magnitudes.
    rows : array of int of shape (most, 6)
        Filled with cycles, see the module; cycles beyond its length are not kept.

    Returns
    -------
    int
        Number of cycles.
    """
    part = EARLY_END * (negative + positive)
    low, high = -HALF_WAVE * negative, HALF_WAVE * positive
    count, start, state, last_positive, follows, extreme = 0, 0, 0, -1, 0, 0.0
    for k in range(n + 1):
        gap = k == n or (k > 0 and loop[k] - loop[k - 1] > 1)
        if not gap and k > 0 and loop[k] != loop[k - 1] and state * (extreme - applied[k - 1]) > part:
            gap = _next_turn(applied, k, n, low, high) == state
        turn = k < n and applied[k] < low and state == 1
        if gap or turn:
            end = k if gap else last_positive + 1
            if end > start and count < rows.shape[0]:
                count += _row(applied, loop, start, end, low, high, follows, rows[count])
            start, follows, state = end, 0 if gap else 1, 0
        if k < n:
            if applied[k] > 0:
                last_positive = k
            now = 1 if applied[k] > high else -1 if applied[k] < low else 0
            if now != 0 and now != state:
                state, extreme = now, applied[k]
            elif state * (applied[k] - extreme) > 0:
                extreme = applied[k]
    return count


@compiled
def _next_turn(applied: Float64Array, first: int, n: int, low: float, high: float) -> int:
    """Return the sign of the next half wave, or 0 if there is none."""
    for k in range(first, n):
        if applied[k] > high:
            return 1
        if applied[k] < low:
            return -1
    return 0


@compiled
def _row(
    applied: Float64Array, loop: IntArray, start: int, end: int, low: float, high: float, follows: int, row: IntArray
) -> int:
    """Fill the row of the points from ``start`` to ``end``; returns 1, or 0 where neither half is there."""
    lowest, highest = start, -1
    for k in range(start, end):
        if applied[k] < applied[lowest]:
            lowest = k
    if applied[lowest] > low or applied[lowest] >= 0:
        lowest = -1
    for k in range(max(lowest, start), end):
        if applied[k] > high and (highest < 0 or applied[k] > applied[highest]):
            highest = k
    if lowest < 0 and highest < 0:
        return 0
    middle = max(lowest, start)  # the loop in which the voltage rises through zero is the one that names the cycle
    if lowest >= 0:
        for k in range(lowest, end if highest < 0 else highest):
            if applied[k] < 0:
                middle = k
    row[START], row[LOWEST], row[HIGHEST], row[END] = start, lowest, highest, end
    row[LOOP], row[FOLLOWS] = loop[middle], follows
    return 1
