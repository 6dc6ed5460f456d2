"""Report of a programming run: targets, reached conductances, pulses, energy, failures."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import MICRO, AnyArray, BoolArray
from synaptogen.array import CellArray

HOUR, YEAR = 3600.0, 31_557_600.0  # s
AFTER = (1.0, HOUR, 10 * YEAR)
"""Times in s after a run for which reports say how many cells are still within the tolerance."""
FAINT_NOISE = 3.0  # below so many standard deviations of the read noise the summary adds a note on the tolerance


class ComponentRate(NamedTuple):
    """Failures of the cells of one component of the population.

    Attributes
    ----------
    component : int
        Number of the component.
    cells, failed : int
        Its cells that were written, and those of them that did not converge.
    """

    component: int
    cells: int
    failed: int

    @property
    def rate(self) -> float:
        """Share of its cells that failed."""
        return self.failed / self.cells if self.cells else 0.0


class Later(NamedTuple):
    """Conductances that cells will have if they are left alone after a run.

    Attributes
    ----------
    seconds : float
        Time in s since the end of the run.
    conductance : array of the shape of the cells
        S, without the noise of a read; NaN where a cell was not to be written.
    """

    seconds: float
    conductance: AnyArray


class Retention(NamedTuple):
    """How many cells are within the tolerance at a time after a run.

    Attributes
    ----------
    seconds : float
        Time in s since the end of the run.
    cells, within : int
        Cells that were written, and those of them within the tolerance.
    """

    seconds: float
    cells: int
    within: int

    @property
    def share(self) -> float:
        """Share of the cells that are within the tolerance."""
        return self.within / self.cells


class ReportStatistics(TypedDict):
    """Report as numbers in SI units; JSON can hold them."""

    method: str
    cells: int
    converged: int
    failed: int
    disturbed: int
    others_disturbed: int
    clipped: int
    tolerance: float
    budget: int
    read_noise: float
    rms_error: float
    error_quantiles: dict[str, float]
    mean_pulses: float
    most_pulses: int
    energy: float
    components: list[dict[str, float]]
    left: list[int]
    retention: list[dict[str, float]]


@dataclass(frozen=True, eq=False)
class ProgrammingReport:
    """Outcome of a programming run; all arrays have the shape of the cells.

    Parameters
    ----------
    method : str
        Name of the programming method.
    target : array
        Target conductances in S, after clipping.
    reached : array
        Conductances in S at the end, without read noise.
    measured : array
        Conductances in S of the last read that was compared with the target.
    converged : array of bool
        Whether that read was within the tolerance.
    selected : array of bool
        Which cells were to be written.
    pulses : array of int
        SET and RESET pulses that were meant for each cell.
    energy : array
        Energy in J of these pulses, taken as square, with the mean of the currents before and after.
    tolerance : float
        Largest difference in S of a converged cell.
    budget : int
        Most pulses per cell.
    clipped : int
        Targets outside the reachable window that were clipped to it.
    read_noise : float
        Standard deviation in S of the reads, at the largest target.
    cells : CellArray
        The cells that were written.
    before : array, optional
        Conductances in S before the run, if some cells were not to be written; they include what the waits between
        rounds did to them.
    left : tuple of int
        For each round after the first: cells that were within the tolerance when the wait began, and outside when it
        ended.
    later : tuple of Later
        Conductances at some times after the run, if the cells fluctuate: those of a copy that was left alone.
    """

    method: str
    target: AnyArray
    reached: AnyArray
    measured: AnyArray
    converged: BoolArray
    selected: BoolArray
    pulses: AnyArray
    energy: AnyArray
    tolerance: float
    budget: int
    clipped: int
    read_noise: float
    cells: CellArray = field(repr=False)
    before: AnyArray | None = None
    left: tuple[int, ...] = ()
    later: tuple[Later, ...] = ()

    @property
    def error(self) -> AnyArray:
        """``reached - target`` in S."""
        return np.asarray(self.reached - self.target)

    @property
    def failed(self) -> BoolArray:
        """Cells that were to be written and did not converge."""
        return np.asarray(self.selected & ~self.converged)

    @property
    def disturbed(self) -> BoolArray:
        """Cells whose conductance has changed by more than the tolerance since their last verified read."""
        return np.asarray(self.selected & (np.abs(self.reached - self.measured) > self.tolerance))

    @property
    def others_disturbed(self) -> BoolArray:
        """Cells that were not to be written, and whose conductance has changed by more than the tolerance."""
        if self.before is None:
            return np.zeros(self.selected.shape, bool)
        return np.asarray(~self.selected & (np.abs(self.reached - self.before) > self.tolerance))

    @property
    def total_energy(self) -> float:
        """Energy in J of all pulses."""
        return float(self.energy.sum(dtype=float))

    @cached_property
    def components(self) -> NDArray[np.uint8]:
        """Component of the population that each cell was drawn from, see `CellArray.component`."""
        return self.cells.component

    def by_component(self) -> list[ComponentRate]:
        """Count the failures of each component of the population."""
        count = self.cells.params.population.n_components
        cells = np.bincount(self.components[self.selected], minlength=count)
        failed = np.bincount(self.components[self.failed], minlength=count)
        return [ComponentRate(k, int(cells[k]), int(failed[k])) for k in range(count)]

    def retention(self) -> list[Retention]:
        """Count the cells within the tolerance at the end of the run, and later if the cells fluctuate.

        The state of the cells counts, not a noisy read. Cells that did not converge are among them.
        """
        states = Later(0.0, self.reached), *self.later
        return [self._within(state) for state in states]

    def _within(self, state: Later) -> Retention:
        error = np.abs(state.conductance[self.selected] - self.target[self.selected])
        return Retention(state.seconds, error.size, int(np.count_nonzero(error <= self.tolerance)))

    def statistics(self) -> ReportStatistics:
        """Return the report as numbers in SI units that JSON can hold."""
        chosen, count = self.selected, int(np.count_nonzero(self.selected))
        error = np.abs(self.error[chosen].astype(float))
        return {
            "method": self.method,
            "cells": count,
            "converged": int(np.count_nonzero(self.converged & chosen)),
            "failed": int(np.count_nonzero(self.failed)),
            "disturbed": int(np.count_nonzero(self.disturbed)),
            "others_disturbed": int(np.count_nonzero(self.others_disturbed)),
            "clipped": self.clipped,
            "tolerance": self.tolerance,
            "budget": self.budget,
            "read_noise": self.read_noise,
            "rms_error": float(np.sqrt(np.mean(error**2))),
            "error_quantiles": {f"{100 * q:g}%": float(np.quantile(error, q)) for q in (0.5, 0.99, 1)},
            "mean_pulses": float(self.pulses[chosen].mean()),
            "most_pulses": int(self.pulses[chosen].max()),
            "energy": self.total_energy,
            "components": [{**rate._asdict(), "rate": rate.rate} for rate in self.by_component()],
            "left": list(self.left),
            "retention": [{**each._asdict(), "share": each.share} for each in self.retention()],
        }

    def summary(self) -> str:
        """Return the report as a few lines of text."""
        s = self.statistics()
        q = {name: 1e6 * value for name, value in s["error_quantiles"].items()}
        lines = [
            f"{self.method}: {s['converged']:,} of {s['cells']:,} cells within {1e6 * self.tolerance:g} {MICRO}S, "
            f"{s['failed']:,} failed, "
            + (f"{s['disturbed']:,} disturbed after their last read, " if s["disturbed"] else "")
            + (f"{s['others_disturbed']:,} other cells disturbed, " if s["others_disturbed"] else "")
            + f"{s['clipped']:,} targets clipped",
            f"error: rms {1e6 * s['rms_error']:.3g} {MICRO}S; "
            f"median {q['50%']:.3g}, 99 % {q['99%']:.3g}, largest {q['100%']:.3g} {MICRO}S; "
            f"read noise {1e6 * self.read_noise:.2g} {MICRO}S",
            f"pulses: {s['mean_pulses']:.2f} a cell, at most {s['most_pulses']} of {self.budget}; "
            f"energy {1e12 * self.total_energy / s['cells']:.3g} pJ a cell",
        ]
        for number, left in enumerate(self.left, 2):
            lines.append(f"round {number}: {left:,} cells had left the tolerance during the wait")
        if self.later:
            now, *others = self.retention()
            lines.append(
                f"state within {1e6 * self.tolerance:g} {MICRO}S: {100 * now.share:.3g} % at the end, "
                + ", ".join(f"{100 * each.share:.3g} % {duration(each.seconds)} later" for each in others)
                + " (a copy of the cells that was left alone)"
            )
        if self.tolerance < FAINT_NOISE * self.read_noise:
            lines.append(
                f"note: the tolerance is only {self.tolerance / self.read_noise:.1f} deviations of the read noise: "
                "cells are accepted, and refused, by chance; average more reads"
            )
        lines += [
            f"component {rate.component}: {rate.failed:,} of {rate.cells:,} cells failed ({100 * rate.rate:.3g} %)"
            for rate in self.by_component()
        ]
        if s["disturbed"] or s["others_disturbed"]:
            lines.append(
                f"disturbed cells changed by more than {1e6 * self.tolerance:g} {MICRO}S: lower u_set, write with "
                'scheme="V/3", or write-verify with more passes='
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


def duration(seconds: float) -> str:
    """Return a time in s as a short text: 1 s, 1 h, 10 years."""
    units = ((YEAR, "year"), (86_400.0, "day"), (HOUR, "h"), (60.0, "min"), (1.0, "s"))
    length, name = next((unit for unit in units if seconds >= unit[0]), (1.0, "s"))
    number = f"{seconds / length:.3g}"
    return f"{number} {name}" + ("s" if name in ("year", "day") and number != "1" else "")
