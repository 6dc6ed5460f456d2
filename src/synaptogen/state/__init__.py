"""The state of an array: the engine that holds its cells, which of them belong to it, and how often they were read."""

from .cell_state import CellState, LineSolver
from .clock import K_EV, TIME_ZERO, WRITTEN, Clock, ClockTime, ticks_of
from .components import components_of
from .counters import Counters, noise_offset
from .features import Features, Mode, modes_of
from .spec import BANDWIDTH, ArraySpec, HistoryKind

__all__ = [
    "BANDWIDTH",
    "K_EV",
    "TIME_ZERO",
    "WRITTEN",
    "ArraySpec",
    "CellState",
    "Clock",
    "ClockTime",
    "Counters",
    "Features",
    "HistoryKind",
    "LineSolver",
    "Mode",
    "components_of",
    "modes_of",
    "noise_offset",
    "ticks_of",
]
