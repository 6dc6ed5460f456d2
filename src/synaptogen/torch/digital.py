"""The digital network that the cells of a converted model hold."""

from typing import Any

import torch
from torch import nn

from .computed_weights import detached_copy
from .layers import AnalogCells, AnalogLayer, MultiheadAttention, Stepped


@torch.no_grad()
def to_digital(model: nn.Module) -> nn.Module:
    """Return a digital copy of a converted model, with the weights that its cells hold.

    Errors of programming are in the weights. Noise, converters and wires are left out. What is not on cells stays as it
    is.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; it does not change.

    Returns
    -------
    torch.nn.Module
        Layers of torch in place of those on cells.

    Raises
    ------
    ValueError
        If the model holds no cells.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> digital = torch.nn.Sequential(torch.nn.Linear(4, 2))
    >>> analog = sg.torch.convert(digital, sg.torch.AnalogConfig(programming="one-shot", seed=1))
    >>> again = sg.torch.to_digital(analog)
    >>> type(again[0])
    <class 'torch.nn.modules.linear.Linear'>
    >>> bool((again[0].weight == analog[0].analog.weights()[0]).all())
    True
    """
    made = detached_copy(model)
    if not any(isinstance(module, AnalogCells) for module in made.modules()):
        raise ValueError("model holds no cells: convert it first")
    twins: dict[int, nn.Module] = {}
    return _digital(made, twins)


def _digital(module: nn.Module, twins: dict[int, nn.Module]) -> nn.Module:
    if id(module) not in twins:
        if isinstance(module, Stepped):
            twins[id(module)] = _sequence(module)
        elif isinstance(module, MultiheadAttention):
            twins[id(module)] = _attention(module)
        elif isinstance(module, AnalogLayer):
            twins[id(module)] = _layer(module)
        else:
            twins[id(module)] = module
            for name, child in module._modules.items():
                if child is not None:
                    module._modules[name] = _digital(child, twins)
    return twins[id(module)]


def _layer(layer: AnalogLayer) -> nn.Module:
    """Return the layer of torch that a layer on cells is derived from, with the weights of the cells."""
    kind: Any = next(each for each in type(layer).__mro__ if each.__module__.startswith("torch.nn."))
    made: nn.Module = kind.__new__(kind)
    made.__dict__ = {**vars(layer), "_parameters": dict(layer._parameters), "_modules": {}}
    for name, weight, part in layer.held_weights():
        held = layer.from_matrix(part.weights(), weight.shape).to(weight)
        made.register_parameter(name, nn.Parameter(held, weight.requires_grad))
    return made


def _sequence(layer: Stepped) -> nn.Module:
    kind: Any = layer.digital
    more = {"nonlinearity": layer.mode.removeprefix("RNN_").lower()} if kind is nn.RNN else {}
    made: nn.RNNBase = kind(
        layer.input_size,
        layer.hidden_size,
        layer.num_layers,
        bias=layer.bias,
        batch_first=layer.batch_first,
        dropout=layer.dropout,
        bidirectional=layer.bidirectional,
        **more,
    )
    for cell, name in zip(layer.cells, layer.names, strict=True):
        assert isinstance(cell, AnalogLayer)  # for type checkers
        for part, value in _layer(cell).named_parameters():
            getattr(made, part + name).data = value.data
    return made.train(layer.training)


def _attention(layer: MultiheadAttention) -> nn.Module:
    q, k, v, out = (_layer(part) for part in (layer.q_proj, layer.k_proj, layer.v_proj, layer.out_proj))
    weights: Any = [part.get_parameter("weight") for part in (q, k, v)]
    made = nn.MultiheadAttention(
        layer.embed_dim,
        layer.num_heads,
        layer.dropout,
        bias=q.bias is not None,
        kdim=weights[1].shape[1],
        vdim=weights[2].shape[1],
        batch_first=layer.batch_first,
    )
    if made._qkv_same_embed_dim:
        made.in_proj_weight.data = torch.cat(list(weights))
    else:
        made.q_proj_weight, made.k_proj_weight, made.v_proj_weight = weights
    if made.in_proj_bias is not None:
        biases: Any = [part.bias for part in (q, k, v)]
        made.in_proj_bias.data = torch.cat(list(biases))
    made.out_proj.load_state_dict(out.state_dict())
    return made.train(layer.training)
