"""Products of two activations, one of which is written to cells in each pass."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.crossbars import AnalogProduct, full_precision, largest, require_real, tiled
from synaptogen.torch.programming import error_table


class _StraightThroughProduct(torch.autograd.Function):
    """Give a value the gradients of ``a @ b``; that of ``a`` is computed with ``back`` in place of ``b``."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, value: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(a, back)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        saved: tuple[Tensor, ...] = ctx.saved_tensors
        a, back = saved
        g = gradients[0]
        return g @ back.to(g.dtype).mT, a.to(g.dtype).mT @ g, None, None


class WritingCost(NamedTuple):
    """Cost of writing activations so far.

    Attributes
    ----------
    cells : int
        Cells written, counted again in each pass.
    pulses : float
        SET and RESET pulses.
    energy : float
        Energy of these pulses in J.
    """

    cells: int
    pulses: float
    energy: float


class AnalogMatmul(AnalogProduct):
    """Product ``a @ b`` of two activations, as in attention: ``b`` is written to cells, ``a`` drives their lines.

    Each call programs pairs of cells for ``b``, with errors drawn from those of the population under the configured
    programming, and reads them for all vectors of ``a`` with noise and converters. Each entry in each call is assumed
    to have its own device, so the errors of repeated writes to the same devices are not correlated here. A cell takes a
    SET and RESET pulses in every pass, which limits this method in practice; `cost` counts them.

    Parameters
    ----------
    config : AnalogConfig, optional
        Default: `AnalogConfig()`. "ideal" programming means no errors. ``wires`` must be None.
    seed : int, optional
        Of errors and noise; default: that of the configuration, or a new one.

    Raises
    ------
    ValueError
        If the configuration has wires.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> matmul = sg.torch.AnalogMatmul(sg.torch.AnalogConfig(adc_bits=None, seed=1))
    >>> a, b = torch.ones(2, 5, 8), torch.full((2, 8, 3), 0.5)
    >>> matmul(a, b).shape
    torch.Size([2, 5, 3])
    >>> bool((matmul(a, b) - a @ b).abs().max() < 1.0)
    True
    >>> matmul.cost().cells
    192
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
        self.register_buffer("adc_range", torch.zeros(()))  # A; 0: estimated from the matrix that is written
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Multiply two activations.

        Parameters
        ----------
        a : tensor of shape (..., vectors, inputs)
            Drives lines.
        b : tensor of shape (..., inputs, outputs)
            Is written to cells. Leading axes broadcast as in `torch.matmul`.

        Returns
        -------
        tensor of shape (..., vectors, outputs)
            Of the type of ``a``.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        TypeError
            If ``a`` or ``b`` is not of a floating-point type.
        """
        if a.dim() < 2 or b.dim() < 2 or a.shape[-1] != b.shape[-2]:
            raise ValueError(f"a has shape {tuple(a.shape)}, b {tuple(b.shape)}: give (..., n, k) and (..., k, m)")
        require_real(a)
        require_real(b)
        lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = a.expand(*lead, *a.shape[-2:]), b.expand(*lead, *b.shape[-2:])
        with torch.no_grad(), full_precision(a.device.type):
            value, back = self._read(a.detach().to(self.errors.dtype), b.detach().to(self.errors.dtype))
        if not torch.is_grad_enabled():
            return value.to(a.dtype)
        return _StraightThroughProduct.apply(a, b, value.to(a.dtype), back)

    def _read(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Return the product, and ``b`` as the cells hold it."""
        # tracers and kernels may disagree about the strides of results of transposed tensors
        a, b = a.contiguous(), b.contiguous()
        size = b.abs()
        full = size.amax(-2, keepdim=True) if self.config.scale == "output" else size.amax((-1, -2), keepdim=True)
        # (..., 1, outputs or 1); an output without weights is 0, whatever its cells hold
        scaled = (b / torch.where(full > 0, full, torch.ones_like(full))).nan_to_num()
        index = self.draw(scaled, self.errors[0])
        reached = scaled + self.errors[0].flatten()[index]
        self.written += 2 * b.numel()
        difference, total = (self._laid_out(r) for r in (self.per_weight * reached, self.errors[1].flatten()[index]))
        peak = a.abs().amax(-1, keepdim=True)
        top = self.full_input(peak)
        currents = self.currents(self.drives(a, top).map(self._tiled), difference, total)
        adc = self._adc(difference)
        self.count(0, a.abs(), top)
        if self.config.adc_bits is not None:
            self.count(2, currents.abs(), adc)
        if self.observe is not None:
            self.observe(a, currents)
        unit = (full / (self.full_voltage * self.window)).unsqueeze(-3)
        # the terms with factor 0 let NaN and infinities pass through
        out = self.digits(currents, adc, unit).sum(-3) * (top + 0.0 * peak) + 0.0 * b.sum(-2, keepdim=True)
        return out, reached * full

    def _adc(self, difference: Tensor) -> Tensor:
        """Return the range in A of the ADCs of each tile, calibrated or estimated from the matrix that was written."""
        estimate = self.estimated_range(difference).amax(-1, keepdim=True)
        found = torch.where(self.adc_range > 0, self.adc_range, estimate)
        return torch.where(found > 0, found, torch.ones_like(found))

    def needed_range(self, currents: Tensor, quantile: float) -> Tensor:
        """Return the ADC range that covers a quantile of currents, one for all tiles.

        Parameters
        ----------
        currents : tensor of any shape
            A.
        quantile : float
            Share of the currents.

        Returns
        -------
        tensor without axes
            A.
        """
        return largest(currents.flatten(), quantile)

    def cost(self) -> WritingCost:
        """Return the cost of writing so far."""
        cells = int(self.written)
        return WritingCost(cells, cells * self.pulses, cells * self.energy)

    def _laid_out(self, matrix: Tensor) -> Tensor:
        return self._tiled(matrix.mT).mT

    def _tiled(self, lines: Tensor) -> Tensor:
        # without conversion of partial sums, tiles are one long line
        inputs = lines.shape[-1]
        return tiled(lines, inputs if self.config.adc_bits is None else min(inputs, self.config.tile[1]))
