"""Noise of a current that is read with bandwidth B: thermal and shot noise, Gaussian, at 300 K unless told otherwise.

var = 4 k T B |I/U| + 2 q B |I|
"""

from .ops import Real, absolute, rounded_mul, sqrt

K = 1.380649e-23  # J/K
T = 300.0  # K, of a read
Q = 1.602176634e-19  # C


def noise_density(u: Real) -> Real:
    """Return the variance of a current per unit of bandwidth and of conductance.

    Parameters
    ----------
    u : Real
        Voltage in V.

    Returns
    -------
    Real
        In A^2/(Hz S).
    """
    return noise_density_at(u, T)


def noise_density_at(u: Real, kelvin: Real) -> Real:
    """Return the variance of a current per unit of bandwidth and of conductance at a temperature.

    Parameters
    ----------
    u : Real
        Voltage in V.
    kelvin : Real
        Temperature in K.

    Returns
    -------
    Real
        In A^2/(Hz S).
    """
    return 4.0 * (K * kelvin) + 2.0 * Q * absolute(u)


def noise_variance(g: Real, u: Real, bandwidth: Real) -> Real:
    """Return the variance of the current of a read.

    At U = 0 only the thermal noise of the small-signal conductance is left, which `iv.conductance` returns there.

    Parameters
    ----------
    g : Real
        Chord conductance of the cell in S.
    u : Real
        Voltage in V.
    bandwidth : Real
        Bandwidth in Hz.

    Returns
    -------
    Real
        Variance in A^2.
    """
    return absolute(g) * (noise_density(u) * bandwidth)


def noisy_current(g: Real, u: Real, density: Real, z: Real) -> Real:
    """Return the current of a read with noise.

    Parameters
    ----------
    g : Real
        Chord conductance of the cell in S.
    u : Real
        Voltage in V.
    density : Real
        Variance in A^2 per S of conductance: `noise_density` times the bandwidth.
    z : Real
        A standard normal.

    Returns
    -------
    Real
        Current in A.
    """
    return rounded_mul(u, g) + sqrt(absolute(g) * density) * z
