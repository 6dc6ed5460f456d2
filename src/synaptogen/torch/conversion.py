"""Convert a trained model: replace its layers by layers on virtual cells."""

import copy
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np
from torch import nn

from synaptogen.torch.layers import attention, sequence

from .config import AnalogConfig
from .layers import (
    GRU,
    LSTM,
    RNN,
    AnalogCells,
    AnalogLayer,
    Conv1d,
    Conv2d,
    Conv3d,
    GRUCell,
    Linear,
    LSTMCell,
    MultiheadAttention,
    RNNCell,
)
from .overview import table

# the first argument is of the class that is the key, which a type cannot express
CONVERTERS: dict[type[nn.Module], Callable[[Any, AnalogConfig, int], nn.Module]] = {
    nn.Linear: Linear.from_digital,
    nn.Conv1d: Conv1d.from_digital,
    nn.Conv2d: Conv2d.from_digital,
    nn.Conv3d: Conv3d.from_digital,
    nn.RNNCell: RNNCell.from_digital,
    nn.LSTMCell: LSTMCell.from_digital,
    nn.GRUCell: GRUCell.from_digital,
    nn.RNN: RNN.from_digital,
    nn.LSTM: LSTM.from_digital,
    nn.GRU: GRU.from_digital,
    nn.MultiheadAttention: MultiheadAttention.from_digital,
}
"""Classes that can be converted, exactly these, since a subclass may compute something else.

A value is called as ``from_digital(layer, config, seed)`` and returns the layer on cells.
"""


class Decision(NamedTuple):
    """Decision of a conversion about a layer that has parameters.

    Attributes
    ----------
    name : str
        Name in ``model.named_modules()``.
    kind : str
        Name of its class.
    convert : bool
        Whether it is converted.
    cells : int
        Number of cells that it needs.
    reason : str
        Reason why it is not converted; of a converted layer, a note or nothing.
    """

    name: str
    kind: str
    convert: bool
    cells: int
    reason: str


class Plan(list[Decision]):
    """Decisions of a conversion, one for each layer that has parameters; prints as a table."""

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("layer", "kind", "cells", "")]
        rows += [(d.name or "(model)", d.kind, f"{d.cells:,}" if d.convert else "-", d.reason) for d in self]
        return table(rows)


if TYPE_CHECKING:  # what is returned depends on dry_run

    @overload
    def convert(
        model: nn.Module,
        config: AnalogConfig | None = None,
        *,
        exclude: Iterable[str] = (),
        per_layer: Mapping[str, AnalogConfig] | None = None,
        dry_run: Literal[False] = False,
    ) -> nn.Module: ...

    @overload
    def convert(
        model: nn.Module,
        config: AnalogConfig | None = None,
        *,
        exclude: Iterable[str] = (),
        per_layer: Mapping[str, AnalogConfig] | None = None,
        dry_run: Literal[True],
    ) -> Plan: ...


def convert(
    model: nn.Module,
    config: AnalogConfig | None = None,
    *,
    exclude: Iterable[str] = (),
    per_layer: Mapping[str, AnalogConfig] | None = None,
    dry_run: bool = False,
) -> nn.Module | Plan:
    """Return a copy of a model whose products with weights are read from virtual cells.

    Parameters
    ----------
    model : torch.nn.Module
        It does not change.
    config : AnalogConfig, optional
        Configuration of all layers; default: `AnalogConfig()`.
    exclude : iterable of str
        Names of layers that stay digital, as in ``model.named_modules()``, with ``*`` and ``?``.
    per_layer : mapping of str to AnalogConfig, optional
        Other configurations for some layers, by such names; the first name that fits counts.
    dry_run : bool
        Convert nothing; return the `Plan`, which lists the layers that would be converted, and why others would not.

    Returns
    -------
    torch.nn.Module or Plan
        The converted copy, or with ``dry_run`` the plan.

    Raises
    ------
    TypeError
        If the model is no module, or a configuration no `AnalogConfig`.
    ValueError
        If a name fits no layer, no layer can be converted, or a weight is not finite.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> plan = sg.torch.convert(model, exclude=["2"], dry_run=True)
    >>> [(decision.name, decision.convert, decision.cells, decision.reason) for decision in plan]
    [('0', True, 24, ''), ('2', False, 0, 'excluded')]
    >>> analog = sg.torch.convert(model, sg.torch.AnalogConfig(programming="one-shot", seed=1))
    >>> analog(torch.ones(5, 4)).shape
    torch.Size([5, 2])
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: give a torch.nn.Module")
    config = AnalogConfig() if config is None else config
    configs = dict(per_layer or {})
    for value in (config, *configs.values()):
        if not isinstance(value, AnalogConfig):
            raise TypeError(f"config is a {type(value).__name__}: give an AnalogConfig")
    exclude = [exclude] if isinstance(exclude, str) else list(exclude)
    plan = _plan(model, exclude, list(configs))
    if dry_run:
        return plan
    if not any(decision.convert for decision in plan):
        raise ValueError(f"no layer of the model can be converted:\n{plan}")
    return _converted(model, plan, config, configs)


def _plan(model: nn.Module, exclude: list[str], others: list[str]) -> Plan:
    names = [name for name, _ in model.named_modules()]
    for pattern in (*exclude, *others):
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"{pattern!r} fits no layer: the names are {', '.join(name for name in names if name)}")
    plan, taken = Plan(), ""
    for name, module in model.named_modules():
        if taken and name.startswith(taken):
            continue
        if next(module.parameters(recurse=False), None) is None and type(module) not in CONVERTERS:
            continue
        plan.append(_decide(name, module, exclude))
        # modules inside a layer that is converted or kept as a whole are not looked at
        taken = f"{name}." if name and (plan[-1].convert or any(module.children())) else ""
    return plan


def _decide(name: str, module: nn.Module, exclude: list[str]) -> Decision:
    kind = type(module).__name__

    def no(reason: str) -> Decision:
        return Decision(name, kind, False, 0, reason)

    if isinstance(module, AnalogLayer):
        return no("holds cells already")
    if any(_within(name, pattern) for pattern in exclude):
        return no("excluded")
    if type(module) not in CONVERTERS:
        return no(_why_not(module))
    if isinstance(module, nn.MultiheadAttention) and (reason := attention.why_not(module)):
        return no(reason)
    if isinstance(module, nn.RNNBase) and (reason := sequence.why_not(module)):
        return no(reason)
    weights = [(key, p) for key, p in module.named_parameters() if p.dim() > 1]
    for key, weight in weights:
        if weight.is_meta or isinstance(weight, nn.parameter.UninitializedParameter):
            return no(f"{key} has no values yet")
        if not weight.is_floating_point():
            return no(f"{key} is of type {weight.dtype}, not real")
    return Decision(name, kind, True, sum(2 * weight.numel() for _, weight in weights), _how(module))


def _how(module: nn.Module) -> str:
    """Return a note on what a layer becomes, if that is not one layer of the same name."""
    if isinstance(module, nn.RNNBase):
        count = module.num_layers * (1 + module.bidirectional)
        return f"{count} {type(module).__name__}Cell{'s' * (count > 1)}, stepped over the sequence"
    return "four projections" if isinstance(module, nn.MultiheadAttention) else ""


def _within(name: str, pattern: str) -> bool:
    parts = name.split(".")
    return any(fnmatch.fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1)) or name == pattern


def _why_not(module: nn.Module) -> str:
    for known in CONVERTERS:
        if isinstance(module, known):
            return f"a subclass of {known.__name__}, which may compute something else"
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return "a table that is looked up, not a product"
    if isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
        return "scales each feature: no matrix"
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return "a transposed convolution, which no layer here computes"
    return "no layer here computes this kind"


def _converted(model: nn.Module, plan: Plan, config: AnalogConfig, others: Mapping[str, AnalogConfig]) -> nn.Module:
    made = copy.deepcopy(model)
    seeds = np.random.SeedSequence(config.seed)
    replaced: dict[int, nn.Module] = {}
    for decision, seed in zip(plan, seeds.spawn(len(plan)), strict=True):
        if not decision.convert:
            continue
        old = made.get_submodule(decision.name)
        chosen = next((c for pattern, c in others.items() if _within(decision.name, pattern)), config)
        own = np.random.SeedSequence(chosen.seed, spawn_key=seed.spawn_key) if chosen is not config else seed
        try:
            new = CONVERTERS[type(old)](old, chosen, int(own.generate_state(1, np.uint64)[0]))
        except ValueError as error:
            raise ValueError(f"layer {decision.name or '(model)'!r}: {error}") from error
        replaced[id(old)] = new
    return _replace(made, replaced)


def _replace(model: nn.Module, replaced: Mapping[int, nn.Module]) -> nn.Module:
    """Replace layers, wherever they occur; ``replaced`` maps the ids of old layers to new ones."""
    if id(model) in replaced:
        return replaced[id(model)]
    for module in list(model.modules()):
        for name, child in list(module._modules.items()):
            if child is not None and id(child) in replaced:
                module._modules[name] = replaced[id(child)]
    _keep_fused_kernels_out(model)
    return model


def _keep_fused_kernels_out(model: nn.Module) -> None:
    """Switch off the fused evaluation kernels of torch's encoders, which would use the weights and not the cells."""
    for module in model.modules():
        if not any(isinstance(part, AnalogCells) for part in module.modules()):
            continue
        if isinstance(module, nn.TransformerEncoderLayer):
            module.activation_relu_or_gelu = 0  # an activation that those kernels do not have
        if isinstance(module, nn.TransformerEncoder):
            module.use_nested_tensor = False
