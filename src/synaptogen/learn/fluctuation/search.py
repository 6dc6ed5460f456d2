"""Which numbers of a fluctuation measured groups can tell, and the search for them in two stages.

Groups of many reads come first: they tell scales, and, if there are enough of them, shapes. Groups of few reads, as of
bakes, follow, with what the first have told: they tell how fluctuation falls with conductance, and the activation
energy, which is searched from several starts, since an energy and an amplitude can do much the same.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from synaptogen._utils import Float64Array
from synaptogen.learn.progress import StageProgress
from synaptogen.params import FluctuationParams

from .cell_statistics import DENSE, SHORT
from .comparison import Figures, measured_figures, simulated_figures
from .groups import ReadGroup
from .matching import Match, match
from .parameters import DRIFT, FALL, PARAMETERS, SCALES, SHAPES, vector_of, with_vector

CELLS, READS = 40, 400  # from which on shapes of distributions are learned, and not only scales
SPAN = 2.5  # ratio of conductances from which on the fall with conductance is learned
HEAT = 15.0  # K between temperatures from which on the energy is learned
KNOWN = 0.7  # of the error that a number had before the measurement: above it, nothing was learned of it
ROUNDS = 12
ENERGIES = (0.6, 1.0, 1.6)  # of that of the preset, where the search for the energy begins
AS_GOOD = 8.0  # of the loss, in units of the mean squared distance, by which two energies cannot be told apart
BETWEEN = 0.1  # of ln of a spread, by which experiments (chips, days) differ that should be alike
FRESH, FRESH_FEW = 3, 12  # simulations with other numbers, by which results are judged: of many reads, and of few


class Search:
    """The search for the parameters of measured groups.

    After `run`, ``params`` holds them, ``errors`` the standard errors of those that were searched, on their scales,
    ``reasons`` why the others were not, and ``remarks`` how well some are known.

    Parameters
    ----------
    base : FluctuationParams
        Where it begins, and what the data do not tell.
    groups : sequence of ReadGroup
        What was measured.
    seed : int
        Of simulations.
    report : callable
        Called with the name of a stage and the share of it that is done.
    """

    def __init__(self, base: FluctuationParams, groups: Sequence[ReadGroup], seed: int, report: StageProgress) -> None:
        self.base, self.params, self.seed, self.report = base, base, seed, report
        self.groups = tuple(groups)
        self.dense = tuple(group for group in groups if group.is_dense)
        self.sparse = tuple(group for group in groups if not group.is_dense)
        self.errors: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self.reasons: dict[str, str] = {}
        self.remarks: dict[str, str] = {}
        self._measured: list[tuple[tuple[ReadGroup, ...], Figures]] = []

    def run(self) -> None:
        """Search."""
        first = self._of_many_reads()
        if self.dense:
            self._take(first, self._matched(self.dense, first, self.base, {}, "matching reads"))
        second = self._of_few_reads(first)
        if self.sparse:
            self._search_sparse(second)

    def figures(self) -> pd.DataFrame:
        """Return the figures that were matched, measured and simulated with fresh numbers."""
        tables = []
        for groups, figures in self._measured:
            made = [
                simulated_figures(groups, self.params, figures.names, self.seed ^ ((k + 1) << 40)) for k in range(FRESH)
            ]
            known = np.isfinite(made)
            simulated = np.where(known, made, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
            columns = {
                "group": [group for group, _ in figures.names],
                "figure": [figure for _, figure in figures.names],
                "measured": figures.measured,
                "error": figures.error,
                "simulated": simulated,
            }
            tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)

    # ---- what can be told

    def _of_many_reads(self) -> tuple[str, ...]:
        if not self.dense:
            self.reasons |= dict.fromkeys(SCALES, f"needs {DENSE} or more evenly spaced reads")
            self.reasons |= dict.fromkeys(SHAPES, f"needs {CELLS} cells with {READS} evenly spaced reads")
            return ()
        names = [*SCALES, *DRIFT]
        if sum(g.cells for g in self.dense) >= CELLS and max(g.dense for g in self.dense) >= READS:
            names += SHAPES
        else:
            self.reasons |= dict.fromkeys(SHAPES, f"needs {CELLS} cells with {READS} evenly spaced reads")
        if _spans(self.dense):
            names += FALL
            if min(map(self._strength, self.dense)) < 0.3:
                names.append("white_floor")
        return tuple(n for n in PARAMETERS if n in names)

    def _of_few_reads(self, known: tuple[str, ...]) -> tuple[str, ...]:
        names = ["walk"] * bool(self.sparse)
        if not known:
            names += DRIFT
            if any(group.is_even for group in self.sparse):
                names += ("white", "flicker")
            else:
                reason = f"needs {SHORT} or more evenly spaced reads"
                self.reasons |= {"white": reason, "flicker": reason}
        if self.sparse and _spans(self.groups):
            names += FALL
        elif FALL[0] not in known:
            self.reasons |= dict.fromkeys(FALL, f"needs levels that differ {SPAN:g} times in conductance")
        if "white_floor" not in known:
            self.reasons["white_floor"] = "needs many reads of levels in LRS and HRS"
        # before the first read, nobody saw how far cells moved
        kelvin = np.concatenate([group.kelvin[1:] for group in self.groups])
        if np.ptp(np.where(np.isfinite(kelvin), kelvin, self.base.temperature)) > HEAT and self.sparse:
            names.append("energy")
        else:
            self.reasons["energy"] = "assumed: needs retention or bakes at two temperatures"
        return tuple(n for n in PARAMETERS if n in names)

    def _strength(self, group: ReadGroup) -> float:
        return float(1 / (1 + (group.conductance / self.base.half_conductance) ** self.base.exponent))

    # ---- the search

    def _matched(
        self,
        groups: tuple[ReadGroup, ...],
        names: tuple[str, ...],
        start: FluctuationParams,
        told: dict[str, float],
        stage: str,
        figures: Figures | None = None,
    ) -> Match:
        """Search for some numbers by some groups, with errors of those that others have told."""
        if figures is None:
            figures = self._figures_of(groups)

        def simulate(theta: Float64Array, seed: int) -> Float64Array:
            made = simulated_figures(groups, with_vector(start, names, theta), figures.names, seed)
            # a figure that virtual cells do not have says nothing
            return np.where(np.isfinite(made), made, figures.measured)

        prior = vector_of(replace(start, energy=self.base.energy), names)
        spread = np.array([min(told.get(n, np.inf), PARAMETERS[n].spread) for n in names])
        report: Callable[[float], None] = lambda share: self.report(stage, share)  # noqa: E731  # of one line
        fresh = FRESH_FEW if groups == self.sparse else FRESH
        aim = figures.measured, figures.error
        return match(simulate, *aim, prior, spread, vector_of(start, names), self.seed, ROUNDS, fresh, report)

    def _figures_of(self, groups: tuple[ReadGroup, ...]) -> Figures:
        self.report("figures of the measured cells", 0.0)
        figures = measured_figures(groups, self.params, self.seed)
        self.report("figures of the measured cells", 1.0)
        self._measured.append((groups, figures))
        return figures

    def _take(self, names: tuple[str, ...], result: Match) -> None:
        self.params = with_vector(self.params, names, result.theta)
        self.errors |= dict(zip(names, map(float, result.error), strict=True))
        # what follows leaves the others of these as they are
        self._told |= dict(zip(names, map(float, result.alone), strict=True))

    def _search_sparse(self, names: tuple[str, ...]) -> None:
        told, figures = dict(self._told), self._figures_of(self.sparse)

        def search(start: FluctuationParams, names: tuple[str, ...]) -> Match:
            return self._matched(self.sparse, names, start, told, "matching bakes", figures)

        if not names:
            return
        if "energy" not in names:
            self._take(names, search(self.params, names))
            return
        starts = [replace(self.params, energy=self.base.energy * share) for share in ENERGIES]
        found = [search(start, names) for start in starts]
        best = min(found, key=lambda m: m.loss)
        at = names.index("energy")
        as_good = [m.theta[at] for m in found if m.loss - best.loss < AS_GOOD * max(best.distance, 1.0)]
        self._take(names, best)
        alike = max(float(best.error[at]), float(np.ptp(as_good)) / 2)
        self.errors["energy"] = error = float(np.hypot(alike, BETWEEN / self._per_volt(figures)))
        if error > KNOWN * PARAMETERS["energy"].spread:
            self.remarks["energy"] = f"poorly: spreads that differ by {BETWEEN:.0%} from chip to chip are as much"

    def _per_volt(self, figures: Figures) -> float:
        """Return how much ln of the spreads of heated cells changes with the energy, per eV."""
        heated = {group.name for group in self.sparse if group.heated}
        of_them = np.array([group in heated and name.endswith("rsd") for group, name in figures.names])
        ends = [max(self.params.energy + step, 0.0) for step in (-0.2, 0.2)]
        made = [
            simulated_figures(self.sparse, replace(self.params, energy=energy), figures.names, self.seed)[
                of_them
            ].mean()
            for energy in ends
        ]
        return max(float(made[1] - made[0]) / (ends[1] - ends[0]), 1e-3)


def _spans(groups: Sequence[ReadGroup]) -> bool:
    """Return whether levels are far enough apart to tell the fall with conductance."""
    g = [group.conductance for group in groups]
    return math.log(max(g) / min(g)) > math.log(SPAN)
