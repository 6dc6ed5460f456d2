"""Measured loops with the features that were found in them, for figures of an extraction."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from synaptogen._utils import AnyArray, Float64Array
from synaptogen.params import FEATURE_NAMES

from .cycles import corrected_points
from .extraction import Extraction
from .segmentation import END, START

CURVE_POINTS = 201
COUNT = 8  # loops in a figure


@dataclass(frozen=True)
class MarkedLoops:
    """Loops of one device, and the features that were found in them.

    Attributes
    ----------
    device : str
        Label of the device.
    cycle : array of shape (n,)
        Labels of the cycles.
    u, i : array of shape (n, points)
        Voltages in V, and currents in A without offset; NaN where a loop has fewer points.
    features : array of shape (n, 4)
        R_HRS in ohm, U_SET in V, R_LRS in ohm, U_RESET in V; NaN where a cycle failed.
    grid : array of shape (k,)
        Voltages in V of the curves.
    curves : array of shape (n, 3, k)
        Currents in A that were fitted to branches A, B and C.
    u_read : float
        Read voltage in V.

    Voltages and currents have the sign of the model: SET is negative.
    """

    device: str
    cycle: AnyArray
    u: Float64Array
    i: Float64Array
    features: Float64Array
    grid: Float64Array
    curves: Float64Array
    u_read: float

    def arrays(self) -> dict[str, AnyArray]:
        """Return all fields as arrays by name, for a file; `from_arrays` takes them back."""
        found = {name: np.asarray(value) for name, value in asdict(self).items()}
        return {name: value.astype(str) if value.dtype == object else value for name, value in found.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Any]) -> "MarkedLoops":
        """Return the loops that `arrays` has made arrays of."""
        return cls(**{**arrays, "device": str(arrays["device"]), "u_read": float(arrays["u_read"])})


def mark_loops(
    loops: xr.Dataset, extraction: Extraction, *, device: int = 0, cycles: list[int] | None = None
) -> MarkedLoops:
    """Collect loops of one device and the features found in them, for `learn.markers`.

    Parameters
    ----------
    loops : xarray.Dataset
        Loops, see `learn.loops`.
    extraction : Extraction
        Result of `extract` for these loops.
    device : int
        Place of the device on its axis.
    cycles : list of int, optional
        Places on the axis of cycles; default: eight, evenly spaced.

    Returns
    -------
    MarkedLoops

    Raises
    ------
    ValueError
        If there is no such device, or no loop in any of these cycles.
    """
    if not 0 <= device < len(extraction.cycles):
        raise ValueError(f"device={device} is not there: give a number from 0 to {len(extraction.cycles) - 1}")
    one = extraction.cycles[device]
    whole = np.flatnonzero(one.lowest >= 0)
    if cycles is None:
        chosen = whole[np.unique(np.linspace(0, len(whole) - 1, min(COUNT, len(whole))).round().astype(int))]
    else:
        chosen = whole[np.isin(one.loop[whole], cycles)]
    if not len(chosen):
        raise ValueError(f"device={device} has no loop in cycles {cycles}: give others, or leave cycles out")
    points, rows = corrected_points(loops, device, one), one.rows[chosen]
    size = int((rows[:, END] - rows[:, START]).max())
    u, i = (np.full((len(rows), size), np.nan) for _ in range(2))
    for n, row in enumerate(rows):
        part = slice(row[START], row[END])
        u[n, : part.stop - part.start], i[n, : part.stop - part.start] = points.u[part], points.i[part]
    where = one.loop[chosen]
    table = extraction.features
    sign = np.array([1, one.polarity, 1, one.polarity])
    grid = np.linspace(-one.curves.u_range, one.curves.u_range, CURVE_POINTS)
    curves = [[one.curves.current(b, g, grid) for b, g in enumerate(row)] for row in one.conductances_at_read[chosen]]
    return MarkedLoops(
        device=str(table.indexes["device"][device]),
        cycle=np.asarray(table.indexes["cycle"])[where],
        u=u,
        i=i,
        features=sign * np.stack([table[name].values[device, where] for name in FEATURE_NAMES], axis=1),
        grid=grid,
        curves=np.array(curves),
        u_read=extraction.u_read,
    )
