"""Shapes and memory of their own, burn-in and restless innovations, learned by indirect inference.

Traits that are estimated from a few hundred correlated cycles carry the noise of the estimate. Here all parameters are
moved until what is estimated from generated devices equals what is estimated from the measured ones, so that the noise
is the same on both sides (C. Gourieroux, A. Monfort, E. Renault, J. Appl. Econometrics 8, S85 (1993)). The mixture of
traits moves by expectation maximisation (`trait_mixture`), the restless scale by Gauss and Newton's method (`unrest`),
all else by what is missing.

Each part is taken only if measured devices have it beyond chance: if they differ more in shape and memory than any of
`_REPLICATES` sets of devices that share one law, or if steps of R_LRS have heavier tails than in any of these. Burn-in
has a test of its own (`burn_in`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from synaptogen._utils import BoolArray, Float64Array
from synaptogen.array import CellArray
from synaptogen.model import OWN_ROWS, innovation_of_lrs
from synaptogen.params import FEATURES, DeviceParams, FeatureScale, OwnShapes, Population, StateSpace

from .autocovariances import lag_sums
from .bias_correction import BiasCorrectedFit, DynamicsFit
from .burn_in import Amplitudes, BurnIn, Starts
from .few_devices import bulk_of
from .marginals import corrected_polynomials, fit_marginals, standardised
from .own_traits import REACH, TraitEstimator, population_columns, steps_of
from .quantile_transform import cell_centres, cell_density, increasing_polynomial, normalised
from .scale_choice import bent_scale
from .trait_mixture import TraitMixture
from .unrest import FIRST_UNREST, Unrest, UnrestGoal, moved_unrest
from .var_fit import unmeasured_as_white

__all__ = ["FEWEST_OWN", "NOT_SETTLED", "OwnFit", "learn_own_laws"]

FEWEST_OWN = 48  # devices with complete records from which shapes and memory of their own are looked for
FEWEST_STEPS = 100  # cycles of each
NOT_SETTLED = ("not settled",)
"""What was found where devices differ beyond chance, but the rounds did not come close to them."""
_REPLICATES = 39
_ROUNDS, _SMALL_ROUNDS, _AVERAGED = 12, 4, 3
_STEP, _SMALL_STEP = 0.7, 0.35
_SIMULATED, _LEAST_SIMULATED = 1_800_000, 1500  # cycles of a round, and devices
_PER_DEVICE = 40  # simulated devices for each measured one, where that is less
_LAW_CYCLES = 360_000  # of these, those that move what all devices share
_FEW, _MANY = (2, 10.0), (4, 5.0)  # components and strength of their prior, of few devices and of many
_MANY_DEVICES = 128
_WIDTHS, _MEANS = (0.6, 1.6), 0.5  # a result is kept if its traits have these spreads over the measured, and means
_MARGIN = 0.05  # of the range of estimated traits, by which draws may leave it
_SHARES = (0.01, 0.96)
_UNBOUNDED = 1e30
_NARROW = 1e-6
_LRS = 2
_TABLE = 4001  # entries of a scale
_LATENT = 100_000  # numbers by which the distribution of the latent scale is found


@dataclass(frozen=True)
class OwnFit:
    """Parameters with what devices have of their own.

    Attributes
    ----------
    params : DeviceParams
    found : tuple of str or None
        The parts that were found, in words; empty if there was none; None if the records were too few to look.
    """

    params: DeviceParams
    found: tuple[str, ...] | None


@dataclass(frozen=True)
class _State:
    """What a round moves."""

    mixture: TraitMixture | None
    averages: Float64Array
    gamma: Float64Array
    history: StateSpace
    unrest: Unrest | None
    burn: Amplitudes | None


@dataclass(frozen=True)
class _Simulated:
    """Simulated devices.

    Attributes
    ----------
    records : array of shape (n, T, k)
        Their cycles on the scales of the features, without burn-in.
    starts : Starts
        What they show of their burn-in.
    traits : array of shape (n, 5 k) or None
        What the devices have.
    """

    records: Float64Array
    starts: Starts
    traits: Float64Array | None


class _Loop:
    """The rounds of indirect inference.

    Parameters
    ----------
    base : DeviceParams
        Parameters whose devices share one law.
    fitter : BiasCorrectedFit
        Of the measured records, on the scales of ``base``.
    dynamics : DynamicsFit
        Its last result.
    y : array of shape (n, T, k)
        Records without gaps of the measured features.
    seed : int
        Of the simulations.
    """

    def __init__(
        self,
        base: DeviceParams,
        fitter: BiasCorrectedFit,
        dynamics: DynamicsFit,
        y: Float64Array,
        burn_in: BurnIn,
        seed: int,
    ) -> None:
        self.base, self.fitter, self.dynamics, self.y, self.seed = base, fitter, dynamics, y, seed
        self.burn_in = burn_in
        self.settled, amplitude = burn_in.split(y)
        self.starts = Starts.from_records(self.settled, amplitude)
        self.measured = fitter.measured
        self.cycles = y.shape[1]
        self.lrs = self.measured.index(_LRS) if _LRS in self.measured else None
        self._shares: tuple[TraitMixture, Float64Array] | None = None
        self.goal: UnrestGoal | None = None

    def with_burn_in(self) -> DeviceParams:
        """Return the base with the burn-in of its devices."""
        if not self.burn_in:
            return self.base
        return self.base.replace(trend=self.burn_in.trend(self.first_amplitudes(), self.measured))

    # ---- which parts there are

    def find_parts(self) -> tuple[bool, bool]:
        """Return whether devices differ in shape or memory beyond chance, and whether R_LRS is restless."""
        n = len(self.y)
        share = self.base.memory_share[list(self.measured)]
        estimator = TraitEstimator.plain(self.settled, share)
        scatter, tails = [_scatter(estimator(self.settled), len(self.measured))], []
        for made in self._replicates(n):
            scatter.append(_scatter(estimator(made), len(self.measured)))
            tails.append(0.0 if self.lrs is None else steps_of(made).kurtosis[self.lrs])
        steps = steps_of(self.settled)
        restless = self.lrs is not None and float(steps.kurtosis[self.lrs]) > max(tails)
        several = np.array(scatter)
        beyond = np.maximum((several - several.mean(axis=0)) / several.std(axis=0), 0.0)
        excess = np.linalg.norm(beyond, axis=1)
        return bool(excess[0] > excess[1:].max()), restless

    def _replicates(self, n: int) -> list[Float64Array]:
        parts = max(1, min(_REPLICATES, 4 * _SIMULATED // (n * self.cycles)))
        made: list[Float64Array] = []
        while len(made) < _REPLICATES:
            count = min(parts, _REPLICATES - len(made))
            records = self._generated(self.base, count * n, len(made))
            made += list(records.reshape(count, n, self.cycles, -1))
        return made

    def _generated(self, params: DeviceParams, devices: int, number: int) -> Float64Array:
        """Return records (devices, T, k) of virtual devices on the scales of the features."""
        return self._records(self._cells(params, devices, number))

    def _cells(self, params: DeviceParams, devices: int, number: int) -> CellArray:
        return CellArray(devices, params, rng=np.random.default_rng((self.seed, number)))

    def _records(self, cells: CellArray) -> Float64Array:
        cycles, scales = cells.run_cycles(self.cycles), cells.params.scales
        each = [_on_scale(np.asarray(cycles[f].T, dtype=np.float64), scales[f]) for f in self.measured]
        return np.stack(each, axis=-1)

    # ---- rounds

    def run(self, own: bool, restless: bool, progress: Callable[[float], None]) -> DeviceParams | None:
        """Return parameters with the parts that were found.

        Parameters
        ----------
        own, restless : bool
        progress : callable
            Called with the share of the rounds that is done.

        Returns
        -------
        DeviceParams or None
            None if generated devices did not come close to the measured ones.
        """
        share = self.base.memory_share[list(self.measured)]
        estimator = TraitEstimator.from_records(self.settled, share)
        goal = estimator(self.settled)
        mixture = self._first_mixture(goal, estimator) if own else None
        history = self.dynamics.compact
        assert history is not None
        averages = self.fitter.marginals.averages - self.fitter.bias.averages
        unrest = FIRST_UNREST if restless else None
        if restless:
            self.goal = UnrestGoal.from_records(self.settled[..., self.lrs])
        burn = self.first_amplitudes() if self.burn_in else None
        state = _State(mixture, averages, self.dynamics.gamma, history, unrest, burn)
        late: list[_State] = []
        for n in range(_ROUNDS):
            progress(n / _ROUNDS)
            state = self._round(state, goal, estimator, n)
            if n >= _ROUNDS - _AVERAGED:
                late.append(state)
        last = _mean_state(late)
        params = self._params(last, estimator)
        made = estimator(self._simulated(last, estimator, self._devices, 4000).records)
        return self._bent(params) if _alike(made, goal) else None

    def _bent(self, params: DeviceParams) -> DeviceParams:
        """Return parameters on curves whose values are distributed as the measured ones, burn-in included."""
        scales = list(params.scales)
        made = self._generated(params, self._devices, 4001)
        for k, f in enumerate(self.measured):
            if scales[f].curve is not None:
                scales[f] = bent_scale(scales[f], made[..., k], scales[f].value(self.y[..., k]))
        return params.replace(scales=tuple(scales))

    def first_amplitudes(self) -> Amplitudes:
        """Return amplitudes of the burn-in, less what stationary devices of the base show of them."""
        devices = max(len(self.y), _LEAST_SIMULATED)
        alike = Starts.from_records(*self.burn_in.split(self._generated(self.base, devices, 3001)))
        return Amplitudes.none(self.starts.vector.mean(axis=0)).moved(alike, self.starts)

    @property
    def _devices(self) -> int:
        """Number of devices that a round simulates."""
        return int(max(_LEAST_SIMULATED, min(_PER_DEVICE * len(self.y), _SIMULATED // self.cycles)))

    def _round(self, state: _State, goal: Float64Array, estimator: TraitEstimator, n: int) -> _State:
        step = _STEP if n < _ROUNDS - _SMALL_ROUNDS else _SMALL_STEP
        simulated = self._simulated(state, estimator, self._devices, 1000 + n)
        made = simulated.records
        mixture = state.mixture
        if mixture is not None and simulated.traits is not None:
            rng = np.random.default_rng((self.seed, 2000 + n))
            mixture = mixture.learned(simulated.traits, estimator(made), goal, rng)
        made = made[: max(200, _LAW_CYCLES // self.cycles)]
        averages, x = self._moved_averages(state, made, estimator, step)
        gamma, history = state.gamma, state.history
        if n % 3 == 2:  # not in each round: it takes longer than all else
            gamma = self._moved_gamma(gamma, x, step)
            refitted = self.fitter.compact_for(gamma, replace(self.dynamics, compact=history))
            history = history if refitted is None else refitted
        burn = None if state.burn is None else state.burn.moved(simulated.starts, self.starts, step)
        return _State(mixture, averages, gamma, history, self._moved_unrest(state, estimator, step), burn)

    def _simulated(self, state: _State, estimator: TraitEstimator, devices: int, number: int) -> _Simulated:
        cells = self._cells(self._params(state, estimator), devices, number)
        records, amplitude = self.burn_in.split(self._records(cells))
        true = None if state.mixture is None else _true_traits(cells, self.measured)
        return _Simulated(records, Starts.from_records(records, amplitude), true)

    def _moved_unrest(self, state: _State, estimator: TraitEstimator, step: float) -> Unrest | None:
        """Return the restless scale, moved by what steps of generated records miss."""
        if state.unrest is None or self.goal is None:
            return None

        def simulated(unrest: Unrest) -> Float64Array:
            tried = replace(state, unrest=unrest)
            made = self._simulated(tried, estimator, max(200, _LAW_CYCLES // self.cycles), 6000)
            return made.records[..., self.lrs]

        return moved_unrest(state.unrest, self.goal, simulated, step)

    def _moved_averages(
        self, state: _State, made: Float64Array, estimator: TraitEstimator, step: float
    ) -> tuple[Float64Array, Float64Array]:
        """Return the shared shapes, moved by what generated records miss, and the scores of these records."""
        full = np.full((*made.shape[:2], FEATURES), np.nan)
        full[..., list(self.measured)] = made
        marginals = fit_marginals(standardised(full), self.measured)
        off = self.fitter.marginals.averages - marginals.averages
        if state.mixture is not None:  # what lies along the shapes of devices is the mixture's to move
            x = np.clip(cell_centres(), -REACH, REACH)
            for k, f in enumerate(self.measured):
                design = np.stack([np.polyval(shape, x) for shape in estimator.shapes[k]], axis=1)
                known = np.isfinite(off[f])
                weight = np.sqrt(cell_density()[known])
                along = np.linalg.lstsq(design[known] * weight[:, None], off[f, known] * weight)[0]
                off[f] -= design @ along
        return np.where(np.isfinite(off), state.averages + step * off, state.averages), marginals.x

    def _moved_gamma(self, gamma: Float64Array, x: Float64Array, step: float) -> Float64Array:
        """Return autocovariances, moved by what those of generated scores miss."""
        now = unmeasured_as_white(lag_sums(x, len(self.fitter.uncorrected) - 1).mean(), self.measured)
        moved = gamma + step * (self.fitter.uncorrected - now)
        moved[0][np.diag_indices(FEATURES)] = 1.0
        return np.asarray(moved)

    # ---- from traits to parameters and back

    def _first_mixture(self, traits: Float64Array, estimator: TraitEstimator) -> TraitMixture:
        """Return a mixture of measured traits, less the noise of their estimates on average."""
        alike = self._generated(self.base, len(traits), 3000)
        noise = np.cov(estimator(alike).T)
        own = _is_own(len(self.measured))
        noise[~own] = 0.0  # means and spreads differ in the base too
        noise[:, ~own] = 0.0
        span = np.ptp(traits, axis=0)
        low, high = traits.min(axis=0) - _MARGIN * span, traits.max(axis=0) + _MARGIN * span
        shares = np.arange(traits.shape[1]) % 5 == 4
        low[shares], high[shares] = _SHARES
        shape = _MANY if len(traits) >= _MANY_DEVICES else _FEW
        return TraitMixture.from_estimates(traits, noise, low, high, shape, np.random.default_rng(self.seed))

    def _params(self, state: _State, estimator: TraitEstimator) -> DeviceParams:
        quantile = corrected_polynomials(state.averages, self.base.quantile)
        trend = None if state.burn is None else self.burn_in.trend(state.burn, self.measured)
        params = self.base.replace(quantile=quantile, history=state.history, own=None, restless=None, trend=trend)
        if state.unrest is not None:
            params = params.replace(restless=state.unrest.innovation())
            quantile[_LRS] = self._restless_polynomial(state, params, quantile.shape[1])
            params = params.replace(quantile=quantile)
        if state.mixture is None:
            return params
        own = OwnShapes(*_shapes_of(estimator, self.measured), REACH)
        population = self._population(state.mixture, params.memory_share)
        return params.replace(population=population, own=own)

    def _restless_polynomial(self, state: _State, params: DeviceParams, width: int) -> Float64Array:
        """Return the quantile polynomial of R_LRS on a latent scale that restless innovations give heavy tails."""
        m = params.memory_share[_LRS] if state.mixture is None else self._shares_of(state.mixture)
        rng = np.random.default_rng((self.seed, 5000))
        v, n, w, slow = rng.standard_normal((4, _LATENT))
        unit = np.linalg.norm(params.history.innovation[_LRS])
        white = np.asarray(innovation_of_lrs(unit * w, v, n, params.constants().restless)) / unit
        s, z = cell_centres(), state.averages[_LRS]
        known = np.isfinite(z)
        x = np.quantile(np.sqrt(m) * slow + np.sqrt(1 - m) * white, ndtr(s[known]))
        most = np.abs(x).max()
        found = increasing_polynomial(x / most, z[known], np.exp(-(s[known] ** 2) / 4), width - 1)
        return normalised(found / most ** np.arange(width - 1, -1, -1))[0]

    def _shares_of(self, mixture: TraitMixture) -> Float64Array:
        """Return shares of memory of R_LRS of devices that are drawn; kept, as they are asked for more than once."""
        if self._shares is None or self._shares[0] is not mixture:
            drawn = mixture.draw(_LATENT, np.random.default_rng((self.seed, 5001)))
            self._shares = mixture, drawn[:, 5 * self.measured.index(_LRS) + 4]
        return self._shares[1]

    def _population(self, mixture: TraitMixture, share: Float64Array) -> Population:
        """Return the population of all features; what was not measured is that of the base, without own traits."""
        columns = population_columns(self.measured)
        size = 5 * FEATURES
        mean, covariance = np.zeros(size), np.eye(size) * _NARROW**2
        base_mean, base_covariance = bulk_of(self.base.population)
        mean[: 2 * FEATURES], covariance[: 2 * FEATURES, : 2 * FEATURES] = base_mean, base_covariance
        usual = np.clip(share, 1e-3, 0.98)
        mean[4 * FEATURES :] = usual
        low, high = np.full(size, -_UNBOUNDED), np.full(size, _UNBOUNDED)
        low[2 * FEATURES :], high[2 * FEATURES :] = mean[2 * FEATURES :] - 1e-3, mean[2 * FEATURES :] + 1e-3
        low[columns], high[columns] = mixture.low, mixture.high
        covariance[columns], covariance[:, columns] = 0.0, 0.0
        means, factors = [], []
        for m, S in zip(mixture.means, mixture.covariances, strict=True):
            whole = covariance.copy()
            whole[np.ix_(columns, columns)] = S
            factors.append(np.linalg.cholesky(whole))
            means.append(mean.copy())
            means[-1][columns] = m
        return Population(mixture.weights, np.array(means), np.array(factors), "log", low, high)


def learn_own_laws(
    base: DeviceParams,
    fitter: BiasCorrectedFit,
    dynamics: DynamicsFit,
    y: Float64Array,
    burn_in: BurnIn,
    seed: int,
    progress: Callable[[float], None],
) -> OwnFit | None:
    """Look for shapes and memory of their own in measured devices, and for restless innovations of R_LRS.

    Parameters
    ----------
    base : DeviceParams
        Learned parameters whose devices share one law, without burn-in.
    fitter : BiasCorrectedFit
        Of the measured records without their burn-in.
    dynamics : DynamicsFit
        Its last result.
    y : array of shape (n, T, 4)
        Measured records on the scales of ``base``, NaN where not measured.
    burn_in : BurnIn
        Burn-in of the measured features.
    seed : int
        Of the simulations.
    progress : callable
        Called with the share that is done.

    Returns
    -------
    OwnFit or None
        None if too few devices have complete records, and there is no burn-in.
    """
    records = y[..., list(fitter.measured)]
    complete = records[np.isfinite(records).all(axis=(1, 2))]
    enough = len(complete) >= FEWEST_OWN and complete.shape[1] >= FEWEST_STEPS
    if not (enough and dynamics.compact is not None):
        if not burn_in:
            return None
        loop = _Loop(base, fitter, dynamics, records, burn_in, seed)
        return OwnFit(loop.with_burn_in(), None)
    # a VAR may be the likelier history of devices that share one law; only a compact one can be a device's own
    loop = _Loop(base.replace(history=dynamics.compact), fitter, dynamics, complete, burn_in, seed)
    own, restless = loop.find_parts()
    found = (["shape and memory of devices"] if own else []) + (["restless innovations of r_lrs"] if restless else [])
    params = loop.run(own, restless, progress) if found else None
    if params is not None:
        return OwnFit(params, tuple(found))
    return OwnFit(_Loop(base, fitter, dynamics, complete, burn_in, seed).with_burn_in(), NOT_SETTLED if found else ())


def _on_scale(value: Float64Array, scale: FeatureScale) -> Float64Array:
    """Return values on a scale; curves by a table, since simulations of millions of cycles come here."""
    if scale.curve is None:
        return scale.inverse(value)
    plain = FeatureScale(scale.kind, offset=scale.offset)
    place = np.linspace(scale.low or 0.0, scale.high or 0.0, _TABLE)
    return np.interp(plain.inverse(value), plain.inverse(scale.value(place)), place)


def _alike(made: Float64Array, goal: Float64Array) -> bool:
    """Return whether generated traits have about the means and spreads of the measured ones."""
    spread = goal.std(axis=0)
    widths, off = made.std(axis=0) / spread, np.abs(made.mean(axis=0) - goal.mean(axis=0)) / spread
    return bool(np.all((widths > _WIDTHS[0]) & (widths < _WIDTHS[1]) & (off < _MEANS)))


def _scatter(traits: Float64Array, features: int) -> tuple[float, float]:
    """Return sums of the log variances of the traits that are shapes, and of those that are shares of memory.

    One may be beyond chance while the other is not: the sum of both would hide it.
    """
    variances = np.log(traits.reshape(len(traits), features, -1)[..., 2:].var(axis=0))
    return float(variances[:, :-1].sum()), float(variances[:, -1].sum())


def _is_own(features: int) -> BoolArray:
    return np.asarray(np.arange(5 * features) % 5 >= 2)


def _true_traits(cells: CellArray, measured: tuple[int, ...]) -> Float64Array:
    """Return the traits (n, 5 k) that devices have: mu, log sigma, c1, c2 and share of memory of each feature."""
    device = cells.device.astype(np.float64)
    # the last rows of the memory of cells are what devices have of their own; `dump` gives the bits of all memory
    memory = cells.state.engine.dump(0, cells.size)["memory"]
    own = memory[-OWN_ROWS:].view(cells.state.engine.dtype).astype(np.float64)
    share = cells.params.memory_share[:, None] * own[2 * FEATURES : 3 * FEATURES] ** 2
    vectors = np.concatenate([device[:FEATURES], np.log(device[FEATURES:]), own[: 2 * FEATURES], share])
    return np.asarray(vectors.T[:, population_columns(measured)])


def _mean_state(states: list[_State]) -> _State:
    """Return the last round, with the mean of the late ones where numbers fluctuate from round to round."""
    averages = np.mean([s.averages for s in states], axis=0)
    values = [s.unrest.values for s in states if s.unrest is not None]
    unrest = Unrest(np.mean(values, axis=0)) if values else None
    burns = [s.burn for s in states if s.burn is not None]
    burn = Amplitudes.average(burns) if burns else None
    return replace(states[-1], averages=averages, unrest=unrest, burn=burn)


def _shapes_of(estimator: TraitEstimator, measured: tuple[int, ...]) -> tuple[Float64Array, Float64Array]:
    found = np.zeros((2, FEATURES, estimator.shapes.shape[2]))
    for k, f in enumerate(measured):
        found[:, f] = estimator.shapes[k]
    return found[0], found[1]
