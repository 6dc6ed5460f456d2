"""Measured loops, device by device: points in the order of time, cut into cycles, corrected and measured."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import xarray as xr

from synaptogen._utils import BoolArray, Float64Array, IntArray, default_threads

from . import cycle_kernels, survey_kernels
from .branch_curves import BranchCurves, straight_curves
from .current_limits import reset_limit, set_limit
from .cycle_kernels import BELOW_LIMIT, KINK, KINK_SHIFT, MEASURE_COLUMNS, STATE_A, STATE_C, U_RESET
from .device_kinds import DeviceKind, detect_kind, usual_reach
from .segmentation import END, FOLLOWS, HIGHEST, LOOP, LOWEST, START, cut_cycles, gather_points, mend_glitches
from .survey_kernels import (
    CONDUCTANCE_A,
    CONDUCTANCE_B,
    CONDUCTANCE_C,
    DEGREES_OF_FREEDOM,
    OFFSET,
    REACH_NEGATIVE,
    REACH_POSITIVE,
    SURVEY_COLUMNS,
    VARIANCE,
)

T = TypeVar("T")

AHEAD = 4  # devices per thread that are worked on at once: memory for so many, not for all
MOST_VALUES, FEW_VALUES = 20_000, 0.3  # currents that are looked at; share of different ones that shows a converter
RESOLUTION = 1e-7  # share of the largest current below which no noise is believed
USUAL_OFFSET = 4.0  # times the median deviation, up to which an offset counts
FEW_OFFSETS = 5  # fewest cycles whose scatter tells the error of the offset
FEW_FREE, LOW = 8, 0.5  # degrees of freedom that an estimate of the noise needs; share of the reach for another one
FORMING = 1.25  # times the usual reach: a first sweep that goes further is a forming sweep
FALLS_BACK = 0.1  # share of the negative reach that a branch B at the end of a record must come back by
KINKED = 0.7  # share of the cycles that show a kink where RESET is one
SLOPE_SHARE = 0.055  # half width of the slope filter, as a share of the points of the rising positive ramp


@dataclass
class DeviceCycles:
    """The cycles of one device, as rows of tables.

    The columns of the tables are named in `segmentation`, `survey_kernels` and `cycle_kernels`; the properties give
    them to other rooms. Voltages and currents have the sign of the model: SET is negative.

    Parameters
    ----------
    rows : array of int of shape (n, 6)
        Points and loop of each cycle, as `segmentation.cut_cycles` finds them.
    surveyed : array of shape (n, 13)
        Results of `survey_kernels.survey_cycles`, which needs no curves.
    offset, noise : float
        Current at zero voltage and standard deviation of a current, in A.
    limit : float
        Current limit in A; infinite where none was found.
    kind : DeviceKind
        Kind of the device, and the polarity that was found; 0: none was.
    polarity : {1, -1}
        Sign that was applied to voltages and currents.
    forming : array of bool of shape (n,)
        Which cycle is a forming sweep.
    curves : BranchCurves
        Curves of the branches of this device; straight lines before any were fitted.
    measured : array of shape (n, 21)
        Results of `cycle_kernels.measure_cycles`; no rows before curves are known.
    conductances_at_read : array of shape (n, 3)
        Conductance in S of branches A, B and C at the read voltage, NaN where it is not known.
    doubt_of_model : array of shape (n,)
        Difference of conductances of branch C between two models of its curve in S, where points cannot tell which is
        right; no rows before curves are known.
    share : array of shape (n, 3)
        Weight of points beside the read voltage in the conductance of each branch; no rows before curves are known.
    charging : float
        Current in A at zero voltage on the rising branch, as a capacitance makes it; 0 where there is none.
    offset_error : float
        Standard error of the offset in A.
    hrs_top : float
        Share of the highest voltage up to which curves describe branch C.
    kinks : bool
        Whether RESET of this device is a kink, which raw points show better than the filter of the slope.
    mended : int
        Single points that left both neighbours, and were put onto the line between them.
    reset_limit : float
        Current limit of RESET in A, above which no current was measured; infinite where none was found.
    """

    rows: IntArray
    surveyed: Float64Array
    offset: float
    noise: float
    limit: float
    kind: DeviceKind
    polarity: int
    forming: BoolArray
    curves: BranchCurves
    measured: Float64Array = field(default_factory=lambda: np.empty((0, MEASURE_COLUMNS)))
    conductances_at_read: Float64Array = field(default_factory=lambda: np.empty((0, 3)))
    doubt_of_model: Float64Array = field(default_factory=lambda: np.empty(0))
    share: Float64Array = field(default_factory=lambda: np.empty((0, 3)))
    charging: float = 0.0
    offset_error: float = 0.0
    hrs_top: float = 0.67
    kinks: bool = False
    mended: int = 0
    reset_limit: float = np.inf

    @property
    def start(self) -> IntArray:
        """First point of each cycle, shape (n,)."""
        return self.rows[:, START]

    @property
    def lowest(self) -> IntArray:
        """Point of the lowest voltage of each cycle, -1 where the negative half is missing."""
        return self.rows[:, LOWEST]

    @property
    def highest(self) -> IntArray:
        """Point of the highest voltage of each cycle, -1 where the positive half is missing."""
        return self.rows[:, HIGHEST]

    @property
    def end(self) -> IntArray:
        """Point behind the last one of each cycle."""
        return self.rows[:, END]

    @property
    def loop(self) -> IntArray:
        """Place of each cycle on the axis of cycles of the measurement."""
        return self.rows[:, LOOP]

    @property
    def has_both_halves(self) -> BoolArray:
        """Whether both the negative and the positive half were measured."""
        return np.asarray((self.lowest >= 0) & (self.highest >= 0))

    @property
    def reach_negative(self) -> Float64Array:
        """Magnitude of the lowest voltage of each cycle in V, NaN where the half is missing."""
        return self.surveyed[:, REACH_NEGATIVE]

    @property
    def reach_positive(self) -> Float64Array:
        """Highest voltage of each cycle in V, NaN where the half is missing."""
        return self.surveyed[:, REACH_POSITIVE]

    @property
    def conductances(self) -> Float64Array:
        """Conductance in S of branches A, B and C near zero voltage, shape (n, 3), before curves are known."""
        return self.surveyed[:, [CONDUCTANCE_A, CONDUCTANCE_B, CONDUCTANCE_C]]

    @property
    def states(self) -> Float64Array:
        """States of branches A, B and C on the curves of the device, shape (n, 3)."""
        return self.measured[:, STATE_A : STATE_C + 1]

    @property
    def u_reset(self) -> Float64Array:
        """Voltage of RESET of each cycle in V."""
        return self.measured[:, U_RESET]


@dataclass(frozen=True)
class DevicePoints:
    """The points of one device in the order of time.

    Parameters
    ----------
    u : array of shape (n,)
        Voltages in V across the device, without the drop over a series resistance.
    i : array of shape (n,)
        Currents in A; without offset where `corrected_points` returns them.
    """

    u: Float64Array
    i: Float64Array


def evenly_spaced(items: IntArray, most: int) -> IntArray:
    """Return at most so many of the items, evenly spaced, the first and the last among them.

    Parameters
    ----------
    items : array of int of shape (n,)
    most : int

    Returns
    -------
    array of int of shape (min(n, most),)
    """
    return items if len(items) <= most else items[np.linspace(0, len(items) - 1, most).round().astype(np.int64)]


def map_devices(work: Callable[[int], T], devices: Iterable[int], threads: int | None = None) -> Iterator[T]:
    """Call a function for each device on several threads, a few devices ahead of the caller.

    Parameters
    ----------
    work : callable
        Takes the place of a device on the axis of devices.
    devices : iterable of int
    threads : int, optional
        Default: as many as the package uses elsewhere.

    Returns
    -------
    iterator
        Results in the order of the devices.
    """
    count = threads or default_threads()
    numbers = iter(devices)
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(work, d) for d in islice(numbers, AHEAD * count)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(work, d) for d in islice(numbers, 1)]
            yield result


def _points_of(loops: xr.Dataset, device: int, polarity: int) -> tuple[DevicePoints, Float64Array, IntArray, int]:
    """Return points of a device in a polarity, applied voltages, the loop of each point, and how many were mended."""
    part = loops[["voltage", "current"]].isel(device=device)
    v, i = (np.ascontiguousarray(part[name].values, np.float64) for name in ("voltage", "current"))
    u, a, applied = np.empty(v.size), np.empty(v.size), np.empty(v.size)
    loop = np.empty(v.size, np.int64)
    resistance = float(loops.attrs.get("series_resistance", 0.0))
    n = gather_points(v, i, float(polarity), resistance, u, a, applied, loop)
    mended = mend_glitches(a, n)
    if mended:
        u[:n] = applied[:n] - resistance * a[:n]
    return DevicePoints(u[:n], a[:n]), applied[:n], loop[:n], mended


def corrected_points(loops: xr.Dataset, device: int, cycles: DeviceCycles) -> DevicePoints:
    """Return the points of a device without offset.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, see `learn.loops`.
    device : int
        Place on the axis of devices.
    cycles : DeviceCycles
        The cycles of this device, which hold the offset.

    Returns
    -------
    DevicePoints
    """
    points = _points_of(loops, device, cycles.polarity)[0]
    resistance = float(loops.attrs.get("series_resistance", 0.0))
    return DevicePoints(points.u + resistance * cycles.offset, points.i - cycles.offset)


def survey_device(loops: xr.Dataset, device: int) -> tuple[DeviceCycles, DevicePoints]:
    """Find kind and polarity of a device, cut its loops into cycles, and estimate offset, noise and current limit.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, see `learn.loops`.
    device : int
        Place of the device on its axis.

    Returns
    -------
    DeviceCycles
        Without measured states and thresholds.
    DevicePoints
        Its points without offset.
    """
    given = loops.attrs.get("polarity")
    points, applied, loop, mended = _points_of(loops, device, 1)
    kind = detect_kind(applied, points.i)
    polarity = int(given) if given in (1, -1) else kind.polarity or 1
    if polarity < 0:
        points, applied, loop, mended = _points_of(loops, device, -1)
    reach = [usual_reach(applied[applied < 0]), usual_reach(applied[applied > 0])]
    rows = np.zeros((np.count_nonzero(np.diff(np.signbit(applied))) + 2 * loops.sizes["cycle"] + 4, 6), np.int64)
    number = _numbers(loops)
    rows = rows[: cut_cycles(applied, number[loop], len(loop), reach[0], reach[1], rows)]
    rows[:, LOOP] = np.searchsorted(number, rows[:, LOOP])
    rows = _without_open_end(rows, applied)
    surveyed = np.empty((len(rows), SURVEY_COLUMNS))
    survey_kernels.survey_cycles(points.u, points.i, rows, len(rows), surveyed)
    noise = _noise(surveyed, points.u, points.i)
    offset, offset_error = _offset(surveyed, rows[:, FOLLOWS] > 0, noise)
    corrected = DevicePoints(points.u + float(loops.attrs.get("series_resistance", 0.0)) * offset, points.i - offset)
    survey_kernels.survey_cycles(corrected.u, corrected.i, rows, len(rows), surveyed)
    forming = _forming(surveyed)
    told = loops.attrs.get("current_limit")
    limit = set_limit(surveyed[~forming], noise) if told is None else float(told)
    curves = straight_curves(float(np.abs(applied).max()) if len(applied) else 1.0)
    one = DeviceCycles(rows, surveyed, offset, noise, limit, kind, polarity, forming, curves, mended=mended)
    one.offset_error = offset_error
    one.reset_limit = reset_limit(corrected.u, corrected.i, rows[~forming], noise)
    return one, corrected


def _numbers(loops: xr.Dataset) -> IntArray:
    """Return numbers of the loops that increase by 2 where the labels say that loops are missing, and else by 1."""
    places = np.arange(loops.sizes["cycle"])
    if "cycle" not in loops.coords or loops["cycle"].dtype.kind not in "iu" or len(places) < 3:
        return places
    steps = np.diff(loops["cycle"].to_numpy().astype(np.int64))
    if steps.min() <= 0:
        return places
    return np.asarray(places + np.concatenate([[0], np.cumsum(steps > steps.min())]))


def _without_open_end(rows: IntArray, applied: Float64Array) -> IntArray:
    """Drop a falling branch at the end of a record: it would have been a cycle had the record gone on."""
    keep = np.ones(len(rows), np.bool_)
    for k in range(1, len(rows)):
        lowest, end = rows[k, LOWEST], rows[k, END]
        if lowest >= 0 and rows[k, HIGHEST] < 0 and rows[k, LOOP] == rows[k - 1, LOOP]:
            keep[k] = applied[lowest:end].max() > (1 - FALLS_BACK) * applied[lowest]
    return rows[keep].copy()


def _forming(surveyed: Float64Array) -> BoolArray:
    """Return which cycle is a forming sweep: the first, if it goes further than the others, to either side."""
    found = np.zeros(len(surveyed), np.bool_)
    there = np.flatnonzero(np.isfinite(surveyed[:, REACH_NEGATIVE]))
    if len(there) < 2:
        return found
    for column in (REACH_NEGATIVE, REACH_POSITIVE):
        rest = surveyed[there[1:], column]
        if np.isfinite(rest).any() and surveyed[there[0], column] > FORMING * np.nanmedian(rest):
            found[there[0]] = True
    return found


def _offset(surveyed: Float64Array, follows: BoolArray, noise: float) -> tuple[float, float]:
    """Return the current at zero voltage in A, the same in all cycles, and its standard error.

    It is the mean of those near the median. Of few cycles, the error follows from the points that each was fitted to,
    which lie on both sides of zero in a cycle that follows another one.
    """
    known = np.isfinite(surveyed[:, OFFSET])
    there = surveyed[known, OFFSET]
    if not len(there):
        return 0.0, noise
    off = np.abs(there - np.median(there))
    near = off <= USUAL_OFFSET * np.median(off)
    count = int(np.count_nonzero(near))
    if count >= FEW_OFFSETS:
        return float(np.mean(there[near])), float(np.std(there[near])) / np.sqrt(count)
    points = 2 + np.nan_to_num(surveyed[known, DEGREES_OF_FREEDOM][near])
    each = noise * np.minimum(np.where(follows[known][near], 1.0, 2.0) / np.sqrt(points), np.sqrt(0.5))
    return float(np.mean(there[near])), float(np.sqrt(np.sum(each**2))) / count


def _rough_noise(u: Float64Array, i: Float64Array) -> float:
    """Return the noise of a record with few points about zero voltage in A, from third differences at low voltages."""
    third = np.abs(np.diff(i, 3)) / np.sqrt(20.0)
    low = np.abs(u[1:-2]) < LOW * float(np.abs(u).max())
    return 1.4826 * float(np.median(third[low])) if low.any() else 0.0


def _noise(surveyed: Float64Array, u: Float64Array, i: Float64Array) -> float:
    """Return the noise in A: the median over cycles, corrected for the skewness of chi squared.

    It is never below the resolution of the numbers, nor the step of a converter.
    """
    if not len(i):
        return 1e-15
    least = max(RESOLUTION * float(np.quantile(np.abs(i), 0.99)), 0.3 * _step(i), 1e-16)
    there = surveyed[np.isfinite(surveyed[:, VARIANCE])]
    if not len(there) or there[:, DEGREES_OF_FREEDOM].sum() < FEW_FREE:
        return max(_rough_noise(u, i), least)
    skew = (1 - 2 / (9 * np.maximum(there[:, DEGREES_OF_FREEDOM], 1.0))) ** 3
    return max(float(np.sqrt(np.median(there[:, VARIANCE] / skew))), least)


def _step(i: Float64Array) -> float:
    """Return the step of the converter in A: the distance of the smallest currents, if they are few; else 0."""
    part = i if len(i) <= MOST_VALUES else i[np.linspace(0, len(i) - 1, MOST_VALUES).astype(np.int64)]
    small = np.sort(np.abs(part))[: max(len(part) // 3, 1)]
    values = np.unique(small)
    if len(values) > FEW_VALUES * len(small):
        return 0.0
    return float(np.median(np.diff(np.unique(np.round(values, 18))))) if len(values) > 1 else 0.0


def measure_device(points: DevicePoints, cycles: DeviceCycles, u_read: float, parity: int = -1) -> Float64Array:
    """Measure states and thresholds of each cycle under the curves of the device.

    Parameters
    ----------
    points : DevicePoints
        Points without offset.
    cycles : DeviceCycles
    u_read : float
        In V.
    parity : int
        0 or 1 takes every second point, for an error estimate; -1 takes all of them.

    Returns
    -------
    array of shape (n, 21)
        Columns as in `cycle_kernels.measure_cycles`.
    """
    out = np.empty((len(cycles.rows), MEASURE_COLUMNS))
    curves = cycles.curves
    windows, g_lrs = curves.windows, float(np.nanmedian(cycles.conductances[:, 1]))
    if np.isfinite(cycles.reset_limit) and g_lrs > 0:  # the LRS up to where it is below this limit
        windows = windows.copy()
        windows[1, 1] = min(windows[1, 1], BELOW_LIMIT * cycles.reset_limit / g_lrs)
    cycle_kernels.measure_cycles(
        points.u,
        points.i,
        cycles.rows,
        len(cycles.rows),
        curves.tables,
        windows,
        curves.u_range,
        u_read,
        cycles.noise,
        cycles.limit,
        SLOPE_SHARE,
        parity,
        out,
    )
    _, g_b, g_c = cycles.conductances.T
    resets = np.isfinite(out[:, KINK_SHIFT]) & (g_b > g_c)
    if resets.any():
        if parity < 0:
            cycles.kinks = bool(np.mean(np.isfinite(out[resets, KINK])) > KINKED)
        filtered = out[:, U_RESET] + np.where(np.isfinite(out[:, KINK_SHIFT]), np.median(out[resets, KINK_SHIFT]), 0.0)
        out[:, U_RESET] = np.where(np.isfinite(out[:, KINK]), out[:, KINK], filtered) if cycles.kinks else filtered
    out[:, U_RESET] = np.minimum(out[:, U_RESET], cycles.surveyed[:, REACH_POSITIVE])
    return out
