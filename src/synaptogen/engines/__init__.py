"""Engines: they hold cells in memory and run them. `Engine` is the contract that each of them keeps.

An engine owns memory, masks, branches and threads. The formulas are those of `synaptogen.model`, which no engine
restates.
"""

from .compiled_params import CompiledParams, compile_params
from .lines import line_weights, with_noise
from .moments import TICKS, Grids, Moment, instant_word, state_at, walk_widths
from .protocol import FIELDS, AnyEngine, CellIds, Engine, Positions, ReadNumbers
from .registry import ENGINES, STARTS, STORAGES, EngineName, Start, Storage, engine_class

__all__ = [
    "ENGINES",
    "FIELDS",
    "STARTS",
    "STORAGES",
    "TICKS",
    "AnyEngine",
    "CellIds",
    "CompiledParams",
    "Engine",
    "EngineName",
    "Grids",
    "Moment",
    "Positions",
    "ReadNumbers",
    "Start",
    "Storage",
    "compile_params",
    "engine_class",
    "instant_word",
    "line_weights",
    "state_at",
    "walk_widths",
    "with_noise",
]
