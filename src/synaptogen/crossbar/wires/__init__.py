"""Crossbars whose wires have resistance."""

from .applying import apply_slowly
from .effective import effective_conductances
from .network import Solution, solve
from .parameters import Wires

__all__ = ["Solution", "Wires", "apply_slowly", "effective_conductances", "solve"]
