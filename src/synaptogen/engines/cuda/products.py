"""Kernels of crossbar products: two weighted sums of mixing states in one pass, each with a fixed order of its terms.

Sums come in pairs, as the weights of a vector are two rows: one for the currents, one for the variances of their noise.
"""

from numba import cuda, float32

from synaptogen.model import PRODUCT, Constants, envelopes, maximum, noise_density, normals, sqrt

from .buffers import DeviceArray
from .compiler import THREADS_PER_BLOCK, jit
from .scalars import load, real_of, store, uint32_of

ROWS_PER_THREAD = 128
"""Rows that a thread of `columns_times` sums, before `sum_parts` adds these parts."""

SHARED = 2 * THREADS_PER_BLOCK
"""Numbers that the threads of a block share: two sums of each."""


@jit
def rows_times(r: DeviceArray, rows: int, columns: int, x: DeviceArray, y: DeviceArray) -> None:
    """Multiply vectors with each row of R: y[k, row] is the sum over columns of r[row, column] x[k, column].

    A block works on one row and two k. Thread t sums columns t, t + `THREADS_PER_BLOCK` ...; then the sums of the upper
    half of the threads are added to those of the lower half, until one is left.

    Parameters
    ----------
    r, rows, columns : array of shape (rows * columns,), int, int
        Mixing states, row by row.
    x : array of shape (count * columns,)
        An even ``count`` of vectors.
    y : array of shape (count * rows,)
        The sums.
    """
    sums = cuda.shared.array(SHARED, float32)
    t = cuda.threadIdx.x
    row, k = cuda.blockIdx.x % rows, cuda.blockIdx.x // rows * 2
    a, b = real_of(0.0), real_of(0.0)
    for column in range(t, columns, THREADS_PER_BLOCK):
        v = load(r, row * columns + column)
        a = a + v * load(x, k * columns + column)
        b = b + v * load(x, (k + 1) * columns + column)
    store(sums, t, a)
    store(sums, THREADS_PER_BLOCK + t, b)
    half = THREADS_PER_BLOCK // 2
    while half > 0:
        cuda.syncthreads()
        if t < half:
            store(sums, t, load(sums, t) + load(sums, t + half))
            store(
                sums,
                THREADS_PER_BLOCK + t,
                load(sums, THREADS_PER_BLOCK + t) + load(sums, THREADS_PER_BLOCK + t + half),
            )
        half //= 2
    if t == 0:
        store(y, k * rows + row, load(sums, 0))
        store(y, (k + 1) * rows + row, load(sums, THREADS_PER_BLOCK))


@jit
def columns_times(r: DeviceArray, rows: int, columns: int, x: DeviceArray, k: int, parts: DeviceArray) -> None:
    """Multiply vectors k and k + 1 with each column of R, in parts of `ROWS_PER_THREAD` rows.

    A thread works on one column: parts[chunk, 0 or 1, column] is the sum over the rows of the chunk of r[row, column]
    x[k or k + 1, row].

    Parameters
    ----------
    r, rows, columns : array of shape (rows * columns,), int, int
        Mixing states, row by row.
    x : array of shape (count * rows,)
        Vectors.
    k : int
        Number of the first of the two vectors.
    parts : array of shape (chunks * 2 * columns,)
        The sums.
    """
    i = cuda.grid(1)
    chunk, column = i // columns, i % columns
    if chunk * ROWS_PER_THREAD < rows:
        a, b = real_of(0.0), real_of(0.0)
        for row in range(chunk * ROWS_PER_THREAD, min((chunk + 1) * ROWS_PER_THREAD, rows)):
            v = load(r, row * columns + column)
            a = a + v * load(x, k * rows + row)
            b = b + v * load(x, (k + 1) * rows + row)
        store(parts, 2 * chunk * columns + column, a)
        store(parts, (2 * chunk + 1) * columns + column, b)


@jit
def sum_parts(parts: DeviceArray, chunks: int, columns: int, k: int, y: DeviceArray) -> None:
    """Add the parts of `columns_times` in the order of their rows.

    Parameters
    ----------
    parts, chunks, columns : array of shape (chunks * 2 * columns,), int, int
        Sums of chunks.
    k : int
        Number of the first of the two vectors.
    y : array of shape (count * columns,)
        The sums; those of vectors k and k + 1 are written.
    """
    i = cuda.grid(1)
    if i < 2 * columns:
        total = real_of(0.0)
        for chunk in range(chunks):
            total = total + load(parts, 2 * chunk * columns + i)
        store(y, k * columns + i, total)


@jit
def draw_normals(ids: DeviceArray, lines: int, k0: int, k1: int, number: int, blocks: int, out: DeviceArray) -> None:
    """Draw the normal numbers of a product, see `engines.protocol.Engine.line_normals`.

    Parameters
    ----------
    ids, lines : array of uint32 of shape (2 * lines,), int
        Low 32 bits of the ids that address the lines, then the high ones.
    k0, k1 : uint32
        Low and high 32 bits of the seed.
    number : uint32
        Number of the product.
    blocks : int
        Groups of four vectors.
    out : array of shape (4 * blocks * lines,)
        One normal number for each vector and line.
    """
    i = cuda.grid(1)
    block, line = i // lines, i % lines
    if block < blocks:
        lo, hi = load(ids, line), load(ids, lines + line)
        z = normals(lo, hi, PRODUCT, uint32_of(number), uint32_of(block), uint32_of(k0), uint32_of(k1))
        for j in range(4):
            store(out, (4 * block + j) * lines + line, z[j])


@jit
def weigh(
    v: DeviceArray, count: int, p: Constants, bandwidth: float, offsets: DeviceArray, weights: DeviceArray
) -> None:
    """Turn voltages into what inputs add to lines: `synaptogen.model.linear_in_mixing`.

    Parameters
    ----------
    v, count : array of shape (batch * count,), int
        Voltages in V of vectors of ``count`` inputs.
    p : Constants
        Constants of the parameter set.
    bandwidth : float32
        Bandwidth in Hz.
    offsets, weights : array of shape (batch * 2 * count,)
        Two rows for each vector, currents in A and variances in A^2: at r = 0, and per unit of r.
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
def finish(
    sums: DeviceArray,
    offsets: DeviceArray,
    normals_of_lines: DeviceArray,
    noisy: bool,
    lines: int,
    out: DeviceArray,
) -> None:
    """Make currents of sums, with noise if ``noisy``.

    Parameters
    ----------
    sums : array of shape (batch * 2 * lines,)
        Sums with the weights of `weigh`, two rows for each vector.
    offsets : array of shape (batch * 2,)
        Sums of its offsets.
    normals_of_lines, noisy : array of shape (batch * lines,), bool
        Numbers from `draw_normals`, and whether to use them.
    lines : int
        Number of lines.
    out : array of shape (batch * lines,)
        Currents in A.
    """
    i = cuda.grid(1)
    if i < out.size:
        k, line = i // lines, i % lines
        y = load(sums, 2 * k * lines + line) + load(offsets, 2 * k)
        if noisy:
            variance = load(sums, (2 * k + 1) * lines + line) + load(offsets, 2 * k + 1)
            y = y + sqrt(maximum(variance, 0.0)) * load(normals_of_lines, i)
        store(out, i, y)
