"""Refill of history buffers: how cells whose history is a VAR get their next cycles, one lane group at a time.

The future of a cell depends on its seed alone. So a ring buffer of p slots is refilled with the next p cycles at once,
as soon as the last x in it has been used. History is then read once in p cycles instead of once per cycle. Cells at
different cycle numbers need different slots only when they fetch their x, not while sums are formed. From its first SET
on, a cell has its next x in its ring buffer.

Refills are staggered: the cycle at which a ring buffer is used up depends on the cell's id (`_last_slots`), so that
each RESET refills one in p of the ring buffers. Memory has little to do while sums are formed, so the cells that come
next are prefetched then. Sums run from the oldest x to the latest, so that no bit depends on when a refill happens.

Steps note in `Pending` which ring buffers must be started or refilled; `flush_pending` does this for many at once.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from synaptogen.model import CYCLE, CYCLES, HISTORY, Mask, UInt32, add, add_scaled, any_, innovation, normals, where

from .history_buffers import BLOCK, copy_slot, lane_offset, load_slot, next_cycle, remainder, slot_offset, store_slot
from .lanes import (
    DRAWS,
    INLINE,
    PART,
    Pointer,
    W,
    count_bits,
    data,
    first_half,
    first_where,
    join,
    lane_numbers,
    load,
    load_constants,
    lowest_bit,
    mask_bits,
    prefetch,
    second_half,
    store,
    store_where,
    uint32s,
)
from .layout import (
    DEVICE_RECORD,
    HOT,
    STATUS,
    Arrays,
    CellPointers,
    Four,
    KernelParams,
    ids,
    load4,
    prefetch_numbers,
    scalar4,
    store4,
    zeros,
)
from .workspace import aligned

START, REFILL = 0, 1
"""The two lists of pending work: ring buffers to start, and ring buffers to refill."""
ALL_LANES = (1 << W) - 1  # all lanes of a group, as bits
BATCH = 4 if W == 16 else 2  # groups whose sums are formed together: as many as the registers of the machine hold
STAGGER_BITS = 6  # cells whose ids differ only in this many low bits are refilled at the same cycle
STAGGER_GROUPS = max(1, (1 << STAGGER_BITS) // W)
PREFETCH_NEXT, PREFETCH_END, STEP_PREFETCH_END, REFILL_SLOT = range(4)
"""Entries of `Pending.prefetch_plan`: the first group that has not been prefetched yet; the first that need not be; the
first that steps need not prefetch (0: the sums prefetch everything); and the slot at which the cells that are refilled
now are used up (-1: not known yet)."""


class Pending(NamedTuple):
    """Ring buffers that must be started or refilled, and the working memory for it.

    Work is gathered until there is enough to fill all lanes. There are two lists of each kind: those to start
    (`START`), then those to refill (`REFILL`). Whole groups are on the first kind of list, single cells of other groups
    on the second.

    Attributes
    ----------
    groups
        Two lists of groups, each of ``capacity`` entries.
    masks
        The cells that are meant in each of these groups, as bits.
    positions
        Two lists of cell positions, each of ``capacity`` * W entries.
    lengths
        Lengths of the two lists of groups, then of the two lists of cells.
    capacity
        Number of groups that fit into one list.
    ring_copies
        Copies of the ring buffers of one batch, slots from the oldest x to the latest.
    innovations
        B e of the cycles of one batch.
    fill_counts
        How many slots of each cell of a batch are filled, where not all of them are.
    oldest_slots
        Slot of the oldest x of each group of a batch, or of each cell.
    addresses
        Low and high halves of the id, and the cycle number, of each cell of a batch.
    prefetch_plan
        What is to be prefetched while sums are formed: entries `PREFETCH_NEXT` ... `REFILL_SLOT`.
    """

    groups: Any
    masks: Any
    positions: Any
    lengths: Any
    capacity: Any
    ring_copies: Any
    innovations: Any
    fill_counts: Any
    oldest_slots: Any
    addresses: Any
    prefetch_plan: Any


@njit(**INLINE)
def pending_arrays(params: KernelParams, capacity: int) -> Arrays:
    """Allocate the arrays of `Pending`.

    Parameters
    ----------
    params : KernelParams
    capacity : int
        Number of groups that are visited before `flush_pending` is called.

    Returns
    -------
    tuple of arrays
        To be kept alive as long as the pointers of `pending_on` are in use.
    """
    size = max(4 * params.slots * BATCH, params.states) * W
    return (
        np.empty(2 * capacity, np.int64),
        np.empty(2 * capacity, np.uint32),
        np.empty(2 * capacity * W, np.int64),
        np.zeros(4, np.int64),
        aligned(size),
        aligned(size + 4 * W),
        np.empty(BATCH * W, np.uint32),
        np.empty(BATCH * W, np.int64),
        np.empty(3 * BATCH * W, np.uint32),
        np.zeros(4, np.int64),
    )


@njit(**INLINE)
def pending_on(arrays: Arrays, capacity: int) -> Pending:
    """Return the pointers of `Pending`, with nothing to do.

    Parameters
    ----------
    arrays : tuple of arrays
        Arrays from `pending_arrays`.
    capacity : int
        Number of groups that they were made for.

    Returns
    -------
    Pending
    """
    groups, masks, positions, lengths, ring_copies, innovations, fill_counts, oldest_slots, addresses, plan = arrays
    return Pending(
        data(groups),
        data(masks),
        data(positions),
        data(lengths),
        capacity,
        data(ring_copies),
        data(innovations),
        data(fill_counts),
        data(oldest_slots),
        data(addresses),
        data(plan),
    )


# ---- noting the work to do


@njit(**INLINE)
def _last_slots(params: KernelParams, lo: UInt32) -> UInt32:
    """Return the slot after which the ring buffer of each cell is used up, from the low halves of ids."""
    return remainder(lo >> STAGGER_BITS, params.slots)


@njit(**INLINE)
def note_first_set(
    params: KernelParams, cells: CellPointers, pending: Pending, group: int, status: UInt32, mask: Mask
) -> None:
    """Note the ring buffers to start when cells have been set.

    Parameters
    ----------
    params, cells, pending
        Parameter set, cells, and the lists to add to.
    group : int
    status : uint32 lanes
        Status before the SET.
    mask : mask lanes
        Cells that have been set.
    """
    number = next_cycle(status)
    begin = mask & (number <= 1)  # cycle 0 follows the largest cycle number
    if any_(begin):
        lo, _ = ids(cells, group)
        last = _last_slots(params, lo)
        _add_pending(params, cells, pending, START, group, begin, last)
        _add_pending(params, cells, pending, REFILL, group, begin & (number == 1) & (last == 0), last)


@njit(**INLINE)
def note_used_up(
    params: KernelParams, cells: CellPointers, pending: Pending, group: int, number: UInt32, mask: Mask
) -> None:
    """Note the ring buffers to refill when cells have begun a cycle: those that hold no later one.

    Parameters
    ----------
    params, cells, pending
        Parameter set, cells, and the lists to add to.
    group : int
    number : uint32 lanes
        Cycle numbers.
    mask : mask lanes
        Cells that have begun the cycle.
    """
    slots = remainder(number, params.slots)
    lo, _ = ids(cells, group)
    _add_pending(params, cells, pending, REFILL, group, mask & (slots == _last_slots(params, lo)), slots)


@njit(**INLINE)
def _add_pending(
    params: KernelParams, cells: CellPointers, pending: Pending, which: int, group: int, mask: Mask, slots: UInt32
) -> None:
    """Put a group on a list if the mask holds for most of its cells, all at one slot; else put its cells on a list.

    Most means more than half: where each cell has a voltage of its own, a group may come here twice, for different
    cells, and the lists have room for it once.
    """
    if any_(mask):
        lanes = np.int64(mask_bits(mask))
        if 2 * count_bits(lanes) > W and not any_(mask & (slots != first_where(slots, mask))):
            entry = which * pending.capacity + pending.lengths[which]
            pending.groups[entry], pending.masks[entry] = group, lanes
            pending.lengths[which] += 1
        else:
            length = pending.lengths[2 + which]
            while lanes != 0:
                lane = lowest_bit(lanes)
                pending.positions[which * pending.capacity * W + length] = group * W + lane
                for slot in range(params.slots):
                    prefetch(cells.memory, slot_offset(params, group, slot) + lane_offset(lane))
                length += 1
                lanes &= lanes - 1
            pending.lengths[2 + which] = length


# ---- the latent process, on copies of ring buffers


@njit(**INLINE)
def _add_block(x: Four, matrix: Pointer, at: int, m: Four) -> Four:
    """Return x plus a 4 x 4 matrix, stored by columns, times m."""
    x = add_scaled(x, scalar4(matrix, at), m[0])
    x = add_scaled(x, scalar4(matrix, at + 4), m[1])
    x = add_scaled(x, scalar4(matrix, at + 8), m[2])
    return add_scaled(x, scalar4(matrix, at + 12), m[3])


@njit(**PART)
def _draw_innovations(
    params: KernelParams,
    cells: CellPointers,
    pending: Pending,
    member: int,
    lo: UInt32,
    hi: UInt32,
    number: UInt32,
    count: int,
    ring: int,
) -> None:
    """Draw B e of ``count`` cycles from ``number`` on for group ``member`` of a batch.

    The ring buffers at index ``ring``, for which they are meant, are prefetched meanwhile; -1: they are in the cache
    already. Draws side by side may fill one slot more than ``count``: under a condition the compiler would take them
    apart.
    """
    for slot in range(0, count, DRAWS):
        if ring >= 0:
            for k in range(DRAWS):
                for line in range(4):
                    prefetch(cells.memory, ring + ((slot + k) * BLOCK * 4 + line) * W)
        _prefetch_coming(params, cells, pending, 1)
        cycles = join(number, number + 1)
        e = normals(join(lo, lo), join(hi, hi), CYCLES, cycles, 0, params.k0, params.k1)
        p = load_constants(params.constants, params.kind)
        x, y, z, w = innovation(e, p.innovation)
        m = (member * params.slots + slot) * 4 * W
        store4(pending.innovations, m, (first_half(x), first_half(y), first_half(z), first_half(w)))
        if DRAWS == 2:
            store4(pending.innovations, m + 4 * W, (second_half(x), second_half(y), second_half(z), second_half(w)))
        number = number + DRAWS


@njit(**INLINE)
def _prefetch_coming(params: KernelParams, cells: CellPointers, pending: Pending, groups: int) -> None:
    """Prefetch the devices of the next few groups, and their share of the ring buffers that are refilled with them.

    If steps do not prefetch (`STEP_PREFETCH_END` is 0), all else that these groups need is prefetched too.
    """
    plan = pending.prefetch_plan
    for group in range(plan[PREFETCH_NEXT], min(plan[PREFETCH_NEXT] + groups, plan[PREFETCH_END])):
        prefetch_numbers(cells.device, group * DEVICE_RECORD, DEVICE_RECORD)
        if plan[STEP_PREFETCH_END] == 0:
            prefetch_numbers(cells.hot, group * HOT, HOT)
            prefetch_numbers(cells.r, group * W, W)
            for slot in range(params.slots):
                prefetch_numbers(cells.memory, slot_offset(params, group, slot), 4 * W)
        elif plan[REFILL_SLOT] >= 0 and cells.consecutive:
            # only some of these groups are refilled at a time: each group prefetches its share of their lines
            k = (np.int64(cells.first_id) // W + group) % (params.slots * STAGGER_GROUPS)
            refilled = group - k + plan[REFILL_SLOT] * STAGGER_GROUPS + k // params.slots
            prefetch_numbers(cells.memory, slot_offset(params, refilled, k % params.slots), 4 * W)
    plan[PREFETCH_NEXT] += groups


@njit(**PART)
def _fill_slots(params: KernelParams, cells: CellPointers, pending: Pending, count: int, whole: bool) -> None:
    """Put the next ``count`` x in place of the oldest.

    Unless ``whole``, each cell gets only as many as `Pending.fill_counts` says.

    The groups of a batch share each coefficient that is loaded: one group alone would wait for loads.
    """
    ring_copies, innovations = pending.ring_copies, pending.innovations
    size = 4 * params.slots * W
    for slot in range(count):
        _prefetch_coming(params, cells, pending, 2)
        x, y, z, w = zeros(), zeros(), zeros(), zeros()
        s = slot
        for lag in range(params.slots - 1, -1, -1):
            for k in range(4):
                column = scalar4(params.readout, lag * 16 + 4 * k)
                m = (s * 4 + k) * W
                x = add_scaled(x, column, load(ring_copies, m))
                y = add_scaled(y, column, load(ring_copies, size + m))
                if BATCH == 4:
                    z = add_scaled(z, column, load(ring_copies, 2 * size + m))
                    w = add_scaled(w, column, load(ring_copies, 3 * size + m))
            s = s + 1 if s + 1 < params.slots else 0
        m = slot * 4 * W
        _store_slot_of(pending, 0, m, slot, add(x, load4(innovations, m)), whole)
        _store_slot_of(pending, 1, size + m, slot, add(y, load4(innovations, size + m)), whole)
        if BATCH == 4:
            _store_slot_of(pending, 2, 2 * size + m, slot, add(z, load4(innovations, 2 * size + m)), whole)
            _store_slot_of(pending, 3, 3 * size + m, slot, add(w, load4(innovations, 3 * size + m)), whole)


@njit(**INLINE)
def _store_slot_of(pending: Pending, member: int, at: int, slot: int, x: Four, whole: bool) -> None:
    """Store one slot of group ``member`` of a batch, for the cells that fill it."""
    if whole:
        store4(pending.ring_copies, at, x)
    else:
        fills = load(pending.fill_counts, member * W) > np.uint32(slot)
        for k in range(4):
            store_where(pending.ring_copies, at + k * W, x[k], fills)


@njit(**PART)
def _start_ring(params: KernelParams, ring: Pointer, at: int, lo: UInt32, hi: UInt32) -> None:
    """Fill the ring buffers of a group with the history before cycle 0, then x_0."""
    latest = at + (params.slots - 1) * 4 * W
    e = normals(lo, hi, CYCLES, uint32s(0), 0, params.k0, params.k1)
    if params.stationary:
        # a stationary (x_0, x_-1, ...) is a triangular matrix times normals, computed in place from the last rows
        for lag in range(1, params.slots):
            z = normals(lo, hi, HISTORY, uint32s(0), lag, params.k0, params.k1)
            store4(ring, latest - lag * 4 * W, z)
        for lag in range(params.slots - 1, 0, -1):
            x = _add_block(zeros(), params.start, lag * params.slots * 16, e)
            for k in range(1, lag + 1):
                x = _add_block(x, params.start, (lag * params.slots + k) * 16, load4(ring, latest - k * 4 * W))
            store4(ring, latest - lag * 4 * W, x)
    else:
        for m in range(at, latest, 4 * W):
            store4(ring, m, zeros())
    store4(ring, latest, first_latent(params, e))


@njit(**INLINE)
def first_latent(params: KernelParams, e: Four) -> Four:
    """Return x_0 of a VAR: stationary, or with nothing before it.

    Parameters
    ----------
    params : KernelParams
    e : four real lanes
        Normals of cycle 0.

    Returns
    -------
    four real lanes
    """
    if params.stationary:
        return _add_block(zeros(), params.start, 0, e)
    p = load_constants(params.constants, params.kind)
    return innovation(e, p.innovation)


# ---- the ring buffers of an array


@njit(**INLINE)
def has_pending(pending: Pending) -> bool:
    """Return whether any ring buffer must be started or refilled."""
    lengths = pending.lengths
    return lengths[0] + lengths[1] + lengths[2] + lengths[3] > 0


@njit(**PART)
def flush_pending(params: KernelParams, cells: CellPointers, pending: Pending) -> None:
    """Start and refill all ring buffers that were noted, and empty the lists.

    Parameters
    ----------
    params, cells, pending
        Parameter set, cells, and the lists.
    """
    for which in range(2):
        for done in range(0, pending.lengths[which], BATCH):
            _refill_groups(params, cells, pending, which, done)
        for done in range(0, pending.lengths[2 + which], BATCH * W):
            _refill_cells(params, cells, pending, which, done)
        pending.lengths[which] = 0
        pending.lengths[2 + which] = 0


@njit(**PART)
def _refill_groups(params: KernelParams, cells: CellPointers, pending: Pending, which: int, done: int) -> None:
    """Start or refill the ring buffers of one batch of groups, on copies; the cells in the masks are stored back."""
    slots = params.slots
    count = min(BATCH, pending.lengths[which] - done)
    most = np.int64(0)
    for member in range(count):
        entry = which * pending.capacity + done + member
        group, mask = pending.groups[entry], _mask_from_bits(pending.masks[entry])
        ring = slot_offset(params, group, 0)
        lo, hi = ids(cells, group)
        if which == START:
            number, cycles = uint32s(1), np.int64(first_where(_last_slots(params, lo), mask))
            store(pending.fill_counts, member * W, uint32s(cycles))
            _start_ring(params, pending.ring_copies, member * slots * 4 * W, lo, hi)
        else:
            number, cycles = next_cycle(load(cells.status, group * HOT + STATUS)), np.int64(slots)
        oldest = np.int64(first_where(remainder(number, slots), mask))
        pending.oldest_slots[member] = oldest
        if which == REFILL:
            pending.prefetch_plan[REFILL_SLOT] = _ring_index(oldest, slots - 1, slots)
        _draw_innovations(params, cells, pending, member, lo, hi, number, cycles, ring)
        if which == REFILL:
            for k in range(slots):
                x = load_slot(cells.memory, ring + _ring_index(oldest, k, slots) * BLOCK * 4 * W)
                store4(pending.ring_copies, (member * slots + k) * 4 * W, x)
        most = max(most, cycles)
    _fill_slots(params, cells, pending, most, which == REFILL)
    for member in range(count):
        entry = which * pending.capacity + done + member
        group, mask = pending.groups[entry], _mask_from_bits(pending.masks[entry])
        ring = slot_offset(params, group, 0)
        whole = pending.masks[entry] == ALL_LANES
        for k in range(slots):
            m = ring + _ring_index(pending.oldest_slots[member], k, slots) * BLOCK * 4 * W
            x = load4(pending.ring_copies, (member * slots + k) * 4 * W)
            if not whole:
                y = load_slot(cells.memory, m)
                x = where(mask, x[0], y[0]), where(mask, x[1], y[1]), where(mask, x[2], y[2]), where(mask, x[3], y[3])
            store_slot(cells.memory, m, x)


@njit(**INLINE)
def _mask_from_bits(bits: UInt32) -> Mask:
    """Return a mask from its bits."""
    return ((uint32s(bits) >> lane_numbers()) & 1) != 0


@njit(**INLINE)
def _ring_index(oldest: int, k: int, slots: int) -> int:
    """Return the k-th slot after a slot of a ring buffer."""
    slot = oldest + k
    return slot if slot < slots else slot - slots


@njit(**PART)
def _refill_cells(params: KernelParams, cells: CellPointers, pending: Pending, which: int, done: int) -> None:
    """Start or refill the ring buffers of one batch of single cells, gathered from their groups and scattered back."""
    slots, ring_copies = params.slots, pending.ring_copies
    size = 4 * slots * W
    first_entry = which * pending.capacity * W + done
    count = min(BATCH * W, pending.lengths[2 + which] - done)
    for k in range(BATCH * W):
        cell = pending.positions[first_entry + min(k, count - 1)]
        group, lane = cell // W, cell % W
        if cells.consecutive:
            cell_id = cells.first_id + np.uint64(cell)
            pending.addresses[k] = np.uint32(cell_id & np.uint64(0xFFFFFFFF))
            pending.addresses[BATCH * W + k] = np.uint32(cell_id >> np.uint64(32))
        else:
            pending.addresses[k] = cells.id_lo[cell]
            pending.addresses[BATCH * W + k] = cells.id_hi[cell]
        number = np.uint32(
            1 if which == START else (cells.status[group * HOT + STATUS + lane] + np.uint32(1)) & np.uint32(CYCLE)
        )
        pending.addresses[2 * BATCH * W + k] = number
        pending.oldest_slots[k] = np.int64(number) % slots
        if which == REFILL:
            for j in range(slots):
                m = slot_offset(params, group, _ring_index(pending.oldest_slots[k], j, slots)) + lane_offset(lane)
                copy_slot(cells.memory, m, ring_copies, k // W * size + j * 4 * W + lane_offset(k % W))
    for member in range(-(-count // W)):
        lo, hi = load(pending.addresses, member * W), load(pending.addresses, (BATCH + member) * W)
        number = load(pending.addresses, (2 * BATCH + member) * W)
        if which == START:
            store(pending.fill_counts, member * W, _last_slots(params, lo))
            _start_ring(params, ring_copies, member * size, lo, hi)
        else:
            for m in range(member * size, (member + 1) * size, 4 * W):
                store4(ring_copies, m, load_slot(ring_copies, m))
        _draw_innovations(params, cells, pending, member, lo, hi, number, slots, -1)
    _fill_slots(params, cells, pending, slots, which == REFILL)
    for m in range(0, -(-count // W) * size, 4 * W):
        store_slot(ring_copies, m, load4(ring_copies, m))
    for k in range(count):
        cell = pending.positions[first_entry + k]
        group, lane = cell // W, cell % W
        for j in range(slots):
            m = slot_offset(params, group, _ring_index(pending.oldest_slots[k], j, slots)) + lane_offset(lane)
            copy_slot(ring_copies, k // W * size + j * 4 * W + lane_offset(k % W), cells.memory, m)
