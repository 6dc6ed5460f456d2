"""Mixtures of experts as the library transformers stores them: the weights of all experts in tensors of three axes."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

_LAYOUT = ("has_gate", "has_bias", "is_transposed", "_apply_gate")  # what that library sets on such modules


def is_experts(module: nn.Module) -> bool:
    """Return whether a module is a mixture of experts whose weights have three axes: experts, outputs, inputs."""
    return (
        all(hasattr(module, name) for name in _LAYOUT)
        and not any(module.children() if not hasattr(module, "act_fn") else _beside_activation(module))
        and not getattr(module, "has_post_expert_norm", False)
        and _up(module) is not None
        and getattr(module, "down_proj", torch.empty(0)).dim() == 3
    )


def _beside_activation(module: Any) -> list[nn.Module]:
    return [child for child in module.children() if child is not module.act_fn]


def _up(module: nn.Module) -> Tensor | None:
    found = getattr(module, "gate_up_proj" if module.has_gate else "up_proj", None)
    return found if isinstance(found, Tensor) and found.dim() == 3 else None


class Experts(nn.Module):
    """Experts as pairs of linear layers, which can be converted one by one.

    Parameters
    ----------
    layer : torch.nn.Module
        A module for which `is_experts` holds; its weights are copied.

    Attributes
    ----------
    up, down : torch.nn.ModuleList of torch.nn.Linear
        One for each expert; with a gate, outputs of ``up`` are those of gate and product.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.num_experts = layer.num_experts
        name = "gate_up_proj" if layer.has_gate else "up_proj"
        self.up = _linears(layer, name)
        self.down = _linears(layer, "down_proj")
        shell = copy.copy(layer)  # keeps the functions between the products, and what they need
        shell.__dict__ = {**vars(layer), "_parameters": {}}
        self.shell = shell
        self.train(layer.training)

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """Send tokens through their experts.

        Parameters
        ----------
        hidden_states : tensor of shape (tokens, features)
            Inputs.
        top_k_index : tensor of int64, of shape (tokens, k)
            Experts of each token.
        top_k_weights : tensor of shape (tokens, k)
            Their weights.

        Returns
        -------
        tensor of shape (tokens, features)
        """
        out = torch.zeros_like(hidden_states)
        between: Any = self.shell
        for number, (up, down) in enumerate(zip(self.up, self.down, strict=True)):
            token, place = torch.where(top_k_index == number)
            if not len(token):
                continue
            inner = up(hidden_states[token])
            y = down(between._apply_gate(inner) if between.has_gate else between.act_fn(inner))
            weighted = y * top_k_weights[token, place, None]
            out = out.index_add(0, token, weighted.to(out.dtype))
        return out


def _linears(layer: Any, name: str) -> nn.ModuleList:
    weights, biases = getattr(layer, name), getattr(layer, f"{name}_bias", None) if layer.has_bias else None
    made = []
    for number, weight in enumerate(weights):
        matrix = weight.detach().mT if layer.is_transposed else weight.detach()
        linear = nn.Linear(matrix.shape[1], matrix.shape[0], biases is not None, device="meta")
        linear.weight = nn.Parameter(matrix.clone(), weights.requires_grad)
        if biases is not None:
            linear.bias = nn.Parameter(biases[number].detach().clone(), biases.requires_grad)
        made.append(linear)
    return nn.ModuleList(made)
