"""Weights on crossbars, as tensors: tiles, converters, wires, noise."""

from .matrix import AnalogMatrix, full_scale
from .reading import AnalogProduct, ConverterCounts, LineDrives, largest, tiled

__all__ = [
    "AnalogMatrix",
    "AnalogProduct",
    "ConverterCounts",
    "LineDrives",
    "full_scale",
    "largest",
    "tiled",
]
