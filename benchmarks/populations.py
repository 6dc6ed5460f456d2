"""Claim: how far virtual devices of a learned population can be told from measured devices that the fit has not seen.

Half of the measured devices are learned, the other half judges, in several random cuts. The estimators here are the
script's own and take nothing from `synaptogen.learn.validation`:

- correlations: rms difference of score correlations, lags 1 to 100, all pairs of features, over that of the two
  measured halves (the floor).
- AUC: gradient boosting on windows of four cycles; no device lies in training and test. "z": each device standardised
  by itself; "raw": log10 of the resistance. 0.5: it cannot tell. Twice: measured half against measured half, and
  measured against generated.
- swaps: who carries the clue. Measured ranks with generated values, and generated ranks with measured values, against
  measured cycles, device by device.
- widths over devices (10 to 90 %), measured over generated: mean, standard deviation, skewness and lag-1 correlation.
- quantiles: 0.1 and 99.9 %; whether the generated one lies in the 95 % interval of measured devices, by a bootstrap of
  devices.

Laws (`learn.fit(laws=)`): "plain" is one law on the plain scales, "shared" chooses scales, "auto" also looks for shapes
and memory of devices and for restless innovations.

    python benchmarks/populations.py DATA.npz        arrays r_hrs, r_lrs of shape (devices, cycles), ohm
"""

import argparse
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

import synaptogen as sg
from synaptogen import learn
from synaptogen._utils import Float64Array
from synaptogen.learn.statistics import Laws

LAGS = np.arange(1, 101)
WINDOW, WINDOWS = 4, 16  # cycles of a window, windows of a device
TAILS = (0.001, 0.999)
NAMES = ("r_hrs", "r_lrs")
LAWS: tuple[Laws, ...] = ("plain", "shared", "auto")


def generate(learned: Float64Array, laws: Laws, devices: int, seed: int) -> Float64Array:
    """Learn a population from resistances (devices, cycles, 2), and return as many cycles of other devices."""
    params = learn.fit(learn.features(r_hrs=learned[..., 0], r_lrs=learned[..., 1]), laws=laws).params
    made = sg.CellArray(devices, params, rng=seed).run_cycles(learned.shape[1])
    return np.stack([made.r_hrs.T, made.r_lrs.T], -1).astype(np.float64)


def standard(y: Float64Array) -> Float64Array:
    """Return records (devices, cycles, 2) less their mean, over their standard deviation."""
    return np.asarray((y - y.mean(1, keepdims=True)) / y.std(1, keepdims=True))


def order(y: Float64Array) -> Float64Array:
    """Return the rank of each cycle within its device."""
    return np.argsort(np.argsort(y, axis=1), axis=1)


def own_scores(y: Float64Array) -> Float64Array:
    """Return normal scores of each device's own ranks."""
    return np.asarray(ndtri((order(y) + 0.5) / y.shape[1]))


def correlations(r: Float64Array) -> Float64Array:
    """Return correlations (lags, 2, 2) of scores of all devices together."""
    z = standard(np.log10(r)).reshape(-1, 2)
    s = ndtri((np.argsort(np.argsort(z, axis=0), axis=0) + 0.5) / len(z)).reshape(r.shape)
    cycles = s.shape[1]
    each = [np.einsum("nti,ntj->ij", s[:, : cycles - k], s[:, k:]) / (len(s) * (cycles - k)) for k in LAGS]
    return np.asarray(each)


def distance(a: Float64Array, b: Float64Array) -> float:
    """Return the rms difference of score correlations."""
    return float(np.sqrt(np.mean((correlations(a) - correlations(b)) ** 2)))


def auc(a: Float64Array, b: Float64Array) -> float:
    """Return the area under the curve of a classifier of windows of two sets of records."""
    rng = np.random.default_rng(0)
    rows = [y[i, t : t + WINDOW].ravel() for y in (a, b) for i in range(len(y)) for t in starts(y, rng)]
    points, group = np.array(rows), np.repeat(np.arange(len(a) + len(b)), WINDOWS)
    side, score = group >= len(a), np.empty(len(group))
    for train, test in GroupKFold(5).split(points, side, group):
        model = HistGradientBoostingClassifier(max_iter=100, random_state=0).fit(points[train], side[train])
        score[test] = model.predict_proba(points[test])[:, 1]
    return float(roc_auc_score(side, score))


def starts(y: Float64Array, rng: np.random.Generator) -> Any:
    """Return where the windows of one device begin."""
    return rng.choice(y.shape[1] - WINDOW, WINDOWS, replace=False)


def swapped(ranks: Float64Array, values: Float64Array) -> Float64Array:
    """Return the values of each device in the order that another device's cycles have."""
    return np.take_along_axis(np.sort(values, axis=1), order(ranks).astype(int), axis=1)


def widths(r: Float64Array) -> Float64Array:
    """Return widths over devices (4, 2) of mean, standard deviation, skewness and lag-1 correlation."""
    y = np.log10(r)
    s = own_scores(y)
    lag_1 = (s[:, :-1] * s[:, 1:]).mean(1) / (s**2).mean(1)
    traits = np.array([y.mean(1), y.std(1), (standard(y) ** 3).mean(1), lag_1])
    return np.asarray(np.diff(np.percentile(traits, [10, 90], axis=1), axis=0)[0])


def tails(r: Float64Array) -> Float64Array:
    """Return the quantiles (2, 2) at `TAILS` of all cycles."""
    return np.asarray(np.quantile(r, TAILS, axis=(0, 1)))


def judge(measured: Float64Array, made: Float64Array, floor: float) -> dict[str, Float64Array]:
    """Return the figures of one cut."""
    a, b = np.log10(measured), np.log10(made)
    rng = np.random.default_rng(1)
    resampled = [tails(measured[rng.integers(0, len(a), len(a))]) for _ in range(200)]
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    return {
        "correlations / floor": np.array([distance(measured, made) / floor]),
        "AUC z": np.array([auc(standard(a), standard(b))]),
        "AUC raw": np.array([auc(a, b)]),
        "AUC measured ranks, generated values": np.array([auc(standard(a), standard(swapped(a, b)))]),
        "AUC generated ranks, measured values": np.array([auc(standard(a), standard(swapped(b, a)))]),
        "widths mean, sd, skewness, lag 1": (widths(measured) / widths(made)).T.ravel(),
        "0.1, 99.9 % measured low": low.T.ravel(),
        "0.1, 99.9 % measured high": high.T.ravel(),
        "0.1, 99.9 % generated": tails(made).T.ravel(),
    }


def main() -> None:
    """Print medians over the cuts, and each cut."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("data", help="NPZ file with r_hrs and r_lrs (devices, cycles), ohm")
    options.add_argument("--cuts", type=int, default=5, help="random halves (default: 5)")
    options.add_argument("--laws", nargs="+", choices=LAWS, default=list(LAWS))
    chosen = options.parse_args()
    with np.load(chosen.data) as file:
        r = np.stack([file[name] for name in NAMES], -1).astype(np.float64)
    found: dict[str, list[dict[str, Float64Array]]] = {laws: [] for laws in ("measured half", *chosen.laws)}
    threadpool_limits(1)  # threads of the classifier would only wait for one another on a busy machine
    for cut in range(chosen.cuts):
        o = np.random.default_rng(cut + 1).permutation(len(r))
        half = len(r) // 2
        learned, held_out = r[o[:half]], r[o[half : 2 * half]]
        floor = distance(learned, held_out)
        for laws, figures in found.items():
            made = learned if laws == "measured half" else generate(learned, laws, half, cut)
            figures.append(judge(held_out, made, floor))
            shown = (f"{k} {np.array2string(v, precision=3, suppress_small=True)}" for k, v in figures[-1].items())
            print(f"cut {cut}, {laws}: {'; '.join(shown)}", flush=True)
    print("\nmedians over the cuts (r_hrs before r_lrs)")
    for laws, figures in found.items():
        print(f"\n{laws}")
        for name in figures[0]:
            middle = np.median([one[name] for one in figures], axis=0)
            print(f"  {name:38s} {np.array2string(middle, precision=3, suppress_small=True)}")


if __name__ == "__main__":
    main()
