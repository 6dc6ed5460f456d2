"""The named operations a formula may use besides + - * / and comparisons.

Called from plain Python they are NumPy: on arrays, on scalars, and on anything that speaks NumPy's protocols. Compiled
engines give each of these names a meaning for their own number types (`synaptogen.engines.values`). A formula that uses
only these runs on every engine.
"""

from typing import Any, TypeAlias

import numpy as np

Real: TypeAlias = Any
"""A real number of any engine: float64 array, SIMD lanes of float32, GPU scalar, circuit symbol."""

UInt32: TypeAlias = Any
"""An unsigned 32-bit integer of any engine; arithmetic wraps around."""

Mask: TypeAlias = Any
"""A truth value of any engine."""


def where(mask: Mask, a: Any, b: Any) -> Any:
    """``a`` where the mask holds, ``b`` elsewhere."""
    return np.where(mask, a, b)


def any_(mask: Mask) -> bool:
    """Does the mask hold anywhere? The one question on which an engine may branch."""
    return bool(np.any(mask))


def sqrt(x: Real) -> Real:
    """Square root."""
    return np.sqrt(x)


def log(x: Real) -> Real:
    """Natural logarithm."""
    return np.log(x)


def exp2(x: Real) -> Real:
    """2 to the power x."""
    return np.exp2(x)


def pow_(x: Real, y: Real) -> Real:
    """X to the power y, for x >= 0 and y > 0."""
    return np.power(x, y)


def floor(x: Real) -> Real:
    """Largest whole number not above x."""
    return np.floor(x)


def maximum(a: Real, b: Real) -> Real:
    """The larger of two."""
    return np.maximum(a, b)


def minimum(a: Real, b: Real) -> Real:
    """The smaller of two."""
    return np.minimum(a, b)


def absolute(x: Real) -> Real:
    """The size of x."""
    return np.abs(x)


def rounded_mul(a: Real, b: Real) -> Real:
    """A * b, rounded before it goes on.

    Engines may merge ``a * b + c`` into one rounding. In a sum of two products it is open which of them is merged,
    and kernels could differ: one of the two is written with this.
    """
    return a * b


# ---- 32-bit words, for random numbers and packed state


def wide_product(word: UInt32, factor: int) -> tuple[UInt32, UInt32]:
    """High and low half of the 64-bit product of two words."""
    product = np.asarray(word).astype(np.uint64) * np.uint64(factor)
    return (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)


def real(word: UInt32) -> Real:
    """An unsigned word as a real number."""
    return np.asarray(word).astype(np.float64)


def signed_real(word: UInt32) -> Real:
    """A word read as two's complement, as a real number."""
    return np.asarray(word).astype(np.uint32).view(np.int32).astype(np.float64)


def flip_sign(x: Real, word: UInt32) -> Real:
    """-x where the top bit of the word is set, x elsewhere."""
    return np.where(word >= 0x80000000, -x, x)


# ---- the bits of single-precision numbers, for elementary functions of compiled engines


def bits(x: Real) -> UInt32:
    """The word that stores a single-precision number."""
    return np.asarray(x, np.float32).view(np.uint32)


def from_bits(word: UInt32) -> Real:
    """The single-precision number that a word stores."""
    return np.asarray(word, np.uint32).view(np.float32)


def signed_word(x: Real) -> UInt32:
    """A whole number as a two's complement word."""
    return np.asarray(x).astype(np.int32).view(np.uint32)


def shift_right_signed(word: UInt32, k: int) -> UInt32:
    """A word read as two's complement, shifted right by k bits."""
    return (np.asarray(word).view(np.int32) >> np.int32(k)).view(np.uint32)
