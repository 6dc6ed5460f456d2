"""What a user sees first: the features of measured cells beside those of cells that a parameter set simulates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synaptogen._utils import AnyArray, Float64Array
from synaptogen.array import CellArray
from synaptogen.learn.statistics import FEWEST
from synaptogen.learn.virtual_devices import virtual_devices
from synaptogen.params import FEATURE_NAMES, FEATURE_UNITS, DeviceParams

QUANTILE_LEVELS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
"""Quantiles that are compared."""
CELLS, CYCLES = 4000, 10  # that are simulated
NEAR, WIDE = 0.05, 0.25  # relative differences of medians and of widths that count as none


@dataclass(frozen=True)
class FeatureOverview:
    """One feature of measured and of simulated cells, all cycles of all devices pooled.

    Attributes
    ----------
    name, unit : str
    measured, simulated : array of shape (7,)
        Quantiles at `QUANTILE_LEVELS`.
    devices : int
        Number of measured devices.
    """

    name: str
    unit: str
    measured: Float64Array
    simulated: Float64Array
    devices: int

    @property
    def medians(self) -> tuple[float, float]:
        """Medians of the measured and of the simulated cells."""
        return float(self.measured[3]), float(self.simulated[3])

    @property
    def off(self) -> float:
        """Relative difference of the medians."""
        measured, simulated = self.medians
        return simulated / measured - 1

    @property
    def widths(self) -> tuple[float, float]:
        """Widths from the 10 % to the 90 % quantile, in the unit of the feature or, of resistances, as a ratio."""
        ends = ((float(q[2]), float(q[4])) for q in (self.measured, self.simulated))
        first, second = (high / low if self.unit == "ohm" else abs(high - low) for low, high in ends)
        return first, second

    @property
    def stretch(self) -> float:
        """Width of the simulated cells over that of the measured ones, of resistances on a logarithmic scale."""
        measured, simulated = (np.log(w) if self.unit == "ohm" else w for w in self.widths)
        return float(simulated / measured) if measured > 0 else np.nan


def compare_features(
    params: DeviceParams, y: Float64Array, measured: tuple[int, ...], seed: int
) -> tuple[dict[str, AnyArray], str]:
    """Simulate cells of a parameter set, and take quantiles of their features and of measured ones.

    Parameters
    ----------
    params : DeviceParams
    y : array of shape (devices, cycles, 4)
        Measured features on the scales of the model, NaN where missing.
    measured : tuple of int
        Features that were measured.
    seed : int
        Of the simulated cells.

    Returns
    -------
    curves : dict
        ``quantiles_measured`` and ``quantiles_simulated``, (4, 7), in ohm and V; ``devices``, the number of those
        measured.
    limited : str
        How many of the simulated cells are at a limit of the model.
    """
    cycles = CYCLES if params.trend is None else y.shape[1]
    living = params.replace(wear=None)  # as the measured ones here do
    cells = virtual_devices(living, CELLS, cycles, seed)
    simulated = _some_cycles(cells, cycles).reshape(len(FEATURE_NAMES), -1)
    natural = np.moveaxis(y, -1, 0).reshape(len(FEATURE_NAMES), -1).copy()
    natural[0] = 10 ** natural[0]
    found = np.full((2, len(FEATURE_NAMES), len(QUANTILE_LEVELS)), np.nan)
    for f in measured:
        found[0, f] = np.nanquantile(natural[f], QUANTILE_LEVELS)
        found[1, f] = np.quantile(simulated[f], QUANTILE_LEVELS)
    limited = cells.limited()
    text = f"{limited:,} of {CELLS:,}"
    return {"quantiles_measured": found[0], "quantiles_simulated": found[1], "devices": np.array(len(y))}, text


def _some_cycles(cells: CellArray, count: int) -> Float64Array:
    """Return features (4, k, cells) of ten of the next cycles, evenly spaced."""
    places = np.unique(np.linspace(0, count, min(CYCLES, count) + 1).astype(int))
    return np.stack([np.array(cells.run_cycles(int(step)), np.float64)[:, -1] for step in np.diff(places)], axis=1)


def overview_of(curves: Mapping[str, AnyArray]) -> list[FeatureOverview]:
    """Return one entry for each measured feature; none for results of earlier versions.

    Parameters
    ----------
    curves : mapping of str to array
        Of a `Validation`.

    Returns
    -------
    list of FeatureOverview
    """
    if "quantiles_measured" not in curves:
        return []
    rows = zip(FEATURE_NAMES, curves["quantiles_measured"], curves["quantiles_simulated"], strict=True)
    devices = int(curves["devices"])
    return [FeatureOverview(n, FEATURE_UNITS[n], m, s, devices) for n, m, s in rows if np.isfinite(m).all()]


def verdict_of(features: list[FeatureOverview]) -> str:
    """Say in a sentence or two how simulated cells compare with measured ones.

    Parameters
    ----------
    features : list of FeatureOverview

    Returns
    -------
    str
    """
    if not features:
        return ""
    off = [x for x in features if not abs(x.off) <= NEAR]
    wide = [x for x in features if not abs(x.stretch - 1) <= WIDE]
    worst = max(abs(x.off) for x in features)
    first = f"simulated cells have the measured medians, within {100 * worst:.2g} %"
    if off:
        first = "medians of simulated cells are off: " + ", ".join(f"{x.name} by {100 * x.off:+.3g} %" for x in off)
    second = "; their widths are the measured ones" if off else ", and their widths"
    if wide:
        second = "; widths are off: " + ", ".join(f"{x.name} {x.stretch:.2g} times as wide" for x in wide)
        few = features[0].devices
        if few < FEWEST:
            shown = f"{few} devices hardly show" if few > 1 else "1 device hardly shows"
            second += f" (simulated cells differ from device to device, which {shown})"
    return f"{first}{second}"
