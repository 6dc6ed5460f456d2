"""Widths of pulses: checked before anything changes."""

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checks
from synaptogen.params import DeviceParams


def pulse_widths(name: str, value: ArrayLike, params: DeviceParams, count: int) -> Float64Array:
    """Return one width for each of several pulses.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    value : float or array of shape (count,)
        Widths in s.
    params : DeviceParams
        What widths mean for the cells: a law of pulse widths, a fluctuation, whose clock they move, or both.
    count : int
        Number of the pulses.

    Returns
    -------
    array of shape (count,)
        Widths in s.

    Raises
    ------
    ValueError
        If a width is not finite and above 0, the law does not know it, there are others than one or ``count``, or the
        cells know no time.
    """
    widths = checks.finite(name, value, np.float64)
    if widths.shape not in ((), (1,), (count,)):
        raise ValueError(f"{name} has shape {widths.shape}: give one width in s, or one for each of {count} pulses")
    if np.any(widths <= 0.0):
        raise ValueError(f"{name}={float(widths.min()):g}: give widths in s above 0, or leave {name} out")
    if params.pulse_width is not None:
        params.pulse_width.known_widths(name, widths)
    elif params.fluctuation is None:
        raise ValueError(
            f"{name} means nothing to cells of {params.name!r}, which know no time: make them with "
            f'params.with_pulse_width("hfox-1t1r-gate") or another law, or with params.with_fluctuation(...), '
            f"or leave {name} out"
        )
    return np.broadcast_to(widths.reshape(-1), count)


def read_bandwidth(bandwidth: float | None, duration: float | None, default: float) -> float:
    """Return the bandwidth of a read.

    Parameters
    ----------
    bandwidth : float, optional
        The one that is asked for, in Hz.
    duration : float, optional
        How long the read takes, in s: the mean of a current over that time has the noise of a bandwidth of half its
        inverse.
    default : float
        The bandwidth of the array in Hz; 0: reads have no noise.

    Returns
    -------
    float
        Hz.

    Raises
    ------
    TypeError, ValueError
        If a bandwidth is negative, or a duration is not above 0.
    """
    if duration is not None:
        checks.positive("duration", duration, "s")
    if bandwidth is not None:
        return checks.bandwidth(bandwidth)
    return default if duration is None or default == 0.0 else 0.5 / float(duration)
