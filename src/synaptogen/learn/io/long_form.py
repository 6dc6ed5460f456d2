"""Tables in long form: one row per point or per cycle, with labels of devices and cycles in columns of their own."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synaptogen._utils import AnyArray, Shape
from synaptogen.params import FEATURE_NAMES

from .channels import OVERFLOW
from .columns import FLAG, KEYS, KNOWN, LOOPS, Column, columns_of, device_part, listed, role_of
from .layouts import Understood, side_of
from .text_tables import shown_lines
from .units import require_known_unit, split_unit

SPARSEST = 10  # cycle numbers that span more than this times their count are labels, not a count
RAGGED = 50  # numbers of an array over the rows of its table
STATES = {"hrs": "r_hrs", "lrs": "r_lrs", "off": "r_hrs", "on": "r_lrs", "high": "r_hrs", "low": "r_lrs"}
STATES |= {"reset": "r_hrs", "set": "r_lrs"}  # the state after it


class LongTable(NamedTuple):
    """Arrays by our names in SI units, (devices, cycles[, points]), and labels of devices and cycles."""

    arrays: dict[str, AnyArray]
    device: AnyArray | None
    cycle: AnyArray | None


def read_long_form(
    table: pd.DataFrame, columns: Mapping[str, str], understood: Understood, head: list[str]
) -> LongTable:
    """Read a table with labels of devices and cycles, or with features.

    Parameters
    ----------
    table : DataFrame
    columns : mapping of str to str
        The file's names of some of our columns.
    understood : Understood
        Gets a line for each column.
    head : list of str
        First lines, for messages.

    Returns
    -------
    LongTable

    Raises
    ------
    ValueError
        If a column lacks, holds no numbers, or has rows without a label.
    """
    names = _columns_by_role(table, columns)
    try:
        wanted = wanted_of(names, table.columns)
    except ValueError as error:
        raise ValueError(f"{error}; the table begins with {shown_lines(head)}") from None
    if not len(table):
        raise ValueError("the table has columns but no rows")
    if "time" in wanted and not pd.api.types.is_numeric_dtype(table[names["time"].name]):
        wanted = tuple(name for name in wanted if name != "time")  # clock times are not used
    for name in wanted:
        require_known_unit(str(names[name].name), name)
    parts = _device_columns(table, names, columns)
    _say(understood, names, wanted, parts)
    values = {name: names[name].factor * _numeric(table[names[name].name], name) for name in wanted}
    device, d = _devices(table, parts)
    if "cycle" in names:
        cycle, c = _cycle_codes(table[names["cycle"].name])
    else:
        c = np.zeros(len(table), np.int64) if "current" in wanted else _count_within(d)
        cycle = np.arange(int(c.max()) + 1)
    row = d * len(cycle) + c  # number of the cycle among those of all devices
    if "current" in wanted:
        point = _count_within(row)
        shape: Shape = (len(device), len(cycle), int(point.max()) + 1)
        where = row * shape[2] + point
    else:
        if len(np.unique(row)) < len(row):
            raise ValueError("a cycle of a device has more than one row: features are one row a cycle")
        shape, where = (len(device), len(cycle)), row
    require_filled(int(np.prod([int(n) for n in shape])), len(table), "devices and cycles differ in length")
    return LongTable({k: _scatter(v, shape, where) for k, v in values.items()}, device, cycle)


def joined_halves(found: LongTable, understood: Understood) -> LongTable:
    """Join sweeps of one sign each, where a column counts these instead of cycles: two make a loop.

    Parameters
    ----------
    found : LongTable
    understood : Understood
        Gets a line if sweeps were joined.

    Returns
    -------
    LongTable
        The same one if they are no halves.
    """
    voltage = found.arrays.get("voltage")
    if voltage is None or found.cycle is None or len(found.cycle) % 2 or len(found.cycle) < 2:
        return found
    sides = np.array([[side_of(one) for one in device] for device in voltage])
    if np.any(sides == 0) or np.any(sides[:, ::2] != sides[:, :1]) or np.any(sides[:, 1::2] != -sides[:, :1]):
        return found
    joined = {name: np.concatenate([a[:, ::2], a[:, 1::2]], axis=-1) for name, a in found.arrays.items()}
    understood.lines.append(f"sweeps of one sign each, one after the other: joined to {len(found.cycle) // 2} loops")
    return LongTable(joined, found.device, np.arange(len(found.cycle) // 2))


def _say(understood: Understood, names: Mapping[str, Column], wanted: tuple[str, ...], parts: list[str]) -> None:
    if parts:
        understood.lines.append(f"device: column{'s' * (len(parts) > 1)} {listed(parts)}")
    for name in (*(["cycle"] if "cycle" in names else []), *wanted):
        factor = names[name].factor
        understood.lines.append(
            f"{name}: column {str(names[name].name)!r}" + ("" if factor == 1.0 else f" (times {factor:g})")
        )
    understood.believed = "current" in names and split_unit(str(names["current"].name))[0] != str(names["current"].name)


def wanted_of(names: Mapping[str, Column], present: Iterable[object]) -> tuple[str, ...]:
    """Return the variables to read: loops if there is a current, else features.

    Parameters
    ----------
    names : mapping of str to Column
        Columns by our names.
    present : iterable
        Names of all columns, for the message.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If neither is there.
    """
    if "voltage" in names and "current" in names:
        return tuple(name for name in LOOPS if name in names)
    features = tuple(name for name in FEATURE_NAMES if name in names)
    if features:
        return (*features, FLAG) if FLAG in names else features
    raise ValueError(
        f"neither voltage and current nor a feature ({', '.join(FEATURE_NAMES)}) is among {listed(present)}: "
        "name them with columns={'voltage': ...}"
    )


def by_state(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return a table with a row per cycle from one in which a column says of which state a resistance is.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    DataFrame or None
        None if it is no such table.
    """
    names = [str(name) for name in table.columns]
    states = [n for n in names if names.count(n) == 1 and _are_states(table[n])]
    resistances = [n for n in names if n not in states and _is_resistance(n)]
    if len(states) != 1 or len(resistances) != 1:
        return None
    keys = [n for n in names if n not in (*states, *resistances) and (role_of(n)[0] in KEYS or device_part(n))]
    feature = table[states[0]].astype(str).str.strip().str.lower().map(STATES)
    count = table.groupby([*[table[k] for k in keys], feature], sort=False).cumcount()
    if keys and count.max() > 0 and not any(role_of(k)[0] == "cycle" for k in keys):
        keyed = [*[table[k] for k in keys], count.rename("cycle")]
    elif keys:
        keyed = [table[k] for k in keys]
    else:
        keyed = [count.rename("cycle")]
    _, factor = split_unit(resistances[0])
    values = pd.to_numeric(table[resistances[0]], errors="coerce") * factor
    long = pd.concat([*keyed, feature.rename("feature"), values.rename("value")], axis=1)
    index = [str(k.name) for k in keyed]
    if long.duplicated([*index, "feature"]).any():
        raise ValueError("a cycle has more than one resistance of a state: give one row per cycle and state")
    wide = long.pivot(index=index, columns="feature", values="value").reset_index()
    return pd.DataFrame(wide.to_numpy(), columns=[str(c) for c in wide.columns]).infer_objects()


def _are_states(column: "pd.Series") -> bool:
    found = set(column.astype(str).str.strip().str.lower())
    return len(found) == 2 and found <= set(STATES) and len({STATES[f] for f in found}) == 2


def _is_resistance(name: str) -> bool:
    base = split_unit(name)[0].lower()
    return base in ("r", "resistance", "rread", "r_read", "read resistance")


def _columns_by_role(table: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, Column]:
    """Return columns by our names: given ones, exact names and aliases, then by the meaning of the whole name."""
    found = columns_of(table.columns, columns)
    for name in table.columns:
        role, _ = role_of(str(name))
        if role in KNOWN and role not in found and str(name) not in columns.values():
            found[role] = Column(name, split_unit(str(name))[1])
    return found


def _device_columns(table: pd.DataFrame, names: Mapping[str, Column], columns: Mapping[str, str]) -> list[str]:
    """Return the columns that name a device together, as wafer, die and device do: those that differ between rows."""
    if "device" in columns:
        return [columns["device"]]
    parts = [str(n) for n in table.columns if device_part(str(n)) and list(table.columns).count(n) == 1]
    if "device" in names and str(names["device"].name) not in parts:
        parts.append(str(names["device"].name))
    several = [n for n in parts if table[n].nunique(dropna=False) > 1]
    if len(several) > 1 or not parts:
        return several
    own = [str(names["device"].name)] if "device" in names else []
    return several or own


def _devices(table: pd.DataFrame, parts: list[str]) -> tuple[AnyArray, AnyArray]:
    if not parts:
        return np.zeros(1, int), np.zeros(len(table), int)
    if len(parts) == 1:
        return _codes(table[parts[0]])
    for part in parts:
        _codes(table[part])  # refuses rows without a label
    texts = [[f"{v:g}" if isinstance(v, float) else str(v) for v in table[part]] for part in parts]
    codes, labels = pd.factorize(np.array(["/".join(row) for row in zip(*texts, strict=True)], dtype=object))
    return np.asarray(labels, dtype=object), np.asarray(codes)


def _count_within(group: AnyArray) -> AnyArray:
    """Count the rows of each group: 0, 1, 2 ... in the order of the table."""
    return np.asarray(pd.Series(group).groupby(group).cumcount().to_numpy())


def _numeric(column: Any, name: str) -> AnyArray:
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"several columns are named {column.columns[0]!r}: give them different names")
    try:
        values = np.asarray(pd.to_numeric(column.replace("", np.nan)), np.float64)
        return np.where(np.abs(values) > OVERFLOW, np.nan, values) if np.isfinite(values).any() else values
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {column.name!r} for {name} holds what is not a number: {error}") from error


def _codes(column: Any) -> tuple[AnyArray, AnyArray]:
    if column.isna().any() or (column == "").any():
        raise ValueError(f"column {column.name!r} has rows without a label: fill or remove them")
    codes, labels = pd.factorize(column, sort=True)
    found = np.asarray(labels)
    if found.dtype.kind == "f" and np.all(np.abs(found) < 2**53) and np.all(found == np.round(found)):
        found = found.astype(np.int64)  # whole numbers, which workbooks and columns with gaps hold as floats
    return found, np.asarray(codes)


def _cycle_codes(column: Any) -> tuple[AnyArray, AnyArray]:
    """Return labels and codes of cycles; numbers that are left out are missing cycles, and keep their place."""
    labels, codes = _codes(column)
    if labels.dtype.kind == "f" and (not np.all(np.isfinite(labels)) or np.abs(labels).max() > 2**53):
        raise ValueError(f"column {column.name!r} holds cycle numbers that are no counts, such as {labels[-1]!r}")
    if labels.dtype.kind not in "iuf":
        return _in_time(column)
    if labels.dtype.kind == "f":
        return labels, codes
    span = int(labels[-1]) - int(labels[0]) + 1
    if span > SPARSEST * len(labels):
        return labels, codes
    return np.arange(labels[0], labels[0] + span), (labels - labels[0])[codes]


def _in_time(column: Any) -> tuple[AnyArray, AnyArray]:
    """Return labels of cycles that are texts, and codes: by the number in them ("run 2", "run 10"), or as they come.

    Sorted as texts, the tenth cycle would follow the first one, and the history of a device would be lost.
    """
    codes, labels = pd.factorize(column, sort=False)
    texts = [str(label) for label in labels]
    numbers = [re.findall(r"\d+", text) for text in texts]
    if len({re.sub(r"\d+", "#", text) for text in texts}) == 1:
        order = np.array(sorted(range(len(texts)), key=lambda k: [int(n) for n in numbers[k]]))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return np.asarray(labels)[order], place[codes]
    return np.asarray(labels), np.asarray(codes)


def _scatter(values: AnyArray, shape: Shape, where: AnyArray) -> AnyArray:
    out = np.full(int(np.prod(shape)), np.nan)
    out[where] = values
    return out.reshape(shape)


def require_filled(numbers: int, rows: int, why: str) -> None:
    """Refuse an array that would be mostly empty, before it takes the memory.

    Parameters
    ----------
    numbers : int
        Of the array.
    rows : int
        Of the table.
    why : str
        Reason, for the message.

    Raises
    ------
    ValueError
        If it would.
    """
    if numbers > max(RAGGED * rows, 10_000_000):
        raise ValueError(
            f"the table would fill {numbers:,} places with {rows:,} rows, since {why}: cut it into files of records of "
            "about one length"
        )
