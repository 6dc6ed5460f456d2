"""Loops over tiles, one compiled kernel for each thing that can happen to an array.

Each kernel works on entries ``first`` ... ``last`` - 1 of a list of tiles, or of the whole array where there is no
list, so that threads can share an array. Kernels are cached on disk; ``revision`` is part of their cache key because
Numba does not see changes of the functions that they are built from.
"""

import hashlib
from importlib import resources
from typing import Any, NamedTuple

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
from .history_refill import (
    PREFETCH_END,
    PREFETCH_NEXT,
    REFILL_SLOT,
    STEP_PREFETCH_END,
    flush_pending,
    has_pending,
    pending_arrays,
    pending_on,
)
from .lanes import (
    DRAWS,
    INLINE,
    OPTIONS,
    W,
    data,
    first_half,
    in_cache_key,
    join,
    load,
    load_constants,
    reals,
    scalar,
    second_half,
    store,
    uint32s,
)
from .layout import CellPointers, KernelParams, ids
from .workspace import keep_alive

CHUNK = 160  # groups that a single voltage visits before pending refills are done
FEW = 4  # up to this many voltages, steps prefetch the ring buffers of later groups
FUSED_CHUNK = 8  # groups that stay in the first-level cache while many voltages visit them


class Selection(NamedTuple):
    """Which tiles a kernel visits: entry k is tile ``tiles[k]`` if ``listed``, else tile k."""

    groups: Any
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
def _cells_from(state_arrays: Any, consecutive: bool, first_id: int) -> CellPointers:
    """Raw pointers to the arrays of a state."""
    r, hot, hot_as_uint32, device, curve, memory, id_lo, id_hi = state_arrays
    return CellPointers(
        data(r),
        data(hot),
        data(hot_as_uint32),
        data(device),
        data(curve),
        data(memory),
        data(id_lo),
        data(id_hi),
        first_id,
        consecutive,
    )


@njit(**INLINE)
def params_from(param_arrays: Any) -> KernelParams:
    """Raw pointers to the arrays of a params."""
    constants, prototype, readout, F, G, start, slots, states, stationary, k0, k1 = param_arrays
    return KernelParams(
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
def drive_at(u: Real, voltages: Any, params: KernelParams, bandwidth: float) -> Drive:
    """What a voltage does to every cell."""
    llrs, hhrs = envelopes(u, load_constants(params.constants, params.prototype))
    return Drive(voltages, u, llrs, hhrs, noise_density(u) * bandwidth)


@njit(**INLINE)
def read_group(
    cells: CellPointers,
    params: KernelParams,
    block: int,
    groups: int,
    drive: Drive,
    each: bool,
    out: Any,
    bandwidth: float,
    count: int,
) -> None:
    """Noisy currents of `DRAWS` times 64 consecutive cells, of which each 64 share the blocks of their noise."""
    quarter = 16 // W
    for part in range(quarter):
        group = block * 4 * quarter + part
        lo, hi = ids(cells, group)
        lo_2, hi_2 = ids(cells, group + 4 * quarter)
        number = uint32s(count)
        z = normals(read_block(join(lo, lo_2)), join(hi, hi_2), READ, join(number, number), 0, params.k0, params.k1)
        for k in range(4):
            _read_lane_group(cells, params, group + k * quarter, groups, drive, each, out, bandwidth, first_half(z[k]))
            if DRAWS == 2:
                _read_lane_group(
                    cells, params, group + (4 + k) * quarter, groups, drive, each, out, bandwidth, second_half(z[k])
                )


@njit(**INLINE)
def _read_lane_group(
    cells: CellPointers,
    params: KernelParams,
    group: int,
    groups: int,
    drive: Drive,
    each: bool,
    out: Any,
    bandwidth: float,
    z: Any,
) -> None:
    """Noisy currents of one tile, if it is one of the first ``tiles``."""
    if group < groups:
        if each:
            drive = drive_at(load(drive.voltages, group * W), drive.voltages, params, bandwidth)
        g = mix_conductance(load(cells.r, group * W), (drive.llrs, drive.hhrs))
        store(out, group * W, noisy_current(g, drive.u, drive.density, z))


def compile_kernels(revision: str) -> Kernels:
    """Kernels for one state of the sources; Numba compiles each at its first call, or loads it from its cache."""

    @njit(cache=True, **OPTIONS)
    def initialise(first, last, state_arrays, consecutive, first_id, param_arrays, mixture, log_sigma):  # type: ignore[no-untyped-def]
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        pointers = (data(mixture[0]), data(mixture[1]), data(mixture[2]))
        for group in range(first, last):
            draw_device(cells, params, group, pointers, mixture[0].size, log_sigma)
            first_cycle(cells, params, group)

    @njit(cache=True, **OPTIONS)
    def apply(  # type: ignore[no-untyped-def]
        first,
        last,
        state_arrays,
        consecutive,
        first_id,
        param_arrays,
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
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        count = pulses.shape[0]
        chunk = CHUNK if count == 1 else max(FUSED_CHUNK, CHUNK // (2 * count) // FUSED_CHUNK * FUSED_CHUNK)
        work = pending_arrays(params, chunk)
        pending = pending_on(work, chunk)
        u_data, gate_data, trace_data, counts_data = data(pulses), data(gate), data(trace), data(reads.counts)
        pending.prefetch_plan[REFILL_SLOT] = -1
        # with more voltages, the slots of later groups would evict those of this chunk from the cache
        pending.prefetch_plan[STEP_PREFETCH_END] = 1 << 60 if count <= FEW else 0
        begin = first
        while begin < last:
            end = min((begin // chunk + 1) * chunk, last)  # groups that are refilled together stay together
            if not selection.listed:
                pending.prefetch_plan[PREFETCH_NEXT] = end
                pending.prefetch_plan[PREFETCH_END] = min(end + chunk, last)
            for pulse in range(count):
                for k in range(begin, end):
                    group = selection.groups[k] if selection.listed else k
                    u = load(u_data, pulse * pulses.shape[1] + k * W) if each else reals(scalar(u_data, pulse))
                    if gated:
                        u = u * load(gate_data, k * W)
                    step(cells, params, pending, group, u)
                    if traced:
                        number = load(counts_data, group * W) if reads.counted else uint32s(reads.times)
                        i = read_current(cells, params, group, u, bandwidth, number + pulse)
                        store(trace_data, pulse * trace.shape[1] + k * W, i)
                if has_pending(pending):
                    flush_pending(params, cells, pending)
            begin = end
        keep_alive(work)

    @njit(cache=True, **OPTIONS)
    def read_each(  # type: ignore[no-untyped-def]
        first, last, state_arrays, consecutive, first_id, param_arrays, selection, voltages, each, out, bandwidth, reads
    ):
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        u_data, out_data, counts_data = data(voltages), data(out), data(reads.counts)
        for k in range(first, last):
            group = selection.groups[k] if selection.listed else k
            u = load(u_data, k * W) if each else reals(scalar(u_data, 0))
            number = load(counts_data, group * W) if reads.counted else uint32s(reads.times)
            store(out_data, k * W, read_current(cells, params, group, u, bandwidth, number))

    @njit(cache=True, **OPTIONS)
    def read_blocks(  # type: ignore[no-untyped-def]
        first, last, state_arrays, consecutive, first_id, param_arrays, groups, voltages, each, out, bandwidth, count
    ):
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        u_data, out_data = data(voltages), data(out)
        ours = min(groups, last * (64 // W))
        drive = drive_at(reals(scalar(u_data, 0)), u_data, params, bandwidth)
        for block in range(first, last, DRAWS):
            read_group(cells, params, block, ours, drive, each, out_data, bandwidth, count)

    @njit(cache=True, **OPTIONS)
    def draw_normals(first, last, lo, hi, key, number, block, out):  # type: ignore[no-untyped-def]
        in_cache_key(revision)
        lo_data, hi_data, out_data = data(lo), data(hi), data(out)
        for group in range(first, last):
            z = normals(
                load(lo_data, group * W),
                load(hi_data, group * W),
                PRODUCT,
                uint32s(number),
                uint32s(block),
                key[0],
                key[1],
            )
            for k in range(4):
                store(out_data, k * out.shape[1] + group * W, z[k])

    return Kernels(initialise, apply, read_each, read_blocks, draw_normals, *products.compile_products(revision))
