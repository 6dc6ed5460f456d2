"""How cells fluctuate after a write, learned from repeated reads, retention and bakes."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import xarray as xr

from synaptogen._utils import RNG, Float64Array, checked, checks, seed_of
from synaptogen.learn.io import read
from synaptogen.learn.progress import StageProgress, silent
from synaptogen.params import FluctuationParams, as_fluctuation

from .comparison import Figures, measured_figures, simulated_figures
from .grouping import Groups, groups_of
from .groups import ReadGroup
from .matching import Match, match
from .parameters import FALL, PARAMETERS, SCALES, SHAPES, vector_of, with_vector

CELLS, READS = 40, 400  # from which on shapes of distributions are learned, and not only scales
SPAN = 2.5  # ratio of conductances from which on the fall with conductance is learned
HEAT = 15.0  # K between temperatures from which on the energy is learned
KNOWN = 0.7  # of the error that a number had before the measurement: above it, nothing was learned of it
ROUNDS, ROUNDS_AGAIN = 9, 5  # of the search, and of one that begins near its end
FRESH = 4  # simulations with other numbers, by which the result is shown


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
        text = f"{len(self.learned)} of {len(self.origin)} numbers were learned, the others are those of {self.preset!r}"
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

    Statistics of the measured cells are matched by simulation: how far cells move with time, how much they fluctuate and
    how that differs from cell to cell, the white part, spectrum, jumps and levels. What the data do not tell stays as in
    the preset, and the result says so: with fewer than 40 cells x 400 reads amplitudes alone are learned; the fall with
    conductance needs several levels, the activation energy several temperatures.

    Parameters
    ----------
    data : Dataset, DataFrame, or sequence of Dataset
        Repeated reads of one or several experiments (`learn.reads`, `learn.read_retention`). A data frame is read like a
        file.
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
    tables = [read(data)] if isinstance(data, pd.DataFrame) else [data] if isinstance(data, xr.Dataset) else [*data]
    for table in tables:
        require_reads(table)
    found = groups_of(tables, interval, age)
    seed = seed_of(rng) & 0x7FFFFFFFFFFFFFFF
    base = _on_time_scale(start, found.groups)
    names, why = _free(base, found.groups)
    report("figures of the measured cells", 0.0)
    figures = measured_figures(found.groups, base, seed)
    report("figures of the measured cells", 1.0)
    search = partial(_matched, found.groups, figures, base, seed=seed, report=lambda share: report("matching", share))
    result = search(names, vector_of(base, names), rounds=ROUNDS)
    if "energy" in names and result.error[names.index("energy")] > KNOWN * PARAMETERS["energy"].spread:
        # figures of one kind cannot tell an energy from an amplitude: it stays as it is, and others are learned with it
        names = tuple(n for n in names if n != "energy")
        why["energy"] = f"assumed: the temperatures do not determine it (standard error {result.error[-1]:.2g} eV)"
        result = search(names, result.theta[:-1], rounds=ROUNDS_AGAIN)
    return _described(found, figures, base, start.name, names, why, result, name, seed)


def require_reads(table: object) -> None:
    """Refuse what is no table of repeated reads."""
    if not isinstance(table, xr.Dataset) or "conductance" not in table:
        what = f"a {type(table).__name__}" if not isinstance(table, xr.Dataset) else "loops or features"
        raise ValueError(
            f"data is {what}, and fluctuation is learned from repeated reads: make them with learn.reads, or read a file"
            " with learn.read_retention"
        )


def _on_time_scale(params: FluctuationParams, groups: Sequence[ReadGroup]) -> FluctuationParams:
    """Return the preset with its times in proportion to the interval between reads, where many reads were made."""
    steps = [float(np.median(np.diff(group.seconds[: group.dense]))) for group in groups if group.is_dense]
    if not steps:
        return params
    ratio = min(steps) / params.fastest
    return replace(
        params,
        fastest=min(max(params.fastest * ratio, 1e-6), 1e9),
        onset=params.onset * ratio,
        trap_slowest=min(max(params.trap_slowest * ratio, 1e-6), 1e12),
    )


def _free(base: FluctuationParams, groups: Sequence[ReadGroup]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return which numbers are to be learned, and why the others are not."""
    why: dict[str, str] = {}
    dense = [group for group in groups if group.is_dense]
    names: list[str] = list(SCALES) if dense else ["walk"]
    why |= {n: f"needs {64} or more evenly spaced reads" for n in SCALES if n not in names}
    if sum(group.cells for group in dense) >= CELLS and max((g.dense for g in dense), default=0) >= READS:
        names += SHAPES
    else:
        why |= {n: f"needs {CELLS} cells with {READS} evenly spaced reads" for n in SHAPES}
    g = [group.conductance for group in groups]
    if max(g) > SPAN * min(g):
        names += FALL
    else:
        why |= {n: f"needs levels that differ {SPAN:g} times in conductance" for n in FALL}
    strong = [1 / (1 + (group.conductance / base.half_conductance) ** base.exponent) for group in dense]
    if FALL[0] in names and strong and min(strong) < 0.3 < max(strong):
        names.append("white_floor")
    else:
        why["white_floor"] = "needs many reads of levels in LRS and HRS"
    kelvin = np.concatenate([group.kelvin for group in groups])
    known = np.where(np.isfinite(kelvin), kelvin, base.temperature)
    if np.ptp(known) > HEAT:
        names.append("energy")
    else:
        why["energy"] = "assumed: needs reads at two temperatures"
    return tuple(n for n in PARAMETERS if n in names), why


def _matched(
    groups: Sequence[ReadGroup],
    figures: Figures,
    base: FluctuationParams,
    names: tuple[str, ...],
    start: Float64Array,
    *,
    seed: int,
    rounds: int,
    report: Callable[[float], None],
) -> Match:
    def simulate(theta: Float64Array, seed: int) -> Float64Array:
        made = simulated_figures(groups, with_vector(base, names, theta), figures.names, seed)
        # a figure that virtual cells do not have says nothing
        return np.where(np.isfinite(made), made, figures.measured)

    prior = vector_of(base, names)
    spread = np.array([PARAMETERS[n].spread for n in names])
    return match(simulate, figures.measured, figures.error, prior, spread, start, seed, rounds, report)


def _described(
    found: Groups,
    figures: Figures,
    base: FluctuationParams,
    preset: str,
    names: tuple[str, ...],
    why: dict[str, str],
    result: Match,
    name: str,
    seed: int,
) -> FluctuationFit:
    params = with_vector(base, names, result.theta)
    origin = {}
    for number in PARAMETERS:
        if number not in names:
            origin[number] = f"preset {preset!r}: {why[number]}"
            continue
        error, spread = result.error[names.index(number)], PARAMETERS[number].spread
        if error > KNOWN * spread:
            origin[number] = f"preset {preset!r}, hardly moved: the data do not determine it"
        else:
            origin[number] = f"learned, {_with_error(number, getattr(params, number), error)}"
    origin["fastest"] = (
        f"interval of the reads, {params.fastest:.3g} s"
        if any(group.is_dense for group in found.groups)
        else f"preset {preset!r}: needs 64 or more evenly spaced reads"
    )
    for number in ("trap_duty_low", "trap_duty_high"):
        origin[number] = f"preset {preset!r}: not looked at"
    made = [simulated_figures(found.groups, params, figures.names, seed ^ (k + 1) << 40) for k in range(FRESH)]
    with np.errstate(invalid="ignore"):
        simulated = np.nanmean(np.where(np.isfinite(made), made, np.nan), axis=0)
    table = pd.DataFrame(
        {
            "group": [group for group, _ in figures.names],
            "figure": [figure for _, figure in figures.names],
            "measured": figures.measured,
            "error": figures.error,
            "simulated": simulated,
        }
    )
    notes = [*found.notes]
    if not names or not any(how.startswith("learned") for how in origin.values()):
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
