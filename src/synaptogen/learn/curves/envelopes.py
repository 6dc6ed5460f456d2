"""The two curves that bound all I-V loops, and how well they describe cycles that they were not fitted to.

Both polynomials come from `fit_envelope_mixture`: alternating least squares with the states of all branches; passive,
increasing and apart on the whole range. The RESET transition between them comes from `reset_transition`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeAlias

import numpy as np
import xarray as xr

from synaptogen._utils import BoolArray, Float64Array, IntArray, one_of
from synaptogen.learn.extraction import (
    FAILED,
    MODEL_ERROR,
    BranchSamples,
    EnvelopeMixture,
    Extraction,
    corrected_points,
    evenly_spaced,
    fit_envelope_mixture,
    fit_states,
    join_samples,
    sample_branches,
)

from .reset_transition import (
    TRANSITIONS,
    ResetPoints,
    ResetTransition,
    Transition,
    fit_reset_transition,
    join_resets,
    reset_points,
)

Degrees: TypeAlias = tuple[int, int]
Fit: TypeAlias = Callable[[BranchSamples], EnvelopeMixture]

MOST_DEVICES, MOST_CYCLES = 64, 1200  # whose loops the curves are fitted to
DEGREES: list[Degrees] = [(5, 5), (6, 6), (7, 7)]
STEEPER: list[Degrees] = [(7, 9), (7, 11)]  # for an HRS that grows like a sinh with a large exponent
BIASED, AS_BIASED = 0.1, 0.02  # share of the highest currents that curves may miss on average, beyond the least missed
WITHIN, WITHIN_BEYOND = 1.01, 1.1  # times the least misfit: up to here, lower degrees count as equally good
OUTLIER = 3.0  # standard deviations; larger residuals count as this much
RESIDUALS = ("lrs", "lrs_rms", "hrs", "hrs_rms", "hrs_negative", "hrs_negative_rms")


@dataclass(frozen=True)
class Envelopes:
    """Curves of a device population, as `DeviceParams` takes them, and how well they describe the measurement.

    Parameters
    ----------
    llrs, hhrs : array of shape (n,), (m,)
        Currents in A as polynomials in the voltage in V, highest power first, the last coefficient 0.
    u_range : float
        Voltage in V up to which, on both sides, the envelopes are passive, increase, and lie apart.
    u_read : float
        Voltage in V at which resistances are defined.
    reset : ResetTransition
        The RESET transition, and the voltage of a full RESET.
    residuals : mapping of str to float
        Of cycles that the curves were not fitted to, relative to the rms current of the same points: typical residual
        (1.4826 times the median magnitude) ``lrs``, ``hrs`` (positive branch), ``hrs_negative``, and their rms, which
        jumps in few branches dominate, ``lrs_rms``, ``hrs_rms``, ``hrs_negative_rms``. NaN with fewer than two cycles.
    measured : mapping of str to (float, float)
        Lowest and highest voltage in V at which branches of ``lrs`` and ``hrs`` were measured; beyond, the envelopes
        are continued with little curvature.
    """

    llrs: Float64Array
    hhrs: Float64Array
    u_range: float
    u_read: float
    reset: ResetTransition
    residuals: Mapping[str, float]
    measured: Mapping[str, tuple[float, float]]

    def current(self, resistance: Float64Array, u: Float64Array) -> Float64Array:
        """Return currents in A of cells of given resistances.

        Parameters
        ----------
        resistance : array
            In ohm at the read voltage.
        u : array
            Voltages in V; the two broadcast.

        Returns
        -------
        array
        """
        return _current(self.llrs, self.hhrs, _state(self.llrs, self.hhrs, 1 / resistance, self.u_read), u)


def fit_envelopes(
    loops: xr.Dataset, extraction: Extraction, *, degrees: tuple[int, int] | None = None, reset: Transition = "auto"
) -> Envelopes:
    """Fit both envelopes and the RESET transition to extracted loops.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, as `learn.loops` makes them.
    extraction : Extraction
        Result of `extract` for these loops.
    degrees : (int, int), optional
        Degrees of the LLRS and the HHRS, 1 to 15. Default: the lowest of `DEGREES` that describe held-out cycles as
        well as the best of them, within 1 % (10 % at the highest voltages, where the HRS is no mixture of two curves).
        Where none of them describes the highest currents on average, `STEEPER` ones are tried, too.
    reset : {"auto", "power", "stretched"}
        Form of the RESET transition; default: stretched, if it describes held-out cycles better than the power law.

    Returns
    -------
    Envelopes

    Raises
    ------
    ValueError
        If the degrees are out of range, there is no such transition, or no cycle is complete.
    """
    if degrees is not None and (len(degrees) != 2 or not all(1 <= d <= 15 for d in degrees)):
        raise ValueError(f"degrees must be two numbers from 1 to 15, not {degrees!r}")
    one_of("reset", reset, TRANSITIONS)
    samples, fold, resets = _gather(loops, extraction)
    noise = float(np.median(extraction.noise))

    def fit(of: Degrees, part: BranchSamples) -> EnvelopeMixture:
        return fit_envelope_mixture(part, of, u_range=extraction.u_range, u_read=extraction.u_read, noise=noise)

    tried = [degrees] if degrees else list(DEGREES)
    held_out = [_held_out(samples, fold, partial(fit, of), noise) for of in tried]
    for of in () if degrees else STEEPER:
        if not held_out[-1].bias > BIASED:
            break
        tried.append(of)
        held_out.append(_held_out(samples, fold, partial(fit, of), noise))
    best = _lowest_degrees(held_out)
    whole = fit(tried[best], samples)
    resets = resets.with_states(whole, extraction.u_read)
    return Envelopes(
        whole.llrs,
        whole.hhrs,
        extraction.u_range,
        extraction.u_read,
        fit_reset_transition(resets, whole, extraction.u_max, noise, reset),
        held_out[best].residuals,
        _measured(samples),
    )


def _lowest_degrees(held_out: list["_HeldOut"]) -> int:
    """Return the first, of the lowest degrees, that is about as good as the best: where curves hold, and beyond.

    Curves that miss the highest currents on average do not count if others do not.
    """
    misfit, beyond, bias = (np.array([getattr(one, name) for one in held_out]) for name in ("misfit", "beyond", "bias"))
    if not np.isfinite(misfit).all():
        return 0
    counts = bias <= max(BIASED, bias.min() + AS_BIASED)
    least = misfit[counts].min()
    good = counts & (misfit <= WITHIN * least) & (beyond <= WITHIN_BEYOND * beyond[counts].min())
    return int(np.argmax(good)) if good.any() else int(np.argmin(np.where(counts, misfit, np.inf)))


def _gather(loops: xr.Dataset, extraction: Extraction) -> tuple[BranchSamples, IntArray, ResetPoints]:
    """Return branches of complete cycles, the parity of the cycle of each, and the RESET transitions."""
    flag = extraction.features["flag"].values
    good = (flag & FAILED) == 0
    usable = np.flatnonzero(good.any(axis=1))
    if not len(usable):
        raise ValueError("no cycle both sets and resets: envelopes need at least one complete cycle")
    devices = evenly_spaced(usable, MOST_DEVICES)
    share = max(MOST_CYCLES // len(devices), 2)
    parts, folds, resets = [], [], []
    for d in devices:
        one = extraction.cycles[d]
        is_good = one.has_both_halves & good[d, one.loop]
        chosen = evenly_spaced(np.flatnonzero(is_good), share)
        points = corrected_points(loops, int(d), one)
        part, kinds = sample_branches(points, one, chosen, extraction.hrs_top)
        parts.append(part)
        folds.append(one.loop[kinds[:, 0]] % 2)
        known = np.isfinite(one.conductances_at_read[chosen, 1:]).all(axis=1) & np.isfinite(one.u_reset[chosen])
        if known.any():  # a record may end at the top of the ramp, before the HRS is seen
            resets.append(reset_points(points, one, chosen[known]))
    if not resets:
        raise ValueError("no RESET is measured from its voltage to the HRS behind it: envelopes need one")
    return join_samples(parts), np.concatenate(folds), join_resets(resets)


@dataclass(frozen=True)
class _HeldOut:
    """Residuals of cycles that the curves were not fitted to.

    ``misfit`` is their rms in units of the error, bounded; ``beyond`` their rms in A where the HRS is no mixture of two
    curves any more, so that these describe it on average, and ``bias`` their median there as a share of the current.
    """

    residuals: dict[str, float]
    misfit: float
    beyond: float = 0.0
    bias: float = 0.0


def _held_out(samples: BranchSamples, fold: IntArray, fit: Fit, noise: float) -> _HeldOut:
    """Fit each half of the cycles, and compare with the other."""
    rest, r = np.full(len(samples.i), np.nan), np.empty(len(samples.is_lrs))
    for half in np.unique(fold):
        if not _both_states(samples, fold != half):
            return _HeldOut(dict.fromkeys(RESIDUALS, np.nan), np.nan)
        curves, test = fit(samples.select(fold != half)), fold == half
        part = samples.select(test)
        r[test] = fit_states(part, curves, noise)
        rest[test[samples.branch]] = part.i - curves.current(r[test][part.branch], part.u)
    far = np.abs(rest) / np.hypot(noise, MODEL_ERROR * samples.i)
    trusted = samples.trust == 1
    is_lrs, positive = samples.is_lrs[samples.branch], samples.u > 0
    kinds = (is_lrs, ~is_lrs & positive, ~is_lrs & ~positive)
    sizes = [_relative(rest[kind & trusted], samples.i[kind & trusted]) for kind in kinds]
    residuals = dict(zip(RESIDUALS, chain(*sizes), strict=True))
    misfit = float(np.sqrt(np.mean(np.minimum(far[trusted], OUTLIER) ** 2)))
    far_off, size = rest[~trusted], np.abs(samples.i[~trusted])
    if not len(size):
        return _HeldOut(residuals, misfit)
    bias = abs(float(np.median(far_off))) / max(float(np.median(size)), noise)
    return _HeldOut(residuals, misfit, float(np.sqrt(np.mean(far_off**2))), bias)


def _both_states(samples: BranchSamples, branches: BoolArray) -> bool:
    return bool(samples.is_lrs[branches].any() and (~samples.is_lrs[branches]).any())


def _relative(rest: Float64Array, i: Float64Array) -> tuple[float, float]:
    """Return typical and rms residual, relative to the rms current."""
    if not len(i):
        return np.nan, np.nan
    size = float(np.sqrt(np.mean(i**2)))
    return 1.4826 * float(np.median(np.abs(rest))) / size, float(np.sqrt(np.mean(rest**2))) / size


def _state(llrs: Float64Array, hhrs: Float64Array, g: Float64Array, u_read: float) -> Float64Array:
    g_llrs, g_hhrs = (np.polyval(p, u_read) / u_read for p in (llrs, hhrs))
    return np.asarray((g_llrs - g) / (g_llrs - g_hhrs))


def _current(llrs: Float64Array, hhrs: Float64Array, r: Float64Array, u: Float64Array) -> Float64Array:
    a = np.polyval(llrs, u)
    return np.asarray(a + r * (np.polyval(hhrs, u) - a))


def _measured(samples: BranchSamples) -> dict[str, tuple[float, float]]:
    found = {}
    for name, of in (("lrs", samples.is_lrs), ("hrs", ~samples.is_lrs)):
        low, high = np.quantile(samples.u[of[samples.branch] & (samples.trust == 1)], [0.01, 0.99])
        found[name] = (float(low), float(high))
    return found
