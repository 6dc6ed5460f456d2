"""Verilog-A cells, their formulas traced from `synaptogen.model`."""

from .cell import KINDS, CellKind, CellModel, cell_model
from .instances import identity_values, instance_values

__all__ = ["KINDS", "CellKind", "CellModel", "cell_model", "identity_values", "instance_values"]
