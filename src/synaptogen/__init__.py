"""Learn the statistics of real resistive memory and simulate virtual devices by the million.

import synaptogen as sg

cells = sg.CellArray((1024, 1024), rng=42)
cells.apply_voltage(-2.0)
currents = cells @ voltages
"""

import importlib
import logging
from pathlib import Path
from types import ModuleType

from ._utils import require_own_folder
from .array import CellArray, load
from .crossbar import ADC, DAC
from .params import (
    VAR,
    DeviceParams,
    FeatureScale,
    FluctuationParams,
    OwnShapes,
    Population,
    PulseWidthParams,
    RestlessInnovation,
    StateSpace,
    Trend,
    Wear,
    presets,
)
from .state import Features, Mode

__version__ = "0.1.0"

_ROOMS = ("circuit", "crossbar", "distributed", "explore", "export", "learn", "outofcore", "plot", "torch")
"""Sub-packages for users, imported when they are first used: most need libraries of extras."""

require_own_folder(Path(__file__).parent)
logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless a program asks for messages

__all__ = [
    "ADC",
    "DAC",
    "VAR",
    "CellArray",
    "DeviceParams",
    "FeatureScale",
    "Features",
    "FluctuationParams",
    "Mode",
    "OwnShapes",
    "Population",
    "PulseWidthParams",
    "RestlessInnovation",
    "StateSpace",
    "Trend",
    "Wear",
    "load",
    "presets",
]


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS, "__version__"))
