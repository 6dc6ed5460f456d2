"""Quantile polynomials and memory of standardised records, corrected for the shortness of the records.

The means and standard deviations of devices are estimates, and subtracting them removes some of the memory and of the
tails. The correction is iterated: fit a model, simulate records of it, treat these as the measured ones were treated,
and take the difference from the known model as the bias of the estimates. This is indirect inference (C. Gourieroux, A.
Monfort, E. Renault, J. Appl. Econom. 8, S85 (1993)) by parametric bootstrap; a few rounds are enough, since the
simulated bias changes little from one to the next. Mean removal alone is corrected in closed form
(`mean_removal_bias`).
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
from .prior_weights import blend_autocovariances, blend_shapes, memory_weights, shape_weights
from .quantile_transform import cell_averages, cell_density
from .state_space_fit import fit_compact, longest_pole
from .var_fit import (
    Criterion,
    best_order,
    compare_orders,
    fit_var,
    undo_mean_removal,
    unmeasured_as_white,
)

__all__ = ["BiasCorrectedFit", "DynamicsFit", "Kind"]

Kind: TypeAlias = Literal["var", "compact"]
"""Kinds of history that can be learned."""

FEW_CYCLES = 20_000  # number of cycles in all below which the preset is averaged in
HIGHEST_ORDER = 20  # highest order of a VAR that criteria choose among
LONG_ORDER = 60  # order of the VAR that a compact history is fitted to
COMPACT_CYCLES = 200  # least length of a record for a compact history
_COMPACT_DEVICES = 48  # from which so many records are enough for one, however short
_MOST_LAGS = 500
_STRETCH = 1.2  # least length of a stretch of a record, over the lags
_FOLDS = 4
_SIMULATED_CYCLES = (200_000, 1_000_000)  # fewest and most cycles of a simulation
_LONG_RECORD = 2000  # cycles of a record from which two rounds are enough


@dataclass(frozen=True)
class DynamicsFit:
    """Memory and distributions of the features, as one round found them.

    Attributes
    ----------
    corrected : array of shape (lags + 1, 4, 4)
        Autocovariances of the latent process, corrected, variances 1; features that were not measured are white.
    gamma : array of shape (lags + 1, 4, 4)
        The same, averaged with the preset's where the record is small.
    own : VAR
        The VAR of the measured features.
    var : VAR
        The VAR of all features; those that were not measured follow the preset.
    compact : StateSpace or None
        The compact history of all features, where the record supports one.
    quantile : array of shape (4, 5)
        Quantile polynomials, highest power first, mean 0 and variance 1.
    """

    corrected: Float64Array
    gamma: Float64Array
    own: VAR
    var: VAR
    compact: StateSpace | None
    quantile: Float64Array


class BiasCorrectedFit:
    """Learn quantile polynomials and memory of a table of features.

    Parameters
    ----------
    table : FeatureTable
        Measured features.
    preset : StandardForm
        Source of what was not measured, and prior for small records.
    order : int or {"bic", "aic", "held_out"}
        Order of the VAR, or the criterion that chooses it.
    history : {"var", "compact"} or None
        The kind of history; None: whichever the record supports.
    states : int
        Number of states of the compact history.
    seed : int
        Seed of all simulations: each round has the same, so that rounds converge.
    progress : callable
        Called with the name of a stage and the share of the whole that is done.

    Attributes
    ----------
    z : array of shape (n_devices, n_cycles, 4)
        Standardised features, NaN where not measured.
    marginals : MarginalFit
        Their distributions and normal scores.
    uncorrected : array of shape (lags + 1, 4, 4)
        Autocovariances of the scores as measured.
    bias : ShortRecordBias
        Bias that the last round found; none at first.
    total : float
        Number of cycles in all.
    cycles : int
        Number of cycles of a typical record.
    small : bool
        Whether the record is so small that the preset is used as a prior.
    memory_prior, shape_prior : array of shape (4,)
        Weights of the preset in the memory and in the shape of each feature, 0 where the record is not small.

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
        self.small, self._devices = self.total < FEW_CYCLES, len(table.y)
        self.memory_prior, self.shape_prior = np.zeros((2, FEATURES))
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
        """Alternate between fitting a model and simulating the bias that records of this length have under it."""
        dynamics: DynamicsFit | None = None
        rounds = 2 if self.cycles >= _LONG_RECORD else 4
        for n in range(rounds):
            self.progress("memory", 0.2 + 0.5 * n / rounds)
            dynamics = self._fit_once(dynamics)
            self.bias = self._measure_bias(dynamics)
        self.progress("memory", 0.7)
        return self._fit_once(dynamics)

    def order_table(self, gamma: Float64Array, held_out: bool = True) -> pd.DataFrame:
        """Compare orders of the VAR, up to `HIGHEST_ORDER` or the order that was given.

        Parameters
        ----------
        gamma : array of shape (lags + 1, 4, 4)
            Corrected autocovariances.
        held_out : bool
            Whether to compute the likelihood of held-out devices too.

        Returns
        -------
        DataFrame
            See `compare_orders`.
        """
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
        return (not self.small or self._devices >= _COMPACT_DEVICES) and self.cycles >= COMPACT_CYCLES

    def _fit_once(self, before: DynamicsFit | None) -> DynamicsFit:
        R = self.uncorrected - np.where(self.uncorrected != 0, self.bias.correlations, 0.0)
        start = None if before is None else before.corrected
        measured = undo_mean_removal(R, self.cycles, self._model_fitter(before), start)
        compact = self.compact_for(self._with_prior(measured), before)
        if compact is not None and before is None:
            # its memory is longer than that of the VAR, and so is the part that removing means has taken
            held = compact
            measured = undo_mean_removal(R, self.cycles, lambda _: held, measured)
        gamma = self._with_prior(measured)
        own = fit_var(gamma, self._choose_order(gamma), self.cycles)
        var = complete_history(own, self.preset.history, self.measured)
        return DynamicsFit(measured, gamma, own, var, compact, self._fit_quantiles())

    def _model_fitter(self, before: DynamicsFit | None) -> Callable[[Float64Array], History]:
        """Return how to fit the model whose records lose their means."""
        if before is not None and before.compact is not None:
            held = before.compact
            return lambda _: held
        order = self.preset.history.order if before is None else before.own.order
        return lambda measured: fit_var(self._with_prior(measured), min(order, len(measured) - 1), self.cycles)

    def _with_prior(self, measured: Float64Array) -> Float64Array:
        """Average autocovariances with those of the preset where the record is small."""
        if not self.small:
            return measured
        prior = unmeasured_as_white(self.preset.gamma(self.lags), self.measured)
        self.memory_prior = memory_weights(measured, prior, self.total, self.measured)
        return blend_autocovariances(measured, prior, self.memory_prior)

    def _choose_order(self, gamma: Float64Array) -> int:
        if not isinstance(self.order, str):
            return self.order
        if self.small:
            return min(self.preset.history.order, len(gamma) - 1)
        return best_order(self.order_table(gamma, self.order == "held_out"), self.order)

    def compact_for(self, gamma: Float64Array, before: DynamicsFit | None) -> StateSpace | None:
        """Return a compact history with given autocovariances, or None where the record supports none.

        Parameters
        ----------
        gamma : array of shape (lags + 1, 4, 4)
            Corrected autocovariances.
        before : DynamicsFit or None
            An earlier fit, from whose compact history the search starts.

        Returns
        -------
        StateSpace or None
        """
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
            self.shape_prior = shape_weights(averages, prior, cell_density(), self.preset.gamma(self.lags), self.total)
            averages = blend_shapes(averages, prior, self.shape_prior)
        return corrected_polynomials(averages, self.preset.quantile)

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
        """Yield the history of all records but one group, for each group, for the jackknife.

        Groups are those of `_folds`. There are none where the records are too few for that.

        Parameters
        ----------
        dynamics : DynamicsFit
            Fit to all records; histories without a group start near it.
        groups : int
            Number of groups.
        compact : bool
            Whether to fit compact histories, or VARs.

        Yields
        ------
        VAR or StateSpace
        """
        sums = self._folds(self.lags, groups)
        if sums.folds < groups:
            return
        raw = unmeasured_as_white(sums.mean(), self.measured)
        for group in range(groups):
            change = unmeasured_as_white(sums.without(group), self.measured) - raw
            gamma = dynamics.gamma + change
            if compact:
                held: History | None = self.compact_for(gamma, dynamics)
            else:
                own = fit_var(gamma, dynamics.own.order, self.cycles)
                held = complete_history(own, self.preset.history, self.measured)
            if held is not None:
                yield held

    def _folds(self, lags: int, folds: int) -> LagSums:
        """Sum lagged products by fold; only one fold if the records are too short.

        Folds are devices, or, of few devices, stretches of their records.
        """
        x = self.marginals.x
        pieces = -(-folds // len(x))  # of a record
        length = x.shape[1] // pieces
        if pieces > 1 and length < _STRETCH * lags:
            return lag_sums(x, lags)
        records = x[:, : length * pieces].reshape(-1, length, FEATURES)
        return lag_sums(records, lags, np.arange(len(records)) % folds)
