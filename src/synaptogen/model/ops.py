"""The named operations that a formula may use besides + - * / and comparisons.

Called from Python they are functions of NumPy: on arrays, on scalars, and on anything with the protocols of NumPy.
Compiled engines define each of these names for their own types of numbers (`synaptogen.engines.lanes`). A formula that
uses only these operations runs on every engine.
"""

from typing import Any, TypeAlias

import numpy as np

Real: TypeAlias = Any
"""A real number of any engine: float64 array, SIMD lanes of float32, GPU scalar, circuit symbol."""

UInt32: TypeAlias = Any
"""An unsigned 32-bit integer of any engine; arithmetic wraps around."""

Mask: TypeAlias = Any
"""A truth value of any engine."""

Value: TypeAlias = Any
"""A number of any kind: `Real` or `UInt32`."""

Reals: TypeAlias = Any
"""Several real numbers, by their index: a tuple, or the rows of an array."""

Matrix: TypeAlias = Any
"""Rows of real numbers, by two indices: a tuple of tuples, or an array."""


def where(mask: Mask, a: Value, b: Value) -> Value:
    """Return one of two numbers by a mask.

    Parameters
    ----------
    mask : Mask
        Where to take ``a``.
    a, b : Value
        The numbers; ``b`` is taken elsewhere.

    Returns
    -------
    Value
    """
    return np.where(mask, a, b)


def any_(mask: Mask) -> bool:
    """Return whether the mask holds anywhere: the only condition on which an engine may branch."""
    return bool(np.any(mask))


def sqrt(x: Real) -> Real:
    """Return the square root."""
    return np.sqrt(x)


def log(x: Real) -> Real:
    """Return the natural logarithm."""
    return np.log(x)


def exp2(x: Real) -> Real:
    """Return 2 to the power of x."""
    return np.exp2(x)


def pow_(x: Real, y: Real) -> Real:
    """Return a power.

    Parameters
    ----------
    x : Real
        Base, 0 or more.
    y : Real
        Exponent, above 0.

    Returns
    -------
    Real
    """
    return np.power(x, y)


def floor(x: Real) -> Real:
    """Return the largest whole number that is not above x."""
    return np.floor(x)


def maximum(a: Real, b: Real) -> Real:
    """Return the larger of two numbers.

    Parameters
    ----------
    a, b : Real

    Returns
    -------
    Real
    """
    return np.maximum(a, b)


def minimum(a: Real, b: Real) -> Real:
    """Return the smaller of two numbers.

    Parameters
    ----------
    a, b : Real

    Returns
    -------
    Real
    """
    return np.minimum(a, b)


def absolute(x: Real) -> Real:
    """Return the absolute value."""
    return np.abs(x)


def rounded_mul(a: Real, b: Real) -> Real:
    """Return the product of two numbers, rounded by itself.

    Engines may compute ``a * b + c`` with one rounding. In a sum of two products either of them could be merged, and
    kernels could differ in this; so one of the two is written with this function.

    Parameters
    ----------
    a, b : Real

    Returns
    -------
    Real
    """
    return a * b


# ---- 32-bit words, for random numbers and the status of cells


def wide_product(word: UInt32, factor: int) -> tuple[UInt32, UInt32]:
    """Return the 64-bit product of two words.

    Parameters
    ----------
    word : UInt32
        One factor.
    factor : int
        The other factor, a 32-bit constant.

    Returns
    -------
    high, low : UInt32
        The two halves of the product.
    """
    product = np.asarray(word).astype(np.uint64) * np.uint64(factor)
    return (product >> np.uint64(32)).astype(np.uint32), product.astype(np.uint32)


def real(word: UInt32) -> Real:
    """Return an unsigned word as a real number."""
    return np.asarray(word).astype(np.float64)


def signed_real(word: UInt32) -> Real:
    """Return a word, taken as two's complement, as a real number."""
    return np.asarray(word).astype(np.uint32).view(np.int32).astype(np.float64)


def flip_sign(x: Real, word: UInt32) -> Real:
    """Return -x where the top bit of a word is set, and x elsewhere.

    Parameters
    ----------
    x : Real
        A number.
    word : UInt32
        The word.

    Returns
    -------
    Real
    """
    return np.where(word >= 0x80000000, -x, x)


# ---- the bits of single-precision numbers, for elementary functions of compiled engines


def bits(x: Real) -> UInt32:
    """Return the word that stores a single-precision number."""
    return np.asarray(x, np.float32).view(np.uint32)


def from_bits(word: UInt32) -> Real:
    """Return the single-precision number that a word stores."""
    return np.asarray(word, np.uint32).view(np.float32)


def signed_word(x: Real) -> UInt32:
    """Return a whole number as a two's complement word."""
    return np.asarray(x).astype(np.int32).view(np.uint32)


def shift_right_signed(word: UInt32, k: int) -> UInt32:
    """Return a word, taken as two's complement, shifted right.

    Parameters
    ----------
    word : UInt32
        The word.
    k : int
        Number of bits.

    Returns
    -------
    UInt32
    """
    return (np.asarray(word).view(np.int32) >> np.int32(k)).view(np.uint32)
