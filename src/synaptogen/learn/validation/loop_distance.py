"""Measured I-V loops and generated ones on one ramp, and their distance point by point."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from synaptogen._utils import BoolArray, Float64Array
from synaptogen.array import CellArray
from synaptogen.learn.extraction import DevicePoints, Extraction, corrected_points
from synaptogen.params import DeviceParams

__all__ = ["RampLoops", "generated_loops", "measured_loops", "point_distances"]


POINTS = (60, 120, 60)  # points of branches A, B and C
MOST_DEVICES, MOST_CYCLES = 32, 60


@dataclass(frozen=True)
class RampLoops:
    """Loops on a common ramp.

    Attributes
    ----------
    u : array of shape (points,)
        In V, from 0 to the lowest, to the highest, to 0.
    i : array of shape (devices, cycles, points)
        In A, without offset; NaN where there is no loop.
    """

    u: Float64Array
    i: Float64Array


def common_ramp(extraction: Extraction) -> Float64Array:
    """Return the common ramp in V: to the median lowest and highest voltage of the cycles."""
    negative = float(np.nanmedian(np.concatenate([one.reach_negative for one in extraction.cycles])))
    a, b, c = POINTS
    return np.concatenate(
        [
            np.linspace(0, -negative, a, endpoint=False),
            np.linspace(-negative, extraction.u_max, b, endpoint=False),
            np.linspace(extraction.u_max, 0, c),
        ]
    )


def measured_loops(data: xr.Dataset, extraction: Extraction) -> RampLoops:
    """Bring loops to the common ramp, branch by branch: evenly spaced devices, and successive cycles of each.

    Parameters
    ----------
    data : xarray.Dataset
        Loops, see `learn.loops`.
    extraction : Extraction
        Result of `extract` for these loops.

    Returns
    -------
    RampLoops
    """
    u = common_ramp(extraction)
    devices = np.unique(np.linspace(0, len(extraction.cycles) - 1, MOST_DEVICES).round().astype(int))
    i = np.full((len(devices), MOST_CYCLES, len(u)), np.nan)
    for place, d in enumerate(devices):
        one = extraction.cycles[d]
        points = corrected_points(data, int(d), one)
        turning_points = np.stack([one.start, one.lowest, one.highest, one.end - 1], axis=1)
        for n, turns in enumerate(turning_points[one.has_both_halves][:MOST_CYCLES]):
            i[place, n] = _on_ramp(points, turns.tolist(), u)
    return RampLoops(u, i)


def _on_ramp(points: DevicePoints, turns: list[int], u: Float64Array) -> Float64Array:
    places = np.split(np.arange(len(u)), np.cumsum(POINTS)[:-1])
    out = np.full(len(u), np.nan)
    for place, first, last, sign in zip(places, turns[:-1], turns[1:], (-1, 1, -1), strict=True):
        if last <= first:
            continue
        v, i = points.u[first : last + 1], points.i[first : last + 1]
        order = np.argsort(sign * v, kind="stable")
        out[place] = np.interp(sign * u[place], sign * v[order], i[order])
    return out


def generated_loops(params: DeviceParams, extraction: Extraction, like: RampLoops, seed: int) -> RampLoops:
    """Sweep virtual devices over the same ramp, with the noise and the current limit of the measurement.

    Parameters
    ----------
    params : DeviceParams
    extraction : Extraction
        Holds noise and current limit.
    like : RampLoops
        Measured loops; missing ones are missing in the result, too.
    seed : int

    Returns
    -------
    RampLoops
    """
    devices, cycles, points = like.i.shape
    cells = CellArray(devices, params, rng=seed)
    i = cells.sweep(np.tile(like.u, cycles)).reshape(cycles, points, devices).transpose(2, 0, 1).astype(np.float64)
    limit, noise = float(np.median(extraction.current_limit)), float(np.median(extraction.noise))
    i = np.maximum(i, -limit) + noise * np.random.default_rng(seed).standard_normal(i.shape)
    return RampLoops(like.u, np.where(np.isfinite(like.i), i, np.nan))


def point_distances(a: Float64Array, b: Float64Array, levels: int = 41) -> Float64Array:
    """Return the Wasserstein-1 distance of currents at each point; only whole loops count.

    Parameters
    ----------
    a, b : array of shape (n, points), (m, points)
        Currents in A.
    levels : int
        Number of quantiles that the distance is taken from.

    Returns
    -------
    array of shape (points,)
        In A.
    """
    q = (np.arange(levels) + 0.5) / levels
    one, other = (i[np.isfinite(i).all(1)] for i in (a, b))
    gap = np.abs(np.quantile(one, q, axis=0) - np.quantile(other, q, axis=0))
    return np.asarray(gap.mean(0))


def halve_loops(devices: int, cycles: int, rng: np.random.Generator) -> BoolArray:
    """Return a mask of one half of the loops.

    Half of the devices, or, of a few devices, half of the blocks of five cycles of each.

    Parameters
    ----------
    devices, cycles : int
    rng : Generator

    Returns
    -------
    array of bool of shape (devices, cycles)
    """
    if devices >= 8:
        chosen = rng.permutation(devices) < devices // 2
        return np.broadcast_to(chosen[:, None], (devices, cycles))
    block = np.arange(cycles) // 5
    blocks = int(block[-1]) + 1
    return np.stack([(rng.permutation(blocks) < (blocks + 1) // 2)[block] for _ in range(devices)])
