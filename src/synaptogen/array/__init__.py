"""CellArray: virtual devices as users hold them."""

from .cell_array import FAR, CellArray, load

__all__ = [
    "FAR",
    "CellArray",
    "load",
]
