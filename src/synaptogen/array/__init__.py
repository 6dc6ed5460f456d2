"""CellArray, the array of virtual devices that users work with."""

from .cell_array import CellArray, load
from .common import FAR, CommonMethods, checked_wait

__all__ = [
    "FAR",
    "CellArray",
    "CommonMethods",
    "checked_wait",
    "load",
]
