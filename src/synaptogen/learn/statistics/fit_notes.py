"""Words that go with a fit of features: where each part comes from, and what a reader should know."""

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURE_NAMES

from .bias_correction import BiasCorrectedFit, DynamicsFit
from .feature_tables import FeatureTable
from .few_devices import PRESET_DEVICES
from .population_fit import FEWEST, PopulationFit
from .state_space_fit import longest_pole
from .var_fit import Whiteness

__all__ = ["memory_notes", "notes_of", "provenance_of"]


def _others(table: FeatureTable) -> str:
    return ", ".join(name for f, name in enumerate(FEATURE_NAMES) if f not in table.measured)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _prior(weights: Float64Array, fitter: BiasCorrectedFit) -> str:
    """Say how much a preset counts for each measured feature."""
    return ", ".join(f"{FEATURE_NAMES[f]} {100 * weights[f]:.2g} %" for f in fitter.measured)


def provenance_of(
    table: FeatureTable, fitter: BiasCorrectedFit, fit: PopulationFit | None, why: str, source: str
) -> dict[str, str]:
    """Describe for each part of a fit where it comes from.

    Parameters
    ----------
    table : FeatureTable
    fitter : BiasCorrectedFit
    fit : PopulationFit or None
        None: no population was fitted.
    why : str
        Reason for the choice of the history.
    source : {"measured", "preset", "twins"}
        Devices that the population is made of.

    Returns
    -------
    dict of str to str
    """
    mine = ", ".join(FEATURE_NAMES[f] for f in table.measured)
    rest = f"; {_others(table)} from the preset" if _others(table) else ""
    size = f"{_counted(len(table.devices), 'device')}, {fitter.total:,.0f} cycles in all"
    shapes, memory = "", ""
    if fitter.small:
        shapes = f", drawn towards the preset by {_prior(fitter.shape_prior, fitter)}"
        memory = f", drawn towards the preset by {_prior(fitter.memory_prior, fitter)}"
    devices = _counted(len(table.devices), "measured device")
    if source == "preset":
        population = "the preset's, as asked for"
    elif source == "twins":
        population = f"copies of the {devices}{rest}"
    elif fit is None:
        own = len(table.devices) - 1
        share = PRESET_DEVICES / (PRESET_DEVICES + own)
        population = (
            f"means of the {devices}; spread from device to device {100 * share:.0f} % the preset's, relative to its"
            f" own means{rest}"
        )
    else:
        population = f"{_counted(fit.population.n_components, 'component')} fitted to the measured devices{rest}"
    return {
        "features": f"{mine} measured, {size}{rest}",
        "quantile": f"{mine} from order statistics{shapes}{rest}",
        "history": f"{why}{memory}{rest}",
        "settings_tried": _tried(fitter, fit),
        "population": population,
    }


def _tried(fitter: BiasCorrectedFit, fit: PopulationFit | None) -> str:
    """Count the settings that the data have chosen among: each choice makes the winner look better than it is."""
    orders = fitter.highest_order if isinstance(fitter.order, str) and not fitter.small else 1
    histories = 2 if fitter.history is None and fitter.supports_compact else 1
    mixtures = 0 if fit is None else len(fit.table)
    counted = (_counted(orders, "order"), _counted(histories, "kind") + " of history", _counted(mixtures, "mixture"))
    return f"{orders + histories + mixtures}: {', '.join(counted)}"


def notes_of(
    table: FeatureTable, fitter: BiasCorrectedFit, fit: PopulationFit | None, whiteness: Whiteness, source: str
) -> list[str]:
    """List what a reader of the fit should know.

    Parameters
    ----------
    table : FeatureTable
    fitter : BiasCorrectedFit
    fit : PopulationFit or None
        None: no population was fitted.
    whiteness : Whiteness
        Test of the residuals.
    source : {"measured", "preset", "twins"}
        Devices that the population is made of.

    Returns
    -------
    list of str
    """
    notes = list(table.notes)
    if _others(table):
        notes.append(f"{_others(table)} not measured: shape, memory and devices of it come from the preset")
    if fitter.small:
        notes.append(
            f"{_counted(round(fitter.total), 'cycle')} in all are few: shapes and memory are drawn towards the preset"
            " as far as the record agrees with it"
        )
    if source == "measured" and fit is None:
        notes.append(
            f"{_counted(len(table.devices), 'device')} measured, fewer than the {FEWEST} that a population needs: its"
            " means are measured, and its spread from device to device is partly the preset's"
        )
    elif fit is not None and fit.noise_subtracted:
        notes.append("the scatter of device vectors that comes of the length of the records was subtracted")
    if not whiteness.white:
        notes.append(f"residuals keep autocorrelations of up to {whiteness.worst:.2g} (limit {whiteness.limit:.2g})")
    missing = 1 - fitter.total / table.y[..., 0].size
    if missing > 0:
        notes.append(f"{missing:.1%} of the cycles are missing; pairs count at the distance that their cycles have")
    return notes


def memory_notes(dynamics: DynamicsFit, fitter: BiasCorrectedFit) -> list[str]:
    """Warn of a memory that is longer than such records can distinguish from drift.

    Parameters
    ----------
    dynamics : DynamicsFit
    fitter : BiasCorrectedFit

    Returns
    -------
    list of str
        Empty, or one note.
    """
    most, found = longest_pole(fitter.cycles), dynamics.own.spectral_radius
    if dynamics.compact is not None:
        found = max(found, dynamics.compact.spectral_radius)
    if found < most * (1 - 1e-6):
        return []
    return [
        f"the memory fades by {1 - found:.2g} a cycle (spectral radius {found:.4f}), slower than records of"
        f" {fitter.cycles} cycles can tell from drift ({most:.4f}): do not trust correlations beyond"
        f" {max(fitter.cycles // 4, 1)} cycles"
    ]
