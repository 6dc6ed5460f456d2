"""What the number of a cycle does to a cell: a trend of its features, and wear, by which it fails for good.

    mu(n) = mu + d T(t),   t = 2 min(n, last) / last - 1,   d = mean + L z + S (mu, sigma)

T is a polynomial of each feature. From the cycle ``last`` on it is held at its end or, if the trend passes, is 0. d
belongs to the device, with normals z, a lower triangular matrix L, and a matrix S, which may be missing, by which it
follows the offsets and scales. A device fails in the first cycle n with

    n >= scale E**(1/shape),   E = -ln(1 - v)

where v is uniform: the share of devices that have failed in cycle n is 1 - exp(-(n/scale)**shape) (W. Weibull, J. Appl.
Mech. 18:293, 1951). In that cycle one of its thresholds is out of reach: U_SET, and it stays in the HRS, or U_RESET,
and it stays in the LRS after its SET. All of this is drawn by counters, so a cell stores nothing for it.
"""

from typing import Any, NamedTuple

from .latent import innovation
from .ops import Mask, Real, Reals, UInt32, absolute, log, minimum, pow_, real, rounded_mul, where
from .polynomial import poly
from .random import AGEING, normals, random_words

U_NEVER = 1e12  # V; a threshold that no voltage reaches


class TrendConstants(NamedTuple):
    """The trend of the features. What a trend lacks is an empty tuple."""

    curves: Any  # T of each feature, highest power of t first
    mean: Any  # of d, for each feature, less what the slope brings on average
    last: Any  # number of the cycle after which T is held, or the trend is over
    per_half: Any  # 2 / last
    factor: Any = ()  # L, four rows of four; () where all devices have one d
    slope: Any = ()  # S, four rows of eight; () where d does not follow offsets and scales
    passes: Any = ()  # (1,) where nothing is left of the trend from the cycle ``last`` on


class WearConstants(NamedTuple):
    """How devices fail for good."""

    scale: Any  # cycles
    per_shape: Any  # 1 / shape
    lrs: Any  # share that stays in the LRS, times 2**32


def trend_place(number: UInt32, law: Any) -> Real:
    """Return the place t of a cycle on its trend, from -1 to 1.

    Parameters
    ----------
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    Real
    """
    return minimum(real(number), law.last) * law.per_half - 1.0


def is_under_way(number: UInt32, law: Any) -> Mask:
    """Return whether a trend that passes is not over yet.

    Parameters
    ----------
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    Mask
    """
    return real(number) < law.last


def own_factors(z: Reals, law: Any) -> Reals:
    """Return d of a device, without what it follows from offsets and scales.

    Parameters
    ----------
    z : four Real
        Normals of the device.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    d = innovation(z, law.factor)
    return d[0] + law.mean[0], d[1] + law.mean[1], d[2] + law.mean[2], d[3] + law.mean[3]


def shared_factors(z: Reals, law: Any) -> Reals:
    """Return the mean of d: what stands in place of `own_factors` where all devices have one d.

    Parameters
    ----------
    z : four Real
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return law.mean


def following(d: Reals, mu: Reals, sigma: Reals, law: Any) -> Reals:
    """Return d of a device with what it follows from offsets and scales.

    Parameters
    ----------
    d : four Real
        Of `own_factors` or `shared_factors`.
    mu, sigma : four Real each
        Offsets and scales of the device.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return (
        d[0] + _along(mu, sigma, law.slope[0]),
        d[1] + _along(mu, sigma, law.slope[1]),
        d[2] + _along(mu, sigma, law.slope[2]),
        d[3] + _along(mu, sigma, law.slope[3]),
    )


def following_nothing(d: Reals, mu: Reals, sigma: Reals, law: Any) -> Reals:
    """Return d itself: what stands in place of `following` where d follows nothing.

    Parameters
    ----------
    d : four Real
    mu, sigma : four Real each
    law : TrendConstants

    Returns
    -------
    four Real
    """
    return d


def _along(mu: Reals, sigma: Reals, row: Reals) -> Real:
    """Return the sum of offsets and scales, weighted by the eight numbers of a row."""
    offsets = rounded_mul(row[0], mu[0]) + row[1] * mu[1] + row[2] * mu[2] + row[3] * mu[3]
    first = offsets + row[4] * absolute(sigma[0]) + row[5] * absolute(sigma[1])
    return first + row[6] * absolute(sigma[2]) + row[7] * absolute(sigma[3])


def on_trend(mu: Reals, d: Reals, number: UInt32, law: Any) -> Reals:
    """Return the offsets of a device in a cycle of its trend, or with the trend held at its end.

    Parameters
    ----------
    mu, d : four Real each
        Offsets of the device, and the factors of its trend.
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    t = trend_place(number, law)
    return (
        mu[0] + d[0] * poly(law.curves[0], t),
        mu[1] + d[1] * poly(law.curves[1], t),
        mu[2] + d[2] * poly(law.curves[2], t),
        mu[3] + d[3] * poly(law.curves[3], t),
    )


def on_passing_trend(mu: Reals, d: Reals, number: UInt32, law: Any) -> Reals:
    """Return the offsets of a device in a cycle of a trend that passes.

    Parameters
    ----------
    mu, d : four Real each
        Offsets of the device, and the factors of its trend.
    number : UInt32
        Number of the cycle.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    now, with_trend = is_under_way(number, law), on_trend(mu, d, number, law)
    return (
        where(now, with_trend[0], mu[0]),
        where(now, with_trend[1], mu[1]),
        where(now, with_trend[2], mu[2]),
        where(now, with_trend[3], mu[3]),
    )


def trend_normals(lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the normals that give a device a d of its own.

    Parameters
    ----------
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of a cycle; any number gives the same normals.
    k0, k1 : UInt32
        Low and high word of the seed.
    law : TrendConstants

    Returns
    -------
    four Real
    """
    zero = number ^ number
    return normals(lo, hi, AGEING, zero, zero + 1, k0, k1)


def no_trend_normals(lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return four numbers that nothing uses: what stands in place of `trend_normals` where all devices have one d.

    Parameters
    ----------
    lo, hi, number, k0, k1 : UInt32
    law : TrendConstants

    Returns
    -------
    four Real
    """
    zero = real(number ^ number)
    return zero, zero, zero, zero


def unit_exponential(word: UInt32) -> Real:
    """Return a number with exponential distribution of mean 1, to the last digits of a small one.

    Parameters
    ----------
    word : UInt32
        A random word.

    Returns
    -------
    Real
        -ln(1 - v), v = (word + 1/2) / 2**32; of a small v by its series.
    """
    v = real(word) * 2.3283064365386963e-10 + 1.1641532182693481e-10
    rest = real(word ^ 0xFFFFFFFF) * 2.3283064365386963e-10 + 1.1641532182693481e-10  # 1 - v
    return where(v < 0.0078125, v * (v * (v * 0.3333333333333333 + 0.5) + 1.0), log(rest) * -1.0)


def has_failed(number: UInt32, word: UInt32, law: Any) -> Mask:
    """Return whether a device has failed in a cycle, or before.

    Parameters
    ----------
    number : UInt32
        Number of the cycle.
    word : UInt32
        Random word of the device.
    law : WearConstants

    Returns
    -------
    Mask
    """
    return real(number) >= law.scale * pow_(unit_exponential(word), law.per_shape)


def failed(u: Reals, fails: Mask, word: UInt32, law: Any) -> tuple[Real, Real]:
    """Return the thresholds of a cycle in which a device may have failed.

    Parameters
    ----------
    u : two Real
        U_SET and U_RESET that the cycle would have, in V.
    fails : Mask
        Whether it has failed.
    word : UInt32
        Random word of the device, which says in which state it stays.
    law : WearConstants

    Returns
    -------
    two Real
        V.
    """
    in_lrs = real(word & 0xFFFFFF00) < law.lrs
    return where(fails & ~in_lrs, -U_NEVER, u[0]), where(fails & in_lrs, U_NEVER, u[1])


def no_trend(
    mu: Reals, sigma: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any
) -> Reals:
    """Return the offsets themselves: what stands in place of `optional_parts.trended` without a trend.

    Parameters
    ----------
    mu, sigma : four Real each
    lo, hi, number, k0, k1 : UInt32
    law : the law, or ()

    Returns
    -------
    four Real
    """
    return mu


def drawn_wear(u: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the thresholds of a cycle of a cell that may have failed.

    Parameters
    ----------
    u : two Real
        U_SET and U_RESET that the cycle would have, in V.
    lo, hi : UInt32
        Low and high word of the id of the cell.
    number : UInt32
        Number of the cycle.
    k0, k1 : UInt32
        Low and high word of the seed.
    law : WearConstants

    Returns
    -------
    two Real
        V.
    """
    zero = number ^ number
    words = random_words(lo, hi, AGEING, zero, zero, k0, k1)
    return failed(u, has_failed(number, words[0], law), words[1], law)


def no_wear(u: Reals, lo: UInt32, hi: UInt32, number: UInt32, k0: UInt32, k1: UInt32, law: Any) -> Reals:
    """Return the thresholds themselves: what stands in place of `drawn_wear` without wear.

    Parameters
    ----------
    u : two Real
    lo, hi, number, k0, k1 : UInt32
    law : the law, or ()

    Returns
    -------
    two Real
    """
    return u


def never_set(u: Real, at_end: Mask, law: Any) -> Real:
    """Return a U_SET that was stored with an end: at its end it is out of reach.

    Parameters
    ----------
    u : Real
        U_SET in V.
    at_end : Mask
        Whether it was stored as the lowest number.
    law : WearConstants

    Returns
    -------
    Real
    """
    return where(at_end, -U_NEVER, u)


def never_reset(u: Real, at_end: Mask, law: Any) -> Real:
    """Return a U_RESET that was stored with an end: at its end it is out of reach.

    Parameters
    ----------
    u : Real
        U_RESET in V.
    at_end : Mask
        Whether it was stored as the highest number.
    law : WearConstants

    Returns
    -------
    Real
    """
    return where(at_end, U_NEVER, u)


def in_reach(u: Real, at_end: Mask, law: Any) -> Real:
    """Return a threshold itself: what stands in place of `never_set` and `never_reset` without wear.

    Parameters
    ----------
    u : Real
    at_end : Mask
    law : the law, or ()

    Returns
    -------
    Real
    """
    return u


def limited_but_worn(outside: Mask, u_set: Real, u_reset: Real, law: Any) -> Mask:
    """Return whether thresholds had to be limited when they were stored; those out of reach by wear had not.

    Parameters
    ----------
    outside : Mask
        Whether one of them is outside of the numbers that can be stored.
    u_set, u_reset : Real
        V.
    law : WearConstants

    Returns
    -------
    Mask
    """
    return outside & (u_set > -U_NEVER) & (u_reset < U_NEVER)


def limited_thresholds(outside: Mask, u_set: Real, u_reset: Real, law: Any) -> Mask:
    """Return ``outside`` itself: what stands in place of `limited_but_worn` without wear.

    Parameters
    ----------
    outside : Mask
    u_set, u_reset : Real
    law : the law, or ()

    Returns
    -------
    Mask
    """
    return outside
