"""CellArray, the array of virtual devices that users work with."""

from .cell_array import FAR, CellArray, load

__all__ = [
    "FAR",
    "CellArray",
    "load",
]
