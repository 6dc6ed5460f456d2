"""Write conductances with pulses, open-loop or with a read after each pulse."""

from .pulse_strategies import AlongTransition, Ramp, Readback, StrategyName
from .report import Later, ProgrammingReport, Retention, duration
from .statistics import PopulationStatistics, Window, population_statistics, reachable_window
from .write import one_shot, set_reset, write_verify

__all__ = [
    "AlongTransition",
    "Later",
    "PopulationStatistics",
    "ProgrammingReport",
    "Ramp",
    "Readback",
    "Retention",
    "StrategyName",
    "Window",
    "duration",
    "one_shot",
    "population_statistics",
    "reachable_window",
    "set_reset",
    "write_verify",
]
