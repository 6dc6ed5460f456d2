"""Repeated reads in named arrays: matrices of devices and reads, or pairs before and after."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from synaptogen._utils import AnyArray, Float64Array

from .columns import FEATURE_ROLES, listed, role_of
from .read_columns import (
    WARM,
    ZERO_CELSIUS,
    ReadOptions,
    ReadTable,
    baked,
    by_size,
    in_si,
    is_steady,
)
from .read_names import QUANTITIES, WORDS, name_of


def reads_of_arrays(arrays: Mapping[str, AnyArray], options: ReadOptions, strict: bool) -> ReadTable | None:
    """Return reads of named arrays: tables of devices and reads, or pairs before and after.

    Parameters
    ----------
    arrays : mapping of str to array
        Arrays by their names.
    options : ReadOptions
        What the user says.
    strict : bool
        Take nothing that could be something else.

    Returns
    -------
    ReadTable or None
    """
    numeric = {k: np.asarray(v) for k, v in arrays.items() if np.asarray(v).dtype.kind in "fiu"}
    tables = {k: v for k, v in numeric.items() if v.ndim == 2 and _array_role(k) and min(v.shape) >= 1}
    points = {n for k, v in tables.items() if _array_role(k) == "current" for n in v.shape}
    volts = [v for k, v in numeric.items() if role_of(k)[0] == "voltage" and (v.ndim > 1 or v.size in points)]
    if tables and all(is_steady(v.astype(np.float64)) for v in volts):
        return _array_tables(tables, numeric, arrays, options)
    stems = {re.sub(r"[\s_]*(before|pre)$", "", k): k for k in numeric if re.search(r"[\s_]?(before|pre)$", k)}
    pairs = {
        stem: (numeric[k], numeric[other])
        for stem, k in stems.items()
        for other in (f"{stem}_after", f"{stem}_post", f"{stem} after", "after" if not stem else "")
        if other in numeric and numeric[other].shape == numeric[k].shape and numeric[k].ndim == 1
    }
    if not pairs:
        return None
    if options.seconds is None:
        raise ValueError(
            f"{listed(stems.values())} do not say how long was between: give seconds to learn.read_retention"
            " (--seconds)"
        )
    values = np.concatenate([np.stack(pair, axis=1) for pair in pairs.values()]).astype(np.float64)
    role = next((r for r in map(_array_role, pairs) if r), "") or by_size(values, next(iter(pairs)))
    lines = [f"before and after, as {role}: {listed(pairs)}"]
    arguments: dict[str, Any] = {role: values, "time": np.array([0.0, options.seconds])}
    arguments |= {"voltage": options.voltage} if role == "current" and options.voltage is not None else {}
    arguments |= {} if options.temperature is None else {"temperature": baked(2, options.temperature)}
    if len(pairs) > 1:
        names = [f"{stem}/{k}" for stem, pair in pairs.items() for k in range(len(pair[0]))]
        arguments["device"] = np.array(names, dtype=object)
    return ReadTable(arguments, lines)


def _array_role(name: str) -> str:
    last = name.rpartition("/")[2]
    named = name_of(last).role
    if named in QUANTITIES:
        return named
    if role_of(last)[0] in FEATURE_ROLES:
        return ""
    first = re.split(r"[\s_]+", last.lower())[0]
    return next((q for q in QUANTITIES if first == q or first in WORDS[q]), "")


def _array_tables(
    tables: dict[str, AnyArray], every: dict[str, AnyArray], named: Mapping[str, AnyArray], options: ReadOptions
) -> ReadTable | None:
    role = _array_role(next(iter(tables)))
    tables = {k: v for k, v in tables.items() if _array_role(k) == role}
    times = [k for k, v in every.items() if name_of(k).role == "time" and v.ndim <= 2]
    time = in_si(every[times[0]].astype(np.float64), name_of(times[0]), times[0]) if times else None
    length = time.shape[-1] if time is not None else 0
    turned = {k: v.T if length and v.shape[1] != length and v.shape[0] == length else v for k, v in tables.items()}
    most = max(v.shape[1] for v in turned.values())
    if most < 2 or (time is not None and most != length):
        return None
    rows: list[Float64Array] = []
    labels: list[object] = []
    for k, v in turned.items():
        own = in_si(v.astype(np.float64), name_of(k.rpartition("/")[2]), k)
        rows.append(np.pad(own, ((0, 0), (0, most - v.shape[1])), constant_values=np.nan))
        labels += [f"{k}/{n}" for n in range(len(v))] if len(turned) > 1 else list(range(len(v)))
    values = np.concatenate(rows)
    lines = [f"{role}: arrays {listed(turned)}, a row for each of {len(values)} devices"]
    arguments: dict[str, Any] = {role: values, "device": np.array(labels, dtype=object)}
    for ours in ("device", "level"):
        label = next((np.asarray(v) for k, v in named.items() if name_of(k).role == ours), None)
        if label is not None and label.shape == (len(values),) and len(turned) == 1:
            arguments[ours] = label
    if time is not None and time.shape in (values.shape, values.shape[1:]):
        arguments["time"] = time
        lines.append(f"time: array {times[0]!r}")
    else:
        lines.append("reads are counted; they were not timed")
    if role == "current":
        volts = [v for k, v in every.items() if name_of(k).role == "voltage"]
        steady = float(np.median(np.abs(volts[0]))) if volts else None
        arguments["voltage"] = options.voltage if options.voltage is not None else steady
    heat = [k for k in every if name_of(k).role == "temperature" and every[k].ndim <= 2]
    if heat:
        kelvin = every[heat[0]].astype(np.float64)
        celsius = name_of(heat[0]).celsius or (not name_of(heat[0]).unit and float(np.median(kelvin)) < WARM)
        arguments["temperature"] = kelvin + ZERO_CELSIUS * celsius
    elif options.temperature is not None:
        arguments["temperature"] = baked(values.shape[1], options.temperature)
    return ReadTable(arguments, lines)
