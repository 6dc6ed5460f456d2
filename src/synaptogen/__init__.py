"""Learn the statistics of real resistive memory and simulate virtual devices by the million.

import synaptogen as sg

cells = sg.CellArray((1024, 1024), rng=42)
cells.apply_voltage(-2.0)
currents = cells @ voltages
"""

import importlib
from typing import Any

from .array import CellArray, Features, Mode
from .crossbar import ADC, DAC
from .params import VAR, DeviceParams, Population, StateSpace, presets
from .persistence import load

__version__ = "0.1.0"

__all__ = [
    "ADC",
    "DAC",
    "VAR",
    "CellArray",
    "DeviceParams",
    "Features",
    "Mode",
    "Population",
    "StateSpace",
    "load",
    "presets",
]

_LAZY = ("circuit", "distributed", "learn", "outofcore", "plot", "torch")
"""Parts that need libraries of extras, imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
