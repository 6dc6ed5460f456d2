"""Verilog-A cells, their formulas traced from `synaptogen.model`."""

from .cell import KINDS, CellModel, cell_model
from .instances import identity, instance_values

__all__ = ["KINDS", "CellModel", "cell_model", "identity", "instance_values"]
