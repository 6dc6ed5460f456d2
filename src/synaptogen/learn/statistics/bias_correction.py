"""MarginalFit and memory from standardised records, corrected for how short the records are.

Means and standard deviations of devices are estimates: they take some of the memory and of the tails with them. BiasCorrectedFit
of (correct, fit, simulate, see what the treatment does to what is known) converge in a few steps, since what is
simulated changes little from one to the next.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from synaptogen._utils import Float64Array
from synaptogen.learn.progress import StageProgress
from synaptogen.params import FEATURES, VAR, History, StateSpace

from .autocovariances import LagSums, lag_sums
from .feature_tables import FeatureTable
from .marginals import ShortRecordBias, corrected_polynomials, fit_marginals, simulate_bias, standardised
from .population_fit import EstimationNoise
from .preset_completion import StandardForm, complete_history
from .quantile_transform import cell_averages
from .state_space_fit import fit_compact, longest_pole
from .var_fit import (
    Criterion,
    best_order,
    blend_with_prior,
    compare_orders,
    fit_var,
    undo_mean_removal,
    unmeasured_as_white,
)

__all__ = ["BiasCorrectedFit", "DynamicsFit", "Kind"]

Kind: TypeAlias = Literal["var", "compact"]
"""Kinds of history that can be learned."""

PSEUDO_CYCLES = 1000.0  # that a preset counts for
FEW_CYCLES = 20_000  # cycles in all, below which a preset is asked for its opinion
HIGHEST_ORDER = 20  # order of a VAR among which criteria choose
LONG_ORDER = 60  # order of the VAR behind a compact history
COMPACT_CYCLES = 200  # of a record, at least, for a compact history
_MOST_LAGS = 500
_STRETCH = 1.2  # times the lags: a stretch of a record that is no shorter tells of them
_FOLDS = 4
_SIMULATED_CYCLES = (200_000, 1_000_000)  # cycles of a bootstrap
_LONG_RECORD = 2000  # cycles, of which more rounds change nothing


@dataclass(frozen=True)
class DynamicsFit:
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

    corrected: Float64Array
    gamma: Float64Array
    own: VAR
    var: VAR
    compact: StateSpace | None
    quantile: Float64Array


class BiasCorrectedFit:
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
        order: int | Criterion,
        history: Kind | None,
        states: int,
        seed: int,
        progress: StageProgress,
    ) -> None:
        self.preset, self.order, self.history, self.states = preset, order, history, states
        self.seed, self.progress, self.measured = seed, progress, table.measured
        self.total, self.cycles = float(table.count.sum()), int(np.median(table.count))
        self.small = self.total < FEW_CYCLES
        self.lags = min(_MOST_LAGS, max(self.cycles // 2, 25), table.y.shape[1] - 1)
        if not isinstance(order, str) and order > self.lags:
            raise ValueError(f"order={order} is too high for records of {self.cycles} cycles: at most {self.lags}")
        progress("shapes", 0.0)
        self.z = standardised(table.y)
        self.marginals = fit_marginals(self.z, self.measured)
        progress("autocovariances", 0.15)
        self.uncorrected = unmeasured_as_white(lag_sums(self.marginals.x, self.lags).mean(), self.measured)
        self.bias = self._no_bias()

    def learn(self) -> DynamicsFit:
        """Alternate between fitting and finding out what the length of the records does."""
        dynamics: DynamicsFit | None = None
        rounds = 2 if self.cycles >= _LONG_RECORD else 4
        for n in range(rounds):
            self.progress("memory", 0.2 + 0.5 * n / rounds)
            dynamics = self._fit_once(dynamics)
            self.bias = self._measure_bias(dynamics)
        self.progress("memory", 0.7)
        return self._fit_once(dynamics)

    def order_table(self, gamma: Float64Array, held_out: bool = True) -> pd.DataFrame:
        """Compare orders up to `HIGHEST_ORDER`, or to the one asked for."""
        highest = self.highest_order
        sums = self._folds(highest, _FOLDS) if held_out else None
        return compare_orders(sums, range(1, highest + 1), self.total, self.measured, gamma)

    @property
    def highest_order(self) -> int:
        """Highest order of a VAR that is compared."""
        highest = int(min(HIGHEST_ORDER, self.lags, max(self.cycles // 10, 1)))
        return highest if isinstance(self.order, str) else max(highest, self.order)

    @property
    def supports_compact(self) -> bool:
        """Whether the record is long enough for a compact history of its own."""
        return not self.small and self.cycles >= COMPACT_CYCLES

    # ---- one round

    def _fit_once(self, before: DynamicsFit | None) -> DynamicsFit:
        R = self.uncorrected - np.where(self.uncorrected != 0, self.bias.correlations, 0.0)
        start = None if before is None else before.corrected
        measured = undo_mean_removal(R, self.cycles, self._model_fitter(before), start)
        compact = self._fit_compact(self._with_prior(measured), before)
        if compact is not None and before is None:
            # its memory is longer than that of the VAR, and so is the part that removing means has taken
            held = compact
            measured = undo_mean_removal(R, self.cycles, lambda _: held, measured)
        gamma = self._with_prior(measured)
        own = fit_var(gamma, self._choose_order(gamma), self.cycles)
        var = complete_history(own, self.preset.history, self.measured)
        return DynamicsFit(measured, gamma, own, var, compact, self._fit_quantiles())

    def _model_fitter(self, before: DynamicsFit | None) -> Callable[[Float64Array], History]:
        """How to fit the law whose records lose their means."""
        if before is not None and before.compact is not None:
            held = before.compact
            return lambda _: held
        order = self.preset.history.order if before is None else before.own.order
        return lambda measured: fit_var(self._with_prior(measured), min(order, len(measured) - 1), self.cycles)

    def _with_prior(self, measured: Float64Array) -> Float64Array:
        """Let the preset have its say where the record is small."""
        if not self.small:
            return measured
        prior = unmeasured_as_white(self.preset.gamma(self.lags), self.measured)
        return blend_with_prior(measured, self.total, prior, PSEUDO_CYCLES)

    def _choose_order(self, gamma: Float64Array) -> int:
        if not isinstance(self.order, str):
            return self.order
        if self.small:
            return min(self.preset.history.order, len(gamma) - 1)
        return best_order(self.order_table(gamma, self.order == "held_out"), self.order)

    def _fit_compact(self, gamma: Float64Array, before: DynamicsFit | None) -> StateSpace | None:
        if self.history == "var" or not (self.supports_compact or self.history == "compact"):
            return None
        order = min(LONG_ORDER, len(gamma) // 2, max(self.cycles // 10, 1))
        own = fit_var(gamma, order, self.cycles)
        long = complete_history(own, self.preset.history, self.measured)
        target = long.autocovariance(len(gamma) - 1)
        if not self.small:  # beyond its order, the record knows more than the VAR that was fitted to it
            at = np.ix_(range(len(gamma)), self.measured, self.measured)
            target[at] = gamma[at]
        start = None if before is None else before.compact
        return fit_compact(long, target, self.states, cap=longest_pole(self.cycles), start=start)

    def _fit_quantiles(self) -> Float64Array:
        averages = self.marginals.averages - self.bias.averages
        if self.small:
            prior = np.array([cell_averages(row) for row in self.preset.quantile])
            mixed = (self.total * averages + PSEUDO_CYCLES * prior) / (self.total + PSEUDO_CYCLES)
            known = np.any(np.isfinite(averages), axis=1, keepdims=True)
            averages = np.where(known, np.where(np.isfinite(mixed), mixed, prior), np.nan)
        return corrected_polynomials(averages, self.preset.quantile)

    # ---- what it is compared with

    def _measure_bias(self, dynamics: DynamicsFit) -> ShortRecordBias:
        T = self.cycles
        devices = max(64, int(np.clip(4 * self.total, *_SIMULATED_CYCLES)) // T)
        history = dynamics.var if dynamics.compact is None else dynamics.compact
        lags = min(self.lags, T - 1)
        found = simulate_bias(history, dynamics.quantile, devices, T, lags, np.random.default_rng(self.seed))
        excess = np.zeros((self.lags + 1, FEATURES, FEATURES))
        excess[: lags + 1] = found.correlations
        return ShortRecordBias(np.nan_to_num(found.averages), excess, found.noise)

    def _no_bias(self) -> ShortRecordBias:
        noise = EstimationNoise(np.ones(FEATURES), np.zeros((2 * FEATURES, 2 * FEATURES)))
        return ShortRecordBias(np.zeros_like(self.marginals.averages), np.zeros_like(self.uncorrected), noise)

    def without_groups(self, dynamics: DynamicsFit, groups: int, compact: bool) -> Iterator[History]:
        """The history of all records but one group, for each of them, near what all of them have taught.

        Groups are those of `_folds`. There are none where the records are too few for that.
        """
        sums = self._folds(self.lags, groups)
        if sums.folds < groups:
            return
        raw = unmeasured_as_white(sums.mean(), self.measured)
        for group in range(groups):
            change = unmeasured_as_white(sums.without(group), self.measured) - raw
            gamma = dynamics.gamma + change
            if compact:
                held: History | None = self._fit_compact(gamma, dynamics)
            else:
                own = fit_var(gamma, dynamics.own.order, self.cycles)
                held = complete_history(own, self.preset.history, self.measured)
            if held is not None:
                yield held

    def _folds(self, lags: int, folds: int) -> LagSums:
        """Folds are devices, or, of a few devices, stretches of their records; one fold if these are too short."""
        x = self.marginals.x
        pieces = -(-folds // len(x))  # of a record
        length = x.shape[1] // pieces
        if pieces > 1 and length < _STRETCH * lags:
            return lag_sums(x, lags)
        records = x[:, : length * pieces].reshape(-1, length, FEATURES)
        return lag_sums(records, lags, np.arange(len(records)) % folds)
