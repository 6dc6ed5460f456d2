"""Circuit simulators: finding them, running them, reading what they write."""

from .discovery import SIMULATORS, Simulator, simulator
from .process import SimulationError
from .rawfile import Plot, read_raw

__all__ = ["SIMULATORS", "Plot", "SimulationError", "Simulator", "read_raw", "simulator"]
