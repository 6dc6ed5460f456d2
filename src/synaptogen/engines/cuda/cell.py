"""The device code of one cell, run by one thread: how it is drawn, and what voltages and reads do.

The formulas are those of `synaptogen.model`; here are loads, stores and branches.
"""

from typing import Any

from synaptogen.model import (
    CYCLE,
    DEVICE,
    DRAWS,
    HRS,
    IRS,
    LRS,
    OWN_TRAITS,
    CycleFeatures,
    Real,
    Transition,
    UInt32,
    any_,
    chosen,
    conductance,
    device_rows,
    features_of,
    in_mode,
    in_next_cycle,
    is_irs,
    maximum,
    minimum,
    noise_density,
    noisy_current,
    partial_reset,
    random_words,
    read_normal,
    resets,
    rounded_mul,
    scale,
    sets,
    transition,
)

from .history import memory_groups, next_latent
from .layout import (
    DEVICE_GROUPS,
    FIELD_GROUPS,
    R_HRS,
    R_LRS,
    T_END,
    T_SCALE,
    U_RATCHET,
    U_RESET,
    U_SET,
    WARP_TILE,
    CellBuffers,
    Four,
    KernelParams,
    base_of,
    cell_id,
    cell_normals,
    load_four,
    load_own,
    store_four,
)
from .scalars import load, load_row, real_of, store, uint32_of


def step(state: CellBuffers, params: KernelParams, i: int, status: UInt32, u: Real) -> UInt32:
    """Apply one voltage to a cell.

    The status word goes from call to call in a register; the caller loads it before the first and stores it after the
    last.

    Parameters
    ----------
    state, params
        All cells, and their parameter set.
    i : int
        Position of the cell.
    status : uint32
        Its status word.
    u : real number
        Voltage in V. Since U_SET < 0 < U_RESET, its sign decides which of the two can happen.

    Returns
    -------
    uint32
        Status word afterwards.
    """
    if any_(u < 0.0):
        status = _step_down(state, i, status, u)
    if any_(u > 0.0):
        status = _step_up(state, params, i, status, u)
    return status


def _step_down(state: CellBuffers, i: int, status: UInt32, u: Real) -> UInt32:
    """Apply a negative voltage: SET."""
    base = base_of(i, FIELD_GROUPS)
    mask = sets(status, u, load(state.fields, base + U_SET))
    if any_(mask):
        store(state.r, i, load(state.fields, base + R_LRS))
        status = in_mode(status, mask, LRS)
    return status


def _step_up(state: CellBuffers, params: KernelParams, i: int, status: UInt32, u: Real) -> UInt32:
    """Apply a positive voltage: RESET."""
    base, p = base_of(i, FIELD_GROUPS), params.constants
    u_reset = load(state.fields, base + U_RESET)
    u_ratchet = u_reset
    if any_(is_irs(status)):
        u_ratchet = load(state.fields, base + U_RATCHET)
    event = resets(status, u, u_reset, u_ratchet, p)
    if any_(event.begin):
        new = _next_features(state, params, i, (status + 1) & CYCLE)
        if any_(event.partial):
            curve = transition(load(state.r, i), u_reset, new.r_hrs, p)
            store(state.fields, base + T_SCALE, curve.scale)
            store(state.fields, base + T_END, curve.end)
        _store_features(state, base, new)
        status = in_next_cycle(status, event.begin, new.limited)
    if any_(event.full):
        store(state.r, i, load(state.fields, base + R_HRS))
        status = in_mode(status, event.full, HRS)
    if any_(event.partial):
        curve = Transition(load(state.fields, base + T_SCALE), load(state.fields, base + T_END))
        store(state.r, i, partial_reset(curve, u, p))
        store(state.fields, base + U_RATCHET, u)
        status = in_mode(status, event.partial, IRS)
    return status


def _store_features(state: CellBuffers, base: int, new: CycleFeatures) -> None:
    """Store the features of a cycle that begins."""
    store(state.fields, base + U_SET, new.u_set)
    store(state.fields, base + R_LRS, new.r_lrs)
    store(state.fields, base + R_HRS, new.r_hrs)
    store(state.fields, base + U_RESET, new.u_reset)


def _next_features(state: CellBuffers, params: KernelParams, i: int, number: UInt32) -> CycleFeatures:
    """Draw the features of cycle ``number``, and advance the history of the cell."""
    lo, hi = cell_id(state, i)
    base = base_of(i, memory_groups(params))
    x = next_latent(state, params, base, lo, hi, number, any_(number == 0))
    return _device_features(state, params, i, x, number)


def _device_features(state: CellBuffers, params: KernelParams, i: int, x: Four, number: UInt32) -> CycleFeatures:
    """Return the features of cycle ``number``, with latent vector x."""
    base = base_of(i, DEVICE_GROUPS)
    own = load_own(state.memory, _own_base(params, i), params.own)
    mu, sigma = load_four(state.device, base), load_four(state.device, base + 4 * WARP_TILE)
    lo, hi = cell_id(state, i)  # no code without trend and wear
    k0, k1 = uint32_of(params.k0), uint32_of(params.k1)
    return features_of(x, mu, sigma, params.constants, own, lo, hi, number, k0, k1)


def _own_base(params: KernelParams, i: int) -> int:
    """Return where in the memory of cells begins what a device has of its own."""
    return base_of(i, memory_groups(params)) + params.states * WARP_TILE


def read_current(state: CellBuffers, params: KernelParams, i: int, u: Real, bandwidth: float, number: UInt32) -> Real:
    """Return the current of a cell.

    Parameters
    ----------
    state, params
        All cells, and their parameter set.
    i : int
        Position of the cell.
    u : real number
        Voltage in V.
    bandwidth : float32
        Bandwidth in Hz; 0: no noise.
    number : uint32
        Number of the read, which addresses its noise.

    Returns
    -------
    real number
        Current in A.
    """
    g = conductance(load(state.r, i), u, params.constants)
    if bandwidth > 0.0:
        lo, hi = cell_id(state, i)
        z = read_normal(lo, hi, number, uint32_of(params.k0), uint32_of(params.k1))
        return noisy_current(g, u, noise_density(u) * bandwidth, z)
    return rounded_mul(u, g)


def draw_device(state: CellBuffers, params: KernelParams, i: int, mixture: tuple[Any, ...], log_sigma: bool) -> None:
    """Draw the device vector of a cell: a component of the mixture, then eight normal numbers.

    Parameters
    ----------
    state, params
        All cells, and their parameter set.
    i : int
        Position of the cell.
    mixture : tuple of arrays
        The population, see `kernel_params.mixture_of`.
    log_sigma : bool
        Whether it was fitted to log sigma.
    """
    starts, _, _, bounds = mixture
    lo, hi = cell_id(state, i)
    zero = uint32_of(0)
    choice = random_words(lo, hi, DEVICE, zero, zero, uint32_of(params.k0), uint32_of(params.k1))[0]
    component = 0
    for k in range(starts.size):
        if any_(chosen(choice, load(starts, k))):
            component = k
    base = base_of(i, DEVICE_GROUPS)
    if bounds.size > 1:
        for number in range(DRAWS):
            inside = _draw_vector(state, params, i, mixture, component, number)
            if params.own:
                inside = _draw_own(state, params, i, mixture, component, number) and inside
            if inside:
                break
        _limit_vector(state, params, i, bounds)
    else:
        _draw_vector(state, params, i, mixture, component, 0)
    if params.own:
        at = _own_base(params, i)
        rows = device_rows(load_own(state.memory, at, params.own), params.constants.own)
        store_four(state.memory, at, rows[0:4])
        store_four(state.memory, at + 4 * WARP_TILE, rows[4:8])
        store_four(state.memory, at + 8 * WARP_TILE, rows[8:12])
        store_four(state.memory, at + 12 * WARP_TILE, rows[12:16])
    if log_sigma:
        for j in range(4, DEVICE_GROUPS):
            store(state.device, base + j * WARP_TILE, scale(load(state.device, base + j * WARP_TILE)))


def _draw_vector(
    state: CellBuffers, params: KernelParams, i: int, mixture: tuple[Any, ...], component: int, number: int
) -> bool:
    """Store draw ``number`` of the device vector of a cell; return whether it is within any bounds."""
    _, means, cholesky, bounds = mixture
    lo, hi = cell_id(state, i)
    a = cell_normals(params, lo, hi, DEVICE, uint32_of(number), uint32_of(1))
    b = cell_normals(params, lo, hi, DEVICE, uint32_of(number), uint32_of(2))
    base = base_of(i, DEVICE_GROUPS)
    inside = True
    traits = _traits(params)
    for j in range(DEVICE_GROUPS):
        row = (component * traits + j) * traits
        c_a, c_b = load_row(cholesky, row), load_row(cholesky, row + 4)
        y = load(means, component * traits + j) + a[0] * c_a[0] + a[1] * c_a[1]
        y = y + a[2] * c_a[2] + a[3] * c_a[3]
        y = y + b[0] * c_b[0] + b[1] * c_b[1]
        y = y + b[2] * c_b[2] + b[3] * c_b[3]
        if bounds.size > 1 and any_((y < load(bounds, j)) | (y > load(bounds, traits + j))):
            inside = False
        store(state.device, base + j * WARP_TILE, y)
    return inside


def _traits(params: KernelParams) -> int:
    """Return how many numbers a device is drawn with."""
    return DEVICE_GROUPS + OWN_TRAITS if params.own else DEVICE_GROUPS


def _draw_own(
    state: CellBuffers, params: KernelParams, i: int, mixture: tuple[Any, ...], component: int, number: int
) -> bool:
    """Store draw ``number`` of the own traits of a device; return whether they are within their bounds."""
    _, means, cholesky, bounds = mixture
    lo, hi = cell_id(state, i)
    traits, base = DEVICE_GROUPS + OWN_TRAITS, _own_base(params, i)
    for j in range(OWN_TRAITS):
        store(state.memory, base + j * WARP_TILE, load(means, component * traits + DEVICE_GROUPS + j))
    for block in range(traits // 4):
        z = cell_normals(params, lo, hi, DEVICE, uint32_of(number), uint32_of(1 + block))
        for j in range(OWN_TRAITS):
            row = (component * traits + DEVICE_GROUPS + j) * traits + 4 * block
            c, at = load_row(cholesky, row), base + j * WARP_TILE
            y = rounded_mul(z[0], c[0]) + z[1] * c[1]
            y = y + z[2] * c[2] + z[3] * c[3]
            store(state.memory, at, y + load(state.memory, at))
    inside = True
    for j in range(OWN_TRAITS):
        y = load(state.memory, base + j * WARP_TILE)
        k = DEVICE_GROUPS + j
        if any_((y < load(bounds, k)) | (y > load(bounds, traits + k))):
            inside = False
    return inside


def _limit_vector(state: CellBuffers, params: KernelParams, i: int, bounds: Any) -> None:
    """Limit the device vector of a cell to the bounds of the population."""
    base, traits = base_of(i, DEVICE_GROUPS), _traits(params)
    for j in range(DEVICE_GROUPS):
        at = base + j * WARP_TILE
        store(state.device, at, minimum(maximum(load(state.device, at), load(bounds, j)), load(bounds, traits + j)))
    if params.own:
        own = _own_base(params, i)
        for j in range(OWN_TRAITS):
            at, k = own + j * WARP_TILE, DEVICE_GROUPS + j
            store(state.memory, at, minimum(maximum(load(state.memory, at), load(bounds, k)), load(bounds, traits + k)))


def first_cycle(state: CellBuffers, params: KernelParams, i: int) -> None:
    """Begin cycle 0 of a cell, in its HRS.

    Parameters
    ----------
    state, params
        All cells, and their parameter set; the device vector of the cell must have been drawn.
    i : int
        Position of the cell.
    """
    new = _next_features(state, params, i, uint32_of(0))
    base = base_of(i, FIELD_GROUPS)
    store(state.r, i, new.r_hrs)
    _store_features(state, base, new)
    zero = real_of(0.0)
    store(state.fields, base + U_RATCHET, zero)
    store(state.fields, base + T_SCALE, zero)
    store(state.fields, base + T_END, zero)
    store(state.status, i, in_next_cycle(uint32_of(HRS | CYCLE), zero == 0.0, new.limited))
