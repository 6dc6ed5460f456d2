"""Between cells and networks: matrix products, converters."""

from .converters import ADC, DAC

__all__ = ["ADC", "DAC"]
