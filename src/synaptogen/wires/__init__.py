"""Crossbars whose wires have resistance."""

from .effective import effective_conductances
from .network import Solution, line_currents, solve
from .parameters import BitEnds, Wires, WordEnds
from .problem import NotConvergedError
from .protocols import SolvableCells, SwitchingCells
from .pulses import apply_slowly, apply_through_lines
from .selected_rows import apply_to_row, solve_row

__all__ = [
    "BitEnds",
    "NotConvergedError",
    "Solution",
    "SolvableCells",
    "SwitchingCells",
    "Wires",
    "WordEnds",
    "apply_slowly",
    "apply_through_lines",
    "apply_to_row",
    "effective_conductances",
    "line_currents",
    "solve",
    "solve_row",
]
