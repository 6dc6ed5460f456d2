"""Repeated reads of measured cells beside those of virtual ones: growth of spread, fluctuation, spectrum, levels."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import xarray as xr

from synaptogen._utils import AnyArray, Float64Array, IntArray
from synaptogen.learn.fluctuation import ReadGroup, figures_of, groups_of, robust_sd, rows_of, spectrum
from synaptogen.learn.progress import StageProgress
from synaptogen.params import FluctuationParams

from .verdicts import Property, split_property

__all__ = ["ReadComparison"]

FEWEST_JUDGED = 16  # cells of a group: halves of fewer say little
SIMULATED = 300  # least number of virtual cells beside which medians and spreads are shown
MOST_READS = 400_000  # of virtual cells, together, for these
# what a figure may be off without mattering: the first four of a user of the cells, the others of their physics
TOLERANCE = {
    "growth": 0.2,
    "median": 0.02,
    "sd": 0.15,
    "sd, spread": 0.15,
    "exponent": 0.15,
    "two levels": 0.06,
    "white": 0.2,
    "separation": 0.3,
    "switches": 0.4,
    "bake": 0.3,
}
NAMES = {
    "growth": ("growth of spread", "rms of ln of the ratio of robust sd of ln(G_k/G_0)"),
    "median": ("drift", "largest difference of medians of ln(G_k/G_0)"),
    "sd": ("sd/G", "ln of the ratio of medians over cells"),
    "sd, spread": ("spread of sd/G", "difference of sd over cells of ln(sd/G)"),
    "exponent": ("spectrum", "difference of exponents"),
    "two levels": ("two levels", "difference of shares of cells"),
    "white": ("white part", "ln of the ratio of medians over cells"),
    "separation": ("separation of levels", "ln of the ratio of medians over cells"),
    "switches": ("switches between levels", "ln of the ratio of medians over cells"),
    "bake": ("moves", "rms of ln of the ratio of robust sd of ln(G_k/G_0)"),
}

Figures: TypeAlias = dict[str, float]
Half: TypeAlias = tuple[IntArray, ...]
"""Numbers of cells of each group that are compared together."""


class ReadComparison:
    """Properties, curves and a sentence on repeated reads, in the form of `Validation`.

    Parameters
    ----------
    params : FluctuationParams
        What virtual cells do.
    tables : sequence of Dataset
        Repeated reads.
    interval : float, optional
        Seconds between two reads where reads are only counted; default: the fastest slot of ``params``.
    age : float, optional
        Seconds from the write to time 0 of the tables.
    seed, splits : int
        Seed of virtual cells and splits, and number of splits into halves.
    progress : callable
        Called with the name of a stage and the share of it that is done.
    """

    def __init__(
        self,
        params: FluctuationParams,
        tables: Sequence[xr.Dataset],
        interval: float | None,
        age: float | None,
        seed: int,
        splits: int,
        progress: StageProgress,
    ) -> None:
        found = groups_of(tables, params.fastest if interval is None else interval, age)
        self.params, self.seed, self.splits = params, seed, splits
        self.groups, self.notes = found.groups, list(found.notes)
        self.rng = np.random.default_rng(seed)
        self.properties: list[Property] = []
        self.curves: dict[str, AnyArray] = {}
        self._shown: dict[str, tuple[Figures, Figures]] = {}
        drawn: list[tuple[ReadGroup, ReadGroup]] = []
        together = _together(self.groups)
        for n, groups in enumerate(together):
            progress("repeated reads", n / len(together))
            drawn += zip(groups, self._compared(groups, n), strict=True)
        progress("repeated reads", 1.0)
        self._draw(drawn)

    @property
    def data(self) -> str:
        """Say how much was measured."""
        cells = sum(group.cells for group in self.groups)
        reads = sum(group.log_g.size for group in self.groups)
        return f"{cells:,} cells with {reads:,} repeated reads"

    @property
    def verdict(self) -> str:
        """Say in a sentence how reads of virtual cells compare with measured ones."""
        judged = [p for p in self.properties if p.grade != "unknown"]
        poor = [p.name for p in judged if p.grade == "poor"]
        parts = []
        for name, (own, made) in self._shown.items():
            if "sd" in own:
                last = [k for k in own if k.startswith("moved") and k.endswith("rsd")][-1]
                parts.append(
                    f"at {name} reads fluctuate by {_percent(own['sd'])} (simulated {_percent(made['sd'])}) and their "
                    f"spread over cells grows to {_percent(own[last])} ({_percent(made[last])})"
                )
        moves = [(own, made) for own, made in self._shown.values() if "sd" not in own]
        if moves:
            ratio = np.exp([_moved([made], "ln rsd")[-1] - _moved([own], "ln rsd")[-1] for own, made in moves])
            parts.append(
                f"spreads of moves of {len(moves)} groups with few reads are {ratio.min():.2g} to {ratio.max():.2g}"
                " times the measured ones"
            )
        worst = f"; what differs: {', '.join(poor[:4])}{' ...' * (len(poor) > 4)}" if poor else ""
        return f"{'; '.join([*parts[:2], *parts[2:][-1:]])}{worst}" if judged else f"{parts[0]}; too few cells to judge"

    def _compared(self, groups: Sequence[ReadGroup], number: int) -> list[ReadGroup]:
        """Compare groups, of which those of few reads stand together, and return many virtual cells for figures."""
        shown, samples = [], []
        for k, group in enumerate(groups):
            n = group.cells
            many = max(n, min(SIMULATED, MOST_READS // group.log_g.shape[1]))
            first = (number * 64 + k) << 20  # other cells for each group
            made = group.simulated(self.params, 2 * n, self.seed, first)
            sets = {
                "measured": group.rows(),
                "generated": rows_of(made.log_g[:n], made.dense),
                "again": rows_of(made.log_g[n:], made.dense),
            }
            samples.append(sets)
            shown.append(made if 2 * n >= many else group.simulated(self.params, many, self.seed + 1, first))
            self._shown[group.name] = figures_of(sets["measured"]), figures_of(shown[-1].rows())
        halves = [_halves([group.cells for group in groups], self.rng) for _ in range(self.splits)]
        cache: dict[tuple[str, int], list[Figures]] = {}

        def figures(name: str, rows: Half) -> list[Figures]:
            key = name, id(rows)  # the halves live as long as this function
            if key not in cache:
                cache[key] = [
                    figures_of({k: v[own] for k, v in sets[name].items()})
                    for sets, own in zip(samples, rows, strict=True)
                ]
            return cache[key]

        own, its = ([self._shown[group.name][side] for group in groups] for side in (0, 1))
        for kind in _kinds(own[0]):
            what, unit = NAMES[kind]
            distance = _distance(kind)
            self.properties.append(
                split_property(
                    f"{what}, {_named(groups)}",
                    f"{unit}; {_both(kind, own, its)}",
                    lambda a, p, b, q, d=distance: d(figures(a, p), figures(b, q)),  # type: ignore[misc]  # bound now
                    halves,
                    TOLERANCE[kind],
                    judged=sum(group.cells for group in groups) >= FEWEST_JUDGED,
                    memory_matters=False,
                )
            )
        return shown

    def _draw(self, pairs: Sequence[tuple[ReadGroup, ReadGroup]]) -> None:
        """Keep the curves of the figures."""
        dense = [(m, g) for m, g in pairs if m.is_dense][:4]
        if dense:
            self.curves["reads_groups"] = np.array([m.name for m, _ in dense])
            for k, (m, g) in enumerate(dense):
                for name, group in (("measured", m), ("generated", g)):
                    rows = group.rows()
                    steps = [int(r.split()[1]) for r in rows if r.startswith("moved")]
                    moved = np.array([robust_sd(rows[f"moved {s}"]) for s in steps])
                    frequency, power = spectrum(group.log_g[:, 1 : group.dense])
                    interval = float(np.median(np.diff(group.seconds[: group.dense])))
                    self.curves[f"reads_growth_{name}_{k}"] = np.stack([group.seconds[steps] - group.seconds[0], moved])
                    self.curves[f"reads_sd_{name}_{k}"] = np.sort(np.exp(rows["sd"]))
                    self.curves[f"reads_spectrum_{name}_{k}"] = np.stack(
                        [frequency / interval, np.exp(np.median(np.log(power), axis=0)) * 2 * interval]
                    )
        few = [(m, g) for m, g in pairs if not m.is_dense]
        if few:
            last = [(m.log_g[:, -1] - m.log_g[:, 0], g.log_g[:, -1] - g.log_g[:, 0]) for m, g in few]
            heat = [np.nanmax(m.kelvin) if m.heated else np.nan for m, _ in few]
            self.curves["moves"] = np.array(
                [
                    [m.conductance, t, robust_sd(a), robust_sd(b)]
                    for (m, _), t, (a, b) in zip(few, heat, last, strict=True)
                ]
            )


def _percent(log: float) -> str:
    return f"{100 * np.exp(log):.2g} %"


def _halves(sizes: Sequence[int], rng: np.random.Generator) -> tuple[Half, Half]:
    """Return the cells of two halves of each group."""
    orders = [rng.permutation(n) for n in sizes]
    return tuple(np.sort(o[: len(o) // 2]) for o in orders), tuple(np.sort(o[len(o) // 2 :]) for o in orders)


def _together(groups: Sequence[ReadGroup]) -> list[list[ReadGroup]]:
    """Return groups of many reads one by one, and those of few reads by schedule: all levels of a bake together."""
    found: dict[object, list[ReadGroup]] = {}
    for group in groups:
        key = group.name if group.is_dense else (group.seconds.tobytes(), group.kelvin.tobytes())
        found.setdefault(key, []).append(group)
    return list(found.values())


def _named(groups: Sequence[ReadGroup]) -> str:
    first = groups[0]
    if len(groups) == 1:
        return first.name
    hot = f"{np.nanmax(first.kelvin):.0f} K" if first.heated else f"{first.seconds[-1]:.3g} s"
    return f"{len(groups)} levels, {hot}"


def _kinds(figures: Figures) -> list[str]:
    """Return which properties figures support."""
    if "sd" not in figures:
        return ["bake", "median"]
    return [k for k in TOLERANCE if k != "bake" and (k in ("growth", "median") or np.isfinite(figures.get(k, np.nan)))]


def _distance(kind: str) -> Callable[[list[Figures], list[Figures]], float]:
    if kind in ("growth", "bake"):
        return lambda a, b: float(np.sqrt(np.mean(np.square(_moved(a, "ln rsd") - _moved(b, "ln rsd")))))
    if kind == "median":
        return lambda a, b: float(np.abs(_moved(a, "median") - _moved(b, "median")).max())
    return lambda a, b: abs(a[0][kind] - b[0][kind])


def _moved(figures: list[Figures], ending: str) -> Float64Array:
    return np.array([v for one in figures for k, v in one.items() if k.startswith("moved") and k.endswith(ending)])


def _both(kind: str, own: list[Figures], made: list[Figures]) -> str:
    """Return the figures of the two in words."""
    if kind in ("growth", "bake", "median"):
        values = [_moved(f, "median") if kind == "median" else np.exp(_moved(f, "ln rsd")) for f in (own, made)]
        texts = [" ".join(f"{x:.2g}" for x in v) for v in values]
    elif kind in ("sd", "white", "separation", "switches"):
        texts = [f"{np.exp(f[0][kind]):.2g}" for f in (own, made)]
    else:
        texts = [f"{f[0][kind]:.2f}" for f in (own, made)]
    return f"measured {texts[0]}, generated {texts[1]}"
