"""Checks of the arrays of a measurement: shapes, units, and the signs of currents."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import BoolArray, RealArray, Shape

LARGEST_VOLTAGE = 50.0  # V; a larger one is in millivolts
LARGEST_CURRENT = 0.09  # A; a larger one is in mA or uA: large devices take 80 mA
LARGEST_BELIEVED = 10.0  # A; a larger one is wrong, whatever its unit
SMALLEST_RESISTANCE = 8.0  # ohm; a median below is in kilo-ohms or a logarithm
SMALL_RESISTANCE, USUAL_CURRENT, SMALL_CURRENT = 100.0, 0.02, 1e-11  # ohm and A: sizes beyond these are said
LARGE_RESISTANCE = {"r_hrs": 1e12, "r_lrs": 1e10}  # ohm
SMALL_VOLTAGE, LARGE_VOLTAGE = 0.1, 12.0  # V
NEAR, TELLING = 0.1, 0.5  # shares of the largest voltage: near zero below the first, far from it above the second
FEWEST_SIGNS, WRONG = 10, 0.1  # points that a check of signs needs; share of currents with a wrong sign


def numbers(name: str, value: ArrayLike) -> RealArray:
    """Return an array of floats; refuses what is none, or is empty.

    Parameters
    ----------
    name : str
        Name of the argument or column, for messages.
    value : array
        What the user gave.

    Returns
    -------
    array
    """
    try:
        array = np.asarray(value)
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a rectangular array of numbers: fill shorter loops with NaN") from None
    if array.size == 0:
        raise ValueError(f"{name} is empty: there must be at least one cycle")
    return array


def cube(name: str, value: ArrayLike) -> RealArray:
    """Return an array of shape (devices, cycles, points).

    Parameters
    ----------
    name : str
        Name of the argument or column, for messages.
    value : array
        What the user gave.

    Returns
    -------
    array
    """
    array = numbers(name, value)
    if array.ndim not in (2, 3):
        raise ValueError(
            f"{name} has shape {array.shape}: give (devices, cycles, points), or (cycles, points) of one device"
        )
    return array if array.ndim == 3 else array[None]


def table_of_cycles(name: str, value: ArrayLike) -> RealArray:
    """Return an array of shape (devices, cycles).

    Parameters
    ----------
    name : str
        Name of the argument or column, for messages.
    value : array
        What the user gave.

    Returns
    -------
    array
    """
    array = numbers(name, value)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}: give (devices, cycles), or (cycles,) of one device")
    return array if array.ndim == 2 else array[None]


def like(name: str, value: ArrayLike, shape: Shape) -> RealArray:
    """Return an array of the shape of the current.

    Parameters
    ----------
    name : str
        Name of the argument or column, for messages.
    value : array
        What the user gave.
    shape : tuple of int
        Shape of the current.

    Returns
    -------
    array
    """
    array = numbers(name, value)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}, but current {shape}: give one {name} a point") from None


def check_loops(u: RealArray, i: RealArray, missing: BoolArray, believed: bool) -> None:
    """Refuse voltages and currents without a point, in other units, or with wrong signs.

    Parameters
    ----------
    u : array
        Voltages in V.
    i : array
        Currents in A.
    missing : array of bool
        Where either is missing.
    believed : bool
        Whether units were given, so that large currents are meant.
    """
    if missing.all():
        raise ValueError("voltage and current hold no point where both are numbers: everything is NaN")
    reach_u, reach_i = _reach("voltage", u), _reach("current", i)
    if reach_u > LARGEST_VOLTAGE:
        raise ValueError(
            f"voltage reaches {reach_u:.4g} V, as if it were in mV: give V, or name the column with its unit,"
            " or say it, as in units={'voltage': 'mV'} or --unit voltage=mV"
        )
    if reach_i > (LARGEST_BELIEVED if believed else LARGEST_CURRENT):
        raise ValueError(
            f"current reaches {reach_i:.4g} A, as if it were in mA or uA: give A, or name the column with its unit, as"
            " in current (mA), or say its unit, as in units={'current': 'mA'} or --unit current=mA"
        )
    _check_signs(u, i, missing, reach_u)
    if reach_u < 1e-2 < 1e2 * reach_u:
        raise ValueError(f"voltage reaches {reach_u:.4g} V only: give V, and see that it is not exchanged with current")


def runs_against(u: RealArray, i: RealArray) -> bool:
    """Return whether a current has the sign opposite to that of the voltage, as that out of the other terminal has.

    Parameters
    ----------
    u, i : array
        In V and A, perhaps NaN.

    Returns
    -------
    bool
    """
    missing = np.isnan(u) | np.isnan(i)
    if missing.all():
        return False
    return max(_signs(u, i, missing, float(np.nanmax(np.abs(u)))) or (1.0, 1.0)) < WRONG


def unusual_sizes(arrays: Mapping[str, RealArray], believed: bool) -> list[str]:
    """Return remarks on numbers that are unusual in the units in which they were read.

    Parameters
    ----------
    arrays : mapping of str to array
        Voltages and currents, or features, in SI units.
    believed : bool
        Whether the unit of the current was given.

    Returns
    -------
    list of str
    """
    said = []
    for name in ("r_hrs", "r_lrs"):
        middle, shown = _middle_of(arrays, name)
        if middle < SMALL_RESISTANCE:
            said.append(
                f"{name} is read as {shown} ohm, which is unusually small: if these are kohm, --unit {name}=kohm"
            )
        elif middle > LARGE_RESISTANCE[name]:
            said.append(
                f"{name} is read as {shown} ohm, which is unusually large: if this is not its unit, say it, as in"
                f" --unit {name}=ohm"
            )
    for name in ("u_set", "u_reset"):
        middle, shown = _middle_of(arrays, name)
        if middle > LARGE_VOLTAGE:
            said.append(f"{name} is read as {shown} V, which is unusually large: if these are mV, --unit {name}=mV")
        elif middle < SMALL_VOLTAGE:
            said.append(
                f"{name} is read as {shown} V, which is unusually small: if this is not its unit, say it, as in"
                f" --unit {name}=V"
            )
    return said + (_unusual_loops(arrays["voltage"], arrays["current"], believed) if "current" in arrays else [])


def _middle_of(arrays: Mapping[str, RealArray], name: str) -> tuple[float, str]:
    """Return the median magnitude of an array, NaN where there is none, and the range of most of it."""
    there = np.asarray(arrays[name])[np.isfinite(arrays[name])] if name in arrays else np.empty(0)
    if not there.size:
        return np.nan, ""
    low, middle, high = (float(x) for x in np.quantile(there, [0.05, 0.5, 0.95]))
    return abs(middle), f"{low:.3g} to {high:.3g}"


def _unusual_loops(u: RealArray, i: RealArray, believed: bool) -> list[str]:
    """Return remarks on unusual voltages, currents, and ratios of the two."""
    said = []
    reach_u, reach_i = _reach("voltage", u), _reach("current", i)
    if reach_u > LARGE_VOLTAGE:
        said.append(
            f"voltage is read as up to {reach_u:.3g} V, which is unusually large: if these are mV, --unit voltage=mV"
        )
    elif reach_u < SMALL_VOLTAGE:
        said.append(
            f"voltage is read as up to {reach_u:.3g} V, which is unusually small: if this is not its unit, say it, as"
            " in --unit voltage=V"
        )
    if believed:
        return said
    if reach_i > USUAL_CURRENT:
        said.append(
            f"current is read as up to {reach_i:.3g} A, which is unusually large: if these are mA, --unit current=mA"
        )
    elif reach_u < SMALL_RESISTANCE * reach_i:
        said.append(
            f"current is read as up to {reach_i:.3g} A at up to {reach_u:.3g} V, which makes resistances unusually"
            " small: if these are mA, --unit current=mA"
        )
    elif reach_i < SMALL_CURRENT:
        said.append(
            f"current is read as up to {reach_i:.3g} A, which is unusually small: if this is not its unit, say it, as"
            " in --unit current=uA"
        )
    return said


def _check_signs(u: RealArray, i: RealArray, missing: BoolArray, reach: float) -> None:
    """Refuse a current that has not the sign of the voltage, far from zero, if it depends on the voltage at all."""
    along = _signs(u, i, missing, reach)
    if along is None:
        return
    if max(along) < WRONG:
        raise ValueError("current has the sign opposite to that of the voltage: change the sign of one of them")
    if min(along) < WRONG < 1 - WRONG < max(along):
        raise ValueError(
            "current has the same sign at both signs of the voltage, as a magnitude has: give it its sign, or"
            " magnitude=True (--magnitude), by which it gets that of the voltage"
        )


def _signs(u: RealArray, i: RealArray, missing: BoolArray, reach: float) -> tuple[float, float] | None:
    """Return the share of currents with the sign of the voltage, at negative and positive ones; None if unknown."""
    low, high = (i[~missing & (side * u > TELLING * reach)] for side in (-1, 1))
    near = i[~missing & (np.abs(u) < NEAR * reach)]
    if min(len(low), len(high), len(near)) < FEWEST_SIGNS:
        return None
    if np.median(np.abs(np.concatenate([low, high]))) < 2 * np.median(np.abs(near)) + 1e-15:
        return None  # an offset, or nothing
    low, high = (part - np.median(near) for part in (low, high))  # an HRS may carry less than the offset
    return float(np.mean(low < 0)), float(np.mean(high > 0))


def _reach(name: str, values: RealArray) -> float:
    """Return the largest magnitude of a typical loop; raises at infinities."""
    largest = np.fmax.reduce(np.abs(values), axis=-1)  # NaN only where a loop is missing
    if np.isinf(largest).any():
        raise ValueError(f"{name} holds infinities: replace points that could not be measured by NaN")
    return float(np.median(largest[~np.isnan(largest)]))


def check_feature(name: str, values: RealArray) -> None:
    """Refuse values of a feature that cannot be, or are in another unit.

    Parameters
    ----------
    name : str
        Name of the argument or column, for messages.
    values : array
        Numbers, NaN where missing.
    """
    there = values[~np.isnan(values)]
    if not there.size:
        return
    if np.isinf(there).any():
        raise ValueError(f"{name} holds infinities: replace what could not be measured by NaN")
    middle = float(np.median(there))
    if name.startswith("r_"):
        if there.min() <= 0:
            raise ValueError(f"{name} must be positive, but holds {there.min():.4g} ohm: replace such values by NaN")
        if middle < SMALLEST_RESISTANCE:
            raise ValueError(
                f"{name} has median {middle:.4g} ohm, as if it were in kilo-ohms or a logarithm: give ohms, or say"
                f" the unit, as in units={{{name!r}: 'kohm'}} or --unit {name}=kohm"
            )
    elif abs(middle) > LARGEST_VOLTAGE:
        raise ValueError(f"{name} has median {middle:.4g} V, as if it were in mV: give V")


def attributes_of(
    current_limit: float | None = None, series_resistance: float | None = None, polarity: int | None = None
) -> dict[str, Any]:
    """Return the attributes that describe the instrument, checked.

    Parameters
    ----------
    current_limit : float, optional
        In A.
    series_resistance : float, optional
        In ohm.
    polarity : int, optional
        1: SET by a negative voltage; -1: by a positive one.

    Returns
    -------
    dict
        By name, those that are given.
    """
    if polarity not in (1, -1, None):
        raise ValueError(f"polarity must be 1 (SET by a negative voltage) or -1, not {polarity!r}")
    attributes: dict[str, Any] = {} if polarity is None else {"polarity": int(polarity)}
    given = {"current_limit": (current_limit, "A"), "series_resistance": (series_resistance, "ohm")}
    for name, (value, unit) in given.items():
        if value is None:
            continue
        least = 0.0 if name == "series_resistance" else 1e-15
        if not least <= value < np.inf:
            raise ValueError(f"{name} must be a positive number in {unit}, not {value!r}: leave it out if unknown")
        attributes[name] = float(value)
    if attributes.get("current_limit", 0.0) > LARGEST_CURRENT:
        raise ValueError(f"current_limit is {current_limit:.4g} A, as if it were in mA or uA: give A")
    return attributes
