"""Lines of a crossbar as products with the matrix of mixing states, see `model.lines`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synaptogen.model import Constants, linear_in_mixing, noise_density

from .protocol import AnyEngine, Positions


def line_currents(
    engine: AnyEngine,
    shape: tuple[int, int],
    select: Any,
    line_starts: Positions,
    v: NDArray[Any],
    transpose: bool,
    bandwidth: float,
    number: int,
) -> NDArray[Any]:
    """What `Engine.line_currents` promises, by products of matrices."""
    offset, weights = line_weights(v.astype(np.float64), bandwidth, engine.compiled_params.constants)
    sums = offset + engine.weighted_sums(shape, select, weights, transpose)
    normals = engine.line_normals(line_starts, number, len(v)) if bandwidth else None
    return np.asarray(with_noise(sums, normals, len(v)), engine.dtype)


def line_weights(u: NDArray[Any], bandwidth: float, p: Constants) -> tuple[NDArray[Any], NDArray[Any]]:
    """Offsets (k, 1) and weights (k, inputs) of r for voltages (batch, inputs) in V: k rows, first the currents of all
    inputs, then, with a bandwidth, their variances."""
    parts = linear_in_mixing(u, noise_density(u) * bandwidth, p)
    rows = 2 if bandwidth else 1
    offsets = [part.sum(axis=-1, keepdims=True) for part in parts[0 : 2 * rows : 2]]
    return np.concatenate(offsets), np.concatenate(parts[1 : 2 * rows : 2])


def with_noise(sums: NDArray[Any], normals: NDArray[Any] | None, batch: int) -> NDArray[Any]:
    """Currents (batch, lines) from the rows of sums: those of currents, and of variances where there are normals."""
    if normals is None:
        return sums[:batch]
    return np.asarray(sums[:batch] + np.sqrt(np.maximum(sums[batch:], 0.0)) * normals)
