"""Measured loops, device by device: points in the order of time, cut into cycles, corrected, and sampled by branch."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from synaptogen._utils import Float64Array, IntArray, default_threads

from . import cycle_kernels as at
from . import segmentation as cutting
from .envelope_fit import RELATIVE, Mixture, Samples, states

T = TypeVar("T")

AHEAD = 4  # devices a thread that are on their way at once: memory for so many, not for all
SLOPE_SHARE = 0.055  # half width of the slope filter, as a share of the points of the rising positive ramp
HRS_TOPS = (
    0.67,
    0.75,
    0.85,
    0.95,
)  # of the reach: the HRS is fitted on branch C to the farthest that the curves describe
HOLDS = 1.3  # times the error below the first of these: above, they do not
DOUBT = 0.01  # trust in points beyond
LRS_TOP = 0.95  # of U_RESET: the LRS goes into the curves so far
POINTS = 60  # of a branch that go into the envelopes


@dataclass
class Cycles:
    """The cycles of one device.

    ``rows`` (n, 6) are those of `_loops`, ``told`` (n, 13) what `_loops.survey` says of them, ``measured`` (n, 9) what
    `_loops.measure` does; offset, noise and limit are in A, the limit infinite where none was seen.
    """

    rows: IntArray
    told: Float64Array
    offset: float
    noise: float
    limit: float
    measured: Float64Array = field(default_factory=lambda: np.empty((0, at.MEASURED)))


@dataclass(frozen=True)
class Points:
    """The points of one device: voltages across the device in V, currents in A without offset."""

    u: Float64Array
    i: Float64Array


def each(work: Callable[[int], T], devices: Iterable[int], threads: int | None = None) -> Iterator[T]:
    """Call ``work`` for each device on several threads, a few ahead of what is asked for; in order."""
    count = threads or default_threads()
    numbers = iter(devices)
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(work, d) for d in islice(numbers, AHEAD * count)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(work, d) for d in islice(numbers, 1)]
            yield result


def points_of(loops: xr.Dataset, device: int) -> tuple[Points, Float64Array, IntArray]:
    """Points of a device, in the polarity of the model; applied voltages; and the loop of each point."""
    part = loops[["voltage", "current"]].isel(device=device)
    v, i = (np.ascontiguousarray(part[name].values, np.float64) for name in ("voltage", "current"))
    u, a, applied = np.empty(v.size), np.empty(v.size), np.empty(v.size)
    loop = np.empty(v.size, np.int64)
    sign, resistance = float(loops.attrs.get("polarity", 1)), float(loops.attrs.get("series_resistance", 0.0))
    n = cutting.gather(v, i, sign, resistance, u, a, applied, loop)
    return Points(u[:n], a[:n]), applied[:n], loop[:n]


def corrected(loops: xr.Dataset, device: int, cycles: Cycles) -> Points:
    """Points of a device without offset."""
    points = points_of(loops, device)[0]
    resistance = float(loops.attrs.get("series_resistance", 0.0))
    return Points(points.u + resistance * cycles.offset, points.i - cycles.offset)


def survey(loops: xr.Dataset, device: int) -> Cycles:
    """Cut the loops of a device into cycles, and estimate offset, noise and current limit.

    Raises
    ------
    ValueError
        If a loop holds more than one cycle.
    """
    points, applied, loop = points_of(loops, device)
    rows = np.zeros((4 * loops.sizes["cycle"] + 4, 6), np.int64)
    rows = _whole(rows[: cutting.cut(applied, loop, len(loop), rows)])
    _check_rows(rows, loops, device)
    told = np.empty((len(rows), at.SURVEYED))
    at.survey(points.u, points.i, rows, len(rows), told)
    offset, noise = _offset(told), _noise(told, points.i)
    at.survey(points.u, points.i - offset, rows, len(rows), told)
    given = loops.attrs.get("current_limit")
    limit = _limit(told, noise) if given is None else float(given)
    return Cycles(rows, told, offset, noise, limit)


def _whole(rows: IntArray) -> IntArray:
    """The rows without a falling branch at the end of a record, which would have been a cycle had it gone on."""
    keep = np.ones(len(rows), np.bool_)
    same = (np.diff(rows[:, cutting.LOOP]) == 0) & (rows[:-1, cutting.LOWEST] >= 0)
    keep[1:] = ~(same & (rows[1:, cutting.HIGHEST] < 0) & (rows[1:, cutting.LOWEST] >= 0))
    return rows[keep].copy()


def _check_rows(rows: IntArray, loops: xr.Dataset, device: int) -> None:
    numbers = rows[rows[:, cutting.LOWEST] >= 0, cutting.LOOP]
    twice = numbers[1:][np.diff(numbers) <= 0]
    if len(twice):
        name, cycle = loops.indexes["device"][device], loops.indexes["cycle"][twice[0]]
        raise ValueError(
            f"the loop of device {name}, cycle {cycle}, holds more than one cycle of negative and positive voltage:"
            " cut the record so that each loop is one cycle"
        )


def _offset(told: Float64Array) -> float:
    """Current at zero voltage, the same in all cycles: the median of what each says."""
    there = told[np.isfinite(told[:, at.OFFSET]), at.OFFSET]
    return float(np.median(there)) if len(there) else 0.0


def _noise(told: Float64Array, i: Float64Array) -> float:
    """Median over cycles, corrected for the skewness of chi squared; never below the resolution of the numbers."""
    there = told[np.isfinite(told[:, at.SPREAD])]
    least = 1e-4 * float(np.quantile(np.abs(i), 0.99)) if len(i) else 1e-12
    if not len(there):
        return max(least, 1e-15)
    skew = (1 - 2 / (9 * np.maximum(there[:, at.FREEDOM], 1.0))) ** 3
    return max(float(np.sqrt(np.median(there[:, at.SPREAD] / skew))), least, 1e-15)


def _limit(told: Float64Array, noise: float) -> float:
    """Level of the plateau that most cycles share, or infinity: a saturating device differs from cycle to cycle."""
    levels = told[np.isfinite(told[:, at.LEVEL]), at.LEVEL]
    tops = told[np.isfinite(told[:, at.TOP]), at.TOP]
    if not len(levels):
        return np.inf
    level = float(np.median(levels))
    reached = np.abs(levels - level) < 0.01 * level + 0.5 * noise
    above = np.count_nonzero(tops > 1.05 * level + 3 * noise)
    if np.count_nonzero(reached) < 0.8 * len(levels) or above > 0.1 * len(tops):
        return np.inf
    return level


def agree_on_limit(cycles: list[Cycles]) -> None:
    """Forget limits that were seen in fewer than half of the devices: an instrument limits all of them."""
    if sum(np.isfinite(one.limit) for one in cycles) < 0.5 * len(cycles):
        for one in cycles:
            one.limit = np.inf


def measure(
    points: Points, cycles: Cycles, llrs: Float64Array, hhrs: Float64Array, hrs_top: float, parity: int = -1
) -> Float64Array:
    """Mixing states and thresholds of each cycle, shape (n, 9), from all points or every second one."""
    out = np.empty((len(cycles.rows), at.MEASURED))
    at.measure(
        points.u,
        points.i,
        cycles.rows,
        len(cycles.rows),
        llrs,
        hhrs,
        cycles.noise,
        cycles.limit,
        hrs_top,
        SLOPE_SHARE,
        parity,
        out,
    )
    resets = np.isfinite(out[:, at.KINK]) & (cycles.told[:, at.G_B] > at.RATIO * cycles.told[:, at.G_C])
    if resets.any():
        out[:, at.U_RESET] += np.median(out[resets, at.KINK])
    out[:, at.U_RESET] = np.minimum(out[:, at.U_RESET], cycles.told[:, at.REACH_P])
    return out


def sample(points: Points, cycles: Cycles, chosen: IntArray, hrs_top: float) -> tuple[Samples, IntArray]:
    """Branches of some cycles as samples for the envelopes; and the row and branch (0, 1, 2: A, B, C) of each.

    Branch C is whole, but what lies beyond ``hrs_top`` of its reach is hardly trusted: it keeps the curves from
    leaving.
    """
    parts: list[IntArray] = []
    whose: list[tuple[int, int]] = []
    known = len(cycles.measured) > 0
    for k in chosen:
        row = cycles.rows[k]
        reset, set_ = cycles.measured[k, [at.U_RESET, at.U_SET]] if known else (np.nan, np.nan)
        un, up = cycles.told[k, [at.REACH_N, at.REACH_P]]
        windows = _windows(row, un, up, set_, reset)
        for branch, (first, last, low, high) in enumerate(windows):
            index = np.arange(first, last)
            u, i = points.u[index], points.i[index]
            limit = at.BELOW_LIMIT * cycles.limit if branch == 1 else np.inf
            index = index[(u >= low) & (u <= high) & (i > -limit)]
            if len(index) >= 3:
                parts.append(index[:: max(1, len(index) // POINTS)])
                whose.append((int(k), branch))
    lengths = [len(part) for part in parts]
    index = np.concatenate(parts) if parts else np.empty(0, np.int64)
    kinds = np.array(whose, np.int64).reshape(-1, 2)
    branch_of = np.repeat(np.arange(len(parts)), lengths)
    u, is_c = points.u[index], kinds[branch_of, 1] == 2
    reach = cycles.told[kinds[branch_of, 0], at.REACH_P]
    trust = np.where(is_c & (u > hrs_top * reach), DOUBT, 1.0)
    return Samples(u, points.i[index], branch_of, trust, kinds[:, 1] == 1), kinds


def farthest(samples: Samples, curves: Mixture, u_max: float, noise: float) -> float:
    """The largest of `HRS_TOPS` up to which the curves describe the HRS as well as they do below the smallest."""
    r = states(samples, curves, noise)
    error = np.hypot(noise, RELATIVE * samples.i)
    far = np.abs(samples.i - curves.current(r[samples.branch], samples.u)) / error
    u = np.where(samples.is_lrs[samples.branch], -1.0, samples.u / u_max)
    usual = _root_mean_square(far[(u > 0) & (u <= HRS_TOPS[0])])
    top = HRS_TOPS[0]
    for low, high in pairwise(HRS_TOPS):
        if not _root_mean_square(far[(u > low) & (u <= high)]) < HOLDS * usual:
            break
        top = high
    return top


def _root_mean_square(x: Float64Array) -> float:
    return float(np.sqrt(np.mean(x**2))) if len(x) else np.nan


def _windows(row: IntArray, un: float, up: float, u_set: float, u_reset: float) -> list[Any]:
    """First and last point, lowest and highest voltage of branches A, B and C."""
    start, lowest, highest, end = row[: cutting.LOOP]
    a = -at.FIRST * un if np.isnan(u_set) else at.A_BOTTOM * u_set
    rise = highest if highest >= 0 else end
    up = up if highest >= 0 else un
    b = at.FIRST * up if np.isnan(u_reset) else LRS_TOP * u_reset
    return [
        (start, lowest, a, -at.FLOOR * un),
        (lowest, rise, -un, b),
        (rise, end, at.FLOOR * up, up),
    ]


def joined(parts: list[Samples]) -> Samples:
    """Samples of several devices as one."""
    offsets = np.cumsum([0, *(len(part.is_lrs) for part in parts)])
    return Samples(
        np.concatenate([part.u for part in parts]),
        np.concatenate([part.i for part in parts]),
        np.concatenate([part.branch + k for part, k in zip(parts, offsets, strict=False)]),
        np.concatenate([part.trust for part in parts]),
        np.concatenate([part.is_lrs for part in parts]),
    )
