"""Loops over tiles, one compiled kernel for each thing that can happen to an array.

Each kernel works on entries ``first`` ... ``last`` - 1 of a list of tiles, or of the whole array where there is no
list, so that threads can share an array. Kernels are cached on disk; ``revision`` is part of their cache key because
Numba does not see changes of the functions that they are built from.
"""

import hashlib
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.model import (
    PRODUCT,
    READ,
    Real,
    envelopes,
    mix_conductance,
    noise_density,
    noisy_current,
    normals,
    read_block,
)

from . import products
from .cell_steps import draw_device, first_cycle, read_current, step
from .history_refill import END, GROUP, NEXT, REACH, TURN, Pending, settle
from .lanes import DRAWS, INLINE, OPTIONS, W, beside, data, first_of, load, read, reals, scalar, second_of, store, words
from .layout import Cells, Rules, ids
from .workspace import aligned, keep

CHUNK = 160  # tiles that a single voltage visits before gathered cells are settled
FEW = 4  # voltages for which the rings of tiles further on are asked for
FUSED_CHUNK = 8  # tiles that stay in the first-level cache while many voltages visit them


class Selection(NamedTuple):
    """Which tiles a kernel visits: entry k is tile ``tiles[k]`` if ``listed``, else tile k."""

    tiles: Any
    listed: Any


class Reads(NamedTuple):
    """How often each cell has been read: one number for all, or one a cell."""

    counts: Any
    counted: Any
    times: Any


class Kernels(NamedTuple):
    """The compiled loops."""

    initialise: Any
    apply: Any
    read_each: Any
    read_blocks: Any
    draw_normals: Any
    row_currents: Any
    column_currents: Any


def source_digest(*parts: str) -> str:
    """Return a digest of the sources that kernels are built from, of some folders of `engines` too, and of the lanes.

    Numba keeps compiled kernels on disk by the sources of the kernel alone; the digest makes it see the formulas too.
    """
    digest = hashlib.sha256(str(W).encode())
    package = resources.files("synaptogen")
    for folder in ("model", "engines/lanes", *(f"engines/{part}" for part in parts)):
        for file in sorted(package.joinpath(*folder.split("/")).iterdir(), key=lambda f: f.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@njit(**INLINE)
def cells_of(state: Any, consecutive: bool, first_id: int) -> Cells:
    """Raw pointers to the arrays of a state."""
    r, hot, hot_words, device, curve, memory, id_lo, id_hi = state
    return Cells(
        data(r),
        data(hot),
        data(hot_words),
        data(device),
        data(curve),
        data(memory),
        data(id_lo),
        data(id_hi),
        first_id,
        consecutive,
    )


@njit(**INLINE)
def rules_of(params: Any) -> Rules:
    """Raw pointers to the arrays of a params."""
    constants, prototype, readout, F, G, start, slots, states, stationary, k0, k1 = params
    return Rules(
        data(constants), prototype, data(readout), data(F), data(G), data(start), slots, states, stationary, k0, k1
    )


class Drive(NamedTuple):
    """A voltage, and what it does to every cell alike; and the voltages of cells where they differ."""

    voltages: Any
    u: Any
    llrs: Any
    hhrs: Any
    density: Any


@njit(**INLINE)
def driven_by(u: Real, voltages: Any, rules: Rules, bandwidth: float) -> Drive:
    """What a voltage does to every cell."""
    llrs, hhrs = envelopes(u, read(rules.constants, rules.prototype))
    return Drive(voltages, u, llrs, hhrs, noise_density(u) * bandwidth)


@njit(**INLINE)
def read_group(
    c: Cells, rules: Rules, block: int, tiles: int, drive: Drive, each: bool, out: Any, bandwidth: float, count: int
) -> None:
    """Noisy currents of `DRAWS` times 64 consecutive cells, of which each 64 share the blocks of their noise."""
    quarter = 16 // W
    for part in range(quarter):
        t = block * 4 * quarter + part
        lo, hi = ids(c, t)
        lo_2, hi_2 = ids(c, t + 4 * quarter)
        number = words(count)
        z = normals(read_block(beside(lo, lo_2)), beside(hi, hi_2), READ, beside(number, number), 0, rules.k0, rules.k1)
        for k in range(4):
            read_tile(c, rules, t + k * quarter, tiles, drive, each, out, bandwidth, first_of(z[k]))
            if DRAWS == 2:
                read_tile(c, rules, t + (4 + k) * quarter, tiles, drive, each, out, bandwidth, second_of(z[k]))


@njit(**INLINE)
def read_tile(
    c: Cells, rules: Rules, t: int, tiles: int, drive: Drive, each: bool, out: Any, bandwidth: float, z: Any
) -> None:
    """Noisy currents of one tile, if it is one of the first ``tiles``."""
    if t < tiles:
        if each:
            drive = driven_by(load(drive.voltages, t * W), drive.voltages, rules, bandwidth)
        g = mix_conductance(load(c.r, t * W), (drive.llrs, drive.hhrs))
        store(out, t * W, noisy_current(g, drive.u, drive.density, z))


def compiled(revision: str) -> Kernels:
    """Kernels for one state of the sources; Numba compiles each at its first call, or loads it from its cache."""

    @njit(cache=True, **OPTIONS)
    def initialise(first, last, state, consecutive, first_id, params, mixture, log_sigma):  # type: ignore[no-untyped-def]
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(params)
        pointers = (data(mixture[0]), data(mixture[1]), data(mixture[2]))
        for t in range(first, last):
            draw_device(c, rules, t, pointers, mixture[0].size, log_sigma)
            first_cycle(c, rules, t)

    @njit(cache=True, **OPTIONS)
    def apply(  # type: ignore[no-untyped-def]
        first,
        last,
        state,
        consecutive,
        first_id,
        params,
        selection,
        pulses,
        each,
        gate,
        gated,
        trace,
        traced,
        bandwidth,
        reads,
    ):
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(params)
        count = pulses.shape[0]
        chunk = CHUNK if count == 1 else max(FUSED_CHUNK, CHUNK // (2 * count) // FUSED_CHUNK * FUSED_CHUNK)
        tiles, cells, lengths = np.empty(2 * chunk, np.int64), np.empty(2 * chunk * W, np.int64), np.zeros(4, np.int64)
        room = max(4 * rules.slots * GROUP, rules.states) * W
        rings, innovations = aligned(room), aligned(room + 4 * W)
        masks, coming = np.empty(2 * chunk, np.uint32), np.zeros(4, np.int64)
        counts, address = np.empty(GROUP * W, np.uint32), np.empty(3 * GROUP * W, np.uint32)
        oldest = np.empty(GROUP * W, np.int64)
        pending = Pending(
            data(tiles),
            data(masks),
            data(cells),
            data(lengths),
            chunk,
            data(rings),
            data(innovations),
            data(counts),
            data(oldest),
            data(address),
            data(coming),
        )
        u_, gate_, trace_, counts_ = data(pulses), data(gate), data(trace), data(reads.counts)
        coming[TURN] = -1
        coming[REACH] = 1 << 60 if count <= FEW else 0  # with many, slots beyond a chunk would push out its own
        begin = first
        while begin < last:
            end = min((begin // chunk + 1) * chunk, last)  # cells that take turns together stay together
            if not selection.listed:
                coming[NEXT], coming[END] = end, min(end + chunk, last)
            for pulse in range(count):
                for k in range(begin, end):
                    t = selection.tiles[k] if selection.listed else k
                    u = load(u_, pulse * pulses.shape[1] + k * W) if each else reals(scalar(u_, pulse))
                    if gated:
                        u = u * load(gate_, k * W)
                    step(c, rules, pending, t, u)
                    if traced:
                        number = load(counts_, t * W) if reads.counted else words(reads.times)
                        i = read_current(c, rules, t, u, bandwidth, number + pulse)
                        store(trace_, pulse * trace.shape[1] + k * W, i)
                if lengths[0] + lengths[1] + lengths[2] + lengths[3] > 0:
                    settle(rules, c, pending)
            begin = end
        keep(tiles, masks, cells, lengths, rings, innovations, counts, oldest, address, coming)

    @njit(cache=True, **OPTIONS)
    def read_each(  # type: ignore[no-untyped-def]
        first, last, state, consecutive, first_id, params, selection, voltages, each, out, bandwidth, reads
    ):
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(params)
        u_, out_, counts_ = data(voltages), data(out), data(reads.counts)
        for k in range(first, last):
            t = selection.tiles[k] if selection.listed else k
            u = load(u_, k * W) if each else reals(scalar(u_, 0))
            number = load(counts_, t * W) if reads.counted else words(reads.times)
            store(out_, k * W, read_current(c, rules, t, u, bandwidth, number))

    @njit(cache=True, **OPTIONS)
    def read_blocks(  # type: ignore[no-untyped-def]
        first, last, state, consecutive, first_id, params, tiles, voltages, each, out, bandwidth, count
    ):
        # as read_each for blocks of 64 consecutive cells that were read equally often: one block of noise, four tiles
        revision  # noqa: B018
        c = cells_of(state, consecutive, first_id)
        rules = rules_of(params)
        u_, out_ = data(voltages), data(out)
        ours = min(tiles, last * (64 // W))
        drive = driven_by(reals(scalar(u_, 0)), u_, rules, bandwidth)
        for block in range(first, last, DRAWS):
            read_group(c, rules, block, ours, drive, each, out_, bandwidth, count)

    @njit(cache=True, **OPTIONS)
    def draw_normals(first, last, lo, hi, key, number, block, out):  # type: ignore[no-untyped-def]
        # out[0 ... 3, k] = four normals for the crossbar line whose first cell's id is lo[k], hi[k]; padded to lanes
        revision  # noqa: B018
        lo_, hi_, out_ = data(lo), data(hi), data(out)
        for t in range(first, last):
            z = normals(load(lo_, t * W), load(hi_, t * W), PRODUCT, words(number), words(block), key[0], key[1])
            for k in range(4):
                store(out_, k * out.shape[1] + t * W, z[k])

    return Kernels(initialise, apply, read_each, read_blocks, draw_normals, *products.compiled(revision))
