"""The circuit level: the same devices as Verilog-A, in netlists and in circuit simulators."""

from .compiler import cache_folder, compile_osdi
from .compiler import compiler as find_compiler
from .figures import iv_comparison
from .iv_curve import IVComparison, compare_iv
from .verilog import CellModel, cell_model, instance_values
from .waveforms import STEP, T_SWITCH, triangles

__all__ = [
    "STEP",
    "T_SWITCH",
    "CellModel",
    "IVComparison",
    "cache_folder",
    "cell_model",
    "compare_iv",
    "compile_osdi",
    "find_compiler",
    "instance_values",
    "iv_comparison",
    "triangles",
]
