"""The model's formulas on tensors.

A formula of `synaptogen.model` uses arithmetic and the named operations of `synaptogen.ops`. Here those names mean
torch's operations: the same code objects run, with other globals, so that nothing is stated twice and
`torch.compile` sees plain functions.
"""

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from synaptogen.model import iv, noise


def _maximum(a: Any, b: Any) -> Tensor:
    return torch.clamp(a, min=b) if isinstance(b, int | float) else torch.maximum(a, b)


def _minimum(a: Any, b: Any) -> Tensor:
    return torch.clamp(a, max=b) if isinstance(b, int | float) else torch.minimum(a, b)


def _product(a: Any, b: Any) -> Any:
    return a * b


_MEANINGS: dict[str, Callable[..., Any]] = {
    "absolute": torch.abs,
    "maximum": _maximum,
    "minimum": _minimum,
    "product": _product,
    "sqrt": torch.sqrt,
}


def _on_tensors(formula: Any) -> Any:
    """The formula with torch's meaning of the operations that it names."""
    scope = {**formula.__globals__, **_MEANINGS}
    return types.FunctionType(formula.__code__, scope, formula.__name__, formula.__defaults__, formula.__closure__)


envelopes = _on_tensors(iv.envelopes)
noise_density = _on_tensors(noise.noise_density)
