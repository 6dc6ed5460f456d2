"""Steps of one lane group of packed cells.

The group is unpacked to scratch memory, stepped by the functions of `engines.cpu.cell_steps`, and packed again. This
happens after each voltage that changed something, so that rounding does not depend on how voltages are grouped.
"""

from numba import njit

from synaptogen.engines.cpu.cell_steps import (
    device_features,
    draw_device,
    draw_traits,
    finish_device,
    first_cycle,
    step_reset,
    step_set,
)
from synaptogen.engines.cpu.history_buffers import next_cycle
from synaptogen.engines.cpu.lanes import INLINE, PART, Pointer, W, load, load_constants, store, store_where, uint32s
from synaptogen.engines.cpu.layout import (
    R_HRS,
    R_LRS,
    STATUS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    VECTOR,
    Four,
    KernelParams,
    ids,
    scalar4,
    store4,
)
from synaptogen.engines.cpu.state_space import (
    advance_states,
    draw_states,
    latent_of_states,
    normals_of_cycle,
    restart_states,
)
from synaptogen.model import (
    LIMITED,
    CycleFeatures,
    Mask,
    Real,
    UInt32,
    any_,
    cycle,
    is_irs,
    limited_when_stored,
    resets,
    sets,
    stored_u_reset,
    stored_u_set,
    transition,
    where,
)

from .codes import HIGHEST, Scale, decode, encode, is_outside
from .layout import THRESHOLDS, TRAITS, X_ROWS, Packed, Scratch, load_codes, store_codes


@njit(**INLINE)
def unpack(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Unpack what most voltages need of a group to the scratch: neither states nor devices.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory and parameter set.
    group : int
    """
    cells, s, at = scratch.cells, packed.scales, group * THRESHOLDS * W
    u, r_lrs = load_codes(packed.thresholds, at), decode(load_codes(packed.thresholds, at + W), s.r)
    u_reset = decode_u_reset(load_codes(packed.thresholds, at + 2 * W), s.u_reset, params)
    store(cells.status, STATUS, load(packed.status, group * W))
    store(cells.r, 0, decode(load_codes(packed.r, group * W), s.r))
    store(cells.hot, U_SET, decode_u_set(u, s.u_set, params))
    store(cells.curve, U_RATCHET, decode(u, s.u_ratchet))
    store(cells.hot, R_LRS, r_lrs)
    store(cells.device, U_RESET, u_reset)
    store(scratch.r_from, 0, r_lrs)
    store(scratch.u_from, 0, u_reset)
    unpack_ids(packed, scratch, group)


@njit(**INLINE)
def unpack_ids(packed: Packed, scratch: Scratch, group: int) -> None:
    """Write the ids of a group to the scratch.

    Parameters
    ----------
    packed, scratch
        Packed cells and scratch memory.
    group : int
    """
    lo, hi = ids(packed, group)
    store(scratch.id_lo, 0, lo)
    store(scratch.id_hi, 0, hi)


@njit(**INLINE)
def decode_u_set(code: UInt32, scale: Scale, params: KernelParams) -> Real:
    """Return the U_SET that a code stands for; of cells that wear out, the lowest code is out of reach.

    Parameters
    ----------
    code : uint32 lanes
    scale : Scale
    params : KernelParams

    Returns
    -------
    real lanes
        V.
    """
    p = load_constants(params.constants, params.kind)
    return stored_u_set(decode(code, scale), code == 0, p.wear)


@njit(**INLINE)
def decode_u_reset(code: UInt32, scale: Scale, params: KernelParams) -> Real:
    """Return the U_RESET that a code stands for; of cells that wear out, the highest code is out of reach.

    Parameters
    ----------
    code : uint32 lanes
    scale : Scale
    params : KernelParams

    Returns
    -------
    real lanes
        V.
    """
    p = load_constants(params.constants, params.kind)
    return stored_u_reset(decode(code, scale), code == HIGHEST, p.wear)


@njit(**INLINE)
def pack(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Pack the group in the scratch, and set the flag `LIMITED` of cells with a feature outside of its codes.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory and parameter set.
    group : int
    """
    cells, s, at = scratch.cells, packed.scales, group * THRESHOLDS * W
    status, r = load(cells.status, STATUS), load(cells.r, 0)
    u_set, r_lrs, u_reset = load(cells.hot, U_SET), load(cells.hot, R_LRS), load(cells.device, U_RESET)
    p = load_constants(params.constants, params.kind)
    outside = is_outside(u_set, s.u_set) | is_outside(u_reset, s.u_reset)
    outside = limited_when_stored(outside, u_set, u_reset, p.wear) | is_outside(r, s.r) | is_outside(r_lrs, s.r)
    partly = is_irs(status)
    u = where(partly, encode(load(cells.curve, U_RATCHET), s.u_ratchet), encode(u_set, s.u_set))
    store_codes(packed.thresholds, at, u)
    store_codes(packed.thresholds, at + W, encode(where(partly, load(scratch.r_from, 0), r_lrs), s.r))
    store_codes(packed.thresholds, at + 2 * W, encode(where(partly, load(scratch.u_from, 0), u_reset), s.u_reset))
    store_codes(packed.r, group * W, encode(r, s.r))
    store(packed.status, group * W, where(outside, status | LIMITED, status))


@njit(**INLINE)
def ensure_device(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Unpack or draw again the devices of a group, unless the scratch holds them already.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory and parameter set.
    group : int
    """
    if scratch.drawn_group[0] != group:
        if params.own:
            _unpack_traits(packed, scratch, group)
            finish_device(scratch.cells, params, 0, packed.log_sigma)
        else:
            draw_device(scratch.cells, params, 0, packed.mixture, packed.components, packed.bounded, packed.log_sigma)
        scratch.drawn_group[0] = group


@njit(**INLINE)
def _unpack_traits(packed: Packed, scratch: Scratch, group: int) -> None:
    """Unpack the traits of the devices of a group to the scratch."""
    at = group * TRAITS * W
    for k in range(VECTOR):
        code = load_codes(packed.devices, at + k * W)
        store(scratch.cells.device, k * W, decode(code, _scale_of(packed.device_scales, k)))
    for k in range(VECTOR, TRAITS):
        code = load_codes(packed.devices, at + k * W)
        store(scratch.cells.memory, (X_ROWS + k - VECTOR) * W, decode(code, _scale_of(packed.device_scales, k)))


@njit(**INLINE)
def keep_traits(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Draw the traits of the devices of a group, and store their codes.

    Devices with shapes and memory of their own have bounds on 20 traits, so many are drawn more than once. That would
    take ten times as long as a cycle.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory and parameter set.
    group : int
    """
    unpack_ids(packed, scratch, group)
    draw_traits(scratch.cells, params, 0, packed.mixture, packed.components, packed.bounded)
    at = group * TRAITS * W
    for k in range(VECTOR):
        code = encode(load(scratch.cells.device, k * W), _scale_of(packed.device_scales, k))
        store_codes(packed.devices, at + k * W, code)
    for k in range(VECTOR, TRAITS):
        code = encode(load(scratch.cells.memory, (X_ROWS + k - VECTOR) * W), _scale_of(packed.device_scales, k))
        store_codes(packed.devices, at + k * W, code)


@njit(**INLINE)
def _scale_of(scales: Pointer, k: int) -> Scale:
    """Return the scale of state or trait k."""
    low, step, per_step, _ = scalar4(scales, 4 * k)
    return Scale(low, step, per_step)


@njit(**INLINE)
def _unpack_states(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Unpack the states of a group to the scratch."""
    for k in range(params.states):
        code = load_codes(packed.states, (group * params.states + k) * W)
        store(scratch.states.memory, k * W, decode(code, _scale_of(packed.state_scales, k)))


@njit(**INLINE)
def _pack_states(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Pack the states in the scratch, and replace them by the numbers that were stored."""
    for k in range(params.states):
        scale = _scale_of(packed.state_scales, k)
        code = encode(load(scratch.states.memory, k * W), scale)
        store_codes(packed.states, (group * params.states + k) * W, code)
        store(scratch.states.memory, k * W, decode(code, scale))


@njit(**INLINE)
def _latent(scratch: Scratch, params: KernelParams, lo: UInt32, hi: UInt32, number: UInt32) -> Four:
    """Return x of cycle ``number``, to which the states in the scratch belong."""
    e, unrest = normals_of_cycle(params, lo, hi, number)
    own = scratch.cells.memory, X_ROWS * W
    return latent_of_states(params, scratch.states.memory, 0, own[0], own[1], e, unrest)


@njit(**INLINE)
def _store_latent(scratch: Scratch, params: KernelParams, number: UInt32) -> None:
    """Store x of cycle ``number``, to which the states in the scratch belong, where ordinary steps look for it."""
    lo, hi = load(scratch.id_lo, 0), load(scratch.id_hi, 0)
    store4(scratch.cells.memory, 0, _latent(scratch, params, lo, hi, number))


@njit(**PART)
def _begin_cycle(packed: Packed, scratch: Scratch, params: KernelParams, group: int, begin: Mask) -> None:
    """Advance the states of cells in the mask to their next cycle, and store its x."""
    ensure_device(packed, scratch, params, group)
    _unpack_states(packed, scratch, params, group)
    status = load(scratch.cells.status, STATUS)
    number, lo, hi = next_cycle(status), load(scratch.id_lo, 0), load(scratch.id_hi, 0)
    advance_states(params, scratch.states, 0, scratch.cells.memory, X_ROWS * W, lo, hi, cycle(status), begin)
    if any_(begin & (number == 0)):
        restart_states(params, scratch.states, scratch.spare, 0, lo, hi, begin & (number == 0))
    _pack_states(packed, scratch, params, group)
    _store_latent(scratch, params, number)


@njit(**INLINE)
def _running_features(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> CycleFeatures:
    """Return the features of the running cycle, computed again from its states."""
    ensure_device(packed, scratch, params, group)
    _unpack_states(packed, scratch, params, group)
    lo, hi = load(scratch.id_lo, 0), load(scratch.id_hi, 0)
    number = cycle(load(scratch.cells.status, STATUS))
    return device_features(scratch.cells, params, 0, _latent(scratch, params, lo, hi, number), number)


@njit(**PART)
def recompute(packed: Packed, scratch: Scratch, params: KernelParams, group: int) -> None:
    """Compute what is not stored.

    This is R_HRS, and for partly reset cells also the transition and all features of the running cycle.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory with the group unpacked, and parameter set.
    group : int
    """
    f = _running_features(packed, scratch, params, group)
    cells = scratch.cells
    partly = is_irs(load(cells.status, STATUS))
    p = load_constants(params.constants, params.kind)
    curve = transition(load(scratch.r_from, 0), load(scratch.u_from, 0), f.r_hrs, p)
    store_where(cells.curve, T_SCALE, curve.scale, partly)
    store_where(cells.curve, T_END, curve.end, partly)
    store_where(cells.hot, U_SET, f.u_set, partly)
    store_where(cells.hot, R_LRS, f.r_lrs, partly)
    store_where(cells.device, U_RESET, f.u_reset, partly)
    store(cells.device, R_HRS, f.r_hrs)


@njit(**INLINE)
def step(
    packed: Packed, scratch: Scratch, params: KernelParams, latent_given: KernelParams, group: int, u: Real
) -> bool:
    """Apply one voltage per lane to the group in the scratch.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory with the group unpacked, and parameter set.
    latent_given : KernelParams
        The parameter set with which ordinary steps take x as it is stored, see `packed.kernels`.
    group : int
    u : real lanes
        Voltages in V.

    Returns
    -------
    bool
        Whether anything has changed.
    """
    cells = scratch.cells
    changed = False
    if any_(u < 0.0):
        if any_(is_irs(load(cells.status, STATUS)) & (u < 0.0)):
            recompute(packed, scratch, params, group)
        if any_(sets(load(cells.status, STATUS), u, load(cells.hot, U_SET))):
            step_set(cells, latent_given, scratch.spare, 0, u)
            changed = True
    if any_(u > 0.0):
        status = load(cells.status, STATUS)
        p = load_constants(params.constants, params.kind)
        event = resets(status, u, load(cells.device, U_RESET), load(cells.curve, U_RATCHET), p)
        if any_(event.full | event.partial):
            if any_(is_irs(status) & (event.full | event.partial)):
                recompute(packed, scratch, params, group)
            if any_(event.begin):
                _begin_cycle(packed, scratch, params, group, event.begin)
            step_reset(cells, latent_given, scratch.spare, 0, u)
            changed = True
    return changed


@njit(**INLINE)
def begin_first_cycle(
    packed: Packed, scratch: Scratch, params: KernelParams, latent_given: KernelParams, group: int
) -> None:
    """Begin cycle 0 of a group, and pack it.

    Parameters
    ----------
    packed, scratch, params
        Packed cells, scratch memory and parameter set.
    latent_given : KernelParams
        The parameter set with which ordinary steps take x as it is stored.
    group : int
    """
    unpack_ids(packed, scratch, group)
    ensure_device(packed, scratch, params, group)
    draw_states(params, scratch.states.memory, 0, load(scratch.id_lo, 0), load(scratch.id_hi, 0))
    _pack_states(packed, scratch, params, group)
    _store_latent(scratch, params, uint32s(0))
    first_cycle(scratch.cells, latent_given, 0)
    pack(packed, scratch, params, group)
