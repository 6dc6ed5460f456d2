"""Currents of all lines of a crossbar for one vector of voltages, in one pass over the matrix of mixing states.

`model.lines` has the formulas of the sums. `mixing_at` loads W mixing states, in whichever form an engine stores them.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from synaptogen._utils import Float32Array
from synaptogen.model import PRODUCT, Real, add_scaled, linear_in_mixing, noise_density, normals

from .lanes import INLINE, OPTIONS, W, data, in_cache_key, load, store, sum_lanes, uint32s
from .layout import Four, UInt32Array, scalar4, zeros
from .workspace import aligned, keep_alive

STRIP = 32  # a strip is STRIP * W columns summed together: whole cache lines, with sums in the first-level cache


class EnvelopeCoefficients(NamedTuple):
    """The part of `model.Constants` that `model.envelopes` uses: a kernel needs no more.

    Attributes
    ----------
    u_range
        Voltage in V up to which the polynomials are used.
    llrs, hhrs
        Coefficients of the two envelopes.
    """

    u_range: Any
    llrs: Any
    hhrs: Any


class MixingStates(NamedTuple):
    """Mixing states in single precision, as kernels of products take them.

    Attributes
    ----------
    r : array of float32
        All cells, with at least W numbers to spare behind the last one.
    """

    r: Any


class Products(NamedTuple):
    """The compiled loops; see `compile_products`."""

    row_currents: Any
    column_currents: Any


def mixing_at(states: NamedTuple, at: int) -> Real:
    """Load W mixing states in a kernel; each form of storage overloads this function.

    Parameters
    ----------
    states : MixingStates or packed.kernels.MixingCodes
    at : int
        Position of the first cell.

    Returns
    -------
    real lanes

    Raises
    ------
    NotImplementedError
        Outside of kernels.
    """
    raise NotImplementedError("only kernels read mixing states")


@overload(mixing_at, jit_options=INLINE)
def _load_states(states, at):  # type: ignore[no-untyped-def]  # Numba compares its signature with that of the function returned
    """Load mixing states that are stored as `MixingStates`."""
    if getattr(states, "instance_class", None) is MixingStates:
        return lambda states, at: load(data(states.r), at)
    return None


@njit(**INLINE)
def _four_rows(row: int, rows: int, columns: int) -> tuple[int, int, int, int]:
    """Return where a row and the next three begin; the last row stands for rows beyond it.

    Four rows at a time keep memory busier than one.
    """
    last = rows - 1
    return (
        row * columns,
        min(row + 1, last) * columns,
        min(row + 2, last) * columns,
        min(row + 3, last) * columns,
    )


@njit(**INLINE)
def _mixing_of_four(states: NamedTuple, begins: tuple[int, int, int, int], at: int) -> Four:
    """Load W mixing states of each of four rows."""
    return (
        mixing_at(states, begins[0] + at),
        mixing_at(states, begins[1] + at),
        mixing_at(states, begins[2] + at),
        mixing_at(states, begins[3] + at),
    )


@njit(**INLINE)
def _weigh(u: Float32Array, curves: Any, bandwidth: float, weights: Float32Array, width: int) -> tuple[float, float]:
    """Write the weights of mixing states in currents, then in variances, each ``width`` long; return both offsets."""
    offset, offset_of_variance = 0.0, 0.0
    for k in range(u.size):
        v = np.float64(u[k])
        current, slope, variance, slope_of_variance = linear_in_mixing(v, noise_density(v) * bandwidth, curves)
        offset += current
        offset_of_variance += variance
        weights[k] = slope
        weights[width + k] = slope_of_variance
    for k in range(u.size, width):
        weights[k] = 0.0
        weights[width + k] = 0.0
    return offset, offset_of_variance


@njit(**INLINE)
def _finish(
    sums: Float32Array,
    deviations: Float32Array,
    begin: int,
    offsets: tuple[float, float],
    lines: UInt32Array,
    key: UInt32Array,
    number: int,
    at: int,
    out: Float32Array,
) -> None:
    """Write the currents of W lines from line ``at`` on, with their noise.

    The sums of these lines begin at column ``begin`` of ``sums``: currents in row 0, variances in row 1.
    """
    lo, hi = load(data(lines), at), load(data(lines), lines.shape[1] + at)
    store(data(deviations), 0, normals(lo, hi, PRODUCT, uint32s(number), uint32s(0), key[0], key[1])[0])
    for k in range(W):
        variance = max(offsets[1] + sums[1, begin + k], 0.0)
        out[at + k] = offsets[0] + sums[0, begin + k] + math.sqrt(variance) * deviations[k]


def compile_products(revision: str) -> Products:
    """Return the kernels for one state of the sources, as `kernels.compile_kernels` does.

    Arguments of the kernels:

    - ``first``, ``last``: blocks of lines to compute.
    - ``states``: mixing states, see `mixing_at`.
    - ``rows`` or ``columns``: number of lines.
    - ``u``: voltages of the inputs in V, single precision.
    - ``curves``: an `EnvelopeCoefficients`.
    - ``bandwidth``: of the noise in Hz.
    - ``lines``: low and high halves of the ids of the cells that lines begin with, two rows padded to whole lanes.
    - ``key``, ``number``: seed in two halves, and the number of the product.
    - ``backwards``: if true, blocks are visited from the last to the first; a product that begins where the one
      before it ended finds those cells in the cache.
    - ``out``: currents in A, padded to whole lanes.

    Parameters
    ----------
    revision : str
        Digest of the sources, which becomes part of the cache key.

    Returns
    -------
    Products
    """

    @njit(cache=True, **OPTIONS)
    def row_currents(
        first: int,
        last: int,
        states: NamedTuple,
        rows: int,
        u: Float32Array,
        curves: EnvelopeCoefficients,
        bandwidth: float,
        lines: UInt32Array,
        key: UInt32Array,
        number: int,
        backwards: bool,
        out: Float32Array,
    ) -> None:
        """Compute the currents of rows, in blocks of W rows."""
        in_cache_key(revision)
        columns = u.size
        width = (columns + W - 1) // W * W
        weights, sums, deviations = aligned(2 * width), np.empty((2, max(W, 4)), np.float32), aligned(W)
        offsets = _weigh(u, curves, bandwidth, weights, width)
        x = data(weights)
        for k in range(first, last):
            block = first + last - 1 - k if backwards else k
            for row in range(block * W, min((block + 1) * W, rows), 4):
                begins = _four_rows(row, rows, columns)
                a, b = zeros(), zeros()
                for j in range(0, width, W):
                    r = _mixing_of_four(states, begins, j)
                    a = add_scaled(a, r, load(x, j))
                    b = add_scaled(b, r, load(x, width + j))
                for i in range(4):
                    sums[0, row - block * W + i] = sum_lanes(a[i])
                    sums[1, row - block * W + i] = sum_lanes(b[i])
            _finish(sums, deviations, 0, offsets, lines, key, number, block * W, out)
        keep_alive(weights, deviations)

    @njit(cache=True, **OPTIONS)
    def column_currents(
        first: int,
        last: int,
        states: NamedTuple,
        columns: int,
        u: Float32Array,
        curves: EnvelopeCoefficients,
        bandwidth: float,
        lines: UInt32Array,
        key: UInt32Array,
        number: int,
        backwards: bool,
        out: Float32Array,
    ) -> None:
        """Compute the currents of columns, in strips of `STRIP` * W columns."""
        in_cache_key(revision)
        rows = u.size
        height = (rows + 3) // 4 * 4
        weights, sums, deviations = aligned(2 * height), np.empty((2, STRIP * W), np.float32), aligned(W)
        offsets = _weigh(u, curves, bandwidth, weights, height)
        x, y, second = data(weights), data(sums), STRIP * W
        for k in range(first, last):
            begin = (first + last - 1 - k if backwards else k) * STRIP * W
            width = min(STRIP * W, out.size - begin)
            sums[:] = 0.0
            for row in range(0, rows, 4):
                begins, p, q = _four_rows(row, rows, columns), scalar4(x, row), scalar4(x, height + row)
                for j in range(0, width, W):
                    r = _mixing_of_four(states, begins, begin + j)
                    store(y, j, load(y, j) + r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3] * p[3])
                    i = second + j
                    store(y, i, load(y, i) + r[0] * q[0] + r[1] * q[1] + r[2] * q[2] + r[3] * q[3])
            for j in range(0, width, W):
                _finish(sums, deviations, j, offsets, lines, key, number, begin + j, out)
        keep_alive(weights, sums, deviations)

    return Products(row_currents, column_currents)
