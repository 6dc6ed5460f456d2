"""Logarithm, power of two and power in single precision, for compiled number types that have none of their own.

Minimax polynomials on a reduced argument. The error of log and exp2 is below 2 units in the last place. That of pow
grows with the exponent of its result, as exp2 takes up the rounding of y log2 x: 2.3e-6 relative over a RESET.
"""

from synaptogen.model import (
    Real,
    bits,
    floor,
    from_bits,
    maximum,
    minimum,
    poly,
    shift_right_signed,
    signed_real,
    signed_word,
)

# log(1 + t) = t + t^2 LOG(t) for 1 + t in 0.75 ... 1.5
LOG = (0.0541318538, -0.120673169, 0.149839159, -0.168228184, 0.199770777, -0.24993442, 0.333335485, -0.500000607)
# 2^t on +-0.5
EXP2 = (0.000153458074, 0.00133999312, 0.00961848897, 0.0555032878, 0.240226469, 0.693147206, 1.0)


def log_f32(x: Real) -> Real:
    """Return the natural logarithm of a normal positive number."""
    pattern = bits(x)
    exponent = shift_right_signed(pattern - 0x3F400000, 23)
    t = from_bits(pattern - (exponent << 23)) - 1.0
    return signed_real(exponent) * 0.69314718 + (t * t * poly(LOG, t) + t)


def exp2_f32(x: Real) -> Real:
    """Return 2**x, with the exponent held to those of normal numbers, -126 ... 127."""
    x = minimum(maximum(x, -126.0), 127.0)
    n = floor(x + 0.5)
    return poly(EXP2, x - n) * from_bits((signed_word(n) + 127) << 23)


def pow_f32(x: Real, y: Real) -> Real:
    """Return x**y.

    Parameters
    ----------
    x : real number
        Not negative.
    y : real number
        Positive.

    Returns
    -------
    real number
        The smallest normal number, where x**y is below it.
    """
    return exp2_f32(log_f32(maximum(x, 1.17549435e-38)) * 1.44269504 * y)
