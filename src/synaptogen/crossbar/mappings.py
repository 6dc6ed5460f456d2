"""From weights to conductances and back.

Conductances are positive, weights have a sign. A mapping gives each output of a weight matrix (outputs, inputs) one or
more lines of a crossbar (lines, inputs), and combines their currents with fixed coefficients:

    w_j = sum_k c_k g_jk - c_ref g_ref

The combination is linear, so `combine` makes weights from conductances, and products with weights from line currents.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synaptogen._utils import AnyArray, checks

OUTSIDE = ("refuse", "clip")


@dataclass(frozen=True)
class WeightMapping:
    """What the mappings have in common.

    Parameters
    ----------
    g_min, g_max : float
        Lowest and highest conductance in S, such as `reachable_window` gives; 0 <= g_min < g_max.
    w_max : float
        Largest magnitude of a weight.

    Raises
    ------
    ValueError
        If they are not of that kind.
    """

    g_min: float
    g_max: float
    w_max: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite([self.g_min, self.g_max]).all() and 0 <= self.g_min < self.g_max):
            raise ValueError(f"g_min={self.g_min!r}, g_max={self.g_max!r}: give conductances in S, 0 <= g_min < g_max")
        if not (np.isfinite(self.w_max) and self.w_max > 0):
            raise ValueError(f"w_max={self.w_max!r}: give the largest magnitude of a weight, above 0")

    # ---- what a mapping says of itself

    @property
    def coefficients(self) -> AnyArray:
        """Coefficients c_k in 1/S of the lines of one output, shape (lines per output,)."""
        raise NotImplementedError

    @property
    def reference(self) -> tuple[float, float] | None:
        """Conductance in S and coefficient in 1/S of the cells of the reference line, the last one, if there is one."""
        return None

    def _of_weights(self, w: AnyArray) -> AnyArray:
        """Conductances (outputs, lines per output, inputs) of weights (outputs, inputs) within +-w_max."""
        raise NotImplementedError

    # ---- what users ask

    def lines(self, outputs: int) -> int:
        """Number of lines for so many outputs."""
        return len(self.coefficients) * outputs + (self.reference is not None)

    def beyond(self, weights: ArrayLike) -> int:
        """How many weights are larger than w_max in magnitude."""
        return int(np.count_nonzero(np.abs(np.asarray(weights)) > self.w_max))

    def targets(self, weights: ArrayLike, outside: str = "refuse") -> NDArray[np.float64]:
        """Target conductances in S of shape (lines, inputs).

        Parameters
        ----------
        weights : array of shape (outputs, inputs)
        outside : {"refuse", "clip"}
            What to do with weights beyond +-w_max; `beyond` counts them.

        Raises
        ------
        ValueError
            If the shape does not fit, a weight is not finite, or one is beyond w_max and not to be clipped.
        """
        w = np.asarray(weights, float)
        if w.ndim != 2 or w.size == 0:
            raise ValueError(f"weights has shape {w.shape}: give (outputs, inputs), both at least 1")
        if not checks.all_finite(w):
            raise ValueError("weights holds NaN or infinite values: clean them first")
        checks.one_of("outside", outside, OUTSIDE)
        count = self.beyond(w)
        if count and outside == "refuse":
            raise ValueError(
                f"{count} of {w.size} weights are beyond w_max={self.w_max:g} (largest: {np.abs(w).max():g}): "
                f'raise w_max, or clip them with outside="clip"'
            )
        g = self._of_weights(np.clip(w, -self.w_max, self.w_max)).reshape(-1, w.shape[1])
        if self.reference is None:
            return g
        return np.concatenate([g, np.full((1, w.shape[1]), self.reference[0])])

    def combine(self, lines: ArrayLike) -> AnyArray:
        """Weights from conductances in S, or a product with the weights from line currents in A.

        Parameters
        ----------
        lines : array of shape (lines, ...)
            The line as first axis, in the order of `targets`.

        Returns
        -------
        array of shape (outputs, ...)

        Raises
        ------
        ValueError
            If that is not a number of lines that this mapping makes.
        """
        given, per, extra = np.asarray(lines), len(self.coefficients), int(self.reference is not None)
        if given.ndim == 0 or len(given) <= extra or (len(given) - extra) % per:
            raise ValueError(
                f"lines has shape {given.shape}: its first axis counts lines, {per} for each output"
                + " and a reference line" * extra
            )
        body = given[: len(given) - extra].reshape(-1, per, *given.shape[1:])
        out = np.tensordot(self.coefficients, body, axes=(0, 1))
        return out if self.reference is None else out - self.reference[1] * given[-1]


@dataclass(frozen=True)
class DifferentialPair(WeightMapping):
    """Two cells for a weight: one carries its positive part above g_min, the other its negative part.

    w = w_max (g_plus - g_minus) / (g_max - g_min); neighbouring lines are a pair.
    """

    @property
    def coefficients(self) -> AnyArray:
        """Plus and minus."""
        return np.array([1.0, -1.0]) * (self.w_max / (self.g_max - self.g_min))

    def _of_weights(self, w: AnyArray) -> AnyArray:
        parts = np.stack([np.maximum(w, 0), np.maximum(-w, 0)], axis=1)
        return self.g_min + parts * ((self.g_max - self.g_min) / self.w_max)


@dataclass(frozen=True)
class OffsetColumn(WeightMapping):
    """One cell for a weight, and one line of reference cells for all outputs, at the middle of the window.

    w = 2 w_max (g - g_ref) / (g_max - g_min). Products put inputs on columns, so here the line in common, which the
    literature draws as a column, is the last row.
    """

    @property
    def coefficients(self) -> AnyArray:
        """Of the one line of an output."""
        return np.array([2 * self.w_max / (self.g_max - self.g_min)])

    @property
    def reference(self) -> tuple[float, float]:
        """The middle of the window, with the same coefficient."""
        return (self.g_min + self.g_max) / 2, float(self.coefficients[0])

    def _of_weights(self, w: AnyArray) -> AnyArray:
        g: AnyArray = (self.g_min + self.g_max) / 2 + w / self.coefficients[0]
        return g[:, None, :]


@dataclass(frozen=True)
class BitSlicing(WeightMapping):
    """Weights as whole numbers, each digit in a cell of its own.

    A weight is rounded to one of ``levels`` magnitudes from 0 to w_max, so with its sign to one of 2 levels - 1
    values. Digits, the lowest first, are written to cells that hold ``base`` conductances each, evenly spaced from
    g_min to g_max. By default they are those of the magnitude, and each is the difference of a pair of cells. With
    ``offset`` they are those of the weight plus w_max, a cell each, and one reference line for all outputs takes the
    offset away.

    Parameters
    ----------
    g_min, g_max, w_max
        As of every mapping.
    base : int
        Levels of a cell, at least 2.
    levels : int
        Magnitudes of a weight, at least 2; any number, not only powers of the base.
    offset : bool
        An offset in place of pairs: little more than half the cells.

    Raises
    ------
    ValueError, TypeError
        If they are not of that kind.
    """

    base: int = 2
    levels: int = 16
    offset: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("base", "levels"):
            if checks.positive_int(name, getattr(self, name)) < 2:
                raise ValueError(f"{name}={getattr(self, name)!r}: give an int of at least 2")
        checks.flag("offset", self.offset)

    @property
    def digits(self) -> int:
        """Digits of a magnitude, or with an offset of the sum."""
        numbers, count = 2 * self.levels - 1 if self.offset else self.levels, 1
        while self.base**count < numbers:
            count += 1
        return count

    @property
    def coefficients(self) -> AnyArray:
        """Powers of the base, each with plus and minus unless there is an offset."""
        unit = self.w_max / (self.levels - 1) * (self.base - 1) / (self.g_max - self.g_min)
        powers = unit * float(self.base) ** np.arange(self.digits)
        return powers if self.offset else np.stack([powers, -powers], axis=1).ravel()

    @property
    def reference(self) -> tuple[float, float] | None:
        """With an offset: the middle of the window, counted so that it takes away w_max and what g_min carries."""
        if not self.offset:
            return None
        middle = (self.g_min + self.g_max) / 2
        return middle, (self.w_max + self.g_min * float(self.coefficients.sum())) / middle

    def rounded(self, weights: ArrayLike) -> NDArray[np.float64]:
        """Weights as they are represented."""
        return np.asarray(np.sign(weights) * self._magnitudes(weights) * (self.w_max / (self.levels - 1)))

    def _magnitudes(self, weights: ArrayLike) -> NDArray[np.int64]:
        share = np.minimum(np.abs(np.asarray(weights, float)) / self.w_max, 1.0)
        return np.asarray(np.rint(share * (self.levels - 1)), np.int64)

    def _of_weights(self, w: AnyArray) -> AnyArray:
        powers = self.base ** np.arange(self.digits)
        number, sign = self._magnitudes(w), np.sign(w).astype(np.int64)
        if self.offset:
            cells = (number * sign + self.levels - 1)[:, None, :] // powers[:, None] % self.base
        else:
            digits = number[:, None, :] // powers[:, None] % self.base
            signed = np.stack([digits * (sign > 0)[:, None, :], digits * (sign < 0)[:, None, :]], axis=2)
            cells = signed.reshape(len(w), -1, w.shape[1])
        return self.g_min + cells * ((self.g_max - self.g_min) / (self.base - 1))
