"""The draw of a device from the Gaussian mixture of its population, which gives a cell its offsets and scales.

A component is chosen (never averaged), then means[k] + cholesky[k] @ normals is the cell's 8-vector (mu, sigma). Where
the population has bounds, a vector outside of them is drawn again, with the same component, at most `DRAWS` times in
all; what is outside then is limited to the bounds.
"""

from .ops import Mask, Real, UInt32, exp2

LOG2_E = 1.4426950408889634
DRAWS = 24
"""Draws of a device. The draw number is the number in the address of its normals."""


def chosen(word: UInt32, start: UInt32) -> Mask:
    """Return whether a random word chooses a component of the mixture, or a later one.

    Parameters
    ----------
    word : UInt32
        A random word.
    start : UInt32
        First of the words that choose this component or a later one.

    Returns
    -------
    Mask
    """
    return word >= start


def scale(sigma: Real) -> Real:
    """Return sigma from its natural logarithm, for a population that was fitted to logarithms."""
    return exp2(sigma * LOG2_E)
