"""Real numbers as 16-bit codes of fixed point: how packed cells are stored. For numbers of any kind, like the model.

A code keeps its number: what was decoded encodes to the code that it came from.
"""

from typing import Any, NamedTuple

from synaptogen.model import Real, UInt32, floor, maximum, minimum, rounded_mul, signed_real, signed_word

LARGEST = 65535.0


class Scale(NamedTuple):
    """Codes 0 ... 65535 stand for ``low``, ``low`` + ``step`` ...; ``per_step`` is 1/step."""

    low: Any
    step: Any
    per_step: Any


def decode(code: UInt32, scale: Scale) -> Real:
    """The number that a code stands for."""
    return rounded_mul(signed_real(code), scale.step) + scale.low


def encode(x: Real, scale: Scale) -> UInt32:
    """The code of the nearest number that has one."""
    return signed_word(minimum(maximum(floor(rounded_mul(x - scale.low, scale.per_step) + 0.5), 0.0), LARGEST))


def is_outside(x: Real, scale: Scale) -> Any:
    """Is a number so far below or above all codes that storing it limits it?"""
    position = rounded_mul(x - scale.low, scale.per_step)
    return (position < -1.0) | (position > LARGEST + 1.0)
