"""Statistics of repeated reads: of each cell, and of a group of cells.

Those of a cell are what `Rows` holds, one number a cell. `figures_of` makes the figures of the group from them, which a
fit matches and a validation compares. All are functions of ln G alone.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from synaptogen._utils import BoolArray, Float64Array

Rows: TypeAlias = Mapping[str, Float64Array]
"""Statistics by name, one number for each cell of a group."""

DENSE = 64  # evenly spaced reads from which on a spectrum, jumps and windows are looked at
SHORT = 8  # evenly spaced reads from which on their spread and their differences are looked at
LAGS = (10, 100, 1000)
STEPS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
WINDOW = 64  # reads of a window whose spread is compared with that of others
BANDS = 7  # of the spectrum, from 2.5 periods of the record to a tenth of the rate of reads
SIGMA = 0.6745  # third quartile of a normal number
LEAST = 1e-6  # of a spread, whose logarithm is taken
RARE = 1e-3  # jumps and switches per read that are as good as none
JUMP = 8.0  # differences of successive reads above this many white sigmas are jumps
POINTS, ROUNDS = 250, 60  # quantiles of a cell, and rounds, in the search for two levels
APART, SHARE, GAIN = 4.0, 0.02, 0.1  # of two levels: distance in their spreads, rarer level, gain in nats a read


class Levels(NamedTuple):
    """Two levels of the reads of each cell.

    Attributes
    ----------
    clear : array of bool of shape (n,)
        Whether a cell has two clear levels.
    separation : array of shape (n,)
        Distance of the two in ln G.
    switches : array of shape (n,)
        Changes of level per read.
    """

    clear: BoolArray
    separation: Float64Array
    switches: Float64Array


def robust_sd(x: Float64Array) -> float:
    """Return half the width of the central 68.27 % of a sample."""
    low, high = np.percentile(x, (15.865, 84.135))
    return float(high - low) / 2


def two_levels(x: Float64Array) -> Levels:
    """Look for two levels in the reads of each cell, by a mixture of two normal laws (expectation-maximisation).

    Two levels are clear if they are `APART` of their spreads apart, the rarer one has `SHARE` of the reads, and two
    normal laws describe the reads better than one by `GAIN` nats a read.

    Parameters
    ----------
    x : array of shape (n, reads)
        ln G.

    Returns
    -------
    Levels
    """
    points = _quantiles(x)[:, None]  # of (n, law, point): the mixture is that of a few quantiles instead of all reads
    whole = np.maximum(points.std(axis=2, keepdims=True), LEAST)
    middle = np.percentile(points[:, 0], (20, 80), axis=1).T[..., None]
    spread, weight = np.repeat(whole / 2, 2, axis=1), np.full(middle.shape, 0.5)
    for _ in range(ROUNDS):
        log_p = np.log(weight) + _log_normal(points, middle, spread)
        share = 1 / (1 + np.exp(np.clip(log_p[:, ::-1] - log_p, -50, 50)))
        mass = share.sum(axis=2, keepdims=True)
        weight = np.clip(mass / points.shape[2], 1e-3, 1 - 1e-3)
        middle = (share * points).sum(axis=2, keepdims=True) / np.maximum(mass, LEAST)
        variance = (share * (points - middle) ** 2).sum(axis=2, keepdims=True) / np.maximum(mass, LEAST)
        spread = np.sqrt(np.maximum(variance, (whole / 50) ** 2))  # a law of one point has no spread
    log_p = np.log(weight) + _log_normal(points, middle, spread)
    alone = _log_normal(points, points.mean(axis=2, keepdims=True), whole)
    gain = np.logaddexp(log_p[:, 0], log_p[:, 1]).mean(axis=1) - alone[:, 0].mean(axis=1)
    separation = np.abs(middle[:, 1] - middle[:, 0])[:, 0]
    clear = separation > APART * np.sqrt((spread**2).mean(axis=1))[:, 0]
    clear &= (weight.min(axis=1)[:, 0] > SHARE) & (gain > GAIN)
    up = x > middle.mean(axis=1)
    return Levels(clear, separation, (up[:, 1:] != up[:, :-1]).mean(axis=1))


def _quantiles(x: Float64Array) -> Float64Array:
    """Return means of successive order statistics of each row, at most `POINTS` of them."""
    each = -(-x.shape[1] // POINTS)
    ordered = np.sort(x, axis=1)
    return np.asarray(ordered[:, : x.shape[1] // each * each].reshape(len(x), -1, each).mean(axis=2))


def _log_normal(x: Float64Array, middle: Float64Array, spread: Float64Array) -> Float64Array:
    return np.asarray(-0.5 * ((x - middle) / spread) ** 2 - np.log(spread) - 0.5 * np.log(2 * np.pi))


def spectrum(x: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return frequencies in units of the rate of reads, and the mean power of each cell in bands about them.

    Parameters
    ----------
    x : array of shape (n, reads)
        ln G.

    Returns
    -------
    frequency : array of shape (BANDS,)
    power : array of shape (n, BANDS)
    """
    t = x.shape[1]
    power = np.abs(np.fft.rfft(x - x.mean(axis=1, keepdims=True), axis=1)) ** 2 / t + LEAST**2
    f = np.fft.rfftfreq(t)
    edges = np.geomspace(2.5 / t, 0.1, BANDS)
    bands = [power[:, (f >= low) & (f < max(2 * low, low + 1.5 / t))].mean(axis=1) for low in edges]
    return edges, np.stack(bands, axis=1)


def steps_of(reads: int) -> list[int]:
    """Return the numbers of reads after which it is looked how far cells have moved: the last one among them."""
    return [k for k in STEPS if k < reads - 1] + [reads - 1]


def rows_of(log_g: Float64Array, dense: int) -> dict[str, Float64Array]:
    """Return the statistics of each cell.

    Parameters
    ----------
    log_g : array of shape (n, reads)
        ln G, the first read first.
    dense : int
        How many of the reads are evenly spaced, from the first on; below `DENSE`, moves are looked at, and from `SHORT`
        on spread and white part too.

    Returns
    -------
    dict of str to array of shape (n,)
    """
    steps = steps_of(log_g.shape[1]) if dense >= SHORT else range(1, log_g.shape[1])
    rows = {f"moved {k}": log_g[:, k] - log_g[:, 0] for k in steps}
    if dense < SHORT:
        return rows
    x = log_g[:, 1:dense]
    d = np.diff(x, axis=1)
    size = np.abs(d)
    noise = np.median(size, axis=1) / (SIGMA * np.sqrt(2)) + LEAST
    if dense < DENSE:
        return rows | {"short sd": np.log(x.std(axis=1) + LEAST), "short white": np.log(noise)}
    big = size > JUMP * noise[:, None]
    power = d**2
    total = power.sum(axis=1) + LEAST**2
    rows["sd"], rows["white"] = np.log(x.std(axis=1) + LEAST), np.log(noise)
    for lag in LAGS:
        if 1.5 * lag < x.shape[1]:
            moved = np.abs(x[:, lag :: max(lag // 10, 1)] - x[:, : -lag : max(lag // 10, 1)])
            rows[f"lag {lag}"] = np.log(np.median(moved, axis=1) / SIGMA + LEAST)
    rows["jumps"], rows["jump share"] = big.mean(axis=1), (power * big).sum(axis=1) / total
    rows["kurtosis"] = np.log((power**2).mean(axis=1) / (total / d.shape[1]) ** 2 + LEAST)
    windows = x.shape[1] // WINDOW
    if windows >= 4:
        spread = np.log(x[:, : windows * WINDOW].reshape(len(x), windows, WINDOW).std(axis=2) + LEAST)
        rows["restlessness"] = spread[:, 1:].std(axis=1)
    frequency, bands = spectrum(x)
    rows["exponent"] = -np.polyfit(np.log(frequency), np.log(bands).T, 1)[0]
    levels = two_levels(x)
    rows["two levels"] = levels.clear.astype(float)
    rows["separation"] = np.where(levels.clear, np.log(levels.separation + LEAST), np.nan)
    rows["switches"] = np.where(levels.clear, np.log(levels.switches + RARE), np.nan)
    return rows


FEWEST_WITH_LEVELS = 5  # cells with two levels from which on these are described


def figures_of(rows: Rows) -> dict[str, float]:
    """Return the figures of a group of cells, NaN where there are too few.

    Spreads are given as their logarithms, so that differences of all figures are relative ones.

    Parameters
    ----------
    rows : mapping of str to array of shape (n,)
        From `rows_of`.

    Returns
    -------
    dict of str to float
    """
    out: dict[str, float] = {}
    for name, values in rows.items():
        if name.startswith("moved"):
            out[f"{name}, ln rsd"] = float(np.log(robust_sd(values) + LEAST))
            out[f"{name}, median"] = float(np.median(values))
        elif name == "two levels":
            out[name] = float(values.mean())
        elif name == "jumps":
            out[name] = float(np.log(values.mean() + RARE))
        elif name in ("separation", "switches"):
            there = values[np.isfinite(values)]
            enough = len(there) >= FEWEST_WITH_LEVELS
            out[name] = float(np.median(there)) if enough else np.nan
            if name == "separation":
                out["separation, spread"] = float(there.std()) if enough else np.nan
        else:
            out[name] = float(np.median(values))
            if name in ("sd", "white"):
                out[f"{name}, spread"] = float(values.std())
    if "sd" in rows and len(rows["sd"]) > 2:
        out["white with sd"] = _correlation(rows["white"], rows["sd"])
    return out


def _correlation(a: Float64Array, b: Float64Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > LEAST else 0.0
