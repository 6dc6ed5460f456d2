"""Noise of a current read with bandwidth B: thermal plus shot noise, Gaussian, at 300 K.

var = 4 k T B |I/U| + 2 q B |I|
"""

from .ops import Real, absolute, rounded_mul, sqrt

KT = 1.380649e-23 * 300.0  # J
Q = 1.602176634e-19  # C


def noise_density(u: Real) -> Real:
    """Variance of the current per unit of bandwidth and of conductance, in A^2/(Hz S), at voltage ``u``."""
    return 4.0 * KT + 2.0 * Q * absolute(u)


def noise_variance(g: Real, u: Real, bandwidth: Real) -> Real:
    """Variance in A^2 of a read with ``bandwidth`` in Hz, of a cell with chord conductance ``g`` in S at ``u`` in V.

    At U = 0 only the thermal noise of the small-signal conductance is left, which is what `iv.conductance` gives there.
    """
    return absolute(g) * (noise_density(u) * bandwidth)


def noisy_current(g: Real, u: Real, density: Real, z: Real) -> Real:
    """Current in A of a read of a cell with chord conductance ``g``, for a normal ``z``.

    ``density`` is the variance per unit of conductance: `noise_density` times the bandwidth.
    """
    return rounded_mul(u, g) + sqrt(absolute(g) * density) * z
