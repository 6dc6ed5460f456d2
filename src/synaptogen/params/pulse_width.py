"""PulseWidthParams: how the thresholds of a population depend on the width of pulses."""

import importlib.resources
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, checked, checks
from synaptogen.model import (
    WidthConstants,
    WidthRange,
    applied_voltage,
    decades,
    effective_voltage,
    switching_time,
    threshold_factor,
)

from .record import Record, named_arguments, number_within, require_printable, source_texts

_FOLDER = importlib.resources.files("synaptogen.params") / "pulse_width_presets"
_SHORTEST, _LONGEST = 1e-15, 1e6  # s
_LEAST, _MOST = 0.05, 20.0  # of a threshold over that at the reference width
_MOST_ROWS = 64
_AT_ONCE = 1e30  # 1/kappa where kappa is 0

Shift: TypeAlias = float | tuple[tuple[float, float], ...]
"""How the thresholds of a polarity shift: one kappa, or rows of a width in s and the voltage that does the same."""


@dataclass(frozen=True, eq=False, repr=False)
class PulseWidthParams(Record):
    """How thresholds depend on the width of pulses (docs/time.md).

    A pulse of width w at the voltage u acts as one of the reference width at u / f(w).

    Parameters
    ----------
    name : str
        Name of the law, for example of the cells that it was measured with.
    reference : float
        Width in s for which the thresholds of the parameter set hold: there f = 1.
    set_shift, reset_shift : float, or rows of two numbers
        Of voltages below and above 0 V. A number kappa, 0 to 1: f(w) = 1 - kappa log10(w/reference), for widths at
        which f is from 0.05 to 20. Or a table with rows of a width in s and the magnitude of the voltage that does the
        same there, in any unit: f(w) is that voltage over the one at the reference width, linear in log10 of the width
        between rows. Widths ascend, voltages do not.
    source : mapping of str to str, optional
        Where the numbers come from.

    Raises
    ------
    ValueError
        If an argument is not of the kind described. The message names it.

    Examples
    --------
    >>> import synaptogen as sg
    >>> law = sg.PulseWidthParams("mine", 1e-6, set_shift=0.1, reset_shift=[(1e-7, 1.3), (1e-6, 1.1), (1e-4, 1.0)])
    >>> law.effective_voltage([-1.0, 1.3], [1e-5, 1e-7]).round(3)  # V
    array([-1.111,  1.1  ])
    """

    name: str
    reference: float
    set_shift: Shift
    reset_shift: Shift
    source: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_printable("name", self.name)
        reference = number_within("reference", self.reference, _SHORTEST, _LONGEST, " s")
        self._set(
            reference=reference,
            set_shift=_shift("set_shift", self.set_shift, reference),
            reset_shift=_shift("reset_shift", self.reset_shift, reference),
        )
        self._set(source=source_texts(self.source))

    @classmethod
    @checked
    def preset(cls, name: str) -> "PulseWidthParams":
        """Return a law that comes with the package.

        Parameters
        ----------
        name : {"hfox-1t1r-gate"}
            SET of HfO2 cells with a transistor each, 0.1 to 10 us: the relative shift of the GATE voltage that gives
            one LRS. RESET does not shift. `source` says what was not measured.

        Returns
        -------
        PulseWidthParams

        Raises
        ------
        ValueError
            If there is none of that name.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.PulseWidthParams.preset("hfox-1t1r-gate")
        PulseWidthParams('hfox-1t1r-gate', 1e-06 s)
        """
        known = sorted(f.name.removesuffix(".json") for f in _FOLDER.iterdir() if f.name.endswith(".json"))
        if name not in known:
            raise ValueError(f"there is no law of pulse widths {name!r}; there are: {', '.join(known)}")
        return cls.from_dict(json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "PulseWidthParams":
        """Return the law that `to_dict` has written.

        Parameters
        ----------
        content : mapping
            All arguments of the constructor by name.

        Returns
        -------
        PulseWidthParams

        Raises
        ------
        ValueError
            If one is missing, unknown, or not of the kind described.
        """
        return cls(**named_arguments("pulse_width", cls, content))

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, for JSON."""
        shifts = {name: _listed(getattr(self, name)) for name in ("set_shift", "reset_shift")}
        return {"name": self.name, "reference": self.reference, **shifts, "source": dict(self.source)}

    @property
    def shortest(self) -> float:
        """Width in s of the shortest pulses that the law knows."""
        return max(_ends(self.set_shift, self.reference)[0], _ends(self.reset_shift, self.reference)[0])

    @property
    def longest(self) -> float:
        """Width in s of the longest pulses that the law knows."""
        return min(_ends(self.set_shift, self.reference)[1], _ends(self.reset_shift, self.reference)[1])

    def effective_voltage(self, u: ArrayLike, width: ArrayLike) -> Float64Array:
        """Return the voltages of pulses of the reference width that do the same as others.

        Parameters
        ----------
        u : array
            Voltages in V.
        width : array that broadcasts with ``u``
            Widths in s, from `shortest` to `longest`.

        Returns
        -------
        array
            V.

        Raises
        ------
        ValueError
            If a voltage is not finite, or a width outside of what the law knows.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.PulseWidthParams("mine", 1e-6, 0.1, 0.1).effective_voltage(1.2, [1e-7, 1e-6, 1e-5]).round(3)
        array([1.091, 1.2  , 1.333])
        """
        given, p = checks.finite("u", u, np.float64), self.constants()
        return np.asarray(effective_voltage(given, decades(self.known_widths("width", width), p), p))[()]

    def applied_voltage(self, u: ArrayLike, width: ArrayLike) -> Float64Array:
        """Return the voltages of pulses that do the same as others of the reference width.

        Parameters
        ----------
        u : array
            Voltages in V of pulses of the reference width.
        width : array that broadcasts with ``u``
            Widths in s, from `shortest` to `longest`.

        Returns
        -------
        array
            V.

        Raises
        ------
        ValueError
            If a voltage is not finite, or a width outside of what the law knows.

        Examples
        --------
        >>> import synaptogen as sg
        >>> sg.PulseWidthParams("mine", 1e-6, 0.1, 0.2).applied_voltage([-1.0, 1.0], 1e-8)
        array([-1.2,  1.4])
        """
        given, p = checks.finite("u", u, np.float64), self.constants()
        return np.asarray(applied_voltage(given, decades(self.known_widths("width", width), p), p))[()]

    def switching_time(self, u: ArrayLike, threshold: ArrayLike) -> Float64Array:
        """Return how long a voltage takes to switch cells.

        Parameters
        ----------
        u : array
            Voltages in V.
        threshold : array that broadcasts with ``u``
            Thresholds of the cells in V at the reference width, not 0: U_SET or U_RESET.

        Returns
        -------
        array
            Times in s: `shortest` where pulses of that width switch the cell, infinite where those of `longest` do not.

        Raises
        ------
        ValueError
            If a number is not finite, or a threshold is 0.

        Examples
        --------
        >>> import synaptogen as sg
        >>> law = sg.PulseWidthParams("mine", 1e-6, 0.1, 0.1)
        >>> [f"{t:.1e}" for t in law.switching_time([-0.8, -0.7, -0.63, 0.7], -0.7)]
        ['3.7e-08', '1.0e-06', '1.0e-05', 'inf']
        """
        given, p = checks.finite("u", u, np.float64), self.constants()
        thresholds = checks.finite("threshold", threshold, np.float64)
        if np.any(thresholds == 0.0):
            raise ValueError("threshold must not be 0: give U_SET or U_RESET of cells")
        ratio = given / thresholds
        found = np.where(thresholds < 0.0, switching_time(ratio, p.set, p), switching_time(ratio, p.reset, p))
        place = decades(p.longest, p)
        last = np.where(thresholds < 0.0, threshold_factor(place, p.set), threshold_factor(place, p.reset))
        return np.asarray(np.where(ratio < last, np.inf, np.maximum(found, p.shortest)))[()]

    def known_widths(self, name: str, width: ArrayLike) -> Float64Array:
        """Return widths in s, which the law must know.

        Parameters
        ----------
        name : str
            Name of the argument, for messages.
        width : array
            Widths in s.

        Returns
        -------
        array

        Raises
        ------
        ValueError
            If one is not from `shortest` to `longest`.
        """
        widths = checks.finite(name, width, np.float64)
        low, high = self.shortest, self.longest
        slack = 1e-9  # of powers of ten
        outside = (widths < low * (1 - slack)) | (widths > high * (1 + slack))
        if np.any(outside):
            raise ValueError(
                f"{name}={float(widths[outside].flat[0]):g} s lies outside of {low:.3g} to {high:.3g} s, the widths "
                f"for which {self!r} is known: give others, or a law that reaches as far"
            )
        return widths

    def constants(self, dtype: Callable[[float], Any] = float) -> WidthConstants:
        """Return the constants that the formulas of `synaptogen.model.pulse_width` take.

        Parameters
        ----------
        dtype : callable
            Called with each number, for example `numpy.float32`.

        Returns
        -------
        WidthConstants
        """
        laws = (_ranges(shift, self.reference) for shift in (self.set_shift, self.reset_shift))
        ranges = (tuple(WidthRange(*map(dtype, part)) for part in parts) for parts in laws)
        return WidthConstants(dtype(self.reference), dtype(self.shortest), dtype(self.longest), *ranges)

    def __repr__(self) -> str:
        return f"PulseWidthParams({self.name!r}, {self.reference:g} s)"


def as_pulse_width(value: str | PulseWidthParams) -> PulseWidthParams:
    """Return a law of pulse widths, given as such or by the name of a preset.

    Parameters
    ----------
    value : str or PulseWidthParams

    Returns
    -------
    PulseWidthParams

    Raises
    ------
    TypeError, ValueError
        If it is neither, or no preset has that name.
    """
    if isinstance(value, PulseWidthParams):
        return value
    if isinstance(value, str):
        return PulseWidthParams.preset(value)
    raise TypeError(f"pulse_width is a {type(value).__name__}: give the name of a preset or PulseWidthParams")


def _shift(name: str, value: object, reference: float) -> Shift:
    """Return a kappa or a table after checks."""
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        return number_within(name, value, 0.0, 1.0)
    rows = list(value)
    if not 2 <= len(rows) <= _MOST_ROWS or not all(
        isinstance(row, Sequence | np.ndarray) and not isinstance(row, str) and len(row) == 2 for row in rows
    ):
        raise ValueError(
            f"{name} must be a number, or a table of 2 to {_MOST_ROWS} rows of two numbers, a width in s and a voltage"
        )
    table = tuple(
        (
            number_within(f"{name}: a width", w, _SHORTEST, _LONGEST, " s"),
            number_within(f"{name}: a voltage", v, 1e-6, 1e6, " V"),
        )
        for w, v in rows
    )
    for (w, v), (longer, lower) in itertools.pairwise(table):
        if not longer > w * (1 + 1e-6):
            raise ValueError(f"{name} must have widths that ascend, but {longer:g} s follows {w:g} s: sort the rows")
        if lower > v:
            raise ValueError(
                f"{name} must have voltages that do not ascend, but {lower:g} follows {v:g} V: a longer pulse does not "
                "need a higher voltage. Give magnitudes"
            )
    if not table[0][0] <= reference <= table[-1][0]:
        raise ValueError(
            f"{name} must have widths on both sides of reference = {reference:g} s, not from {table[0][0]:g} to "
            f"{table[-1][0]:g} s: thresholds hold there"
        )
    at = _polyline(table, reference)[1]
    ratio = max(table[0][1] / at, at / table[-1][1])
    if ratio > _MOST:
        raise ValueError(
            f"{name} must have voltages within {_MOST:g} times that at the reference width, not {ratio:g} times"
        )
    return table


def _polyline(table: tuple[tuple[float, float], ...], reference: float) -> tuple[list[float], float]:
    """Return log10 of the widths over the reference, and the voltage at the reference width."""
    places = [math.log10(w / reference) for w, _ in table]
    return places, float(np.interp(0.0, places, [v for _, v in table]))


def _ends(shift: Shift, reference: float) -> tuple[float, float]:
    """Return the shortest and the longest width in s that the law of one polarity knows."""
    if isinstance(shift, tuple):
        return shift[0][0], shift[-1][0]
    if shift == 0.0:
        return _SHORTEST, _LONGEST
    most, least = math.log10(_SHORTEST / reference), math.log10(_LONGEST / reference)
    start, end = max(most, (1 - _MOST) / shift), min(least, (1 - _LEAST) / shift)
    return reference * 10.0**start, reference * 10.0**end


def _ranges(shift: Shift, reference: float) -> list[tuple[float, ...]]:
    """Return the numbers of each `WidthRange` of one polarity."""
    if not isinstance(shift, tuple):
        start, end = (math.log10(w / reference) for w in _ends(shift, reference))
        return [_range(shift, start, end, 1.0 - shift * start)]
    places, at = _polyline(shift, reference)
    found = []
    for (a, b), ((_, v), (_, lower)) in zip(itertools.pairwise(places), itertools.pairwise(shift), strict=True):
        found.append(_range((v - lower) / at / (b - a), a, b, v / at))
    return found


def _range(kappa: float, start: float, end: float, top: float) -> tuple[float, ...]:
    origin = min(max(0.0, start), end)
    return kappa, start, end, origin, top, 1.0 / kappa if kappa > 0.0 else _AT_ONCE


def _listed(shift: Shift) -> float | list[list[float]]:
    return [list(row) for row in shift] if isinstance(shift, tuple) else shift
