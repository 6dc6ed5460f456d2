"""Products of a crossbar with vectors of voltages.

The current of a cell, and the variance of its noise, are linear in its mixing state (`model.lines`), so engines find a
line's current and the variance of its noise as products with the states as they lie in memory.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synaptogen.engines.protocol import Engine, Positions

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
    if through is None:
        return engine.line_currents(shape, select, line_starts, v, transpose, bandwidth, number)
    currents, variances = through(v.astype(np.float64), transpose, bandwidth)
    if bandwidth:
        currents = currents + np.sqrt(variances) * engine.line_normals(line_starts, number, len(v))
    return np.asarray(currents, engine.dtype)
