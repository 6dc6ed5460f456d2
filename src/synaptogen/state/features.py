"""Modes of cells, and the features of switching cycles."""

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import RealArray, require
from synaptogen.model import HRS, IRS, LRS

if TYPE_CHECKING:
    import xarray as xr

_SHIFT = 30  # of the mode in a status word, see `synaptogen.model.switching`


class Mode(IntEnum):
    """State of a cell within its switching cycle.

    Examples
    --------
    >>> import synaptogen as sg
    >>> cells = sg.CellArray(2, rng=1)
    >>> [sg.Mode(mode).name for mode in cells.mode]
    ['HRS', 'HRS']
    """

    IRS = IRS >> _SHIFT  # partly reset
    LRS = LRS >> _SHIFT  # set
    HRS = HRS >> _SHIFT  # completely reset


class Features(NamedTuple):
    """The four features of switching cycles, each an array with one entry per cell, or per cycle and cell.

    Examples
    --------
    >>> import synaptogen as sg
    >>> features = sg.CellArray(3, rng=7).upcoming(5)
    >>> features.r_hrs.shape
    (5, 3)
    >>> features._fields
    ('r_hrs', 'u_set', 'r_lrs', 'u_reset')
    """

    r_hrs: RealArray
    """Resistance in ohm, at the read voltage, of the HRS that the cycle starts from."""
    u_set: RealArray
    """Voltage in V at or below which the cell sets; negative."""
    r_lrs: RealArray
    """Resistance in ohm, at the read voltage, after SET."""
    u_reset: RealArray
    """Voltage in V above which RESET begins; positive."""

    def to_xarray(self, dims: Sequence[str]) -> "xr.Dataset":
        """Return the features as an xarray Dataset, with units; `learn.fit` takes such, with axes "device" and "cycle".

        Needs the extra ``synaptogen-sim[learn]``.

        Parameters
        ----------
        dims : sequence of str
            A name for each axis, such as ``("cycle", "device")`` for those of `CellArray.run_cycles`.

        Returns
        -------
        xarray.Dataset

        Raises
        ------
        ValueError, TypeError
            If there is not one name, other than those before it, for each axis.

        Examples
        --------
        >>> import synaptogen as sg
        >>> data = sg.CellArray(3, rng=7).run_cycles(5).to_xarray(("cycle", "device"))
        >>> dict(data.sizes), data.u_set.units
        ({'cycle': 5, 'device': 3}, 'V')
        """
        given = (dims,) if isinstance(dims, str) else tuple(dims)
        if len(given) != np.ndim(self.r_hrs) or len(set(given)) != len(given) or not all(map(_is_text, given)):
            raise ValueError(f"dims={dims!r}: give a name for each of the {np.ndim(self.r_hrs)} axes")
        values = {name: (given, values, {"units": _UNITS[name]}) for name, values in self._asdict().items()}
        dataset: xr.Dataset = require("xarray", "learn").Dataset(values)
        return dataset


_UNITS = {"r_hrs": "ohm", "u_set": "V", "r_lrs": "ohm", "u_reset": "V"}


def _is_text(name: object) -> bool:
    return isinstance(name, str)


def modes_of(status: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Return the modes, as numbers of `Mode`, that status words hold; of the shape of ``status``."""
    return (status >> np.uint32(_SHIFT)).astype(np.uint8)
