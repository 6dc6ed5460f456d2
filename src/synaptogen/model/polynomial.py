"""Polynomials, the form of all fitted curves of the model."""

from .ops import Real, Reals


def poly(coefficients: Reals, x: Real) -> Real:
    """Return the value of a polynomial, by Horner's rule.

    Parameters
    ----------
    coefficients : tuple of numbers
        Highest power first.
    x : Real
        The variable.

    Returns
    -------
    Real
    """
    y = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


def slope(coefficients: Reals, x: Real) -> Real:
    """Return the derivative of `poly` with respect to x.

    Parameters
    ----------
    coefficients : tuple of numbers
        Highest power first.
    x : Real
        The variable.

    Returns
    -------
    Real
    """
    y = coefficients[0]
    d = 0.0 * x
    for c in coefficients[1:]:
        d = d * x + y
        y = y * x + c
    return d
