"""A warning after the first pass of a converted model, if it did not read the cells of some layers.

A module may use the weight of a layer outside the layer's own ``forward``, for example by
``torch.nn.functional.linear(x, self.layer.weight)``. Such a product is digital, whatever the cells hold.
"""

import warnings
from typing import Any

import torch
from torch import nn

from .analog_parts import analog_parts
from .crossbars import in_transform
from .experts import Experts


def unread(model: nn.Module) -> list[str]:
    """Return the names of layers whose cells have not been read since their ranges were set.

    Experts are left out: which of them a pass needs depends on its inputs.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model.

    Returns
    -------
    list of str
    """
    by_chance = [f"{name}.".lstrip(".") for name, module in model.named_modules() if isinstance(module, Experts)]
    return [
        name.removesuffix(".analog")
        for name, part in analog_parts(model).items()
        if not (part.counts.inputs or name.startswith(tuple(by_chance)))
    ]


class _FirstPass:
    """A hook that looks at the cells after the first pass, and removes itself."""

    def __call__(self, model: nn.Module, inputs: Any, output: Any) -> None:
        tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
        if torch.compiler.is_compiling() or in_transform() or (tensors and not any(x.numel() for x in tensors)):
            return
        for key, hook in list(model._forward_hooks.items()):
            if hook is self:
                del model._forward_hooks[key]
        if names := unread(model):
            shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
            warnings.warn(
                f"this pass did not read the cells of {len(names)} layer{'s' * (len(names) > 1)} ({shown}): if they "
                "had inputs, something uses their weights outside of their forward, and computes digitally; exclude "
                "them, or call the layers",
                UserWarning,
                stacklevel=4,
            )


def warn_of_unread(model: nn.Module) -> None:
    """Warn after the first pass of a converted model if it has not read all cells."""
    model.register_forward_hook(_FirstPass())
