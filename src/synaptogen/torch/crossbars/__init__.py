"""Weights on crossbars, as tensors: tiles, converters, wires, noise."""

from .matrix import AnalogMatrix, full_scale
from .reading import Counts, Drives, Reads, largest, tiled

__all__ = [
    "AnalogMatrix",
    "Counts",
    "Drives",
    "Reads",
    "full_scale",
    "largest",
    "tiled",
]
