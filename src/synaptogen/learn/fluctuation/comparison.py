"""Figures of groups of cells, measured and simulated, as one list."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.params import FluctuationParams

from .cell_statistics import Rows, figures_of
from .groups import ReadGroup

FEWEST_SIMULATED = 100  # cells of a group
MOST_SIMULATED, MOST_OF_FEW = 300, 600  # of all groups of many reads together, and of one of few reads
RESAMPLES = 200
MATTER = ("rsd", "sd", "exponent", "two levels")
"""Beginnings and endings of the names of the figures that users look at first."""
TOLERANCE, OTHER_TOLERANCE = 0.03, 0.08  # what a figure may be off without mattering


class Figures(NamedTuple):
    """Figures of measured groups, one after another.

    Attributes
    ----------
    names : tuple of (str, str)
        Of the group and of the figure.
    measured, error : array of shape (k,)
        Figures, and their standard errors, of the cells that were measured.
    """

    names: tuple[tuple[str, str], ...]
    measured: Float64Array
    error: Float64Array


def cells_of(group: ReadGroup, groups: Sequence[ReadGroup]) -> int:
    """Return how many virtual cells stand for a group.

    Parameters
    ----------
    group : ReadGroup
    groups : sequence of ReadGroup
        All groups that are simulated together, which share a budget.

    Returns
    -------
    int
    """
    dense = sum(each.is_dense for each in groups)
    most = max(MOST_SIMULATED // dense, FEWEST_SIMULATED) if group.is_dense else MOST_OF_FEW
    return min(max(2 * group.cells, FEWEST_SIMULATED), most)


def resampled(rows: Rows, rng: np.random.Generator, count: int) -> list[dict[str, float]]:
    """Return figures of cells that were drawn from those of a group with replacement.

    Parameters
    ----------
    rows : mapping of str to array of shape (n,)
        Statistics of the cells.
    rng : numpy.random.Generator
    count : int
        How often.

    Returns
    -------
    list of dict of str to float
    """
    n = len(next(iter(rows.values())))
    return [figures_of({k: v[i] for k, v in rows.items()}) for i in rng.integers(n, size=(count, n))]


def measured_figures(groups: Sequence[ReadGroup], params: FluctuationParams, seed: int) -> Figures:
    """Return the figures of measured groups with their errors.

    Parameters
    ----------
    groups : sequence of ReadGroup
    params : FluctuationParams
        Cells from which errors are taken where few were measured.
    seed : int
        Of resamples.

    Returns
    -------
    Figures
    """
    rng = np.random.default_rng(seed)
    names: list[tuple[str, str]] = []
    aim: list[float] = []
    error: list[float] = []
    for group in groups:
        rows = group.rows()
        found = figures_of(rows)
        # few cells say little about how much their figures vary: as many virtual ones say more
        many = cells_of(group, groups)
        made = group.simulated(params, many, seed).rows()
        own = _spread(resampled(rows, rng, RESAMPLES))
        its = _spread([figures_of(_drawn(made, group.cells, rng)) for _ in range(RESAMPLES // 2)])
        for name, value in found.items():
            # NaN: too few cells, or, in most resamples, too few of a kind
            if np.isnan(value) or np.isnan(own[name]):
                continue
            chance = max(own[name], 0.5 * its[name]) if np.isfinite(its[name]) else own[name]
            names.append((group.name, name))
            aim.append(value)
            error.append(float(np.hypot(chance * np.sqrt(1 + group.cells / many), _tolerance(name))))
    return Figures(tuple(names), np.array(aim), np.array(error))


def _drawn(rows: Rows, n: int, rng: np.random.Generator) -> dict[str, Float64Array]:
    chosen = rng.integers(len(next(iter(rows.values()))), size=n)
    return {k: v[chosen] for k, v in rows.items()}


def _spread(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    out = {}
    for name in samples[0]:
        values = np.array([s[name] for s in samples])
        there = values[np.isfinite(values)]
        out[name] = float(there.std()) if 2 * len(there) > len(values) else np.nan
    return out


def _tolerance(name: str) -> float:
    if name.endswith("median"):
        return TOLERANCE / 3  # of ln G itself
    return TOLERANCE if name.startswith(MATTER) or name.endswith(MATTER) else OTHER_TOLERANCE


def simulated_figures(
    groups: Sequence[ReadGroup], params: FluctuationParams, names: Sequence[tuple[str, str]], seed: int
) -> Float64Array:
    """Return the same figures of virtual cells.

    Parameters
    ----------
    groups : sequence of ReadGroup
        The measured groups.
    params : FluctuationParams
        What the cells do.
    names : sequence of (str, str)
        Of groups and figures.
    seed : int

    Returns
    -------
    array of shape (len(names),)
        NaN where too few virtual cells have what the figure is about.
    """
    first, found = 0, {}
    for group in groups:
        n = cells_of(group, groups)
        for name, value in figures_of(group.simulated(params, n, seed, first).rows()).items():
            found[group.name, name] = value
        first += n
    return np.array([found[name] for name in names])
