"""Repeated reads of cells that are not switched in between: the labelled container, and its checks.

They are an `xarray.Dataset` with dimensions (device, read), the variable ``conductance`` in S, NaN where missing, and
``time`` in s, of shape (read) or (device, read). ``temperature`` in K, where known, is that since the read before.
``attrs["timed"]`` is False where reads were only counted: then ``time`` is their number.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, Float64Array, checked

Labels: TypeAlias = Sequence[object] | AnyArray

LARGEST_CONDUCTANCE = 0.2  # S; a larger median is in uS or mS
SMALLEST_RESISTANCE = 8.0  # ohm; a smaller median is in kilo-ohms or a logarithm
LARGEST_VOLTAGE = 5.0  # V; a larger read voltage is in mV
LARGEST_CURRENT = 0.09  # A; a larger median is in uA


@checked
def reads(
    resistance: ArrayLike | None = None,
    *,
    conductance: ArrayLike | None = None,
    current: ArrayLike | None = None,
    voltage: ArrayLike | None = None,
    time: ArrayLike | None = None,
    temperature: ArrayLike | None = None,
    level: Labels | None = None,
    device: Labels | None = None,
    name: str = "reads",
) -> xr.Dataset:
    """Make a measurement of repeated reads from arrays: of retention, of noise, or before and after a bake.

    Parameters
    ----------
    resistance, conductance, current : array of shape (n_devices, n_reads) or (n_reads,)
        One of them, in ohm, S or A; NaN: missing. Cells are not switched between their reads.
    voltage : float or array that broadcasts to the current, optional
        Read voltage in V, which a current needs.
    time : array of shape (n_reads,) or (n_devices, n_reads), optional
        In s, ascending: since the write, if that is known. Default: reads are only counted.
    temperature : float or array of shape (n_reads,) or (n_devices, n_reads), optional
        Temperature in K at which a cell has been since its read before, as in a bake. Default: not known.
    level : sequence of length n_devices, optional
        Which level each device was written to.
    device : sequence of length n_devices, optional
        Labels of the devices; default 0, 1, 2 ...
    name : str
        Of the measurement, for messages.

    Returns
    -------
    xarray.Dataset
        Dimensions device and read.

    Raises
    ------
    ValueError
        If not exactly one quantity is given, shapes differ, times descend, or values are obviously in other units.

    Examples
    --------
    >>> from synaptogen import learn
    >>> data = learn.reads([[1e5, 1.1e5], [2e4, 2.1e4]], time=[0, 1800], temperature=[300, 358], device=["a", "b"])
    >>> dict(data.sizes), data.temperature.values.tolist()
    ({'device': 2, 'read': 2}, [300.0, 358.0])
    >>> [f"{1e6 * g:.1f} uS" for g in data.conductance.sel(device="b").values]
    ['50.0 uS', '47.6 uS']
    """
    given = {"resistance": resistance, "conductance": conductance, "current": current}
    there = [key for key, value in given.items() if value is not None]
    if len(there) != 1:
        raise ValueError(
            f"{' and '.join(there) or 'no quantity'} {'are' if len(there) > 1 else 'is'} given: give one of "
            f"{', '.join(given)}"
        )
    quantity = there[0]
    values = _table(quantity, given[quantity])
    g = _conductance(quantity, values, voltage)
    arrays: dict[str, Any] = {"conductance": (("device", "read"), g, {"units": "S"})}
    timed = time is not None
    t = _along("time", np.arange(g.shape[1]) if time is None else time, g.shape)
    if np.isnan(t).any():
        if np.isfinite(g[np.broadcast_to(np.isnan(t), g.shape)]).any():
            raise ValueError("time is NaN where there is a read: give the time of each read")
        t = _filled(t)
    if g.shape[1] > 1 and np.any(np.diff(t) <= 0):
        raise ValueError("time must ascend from read to read of a device: sort the reads, and give each its own time")
    if t.min() < 0:
        raise ValueError(f"time must not be negative, but is {t.min():g} s: count from the write, or the first read")
    arrays["time"] = (("device", "read")[-t.ndim :], t, {"units": "s" if timed else "reads"})
    if temperature is not None:
        kelvin = np.asarray(temperature, np.float64)
        kelvin = _along("temperature", kelvin if kelvin.ndim else np.full(g.shape[1:], kelvin), g.shape)
        if np.any(kelvin <= 0):
            raise ValueError(f"temperature must be positive, but is {np.nanmin(kelvin):g}: give K")
        arrays["temperature"] = (("device", "read")[-kelvin.ndim :], kelvin, {"units": "K"})
    coordinates: dict[str, Any] = {"device": _labels("device", device, len(g), np.arange(len(g)))}
    if level is not None:
        coordinates["level"] = ("device", _labels("level", level, len(g), np.arange(len(g))))
    return xr.Dataset(arrays, coordinates, {"timed": timed, "name": name})


def _table(name: str, value: ArrayLike | None) -> Float64Array:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a rectangular array of numbers: fill shorter records with NaN") from None
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] < 2 or not len(array):
        raise ValueError(f"{name} has shape {array.shape}: give (devices, reads), with two reads or more")
    if not np.isfinite(array).any():
        raise ValueError(f"{name} holds no numbers: everything is NaN")
    return array


def _conductance(quantity: str, values: Float64Array, voltage: ArrayLike | None) -> Float64Array:
    if (quantity == "current") != (voltage is not None):
        raise ValueError(
            "current needs the read voltage in V: give voltage (--read-voltage)"
            if quantity == "current"
            else f"voltage belongs to a current, but {quantity} is given: leave it out"
        )
    middle = float(np.nanmedian(np.abs(values)))
    if quantity == "resistance" and middle < SMALLEST_RESISTANCE:
        raise ValueError(
            f"resistance has median {middle:.4g} ohm, as if it were in kilo-ohms or a logarithm: give ohms"
        )
    if quantity == "conductance" and middle > LARGEST_CONDUCTANCE:
        raise ValueError(f"conductance has median {middle:.4g} S, as if it were in uS: give S")
    if quantity == "current" and middle > LARGEST_CURRENT:
        raise ValueError(f"current has median {middle:.4g} A, as if it were in uA: give A")
    with np.errstate(divide="ignore", invalid="ignore"):
        if quantity == "current":
            u = np.asarray(voltage, np.float64)
            if not np.all(np.abs(u[np.isfinite(u)]) <= LARGEST_VOLTAGE) or not np.any(np.abs(u) > 0):
                raise ValueError(f"voltage must be a read voltage in V, other than 0 and up to {LARGEST_VOLTAGE:g}")
            try:
                g = np.abs(values) / np.abs(np.broadcast_to(u, values.shape))
            except ValueError:
                raise ValueError(
                    f"voltage has shape {u.shape}, but current {values.shape}: give one read voltage"
                ) from None
        else:
            g = values if quantity == "conductance" else 1 / values
    g = np.where(np.isfinite(g) & (g > 0), g, np.nan)
    if not np.isfinite(g).any():
        raise ValueError(f"{quantity} holds no positive number: give magnitudes of the reads")
    return g


def _along(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Float64Array:
    array = np.asarray(value, np.float64)
    if array.shape not in (shape, shape[1:]):
        raise ValueError(f"{name} has shape {array.shape}, but the reads {shape}: give one {name} a read")
    return array


def _filled(t: Float64Array) -> Float64Array:
    """Return times that ascend also behind the last read of a device, where there is none."""
    rows = np.atleast_2d(t).copy()
    for row in rows:
        known = np.isfinite(row)
        if not known.any():
            row[:] = np.arange(len(row))
            continue
        last = np.maximum.accumulate(np.where(known, np.arange(len(row)), 0))
        behind = np.cumsum(~known)
        row[~known] = row[last][~known] + behind[~known]
    return rows.reshape(t.shape)


def _labels(name: str, labels: Labels | None, n: int, default: AnyArray) -> AnyArray:
    values = default if labels is None else np.asarray(labels)
    if values.shape != (n,):
        raise ValueError(f"{name} has {values.size} labels for {n} devices: give one each")
    return values
