"""Digital-analog and analog-digital converters: uniform quantisers that saturate at both ends."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from synaptogen._utils import Float64Array, IntArray, checked, require_fields

MOST_BITS = 24


@dataclass(frozen=True)
class Quantiser:
    """A uniform quantiser: 2**bits levels, evenly spaced from ``low`` to ``high``, both included.

    Calling it rounds each value to the nearest level of the range; `codes` gives the numbers of these levels.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 24.
    low, high : float
        Lowest and highest level, low < high.

    Raises
    ------
    ValueError, TypeError
        If ``bits`` is not an int from 1 to 24, the range is empty or not finite, or a value to convert is NaN.
    """

    bits: int
    low: float
    high: float

    def __post_init__(self) -> None:
        require_fields(self)
        if not isinstance(self.bits, int | np.integer) or not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"bits={self.bits!r}: give an int from 1 to {MOST_BITS}")
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low={self.low!r}, high={self.high!r}: give a finite range with low < high")

    @classmethod
    @checked
    def calibrated(cls, bits: int, values: ArrayLike, coverage: float = 1.0) -> Self:
        """Make a quantiser whose range is that of a sample of values.

        Parameters
        ----------
        bits : int
            Resolution, 1 to 24.
        values : array
            Sample of the values to convert, for example currents of a tile for typical inputs.
        coverage : float
            Share of the values that the range holds, above 0 and at most 1; the rest is cut off evenly at both ends.

        Returns
        -------
        Quantiser
            Of the class that this is called on.

        Raises
        ------
        ValueError
            If ``coverage`` is out of its range, or the values are not finite, or all equal.
        """
        given = np.asarray(values, dtype=float)
        if not 0 < coverage <= 1:
            raise ValueError(f"coverage={coverage!r}: give a share above 0, at most 1")
        if given.size == 0 or not np.isfinite(given).all():
            raise ValueError("values must be finite numbers, at least one: they give no range otherwise")
        low, high = np.quantile(given, [(1 - coverage) / 2, (1 + coverage) / 2])
        if low == high:
            raise ValueError(f"values are all {low:g}, which is no range: calibrate with inputs that vary")
        return cls(bits, float(low), float(high))

    @property
    def step(self) -> float:
        """Distance between neighbouring levels."""
        return (self.high - self.low) / ((1 << int(self.bits)) - 1)

    @checked
    def codes(self, values: ArrayLike) -> IntArray:
        """Return the numbers of the nearest levels, 0 to 2**bits - 1."""
        given = np.asarray(values, dtype=float)
        if np.isnan(given).any():
            raise ValueError("values holds NaN, which has no level: clean the input first")
        held = np.clip(given, self.low, self.high)
        return np.asarray(np.rint((held - self.low) / self.step), np.int64)

    @checked
    def decode(self, codes: ArrayLike) -> Float64Array:
        """Return levels from their numbers; numbers out of range give the lowest or highest level."""
        given = np.asarray(codes)
        if np.isnan(given).any():
            raise ValueError("codes holds NaN, which is no number of a level")
        held = np.clip(given, 0, 2**self.bits - 1)
        return np.asarray(self.low + held * self.step)

    @checked
    def saturated(self, values: ArrayLike) -> int:
        """Count the values outside the range by more than half a step."""
        given, margin = np.asarray(values, dtype=float), self.step / 2
        if np.isnan(given).any():
            raise ValueError("values holds NaN, which has no level: clean the input first")
        return int(np.count_nonzero((given < self.low - margin) | (given > self.high + margin)))

    def __call__(self, values: ArrayLike) -> Float64Array:
        """Return values rounded to levels."""
        return self.decode(self.codes(values))


class ADC(Quantiser):
    """Analog-digital converter for currents; see `Quantiser`.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 24.
    low, high : float
        Lowest and highest level in A.

    Examples
    --------
    >>> from synaptogen.crossbar import ADC
    >>> adc = ADC(bits=3, low=0.0, high=7e-6)
    >>> adc.codes([1.2e-6, 9e-6])
    array([1, 7])
    >>> [round(1e6 * float(current), 6) for current in adc([1.2e-6, 9e-6])]
    [1.0, 7.0]
    >>> adc.saturated([1.2e-6, 9e-6])
    1
    """


class DAC(Quantiser):
    """Digital-analog converter for voltages; see `Quantiser`.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 24.
    low, high : float
        Lowest and highest level in V.

    Examples
    --------
    >>> from synaptogen.crossbar import DAC
    >>> dac = DAC(bits=2, low=0.0, high=0.3)
    >>> [round(float(voltage), 3) for voltage in dac([0.04, 0.16, 0.5])]
    [0.0, 0.2, 0.3]
    """


class CountingConverter:
    """A converter that counts the values that it converts.

    Parameters
    ----------
    converter : ADC or DAC

    Attributes
    ----------
    converted, saturated : int
        Values so far, and those of them outside the range.
    """

    def __init__(self, converter: Quantiser) -> None:
        self.converter, self.converted, self.saturated = converter, 0, 0

    def __call__(self, values: ArrayLike) -> Float64Array:
        """Return values rounded to levels, and count them."""
        levels = self.converter(values)
        self.converted += levels.size
        self.saturated += self.converter.saturated(values)
        return levels
