"""From a measurement to a parameter set: extraction, envelopes and the statistics of features, in one call."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from synaptogen._utils import RNG, one_of
from synaptogen.params import FEATURE_NAMES, DeviceParams, as_device_params

from .curves import TRANSITIONS, Envelopes, ResetTransition, Transition, fit_envelopes
from .extraction import Extraction, extract
from .progress import StageProgress, silent
from .statistics import Criterion, Drift, FeatureFit, Kind, fit_features, measure_drift, remove_trend


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
    provenance : dict of str to str
        Origin of each part of the parameters.
    notes : tuple of str
        Remarks for the reader.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> data = learn.features(*(x.T for x in sg.CellArray(2, rng=1).run_cycles(60)))
    >>> result = learn.fit(data, history="var", order=1)
    >>> result.extraction is None, result.features.devices.shape
    (True, (2, 8))
    >>> result.provenance["population"]
    "the preset's"
    >>> result.notes[0].split(":")[0]
    '120 cycles in all are few'
    """

    params: DeviceParams
    features: FeatureFit
    extraction: Extraction | None
    envelopes: Envelopes | None
    drift: Drift
    provenance: dict[str, str]
    notes: tuple[str, ...]


def fit(
    data: xr.Dataset,
    *,
    preset: str | DeviceParams = "hennen2024",
    name: str = "fitted",
    order: int | Criterion = "bic",
    history: Kind | None = None,
    states: int = 8,
    components: int | None = None,
    detrend: int | None = None,
    reset: Transition = "auto",
    rng: RNG = 0,
    progress: StageProgress | None = None,
) -> FitResult:
    """Learn a device population from measured loops, or from features that were extracted elsewhere.

    Parameters
    ----------
    data : xarray.Dataset
        Loops (`learn.loops`) or features (`learn.features`); `learn.read` reads either from a file.
    preset : str or DeviceParams
        Source of what the data do not determine: features that were not measured, currents where there are only
        features, the population where there are too few devices.
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
    detrend : {1, 2, 3}, optional
        Degree of a trend in the cycle number that is taken from each device before; ``drift.removed`` holds it. The
        parameters are then those of devices that do not drift. Default: nothing is removed.
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
    DeviceParams('mine', VAR(1), 3 components)
    >>> sg.CellArray((4, 4), result.params, rng=0).shape
    (4, 4)
    """
    one_of("reset", reset, TRANSITIONS)
    base, report = as_device_params(preset), progress or silent
    extraction = envelopes = None
    table = data
    if "voltage" in data:
        extraction = extract(data, u_read=base.u_read, progress=lambda done, all_: report("extracting", done / all_))
        report("fitting envelopes", 0.0)
        envelopes = fit_envelopes(data, extraction, reset=reset)
        report("fitting envelopes", 1.0)
        table = extraction.features
    removed = None
    if detrend is not None:
        table, removed = remove_trend(table, detrend)
    learned = fit_features(
        table, preset=base, order=order, history=history, states=states, components=components, rng=rng, progress=report
    )
    report("drift", 0.0)
    drift = replace(_drift(learned), removed=removed)
    report("drift", 1.0)
    params = learned.to_params(base, name)
    provenance, notes = {**learned.provenance, "preset": base.name}, list(learned.notes)
    if envelopes is None or extraction is None:
        provenance["currents"] = f"preset {base.name}: the data hold features only"
    else:
        params = with_curves(params, envelopes)
        provenance["currents"] = "fitted to the measured branches"
        provenance["reset"] = _describe_reset(envelopes.reset)
    notes += _drift_notes(drift, detrend)
    if detrend is not None:
        provenance["trend"] = f"polynomials of degree {detrend} in the cycle number were taken from each device"
    params = params.replace(source={**params.source, **provenance, "notes": "; ".join(notes)})
    return FitResult(params, learned, extraction, envelopes, drift, provenance, tuple(notes))


def _drift(learned: FeatureFit) -> Drift:
    measured = tuple(f for f, name in enumerate(FEATURE_NAMES) if np.isfinite(learned.x[..., f]).any())
    return measure_drift(learned.x.to_numpy(), learned.history, measured, seed=1)


def _drift_notes(drift: Drift, detrend: int | None) -> list[str]:
    notes = [
        f"{name} drifts: a parabola in the cycle number explains {drift.index[name]:.1%} of its variance, where a"
        f" stationary law makes {drift.limit[name]:.1%} at most; see detrend"
        for name in drift.drifting
    ]
    if detrend is not None:
        notes.append(f"a trend of degree {detrend} was removed from each device: drift.removed holds it")
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
    return params.replace(
        llrs=curves.llrs,
        hhrs=curves.hhrs,
        u_max=curves.reset.u_max,
        u_read=curves.u_read,
        u_range=curves.u_range,
        eta=curves.reset.eta,
        stretch=curves.reset.stretch,
        source={**params.source, "currents": "fitted to the measured branches"},
    )


def _describe_reset(reset: ResetTransition) -> str:
    kind = "power law" if reset.stretch is None else "power law with knee, slope and rest"
    held_out = (
        f"; rms of held-out cycles {1e6 * reset.rms_power:.3g} uA by the power law, {1e6 * reset.rms_stretched:.3g} uA"
    )
    return kind + (f"{held_out} with a stretch" if np.isfinite(reset.rms_power) else "")
