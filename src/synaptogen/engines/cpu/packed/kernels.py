"""Loops over packed tiles, under the names of those of `engines.cpu.kernels` and with the same arguments."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from synaptogen.engines.cpu import products
from synaptogen.engines.cpu.cell_steps import read_current
from synaptogen.engines.cpu.kernels import Kernels as OrdinaryKernels
from synaptogen.engines.cpu.kernels import driven_by, read_group, rules_of
from synaptogen.engines.cpu.lanes import DRAWS, INLINE, OPTIONS, W, data, load, reals, scalar, store, words
from synaptogen.engines.cpu.layout import (
    DEVICE_VECTOR,
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    WORD,
    Cells,
    Rules,
)
from synaptogen.engines.cpu.workspace import aligned, keep
from synaptogen.model import Real, is_hrs, is_irs, where

from .cell_steps import begin, know, lay_ids, put_back, recall, step, take
from .codes import Scale, decode, encode
from .layout import Packed, desk_on, desk_size, load_codes, packed_cells


class Kernels(NamedTuple):
    """The compiled loops."""

    initialise: Any
    apply: Any
    read_each: Any
    read_blocks: Any
    mixing: Any
    fields: Any
    device: Any
    draw_normals: Any  # that of ordinary cells
    row_currents: Any
    column_currents: Any


@njit(**INLINE)
def with_x_at_hand(rules: Rules) -> Rules:
    """Rules for cells whose next x lies in the place of their memory."""
    return Rules(
        rules.constants,
        rules.prototype,
        rules.readout,
        rules.F,
        rules.G,
        rules.start,
        0,
        0,
        rules.stationary,
        rules.k0,
        rules.k1,
    )


@njit(**INLINE)
def reading(packed: Packed, r: Any) -> Cells:
    """The cells as reads see them, with mixing states ``r``."""
    return Cells(r, r, packed.words, r, r, r, packed.id_lo, packed.id_hi, packed.first_id, packed.consecutive)


@njit(**INLINE)
def mixing_of(codes: Any, at: int, scale: Scale) -> Real:
    """Mixing states of W cells."""
    return decode(load_codes(codes, at), scale)


class Codes(NamedTuple):
    """Mixing states as codes, for products."""

    codes: Any
    scale: Scale


@overload(products.mixing_at, jit_options=INLINE)
def _coded(states, at):  # type: ignore[no-untyped-def]
    if getattr(states, "instance_class", None) is Codes:
        return lambda states, at: mixing_of(data(states.codes), at, states.scale)
    return None


@njit(**INLINE)
def stored(x: Real, scale: Scale) -> Real:
    """The number nearest to x that can be stored."""
    return decode(encode(x, scale), scale)


def compiled(revision: str, ordinary: OrdinaryKernels) -> Kernels:
    """Kernels for one state of the sources, as `engines.cpu.kernels.compiled`."""

    @njit(cache=True, **OPTIONS)
    def initialise(first, last, state, consecutive, first_id, params):  # type: ignore[no-untyped-def]
        revision  # noqa: B018
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        room, room_ids, known = aligned(desk_size(rules.states)), np.empty(2 * W, np.uint32), np.empty(1, np.int64)
        desk = desk_on(room, room_ids, known, rules.states)
        at_hand = with_x_at_hand(rules)
        for t in range(first, last):
            begin(packed, desk, rules, at_hand, t)
        keep(room, room_ids, known)

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
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        room, room_ids, known = aligned(desk_size(rules.states)), np.empty(2 * W, np.uint32), np.empty(1, np.int64)
        desk = desk_on(room, room_ids, known, rules.states)
        at_hand = with_x_at_hand(rules)
        u_, gate_, trace_, counts_ = data(pulses), data(gate), data(trace), data(reads.counts)
        for k in range(first, last):
            t = selection.tiles[k] if selection.listed else k
            take(packed, desk, t)
            for pulse in range(pulses.shape[0]):
                u = load(u_, pulse * pulses.shape[1] + k * W) if each else reals(scalar(u_, pulse))
                if gated:
                    u = u * load(gate_, k * W)
                if step(packed, desk, rules, at_hand, t, u):
                    put_back(packed, desk, t)
                    take(packed, desk, t)
                if traced:
                    number = load(counts_, t * W) if reads.counted else words(reads.times)
                    i = read_current(desk.cells, rules, 0, u, bandwidth, number + pulse)
                    store(trace_, pulse * trace.shape[1] + k * W, i)
        keep(room, room_ids, known)

    @njit(cache=True, **OPTIONS)
    def read_each(  # type: ignore[no-untyped-def]
        first, last, state, consecutive, first_id, params, selection, voltages, each, out, bandwidth, reads
    ):
        revision  # noqa: B018
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        room, room_ids, known = aligned(desk_size(rules.states)), np.empty(2 * W, np.uint32), np.empty(1, np.int64)
        desk = desk_on(room, room_ids, known, rules.states)
        u_, out_, counts_ = data(voltages), data(out), data(reads.counts)
        for k in range(first, last):
            t = selection.tiles[k] if selection.listed else k
            u = load(u_, k * W) if each else reals(scalar(u_, 0))
            number = load(counts_, t * W) if reads.counted else words(reads.times)
            lay_ids(packed, desk, t)
            store(desk.cells.r, 0, mixing_of(packed.r, t * W, packed.scales.r))
            store(out_, k * W, read_current(desk.cells, rules, 0, u, bandwidth, number))
        keep(room, room_ids, known)

    @njit(cache=True, **OPTIONS)
    def read_blocks(  # type: ignore[no-untyped-def]
        first, last, state, consecutive, first_id, params, tiles, voltages, each, out, bandwidth, count
    ):
        # the mixing states of a block are laid where its currents will be
        revision  # noqa: B018
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        u_, out_ = data(voltages), data(out)
        c = reading(packed, out_)
        ours = min(tiles, last * (64 // W))  # what lies behind is another thread's, and may be done already
        drive = driven_by(reals(scalar(u_, 0)), u_, rules, bandwidth)
        for block in range(first, last, DRAWS):
            for t in range(block * 64 // W, min((block + DRAWS) * 64 // W, ours)):
                store(out_, t * W, mixing_of(packed.r, t * W, packed.scales.r))
            read_group(c, rules, block, ours, drive, each, out_, bandwidth, count)

    @njit(cache=True, **OPTIONS)
    def mixing(first, last, codes, scale, out):  # type: ignore[no-untyped-def]
        revision  # noqa: B018
        codes_, out_ = data(codes), data(out)
        for t in range(first, last):
            store(out_, t * W, mixing_of(codes_, t * W, scale))

    @njit(cache=True, **OPTIONS)
    def fields(first, last, state, consecutive, first_id, params, selection, out):  # type: ignore[no-untyped-def]
        # out in the order of `protocol.FIELDS`; what a cell has forgotten is made anew
        revision  # noqa: B018
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        room, room_ids, known = aligned(desk_size(rules.states)), np.empty(2 * W, np.uint32), np.empty(1, np.int64)
        desk = desk_on(room, room_ids, known, rules.states)
        out_, hot = data(out), desk.cells.hot
        zero = reals(np.float32(0.0))
        for k in range(first, last):
            t = selection.tiles[k] if selection.listed else k
            take(packed, desk, t)
            recall(packed, desk, rules, t)
            word, s, at = load(desk.cells.words, WORD), packed.scales, k * W
            partly, n = is_irs(word), out.shape[1]
            r_hrs = where(is_hrs(word), load(desk.cells.r, 0), stored(load(desk.cells.device, R_HRS), s.r))
            store(out_, at, stored(load(hot, U_SET), s.u_set))
            store(out_, n + at, stored(load(hot, R_LRS), s.r))
            store(out_, 2 * n + at, stored(load(desk.cells.device, U_RESET), s.u_reset))
            store(out_, 3 * n + at, r_hrs)
            store(out_, 4 * n + at, where(partly, load(desk.cells.curve, U_RATCHET), zero))
            store(out_, 5 * n + at, where(partly, load(desk.cells.curve, T_SCALE), zero))
            store(out_, 6 * n + at, where(partly, load(desk.cells.curve, T_END), zero))
        keep(room, room_ids, known)

    @njit(cache=True, **OPTIONS)
    def device(first, last, state, consecutive, first_id, params, selection, out):  # type: ignore[no-untyped-def]
        revision  # noqa: B018
        packed = packed_cells(state, consecutive, first_id)
        rules = rules_of(params)
        room, room_ids, known = aligned(desk_size(rules.states)), np.empty(2 * W, np.uint32), np.empty(1, np.int64)
        desk = desk_on(room, room_ids, known, rules.states)
        out_ = data(out)
        for k in range(first, last):
            t = selection.tiles[k] if selection.listed else k
            lay_ids(packed, desk, t)
            know(packed, desk, rules, t)
            for i in range(DEVICE_VECTOR // W):
                store(out_, i * out.shape[1] + k * W, load(desk.cells.device, i * W))
        keep(room, room_ids, known)

    return Kernels(
        initialise,
        apply,
        read_each,
        read_blocks,
        mixing,
        fields,
        device,
        ordinary.draw_normals,
        *products.compiled(revision),
    )
