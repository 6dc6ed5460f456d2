"""Measured loops, device by device: points in the order of time, cut into cycles, corrected and measured."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
import xarray as xr

from synaptogen._utils import BoolArray, Float64Array, IntArray, default_threads

from . import cycle_kernels
from .cycle_kernels import (
    CONDUCTANCE_A,
    CONDUCTANCE_B,
    CONDUCTANCE_C,
    DEGREES_OF_FREEDOM,
    KINK_SHIFT,
    MEASURE_COLUMNS,
    OFFSET,
    PEAK,
    PLATEAU,
    REACH_NEGATIVE,
    REACH_POSITIVE,
    STATE_A,
    STATE_C,
    STATE_RATIO,
    SURVEY_COLUMNS,
    U_RESET,
    VARIANCE,
)
from .segmentation import END, HIGHEST, LOOP, LOWEST, START, cut_cycles, gather_points

T = TypeVar("T")

AHEAD = 4  # devices per thread that are worked on at once: memory for so many, not for all
SLOPE_SHARE = 0.055  # half width of the slope filter, as a share of the points of the rising positive ramp


@dataclass
class DeviceCycles:
    """The cycles of one device, as rows of tables.

    The columns of the tables are named in `segmentation` and `cycle_kernels`; the properties give them to other rooms.

    Parameters
    ----------
    rows : array of int of shape (n, 6)
        Points and loop of each cycle, as `segmentation.cut_cycles` finds them.
    surveyed : array of shape (n, 13)
        Results of `cycle_kernels.survey_cycles`, which needs no curves.
    offset, noise : float
        Current at zero voltage and standard deviation of a current, in A.
    limit : float
        Current limit in A; infinite where none was found.
    measured : array of shape (n, 9)
        Results of `cycle_kernels.measure_cycles`; no rows before curves are known.
    """

    rows: IntArray
    surveyed: Float64Array
    offset: float
    noise: float
    limit: float
    measured: Float64Array = field(default_factory=lambda: np.empty((0, MEASURE_COLUMNS)))

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
        """Mixing states of branches A, B and C, shape (n, 3)."""
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


def _points_of(loops: xr.Dataset, device: int) -> tuple[DevicePoints, Float64Array, IntArray]:
    """Return the points of a device in the polarity of the model, the applied voltages, and the loop of each point."""
    part = loops[["voltage", "current"]].isel(device=device)
    v, i = (np.ascontiguousarray(part[name].values, np.float64) for name in ("voltage", "current"))
    u, a, applied = np.empty(v.size), np.empty(v.size), np.empty(v.size)
    loop = np.empty(v.size, np.int64)
    sign, resistance = float(loops.attrs.get("polarity", 1)), float(loops.attrs.get("series_resistance", 0.0))
    n = gather_points(v, i, sign, resistance, u, a, applied, loop)
    return DevicePoints(u[:n], a[:n]), applied[:n], loop[:n]


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
    points = _points_of(loops, device)[0]
    resistance = float(loops.attrs.get("series_resistance", 0.0))
    return DevicePoints(points.u + resistance * cycles.offset, points.i - cycles.offset)


def survey_device(loops: xr.Dataset, device: int) -> DeviceCycles:
    """Cut the loops of a device into cycles, and estimate offset, noise and current limit.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, see `learn.loops`.
    device : int
        Place on the axis of devices.

    Returns
    -------
    DeviceCycles
        Without measured states and thresholds.

    Raises
    ------
    ValueError
        If a loop holds more than one cycle.
    """
    points, applied, loop = _points_of(loops, device)
    rows = np.zeros((4 * loops.sizes["cycle"] + 4, 6), np.int64)
    rows = _without_open_end(rows[: cut_cycles(applied, loop, len(loop), rows)])
    _check_rows(rows, loops, device)
    surveyed = np.empty((len(rows), SURVEY_COLUMNS))
    cycle_kernels.survey_cycles(points.u, points.i, rows, len(rows), surveyed)
    offset, noise = _offset(surveyed), _noise(surveyed, points.i)
    cycle_kernels.survey_cycles(points.u, points.i - offset, rows, len(rows), surveyed)
    given = loops.attrs.get("current_limit")
    limit = _limit(surveyed, noise) if given is None else float(given)
    return DeviceCycles(rows, surveyed, offset, noise, limit)


def _without_open_end(rows: IntArray) -> IntArray:
    """Drop a falling branch at the end of a record: it would have been a cycle had the record gone on."""
    keep = np.ones(len(rows), np.bool_)
    same = (np.diff(rows[:, LOOP]) == 0) & (rows[:-1, LOWEST] >= 0)
    keep[1:] = ~(same & (rows[1:, HIGHEST] < 0) & (rows[1:, LOWEST] >= 0))
    return rows[keep].copy()


def _check_rows(rows: IntArray, loops: xr.Dataset, device: int) -> None:
    numbers = rows[rows[:, LOWEST] >= 0, LOOP]
    twice = numbers[1:][np.diff(numbers) <= 0]
    if len(twice):
        name, cycle = loops.indexes["device"][device], loops.indexes["cycle"][twice[0]]
        raise ValueError(
            f"the loop of device {name}, cycle {cycle}, holds more than one cycle of negative and positive voltage:"
            " cut the record so that each loop is one cycle"
        )


def _offset(surveyed: Float64Array) -> float:
    """Return the current at zero voltage in A, the same in all cycles: the median of their offsets."""
    there = surveyed[np.isfinite(surveyed[:, OFFSET]), OFFSET]
    return float(np.median(there)) if len(there) else 0.0


def _noise(surveyed: Float64Array, i: Float64Array) -> float:
    """Return the noise in A: the median over cycles, corrected for the skewness of chi squared.

    It is never below the resolution of the numbers.
    """
    there = surveyed[np.isfinite(surveyed[:, VARIANCE])]
    least = 1e-4 * float(np.quantile(np.abs(i), 0.99)) if len(i) else 1e-12
    if not len(there):
        return max(least, 1e-15)
    skew = (1 - 2 / (9 * np.maximum(there[:, DEGREES_OF_FREEDOM], 1.0))) ** 3
    return max(float(np.sqrt(np.median(there[:, VARIANCE] / skew))), least, 1e-15)


def _limit(surveyed: Float64Array, noise: float) -> float:
    """Return the level in A of the plateau that most cycles share, or infinity: a saturating device varies by cycle."""
    levels = surveyed[np.isfinite(surveyed[:, PLATEAU]), PLATEAU]
    tops = surveyed[np.isfinite(surveyed[:, PEAK]), PEAK]
    if not len(levels):
        return np.inf
    level = float(np.median(levels))
    reached = np.abs(levels - level) < 0.01 * level + 0.5 * noise
    above = np.count_nonzero(tops > 1.05 * level + 3 * noise)
    if np.count_nonzero(reached) < 0.8 * len(levels) or above > 0.1 * len(tops):
        return np.inf
    return level


def agree_on_limit(cycles: list[DeviceCycles]) -> None:
    """Drop limits that were found in fewer than half of the devices: an instrument limits all of them."""
    if sum(np.isfinite(one.limit) for one in cycles) < 0.5 * len(cycles):
        for one in cycles:
            one.limit = np.inf


def measure_device(
    points: DevicePoints, cycles: DeviceCycles, llrs: Float64Array, hhrs: Float64Array, hrs_top: float, parity: int = -1
) -> Float64Array:
    """Measure mixing states and thresholds of each cycle under known curves.

    Parameters
    ----------
    points : DevicePoints
        Points without offset.
    cycles : DeviceCycles
    llrs, hhrs : array
        Envelopes in A as polynomials in V, highest power first.
    hrs_top : float
        Branch C is fitted up to this share of its highest voltage.
    parity : int
        0 or 1 takes every second point, for an error estimate; -1 takes all of them.

    Returns
    -------
    array of shape (n, 9)
        Columns as in `cycle_kernels.measure_cycles`.
    """
    out = np.empty((len(cycles.rows), MEASURE_COLUMNS))
    cycle_kernels.measure_cycles(
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
    _, g_b, g_c = cycles.conductances.T
    resets = np.isfinite(out[:, KINK_SHIFT]) & (g_b > STATE_RATIO * g_c)
    if resets.any():
        out[:, U_RESET] += np.median(out[resets, KINK_SHIFT])
    out[:, U_RESET] = np.minimum(out[:, U_RESET], cycles.surveyed[:, REACH_POSITIVE])
    return out
