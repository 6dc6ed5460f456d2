"""Compiled loops of the solver for crossbars with wires (`newton` calls them).

Unknowns are deviations of node voltages from the voltage of the line's source. Small drops along wires therefore keep
all their digits. The first axis of an array counts right sides: sets of source voltages that are solved together.

======================  ================================================================================================
symbol                  meaning
======================  ================================================================================================
w, b                    deviations in V on word lines and on bit lines, (sides, rows, columns)
g                       slopes dI/dU of the cells in S, (sides, rows, columns), or (1, rows, columns) if shared
rho_w, rho_b            currents in A missing at the nodes by Kirchhoff's law, (sides, rows, columns)
push                    currents in A into the last nodes of lines, (sides, lines)
t, z                    factors of the chains of a line, see below
x, y                    corrections of b and of w in V, (sides, rows, columns)
r, p, q, s              vectors of conjugate gradients: residual, direction, P p, S p, (sides, rows, columns)
alpha, beta             steps of conjugate gradients, (sides,)
sums, norms             inner products and sums of magnitudes, one for each block of a side
first, last, active     a kernel handles the items first ... last - 1 of those right sides k for which active[k] holds
shared                  whether all right sides share g, t and z
======================  ================================================================================================

Item n of a kernel is block ``n % blocks`` of right side ``n // blocks``. A block is one row, 8 word lines or 64 bit
lines, as the kernel needs it. Sums are kept for each block, so that they do not depend on how threads share the items.

**Lines.** A chain of nodes with shunts g_k, segments of resistance R and injected currents j_k is solved from its far
end to its near end and back, with admittances Y looking outwards:

    Y_k = g_k + t_k Y_k+1,   t_k = 1/(1 + R Y_k+1),   J_k = j_k + t_k J_k+1
    V_0 = z J_0,             V_k+1 = (V_k + R J_k+1) t_k

All terms are positive, so nothing cancels, however small the shunts are, and R = 0 needs no special case.

``segment`` is one R for all segments of a kind, or an array with the R from cell (i, j) to the next one of its line at
[i, j]. Kernels are compiled for either.
"""

# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls
# (Numba infers the types of kernels from their arguments, and its decorators carry none)

from functools import cache

import numpy as np
from numba import njit, types
from numba.extending import overload

from synaptogen.engines.cpu import source_digest
from synaptogen.model import conductance, current, differential_conductance

from .problem import Kernel

EXACT = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
FAST = {**EXACT, "fastmath": {"contract", "reassoc", "nsz"}}  # where sums may take any order
ROWS, COLUMNS = 8, 64  # lines of a block
ROUNDING = 2.0**-51
FLATTEST = 0.1  # smallest slope, as a share of the chord conductance


def _resistance(segment, i, j):
    """Return the resistance in ohm from cell (i, j) to the next one of its line."""
    raise NotImplementedError  # compiled code only


def _is_one_node(segment):
    """Return whether lines are one node each, for want of resistance."""
    raise NotImplementedError  # compiled code only


@overload(_resistance, inline="always")
def _resistance_overload(segment, i, j):
    if isinstance(segment, types.Array):
        return lambda segment, i, j: segment[i, j]
    return lambda segment, i, j: segment


@overload(_is_one_node, inline="always")
def _is_one_node_overload(segment):
    if isinstance(segment, types.Array):
        return lambda segment: False
    return lambda segment: segment == 0.0


@njit(**EXACT)
def evaluate_linear(first, last, active, sources, w, b, g, currents):
    """Evaluate the currents of linear cells, from word lines into bit lines.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    sources
        Source voltages in V of word lines (sides, rows) and of bit lines (sides, columns).
    w, b
        Deviations in V, (sides, rows, columns).
    g
        Conductances in S, (1, rows, columns).
    currents
        Output in A, (sides, rows, columns).
    """
    rows, columns = w.shape[1:]
    word_line, bit_line = sources
    for n in range(first, last):
        k, i = n // rows, n % rows
        if active[k]:
            for j in range(columns):
                currents[k, i, j] = g[0, i, j] * ((word_line[k, i] - bit_line[k, j]) + (w[k, i, j] - b[k, i, j]))


@cache
def evaluate_cells() -> Kernel:
    """Return the kernel that evaluates cells of the model.

    Its cache key contains a digest of the model's source, so that a change of the model compiles it anew.
    """
    return _evaluate_cells(source_digest("cpu"))


def _evaluate_cells(revision: str) -> Kernel:
    @njit(**EXACT)
    def evaluate(first, last, active, sources, w, b, r, sign, p, currents, slopes):
        """Evaluate currents from word lines into bit lines, and their slopes.

        ``sign`` is +1 if a positive cell voltage lies on the word line, -1 if it lies on the bit line. ``r`` are the
        mixing states (rows, columns), ``p`` the constants of the model.
        """
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        rows, columns = w.shape[1:]
        word_line, bit_line = sources
        for n in range(first, last):
            k, i = n // rows, n % rows
            if active[k]:
                for j in range(columns):
                    u = sign * ((word_line[k, i] - bit_line[k, j]) + (w[k, i, j] - b[k, i, j]))
                    currents[k, i, j] = sign * current(r[i, j], u, p)
                    # a lower slope (negative differential resistance) would make the matrices indefinite
                    slopes[k, i, j] = max(
                        differential_conductance(r[i, j], u, p), FLATTEST * conductance(r[i, j], u, p)
                    )

    return evaluate


@njit(**EXACT)
def _node_residual(v, below, above, near, far, at_near, at_far, to_below, to_above):
    """Return the current in A that flows into a node along its line, with resistances to its neighbours in ohm."""
    flow = 0.0
    flow += -v / near if at_near else (below - v) / to_below
    flow += -v / far if at_far else (above - v) / to_above
    return flow


@njit(**EXACT)
def _less_rounding(missing, v, below, above, resistance):
    """Return the current missing at a node, less what the rounding of the node voltages accounts for.

    ``resistance`` in ohm is the lower one of those to its neighbours.

    Rounding only moves current from node to node and hardly changes a cell's current. The current that a whole line
    misses is summed separately, to the last digit.
    """
    return max(abs(missing) - ROUNDING * (abs(v) + abs(below) + abs(above)) / resistance, 0.0)


@njit(**EXACT)
def residual_rows(first, last, active, chains, push, w, currents, out, norms):
    """Evaluate Kirchhoff's law at the nodes of word lines: current that flows in and not out.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    chains
        Fields of `Chains`: segment, first and last resistance in ohm.
    push
        Currents in A into the last nodes, (sides, rows).
    w, currents
        Deviations in V and cell currents in A, (sides, rows, columns).
    out
        Output: missing currents rho_w in A, (sides, rows, columns).
    norms
        Output: sums of their magnitudes, (sides, rows).
    """
    segment, near, far = chains
    rows, columns = w.shape[1:]
    for n in range(first, last):
        k, i = n // rows, n % rows
        if not active[k]:
            continue
        v, c, o = w[k, i], currents[k, i], out[k, i]
        total, line = 0.0, push[k, i]
        for j in range(columns):
            line -= c[j]
            o[j] = 0.0
        if near[i] == 0.0:  # held
            line = 0.0
        else:
            line -= v[0] / near[i] + v[columns - 1] / far[i]
        if _is_one_node(segment):
            o[0] = line
        else:
            for j in range(columns):
                # at the ends of a line both are the one segment that is there
                to_below = _resistance(segment, i, max(j - 1, 0))
                to_above = _resistance(segment, i, min(j, columns - 2))
                o[j] = (
                    _node_residual(
                        v[j],
                        v[max(j - 1, 0)],
                        v[min(j + 1, columns - 1)],
                        near[i],
                        far[i],
                        j == 0,
                        j == columns - 1,
                        to_below,
                        to_above,
                    )
                    - c[j]
                )
                if j == columns - 1:
                    o[j] += push[k, i]
                total += _less_rounding(
                    o[j], v[j], v[max(j - 1, 0)], v[min(j + 1, columns - 1)], min(to_below, to_above)
                )
        norms[k, i] = total + abs(line)


@njit(**EXACT)
def residual_columns(first, last, active, chains, push, b, currents, out, norms):
    """Evaluate Kirchhoff's law at the nodes of bit lines: current that flows in and not out.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    chains
        Fields of `Chains`: segment, first and last resistance in ohm.
    push
        Currents in A into the last nodes, (sides, columns).
    b, currents
        Deviations in V and cell currents in A, (sides, rows, columns).
    out
        Output: missing currents rho_b in A, (sides, rows, columns).
    norms
        Output: sums of their magnitudes, (sides, blocks).
    """
    segment, near, far = chains
    rows, columns = b.shape[1:]
    blocks = -(-columns // COLUMNS)
    for n in range(first, last):
        k, begin = n // blocks, n % blocks * COLUMNS
        end = min(begin + COLUMNS, columns)
        if not active[k]:
            continue
        v, c, o = b[k], currents[k], out[k]
        total, line = np.zeros(end - begin), push[k, begin:end].copy()
        for i in range(rows):
            below, above = max(i - 1, 0), min(i + 1, rows - 1)
            for j in range(begin, end):
                line[j - begin] += c[i, j]
                if _is_one_node(segment):
                    o[i, j] = 0.0
                else:
                    to_below = _resistance(segment, max(i - 1, 0), j)
                    to_above = _resistance(segment, min(i, rows - 2), j)
                    o[i, j] = c[i, j] + _node_residual(
                        v[i, j], v[below, j], v[above, j], near[j], far[j], i == 0, i == rows - 1, to_below, to_above
                    )
                    if i == rows - 1:
                        o[i, j] += push[k, j]
                    least = min(to_below, to_above)
                    total[j - begin] += _less_rounding(o[i, j], v[i, j], v[below, j], v[above, j], least)
        for j in range(begin, end):
            if near[j] == 0.0:  # held
                line[j - begin] = 0.0
            else:
                line[j - begin] -= v[0, j] / near[j] + v[rows - 1, j] / far[j]
            if _is_one_node(segment):
                o[0, j] = line[j - begin]
            total[j - begin] += abs(line[j - begin])
        norms[k, n % blocks] = total.sum()


@njit(**EXACT)
def _entrance(near, admittance):
    """Return z in ohm: the voltage of the first node for a current J_0 of 1 A."""
    return 1.0 / admittance if near == np.inf else near / (1.0 + near * admittance)


@njit(**EXACT)
def factor_rows(first, last, active, chains, g, t, z):
    """Factor the chains of word lines.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    chains
        Fields of `Chains`: segment, first and last resistance in ohm.
    g
        Slopes in S, (sides, rows, columns).
    t
        Output of shape (sides, blocks, columns, 8): 8 lines beside each other.
    z
        Output in ohm, (sides, rows).
    """
    segment, near, far = chains
    rows, columns = g.shape[1:]
    blocks = t.shape[1]
    y = np.zeros(ROWS)
    for n in range(first, last):
        k, block = n // blocks, n % blocks
        if not active[k]:
            continue
        lanes = min(ROWS, rows - block * ROWS)
        for lane in range(lanes):
            y[lane] = 1.0 / far[block * ROWS + lane]
        for j in range(columns - 1, -1, -1):
            for lane in range(lanes):
                if j < columns - 1:
                    t[k, block, j, lane] = 1.0 / (1.0 + _resistance(segment, block * ROWS + lane, j) * y[lane])
                    y[lane] *= t[k, block, j, lane]
                y[lane] += g[k, block * ROWS + lane, j]
        for lane in range(lanes):
            z[k, block * ROWS + lane] = _entrance(near[block * ROWS + lane], y[lane])


@njit(**EXACT)
def factor_columns(first, last, active, chains, g, t, z):
    """Factor the chains of bit lines.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    chains
        Fields of `Chains`: segment, first and last resistance in ohm.
    g
        Slopes in S, (sides, rows, columns).
    t
        Output of shape (sides, rows, columns).
    z
        Output in ohm, (sides, columns).
    """
    segment, near, far = chains
    rows, columns = g.shape[1:]
    blocks = -(-columns // COLUMNS)
    y = np.zeros(COLUMNS)
    for n in range(first, last):
        k, begin = n // blocks, n % blocks * COLUMNS
        end = min(begin + COLUMNS, columns)
        if not active[k]:
            continue
        for j in range(begin, end):
            y[j - begin] = g[k, rows - 1, j] + 1.0 / far[j]
        for i in range(rows - 2, -1, -1):
            for j in range(begin, end):
                t[k, i, j] = 1.0 / (1.0 + _resistance(segment, i, j) * y[j - begin])
                y[j - begin] = g[k, i, j] + t[k, i, j] * y[j - begin]
        for j in range(begin, end):
            z[k, j] = _entrance(near[j], y[j - begin])


@njit(**FAST)
def _solve_lanes(v, t, z, segment, begin, rows):
    """Solve the chains of 8 word lines from ``begin`` on in place: injected currents (columns, 8) become voltages."""
    columns = len(v)
    for j in range(columns - 2, -1, -1):
        for lane in range(ROWS):
            v[j, lane] += t[j, lane] * v[j + 1, lane]
    for lane in range(ROWS):
        v[0, lane] *= z[lane]
    for j in range(columns - 1):
        for lane in range(ROWS):
            v[j + 1, lane] = (v[j, lane] + _resistance(segment, min(begin + lane, rows - 1), j) * v[j + 1, lane]) * t[
                j, lane
            ]


@njit(**FAST)
def eliminate(first, last, active, segment, g, t, z, shared, rho, f):
    """Add the word lines' part to the right side of the bit lines' system: f += g A^-1 rho.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    segment, g, t, z, shared
        Word lines and their factors, see `factor_rows`.
    rho, f
        Missing currents in A on word lines; right side on bit lines, changed in place.
    """
    rows, columns = f.shape[1:]
    blocks = t.shape[1]
    v, entry = np.zeros((columns, ROWS)), np.zeros(ROWS)
    for n in range(first, last):
        k, block = n // blocks, n % blocks
        if not active[k]:
            continue
        m, begin = 0 if shared else k, block * ROWS
        lanes = min(ROWS, rows - begin)
        v[:] = 0.0
        for lane in range(lanes):
            entry[lane] = z[m, begin + lane]
            for j in range(columns):
                v[j, lane] = rho[k, begin + lane, j]
        _solve_lanes(v, t[m, block], entry, segment, begin, rows)
        for lane in range(lanes):
            for j in range(columns):
                f[k, begin + lane, j] += g[m, begin + lane, j] * v[j, lane]


@njit(**FAST)
def back_substitute(first, last, active, segment, g, t, z, shared, rho, x, out):
    """Correct the word lines: out = A^-1 (rho + g x).

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    segment, g, t, z, shared
        Word lines and their factors, see `factor_rows`.
    rho, x
        Missing currents in A on word lines; correction in V of bit lines.
    out
        Output in V, (sides, rows, columns).
    """
    rows, columns = x.shape[1:]
    blocks = t.shape[1]
    v, entry = np.zeros((columns, ROWS)), np.zeros(ROWS)
    for n in range(first, last):
        k, block = n // blocks, n % blocks
        if not active[k]:
            continue
        m, begin = 0 if shared else k, block * ROWS
        lanes = min(ROWS, rows - begin)
        v[:] = 0.0
        for lane in range(lanes):
            i = begin + lane
            entry[lane] = z[m, i]
            for j in range(columns):
                v[j, lane] = rho[k, i, j] + g[m, i, j] * x[k, i, j]
        _solve_lanes(v, t[m, block], entry, segment, begin, rows)
        for lane in range(lanes):
            for j in range(columns):
                out[k, begin + lane, j] = v[j, lane]


@njit(**FAST)
def direction(first, last, active, segment, g, t, z, shared, y, r, p, q, s, beta, sums):
    """Set the next direction of conjugate gradients, p = y + beta p, and s = S p = P p - g A^-1 g p.

    P p need not be computed: q = P p = r + beta q is carried along.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    segment, g, t, z, shared
        Word lines and their factors, see `factor_rows`.
    y, r
        Preconditioned residual and residual.
    p, q, s
        Vectors, changed in place.
    beta
        Steps, (sides,).
    sums
        Output: <p, s> for each block, (sides, blocks).
    """
    rows, columns = p.shape[1:]
    blocks = t.shape[1]
    v, entry = np.zeros((columns, ROWS)), np.zeros(ROWS)
    for n in range(first, last):
        k, block = n // blocks, n % blocks
        if not active[k]:
            continue
        m, begin, step = 0 if shared else k, block * ROWS, beta[k]
        lanes = min(ROWS, rows - begin)
        v[:] = 0.0
        for lane in range(lanes):
            i = begin + lane
            entry[lane] = z[m, i]
            for j in range(columns):
                p[k, i, j] = y[k, i, j] + step * p[k, i, j]
                q[k, i, j] = r[k, i, j] + step * q[k, i, j]
                v[j, lane] = g[m, i, j] * p[k, i, j]
        _solve_lanes(v, t[m, block], entry, segment, begin, rows)
        total = 0.0
        for lane in range(lanes):
            i = begin + lane
            for j in range(columns):
                s[k, i, j] = q[k, i, j] - g[m, i, j] * v[j, lane]
                total += p[k, i, j] * s[k, i, j]
        sums[k, block] = total


@njit(**FAST)
def descend(first, last, active, segment, t, z, shared, x, p, r, s, y, alpha, sums, norms):
    """Take a step along p: x += alpha p, r -= alpha s; then compute y = P^-1 r, <r, y> and the sum of |r|.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    segment, t, z, shared
        Bit lines and their factors, see `factor_columns`.
    x, r, y
        Vectors, changed in place.
    p, s
        Direction, and S p.
    alpha
        Steps, (sides,).
    sums, norms
        Outputs: <r, y> and the sum of |r| for each block, (sides, blocks).
    """
    rows, columns = x.shape[1:]
    blocks = -(-columns // COLUMNS)
    for n in range(first, last):
        k, begin = n // blocks, n % blocks * COLUMNS
        end = min(begin + COLUMNS, columns)
        if not active[k]:
            continue
        m, step = 0 if shared else k, alpha[k]
        products, sizes = np.zeros(end - begin), np.zeros(end - begin)
        for i in range(rows - 1, -1, -1):
            for j in range(begin, end):
                x[k, i, j] += step * p[k, i, j]
                r[k, i, j] -= step * s[k, i, j]
                y[k, i, j] = r[k, i, j]
                sizes[j - begin] += abs(r[k, i, j])
            if i < rows - 1:
                for j in range(begin, end):
                    y[k, i, j] += t[m, i, j] * y[k, i + 1, j]
        for j in range(begin, end):
            y[k, 0, j] *= z[m, j]
            products[j - begin] = r[k, 0, j] * y[k, 0, j]
        for i in range(rows - 1):
            for j in range(begin, end):
                y[k, i + 1, j] = (y[k, i, j] + _resistance(segment, i, j) * y[k, i + 1, j]) * t[m, i, j]
                products[j - begin] += r[k, i + 1, j] * y[k, i + 1, j]
        sums[k, n % blocks], norms[k, n % blocks] = products.sum(), sizes.sum()


@njit(**EXACT)
def advance(first, last, active, step, dw, db, w, b):
    """Move node voltages on by ``step`` times their corrections.

    Parameters
    ----------
    first, last, active
        Items, and the right sides to work on (head of this file).
    step
        Factors, (sides,).
    dw, db
        Corrections in V, (sides, rows, columns).
    w, b
        Deviations in V, changed in place.
    """
    rows = w.shape[1]
    for n in range(first, last):
        k, i = n // rows, n % rows
        if active[k]:
            w[k, i] += step[k] * dw[k, i]
            b[k, i] += step[k] * db[k, i]


@njit(**EXACT)
def lay_out(first, last, sign, sources, state, solution):
    """Compute the voltages of nodes and cells, and the currents, of rows ``first`` to ``last - 1``.

    Parameters
    ----------
    first, last
        Rows to work on, for all right sides.
    sign
        +1 or -1: direction of cell voltages, see `evaluate_cells`.
    sources
        Source voltages in V of word lines (sides, rows) and of bit lines (sides, columns).
    state
        Deviations w and b in V, and currents in A, (sides, rows, columns) with any memory layout.
    solution
        Outputs: fields of `Solution`, (sides, rows, columns).
    """
    word_line, bit_line = sources
    w, b, currents = state
    rows, columns, cells, flows = solution
    for i in range(first, last):
        for begin in range(0, w.shape[2], COLUMNS):  # right sides may lie beside each other
            for k in range(len(word_line)):
                source = word_line[k, i]
                for j in range(begin, min(begin + COLUMNS, w.shape[2])):
                    x, y = w[k, i, j], b[k, i, j]
                    rows[k, i, j] = source + x
                    columns[k, i, j] = bit_line[k, j] + y
                    cells[k, i, j] = sign * ((source - bit_line[k, j]) + (x - y))
                    flows[k, i, j] = sign * currents[k, i, j]
