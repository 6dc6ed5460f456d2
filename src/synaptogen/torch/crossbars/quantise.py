"""Converters on tensors: the quantiser of `synaptogen.crossbar`, with a range that may be a tensor."""

import torch
from torch import Tensor


def quantise(x: Tensor, top: Tensor | float, bits: int | None) -> Tensor:
    """Round values to the nearest of 2**bits levels; the highest is ``top``, and 0 is one of them.

    The levels are those of ``Quantiser(bits, low, top)`` with low = -2**(bits-1) s and s = top / (2**(bits-1) - 1). As
    in two's complement there is one more level below 0 than above, and an input of 0 stays 0.

    Parameters
    ----------
    x : tensor
        Values.
    top : tensor or float
        Highest level, above 0; a tensor broadcasts with ``x``.
    bits : int or None
        Resolution, at least 2; None: values are only held to the range -top ... top.

    Returns
    -------
    tensor
    """
    if bits is None:
        return torch.maximum(torch.minimum(x, top), -top) if isinstance(top, Tensor) else x.clamp(-top, top)
    return codes(x, top, bits) * step(top, bits)


def step(top: Tensor | float, bits: int) -> Tensor | float:
    """Return the distance between levels.

    Parameters
    ----------
    top : tensor or float
        Highest level.
    bits : int
        Resolution, at least 2.

    Returns
    -------
    tensor or float
    """
    return top / ((1 << (bits - 1)) - 1)


def codes(x: Tensor, top: Tensor | float, bits: int) -> Tensor:
    """Return the numbers of the nearest levels, -2**(bits-1) to 2**(bits-1) - 1.

    Parameters
    ----------
    x : tensor
        Values.
    top : tensor or float
        Highest level; a tensor broadcasts with ``x``.
    bits : int
        Resolution, at least 2.

    Returns
    -------
    tensor
        Whole numbers, of the type of ``x``.
    """
    half = 1 << (bits - 1)
    return (x * ((half - 1) / top)).round_().clamp_(-half, half - 1)
