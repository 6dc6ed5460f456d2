"""How thresholds depend on the width of a pulse: the voltage-time dilemma (docs/time.md, "Width of pulses").

A pulse of width w at the voltage u acts as one of the reference width at u / f, where f falls with the logarithm of w:

    f(w) = 1 - kappa log10(w/w_0)

and kappa may differ between ranges of widths: f is then a polyline over log10(w/w_0). So a cell with the threshold U
switches under u after the time w at which f(w) = u/U.
"""

from typing import Any, NamedTuple

from .ops import Real, exp2, log, maximum, minimum, where

LOG10_E = 0.43429448190325182
LOG2_10 = 3.3219280948873623


class WidthRange(NamedTuple):
    """A range of widths in which thresholds fall evenly with the logarithm of the width."""

    kappa: Any  # fall of f per decade
    start: Any  # log10(w/w_0) at the shortest width of the range
    end: Any  # ... and at the longest
    origin: Any  # place within the range that is nearest to the reference width
    top: Any  # f at the shortest width
    per_kappa: Any  # 1/kappa; a number that makes any step reach the end where kappa is 0


class WidthConstants(NamedTuple):
    """The constants that the formulas of this module take; `PulseWidthParams.constants` makes them."""

    reference: Any  # s; width for which thresholds hold
    shortest: Any  # s; between these two the law is known
    longest: Any  # s
    set: Any  # a tuple of WidthRange, in order: below 0 V
    reset: Any  # above 0 V


def decades(width: Real, p: WidthConstants) -> Real:
    """Return log10 of a width over the reference width.

    Parameters
    ----------
    width : Real
        Width in s. Beyond the widths for which the law is known, their ends count.
    p : WidthConstants

    Returns
    -------
    Real
    """
    return LOG10_E * log(minimum(maximum(width, p.shortest), p.longest) / p.reference)


def threshold_factor(place: Real, ranges: Any) -> Real:
    """Return f: a threshold for pulses of a width, over that for pulses of the reference width.

    Parameters
    ----------
    place : Real
        What `decades` returned.
    ranges : tuple of WidthRange
        Of one polarity.

    Returns
    -------
    Real
        Exactly 1 at the reference width; constant beyond the ranges.
    """
    f = 1.0
    for part in ranges:
        f = f - part.kappa * (minimum(maximum(place, part.start), part.end) - part.origin)
    return f


def effective_voltage(u: Real, place: Real, p: WidthConstants) -> Real:
    """Return the voltage of a pulse of the reference width that does the same.

    Parameters
    ----------
    u : Real
        Voltage in V of the pulse.
    place : Real
        What `decades` returned for its width.
    p : WidthConstants

    Returns
    -------
    Real
        V.
    """
    return u / where(u < 0.0, threshold_factor(place, p.set), threshold_factor(place, p.reset))


def applied_voltage(u: Real, place: Real, p: WidthConstants) -> Real:
    """Return the voltage of a pulse that does the same as one of the reference width: `effective_voltage`, inverted.

    Parameters
    ----------
    u : Real
        Voltage in V of the pulse of the reference width.
    place : Real
        What `decades` returned for the width of the other pulse.
    p : WidthConstants

    Returns
    -------
    Real
        V.
    """
    return u * where(u < 0.0, threshold_factor(place, p.set), threshold_factor(place, p.reset))


def switching_time(ratio: Real, ranges: Any, p: WidthConstants) -> Real:
    """Return the width from which on a pulse switches a cell: `threshold_factor`, inverted.

    Parameters
    ----------
    ratio : Real
        Voltage of the pulse over the threshold of the cell. Where it is below f of the longest width no pulse
        switches the cell, and the result is the longest width.
    ranges : tuple of WidthRange
        Of one polarity.
    p : WidthConstants

    Returns
    -------
    Real
        s.
    """
    place = ranges[0].start
    for part in ranges:
        place = place + minimum(maximum((part.top - ratio) * part.per_kappa, 0.0), part.end - part.start)
    return p.reference * exp2(LOG2_10 * place)
