"""Attention whose projections are read from virtual cells.

Scores and their products with values are computed digitally, or keys and values are written to cells in each pass.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig

from .linear import Linear
from .matmul import AnalogMatmul


class MultiheadAttention(nn.Module):
    """`torch.nn.MultiheadAttention` with its four projections on cells.

    `convert` and `from_digital` make it. It also works inside `torch.nn.TransformerEncoderLayer` and similar layers.

    Parameters
    ----------
    layer : torch.nn.MultiheadAttention
        The digital layer; its parameters are copied.
    config : AnalogConfig
        With ``activation_products="cells"``, keys and values are written to cells in each pass.
    seed : int, optional
        Of the cells and of their noise; default: that of the configuration, or a new one.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> digital = torch.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> layer = sg.torch.MultiheadAttention.from_digital(digital, sg.torch.AnalogConfig(seed=1))
    >>> x = torch.ones(3, 5, 8)
    >>> out, weights = layer(x, x, x)
    >>> out.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 5]))
    """

    # torch's transformer layers look at these before they take a fused kernel, which would use weights and not cells
    in_proj_weight = in_proj_bias = None
    _qkv_same_embed_dim = False

    scores: AnalogMatmul | None
    mixing: AnalogMatmul | None

    def __init__(self, layer: nn.MultiheadAttention, config: AnalogConfig, seed: int | None = None) -> None:
        super().__init__()
        self.embed_dim, self.num_heads, self.batch_first = layer.embed_dim, layer.num_heads, layer.batch_first
        self.dropout = layer.dropout
        seeds = np.random.SeedSequence(seed_of(config.seed if seed is None else seed)).generate_state(6, np.uint64)
        if layer._qkv_same_embed_dim:
            weights = list(layer.in_proj_weight.chunk(3))
        else:
            weights = [layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight]
        weights.append(layer.out_proj.weight)
        biases = [None] * 3 if layer.in_proj_bias is None else list(layer.in_proj_bias.chunk(3))
        projections = [
            Linear.from_digital(_linear(weight, bias), config, int(own))
            for weight, bias, own in zip(weights, [*biases, layer.out_proj.bias], seeds, strict=False)
        ]
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = projections
        self.scores = self.mixing = None
        if config.activation_products == "cells":
            self.scores, self.mixing = (AnalogMatmul(config, int(own)).to(weights[0].device) for own in seeds[4:])
        self.train(layer.training)

    @classmethod
    def from_digital(
        cls, layer: nn.MultiheadAttention, config: AnalogConfig, seed: int | None = None
    ) -> "MultiheadAttention":
        """Make attention with a copy of the parameters of a digital layer.

        Parameters
        ----------
        layer : torch.nn.MultiheadAttention
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        MultiheadAttention
        """
        return cls(layer, config, seed)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Compute attention as `torch.nn.MultiheadAttention` does, see there.

        Parameters
        ----------
        query, key, value : tensors of shape (length, batch, features), with ``batch_first`` (batch, length, features)
            Inputs; without the batch axis for a single one.
        key_padding_mask : tensor of shape (batch, length), optional
            Keys to leave out (True), or numbers to add to scores.
        need_weights : bool
            Return attention weights too.
        attn_mask : tensor of shape (queries, keys) or (batch * heads, queries, keys), optional
            Pairs to leave out (True), or numbers to add to scores.
        average_attn_weights : bool
            Average the weights over heads.
        is_causal : bool
            A hint that ``attn_mask`` is causal; it needs this mask.

        Returns
        -------
        output : tensor of the shape of the query
        weights : tensor of shape (batch, queries, keys) or (batch, heads, queries, keys), or None

        Raises
        ------
        ValueError
            If ``is_causal`` is given without a mask.
        """
        if is_causal and attn_mask is None:
            raise ValueError("is_causal=True is a hint about attn_mask: give the mask, too")
        batched = query.dim() == 3
        if not batched:
            query, key, value = query.unsqueeze(0), key.unsqueeze(0), value.unsqueeze(0)
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        q, k, v = (self._heads(p(t)) for p, t in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value)))
        scores = _product(self.scores, q, k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
        if attn_mask is not None:
            per_head = attn_mask if attn_mask.dim() == 2 else attn_mask.view(-1, self.num_heads, *attn_mask.shape[1:])
            scores = scores + _additive(per_head, scores.dtype)
        if key_padding_mask is not None:
            scores = scores + _additive(key_padding_mask, scores.dtype)[:, None, None, :]
        attention = nn.functional.dropout(torch.softmax(scores, -1), self.dropout, self.training)
        out = self.out_proj(_product(self.mixing, attention, v).transpose(1, 2).flatten(2))
        weights = (attention.mean(1) if average_attn_weights else attention) if need_weights else None
        if not batched:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return out if self.batch_first else out.transpose(0, 1), weights

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def _product(on_cells: AnalogMatmul | None, a: Tensor, b: Tensor) -> Tensor:
    return a @ b if on_cells is None else on_cells(a, b)


def _additive(mask: Tensor, kind: torch.dtype) -> Tensor:
    """Return a mask to add to scores; a boolean mask is True where attention is not allowed."""
    if mask.dtype != torch.bool:
        return mask.to(kind)
    return torch.zeros_like(mask, dtype=kind).masked_fill(mask, -math.inf)


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    made.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made


def why_not(layer: nn.MultiheadAttention) -> str:
    """Return the reason why this layer cannot be converted, or an empty string."""
    if layer.bias_k is not None or layer.add_zero_attn:
        return "attention with add_bias_kv or add_zero_attn, which no layer here computes"
    return ""
