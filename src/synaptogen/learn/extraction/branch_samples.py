"""Points of the branches of measured cycles, for the fit of the envelopes."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from synaptogen._utils import Float64Array, IntArray

from .cycle_kernels import (
    BELOW_LIMIT,
    FIRST_LRS_TOP,
    HRS_A_BOTTOM,
    MODEL_ERROR,
    U_RESET,
    U_SET,
)
from .cycles import DeviceCycles, DevicePoints
from .envelope_fit import BranchSamples, EnvelopeMixture, fit_states
from .segmentation import LOOP
from .survey_kernels import FLOOR, REACH_NEGATIVE, REACH_POSITIVE

HRS_TOPS = (0.67, 0.75, 0.85, 0.95)  # of the reach: branch C is fitted up to the largest that the curves describe
HOLDS = 1.3  # times the error below the first of these: above, the curves do not describe the branch
DOUBT = 0.01  # trust in points of branch C beyond the fitted share
LRS_SAMPLE_TOP = 0.95  # of U_RESET: points of the LRS up to here enter the fit of the envelopes
POINTS = 60  # points of each branch that enter the fit of the envelopes, about


class _Window(NamedTuple):
    """Points ``first`` to ``last`` (excluded) of a branch with voltages between ``low`` and ``high`` in V."""

    first: int
    last: int
    low: float
    high: float


def sample_branches(
    points: DevicePoints, cycles: DeviceCycles, chosen: IntArray, hrs_top: float
) -> tuple[BranchSamples, IntArray]:
    """Take points of the branches of some cycles, for the fit of the envelopes.

    Branch C is whole, but points beyond ``hrs_top`` of its reach are hardly trusted: they only keep the curves from
    leaving the data there.

    Parameters
    ----------
    points : DevicePoints
        Points without offset.
    cycles : DeviceCycles
    chosen : array of int of shape (k,)
        Rows of the cycles to take.
    hrs_top : float
        Share of the highest voltage up to which branch C is trusted.

    Returns
    -------
    samples : BranchSamples
    kinds : array of int of shape (branches, 2)
        Row and branch (0, 1, 2 for A, B, C) of each.
    """
    parts: list[IntArray] = []
    origin: list[tuple[int, int]] = []
    known = len(cycles.measured) > 0
    for k in chosen:
        row = cycles.rows[k]
        u_set, u_reset = cycles.measured[k, [U_SET, U_RESET]] if known else (np.nan, np.nan)
        reach = cycles.surveyed[k, [REACH_NEGATIVE, REACH_POSITIVE]]
        windows = _windows(row, reach[0], reach[1], u_set, u_reset)
        for branch, (first, last, low, high) in enumerate(windows):
            index = np.arange(first, last)
            u, i = points.u[index], points.i[index]
            limits = (BELOW_LIMIT * x if branch == 1 else np.inf for x in (cycles.limit, cycles.reset_limit))
            index = index[(u >= low) & (u <= high) & (i > -next(limits)) & (i < next(limits))]
            if len(index) >= 3:
                parts.append(index[:: max(1, len(index) // POINTS)])
                origin.append((int(k), branch))
    lengths = [len(part) for part in parts]
    index = np.concatenate(parts) if parts else np.empty(0, np.int64)
    kinds = np.array(origin, np.int64).reshape(-1, 2)
    branch_of = np.repeat(np.arange(len(parts)), lengths)
    u, is_c = points.u[index], kinds[branch_of, 1] == 2
    reach = cycles.surveyed[kinds[branch_of, 0], REACH_POSITIVE]
    trust = np.where(is_c & (u > hrs_top * reach), DOUBT, 1.0)
    return BranchSamples(u, points.i[index], branch_of, trust, kinds[:, 1] == 1), kinds


def hrs_fit_top(samples: BranchSamples, curves: EnvelopeMixture, u_max: float, noise: float) -> float:
    """Find how far the curves describe the HRS.

    Parameters
    ----------
    samples : BranchSamples
    curves : EnvelopeMixture
    u_max : float
        Highest voltage of the ramp in V.
    noise : float
        Standard deviation of a current in A.

    Returns
    -------
    float
        The largest of `HRS_TOPS`, a share of ``u_max``, up to which residuals are about those below the smallest.
    """
    r = fit_states(samples, curves, noise)
    error = np.hypot(noise, MODEL_ERROR * samples.i)
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


def _windows(row: IntArray, un: float, up: float, u_set: float, u_reset: float) -> list[_Window]:
    """Return the windows of branches A, B and C; thresholds that are not known yet are NaN."""
    start, lowest, highest, end = row[:LOOP]
    a = -FIRST_LRS_TOP * un if np.isnan(u_set) else HRS_A_BOTTOM * u_set
    rise = highest if highest >= 0 else end
    up = up if highest >= 0 else un
    b = FIRST_LRS_TOP * up if np.isnan(u_reset) else LRS_SAMPLE_TOP * u_reset
    return [
        _Window(start, lowest, a, -FLOOR * un),
        _Window(lowest, rise, -un, b),
        _Window(rise, end, FLOOR * up, up),
    ]


def join_samples(parts: list[BranchSamples]) -> BranchSamples:
    """Join the samples of several devices, whose branches are numbered through."""
    offsets = np.cumsum([0, *(len(part.is_lrs) for part in parts)])
    return BranchSamples(
        np.concatenate([part.u for part in parts]),
        np.concatenate([part.i for part in parts]),
        np.concatenate([part.branch + k for part, k in zip(parts, offsets, strict=False)]),
        np.concatenate([part.trust for part in parts]),
        np.concatenate([part.is_lrs for part in parts]),
    )
