"""How cells differ: one draw from a Gaussian mixture gives a cell its offsets and scales.

A component is chosen (never averaged), then means[k] + cholesky[k] @ normals is the cell's 8-vector (mu, sigma).
"""

from typing import Any

from .ops import Mask, Real, UInt32, exp2

LOG2_E = 1.4426950408889634


def chosen(word: UInt32, start: Any) -> Mask:
    """Is the component whose share of the words begins at ``start``, or a later one, chosen by a random word?"""
    return word >= start


def scale(sigma: Real) -> Real:
    """Sigma of a population that was fitted to log sigma."""
    return exp2(sigma * LOG2_E)
