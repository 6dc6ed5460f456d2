"""A matrix of signed weights on tiles of cells, as tensors: what every layer reads.

Each weight is a pair of cells whose currents are subtracted before conversion. A cell's current and the variance of
its noise are linear in its mixing state r (`synaptogen.crossbar.product`), so with r+ and r- of the pairs

    I+ - I-      = sum u (G_HHRS - G_LLRS)(u) (r+ - r-)
    var(I+ - I-) = sum n(u) B (2 G_LLRS + (G_HHRS - G_LLRS)(u) (r+ + r-)),   n(u) = 4 k T + 2 q |u|

which is two matrix products, and one normal an output.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .config import AnalogConfig
from .formulas import envelopes, noise_density
from .noise import choices, noise_state, normals
from .quantise import codes, quantise

Reader = Callable[[Tensor], Tensor]

_RANGE = 4.0 / math.sqrt(3.0)
"""Estimated ADC range over the root-sum-square of a line: four deviations at uniform inputs."""


class AnalogMatrix(nn.Module):
    """Cells that hold ``groups`` matrices of shape (outputs, inputs); the call is their product with vectors.

    Buffers are at least single precision whatever type the model is cast to: half precision cannot hold a cell's state
    better than its read noise, nor the noise's variance at all.

    Parameters
    ----------
    groups, outputs, inputs : int
        Number of matrices and their shape.
    config : AnalogConfig
    seed : int
        Of the read noise.
    """

    difference: Tensor
    total: Tensor
    unit: Tensor
    full_scale: Tensor
    adc_range: Tensor
    input_range: Tensor
    errors: Tensor
    noise: Tensor
    levels: Tensor
    written_error: Tensor

    def __init__(self, groups: int, outputs: int, inputs: int, config: AnalogConfig, seed: int) -> None:
        super().__init__()
        self.groups, self.outputs, self.inputs, self.config = groups, outputs, inputs, config
        # a sum over tiles without conversion in between is one long line
        columns = inputs if config.adc_bits is None else min(inputs, config.tile[1])
        self.column_tiles, self.columns = math.ceil(inputs / columns), columns
        # as plain numbers: `torch.compile` does not follow a parameter set
        self.constants, self.full_voltage = config.device.constants(), config.full_voltage
        low, high = config.window
        self.window = high - low  # S
        self.per_weight = -self.window * self.constants.per_span  # r+ - r- of a pair that holds full scale
        shape = (groups, self.column_tiles, columns, outputs)
        self.register_buffer("difference", torch.zeros(shape))  # r+ - r-
        self.register_buffer("total", torch.zeros(shape))  # r+ + r-
        self.register_buffer("unit", torch.ones(groups, 1, outputs))  # output in A^-1, for a full-scale input of 1
        self.register_buffer("full_scale", torch.ones(groups, outputs, 1))  # largest weight
        self.register_buffer("adc_range", torch.ones(groups, self.column_tiles, 1, outputs))  # A
        self.register_buffer("input_range", torch.zeros(()))  # 0: the largest entry of each vector
        self.register_buffer("errors", torch.zeros(0, 0))  # of weights over full scale; see `drawn`
        self.register_buffer("noise", noise_state(seed))
        self.register_buffer("written_error", torch.zeros(()))  # rms, over full scale
        self.register_buffer("levels", self._levels(), persistent=False)
        self.observe: Any = None  # takes (inputs, currents) while converters are calibrated
        self.calibrated = False

    def forward(self, x: Tensor, difference: Tensor | None = None) -> Tensor:
        """Products with vectors.

        Parameters
        ----------
        x : tensor of shape (..., groups * inputs)
        difference : tensor, optional
            In place of the buffer of that name.

        Returns
        -------
        tensor of shape (..., groups * outputs), in at least single precision
        """
        lead = x.shape[:-1]
        with torch.autocast(x.device.type, enabled=False):
            vectors = x.to(self.difference.dtype).reshape(math.prod(lead), self.groups, self.inputs)
            largest = vectors.detach().abs().amax((1, 2), keepdim=True)
            top = self._full_input(largest)
            currents = self.currents(self._drives(vectors / top), difference)
            if self.observe is not None:
                self.observe(vectors, currents)
            if self.config.adc_bits is not None:
                currents = quantise(currents, self.adc_range, self.config.adc_bits)
            out = (currents.sum(1) * self.unit).transpose(0, 1) * (
                top + 0.0 * largest
            )  # NaN and infinities come through
            return out.reshape(*lead, self.groups * self.outputs)

    def _full_input(self, largest: Tensor) -> Tensor:
        """What drives a line with the full voltage: (vectors, 1, 1)."""
        top = torch.where(self.input_range > 0, self.input_range, largest)
        return torch.where(top > 0, top, torch.ones_like(top))

    def _levels(self) -> Tensor:
        """What `_drive` gives for each level of the DAC, the lowest first: (3, 2**bits)."""
        bits = self.config.dac_bits
        if bits is None:
            return torch.zeros(3, 0)
        half = 1 << (bits - 1)
        u = torch.arange(-half, half, dtype=torch.float64) * (self.full_voltage / (half - 1))
        return torch.stack(self._drive(u)).to(torch.get_default_dtype())

    def _drive(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For voltages: current per difference, variance per total, and variance that each pair has at a total of 0."""
        llrs, hhrs = envelopes(u, self.constants)
        density = noise_density(u) * self.config.bandwidth
        return u * (hhrs - llrs), density * (hhrs - llrs), 2.0 * density * llrs

    def _drives(self, share: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`_drive` for shares of the full voltage; a DAC has few levels, for which it was evaluated beforehand."""
        bits = self.config.dac_bits
        if bits is None:
            return self._drive(share * self.full_voltage)
        level = codes(share, 1.0, bits).nan_to_num_().add_(1 << (bits - 1)).int().flatten()
        signal, noise, common = (row.index_select(0, level).view_as(share) for row in self.levels)
        return signal, noise, common

    def currents(self, drives: tuple[Tensor, Tensor, Tensor], difference: Tensor | None = None) -> Tensor:
        """Currents in A of each pair of lines and column tile, with noise.

        Parameters
        ----------
        drives : three tensors of shape (vectors, groups, inputs)
            As of `_drive`.

        Returns
        -------
        tensor of shape (groups, column_tiles, vectors, outputs)
        """
        signal, noise, common = (drive.transpose(0, 1) for drive in drives)
        currents = torch.matmul(self._tiled(signal), self.difference if difference is None else difference)
        if not self.config.bandwidth:
            return currents
        with torch.no_grad():
            offset = self._tiled(common).sum(-1, keepdim=True)
            variance = torch.matmul(self._tiled(noise), self.total).add_(offset)
            z = normals(self.noise, variance.shape, variance)
            self.noise[1] += 1
            deviation = variance.clamp_(min=0.0).sqrt_()
            return currents.addcmul_(deviation, z) if not currents.requires_grad else currents + deviation * z

    def _tiled(self, drive: Tensor) -> Tensor:
        """(groups, vectors, inputs) as (groups, column_tiles, vectors, columns), the last tile filled up with zeros."""
        if self.column_tiles == 1:
            return drive.unsqueeze(1)
        filled = nn.functional.pad(drive, (0, self.column_tiles * self.columns - self.inputs))
        return filled.unflatten(-1, (self.column_tiles, self.columns)).transpose(1, 2)

    def drawn(self, weight: Tensor) -> Tensor:
        """Cells for a weight as a fresh programming would leave them: (groups, column_tiles, columns, outputs).

        Each weight gets an error drawn from those that pairs of this population showed at the nearest of some targets.
        """
        kind = self.difference.dtype
        weight = weight.detach().to(kind)
        largest = full_scale(weight, self.config.scale)
        scaled = weight / largest
        levels, samples = self.errors.shape
        level = ((scaled + 1.0) * (0.5 * (levels - 1))).round().long()
        index = level * samples + choices(self.noise, scaled.shape, samples, scaled)
        self.noise[1] += 1
        # reads multiply by the full scale of the cells that were written, which training has left behind
        reached = (scaled + self.errors.flatten()[index]) * (largest / self.full_scale)
        return self.laid_out(self.per_weight * reached)

    def laid_out(self, matrix: Tensor) -> Tensor:
        """(groups, outputs, inputs) as a buffer of cells has it."""
        return self._tiled(matrix).transpose(-1, -2)

    def matrices(self, buffer: Tensor) -> Tensor:
        """The inverse of `laid_out`."""
        flat = buffer.transpose(-1, -2).transpose(1, 2).flatten(2)
        return flat[..., : self.inputs]

    def weights(self, difference: Tensor | None = None) -> Tensor:
        """The weights that the cells hold, or others, `drawn`, at the read voltage: (groups, outputs, inputs)."""
        return self.matrices(self.difference if difference is None else difference) / self.per_weight * self.full_scale

    @torch.no_grad()
    def hold(self, r_plus: Tensor, r_minus: Tensor, largest: Tensor, *, ranges: bool = True) -> None:
        """Take over the states of programmed cells.

        Parameters
        ----------
        r_plus, r_minus : tensors of shape (groups, outputs, inputs)
            Mixing states of the pairs.
        largest : tensor of shape (groups, outputs, 1)
            The weight that full scale stands for.
        ranges : bool
            Estimate ADC ranges anew.
        """
        self.difference.copy_(self.laid_out(r_plus - r_minus))
        self.total.copy_(self.laid_out(r_plus + r_minus))
        self.full_scale.copy_(largest)
        self.unit.copy_(largest.transpose(1, 2) / (self.full_voltage * self.window))
        if ranges:
            self._estimate_ranges()
            self.input_range.zero_()
            self.calibrated = False

    def _estimate_ranges(self) -> None:
        """ADC ranges for inputs spread over the whole range; the largest current bounds them."""
        full = self.full_voltage / self.constants.per_span
        spread = self.difference.square().sum(2, keepdim=True).sqrt() * _RANGE
        largest = self.difference.abs().sum(2, keepdim=True)
        self.adc_range.copy_(self.per_tile(torch.minimum(spread, largest) * full))

    def per_tile(self, lines: Tensor) -> Tensor:
        """The largest entry of each tile's lines, for each of its lines: (groups, column_tiles, 1, outputs)."""
        rows = self.config.tile[0] // 2
        parts = [part.amax(-1, keepdim=True).expand_as(part) for part in lines.split(rows, -1)]
        ranges = torch.cat(parts, -1)
        return torch.where(ranges > 0, ranges, torch.ones_like(ranges))

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        def at_least_single(tensor: Tensor) -> Tensor:
            changed: Tensor = fn(tensor)
            if tensor.is_floating_point() and changed.dtype in (torch.float16, torch.bfloat16):
                return tensor.to(changed.device)
            return changed

        return super()._apply(at_least_single, recurse)

    def extra_repr(self) -> str:
        """What the cells are."""
        bits = (f"{name}={n} bit" for name, n in (("dac", self.config.dac_bits), ("adc", self.config.adc_bits)) if n)
        return ", ".join([f"{2 * self.groups * self.outputs * self.inputs} cells", *bits])


def full_scale(weight: Tensor, scale: str) -> Tensor:
    """The largest weight of each output, or of all, of shape (groups, outputs, 1); 1 where all are 0."""
    size = weight.abs()
    largest = size.amax(-1, keepdim=True) if scale == "output" else size.max().expand(*size.shape[:-1], 1)
    return torch.where(largest > 0, largest, torch.ones_like(largest))
