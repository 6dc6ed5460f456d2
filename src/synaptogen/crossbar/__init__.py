"""Between cells and networks: matrix products, mappings of weights, programming, converters, tiles."""

from .amplitudes import AlongTransition, Ramp, Seen
from .converters import ADC, DAC
from .mappings import BitSlicing, DifferentialPair, Mapping, OffsetColumn
from .programming import one_shot, set_reset, write_verify
from .report import ProgrammingReport
from .selection import apply_selected
from .tiles import Tiles
from .typical import Window, reachable_window
from .wires import Solution, Wires, apply_slowly, effective_conductances, solve

__all__ = [
    "ADC",
    "DAC",
    "AlongTransition",
    "BitSlicing",
    "DifferentialPair",
    "Mapping",
    "OffsetColumn",
    "ProgrammingReport",
    "Ramp",
    "Seen",
    "Solution",
    "Tiles",
    "Window",
    "Wires",
    "apply_selected",
    "apply_slowly",
    "effective_conductances",
    "one_shot",
    "reachable_window",
    "set_reset",
    "solve",
    "write_verify",
]
