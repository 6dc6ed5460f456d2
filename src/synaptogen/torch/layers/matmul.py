"""Products of two activations: one of them is written to cells in each pass."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.crossbars import Drives, Reads, largest, tiled
from synaptogen.torch.programming import error_table


class Product(torch.autograd.Function):
    """A product computed elsewhere, with the gradients of ``a @ b``; what goes back to ``a`` goes through ``back``."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, value: Tensor, back: Tensor) -> Tensor:  # noqa: D102
        ctx.save_for_backward(a, back)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:  # noqa: D102
        a, back = ctx.saved_tensors
        g = gradients[0]
        return g @ back.to(g.dtype).mT, a.to(g.dtype).mT @ g, None, None


class Cost(NamedTuple):
    """What writing activations has taken so far."""

    cells: int
    """Cells written; each is written anew in each pass."""
    pulses: float
    """Pulses on them, SET and RESET together."""
    energy: float
    """J of these pulses."""


class AnalogMatmul(Reads):
    """``a @ b`` of two activations, as attention forms them: ``b`` is written to cells, ``a`` drives their lines.

    Each call programs pairs of cells for ``b``, with errors drawn from those that cells of the population show under
    the configured programming, and reads them for all vectors of ``a`` with noise and converters. A device of its own
    is assumed for each entry and each call: the errors of repeated writes to the same devices are not correlated here.
    A cell takes a SET and RESET pulses in every pass, which is what limits the idea in practice: `cost` counts them.

    Parameters
    ----------
    config : AnalogConfig, optional
        "ideal" programming means no errors. ``wires`` are not modelled here.
    seed : int, optional
        Of errors and noise. Default: that of the configuration.
    """

    errors: Tensor
    adc_range: Tensor
    written: Tensor

    def __init__(self, config: AnalogConfig | None = None, seed: int | None = None) -> None:
        config = AnalogConfig() if config is None else config
        if config.wires is not None:
            raise ValueError(
                "wires are not modelled where activations are written: give a configuration with wires=None"
            )
        super().__init__(config, seed_of(config.seed if seed is None else seed))
        table = error_table(config)
        self.pulses, self.energy = table.pulses, table.energy
        self.register_buffer("errors", torch.stack([table.error, table.total]))  # of weights over full scale; r+ + r-
        self.register_buffer("adc_range", torch.zeros(()))  # A; 0: estimated from what is written
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The product.

        Parameters
        ----------
        a : tensor of shape (..., vectors, inputs)
        b : tensor of shape (..., inputs, outputs)
            Leading axes broadcast as in `torch.matmul`.

        Returns
        -------
        tensor of shape (..., vectors, outputs), of the type of ``a``

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        if a.dim() < 2 or b.dim() < 2 or a.shape[-1] != b.shape[-2]:
            raise ValueError(f"a has shape {tuple(a.shape)}, b {tuple(b.shape)}: give (..., n, k) and (..., k, m)")
        lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = a.expand(*lead, *a.shape[-2:]), b.expand(*lead, *b.shape[-2:])
        with torch.no_grad(), torch.autocast(a.device.type, enabled=False):
            value, back = self._read(a.detach().to(self.errors.dtype), b.detach().to(self.errors.dtype))
        if not torch.is_grad_enabled():
            return value.to(a.dtype)
        return Product.apply(a, b, value.to(a.dtype), back)

    def _read(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """The product, and ``b`` as the cells hold it."""
        # tracers and kernels may disagree about the strides of what is made of transposed tensors
        a, b = a.contiguous(), b.contiguous()
        size = b.abs()
        full = size.amax(-2, keepdim=True) if self.config.scale == "output" else size.amax((-1, -2), keepdim=True)
        full = torch.where(full > 0, full, torch.ones_like(full))  # (..., 1, outputs or 1)
        scaled = (b / full).nan_to_num()
        index = self.draw(scaled, self.errors[0])
        reached = scaled + self.errors[0].flatten()[index]
        self.written += 2 * b.numel()
        difference, total = (self._laid_out(r) for r in (self.per_weight * reached, self.errors[1].flatten()[index]))
        peak = a.abs().amax(-1, keepdim=True)
        top = self.full_input(peak)
        currents = self.currents(Drives(*(self._tiled(d) for d in self.drives(a, top))), difference, total)
        adc = self._adc(difference)
        self.count(0, a.abs(), top)
        if self.config.adc_bits is not None:
            self.count(2, currents.abs(), adc)
        if self.observe is not None:
            self.observe(a, currents)
        unit = (full / (self.full_voltage * self.window)).unsqueeze(-3)
        # NaN and infinities come through
        out = self.digits(currents, adc, unit).sum(-3) * (top + 0.0 * peak) + 0.0 * b.sum(-2, keepdim=True)
        return out, reached * full

    def _adc(self, difference: Tensor) -> Tensor:
        """Range of the ADCs of each tile in A, as calibrated, or estimated from what was written."""
        estimate = self.estimated_range(difference).amax(-1, keepdim=True)
        found = torch.where(self.adc_range > 0, self.adc_range, estimate)
        return torch.where(found > 0, found, torch.ones_like(found))

    def needed_range(self, currents: Tensor, quantile: float) -> Tensor:
        """What a quantile of currents needs of the ADCs, as `adc_range`: one for all tiles."""
        return largest(currents.flatten(), quantile)

    def cost(self) -> Cost:
        """What writing has taken so far."""
        cells = int(self.written)
        return Cost(cells, cells * self.pulses, cells * self.energy)

    def _laid_out(self, matrix: Tensor) -> Tensor:
        return self._tiled(matrix.mT).mT

    def _tiled(self, lines: Tensor) -> Tensor:
        # a sum over tiles without conversion in between is one long line
        inputs = lines.shape[-1]
        return tiled(lines, inputs if self.config.adc_bits is None else min(inputs, self.config.tile[1]))
