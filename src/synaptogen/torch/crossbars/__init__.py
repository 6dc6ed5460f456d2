"""Weights on crossbars, as tensors: tiles, converters, wires, noise."""

from .compiled_convolutions import Geometry
from .compiled_reads import can_compile
from .matrix import AnalogMatrix, full_scale
from .noise import in_transform
from .quantise import quantise
from .reading import (
    AnalogProduct,
    ConverterCounts,
    LineDrives,
    full_precision,
    is_exporting,
    largest,
    require_real,
    tiled,
)

__all__ = [
    "AnalogMatrix",
    "AnalogProduct",
    "ConverterCounts",
    "Geometry",
    "LineDrives",
    "can_compile",
    "full_precision",
    "full_scale",
    "in_transform",
    "is_exporting",
    "largest",
    "quantise",
    "require_real",
    "tiled",
]
