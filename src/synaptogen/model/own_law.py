"""What a device may have of its own beside mean and spread: the shape of its distributions, and its share of memory.

    Gamma_d(x) = Gamma(x) + c1 phi1(h) + c2 phi2(h),   h = x, held at -reach and reach
    x = sqrt(m_d / m) (memory of earlier cycles) + sqrt((1 - m_d) / (1 - m)) B e

phi1 and phi2 are polynomials that all devices share; c1, c2 and m_d of each feature belong to the device. m is the
share of the variance of x that is memory.

The innovation of R_LRS may be restless: its scale wanders with a state v, and its level rises with the scale,

    w -> (exp(h u - h^2) (w + kappa v) - mean) / deviation,   u = sqrt(1 - new) v + sqrt(new) n

where v is an autoregression of its own and n is new in each cycle. Mean 0 and the variance of w stay.
"""

from typing import Any, NamedTuple

from .ops import Real, Reals, exp2, maximum, minimum, rounded_mul, sqrt
from .polynomial import poly

OWN_TRAITS = 12
"""Numbers of a device beside mu and sigma: c1, c2 and m_d of each feature."""
OWN_ROWS = 16
"""Numbers that engines keep of them: c1, c2, and the two roots that weigh memory and innovation, of each feature."""


class OwnLaw(NamedTuple):
    """What the traits of a device act on."""

    first: Any  # phi1 of each feature, highest power first
    second: Any  # phi2 of each feature
    per_share: Any  # 1 / m of each feature
    per_rest: Any  # 1 / (1 - m) of each feature
    reach: Any  # range of x on which phi1 and phi2 act


class Restless(NamedTuple):
    """The restless innovation of R_LRS."""

    spread: Any  # h / ln 2
    offset: Any  # h^2 / ln 2
    rise: Any  # kappa, in units of w
    kept: Any  # sqrt(1 - new)
    new: Any  # sqrt(new)
    mean: Any
    per_deviation: Any
    fade: Any  # weight of v in the next v
    drive: Any  # weight of a normal in the next v


def own_rows(traits: Reals, law: Any) -> Reals:
    """Return what engines keep of the own traits of a device.

    Parameters
    ----------
    traits : twelve Real
        c1, c2 and m_d of each feature; m_d between 0 and 1.
    law : OwnLaw

    Returns
    -------
    sixteen Real
    """
    m = traits[8:]
    return (
        traits[0],
        traits[1],
        traits[2],
        traits[3],
        traits[4],
        traits[5],
        traits[6],
        traits[7],
        sqrt(m[0] * law.per_share[0]),
        sqrt(m[1] * law.per_share[1]),
        sqrt(m[2] * law.per_share[2]),
        sqrt(m[3] * law.per_share[3]),
        sqrt(rounded_mul(1.0 - m[0], law.per_rest[0])),
        sqrt(rounded_mul(1.0 - m[1], law.per_rest[1])),
        sqrt(rounded_mul(1.0 - m[2], law.per_rest[2])),
        sqrt(rounded_mul(1.0 - m[3], law.per_rest[3])),
    )


def rows_of_none(traits: Reals, law: Any) -> Reals:
    """Return the traits themselves: what stands in place of `own_rows` where devices have nothing of their own.

    Parameters
    ----------
    traits : twelve Real
    law : the law, or ()

    Returns
    -------
    twelve Real
    """
    return traits


def shaped(x: Reals, quantile: Reals, own: Reals, law: Any) -> Reals:
    """Return the standardised features of a device with shapes of its own.

    Parameters
    ----------
    x : four Real
        Latent vector.
    quantile : four polynomials
        Gamma of each feature.
    own : sixteen Real
        Of `own_rows`.
    law : OwnLaw

    Returns
    -------
    four Real
    """
    h_0, h_1 = _within(x[0], law.reach), _within(x[1], law.reach)
    h_2, h_3 = _within(x[2], law.reach), _within(x[3], law.reach)
    return (
        poly(quantile[0], x[0]) + own[0] * poly(law.first[0], h_0) + own[4] * poly(law.second[0], h_0),
        poly(quantile[1], x[1]) + own[1] * poly(law.first[1], h_1) + own[5] * poly(law.second[1], h_1),
        poly(quantile[2], x[2]) + own[2] * poly(law.first[2], h_2) + own[6] * poly(law.second[2], h_2),
        poly(quantile[3], x[3]) + own[3] * poly(law.first[3], h_3) + own[7] * poly(law.second[3], h_3),
    )


def _within(x: Real, reach: Real) -> Real:
    """Return x, held at -reach and reach."""
    return minimum(maximum(x, -reach), reach)


def shared_shape(x: Reals, quantile: Reals, own: Reals, law: Any) -> Reals:
    """Return the standardised features of a device with the shapes that all devices share.

    Parameters
    ----------
    x : four Real
    quantile : four polynomials
    own : sixteen Real
    law : the law, or ()

    Returns
    -------
    four Real
    """
    return poly(quantile[0], x[0]), poly(quantile[1], x[1]), poly(quantile[2], x[2]), poly(quantile[3], x[3])


def own_blend(slow: Reals, white: Reals, own: Reals, law: Any) -> Reals:
    """Return the latent vector of a device with a memory of its own.

    Parameters
    ----------
    slow : four Real
        Memory of earlier cycles, H s.
    white : four Real
        Innovation, B e.
    own : sixteen Real
        Of `own_rows`.
    law : OwnLaw

    Returns
    -------
    four Real
    """
    return (
        rounded_mul(own[8], slow[0]) + own[12] * white[0],
        rounded_mul(own[9], slow[1]) + own[13] * white[1],
        rounded_mul(own[10], slow[2]) + own[14] * white[2],
        rounded_mul(own[11], slow[3]) + own[15] * white[3],
    )


def shared_blend(slow: Reals, white: Reals, own: Reals, law: Any) -> Reals:
    """Return the innovation: engines add the memory to it themselves where devices have nothing of their own.

    Parameters
    ----------
    slow : four Real
    white : four Real
    own : sixteen Real
    law : the law, or ()

    Returns
    -------
    four Real
    """
    return white


def restless_innovation(w: Real, v: Real, n: Real, law: Any) -> Real:
    """Return the innovation of R_LRS of a cycle.

    Parameters
    ----------
    w : Real
        Its innovation without restlessness.
    v : Real
        State of the scale.
    n : Real
        A standard normal.
    law : Restless

    Returns
    -------
    Real
    """
    u = rounded_mul(law.kept, v) + rounded_mul(law.new, n)
    return (exp2(law.spread * u - law.offset) * (w + law.rise * v) - law.mean) * law.per_deviation


def calm_innovation(w: Real, v: Real, n: Real, law: Any) -> Real:
    """Return the innovation itself: what stands in place of `restless_innovation` without restlessness.

    Parameters
    ----------
    w : Real
    v : Real
    n : Real
    law : the law, or ()

    Returns
    -------
    Real
    """
    return w


def restless_state(v: Real, n: Real, law: Any) -> Real:
    """Return the next state of the scale.

    Parameters
    ----------
    v : Real
        The state.
    n : Real
        A standard normal.
    law : Restless

    Returns
    -------
    Real
    """
    return rounded_mul(law.fade, v) + rounded_mul(law.drive, n)


def calm_state(v: Real, n: Real, law: Any) -> Real:
    """Return the state itself: what stands in place of `restless_state` without restlessness.

    Parameters
    ----------
    v : Real
    n : Real
    law : the law, or ()

    Returns
    -------
    Real
    """
    return v
