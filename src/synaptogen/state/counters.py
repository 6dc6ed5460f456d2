"""Numbers of reads and products: each read and each product has noise of its own, addressed by its number."""

from typing import Any

import numpy as np

from synaptogen._utils import RNG, seed_of, writeable
from synaptogen.engines import Positions, ReadNumbers

_GOLDEN = 0x9E3779B9  # 2**32 over the golden ratio: multiples of it lie far apart, modulo 2**32
_HIGH = 0x85EBCA6B  # any odd number: seeds that differ in their high bits only have other noise


def noise_offset(rng: RNG, name: str = "rng") -> int:
    """Return the offset of the numbers of reads that a source of randomness stands for.

    Offsets of successive ints are multiples of the golden ratio: of n of them, the closest two are at least 2**32 / 3 n
    apart, so that streams of reads do not overlap before that (V. T. Sos, 1958, on the three distances).

    Parameters
    ----------
    rng : int, SeedSequence, Generator or None
        See `synaptogen._utils.seed_of`.
    name : str
        Name of the argument, for messages.

    Returns
    -------
    int
        From 0 to 2**32 - 1.
    """
    seed = seed_of(rng, name)
    return (seed * _GOLDEN + (seed >> 32) * _HIGH) & 0xFFFFFFFF


class Counters:
    """Numbers of reads and products of the cells of one engine; all views of an array share them.

    Parameters
    ----------
    size : int
        Number of cells of the engine.

    Attributes
    ----------
    reads : ReadNumbers
        Number of the next read: one for all cells, or one per cell once some were read more often than others.
    products : int
        Number of the next crossbar product.

    Examples
    --------
    >>> import synaptogen as sg
    >>> cells = sg.CellArray(3, rng=1)
    >>> _ = cells.read(), cells.read()
    >>> cells.state.counters.reads.times
    2
    """

    def __init__(self, size: int) -> None:
        self.size, self.reads, self.products = size, ReadNumbers(), 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(writeable(state))  # counts of an array that came out of a pickle may be read-only

    def advance_reads(self, positions: Positions | None, k: int) -> None:
        """Count reads.

        Parameters
        ----------
        positions : array of int of shape (m,), optional
            Positions in the engine of the cells that were read; default: all.
        k : int
            Number of reads.
        """
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

    def shift(self, offset: int) -> None:
        """Move the numbers of all reads and products, so that they have other noise.

        Parameters
        ----------
        offset : int
            Added to the numbers, modulo 2**32.
        """
        times, each = self.reads
        shifted = None if each is None else each + np.uint32(offset & 0xFFFFFFFF)
        self.reads = ReadNumbers((times + offset) & 0xFFFFFFFF, shifted)
        self.products = (self.products + offset) & 0xFFFFFFFF

    def copy(self, positions: Positions | None, size: int) -> "Counters":
        """Return counters for copies of cells.

        Parameters
        ----------
        positions : array of int of shape (size,), optional
            Positions in the engine of the cells that are copied; default: all.
        size : int
            Number of the copies.

        Returns
        -------
        Counters
            They start with the numbers of the cells that were copied.
        """
        other = Counters(size)
        times, each = self.reads
        if each is not None:
            kept = each[: self.size] if positions is None else each[positions]
            each = np.pad(kept, (0, -size % 64))
        other.reads, other.products = ReadNumbers(times, each), self.products
        return other
