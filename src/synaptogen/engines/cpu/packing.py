"""Packing of some cells of an array into whole lane groups.

A kernel works on whole groups. A `Packing` says in which groups the selected cells lie and at which lanes, so that one
value per selected cell becomes one value per lane and back.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, Float32Array
from synaptogen.engines.protocol import Positions

from .kernels import Selection
from .lanes import W

NO_GROUPS = np.zeros(1, np.int64)


def plain(values: AnyArray) -> Float32Array:
    """Return values as kernels take them: single precision, contiguous, aligned and writable.

    Kernels are compiled for arrays of that kind alone.

    Parameters
    ----------
    values : array of any type

    Returns
    -------
    array of float32
        ``values`` itself if it is of that kind.
    """
    if values.dtype == np.float32 and values.flags.carray:  # as most are, and `require` takes its time to see
        return values
    return np.require(values, np.float32, ["C", "A", "W"])


class Packing(NamedTuple):
    """A selection of cells as lanes: what `CPUEngine` takes as ``select``.

    Attributes
    ----------
    size : int
        Number of selected cells, m.
    groups : array of int64, optional
        The groups in which they lie; None means all groups of the array.
    lanes : array of int64 or slice
        Lanes of the selected cells, counted through the groups laid end to end.
    positions : array of int64, optional
        Positions of the selected cells in the array; None means all cells.
    """

    size: int
    groups: NDArray[np.int64] | None
    lanes: NDArray[np.int64] | slice
    positions: Positions | None

    def kernel_argument(self) -> Selection:
        """Return the groups as kernels take them."""
        return Selection(NO_GROUPS if self.groups is None else self.groups, self.groups is not None)

    def visits(self) -> int:
        """Return the number of groups to visit."""
        return -(-self.size // W) if self.groups is None else len(self.groups)

    def pack(self, values: AnyArray) -> Float32Array:
        """Return one row of lanes for each row of values.

        Parameters
        ----------
        values : array of shape (k, m)

        Returns
        -------
        array of shape (k, groups * W)
            Zeros in lanes of cells that are not selected.
        """
        if self.size == self.visits() * W and isinstance(self.lanes, slice):
            return plain(values)
        packed = np.zeros((len(values), self.visits() * W), np.float32)
        packed[:, self.lanes] = values
        return packed

    def unpack(self, packed: AnyArray) -> AnyArray:
        """Return the values of the selected cells from those of all lanes.

        Parameters
        ----------
        packed : array of shape (..., groups * W)

        Returns
        -------
        array of shape (..., m)
        """
        return packed[..., self.lanes]


def packing_of(positions: Positions) -> Packing:
    """Return the packing of cells at some positions.

    Parameters
    ----------
    positions : array of shape (m,)
        At least one.

    Returns
    -------
    Packing
    """
    size = len(positions)
    if positions[-1] - positions[0] == size - 1 and np.all(positions[1:] > positions[:-1]):  # one run
        first = int(positions[0] % W)
        return Packing(
            size, np.arange(positions[0] // W, positions[-1] // W + 1), slice(first, first + size), positions
        )
    group = positions // W
    if np.all(group[1:] >= group[:-1]):  # most other views: no need to sort
        new = np.concatenate([[True], group[1:] != group[:-1]])
        groups, entry = group[new], np.cumsum(new) - 1
    else:
        groups, entry = np.unique(group, return_inverse=True)
    return Packing(size, groups, entry * W + positions % W, positions)
