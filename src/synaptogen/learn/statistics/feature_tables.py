"""Tables of features: checked, in the units of the model, without devices that nothing can be learned from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.learn.extraction import MEANINGS, Flag, in_model_sign, refuse
from synaptogen.params import FEATURE_NAMES

__all__ = ["FeatureTable", "feature_table", "without_failed"]


FEWEST_CYCLES = 5
"""Cycles that one device at least must have."""
LONG_RECORD = 30
"""Where some device has so many cycles, devices with fewer are left out."""
_RESISTANCES = ("r_hrs", "r_lrs")
_LEAST_OHM, _LEAST_VOLT, _MOST_VOLT = 8.0, 2e-3, 30.0  # medians beyond these are in another unit
_MOST_OHM = 1e12  # of a cell of the model
_WRONG_SIGN = 0.02  # share of the cycles that may have a voltage of the other sign
_LOSES_ALL = Flag.FORMING | Flag.MISSING | Flag.WORN | Flag.NEVER
_LOSES = {
    "r_hrs": Flag.FROM_LRS,
    "u_set": Flag.FROM_LRS | Flag.NO_SET | Flag.SET_AT_END,
    "r_lrs": Flag.NO_SET,
    "u_reset": Flag.NO_SET | Flag.NO_RESET | Flag.RESET_AT_END,
}
_STRETCH = 4  # most cycle numbers per row, where rows stand alone; as many times more where rows follow one another


@dataclass(frozen=True)
class FeatureTable:
    """Features on the model's scales.

    Attributes
    ----------
    y : array of shape (n_devices, n_cycles, 4)
        log10 r_hrs (ohm), u_set (V), r_lrs (ohm), u_reset (V); NaN where not measured.
    measured : tuple of int
        Features with values.
    devices : array of shape (n_devices,)
        Labels of the devices that are left.
    cycles : array of shape (n_cycles,)
        Numbers of the cycles.
    notes : list of str
        Devices and cycles that were left out, and why.
    """

    y: Float64Array
    measured: tuple[int, ...]
    devices: NDArray[np.generic]
    cycles: NDArray[np.generic]
    notes: list[str]

    @property
    def count(self) -> Float64Array:
        """Number of measured cycles of each device, shape (n_devices,): those of its best known feature."""
        return np.asarray((~np.isnan(self.y)).sum(1).max(1), dtype=np.float64)


def feature_table(features: xr.Dataset) -> FeatureTable:
    """Check features, and bring them to the scales of the model.

    Parameters
    ----------
    features : xarray.Dataset
        Variables (device, cycle) as `learn.features` makes, perhaps with ``flag``.

    Returns
    -------
    FeatureTable

    Raises
    ------
    ValueError
        If no known feature is there, axes have other names, values are infinite, of the wrong sign or in the wrong
        unit, or no device has enough different cycles.
    """
    if "conductance" in features:
        refuse("retention")
    names = [name for name in FEATURE_NAMES if name in features]
    if not names:
        raise ValueError(
            f"features has none of the variables {', '.join(FEATURE_NAMES)}; it has"
            f" {', '.join(map(str, features)) or 'no variables'}: name the columns, or make it with learn.features"
        )
    kept = [*names, "flag"] if "flag" in features else names
    data, notes = without_failed(_without_jumps(in_model_sign(_labelled(features[kept]))))
    y = np.full((data.sizes["device"], data.sizes["cycle"], len(FEATURE_NAMES)), np.nan)
    for name in names:
        y[..., FEATURE_NAMES.index(name)] = data[name].transpose("device", "cycle").to_numpy()
    measured = tuple(f for f in range(len(FEATURE_NAMES)) if np.isfinite(y[..., f]).any())
    if not measured:
        raise ValueError(f"features {', '.join(names)} hold no values, only NaN: give measured cycles")
    _check_values(y, measured)
    y[..., 0] = np.log10(y[..., 0])
    found = _fit_to_learn(y, measured, data["device"].to_numpy(), data["cycle"].to_numpy())
    return replace(found, notes=[*notes, *found.notes])


def without_failed(data: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Set features to NaN where the flags of their cycles exclude them, and count the flags.

    Without a variable ``flag`` nothing changes. Bounds (`Flag.UNRESOLVED`) and incomplete cycles keep what they have.

    Parameters
    ----------
    data : xarray.Dataset
        Features, perhaps with ``flag``.

    Returns
    -------
    features : xarray.Dataset
        Without ``flag``.
    notes : list of str
        How many cycles have each flag.

    Raises
    ------
    ValueError
        If a flag is not a sum of those of `Flag`.
    """
    if "flag" not in data:
        return data, []
    given = data["flag"].to_numpy().astype(np.float64)
    flag = np.where(np.isnan(given), float(Flag.MISSING), given)
    if np.any((flag < 0) | (flag != np.round(flag)) | (flag >= 2 * max(Flag))):
        raise ValueError(
            "flag holds values that are no sums of flags: give whole numbers as learn.Flag names them, 0 for good"
            " cycles, or leave the column out"
        )
    bits = flag.astype(np.int64)
    cleaned = data.drop_vars("flag")
    for name in cleaned:
        lost = (bits & int(_LOSES[str(name)] | _LOSES_ALL)) != 0
        cleaned[name] = cleaned[name].where(~xr.DataArray(lost, dims=data["flag"].dims))
    counts = {one: int(np.count_nonzero(bits & int(one))) for one in Flag}
    return cleaned, [
        f"{count:,} of {bits.size:,} cycles flagged {str(one.name).lower()}: {MEANINGS[one]}"
        for one, count in counts.items()
        if count
    ]


def _labelled(data: xr.Dataset) -> xr.Dataset:
    if "device" not in data.dims:
        data = data.expand_dims("device")
    if set(data.dims) != {"device", "cycle"}:
        raise ValueError(f"features must have the dimensions device and cycle, not {', '.join(map(str, data.dims))}")
    if not data.sizes["device"] or not data.sizes["cycle"]:
        raise ValueError("features is empty: give at least one device and its cycles")
    return data


def _without_jumps(data: xr.Dataset) -> xr.Dataset:
    """Put rows where their cycle numbers say, with NaN between, so that no lag jumps over missing cycles."""
    if "cycle" not in data.coords or data["cycle"].dtype.kind not in "iu":
        return data
    numbers = data["cycle"].to_numpy()
    if np.all(np.diff(numbers) == 1):
        return data
    if len(np.unique(numbers)) < len(numbers):
        raise ValueError("the coordinate cycle names a cycle twice: number the cycles of a device 0, 1, 2, ...")
    first, last = int(numbers.min()), int(numbers.max())
    runs = 1 + np.count_nonzero(np.diff(numbers) != 1)
    if last - first >= _STRETCH * len(numbers) * (len(numbers) / runs):
        raise ValueError(
            f"the coordinate cycle runs from {first} to {last} in {len(numbers)} rows: number the cycles 0, 1, 2, ..."
        )
    return data.reindex(cycle=np.arange(first, last + 1))


def _check_values(y: Float64Array, measured: Sequence[int]) -> None:
    if np.isinf(y).any():
        raise ValueError("features hold infinite values: set cycles that failed to NaN")
    for f in measured:
        name, values = FEATURE_NAMES[f], y[..., f][~np.isnan(y[..., f])]
        if name in _RESISTANCES:
            _check_resistance(name, values)
        else:
            _check_voltage(name, values, -1 if name == "u_set" else 1)
    if {0, 2} <= set(measured) and np.nanmedian(y[..., 0]) <= np.nanmedian(y[..., 2]):
        raise ValueError("r_hrs is below r_lrs in the middle: exchange the two")


def _check_resistance(name: str, values: Float64Array) -> None:
    if np.any(values <= 0):
        raise ValueError(f"{name} must be positive, but {np.sum(values <= 0)} values are not: set failed reads to NaN")
    middle = float(np.median(values))
    if middle < _LEAST_OHM:
        raise ValueError(f"{name} has a median of {middle:.3g}: give ohm, not kilohm, siemens or logarithms")
    if middle > _MOST_OHM:
        raise ValueError(
            f"{name} has a median of {middle:.3g} ohm, and cells of the model have at most 1e12 ohm: see that the unit"
            " is right (--unit current=uA, units={'current': 'uA'}), or leave this feature out, and give a table of the"
            " others"
        )


def _check_voltage(name: str, values: Float64Array, sign: int) -> None:
    wrong = float(np.mean(values * sign <= 0))
    if wrong > _WRONG_SIGN:
        raise ValueError(
            f"{name} must be {'negative' if sign < 0 else 'positive'}, but {wrong:.0%} of the values are not: SET is"
            " negative here and RESET positive, so change the sign of the voltages (polarity)"
        )
    middle = float(np.median(np.abs(values)))
    if not _LEAST_VOLT <= middle <= _MOST_VOLT:
        raise ValueError(f"{name} has a median size of {middle:.3g}: give volts, not millivolts")


def _fit_to_learn(
    y: Float64Array, measured: tuple[int, ...], devices: NDArray[np.generic], cycles: NDArray[np.generic]
) -> FeatureTable:
    """Leave out devices with too few cycles, or whose features never change."""
    known = (~np.isnan(y)).sum(1)[:, list(measured)]
    longest = int(known.max())
    least = LONG_RECORD if longest >= LONG_RECORD else FEWEST_CYCLES
    few = known.max(1) < least
    if few.all():
        raise ValueError(
            f"the best known device has {longest} cycles: at least {least} are needed to learn from or to judge by"
        )
    constant = ~few & np.any((_value_range(y)[:, list(measured)] <= 0) & (known > 0), axis=1)
    if np.all(few | constant):
        names = [FEATURE_NAMES[f] for f in measured if np.all(_value_range(y)[~few, f] <= 0)]
        raise ValueError(f"{', '.join(names) or 'a feature'} is constant in every device: nothing can be learned of it")
    notes = [
        f"{len(gone)} device{'s' * (len(gone) != 1)} left out, {why}: {', '.join(map(str, devices[gone][:8]))}"
        f"{', ...' * (len(gone) > 8)}"
        for gone, why in (
            (np.flatnonzero(few), f"of fewer than {least} cycles"),
            (np.flatnonzero(constant), "of which a feature never changes"),
        )
        if len(gone)
    ]
    if longest < LONG_RECORD:
        notes.append(
            f"no device has more than {longest} cycles: they tell medians, and hardly how cycles follow each other"
        )
    kept = ~(few | constant)
    return FeatureTable(y[kept], measured, devices[kept], cycles, notes)


def _value_range(y: Float64Array) -> Float64Array:
    """Return the range of each feature of each device, less rounding, (n_devices, 4); -1 where there are no values."""
    low = np.where(np.isnan(y), np.inf, y).min(1)
    high = np.where(np.isnan(y), -np.inf, y).max(1)
    with np.errstate(invalid="ignore"):
        spread = high - low - 1e-7 * np.maximum(np.abs(low), np.abs(high))
    return np.asarray(np.where(np.isfinite(spread), spread, -1.0))
