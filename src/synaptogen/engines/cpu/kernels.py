"""Loops over tiles, one compiled kernel for each thing that can happen to an array.

Each kernel works on tiles ``first`` ... ``last`` - 1 of a list, or of the whole array where there is no list, so that
threads can share an array. Kernels are cached on disk; ``revision`` is part of their cache key because Numba does not
see changes of the functions that they are built from.
"""

import hashlib
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ...ops import any_, sqrt
from ...model.noise import noise_variance
from ...model.random import PRODUCT, READ, normals, read_block
from ...model.iv import conductance
from .lanes import OPTIONS, W, data, lane_numbers, load, read, reals, scalar, store, total, words
from .tiles import (
    Cells,
    Rules,
    clear_memory,
    draw_device,
    draw_memory,
    first_cycle,
    ids,
    read_current,
    step,
)


class Kernels(NamedTuple):
    """The compiled loops."""

    initialise: Any
    apply: Any
    read_each: Any
    read_blocks: Any
    rows_times: Any
    columns_times: Any
    draw_normals: Any


def source_digest() -> str:
    """A digest of all sources that kernels are built from, and of the lane count."""
    digest = hashlib.sha256(str(W).encode())
    package = resources.files("synaptogen")
    for folder in ("", "model", "engines", "engines/cpu"):
        for file in sorted(package.joinpath(folder).iterdir(), key=lambda f: f.name):
            if file.name.endswith(".py") and (folder or file.name == "ops.py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def compiled(revision: str) -> Kernels:
    """Kernels for one state of the sources; Numba compiles each at its first call, or loads it from its cache."""

    @njit(cache=True, **OPTIONS)
    def initialise(
        first, last, state, consecutive, first_id, law, sizes, key, start, mixture, log_sigma, stationary
    ):
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(law, sizes, key)
        starts, means, cholesky = data(mixture[0]), data(mixture[1]), data(mixture[2])
        factor = data(start)
        for t in range(first, last):
            draw_device(c, rules, t, mixture[0].size, starts, means, cholesky, log_sigma)
            if stationary:
                draw_memory(c, rules, t, factor)
            else:
                clear_memory(c, rules, t)
            first_cycle(c, rules, t)

    @njit(cache=True, **OPTIONS)
    def apply(
        first, last, state, consecutive, first_id, law, sizes, key, tiles, listed, pulses, each, gate, gated,
        trace, traced, bandwidth, counts, counted, count,
    ):  # fmt: skip
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(law, sizes, key)
        u_, gate_, trace_, counts_ = data(pulses), data(gate), data(trace), data(counts)
        stride = pulses.shape[1]
        for k in range(first, last):
            t = tiles[k] if listed else k
            for pulse in range(pulses.shape[0]):
                u = load(u_, pulse * stride + k * W) if each else reals(scalar(u_, pulse))
                if gated:
                    u = u * load(gate_, k * W)
                if any_(u != 0.0):
                    step(c, rules, t, u)
                if traced:
                    number = load(counts_, t * W) if counted else words(count)
                    i = read_current(c, rules, t, u, bandwidth, number + pulse)
                    store(trace_, pulse * trace.shape[1] + k * W, i)

    @njit(cache=True, **OPTIONS)
    def read_each(
        first, last, state, consecutive, first_id, law, sizes, key, tiles, listed, voltages, each, out, bandwidth,
        counts, counted, count,
    ):  # fmt: skip
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(law, sizes, key)
        u_, out_, counts_ = data(voltages), data(out), data(counts)
        for k in range(first, last):
            t = tiles[k] if listed else k
            u = load(u_, k * W) if each else reals(scalar(u_, 0))
            number = load(counts_, t * W) if counted else words(count)
            store(out_, k * W, read_current(c, rules, t, u, bandwidth, number))

    @njit(cache=True, **OPTIONS)
    def read_blocks(
        first, last, state, consecutive, first_id, law, sizes, key, voltages, each, out, bandwidth, count
    ):
        """As read_each, for blocks of 64 consecutive cells read equally often: each noise block serves four tiles."""
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(law, sizes, key)
        u_, out_ = data(voltages), data(out)
        tiles = state[1].size // W
        per_quarter = 16 // W
        for block in range(first, last):
            for sub in range(per_quarter):
                t = block * 4 * per_quarter + sub
                lo, hi = ids(c, t)
                z = normals(read_block(lo), hi, READ, words(count), 0, rules.k0, rules.k1)
                for quarter in range(4):
                    if t < tiles:
                        p = read(rules.constants, rules.witness)
                        u = load(u_, t * W) if each else reals(scalar(u_, 0))
                        g = conductance(load(c.r, t * W), u, p)
                        store(out_, t * W, u * g + sqrt(noise_variance(g, u, bandwidth)) * z[quarter])
                    t += per_quarter

    @njit(cache=True, **OPTIONS)
    def rows_times(first, last, r, columns, x, y):
        """y[k, row] = sum over columns of r * x[k], for k = 0 and 1; x is padded with zeros to whole lanes."""
        revision  # noqa: B018
        r_, x_ = data(r), data(x)
        width = x.shape[1]
        for row in range(first, last):
            at = row * columns
            a = reals(np.float32(0.0))
            b = reals(np.float32(0.0))
            for j in range(0, width, W):
                v = load(r_, at + j)
                a = a + v * load(x_, j)
                b = b + v * load(x_, width + j)
            y[0, row] = total(a)
            y[1, row] = total(b)

    @njit(cache=True, **OPTIONS)
    def columns_times(first, last, r, rows, columns, x, y):
        """y[k, column] = sum over rows of r * x[k], for groups ``first`` ... of 4 W columns; y is padded."""
        revision  # noqa: B018
        r_, x_, y_ = data(r), data(x), data(y)
        width = y.shape[1]
        zero = reals(np.float32(0.0))
        for group in range(first, last):
            j = group * W
            a = zero
            b = zero
            for row in range(rows):
                v = load(r_, row * columns + j)
                a = a + v * scalar(x_, row)
                b = b + v * scalar(x_, rows + row)
            store(y_, j, a)
            store(y_, width + j, b)

    @njit(cache=True, **OPTIONS)
    def draw_normals(first, last, lo, hi, key, number, block, out):
        """out[0 ... 3, k] = the four normals of line k's product; lo, hi, out are padded to whole lanes."""
        revision  # noqa: B018
        lo_, hi_, out_ = data(lo), data(hi), data(out)
        width = out.shape[1]
        for t in range(first, last):
            at = t * W
            z = normals(load(lo_, at), load(hi_, at), PRODUCT, words(number), block, key[0], key[1])
            for k in range(4):
                store(out_, k * width + at, z[k])

    return Kernels(initialise, apply, read_each, read_blocks, rows_times, columns_times, draw_normals)


@njit(**{**OPTIONS, "forceinline": True})
def cells_of(state, consecutive, first_id):
    """Raw pointers to the arrays of a state."""
    r, word, hot, device, memory, id_lo, id_hi = state
    return Cells(
        data(r), data(word), data(hot), data(device), data(memory), data(id_lo), data(id_hi), first_id, consecutive
    )


@njit(**{**OPTIONS, "forceinline": True})
def rules_of(law, sizes, key):
    """Raw pointers to the arrays of a law."""
    constants, witness, readout, F, G = law
    return Rules(data(constants), witness, data(readout), data(F), data(G), sizes[0], sizes[1], key[0], key[1])
