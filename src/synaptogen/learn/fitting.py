"""From a measurement to a parameter set: extraction, envelopes and the statistics of features, in one call."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import RNG, Float64Array, checked, one_of
from synaptogen.params import FEATURE_NAMES, Changes, DeviceParams, FeatureScale, Population, Trend, as_device_params

from .curves import TRANSITIONS, Envelopes, ResetTransition, Transition, fit_envelopes, scaled_currents
from .extraction import Extraction, extract, refuse
from .io import read
from .overview import FeatureOverview, compare_features, overview_of, verdict_of
from .progress import StageProgress, silent
from .statistics import (
    FEW_CYCLES,
    Criterion,
    Drift,
    FeatureFit,
    Kind,
    Laws,
    PopulationSource,
    WearFit,
    feature_table,
    fit_features,
    fit_trend,
    fit_wear,
    lives_of,
    measure_drift,
    remove_trend,
    values_of,
)

TrendChoice: TypeAlias = Literal["kept", "removed"]
_DRAWN = 4096  # devices whose features the currents must cover


@dataclass(frozen=True)
class FitResult:
    """A device population learned from a measurement, and where each part of it comes from.

    Attributes
    ----------
    params : DeviceParams
        The device population; runs in `CellArray` as it is, and goes to a file by `DeviceParams.to_json`.
    features : FeatureFit
        Statistics of the features: histories tried, standard errors, residuals, latent series.
    extraction : Extraction or None
        Features of each cycle with flags and reliabilities; None where the data were features already.
    envelopes : Envelopes or None
        Currents and RESET transition with their residuals; None where the preset's were taken.
    drift : Drift
        Index of drift with its limit under the learned model, and the trends that were removed, if any.
    wear : WearFit or None
        How devices fail for good, with intervals; None where cycles have no flags.
    provenance : dict of str to str
        Origin of each part of the parameters.
    notes : tuple of str
        Remarks for the reader.
    overview : tuple of FeatureOverview
        Medians, widths and tails of the features, measured and as cells of ``params`` have them.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(*(x.T for x in sg.CellArray(2, rng=1).run_cycles(60)))
    >>> result = learn.fit(data, history="var", order=1)
    >>> result.extraction is None, result.features.devices.shape
    (True, (2, 8))
    >>> result.provenance["population"].split(";")[0]
    'means of the 2 measured devices'
    >>> result.notes[0].split(":")[0]
    '120 cycles in all are few'
    """

    params: DeviceParams
    features: FeatureFit
    extraction: Extraction | None
    envelopes: Envelopes | None
    drift: Drift
    wear: WearFit | None
    provenance: dict[str, str]
    notes: tuple[str, ...]
    overview: tuple[FeatureOverview, ...]

    @property
    def verdict(self) -> str:
        """Sentences on simulated cells beside the measured ones that they were learned from; trend and wear, if any."""
        parts = (verdict_of(list(self.overview)), self.provenance.get("trend", ""), str(self.wear or ""))
        return "; ".join(part for part in parts if part)


@checked
def fit(
    data: xr.Dataset | pd.DataFrame,
    *,
    preset: str | DeviceParams = "hennen2024",
    name: str = "fitted",
    order: int | Criterion = "bic",
    history: Kind | None = None,
    states: int = 8,
    components: int | None = None,
    population: PopulationSource = "measured",
    laws: Laws = "auto",
    detrend: int | None = None,
    trend: TrendChoice = "kept",
    reset: Transition = "auto",
    rng: RNG = 0,
    progress: StageProgress | None = None,
) -> FitResult:
    """Learn a device population from measured loops, or from features that were extracted elsewhere.

    Parameters
    ----------
    data : xarray.Dataset or DataFrame
        Loops (`learn.loops`) or features (`learn.features`); `learn.read` reads either from a file. A data frame is
        read like a file.
    preset : str or DeviceParams
        Source of what the data do not determine: features that were not measured, currents where there are only
        features, how devices differ where there are few.
    name : str
        Name of the parameter set.
    order : int or {"bic", "aic", "held_out"}
        Order of the vector autoregression, or how to choose it.
    history : {"var", "compact"}, optional
        Default: compact, where the record supports it.
    states : int
        States of the compact history.
    components : int, optional
        Components of the population; default: by the likelihood of held-out devices.
    population : {"measured", "preset", "twins"}
        "measured": the means and spreads of the measured devices; of fewer than 16 devices, with a device-to-device
        spread that is partly the preset's, relative to its own means. "preset": the preset's population as it is.
        "twins": copies of the measured devices, each as likely as another.
    laws : {"auto", "shared", "plain"}
        "auto": scales of the features, shapes and memory of devices, and restless innovations, as far as held-out
        devices and tests support them. "shared": scales alone; all devices share one shape and one memory. "plain":
        none of them.
    detrend : {1, 2, 3}, optional
        Degree of a trend in the cycle number that is taken from each device before; ``drift.removed`` holds it.
        Default: nothing is taken.
    trend : {"kept", "removed"}
        What becomes of a trend that was taken. "kept": the parameters have it, as far as it is stronger than chance,
        and simulated cells follow it (`Trend`). "removed": they are those of devices that do not drift.
    reset : {"auto", "power", "stretched"}
        Form of the RESET transition. Default: stretched, if it describes held-out cycles better than the power law.
    rng : int, SeedSequence, Generator or None
        Source of the seed of simulations and starts.
    progress : callable, optional
        Called with the name of a stage and the share that is done, of it or of all statistics; see `StageProgress`.

    Returns
    -------
    FitResult

    Raises
    ------
    ValueError
        If the data are not sound, are too short for the chosen order, or never switch.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(*(x.T for x in sg.CellArray(2, rng=1).run_cycles(60)))
    >>> result = learn.fit(data, name="mine", history="var", order=1)
    >>> result.params
    DeviceParams('mine', VAR(1), 1 component)
    >>> sg.CellArray((4, 4), result.params, rng=0).shape
    (4, 4)
    """
    one_of("reset", reset, TRANSITIONS)
    one_of("trend", trend, get_args(TrendChoice))
    data = read(data) if isinstance(data, pd.DataFrame) else data
    if "conductance" in data:
        refuse("retention")
    base, report = as_device_params(preset), progress or silent
    extraction = envelopes = None
    table = data
    if "voltage" in data:
        extraction = extract(data, u_read=base.u_read, progress=lambda done, all_: report("extracting", done / all_))
        feature_table(extraction.features)  # refuses a record that is too short before curves are fitted to it
        report("fitting envelopes", 0.0)
        envelopes = fit_envelopes(data, extraction, reset=reset)
        report("fitting envelopes", 1.0)
        table = extraction.features
    removed, whole = None, table
    if detrend is not None:
        table, removed = remove_trend(table, detrend)
    learned = fit_features(
        table,
        preset=base,
        order=order,
        history=history,
        states=states,
        components=components,
        population=population,
        laws=laws,
        burn_in=detrend is None,
        rng=rng,
        progress=report,
        complete=lambda found: _completed(found, base, name, envelopes)[0],
    )
    report("drift", 0.0)
    drift = replace(_drift(learned, base), removed=removed)
    report("drift", 1.0)
    provenance = {**learned.provenance, "preset": base.name}
    notes = [*learned.notes, *data.attrs.get("unusual", "").splitlines()]
    params, how = _completed(learned, base, name, envelopes)
    if envelopes is None:
        provenance["currents"] = f"{how}, preset {base.name}: the data hold features only"
    else:
        provenance["currents"] = how
        provenance["reset"] = _describe_reset(envelopes.reset)
    notes += _drift_notes(drift, detrend)
    lives = lives_of(whole)
    wear = None if lives is None else fit_wear(lives)
    shown_y = learned.y
    if wear is not None and wear.failures:
        params = params.replace(wear=wear.wear)
        provenance["wear"] = str(wear)
    if detrend is not None:
        kept = fit_trend(whole, table, params, detrend, seed=1) if trend == "kept" else None
        params = params.replace(trend=kept)
        provenance["trend"] = _trend_text(detrend, trend, kept)
        shown_y = learned.y if kept is None else feature_table(whole).y
    params = params.replace(source={**params.source, **provenance, "notes": "; ".join(notes)})
    report("simulating", 0.0)
    shown, limited = compare_features(params, shown_y, learned.measured, 1)
    if not limited.startswith("0 "):
        notes.append(f"{limited} simulated cells are at a limit of the model")
        params = params.replace(source={**params.source, "notes": "; ".join(notes)})
    report("simulating", 1.0)
    overview = tuple(overview_of(shown))
    return FitResult(params, learned, extraction, envelopes, drift, wear, provenance, tuple(notes), overview)


def _trend_text(degree: int, choice: TrendChoice, kept: Trend | None) -> str:
    """Say what became of the trend that was taken from devices."""
    taken = f"a trend of degree {degree} in the cycle number was taken from each device"
    if choice == "removed":
        return f"{taken}, and simulated cells do not drift (removed on request)"
    if kept is None:
        return f"{taken}, no stronger than chance: simulated cells do not drift"
    names = [name for name, curve in zip(FEATURE_NAMES, kept.curves, strict=True) if curve.any()]
    return f"{taken}, and simulated cells follow it in {', '.join(names)} for {kept.cycles:,} cycles, then they stay"


def _drift(learned: FeatureFit, preset: DeviceParams) -> Drift:
    """Measure drift; in a small record, which cannot tell drift from memory, against the memory of the preset too."""
    x = learned.x.to_numpy()
    measured = tuple(f for f, name in enumerate(FEATURE_NAMES) if np.isfinite(learned.x[..., f]).any())
    own = measure_drift(x, learned.history, measured, seed=1)
    if np.isfinite(x).any(-1).sum() >= FEW_CYCLES:
        return own
    usual = measure_drift(x, preset.history, measured, seed=1)
    return replace(own, limit={name: min(limit, usual.limit[name]) for name, limit in own.limit.items()})


def _drift_notes(drift: Drift, detrend: int | None) -> list[str]:
    notes = [
        f"{name} drifts: a parabola in the cycle number explains {drift.index[name]:.1%} of its variance, where a"
        f" stationary law makes {drift.limit[name]:.1%} at most; detrend (--detrend) subtracts it"
        for name in drift.drifting
    ]
    if detrend is not None:
        notes.append(f"a trend of degree {detrend} was taken from each device: drift.removed holds it")
    return notes


def with_curves(params: DeviceParams, curves: Envelopes) -> DeviceParams:
    """Return a parameter set with measured currents and RESET transition.

    Parameters
    ----------
    params : DeviceParams
    curves : Envelopes

    Returns
    -------
    DeviceParams
    """
    source = {**params.source, "currents": "fitted to the measured branches"}
    changes: Changes = {**_currents_of(curves), "source": source}
    return params.replace(**changes)


def _currents_of(curves: Envelopes) -> Changes:
    return {
        "llrs": curves.llrs,
        "hhrs": curves.hhrs,
        "u_max": curves.reset.u_max,
        "u_read": curves.u_read,
        "u_range": curves.u_range,
        "eta": curves.reset.eta,
        "stretch": curves.reset.stretch,
    }


def _completed(
    learned: FeatureFit, base: DeviceParams, name: str, envelopes: Envelopes | None
) -> tuple[DeviceParams, str]:
    """Return a parameter set of features with currents, and where these come from."""
    if envelopes is None:
        return _without_loops(learned, base, name)
    return learned.to_params(base, name, _currents_of(envelopes)), "fitted to the measured branches"


def _without_loops(learned: FeatureFit, preset: DeviceParams, name: str) -> tuple[DeviceParams, str]:
    """Return a parameter set with learned features and a preset's currents, scaled to cover them, and what was done."""
    own = _drawn_features(learned.population, learned.quantile, learned.scales)
    presets = _drawn_features(preset.population, preset.quantile, preset.scales)
    changes, how = scaled_currents(preset, presets, own)
    return learned.to_params(preset, name, changes), how


def _drawn_features(population: Population, quantile: Float64Array, scales: tuple[FeatureScale, ...]) -> Float64Array:
    """Return features (n, 4) in ohm and V of one cycle of each of many devices, before any limit of the model."""
    rng = np.random.default_rng(0)
    k = rng.choice(population.n_components, _DRAWN, p=population.weights / population.weights.sum())
    z = rng.standard_normal((_DRAWN, population.means.shape[1]))
    v = population.means[k] + np.einsum("nij,nj->ni", population.cholesky[k], z)
    if population.low is not None:
        v = np.clip(v, population.low, population.high)
    sigma = np.exp(v[:, 4:8]) if population.sigma_scale == "log" else np.abs(v[:, 4:8])
    x = np.clip(rng.standard_normal((_DRAWN, 4)), -4, 4)
    y = v[:, :4] + sigma * np.stack([np.polyval(row, x[:, f]) for f, row in enumerate(quantile)], axis=1)
    features = values_of(y, scales)
    return np.asarray(features[(features[:, 2] > 0) & (features[:, 3] > 0)])


def _describe_reset(reset: ResetTransition) -> str:
    kind = "power law" if reset.stretch is None else "power law with knee, slope and rest"
    held_out = (
        f"; rms of held-out cycles {1e6 * reset.rms_power:.3g} uA by the power law, {1e6 * reset.rms_stretched:.3g} uA"
    )
    return kind + (f"{held_out} with a stretch" if np.isfinite(reset.rms_power) else "")
