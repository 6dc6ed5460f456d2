"""Compiled loops over packed lane groups: kernels with the names and arguments of those in `engines.cpu.kernels`."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from synaptogen._utils import AnyArray, Float32Array
from synaptogen.engines.cpu import products
from synaptogen.engines.cpu.cell_steps import read_current
from synaptogen.engines.cpu.kernels import Kernels as OrdinaryKernels
from synaptogen.engines.cpu.kernels import Reads, Selection, drive_at, params_from, read_group
from synaptogen.engines.cpu.lanes import (
    DRAWS,
    INLINE,
    OPTIONS,
    Pointer,
    W,
    data,
    in_cache_key,
    load,
    reals,
    scalar,
    store,
    uint32s,
)
from synaptogen.engines.cpu.layout import (
    DEVICE_VECTOR,
    R_HRS,
    R_LRS,
    STATUS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    Arrays,
    CellPointers,
    KernelParams,
)
from synaptogen.engines.cpu.workspace import keep_alive
from synaptogen.model import Real, is_hrs, is_irs, where

from .cell_steps import (
    begin_first_cycle,
    decode_u_reset,
    decode_u_set,
    ensure_device,
    keep_traits,
    pack,
    recompute,
    step,
    unpack,
    unpack_ids,
)
from .codes import Scale, decode, encode
from .layout import Packed, load_codes, packed_cells, scratch_arrays, scratch_on


class Kernels(NamedTuple):
    """The compiled loops; see `engines.cpu.kernels.compile_kernels` for their arguments.

    Attributes
    ----------
    draw_traits
        Draw the traits of devices that have shapes and memory of their own.
    initialise, apply, read_each, read_blocks, row_currents, column_currents
        As in `engines.cpu.kernels.Kernels`.
    mixing
        Decode mixing states.
    fields
        Unpack the state, in the order of `engines.FIELDS`.
    device
        Unpack the device vectors, or draw them again.
    draw_normals
        The kernel of ordinary cells.
    """

    draw_traits: Any
    initialise: Any
    apply: Any
    read_each: Any
    read_blocks: Any
    mixing: Any
    fields: Any
    device: Any
    draw_normals: Any
    row_currents: Any
    column_currents: Any


@njit(**INLINE)
def _with_latent_given(params: KernelParams) -> KernelParams:
    """Return a parameter set without history: with it, ordinary steps take x from ``CellPointers.memory``."""
    return KernelParams(
        params.constants,
        params.kind,
        params.readout,
        params.F,
        params.G,
        params.start,
        0,
        0,
        params.stationary,
        params.k0,
        params.k1,
        params.rows,
        params.own,
        params.own_from,
        params.restless,
    )


@njit(**INLINE)
def _cells_to_read(packed: Packed, r: Pointer) -> CellPointers:
    """Return packed cells as `read_group` takes them, with decoded mixing states ``r``."""
    return CellPointers(r, r, packed.status, r, r, r, packed.id_lo, packed.id_hi, packed.first_id, packed.consecutive)


@njit(**INLINE)
def _decode_mixing(codes: Pointer, at: int, scale: Scale) -> Real:
    """Return the mixing states of W cells."""
    return decode(load_codes(codes, at), scale)


class MixingCodes(NamedTuple):
    """Mixing states as 16-bit codes, as kernels of products take them.

    Attributes
    ----------
    codes : array of uint16
        All cells, with at least W codes to spare behind the last one.
    scale : Scale
        The numbers that the codes stand for.
    """

    codes: Any
    scale: Scale


@overload(products.mixing_at, jit_options=INLINE)
def _load_codes(states, at):  # type: ignore[no-untyped-def]  # Numba compares its signature with that of the function returned
    """Load mixing states that are stored as `MixingCodes`."""
    if getattr(states, "instance_class", None) is MixingCodes:
        return lambda states, at: _decode_mixing(data(states.codes), at, states.scale)
    return None


@njit(**INLINE)
def _rounded(x: Real, scale: Scale) -> Real:
    """Return the number nearest to x that can be stored."""
    return decode(encode(x, scale), scale)


def compile_kernels(revision: str, ordinary: OrdinaryKernels) -> Kernels:
    """Return the kernels for one state of the sources, as `engines.cpu.kernels.compile_kernels` does.

    Parameters
    ----------
    revision : str
        Digest of the sources, which becomes part of the cache key.
    ordinary : engines.cpu.kernels.Kernels
        Kernels of ordinary cells, one of which is used as it is.

    Returns
    -------
    Kernels
    """

    @njit(cache=True, **OPTIONS)
    def draw_traits(
        first: int, last: int, state_arrays: Arrays, consecutive: bool, first_id: int, param_arrays: Arrays
    ) -> None:
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        for group in range(first, last):
            keep_traits(packed, scratch, params, group)
        keep_alive(work)

    @njit(cache=True, **OPTIONS)
    def initialise(
        first: int, last: int, state_arrays: Arrays, consecutive: bool, first_id: int, param_arrays: Arrays
    ) -> None:
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        latent_given = _with_latent_given(params)
        for group in range(first, last):
            begin_first_cycle(packed, scratch, params, latent_given, group)
        keep_alive(work)

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
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        latent_given = _with_latent_given(params)
        u_data, gate_data, trace_data, counts_data = data(pulses), data(gate), data(trace), data(reads.counts)
        for k in range(first, last):
            group = selection.groups[k] if selection.listed else k
            unpack(packed, scratch, params, group)
            for pulse in range(pulses.shape[0]):
                u = load(u_data, pulse * pulses.shape[1] + k * W) if each else reals(scalar(u_data, pulse))
                if gated:
                    u = u * load(gate_data, k * W)
                if step(packed, scratch, params, latent_given, group, u):
                    pack(packed, scratch, params, group)
                    unpack(packed, scratch, params, group)
                if traced:
                    number = load(counts_data, group * W) if reads.counted else uint32s(reads.times)
                    i = read_current(scratch.cells, params, 0, u, bandwidth, number + pulse)
                    store(trace_data, pulse * trace.shape[1] + k * W, i)
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
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        u_data, out_data, counts_data = data(voltages), data(out), data(reads.counts)
        for k in range(first, last):
            group = selection.groups[k] if selection.listed else k
            u = load(u_data, k * W) if each else reals(scalar(u_data, 0))
            number = load(counts_data, group * W) if reads.counted else uint32s(reads.times)
            unpack_ids(packed, scratch, group)
            store(scratch.cells.r, 0, _decode_mixing(packed.r, group * W, packed.scales.r))
            store(out_data, k * W, read_current(scratch.cells, params, 0, u, bandwidth, number))
        keep_alive(work)

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
        """Read blocks of 64 cells; mixing states are decoded to the places in ``out`` where the currents will be."""
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        u_data, out_data = data(voltages), data(out)
        cells = _cells_to_read(packed, out_data)
        ours = min(groups, last * (64 // W))  # later groups belong to another thread, which may be done
        drive = drive_at(reals(scalar(u_data, 0)), u_data, params, bandwidth)
        for block in range(first, last, DRAWS):
            for group in range(block * 64 // W, min((block + DRAWS) * 64 // W, ours)):
                store(out_data, group * W, _decode_mixing(packed.r, group * W, packed.scales.r))
            read_group(cells, params, block, ours, drive, each, out_data, bandwidth, count)

    @njit(cache=True, **OPTIONS)
    def mixing(first: int, last: int, codes: AnyArray, scale: Scale, out: Float32Array) -> None:
        in_cache_key(revision)
        codes_data, out_data = data(codes), data(out)
        for group in range(first, last):
            store(out_data, group * W, _decode_mixing(codes_data, group * W, scale))

    @njit(cache=True, **OPTIONS)
    def fields(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        selection: Selection,
        out: Float32Array,
    ) -> None:
        """Write the state to the rows of ``out``, in the order of `engines.FIELDS`; compute what is not stored."""
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        out_data, hot = data(out), scratch.cells.hot
        zero = reals(np.float32(0.0))
        for k in range(first, last):
            group = selection.groups[k] if selection.listed else k
            unpack(packed, scratch, params, group)
            recompute(packed, scratch, params, group)
            status, s, at = load(scratch.cells.status, STATUS), packed.scales, k * W
            partly, n = is_irs(status), out.shape[1]
            r_hrs = where(is_hrs(status), load(scratch.cells.r, 0), _rounded(load(scratch.cells.device, R_HRS), s.r))
            store(out_data, at, decode_u_set(encode(load(hot, U_SET), s.u_set), s.u_set, params))
            store(out_data, n + at, _rounded(load(hot, R_LRS), s.r))
            u_reset = encode(load(scratch.cells.device, U_RESET), s.u_reset)
            store(out_data, 2 * n + at, decode_u_reset(u_reset, s.u_reset, params))
            store(out_data, 3 * n + at, r_hrs)
            store(out_data, 4 * n + at, where(partly, load(scratch.cells.curve, U_RATCHET), zero))
            store(out_data, 5 * n + at, where(partly, load(scratch.cells.curve, T_SCALE), zero))
            store(out_data, 6 * n + at, where(partly, load(scratch.cells.curve, T_END), zero))
        keep_alive(work)

    @njit(cache=True, **OPTIONS)
    def device(
        first: int,
        last: int,
        state_arrays: Arrays,
        consecutive: bool,
        first_id: int,
        param_arrays: Arrays,
        selection: Selection,
        out: Float32Array,
    ) -> None:
        in_cache_key(revision)
        packed = packed_cells(state_arrays, consecutive, first_id)
        params = params_from(param_arrays)
        work = scratch_arrays(params.states)
        scratch = scratch_on(work, params.states)
        out_data = data(out)
        for k in range(first, last):
            group = selection.groups[k] if selection.listed else k
            unpack_ids(packed, scratch, group)
            ensure_device(packed, scratch, params, group)
            for i in range(DEVICE_VECTOR // W):
                store(out_data, i * out.shape[1] + k * W, load(scratch.cells.device, i * W))
        keep_alive(work)

    return Kernels(
        draw_traits,
        initialise,
        apply,
        read_each,
        read_blocks,
        mixing,
        fields,
        device,
        ordinary.draw_normals,
        *products.compile_products(revision),
    )
