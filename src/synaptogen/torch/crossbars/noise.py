"""Normals that are a function of a seed and a count, both in one tensor.

A `torch.Generator` cannot be a buffer, nor be traced by `torch.compile`. So a layer keeps the pair (seed, count) as an
int64 buffer: it is saved, copied and resumed with the rest of the state, and each read takes the next count.
"""

import threading
from collections.abc import Sequence

import torch
from torch import Tensor

_ODD = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio, of splitmix64
_WORD = (1 << 64) - 1
_kept = threading.local()


def mixed(seed: int, count: int) -> int:
    """A 64-bit seed of its own for each pair (Steele et al., OOPSLA 2014: splitmix64)."""
    z = (seed + (count + 1) * _ODD) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


def _generator(device: torch.device) -> torch.Generator:
    """A generator of this thread, seeded before each use: making one takes longer than a small draw."""
    made: dict[torch.device, torch.Generator] = _kept.__dict__.setdefault("generators", {})
    if device not in made:
        made[device] = torch.Generator(device)
    return made[device]


def _normals(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    seed, count = state.tolist()
    generator = _generator(like.device).manual_seed(mixed(seed, count) & (_WORD >> 1))
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


traced_normals = torch.library.custom_op("synaptogen::normals", _normals, mutates_args=())
"""`normals` as an operator, which compilers and exporters take whole."""


@traced_normals.register_fake
def _(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    return like.new_empty(shape)


def normals(state: Tensor, shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normals of a shape, with the type and device of ``like``, for ``state`` = (seed, count).

    The numbers are those of torch's generator on that device, which differ between kinds of device.
    """
    # an operator costs as much as drawing some ten thousand numbers
    return traced_normals(state, shape, like) if torch.compiler.is_compiling() else _normals(state, shape, like)


@torch.library.custom_op("synaptogen::choices", mutates_args=())
def choices(state: Tensor, shape: Sequence[int], below: int, like: Tensor) -> Tensor:
    """Whole numbers 0 ... below - 1, each as likely, of a shape, on the device of ``like``."""
    seed, count = state.tolist()
    generator = _generator(like.device).manual_seed(mixed(seed, count) & (_WORD >> 1))
    return torch.randint(below, shape, generator=generator, device=like.device)


@choices.register_fake
def _(state: Tensor, shape: Sequence[int], below: int, like: Tensor) -> Tensor:
    return like.new_empty(shape, dtype=torch.int64)


def noise_state(seed: int) -> Tensor:
    """The buffer of a layer: (seed, count of draws so far)."""
    return torch.tensor([seed & (_WORD >> 1), 0], dtype=torch.int64)
