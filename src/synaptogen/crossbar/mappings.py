"""Map signed weights to conductances, and conductances back to weights.

A mapping gives each output of a weight matrix (outputs, inputs) one or more lines of a crossbar (lines, inputs), and
combines their currents with fixed coefficients:

    w_j = sum_k c_k g_jk - c_ref g_ref

The combination is linear, so `combine` turns conductances into weights, and line currents into products with weights.
To add a mapping, derive it from `WeightMapping` and define ``coefficients`` and ``_conductances``.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import AnyArray, Float64Array, IntArray, checked, checks, require_fields

Outside: TypeAlias = Literal["refuse", "clip"]
OUTSIDE: tuple[Outside, ...] = ("refuse", "clip")


@dataclass(frozen=True)
class WeightMapping:
    """Base class of the mappings.

    Parameters
    ----------
    g_min, g_max : float
        Lowest and highest conductance in S, such as `reachable_window` gives; 0 <= g_min < g_max.
    w_max : float
        Largest magnitude of a weight.

    Raises
    ------
    ValueError
        If the conductances or the largest weight are not in these ranges.
    """

    g_min: float
    g_max: float
    w_max: float = 1.0

    def __post_init__(self) -> None:
        require_fields(self)
        if not (np.isfinite([self.g_min, self.g_max]).all() and 0 <= self.g_min < self.g_max):
            raise ValueError(f"g_min={self.g_min!r}, g_max={self.g_max!r}: give conductances in S, 0 <= g_min < g_max")
        if not (np.isfinite(self.w_max) and self.w_max > 0):
            raise ValueError(f"w_max={self.w_max!r}: give the largest magnitude of a weight, above 0")

    # ---- defined by each mapping

    @property
    def coefficients(self) -> AnyArray:
        """Coefficients c_k in 1/S of the lines of one output, shape (lines per output,)."""
        raise NotImplementedError

    @property
    def reference(self) -> tuple[float, float] | None:
        """Conductance in S and coefficient in 1/S of the reference line, which is the last one; None without one."""
        return None

    def _conductances(self, w: AnyArray) -> AnyArray:
        """Return conductances in S (outputs, lines per output, inputs) for weights (outputs, inputs) within +-w_max."""
        raise NotImplementedError

    # ---- common to all mappings

    @checked
    def lines(self, outputs: int) -> int:
        """Return the number of lines for a number of outputs."""
        return len(self.coefficients) * outputs + (self.reference is not None)

    @checked
    def beyond(self, weights: ArrayLike) -> int:
        """Count the weights that are larger than w_max in magnitude."""
        return int(np.count_nonzero(np.abs(_known(weights)) > self.w_max))

    @checked
    def targets(self, weights: ArrayLike, outside: Outside = "refuse") -> Float64Array:
        """Return the target conductances for weights.

        Parameters
        ----------
        weights : array of shape (outputs, inputs)
            Signed weights.
        outside : {"refuse", "clip"}
            How to treat weights beyond +-w_max; `beyond` counts them.

        Returns
        -------
        array of shape (lines, inputs)
            S.

        Raises
        ------
        ValueError
            If the weights are no matrix or not finite, or one is beyond w_max and ``outside`` is "refuse".
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
        g = self._conductances(np.clip(w, -self.w_max, self.w_max)).reshape(-1, w.shape[1])
        if self.reference is None:
            return g
        return np.concatenate([g, np.full((1, w.shape[1]), self.reference[0])])

    @checked
    def combine(self, lines: ArrayLike) -> AnyArray:
        """Combine the lines of each output: conductances to weights, or line currents to products with weights.

        Parameters
        ----------
        lines : array of shape (lines, ...)
            Conductances in S or currents in A, with the lines in the order of `targets`.

        Returns
        -------
        array of shape (outputs, ...)
            Weights, or products in V.

        Raises
        ------
        ValueError
            If this mapping cannot make that number of lines.
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
    """Two cells for a weight: one holds its positive part above g_min, the other its negative part.

    w = w_max (g_plus - g_minus) / (g_max - g_min). Two neighbouring lines make one output.

    Parameters
    ----------
    g_min, g_max : float
        Lowest and highest conductance in S.
    w_max : float
        Largest magnitude of a weight.

    Examples
    --------
    >>> from synaptogen.crossbar import DifferentialPair
    >>> mapping = DifferentialPair(1e-6, 11e-6)
    >>> targets = mapping.targets([[0.5, -1.0]])
    >>> (1e6 * targets).round(3).tolist()
    [[6.0, 1.0], [1.0, 11.0]]
    >>> mapping.combine(targets).round(6).tolist()
    [[0.5, -1.0]]
    """

    @property
    def coefficients(self) -> AnyArray:
        """Coefficients in 1/S of the positive and the negative line."""
        return np.array([1.0, -1.0]) * (self.w_max / (self.g_max - self.g_min))

    def _conductances(self, w: AnyArray) -> AnyArray:
        parts = np.stack([np.maximum(w, 0), np.maximum(-w, 0)], axis=1)
        return self.g_min + parts * ((self.g_max - self.g_min) / self.w_max)


@dataclass(frozen=True)
class OffsetColumn(WeightMapping):
    """One cell for a weight, and one line of reference cells for all outputs, at the middle of the window.

    w = 2 w_max (g - g_ref) / (g_max - g_min). Inputs are on columns here, so the reference line, which the literature
    draws as a column, is the last row.

    Parameters
    ----------
    g_min, g_max : float
        Lowest and highest conductance in S.
    w_max : float
        Largest magnitude of a weight.

    Examples
    --------
    >>> from synaptogen.crossbar import OffsetColumn
    >>> mapping = OffsetColumn(1e-6, 11e-6)
    >>> targets = mapping.targets([[0.5, -1.0], [0.0, 0.1]])
    >>> (1e6 * targets).round(3).tolist()
    [[8.5, 1.0], [6.0, 6.5], [6.0, 6.0]]
    >>> mapping.combine(targets).round(6).tolist()
    [[0.5, -1.0], [0.0, 0.1]]
    """

    @property
    def coefficients(self) -> AnyArray:
        """Coefficient in 1/S of the one line of an output."""
        return np.array([2 * self.w_max / (self.g_max - self.g_min)])

    @property
    def reference(self) -> tuple[float, float]:
        """Middle of the window in S, and the same coefficient in 1/S."""
        return (self.g_min + self.g_max) / 2, float(self.coefficients[0])

    def _conductances(self, w: AnyArray) -> AnyArray:
        g: AnyArray = (self.g_min + self.g_max) / 2 + w / self.coefficients[0]
        return g[:, None, :]


@dataclass(frozen=True)
class BitSlicing(WeightMapping):
    """Weights as whole numbers, with each digit in its own cell.

    A weight is rounded to one of ``levels`` magnitudes from 0 to w_max; with its sign it has one of 2 levels - 1
    values. Its digits, the lowest first, are written to cells with ``base`` conductances each, evenly spaced from g_min
    to g_max. By default they are the digits of the magnitude, and each is the difference of a pair of cells. With
    ``offset`` they are the digits of the weight plus w_max, with one cell each, and one reference line for all outputs
    subtracts the offset.

    Parameters
    ----------
    g_min, g_max : float
        Lowest and highest conductance in S.
    w_max : float
        Largest magnitude of a weight.
    base : int
        Levels of a cell, at least 2.
    levels : int
        Magnitudes of a weight, at least 2; any number, not only powers of the base.
    offset : bool
        Use an offset in place of pairs, which needs little more than half the cells.

    Raises
    ------
    ValueError, TypeError
        If an argument is not in these ranges, or not of these types.

    Examples
    --------
    >>> from synaptogen.crossbar import BitSlicing
    >>> mapping = BitSlicing(1e-6, 11e-6, base=4, levels=16)
    >>> mapping.digits, mapping.lines(outputs=1)
    (2, 4)
    >>> targets = mapping.targets([[0.5, -1.0]])
    >>> targets.shape
    (4, 2)
    >>> mapping.combine(targets).round(4).tolist()
    [[0.5333, -1.0]]
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
        """Digits of a magnitude, or with an offset of the weight plus w_max."""
        numbers, count = 2 * self.levels - 1 if self.offset else self.levels, 1
        while self.base**count < numbers:
            count += 1
        return count

    @property
    def coefficients(self) -> AnyArray:
        """Coefficients in 1/S: powers of the base, without an offset each one twice, positive and negative."""
        unit = self.w_max / (self.levels - 1) * (self.base - 1) / (self.g_max - self.g_min)
        powers = unit * float(self.base) ** np.arange(self.digits)
        return powers if self.offset else np.stack([powers, -powers], axis=1).ravel()

    @property
    def reference(self) -> tuple[float, float] | None:
        """With an offset: middle of the window in S, and the coefficient that subtracts w_max and the part of g_min."""
        if not self.offset:
            return None
        middle = (self.g_min + self.g_max) / 2
        return middle, (self.w_max + self.g_min * float(self.coefficients.sum())) / middle

    @checked
    def rounded(self, weights: ArrayLike) -> Float64Array:
        """Return the weights rounded to their levels."""
        given = _known(weights)
        return np.asarray(np.sign(given) * self._magnitudes(given) * (self.w_max / (self.levels - 1)))

    def _magnitudes(self, weights: ArrayLike) -> IntArray:
        share = np.minimum(np.abs(np.asarray(weights, float)) / self.w_max, 1.0)
        return np.asarray(np.rint(share * (self.levels - 1)), np.int64)

    def _conductances(self, w: AnyArray) -> AnyArray:
        powers = self.base ** np.arange(self.digits)
        number, sign = self._magnitudes(w), np.sign(w).astype(np.int64)
        if self.offset:
            cells = (number * sign + self.levels - 1)[:, None, :] // powers[:, None] % self.base
        else:
            digits = number[:, None, :] // powers[:, None] % self.base
            signed = np.stack([digits * (sign > 0)[:, None, :], digits * (sign < 0)[:, None, :]], axis=2)
            cells = signed.reshape(len(w), -1, w.shape[1])
        return self.g_min + cells * ((self.g_max - self.g_min) / (self.base - 1))


def _known(weights: ArrayLike) -> Float64Array:
    given = np.asarray(weights, float)
    if np.isnan(given).any():
        raise ValueError("weights holds NaN, which stands for no conductance")
    return given
