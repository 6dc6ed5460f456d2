"""Forward functions that were set on an object, such as ``layer.forward = lambda x: 2 * old_forward(x)``."""

import types
from collections.abc import Callable
from typing import Any

from torch import nn


def calls_only_forward(layer: nn.Module) -> bool:
    """Return whether the forward set on a layer can be set on another one, as `rebound` does it.

    Parameters
    ----------
    layer : torch.nn.Module

    Returns
    -------
    bool
        True for a plain function whose only link to the layer are variables that hold its former forward.
    """
    forward = vars(layer).get("forward")
    if not isinstance(forward, types.FunctionType):
        return False
    values = [cell.cell_contents for cell in forward.__closure__ or ()]
    return any(_is_forward_of(value, layer) for value in values) and not any(value is layer for value in values)


def rebound(layer: nn.Module, new: nn.Module) -> Callable[..., Any]:
    """Return the forward that was set on a layer, for another layer.

    Parameters
    ----------
    layer : torch.nn.Module
        A layer for which `calls_only_forward` holds.
    new : torch.nn.Module
        The layer whose forward is to be called in place of the former one.

    Returns
    -------
    callable
    """
    old: types.FunctionType = vars(layer)["forward"]
    cells = tuple(
        types.CellType(new.forward) if _is_forward_of(cell.cell_contents, layer) else cell
        for cell in old.__closure__ or ()
    )
    made = types.FunctionType(old.__code__, old.__globals__, old.__name__, old.__defaults__, cells)
    made.__kwdefaults__ = old.__kwdefaults__
    return made


def _is_forward_of(value: object, layer: nn.Module) -> bool:
    return isinstance(value, types.MethodType) and value.__self__ is layer and value.__name__ == "forward"
