"""Shapes and memory of their own, and restless innovations, learned by indirect inference.

Traits that are estimated from a few hundred correlated cycles carry the noise of the estimate. Here all parameters are
moved until what is estimated from generated devices equals what is estimated from the measured ones, so that the noise
is the same on both sides (C. Gourieroux, A. Monfort, E. Renault, J. Appl. Econometrics 8, S85 (1993)).

Each part is taken only if measured devices have it beyond chance: if they differ more in shape and memory than any of
`_REPLICATES` sets of devices that share one law, or if steps of R_LRS have heavier tails than in any of these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from synaptogen._utils import BoolArray, Float64Array
from synaptogen.array import CellArray
from synaptogen.params import FEATURES, DeviceParams, OwnShapes, Population, RestlessInnovation, StateSpace

from .autocovariances import lag_sums
from .bias_correction import BiasCorrectedFit, DynamicsFit
from .few_devices import bulk_of
from .gaussian_mixture import find_bulk, fit_mixture
from .marginals import corrected_polynomials, fit_marginals, standardised
from .own_traits import REACH, TraitEstimator, population_columns, steps_of
from .quantile_transform import cell_centres, cell_density
from .scale_choice import on_scales
from .var_fit import unmeasured_as_white

__all__ = ["FEWEST_OWN", "NOT_SETTLED", "OwnFit", "learn_own_laws"]

FEWEST_OWN = 48  # devices with complete records from which shapes and memory of their own are looked for
FEWEST_STEPS = 100  # cycles of each
NOT_SETTLED = ("not settled",)
"""What was found where devices differ beyond chance, but the rounds did not come close to them."""
_REPLICATES = 39
_ROUNDS, _SMALL_ROUNDS, _AVERAGED = 12, 4, 3
_STEP, _SMALL_STEP = 0.7, 0.35
_SIMULATED = 360_000  # cycles of a round
_FEW, _MANY = (2, 20.0), (4, 10.0)  # components and strength of their prior, of few devices and of many
_MANY_DEVICES = 128
_WIDTHS, _MEANS = (0.6, 1.6), 0.5  # a result is kept if its traits have these spreads over the measured, and means
_MARGIN = 0.15  # of the range of measured traits, by which draws may leave it
_SHARES = (0.01, 0.96)
_UNBOUNDED = 1e30
_NARROW = 1e-6
_NEW, _FADE = 0.4, float(np.exp(-1 / 10))  # of the scale of R_LRS; short records do not determine them
_LRS = 2
_MOST_CHANGE = (0.05, 20.0)  # of a variance in one round
_KURTOSIS_GAIN, _AGAIN_GAIN, _SHARE_GAIN = 0.25, 3.0, 1.4  # about the inverse sensitivities at the solution
_MOST_SPREAD, _MOST_RISE = 0.65, 0.4


@dataclass(frozen=True)
class OwnFit:
    """Parameters with what devices have of their own.

    Attributes
    ----------
    params : DeviceParams
    found : tuple of str
        The parts that were found, in words; empty if there was none.
    """

    params: DeviceParams
    found: tuple[str, ...]


@dataclass(frozen=True)
class _Mixture:
    """Mixture of traits (`TraitEstimator`), with their bounds."""

    weights: Float64Array
    means: Float64Array
    covariances: Float64Array
    low: Float64Array
    high: Float64Array

    def draw(self, count: int, rng: np.random.Generator) -> Float64Array:
        """Return traits (count, d), drawn again while out of bounds."""
        factors = np.linalg.cholesky(self.covariances)
        k = rng.choice(len(self.weights), count, p=self.weights)
        v, todo = np.empty((count, self.means.shape[1])), np.arange(count)
        for _ in range(24):
            z = rng.standard_normal((len(todo), v.shape[1]))
            v[todo] = self.means[k[todo]] + np.einsum("nij,nj->ni", factors[k[todo]], z)
            todo = todo[((v[todo] < self.low) | (v[todo] > self.high)).any(axis=1)]
        return np.clip(v, self.low, self.high)

    def moved(self, shift: Float64Array, map_: Float64Array) -> "_Mixture":
        """Return the mixture after an affine map about its mean, and a shift."""
        mean = self.weights @ self.means
        means = np.clip(mean + (self.means - mean) @ map_.T + shift, self.low, self.high)
        return replace(
            self, means=means, covariances=np.array([_positive(map_ @ S @ map_.T) for S in self.covariances])
        )


@dataclass(frozen=True)
class _State:
    """What a round moves."""

    mixture: _Mixture | None
    averages: Float64Array
    gamma: Float64Array
    history: StateSpace
    spread: float
    rise: float


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
        self, base: DeviceParams, fitter: BiasCorrectedFit, dynamics: DynamicsFit, y: Float64Array, seed: int
    ) -> None:
        self.base, self.fitter, self.dynamics, self.y, self.seed = base, fitter, dynamics, y, seed
        self.measured = fitter.measured
        self.cycles = y.shape[1]
        self.lrs = self.measured.index(_LRS) if _LRS in self.measured else None

    # ---- which parts there are

    def find_parts(self) -> tuple[bool, bool]:
        """Return whether devices differ in shape or memory beyond chance, and whether R_LRS is restless."""
        n = len(self.y)
        share = self.base.memory_share[list(self.measured)]
        estimator = TraitEstimator.plain(self.y, share)
        own, tails = [], []
        for made in self._replicates(n):
            own.append(_scatter(estimator(made), len(self.measured)))
            tails.append(0.0 if self.lrs is None else steps_of(made).kurtosis[self.lrs])
        steps = steps_of(self.y)
        restless = self.lrs is not None and float(steps.kurtosis[self.lrs]) > max(tails)
        return _scatter(estimator(self.y), len(self.measured)) > max(own), restless

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
        cells = CellArray(devices, params, rng=np.random.default_rng((self.seed, number)))
        y = np.moveaxis(np.array(cells.run_cycles(self.cycles), dtype=np.float64), 0, -1).swapaxes(0, 1)
        y[..., 0] = np.log10(y[..., 0])
        return on_scales(y, params.scales)[..., list(self.measured)]

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
        estimator = TraitEstimator.from_records(self.y, share)
        goal = estimator(self.y)
        mixture = self._first_mixture(goal, estimator) if own else None
        history = self.dynamics.compact
        assert history is not None
        averages = self.fitter.marginals.averages - self.fitter.bias.averages
        state = _State(mixture, averages, self.dynamics.gamma, history, 0.3 if restless else 0.0, 0.0)
        late: list[_State] = []
        for n in range(_ROUNDS):
            progress(n / _ROUNDS)
            state = self._round(state, goal, estimator, n)
            if n >= _ROUNDS - _AVERAGED:
                late.append(state)
        params = self._params(_mean_state(late), estimator)
        made = estimator(self._generated(params, max(200, _SIMULATED // self.cycles), 4000))
        return params if _alike(made, goal) else None

    def _round(self, state: _State, goal: Float64Array, estimator: TraitEstimator, n: int) -> _State:
        step = _STEP if n < _ROUNDS - _SMALL_ROUNDS else _SMALL_STEP
        devices = max(200, _SIMULATED // self.cycles)
        made = self._generated(self._params(state, estimator), devices, 1000 + n)
        found = estimator(made)
        mixture = None
        if state.mixture is not None:
            drawn = state.mixture.draw(devices, np.random.default_rng((self.seed, 2000 + n)))
            mixture = _moved_mixture(state.mixture, drawn, found, goal, step)
        refit = n % 3 == 2  # not in each round: it takes longer than all else
        averages, gamma = self._moved_law(state, made, estimator, step)
        gamma = gamma if refit else state.gamma
        spread, rise = state.spread, state.rise
        if state.spread > 0 and self.lrs is not None:
            want, have = steps_of(self.y), steps_of(made)
            k = self.lrs
            spread = float(
                np.clip(spread + step * _KURTOSIS_GAIN * (want.kurtosis[k] - have.kurtosis[k]), 0.01, _MOST_SPREAD)
            )
            most = min(_MOST_RISE, 0.9 * spread)
            rise = float(np.clip(rise + step * _AGAIN_GAIN * (want.again[k] - have.again[k]), 0.0, most))
        history = state.history
        if refit:
            refitted = self.fitter.compact_for(gamma, replace(self.dynamics, compact=history))
            history = history if refitted is None else refitted
        return _State(mixture, averages, gamma, history, spread, rise)

    def _moved_law(
        self, state: _State, made: Float64Array, estimator: TraitEstimator, step: float
    ) -> tuple[Float64Array, Float64Array]:
        """Return shapes and autocovariances, moved by what generated records miss."""
        full = np.full((*made.shape[:2], FEATURES), np.nan)
        full[..., list(self.measured)] = made
        marginals = fit_marginals(standardised(full), self.measured)
        lags = len(self.fitter.uncorrected) - 1
        now = unmeasured_as_white(lag_sums(marginals.x, lags).mean(), self.measured)
        gamma = state.gamma + step * (self.fitter.uncorrected - now)
        gamma[0][np.diag_indices(FEATURES)] = 1.0
        off = self.fitter.marginals.averages - marginals.averages
        if state.mixture is not None:  # what lies along the shapes of devices is the mixture's to move
            x = np.clip(cell_centres(), -REACH, REACH)
            for k, f in enumerate(self.measured):
                design = np.stack([np.polyval(shape, x) for shape in estimator.shapes[k]], axis=1)
                known = np.isfinite(off[f])
                weight = np.sqrt(cell_density()[known])
                along = np.linalg.lstsq(design[known] * weight[:, None], off[f, known] * weight)[0]
                off[f] -= design @ along
        return np.where(np.isfinite(off), state.averages + step * off, state.averages), gamma

    # ---- from traits to parameters and back

    def _first_mixture(self, traits: Float64Array, estimator: TraitEstimator) -> _Mixture:
        """Return a mixture of measured traits, less the noise of their estimates on average."""
        alike = self._generated(self.base, len(traits), 3000)
        noise = np.cov(estimator(alike).T)
        own = _is_own(len(self.measured))
        noise[~own] = 0.0  # means and spreads differ in the base too
        noise[:, ~own] = 0.0
        centre, spread = np.median(traits, axis=0), traits.std(axis=0)
        points = (traits - centre) / spread
        rng = np.random.default_rng(self.seed)
        components, strength = _MANY if len(points) >= _MANY_DEVICES else _FEW
        fit = fit_mixture(points, components, strength, rng, bulk=find_bulk(points, 1), starts=3)
        scale = np.outer(spread, spread)
        within = np.array([_positive(S - noise / scale) for S in fit.covariances]) * scale
        span = np.ptp(traits, axis=0)
        low, high = traits.min(axis=0) - _MARGIN * span, traits.max(axis=0) + _MARGIN * span
        shares = np.arange(traits.shape[1]) % 5 == 4
        low[shares], high[shares] = _SHARES
        means = np.clip(centre + spread * fit.means, low, high)
        return _Mixture(fit.weights / fit.weights.sum(), means, within, low, high)

    def _params(self, state: _State, estimator: TraitEstimator) -> DeviceParams:
        quantile = corrected_polynomials(state.averages, self.base.quantile)
        params = self.base.replace(quantile=quantile, history=state.history, own=None, restless=None)
        if state.spread > 0:
            params = params.replace(restless=RestlessInnovation(state.spread, state.rise, _NEW, _FADE))
        if state.mixture is None:
            return params
        own = OwnShapes(*_shapes_of(estimator, self.measured), REACH)
        population = self._population(state.mixture, params.memory_share)
        return params.replace(population=population, own=own)

    def _population(self, mixture: _Mixture, share: Float64Array) -> Population:
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
    seed: int,
    progress: Callable[[float], None],
) -> OwnFit | None:
    """Look for shapes and memory of their own in measured devices, and for restless innovations of R_LRS.

    Parameters
    ----------
    base : DeviceParams
        Learned parameters whose devices share one law, with a compact history.
    fitter : BiasCorrectedFit
        Of the measured records.
    dynamics : DynamicsFit
        Its last result.
    y : array of shape (n, T, 4)
        Measured records on the scales of ``base``, NaN where not measured.
    seed : int
        Of the simulations.
    progress : callable
        Called with the share that is done.

    Returns
    -------
    OwnFit or None
        None if too few devices have complete records.
    """
    records = y[..., list(fitter.measured)]
    records = records[np.isfinite(records).all(axis=(1, 2))]
    if len(records) < FEWEST_OWN or records.shape[1] < FEWEST_STEPS or dynamics.compact is None:
        return None
    loop = _Loop(base, fitter, dynamics, records, seed)
    own, restless = loop.find_parts()
    if not (own or restless):
        return OwnFit(base, ())
    found = (["shape and memory of devices"] if own else []) + (["restless innovations of r_lrs"] if restless else [])
    params = loop.run(own, restless, progress)
    return OwnFit(base, NOT_SETTLED) if params is None else OwnFit(params, tuple(found))


def _alike(made: Float64Array, goal: Float64Array) -> bool:
    """Return whether generated traits have about the means and spreads of the measured ones."""
    spread = goal.std(axis=0)
    widths, off = made.std(axis=0) / spread, np.abs(made.mean(axis=0) - goal.mean(axis=0)) / spread
    return bool(np.all((widths > _WIDTHS[0]) & (widths < _WIDTHS[1]) & (off < _MEANS)))


def _scatter(traits: Float64Array, features: int) -> float:
    """Return the sum of the log variances of the traits that are shapes and shares of memory."""
    return float(np.log(traits[:, _is_own(features)].var(axis=0)).sum())


def _is_own(features: int) -> BoolArray:
    return np.asarray(np.arange(5 * features) % 5 >= 2)


def _moved_mixture(
    mixture: _Mixture, drawn: Float64Array, found: Float64Array, goal: Float64Array, step: float
) -> _Mixture:
    """Return the mixture after the smallest affine map that changes its covariance by what is missing."""
    scale = goal.std(axis=0)
    unit = np.outer(scale, scale)
    have = _positive(np.cov(drawn.T) / unit, 1e-4)
    root, inverse = _power(have, 0.5), _power(have, -0.5)
    missing = inverse @ ((np.cov(goal.T) - np.cov(found.T)) / unit) @ inverse
    values, vectors = np.linalg.eigh(np.eye(len(scale)) + step * (missing + missing.T) / 2)
    # what is missing may be more than there is: no direction changes by more than this in one round
    bounded = (vectors * np.clip(values, *_MOST_CHANGE)) @ vectors.T
    want = root @ bounded @ root
    map_ = scale[:, None] * (inverse @ _power(root @ want @ root, 0.5) @ inverse) / scale
    gain = np.where(np.arange(len(scale)) % 5 == 4, _SHARE_GAIN, 1.0)
    return mixture.moved(step * gain * (goal.mean(axis=0) - found.mean(axis=0)), map_)


def _mean_state(states: list[_State]) -> _State:
    """Return the mean of the last rounds, which do not settle by themselves."""
    last = states[-1]
    spread, rise = (float(np.mean([getattr(s, name) for s in states])) for name in ("spread", "rise"))
    mixture = last.mixture
    mixtures = [s.mixture for s in states if s.mixture is not None]
    if mixture is not None:
        means = np.clip(np.mean([m.means for m in mixtures], axis=0), mixture.low, mixture.high)  # but for rounding
        mixture = replace(mixture, means=means, covariances=np.mean([m.covariances for m in mixtures], axis=0))
    return replace(
        last, mixture=mixture, spread=spread, rise=rise, averages=np.mean([s.averages for s in states], axis=0)
    )


def _shapes_of(estimator: TraitEstimator, measured: tuple[int, ...]) -> tuple[Float64Array, Float64Array]:
    found = np.zeros((2, FEATURES, estimator.shapes.shape[2]))
    for k, f in enumerate(measured):
        found[:, f] = estimator.shapes[k]
    return found[0], found[1]


def _positive(S: Float64Array, floor: float = 1e-3) -> Float64Array:
    """Return the nearest covariance whose eigenvalues, relative to its variances, are not below ``floor``."""
    scale = np.sqrt(np.maximum(np.diagonal(S), 1e-12 * np.trace(S)))
    values, vectors = np.linalg.eigh((S + S.T) / 2 / np.outer(scale, scale))
    whole = (vectors * np.maximum(values, floor * values.max())) @ vectors.T
    return np.asarray((whole + whole.T) / 2 * np.outer(scale, scale))


def _power(S: Float64Array, power: float) -> Float64Array:
    values, vectors = np.linalg.eigh(_positive(S, 1e-9))
    return np.asarray((vectors * np.maximum(values, 1e-12 * values[-1]) ** power) @ vectors.T)
