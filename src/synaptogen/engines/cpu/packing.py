"""Some cells of an array as whole tiles of lanes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import AnyArray, Float32Array
from synaptogen.engines.protocol import Positions

from .kernels import Selection
from .lanes import W

NO_GROUPS = np.zeros(1, np.int64)


def plain(values: AnyArray) -> Float32Array:
    """Single precision, contiguous, aligned and writable: kernels are compiled for arrays of that kind alone."""
    if values.dtype == np.float32 and values.flags.carray:  # as most are, and `require` takes its time to see
        return values
    return np.require(values, np.float32, ["C", "A", "W"])


class Packing(NamedTuple):
    """Some cells as lanes: they lie in ``tiles``, at ``lanes`` of those tiles laid end to end. No tiles: all cells."""

    size: int
    groups: NDArray[np.int64] | None
    lanes: NDArray[np.int64] | slice
    positions: Positions | None

    def kernel_argument(self) -> Selection:
        """What kernels take."""
        return Selection(NO_GROUPS if self.groups is None else self.groups, self.groups is not None)

    def visits(self) -> int:
        """Number of tiles to visit."""
        return -(-self.size // W) if self.groups is None else len(self.groups)

    def pack(self, values: AnyArray) -> Float32Array:
        """Values (k, m) as lanes (k, tiles * W), zeros where no cell was selected."""
        if self.size == self.visits() * W and isinstance(self.lanes, slice):
            return plain(values)
        packed = np.zeros((len(values), self.visits() * W), np.float32)
        packed[:, self.lanes] = values
        return packed

    def unpack(self, packed: AnyArray) -> AnyArray:
        """The inverse."""
        return packed[..., self.lanes]


def packing_of(positions: Positions) -> Packing:
    """How cells at some positions are packed."""
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
