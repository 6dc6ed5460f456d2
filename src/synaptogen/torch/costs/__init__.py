"""What a network on cells costs: tiles, conversions, energy, latency, area."""

from .estimate import cost
from .hardware import Hardware
from .report import Cost, LayerCost

__all__ = ["Cost", "Hardware", "LayerCost", "cost"]
