"""How often cells have been read: what makes the noise of each read its own."""

import numpy as np

from synaptogen.engines import Positions, ReadNumbers


class Counters:
    """How often cells of one engine have been read and multiplied: all its views share them."""

    def __init__(self, size: int) -> None:
        self.size, self.reads, self.products = size, ReadNumbers(), 0

    def advance_reads(self, positions: Positions | None, k: int) -> None:
        """Some cells, or all, have been read k times more."""
        times, each = self.reads
        if each is None and positions is not None:
            each = np.full(-(-self.size // 64) * 64, times, np.uint32)
        if each is None:
            times = (times + k) & 0xFFFFFFFF
        elif positions is None:
            each += np.uint32(k)
        else:
            each[positions] += np.uint32(k)
        self.reads = ReadNumbers(times, each)

    def copy(self, positions: Positions | None, size: int) -> "Counters":
        """Counters of their own for copies of some cells, or of all."""
        other = Counters(size)
        times, each = self.reads
        if each is not None:
            kept = each[: self.size] if positions is None else each[positions]
            each = np.pad(kept, (0, -size % 64))
        other.reads, other.products = ReadNumbers(times, each), self.products
        return other
