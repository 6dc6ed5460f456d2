"""The first pass of a converted model: where it uses weights, and which cells it does not read.

A module may use the weight of a layer outside the layer's own ``forward``. Where that is a product, it is read from the
cells (`weights_elsewhere`). Anything else is digital, whatever the cells hold, and a warning names such layers.
"""

import warnings
from typing import Any

import torch
from torch import nn

from .analog_parts import analog_parts
from .crossbars import in_transform
from .experts import Experts
from .layers import AnalogLayer
from .weights_elsewhere import Elsewhere, ReadingElsewhere


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
    """Hooks that look for uses of weights in the first pass, and then remove themselves."""

    def __init__(self) -> None:
        self._active: list[ReadingElsewhere] = []

    def enter(self, model: nn.Module, inputs: Any) -> None:
        """Begin the first pass.

        Parameters
        ----------
        model : torch.nn.Module
        inputs : object
            As torch gives them to hooks.
        """
        if not torch.compiler.is_compiling():
            self._active.append(ReadingElsewhere(model))
            self._active[-1].__enter__()

    def leave(self, model: nn.Module, inputs: Any, output: Any) -> None:
        """End the first pass, and hand over to the modules that use weights.

        Parameters
        ----------
        model : torch.nn.Module
        inputs, output : object
            As torch gives them to hooks.
        """
        if torch.compiler.is_compiling() or not self._active:
            return
        mode = self._active.pop()
        mode.__exit__(None, None, None)
        tensors = [x for x in inputs if isinstance(x, torch.Tensor)]
        if output is None or in_transform() or (tensors and not any(x.numel() for x in tensors)):
            return  # a pass that has failed, or has read nothing
        self._remove(model)
        users = {name.rpartition(".")[0] for name in mode.read}
        for user in users:
            Elsewhere().attach(model.get_submodule(user))
        if names := unread(model):
            shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
            warnings.warn(
                f"this pass did not read the cells of {len(names)} layer{'s' * (len(names) > 1)} ({shown}): if they "
                "had inputs, something uses their weights outside of their forward, and computes digitally; exclude "
                "them, or call the layers",
                UserWarning,
                stacklevel=4,
            )

    def _remove(self, model: nn.Module) -> None:
        for hooks in (model._forward_hooks, model._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                if getattr(hook, "__self__", None) is self:
                    del hooks[key]
                    model._forward_hooks_always_called.pop(key, None)

    def __getstate__(self) -> dict[str, Any]:
        return {"_active": []}


def watch_first_pass(model: nn.Module) -> None:
    """Read cells wherever the first pass uses weights, and in later passes; warn of cells that it did not read."""
    if not isinstance(model, AnalogLayer):
        first = _FirstPass()
        model.register_forward_pre_hook(first.enter)
        model.register_forward_hook(first.leave, always_call=True)
