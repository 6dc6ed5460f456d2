"""The model's formulas on tensors.

A formula of `synaptogen.model` uses arithmetic and the named operations of `synaptogen.model.ops`. Here these names are
bound to torch's operations: the same code objects run with other globals. No formula exists twice, and `torch.compile`
sees plain functions.
"""

import functools
import types
from collections.abc import Callable
from typing import Any, ParamSpec

import torch
from torch import Tensor

from synaptogen.model import iv, noise

P = ParamSpec("P")


def _maximum(a: Tensor, b: Tensor | float) -> Tensor:
    return torch.clamp(a, min=b) if isinstance(b, int | float) else torch.maximum(a, b)


def _minimum(a: Tensor, b: Tensor | float) -> Tensor:
    return torch.clamp(a, max=b) if isinstance(b, int | float) else torch.minimum(a, b)


_OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "absolute": torch.abs,
    "maximum": _maximum,
    "minimum": _minimum,
    "sqrt": torch.sqrt,
}


def _on_tensors(formula: Callable[P, Any]) -> Callable[P, Any]:
    """Return the formula with the operations that it names bound to torch's."""
    assert isinstance(formula, types.FunctionType)
    scope = {**formula.__globals__, **_OPERATIONS}
    return types.FunctionType(formula.__code__, scope, formula.__name__, formula.__defaults__, formula.__closure__)


# tensors come back where the model promises a number of its own kind
envelopes = _on_tensors(iv.envelopes)
noise_density = functools.partial(_on_tensors(noise.noise_density_at), kelvin=noise.T)
