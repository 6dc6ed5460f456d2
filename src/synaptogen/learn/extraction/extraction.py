"""From I-V loops to the four features of each cycle, and how reliable they are.

Offset, noise and current limit come first, without knowing any curve. Then the states of all branches and the two
curves that they mix are found alternately (`envelope_fit`), twice: the windows of the second round follow from the
thresholds of the first. `DEFINITIONS` says what is measured; every failed cycle is flagged and counted.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array, Progress
from synaptogen.params import FEATURE_NAMES, FEATURE_UNITS

from .branch_samples import HRS_TOPS, hrs_fit_top, join_samples, sample_branches
from .cycle_kernels import ERROR_A, ERROR_C, STATE_A, STATE_B, STATE_C, U_RESET, U_SET
from .cycles import (
    DeviceCycles,
    DevicePoints,
    agree_on_limit,
    corrected_points,
    evenly_spaced,
    map_devices,
    measure_device,
    survey_device,
)
from .envelope_fit import BranchSamples, EnvelopeMixture, fit_envelope_mixture
from .flags import FAILED, Flag
from .segmentation import FOLLOWS
from .state_detection import CycleStates, detect_states

WORN = 5  # so many failed cycles in a row at the end of a record are called wear-out
MOST_DEVICES, MOST_CYCLES = 64, 900  # the curves are fitted to at most so many
MOST_CHECKED = 64  # devices whose odd and even points are compared
DEGREES = (7, 7)
ROUNDS = 2
FEWEST_POINTS = 12  # points of the longest loop

DEFINITIONS = {
    "r_hrs": (
        "R_HRS of cycle n, in ohm: static resistance U_read/I(r, U_read) of the mixture fitted (Huber) to the falling"
        " positive branch (C) after the cycle before, from 3 % of the largest voltage to where the curves hold (67 to"
        " 95 %: hrs_top); in the first cycle of a record, or after a gap, to the falling negative branch (A) to SET."
    ),
    "u_set": (
        "U_SET, in V: voltage on branch A at which the current has gone half way from the HRS to the LRS, or to the"
        " current limit if that is less; interpolated between points."
    ),
    "r_lrs": (
        "R_LRS, in ohm: static resistance U_read/I(r, U_read) of the mixture fitted (Huber) to the rising branch (B)"
        " after SET, from -33 % of the largest negative voltage to 85 % of U_RESET, where the current is below 3/4 of"
        " the current limit."
    ),
    "u_reset": (
        "U_RESET, in V: voltage on branch B at which dI/dU (Savitzky-Golay, degree 2, 11 % of the rising positive ramp)"
        " falls to half the slope of the LRS; the smoothing of the filter is taken out for a kink between two lines."
    ),
    "reliability": (
        "1 - (error/spread)^2; error: half the standard deviation of the difference between the features from odd and"
        " from even points; spread: standard deviation within a device. R_HRS as a logarithm."
    ),
}


@dataclass(frozen=True)
class Extraction:
    """Features of each cycle, and how they were measured.

    Parameters
    ----------
    features : xarray.Dataset
        Variables (device, cycle) as `learn.features` makes, and ``flag``, sums of `Flag`.
    offset, noise, current_limit : array of shape (n_devices,)
        In A; the limit is infinite where none was found.
    reliability : dict
        Share of the variance of each feature that is not error of measurement; see ``definitions``. NaN: unknown.
    counts : dict
        Number of cycles for each `Flag` by name, lower case, and of all and good ones.
    definitions : dict
        Meaning of each feature.
    branches : xarray.Dataset
        Conductances in S at the read voltage of branches A, B and C of each loop: ``g_a``, ``g_b``, ``g_c``.
    hrs_agreement : float
        Correlation of log R_HRS on the positive and on the following negative branch; NaN: unknown.
    llrs, hhrs : array
        Polynomials in the voltage in V that resistances were read from, highest power first, in A.
    u_max, u_range, u_read : float
        Largest positive voltage, largest voltage of either sign, and read voltage, in V.
    hrs_top : float
        R_HRS was fitted up to this share of ``u_max``.
    cycles : tuple of DeviceCycles
        Where the branches of each device are; for this package.

    Examples
    --------
    >>> from synaptogen import learn
    >>> extraction = learn.extract(learn.sample_loops(devices=3, cycles=20, outliers=0))
    >>> extraction.counts["good"], extraction.counts["no_set"]
    (60, 0)
    >>> extraction.reliability["u_set"] > 0.9
    True
    >>> print(extraction.definitions["u_set"].split(":")[0])
    U_SET, in V
    >>> dict(extraction.branches.sizes)
    {'device': 3, 'cycle': 20}
    """

    features: xr.Dataset
    offset: Float64Array
    noise: Float64Array
    current_limit: Float64Array
    reliability: Mapping[str, float]
    counts: Mapping[str, int]
    definitions: Mapping[str, str]
    branches: xr.Dataset
    hrs_agreement: float
    llrs: Float64Array
    hhrs: Float64Array
    u_max: float
    u_range: float
    u_read: float
    hrs_top: float
    cycles: tuple[DeviceCycles, ...]


def extract(loops: xr.Dataset, *, u_read: float = 0.2, progress: Progress | None = None) -> Extraction:
    """Extract the four features of each cycle.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, as `learn.loops` or `learn.read` returns them.
    u_read : float
        Voltage in V at which resistances are defined.
    progress : callable, optional
        Called with the number of steps done and of all steps, two steps per device.

    Returns
    -------
    Extraction

    Raises
    ------
    ValueError
        If these are no loops, the ramps do not have both signs or do not reach the read voltage, loops have too few
        points, or no cycle of any device switches.

    Examples
    --------
    >>> from synaptogen import learn
    >>> extraction = learn.extract(learn.sample_loops(devices=3, cycles=20, outliers=0))
    >>> sorted(extraction.features.data_vars)
    ['flag', 'r_hrs', 'r_lrs', 'u_reset', 'u_set']
    >>> extraction.features.r_lrs.shape
    (3, 20)
    >>> bool((extraction.features.r_hrs > extraction.features.r_lrs).all())
    True
    """
    _check(loops)
    n, done = loops.sizes["device"], 0
    step = progress or (lambda _done, _all: None)

    def advance() -> None:
        nonlocal done
        done += 1
        step(done, 2 * n)

    cycles: list[DeviceCycles] = []
    for one in map_devices(lambda d: survey_device(loops, d), range(n)):
        cycles.append(one)
        advance()
    agree_on_limit(cycles)
    u_max, u_range = _reach(cycles, u_read)
    states = detect_states(cycles)
    mixture, hrs_top = _fit_curves(loops, cycles, states, (u_max, u_range, u_read))
    curves = mixture.llrs, mixture.hhrs, hrs_top
    checked = set(evenly_spaced(np.arange(n), MOST_CHECKED).tolist())
    halves: dict[int, tuple[Float64Array, Float64Array]] = {}

    def measure(d: int) -> Float64Array:
        points = corrected_points(loops, d, cycles[d])
        if d in checked:
            odd, even = (measure_device(points, cycles[d], *curves, parity) for parity in (0, 1))
            halves[d] = odd, even
        return measure_device(points, cycles[d], *curves)

    for one, measured in zip(cycles, map_devices(measure, range(n)), strict=True):
        one.measured = measured
        advance()
    return _assembled(loops, cycles, states, mixture, halves, (u_max, u_range, u_read, hrs_top))


def _check(loops: xr.Dataset) -> None:
    if not isinstance(loops, xr.Dataset) or not {"voltage", "current"} <= set(loops.data_vars):
        raise ValueError("loops must be a Dataset with voltage and current: make it with learn.loops or learn.read")
    if set(loops["current"].dims) != {"device", "cycle", "point"}:
        raise ValueError(f"loops must have dimensions device, cycle and point, not {loops['current'].dims}")
    if loops.sizes["point"] < FEWEST_POINTS:
        raise ValueError(
            f"loops have {loops.sizes['point']} points at most, and at least {FEWEST_POINTS} are needed to tell SET"
            " from RESET: measure more, or give features instead of loops"
        )


def _reach(cycles: list[DeviceCycles], u_read: float) -> tuple[float, float]:
    """Return the largest positive voltage, and the largest of either sign, of the typical cycle in V."""
    reaches = [np.concatenate([getattr(one, name) for one in cycles]) for name in ("reach_negative", "reach_positive")]
    if not all(np.isfinite(reach).any() for reach in reaches):
        raise ValueError("voltage does not go to both signs: features need both halves of a loop, - and +")
    negative, positive = (float(np.nanmedian(reach)) for reach in reaches)
    if not 0 < u_read < min(negative, positive):
        raise ValueError(
            f"u_read = {u_read:g} V is not within the ramp, which goes from {-negative:.4g} to {positive:.4g} V: give"
            " a u_read inside"
        )
    return positive, max(negative, positive)


def _fit_curves(
    loops: xr.Dataset, cycles: list[DeviceCycles], states: list[CycleStates], voltages: tuple[float, float, float]
) -> tuple[EnvelopeMixture, float]:
    """Fit the curves that all branches mix, to some devices and cycles, and find how far the HRS follows them."""
    good = [
        np.flatnonzero(s.sets & (s.resets | np.isnan(one.conductances[:, 2])))
        for one, s in zip(cycles, states, strict=True)
    ]
    able = np.flatnonzero([len(g) > 0 for g in good])
    if not len(able):
        raise ValueError("no cycle sets: features need at least one cycle with HRS, SET and LRS")
    u_max, u_range, u_read = voltages
    devices = evenly_spaced(able, MOST_DEVICES)
    points = {int(d): corrected_points(loops, int(d), cycles[d]) for d in devices}
    chosen = {d: evenly_spaced(good[d], max(MOST_CYCLES // len(points), 2)) for d in points}
    noise = float(np.median([cycles[d].noise for d in devices]))
    top = HRS_TOPS[0]

    def samples() -> BranchSamples:
        return join_samples([sample_branches(p, cycles[d], chosen[d], top)[0] for d, p in points.items()])

    for round_ in range(ROUNDS):
        part = samples()
        mixture = fit_envelope_mixture(part, DEGREES, u_range=u_range, u_read=u_read, noise=noise)
        if round_ == ROUNDS - 1:
            break
        top = hrs_fit_top(part, mixture, u_max, noise)
        curves = mixture.llrs, mixture.hhrs, top
        measure = functools.partial(_measure_with, points, cycles, curves)
        for d, measured in zip(points, map_devices(measure, points), strict=True):
            cycles[d].measured = measured
    return mixture, top


def _measure_with(
    points: Mapping[int, DevicePoints],
    cycles: list[DeviceCycles],
    curves: tuple[Float64Array, Float64Array, float],
    d: int,
) -> Float64Array:
    return measure_device(points[d], cycles[d], *curves)


def _assembled(
    loops: xr.Dataset,
    cycles: list[DeviceCycles],
    states: list[CycleStates],
    mixture: EnvelopeMixture,
    halves: Mapping[int, tuple[Float64Array, Float64Array]],
    voltages: tuple[float, float, float, float],
) -> Extraction:
    shape = (loops.sizes["device"], loops.sizes["cycle"])
    table = {name: np.full(shape, np.nan) for name in (*FEATURE_NAMES, "g_a", "g_b", "g_c")}
    flag = np.full(shape, int(Flag.MISSING), np.int32)
    odd, even = (np.full((4, *shape), np.nan) for _ in range(2))
    chords = _chord(mixture.llrs, voltages[2]), _chord(mixture.hhrs, voltages[2])
    for d, (one, state) in enumerate(zip(cycles, states, strict=True)):
        where = one.loop
        values, flags, there = _features(one, state, one.measured, chords)
        flag[d, where[there]] = flags[there]
        for name, column in values.items():
            table[name][d, where[there]] = column[there]
        for half, out in zip(halves.get(d, ()), (odd, even), strict=False):
            part = _features(one, state, half, chords)[0]
            out[:, d, where[there]] = [part[name][there] for name in FEATURE_NAMES]
    return _extraction(loops, cycles, mixture, table, flag, (odd, even), voltages)


def _chord(polynomial: Float64Array, u: float) -> float:
    return float(np.polyval(polynomial, u)) / u


def _features(
    one: DeviceCycles, state: CycleStates, measured: Float64Array, chords: tuple[float, float]
) -> tuple[dict[str, Float64Array], NDArray[np.int32], BoolArray]:
    """Return features and flags of the rows of a device, and which rows are cycles."""
    g_llrs, g_hhrs = chords
    g_a, g_b, g_c = (g_llrs + measured[:, c] * (g_hhrs - g_llrs) for c in (STATE_A, STATE_B, STATE_C))
    e_a, e_c = (abs(g_hhrs - g_llrs) * measured[:, c] for c in (ERROR_A, ERROR_C))
    follows = one.rows[:, FOLLOWS] > 0
    before, e_before = (np.where(follows, np.concatenate([[np.nan], x[:-1]]), np.nan) for x in (g_c, e_c))
    from_a = np.isnan(before) & ~state.from_lrs
    g_hrs, e_hrs = np.where(from_a, g_a, before), np.where(from_a, e_a, e_before)
    unresolved = g_hrs < 2 * e_hrs
    with np.errstate(divide="ignore", invalid="ignore"):
        r_hrs = 1 / np.maximum(g_hrs, e_hrs)
        r_lrs = np.where(g_b > 0, 1 / g_b, np.nan)
    there = one.lowest >= 0
    values = {
        "r_hrs": np.where(state.from_lrs, np.nan, r_hrs),
        "u_set": np.where(state.sets, measured[:, U_SET], np.nan),
        "r_lrs": np.where(state.lrs, r_lrs, np.nan),
        "u_reset": np.where(state.lrs & state.resets, measured[:, U_RESET], np.nan),
        "g_a": g_a,
        "g_b": g_b,
        "g_c": g_c,
    }
    flags = _flags(one, state, values)
    flags[from_a & np.isfinite(g_a)] |= Flag.HRS_FROM_A
    flags[unresolved & ~state.from_lrs] |= Flag.UNRESOLVED
    return values, flags, there


def _flags(one: DeviceCycles, state: CycleStates, values: Mapping[str, Float64Array]) -> NDArray[np.int32]:
    flags = np.zeros(len(one.rows), np.int32)
    flags[state.no_set] |= Flag.NO_SET
    flags[state.no_reset] |= Flag.NO_RESET
    flags[state.from_lrs] |= Flag.FROM_LRS
    lacking = np.isnan(values["r_hrs"]) & ~state.from_lrs | np.isnan(one.conductances[:, :2]).any(axis=1)
    lacking |= state.sets & np.isnan(values["u_set"]) | state.lrs & np.isnan(values["r_lrs"])
    lacking |= state.lrs & ~state.no_reset & np.isnan(values["u_reset"])
    flags[lacking] |= Flag.INCOMPLETE
    if state.never:
        flags |= np.int32(Flag.NEVER)
    good = np.flatnonzero(state.sets & (state.resets | np.isnan(one.conductances[:, 2])))
    last = good[-1] + 1 if len(good) else 0
    if len(good) and len(one.rows) - last >= WORN:
        flags[last:] |= Flag.WORN
    return flags


def _extraction(
    loops: xr.Dataset,
    cycles: list[DeviceCycles],
    mixture: EnvelopeMixture,
    table: Mapping[str, Float64Array],
    flag: NDArray[np.int32],
    halves: tuple[Float64Array, Float64Array],
    voltages: tuple[float, float, float, float],
) -> Extraction:
    dims = ("device", "cycle")
    coords = {name: loops.coords[name] for name in dims if name in loops.coords}
    parts = {name: (dims, table[name], {"units": FEATURE_UNITS[name]}) for name in FEATURE_NAMES}
    features = xr.Dataset({**parts, "flag": (dims, flag)}, coords, {**DEFINITIONS, "u_read": voltages[2]})
    branches = xr.Dataset({k: (dims, table[k], {"units": "S"}) for k in ("g_a", "g_b", "g_c")}, coords)
    return Extraction(
        features=features,
        offset=np.array([one.offset for one in cycles]),
        noise=np.array([one.noise for one in cycles]),
        current_limit=np.array([one.limit for one in cycles]),
        reliability=_reliability(table, flag, halves),
        counts=_counts(flag),
        definitions=DEFINITIONS,
        branches=branches,
        hrs_agreement=_agreement(table, flag),
        llrs=mixture.llrs,
        hhrs=mixture.hhrs,
        u_max=voltages[0],
        u_range=voltages[1],
        u_read=voltages[2],
        hrs_top=voltages[3],
        cycles=tuple(cycles),
    )


def _reliability(
    table: Mapping[str, Float64Array], flag: NDArray[np.int32], halves: tuple[Float64Array, Float64Array]
) -> dict[str, float]:
    found = {}
    for f, name in enumerate(FEATURE_NAMES):
        values = [table[name], halves[0][f], halves[1][f]]
        if name == "r_hrs":  # branch A is another, coarser measurement
            values = [np.log10(np.where(flag & Flag.HRS_FROM_A, np.nan, x)) for x in values]
        there = np.isfinite(values).all(axis=0)
        count = there.sum(axis=1, keepdims=True)
        there &= count > 2
        if not there.any():
            found[name] = np.nan
            continue
        whole = np.where(there, values[0], 0.0)
        mean = whole.sum(axis=1, keepdims=True) / np.maximum(count, 1)
        spread = np.where(there, (whole - mean) ** 2 * count / np.maximum(count - 1, 1), 0.0).sum() / there.sum()
        error = np.var((values[1] - values[2])[there]) / 4
        found[name] = float(1 - error / spread) if spread > 0 else np.nan
    return found


def _counts(flag: NDArray[np.int32]) -> dict[str, int]:
    counts = {"all": int(flag.size), "good": int(np.count_nonzero((flag & FAILED) == 0))}
    return counts | {str(one.name).lower(): int(np.count_nonzero(flag & one)) for one in Flag}


def _agreement(table: Mapping[str, Float64Array], flag: NDArray[np.int32]) -> float:
    before, after = table["g_c"][:, :-1], table["g_a"][:, 1:]
    there = (before > 0) & (after > 0) & ((flag[:, :-1] | flag[:, 1:]) & ~np.int32(Flag.HRS_FROM_A) == 0)
    if np.count_nonzero(there) < 3:
        return np.nan
    return float(np.corrcoef(np.log(before[there]), np.log(after[there]))[0, 1])
