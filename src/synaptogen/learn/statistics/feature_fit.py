"""From a table of features to a device population: distributions, memory, and how devices differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it carries no types

from synaptogen._utils import RNG, BoolArray, Float64Array, checked, one_of, seed_of
from synaptogen.learn.progress import StageProgress, silent
from synaptogen.params import (
    FEATURE_NAMES,
    FEATURES,
    PLAIN_SCALES,
    VAR,
    Changes,
    DeviceParams,
    FeatureScale,
    History,
    OwnShapes,
    Population,
    RestlessInnovation,
    StateSpace,
    Trend,
)

from .bias_correction import BiasCorrectedFit, DynamicsFit, Kind
from .burn_in import BurnIn, find_burn_in
from .feature_tables import FeatureTable, feature_table
from .few_devices import copies_of_devices, population_of_few
from .fit_notes import memory_notes, notes_of, provenance_of
from .indirect_inference import NOT_SETTLED, OwnFit, learn_own_laws
from .population_fit import (
    FEWEST,
    EstimationNoise,
    PopulationFit,
    combine_populations,
    device_vectors,
    fit_population,
    within_measured,
)
from .preset_completion import StandardForm, standard_form, with_normal_shapes
from .scale_choice import ScaleChoice, choose_scales, on_scales, plain_form
from .standard_errors import describe_errors, history_errors, quantile_errors
from .var_fit import CRITERIA, Criterion, Whiteness, log_likelihood, whiteness_test

__all__ = ["FeatureFit", "Laws", "PopulationSource", "fit_features"]

PopulationSource: TypeAlias = Literal["measured", "preset", "twins"]
"""Devices that a population is made of, see `fit_features`."""
Laws: TypeAlias = Literal["auto", "shared", "plain"]
"""What is looked for beyond means, spreads and one shared law, see `fit_features`."""

_REACH = 200  # cycles of the past that predictions use
TRAITS = tuple(f"{part}_{name}" for part in ("mu", "sigma") for name in FEATURE_NAMES)


@dataclass(frozen=True)
class FeatureFit:
    """A device population learned from a table of features, without currents.

    Attributes
    ----------
    scales : tuple of four FeatureScale
        Scales of the features, on which the population is.
    quantile : array of shape (4, 5)
        Quantile polynomials, highest power first, with mean 0 and variance 1: mu and sigma of a device are the mean and
        the standard deviation of its cycles.
    history : VAR or StateSpace
        The history that was chosen, variances 1.
    population : Population
        Mixture of device vectors (mu, sigma).
    order_table : DataFrame
        One row per order of the VAR: aic, bic, held_out (nats per cycle), spectral_radius.
    population_table : DataFrame or None
        One row per mixture that was tried, with the likelihood of held-out devices.
    y : array of shape (n_devices, n_cycles, 4)
        Measured features as log10 of ohm, V, ohm, V; NaN where not measured.
    measured : tuple of int
        Features that were measured.
    x : DataArray of shape (device, cycle, feature)
        Latent scores of the measured cycles, single precision; NaN where not measured.
    devices : DataArray of shape (device, trait)
        mu and sigma of each measured device, NaN for features that were not measured; on ``scales``, or, where devices
        have laws of their own, on these before their tails were fitted to the simulation.
    outlying : array of shape (n_devices,) or None
        Probability that a device belongs to the component of lowest weight.
    standard_errors : dict
        Those that exist: ``quantile`` (4, 5); ``devices`` (n_devices, 8); of the history ``autocorrelation``
        (lags + 1, 4, 4), ``correlation_sum`` (4,) and ``innovation`` (4, 4); of the VAR of the measured features, also
        when the history is compact, ``lags`` (p, 4, 4); of the population ``population_weights`` (K,),
        ``population_means`` and ``population_spreads`` (K, 8).
    whiteness : Whiteness
        Test of the residuals.
    autocovariance : array of shape (lags + 1, 4, 4)
        Of the latent process as measured, corrected for the length of the records; variances 1.
    var : VAR
        The VAR of the order that was chosen, also when ``history`` is compact.
    compact : StateSpace or None
        The compact history, where the record supports one.
    provenance : dict of str to str
        Origin of each part.
    notes : tuple of str
        Remarks for the reader.
    own : OwnShapes or None
        Shapes by which devices differ, where they do; the population then has 20 numbers of a device.
    restless : RestlessInnovation or None
        How innovations of R_LRS depart from normal ones, where they do.
    trend : Trend or None
        Burn-in, where the first cycles of devices differ from later ones: other parts then describe later cycles.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> preset = sg.DeviceParams.preset("hennen2024")
    >>> data = learn.features(*(x.T for x in sg.CellArray(2, rng=1).run_cycles(60)))
    >>> fit = learn.fit_features(data, preset=preset, order=1, history="var")
    >>> fit.quantile.shape, fit.x.dims, fit.devices.dims
    ((4, 5), ('device', 'cycle', 'feature'), ('device', 'trait'))
    >>> fit.order_table.columns.tolist()
    ['aic', 'bic', 'held_out', 'spectral_radius']
    >>> fit.to_params(preset, "mine")
    DeviceParams('mine', VAR(1), 1 component)
    """

    scales: tuple[FeatureScale, ...]
    quantile: Float64Array
    history: History
    population: Population
    order_table: pd.DataFrame
    population_table: pd.DataFrame | None
    y: Float64Array
    measured: tuple[int, ...]
    x: xr.DataArray
    devices: xr.DataArray
    outlying: Float64Array | None
    standard_errors: dict[str, Float64Array]
    whiteness: Whiteness
    autocovariance: Float64Array
    var: VAR
    compact: StateSpace | None
    provenance: dict[str, str]
    notes: tuple[str, ...]
    own: OwnShapes | None = None
    restless: RestlessInnovation | None = None
    trend: Trend | None = None

    def to_params(self, preset: DeviceParams, name: str, currents: Changes | None = None) -> DeviceParams:
        """Return a parameter set with these features.

        Parameters
        ----------
        preset : DeviceParams
            Source of currents and RESET transition.
        name : str
        currents : mapping, optional
            Currents and RESET transition, as arguments of `DeviceParams`; default: the preset's.

        Returns
        -------
        DeviceParams
        """
        changes: Changes = {
            **(currents or {}),
            "name": name,
            "quantile": self.quantile,
            "history": self.history,
            "population": self.population,
            "scales": self.scales,
            "own": self.own,
            "restless": self.restless,
            "trend": self.trend,
            "source": {**self.provenance, "notes": "; ".join(self.notes)},
        }
        return preset.replace(**changes)


@checked
def fit_features(
    features: xr.Dataset,
    *,
    preset: DeviceParams,
    order: int | Criterion = "bic",
    history: Kind | None = None,
    states: int = 8,
    components: int | None = None,
    population: PopulationSource = "measured",
    laws: Laws = "auto",
    burn_in: bool = True,
    rng: RNG = 0,
    progress: StageProgress | None = None,
    complete: Callable[[FeatureFit], DeviceParams] | None = None,
) -> FeatureFit:
    """Learn quantile polynomials, history and population from features.

    Parameters
    ----------
    features : xarray.Dataset
        Variables r_hrs (ohm), u_set (V), r_lrs (ohm), u_reset (V), or some of them, with dimensions device and cycle;
        NaN where not measured. An integer coordinate ``cycle`` says where cycles are missing.
    preset : DeviceParams
        Source of what is not measured.
    order : int or {"bic", "aic", "held_out"}
        Order of the VAR, or how to choose it.
    history : {"var", "compact"}, optional
        Default: compact, where records are long enough and it is more likely than the VAR, by AIC.
    states : int
        States of the compact history.
    components : int, optional
        Components of the population; default: by the likelihood of held-out devices.
    population : {"measured", "preset", "twins"}
        "measured": the means and spreads of the measured devices; of fewer than 16 devices, with a device-to-device
        spread that is partly the preset's, relative to its own means. "preset": the preset's population as it is.
        "twins": copies of the measured devices, each as likely as another.
    laws : {"auto", "shared", "plain"}
        "auto": scales of the features, burn-in, shapes and memory of devices, and restless innovations, as far as
        held-out devices and tests support them. "shared": scales alone; all devices share one shape and one memory.
        "plain": none of them.
    burn_in : bool
        Whether laws "auto" include burn-in. False: records have had a trend taken from them.
    rng : int, SeedSequence, Generator or None
        Source of the seed of simulations and starts.
    progress : callable, optional
        Called with the name of a stage and the share of the whole that is done.
    complete : callable, optional
        Makes a parameter set, with currents, of a fit whose devices share one law: by simulating it, shapes and memory
        of their own are looked for. Default: `FeatureFit.to_params` with the preset's currents.

    Returns
    -------
    FeatureFit

    Raises
    ------
    ValueError
        If the table is not sound (see `feature_table`), an argument is not of the kind described, or the records are
        too short for the order or the number of states.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> preset = sg.DeviceParams.preset("hennen2024")
    >>> cycles = sg.CellArray(20, rng=1).run_cycles(40)
    >>> data = learn.features(r_lrs=cycles.r_lrs.T)
    >>> fit = learn.fit_features(data, preset=preset, order=1, history="var", components=1)
    >>> fit.provenance["population"].split(";")[0]
    '1 component fitted to the measured devices'
    >>> bool(abs(fit.devices.sel(trait="mu_r_lrs").mean() / cycles.r_lrs.mean() - 1) < 0.01)
    True
    """
    _check_options(order, history, states, components)
    one_of("population", population, get_args(PopulationSource))
    one_of("laws", laws, get_args(Laws))
    report = progress or silent
    generator = np.random.default_rng(seed_of(rng))
    plain = feature_table(features)
    with threadpool_limits(1, "blas"):  # matrices are small: threads would only wait for one another
        seed = int(generator.integers(2**63))
        choice = _scales(plain, laws, population)
        table = replace(plain, y=on_scales(plain.y, choice.scales))
        form = with_normal_shapes(standard_form(plain_form(preset)), choice.gains)
        decays = _burn_in(table, laws, population) if burn_in else BurnIn(np.zeros(FEATURES))
        raw, table = table.y, replace(table, y=decays.split(table.y)[0])
        fitter = BiasCorrectedFit(table, form, order, history, states, seed, report)
        dynamics = fitter.learn()
        noise = fitter.bias.noise
        vectors = _unbiased_vectors(table, noise)
        report("devices", 0.75)
        fit = None
        if population == "measured":
            fit = _population(vectors, noise, table.measured, form.population, components, generator, report)
        report("errors", 0.95)
        result = _result(plain, choice, form, fitter, dynamics, vectors, fit, population)
        if laws == "auto" and fit is not None:
            base = result.to_params(preset, "learned") if complete is None else complete(result)
            begins = BurnIn(decays.tau[list(table.measured)])
            own_laws = learn_own_laws(
                base,
                fitter,
                dynamics,
                raw,
                begins,
                seed,
                lambda share: report("own laws", 0.95 + 0.05 * share),
            )
            result = result if own_laws is None else _with_own_laws(result, own_laws)
            if decays:
                text = f"{decays.describe(FEATURE_NAMES)}; all else describes cycles after it"
                result = replace(result, provenance={**result.provenance, "burn-in": text})
        report("errors", 1.0)
    return result


def _with_own_laws(result: FeatureFit, laws: OwnFit) -> FeatureFit:
    """Return a fit with burn-in, and what was found of shapes and memory of devices and of restless innovations."""
    params = laws.params
    result = replace(result, trend=params.trend)
    if laws.found is None:
        return result
    if not laws.found:
        return replace(result, provenance={**result.provenance, "own laws": "devices share one shape and one memory"})
    if laws.found == NOT_SETTLED:
        text = "devices differ in shape and memory, but no law for that was found: they share one here"
        return replace(result, provenance={**result.provenance, "own laws": text}, notes=(*result.notes, text))
    found = f"{' and '.join(laws.found)}, by indirect inference: beyond what devices of one law show by chance"
    return replace(
        result,
        scales=params.scales,
        quantile=params.quantile,
        history=params.history,
        population=params.population,
        own=params.own,
        restless=params.restless,
        provenance={**result.provenance, "own laws": found},
    )


def _burn_in(table: FeatureTable, laws: Laws, source: PopulationSource) -> BurnIn:
    """Look for burn-in, where the population will be that of the measured devices, and records begin with cycle 0 or 1.

    A trend counts from the first cycle of a device's life.
    """
    known = _complete(device_vectors(table.y), table.measured).sum()
    late = table.cycles.dtype.kind in "iu" and table.cycles[0] > 1
    if laws != "auto" or source != "measured" or known < FEWEST or late:
        return BurnIn(np.zeros(FEATURES))
    return find_burn_in(table.y)


def _scales(table: FeatureTable, laws: Laws, source: PopulationSource) -> ScaleChoice:
    """Choose scales, where the population will be that of the measured devices; others are on the plain scales."""
    if laws == "plain" or source != "measured" or len(table.y) < FEWEST:
        return ScaleChoice(PLAIN_SCALES, {})
    return choose_scales(table)


def _result(
    table: FeatureTable,
    choice: ScaleChoice,
    form: StandardForm,
    fitter: BiasCorrectedFit,
    dynamics: DynamicsFit,
    vectors: Float64Array,
    fit: PopulationFit | None,
    source: PopulationSource,
) -> FeatureFit:
    chosen, why = _chosen(dynamics, fitter)
    if source == "preset":
        population = form.population
    elif source == "twins":
        population = copies_of_devices(form.population, vectors)
    elif fit is None:
        population = population_of_few(form.population, vectors, fitter.bias.noise)
    else:
        population = fit.population
        if len(table.measured) < FEATURES:
            population = combine_populations(population, form.population, table.measured)
        population = within_measured(population, vectors, table.measured)
    whiteness = _whiteness(chosen, dynamics, fitter)
    errors = _errors(dynamics, fitter, vectors, chosen is dynamics.compact, fit)
    uncertain = describe_errors(errors, chosen, None if fit is None else fit.population.weights)
    described = choice.describe()
    return FeatureFit(
        scales=choice.scales,
        quantile=dynamics.quantile,
        history=chosen,
        population=population,
        order_table=fitter.order_table(dynamics.gamma),
        population_table=None if fit is None else fit.table,
        y=table.y,
        measured=table.measured,
        x=_labelled(fitter.marginals.x.astype(np.float32), "x", table, "feature", FEATURE_NAMES),
        devices=_labelled(vectors, "devices", table, "trait", TRAITS),
        outlying=None if fit is None else _outlying(fit, vectors, table.measured),
        standard_errors=errors,
        whiteness=whiteness,
        autocovariance=dynamics.corrected,
        var=dynamics.var,
        compact=dynamics.compact,
        provenance={
            **provenance_of(table, fitter, fit, why, source),
            **({"errors": uncertain} if uncertain else {}),
            **({"scales": described} if described else {}),
        },
        notes=(*notes_of(table, fitter, fit, whiteness, source), *memory_notes(dynamics, fitter)),
    )


def _chosen(dynamics: DynamicsFit, fitter: BiasCorrectedFit) -> tuple[History, str]:
    """Return the history that is chosen, and the reason."""
    if dynamics.compact is None:
        reason = "asked for" if fitter.history == "var" else "the record is too short for a compact history"
        return dynamics.var, f"{dynamics.var!r}: {reason}"
    if fitter.history == "compact":
        return dynamics.compact, f"{dynamics.compact!r}: asked for"
    reach = min(len(dynamics.gamma) - 1, _REACH)
    m = len(fitter.measured)
    parameters = (m * m * dynamics.own.order, 2 * m * dynamics.compact.order)
    var, compact = (log_likelihood(h, dynamics.gamma, fitter.measured, reach) for h in (dynamics.var, dynamics.compact))
    gain = compact - var - (parameters[1] - parameters[0]) / fitter.total
    chosen: History = dynamics.compact if gain >= 0 else dynamics.var
    return chosen, (
        f"{chosen!r}: per cycle, {dynamics.compact!r} is {abs(gain):.2g} nats {'less' if gain < 0 else 'more'} likely"
        f" than {dynamics.var!r}, parameters counted (AIC)"
    )


def _whiteness(history: History, dynamics: DynamicsFit, fitter: BiasCorrectedFit) -> Whiteness:
    gamma = dynamics.corrected
    if fitter.small:  # autocovariances of short records need not be those of any process
        gamma = gamma * np.maximum(1 - np.arange(len(gamma)) / fitter.cycles, 0)[:, None, None]
    return whiteness_test(history, gamma, fitter.total, fitter.measured)


def _unbiased_vectors(table: FeatureTable, noise: EstimationNoise) -> Float64Array:
    vectors = device_vectors(table.y)
    vectors[:, FEATURES:] /= noise.shrinkage
    return vectors


def _complete(vectors: Float64Array, measured: Sequence[int]) -> BoolArray:
    """Return which devices have a value of every measured feature."""
    columns = [*measured, *(FEATURES + f for f in measured)]
    return np.asarray(np.isfinite(vectors[:, columns]).all(1))


def _population(
    vectors: Float64Array,
    noise: EstimationNoise,
    measured: tuple[int, ...],
    preset: Population,
    components: int | None,
    rng: np.random.Generator,
    report: StageProgress,
) -> PopulationFit | None:
    """Fit the population; return None if the devices are too few."""
    known = _complete(vectors, measured)
    if known.sum() < FEWEST:
        if components is not None:
            raise ValueError(
                f"components={components} needs at least {FEWEST} devices, not {known.sum()}: leave it out"
            )
        return None
    return fit_population(
        vectors[known],
        components=components,
        sigma_scale=preset.sigma_scale if len(measured) < FEATURES else None,
        noise=noise,
        rng=rng,
        measured=measured,
        progress=lambda share: report("devices", 0.75 + 0.2 * share),
    )


def _outlying(fit: PopulationFit, vectors: Float64Array, measured: Sequence[int]) -> Float64Array:
    probability = np.full(len(vectors), np.nan)
    probability[_complete(vectors, measured)] = fit.responsibilities[:, np.argmin(fit.population.weights)]
    return probability


def _errors(
    dynamics: DynamicsFit, fitter: BiasCorrectedFit, vectors: Float64Array, compact: bool, fit: PopulationFit | None
) -> dict[str, Float64Array]:
    """Return standard errors of what was estimated without a preset as prior."""
    errors = {"devices": fitter.bias.noise.errors(vectors)}
    if fit is not None:
        errors |= {f"population_{name}": value for name, value in fit.errors.items()}
    if not fitter.small:
        errors |= history_errors(
            fitter, dynamics, compact, lambda share: fitter.progress("errors", 0.95 + 0.05 * share)
        )
        spread = quantile_errors(fitter.z, fitter.measured)
        if spread is not None:
            errors["quantile"] = spread
    return errors


def _labelled(
    values: NDArray[np.floating], name: str, table: FeatureTable, last: str, labels: Sequence[str]
) -> xr.DataArray:
    coords = {"device": table.devices, last: list(labels)}
    if values.ndim == 2:
        return xr.DataArray(values, dims=("device", last), coords=coords, name=name)
    return xr.DataArray(values, dims=("device", "cycle", last), coords={**coords, "cycle": table.cycles}, name=name)


def _check_options(order: int | Criterion, history: Kind | None, states: int, components: int | None) -> None:
    if isinstance(order, str):
        if order not in CRITERIA:
            raise ValueError(f"order must be a whole number or one of {', '.join(CRITERIA)}, not {order!r}")
    elif order < 1:
        raise ValueError(f"order must be 1 or more, not {order}")
    if history not in (None, "var", "compact"):
        raise ValueError(f'history must be "var", "compact" or None, not {history!r}')
    if states < 1:
        raise ValueError(f"states must be 1 or more, not {states}")
    if components is not None and components < 1:
        raise ValueError(f"components must be 1 or more, not {components}")
