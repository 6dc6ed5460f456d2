"""Compiled loops over lane groups, one kernel for each thing that can happen to an array.

Each kernel works on entries ``first`` ... ``last`` - 1 of a list of groups, or of the whole array where there is no
list, so that threads can share an array. Kernels are cached on disk; the digest of the sources is part of their cache
key, because Numba does not see changes of the functions that they are built from.
"""

import hashlib
from importlib import resources
from typing import Any, NamedTuple

from numba import njit

from synaptogen._utils import Float32Array
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
    Pointer,
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
    type_of,
    uint32s,
)
from .layout import Arrays, CellPointers, KernelParams, UInt32Array, ids
from .workspace import keep_alive

CHUNK = 160  # groups that a single voltage visits before pending refills are done
FEW = 4  # up to this many voltages, steps prefetch the ring buffers of later groups
FUSED_CHUNK = 8  # groups that stay in the first-level cache while many voltages visit them


class Selection(NamedTuple):
    """Groups that a kernel visits.

    Attributes
    ----------
    groups : array of int64
        Entry k is group ``groups[k]``.
    listed : bool
        If false, ``groups`` is not used, and entry k is group k.
    """

    groups: Any
    listed: Any


class Reads(NamedTuple):
    """Read counts: how often cells have been read before, which selects the noise of their next read.

    Attributes
    ----------
    counts : array of uint32
        Number of reads of each cell, padded to whole groups.
    counted : bool
        If false, ``counts`` is not used.
    times : uint32
        Number of reads of every cell, if not ``counted``.
    """

    counts: Any
    counted: Any
    times: Any


class Kernels(NamedTuple):
    """The compiled loops; see `compile_kernels` for their arguments.

    Attributes
    ----------
    initialise
        Draw devices, and begin cycle 0.
    apply
        Apply voltages, and read the current after each.
    read_each
        Read groups, each with the noise of its cells.
    read_blocks
        Read blocks of 64 consecutive cells that have been read equally often.
    draw_normals
        Draw the normals of crossbar lines.
    row_currents, column_currents
        Crossbar products, see `products`.
    """

    initialise: Any
    apply: Any
    read_each: Any
    read_blocks: Any
    draw_normals: Any
    row_currents: Any
    column_currents: Any


def source_digest(*parts: str) -> str:
    """Return a digest of the sources that kernels are built from, and of the number of lanes.

    Numba keeps compiled kernels on disk by the source of the kernel alone; with the digest as `lanes.in_cache_key` it
    notices changed formulas too.

    Parameters
    ----------
    *parts : str
        Folders of `engines` whose sources count besides those of `model` and `engines.lanes`, such as "cpu".

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(str(W).encode())
    package = resources.files("synaptogen")
    for folder in ("model", "engines/lanes", *(f"engines/{part}" for part in parts)):
        for file in sorted(package.joinpath(*folder.split("/")).iterdir(), key=lambda f: f.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@njit(**INLINE)
def _cells_from(state_arrays: Arrays, consecutive: bool, first_id: int) -> CellPointers:
    """Return raw pointers to the arrays of a state."""
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
def params_from(param_arrays: Arrays) -> KernelParams:
    """Return raw pointers to the arrays of a parameter set."""
    constants, prototype, readout, F, G, start, slots, states, stationary, k0, k1, rows, own, own_from, restless = (
        param_arrays
    )
    return KernelParams(
        data(constants),
        type_of(prototype),
        data(readout),
        data(F),
        data(G),
        data(start),
        slots,
        states,
        stationary,
        k0,
        k1,
        rows,
        own,
        own_from,
        restless,
    )


class Drive(NamedTuple):
    """A voltage and what it does to all cells alike.

    Attributes
    ----------
    voltages
        Pointer to the voltages of single cells in V, where they differ.
    u
        Voltage in V.
    llrs, hhrs
        Chord conductances in S of the two envelopes at ``u``.
    density
        Variance of the current in A^2 per conductance in S.
    """

    voltages: Any
    u: Any
    llrs: Any
    hhrs: Any
    density: Any


@njit(**INLINE)
def drive_at(u: Real, voltages: Pointer, params: KernelParams, bandwidth: float) -> Drive:
    """Return the `Drive` of a voltage.

    Parameters
    ----------
    u : real lanes
        Voltage in V.
    voltages
        Pointer to the voltages of single cells in V.
    params : KernelParams
    bandwidth : float32
        Bandwidth of the noise in Hz.

    Returns
    -------
    Drive
    """
    llrs, hhrs = envelopes(u, load_constants(params.constants, params.kind))
    return Drive(voltages, u, llrs, hhrs, noise_density(u) * bandwidth)


@njit(**INLINE)
def read_group(
    cells: CellPointers,
    params: KernelParams,
    block: int,
    groups: int,
    drive: Drive,
    each: bool,
    out: Pointer,
    bandwidth: float,
    count: int,
) -> None:
    """Read `DRAWS` blocks of 64 consecutive cells; the cells of each block share their random numbers.

    Parameters
    ----------
    cells, params
        Cells and parameter set.
    block : int
        Number of the first block.
    groups : int
        Groups from this number on are left out.
    drive, each
        The voltage for all cells; if ``each``, each cell has its own in ``drive.voltages``.
    out
        Pointer to the currents in A.
    bandwidth : float32
        Bandwidth of the noise in Hz.
    count : int
        How often the cells have been read before.
    """
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
    out: Pointer,
    bandwidth: float,
    z: Real,
) -> None:
    """Read one group with the normals ``z``, if it is one of the first ``groups``."""
    if group < groups:
        if each:
            drive = drive_at(load(drive.voltages, group * W), drive.voltages, params, bandwidth)
        g = mix_conductance(load(cells.r, group * W), (drive.llrs, drive.hhrs))
        store(out, group * W, noisy_current(g, drive.u, drive.density, z))


def compile_kernels(revision: str) -> Kernels:
    """Return the kernels for one state of the sources.

    Numba compiles each kernel at its first call, or loads it from its cache. Arguments that several kernels share:

    - ``first``, ``last``: entries to visit.
    - ``state_arrays``, ``consecutive``, ``first_id``: arrays and ids of the cells, see `layout.CellPointers`.
    - ``param_arrays``: arrays and sizes of the parameter set, see `layout.KernelParams`.
    - ``selection``: a `Selection`; all other arrays of cells are laid out by its entries, W numbers per entry.
    - ``pulses`` or ``voltages``: voltages in V, one per cell if ``each``, else one for all.
    - ``bandwidth``: of the noise in Hz; 0 means no noise.
    - ``reads``: a `Reads`.

    Parameters
    ----------
    revision : str
        Digest of the sources, which becomes part of the cache key.

    Returns
    -------
    Kernels
    """

    @njit(cache=True, **OPTIONS)
    def initialise(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        mixture: Arrays,
        log_sigma: bool,
    ) -> None:
        """Draw devices from the mixture, and begin cycle 0."""
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        pointers = (data(mixture[0]), data(mixture[1]), data(mixture[2]), data(mixture[3]))
        for group in range(first, last):
            draw_device(cells, params, group, pointers, mixture[0].size, mixture[3].size > 0, log_sigma)
            first_cycle(cells, params, group)

    @njit(cache=True, **OPTIONS)
    def apply(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        selection: Selection,
        pulses: Float32Array,
        each: bool,
        gate: Float32Array,
        gated: bool,
        trace: Float32Array,
        traced: bool,
        bandwidth: float,
        reads: Reads,
    ) -> None:
        """Apply voltages one after the other.

        If ``gated``, voltages are multiplied by the ``gate`` of the cell, 0 or 1. If ``traced``, the current in A after
        each voltage goes to ``trace``.
        """
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
    def read_each(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        selection: Selection,
        voltages: Float32Array,
        each: bool,
        out: Float32Array,
        bandwidth: float,
        reads: Reads,
    ) -> None:
        """Read cells one group at a time: currents in A in ``out``."""
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
    def read_blocks(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        groups: int,
        voltages: Float32Array,
        each: bool,
        out: Float32Array,
        bandwidth: float,
        count: int,
    ) -> None:
        """Read blocks of 64 cells, all read ``count`` times before; one block of random numbers serves four rows."""
        in_cache_key(revision)
        cells = _cells_from(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        u_data, out_data = data(voltages), data(out)
        ours = min(groups, last * (64 // W))
        drive = drive_at(reals(scalar(u_data, 0)), u_data, params, bandwidth)
        for block in range(first, last, DRAWS):
            read_group(cells, params, block, ours, drive, each, out_data, bandwidth, count)

    @njit(cache=True, **OPTIONS)
    def draw_normals(
        first: int,
        last: int,
        lo: UInt32Array,
        hi: UInt32Array,
        key: UInt32Array,
        number: int,
        block: int,
        out: Float32Array,
    ) -> None:
        """Draw four normals per crossbar line, in four rows of ``out``.

        ``lo`` and ``hi`` are the halves of the ids of the cells that lines begin with, padded to whole lanes.
        """
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
