"""CellArray, the array of virtual devices that users work with."""

from .cell_array import FAR, CellArray, load
from .operators import CellOperators, html_table

__all__ = [
    "FAR",
    "CellArray",
    "CellOperators",
    "html_table",
    "load",
]
