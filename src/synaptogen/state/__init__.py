"""The state of an array: its cells in an engine, which of them are meant, and how often they were read."""

from .cell_state import CellState, LineSolver
from .components import components_of
from .counters import Counters
from .features import Features, Mode
from .spec import BANDWIDTH, HISTORIES, ArraySpec, array_spec

__all__ = [
    "BANDWIDTH",
    "HISTORIES",
    "ArraySpec",
    "CellState",
    "Counters",
    "Features",
    "LineSolver",
    "Mode",
    "array_spec",
    "components_of",
]
