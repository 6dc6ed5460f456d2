"""The I-V sweep that cells are given where nothing else is asked for."""

import numpy as np
from numpy.typing import NDArray

PERIOD = 1e-3  # s, of one sweep
T_SWITCH = 2e-8  # s, in which cells follow an event: r is then within some 0.1 mV of quasi-static switching
STEP = 1e-6  # s, the longest time step


def triangles(count: int, u_min: float, u_max: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of so many sweeps 0, ``u_min``, ``u_max``, 0 of one slope: times in s and voltages in V."""
    share = -u_min / (u_max - u_min)
    corners = np.arange(count)[:, None] + np.array([0.5 * share, 0.5 * share + 0.5])
    times = PERIOD * np.concatenate([[0.0], corners.ravel(), [count]])
    return times, np.concatenate([[0.0], np.tile([u_min, u_max], count), [0.0]])
