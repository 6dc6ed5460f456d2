"""Verilog-A cells, their formulas traced from `synaptogen.model`."""

from .cell import KINDS, CellKind, CellModel, cell_model
from .instances import default_values, identity_values, instance_values

__all__ = ["KINDS", "CellKind", "CellModel", "cell_model", "default_values", "identity_values", "instance_values"]
