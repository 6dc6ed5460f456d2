"""The scale of each feature: plain, logarithmic, or an increasing curve on which pooled measurements are Gaussian.

Candidates are compared by the likelihood of devices that they were not learned from, with the Jacobian of the scale. On
each scale a device has a mean and a standard deviation, these are drawn from one mixture of Gaussians, and all devices
share one quantile polynomial. A simpler scale stays unless another one is better by `_CLEAR` standard errors
and by `_LEAST_GAIN` nats per cycle.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synaptogen._utils import Float64Array
from synaptogen.learn.virtual_devices import virtual_devices
from synaptogen.params import FEATURE_NAMES, FEATURES, PLAIN_SCALES, DeviceParams, FeatureScale, Population

from .feature_tables import FeatureTable
from .gaussian_mixture import find_bulk, fit_mixture
from .quantile_transform import fit_quantiles, increasing_polynomial, normal_scores, slope_at

__all__ = ["ScaleChoice", "bent_scale", "choose_scales", "gaussian_curve", "on_scales", "plain_form", "values_of"]

REACH = 6.0  # the range of a curve, in standard deviations of the pooled measurements
DEGREE = 9
BENT_DEGREE = 12
_BEYOND = 4.0  # measured cycles, of which a bent curve holds the outermost value of one
_BENT_WIDTH, _LEAST_SLOPE = 12.0, 0.1
FEWEST_CYCLES = 2000  # pooled cycles that a curve needs
_OFFSETS = (0.0, 0.9)  # of R_LRS, as shares of the smallest measurement
_WIDTH = 0.1  # of the averages that a curve goes through, in standard deviations
_TAIL = 0.3  # from which a curve goes on as a straight line
_LEAST_WEIGHT = 0.05
_FOLDS = 4
_CLEAR = 2.0
_LEAST_GAIN = 0.01  # nats per cycle; two scales that differ by less describe devices equally well
_GRID = 241
_DEVICES, _CYCLES = 512, 200  # by which a population is brought to the plain scales
_SEED = 1


@dataclass(frozen=True)
class ScaleChoice:
    """Scales of the features, and how they were chosen.

    Attributes
    ----------
    scales : tuple of four FeatureScale
    gains : dict of str to float
        Of each feature with a scale of its own, what it gains over the plain one: nats per cycle, held out.
    """

    scales: tuple[FeatureScale, ...]
    gains: dict[str, float]

    def describe(self) -> str:
        """Return the scales that are not plain, in words; an empty text if all are."""
        return "; ".join(
            f"{name} on {_in_words(self.scales[FEATURE_NAMES.index(name)])}: {gain:.2g} nats per cycle more likely in"
            " held-out devices"
            for name, gain in self.gains.items()
        )


def choose_scales(table: FeatureTable, others: Sequence[FeatureScale] = PLAIN_SCALES) -> ScaleChoice:
    """Choose the scale of each measured feature.

    Parameters
    ----------
    table : FeatureTable
        Features on the plain scales.
    others : four FeatureScale
        Scales of features that were not measured.

    Returns
    -------
    ScaleChoice
    """
    scales, gains = list(others), {}
    for f in table.measured:
        value = np.asarray(PLAIN_SCALES[f].value(table.y[..., f]))
        scale, gain = _chosen(value, FEATURE_NAMES[f], PLAIN_SCALES[f])
        scales[f] = scale
        if scale != PLAIN_SCALES[f]:
            gains[FEATURE_NAMES[f]] = gain
    return ScaleChoice(tuple(scales), gains)


def on_scales(y: Float64Array, scales: Sequence[FeatureScale]) -> Float64Array:
    """Return features on given scales.

    Parameters
    ----------
    y : array of shape (..., 4)
        Features on the plain scales: log10 of ohm, V, ohm, V.
    scales : four FeatureScale

    Returns
    -------
    array of the same shape
    """
    out = y.copy()
    for f, (scale, plain) in enumerate(zip(scales, PLAIN_SCALES, strict=True)):
        if scale != plain:
            out[..., f] = scale.inverse(plain.value(y[..., f]))
    return out


def values_of(y: Float64Array, scales: Sequence[FeatureScale]) -> Float64Array:
    """Return features in ohm and V, from numbers on their scales.

    Parameters
    ----------
    y : array of shape (..., 4)
        Numbers on the scales.
    scales : four FeatureScale

    Returns
    -------
    array of the same shape
    """
    return np.stack([scale.value(y[..., f]) for f, scale in enumerate(scales)], axis=-1)


def gaussian_curve(value: Float64Array, kind: str, offset: float = 0.0) -> FeatureScale:
    """Return the scale on which pooled values are Gaussian, but for what a polynomial cannot follow.

    Parameters
    ----------
    value : array
        Values in ohm or V; NaN where not measured.
    kind : {"linear", "log10"}
        What the curve leads to.
    offset : float
        Offset of a logarithmic scale.

    Returns
    -------
    FeatureScale
    """
    plain = FeatureScale("log10" if kind == "log10" else "linear", offset=offset)
    v = np.sort(plain.inverse(value[np.isfinite(value)]))
    v = v[np.isfinite(v)]
    grid = np.linspace(-REACH, REACH, _GRID)
    seen, target = _averages(v, grid)
    return FeatureScale(plain.kind, _curve_through(target, seen, grid), -REACH, REACH, offset)


def bent_scale(scale: FeatureScale, simulated: Float64Array, value: Float64Array) -> FeatureScale:
    """Return the scale on which simulated numbers stand for values that are distributed as the measured ones.

    Pooled measurements are Gaussian on their curve, but for what a polynomial cannot follow, such as the sharp end of a
    distribution. What simulated devices have on it may depart from that in the tails, where few devices decide. The
    curve is bent until its values are those of the same ranks. It ends a little beyond the measured values, and
    numbers further out are held there.

    Parameters
    ----------
    scale : FeatureScale
        With a curve from `gaussian_curve`.
    simulated : array
        Numbers of simulated cells on it.
    value : array
        Measured values in ohm or V; NaN where not measured.

    Returns
    -------
    FeatureScale
    """
    plain, measured = FeatureScale(scale.kind, offset=scale.offset), value[np.isfinite(value)]
    scores = np.linspace(-REACH, REACH, _GRID)
    _, target = _averages(np.sort(plain.inverse(measured)), scores)
    _, place = _averages(np.sort(simulated[np.isfinite(simulated)]), scores)
    place = np.maximum.accumulate(place) + 1e-9 * scores
    end = float(ndtri(1 - 1 / (_BEYOND * len(measured))))
    low, high = (float(np.interp(z, scores, place)) for z in (-end, end))
    at = np.linspace(low, high, _GRID)
    score = np.interp(at, place, scores)
    target = np.interp(score, scores, target)
    spread = float(target.std())
    # an error of the value counts by what it is in scores: where many values lie close together, a small one is much
    slope = np.gradient(target, at) / spread
    weight = np.maximum(np.exp(-(score**2) / _BENT_WIDTH), _LEAST_WEIGHT) / np.maximum(slope, _LEAST_SLOPE / at.std())
    middle = float(target.mean())
    curve = spread * increasing_polynomial(np.linspace(-1, 1, _GRID), (target - middle) / spread, weight, BENT_DEGREE)
    curve[-1] += middle
    return FeatureScale(scale.kind, curve, low, high, scale.offset)


def _curve_through(target: Float64Array, seen: NDArray[np.bool_], grid: Float64Array) -> Float64Array:
    """Return the increasing polynomial through values on the grid of a curve, which counts less what was not seen."""
    weight = np.maximum(np.exp(-(grid**2) / 8), _LEAST_WEIGHT) * np.where(seen, 1.0, 0.5)
    middle, spread = float(target[seen].mean()), float(target[seen].std())
    curve = spread * increasing_polynomial(grid / REACH, (target - middle) / spread, weight, DEGREE)
    curve[-1] += middle
    return curve


def _averages(v: Float64Array, grid: Float64Array) -> tuple[NDArray[np.bool_], Float64Array]:
    """Return local averages of sorted values over their normal scores; beyond the record, straight lines."""
    x = ndtri((np.arange(len(v)) + 0.5) / len(v))
    seen = np.abs(grid) < x[-1] - _WIDTH
    at = grid[seen]
    first, last = np.searchsorted(x, at - 3 * _WIDTH), np.searchsorted(x, at + 3 * _WIDTH)
    q = np.array(
        [
            np.average(v[i:j], weights=np.exp(-0.5 * ((x[i:j] - u) / _WIDTH) ** 2))
            for u, i, j in zip(at, first, last, strict=True)
        ]
    )
    k = max(1, round(_TAIL / (grid[1] - grid[0])))
    low, high = (q[k] - q[0]) / (at[k] - at[0]), (q[-1] - q[-1 - k]) / (at[-1] - at[-1 - k])
    target = np.interp(grid, at, q)
    target = np.where(grid < at[0], q[0] + low * (grid - at[0]), target)
    return seen, np.where(grid > at[-1], q[-1] + high * (grid - at[-1]), target)


def _chosen(value: Float64Array, name: str, plain: FeatureScale) -> tuple[FeatureScale, float]:
    """Return the scale of one feature, and what it gains."""
    best = plain
    if np.isfinite(value).sum() < FEWEST_CYCLES:
        return best, 0.0
    known = np.isfinite(value).sum()
    reference = scores = _held_out(value, name, plain)
    for kind, offset, curved in _candidates(name, plain):
        found = _held_out(value, name, plain, kind, offset, curved)
        if _clearly(found - scores) and (found - scores).sum() > _LEAST_GAIN * known:
            scores, best = found, _learned(value, kind, offset, curved)
    return best, float((scores - reference).sum() / known)


def _candidates(name: str, plain: FeatureScale) -> list[tuple[str, float, bool]]:
    """Return kind, offset (as a share of the smallest value) and whether curved, from simple to less simple."""
    if name == "r_lrs":
        return [("log10", 0.0, False), *(("log10", offset, True) for offset in _OFFSETS)]
    return [(plain.kind, 0.0, True)]


def _learned(value: Float64Array, kind: str, share: float, curved: bool) -> FeatureScale:
    offset = share * float(np.nanmin(value))
    if not curved:
        return FeatureScale("log10" if kind == "log10" else "linear", offset=offset)
    return gaussian_curve(value, kind, offset)


def _clearly(gain: Float64Array) -> bool:
    return bool(gain.mean() > _CLEAR * gain.std() / np.sqrt(len(gain)))


def _held_out(
    value: Float64Array, name: str, plain: FeatureScale, kind: str = "", share: float = 0.0, curved: bool = False
) -> Float64Array:
    """Return the log likelihood of each device under a scale, a shape and a population learned without it."""
    fold = np.random.default_rng(_SEED).permutation(len(value)) % _FOLDS
    out = np.full(len(value), -np.inf)
    for k in range(_FOLDS):
        learned, held = value[fold != k], value[fold == k]
        scale = _learned(learned, kind, share, curved) if kind else plain
        try:
            out[fold == k] = _likelihood(scale, learned, held)
        except (ValueError, np.linalg.LinAlgError):  # a scale on which nothing can be learned is not the better one
            return out
    return out


def _likelihood(scale: FeatureScale, learned: Float64Array, held: Float64Array) -> Float64Array:
    """Return the log likelihood of held-out devices (n,)."""
    vectors, z = _standardised(scale.inverse(learned))
    gamma = fit_quantiles(z)
    middle, spread = np.median(vectors, axis=0), vectors.std(axis=0)
    points = (vectors - middle) / spread
    rng = np.random.default_rng(_SEED)
    mixture = fit_mixture(points, 2, 4.0, rng, bulk=find_bulk(points, _SEED), starts=1, steps=40)
    v, z = _standardised(scale.inverse(held))
    x = normal_scores(gamma, z)
    each = -0.5 * x**2 - np.log(slope_at(gamma, x)) + scale.log_jacobian(held)
    cycles = np.nansum(each - v[:, 1:], axis=1)
    return np.asarray(cycles + mixture.log_density((v - middle) / spread))


def _standardised(y: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return mean and log standard deviation of each device (n, 2), and the cycles less the one, over the other."""
    mean, deviation = np.nanmean(y, axis=1), np.nanstd(y, axis=1)
    deviation = np.maximum(deviation, 1e-9 * np.maximum(np.abs(mean), 1e-9))
    return np.stack([mean, np.log(deviation)], axis=1), (y - mean[:, None]) / deviation[:, None]


def _in_words(scale: FeatureScale) -> str:
    shape = "log10" if scale.kind == "log10" else "a linear scale"
    if scale.offset:
        shape = f"log10 of the excess over {scale.offset:.4g} ohm"
    return shape if scale.curve is None else f"a curve of {shape}"


def plain_form(params: DeviceParams) -> DeviceParams:
    """Return a parameter set with its population on the plain scales: itself, or what its devices are there.

    Parameters
    ----------
    params : DeviceParams

    Returns
    -------
    DeviceParams
        Where a scale was not plain, or devices had shapes of their own, with one component about simulated devices.
    """
    if params.scales == PLAIN_SCALES and params.own is None:
        return params
    cycles = np.array(virtual_devices(params, _DEVICES, _CYCLES, _SEED).run_cycles(_CYCLES), dtype=np.float64)
    y = np.moveaxis(cycles, 0, -1).swapaxes(0, 1)
    y[..., 0] = np.log10(y[..., 0])
    mean, deviation = y.mean(axis=1), y.std(axis=1)
    points = np.concatenate([mean, np.log(deviation)], axis=1)
    z = (y - mean[:, None]) / deviation[:, None]
    factor = np.linalg.cholesky(np.cov(points.T))
    return params.replace(
        own=None,
        restless=None,
        population=Population(np.ones(1), points.mean(axis=0)[None], factor[None], "log"),
        quantile=np.stack([fit_quantiles(z[..., f]) for f in range(FEATURES)]),
        scales=PLAIN_SCALES,
    )
