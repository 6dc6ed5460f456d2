"""The distances behind a validation, one method per property; `verdicts` judges them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
import xarray as xr

from synaptogen._utils import AnyArray, BoolArray, Float64Array, IntArray
from synaptogen.learn.extraction import Extraction
from synaptogen.learn.progress import StageProgress
from synaptogen.learn.statistics import (
    Bulk,
    FeatureTable,
    device_vectors,
    find_bulk,
    lag_sums,
    on_scales,
    unit_variance,
    unmeasured_as_white,
    whiteness_test,
)
from synaptogen.params import FEATURE_NAMES, FEATURES, DeviceParams

from .correlations import Correlations, correlation_rms
from .device_spread import FEWEST_DEVICES, compare_traits, device_traits
from .distribution_distances import Marginal, common_grid, ks_and_wasserstein
from .loop_distance import generated_loops, halve_loops, measured_loops, point_distances
from .samples import (
    FEWEST_FOLDS,
    FeatureSample,
    assign_folds,
    draw_splits,
    enough_devices,
    generate_features,
    reference_models,
    twins_about_the_file,
)
from .verdicts import Grade, Property, outlier_property, split_property, spread_property, unjudged_property
from .windows import CLUES, Swap, classifier_auc, energy_distance, sample_windows, swapped

Windows: TypeAlias = dict[str, tuple[Float64Array, IntArray]]

MOST_CYCLES = 1_500_000  # of all devices together that are compared
LAGS = 200
SHORTEST = 100  # least number of cycles of a record for a test of residuals
REPEATS = 3  # number of splits that the classifier is tried on
SWAP_REPEATS = 2  # the same, with shapes or order of measured devices
POINTS = 1000  # points of each side in energy distances of windows
TOLERANCE = {"correlations": 0.02, "auc": 0.55, "ks": 0.03, "w1": 0.05, "energy": 0.01, "devices": 0.05, "loops": 0.05}
MANY = 32  # devices from which the bulk can be separated from outliers
OUTLYING = 20.0  # squared distance in units of the bulk, of 8 traits: 1 in 100 of a Gaussian lies beyond
QQ = np.concatenate([[0.001, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.999]])
SERIES = 300  # cycles that are drawn


class Comparison:
    """Measured and generated cycles, their distances property by property, and the curves that figures show.

    After `run`, and `compare_loops` where loops were measured, ``properties``, ``notes``, ``curves`` and ``one_law``
    hold the results, in the form of `Validation`.

    Parameters
    ----------
    params : DeviceParams
    table : FeatureTable
        Measured features.
    seed : int
        Seed of virtual devices, splits and resamples.
    splits, windows : int
        See `validate`.
    progress : callable
        Called with the name of a stage and the share of it that is done.
    """

    def __init__(
        self,
        params: DeviceParams,
        table: FeatureTable,
        seed: int,
        splits: int,
        windows: int,
        progress: StageProgress,
    ) -> None:
        self.params, self.measured, self.seed, self.progress = params, table.measured, seed, progress
        self.windows, self.labels = windows, table.devices
        self.rng = np.random.default_rng(seed)
        self.properties: list[Property] = []
        self.notes: list[str] = []
        self.curves: dict[str, AnyArray] = {}
        self.one_law = True
        y = table.y[: max(1, MOST_CYCLES // table.y.shape[1])]
        if len(y) < len(table.y):
            self.notes.append(f"the first {len(y)} of {len(table.y)} devices were compared: more would not tell more")
        self.vectors = device_vectors(on_scales(y, params.scales))
        self.population = enough_devices(len(y))
        if not self.population:
            self.notes.append(
                f"{len(y)} device{'s' * (len(y) != 1)}: too few to judge how devices differ; here virtual devices"
                " scatter about the mean of the parameter set as the measured ones scatter about theirs"
            )
        self.model = params if self.population else twins_about_the_file(params, self.vectors)
        there = int(np.isfinite(y).any(axis=(0, 2)).sum())
        fold, stretches = assign_folds(y.shape[0], there, self.rng)
        self.first = int(table.cycles[0]) if table.cycles.dtype.kind in "iu" else 0
        self.sets = self._samples(y, fold, stretches)
        self.splits = draw_splits(self.sets["measured"].folds, splits, stretches, self.rng)
        self.judged = self.sets["measured"].folds >= FEWEST_FOLDS
        if not self.judged:
            self.notes.append(f"{y.shape[1]} cycles cannot be cut into halves of a use: there is no floor, no verdict")

    def _samples(self, y: Float64Array, fold: IntArray, stretches: int) -> dict[str, FeatureSample]:
        missing = np.isnan(y)
        models = {"generated": self.model, "again": self.model, **reference_models(self.model)}
        made = {"measured": y}
        for n, (name, model) in enumerate(models.items()):
            self.progress("virtual devices", n / len(models))
            made[name] = generate_features(model, missing, int(self.rng.integers(2**63)), self.first)
        self.progress("virtual devices", 1.0)
        return {name: FeatureSample.from_records(v, self.params, fold, stretches) for name, v in made.items()}

    def run(self) -> None:
        """Compare all properties of features."""
        stages = {
            "correlations": self.compare_correlations,
            "distributions": self.compare_marginals,
            "windows": self.compare_windows,
            "classifier": self.compare_by_classifier,
            "devices": self.compare_devices,
            "shape and memory of devices": self.compare_spread,
            "residuals": self.test_residuals,
        }
        for stage, compare in stages.items():
            self.progress(stage, 0.0)
            compare()
            self.progress(stage, 1.0)
        self._keep_series()

    def compare_correlations(self) -> None:
        """Compare auto- and cross-correlations, of scores and of the standardised features themselves."""
        first = self.sets["measured"]
        lags = min(LAGS, max(first.x.shape[1] // 2, 1), first.x.shape[1] - 1)
        for kind, name in (("x", "score correlations"), ("z", "linear correlations")):
            each = {
                k: Correlations.from_records(getattr(s, kind), s.fold, lags, self.measured)
                for k, s in self.sets.items()
            }
            self._compare(
                name,
                f"rms difference, lags 1 to {lags}, all pairs",
                partial(_correlation_distance, each),
                TOLERANCE["correlations"],
            )
            self.curves[f"{kind}_band"] = each["measured"].band(self.rng)
            for k in ("measured", "generated", "order_1"):
                self.curves[f"{kind}_{k}"] = each[k].whole()
        self.curves["measured_features"] = np.array(self.measured)

    def compare_marginals(self) -> None:
        """Take Kolmogorov-Smirnov and Wasserstein distances of each standardised feature, with a block bootstrap."""
        for f in self.measured:
            grid = common_grid(*(self.sets[k].z[..., f] for k in ("measured", "generated")))
            each = {k: Marginal.from_records(s.z[..., f], grid, s.fold) for k, s in self.sets.items()}
            blocks = [Marginal.from_records(self.sets[k].z[..., f], grid) for k in ("measured", "generated")]
            chance = blocks[0].chance(blocks[1], self.rng)
            for which, name in enumerate(("KS", "Wasserstein")):
                self._compare(
                    f"{name} distance of {FEATURE_NAMES[f]}",
                    ("probability", "standard deviations")[which],
                    partial(_distribution_distance, each, which),
                    TOLERANCE[("ks", "w1")[which]],
                    memory_matters=False,
                    whole=(ks_and_wasserstein(blocks[0].whole(), blocks[1].whole(), grid)[which], chance[which]),
                )
            self.curves[f"qq_{f}"] = np.array([QQ, each["measured"].quantiles(QQ), each["generated"].quantiles(QQ)])
            self.curves[f"qq_band_{f}"] = blocks[0].quantile_band(QQ, self.rng)

    def compare_windows(self) -> None:
        """Take the energy distance of windows of four cycles, successive ones and every tenth."""
        for step in (1, 10):
            each = {
                k: sample_windows(s.x, s.fold, self.measured, 2 * POINTS, self.rng, step) for k, s in self.sets.items()
            }

            name = "windows of 4 cycles" if step == 1 else f"windows of every {step}th cycle"
            self._compare(
                name, "energy distance of scores", partial(_window_distance, each), TOLERANCE["energy"], most=8
            )

    def compare_by_classifier(self) -> None:
        """Take the area under the curve of gradient boosting on windows of four cycles, and find what it goes by.

        Groups are devices or, where these are few, stretches of their records.
        """
        done, all_ = 0, 5 * REPEATS + 2 * 3 * SWAP_REPEATS
        apart = np.random.default_rng(self.seed)  # so that later properties draw what they draw without the swaps

        def distance(swap: Swap | None, a: str, p: BoolArray, b: str, q: BoolArray) -> float:
            nonlocal done
            done += 1
            self.progress("classifier", min(done / all_, 0.99))
            sides = []
            for name, half in ((a, p), (b, q)):
                s = self.sets[name]
                inside = half[s.fold]
                z = s.z[inside]
                if name is b and half is q and swap is not None:
                    z = swapped(self.sets[a].z[inside], z, swap)
                group = s.device[inside] if len(s.y) >= FEWEST_DEVICES else np.flatnonzero(inside)
                rng = self.rng if swap is None else apart
                sides.append(sample_windows(z, group, self.measured, self.windows, rng))
            if min(len(points) for points, _ in sides) < 20:
                return float("nan")
            return classifier_auc(sides[0], sides[1], self.seed)

        unit, most = "AUC on windows of 4 cycles; 0.5: cannot tell", TOLERANCE["auc"]
        self._compare("classifier", unit, partial(distance, None), most, most=REPEATS)
        for swap, name in CLUES.items():
            self._compare(
                name, unit, partial(distance, swap), most, memory_matters=False, most=SWAP_REPEATS, judge=False
            )
            words = "what the classifier can tell by this alone; the rest is that of measured devices"
            self.properties[-1] = replace(self.properties[-1], verdict=words)

    def compare_devices(self) -> None:
        """Compare vectors of mean and log deviation: their energy distance, and the share of outlying devices."""
        if not self.population:
            return
        columns = [*self.measured, *(FEATURES + f for f in self.measured)]
        each = {k: _log_sigma(device_vectors(s.y))[:, columns] for k, s in self.sets.items() if k in _POPULATIONS}
        middle = np.median(each["measured"], axis=0)
        scale = 1.4826 * np.median(np.abs(each["measured"] - middle), axis=0)
        scaled = {k: (v - middle) / scale for k, v in each.items()}

        def distance(a: str, p: BoolArray, b: str, q: BoolArray) -> float:
            one, other = (scaled[k][half[self.sets[k].fold]] for k, half in ((a, p), (b, q)))
            return energy_distance(one, other)

        self._compare(
            "device vectors",
            "energy distance, spreads of the bulk",
            distance,
            TOLERANCE["devices"],
            memory_matters=False,
        )
        for k in ("measured", "generated"):
            self.curves[f"vectors_{k}"] = device_vectors(on_scales(self.sets[k].y, self.params.scales))
        devices = len(scaled["measured"])
        self.curves["outlying"] = np.zeros(devices, dtype=bool)
        if devices < MANY:
            self.properties.append(
                unjudged_property(
                    "outlying devices", "share of devices", f"fewer than {MANY} devices: what is far is not known"
                )
            )
            return
        bulk = find_bulk(scaled["measured"], 1)
        beyond = {k: _mahalanobis(v, bulk) > OUTLYING for k, v in scaled.items()}
        self.properties.append(outlier_property({k: float(np.mean(v)) for k, v in beyond.items()}, devices))
        self.curves["outlying"] = beyond["measured"]

    def compare_spread(self) -> None:
        """Test whether lag-1 correlation or skewness differ between devices by more than chance."""
        both = {
            k: device_traits(self.sets[k].whole_z, self.sets[k].whole_x, self.measured)
            for k in ("measured", "generated")
        }
        found = compare_traits(both["measured"], both["generated"], self.rng)
        wider = [s for s in found if s.wider]
        self.one_law = not wider
        for s in found:
            self.curves[f"spread_{s.name}"] = np.array([np.sort(s.measured), np.sort(s.generated)])
            self.properties.append(spread_property(s))
        if not found:
            self.properties.append(
                unjudged_property("spread of shape and memory", "ratio of widths", "too few devices or cycles")
            )
        elif wider:
            self.notes.insert(
                0,
                "one shared law is not enough: devices differ in "
                + ", ".join(f"{s.name} ({s.ratio:.2g} times as widely as chance)" for s in wider),
            )

    def test_residuals(self) -> None:
        """Test whether the errors of predicting these data by the history are white."""
        cycles = self.sets["measured"].y.shape[1]
        if cycles < SHORTEST:
            words = f"records of fewer than {SHORTEST} cycles do not tell what is left"
            self.properties.append(
                unjudged_property("residuals", "largest autocorrelation of prediction errors", words)
            )
            return
        gamma = unit_variance(unmeasured_as_white(self._gamma(), self.measured))
        count = float(np.isfinite(self.sets["measured"].x[..., list(self.measured)]).all(-1).sum())
        test = whiteness_test(self.params.history, gamma, count, self.measured)
        self.curves["residuals"] = np.array([test.worst, test.limit, test.p_value, test.lags])
        self.curves["residual_correlations"] = test.correlations
        grade: Grade = "good" if test.white else "fair" if test.worst < TOLERANCE["correlations"] else "poor"
        words = {
            "good": "nothing is left in the residuals",
            "fair": "what is left in the residuals is small",
            "poor": "residuals keep a memory that the history does not have",
        }[grade]
        line = unjudged_property("residuals", "largest autocorrelation of prediction errors", words)
        self.properties.append(
            replace(line, generated=test.worst, limit=test.limit, tolerance=TOLERANCE["correlations"], grade=grade)
        )

    def compare_loops(self, data: xr.Dataset, extraction: Extraction) -> None:
        """Take the Wasserstein distance of the currents, averaged over the points of the ramp, over the rms of all.

        Parameters
        ----------
        data : xarray.Dataset
            Loops, see `learn.loops`.
        extraction : Extraction
            Result of `extract` for these loops.
        """
        self.progress("loops", 0.0)
        mine = measured_loops(data, extraction)
        each = {"measured": mine.i}
        for name in ("generated", "again"):
            each[name] = generated_loops(self.model, extraction, mine, int(self.rng.integers(2**63))).i
        size = np.sqrt(np.nanmean(mine.i**2))
        halves = [halve_loops(mine.i.shape[0], mine.i.shape[1], self.rng) for _ in self.splits]

        def distance(a: str, p: BoolArray, b: str, q: BoolArray) -> float:
            return float(point_distances(each[a][p], each[b][q]).mean() / size)

        self._compare(
            "I-V loops",
            "mean distance of currents, shares of the rms current",
            distance,
            TOLERANCE["loops"],
            memory_matters=False,
            halves=halves,
        )
        flat = {k: v.reshape(-1, v.shape[-1]) for k, v in each.items()}
        self.curves["loop_u"] = mine.u
        for k in ("measured", "generated"):
            whole = flat[k][np.isfinite(flat[k]).all(1)]
            self.curves[f"loops_{k}"] = whole[np.linspace(0, len(whole) - 1, min(60, len(whole))).astype(int)]
        self.curves["loop_distance"] = point_distances(flat["measured"], flat["generated"])
        self.curves["loop_floor"] = np.median(
            [point_distances(each["measured"][half], each["measured"][~half]) for half in halves], axis=0
        )
        self.progress("loops", 1.0)

    def _compare(
        self,
        name: str,
        unit: str,
        distance: Callable[[str, BoolArray, str, BoolArray], float],
        tolerance: float,
        *,
        memory_matters: bool = True,
        most: int | None = None,
        whole: tuple[float, Float64Array] | None = None,
        halves: list[BoolArray] | None = None,
        judge: bool = True,
    ) -> None:
        """Add a line of distances between halves, of all splits or of the first ``most``; see `split_property`."""
        pairs = [(half, ~half) for half in (self.splits if halves is None else halves)]
        line = split_property(
            name,
            unit,
            distance,
            pairs[:most],
            tolerance,
            judged=self.judged and judge,
            memory_matters=memory_matters,
            whole=whole,
        )
        self.properties.append(line)

    def _gamma(self) -> Float64Array:
        x = self.sets["measured"].whole_x
        return lag_sums(x, min(LAGS, x.shape[1] // 2)).mean()

    def _keep_series(self) -> None:
        for k in ("measured", "generated"):
            self.curves[f"series_{k}"] = self.sets[k].y[:3, :SERIES]
        self.curves["series_labels"] = np.array([str(label) for label in self.labels[:3]])


_POPULATIONS = ("measured", "generated", "again")


def _log_sigma(vectors: Float64Array) -> Float64Array:
    out = vectors.copy()
    out[:, FEATURES:] = np.log(np.maximum(out[:, FEATURES:], 1e-300))
    return out


def _mahalanobis(points: Float64Array, bulk: Bulk) -> Float64Array:
    off = points - bulk.centre
    return np.asarray(np.einsum("ni,ni->n", off, np.linalg.solve(bulk.covariance, off.T).T))


def _correlation_distance(each: dict[str, Correlations], a: str, p: BoolArray, b: str, q: BoolArray) -> float:
    return correlation_rms(each[a].of_folds(p), each[b].of_folds(q))


def _distribution_distance(each: dict[str, Marginal], which: int, a: str, p: BoolArray, b: str, q: BoolArray) -> float:
    return ks_and_wasserstein(each[a].function(p), each[b].function(q), each[a].grid)[which]


def _window_distance(each: Windows, a: str, p: BoolArray, b: str, q: BoolArray) -> float:
    one, other = (each[k][0][half[each[k][1]]][:POINTS] for k, half in ((a, p), (b, q)))
    return energy_distance(one, other)
