"""Wire resistance in layers: solved by `synaptogen.crossbar`, or approximated by cells with lower conductances.

Inputs drive bit lines, and the two lines of an output are neighbouring word lines of a tile. Arrays here have the shape
(groups, outputs, inputs); each group has its own tiles.

A network of resistors is linear: the current of word line i is sum_j M_ij u_j for all inputs, and column j of M is the
solution with 1 V on bit line j alone. Cells of conductance M_ij without wires therefore carry the same line currents.
For cells with curved I-V curves this is an approximation.
"""

from collections.abc import Iterator

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.crossbar import Wires, solve
from synaptogen.model import Constants, conductance, mixing_from_current, noise_variance
from synaptogen.torch.config import AnalogConfig

ROUNDS = 40  # most solutions with chord conductances that follow the cells' voltages
CLOSE = 1e-6  # change of these conductances, over the largest one, at which they count as settled
AT_ONCE = 1 << 21  # cells times inputs that are solved together


def effective_states(
    plus: Float64Array, minus: Float64Array, config: AnalogConfig
) -> tuple[Float64Array, Float64Array]:
    """Return mixing states whose reads without wires approximate the currents of reads with wires.

    Parameters
    ----------
    plus, minus : arrays of shape (groups, outputs, inputs)
        Mixing states of the pairs.
    config : AnalogConfig
        With wires.

    Returns
    -------
    plus, minus : arrays of shape (groups, outputs, inputs)
        Effective mixing states.
    """
    p, u = config.device.constants(), config.full_voltage
    effective = np.empty((2, *plus.shape))
    for group, outputs, inputs in tiles(plus.shape, config):
        g = _conductances(_interleaved(plus[group, outputs, inputs], minus[group, outputs, inputs]), u, p)
        states = mixing_from_current(transfer(g, config.required_wires) * u, u, p)
        effective[0, group, outputs, inputs], effective[1, group, outputs, inputs] = states[0::2], states[1::2]
    return effective[0], effective[1]


def transfer(g: Float64Array, wires: Wires) -> Float64Array:
    """Return the current of each word line for 1 V on each bit line alone, for linear cells.

    Parameters
    ----------
    g : array of shape (rows, columns)
        Conductances in S.
    wires : Wires
        Resistances of the lines.

    Returns
    -------
    array of shape (rows, columns)
        A, or S as conductances without wires.
    """
    ones = np.eye(g.shape[1])
    count = max(1, AT_ONCE // g.size)
    parts = [solve(g, wires, columns=ones[i : i + count]).row_currents for i in range(0, len(ones), count)]
    return np.concatenate(parts).T


def solved(
    plus: Float64Array, minus: Float64Array, u: Float64Array, config: AnalogConfig
) -> Iterator[tuple[int, slice, int, Float64Array, Float64Array]]:
    """Solve the tiles with their wires, one after the other.

    Parameters
    ----------
    plus, minus : arrays of shape (groups, outputs, inputs)
        Mixing states of the pairs.
    u : array of shape (vectors, groups, inputs)
        Voltages in V of bit lines.
    config : AnalogConfig
        With wires.

    Yields
    ------
    group : int
        Group of the tile.
    outputs : slice
        Outputs of the tile.
    first : int
        First input of the tile.
    currents : array of shape (vectors, outputs)
        Differences of currents in A of pairs of lines.
    variances : array of shape (vectors, outputs)
        Variances of their noise in A^2.
    """
    for group, outputs, inputs in tiles(plus.shape, config):
        r = _interleaved(plus[group, outputs, inputs], minus[group, outputs, inputs])
        lines = [_lines(r, vector, config) for vector in u[:, group, inputs]]
        currents, variances = np.moveaxis(np.reshape(lines, (-1, 2, len(r))), 1, 0)
        difference = currents[:, 0::2] - currents[:, 1::2]
        yield group, outputs, inputs.start, difference, variances[:, 0::2] + variances[:, 1::2]


def _lines(r: Float64Array, u: Float64Array, config: AnalogConfig) -> tuple[Float64Array, Float64Array]:
    """Return currents and variances of the lines of a tile; conductances are those at the voltages of the cells."""
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
    """Generate group, outputs and inputs of each tile.

    Parameters
    ----------
    shape : (int, int, int)
        Groups, outputs and inputs.
    config : AnalogConfig
        Size of tiles.

    Yields
    ------
    group : int
    outputs, inputs : slice
    """
    groups, outputs, inputs = shape
    rows, columns = config.tile[0] // 2, config.tile[1]
    for group in range(groups):
        for i in range(0, outputs, rows):
            for j in range(0, inputs, columns):
                yield group, slice(i, min(i + rows, outputs)), slice(j, min(j + columns, inputs))


def _interleaved(plus: Float64Array, minus: Float64Array) -> Float64Array:
    return np.stack([plus, minus], axis=1).reshape(-1, plus.shape[-1])


def _conductances(r: Float64Array, u: Float64Array | float, p: Constants) -> Float64Array:
    # states are in single precision: a cell that hardly conducts may have a negative conductance by rounding
    return np.maximum(conductance(r, u, p), 0.0)
