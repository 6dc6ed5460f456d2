"""Digital-analog and analog-digital converters: uniform quantisers that saturate at both ends."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_BITS = 24


@dataclass(frozen=True)
class Quantiser:
    """A uniform mid-tread quantiser: 2**bits levels, evenly spaced from ``low`` to ``high``, both included.

    Calling it rounds each value to the nearest level and holds it to the range; `codes` gives level numbers.

    Parameters
    ----------
    bits : int
        Resolution, 1 to 24.
    low, high : float
        Lowest and highest level, low < high.

    Raises
    ------
    ValueError
        If the resolution or the range is not of that kind, or a value to convert is NaN.
    """

    bits: int
    low: float
    high: float

    def __post_init__(self) -> None:
        if not isinstance(self.bits, int | np.integer) or not 1 <= self.bits <= MOST_BITS:
            raise ValueError(f"bits={self.bits!r}: give an int from 1 to {MOST_BITS}")
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low={self.low!r}, high={self.high!r}: give a finite range with low < high")

    @classmethod
    def calibrated(cls, bits: int, values: ArrayLike, coverage: float = 1.0) -> Self:
        """A quantiser whose range is that of a sample of values.

        Parameters
        ----------
        bits : int
            Resolution.
        values : array
            What will have to be converted, for example currents of a tile for typical inputs.
        coverage : float
            Share of the values that the range holds, above 0; what is cut off is cut off evenly at both ends.

        Raises
        ------
        ValueError
            If the share is not of that kind, or the values are not finite, or all alike.
        """
        given = np.asarray(values, dtype=float)
        if not 0 < coverage <= 1:
            raise ValueError(f"coverage={coverage!r}: give a share above 0, at most 1")
        if given.size == 0 or not np.isfinite(given).all():
            raise ValueError("values must be finite numbers, and at least one: a range cannot be told from others")
        low, high = np.quantile(given, [(1 - coverage) / 2, (1 + coverage) / 2])
        if low == high:
            raise ValueError(f"values are all {low:g}, which is no range: calibrate with inputs that vary")
        return cls(bits, float(low), float(high))

    @property
    def step(self) -> float:
        """Distance of neighbouring levels."""
        return (self.high - self.low) / ((1 << int(self.bits)) - 1)

    def codes(self, values: ArrayLike) -> NDArray[np.int64]:
        """Level numbers, 0 to 2**bits - 1."""
        given = np.asarray(values, dtype=float)
        if np.isnan(given).any():
            raise ValueError("values holds NaN, which has no level: clean the input first")
        held = np.clip(given, self.low, self.high)
        return np.asarray(np.rint((held - self.low) / self.step), np.int64)

    def decode(self, codes: ArrayLike) -> NDArray[np.float64]:
        """Levels from their numbers, which are held to the range."""
        held = np.clip(np.asarray(codes), 0, 2**self.bits - 1)
        return np.asarray(self.low + held * self.step)

    def saturated(self, values: ArrayLike) -> int:
        """How many values lie outside the range by more than half a step."""
        given, margin = np.asarray(values, dtype=float), self.step / 2
        return int(np.count_nonzero((given < self.low - margin) | (given > self.high + margin)))

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values as levels."""
        return self.decode(self.codes(values))


class ADC(Quantiser):
    """Analog-digital converter for currents: ``low`` and ``high`` in A."""


class DAC(Quantiser):
    """Digital-analog converter for voltages: ``low`` and ``high`` in V."""


class Counting:
    """A converter that counts what it converts.

    Parameters
    ----------
    converter : ADC or DAC
    """

    def __init__(self, converter: Quantiser) -> None:
        self.converter, self.converted, self.saturated = converter, 0, 0

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Values as levels; counts them in ``converted``, and those beyond the range in ``saturated``."""
        levels = self.converter(values)
        self.converted += levels.size
        self.saturated += self.converter.saturated(values)
        return levels
