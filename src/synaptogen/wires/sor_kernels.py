"""Compiled loops of successive over-relaxation (SOR) for many right sides; `many_rhs` calls them.

A sweep goes over the rows of a crossbar for eight right sides at once, in the lanes of a vector. All right sides share
one matrix g of slopes, so that lines are factored once (`kernels` explains how chains are solved). A sweep is one step
of block Gauss-Seidel with over-relaxation of the bit lines. With D the source voltages of word lines less those of bit
lines, and i = I(D + w - b) at the present w and b,

    (T_b + g) b' = g b + i,       b <- b + omega (b' - b)
    (T_w + g) w' = g w - i,       w <- w',   i <- i + g (w' - w)

The fixed point is Kirchhoff's law with the cells' own I-V curves, whatever g is. One sweep is one pass over memory, row
by row in one direction: it completes the solution of the bit lines that the previous sweep began, solves the word line
of the row while it is in the first-level cache, and begins the next solution of the bit lines, in J. The next sweep
comes back in the other direction. Linear cells need w only in the last sweep.

======================  ================================================================================================
symbol                  meaning (arrays over lanes have a last axis of 8 right sides)
======================  ================================================================================================
lines = (J, w, b)       right side of the bit lines in A; deviations in V on word and bit lines, (rows, columns, 8)
sources                 voltages in V of word lines (rows, 8) and bit lines (columns, 8), then currents in A into their
                        last nodes, in the same shapes
g                       slopes dI/dU in S that all lanes share, (rows, columns)
word_lines              t (rows, columns), z (rows,) and segment in ohm of word lines
bit_lines               t (rows, columns), z (columns,) and segment in ohm of bit lines, as the sweep meets them
arriving, leaving       t of bit lines seen from the row that the sweep comes from, and from the row that it goes to
omega                   factor of over-relaxation
cells                   (g,) for linear cells, (r, sign, constants) for cells of the model; compiled for either
row_buffer = (v, c)     b' and the chain of the word line, for one row, (columns, 8)
before                  row of the previous step of the sweep
======================  ================================================================================================
"""

# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls
# (Numba infers the types of kernels from their arguments, and its decorators carry none)

from functools import cache
from typing import NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

from synaptogen.engines.cpu import DOUBLE, INLINE, OPTIONS, PART, data, doubles, load, scalar, source_digest, store
from synaptogen.model import absolute, conductance, current, differential_conductance, maximum

from .kernels import FLATTEST, ROUNDING
from .problem import Kernel

LANES = DOUBLE.n
INLINED: dict[str, dict[str, bool]] = {"jit_options": {"forceinline": True}}


class SweepKernels(NamedTuple):
    """The compiled loops; their arguments are those of the functions of the same names in `_kernels`."""

    sweep: Kernel
    check: Kernel
    slopes: Kernel


def _is_linear(cells):
    """Return whether cells are linear; known at compile time."""
    raise NotImplementedError  # compiled code only


def _cell_current(cells, k, u):
    """Return the current in A from the word line of cell ``k`` into its bit line, for ``u`` in V between them."""
    raise NotImplementedError  # compiled code only


def _operating_point(cells, w, at):
    """Return the w in V at which currents are evaluated: the present one, or 0 for linear cells, where any will do."""
    raise NotImplementedError  # compiled code only


def _type_is_linear(cells):
    return isinstance(cells, types.BaseTuple) and len(cells) == 1


@overload(_is_linear, **INLINED)
def _is_linear_overload(cells):
    def yes(cells):
        return True

    def no(cells):
        return False

    return yes if _type_is_linear(cells) else no


@overload(_cell_current, **INLINED)
def _cell_current_overload(cells, k, u):
    def ohmic(cells, k, u):
        return scalar(data(cells[0]), k) * u

    def modelled(cells, k, u):
        return cells[1] * current(scalar(data(cells[0]), k), cells[1] * u, cells[2])

    return ohmic if _type_is_linear(cells) else modelled


@overload(_operating_point, **INLINED)
def _operating_point_overload(cells, w, at):
    def anywhere(cells, w, at):
        return doubles(0.0)

    def here(cells, w, at):
        return load(w, at)

    return anywhere if _type_is_linear(cells) else here


@njit(**INLINE)
def _enter_row(row, before, first, bit_lines, omega, t_w, g, cells, sources, lines, v, c):
    """Enter a row: complete its b, set J to its cells' currents, and c to the word line's chain from its far end."""
    (J, w, b), (arriving, z, segment), (word_line, bit_line, word_push, bit_push) = lines, bit_lines, sources
    columns, end = len(t_w), row == len(word_line) - 1
    row_voltage, chain = load(data(word_line), row * LANES), load(data(word_push), row * LANES)
    for j in range(columns - 1, -1, -1):
        k, at = row * columns + j, (row * columns + j) * LANES
        if first:
            x = scalar(data(z), j) * load(data(J), at)
        else:
            x = scalar(data(arriving), before * columns + j) * (load(data(v), j * LANES) + segment * load(data(J), at))
        store(data(v), j * LANES, x)
        old = load(data(b), at)
        x = old + omega * (x - old)
        store(data(b), at, x)
        own, slope = _operating_point(cells, data(w), at), scalar(data(g), k)
        i = _cell_current(cells, k, (row_voltage - load(data(bit_line), j * LANES)) + (own - x))
        y = slope * x + i
        store(data(J), at, y + load(data(bit_push), j * LANES) if end else y)
        chain = (slope * own - i) + (scalar(data(t_w), j) if j < columns - 1 else 1.0) * chain
        store(data(c), j * LANES, chain)


@njit(**INLINE)
def _leave_row(row, before, first, last, leaving, t_w, z_w, segment, g, cells, lines, c):
    """Leave a row: move its word line, and begin the next solution of the bit lines with the new cell currents."""
    J, w, _ = lines
    columns = len(t_w)
    x = z_w * load(data(c), 0)
    for j in range(columns):
        k, at = row * columns + j, (row * columns + j) * LANES
        if j:
            share = scalar(data(t_w), j - 1)
            x = share * x + (share * segment) * load(data(c), j * LANES)
        step = x - _operating_point(cells, data(w), at)
        if last or not _is_linear(cells):
            store(data(w), at, x)
        y = load(data(J), at) + scalar(data(g), k) * step
        if not first:
            y = y + scalar(data(leaving), k) * load(data(J), (before * columns + j) * LANES)
        store(data(J), at, y)


@njit(**INLINE)
def _missing_at(v, below, above, to_below, to_above, injected, per_ohm):
    """Return the current in A missing at a node of a line, less what the rounding of the node voltages accounts for."""
    missing = to_below * (below - v) + to_above * (above - v) + injected
    rounding = (ROUNDING * per_ohm) * (absolute(v) + absolute(below) + absolute(above))
    return maximum(absolute(missing) - rounding, doubles(0.0))


@njit(**PART)
def _missing_in_row(i, chains, push, w, c, columns):
    """Return in A the sum of what is missing at the nodes of a word line, and the magnitude of its cells' total."""
    segment, near, far = chains
    total, flow = doubles(0.0), doubles(0.0)
    per_ohm, ground = 0.0 if segment == 0.0 else 1.0 / segment, doubles(0.0)
    for j in range(columns):
        at = (i * columns + j) * LANES
        flow = flow + load(c, at)
        if segment != 0.0:
            below = load(w, at - LANES) if j else ground
            above = load(w, at + LANES) if j < columns - 1 else ground
            ends = per_ohm if j else 1.0 / near[i], per_ohm if j < columns - 1 else 1.0 / far[i]
            injected = load(push, i * LANES) - load(c, at) if j == columns - 1 else -load(c, at)
            total = total + _missing_at(load(w, at), below, above, ends[0], ends[1], injected, per_ohm)
    if near[i] != 0.0:  # what the whole line misses
        first, last = load(w, i * columns * LANES), load(w, (i * columns + columns - 1) * LANES)
        total = total + absolute(flow + ((1.0 / near[i]) * first + (1.0 / far[i]) * last) - load(push, i * LANES))
    return total, absolute(flow)


@njit(**PART)
def _missing_on_bit_lines(i, chains, push, b, c, flows, rows, columns):
    """Return in A the sum of what is missing at the bit-line nodes of a row; add its cell currents to ``flows``."""
    segment, near, far = chains
    total, stride = doubles(0.0), columns * LANES
    per_ohm, ground = 0.0 if segment == 0.0 else 1.0 / segment, doubles(0.0)
    for j in range(columns):
        at = (i * columns + j) * LANES
        store(flows, j * LANES, load(flows, j * LANES) + load(c, at))
        if segment != 0.0:
            below = load(b, at - stride) if i else ground
            above = load(b, at + stride) if i < rows - 1 else ground
            ends = per_ohm if i else 1.0 / near[j], per_ohm if i < rows - 1 else 1.0 / far[j]
            injected = load(c, at) + load(push, j * LANES) if i == rows - 1 else load(c, at)
            total = total + _missing_at(load(b, at), below, above, ends[0], ends[1], injected, per_ohm)
    return total


@cache
def kernels() -> SweepKernels:
    """Return the kernels.

    Their cache keys contain a digest of the model's source, so that a change of the model compiles them anew.
    """
    return _kernels(source_digest("cpu"))


def _kernels(revision: str) -> SweepKernels:
    cached = {**OPTIONS, "cache": True}

    @njit(**cached)
    def sweep(down, last, omega, g, word_lines, bit_lines, leaving, cells, sources, lines, row_buffer):
        """Sweep once over the rows, in one direction; with ``last``, store w of linear cells too."""
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        rows, (t, z, segment), (v, c) = len(g), word_lines, row_buffer
        for step in range(rows):
            row = step if down else rows - 1 - step
            before = max(row - 1, 0) if down else min(row + 1, rows - 1)
            _enter_row(row, before, step == 0, bit_lines, omega, t[row], g, cells, sources, lines, v, c)
            _leave_row(row, before, step == 0, last, leaving, t[row], z[row], segment, g, cells, lines, c)

    @njit(**cached)
    def check(word_lines, bit_lines, cells, sources, lines, missing, largest):
        """Set J to the currents of all cells, and sum what Kirchhoff's law misses.

        ``word_lines`` and ``bit_lines`` are here the fields of `Chains`. Outputs (8,) in A, one for each lane:
        ``missing`` is the sum over all nodes, ``largest`` the largest current of a line.
        """
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        (J, w, b), (word_line, bit_line, word_push, bit_push) = lines, sources
        rows, columns, _ = J.shape
        total, most, flows = doubles(0.0), doubles(0.0), np.zeros(columns * LANES)
        for i in range(rows):
            for j in range(columns):
                at = (i * columns + j) * LANES
                u = (load(data(word_line), i * LANES) - load(data(bit_line), j * LANES)) + (
                    load(data(w), at) - load(data(b), at)
                )
                store(data(J), at, _cell_current(cells, i * columns + j, u))
            on_row, flow = _missing_in_row(i, word_lines, data(word_push), data(w), data(J), columns)
            on_bit_lines = _missing_on_bit_lines(
                i, bit_lines, data(bit_push), data(b), data(J), data(flows), rows, columns
            )
            total, most = total + (on_row + on_bit_lines), maximum(most, flow)
        _, near, far = bit_lines
        for j in range(columns):
            flow = load(data(flows), j * LANES)
            most = maximum(most, absolute(flow))
            if near[j] != 0.0:
                first, last = load(data(b), j * LANES), load(data(b), ((rows - 1) * columns + j) * LANES)
                pushed = flow + load(data(bit_push), j * LANES)
                total = total + absolute(pushed - ((1.0 / near[j]) * first + (1.0 / far[j]) * last))
        store(data(missing), 0, total)
        store(data(largest), 0, most)

    @njit(**cached)
    def slopes(cells, sources, lines, g):
        """Set g to one slope for each cell, midway between the lowest and the highest of its lanes.

        So the slope of no lane is more than twice it, as convergence demands.
        """
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        (_, w, b), (word_line, bit_line, _, _) = lines, sources
        rows, columns, _ = w.shape
        r, sign, p = cells
        own = np.zeros(LANES)
        for k in range(rows * columns):
            i, j, at = k // columns, k % columns, k * LANES
            u = sign * (
                (load(data(word_line), i * LANES) - load(data(bit_line), j * LANES))
                + (load(data(w), at) - load(data(b), at))
            )
            mixing = scalar(data(r), k)
            slope = maximum(differential_conductance(mixing, u, p), FLATTEST * conductance(mixing, u, p))
            store(data(own), 0, slope)
            low, high = own[0], own[0]
            for lane in range(1, LANES):
                low, high = min(low, own[lane]), max(high, own[lane])
            g[i, j] = (low + high) / 2

    return SweepKernels(sweep, check, slopes)
