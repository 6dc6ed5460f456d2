"""Compiled loops for many right sides: sweeps over the rows of a crossbar, eight right sides in the lanes of a vector.

All right sides share one matrix g of slopes, so that lines are factored once (`kernels` says how chains are solved). A
sweep is one step of block Gauss-Seidel, with over-relaxation of the bit lines. With D the voltages of the sources of
word lines less those of bit lines, and i = I(D + w - b) at w and b as they are,

    (T_b + g) b' = g b + i,       b <- b + omega (b' - b)
    (T_w + g) w' = g w - i,       w <- w',   i <- i + g (w' - w)

whose fixed point is Kirchhoff's law with the cells' own I-V curves, whatever g is. All of it happens in one pass over
memory: a sweep goes through the rows in one direction. It completes the solution of the bit lines that the sweep before
began, solves the word line of the row while it is in the first-level cache, and begins the next solution of the bit
lines, in J. The next sweep comes back in the other direction. Linear cells need no w but in the end.

Arrays have the shape (rows, columns, 8); t of bit lines are those of `kernels` as seen from the first row, and from the
last one, so that both directions find theirs.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

from synaptogen.engines.cpu import DOUBLE, INLINE, OPTIONS, PART, data, doubles, load, scalar, source_digest, store
from synaptogen.model import absolute, conductance, current, differential_conductance, maximum

from .kernels import FLATTEST, ROUNDING

LANES = DOUBLE.n
INLINED: dict[str, Any] = {"jit_options": {"forceinline": True}}


class Sweeping(NamedTuple):
    """The compiled loops."""

    sweep: Any
    check: Any
    slopes: Any


# cells are (g,) or (r, sign, constants): compiled code is made for either


def is_linear(cells: Any) -> Any:
    """Are these linear cells?"""
    raise NotImplementedError  # compiled code only


def cell_current(cells: Any, k: Any, u: Any) -> Any:
    """Current of cell ``k`` from its word into its bit line, at ``u`` from word to bit line."""
    raise NotImplementedError


def word_voltage(cells: Any, w: Any, at: Any) -> Any:
    """Where currents are taken: at w as it is, or of linear cells anywhere, say 0."""
    raise NotImplementedError


def _linear(cells: Any) -> bool:
    return isinstance(cells, types.BaseTuple) and len(cells) == 1


@overload(is_linear, **INLINED)  # type: ignore[untyped-decorator]
def _is_linear(cells: Any) -> Any:
    def yes(cells: Any) -> Any:
        return True

    def no(cells: Any) -> Any:
        return False

    return yes if _linear(cells) else no


@overload(cell_current, **INLINED)  # type: ignore[untyped-decorator]
def _cell_current(cells: Any, k: Any, u: Any) -> Any:
    def ohmic(cells: Any, k: Any, u: Any) -> Any:
        return scalar(data(cells[0]), k) * u

    def modelled(cells: Any, k: Any, u: Any) -> Any:
        return cells[1] * current(scalar(data(cells[0]), k), cells[1] * u, cells[2])

    return ohmic if _linear(cells) else modelled


@overload(word_voltage, **INLINED)  # type: ignore[untyped-decorator]
def _word_voltage(cells: Any, w: Any, at: Any) -> Any:
    def anywhere(cells: Any, w: Any, at: Any) -> Any:
        return doubles(0.0)

    def here(cells: Any, w: Any, at: Any) -> Any:
        return load(w, at)

    return anywhere if _linear(cells) else here


@njit(**INLINE)
def enter_row(row, before, first, bits, omega, t_w, g, cells, sources, lines, v, c):  # type: ignore[no-untyped-def]
    """Bit lines arrive: b of the row; J: currents of the cells; c: the word line's chain, from its far end."""
    (J, w, b), (arriving, z, segment), (word, bit, word_push, bit_push) = lines, bits, sources
    columns, end = len(t_w), row == len(word) - 1
    row_voltage, chain = load(data(word), row * LANES), load(data(word_push), row * LANES)
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
        own, slope = word_voltage(cells, data(w), at), scalar(data(g), k)
        i = cell_current(cells, k, (row_voltage - load(data(bit), j * LANES)) + (own - x))
        y = slope * x + i
        store(data(J), at, y + load(data(bit_push), j * LANES) if end else y)
        chain = (slope * own - i) + (scalar(data(t_w), j) if j < columns - 1 else 1.0) * chain
        store(data(c), j * LANES, chain)


@njit(**INLINE)
def leave_row(row, before, first, last, leaving, t_w, z_w, segment, g, cells, lines, c):  # type: ignore[no-untyped-def]
    """The word line moves, and the bit lines' next solution begins with what its cells then carry."""
    J, w, _ = lines
    columns = len(t_w)
    x = z_w * load(data(c), 0)
    for j in range(columns):
        k, at = row * columns + j, (row * columns + j) * LANES
        if j:
            share = scalar(data(t_w), j - 1)
            x = share * x + (share * segment) * load(data(c), j * LANES)
        step = x - word_voltage(cells, data(w), at)
        if last or not is_linear(cells):
            store(data(w), at, x)
        y = load(data(J), at) + scalar(data(g), k) * step
        if not first:
            y = y + scalar(data(leaving), k) * load(data(J), (before * columns + j) * LANES)
        store(data(J), at, y)


@njit(**INLINE)
def lost(v, below, above, to_below, to_above, injected, per_ohm):  # type: ignore[no-untyped-def]
    """Current missing at a node of a line, beyond what the rounding of the node voltages accounts for."""
    missing = to_below * (below - v) + to_above * (above - v) + injected
    rounding = (ROUNDING * per_ohm) * (absolute(v) + absolute(below) + absolute(above))
    return maximum(absolute(missing) - rounding, doubles(0.0))


@njit(**PART)
def lost_in_row(i, chains, push, w, c, columns):  # type: ignore[no-untyped-def]
    """What Kirchhoff's law misses on a word line, summed, and the size of the sum of its cells' currents."""
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
            total = total + lost(load(w, at), below, above, ends[0], ends[1], injected, per_ohm)
    if near[i] != 0.0:  # what the whole line misses
        first, last = load(w, i * columns * LANES), load(w, (i * columns + columns - 1) * LANES)
        total = total + absolute(flow + ((1.0 / near[i]) * first + (1.0 / far[i]) * last) - load(push, i * LANES))
    return total, absolute(flow)


@njit(**PART)
def lost_on_bits(i, chains, push, b, c, flows, rows, columns):  # type: ignore[no-untyped-def]
    """The same at the nodes of bit lines in a row; the sums of their cells' currents go on in ``flows``."""
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
            total = total + lost(load(b, at), below, above, ends[0], ends[1], injected, per_ohm)
    return total


@cache
def kernels() -> Sweeping:
    """The kernels; made for the sources of the model as they are."""
    return _kernels(source_digest("cpu"))


def _kernels(revision: str) -> Sweeping:
    cached = {**OPTIONS, "cache": True}

    @njit(**cached)
    def sweep(down, last, omega, g, words, bits, leaving, cells, sources, lines, desk):  # type: ignore[no-untyped-def]
        """One sweep: rows in one direction. ``words``, ``bits``: t, z and segments; of bit lines as they arrive."""
        revision  # noqa: B018
        rows, (t, z, segment), (v, c) = len(g), words, desk
        for step in range(rows):
            row = step if down else rows - 1 - step
            before = max(row - 1, 0) if down else min(row + 1, rows - 1)
            enter_row(row, before, step == 0, bits, omega, t[row], g, cells, sources, lines, v, c)
            leave_row(row, before, step == 0, last, leaving, t[row], z[row], segment, g, cells, lines, c)

    @njit(**cached)
    def check(words, bits, cells, sources, lines, missing, largest):  # type: ignore[no-untyped-def]
        """Currents of all cells, into J; what is missing at all nodes, and the largest current of a line: (8,)."""
        revision  # noqa: B018
        (J, w, b), (word, bit, word_push, bit_push) = lines, sources
        rows, columns, _ = J.shape
        total, most, flows = doubles(0.0), doubles(0.0), np.zeros(columns * LANES)
        for i in range(rows):
            for j in range(columns):
                at = (i * columns + j) * LANES
                u = (load(data(word), i * LANES) - load(data(bit), j * LANES)) + (load(data(w), at) - load(data(b), at))
                store(data(J), at, cell_current(cells, i * columns + j, u))
            on_row, flow = lost_in_row(i, words, data(word_push), data(w), data(J), columns)
            on_bits = lost_on_bits(i, bits, data(bit_push), data(b), data(J), data(flows), rows, columns)
            total, most = total + (on_row + on_bits), maximum(most, flow)
        _, near, far = bits
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
    def slopes(cells, sources, lines, g):  # type: ignore[no-untyped-def]
        """One slope a cell for all right sides: midway between the lowest and the highest, so no one is twice it."""
        revision  # noqa: B018
        (_, w, b), (word, bit, _, _) = lines, sources
        rows, columns, _ = w.shape
        r, sign, p = cells
        own = np.zeros(LANES)
        for k in range(rows * columns):
            i, j, at = k // columns, k % columns, k * LANES
            u = sign * (
                (load(data(word), i * LANES) - load(data(bit), j * LANES)) + (load(data(w), at) - load(data(b), at))
            )
            mixing = scalar(data(r), k)
            slope = maximum(differential_conductance(mixing, u, p), FLATTEST * conductance(mixing, u, p))
            store(data(own), 0, slope)
            low, high = own[0], own[0]
            for lane in range(1, LANES):
                low, high = min(low, own[lane]), max(high, own[lane])
            g[i, j] = (low + high) / 2

    return Sweeping(sweep, check, slopes)
