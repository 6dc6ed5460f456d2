"""Trend and wear: what cycling does to devices."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np

from synaptogen._utils import Float64Array
from synaptogen.model import TrendConstants, WearConstants, is_under_way, polynomial, trend_place

from .history import FEATURES
from .record import Record, named_arguments, nested, number_within, real_array

_MOST_COEFFICIENTS = 16
_MOST_CYCLES = 1 << 29  # the number of a cycle has 29 bits
_LATER = cast("Float64Array", None)  # a default of its own, set when a trend is made


@dataclass(frozen=True, eq=False)
class Trend(Record):
    """A trend of the features with the number of the cycle. After its last cycle they stay, or nothing is left of it.

    In cycle n the offset mu of a feature is mu + d T(t), with t = -1 in cycle 0 and 1 in the last cycle. The polynomial
    T belongs to the feature and d to the device: d = mean + factor @ N(0, I_4) + slope @ (v - centre), where v is its
    (mu, |sigma|).

    Parameters
    ----------
    cycles : int
        Number of cycles from t = -1 to t = 1, at least 2.
    curves : array of shape (4, n)
        T of each feature, highest power first, on the scale of its mu: log10 of ohm, V, ohm, V, or that of
        `DeviceParams.scales`.
    mean : array of shape (4,), optional
        Mean of d for each feature; default: 1.
    factor : array of shape (4, 4), optional
        Lower triangular; default: 0, all devices have one trend.
    slope : array of shape (4, 8), optional
        By how much d follows the four offsets mu and the four scales sigma of the device; default: not at all.
    centre : array of shape (8,), optional
        Offsets and scales at which d has its mean; default: 0.
    passes : bool, optional
        Whether nothing is left of the trend from its last cycle on, as of a burn-in: cells that are through cost
        nothing. Default: T is held at its end.

    Raises
    ------
    ValueError
        If an argument has the wrong shape or content.

    Examples
    --------
    >>> import synaptogen as sg
    >>> rising = sg.Trend(100, [[0.5, 0.5], [0, 0], [0, 0], [0, 0]])  # R_HRS by a decade, from cycle 0 to 99
    >>> rising.change([0, 99, 500])[:, 0].tolist()
    [0.0, 1.0, 1.0]
    """

    cycles: int
    curves: Float64Array
    mean: Float64Array = _LATER
    factor: Float64Array = _LATER
    slope: Float64Array = _LATER
    centre: Float64Array = _LATER
    passes: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.cycles, bool) or not isinstance(self.cycles, int | np.integer):
            raise ValueError(f"cycles must be a whole number, not {self.cycles!r}")
        curves = real_array("curves", self.curves, (FEATURES, None))
        if curves.shape[1] > _MOST_COEFFICIENTS:
            raise ValueError(f"curves must have at most {_MOST_COEFFICIENTS} coefficients, not {curves.shape[1]}")
        mean = np.ones(FEATURES) if self.mean is None else self.mean
        factor = np.zeros((FEATURES, FEATURES)) if self.factor is None else self.factor
        slope = np.zeros((FEATURES, 2 * FEATURES)) if self.slope is None else self.slope
        centre = np.zeros(2 * FEATURES) if self.centre is None else self.centre
        self._set(
            cycles=int(number_within("cycles", self.cycles, 2, _MOST_CYCLES)),
            curves=curves,
            mean=real_array("mean", mean, (FEATURES,)),
            factor=real_array("factor", factor, (FEATURES, FEATURES)),
            slope=real_array("slope", slope, (FEATURES, 2 * FEATURES)),
            centre=real_array("centre", centre, (2 * FEATURES,)),
        )
        if not isinstance(self.passes, bool | np.bool_):
            raise ValueError(f"passes must be True or False, not {self.passes!r}")
        self._set(passes=bool(self.passes))
        if np.any(np.triu(self.factor, 1)):
            raise ValueError("factor must be lower triangular: take a Cholesky factor, or its numpy.tril")

    def change(self, number: Any) -> Float64Array:
        """Return the mean change of the offsets of devices.

        Parameters
        ----------
        number : array of int
            Numbers of cycles, 0 or more.

        Returns
        -------
        array of shape (..., 4)
            On the scales of the features.
        """
        p, number = self.constants(), np.asarray(number, np.uint32)
        t = trend_place(number, p)
        change = np.stack([m * polynomial.poly(c, t) for m, c in zip(self.mean, p.curves, strict=True)], axis=-1)
        return np.where(np.asarray(is_under_way(number, p))[..., None], change, 0.0) if self.passes else change

    def constants(self, dtype: Callable[[float], object] = float) -> TrendConstants:
        """Return the constants that formulas take.

        Parameters
        ----------
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        TrendConstants
        """
        last, begin = float(self.cycles - 1), self.mean - self.slope @ self.centre
        curves, mean = (nested(v.tolist(), dtype) for v in (self.curves, begin))
        factor, slope = (nested(v.tolist(), dtype) if v.any() else () for v in (self.factor, self.slope))
        passes = (dtype(1.0),) if self.passes else ()
        return TrendConstants(curves, mean, dtype(last), dtype(2.0 / last), factor, slope, passes)

    @classmethod
    def from_dict(cls, content: object) -> "Trend":
        """Return the trend that `to_dict` has written."""
        return cls(**named_arguments("trend", cls, content))

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, for JSON."""
        names = ("curves", "mean", "factor", *(("slope", "centre") if self.slope.any() else ()))
        passes = {"passes": True} if self.passes else {}
        return {"cycles": self.cycles, **{name: getattr(self, name).tolist() for name in names}, **passes}


@dataclass(frozen=True, eq=False)
class Wear(Record):
    """How devices fail for good: the number of the cycle in which one fails has a Weibull distribution.

    The share of devices that have failed in cycle n is 1 - exp(-(n/scale)**shape). One that fails stays in the LRS or
    in the HRS whatever is applied.

    Parameters
    ----------
    scale : float
        Cycles after which 63 % of the devices have failed.
    shape : float
        Below 1: devices fail early; 1: at any time alike; above 1: they wear out.
    lrs : float
        Share of the failed devices that stay in the LRS; the others stay in the HRS.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> import synaptogen as sg
    >>> round(float(sg.Wear(1e6, shape=2.0).share_failed(1e5)), 4)
    0.01
    """

    scale: float
    shape: float = 1.0
    lrs: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (("scale", 1e-3, 1e15), ("shape", 0.05, 50.0), ("lrs", 0.0, 1.0)):
            self._set(**{name: number_within(name, getattr(self, name), low, high)})

    def share_failed(self, number: Any) -> Float64Array:
        """Return the share of devices that have failed in a cycle or before.

        Parameters
        ----------
        number : array
            Numbers of cycles, 0 or more.

        Returns
        -------
        array
        """
        return np.asarray(-np.expm1(-((np.asarray(number, np.float64) / self.scale) ** self.shape)))

    def constants(self, dtype: Callable[[float], object] = float) -> WearConstants:
        """Return the constants that formulas take.

        Parameters
        ----------
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        WearConstants
        """
        return WearConstants(dtype(self.scale), dtype(1.0 / self.shape), dtype(self.lrs * 2.0**32))

    @classmethod
    def from_dict(cls, content: object) -> "Wear":
        """Return the wear that `to_dict` has written."""
        return cls(**named_arguments("wear", cls, content))

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
