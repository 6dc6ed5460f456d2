"""Products of a crossbar with vectors of voltages.

The current of a cell, and the variance of its noise, are linear in its mixing state:

    I   = U G_LLRS(U) + r U (G_HHRS(U) - G_LLRS(U)),    var = G(r, U) (4 k T + 2 q |U|) B

so a line's current and the variance of its noise are two matrix products with the states as they lie in memory.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines.protocol import Engine, Positions
from synaptogen.model.iv import envelopes
from synaptogen.model.noise import noise_density

Solve: TypeAlias = Callable[[NDArray[Any], bool, float], tuple[NDArray[Any], NDArray[Any]]]
"""Currents of lines, and variances of their noise, both (batch, lines), by some other way."""


def line_currents(
    engine: Engine,
    select: Any,
    line_starts: Positions,
    shape: tuple[int, int],
    v: NDArray[Any],
    transpose: bool,
    bandwidth: float,
    number: int,
    through: Solve | None = None,
) -> NDArray[Any]:
    """Currents (batch, lines) in A for voltages ``v`` of shape (batch, inputs) in V.

    ``line_starts`` are the first cells of the lines that are measured; ``number`` counts the noisy products so far.
    ``through`` solves lines that have resistance.
    """
    if through is not None:
        currents, variances = through(v.astype(np.float64), transpose, bandwidth)
        if bandwidth:
            currents = currents + np.sqrt(variances) * engine.line_normals(line_starts, number, len(v))
        return np.asarray(currents, engine.dtype)
    u = v.astype(np.float64)
    llrs, hhrs = envelopes(u, engine.law.constants)
    drive = u[None]
    if bandwidth:
        drive = np.stack([u, noise_density(u) * bandwidth])
    # rows: currents of all inputs, then variances
    offset = (drive * llrs).sum(axis=-1).reshape(-1, 1)
    weights = (drive * (hhrs - llrs)).reshape(-1, u.shape[1])
    sums = offset + engine.weighted_sums(shape, select, weights, transpose)
    currents = sums[: len(v)]
    if bandwidth:
        deviation = np.sqrt(np.maximum(sums[len(v) :], 0.0))
        currents = currents + deviation * engine.line_normals(line_starts, number, len(v))
    return np.asarray(currents, engine.dtype)
