"""Features from I-V loops: cycles are cut out of the points, checked and measured."""

from . import cycle_kernels, cycles, envelope_fit, segmentation
from .cycles import Points
from .envelope_fit import Mixture, Samples
from .extraction import Extraction, extract
from .flags import Flag
from .marked_loops import MarkedLoops, mark_loops

__all__ = [
    "Extraction",
    "Flag",
    "MarkedLoops",
    "Mixture",
    "Points",
    "Samples",
    "cycle_kernels",
    "cycles",
    "envelope_fit",
    "extract",
    "mark_loops",
    "segmentation",
]
