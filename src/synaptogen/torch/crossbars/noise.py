"""Random numbers as a function of a seed and a count, both in one tensor.

A `torch.Generator` can neither be a buffer nor be traced by `torch.compile`. A layer therefore keeps the pair
(seed, count) as an int64 buffer. It is saved, copied and resumed with the rest of the state, and each read takes the
next count. Normals on the CPU are those of `noisy_kernels`, with this pair as the key: a fifth of the time of torch's,
by all threads, and where they are needed.
"""

import math
import threading
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synaptogen._utils import share

from .noisy_kernels import noisy_kernels

Key: TypeAlias = NDArray[np.uint32]
"""Two words that choose the normals of a draw."""

_ODD = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio, of splitmix64
_MASK = (1 << 64) - 1
_THREAD = threading.local()


def mixed(seed: int, count: int) -> int:
    """Return a 64-bit seed for a pair of numbers (Steele et al., OOPSLA 2014: splitmix64).

    Parameters
    ----------
    seed : int
        Seed of a layer.
    count : int
        Number of the draw.

    Returns
    -------
    int
    """
    z = (seed + (count + 1) * _ODD) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _generator(device: torch.device) -> torch.Generator:
    """Return the generator of this thread, to be seeded before each use; making one takes longer than a small draw."""
    made: dict[torch.device, torch.Generator] = _THREAD.__dict__.setdefault("generators", {})
    if device not in made:
        made[device] = torch.Generator(device)
    return made[device]


def advance(state: Tensor) -> None:
    """Count a draw, in place, also where functions of `torch.func` look on: they allow no change of a buffer."""
    if in_transform():
        with torch._C._DisableFuncTorch():
            state[1] += 1
    else:
        state[1] += 1


def in_transform() -> bool:
    """Return whether this is called within a function of `torch.func`, such as ``grad`` or ``vmap``."""
    return not torch.compiler.is_compiling() and torch._C._functorch.peek_interpreter_stack() is not None


def key_of(state: Tensor) -> Key:
    """Return the key of the next draw from the buffer of a layer."""
    seed, count = state.tolist()
    words = mixed(seed, count)
    return np.array([words & 0xFFFFFFFF, words >> 32], np.uint32)


def _by_address(key: Key, shape: tuple[int, ...]) -> Tensor:
    """Return normals in single precision: of groups, tiles, vectors and outputs, of which the first may be missing."""
    filled = (1,) * (4 - len(shape)) + shape
    out = torch.empty(math.prod(filled[:-3]), *filled[-3:])
    if out.numel():
        items = out.shape[1] * out.shape[2]
        smallest = max(1, 4096 * items // out.numel())
        share(noisy_kernels().draw, items, torch.get_num_threads(), (key, out.numpy()), smallest)
    return out.reshape(shape)


def _normals(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    if torch._C._functorch.is_batchedtensor(like):
        raise RuntimeError(
            "torch.func.vmap would give all entries the same read noise: give the batch to the model itself, or "
            "convert with bandwidth=0"
        )
    if like.device.type == "cpu":
        return _by_address(key_of(state), tuple(shape)).to(like.dtype)
    seed, count = state.tolist()
    generator = _generator(like.device).manual_seed(mixed(seed, count) & (_MASK >> 1))
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


traced_normals = torch.library.custom_op("synaptogen::normals", _normals, mutates_args=())
"""`normals` as an operator that compilers and exporters do not look into."""


@traced_normals.register_fake
def _(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    return like.new_empty(shape)


def normals(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    """Draw standard normals; the state does not change.

    On the CPU the numbers are those of `noisy_kernels`, on other devices those of torch's generator there.

    Parameters
    ----------
    state : tensor of two int64
        Seed and count, see `noise_state`.
    shape : sequence of int
        Shape of the result: groups, tiles, vectors, outputs, of which the first may be missing or several.
    like : tensor
        Has the type and device of the result.

    Returns
    -------
    tensor
    """
    # an operator costs as much as drawing some ten thousand numbers
    return traced_normals(state, shape, like) if torch.compiler.is_compiling() else _normals(state, shape, like)


@torch.library.custom_op("synaptogen::choices", mutates_args=())
def choices(state: Tensor, shape: Sequence[int], below: int, like: Tensor) -> Tensor:
    """Draw whole numbers 0 ... below - 1 uniformly; the state does not change.

    Parameters
    ----------
    state : tensor of two int64
        Seed and count, see `noise_state`.
    shape : sequence of int
        Shape of the result.
    below : int
        Number of values.
    like : tensor
        On the device of the result.

    Returns
    -------
    tensor of int64
    """
    seed, count = state.tolist()
    generator = _generator(like.device).manual_seed(mixed(seed, count) & (_MASK >> 1))
    return torch.randint(below, shape, generator=generator, device=like.device)


@choices.register_fake
def _(state: Tensor, shape: Sequence[int], below: int, like: Tensor) -> Tensor:
    return like.new_empty(shape, dtype=torch.int64)


def noise_state(seed: int) -> Tensor:
    """Return the buffer of a layer: seed, and count of draws so far."""
    return torch.tensor([seed & (_MASK >> 1), 0], dtype=torch.int64)
