"""The default I-V sweep of cells in a circuit."""

import numpy as np

from synaptogen._utils import Float64Array, checked, checks

PERIOD = 1e-3  # s, of one sweep
T_SWITCH = 2e-8  # s, in which cells follow an event: r is then within some 0.1 mV of quasi-static switching
STEP = 1e-6  # s, the longest time step


@checked
def triangles(count: int, u_min: float, u_max: float) -> tuple[Float64Array, Float64Array]:
    """Return the corners of sweeps 0, ``u_min``, ``u_max``, 0, all ramps of the same slope.

    Parameters
    ----------
    count : int
        Number of sweeps; each takes 1 ms.
    u_min, u_max : float
        Ends of a sweep in V, below and above 0.

    Returns
    -------
    times : array of shape (2 count + 2,)
        Times of the corners in s.
    volts : array of shape (2 count + 2,)
        Voltages there in V.

    Raises
    ------
    ValueError, TypeError
        If ``count`` is not an int of at least 1, or the ends are not finite and on both sides of 0 V.

    Examples
    --------
    >>> from synaptogen.circuit import triangles
    >>> times, volts = triangles(1, -1.5, 1.5)
    >>> times.tolist(), volts.tolist()
    ([0.0, 0.00025, 0.00075, 0.001], [0.0, -1.5, 1.5, 0.0])
    """
    checks.positive_int("count", count)
    if not (0 < -u_min < np.inf and 0 < u_max < np.inf):
        raise ValueError(f"u_min={u_min!r}, u_max={u_max!r}: give a finite voltage below 0 V, and one above")
    share = -u_min / (u_max - u_min)
    corners = np.arange(count)[:, None] + np.array([0.5 * share, 0.5 * share + 0.5])
    times = PERIOD * np.concatenate([[0.0], corners.ravel(), [count]])
    return times, np.concatenate([[0.0], np.tile([u_min, u_max], count), [0.0]])
