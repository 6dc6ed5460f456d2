"""Measured loops with what was found in them: what a figure of an extraction draws."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synaptogen._utils import Float64Array
from synaptogen.params import FEATURE_NAMES

from . import cycle_kernels as at
from . import cycles as _branches
from . import segmentation as cutting
from .extraction import Extraction

COUNT = 8  # loops of a figure


@dataclass(frozen=True)
class MarkedLoops:
    """Loops of one device, and what was found in them.

    Attributes
    ----------
    device : str
    cycle : array of shape (n,)
        Labels.
    u, i : array of shape (n, points)
        V, and A without offset; NaN where a loop has fewer points.
    features : array of shape (n, 4)
        R_HRS in ohm, U_SET in V, R_LRS in ohm, U_RESET in V; NaN where a cycle failed.
    states : array of shape (n, 3)
        Mixing states of branches A, B and C.
    llrs, hhrs : array
        Polynomials that these mix, in A, highest power first.
    u_read : float
        V.
    """

    device: str
    cycle: NDArray[Any]
    u: Float64Array
    i: Float64Array
    features: Float64Array
    states: Float64Array
    llrs: Float64Array
    hhrs: Float64Array
    u_read: float

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The same as arrays, for a file; `of_arrays` takes them back."""
        found = {name: np.asarray(value) for name, value in asdict(self).items()}
        return {name: value.astype(str) if value.dtype == object else value for name, value in found.items()}

    @classmethod
    def of_arrays(cls, arrays: dict[str, Any]) -> "MarkedLoops":
        """Return what `arrays` has made arrays of."""
        return cls(**{**arrays, "device": str(arrays["device"]), "u_read": float(arrays["u_read"])})


def mark_loops(
    loops: xr.Dataset, extraction: Extraction, *, device: int = 0, cycles: list[int] | None = None
) -> MarkedLoops:
    """Return what `markers` draws; the arguments are the same."""
    if not 0 <= device < len(extraction.cycles):
        raise ValueError(f"device={device} is not there: give a number from 0 to {len(extraction.cycles) - 1}")
    one = extraction.cycles[device]
    whole = np.flatnonzero(one.rows[:, cutting.LOWEST] >= 0)
    if cycles is None:
        chosen = whole[np.unique(np.linspace(0, len(whole) - 1, min(COUNT, len(whole))).round().astype(int))]
    else:
        chosen = whole[np.isin(one.rows[whole, cutting.LOOP], cycles)]
    if not len(chosen):
        raise ValueError(f"device={device} has no loop in cycles {cycles}: give others, or leave cycles out")
    points, rows = _branches.corrected(loops, device, one), one.rows[chosen]
    size = int((rows[:, cutting.END] - rows[:, cutting.START]).max())
    u, i = (np.full((len(rows), size), np.nan) for _ in range(2))
    for n, row in enumerate(rows):
        part = slice(row[cutting.START], row[cutting.END])
        u[n, : part.stop - part.start], i[n, : part.stop - part.start] = points.u[part], points.i[part]
    where = rows[:, cutting.LOOP]
    table = extraction.features
    return MarkedLoops(
        device=str(table.indexes["device"][device]),
        cycle=np.asarray(table.indexes["cycle"])[where],
        u=u,
        i=i,
        features=np.stack([table[name].values[device, where] for name in FEATURE_NAMES], axis=1),
        states=one.measured[chosen][:, [at.R_A, at.R_B, at.R_C]],
        llrs=extraction.llrs,
        hhrs=extraction.hhrs,
        u_read=extraction.u_read,
    )
