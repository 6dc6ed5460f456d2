"""Windows of a few cycles as points: the distance of measured from generated ones, and a classifier of the two.

Windows of one group, a device or a stretch of its record, never lie on both sides of training and test.
"""

from typing import Literal, TypeAlias

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from synaptogen._utils import Float64Array, IntArray

__all__ = ["CLUES", "LENGTH", "Swap", "classifier_auc", "energy_distance", "sample_windows", "swapped"]

Swap: TypeAlias = Literal["values", "order"]
"""What is left of a record when the rest is exchanged for that of another."""
CLUES: dict[Swap, str] = {"values": "classifier, distributions alone", "order": "classifier, order of cycles alone"}


LENGTH = 4  # cycles of a window
_FOLDS = 4


def sample_windows(
    records: Float64Array,
    group: IntArray,
    measured: tuple[int, ...],
    most: int,
    rng: np.random.Generator,
    step: int = 1,
) -> tuple[Float64Array, IntArray]:
    """Return windows of four cycles that hold no missing value, drawn at random.

    Parameters
    ----------
    records : array of shape (n, T, 4)
        NaN where not measured.
    group : array of int of shape (n,)
        Group of each record, such as its device.
    measured : tuple of int
        The m features to take.
    most : int
        Most windows.
    rng : Generator
    step : int
        Cycles from one to the next of a window.

    Returns
    -------
    points : array of shape (windows, 4 m)
    group : array of int of shape (windows,)
    """
    cycles = records.shape[1]
    span = (LENGTH - 1) * step + 1
    if cycles < span:
        return np.empty((0, LENGTH * len(measured))), np.empty(0, dtype=np.intp)
    starts = cycles - span + 1
    chosen = rng.permutation(len(records) * starts)[: 4 * most]
    record, start = np.divmod(chosen, starts)
    values = records[:, :, list(measured)]
    parts = [values[record, start + k * step] for k in range(LENGTH)]
    points = np.concatenate(parts, axis=1)
    whole = np.flatnonzero(np.isfinite(points).all(1))[:most]
    return points[whole], group[record[whole]]


def classifier_auc(a: tuple[Float64Array, IntArray], b: tuple[Float64Array, IntArray], seed: int) -> float:
    """Return the area under the ROC curve of gradient boosting that tells windows of two samples apart.

    Parameters
    ----------
    a, b : (points, group)
        Windows of the two samples, see `sample_windows`.
    seed : int
        Seed of the classifier.

    Returns
    -------
    float
        0.5: it cannot tell them apart. NaN where there are fewer than two groups on a side.
    """
    side = np.repeat([0, 1], [len(a[0]), len(b[0])])
    group = np.concatenate([_ranked(a[1]), _ranked(b[1])])
    folds = min(_FOLDS, *(len(np.unique(g)) for g in (a[1], b[1])))
    if folds < 2:
        return float("nan")
    points, fold = np.concatenate([a[0], b[0]]), group % folds
    scores = []
    for f in range(folds):
        model = HistGradientBoostingClassifier(
            max_iter=60, learning_rate=0.1, max_leaf_nodes=15, early_stopping=False, random_state=seed % 2**31
        )
        model.fit(points[fold != f], side[fold != f])
        scores.append(roc_auc_score(side[fold == f], model.predict_proba(points[fold == f])[:, 1]))
    return float(np.mean(scores))


def swapped(others: Float64Array, records: Float64Array, keep: Swap) -> Float64Array:
    """Return records of which only the values, or only the order of the cycles, are their own.

    Each feature is treated by itself. A classifier that tells the result from ``others`` uses what was kept.

    Parameters
    ----------
    others, records : array of shape (n, T, 4)
        NaN at the same places.
    keep : {"values", "order"}
        "values": the cycles of ``records``, put in the order of ``others``; "order": the reverse.

    Returns
    -------
    array of shape (n, T, 4)
    """
    order, values = (others, records) if keep == "values" else (records, others)
    ranks = np.argsort(np.argsort(order, axis=1), axis=1)
    return np.take_along_axis(np.sort(values, axis=1), ranks, axis=1)


def _ranked(group: IntArray) -> IntArray:
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.intp)


def energy_distance(a: Float64Array, b: Float64Array) -> float:
    """Return the energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| of two sets of points, unbiased: chance may go below 0.

    G. J. Szekely, M. L. Rizzo, J. Stat. Plan. Inference 143, 1249 (2013).

    Parameters
    ----------
    a, b : array of shape (n, d), (m, d)

    Returns
    -------
    float
        NaN with fewer than two points in a set.
    """
    n, m = len(a), len(b)
    if n < 2 or m < 2:
        return float("nan")
    within = cdist(a, a).sum() / (n * (n - 1)) + cdist(b, b).sum() / (m * (m - 1))
    return float(2 * cdist(a, b).mean() - within)
