"""Learn the statistics of real resistive memory and simulate virtual devices by the million."""

__version__ = "0.1.0"
