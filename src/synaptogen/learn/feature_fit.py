"""From a table of features to a device population: shapes, memory, devices.

What the length of the records distorts is undone on the way: means and standard deviations of devices are estimates,
and take some of the memory and of the tails with them. Rounds of (correct, fit, simulate, see what the treatment does
to what is known) converge in a few steps, since the law that is simulated changes little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from synaptogen.model.history import FEATURES, VAR, History, StateSpace
from synaptogen.params import FEATURE_NAMES, DeviceParams, Population
from synaptogen.seeds import RNG, seed_of

from . import dynamics
from .autocovariances import LagSums, lag_sums
from .compact import fit_compact, longest_pole
from .completion import StandardForm, complete_history, standard_form
from .devices import FEWEST, EstimationNoise, PopulationFit, combined, device_vectors, fit_population, recentred
from .dynamics import Whiteness
from .quantiles import cell_averages, fit_quantiles, normalised
from .shapes import Bootstrap, Shapes, bootstrap, corrected_polynomials, learned_shapes, standardised
from .tables import FeatureTable, feature_table

__all__ = ["FeatureFit", "Progress", "fit_features"]

Array: TypeAlias = NDArray[np.float64]
Progress: TypeAlias = Callable[[str, float], None]

PSEUDO_CYCLES = 1000.0  # that a preset counts for
SMALL = 20_000  # cycles in all, below which a preset is asked for its opinion
HIGHEST = 20  # order of a VAR among which criteria choose
LONG = 60  # order of the VAR behind a compact history
COMPACT_CYCLES = 200  # of a record, at least, for a compact history
WORTH = 3e-3  # nats per cycle that a compact history may lose to the VAR and still be the default
_LAGS = 500
_FOLDS = 4
_SIMULATED = 1_000_000  # cycles of a bootstrap, at least
_LONG_RECORD = 2000  # cycles, of which one more round changes nothing
_GROUPS = 16


@dataclass(frozen=True)
class FeatureFit:
    """What a table of features taught.

    Attributes
    ----------
    quantile : array of shape (4, 5)
        Quantile polynomials, highest power first, with mean 0 and variance 1: mu and sigma of a device are the mean and
        the standard deviation of its cycles.
    history : VAR or StateSpace
        The history that was chosen, variances 1.
    population : Population
    order_table : DataFrame
        One row an order of the VAR: aic, bic, held_out (nats per cycle), spectral_radius.
    population_table : DataFrame or None
        One row a mixture that was tried, with the likelihood of held-out devices.
    x : DataArray of shape (device, cycle, feature)
        Latent scores of the measured cycles, single precision; NaN where not measured.
    devices : DataArray of shape (device, trait)
        mu and sigma of each measured device, NaN for features that were not measured.
    outlying : array of shape (devices,) or None
        Probability that a device belongs to the component of lowest weight.
    standard_errors : dict
        ``quantile`` (4, 5), ``lags`` (p, 4, 4), ``devices`` (devices, 8), those that exist.
    whiteness : Whiteness
        Test of the residuals.
    autocovariance : array of shape (lags + 1, 4, 4)
        Of the latent process as measured, corrected for the length of the records; variances 1.
    var : VAR
        The VAR of the order that was chosen, also when ``history`` is compact.
    compact : StateSpace or None
        The compact history, where the record supports one.
    recentred : Population or None
        A preset's population moved to the measured devices, where they are too few for one of their own.
    provenance : dict of str to str
        Where each part comes from.
    notes : tuple of str
        What a reader should know.
    """

    quantile: Array
    history: History
    population: Population
    order_table: pd.DataFrame
    population_table: pd.DataFrame | None
    x: xr.DataArray
    devices: xr.DataArray
    outlying: Array | None
    standard_errors: dict[str, Array]
    whiteness: Whiteness
    autocovariance: Array
    var: VAR
    compact: StateSpace | None
    recentred: Population | None
    provenance: dict[str, str]
    notes: tuple[str, ...]

    def to_params(self, preset: DeviceParams, name: str) -> DeviceParams:
        """Return a parameter set with these features, and currents and transition as in ``preset``."""
        return preset.replace(
            name=name,
            quantile=self.quantile,
            history=self.history,
            population=self.population,
            source={**self.provenance, "notes": "; ".join(self.notes)},
        )


def fit_features(
    features: xr.Dataset,
    *,
    preset: DeviceParams,
    order: int | str = "bic",
    history: str | None = None,
    states: int = 8,
    components: int | None = None,
    rng: RNG = 0,
    progress: Progress | None = None,
) -> FeatureFit:
    """Learn quantile polynomials, history and population from features (device, cycle).

    Parameters
    ----------
    features : Dataset
        Variables r_hrs (ohm), u_set (V), r_lrs (ohm), u_reset (V), or some of them; NaN where not measured. An integer
        coordinate ``cycle`` says where cycles are missing.
    preset : DeviceParams
        What is not measured comes from here.
    order : int or {"bic", "aic", "held_out"}
        Order of the VAR, or how to choose it.
    history : {"var", "compact"}, optional
        Default: compact, where records are long enough and it is as likely as the VAR within `WORTH`.
    states : int
        States of the compact history.
    components : int, optional
        Components of the population; default: by the likelihood of held-out devices.
    rng : int, SeedSequence, Generator or None
        Source of the seed of simulations and starts.
    progress : callable, optional
        Called with the name of a stage and the share of the whole that is done.

    Raises
    ------
    ValueError
        If the table is not sound (see `feature_table`), an argument is not of the kind described, or the records are
        too short for the order or the number of states.
    """
    _check_options(order, history, states, components)
    tell = progress if progress is not None else _silent
    generator = np.random.default_rng(seed_of(rng))
    table = feature_table(features)
    with threadpool_limits(1, "blas"):  # matrices are small: threads would only wait for one another
        work = _Work(table, standard_form(preset), order, history, states, generator, tell)
        memory = work.learn_memory()
        return work.finish(memory, components)


@dataclass
class _Memory:
    """A round's result."""

    gamma: Array
    var: VAR
    compact: StateSpace | None
    quantile: Array
    effects: Bootstrap


class _Work:
    """One fit, step by step; every step reads what earlier ones left."""

    def __init__(
        self,
        table: FeatureTable,
        preset: StandardForm,
        order: int | str,
        history: str | None,
        states: int,
        rng: np.random.Generator,
        tell: Progress,
    ) -> None:
        self.table, self.preset, self.rng, self.tell = table, preset, rng, tell
        self.order, self.kind, self.states = order, history, states
        self.measured = table.measured
        self.total = float(table.count.sum())
        self.cycles = int(np.median(table.count))
        self.small = self.total < SMALL
        tell("shapes", 0.0)
        self.z = standardised(table.y)
        self.shapes: Shapes = learned_shapes(self.z, self.measured)
        self.lags = min(_LAGS, max(self.cycles // 2, 25), table.y.shape[1] - 1)
        tell("autocovariances", 0.15)
        self.sums = self._sums()
        self.raw = dynamics.unmeasured_white(lag_sums(self.shapes.x, self.lags).mean(), self.measured)
        self.seed = int(rng.integers(2**63))

    # ---- memory

    def learn_memory(self) -> _Memory:
        """Alternate between fitting and finding out what the length of the records does."""
        effects = _no_effect(self.shapes, self.lags)
        memory: _Memory | None = None
        rounds = 2 if self.cycles >= _LONG_RECORD else 4
        for n in range(rounds):
            self.tell("memory", 0.2 + 0.5 * n / rounds)
            memory = self._round(effects, memory)
            effects = memory.effects = self._simulate(memory)
        assert memory is not None
        self.tell("memory", 0.7)
        return self._round(effects, memory)

    def _round(self, effects: Bootstrap, before: _Memory | None) -> _Memory:
        """Fit all, given what the length of the records does."""
        R = self.raw - np.where(np.abs(self.raw) > 0, effects.correlations, 0.0)
        start = None if before is None else before.gamma
        gamma = self._opinion(dynamics.undo_mean_removal(R, self.cycles, self._plain(before), start))
        var = self._var(gamma)
        compact = self._compact(gamma, before)
        if compact is not None and self.cycles < 200 * self.lags:
            # its memory is longer than that of the VAR, and so is what the means have taken
            gamma = dynamics.undo_mean_removal(R, self.cycles, lambda _: compact, gamma, iterations=1)
            var, compact = self._var(gamma), self._compact(gamma, _Memory(gamma, var, compact, gamma, effects))
        return _Memory(gamma, var, compact, self._quantile(effects), effects)

    def _plain(self, before: _Memory | None) -> Callable[[Array], History]:
        if before is not None and before.compact is not None:
            held = before.compact
            return lambda _: held
        order = self.preset.history.order if before is None else before.var.order
        return lambda gamma: dynamics.fit_var(gamma, min(order, len(gamma) - 1), self.cycles)

    def _opinion(self, gamma: Array) -> Array:
        """Let the preset have its say where the record is small."""
        if not self.small:
            return gamma
        prior = dynamics.unmeasured_white(self.preset.gamma(self.lags), self.measured)
        return dynamics.blended(gamma, self.total, prior, PSEUDO_CYCLES)

    def _var(self, gamma: Array) -> VAR:
        if not isinstance(self.order, str):
            p = self.order
        elif self.small:
            p = min(self.preset.history.order, len(gamma) - 1)
        else:
            p = dynamics.best_order(self._order_table(gamma, self.order == "held_out"), self.order)
        self.own_var = dynamics.fit_var(gamma, p, self.cycles)
        return complete_history(self.own_var, self.preset.history, self.measured)

    def _order_table(self, gamma: Array, held_out: bool) -> pd.DataFrame:
        highest = min(HIGHEST, len(gamma) - 1, max(self.cycles // 10, 1))
        if not isinstance(self.order, str):
            if self.order > len(gamma) - 1:
                raise ValueError(
                    f"order={self.order} is too high for records of {self.cycles} cycles: at most {len(gamma) - 1}"
                )
            highest = max(highest, self.order)
        sums = self.sums if held_out else None
        return dynamics.order_table(sums, range(1, highest + 1), self.total, self.measured, gamma)

    def _compact(self, gamma: Array, before: _Memory | None) -> StateSpace | None:
        supported = not self.small and self.cycles >= COMPACT_CYCLES
        if self.kind == "var" or not (supported or self.kind == "compact"):
            return None
        own = dynamics.fit_var(gamma, min(LONG, len(gamma) // 2, max(self.cycles // 10, 1)), self.cycles)
        long = complete_history(own, self.preset.history, self.measured)
        target = long.autocovariance(len(gamma) - 1)
        if not self.small:  # beyond its order, the record knows more than the VAR that was fitted to it
            at = np.ix_(range(len(gamma)), self.measured, self.measured)
            target[at] = gamma[at]
        start = None if before is None else before.compact
        return fit_compact(long, target, self.states, cap=longest_pole(self.cycles), start=start)

    # ---- shapes

    def _quantile(self, effects: Bootstrap) -> Array:
        averages = self.shapes.averages - np.nan_to_num(effects.averages)
        if self.small:
            averages = self._averages_with_preset(averages)
        return corrected_polynomials(averages, np.zeros_like(averages), self.preset.quantile)

    def _averages_with_preset(self, averages: Array) -> Array:
        prior = np.array([cell_averages(row) for row in self.preset.quantile])
        mixed = (self.total * averages + PSEUDO_CYCLES * prior) / (self.total + PSEUDO_CYCLES)
        known = np.isfinite(averages).any(1)[:, None]
        return np.where(known, np.where(np.isfinite(mixed), mixed, prior), np.nan)

    # ---- simulation

    def _simulate(self, memory: _Memory) -> Bootstrap:
        """Simulate the current law, each time from the same seed, so that rounds converge."""
        T = self.cycles
        devices = max(64, _SIMULATED // T)
        history = memory.var if memory.compact is None else memory.compact
        lags = min(self.lags, T - 1)
        found = bootstrap(history, memory.quantile, devices, T, lags, np.random.default_rng(self.seed))
        excess = np.zeros((self.lags + 1, FEATURES, FEATURES))
        excess[: lags + 1] = found.correlations
        return Bootstrap(np.nan_to_num(found.averages), excess, found.noise)

    # ---- the rest

    def finish(self, memory: _Memory, components: int | None) -> FeatureFit:
        """Fit the devices, choose the history, and say how."""
        chosen, why = self._chosen(memory)
        noise = memory.effects.noise
        vectors = device_vectors(self.table.y)
        vectors[:, FEATURES:] /= noise.shrinkage
        self.tell("devices", 0.75)
        fit = self._population(vectors, noise, components)
        population = self.preset.population if fit is None else fit.population
        if fit is not None and len(self.measured) < FEATURES:
            population = combined(population, self.preset.population, self.measured)
        self.tell("errors", 0.95)
        whiteness = dynamics.whiteness(chosen, memory.gamma, self.total, self.measured)
        result = FeatureFit(
            quantile=memory.quantile,
            history=chosen,
            population=population,
            order_table=self._order_table(memory.gamma, held_out=True),
            population_table=None if fit is None else fit.table,
            x=self._scores(),
            devices=self._devices(vectors),
            outlying=None if fit is None else _outlying(fit),
            standard_errors=self._errors(memory, vectors),
            whiteness=whiteness,
            autocovariance=memory.gamma,
            var=memory.var,
            compact=memory.compact,
            recentred=recentred(self.preset.population, vectors) if fit is None else None,
            provenance=self._provenance(fit, why),
            notes=tuple(self._notes(fit, whiteness)),
        )
        self.tell("done", 1.0)
        return result

    def _chosen(self, memory: _Memory) -> tuple[History, str]:
        if memory.compact is None or self.kind == "var":
            reason = "asked for" if self.kind == "var" else "the record is too short for a compact history"
            return memory.var, f"VAR({memory.var.order}): {reason}"
        if self.kind == "compact":
            return memory.compact, f"compact({memory.compact.order}): asked for"
        reach = min(len(memory.gamma) - 1, 200)
        each = [dynamics.log_likelihood(h, memory.gamma, self.measured, reach) for h in (memory.var, memory.compact)]
        loss = each[0] - each[1]
        better = loss <= WORTH
        chosen: History = memory.compact if better else memory.var
        name = f"{'compact' if better else 'VAR'}({chosen.order})"
        return chosen, (
            f"{name}: per cycle, compact({memory.compact.order}) is {abs(loss):.2g} nats "
            f"{'less' if loss > 0 else 'more'} likely than VAR({memory.var.order})"
        )

    def _population(
        self, vectors: Array, noise: EstimationNoise, components: int | None
    ) -> PopulationFit | None:
        known = np.all(np.isfinite(vectors[:, [f for m in self.measured for f in (m, FEATURES + m)]]), axis=1)
        if known.sum() < FEWEST:
            if components is not None:
                raise ValueError(f"components needs {FEWEST} devices of which all was measured, not {known.sum()}")
            return None
        partial = len(self.measured) < FEATURES
        return fit_population(
            vectors[known],
            components=components,
            sigma_scale=self.preset.population.sigma_scale if partial else None,
            noise=noise,
            rng=self.rng,
            measured=self.measured,
            progress=lambda share: self.tell("devices", 0.75 + 0.2 * share),
        )

    def _errors(self, memory: _Memory, vectors: Array) -> dict[str, Array]:
        errors = {"devices": memory.effects.noise.errors(vectors)}
        if not self.small:
            errors["lags"] = dynamics.var_errors(self.own_var, memory.gamma, self.total)
            spread = _quantile_errors(self.z, self.measured)
            if spread is not None:
                errors["quantile"] = spread
        return errors

    def _sums(self) -> LagSums:
        """Folds are devices, or, of a few devices, stretches of their records."""
        x, lags = self.shapes.x, min(self.lags, HIGHEST)
        if isinstance(self.order, int):
            lags = min(self.lags, max(HIGHEST, self.order))
        devices, cycles, _ = x.shape
        if devices >= _FOLDS:
            return lag_sums(x, lags, np.arange(devices) % _FOLDS)
        part = cycles // _FOLDS
        if part <= 2 * lags:
            return lag_sums(x, lags)
        pieces = x[:, : part * _FOLDS].reshape(devices * _FOLDS, part, FEATURES)
        return lag_sums(pieces, lags, np.tile(np.arange(_FOLDS), devices))

    def _scores(self) -> xr.DataArray:
        return xr.DataArray(
            self.shapes.x.astype(np.float32),
            dims=("device", "cycle", "feature"),
            coords={"device": self.table.devices, "cycle": self.table.cycles, "feature": list(FEATURE_NAMES)},
            name="x",
        )

    def _devices(self, vectors: Array) -> xr.DataArray:
        traits = [f"{part}_{name}" for part in ("mu", "sigma") for name in FEATURE_NAMES]
        coords = {"device": self.table.devices, "trait": traits}
        return xr.DataArray(vectors, dims=("device", "trait"), coords=coords, name="devices")

    # ---- words

    def _provenance(self, fit: PopulationFit | None, why: str) -> dict[str, str]:
        mine = ", ".join(FEATURE_NAMES[f] for f in self.measured)
        others = ", ".join(name for f, name in enumerate(FEATURE_NAMES) if f not in self.measured)
        rest = f"; {others} from the preset" if others else ""
        size = f"{len(self.table.devices)} device{'s' * (len(self.table.devices) != 1)}, {self.total:.0f} cycles in all"
        prior = f", MAP with {PSEUDO_CYCLES:.0f} cycles of the preset" if self.small else ""
        return {
            "features": f"{mine} measured: {size}{rest}",
            "quantile": f"{mine} from order statistics{prior}{rest}",
            "history": f"{why}{prior}{rest}",
            "population": "the preset's"
            if fit is None
            else f"mixture of {fit.population.n_components} from the measured devices{rest}",
        }

    def _notes(self, fit: PopulationFit | None, whiteness: Whiteness) -> list[str]:
        notes = list(self.table.notes)
        if len(self.measured) < FEATURES:
            others = [name for f, name in enumerate(FEATURE_NAMES) if f not in self.measured]
            notes.append(f"{', '.join(others)} not measured: shape, memory and devices of it come from the preset")
        if self.small:
            notes.append(
                f"{self.total:.0f} cycles are few: shapes and memory are drawn towards the preset, which counts as"
                f" {PSEUDO_CYCLES:.0f} cycles"
            )
        if fit is None:
            notes.append(
                f"{len(self.table.devices)} devices are too few for a population ({FEWEST} are needed): it is the"
                " preset's; the devices' own mu and sigma are in devices, a population about them in recentred"
            )
        elif fit.noise_subtracted:
            notes.append("the scatter of device vectors that comes of the length of the records was subtracted")
        if not whiteness.white:
            notes.append(
                f"residuals keep autocorrelations of up to {whiteness.worst:.2g} (limit {whiteness.limit:.2g})"
            )
        missing = 1 - self.total / (len(self.table.devices) * self.table.y.shape[1])
        if missing > 0:
            notes.append(f"{missing:.1%} of the cycles are missing; pairs count at the distance that their cycles have")
        return notes


def _no_effect(shapes: Shapes, lags: int) -> Bootstrap:
    noise = EstimationNoise(np.ones(FEATURES), np.zeros((2 * FEATURES, 2 * FEATURES)))
    return Bootstrap(np.zeros_like(shapes.averages), np.zeros((lags + 1, FEATURES, FEATURES)), noise)


def _outlying(fit: PopulationFit) -> Array:
    return np.asarray(fit.responsibilities[:, np.argmin(fit.population.weights)])


def _quantile_errors(z: Array, measured: Sequence[int]) -> Array | None:
    """Standard errors (4, 5) from groups of devices, or of cycles where devices are few; None if groups are small."""
    parts = np.array_split(z, _GROUPS, axis=0 if len(z) >= _GROUPS else 1)
    errors = np.full((FEATURES, 5), np.nan)
    for f in measured:
        try:
            each = [normalised(fit_quantiles(part[..., f]))[0] for part in parts]
        except ValueError:
            return None
        errors[f] = np.std(each, axis=0, ddof=1) / np.sqrt(len(each))
    return errors


def _check_options(order: int | str, history: str | None, states: int, components: int | None) -> None:
    if isinstance(order, str):
        if order not in dynamics.CRITERIA:
            raise ValueError(f"order must be a whole number or one of {', '.join(dynamics.CRITERIA)}, not {order!r}")
    elif order < 1:
        raise ValueError(f"order must be 1 or more, not {order}")
    if history not in (None, "var", "compact"):
        raise ValueError(f'history must be "var", "compact" or None, not {history!r}')
    if states < 1:
        raise ValueError(f"states must be 1 or more, not {states}")
    if components is not None and components < 1:
        raise ValueError(f"components must be 1 or more, not {components}")


def _silent(_stage: str, _share: float) -> None:
    return None
