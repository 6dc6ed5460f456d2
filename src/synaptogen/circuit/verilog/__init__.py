"""Verilog-A cells, their formulas traced from `synaptogen.model`."""

from .cell import KINDS, CellModel, cell_model
from .values import instance_values

__all__ = ["KINDS", "CellModel", "cell_model", "instance_values"]
