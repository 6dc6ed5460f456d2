"""Crossbars whose wires have resistance."""

from .effective import effective_conductances
from .network import Solution, solve
from .parameters import Wires

__all__ = ["Solution", "Wires", "effective_conductances", "solve"]
