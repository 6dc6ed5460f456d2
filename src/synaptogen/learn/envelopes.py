"""The two curves that bound all I-V loops, and the law of the RESET transition between them.

Both polynomials come from `_curves`: alternating least squares with the states of all branches, passive, increasing and
apart on the whole range. The RESET transition of a cycle runs from (U_RESET, y1) on its LRS to (U_max, y2) on its HRS,

    I_t(U) = y2 + (y1 - y2) ((U_max - U) / (U_max - U_RESET))**eta

with eta, and U_max if the loops tell it, by robust least squares on all cycles at once. A table of how far r has gone
from r_LRS to r_HRS at 9 places between U_RESET and U_max stands beside the power law.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import least_squares, nnls

from . import _branches, _curves
from . import _cutting as cutting
from . import _loops as at
from ._branches import Points
from ._curves import Mixture, Samples
from .extraction import Extraction
from .flags import Flag

Array: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]
Degrees: TypeAlias = tuple[int, int]
Fit: TypeAlias = Callable[[Samples], Mixture]

MOST_DEVICES, MOST_CYCLES = 64, 1200  # that the curves are fitted to
DEGREES: list[Degrees] = [(5, 5), (6, 6), (7, 7)]
WITHIN = 1.01  # times the least misfit: lower degrees are as good
OUTLIER = 3.0  # standard deviations; what is beyond counts as that much
RESIDUALS = ("lrs", "lrs_rms", "hrs", "hrs_rms", "hrs_negative", "hrs_negative_rms")
KNOTS = 9
SHORTEST_TOP = 0.85  # of the ramp: U_max is not sought below
GAIN = 0.03  # of the residual: by less, a U_max below the end of the ramp is not believed
HUBER = 2.0  # typical residuals
ETA_RANGE = (0.05, 20.0)


@dataclass(frozen=True)
class Envelopes:
    """Curves of a device population, as `DeviceParams` takes them, and how well they hold.

    Parameters
    ----------
    llrs, hhrs : array of shape (n,), (m,)
        Currents in A as polynomials in the voltage in V, highest power first, the last coefficient 0.
    u_max : float
        Voltage in V of a full RESET.
    u_range : float
        Voltage in V up to which, on both sides, the envelopes are passive, increase, and lie apart.
    u_read : float
        Voltage in V at which resistances are defined.
    eta : float
        Exponent of the RESET transition.
    eta_error : float
        Its standard error, cycles being independent.
    residuals : mapping of str to float
        Of cycles that the curves were not fitted to, relative to the rms current of the same points: typical residual
        (1.4826 times the median magnitude) ``lrs``, ``hrs`` (positive branch), ``hrs_negative``, and their rms, which
        jumps in few branches dominate, ``lrs_rms``, ``hrs_rms``, ``hrs_negative_rms``. NaN with fewer than two cycles.
    transition : array of shape (2, 9)
        (U - U_RESET)/(U_max - U_RESET), and the share of the way from r_LRS to r_HRS at it, increasing.
    rms_power, rms_table : float
        Rms residual in A of the RESET transition by the power law, and by the table.
    measured : mapping of str to (float, float)
        Lowest and highest voltage in V at which branches of ``lrs`` and ``hrs`` were measured; beyond, the envelopes
        are continued with little curvature.
    """

    llrs: Array
    hhrs: Array
    u_max: float
    u_range: float
    u_read: float
    eta: float
    eta_error: float
    residuals: Mapping[str, float]
    transition: Array
    rms_power: float
    rms_table: float
    measured: Mapping[str, tuple[float, float]]

    def current(self, resistance: Array, u: Array) -> Array:
        """Current in A at ``u`` of cells of a resistance in ohm at the read voltage; the two broadcast."""
        return _current(self.llrs, self.hhrs, _state(self.llrs, self.hhrs, 1 / resistance, self.u_read), u)


def fit_envelopes(loops: xr.Dataset, extraction: Extraction, *, degrees: tuple[int, int] | None = None) -> Envelopes:
    """Fit both envelopes and the RESET transition to extracted loops.

    Parameters
    ----------
    loops : xarray.Dataset
        As `measurement.loops` makes.
    extraction : Extraction
        What `extract` returned for these loops.
    degrees : (int, int), optional
        Degrees of the LLRS and the HHRS, 1 to 15. Default: the lowest of `DEGREES` that describe held-out cycles as
        well as the best of them, within 1 %.

    Raises
    ------
    ValueError
        If the degrees are out of range, or no cycle is complete.
    """
    if degrees is not None and (len(degrees) != 2 or not all(1 <= d <= 15 for d in degrees)):
        raise ValueError(f"degrees must be two numbers from 1 to 15, not {degrees!r}")
    samples, fold, resets = _gather(loops, extraction)
    noise = float(np.median(extraction.noise))

    def fit(of: Degrees, part: Samples) -> Mixture:
        return _curves.fit(part, of, u_range=extraction.u_range, u_read=extraction.u_read, noise=noise)

    tried = [degrees] if degrees else DEGREES
    held_out = [_held_out(samples, fold, partial(fit, of), noise) for of in tried]
    misfits = np.array([one.misfit for one in held_out])
    best = int(np.argmax(misfits <= WITHIN * np.min(misfits))) if np.isfinite(misfits).all() else 0
    whole = fit(tried[best], samples)
    resets = _with_ends(resets, whole, extraction.u_read)
    u_max, eta, eta_error, rms_power = _power_law(resets, whole, extraction.u_max, noise)
    transition, rms_table = _table(resets, whole, u_max)
    return Envelopes(
        whole.llrs, whole.hhrs, u_max, extraction.u_range, extraction.u_read, eta, eta_error,
        held_out[best].residuals,
        transition, rms_power, rms_table, _measured(samples),
    )  # fmt: skip


@dataclass(frozen=True)
class _Resets:
    """Points of RESET transitions: voltage, current and cycle of each; of each cycle U_RESET, conductances, states."""

    u: Array
    i: Array
    cycle: Index
    u_reset: Array
    g: Array  # (n, 2): before and after, in S
    r: Array  # (n, 2): the same as mixing states


def _gather(loops: xr.Dataset, extraction: Extraction) -> tuple[Samples, NDArray[np.int64], _Resets]:
    """Branches of complete cycles, the parity of the cycle of each, and the RESET transitions."""
    flag = extraction.features["flag"].values
    failed = Flag.MISSING | Flag.INCOMPLETE | Flag.NO_SET | Flag.NO_RESET | Flag.FROM_LRS
    good = (flag & failed) == 0
    able = np.flatnonzero(good.any(axis=1))
    if not len(able):
        raise ValueError("no cycle both sets and resets: envelopes need at least one complete cycle")
    devices = _spread(able, MOST_DEVICES)
    share = max(MOST_CYCLES // len(devices), 2)
    parts, folds, resets = [], [], []
    for d in devices:
        one = extraction.cycles[d]
        is_good = (
            (one.rows[:, cutting.LOWEST] >= 0)
            & (one.rows[:, cutting.HIGHEST] >= 0)
            & good[d, one.rows[:, cutting.LOOP]]
        )
        chosen = _spread(np.flatnonzero(is_good), share)
        points = _branches.corrected(loops, int(d), one)
        part, kinds = _branches.sample(points, one, chosen, extraction.hrs_top)
        parts.append(part)
        folds.append(one.rows[kinds[:, 0], cutting.LOOP] % 2)
        resets.append(_resets_of(points, one, chosen, extraction))
    return _branches.joined(parts), np.concatenate(folds), _joined(resets)


def _spread(of: Index, most: int) -> Index:
    return of if len(of) <= most else of[np.linspace(0, len(of) - 1, most).round().astype(np.int64)]


def _resets_of(points: Points, one: _branches.Cycles, chosen: Index, extraction: Extraction) -> _Resets:
    chords = [np.polyval(p, extraction.u_read) / extraction.u_read for p in (extraction.llrs, extraction.hhrs)]
    g_llrs, g_hhrs = chords
    measured = one.measured[chosen]
    g = g_llrs + measured[:, [at.R_B, at.R_C]] * (g_hhrs - g_llrs)
    u, i, cycle = [], [], []
    for n, k in enumerate(chosen):
        first, last = one.rows[k, cutting.LOWEST], one.rows[k, cutting.HIGHEST] + 1
        index = first + np.flatnonzero(points.u[first:last] > measured[n, at.U_RESET])
        u.append(points.u[index])
        i.append(points.i[index])
        cycle.append(np.full(len(index), n))
    u_reset = measured[:, at.U_RESET]
    return _Resets(np.concatenate(u), np.concatenate(i), np.concatenate(cycle), u_reset, g, np.empty_like(g))


def _joined(parts: list[_Resets]) -> _Resets:
    before = np.cumsum([0, *(len(part.u_reset) for part in parts)])
    cycle = np.concatenate([part.cycle + k for part, k in zip(parts, before, strict=False)])
    u, i, u_reset, g, r = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("u", "i", "u_reset", "g", "r")
    )
    return _Resets(u, i, cycle, u_reset, g, r)


@dataclass(frozen=True)
class _HeldOut:
    """Residuals of cycles that the curves were not fitted to; misfit: their rms in units of the error, bounded."""

    residuals: dict[str, float]
    misfit: float


def _held_out(samples: Samples, fold: Index, fit: Fit, noise: float) -> _HeldOut:
    """Fit each half of the cycles, and try it on the other."""
    rest, r = np.full(len(samples.i), np.nan), np.empty(len(samples.is_lrs))
    for half in np.unique(fold):
        if not _both_states(samples, fold != half):
            return _HeldOut(dict.fromkeys(RESIDUALS, np.nan), np.nan)
        curves, test = fit(samples.of(fold != half)), fold == half
        part = samples.of(test)
        r[test] = _curves.states(part, curves, noise)
        rest[test[samples.branch]] = part.i - curves.current(r[test][part.branch], part.u)
    far = np.abs(rest) / np.hypot(noise, _curves.RELATIVE * samples.i)
    trusted = samples.trust == 1
    is_lrs, positive = samples.is_lrs[samples.branch], samples.u > 0
    kinds = (is_lrs, ~is_lrs & positive, ~is_lrs & ~positive)
    sizes = [_relative(rest[kind & trusted], samples.i[kind & trusted]) for kind in kinds]
    residuals = dict(zip(RESIDUALS, chain(*sizes), strict=True))
    return _HeldOut(residuals, float(np.sqrt(np.mean(np.minimum(far[trusted], OUTLIER) ** 2))))


def _both_states(samples: Samples, branches: NDArray[np.bool_]) -> bool:
    return bool(samples.is_lrs[branches].any() and (~samples.is_lrs[branches]).any())


def _relative(rest: Array, i: Array) -> tuple[float, float]:
    """Typical and rms residual, relative to the rms current."""
    if not len(i):
        return np.nan, np.nan
    size = float(np.sqrt(np.mean(i**2)))
    return 1.4826 * float(np.median(np.abs(rest))) / size, float(np.sqrt(np.mean(rest**2))) / size


def _state(llrs: Array, hhrs: Array, g: Array, u_read: float) -> Array:
    g_llrs, g_hhrs = (np.polyval(p, u_read) / u_read for p in (llrs, hhrs))
    return np.asarray((g_llrs - g) / (g_llrs - g_hhrs))


def _current(llrs: Array, hhrs: Array, r: Array, u: Array) -> Array:
    a = np.polyval(llrs, u)
    return np.asarray(a + r * (np.polyval(hhrs, u) - a))


def _with_ends(resets: _Resets, curves: Mixture, u_read: float) -> _Resets:
    r = _state(curves.llrs, curves.hhrs, resets.g, u_read)
    return _Resets(resets.u, resets.i, resets.cycle, resets.u_reset, resets.g, r)


def _law(resets: _Resets, curves: Mixture, eta: float, u_max: float) -> Array:
    """Currents of the power law at all points; beyond U_max those of the HRS."""
    y1 = curves.current(resets.r[:, 0], resets.u_reset)[resets.cycle]
    y2 = curves.current(resets.r[:, 1], np.full(len(resets.r), u_max))[resets.cycle]
    x1 = resets.u_reset[resets.cycle]
    part = np.maximum(u_max - resets.u, 0.0) / np.maximum(u_max - x1, 1e-3)
    inside = y2 + (y1 - y2) * np.minimum(part, 1.0) ** eta
    return np.where(resets.u < u_max, inside, curves.current(resets.r[resets.cycle, 1], resets.u))


def _power_law(resets: _Resets, curves: Mixture, ramp: float, noise: float) -> tuple[float, float, float, float]:
    """U_max, eta, its standard error, and the rms residual; U_max is below the end of the ramp if that fits better."""
    at_end = _fit_law(resets, curves, ramp, noise, fixed=True)
    free = _fit_law(resets, curves, ramp, noise, fixed=False)
    u_max, eta, rms = free if free[2] < (1 - GAIN) * at_end[2] else at_end
    return u_max, eta, _eta_error(resets, curves, eta, u_max), rms


def _fit_law(resets: _Resets, curves: Mixture, ramp: float, noise: float, *, fixed: bool) -> tuple[float, float, float]:
    scale = max(float(np.median(np.abs(resets.i - _law(resets, curves, 1.0, ramp)))), noise)

    def rest(x: Array) -> Array:
        return (_law(resets, curves, float(np.exp(x[0])), ramp if fixed else float(x[1])) - resets.i) / scale

    starts = [(0.5, 0.97), (3.0, 0.97)]
    low, high = [np.log(ETA_RANGE[0]), SHORTEST_TOP * ramp], [np.log(ETA_RANGE[1]), ramp]
    found = []
    for eta, top in starts:
        k = 1 if fixed else 2
        x0 = np.array([np.log(eta), top * ramp])[:k]
        fit = least_squares(rest, x0, bounds=(low[:k], high[:k]), loss="huber", f_scale=HUBER, diff_step=[1e-4] * k)
        found.append((fit.cost, fit.x))
    x = min(found, key=lambda pair: pair[0])[1]
    u_max = ramp if fixed else float(x[1])
    return u_max, float(np.exp(x[0])), scale * float(np.sqrt(np.mean(rest(x) ** 2)))


def _eta_error(resets: _Resets, curves: Mixture, eta: float, u_max: float) -> float:
    """Standard error of eta from the scatter of the cycles: the sandwich of least squares."""
    h = 1e-3 * eta
    slope = (_law(resets, curves, eta + h, u_max) - _law(resets, curves, eta - h, u_max)) / (2 * h)
    rest = resets.i - _law(resets, curves, eta, u_max)
    scores = np.bincount(resets.cycle, slope * rest)
    total = float(np.sum(slope**2))
    return float(np.sqrt(np.sum(scores**2)) / total) if total > 0 else np.nan


def _table(resets: _Resets, curves: Mixture, u_max: float) -> tuple[Array, float]:
    """How far r has gone at each knot: non-negative steps between knots, by weighted least squares; rms residual."""
    x1 = resets.u_reset[resets.cycle]
    t = np.clip((resets.u - x1) / np.maximum(u_max - x1, 1e-3), 0.0, 1.0)
    r0, r1 = resets.r[resets.cycle].T
    start = curves.current(r0, resets.u)
    span = curves.current(r1, resets.u) - start
    knots = np.linspace(0.0, 1.0, KNOTS)
    hats = np.maximum(1 - np.abs(t[:, None] - knots) * (KNOTS - 1), 0.0)
    steps = np.cumsum(hats[:, ::-1], axis=1)[:, ::-1]  # of a step at knot k, what all later knots share
    rows = steps * span[:, None]
    gram, cross = rows.T @ rows, rows.T @ (resets.i - start)
    root = np.linalg.cholesky(gram + 1e-9 * np.trace(gram) / KNOTS * np.eye(KNOTS)).T
    size = float(np.abs(np.diag(root)).max())
    increments, _ = nnls(root / size, np.linalg.solve(root.T, cross) / size)
    share = np.minimum(np.cumsum(increments), 1.0)
    rest = resets.i - (start + (hats @ share) * span)
    return np.stack([knots, share]), float(np.sqrt(np.mean(rest**2)))


def _measured(samples: Samples) -> dict[str, tuple[float, float]]:
    found = {}
    for name, of in (("lrs", samples.is_lrs), ("hrs", ~samples.is_lrs)):
        low, high = np.quantile(samples.u[of[samples.branch] & (samples.trust == 1)], [0.01, 0.99])
        found[name] = (float(low), float(high))
    return found
