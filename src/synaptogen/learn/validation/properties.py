"""The distances behind a validation, one method a property; `validation.validate` says what becomes of them."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synaptogen._utils import BoolArray, Float64Array
from synaptogen.learn.extraction import Extraction
from synaptogen.learn.statistics import FeatureTable, bulk_of, device_vectors, lag_sums, unit_variance
from synaptogen.learn.statistics import var_fit as dynamics
from synaptogen.params import FEATURE_NAMES, FEATURES, DeviceParams

from . import device_spread as spread
from . import loop_distance as iv
from . import samples
from .correlations import Correlations, rms
from .distribution_distances import Marginal, distances, grid_of
from .samples import Sample
from .windows import auc, energy_distance, windows_of

Distance: TypeAlias = Callable[[str, BoolArray, str, BoolArray], float]
Line: TypeAlias = dict[str, Any]

MOST_CYCLES = 1_500_000  # of all devices that are compared
LAGS = 200
SHORTEST = 100  # cycles of a record, for a test of residuals
REPEATS = 3  # of the classifier
POINTS = 1000  # of a side, in energy distances of windows
TOLERANCE = {"correlations": 0.02, "auc": 0.55, "ks": 0.03, "w1": 0.05, "energy": 0.01, "devices": 0.05, "loops": 0.05}
MANY = 32  # devices, whose bulk can be told from outliers
OUTLYING = 20.0  # squared distance in units of the bulk, of 8 traits: 1 in 100 of a Gaussian lies beyond
QQ = np.concatenate([[0.001, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.999]])
SERIES = 300  # cycles that are drawn


class Comparison:
    """Measured and generated cycles, their distances line by line, and the curves that figures show.

    Parameters
    ----------
    params : DeviceParams
    table : FeatureTable
    seed : int
    splits, windows : int
        See `validation.validate`.
    tell : callable
    """

    def __init__(
        self,
        params: DeviceParams,
        table: FeatureTable,
        seed: int,
        splits: int,
        windows: int,
        tell: Callable[[str, float], None],
    ) -> None:
        self.params, self.measured, self.seed, self.tell = params, table.measured, seed, tell
        self.windows, self.labels = windows, table.devices
        self.rng = np.random.default_rng(seed)
        self.lines: list[Line] = []
        self.notes: list[str] = []
        self.curves: dict[str, NDArray[Any]] = {}
        self.one_law = True
        y = table.y[: max(1, MOST_CYCLES // table.y.shape[1])]
        if len(y) < len(table.y):
            self.notes.append(f"the first {len(y)} of {len(table.y)} devices were compared: more would not tell more")
        self.vectors = device_vectors(y)
        self.population = samples.enough(len(y))
        if not self.population:
            self.notes.append(
                f"{len(y)} device{'s' * (len(y) != 1)}: too few to judge the population; virtual devices here have the"
                " means and deviations of the measured ones"
            )
        self.model = params if self.population else samples.twins(params, self.vectors)
        fold, stretches = samples.folds_of(y.shape[0], y.shape[1], self.rng)
        self.sets = self._samples(y, fold, stretches)
        self.splits = samples.splits_of(self.sets["measured"].folds, splits, self.rng)
        self.judged = self.sets["measured"].folds >= samples.FEWEST_FOLDS
        if not self.judged:
            self.notes.append(f"{y.shape[1]} cycles cannot be cut into halves of a use: there is no floor, no verdict")

    def _samples(self, y: Float64Array, fold: NDArray[np.intp], stretches: int) -> dict[str, Sample]:
        missing = np.isnan(y)
        models = {"generated": self.model, "again": self.model, **samples.rivals(self.model)}
        made = {"measured": y}
        for n, (name, model) in enumerate(models.items()):
            self.tell("virtual devices", n / len(models))
            made[name] = samples.generated(model, missing, int(self.rng.integers(2**63)))
        self.tell("virtual devices", 1.0)
        return {name: Sample.of(v, self.params.quantile, fold, stretches) for name, v in made.items()}

    def run(self) -> None:
        """Compare everything that features tell."""
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
            self.tell(stage, 0.0)
            compare()
            self.tell(stage, 1.0)
        self._keep_series()

    # ---- properties

    def compare_correlations(self) -> None:
        """Auto- and cross-correlations, of scores and of the standardised features themselves."""
        first = self.sets["measured"]
        lags = min(LAGS, max(first.x.shape[1] // 2, 1), first.x.shape[1] - 1)
        for kind, name in (("x", "score correlations"), ("z", "linear correlations")):
            each = {k: Correlations.of(getattr(s, kind), s.fold, lags, self.measured) for k, s in self.sets.items()}
            self._add(
                name,
                f"rms difference, lags 1 to {lags}, all pairs",
                lambda a, p, b, q, each=each: rms(each[a].of_folds(p), each[b].of_folds(q)),
                TOLERANCE["correlations"],
            )
            self.curves[f"{kind}_band"] = each["measured"].band(self.rng)
            for k in ("measured", "generated", "order_1"):
                self.curves[f"{kind}_{k}"] = each[k].whole()
        self.curves["measured_features"] = np.array(self.measured)

    def compare_marginals(self) -> None:
        """Kolmogorov-Smirnov and Wasserstein distances of each standardised feature, with a block bootstrap."""
        for f in self.measured:
            grid = grid_of(*(self.sets[k].z[..., f] for k in ("measured", "generated")))
            each = {k: Marginal.of(s.z[..., f], grid, s.fold) for k, s in self.sets.items()}
            blocks = [Marginal.of(self.sets[k].z[..., f], grid) for k in ("measured", "generated")]
            chance = blocks[0].chance(blocks[1], self.rng)
            for which, name in enumerate(("KS", "Wasserstein")):
                self._add(
                    f"{name} distance of {FEATURE_NAMES[f]}",
                    ("probability", "standard deviations")[which],
                    lambda a, p, b, q, each=each, which=which, grid=grid: distances(
                        each[a].function(p), each[b].function(q), grid
                    )[which],
                    TOLERANCE[("ks", "w1")[which]],
                    memory_matters=False,
                    whole=(distances(blocks[0].whole(), blocks[1].whole(), grid)[which], chance[which]),
                )
            self.curves[f"qq_{f}"] = np.array([QQ, each["measured"].quantiles(QQ), each["generated"].quantiles(QQ)])
            self.curves[f"qq_band_{f}"] = blocks[0].quantile_band(QQ, self.rng)

    def compare_windows(self) -> None:
        """Energy distance of windows of four cycles, successive ones and every tenth."""
        for step in (1, 10):
            each = {k: windows_of(s.x, s.fold, self.measured, 2 * POINTS, self.rng, step) for k, s in self.sets.items()}

            def distance(a: str, p: BoolArray, b: str, q: BoolArray, each: Any = each) -> float:
                one, other = (each[k][0][half[each[k][1]]][:POINTS] for k, half in ((a, p), (b, q)))
                return energy_distance(one, other)

            name = "windows of 4 cycles" if step == 1 else f"windows of every {step}th cycle"
            self._add(name, "energy distance of scores", distance, TOLERANCE["energy"], most=8)

    def compare_by_classifier(self) -> None:
        """Area under the curve of gradient boosting on windows of four cycles; groups are devices."""
        done = 0

        def distance(a: str, p: BoolArray, b: str, q: BoolArray) -> float:
            nonlocal done
            done += 1
            self.tell("classifier", min(done / (5 * REPEATS), 0.99))
            sides = []
            for name, half in ((a, p), (b, q)):
                s = self.sets[name]
                inside = half[s.fold]
                group = s.device[inside] if len(s.y) >= spread.FEWEST_DEVICES else np.flatnonzero(inside)
                sides.append(windows_of(s.z[inside], group, self.measured, self.windows, self.rng))
            if min(len(points) for points, _ in sides) < 20:
                return float("nan")
            return auc(sides[0], sides[1], self.seed)

        self._add(
            "classifier", "AUC on windows of 4 cycles; 0.5: cannot tell", distance, TOLERANCE["auc"], most=REPEATS
        )

    def compare_devices(self) -> None:
        """Vectors of mean and log deviation: energy distance, and the share of outlying devices."""
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

        self._add("device vectors", "energy distance, spreads of the bulk", distance, TOLERANCE["devices"], False)
        for k in ("measured", "generated"):
            self.curves[f"vectors_{k}"] = device_vectors(self.sets[k].y)
        devices = len(scaled["measured"])
        self.curves["outlying"] = np.zeros(devices, dtype=bool)
        if devices < MANY:
            self.lines.append(
                _unknown("outlying devices", "share of devices", f"fewer than {MANY} devices: what is far is not known")
            )
            return
        bulk = bulk_of(scaled["measured"], 1)
        beyond = {k: _mahalanobis(v, bulk) > OUTLYING for k, v in scaled.items()}
        self._add_outliers({k: float(np.mean(v)) for k, v in beyond.items()}, devices)
        self.curves["outlying"] = beyond["measured"]

    def compare_spread(self) -> None:
        """Does the lag-1 correlation, or the skewness, differ between devices by more than chance?"""
        both = {
            k: spread.traits(self._by_device(k, "z"), self._by_device(k, "x"), self.measured)
            for k in ("measured", "generated")
        }
        found = spread.spreads(both["measured"], both["generated"], self.rng)
        wider = [s for s in found if s.wider]
        self.one_law = not wider
        for s in found:
            self.curves[f"spread_{s.name}"] = np.array([np.sort(s.measured), np.sort(s.generated)])
            self.lines.append(_spread_line(s))
        if not found:
            self.lines.append(_unknown("spread of shape and memory", "ratio of widths", "too few devices or cycles"))
        elif wider:
            self.notes.insert(
                0,
                "one shared law is not enough: devices differ in "
                + ", ".join(f"{s.name} ({s.ratio:.2g} times as widely as chance)" for s in wider),
            )

    def test_residuals(self) -> None:
        """Is anything left in the prediction errors of these data under the history?"""
        cycles = self.sets["measured"].y.shape[1]
        if cycles < SHORTEST:
            words = f"records of fewer than {SHORTEST} cycles do not tell what is left"
            self.lines.append(_unknown("residuals", "largest autocorrelation of prediction errors", words))
            return
        gamma = unit_variance(dynamics.unmeasured_white(self._gamma(), self.measured))
        count = float(np.isfinite(self.sets["measured"].x[..., list(self.measured)]).all(-1).sum())
        test = dynamics.whiteness(self.params.history, gamma, count, self.measured)
        self.curves["residuals"] = np.array([test.worst, test.limit, test.p_value, test.lags])
        self.curves["residual_correlations"] = test.correlations
        grade = "good" if test.white else "fair" if test.worst < TOLERANCE["correlations"] else "poor"
        words = {
            "good": "nothing is left in the residuals",
            "fair": "what is left in the residuals is small",
            "poor": "residuals keep a memory that the history does not have",
        }[grade]
        self.lines.append(
            {
                **_unknown("residuals", "largest autocorrelation of prediction errors", words),
                "generated": test.worst,
                "limit": test.limit,
                "tolerance": TOLERANCE["correlations"],
                "grade": grade,
            }
        )

    def compare_loops(self, data: xr.Dataset, extraction: Extraction) -> None:
        """Wasserstein distance of the currents at each point of the ramp, over the rms current there."""
        self.tell("loops", 0.0)
        mine = iv.measured_loops(data, extraction)
        each = {"measured": mine.i}
        for name in ("generated", "again"):
            each[name] = iv.generated_loops(self.model, extraction, mine, int(self.rng.integers(2**63))).i
        size = np.sqrt(np.nanmean(mine.i**2))
        cut = [iv.halves(mine.i.shape[0], mine.i.shape[1], self.rng) for _ in self.splits]

        def distance(a: str, p: int, b: str, q: int) -> float:
            one, other = (each[k][cut[abs(h) - 1] if h > 0 else ~cut[abs(h) - 1]] for k, h in ((a, p), (b, q)))
            return float(iv.point_distances(one, other).mean() / size)

        pairs = [(n + 1, -(n + 1)) for n in range(len(cut))]
        self._add(
            "I-V loops",
            "mean distance of currents, shares of the rms current",
            distance,
            TOLERANCE["loops"],
            False,
            pairs=pairs,
        )
        flat = {k: v.reshape(-1, v.shape[-1]) for k, v in each.items()}
        self.curves["loop_u"] = mine.u
        for k in ("measured", "generated"):
            whole = flat[k][np.isfinite(flat[k]).all(1)]
            self.curves[f"loops_{k}"] = whole[np.linspace(0, len(whole) - 1, min(60, len(whole))).astype(int)]
        self.curves["loop_distance"] = iv.point_distances(flat["measured"], flat["generated"])
        self.curves["loop_floor"] = np.median(
            [iv.point_distances(each["measured"][c], each["measured"][~c]) for c in cut], axis=0
        )
        self.tell("loops", 1.0)

    # ---- lines

    def _add(
        self,
        name: str,
        unit: str,
        distance: Callable[..., float],
        tolerance: float,
        memory_matters: bool = True,
        *,
        most: int | None = None,
        whole: tuple[float, Float64Array] | None = None,
        pairs: list[Any] | None = None,
    ) -> None:
        """Take distances of all splits, and judge; ``whole``: of undivided samples, and what chance makes of these."""
        halves = (pairs or [(half, ~half) for half in self.splits])[:most]
        floor = np.array([distance("measured", p, "measured", q) for p, q in halves])
        chance = np.array([distance("generated", p, "again", q) for p, q in halves])
        found = np.array([distance("measured", p, "generated", q) for p, q in halves])
        other = {k: float("nan") for k in ("independent", "order_1")}
        if memory_matters:
            other = {k: float(np.median([distance("measured", p, k, q) for p, q in halves])) for k in other}
        line = {
            "name": name,
            "unit": unit,
            "generated": float(np.median(found)),
            "floor": float(np.median(floor)),
            "limit": float(max(np.quantile(floor, 0.95), np.quantile(chance, 0.95))),
            "chance": float(np.median(chance)),
            **other,
            "tolerance": tolerance,
        }
        likely = whole is not None and whole[0] <= float(np.quantile(whole[1], 0.95))
        self.lines.append({**line, **_graded(line, self.judged, likely)})

    def _add_outliers(self, share: dict[str, float], devices: int) -> None:
        measured, found = share["measured"], share["generated"]
        error = float(np.sqrt(2 * max(measured, 1 / devices) * (1 - measured) / devices))
        good = abs(found - measured) <= 2 * error
        words = "as many" if good else "more" if found > measured else "fewer"
        verdict = f"{words} outlying devices {'as' if good else 'than'} measured: {found:.1%} beside {measured:.1%}"
        line = _unknown("outlying devices", "share of devices", verdict)
        limit, grade = measured + 2 * error, "good" if good else "poor"
        figures = {"generated": found, "floor": measured, "limit": limit, "chance": share["again"], "tolerance": limit}
        self.lines.append({**line, **figures, "grade": grade})

    # ---- help

    def _by_device(self, name: str, kind: str) -> Float64Array:
        s = self.sets[name]
        values: Float64Array = getattr(s, kind)
        return values.reshape(len(s.y), -1, FEATURES)

    def _gamma(self) -> Float64Array:
        x = self._by_device("measured", "x")
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


def _mahalanobis(points: Float64Array, bulk: Any) -> Float64Array:
    off = points - bulk.centre
    return np.asarray(np.einsum("ni,ni->n", off, np.linalg.solve(bulk.covariance, off.T).T))


def _unknown(name: str, unit: str, verdict: str) -> Line:
    nan = float("nan")
    return {
        "name": name,
        "unit": unit,
        "generated": nan,
        "floor": nan,
        "limit": nan,
        "chance": nan,
        "independent": nan,
        "order_1": nan,
        "tolerance": nan,
        "grade": "unknown",
        "verdict": verdict,
    }


def _graded(line: Line, judged: bool, likely: bool) -> Line:
    """Return grade and verdict; ``likely``: the block bootstrap finds what was seen no wonder."""
    found = line["generated"]
    if not judged or not np.isfinite(found):
        return {"grade": "unknown", "verdict": "too few cycles to judge"}
    if found <= line["limit"] or likely:
        return {"grade": "good", "verdict": "as close as measured halves are to each other"}
    if found <= line["tolerance"]:
        return {"grade": "fair", "verdict": "a difference, too small to matter"}
    return {"grade": "poor", "verdict": f"differs: {found:.3g}, limit {line['limit']:.3g}"}


def _spread_line(s: spread.Spread) -> Line:
    words = (
        f"one shared law is not enough: devices spread {s.ratio:.2g} times as widely"
        if s.wider
        else "devices differ by no more than a shared law makes"
    )
    low, high = (np.quantile(v, (0.1, 0.9)) for v in (s.measured, s.generated))
    return {
        **_unknown(
            f"spread of {s.name}",
            f"10-90 %: measured {low[0]:.2f} to {low[1]:.2f}, generated {high[0]:.2f} to {high[1]:.2f}",
            words,
        ),
        "generated": s.ratio,
        "floor": 1.0,
        "limit": max(s.ratio / max(s.low, 1e-9), 1.0),
        "tolerance": spread.RATIO,
        "grade": "poor" if s.wider else "good",
    }
