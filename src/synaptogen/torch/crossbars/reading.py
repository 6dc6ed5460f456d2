"""How lines of cells are read: DAC, currents with noise, ADC; what all products with cells share.

Each weight is a pair of cells whose currents are subtracted before conversion. A cell's current and the variance of
its noise are linear in its mixing state r (`synaptogen.crossbar.product`), so with r+ and r- of the pairs

    I+ - I-      = sum u (G_HHRS - G_LLRS)(u) (r+ - r-)
    var(I+ - I-) = sum n(u) B (2 G_LLRS + (G_HHRS - G_LLRS)(u) (r+ + r-)),   n(u) = 4 k T + 2 q |u|

which is two matrix products, and one normal an output.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from synaptogen.torch.config import AnalogConfig

from .formulas import envelopes, noise_density
from .noise import choices, noise_state, normals
from .quantise import codes, step

RANGE = 4.0 / math.sqrt(3.0)
"""Estimated ADC range over the root-sum-square of a line: four deviations at uniform inputs."""


class Drives(NamedTuple):
    """What lines are driven with, for voltages of any shape."""

    signal: Tensor
    """A; current per difference r+ - r-."""
    noise: Tensor
    """A^2; variance of the noise per total r+ + r-."""
    common: Tensor
    """A^2; the variance that each pair has at a total of 0."""


class Counts(NamedTuple):
    """Values that converters have seen since they were calibrated."""

    inputs: int
    inputs_beyond: int
    """Of these, beyond the range of the DAC."""
    currents: int
    currents_beyond: int
    """Of these, beyond the range of the ADC."""


class Reads(nn.Module):
    """Base of products with cells. Floating-point buffers are at least single precision.

    Half precision cannot hold a cell's state better than its read noise, nor the noise's variance at all.

    Parameters
    ----------
    config : AnalogConfig
    seed : int
        Of the read noise.
    """

    input_range: Tensor
    noise: Tensor
    levels: Tensor
    converted: Tensor

    def __init__(self, config: AnalogConfig, seed: int) -> None:
        super().__init__()
        self.config = config
        # as plain numbers: `torch.compile` does not follow a parameter set
        self.constants, self.full_voltage = config.device.constants(), config.full_voltage
        low, high = config.window
        self.window = high - low  # S
        self.per_weight = -self.window * self.constants.per_span  # r+ - r- of a pair that holds full scale
        self.observe: Any = None  # takes (inputs, currents) while converters are calibrated
        self.calibrated = False
        self.register_buffer("input_range", torch.zeros(()))  # 0: the largest entry of each vector
        self.register_buffer("noise", noise_state(seed))
        self.register_buffer("levels", self._levels(), persistent=False)
        self.register_buffer("converted", torch.zeros(4, dtype=torch.int64), persistent=False)  # see `Counts`

    @property
    def counts(self) -> Counts:
        """How many values the converters have seen, and how many were beyond their ranges."""
        return Counts(*self.converted.tolist())

    def _levels(self) -> Tensor:
        """What `_drive` gives for each level of the DAC, the lowest first: (3, 2**bits)."""
        bits = self.config.dac_bits
        if bits is None:
            return torch.zeros(3, 0)
        half = 1 << (bits - 1)
        u = torch.arange(-half, half, dtype=torch.float64) * (self.full_voltage / (half - 1))
        return torch.stack(self._drive(u)).to(torch.get_default_dtype())

    def _drive(self, u: Tensor) -> Drives:
        llrs, hhrs = envelopes(u, self.constants)
        density, span = noise_density(u) * self.config.bandwidth, hhrs - llrs
        return Drives(u * span, density * span, 2.0 * density * llrs)

    def drives(self, x: Tensor, top: Tensor) -> Drives:
        """`Drives` for inputs, of which ``top`` stands for the full voltage.

        A DAC has few levels, for which the formulas were evaluated beforehand.
        """
        bits = self.config.dac_bits
        if bits is None:
            return self._drive(x * (self.full_voltage / top))
        level = codes(x, top, bits).nan_to_num_().add_(1 << (bits - 1)).int().flatten()
        rows = self.levels if self.config.bandwidth else self.levels[:1]
        found = [row.index_select(0, level).reshape(x.shape) for row in rows]
        return Drives(found[0], found[-1], found[-1])

    def currents(self, drives: Drives, difference: Tensor, total: Tensor) -> Tensor:
        """Currents in A of pairs of lines, with noise.

        Parameters
        ----------
        drives : Drives of shape (..., vectors, inputs)
        difference, total : tensors of shape (..., inputs, outputs)
            r+ - r- and r+ + r- of the pairs.

        Returns
        -------
        tensor of shape (..., vectors, outputs)
        """
        currents = torch.matmul(drives.signal, difference)
        if not self.config.bandwidth:
            return currents
        with torch.no_grad():
            variance = torch.matmul(drives.noise, total).add_(drives.common.sum(-1, keepdim=True))
            z = normals(self.noise, variance.shape, variance)
            self.noise[1] += 1
            deviation = variance.clamp_(min=0.0).sqrt_()
            return currents.addcmul_(deviation, z) if not currents.requires_grad else currents + deviation * z

    def full_input(self, largest: Tensor) -> Tensor:
        """What drives a line with the full voltage, where ``largest`` are the largest entries of vectors."""
        top = torch.where(self.input_range > 0, self.input_range, largest)
        return torch.where(top > 0, top, torch.ones_like(top))

    def draw(self, scaled: Tensor, errors: Tensor) -> Tensor:
        """Places in a table of errors (levels, samples), flattened, at random, one for each weight over full scale."""
        levels, samples = errors.shape
        level = ((scaled + 1.0) * (0.5 * (levels - 1))).round().long()
        index = level * samples + choices(self.noise, scaled.shape, samples, scaled)
        self.noise[1] += 1
        return index

    def estimated_range(self, difference: Tensor) -> Tensor:
        """ADC ranges in A of lines (..., inputs, outputs) for inputs spread over the whole range, (..., 1, outputs).

        The largest current bounds them.
        """
        full = self.full_voltage / self.constants.per_span
        spread = difference.square().sum(-2, keepdim=True).sqrt() * RANGE
        return torch.minimum(spread, difference.abs().sum(-2, keepdim=True)) * full

    def digits(self, currents: Tensor, top: Tensor, unit: Tensor) -> Tensor:
        """What the ADC makes of currents, times ``unit``."""
        bits = self.config.adc_bits
        if bits is None:
            return currents * unit
        return codes(currents, top, bits) * (step(top, bits) * unit)

    @torch.no_grad()
    def count(self, at: int, magnitudes: Tensor, top: Tensor) -> None:
        """Count magnitudes, and those of them beyond a range, at a place in `converted`; they are overwritten."""
        self.converted[at] += magnitudes.numel()
        # comparing into real numbers takes a fifth of the time of making booleans
        self.converted[at + 1] += magnitudes.gt_(top).sum().long()

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        def at_least_single(tensor: Tensor) -> Tensor:
            changed: Tensor = fn(tensor)
            if tensor.is_floating_point() and changed.dtype in (torch.float16, torch.bfloat16):
                return tensor.to(changed.device)
            return changed

        return super()._apply(at_least_single, recurse)


def tiled(lines: Tensor, columns: int) -> Tensor:
    """(..., lines, inputs) as (..., tiles, lines, columns), the last tile filled up with zeros."""
    count = -(-lines.shape[-1] // columns)
    if count == 1:
        return lines.unsqueeze(-3)
    filled = nn.functional.pad(lines, (0, count * columns - lines.shape[-1]))
    return filled.unflatten(-1, (count, columns)).transpose(-3, -2)


def largest(values: Tensor, quantile: float) -> Tensor:
    """The quantile of magnitudes along the last axis, by sorting: `torch.quantile` refuses large tensors."""
    count = values.shape[-1]
    return values.abs().kthvalue(max(1, round(quantile * count)), -1).values
