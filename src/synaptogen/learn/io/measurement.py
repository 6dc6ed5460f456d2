"""Labelled containers of measured I-V loops, or of the features of each cycle.

Loops are an `xarray.Dataset` with dimensions (device, cycle, point), variables ``voltage`` in V, ``current`` in A and,
where known, ``time`` in s. Loops may differ in length: what is missing is NaN. Features are a Dataset with dimensions
(device, cycle) and variables ``r_hrs``, ``u_set``, ``r_lrs``, ``u_reset`` in ohm and V, NaN where missing.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, Shape, checked
from synaptogen.params import FEATURE_NAMES, FEATURE_UNITS

from .measurement_checks import attributes_of, check_feature, check_loops, cube, like, table_of_cycles

Labels: TypeAlias = Sequence[object] | AnyArray


@checked
def loops(
    voltage: ArrayLike,
    current: ArrayLike,
    time: ArrayLike | None = None,
    *,
    current_limit: float | None = None,
    series_resistance: float | None = None,
    polarity: int | None = None,
    device: Labels | None = None,
    cycle: Labels | None = None,
) -> xr.Dataset:
    """Make a measurement of I-V loops from arrays.

    Parameters
    ----------
    voltage, current : array of shape (n_devices, n_cycles, n_points) or (n_cycles, n_points)
        In V and A; NaN beyond the end of a shorter loop, and all over a loop that is missing. A voltage may have
        fewer axes, if all loops share it.
    time : array of the same shape, optional
        In s.
    current_limit : float, optional
        Magnitude in A at which the instrument limited the current of SET. Estimated when not given.
    series_resistance : float, optional
        In ohm, of wires and transistor; its voltage drop is subtracted before features are extracted.
    polarity : {1, -1}, optional
        1: SET by a negative voltage; -1: by a positive one. Default: `extract` finds it.
    device, cycle : sequence, optional
        Labels of devices and cycles; default 0, 1, 2 ...

    Returns
    -------
    xarray.Dataset
        Dimensions device, cycle and point; the options are attributes.

    Raises
    ------
    ValueError
        If shapes do not fit, there is no value, or values are infinite or obviously in other units.

    Examples
    --------
    Two loops of one cell that stays at 10 kohm:

    >>> import numpy as np
    >>> from synaptogen import learn
    >>> voltage = 1.5 * np.sin(np.linspace(0, 2 * np.pi, 100))
    >>> data = learn.loops(voltage, np.stack([voltage, voltage]) / 10e3, current_limit=200e-6)
    >>> dict(data.sizes)
    {'device': 1, 'cycle': 2, 'point': 100}
    >>> data.attrs["current_limit"], data.current.units
    (0.0002, 'A')
    """
    given = {"current_limit": current_limit, "series_resistance": series_resistance, "polarity": polarity}
    return believed_loops(voltage, current, time, device=device, cycle=cycle, believed=False, **given)


def believed_loops(
    voltage: ArrayLike,
    current: ArrayLike,
    time: ArrayLike | None = None,
    *,
    device: Labels | None = None,
    cycle: Labels | None = None,
    believed: bool,
    **attributes: Any,
) -> xr.Dataset:
    """Return a measurement of loops; with ``believed``, units were given, so that large currents are meant.

    Parameters
    ----------
    voltage : array
        In V.
    current : array
        In A.
    time : array, optional
        In s.
    device : Labels, optional
        Labels of devices.
    cycle : Labels, optional
        Labels of cycles.
    believed : bool
        Whether units were given, so that large currents are meant.
    attributes : Any
        Those of the instrument, see `loops`.

    Returns
    -------
    xarray.Dataset
    """
    i = cube("current", current)
    u = like("voltage", voltage, i.shape)
    missing = np.isnan(u) | np.isnan(i)
    if missing.any():
        u, i = (np.where(missing, np.array(np.nan, x.dtype), x) for x in (u, i))
    check_loops(u, i, missing, believed)
    dims = ("device", "cycle", "point")
    parts = {"voltage": (dims, u, {"units": "V"}), "current": (dims, i, {"units": "A"})}
    if time is not None:
        parts["time"] = (dims, like("time", time, i.shape), {"units": "s"})
    return xr.Dataset(parts, _coordinates(i.shape[:2], device, cycle), attributes_of(**attributes))


@checked
def features(
    r_hrs: ArrayLike | None = None,
    u_set: ArrayLike | None = None,
    r_lrs: ArrayLike | None = None,
    u_reset: ArrayLike | None = None,
    *,
    flag: ArrayLike | None = None,
    device: Labels | None = None,
    cycle: Labels | None = None,
) -> xr.Dataset:
    """Make a measurement from the features of each cycle; those not given are not measured.

    Parameters
    ----------
    r_hrs, r_lrs : array of shape (n_devices, n_cycles) or (n_cycles,), optional
        Resistances in ohm: of the HRS that a cycle starts from, and of the LRS after SET. NaN: missing.
    u_set, u_reset : array of the same shape, optional
        Thresholds in V, of opposite signs; `fit` brings them to the sign of the model, U_SET negative.
    flag : array of int of the same shape, optional
        Events in each cycle, sums of `Flag`; 0 for good cycles.
    device, cycle : sequence, optional
        Labels of devices and cycles; default 0, 1, 2 ...

    Returns
    -------
    xarray.Dataset
        Dimensions device and cycle.

    Raises
    ------
    ValueError
        If nothing is given, shapes differ, or values have the wrong sign or are obviously in other units.

    Examples
    --------
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> cycles = sg.CellArray(3, rng=1).run_cycles(50)  # each feature has shape (cycles, devices)
    >>> data = learn.features(r_hrs=cycles.r_hrs.T, r_lrs=cycles.r_lrs.T, device=["a", "b", "c"])
    >>> dict(data.sizes), sorted(data.data_vars)
    ({'device': 3, 'cycle': 50}, ['r_hrs', 'r_lrs'])
    >>> data.r_lrs.sel(device="b").units
    'ohm'
    """
    given = dict(zip(FEATURE_NAMES, (r_hrs, u_set, r_lrs, u_reset), strict=True))
    arrays = {name: table_of_cycles(name, value) for name, value in given.items() if value is not None}
    if not arrays:
        raise ValueError(f"no feature is given: give at least one of {', '.join(FEATURE_NAMES)}")
    shape = next(iter(arrays.values())).shape
    for name, array in arrays.items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, but {next(iter(arrays))} {shape}: give equal shapes")
        check_feature(name, array)
    dims = ("device", "cycle")
    parts: dict[str, Any] = {name: (dims, array, {"units": FEATURE_UNITS[name]}) for name, array in arrays.items()}
    if flag is not None:
        flags = table_of_cycles("flag", flag)
        if flags.shape != shape:
            raise ValueError(f"flag has shape {flags.shape}, but the features {shape}: give one flag a cycle")
        parts["flag"] = (dims, flags)
    return xr.Dataset(parts, _coordinates(shape, device, cycle))


def _coordinates(shape: Shape, device: Labels | None, cycle: Labels | None) -> dict[str, Any]:
    coordinates = {}
    for name, labels, length in (("device", device, shape[0]), ("cycle", cycle, shape[1])):
        values = np.arange(length) if labels is None else np.asarray(labels)
        if values.shape != (length,):
            raise ValueError(f"{name} has {values.size} labels for {length}: give one each")
        coordinates[name] = values
    return coordinates
