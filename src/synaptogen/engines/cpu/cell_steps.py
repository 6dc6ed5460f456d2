"""Steps of one lane group: a voltage, a read, the first cycle.

Memory, masks and branches are handled here; the formulas are in `model`.
"""

import numpy as np
from numba import njit

from synaptogen.model import (
    CYCLE,
    CYCLES,
    DEVICE,
    DRAWS,
    HRS,
    IRS,
    LRS,
    OWN_TRAITS,
    CycleFeatures,
    Mask,
    Real,
    Transition,
    UInt32,
    aged,
    any_,
    chosen,
    conductance,
    device_rows,
    features_on_offsets,
    in_mode,
    in_next_cycle,
    is_irs,
    maximum,
    minimum,
    noise_density,
    noisy_current,
    normals,
    partial_reset,
    random_words,
    read_normal,
    resets,
    rounded_mul,
    scale,
    sets,
    transition,
)

from .history_buffers import fetch_latent, next_cycle
from .history_refill import STEP_PREFETCH_END, Pending, first_latent, note_first_set, note_used_up
from .lanes import INLINE, Pointer, W, load, load_constants, reals, scalar, store, store_where, uint32s
from .layout import (
    CURVE,
    DEVICE_RECORD,
    HOT,
    R_HRS,
    R_LRS,
    STATUS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    VECTOR,
    CellPointers,
    Four,
    KernelParams,
    ids,
    load4,
    load_own,
    own_index,
    prefetch_numbers,
    store4,
)
from .state_space import advance_states, draw_states, restart_states

STEP_PREFETCH = 16  # groups by which a step prefetches ahead of use


@njit(**INLINE)
def step(cells: CellPointers, params: KernelParams, pending: Pending, group: int, u: Real) -> None:
    """Apply one voltage per lane to a group; U_SET < 0 < U_RESET, so the sign says what can happen.

    Parameters
    ----------
    cells, params, pending
        Cells, parameter set, and the refills to note.
    group : int
    u : real lanes
        Voltages in V; 0 changes nothing.
    """
    if any_(u < 0.0):
        step_set(cells, params, pending, group, u)
    if any_(u > 0.0):
        step_reset(cells, params, pending, group, u)


@njit(**INLINE)
def step_set(cells: CellPointers, params: KernelParams, pending: Pending, group: int, u: Real) -> None:
    """Apply one voltage per lane to a group, as far as it sets cells.

    Parameters
    ----------
    cells, params, pending
        Cells, parameter set, and the refills to note.
    group : int
    u : real lanes
        Voltages in V.
    """
    hot_at = group * HOT
    _prefetch_ahead(cells, params, pending, group + STEP_PREFETCH)
    status = load(cells.status, hot_at + STATUS)
    mask = sets(status, u, load(cells.hot, hot_at + U_SET))
    if any_(mask):
        store_where(cells.r, group * W, load(cells.hot, hot_at + R_LRS), mask)
        store(cells.status, hot_at + STATUS, in_mode(status, mask, LRS))
        if params.slots > 0:
            note_first_set(params, cells, pending, group, status, mask)


@njit(**INLINE)
def step_reset(cells: CellPointers, params: KernelParams, pending: Pending, group: int, u: Real) -> None:
    """Apply one voltage per lane to a group, as far as it resets cells.

    Parameters
    ----------
    cells, params, pending
        Cells, parameter set, and the refills to note.
    group : int
    u : real lanes
        Voltages in V.
    """
    hot_at, device_at, curve_at = group * HOT, group * DEVICE_RECORD, group * CURVE
    status = load(cells.status, hot_at + STATUS)
    p = load_constants(params.constants, params.kind)
    u_reset = load(cells.device, device_at + U_RESET)
    u_ratchet = u_reset
    if any_(is_irs(status)):
        u_ratchet = load(cells.curve, curve_at + U_RATCHET)
    event = resets(status, u, u_reset, u_ratchet, p)
    if any_(event.begin):
        _prefetch_ahead(cells, params, pending, group + STEP_PREFETCH)
        f = _next_features(cells, params, pending, group, next_cycle(status), event.begin)
        sloped = event.begin & event.partial
        if any_(sloped):
            p = load_constants(params.constants, params.kind)
            curve = transition(load(cells.r, group * W), u_reset, f.r_hrs, p)
            store_where(cells.curve, curve_at + T_SCALE, curve.scale, sloped)
            store_where(cells.curve, curve_at + T_END, curve.end, sloped)
        store_where(cells.hot, hot_at + U_SET, f.u_set, event.begin)
        store_where(cells.hot, hot_at + R_LRS, f.r_lrs, event.begin)
        store_where(cells.device, device_at + R_HRS, f.r_hrs, event.begin)
        store_where(cells.device, device_at + U_RESET, f.u_reset, event.begin)
        status = in_next_cycle(status, event.begin, f.limited)
    if any_(event.full):
        store_where(cells.r, group * W, load(cells.device, device_at + R_HRS), event.full)
        status = in_mode(status, event.full, HRS)
    if any_(event.partial):
        p = load_constants(params.constants, params.kind)
        curve = Transition(load(cells.curve, curve_at + T_SCALE), load(cells.curve, curve_at + T_END))
        store_where(cells.r, group * W, partial_reset(curve, u, p), event.partial)
        store_where(cells.curve, curve_at + U_RATCHET, u, event.partial)
        status = in_mode(status, event.partial, IRS)
    if any_(event.full | event.partial):
        store(cells.status, hot_at + STATUS, status)


@njit(**INLINE)
def _prefetch_ahead(cells: CellPointers, params: KernelParams, pending: Pending, group: int) -> None:
    """Prefetch what any voltage needs of a group that comes later."""
    if params.slots + params.states > 0 and group < pending.prefetch_plan[STEP_PREFETCH_END]:
        prefetch_numbers(cells.hot, group * HOT, HOT)
        prefetch_numbers(cells.r, group * W, W)


@njit(**INLINE)
def _next_features(
    cells: CellPointers, params: KernelParams, pending: Pending, group: int, number: UInt32, mask: Mask
) -> CycleFeatures:
    """Return the features of cycle ``number`` of the cells in the mask, which begin it."""
    if params.slots > 0:
        x = fetch_latent(
            params, cells, pending.addresses, pending.prefetch_plan[STEP_PREFETCH_END], group, number, mask
        )
        note_used_up(params, cells, pending, group, number, mask)
    elif params.states == 0:  # packed cells: their engine has stored x in place of the memory
        x = load4(cells.memory, group * params.rows * W)
    else:
        if group + STEP_PREFETCH < pending.prefetch_plan[STEP_PREFETCH_END]:
            prefetch_numbers(cells.device, (group + STEP_PREFETCH) * DEVICE_RECORD, DEVICE_RECORD)
            prefetch_numbers(cells.memory, (group + STEP_PREFETCH) * params.rows * W, params.rows * W)
        lo, hi = ids(cells, group)
        if any_(mask & (number == 0)):
            restart_states(params, cells, pending, group, lo, hi, mask & (number == 0))
        x = advance_states(params, cells, group, cells.memory, own_index(params, group), lo, hi, number, mask)
    return device_features(cells, params, group, x, number)


@njit(**INLINE)
def device_features(cells: CellPointers, params: KernelParams, group: int, x: Four, number: UInt32) -> CycleFeatures:
    """Return the features of cycle ``number``, with latent x.

    Parameters
    ----------
    cells, params
        Cells with their device vectors, and the parameter set.
    group : int
    x : four real lanes
        Latent vector of the cycle.
    number : uint32 lanes
        Number of the cycle.

    Returns
    -------
    CycleFeatures
    """
    device_at = group * DEVICE_RECORD
    own = load_own(cells.memory, own_index(params, group))  # no code, where devices have nothing of their own
    mu, sigma = load4(cells.device, device_at), load4(cells.device, device_at + 4 * W)
    lo, hi = ids(cells, group)  # no code without trend and wear
    # the trend may branch: constants that were loaded before it would wait in memory of their own until they are used
    trend = load_constants(params.constants, params.kind).trend
    mu = aged(mu, sigma, lo, hi, number, params.k0, params.k1, trend)
    p = load_constants(params.constants, params.kind)
    return features_on_offsets(x, mu, sigma, p, own, lo, hi, number, params.k0, params.k1)


@njit(**INLINE)
def read_current(
    cells: CellPointers, params: KernelParams, group: int, u: Real, bandwidth: float, number: UInt32
) -> Real:
    """Return the currents of a group at given voltages.

    Parameters
    ----------
    cells, params
        Cells and parameter set.
    group : int
    u : real lanes
        Voltages in V.
    bandwidth : float32
        Bandwidth of the noise in Hz; 0 means no noise.
    number : uint32 lanes
        How often each cell has been read before: it selects the noise.

    Returns
    -------
    real lanes
        Currents in A.
    """
    p = load_constants(params.constants, params.kind)
    g = conductance(load(cells.r, group * W), u, p)
    if bandwidth > 0.0:
        lo, hi = ids(cells, group)
        z = read_normal(lo, hi, number, params.k0, params.k1)
        return noisy_current(g, u, noise_density(u) * bandwidth, z)
    return rounded_mul(u, g)


@njit(**INLINE)
def draw_device(
    cells: CellPointers,
    params: KernelParams,
    group: int,
    mixture: tuple[Pointer, ...],
    components: int,
    bounded: bool,
    log_sigma: bool,
) -> None:
    """Draw the device vectors of a group, and finish them.

    Parameters
    ----------
    cells, params, group, mixture, components, bounded
        As of `draw_traits`.
    log_sigma : bool
        As of `finish_device`.
    """
    draw_traits(cells, params, group, mixture, components, bounded)
    finish_device(cells, params, group, log_sigma)


@njit(**INLINE)
def draw_traits(
    cells: CellPointers,
    params: KernelParams,
    group: int,
    mixture: tuple[Pointer, ...],
    components: int,
    bounded: bool,
) -> None:
    """Draw the traits of the devices of a group: one component of the mixture, and normals.

    Own traits are stored in the first of the rows that `own_index` names.

    Parameters
    ----------
    cells, params
        Cells whose device records are written, and the parameter set.
    group : int
    mixture
        Pointers to the arrays of `engine.mixture_arrays`.
    components : int
        Number of components.
    bounded : bool
        Whether the population has bounds.
    """
    lo, hi = ids(cells, group)
    choice = random_words(lo, hi, DEVICE, uint32s(0), 0, params.k0, params.k1)[0]
    todo = reals(np.float32(0.0)) == 0.0
    for number in range(DRAWS if bounded else 1):
        _draw_vectors(cells, params, group, mixture, components, choice, number, todo)
        if params.own:
            _draw_own(cells, params, group, mixture, components, choice, number, todo)
        if bounded:
            todo = _out_of_bounds(cells, params, group, mixture[3])
            if not any_(todo):
                break
    if bounded:
        _limit_vectors(cells, params, group, mixture[3])


@njit(**INLINE)
def finish_device(cells: CellPointers, params: KernelParams, group: int, log_sigma: bool) -> None:
    """Replace the traits of the devices of a group by what cycles need of them.

    Parameters
    ----------
    cells, params
        Cells with the traits of `draw_traits`, and the parameter set.
    group : int
    log_sigma : bool
        True if the population holds log sigma.
    """
    if params.own:
        _store_own(cells, params, group)
    if log_sigma:
        for i in range(4, 8):
            at = group * DEVICE_RECORD + i * W
            store(cells.device, at, scale(load(cells.device, at)))


@njit(**INLINE)
def _draw_vectors(
    cells: CellPointers,
    params: KernelParams,
    group: int,
    mixture: tuple[Pointer, ...],
    components: int,
    choice: UInt32,
    number: int,
    todo: Mask,
) -> None:
    """Store draw ``number`` of the device vectors of the cells in ``todo``, from the components of their ``choice``."""
    _, means, cholesky, _ = mixture
    lo, hi = ids(cells, group)
    a = normals(lo, hi, DEVICE, uint32s(number), 1, params.k0, params.k1)
    b = normals(lo, hi, DEVICE, uint32s(number), 2, params.k0, params.k1)
    traits = VECTOR + OWN_TRAITS if params.own else VECTOR
    for k in range(components):
        here = chosen(choice, scalar(mixture[0], k)) & todo
        for i in range(VECTOR):
            row = (k * traits + i) * traits
            y = scalar(means, k * traits + i) + a[0] * scalar(cholesky, row) + a[1] * scalar(cholesky, row + 1)
            y = y + a[2] * scalar(cholesky, row + 2) + a[3] * scalar(cholesky, row + 3)
            y = y + b[0] * scalar(cholesky, row + 4) + b[1] * scalar(cholesky, row + 5)
            y = y + b[2] * scalar(cholesky, row + 6) + b[3] * scalar(cholesky, row + 7)
            store_where(cells.device, group * DEVICE_RECORD + i * W, y, here)


@njit(**INLINE)
def _draw_own(
    cells: CellPointers,
    params: KernelParams,
    group: int,
    mixture: tuple[Pointer, ...],
    components: int,
    choice: UInt32,
    number: int,
    todo: Mask,
) -> None:
    """Store draw ``number`` of the own traits of the cells in ``todo``, which follow mu and sigma in the vector."""
    _, means, cholesky, _ = mixture
    lo, hi = ids(cells, group)
    traits, at = VECTOR + OWN_TRAITS, own_index(params, group)
    for block in range(traits // 4):
        z = normals(lo, hi, DEVICE, uint32s(number), 1 + block, params.k0, params.k1)
        for i in range(VECTOR, traits):
            place = at + (i - VECTOR) * W
            before = load(cells.memory, place)
            for k in range(components):
                here = chosen(choice, scalar(mixture[0], k)) & todo
                row = (k * traits + i) * traits + 4 * block
                y = rounded_mul(z[0], scalar(cholesky, row)) + z[1] * scalar(cholesky, row + 1)
                y = y + z[2] * scalar(cholesky, row + 2) + z[3] * scalar(cholesky, row + 3)
                if block > 0:
                    y = y + before
                else:
                    y = y + scalar(means, k * traits + i)
                store_where(cells.memory, place, y, here)


@njit(**INLINE)
def _out_of_bounds(cells: CellPointers, params: KernelParams, group: int, bounds: Pointer) -> Mask:
    """Return which device vectors of a group lie outside of the bounds of their population."""
    outside = reals(np.float32(0.0)) != 0.0
    traits, at = VECTOR + OWN_TRAITS if params.own else VECTOR, own_index(params, group)
    for i in range(VECTOR):
        y = load(cells.device, group * DEVICE_RECORD + i * W)
        outside = outside | (y < scalar(bounds, i)) | (y > scalar(bounds, traits + i))
    for i in range(VECTOR, traits):
        y = load(cells.memory, at + (i - VECTOR) * W)
        outside = outside | (y < scalar(bounds, i)) | (y > scalar(bounds, traits + i))
    return outside


@njit(**INLINE)
def _limit_vectors(cells: CellPointers, params: KernelParams, group: int, bounds: Pointer) -> None:
    """Limit the device vectors of a group to the bounds of their population."""
    traits, own_at = VECTOR + OWN_TRAITS if params.own else VECTOR, own_index(params, group)
    for i in range(VECTOR):
        at = group * DEVICE_RECORD + i * W
        store(cells.device, at, minimum(maximum(load(cells.device, at), scalar(bounds, i)), scalar(bounds, traits + i)))
    for i in range(VECTOR, traits):
        at = own_at + (i - VECTOR) * W
        store(cells.memory, at, minimum(maximum(load(cells.memory, at), scalar(bounds, i)), scalar(bounds, traits + i)))


@njit(**INLINE)
def _store_own(cells: CellPointers, params: KernelParams, group: int) -> None:
    """Replace the own traits of the devices of a group by what is kept of them."""
    p, at = load_constants(params.constants, params.kind), own_index(params, group)
    rows = device_rows(load_own(cells.memory, at), p.own)
    store4(cells.memory, at, rows[0:4])
    store4(cells.memory, at + 4 * W, rows[4:8])
    store4(cells.memory, at + 8 * W, rows[8:12])
    store4(cells.memory, at + 12 * W, rows[12:16])


@njit(**INLINE)
def first_cycle(cells: CellPointers, params: KernelParams, group: int) -> None:
    """Begin cycle 0 of a group, in the HRS.

    Parameters
    ----------
    cells, params
        Cells with their device vectors, and the parameter set.
    group : int
    """
    lo, hi = ids(cells, group)
    everywhere = reals(np.float32(0.0)) == 0.0
    if params.slots > 0:
        # the ring buffer is not touched before the first SET
        x = first_latent(params, normals(lo, hi, CYCLES, uint32s(0), 0, params.k0, params.k1))
    elif params.states == 0:
        x = load4(cells.memory, group * params.rows * W)
    else:
        draw_states(params, cells.memory, group * params.rows * W, lo, hi)
        own_at = own_index(params, group)
        x = advance_states(params, cells, group, cells.memory, own_at, lo, hi, uint32s(0), everywhere)
    f = device_features(cells, params, group, x, uint32s(0))
    hot_at, device_at = group * HOT, group * DEVICE_RECORD
    store(cells.r, group * W, f.r_hrs)
    store(cells.hot, hot_at + U_SET, f.u_set)
    store(cells.hot, hot_at + R_LRS, f.r_lrs)
    store(cells.device, device_at + U_RESET, f.u_reset)
    store(cells.device, device_at + R_HRS, f.r_hrs)
    for field in (U_RATCHET, T_SCALE, T_END):
        store(cells.curve, group * CURVE + field, reals(np.float32(0.0)))
    store(cells.status, hot_at + STATUS, in_next_cycle(uint32s(HRS | CYCLE), everywhere, f.limited))
