"""Lines of a crossbar as products with the matrix of mixing states, see `model.lines`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptogen.model.constants import Constants
from synaptogen.model.lines import linear_in_mixing
from synaptogen.model.noise import noise_density


def line_weights(u: NDArray[Any], bandwidth: float, p: Constants) -> tuple[NDArray[Any], NDArray[Any]]:
    """Offsets (k, 1) and weights (k, inputs) of r for voltages (batch, inputs) in V: k rows, first the currents of all
    inputs, then, with a bandwidth, their variances."""
    parts = linear_in_mixing(u, noise_density(u) * bandwidth, p)
    rows = 2 if bandwidth else 1
    offsets = [part.sum(axis=-1, keepdims=True) for part in parts[0 : 2 * rows : 2]]
    return np.concatenate(offsets), np.concatenate(parts[1 : 2 * rows : 2])
