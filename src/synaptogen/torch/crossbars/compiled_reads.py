"""Reads on the CPU with compiled loops around the products, in place of many tensor operations.

The steps and their numbers are those of `AnalogMatrix.forward`; tests compare the two.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from synaptogen._utils import share
from synaptogen.torch.config import AnalogConfig

from . import kernels
from .noise import Key, advance, in_transform, key_of, normals

NONE = np.zeros((0, 0, 0, 0), np.float32)
NO_KEY = np.zeros(2, np.uint32)


class Readable(Protocol):
    """What the loops need of an `AnalogMatrix`, which has these attributes."""

    config: AnalogConfig
    groups: int
    outputs: int
    inputs: int
    column_tiles: int
    columns: int
    difference: Tensor
    levels: Tensor
    noise: Tensor
    converted: Tensor
    input_range: Tensor
    adc_range: Tensor
    adc_shift: Tensor
    unit: Tensor
    observe: Callable[[Tensor, Tensor], None] | None

    def full_input(self, largest: Tensor) -> Tensor:
        """Return the inputs that become the full voltage."""


def can_compile(matrix: Readable, x: Tensor) -> bool:
    """Return whether the compiled loops can read a matrix for these inputs.

    Parameters
    ----------
    matrix : Readable
    x : tensor

    Returns
    -------
    bool
        False where tensor operations have to be seen (compilers, transforms, exact gradients, calibration), on other
        devices and in other types, and for converters that the loops do not have.
    """
    if torch.compiler.is_compiling() or type(x) not in (Tensor, nn.Parameter):
        return False
    config = matrix.config
    return (
        x.device.type == "cpu"
        and matrix.difference.device.type == "cpu"
        and matrix.difference.dtype == torch.float32
        and config.dac_bits is not None
        and config.input_slices == 1
        and config.weight_mapping == "differential-pair"
        and matrix.observe is None
        and not matrix.adc_shift.numel()
        and not (config.wires is not None and config.wire_model == "exact")
        and not (x.requires_grad and torch.is_grad_enabled())
        and x.numel() > 0
        and not in_transform()
        and _get_current_dispatch_mode() is None
    )


def run_kernel(kernel: Callable[..., Any], count: int, cost: int, *arguments: Any) -> None:
    """Call a kernel for all items with the threads of torch.

    Parameters
    ----------
    kernel : callable
        Called with the first item, the one behind the last, and ``arguments``.
    count : int
        Number of items.
    cost : int
        Number of entries of an item.
    *arguments
        Further arguments.
    """
    share(kernel, count, torch.get_num_threads(), arguments, max(1, 4096 // max(1, cost)))


def _draws(matrix: Readable, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return standard normals, and count the draw."""
    z = normals(matrix.noise, shape, matrix.difference).numpy()
    advance(matrix.noise)
    return z


def next_key(matrix: Readable) -> Key:
    """Return the key of the next draw, and count it."""
    key = key_of(matrix.noise)
    advance(matrix.noise)
    return key


def add_counts(matrix: Readable, at: int, values: int, beyond: NDArray[np.int64]) -> None:
    """Count values at converters.

    Parameters
    ----------
    matrix : Readable
        Its counts change.
    at : int
        0 for inputs, 2 for currents.
    values : int
        Number of values.
    beyond : array of int64
        Numbers of those outside the ranges, in parts.
    """
    counts = matrix.converted.numpy()
    counts[at] += values
    counts[at + 1] += beyond.sum()


def half_levels(bits: int | None) -> int:
    """Return half the number of levels of a converter, 0 for an ideal one."""
    return 0 if bits is None else 1 << (bits - 1)


def multiply(matrix: Readable, x: Tensor, difference: Tensor, total: Tensor) -> Tensor:
    """Multiply vectors by the matrices.

    Parameters
    ----------
    matrix : Readable
    x : tensor of shape (vectors, groups * inputs)
    difference, total : tensors of shape (groups, tiles, columns, outputs)
        States that are read.

    Returns
    -------
    tensor of shape (vectors, groups * outputs)
    """
    config, count = matrix.config, len(x)
    shape = (matrix.groups, matrix.column_tiles, count, matrix.columns)
    has_noise = bool(config.bandwidth)
    signal, noise = torch.empty(shape), torch.empty(shape if has_noise else (0, 0, 0, 0))
    common, factor = np.empty(shape[:3], np.float32), np.empty(count, np.float32)
    beyond = np.empty(count, np.int64)
    run_kernel(
        kernels.drive_vectors,
        count,
        x.shape[1],
        x.numpy(),
        matrix.input_range.detach().numpy()[()],
        half_levels(config.dac_bits),
        matrix.levels.numpy(),
        signal.numpy(),
        noise.numpy(),
        common,
        factor,
        beyond,
    )
    add_counts(matrix, 0, x.numel(), beyond)
    currents = torch.matmul(signal, difference)
    variances = torch.matmul(noise, total).numpy() if has_noise else NONE
    z = _draws(matrix, tuple(currents.shape)) if has_noise else NONE
    out = torch.empty(count, matrix.groups * matrix.outputs)
    half = half_levels(config.adc_bits)
    run_kernel(
        kernels.convert_vectors,
        count,
        out.shape[1] * matrix.column_tiles,
        currents.numpy(),
        variances,
        common,
        z,
        matrix.adc_range.numpy()[:, :, 0],
        matrix.unit.numpy()[:, 0],
        factor,
        half,
        out.numpy(),
        beyond,
    )
    if half:
        add_counts(matrix, 2, currents.numel(), beyond)
    return out
