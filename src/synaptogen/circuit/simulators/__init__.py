"""Circuit simulators: find them, run them, read what they write."""

from .discovery import SIMULATORS, Simulator, SimulatorName, simulator
from .process import SimulationError
from .rawfile import Plot, read_raw

__all__ = ["SIMULATORS", "Plot", "SimulationError", "Simulator", "SimulatorName", "read_raw", "simulator"]
