"""Weights on crossbars, as tensors: tiles, converters, wires, noise."""

from .matrix import AnalogMatrix, full_scale
from .noise import in_transform
from .reading import AnalogProduct, ConverterCounts, LineDrives, largest, require_real, tiled

__all__ = [
    "AnalogMatrix",
    "AnalogProduct",
    "ConverterCounts",
    "LineDrives",
    "full_scale",
    "in_transform",
    "largest",
    "require_real",
    "tiled",
]
