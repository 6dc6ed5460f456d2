"""Kernels of crossbar products: two weighted sums of mixing states in one pass, each sum in one order."""

from numba import cuda, float32

from synaptogen.model import PRODUCT, envelopes, maximum, noise_density, normals, sqrt

from .compiler import BLOCK, jit
from .scalars import load, real_of, store, word_of

ROWS = 128
"""Rows that a thread of a column sums, before the parts are summed."""

PAIR = 2 * BLOCK  # numbers that the threads of a block share


@jit
def rows_times(r, rows, columns, x, y):  # type: ignore[no-untyped-def]
    """y[k, row] = sum over columns of r[row, column] x[k, column]: a block for a row and two k.

    Thread t sums columns t, t + BLOCK ...; then halves of the threads are added.
    """
    sums = cuda.shared.array(PAIR, float32)
    t = cuda.threadIdx.x
    row, k = cuda.blockIdx.x % rows, cuda.blockIdx.x // rows * 2
    a, b = real_of(0.0), real_of(0.0)
    for column in range(t, columns, BLOCK):
        v = load(r, row * columns + column)
        a = a + v * load(x, k * columns + column)
        b = b + v * load(x, (k + 1) * columns + column)
    store(sums, t, a)
    store(sums, BLOCK + t, b)
    half = BLOCK // 2
    while half > 0:
        cuda.syncthreads()
        if t < half:
            store(sums, t, load(sums, t) + load(sums, t + half))
            store(sums, BLOCK + t, load(sums, BLOCK + t) + load(sums, BLOCK + t + half))
        half //= 2
    if t == 0:
        store(y, k * rows + row, load(sums, 0))
        store(y, (k + 1) * rows + row, load(sums, BLOCK))


@jit
def columns_times(r, rows, columns, x, k, parts):  # type: ignore[no-untyped-def]
    """parts[chunk, 0 and 1, column] = sum over ROWS rows of r[row, column] x[k and k + 1, row]: a thread a column."""
    i = cuda.grid(1)
    chunk, column = i // columns, i % columns
    if chunk * ROWS < rows:
        a, b = real_of(0.0), real_of(0.0)
        for row in range(chunk * ROWS, min((chunk + 1) * ROWS, rows)):
            v = load(r, row * columns + column)
            a = a + v * load(x, k * rows + row)
            b = b + v * load(x, (k + 1) * rows + row)
        store(parts, 2 * chunk * columns + column, a)
        store(parts, (2 * chunk + 1) * columns + column, b)


@jit
def sum_parts(parts, chunks, columns, k, y):  # type: ignore[no-untyped-def]
    """y[k and k + 1, column] = sum of parts, in the order of chunks."""
    i = cuda.grid(1)
    if i < 2 * columns:
        total = real_of(0.0)
        for chunk in range(chunks):
            total = total + load(parts, 2 * chunk * columns + i)
        store(y, k * columns + i, total)


@jit
def draw_normals(ids, lines, k0, k1, number, blocks, out):  # type: ignore[no-untyped-def]
    """out[4 block ... 4 block + 3, line] = normals of product ``number``; ids are low words, then high ones."""
    i = cuda.grid(1)
    block, line = i // lines, i % lines
    if block < blocks:
        lo, hi = load(ids, line), load(ids, lines + line)
        z = normals(lo, hi, PRODUCT, word_of(number), word_of(block), word_of(k0), word_of(k1))
        for j in range(4):
            store(out, (4 * block + j) * lines + line, z[j])


@jit
def weigh(v, count, p, bandwidth, offsets, weights):  # type: ignore[no-untyped-def]
    """Two rows for each of vectors of ``count`` inputs: what an input adds to the current of a line and to its
    variance, at r = 0 and with r.
    """
    i = cuda.grid(1)
    if i < v.size:
        u = load(v, i)
        llrs, hhrs = envelopes(u, p)
        noise = noise_density(u) * bandwidth
        at = i // count * 2 * count + i % count
        store(offsets, at, u * llrs)
        store(weights, at, u * (hhrs - llrs))
        store(offsets, at + count, noise * llrs)
        store(weights, at + count, noise * (hhrs - llrs))


@jit
def finish(sums, offsets, normals_of_lines, noisy, lines, out):  # type: ignore[no-untyped-def]
    """Currents of lines from their sums, those at r = 0, and normals."""
    i = cuda.grid(1)
    if i < out.size:
        k, line = i // lines, i % lines
        y = load(sums, 2 * k * lines + line) + load(offsets, 2 * k)
        if noisy:
            variance = load(sums, (2 * k + 1) * lines + line) + load(offsets, 2 * k + 1)
            y = y + sqrt(maximum(variance, 0.0)) * load(normals_of_lines, i)
        store(out, i, y)
