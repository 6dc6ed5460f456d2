"""Columns of tables of repeated reads: quantities, labels, temperatures and voltages in SI units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Float64Array

from .columns import listed
from .raw_tables import RawTable, is_numeric
from .read_names import QUANTITIES, Name, name_of, parted

WARM = 200.0  # a temperature without a unit is in K above this, else in degrees Celsius
STEADY = 0.02  # relative spread of a voltage that is a read voltage
RESISTIVE, CONDUCTIVE = 100.0, 0.05  # a median without name is in ohm above, in S below
ZERO_CELSIUS = 273.15


@dataclass
class ReadTable:
    """Repeated reads of a file, in the form that `reads` takes.

    Attributes
    ----------
    arguments : dict
        Arguments of `reads`.
    lines : list of str
        How it was understood.
    """

    arguments: dict[str, Any]
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadOptions:
    """What a user says of a table of reads.

    Attributes
    ----------
    columns : mapping of str to str
        The file's names of some of our `ROLES`.
    voltage : float, optional
        Read voltage in V of currents.
    seconds, temperature : float, optional
        Time in s between the reads before and after a bake, and its temperature in K.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    voltage: float | None = None
    seconds: float | None = None
    temperature: float | None = None


def names_of(table: RawTable, columns: Mapping[str, str]) -> list[Name]:
    """Return what the names of the columns mean, as the user says and as they say.

    Parameters
    ----------
    table : RawTable
        The table.
    columns : mapping of str to str
        The file's names of some of our roles.

    Returns
    -------
    list[Name]
    """
    names = [name_of(n) if n else Name("") for n in table.names]
    given = {n.role for n in names if not n.base}
    names = [Name("") if n.base and n.role in given else n for n in names]  # the same once more, as a logarithm
    for ours, theirs in columns.items():
        if theirs not in table.names:
            raise ValueError(f"there is no column {theirs!r} for {ours}; there are {listed(table.names)}")
        k = table.names.index(theirs)
        _, factor, kind = parted(theirs)
        role = ours if ours not in ("before", "after") else names[k].role or ""
        names = [n._replace(role="") if n.role == role and j != k else n for j, n in enumerate(names)]
        names[k] = Name(role, factor, names[k].celsius, bool(kind), ours if ours in ("before", "after") else "")
    return names


def values_of(table: RawTable, names: Sequence[Name], k: int) -> Float64Array:
    """Return the numbers of a column in SI units.

    Parameters
    ----------
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.
    k : int
        Place of the column.

    Returns
    -------
    array
    """
    return in_si(np.asarray(table.columns[k], np.float64), names[k], table.names[k])


def in_si(values: Float64Array, name: Name, text: str) -> Float64Array:
    """Return what a column or an array holds in SI units, and not as a logarithm.

    Parameters
    ----------
    values : array
        The numbers.
    name : Name
        What their name means.
    text : str
        The name itself, for messages.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        If the name speaks of a logarithm, and does not say of which.
    """
    if np.isnan(name.base):
        raise ValueError(f"{text!r} does not say which logarithm it is: name it log10(...) or ln(...)")
    return np.asarray((np.power(name.base, values) if name.base else values) * name.factor)


def kelvin_of(table: RawTable, names: Sequence[Name], lines: list[str]) -> Float64Array | None:
    """Return the temperature of each row in K, or None.

    Parameters
    ----------
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.
    lines : list of str
        Gets a line for what was understood.

    Returns
    -------
    array or None
    """
    found = [k for k, n in enumerate(names) if n.role == "temperature" and is_numeric(table.columns[k])]
    if not found:
        return None
    name, values = names[found[0]], np.asarray(table.columns[found[0]], np.float64)
    celsius = name.celsius or (not name.unit and float(np.nanmedian(values)) < WARM)
    lines.append(f"temperature: column {table.names[found[0]]!r}, in {'degrees Celsius' if celsius else 'K'}")
    return values + ZERO_CELSIUS if celsius else values


def labels_of(table: RawTable, names: Sequence[Name], role: str) -> tuple[AnyArray | None, list[str]]:
    """Return one label a row from the columns of a role, which together name a device, and the names of these.

    Parameters
    ----------
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.
    role : str
        The quantity, or the role of the columns.

    Returns
    -------
    tuple of array, or None, and list of str
    """
    columns = [k for k, n in enumerate(names) if n.role == role]
    texts = {k: pd.Series(table.columns[k]) for k in columns}
    vary = [k for k in columns if texts[k].nunique(dropna=False) > 1] or columns[:1]
    if not vary:
        return None, []
    if len(vary) == 1:
        own = texts[vary[0]]
        whole = is_numeric(table.columns[vary[0]]) and own.notna().all() and (own == own.round()).all()
        return np.asarray(own.astype(np.int64) if whole else own), [table.names[vary[0]]]
    rows = zip(*([f"{v:g}" if isinstance(v, float) else str(v) for v in texts[k]] for k in vary), strict=True)
    return np.array(["/".join(row) for row in rows], dtype=object), [table.names[k] for k in vary]


def amount_of(
    table: RawTable, names: Sequence[Name], k: int, values: Float64Array, options: ReadOptions, lines: list[str]
) -> dict[str, Any]:
    """Return the quantity of a column by its name, with the read voltage of a current.

    Parameters
    ----------
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.
    k : int
        Place of the column.
    values : array
        Numbers, NaN where missing.
    options : ReadOptions
        What the user says.
    lines : list of str
        Gets a line for what was understood.

    Returns
    -------
    dict
    """
    role = names[k].role
    if role not in QUANTITIES:
        role = by_size(values, table.names[k])
        lines.append(f"{table.names[k]!r} has no unit: taken as {role} in {'ohm' if role == 'resistance' else 'S'}")
    return {role: values, **voltage_of(role, table, names, options)}


def voltage_of(role: str, table: RawTable, names: Sequence[Name], options: ReadOptions) -> dict[str, Any]:
    """Return the read voltage of a current as an argument of `reads`.

    Parameters
    ----------
    role : str
        The quantity, or the role of the columns.
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.
    options : ReadOptions
        What the user says.

    Returns
    -------
    dict
    """
    if role != "current":
        return {}
    if options.voltage is not None:
        return {"voltage": options.voltage}
    found = [k for k, n in enumerate(names) if n.role == "voltage" and is_numeric(table.columns[k])]
    if not found:
        raise ValueError("current needs the read voltage in V: give voltage to learn.read_retention (--read-voltage)")
    u = values_of(table, names, found[0])
    if not is_steady(u):
        raise ValueError(f"the voltage {table.names[found[0]]!r} varies: repeated reads have one read voltage")
    return {"voltage": float(np.nanmedian(np.abs(u)))}


def by_size(values: Float64Array, name: str) -> str:
    """Return what numbers without a unit are, by their median.

    Parameters
    ----------
    values : array
        Numbers, NaN where missing.
    name : str
        Name of the argument or column, for messages.

    Returns
    -------
    str
    """
    middle = float(np.nanmedian(np.abs(values)))
    if middle > RESISTIVE:
        return "resistance"
    if middle < CONDUCTIVE:
        return "conductance"
    raise ValueError(
        f"{name!r} has median {middle:.4g} and no unit: name it with one, as in R (kohm) or G (uS), to tell what it is"
    )


def times_factor(factor: float) -> str:
    """Return what is said of a factor.

    Parameters
    ----------
    factor : float
        Unit in SI units.

    Returns
    -------
    str
    """
    return "" if factor == 1.0 else f" (times {factor:g})"


def baked(n: int, kelvin: float) -> Float64Array:
    """Return temperatures: that of the first read is not known.

    Parameters
    ----------
    n : int
        Number of reads.
    kelvin : float
        Temperature in K.

    Returns
    -------
    array
    """
    return np.concatenate([[np.nan], np.full(n - 1, kelvin)])


def is_steady(column: AnyArray) -> bool:
    """Return whether a voltage is one read voltage.

    Parameters
    ----------
    column : array
        Voltages in V.

    Returns
    -------
    bool
    """
    there = np.abs(column[np.isfinite(column)])
    return bool(there.size and np.median(there) > 0 and np.ptp(there) < STEADY * np.median(there))


def side_labels(table: RawTable, names: Sequence[Name]) -> dict[str, Any]:
    """Return labels of devices and levels where each row is a device.

    Parameters
    ----------
    table : RawTable
        The table.
    names : sequence of Name
        What the names of the columns mean.

    Returns
    -------
    dict
    """
    found: dict[str, Any] = {}
    device, _ = labels_of(table, names, "device")
    if device is not None and len(pd.unique(device)) == len(device):
        found["device"] = device
    level, _ = labels_of(table, names, "level")
    return found if level is None else {**found, "level": level}
