"""Samples to compare: measured features, and those of virtual devices with the same gaps, cut into the same folds.

All distances are taken between halves. A half is made of half of the folds; a fold holds whole devices, or, where
devices are few, whole stretches of their records, so that halves are about as independent as devices are.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, IntArray
from synaptogen.learn.statistics import FEWEST, copies_of_devices, normal_scores, on_scales, standardised
from synaptogen.learn.virtual_devices import virtual_devices
from synaptogen.params import FEATURES, VAR, DeviceParams, yule_walker

__all__ = [
    "FEWEST_FOLDS",
    "FeatureSample",
    "assign_folds",
    "draw_splits",
    "generate_features",
    "reference_models",
    "twins_about_the_file",
]


FEWEST_FOLDS = 4
_MOST_FOLDS = 16
_FEWEST_PAIRED = 8  # folds
_SHORTEST = 10  # least number of cycles of a stretch
_CHUNK = 500  # cycles that are generated at a time


@dataclass(frozen=True)
class FeatureSample:
    """Records of features, NaN where not measured.

    Attributes
    ----------
    y : array of shape (devices, cycles, 4)
        On the plain scales: log10 R_HRS, U_SET, R_LRS, U_RESET.
    whole_z : array of shape (devices, cycles, 4)
        Standardised device by device on the scales of the parameter set.
    whole_x : array of shape (devices, cycles, 4)
        Normal scores of these under the quantile polynomials of the parameter set.
    z, x : array of shape (records, stretch, 4)
        The same in the stretches that folds are made of.
    fold : array of int of shape (records,)
        The fold of each record.
    device : array of int of shape (records,)
        The device of each record.
    """

    y: Float64Array
    whole_z: Float64Array
    whole_x: Float64Array
    z: Float64Array
    x: Float64Array
    fold: IntArray
    device: IntArray

    @classmethod
    def from_records(cls, y: Float64Array, params: DeviceParams, fold: IntArray, stretches: int) -> "FeatureSample":
        """Cut records into stretches that hold equally many measured cycles.

        Parameters
        ----------
        y : array of shape (devices, cycles, 4)
            Features on the plain scales, NaN where not measured.
        params : DeviceParams
            Parameter set with the scales and the quantile polynomials of the features.
        fold : array of int of shape (devices * stretches,)
            The fold of each stretch.
        stretches : int
            Number of stretches of each device's record.

        Returns
        -------
        FeatureSample
        """
        z = standardised(on_scales(y, params.scales))
        x = np.stack([normal_scores(params.quantile[f], z[..., f]) for f in range(FEATURES)], axis=-1)
        rows = _rows_of_stretches(np.asarray(np.isfinite(y).any(axis=(0, 2))), stretches)
        cut = [np.where(rows[:, :, None] < 0, np.nan, v[:, rows]).reshape(-1, rows.shape[1], FEATURES) for v in (z, x)]
        return cls(y, z, x, cut[0], cut[1], fold, np.repeat(np.arange(len(y)), stretches))

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


def _rows_of_stretches(known: BoolArray, stretches: int) -> IntArray:
    """Return the cycles (stretches, length) of each stretch, -1 after its end; the last cycles may belong to none.

    Parameters
    ----------
    known : array of bool of shape (cycles,)
        Which cycles any device has; a gap before a stretch does not belong to it.
    stretches : int

    Returns
    -------
    array of int of shape (stretches, length)
    """
    if stretches == 1:
        return np.arange(len(known))[None]
    there = np.flatnonzero(known)
    each = len(there) // stretches
    parts = [np.arange(there[k * each], there[(k + 1) * each - 1] + 1) for k in range(stretches)]
    rows = np.full((stretches, max(map(len, parts))), -1)
    for row, part in zip(rows, parts, strict=True):
        row[: len(part)] = part
    return rows


def assign_folds(devices: int, cycles: int, rng: np.random.Generator) -> tuple[IntArray, int]:
    """Return the fold of each record, and in how many stretches each device's record is cut.

    Parameters
    ----------
    devices, cycles : int
    rng : Generator

    Returns
    -------
    fold : array of int of shape (devices * stretches,)
    stretches : int
    """
    if devices >= _MOST_FOLDS // 2:
        return np.asarray(rng.permutation(np.arange(devices) % min(devices, _MOST_FOLDS)), dtype=np.intp), 1
    stretches = max(1, min(cycles // _SHORTEST, -(-_MOST_FOLDS // devices)))
    stretches -= stretches % 2 if stretches > 2 else 0  # in pairs, see `draw_splits`
    records = devices * stretches
    return np.asarray(np.arange(records) % min(records, _MOST_FOLDS), dtype=np.intp), stretches


def draw_splits(folds: int, most: int, stretches: int, rng: np.random.Generator) -> list[BoolArray]:
    """Return halves of the folds, as masks; no two are equal or complementary.

    Where records are cut into stretches, each half has one of two neighbouring ones, if there are eight folds or more:
    a trend with the number of the cycle then does not tell measured halves apart.

    Parameters
    ----------
    folds : int
        Number of folds.
    most : int
        Number of splits; fewer if there are not as many.
    stretches : int
        In how many stretches the record of each device is cut.
    rng : Generator

    Returns
    -------
    list of array of bool of shape (folds,)
    """
    half = folds // 2
    if stretches > 1 and folds >= _FEWEST_PAIRED and folds % 2 == 0:
        first = np.array([[n >> k & 1 for k in range(half)] for n in rng.permutation(1 << (half - 1))[:most]], bool)
        return list(np.stack([first, ~first], axis=2).reshape(len(first), folds))
    if folds <= 10:
        every = [np.isin(np.arange(folds), chosen) for chosen in combinations(range(folds), half) if 0 in chosen]
        return [every[k] for k in rng.permutation(len(every))[:most]]
    seen: dict[bytes, BoolArray] = {}
    while len(seen) < most:
        mask = rng.permutation(np.arange(folds)) < half
        mask = mask if mask[0] else ~mask
        seen[mask.tobytes()] = mask
    return list(seen.values())


def generate_features(params: DeviceParams, missing: BoolArray, seed: int, first: int) -> Float64Array:
    """Generate features of virtual devices that have not failed for good.

    Parameters
    ----------
    params : DeviceParams
    missing : array of bool of shape (devices, cycles, 4)
        Values to leave out.
    seed : int
    first : int
        Number of the first cycle, which matters where features follow it.

    Returns
    -------
    array of shape (devices, cycles, 4)
        On the scales of the model, NaN where missing.
    """
    devices, cycles, _ = missing.shape
    before = 0 if params.trend is None else max(0, min(first, params.trend.cycles) - 1)
    cells = virtual_devices(params.replace(wear=None), devices, before + cycles, seed)
    for begin in range(0, before, _CHUNK):
        cells.run_cycles(min(_CHUNK, before - begin))
    y = np.empty(missing.shape)
    for begin in range(0, cycles, _CHUNK):
        part = cells.run_cycles(min(_CHUNK, cycles - begin))
        y[:, begin : begin + _CHUNK] = np.array(part).transpose(2, 1, 0)
    y[..., 0] = np.log10(y[..., 0])
    y[missing] = np.nan
    return y


def reference_models(params: DeviceParams) -> dict[str, DeviceParams]:
    """Return the same devices with less memory, to compare with: independent cycles, and a VAR of order 1."""
    gamma = params.history.autocovariance(1)
    white = VAR(lags=np.zeros((1, FEATURES, FEATURES)), innovation=np.linalg.cholesky(gamma[0]))
    return {
        "independent": params.replace(history=white),
        "order_1": params.replace(history=yule_walker(gamma, 1)),
    }


def twins_about_the_file(params: DeviceParams, vectors: Float64Array) -> DeviceParams:
    """Return copies of few measured devices, moved to the centre of the devices that a parameter set simulates.

    So the set is judged by its own means, spreads of cycles, shapes and memory. How devices differ is taken from the
    measurement, since so few devices do not tell.

    Parameters
    ----------
    params : DeviceParams
    vectors : array of shape (n, 8)
        Mean and standard deviation of each device's features, NaN where not measured.

    Returns
    -------
    DeviceParams
    """
    centre = params.population.mean()
    logarithms = np.log(vectors[:, FEATURES:])
    points = np.concatenate([vectors[:, :FEATURES], logarithms], axis=1)
    known = np.isfinite(points)
    own = np.where(known, points, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    if params.population.sigma_scale == "linear":
        centre = np.concatenate([centre[:FEATURES], np.log(np.abs(centre[FEATURES:]))])
    move = np.where(known.any(0), centre - own, 0.0)
    moved = np.concatenate([vectors[:, :FEATURES] + move[:FEATURES], np.exp(logarithms + move[FEATURES:])], axis=1)
    return params.replace(population=copies_of_devices(params.population, moved))


def enough_devices(devices: int) -> bool:
    """Return whether so many devices determine a population."""
    return devices >= FEWEST
