"""The blocks of an array: it is cut along its first axis, so that a block of a crossbar is some of its rows."""

import math
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from synaptogen._utils import Float64Array, RealArray, Shape
from synaptogen.io import CHUNK

BLOCK_BYTES = 1 << 27
ALIGNED = 64  # consecutive cells that share their noise: a block begins with a multiple where it can
MOST_CHUNKS = 4096  # chunks of a block

Value = TypeVar("Value", bound=np.generic)


class Pause(NamedTuple):
    """A wait, which is the same for all blocks."""

    ticks: int
    """How long."""
    temperature: float | None
    """In K; None: that of the parameters."""


class Pulses(NamedTuple):
    """Voltages with widths."""

    voltages: RealArray
    """Voltages in V, of shape (K, ...)."""
    widths: Float64Array
    """Widths in s, of shape (K,), the same for all blocks."""


Step: TypeAlias = RealArray | Pulses | Pause
"""What changes cells: voltages (K, ...) of the reference width, pulses, or a wait."""


def voltages_of(step: Step) -> int:
    """Return how many voltages a step applies."""
    return len(step.widths) if isinstance(step, Pulses) else 0 if isinstance(step, Pause) else len(step)


def copied(step: Step) -> Step:
    """Return a copy of a step, which callers cannot change."""
    if isinstance(step, Pulses):
        return Pulses(step.voltages.copy(), step.widths.copy())
    return step if isinstance(step, Pause) else step.copy()


def default_block(bytes_per_cell: float) -> int:
    """Return the number of cells of a block of about 128 MiB: a power of two.

    Such a block is large enough to make good use of a disk, and small enough that memory holds several.
    """
    return 1 << int(math.log2(BLOCK_BYTES / bytes_per_cell))


class Blocks:
    """Blocks of whole entries of the first axis of an array, all of one size but the last.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    cells : int
        Largest number of cells of a block. A block has at least one entry, even if an entry has more cells.

    Attributes
    ----------
    cells_per_entry : int
        Number of cells of an entry of the first axis.
    entries_per_block : int
        Number of entries of a block.
    """

    def __init__(self, shape: Shape, cells: int) -> None:
        self.shape = shape
        self.cells_per_entry = math.prod(shape[1:])
        entries, step = max(1, cells // self.cells_per_entry), ALIGNED // math.gcd(ALIGNED, self.cells_per_entry)
        self.entries_per_block = min(shape[0], entries - entries % step if entries >= step else entries)

    @property
    def size(self) -> int:
        """Number of cells of the array."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return -(-self.shape[0] // self.entries_per_block)

    def __getitem__(self, k: int) -> slice:
        """Return the entries of the first axis that block ``k`` has."""
        return slice(k * self.entries_per_block, min((k + 1) * self.entries_per_block, self.shape[0]))

    def shape_of(self, k: int) -> Shape:
        """Return the shape of block ``k``."""
        here = self[k]
        return (here.stop - here.start, *self.shape[1:])

    def first_cell(self, k: int) -> int:
        """Return the flat number of the first cell of block ``k``."""
        return k * self.entries_per_block * self.cells_per_entry

    def size_of(self, k: int) -> int:
        """Return the number of cells of block ``k``."""
        return math.prod(self.shape_of(k))

    def part(self, k: int, values: NDArray[Value] | None, axis: int = 0) -> NDArray[Value] | None:
        """Return the part of values that concerns a block.

        Parameters
        ----------
        k : int
            Number of the block.
        values : array, optional
            Values that broadcast to the array, from ``axis`` on.
        axis : int
            Axis of ``values`` that is the first axis of the array.

        Returns
        -------
        array or None
            A view; all of ``values`` where they are the same along the first axis, None where they are None.
        """
        if values is None or values.shape[axis] == 1:
            return values
        return values[(slice(None),) * axis + (self[k],)]

    def step(self, k: int, step: Step) -> Step:
        """Return the part of a step that concerns a block.

        Parameters
        ----------
        k : int
            Number of the block.
        step : array of shape (K, ...), Pulses, or Pause
            Voltages, of which a part is returned, or a wait of all cells.

        Returns
        -------
        array of shape (K, ...), Pulses, or Pause
        """
        if isinstance(step, Pause):
            return step
        voltages = self.part(k, step.voltages if isinstance(step, Pulses) else step, axis=1)
        assert voltages is not None
        return Pulses(voltages, step.widths) if isinstance(step, Pulses) else voltages

    @property
    def chunk(self) -> int:
        """Number of cells of a chunk on disk; a block has a whole number of chunks."""
        cells = self.entries_per_block * self.cells_per_entry
        for parts in range(-(-cells // CHUNK), MOST_CHUNKS):
            if cells % parts == 0:
                return cells // parts
        return cells
