"""Converters on tensors: the quantiser of `synaptogen.crossbar` with a range that is a tensor."""

from torch import Tensor


def quantise(x: Tensor, top: Tensor | float, bits: int | None) -> Tensor:
    """Nearest of 2**bits levels; the highest is ``top``, and 0 is one of them.

    The levels are those of ``Quantiser(bits, low, top)`` with low = -2**(bits-1) s and s = top / (2**(bits-1) - 1): as
    in two's complement there is one more level below 0 than above, and an input of 0 stays 0. ``bits`` None: only the
    range is kept, symmetric.
    """
    if bits is None:
        return x.clamp(-top, top)
    half = 1 << (bits - 1)
    # one bit has the levels -top and 0
    step = top / max(half - 1, 1)
    return (x / step).round().clamp(-half, half - 1) * step
