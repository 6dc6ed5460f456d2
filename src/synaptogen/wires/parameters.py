"""Parameters of the wires of a crossbar: resistances, and where lines are connected."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from synaptogen._utils import BoolArray, Float64Array, checks

WordEnds: TypeAlias = Literal["left", "right", "both"]
BitEnds: TypeAlias = Literal["top", "bottom", "both"]

FINEST = 1e-12  # smallest relative tolerance that double precision can hold


@dataclass(frozen=True)
class Wires:
    """Wires of a crossbar of shape (rows, columns): row i is word line i, column j is bit line j.

    A line is a chain of equal segments, one between neighbouring cells and one from its outermost cell to each end at
    which it is connected. There, the resistance of a driver or of a sense amplifier (a virtual ground) follows.

    Parameters
    ----------
    word, bit : float
        Resistance in ohm of one segment of a word line, of a bit line.
    source, sense : float
        Resistance in ohm of a driver, of a sense amplifier.
    word_ends : {"left", "right", "both"}
        Where word lines are connected: before column 0, behind the last column, or at both ends to the same voltage.
    bit_ends : {"top", "bottom", "both"}
        Where bit lines are connected: before row 0, behind the last row, or both.
    tolerance : float
        Largest error of the current of any line, as a share of the largest current of a line.

    Raises
    ------
    ValueError, TypeError
        If a resistance is negative or not finite, an end is not known, or the tolerance not between 1e-12 and 0.1.

    Examples
    --------
    >>> from synaptogen.crossbar import Wires
    >>> Wires(word=2.0, bit=3.0, source=50.0, word_ends="both")
    Wires(word=2.0, bit=3.0, source=50.0, sense=0.0, word_ends='both', bit_ends='bottom', tolerance=1e-09)
    """

    word: float = 1.0
    bit: float = 1.0
    source: float = 0.0
    sense: float = 0.0
    word_ends: WordEnds = "left"
    bit_ends: BitEnds = "bottom"
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        for name in ("word", "bit", "source", "sense"):
            object.__setattr__(self, name, checks.resistance(name, getattr(self, name)))
        checks.one_of("word_ends", self.word_ends, ("left", "right", "both"))
        checks.one_of("bit_ends", self.bit_ends, ("top", "bottom", "both"))
        if not FINEST <= checks.positive("tolerance", self.tolerance, "the largest current") <= 0.1:
            raise ValueError(
                f"tolerance={self.tolerance!r}: give a share of the largest current from {FINEST:g} to 0.1"
            )

    def chains(self, kind: Literal["word", "bit"], driven: bool, floating: BoolArray) -> "Chains":
        """Return all lines of one kind as chains of nodes.

        Parameters
        ----------
        kind : {"word", "bit"}
            Word lines or bit lines.
        driven : bool
            Whether the lines end in drivers (``source``) or in sense amplifiers (``sense``).
        floating : array of bool, of shape (lines,)
            Lines that are connected to nothing.

        Returns
        -------
        Chains
        """
        segment, ends = (self.word, self.word_ends) if kind == "word" else (self.bit, self.bit_ends)
        end = segment + (self.source if driven else self.sense)
        first = end if ends in ("left", "top", "both") else np.inf
        last = end if ends in ("right", "bottom", "both") else np.inf
        if segment == 0.0:  # the line is one node: both ends in parallel, at its first node
            first, last = 1.0 / (1.0 / first + 1.0 / last) if end else 0.0, np.inf
        return Chains(segment, np.where(floating, np.inf, first), np.where(floating, np.inf, last))


class Chains(NamedTuple):
    """Lines of one kind as chains of nodes. An infinite resistance means that an end is not connected.

    Attributes
    ----------
    segment : float
        Resistance in ohm between neighbouring nodes.
    first, last : array of shape (lines,)
        Resistances in ohm from the first and from the last node of each line to its source.
    """

    segment: float
    first: Float64Array
    last: Float64Array
