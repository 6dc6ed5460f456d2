"""Compiled loops of the solver for crossbars with wires.

Unknowns are deviations of node voltages from the voltage of the line's source: ``w`` on word lines, ``b`` on bit lines,
arrays of shape (sides, rows, columns), one entry a right side. So small drops along wires keep all their digits.

Item n of a kernel is block ``n % blocks`` (8 word lines, or 64 bit lines) of right side ``n // blocks``; sums are kept
a block, so that they do not depend on how threads share the items.

**Lines.** A chain of nodes with shunts g_k, segments r and injected currents j_k is solved from its far end to its near
end and back, as admittances looking outwards:

    Y_k = g_k + t_k Y_k+1,   t_k = 1/(1 + r Y_k+1),   J_k = j_k + t_k J_k+1
    V_0 = z J_0,             V_k+1 = (V_k + r J_k+1) t_k

All terms are positive: nothing cancels, however small the shunts are, and r = 0 needs no special case.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import njit

from synaptogen.engines.cpu import source_digest
from synaptogen.model import conductance, current, differential_conductance

EXACT = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
FAST = {**EXACT, "fastmath": {"contract", "reassoc", "nsz"}}  # where sums may take any order
ROWS, COLUMNS = 8, 64  # lines of a block
ROUNDING = 2.0**-51
FLATTEST = 0.1  # a slope is taken as at least this share of its chord conductance


@njit(**EXACT)
def evaluate_linear(first, last, active, drops, w, b, g, currents):  # type: ignore[no-untyped-def]
    """Currents from word lines into bit lines, of cells with conductances ``g`` (1, rows, columns)."""
    rows, columns = w.shape[1:]
    word, bit = drops
    for n in range(first, last):
        k, i = n // rows, n % rows
        if active[k]:
            for j in range(columns):
                currents[k, i, j] = g[0, i, j] * ((word[k, i] - bit[k, j]) + (w[k, i, j] - b[k, i, j]))


@cache
def evaluate_cells() -> Any:
    """The kernel that evaluates cells; made for the sources of the model as they are."""
    return _evaluate_cells(source_digest("cpu"))


def _evaluate_cells(revision: str) -> Any:
    @njit(**EXACT)
    def evaluate(first, last, active, drops, w, b, r, sign, p, currents, slopes):  # type: ignore[no-untyped-def]
        """Currents from word lines into bit lines, and their slopes; ``sign``: +1 if cells face the word lines."""
        revision  # noqa: B018
        rows, columns = w.shape[1:]
        word, bit = drops
        for n in range(first, last):
            k, i = n // rows, n % rows
            if active[k]:
                for j in range(columns):
                    u = sign * ((word[k, i] - bit[k, j]) + (w[k, i, j] - b[k, i, j]))
                    currents[k, i, j] = sign * current(r[i, j], u, p)
                    # with a lower slope, of a negative differential resistance, matrices were not definite
                    slopes[k, i, j] = max(
                        differential_conductance(r[i, j], u, p), FLATTEST * conductance(r[i, j], u, p)
                    )

    return evaluate


@njit(**EXACT)
def node_residual(v, below, above, near, far, at_near, at_far, segment):  # type: ignore[no-untyped-def]
    """Current that flows into a node along its line."""
    flow = 0.0
    flow += -v / near if at_near else (below - v) / segment
    flow += -v / far if at_far else (above - v) / segment
    return flow


@njit(**EXACT)
def counted(missing, v, below, above, segment):  # type: ignore[no-untyped-def]
    """What is missing at a node beyond the rounding of the node voltages, which hardly changes a cell's current.

    Rounding moves current from node to node. What a whole line misses is counted beside, to the last digit.
    """
    return max(abs(missing) - ROUNDING * (abs(v) + abs(below) + abs(above)) / segment, 0.0)


@njit(**EXACT)
def residual_rows(first, last, active, chains, push, w, currents, out, norms):  # type: ignore[no-untyped-def]
    """Kirchhoff's law at the nodes of word lines: what flows in and not out; ``push`` flows into the last ones."""
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
        if segment == 0.0:  # one node
            o[0] = line
        else:
            for j in range(columns):
                o[j] = (
                    node_residual(
                        v[j],
                        v[max(j - 1, 0)],
                        v[min(j + 1, columns - 1)],
                        near[i],
                        far[i],
                        j == 0,
                        j == columns - 1,
                        segment,
                    )
                    - c[j]
                )
                if j == columns - 1:
                    o[j] += push[k, i]
                total += counted(o[j], v[j], v[max(j - 1, 0)], v[min(j + 1, columns - 1)], segment)
        norms[k, i] = total + abs(line)


@njit(**EXACT)
def residual_columns(first, last, active, chains, push, b, currents, out, norms):  # type: ignore[no-untyped-def]
    """The same on bit lines."""
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
                if segment == 0.0:
                    o[i, j] = 0.0
                else:
                    o[i, j] = c[i, j] + node_residual(
                        v[i, j], v[below, j], v[above, j], near[j], far[j], i == 0, i == rows - 1, segment
                    )
                    if i == rows - 1:
                        o[i, j] += push[k, j]
                    total[j - begin] += counted(o[i, j], v[i, j], v[below, j], v[above, j], segment)
        for j in range(begin, end):
            if near[j] == 0.0:  # held
                line[j - begin] = 0.0
            else:
                line[j - begin] -= v[0, j] / near[j] + v[rows - 1, j] / far[j]
            if segment == 0.0:
                o[0, j] = line[j - begin]
            total[j - begin] += abs(line[j - begin])
        norms[k, n % blocks] = total.sum()


@njit(**EXACT)
def entrance(near, admittance):  # type: ignore[no-untyped-def]
    """z: voltage of the first node for a unit of current J_0."""
    return 1.0 / admittance if near == np.inf else near / (1.0 + near * admittance)


@njit(**EXACT)
def factor_rows(first, last, active, chains, g, t, z):  # type: ignore[no-untyped-def]
    """t and z of word lines; lanes of 8 lines beside each other: t of shape (sides, blocks, columns, 8)."""
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
                    t[k, block, j, lane] = 1.0 / (1.0 + segment * y[lane])
                    y[lane] *= t[k, block, j, lane]
                y[lane] += g[k, block * ROWS + lane, j]
        for lane in range(lanes):
            z[k, block * ROWS + lane] = entrance(near[block * ROWS + lane], y[lane])


@njit(**EXACT)
def factor_columns(first, last, active, chains, g, t, z):  # type: ignore[no-untyped-def]
    """t and z of bit lines; t of shape (sides, rows, columns)."""
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
                t[k, i, j] = 1.0 / (1.0 + segment * y[j - begin])
                y[j - begin] = g[k, i, j] + t[k, i, j] * y[j - begin]
        for j in range(begin, end):
            z[k, j] = entrance(near[j], y[j - begin])


@njit(**FAST)
def solve_lanes(v, t, z, segment):  # type: ignore[no-untyped-def]
    """Chains of 8 word lines, in place: injected currents (columns, 8) become voltages."""
    columns = len(v)
    for j in range(columns - 2, -1, -1):
        for lane in range(ROWS):
            v[j, lane] += t[j, lane] * v[j + 1, lane]
    for lane in range(ROWS):
        v[0, lane] *= z[lane]
    for j in range(columns - 1):
        for lane in range(ROWS):
            v[j + 1, lane] = (v[j, lane] + segment * v[j + 1, lane]) * t[j, lane]


@njit(**FAST)
def eliminate(first, last, active, segment, g, t, z, shared, rho, f):  # type: ignore[no-untyped-def]
    """Right side of the bit lines' own system: f += g A^-1 rho."""
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
        solve_lanes(v, t[m, block], entry, segment)
        for lane in range(lanes):
            for j in range(columns):
                f[k, begin + lane, j] += g[m, begin + lane, j] * v[j, lane]


@njit(**FAST)
def back_substitute(first, last, active, segment, g, t, z, shared, rho, x, out):  # type: ignore[no-untyped-def]
    """Correction of word lines: out = A^-1 (rho + g x)."""
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
        solve_lanes(v, t[m, block], entry, segment)
        for lane in range(lanes):
            for j in range(columns):
                out[k, begin + lane, j] = v[j, lane]


@njit(**FAST)
def direction(first, last, active, segment, g, t, z, shared, y, r, p, q, s, beta, sums):  # type: ignore[no-untyped-def]
    """Next direction of CG, p = y + beta p, and s = S p = P p - g A^-1 g p, with q = P p = r + beta q carried along."""
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
        solve_lanes(v, t[m, block], entry, segment)
        total = 0.0
        for lane in range(lanes):
            i = begin + lane
            for j in range(columns):
                s[k, i, j] = q[k, i, j] - g[m, i, j] * v[j, lane]
                total += p[k, i, j] * s[k, i, j]
        sums[k, block] = total


@njit(**FAST)
def descend(first, last, active, segment, t, z, shared, x, p, r, s, y, alpha, sums, norms):  # type: ignore[no-untyped-def]
    """A step along p: x += alpha p, r -= alpha s; then y = P^-1 r, <r, y> and the sum of |r|."""
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
                y[k, i + 1, j] = (y[k, i, j] + segment * y[k, i + 1, j]) * t[m, i, j]
                products[j - begin] += r[k, i + 1, j] * y[k, i + 1, j]
        sums[k, n % blocks], norms[k, n % blocks] = products.sum(), sizes.sum()


@njit(**EXACT)
def advance(first, last, active, step, dw, db, w, b):  # type: ignore[no-untyped-def]
    """Node voltages move on by ``step`` (sides,) times their corrections."""
    rows = w.shape[1]
    for n in range(first, last):
        k, i = n // rows, n % rows
        if active[k]:
            w[k, i] += step[k] * dw[k, i]
            b[k, i] += step[k] * db[k, i]


@njit(**EXACT)
def lay_out(first, last, sign, drops, state, solution):  # type: ignore[no-untyped-def]
    """Voltages of nodes and cells, and currents, of rows: from deviations, whatever the order of their axes."""
    word, bit = drops
    w, b, currents = state
    rows, columns, cells, flows = solution
    for i in range(first, last):
        for begin in range(0, w.shape[2], COLUMNS):  # right sides may lie beside each other
            for k in range(len(word)):
                source = word[k, i]
                for j in range(begin, min(begin + COLUMNS, w.shape[2])):
                    x, y = w[k, i, j], b[k, i, j]
                    rows[k, i, j] = source + x
                    columns[k, i, j] = bit[k, j] + y
                    cells[k, i, j] = sign * ((source - bit[k, j]) + (x - y))
                    flows[k, i, j] = sign * currents[k, i, j]
