"""From I-V loops to the four features of each cycle, and how reliable they are.

Each device is extracted by itself (`device_extraction`): its kind and polarity, its cycles, its curves. What is no
bipolar device is named, and refused where no other device is in the file. `DEFINITIONS` says what is measured; every
failed cycle, and every number that raw points contradict, is flagged and counted.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it carries no types

from synaptogen._utils import Float64Array, IntArray, Progress, checked
from synaptogen.params import FEATURE_NAMES, FEATURE_UNITS

from .cycles import DeviceCycles, evenly_spaced, map_devices
from .device_extraction import DeviceFeatures, extract_device
from .device_kinds import refuse
from .flags import FAILED, Flag
from .segmentation import LOOP

MOST_CHECKED = 64  # devices whose odd and even points are compared
FEWEST_POINTS = 12  # points of the longest loop
THRESHOLDS = ("u_set", "u_reset")

DEFINITIONS = {
    "r_hrs": (
        "R_HRS of cycle n, in ohm: static resistance U_read/I(U_read) of the curves fitted (Huber) to the falling"
        " branch of RESET (C) after the cycle before, from 3 % of the largest voltage to where the curves hold"
        " (hrs_top: 67 to 95 %); in the first cycle of a record, after a gap, or where loops begin in the HRS of their"
        " own end and not in that of the loop before, to the rising branch of SET (A) up to SET. Checked against points"
        " beside the read voltage."
    ),
    "u_set": (
        "U_SET, in V: voltage on branch A at which the current has gone half way from the HRS to that of the LRS, or to"
        " the current limit if that is less, as branch B shows it at the same voltage; interpolated between points."
    ),
    "r_lrs": (
        "R_LRS, in ohm: static resistance U_read/I(U_read) of the curves fitted (Huber) to the branch after SET (B),"
        " from 33 % of the largest voltage of SET to 85 % of U_RESET, where the current is below 3/4 of the current"
        " limit. Checked against points beside the read voltage."
    ),
    "u_reset": (
        "U_RESET, in V: voltage on branch B at which dI/dU (Savitzky-Golay, degree 2, 11 % of the rising positive ramp)"
        " falls to half the slope of the LRS; the smoothing of the filter is taken out for a kink between two lines."
        " Where the current falls by 30 % or more between two points, half way between them."
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
        Variables (device, cycle) as `learn.features` makes, and ``flag``, sums of `Flag`. Voltages have the sign of the
        measurement; the attribute ``polarity`` is 1 where SET is negative in most of the devices, else -1.
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
    u_max, u_range, u_read : float
        Largest voltage of RESET, largest voltage of either sign, and read voltage, in V.
    hrs_top : float
        R_HRS was fitted up to this share of ``u_max`` in the middle of the devices.
    polarity : array of int of shape (n_devices,)
        1: SET by a negative voltage; -1: by a positive one. Given with the measurement, or found.
    kinds : tuple of str
        Kind of each device; only a "bipolar" one has features.
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
    u_max: float
    u_range: float
    u_read: float
    hrs_top: float
    polarity: IntArray
    kinds: tuple[str, ...]
    cycles: tuple[DeviceCycles, ...]


@checked
def extract(loops: xr.Dataset, *, u_read: float = 0.2, progress: Progress | None = None) -> Extraction:
    """Extract the four features of each cycle.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, as `learn.loops` or `learn.read` returns them.
    u_read : float
        Voltage in V at which resistances are defined.
    progress : callable, optional
        Called with the number of devices done and of all devices.

    Returns
    -------
    Extraction

    Raises
    ------
    ValueError
        If these are no loops, the ramps do not reach the read voltage, loops have too few points, or no device is
        bipolar; the message names its kind.

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
    n = loops.sizes["device"]
    checked = set(evenly_spaced(np.arange(n), MOST_CHECKED).tolist())
    found: list[DeviceFeatures] = []
    with threadpool_limits(1, "blas"):  # matrices are small, and devices are shared among threads
        for one in map_devices(lambda d: extract_device(loops, d, u_read, halves=d in checked), range(n)):
            found.append(one)
            if progress is not None:
                progress(len(found), n)
    mended = sum(one.cycles.mended for one in found)
    if mended:
        logging.getLogger("synaptogen").info(
            "%s single points left both of their neighbours, and were put onto the line between them", f"{mended:,}"
        )
    _refuse(found, u_read)
    return _assembled(loops, found, u_read)


def _check(loops: xr.Dataset) -> None:
    if isinstance(loops, xr.Dataset) and "conductance" in loops:
        refuse("retention")
    if not isinstance(loops, xr.Dataset) or not {"voltage", "current"} <= set(loops.data_vars):
        raise ValueError("loops must be a Dataset with voltage and current: make it with learn.loops or learn.read")
    if set(loops["current"].dims) != {"device", "cycle", "point"}:
        raise ValueError(f"loops must have dimensions device, cycle and point, not {loops['current'].dims}")
    if loops.sizes["point"] < FEWEST_POINTS:
        raise ValueError(
            f"loops have {loops.sizes['point']} points at most, and at least {FEWEST_POINTS} are needed to tell SET"
            " from RESET: measure more, or give features instead of loops"
        )


def _refuse(found: list[DeviceFeatures], u_read: float) -> None:
    """Refuse a measurement without features, and say of which kind most of its devices are."""
    if any((one.flags[one.there] & Flag.NEVER == 0).any() for one in found):
        return
    kinds = Counter(one.cycles.kind.kind for one in found)
    others = [kind for kind, _ in kinds.most_common() if kind != "bipolar"]
    if kinds["bipolar"]:
        negative, positive = _reach(found)
        if not 0 < u_read < min(negative, positive):
            raise ValueError(
                f"u_read = {u_read:g} V is not within the ramp, which goes from {-negative:.4g} to {positive:.4g} V:"
                " give a u_read inside"
            )
    refuse(others[0] if others else "unclear")


def _reach(found: list[DeviceFeatures]) -> tuple[float, float]:
    """Return the largest voltages of SET and of RESET of the typical cycle, in V; of the other sign where one lacks."""
    reaches = [
        np.concatenate([getattr(one.cycles, name)[~one.cycles.forming] for one in found])
        for name in ("reach_negative", "reach_positive")
    ]
    negative, positive = (float(np.nanmedian(x)) if np.isfinite(x).any() else np.nan for x in reaches)
    return (negative if np.isfinite(negative) else positive), (positive if np.isfinite(positive) else negative)


def _places(found: list[DeviceFeatures], loops: xr.Dataset) -> tuple[int, bool]:
    """Put cycles on their axis; returns its length, and whether they were numbered anew.

    Cycles keep the number of their loop. Where a loop holds several, all are numbered in the order of time, without
    forming sweeps.
    """
    anew = any((np.diff(one.cycles.loop[one.there & ~one.cycles.forming]) <= 0).any() for one in found)
    anew |= loops.sizes["cycle"] == 1 and any(np.count_nonzero(one.there) > 1 for one in found)
    if not anew:
        return loops.sizes["cycle"], False
    length = 1
    for one in found:
        keep = one.there & ~one.cycles.forming
        numbers = np.cumsum(keep) - 1
        one.cycles.rows[:, LOOP] = np.maximum(numbers, 0)
        length = max(length, int(np.count_nonzero(keep)))
    return length, True


def _assembled(loops: xr.Dataset, found: list[DeviceFeatures], u_read: float) -> Extraction:
    forming = sum(int(np.count_nonzero(one.cycles.forming)) for one in found)
    length, anew = _places(found, loops)
    shape = (loops.sizes["device"], length)
    table = {name: np.full(shape, np.nan) for name in (*FEATURE_NAMES, "g_a", "g_b", "g_c")}
    flag = np.full(shape, int(Flag.MISSING), np.int32)
    odd, even = (np.full((4, *shape), np.nan) for _ in range(2))
    for d, one in enumerate(found):
        there = one.there & ~(one.cycles.forming & anew)
        where = one.cycles.loop[there]
        flag[d, where] = one.flags[there]
        for name, column in one.values.items():
            table[name][d, where] = column[there]
        for half, out in zip(one.halves or (), (odd, even), strict=False):
            out[:, d, where] = [half[name][there] for name in FEATURE_NAMES]
    reliability, agreement = _reliability(table, flag, (odd, even)), _agreement(table, flag)
    cycles = tuple(one.cycles for one in found)
    polarity = np.array([one.polarity for one in cycles])
    for name in THRESHOLDS:
        table[name] *= polarity[:, None]
    features, branches = _datasets(loops, table, flag, anew)
    features.attrs.update(u_read=u_read, polarity=1 if polarity.sum() >= 0 else -1)
    u_max = _reach(found)
    return Extraction(
        features=features,
        offset=np.array([one.offset * one.polarity for one in cycles]),
        noise=np.array([one.noise for one in cycles]),
        current_limit=_common_limit(cycles),
        reliability=reliability,
        counts={**_counts(flag), "forming": forming},
        definitions=DEFINITIONS,
        branches=branches,
        hrs_agreement=agreement,
        u_max=u_max[1],
        u_range=max(u_max),
        u_read=u_read,
        hrs_top=float(np.median([one.hrs_top for one in cycles])),
        polarity=polarity,
        kinds=tuple(one.kind.kind for one in cycles),
        cycles=cycles,
    )


def _datasets(
    loops: xr.Dataset, table: Mapping[str, Float64Array], flag: NDArray[np.int32], anew: bool
) -> tuple[xr.Dataset, xr.Dataset]:
    dims = ("device", "cycle")
    coords = {name: loops.coords[name] for name in dims if name in loops.coords and not (anew and name == "cycle")}
    parts = {name: (dims, table[name], {"units": FEATURE_UNITS[name]}) for name in FEATURE_NAMES}
    features = xr.Dataset({**parts, "flag": (dims, flag)}, coords, dict(DEFINITIONS))
    branches = xr.Dataset({k: (dims, table[k], {"units": "S"}) for k in ("g_a", "g_b", "g_c")}, coords)
    if anew:
        numbers = np.arange(flag.shape[1])
        features, branches = (data.assign_coords(cycle=numbers) for data in (features, branches))
    return features, branches


def _common_limit(cycles: tuple[DeviceCycles, ...]) -> Float64Array:
    """Return the limit in A of each device; infinite where fewer than half of them have one: it is no instrument's."""
    limits = np.array([one.limit for one in cycles])
    return np.where(np.isfinite(limits).mean() < 0.5, np.inf, limits)


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
    uncertain = np.int32(Flag.HRS_FROM_A | Flag.UNRESOLVED)
    there = (before > 0) & (after > 0) & ((flag[:, :-1] | flag[:, 1:]) & ~uncertain == 0)
    if np.count_nonzero(there) < 3:
        return np.nan
    return float(np.corrcoef(np.log(before[there]), np.log(after[there]))[0, 1])
