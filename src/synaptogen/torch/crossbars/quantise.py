"""Converters on tensors: the quantiser of `synaptogen.crossbar` with a range that is a tensor."""

from typing import Any

import torch
from torch import Tensor


def quantise(x: Tensor, top: Tensor | float, bits: int | None) -> Tensor:
    """Nearest of 2**bits levels; the highest is ``top``, and 0 is one of them.

    The levels are those of ``Quantiser(bits, low, top)`` with low = -2**(bits-1) s and s = top / (2**(bits-1) - 1): as
    in two's complement there is one more level below 0 than above, and an input of 0 stays 0. ``bits`` None: only the
    range is kept, symmetric.
    """
    if bits is None:
        return torch.maximum(torch.minimum(x, top), -top) if isinstance(top, Tensor) else x.clamp(-top, top)
    return codes(x, top, bits) * step(top, bits)


def step(top: Any, bits: int) -> Any:
    """The distance of levels."""
    return top / ((1 << (bits - 1)) - 1)


def codes(x: Tensor, top: Tensor | float, bits: int) -> Tensor:
    """The numbers of these levels, -2**(bits-1) to 2**(bits-1) - 1, as real numbers; bits at least 2."""
    half = 1 << (bits - 1)
    return (x * ((half - 1) / top)).round_().clamp_(-half, half - 1)
