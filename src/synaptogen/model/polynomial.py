"""Polynomials, the form of all fitted curves of the model."""

from typing import Any

from synaptogen.ops import Real


def poly(coefficients: Any, x: Real) -> Real:
    """Horner's rule; ``coefficients`` is a tuple, highest power first."""
    y = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y
