"""The trend that was taken from devices, in the form in which engines give it back."""

import numpy as np
import xarray as xr

from synaptogen._utils import Float64Array, IntArray
from synaptogen.learn.virtual_devices import virtual_devices
from synaptogen.params import FEATURE_NAMES, FEATURES, PLAIN_SCALES, DeviceParams, Trend

from .drift import cycle_numbers, cycle_places
from .feature_tables import without_failed
from .scale_choice import on_scales

__all__ = ["fit_trend"]

_SIMULATED, _RESAMPLES, _MOST_CYCLES = 256, 2000, 1000
_LEVEL = 0.05


def fit_trend(before: xr.Dataset, after: xr.Dataset, params: DeviceParams, degree: int, seed: int) -> Trend | None:
    """Return the trend by which features before and after `remove_trend` differ.

    Each feature gets one curve T, the direction in which the trends of devices are strongest, and devices get factors
    of it. The spread of the factors is that of the measured devices less that of simulated devices without a trend.
    Features whose trends are no stronger than those of 95 % of stationary populations get none.

    Parameters
    ----------
    before, after : xarray.Dataset
        Features (device, cycle) before and after.
    params : DeviceParams
        What was learned from the features after.
    degree : int
        Degree of the polynomials.
    seed : int
        Seed of simulated devices.

    Returns
    -------
    Trend or None
        None if no feature has a trend.
    """
    moved = _on_scales(before, params) - _on_scales(after, params)
    numbers = cycle_numbers(before)
    cycles = int(numbers.max()) + 1
    basis = np.vander(cycle_places(before), degree + 1)  # highest power first
    found = np.stack([_coefficients(moved[..., f], basis) for f in range(FEATURES)], axis=1)
    chance = _of_stationary(params, numbers, degree, seed)
    gram = basis.T @ basis / len(basis)
    rng = np.random.default_rng(seed)
    curves, factors, other = np.zeros((FEATURES, degree + 1)), np.zeros((len(found), FEATURES)), []
    for f in range(FEATURES):
        known = np.isfinite(found[:, f]).all(-1)
        c, noise = found[known, f], chance[:, f]
        if not known.any() or np.mean(_strength(c, gram)) <= _limit(_strength(noise, gram), known.sum(), rng):
            other.append(np.zeros(len(noise)))
            continue
        root = np.linalg.cholesky(gram + 1e-12 * np.eye(degree + 1))
        _, _, directions = np.linalg.svd(c @ root, full_matrices=False)
        direction = directions[0] * np.sign(np.sum(c @ root @ directions[0]) or 1.0)
        curves[f] = np.linalg.solve(root.T, direction)
        factors[:, f] = np.where(known, found[:, f] @ root @ direction, np.nan)
        other.append(noise @ root @ direction)
    if not curves.any():
        return None
    mean = np.array([np.nanmean(d) if np.isfinite(d).any() else 0.0 for d in factors.T])
    return Trend(max(cycles, 2), curves, mean, _spread(factors, np.stack(other, axis=1)))


def _on_scales(features: xr.Dataset, params: DeviceParams) -> Float64Array:
    """Return features (device, cycle, 4) on the scales of a parameter set, NaN where not measured."""
    cleaned, _ = without_failed(features)
    y = np.full((cleaned.sizes["device"], cleaned.sizes["cycle"], FEATURES), np.nan)
    for f, name in enumerate(FEATURE_NAMES):
        if name in cleaned:
            y[..., f] = PLAIN_SCALES[f].inverse(cleaned[name].transpose("device", "cycle").to_numpy())
    return on_scales(y, params.scales)


def _coefficients(records: Float64Array, basis: Float64Array) -> Float64Array:
    """Return the polynomial of each record (n, degree + 1); NaN where it has too few values."""
    found = np.full((len(records), basis.shape[1]), np.nan)
    for n, row in enumerate(records):
        there = np.isfinite(row)
        if there.sum() > 5 * basis.shape[1]:
            found[n] = np.linalg.lstsq(basis[there], row[there], rcond=None)[0]
    return found


def _of_stationary(params: DeviceParams, numbers: IntArray, degree: int, seed: int) -> Float64Array:
    """Return polynomials (n, 4, degree + 1) of cycles of simulated devices without a trend, about their means."""
    cycles = int(numbers.max()) + 1
    there = np.isin(np.arange(cycles), numbers)
    settled = params.replace(trend=None, wear=None, fluctuation=None)
    cells = virtual_devices(settled, _SIMULATED, cycles, seed)
    kept, at = [], []
    for k in range(cycles):
        one = cells.run_cycles(1)
        if there[k] and k % max(1, cycles // _MOST_CYCLES) == 0:
            kept.append([scale.inverse(v[0]) for scale, v in zip(params.scales, one, strict=True)])
            at.append(k)
    y = np.array(kept).transpose(2, 0, 1)
    basis = np.vander(np.linspace(-1, 1, at[-1] + 1)[at], degree + 1)
    found = np.stack([_coefficients(y[..., f], basis) for f in range(FEATURES)], axis=1)
    found[..., -1] -= found @ basis.mean(0)  # the mean stays
    return found


def _strength(c: Float64Array, gram: Float64Array) -> Float64Array:
    """Return the mean square of polynomials over the record."""
    return np.asarray(np.einsum("ni,ij,nj->n", c, gram, c))


def _limit(strengths: Float64Array, devices: int, rng: np.random.Generator) -> float:
    """Return what the mean strength of as many stationary devices exceeds once in twenty populations."""
    means = rng.choice(strengths, (_RESAMPLES, devices)).mean(1)
    return float(np.quantile(means, 1 - _LEVEL / FEATURES))


def _spread(factors: Float64Array, noise: Float64Array) -> Float64Array:
    """Return a lower triangular factor of the covariance of factors less that of noise; 0 for one device."""
    whole = factors[np.isfinite(factors).all(1)]
    if len(whole) < 2:
        return np.zeros((FEATURES, FEATURES))
    excess = np.cov(whole.T) - np.cov(noise.T)
    values, vectors = np.linalg.eigh(excess)
    upper = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T)[1]
    lower = upper.T * np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    return np.asarray(np.tril(lower))
