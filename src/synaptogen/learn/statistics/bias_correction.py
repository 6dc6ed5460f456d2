"""Shapes and memory from standardised records, corrected for how short the records are.

Means and standard deviations of devices are estimates: they take some of the memory and of the tails with them. Rounds
of (correct, fit, simulate, see what the treatment does to what is known) converge in a few steps, since what is
simulated changes little from one to the next.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURES, VAR, History, StateSpace

from . import var_fit as dynamics
from .autocovariances import LagSums, lag_sums
from .feature_tables import FeatureTable
from .marginals import Bootstrap, bootstrap, corrected_polynomials, learned_shapes, standardised
from .population_fit import EstimationNoise
from .preset_completion import StandardForm, complete_history
from .quantile_transform import cell_averages
from .state_space_fit import fit_compact, longest_pole

__all__ = ["Memory", "Progress", "Rounds"]

Progress: TypeAlias = Callable[[str, float], None]

PSEUDO_CYCLES = 1000.0  # that a preset counts for
SMALL = 20_000  # cycles in all, below which a preset is asked for its opinion
HIGHEST = 20  # order of a VAR among which criteria choose
LONG = 60  # order of the VAR behind a compact history
COMPACT_CYCLES = 200  # of a record, at least, for a compact history
_LAGS = 500
_STRETCH = 1.2  # times the lags: a stretch of a record that is no shorter tells of them
_FOLDS = 4
_SIMULATED = (200_000, 1_000_000)  # cycles of a bootstrap
_LONG_RECORD = 2000  # cycles, of which more rounds change nothing


@dataclass(frozen=True)
class Memory:
    """What a round found.

    Attributes
    ----------
    measured : array of shape (lags + 1, 4, 4)
        Autocovariances, corrected; features that were not measured are white.
    gamma : array of shape (lags + 1, 4, 4)
        The same after the preset had its say.
    own : VAR
        Of the measured features.
    var : VAR
        Of all features.
    compact : StateSpace or None
    quantile : array of shape (4, 5)
    """

    measured: Float64Array
    gamma: Float64Array
    own: VAR
    var: VAR
    compact: StateSpace | None
    quantile: Float64Array


class Rounds:
    """Learn shapes and memory of a table of features.

    Parameters
    ----------
    table : FeatureTable
    preset : StandardForm
    order : int or str
        Of the VAR, or the criterion that chooses it.
    kind : {"var", "compact"} or None
        The kind of history asked for.
    states : int
        Of the compact history.
    seed : int
        Of all simulations: each round has the same, so that rounds converge.
    tell : callable
        Called with a stage and the share of the whole that is done.

    Raises
    ------
    ValueError
        If the records are too short for the order.
    """

    def __init__(
        self,
        table: FeatureTable,
        preset: StandardForm,
        order: int | str,
        kind: str | None,
        states: int,
        seed: int,
        tell: Progress,
    ) -> None:
        self.preset, self.order, self.kind, self.states = preset, order, kind, states
        self.seed, self.tell, self.measured = seed, tell, table.measured
        self.total, self.cycles = float(table.count.sum()), int(np.median(table.count))
        self.small = self.total < SMALL
        self.lags = min(_LAGS, max(self.cycles // 2, 25), table.y.shape[1] - 1)
        if not isinstance(order, str) and order > self.lags:
            raise ValueError(f"order={order} is too high for records of {self.cycles} cycles: at most {self.lags}")
        tell("shapes", 0.0)
        self.z = standardised(table.y)
        self.shapes = learned_shapes(self.z, self.measured)
        tell("autocovariances", 0.15)
        self.raw = dynamics.unmeasured_white(lag_sums(self.shapes.x, self.lags).mean(), self.measured)
        self.effects = self._no_effect()

    def learn(self) -> Memory:
        """Alternate between fitting and finding out what the length of the records does."""
        memory: Memory | None = None
        rounds = 2 if self.cycles >= _LONG_RECORD else 4
        for n in range(rounds):
            self.tell("memory", 0.2 + 0.5 * n / rounds)
            memory = self._round(memory)
            self.effects = self._simulate(memory)
        self.tell("memory", 0.7)
        return self._round(memory)

    def order_table(self, gamma: Float64Array, held_out: bool = True) -> pd.DataFrame:
        """Compare orders up to `HIGHEST`, or to the one asked for."""
        highest = self.highest_order
        sums = self._folds(highest, _FOLDS) if held_out else None
        return dynamics.order_table(sums, range(1, highest + 1), self.total, self.measured, gamma)

    @property
    def highest_order(self) -> int:
        """Highest order of a VAR that is compared."""
        highest = int(min(HIGHEST, self.lags, max(self.cycles // 10, 1)))
        return highest if isinstance(self.order, str) else max(highest, self.order)

    @property
    def supports_compact(self) -> bool:
        """Whether the record is long enough for a compact history of its own."""
        return not self.small and self.cycles >= COMPACT_CYCLES

    # ---- one round

    def _round(self, before: Memory | None) -> Memory:
        R = self.raw - np.where(self.raw != 0, self.effects.correlations, 0.0)
        start = None if before is None else before.measured
        measured = dynamics.undo_mean_removal(R, self.cycles, self._law(before), start)
        compact = self._compact(self._opinion(measured), before)
        if compact is not None and before is None:
            # its memory is longer than that of the VAR, and so is what the means have taken
            held = compact
            measured = dynamics.undo_mean_removal(R, self.cycles, lambda _: held, measured)
        gamma = self._opinion(measured)
        own = dynamics.fit_var(gamma, self._order(gamma), self.cycles)
        var = complete_history(own, self.preset.history, self.measured)
        return Memory(measured, gamma, own, var, compact, self._quantile())

    def _law(self, before: Memory | None) -> Callable[[Float64Array], History]:
        """How to fit the law whose records lose their means."""
        if before is not None and before.compact is not None:
            held = before.compact
            return lambda _: held
        order = self.preset.history.order if before is None else before.own.order
        return lambda measured: dynamics.fit_var(self._opinion(measured), min(order, len(measured) - 1), self.cycles)

    def _opinion(self, measured: Float64Array) -> Float64Array:
        """Let the preset have its say where the record is small."""
        if not self.small:
            return measured
        prior = dynamics.unmeasured_white(self.preset.gamma(self.lags), self.measured)
        return dynamics.blended(measured, self.total, prior, PSEUDO_CYCLES)

    def _order(self, gamma: Float64Array) -> int:
        if not isinstance(self.order, str):
            return self.order
        if self.small:
            return min(self.preset.history.order, len(gamma) - 1)
        return dynamics.best_order(self.order_table(gamma, self.order == "held_out"), self.order)

    def _compact(self, gamma: Float64Array, before: Memory | None) -> StateSpace | None:
        if self.kind == "var" or not (self.supports_compact or self.kind == "compact"):
            return None
        order = min(LONG, len(gamma) // 2, max(self.cycles // 10, 1))
        own = dynamics.fit_var(gamma, order, self.cycles)
        long = complete_history(own, self.preset.history, self.measured)
        target = long.autocovariance(len(gamma) - 1)
        if not self.small:  # beyond its order, the record knows more than the VAR that was fitted to it
            at = np.ix_(range(len(gamma)), self.measured, self.measured)
            target[at] = gamma[at]
        start = None if before is None else before.compact
        return fit_compact(long, target, self.states, cap=longest_pole(self.cycles), start=start)

    def _quantile(self) -> Float64Array:
        averages = self.shapes.averages - self.effects.averages
        if self.small:
            prior = np.array([cell_averages(row) for row in self.preset.quantile])
            mixed = (self.total * averages + PSEUDO_CYCLES * prior) / (self.total + PSEUDO_CYCLES)
            known = np.any(np.isfinite(averages), axis=1, keepdims=True)
            averages = np.where(known, np.where(np.isfinite(mixed), mixed, prior), np.nan)
        return corrected_polynomials(averages, self.preset.quantile)

    # ---- what it is compared with

    def _simulate(self, memory: Memory) -> Bootstrap:
        T = self.cycles
        devices = max(64, int(np.clip(4 * self.total, *_SIMULATED)) // T)
        history = memory.var if memory.compact is None else memory.compact
        lags = min(self.lags, T - 1)
        found = bootstrap(history, memory.quantile, devices, T, lags, np.random.default_rng(self.seed))
        excess = np.zeros((self.lags + 1, FEATURES, FEATURES))
        excess[: lags + 1] = found.correlations
        return Bootstrap(np.nan_to_num(found.averages), excess, found.noise)

    def _no_effect(self) -> Bootstrap:
        noise = EstimationNoise(np.ones(FEATURES), np.zeros((2 * FEATURES, 2 * FEATURES)))
        return Bootstrap(np.zeros_like(self.shapes.averages), np.zeros_like(self.raw), noise)

    def without_groups(self, memory: Memory, groups: int, compact: bool) -> Iterator[History]:
        """The history of all records but one group, for each of them, near what all of them have taught.

        Groups are those of `_folds`. There are none where the records are too few for that.
        """
        sums = self._folds(self.lags, groups)
        if sums.folds < groups:
            return
        raw = dynamics.unmeasured_white(sums.mean(), self.measured)
        for group in range(groups):
            change = dynamics.unmeasured_white(sums.without(group), self.measured) - raw
            gamma = memory.gamma + change
            if compact:
                held: History | None = self._compact(gamma, memory)
            else:
                own = dynamics.fit_var(gamma, memory.own.order, self.cycles)
                held = complete_history(own, self.preset.history, self.measured)
            if held is not None:
                yield held

    def _folds(self, lags: int, folds: int) -> LagSums:
        """Folds are devices, or, of a few devices, stretches of their records; one fold if these are too short."""
        x = self.shapes.x
        pieces = -(-folds // len(x))  # of a record
        length = x.shape[1] // pieces
        if pieces > 1 and length < _STRETCH * lags:
            return lag_sums(x, lags)
        records = x[:, : length * pieces].reshape(-1, length, FEATURES)
        return lag_sums(records, lags, np.arange(len(records)) % folds)
