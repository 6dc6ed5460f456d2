"""Compiled loops that draw standard normals of reads, on the CPU.

Normals are functions of a key and an address, as those of cells are (`model.random`). Currents of shape (g, t, n, o),
symbols as in `kernels`, have lines m = g * outputs + o on each tile; four lines that follow each other share a draw:

    z[g, t, n, o] = normals(lo=n, hi=m // 4, stream=0, number=t, block=0, *key)[m % 4]

So loops that go along lines and those that go along vectors draw the same numbers with all lanes at work, and neither
the number of threads nor that of lanes matters.
"""

# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls
# (Numba infers the types of kernels from their arguments, and its decorators carry none)

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.engines.cpu import INLINE, OPTIONS, W, data, load, source_digest, store, transposed, uint32s
from synaptogen.model import normals

from .kernels import add_noise, to_digits

LINES = 4  # that share a draw
STRETCH = 1024  # places for which random numbers are held at a time, about


class NoisyKernels(NamedTuple):
    """The compiled loops; see `noisy_kernels`."""

    draw: Any
    convert_places: Any


@njit(**INLINE)
def _four(vectors, blocks, tile, key):
    """Return the normals of four lines, for lanes of vectors and of blocks of lines."""
    return normals(vectors, blocks, 0, uint32s(tile), uint32s(0), key[0], key[1])


@njit(**INLINE)
def _draw_lines(into, begin, count, first, block, tile, key, lanes):
    """Fill four rows (4, p) from ``begin`` on with the normals of a block of lines and ``count`` vectors.

    The first vector is ``first``. Up to W - 1 numbers behind the last one are overwritten.
    """
    target = data(into)
    for p in range(0, count, W):
        z = _four(load(data(lanes), 0) + uint32s(first + p), uint32s(block), tile, key)
        for k in range(LINES):
            store(target, k * into.shape[1] + begin + p, z[k])


@cache
def noisy_kernels() -> NoisyKernels:
    """Return the kernels.

    Their cache keys contain a digest of the model's source, so that a change of the model compiles them anew.

    - ``draw(first, last, key, out)`` fills currents' noise ``out`` (g, t, n, o) for items t * n.
    - ``convert_places(first, last, currents, variances, common, key, ranges, unit, factor, half, origin, pitch, wide,
      out, beyond)`` turns currents (g, t, o, p) of some rows of places into outputs (n, g * o, places), as
      `kernels.convert_vectors` does. Rows of ``wide`` places begin at each ``pitch``-th p; the first one is row
      ``origin`` of all. Factors are (all places,). Variances may be complete already (``common`` is empty then);
      without noise they are empty. Items are blocks of four outputs of all groups; ``beyond`` (g * o,).
    """
    return _kernels(source_digest("cpu"))


def _kernels(revision: str) -> NoisyKernels:
    cached = {**OPTIONS, "cache": True}

    @njit(**cached)
    def draw(first, last, key, out):
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        groups, _, vectors, outputs = out.shape
        lines, lanes, found = groups * outputs, np.empty(W, np.uint32), np.empty(LINES * W, np.float32)
        for lane in range(W):  # so that transposing brings lines in order
            lanes[lane] = lane if W < LINES else lane % LINES * (W // LINES) + lane // LINES
        for item in range(first, last):
            tile, n = divmod(item, vectors)
            g, o = 0, 0
            for begin in range(0, lines, LINES * W):
                z = _four(uint32s(n), load(data(lanes), 0) + uint32s(begin // LINES), tile, key)
                z = transposed(z[0], z[1], z[2], z[3])
                if W != 2 and outputs - o >= LINES * W:
                    row = data(out[g, tile, n, o : o + LINES * W])
                    for k in range(LINES):
                        store(row, k * W, z[k])
                    o += LINES * W
                    continue
                for k in range(LINES):
                    store(data(found), k * W, z[k])
                for m in range(min(LINES * W, lines - begin)):
                    if o == outputs:
                        g, o = g + 1, 0
                    out[g, tile, n, o] = found[m if W != 2 else m % LINES * W + m // LINES]
                    o += 1

    @njit(**cached)
    def convert_places(
        first, last, currents, variances, common, key, ranges, unit, factor, half, origin, pitch, wide, out, beyond
    ):
        revision  # noqa: B018  # named so that it is part of Numba's cache key
        groups, tiles, outputs, count = currents.shape
        rows, low, high = out.shape[2] // wide, np.float32(-half), np.float32(half - 1)
        has_noise, has_common, lanes = variances.size > 0, common.size > 0, np.arange(W).astype(np.uint32)
        # rows without places between them are one
        together = max(1, STRETCH // pitch)
        draws, sums = (
            np.zeros((LINES, together * pitch + W), np.float32),
            np.empty((LINES, together * pitch), np.float32),
        )
        for item in range(first, last):
            some = min(LINES, groups * outputs - item * LINES)
            beyond[item * LINES : item * LINES + some] = 0
            for top_row in range(0, count // pitch, together):
                taken = min(together, count // pitch - top_row)
                begin, end, n = top_row * pitch, (top_row + taken) * pitch, (top_row + origin) * wide
                sums[:] = 0.0
                for tile in range(tiles):
                    if has_noise and pitch == wide:
                        _draw_lines(draws, 0, taken * wide, n, item, tile, key, lanes)
                    elif has_noise:  # between rows there is none
                        for row in range(taken):
                            _draw_lines(draws, row * pitch, wide, n + row * wide, item, tile, key, lanes)
                            draws[:, row * pitch + wide : (row + 1) * pitch] = 0.0
                    for k in range(some):
                        g, o = divmod(item * LINES + k, outputs)
                        current, total = currents[g, tile, o, begin:end], sums[k]
                        if has_noise:
                            variance, drawn = variances[g, tile, o, begin:end], draws[k]
                            if has_common:
                                more = common[g, tile, begin:end]
                                for p in range(end - begin):
                                    current[p] = add_noise(current[p], variance[p] + more[p], drawn[p])
                            else:
                                for p in range(end - begin):
                                    current[p] = add_noise(current[p], variance[p], drawn[p])
                        top, scale = ranges[g, tile, o], unit[g, o]
                        if half:
                            finer, step, above = high / top, top / high * scale, np.int32(0)
                            for p in range(end - begin):
                                above += np.int32(abs(current[p]) > top)
                                total[p] += to_digits(current[p] * finer, low, high) * step
                            beyond[item * LINES + k] += above
                        else:
                            for p in range(end - begin):
                                total[p] += current[p] * scale
                for k in range(some):
                    for row in range(taken):
                        image, rest = divmod(top_row + row + origin, rows)
                        into, scales = out[image, item * LINES + k, rest * wide :], factor[n + row * wide :]
                        given = sums[k, row * pitch : row * pitch + wide]
                        for p in range(wide):
                            into[p] = given[p] * scales[p]

    return NoisyKernels(draw, convert_places)
