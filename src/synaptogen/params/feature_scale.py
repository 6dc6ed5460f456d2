"""The scale on which the population of a feature lives."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array
from synaptogen.model import Curve, LogCurve

from .record import Record, real_array

MOST_COEFFICIENTS = 16
_CHECKED = 2001  # positions at which a curve must increase, and between which it is inverted
_LEAST = 1e-300  # what a value exceeds an offset by at least, on a logarithmic scale
_LOG_RANGE = (0.0, 12.0)  # log10 of ohm: the limits of resistances


@dataclass(frozen=True, eq=False)
class FeatureScale(Record):
    """The scale y of a feature, on which its offset mu and its scale sigma are those of a population.

    Without a curve, y is the value of the feature itself ("linear"), or the decimal logarithm of what it exceeds an
    offset by ("log10"). With one, that is C(t), t = (y - middle) / half, with an increasing polynomial C on -1 ... 1
    and middle and half of the range ``low`` ... ``high``. A y outside of the range is held at its end, and such a cell
    is counted as limited.

    Parameters
    ----------
    kind : {"linear", "log10"}
        Whether the curve, or y itself, gives the value (ohm or V) or the logarithm.
    curve : array of shape (n,), optional
        Coefficients of C, highest power first; 2 to 16.
    low, high : float, optional
        Range of y; needed with a curve, and only then.
    offset : float
        Offset in ohm of a logarithmic scale, below all resistances.

    Raises
    ------
    ValueError
        If an argument has the wrong content, or the curve does not increase.

    Examples
    --------
    >>> import synaptogen as sg
    >>> scale = sg.FeatureScale("log10", curve=[0.1, 0.5, 3.5], low=-4, high=4)
    >>> scale.value([-4.0, 0.0, 4.0]).round(1)  # ohm
    array([ 1258.9,  3162.3, 12589.3])
    >>> scale.inverse(scale.value([-3.0, 1.0])).round(6)
    array([-3.,  1.])
    """

    kind: Literal["linear", "log10"]
    curve: Float64Array | None = None
    low: float | None = None
    high: float | None = None
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "log10"):
            raise ValueError(f'kind must be "linear" or "log10", not {self.kind!r}')
        self._set(offset=float(real_array("offset", self.offset, ())))
        if not 0 <= self.offset <= 1e12 or (self.offset and self.kind == "linear"):
            raise ValueError(f"offset must be from 0 to 1e12 ohm, and 0 on a linear scale, not {self.offset:g}")
        if self.curve is None:
            if self.low is not None or self.high is not None:
                raise ValueError("low and high belong to a curve: give one, or leave them out")
            return
        if self.low is None or self.high is None:
            raise ValueError("low and high must be given with a curve: they are the range of y in which it holds")
        low, high = (float(real_array(name, end, ())) for name, end in (("low", self.low), ("high", self.high)))
        if not -1e6 <= low < high <= 1e6:
            raise ValueError(f"low must be below high, both between -1e6 and 1e6, not {low:g} and {high:g}")
        curve = real_array("curve", self.curve, (None,))
        if not 2 <= len(curve) <= MOST_COEFFICIENTS:
            raise ValueError(f"curve must have 2 to {MOST_COEFFICIENTS} coefficients, not {len(curve)}")
        self._set(curve=curve, low=low, high=high)
        if np.any(np.diff(self._table) <= 0):
            raise ValueError("curve must increase on -1 ... 1: fit a lower degree, and give the highest power first")

    @cached_property
    def _table(self) -> Float64Array:
        """Values of the curve at `_CHECKED` positions from -1 to 1."""
        assert self.curve is not None
        return np.asarray(np.polyval(self.curve, np.linspace(-1.0, 1.0, _CHECKED)))

    def value(self, y: ArrayLike) -> Float64Array:
        """Return values of the feature.

        Parameters
        ----------
        y : array
            Numbers on this scale.

        Returns
        -------
        array of the same shape
            Ohm or V.
        """
        v = np.asarray(y, dtype=np.float64)
        if self.curve is not None:
            v = np.asarray(np.polyval(self.curve, self._position(v)), np.float64)
        return np.asarray(self.offset + 10.0**v if self.kind == "log10" else v)

    def inverse(self, value: ArrayLike) -> Float64Array:
        """Return the numbers on this scale that stand for values.

        Parameters
        ----------
        value : array
            Ohm or V; above the offset on a logarithmic scale.

        Returns
        -------
        array of the same shape
            Values outside of the curve are held at its ends.
        """
        v = np.asarray(value, dtype=np.float64)
        if self.kind == "log10":
            v = np.log10(np.maximum(v - self.offset, _LEAST))
        if self.curve is None:
            return np.asarray(v)
        derivative = np.polyder(self.curve)
        t = np.interp(v, self._table, np.linspace(-1.0, 1.0, _CHECKED))
        inside = (v > self._table[0]) & (v < self._table[-1])
        for _ in range(3):  # Newton's steps from the nearest entries of the table
            step = (np.polyval(self.curve, t) - v) / np.maximum(np.polyval(derivative, t), 1e-300)
            t = np.where(inside, np.clip(t - step, -1.0, 1.0), t)
        return np.asarray(self._middle + t * self._half)

    def log_jacobian(self, value: ArrayLike) -> Float64Array:
        """Return the natural logarithm of dy/dvalue, by which a density of values exceeds that of y.

        Parameters
        ----------
        value : array
            Ohm or V.

        Returns
        -------
        array of the same shape
        """
        v = np.asarray(value, dtype=np.float64)
        found = (
            -np.log(np.maximum(v - self.offset, _LEAST) * np.log(10.0)) if self.kind == "log10" else np.zeros_like(v)
        )
        if self.curve is not None:
            slope = np.polyval(np.polyder(self.curve), self._position(self.inverse(v))) / self._half
            found = found - np.log(np.maximum(slope, 1e-300))
        return np.asarray(found)

    @property
    def constants(self) -> Curve | LogCurve | tuple[()]:
        """The scale as the formulas of `synaptogen.model` take it; () for y itself."""
        if self.curve is None and self.kind == "linear":
            return ()
        if self.curve is None:
            middle, half = sum(_LOG_RANGE) / 2, (_LOG_RANGE[1] - _LOG_RANGE[0]) / 2
            return LogCurve((half, middle), middle, 1 / half, self.offset)
        coefficients, per_half = tuple(self.curve.tolist()), 1 / self._half
        if self.kind == "linear":
            return Curve(coefficients, self._middle, per_half)
        return LogCurve(coefficients, self._middle, per_half, self.offset)

    @property
    def _middle(self) -> float:
        assert self.low is not None
        assert self.high is not None
        return (self.low + self.high) / 2

    @property
    def _half(self) -> float:
        assert self.low is not None
        assert self.high is not None
        return (self.high - self.low) / 2

    def _position(self, y: Float64Array) -> Float64Array:
        return np.clip((y - self._middle) / self._half, -1.0, 1.0)

    def __repr__(self) -> str:
        if self.curve is None:
            return f"FeatureScale({self.kind!r})"
        return f"FeatureScale({self.kind!r}, curve of degree {len(self.curve) - 1}, {self.low:g} ... {self.high:g})"


PLAIN_SCALES = (FeatureScale("log10"), FeatureScale("linear"), FeatureScale("linear"), FeatureScale("linear"))
"""Scales of r_hrs, u_set, r_lrs, u_reset where a parameter set gives no others."""
