"""How cells fluctuate after a write, learned from repeated reads, retention and bakes."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import RNG, checked, checks, seed_of
from synaptogen.learn.io import read
from synaptogen.learn.progress import StageProgress, silent
from synaptogen.params import FluctuationParams, as_fluctuation

from .cell_statistics import DENSE
from .grouping import Groups, groups_of
from .groups import ReadGroup
from .parameters import PARAMETERS
from .search import KNOWN, Search


@dataclass(frozen=True)
class FluctuationFit:
    """A fluctuation that was learned, and where each number of it comes from.

    Attributes
    ----------
    params : FluctuationParams
        Goes into a device population by `DeviceParams.with_fluctuation`.
    preset : str
        Name of the parameters that what was not learned was taken from.
    origin : dict of str to str
        For each number: "learned", with its standard error, or the reason why it is the preset's.
    figures : DataFrame
        Columns group, figure, measured, error, simulated: what was matched.
    notes : tuple of str
        Assumptions, and what was left out.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> cells = sg.CellArray(40, sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r"), rng=1)
    >>> g = [cells.conductance()]
    >>> for _ in range(9):
    ...     cells.wait(10)
    ...     g.append(cells.conductance())
    >>> data = learn.reads(conductance=np.transpose(g), time=np.arange(10) * 10.0)
    >>> result = learn.fit_fluctuation(data, name="mine", rng=1)
    >>> result.params
    FluctuationParams('mine')
    >>> result.origin["flicker_slope"]
    "preset 'hfox-1t1r': needs 40 cells with 400 evenly spaced reads"
    """

    params: FluctuationParams
    preset: str
    origin: dict[str, str]
    figures: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the numbers that the measurement has told."""
        return tuple(name for name, how in self.origin.items() if how.startswith("learned"))

    @property
    def verdict(self) -> str:
        """One or two sentences: what was learned, and how well it matches."""
        off = np.abs(self.figures["simulated"] - self.figures["measured"]) / self.figures["error"]
        share = float((off < 2).mean())
        text = (
            f"{len(self.learned)} of {len(self.origin)} numbers were learned, the others are those of {self.preset!r}"
        )
        return f"{text}; {share:.0%} of {len(off)} measured figures are matched within two standard errors"


@checked
def fit_fluctuation(
    data: xr.Dataset | pd.DataFrame | Sequence[xr.Dataset],
    *,
    preset: str | FluctuationParams = "hfox-1t1r",
    name: str = "fitted",
    interval: float = 1.0,
    age: float | None = None,
    rng: RNG = 0,
    progress: StageProgress | None = None,
) -> FluctuationFit:
    """Learn how cells fluctuate and relax after a write, from repeated reads, retention and bakes.

    Statistics of the measured cells are matched by simulation: how far cells move with time, how much they fluctuate
    and how that differs from cell to cell, the white part, spectrum, jumps and levels. What the data do not tell stays
    as in the preset, and the result says so: with fewer than 40 cells x 400 reads amplitudes alone are learned; the
    fall with conductance needs several levels, the activation energy several temperatures.

    Parameters
    ----------
    data : Dataset, DataFrame, or sequence of Dataset
        Repeated reads of one or several experiments (`learn.reads`, `learn.read_retention`). A data frame is read like
        a file.
    preset : str or FluctuationParams
        Where the search begins, and what the data do not tell.
    name : str
        Name of the result.
    interval : float
        Seconds between two reads where reads are only counted.
    age : float, optional
        Seconds from the write to the time 0 of the tables. Default: 0; 600 for bakes, which have two reads at a
        temperature.
    rng : int, SeedSequence, Generator or None
        Source of the seed of simulations.
    progress : callable, optional
        Called with the name of a stage and the share of it that is done.

    Returns
    -------
    FluctuationFit

    Raises
    ------
    ValueError
        If the data are no repeated reads, or fewer than five cells were read at the same times.

    Examples
    --------
    >>> import numpy as np
    >>> import synaptogen as sg
    >>> from synaptogen import learn
    >>> cells = sg.CellArray(40, sg.DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r"), rng=1)
    >>> before = cells.conductance()
    >>> cells.wait(3600, temperature=358)
    >>> g = np.stack([before, cells.conductance()], axis=1)
    >>> data = learn.reads(conductance=g, time=[0, 3600], temperature=[300, 358])
    >>> result = learn.fit_fluctuation(data, age=0, rng=1)
    >>> "walk" in result.learned, "white" in result.learned
    (True, False)
    """
    interval = checks.positive("interval", interval, "s")
    if age is not None:
        age = checks.not_negative("age", age, "s")
    start, report = as_fluctuation(preset), progress or silent
    tables = tables_of("data", read(data) if isinstance(data, pd.DataFrame) else data)
    found = groups_of(tables, interval, age)
    search = Search(_on_time_scale(start, found.groups), found.groups, seed_of(rng) & 0x7FFFFFFFFFFFFFFF, report)
    search.run()
    return _described(found, search, start, name)


def tables_of(name: str, value: object) -> list[xr.Dataset]:
    """Return tables of repeated reads, of which one or several are given.

    Parameters
    ----------
    name : str
        Of the argument, for messages.
    value : Dataset or sequence of Dataset

    Returns
    -------
    list of Dataset

    Raises
    ------
    ValueError
        If it is something else.
    """
    tables = list(value) if isinstance(value, list | tuple) else [value]
    if not tables:
        raise ValueError(f"{name} is empty: give one table of repeated reads or more")
    for table in tables:
        if not isinstance(table, xr.Dataset) or "conductance" not in table:
            what = "loops or features" if isinstance(table, xr.Dataset) else f"a {type(table).__name__}"
            raise ValueError(
                f"{name} is {what}, and fluctuation is learned from repeated reads: make them with learn.reads, or read"
                " a file with learn.read_retention"
            )
    return [table for table in tables if isinstance(table, xr.Dataset)]


def _on_time_scale(params: FluctuationParams, groups: Sequence[ReadGroup]) -> FluctuationParams:
    """Return the preset with its times in proportion to the interval between reads, where many reads were made.

    Few reads leave the times as they are, unless all of them would lie within the fastest slot.
    """
    steps = [group.interval for group in groups if group.is_dense]
    steps = steps or [group.interval for group in groups if group.is_even and group.interval < params.fastest]
    if not steps:
        return params
    ratio = min(steps) / params.fastest
    return replace(
        params,
        fastest=min(max(params.fastest * ratio, 1e-6), 1e9),
        onset=params.onset * ratio,
        trap_slowest=min(max(params.trap_slowest * ratio, 1e-6), 1e12),
    )


def _described(found: Groups, search: Search, start: FluctuationParams, name: str) -> FluctuationFit:
    params, preset = search.params, start.name
    origin = {}
    for number, parameter in PARAMETERS.items():
        error = search.errors.get(number)
        if error is None:
            origin[number] = f"preset {preset!r}: {search.reasons[number]}"
        elif number in search.remarks:
            origin[number] = f"learned, {_with_error(number, getattr(params, number), error)}, {search.remarks[number]}"
        elif error > KNOWN * parameter.spread:
            origin[number] = f"preset {preset!r}, hardly moved: the data do not determine it"
        else:
            origin[number] = f"learned, {_with_error(number, getattr(params, number), error)}"
    origin["fastest"] = (
        f"interval of the reads, {params.fastest:.3g} s"
        if search.base.fastest != start.fastest or search.dense
        else f"preset {preset!r}: needs {DENSE} or more evenly spaced reads"
    )
    for number in ("trap_duty_low", "trap_duty_high"):
        origin[number] = f"preset {preset!r}: not looked at"
    table = search.figures()
    notes = [*found.notes]
    if not any(how.startswith("learned") for how in origin.values()):
        notes.append("nothing was learned: all numbers are those of the preset")
    learned = [n for n, how in origin.items() if how.startswith("learned")]
    others = [n for n in origin if n not in learned and n != "fastest"]
    source = {
        "measurements": "; ".join(_said(group) for group in found.groups),
        "learned": ", ".join(learned) or "nothing",
        f"of {preset}": ", ".join(others) or "nothing",
        "energy": origin["energy"],
        "notes": "; ".join(notes),
    }
    params = replace(params, name=name, source={k: v for k, v in source.items() if v})
    fit = FluctuationFit(params, preset, origin, table, tuple(notes))
    logging.getLogger("synaptogen").info("fluctuation: %s", fit.verdict)
    return fit


def _said(group: ReadGroup) -> str:
    return f"{group.cells} cells x {group.log_g.shape[1]} reads at {group.name}"


def _with_error(number: str, value: float, error: float) -> str:
    if PARAMETERS[number].scale == "log":
        return f"{value:.3g} (times or over {math.exp(error):.2g})"
    if PARAMETERS[number].scale == "logit":
        error *= value * (1 - value)
    return f"{value:.3g} +- {error:.2g}"
