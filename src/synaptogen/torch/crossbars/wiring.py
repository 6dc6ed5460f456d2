"""Wire resistance in layers, through `synaptogen.crossbar`: solved, or as cells that conduct less.

Inputs drive bit lines, and the two lines of an output are neighbouring word lines of a tile. Arrays here are of shape
(groups, outputs, inputs), a group being on tiles of its own.

A network of resistors is linear: the current of word line i is sum_j M_ij u_j whatever the inputs are, and column j of
M is what a solution with 1 V on bit line j alone has. So cells of conductance M_ij without wires carry the same line
currents. With the cells' I-V curves this is an approximation, off by their curvature.
"""

from collections.abc import Iterator

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.crossbar import Wires, solve
from synaptogen.model import Constants, conductance, mixing_from_current, noise_variance
from synaptogen.torch.config import AnalogConfig

ROUNDS, CLOSE = 40, 1e-6  # of the conductances that follow the cells' voltages, and when they do, of the largest one
AT_ONCE = 1 << 21  # cells times inputs that are solved together


def effective_states(
    plus: Float64Array, minus: Float64Array, config: AnalogConfig
) -> tuple[Float64Array, Float64Array]:
    """Mixing states with which reads without wires give nearly the currents of reads with wires."""
    p, u = config.device.constants(), config.full_voltage
    seen = np.empty((2, *plus.shape))
    for group, outputs, inputs in tiles(plus.shape, config):
        g = _conductances(_interleaved(plus[group, outputs, inputs], minus[group, outputs, inputs]), u, p)
        states = mixing_from_current(transfer(g, config.required_wires) * u, u, p)
        seen[0, group, outputs, inputs], seen[1, group, outputs, inputs] = states[0::2], states[1::2]
    return seen[0], seen[1]


def transfer(g: Float64Array, wires: Wires) -> Float64Array:
    """Current of each word line in A for 1 V on each bit line, (rows, columns), of linear cells of that shape."""
    ones = np.eye(g.shape[1])
    count = max(1, AT_ONCE // g.size)
    parts = [solve(g, wires, columns=ones[i : i + count]).row_currents for i in range(0, len(ones), count)]
    return np.concatenate(parts).T


def solved(
    plus: Float64Array, minus: Float64Array, u: Float64Array, config: AnalogConfig
) -> Iterator[tuple[int, slice, int, Float64Array, Float64Array]]:
    """Group, outputs and first input of each tile, and its differences of currents and their variances.

    ``u`` are voltages (vectors, groups, inputs); currents in A and variances in A^2 are (vectors, outputs).
    """
    for group, outputs, inputs in tiles(plus.shape, config):
        r = _interleaved(plus[group, outputs, inputs], minus[group, outputs, inputs])
        lines = [_lines(r, vector, config) for vector in u[:, group, inputs]]
        currents, variances = np.moveaxis(np.reshape(lines, (-1, 2, len(r))), 1, 0)
        difference = currents[:, 0::2] - currents[:, 1::2]
        yield group, outputs, inputs.start, difference, variances[:, 0::2] + variances[:, 1::2]


def _lines(r: Float64Array, u: Float64Array, config: AnalogConfig) -> tuple[Float64Array, Float64Array]:
    """Currents of the lines of a tile, and variances; cells conduct as the voltages that they get make them."""
    p = config.device.constants()
    g = _conductances(r, u, p)
    for _ in range(ROUNDS):
        found = solve(g, config.required_wires, columns=u)
        last, g = g, _conductances(r, found.cells, p)
        if np.max(np.abs(g - last)) <= CLOSE * np.max(g):
            break
    else:
        raise ValueError(f"the cells' currents at voltages up to {np.abs(u).max():.3g} V do not settle: read at less")
    return found.row_currents, np.asarray(noise_variance(g, found.cells, config.bandwidth)).sum(-1)


def tiles(shape: tuple[int, ...], config: AnalogConfig) -> Iterator[tuple[int, slice, slice]]:
    """Group, outputs and inputs of each tile."""
    groups, outputs, inputs = shape
    rows, columns = config.tile[0] // 2, config.tile[1]
    for group in range(groups):
        for i in range(0, outputs, rows):
            for j in range(0, inputs, columns):
                yield group, slice(i, min(i + rows, outputs)), slice(j, min(j + columns, inputs))


def _interleaved(plus: Float64Array, minus: Float64Array) -> Float64Array:
    return np.stack([plus, minus], axis=1).reshape(-1, plus.shape[-1])


def _conductances(r: Float64Array, u: Float64Array | float, p: Constants) -> Float64Array:
    # states are in single precision, so that a cell which hardly conducts may come out below 0
    return np.maximum(conductance(r, u, p), 0.0)
