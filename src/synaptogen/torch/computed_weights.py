"""Weights that other parameters make: weight normalisation, spectral normalisation, pruning, parametrizations.

Cells hold the weight that is in effect when a layer is converted. The layer on cells has that weight as its parameter.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

_HOOKS = (WeightNorm, SpectralNorm, prune.BasePruningMethod)


def computing(module: nn.Module) -> list[str]:
    """Return the names of what computes tensors of a module from other parameters.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    list of str
        For example ``["weight_norm"]``; empty for a module whose weights are parameters.
    """
    names = [_name(hook) for hook in module._forward_pre_hooks.values() if isinstance(hook, _HOOKS)]
    if parametrize.is_parametrized(module):
        parametrizations: Any = module.parametrizations
        names += [type(each).__name__.lstrip("_") for chain in parametrizations.values() for each in chain]
    return names


def _name(hook: object) -> str:
    if isinstance(hook, prune.BasePruningMethod):
        return "pruning"
    return "weight_norm" if isinstance(hook, WeightNorm) else "spectral_norm"


def is_computing_hook(hook: object) -> bool:
    """Return whether a hook computes a weight, and does nothing else."""
    return isinstance(hook, _HOOKS)


def with_plain_weights(module: nn.Module) -> nn.Module:
    """Return a copy of a module whose weights are parameters with the values now in effect.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    torch.nn.Module
        A copy, of the class that the module had before it was parametrized; or the module itself, if its weights are
        parameters already.
    """
    if not computing(module):
        return module
    if parametrize.is_parametrized(module):
        # torch's own removal changes the class, which all copies of the module share
        made = own_class(module).__new__(own_class(module))
        parametrizations: Any = module.parametrizations
        made.__dict__ = {**vars(module), "_parameters": dict(module._parameters), "_modules": {}}
        for name in parametrizations:
            made.register_parameter(name, nn.Parameter(getattr(module, name).detach().clone()))
        return with_plain_weights(made)
    made = detached_copy(module)
    for hook in list(made._forward_pre_hooks.values()):
        if isinstance(hook, WeightNorm):
            nn.utils.remove_weight_norm(made, hook.name)
        elif isinstance(hook, SpectralNorm):
            nn.utils.remove_spectral_norm(made, hook.name)
        elif isinstance(hook, prune.BasePruningMethod):
            prune.remove(made, hook._tensor_name)
    return made


def own_class(module: nn.Module) -> type[nn.Module]:
    """Return the class of a module, for a parametrized one the class that it had before."""
    kind = type(module)
    return kind.__mro__[1] if parametrize.is_parametrized(module) else kind


def detached_copy(model: nn.Module) -> nn.Module:
    """Return a deep copy of a model, in which tensors that its last pass has computed are constants.

    torch refuses to copy such a tensor, as the hooks of `torch.nn.utils.weight_norm` leave them behind.
    """
    memo: dict[int, Any] = {}
    for module in model.modules():
        for value in vars(module).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                with torch.no_grad():
                    memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)
