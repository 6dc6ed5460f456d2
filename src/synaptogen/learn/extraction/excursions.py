"""Compiled loops that find excursions of the applied voltage, before any polarity is known.

An excursion leaves zero, reaches a peak and comes back: a forward leg to the peak, a backward leg from it. It ends
where the sign of the voltage changes or, within one sign, where the voltage rises again from near zero. Excursions are
rows of four whole numbers: FIRST, PEAK, LAST (excluded) and SIGN.
"""

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .segmentation import compiled

FIRST, PEAK, LAST, SIGN = range(4)
BINS = 20  # of the voltage between zero and the peak
NEAR_ZERO = 0.02  # share of the reach below which a voltage has no sign
FALLEN, RISES = 0.3, 0.25  # shares of the peak, and of the reach, that part two excursions of one sign
SMALL = 0.3  # share of the reach below which an excursion is a read or a dither


@compiled
def find_excursions(applied: Float64Array, reach: float, rows: IntArray) -> int:
    """Find the excursions of a record.

    Parameters
    ----------
    applied : array of shape (n,)
        Applied voltages in V in the order of time.
    reach : float
        Usual largest magnitude in V.
    rows : array of int of shape (most, 4)
        Filled with excursions, see the module.

    Returns
    -------
    int
        Number of excursions.
    """
    count, first, peak, trough, sign = 0, 0, 0, 0, 0
    for k in range(len(applied) + 1):
        done = k == len(applied)
        x = 0.0 if done else applied[k]
        size = abs(x)
        now = 0 if size <= NEAR_ZERO * reach else (1 if x > 0 else -1)
        end = -1
        if done or (now != 0 and sign != 0 and now != sign):
            end = k
        elif now != 0 and sign != 0:
            low = abs(applied[trough])
            if low < FALLEN * abs(applied[peak]) and size > low + RISES * reach:
                end = trough
        if end >= 0 and sign != 0:
            if abs(applied[peak]) > SMALL * reach and count < rows.shape[0]:
                rows[count, FIRST], rows[count, PEAK], rows[count, LAST] = first, peak, end
                rows[count, SIGN] = sign
                count += 1
            first, sign = end, 0
        if done:
            break
        if sign == 0:
            peak = trough = k
            if now != 0:
                sign = now
                for j in range(first, k):  # the way from the trough belongs to the new excursion
                    if applied[j] * now > applied[peak] * now:
                        peak = j
            continue
        if size > abs(applied[peak]) and now != 0:
            peak = trough = k
        elif size < abs(applied[trough]) or now == 0:
            trough = k
    return count


@compiled
def leg_profiles(
    applied: Float64Array, i: Float64Array, rows: IntArray, chosen: IntArray, sums: Float64Array, counts: Float64Array
) -> None:
    """Sum the current of both legs of excursions in bins of the voltage.

    Parameters
    ----------
    applied, i : array of shape (n,)
        Voltages in V and currents in A.
    rows : array of int of shape (count, 4)
        Excursions.
    chosen : array of int of shape (k,)
        Which of them.
    sums, counts : array of shape (k, 2, BINS)
        Filled with sums of the current, positive where it has the sign of the voltage, and with numbers of points; the
        forward leg comes first.
    """
    sums[:], counts[:] = 0.0, 0.0
    for e in range(len(chosen)):
        row = rows[chosen[e]]
        top, sign = abs(applied[row[PEAK]]), row[SIGN]
        for k in range(row[FIRST], row[LAST]):
            x = sign * applied[k] / top
            if x <= 0 or k == row[PEAK]:
                continue
            leg, place = 0 if k < row[PEAK] else 1, min(int(BINS * x + 1e-6), BINS - 1)
            sums[e, leg, place] += sign * i[k]
            counts[e, leg, place] += 1.0


@compiled
def noise_near_zero(applied: Float64Array, i: Float64Array, width: float, out: Float64Array) -> int:
    """Fill in second differences of the current between successive points near zero voltage.

    Parameters
    ----------
    applied, i : array of shape (n,)
        Voltages in V and currents in A.
    width : float
        Largest magnitude of the voltage in V.
    out : array of shape (n,)
        Filled with differences in A, scaled to the standard deviation of a point.

    Returns
    -------
    int
        Number of differences.
    """
    n, scale = 0, 1.0 / np.sqrt(6.0)
    for k in range(1, len(applied) - 1):
        if abs(applied[k]) < width and abs(applied[k - 1]) < width and abs(applied[k + 1]) < width:
            out[n] = abs(i[k - 1] - 2.0 * i[k] + i[k + 1]) * scale
            n += 1
    return n
