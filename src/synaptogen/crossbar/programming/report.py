"""What became of an attempt to write conductances."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray

if TYPE_CHECKING:
    from synaptogen.array import CellArray

MICRO = "\N{MICRO SIGN}"
FAINT_NOISE = 3.0  # a tolerance of fewer deviations of the read noise is remarked upon


class ComponentRate(NamedTuple):
    """How often cells of one component of the population failed."""

    component: int
    cells: int
    failed: int

    @property
    def rate(self) -> float:
        """Share of its cells that failed."""
        return self.failed / self.cells if self.cells else 0.0


@dataclass(frozen=True, eq=False)
class ProgrammingReport:
    """What became of an attempt to write conductances; arrays have the shape of the cells.

    Parameters
    ----------
    method : str
    target : array
        Target conductances in S, after clipping.
    reached : array
        Conductances in S at the end, as they are: without noise.
    measured : array
        Conductances in S of the last read that decided about the cell.
    converged : array of bool
        Whether that read was within the tolerance.
    selected : array of bool
        Which cells were to be written.
    pulses : array of int
        SET and RESET pulses that each cell was meant to see.
    energy : array
        Energy in J of these pulses: square, with the mean of the currents before and after.
    tolerance : float
        S.
    budget : int
        Pulses that a cell was allowed.
    clipped : int
        Targets that lay outside the reachable window.
    read_noise : float
        Deviation in S of the reads, at the largest target.
    cells : CellArray
        The cells, for `components`.
    """

    method: str
    target: AnyArray
    reached: AnyArray
    measured: AnyArray
    converged: AnyArray
    selected: AnyArray
    pulses: AnyArray
    energy: AnyArray
    tolerance: float
    budget: int
    clipped: int
    read_noise: float
    cells: "CellArray" = field(repr=False)

    @property
    def error(self) -> AnyArray:
        """``reached - target`` in S."""
        return np.asarray(self.reached - self.target)

    @property
    def failed(self) -> AnyArray:
        """Cells that were to be written and did not converge, of type bool."""
        return np.asarray(self.selected & ~self.converged)

    @property
    def disturbed(self) -> AnyArray:
        """Cells that have moved by more than the tolerance since the read that decided about them, of type bool."""
        return np.asarray(self.selected & (np.abs(self.reached - self.measured) > self.tolerance))

    @property
    def total_energy(self) -> float:
        """J."""
        return float(self.energy.sum(dtype=float))

    @cached_property
    def components(self) -> NDArray[np.uint8]:
        """Component of the device population that each cell was drawn from, see `CellArray.component`."""
        return self.cells.component

    def by_component(self) -> list[ComponentRate]:
        """Failures of each component of the population."""
        count = self.cells.params.population.n_components
        cells = np.bincount(self.components[self.selected], minlength=count)
        failed = np.bincount(self.components[self.failed], minlength=count)
        return [ComponentRate(k, int(cells[k]), int(failed[k])) for k in range(count)]

    def statistics(self) -> dict[str, Any]:
        """The report in figures, SI units, as JSON has them."""
        chosen, count = self.selected, int(np.count_nonzero(self.selected))
        error = np.abs(self.error[chosen].astype(float))
        return {
            "method": self.method,
            "cells": count,
            "converged": int(np.count_nonzero(self.converged & chosen)),
            "failed": int(np.count_nonzero(self.failed)),
            "disturbed": int(np.count_nonzero(self.disturbed)),
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
        }

    def summary(self) -> str:
        """The report in a few lines."""
        s = self.statistics()
        q = {name: 1e6 * value for name, value in s["error_quantiles"].items()}
        lines = [
            f"{self.method}: {s['converged']:,} of {s['cells']:,} cells within {1e6 * self.tolerance:g} {MICRO}S, "
            f"{s['failed']:,} failed, {s['clipped']:,} targets clipped",
            f"error: rms {1e6 * s['rms_error']:.3g} {MICRO}S; "
            f"median {q['50%']:.3g}, 99 % {q['99%']:.3g}, largest {q['100%']:.3g} {MICRO}S; "
            f"read noise {1e6 * self.read_noise:.2g} {MICRO}S",
            f"pulses: {s['mean_pulses']:.2f} a cell, at most {s['most_pulses']} of {self.budget}; "
            f"energy {1e12 * self.total_energy / s['cells']:.3g} pJ a cell",
        ]
        if self.tolerance < FAINT_NOISE * self.read_noise:
            lines.append(
                f"note: the tolerance is only {self.tolerance / self.read_noise:.1f} deviations of the read noise: "
                "cells are accepted, and refused, by chance; average more reads"
            )
        if s["disturbed"]:
            lines.append(f"disturbed after their last read by more than the tolerance: {s['disturbed']:,} cells")
        lines += [
            f"component {rate.component}: {rate.failed:,} of {rate.cells:,} cells failed ({100 * rate.rate:.3g} %)"
            for rate in self.by_component()
        ]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()
