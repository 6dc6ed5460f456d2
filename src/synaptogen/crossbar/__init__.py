"""Crossbars of cells: mapping weights to conductances, programming, converters, tiles, and wires.

The matrix products themselves are methods of `synaptogen.CellArray`.
"""

from synaptogen.wires import Solution, Wires, apply_slowly, effective_conductances, solve

from . import figures
from .converters import ADC, DAC
from .mappings import BitSlicing, DifferentialPair, OffsetColumn, Outside, WeightMapping
from .programming import (
    AlongTransition,
    Later,
    PopulationStatistics,
    ProgrammingReport,
    Ramp,
    Readback,
    Retention,
    StrategyName,
    Window,
    one_shot,
    population_statistics,
    reachable_window,
    set_reset,
    write_verify,
)
from .selection import Scheme, apply_selected
from .tiles import Tiles

Mapping, Seen = WeightMapping, Readback  # names of earlier versions

__all__ = [
    "ADC",
    "DAC",
    "AlongTransition",
    "BitSlicing",
    "DifferentialPair",
    "Later",
    "OffsetColumn",
    "Outside",
    "PopulationStatistics",
    "ProgrammingReport",
    "Ramp",
    "Readback",
    "Retention",
    "Scheme",
    "Solution",
    "StrategyName",
    "Tiles",
    "WeightMapping",
    "Window",
    "Wires",
    "apply_selected",
    "apply_slowly",
    "effective_conductances",
    "figures",
    "one_shot",
    "population_statistics",
    "reachable_window",
    "set_reset",
    "solve",
    "write_verify",
]
