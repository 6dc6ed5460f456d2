"""Parameters of the wires of a crossbar: resistances, and where lines are connected."""

from dataclasses import dataclass, fields, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import BoolArray, Float64Array, checks

WordEnds: TypeAlias = Literal["left", "right", "both"]
BitEnds: TypeAlias = Literal["top", "bottom", "both"]

FINEST = 1e-12  # smallest relative tolerance that double precision can hold
# ohm; segments of 0 and of infinite resistance in lines whose other segments differ: 1 uA makes 1 pV, 1 V makes 1e-18 A
SHORT, OPEN = 1e-6, 1e18


@dataclass(frozen=True, eq=False, repr=False)
class Wires:
    """Wires of a crossbar of shape (rows, columns): row i is word line i, column j is bit line j.

    A line is a chain of segments, one between neighbouring cells and one from its outermost cell to each end at
    which it is connected. There, the resistance of a driver or of a sense amplifier (a virtual ground) follows.

    Parameters
    ----------
    word : float or array of shape (rows,) or (rows, columns + 1)
        Resistance in ohm of the segments of word lines: one for all, one for each line, or one for each segment.
        ``word[i, j]`` leads from the left to cell (i, j), ``word[i, columns]`` from the last cell to the right end.
        ``inf`` is an open segment. In an array of different values, 0 counts as 1e-6 ohm.
    bit : float or array of shape (columns,) or (rows + 1, columns)
        The same for bit lines: ``bit[i, j]`` leads from above to cell (i, j), ``bit[rows, j]`` to the bottom end.
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
        If a resistance is negative or not a number, an end is not known, or the tolerance not between 1e-12 and 0.1.
        Only single segments may be infinite, and one array of segments must fit the other.

    Examples
    --------
    >>> from synaptogen.crossbar import Wires
    >>> Wires(word=2.0, bit=3.0, source=50.0, word_ends="both")
    Wires(word=2.0, bit=3.0, source=50.0, sense=0.0, word_ends='both', bit_ends='bottom', tolerance=1e-09)

    A word line that is broken before its third cell, in a crossbar of 2 x 4 cells:

    >>> import numpy as np
    >>> word = np.full((2, 5), 2.0)
    >>> word[1, 2] = np.inf
    >>> Wires(word)
    Wires(word=2.0 ohm with 1 open of 10, bit=1.0, source=0.0, sense=0.0, word_ends='left', bit_ends='bottom', \
tolerance=1e-09)
    """

    word: float | Float64Array = 1.0
    bit: float | Float64Array = 1.0
    source: float = 0.0
    sense: float = 0.0
    word_ends: WordEnds = "left"
    bit_ends: BitEnds = "bottom"
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        for name in ("source", "sense"):
            object.__setattr__(self, name, checks.resistance(name, getattr(self, name)))
        for name in ("word", "bit"):
            object.__setattr__(self, name, _segments(name, getattr(self, name)))
        shapes = self._crossbar_by("word"), self._crossbar_by("bit")
        for mine, other in zip(*shapes, strict=True):
            if mine is not None and other is not None and mine != other:
                raise ValueError(
                    f"word of shape {np.shape(self.word)} and bit of shape {np.shape(self.bit)} belong to crossbars of"
                    " different shape: give (rows,) or (rows, columns + 1), and (columns,) or (rows + 1, columns)"
                )
        checks.one_of("word_ends", self.word_ends, ("left", "right", "both"))
        checks.one_of("bit_ends", self.bit_ends, ("top", "bottom", "both"))
        if not FINEST <= checks.positive("tolerance", self.tolerance, "the largest current") <= 0.1:
            raise ValueError(
                f"tolerance={self.tolerance!r}: give a share of the largest current from {FINEST:g} to 0.1"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wires) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        parts = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name not in ("word", "bit"))
        return f"Wires(word={self.describe('word')}, bit={self.describe('bit')}, {', '.join(parts)})"

    def describe(self, kind: Literal["word", "bit"]) -> str:
        """Return the resistances of the segments of word or bit lines in a few words.

        Parameters
        ----------
        kind : {"word", "bit"}
            Word lines or bit lines.

        Returns
        -------
        str
        """
        value = getattr(self, kind)
        if isinstance(value, float):
            return repr(value)
        closed = value[np.isfinite(value)]
        count = f" with {value.size - closed.size} open of {value.size}" if closed.size < value.size else ""
        if not closed.size:
            return "open"
        low, high = float(closed.min()), float(closed.max())
        return f"{low!r} ohm{count}" if low == high else f"{low:g} to {high:g} ohm{count}"

    def chains(self, kind: Literal["word", "bit"], driven: bool, floating: BoolArray, nodes: int) -> "Chains":
        """Return all lines of one kind as chains of nodes.

        Parameters
        ----------
        kind : {"word", "bit"}
            Word lines or bit lines.
        driven : bool
            Whether the lines end in drivers (``source``) or in sense amplifiers (``sense``).
        floating : array of bool, of shape (lines,)
            Lines that are connected to nothing.
        nodes : int
            Cells of a line.

        Returns
        -------
        Chains

        Raises
        ------
        ValueError
            If there are resistances for another number of lines or of segments.
        """
        ends = self.word_ends if kind == "word" else self.bit_ends
        added = self.source if driven else self.sense
        along = self._along(kind, len(floating), nodes)
        near, far = ends in ("left", "top", "both"), ends in ("right", "bottom", "both")
        if isinstance(along, float):
            end = along + added
            first, last = end if near else np.inf, end if far else np.inf
            if along == 0.0:  # the line is one node: both ends in parallel, at its first node
                first, last = 1.0 / (1.0 / first + 1.0 / last) if end else 0.0, np.inf
            return Chains(along, np.where(floating, np.inf, first), np.where(floating, np.inf, last))
        inner = np.clip(along[:, 1:-1], SHORT, OPEN)
        each = [
            np.where(floating | (not held), np.inf, np.maximum(along[:, k] + added, SHORT))
            for held, k in ((near, 0), (far, -1))
        ]
        if nodes == 1:
            return Chains(1.0, *each)  # a line of one node has no segment between nodes
        return Chains(np.ascontiguousarray(inner if kind == "word" else inner.T), *each)

    def of_row(self, row: int, shape: tuple[int, int]) -> tuple["Wires", Float64Array, Float64Array]:
        """Return the wires of one row of a crossbar.

        Parameters
        ----------
        row : int
            The row.
        shape : (int, int)
            Rows and columns of the whole crossbar.

        Returns
        -------
        wires : Wires
            Those of a crossbar that has only this row; its bit lines are not meant.
        above, below : array of shape (columns,)
            Resistance in ohm of each bit line from the row to the top end, and to the bottom end.
        """
        rows, columns = shape
        word = self.word if isinstance(self.word, float) else self.word[row : row + 1]
        along = self._along("bit", columns, rows)
        if isinstance(along, float):
            above, below = np.full(columns, along * (row + 1)), np.full(columns, along * (rows - row))
        else:
            above, below = along[:, : row + 1].sum(axis=1), along[:, row + 1 :].sum(axis=1)
        return replace(self, word=word, bit=0.0), above, below

    def _along(self, kind: Literal["word", "bit"], lines: int, nodes: int) -> float | Float64Array:
        """Return the resistance that all segments have, or those of each, (lines, nodes + 1)."""
        value = getattr(self, kind)
        if isinstance(value, float):
            return value
        fits = {(lines,), (lines, nodes + 1) if kind == "word" else (nodes + 1, lines)}
        if value.shape not in fits:
            wanted = f"({lines},) or {max(fits, key=len)}"
            raise ValueError(f"wires.{kind} has shape {value.shape}: this crossbar needs a number, or {wanted}")
        if np.all(value == value.flat[0]) and np.isfinite(value.flat[0]):
            return float(value.flat[0])
        each = np.repeat(value[:, None], nodes + 1, axis=1) if value.ndim == 1 else value
        return np.asarray(each if kind == "word" or value.ndim == 1 else each.T)

    def _crossbar_by(self, kind: Literal["word", "bit"]) -> tuple[int | None, int | None]:
        """Return the rows and columns that an array of resistances belongs to, as far as it says so."""
        shape = np.shape(getattr(self, kind))
        if not shape:
            return None, None
        if len(shape) == 1:
            return (shape[0], None) if kind == "word" else (None, shape[0])
        return (shape[0], shape[1] - 1) if kind == "word" else (shape[0] - 1, shape[1])

    def _key(self) -> tuple[object, ...]:
        values = (getattr(self, f.name) for f in fields(self))
        return tuple((v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for v in values)


def _segments(name: str, value: ArrayLike) -> float | Float64Array:
    """Return the resistance of all segments, or a read-only array of those of lines or segments."""
    if np.ndim(value) == 0:
        return checks.resistance(name, value)  # type: ignore[arg-type]  # the check refuses what is no number
    try:
        given = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is not an array of resistances in ohm") from None
    if given.ndim > 2 or 0 in given.shape or (given.ndim == 2 and given.shape[1 if name == "word" else 0] < 2):
        raise ValueError(
            f"{name} has shape {given.shape}: give one resistance, one for each line, or one for each segment, "
            + ("(rows, columns + 1)" if name == "word" else "(rows + 1, columns)")
        )
    if np.isnan(given).any() or (given < 0).any():
        raise ValueError(f"{name} holds a negative resistance or one that is not a number: give ohm, inf where open")
    given.flags.writeable = False
    return given


class Chains(NamedTuple):
    """Lines of one kind as chains of nodes. An infinite resistance means that an end is not connected.

    Attributes
    ----------
    segment : float, or array of shape (rows, columns - 1) for word lines, (rows - 1, columns) for bit lines
        Resistance in ohm between neighbouring nodes: from cell (i, j) to the next one of its line at [i, j].
    first, last : array of shape (lines,)
        Resistances in ohm from the first and from the last node of each line to its source.
    """

    segment: float | Float64Array
    first: Float64Array
    last: Float64Array

    @property
    def one_node(self) -> bool:
        """Whether each line is one node, for want of resistance."""
        return isinstance(self.segment, float) and self.segment == 0.0
