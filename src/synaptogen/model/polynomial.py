"""Polynomials, the form of all fitted curves of the model."""

from typing import Any

from .ops import Real


def poly(coefficients: Any, x: Real) -> Real:
    """Horner's rule; ``coefficients`` is a tuple, highest power first."""
    y = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


def slope(coefficients: Any, x: Real) -> Real:
    """Derivative of `poly` with respect to x."""
    y = coefficients[0]
    d = 0.0 * x
    for c in coefficients[1:]:
        d = d * x + y
        y = y * x + c
    return d
