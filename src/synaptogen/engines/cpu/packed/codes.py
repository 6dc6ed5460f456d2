"""Real numbers as 16-bit fixed-point codes: how packed cells are stored. Like the model, for numbers of any kind.

Decoding and encoding again returns the same code.
"""

from typing import Any, NamedTuple

from synaptogen.model import Mask, Real, UInt32, floor, maximum, minimum, rounded_mul, signed_real, signed_word

HIGHEST = 65535
LARGEST = 65535.0


class Scale(NamedTuple):
    """The numbers that codes 0 ... 65535 stand for: ``low``, ``low`` + ``step`` ...

    Attributes
    ----------
    low
        Number of code 0.
    step
        Distance between the numbers of neighbouring codes.
    per_step
        1 / ``step``.
    """

    low: Any
    step: Any
    per_step: Any


def decode(code: UInt32, scale: Scale) -> Real:
    """Return the number that a code stands for.

    Parameters
    ----------
    code : unsigned integers, 0 ... 65535
    scale : Scale

    Returns
    -------
    real numbers
    """
    return rounded_mul(signed_real(code), scale.step) + scale.low


def encode(x: Real, scale: Scale) -> UInt32:
    """Return the code of the nearest number that has one.

    Parameters
    ----------
    x : real numbers
    scale : Scale

    Returns
    -------
    unsigned integers, 0 ... 65535
    """
    return signed_word(minimum(maximum(floor(rounded_mul(x - scale.low, scale.per_step) + 0.5), 0.0), LARGEST))


def is_outside(x: Real, scale: Scale) -> Mask:
    """Return whether a number lies so far outside of all codes, by more than a step, that storing it limits it.

    Parameters
    ----------
    x : real numbers
    scale : Scale

    Returns
    -------
    truth values
    """
    position = rounded_mul(x - scale.low, scale.per_step)
    return (position < -1.0) | (position > LARGEST + 1.0)
