"""From measurements of repeated reads to groups of cells: one schedule, one level, no gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xarray as xr

from synaptogen._utils import BoolArray, Float64Array, IntArray

from .groups import ReadGroup

MOST_MISSING = 0.05  # share of the reads of a cell that may be missing
MOST_DENSE = 4096  # evenly spaced reads that are looked at; later ones count for how far cells move
LATER = 12  # of these
FEWEST = 5  # cells of a group
PER_LEVEL, PER_DENSE_LEVEL = 24, 16  # cells of a level, with few reads and with many
MOST_LEVELS, MOST_DENSE_LEVELS = 8, 5
WIDE, WIDE_DENSE = 1.15, 1.4  # ratios of conductances that make several levels, with few reads and with many
ALIKE = 0.02  # relative difference of times of one schedule
EVEN = 0.25  # relative difference of intervals that are even
BAKED = 600.0  # s, assumed between the write and the first read where cells were heated


class Groups(NamedTuple):
    """Groups of measured cells, and what had to be assumed or left out."""

    groups: tuple[ReadGroup, ...]
    notes: tuple[str, ...]


def groups_of(tables: Sequence[xr.Dataset], interval: float, age: float | None) -> Groups:
    """Return the groups of measurements.

    Parameters
    ----------
    tables : sequence of Dataset
        Repeated reads, see `learn.reads`.
    interval : float
        Seconds between two reads where reads are only counted.
    age : float, optional
        Seconds from the write to time 0. Default: 0, or 600 for bakes, which have two reads at a temperature.

    Returns
    -------
    Groups

    Raises
    ------
    ValueError
        If nothing is left.
    """
    found: list[ReadGroup] = []
    notes: list[str] = []
    for number, table in enumerate(tables):
        g, seconds, kelvin = _arrays(table, interval)
        if not table.attrs["timed"]:
            notes.append(f"the reads of {_name(table)} were not timed: one read is taken as {interval:g} s")
        heated = bool(np.isfinite(kelvin).any())
        baked = heated and g.shape[1] == 2
        since = age if age is not None else BAKED if baked else 0.0
        if baked and age is None:
            notes.append(f"{_name(table)}: the first read is taken as {BAKED:g} s after the write, which nothing says")
        levels = table["level"].to_numpy() if "level" in table.coords else None
        kept, lost = _complete(g)
        if lost:
            notes.append(f"{lost} of {len(g)} cells of {_name(table)} were left out: too few reads, or many missing")
        for rows in _schedules(seconds, kelvin, kept):
            parts = _by_level(table, kept, rows, seconds, kelvin, since, levels, notes)
            found += [replace(part, table=number) for part in parts]
    if not found:
        raise ValueError(
            f"fewer than {FEWEST} cells were read on one schedule: fluctuation differs from cell to cell by factors, so"
            " measure more of them, at the same times"
        )
    return Groups(tuple(_numbered(found)), tuple(dict.fromkeys(notes)))


def _name(table: xr.Dataset) -> str:
    return str(table.attrs.get("name", "the table"))


def _arrays(table: xr.Dataset, interval: float) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return conductances, times in s, and temperatures in K or NaN, all of shape (cells, reads)."""
    g = table["conductance"].transpose("device", "read").to_numpy()
    seconds = table["time"].to_numpy() * (1.0 if table.attrs["timed"] else interval)
    kelvin = table["temperature"].to_numpy() if "temperature" in table else np.array(np.nan)
    return g, np.broadcast_to(seconds, g.shape), np.broadcast_to(kelvin, g.shape)


def _complete(g: Float64Array) -> tuple[Float64Array, int]:
    """Return conductances without gaps, NaN behind the last read of a cell, and how many cells have too many gaps."""
    out = np.where(g > 0, g, np.nan)
    there = np.isfinite(out)
    last = out.shape[1] - np.argmax(there[:, ::-1], axis=1)
    last = np.where(there.any(axis=1), last, 0)
    filled = np.maximum.accumulate(np.where(there, np.arange(out.shape[1]), 0), axis=1)
    whole = np.take_along_axis(out, filled, axis=1)
    whole[np.arange(out.shape[1]) >= last[:, None]] = np.nan
    missing = last - there.sum(axis=1)
    bad = (last < 2) | ~there[:, 0] | (missing > MOST_MISSING * last)
    whole[bad] = np.nan
    return whole, int(bad.sum())


def _schedules(seconds: Float64Array, kelvin: Float64Array, g: Float64Array) -> Iterator[IntArray]:
    """Return rows of cells that were read at the same times and temperatures."""
    length = np.isfinite(g).sum(axis=1)
    left = list(np.flatnonzero(length >= 2))
    while left:
        first = left[0]
        n = length[first]
        alike = [k for k in left if length[k] == n and _same(seconds[[first, k], :n], kelvin[[first, k], :n])]
        left = [k for k in left if k not in set(alike)]
        yield np.array(alike)


def _same(seconds: Float64Array, kelvin: Float64Array) -> bool:
    scale = np.maximum(np.abs(seconds[0]), np.median(np.diff(seconds[0])) if len(seconds[0]) > 1 else 0.0)
    times = bool(np.all(np.abs(seconds[1] - seconds[0]) <= ALIKE * scale + 0.3 * np.min(np.diff(seconds[0]))))
    return times and bool(np.allclose(kelvin[0], kelvin[1], atol=1.0, equal_nan=True))


def _by_level(
    table: xr.Dataset,
    g: Float64Array,
    rows: IntArray,
    seconds: Float64Array,
    kelvin: Float64Array,
    since: float,
    levels: Float64Array | None,
    notes: list[str],
) -> list[ReadGroup]:
    n = int(np.isfinite(g[rows[0]]).sum())
    times, heat = np.median(seconds[rows, :n], axis=0), kelvin[rows[0], :n].copy()
    if times[0] == 0:
        heat[0] = np.nan  # no time has passed at that temperature
    dense = _evenly(times, heat)
    log_g = np.log(g[rows, :n])
    chosen = _chosen(n, dense)
    many = dense >= 64
    found = []
    small = 0
    for where in _levels(log_g[:, 0], None if levels is None else levels[rows], many):
        if where.sum() < FEWEST:
            small += int(where.sum())
            continue
        middle = 1e6 * float(np.exp(np.median(log_g[where, 0])))
        hot = float(np.nanmax(heat)) if np.isfinite(heat).any() else np.nan
        name = f"{middle:.3g} uS" + (f", {hot:.0f} K" if np.isfinite(hot) else "")
        found.append(
            ReadGroup(name, log_g[where][:, chosen], since + times[chosen], heat[chosen], min(dense, MOST_DENSE))
        )
    if small:
        notes.append(f"{small} cells of {_name(table)} are fewer than {FEWEST} at a level, and were left out")
    return found


def _evenly(times: Float64Array, kelvin: Float64Array) -> int:
    """Return how many reads are evenly spaced at one temperature; the first interval may differ."""
    if len(times) < 3:
        return len(times)
    step = np.diff(times)
    even = np.abs(step / np.median(step) - 1) < EVEN
    even[0] = True
    steady = np.isnan(kelvin[1:]) | (np.abs(kelvin[1:] - np.nanmax([kelvin[1], -1.0])) < 1.0)
    return 1 + int(np.argmin(np.append(even & steady, False)))


def _chosen(n: int, dense: int) -> IntArray:
    """Return which reads are used: the evenly spaced ones up to a number, and some of those behind."""
    first = np.arange(min(dense, MOST_DENSE, n))
    rest = np.arange(len(first), n)
    if dense >= 64 and len(rest) > LATER:
        rest = np.unique(np.geomspace(len(first), n - 1, LATER).round().astype(np.int64))
    return np.concatenate([first, rest])


def _levels(start: Float64Array, given: Float64Array | None, many: bool) -> list[BoolArray]:
    """Return which cells belong to which level: that of the table, or by their conductance."""
    if given is not None:
        labels = np.unique(given)
        told = [np.asarray(given == label) for label in labels]
        if len(told) > 1 and min(mask.sum() for mask in told) >= (PER_DENSE_LEVEL if many else PER_LEVEL):
            return told
    fewest, most, wide = (PER_DENSE_LEVEL, MOST_DENSE_LEVELS, WIDE_DENSE) if many else (PER_LEVEL, MOST_LEVELS, WIDE)
    parts = max(1, min(len(start) // fewest, most))
    order = np.argsort(np.argsort(start, kind="stable"), kind="stable")
    part = order * parts // len(start)
    masks: list[BoolArray] = []
    begin = -np.inf
    for k in range(parts):
        middle = float(np.median(start[part == k]))
        if masks and middle - begin < np.log(wide):
            masks[-1] |= part == k  # about the conductance of the part before
        else:
            masks.append(np.asarray(part == k))
            begin = middle
    return masks


def _numbered(groups: list[ReadGroup]) -> Iterator[ReadGroup]:
    """Give groups names that differ."""
    seen: dict[str, int] = {}
    for group in groups:
        seen[group.name] = seen.get(group.name, 0) + 1
        again = seen[group.name]
        name = group.name if again == 1 else f"{group.name} ({again})"
        yield replace(group, name=name)
