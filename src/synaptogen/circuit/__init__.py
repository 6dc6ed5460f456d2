"""The circuit level: the same devices as Verilog-A, in netlists and in circuit simulators."""

from .compiler import compile_osdi
from .verilog import CellModel, cell_model, instance_values

__all__ = ["CellModel", "cell_model", "compile_osdi", "instance_values"]
