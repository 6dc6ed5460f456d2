"""A matrix of signed weights on tiles of cells, as tensors: what every layer reads."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from .config import AnalogConfig
from .noise import choices
from .reading import Drives, Reads

_RANGE = 4.0 / math.sqrt(3.0)
"""Estimated ADC range over the root-sum-square of a line: four deviations at uniform inputs."""


class AnalogMatrix(Reads):
    """Cells that hold ``groups`` matrices of shape (outputs, inputs); the call is their product with vectors.

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
    written_error: Tensor

    def __init__(self, groups: int, outputs: int, inputs: int, config: AnalogConfig, seed: int) -> None:
        super().__init__(config, seed)
        self.groups, self.outputs, self.inputs = groups, outputs, inputs
        # a sum over tiles without conversion in between is one long line
        columns = inputs if config.adc_bits is None else min(inputs, config.tile[1])
        self.column_tiles, self.columns = math.ceil(inputs / columns), columns
        shape = (groups, self.column_tiles, columns, outputs)
        self.register_buffer("difference", torch.zeros(shape))  # r+ - r-
        self.register_buffer("total", torch.zeros(shape))  # r+ + r-
        self.register_buffer("unit", torch.ones(groups, 1, outputs))  # output in A^-1, for a full-scale input of 1
        self.register_buffer("full_scale", torch.ones(groups, outputs, 1))  # largest weight
        self.register_buffer("adc_range", torch.ones(groups, self.column_tiles, 1, outputs))  # A
        self.register_buffer("input_range", torch.zeros(()))  # 0: the largest entry of each vector
        self.register_buffer("errors", torch.zeros(0, 0))  # of weights over full scale; see `drawn`
        self.register_buffer("written_error", torch.zeros(()))  # rms, over full scale
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
            size = vectors.detach().abs()
            largest = size.amax((1, 2), keepdim=True)
            top = self._full_input(largest)
            lines = (self._tiled(drive.transpose(0, 1)) for drive in self.drives(vectors, top))
            currents = self.currents(Drives(*lines), self.difference if difference is None else difference, self.total)
            self._count(size, top, currents)
            if self.observe is not None:
                self.observe(vectors, currents)
            out = self.digits(currents, self.adc_range, self.unit.unsqueeze(1))
            summed = out.squeeze(1) if self.column_tiles == 1 else out.sum(1)
            # NaN and infinities come through
            return (summed.transpose(0, 1) * (top + 0.0 * largest)).reshape(*lead, self.groups * self.outputs)

    def _count(self, inputs: Tensor, top: Tensor, currents: Tensor) -> None:
        self.count(0, inputs, top)
        if self.config.adc_bits is not None:
            self.count(2, currents.detach().abs(), self.adc_range)

    def _full_input(self, largest: Tensor) -> Tensor:
        """What drives a line with the full voltage: (vectors, 1, 1)."""
        top = torch.where(self.input_range > 0, self.input_range, largest)
        return torch.where(top > 0, top, torch.ones_like(top))

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
            self.converted.zero_()
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

    def extra_repr(self) -> str:
        """What the cells are."""
        bits = (f"{name}={n} bit" for name, n in (("dac", self.config.dac_bits), ("adc", self.config.adc_bits)) if n)
        return ", ".join([f"{2 * self.groups * self.outputs * self.inputs} cells", *bits])


def full_scale(weight: Tensor, scale: str) -> Tensor:
    """The largest weight of each output, or of all, of shape (groups, outputs, 1); 1 where all are 0."""
    size = weight.abs()
    largest = size.amax(-1, keepdim=True) if scale == "output" else size.max().expand(*size.shape[:-1], 1)
    return torch.where(largest > 0, largest, torch.ones_like(largest))
