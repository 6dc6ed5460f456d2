"""How an array is cut into blocks: along its first axis, so that a block of a crossbar is some of its rows."""

import math
from typing import Any

from numpy.typing import NDArray

from synaptogen.io import CHUNK

BLOCK_BYTES = 1 << 27
ALIGNED = 64  # consecutive cells that share their noise: a block begins with a multiple where it can
MOST_CHUNKS = 4096  # of a block


def default_block(bytes_per_cell: float) -> int:
    """Cells of a block: a power of two, of the size that pays and leaves room for some of them."""
    return 1 << int(math.log2(BLOCK_BYTES / bytes_per_cell))


class Blocks:
    """Blocks of whole entries of the first axis, all of one size but the last.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    cells : int
        Cells of a block at the most, if an entry has not more.
    """

    def __init__(self, shape: tuple[int, ...], cells: int) -> None:
        self.shape = shape
        self.entry = math.prod(shape[1:])
        entries, step = max(1, cells // self.entry), ALIGNED // math.gcd(ALIGNED, self.entry)
        self.entries = min(shape[0], entries - entries % step if entries >= step else entries)

    def __len__(self) -> int:
        return -(-self.shape[0] // self.entries)

    def __getitem__(self, k: int) -> slice:
        """Entries of a block."""
        return slice(k * self.entries, min((k + 1) * self.entries, self.shape[0]))

    def shape_of(self, k: int) -> tuple[int, ...]:
        """Shape of a block."""
        here = self[k]
        return (here.stop - here.start, *self.shape[1:])

    def begin(self, k: int) -> int:
        """First cell of a block."""
        return k * self.entries * self.entry

    def size_of(self, k: int) -> int:
        """Cells of a block."""
        return math.prod(self.shape_of(k))

    def part(self, k: int, values: NDArray[Any] | None, axis: int = 0) -> NDArray[Any] | None:
        """What concerns a block of values that broadcast to the array, its first axis being ``axis`` of them."""
        if values is None or values.shape[axis] == 1:
            return values
        return values[(slice(None),) * axis + (self[k],)]

    @property
    def chunk(self) -> int:
        """Cells of a chunk on disk, of which a block is a whole number."""
        cells = self.entries * self.entry
        for parts in range(-(-cells // CHUNK), MOST_CHUNKS):
            if cells % parts == 0:
                return cells // parts
        return cells
