"""Reads of lines of cells: DAC, currents with noise, ADC. All products with cells build on `AnalogProduct`.

Each weight is a pair of cells whose currents are subtracted before conversion. A cell's current and the variance of
its noise are linear in its mixing state r (docs/model.md). With r+ and r- of the pairs,

    I+ - I-      = sum u (G_HHRS - G_LLRS)(u) (r+ - r-)
    var(I+ - I-) = sum n(u) B (2 G_LLRS + (G_HHRS - G_LLRS)(u) (r+ + r-)),   n(u) = 4 k T + 2 q |u|

These are two matrix products and one normal number for each output.

**To add another converter**, give `AnalogConfig` a choice for it and change the step in `AnalogProduct` that it
replaces. A product passes these steps in this order:

1. `full_input` and `drives`: inputs become voltages (the DAC), and these become `LineDrives`.
2. `currents`: line drives and mixing states give currents with noise.
3. `digits`: currents become numbers (the ADC). Its range is `estimated_range` at first; `calibrate` replaces it by the
   ``needed_range`` that each subclass defines for its tiles.
4. `count`: counts the values outside the ranges of converters.

A step must accept NaN and infinities (they pass through to the outputs) and work under `torch.compile`.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.formulas import envelopes, noise_density

from .noise import advance, choices, in_transform, noise_state, normals
from .quantise import codes, step

RANGE = 4.0 / math.sqrt(3.0)
"""Estimated ADC range over the root-sum-square of a line: four deviations at uniform inputs."""


class LineDrives(NamedTuple):
    """Factors of currents and variances for the voltages of lines, all of one shape.

    Attributes
    ----------
    signal : tensor
        Current in A per difference r+ - r-.
    noise : tensor
        Variance of the noise in A^2 per total r+ + r-.
    common : tensor
        Variance in A^2 of the cells of a weight at a total of 0.
    rest : tensor or None
        Current in A of a cell at r = 0, where currents of single cells are converted.
    """

    signal: Tensor
    noise: Tensor
    common: Tensor
    rest: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> "LineDrives":
        """Return the drives with each tensor changed."""
        rest = None if self.rest is None else change(self.rest)
        return LineDrives(change(self.signal), change(self.noise), change(self.common), rest)


class ConverterCounts(NamedTuple):
    """Numbers of values converted since the converters were calibrated.

    Attributes
    ----------
    inputs, inputs_beyond : int
        Inputs of the DACs, and those of them outside the range.
    currents, currents_beyond : int
        Currents at the ADCs, and those of them outside the range.
    """

    inputs: int
    inputs_beyond: int
    currents: int
    currents_beyond: int


class AnalogProduct(nn.Module):
    """Base class of products with cells: converters, currents, noise, counts.

    Floating-point buffers are at least single precision: in half precision a cell's state would be no better than its
    read noise, and the variance of the noise would underflow. Subclasses define ``forward``, a buffer ``adc_range`` and
    ``needed_range``.

    Parameters
    ----------
    config : AnalogConfig
        Converters, noise and window of conductances.
    seed : int
        Of the read noise.

    Attributes
    ----------
    observe : callable or None
        Called with inputs and currents of each product while converters are calibrated.
    calibrated : bool
        Whether converter ranges come from data.
    counts : ConverterCounts
        Values converted so far.
    """

    input_range: Tensor
    noise: Tensor
    levels: Tensor
    converted: Tensor

    def __init__(self, config: AnalogConfig, seed: int) -> None:
        super().__init__()
        self.config = config
        # plain numbers, since `torch.compile` does not trace a parameter set
        self.constants, self.full_voltage = config.device.constants(), config.full_voltage
        low, high = config.window
        self.window = high - low  # S
        self.per_weight = -self.window * self.constants.per_span  # r+ - r- of a pair that holds full scale
        self.has_rest = config.weight_mapping == "digital-offset"
        self.observe: Callable[[Tensor, Tensor], None] | None = None
        self.calibrated = False
        # 0: each vector sets its own range
        if config.input_ranges == "learned":
            self.input_range = nn.Parameter(torch.zeros(()))
        else:
            self.register_buffer("input_range", torch.zeros(()))
        self.register_buffer("noise", noise_state(seed))
        self.register_buffer("levels", self._levels(), persistent=False)
        self.register_buffer("converted", torch.zeros(4, dtype=torch.int64), persistent=False)  # `ConverterCounts`

    @property
    def counts(self) -> ConverterCounts:
        """Number of values converted, and of those outside the ranges of converters."""
        return ConverterCounts(*self.converted.tolist())

    def _levels(self) -> Tensor:
        """Return the line drives of each level of the DAC, the lowest first, (3 or 4, 2**bits)."""
        bits = self.config.line_bits
        if bits is None:
            return torch.zeros(3, 0)
        half = 1 << (bits - 1)
        u = torch.arange(-half, half, dtype=torch.float64) * (self.full_voltage / (half - 1))
        return torch.stack([part for part in self._drive(u) if part is not None]).to(torch.get_default_dtype())

    def _drive(self, u: Tensor) -> LineDrives:
        """Return line drives of inputs of these voltages; pulses have the full one for a share of the time."""
        if self.config.input_coding == "amplitude":
            return self._driven(u)
        full = torch.full_like(u, self.full_voltage)
        share = (u / full).abs()
        on, off = self._driven(torch.where(u < 0, -full, full)), self._driven(torch.zeros_like(u))
        at_rest = (1.0 - share).clamp(min=0.0)
        parts = (share * a + at_rest * b for a, b in zip(on, off, strict=True) if a is not None and b is not None)
        return LineDrives(*parts)

    def _driven(self, u: Tensor) -> LineDrives:
        llrs, hhrs = envelopes(u, self.constants)
        density, span = noise_density(u) * self.config.bandwidth, hhrs - llrs
        common = self.config.cells_of_weight * density * llrs
        return LineDrives(u * span, density * span, common, u * llrs if self.has_rest else None)

    def drives(self, x: Tensor, top: Tensor) -> LineDrives:
        """Convert inputs to line drives.

        A DAC has few levels, for which the formulas have been evaluated in advance.

        Parameters
        ----------
        x : tensor
            Inputs.
        top : tensor that broadcasts with ``x``
            Input that becomes the full voltage, see `full_input`.

        Returns
        -------
        LineDrives
            Tensors of the shape of ``x``.
        """
        bits = self.config.line_bits
        if bits is None:
            return self._drive(x * (self.full_voltage / top))
        level = codes(x, top, bits).nan_to_num_().add_(1 << (bits - 1)).int().flatten()
        if not self.config.bandwidth and not self.has_rest:
            signal = self.levels[0].index_select(0, level).reshape(x.shape)
            return LineDrives(signal, signal, signal)  # no one asks for the noise
        return LineDrives(*(row.index_select(0, level).reshape(x.shape) for row in self.levels))

    def currents(self, drives: LineDrives, difference: Tensor, total: Tensor) -> Tensor:
        """Compute the differences of currents of pairs of lines, with noise.

        Parameters
        ----------
        drives : LineDrives of shape (..., vectors, inputs)
            Drives of the lines.
        difference, total : tensors of shape (..., inputs, outputs)
            r+ - r- and r+ + r- of the pairs; of single cells the difference from their reference, and r.

        Returns
        -------
        tensor of shape (..., vectors, outputs)
            A.
        """
        currents = torch.matmul(drives.signal, difference)
        if not self.config.bandwidth:
            return currents
        with without_gradients():
            variance = torch.matmul(drives.noise, total).add_(drives.common.sum(-1, keepdim=True))
            z = normals(self.noise, variance.shape, variance)
            advance(self.noise)
            deviation = variance.clamp_(min=0.0).sqrt_()
            return currents.addcmul_(deviation, z) if not currents.requires_grad else currents + deviation * z

    def slices(self, x: Tensor, top: Tensor) -> list[tuple[Tensor, float]]:
        """Cut inputs into slices.

        Parameters
        ----------
        x : tensor
            Inputs.
        top : tensor that broadcasts with ``x``
            Input of full voltage.

        Returns
        -------
        list of (tensor, float)
            What drives the lines, -1 to 1, and what a result counts, in units of ``top``.
        """
        config = self.config
        assert config.dac_bits is not None  # for type checkers
        most, base = (1 << (config.dac_bits - 1)) - 1, 1 << config.slice_bits
        number = codes(x, top, config.dac_bits).nan_to_num_().clamp_(-most, most)
        rest, sign, found = number.abs(), number.sign(), []
        for k in range(config.input_slices):
            digit = rest % base
            rest = (rest - digit) / base
            found.append((sign * digit / (base - 1), base**k * (base - 1) / most))
        return found

    def full_input(self, largest: Tensor) -> Tensor:
        """Return the inputs that become the full voltage, from the largest entries of vectors."""
        top = torch.where(self.input_range > 0, self.input_range, largest)
        return torch.where(top > 0, top, torch.ones_like(top))

    def draw(self, scaled: Tensor, errors: Tensor) -> Tensor:
        """Draw a sample of a table of errors for each weight.

        Parameters
        ----------
        scaled : tensor
            Weights over full scale, -1 to 1.
        errors : tensor of shape (levels, samples)
            Table of errors, see `programming.error_table`.

        Returns
        -------
        tensor of int64, of the shape of ``scaled``
            Places in the flattened table.
        """
        levels, samples = errors.shape
        level = ((scaled + 1.0) * (0.5 * (levels - 1))).round().long()
        index = level * samples + choices(self.noise, scaled.shape, samples, scaled)
        advance(self.noise)
        return index

    def estimated_range(self, difference: Tensor) -> Tensor:
        """Estimate ADC ranges in A (..., 1, outputs) of lines (..., inputs, outputs), for inputs over the whole range.

        A range is at most the largest current of its line.
        """
        full = self.full_voltage / self.constants.per_span
        spread = difference.square().sum(-2, keepdim=True).sqrt() * RANGE
        return torch.minimum(spread, difference.abs().sum(-2, keepdim=True)) * full

    def digits(self, currents: Tensor, top: Tensor, unit: Tensor) -> Tensor:
        """Convert currents to numbers with the ADC, and scale them.

        Parameters
        ----------
        currents : tensor
            A.
        top : tensor that broadcasts with ``currents``
            Range of the ADC in A.
        unit : tensor that broadcasts with ``currents``
            Factor in 1/A.

        Returns
        -------
        tensor of the shape of ``currents``
        """
        bits = self.config.adc_bits
        if bits is None:
            return currents * unit
        return codes(currents, top, bits) * (step(top, bits) * unit)

    def count(self, at: int, magnitudes: Tensor, top: Tensor) -> None:
        """Count values, and those outside a range.

        Parameters
        ----------
        at : {0, 2}
            Place in ``converted``: 0 for inputs, 2 for currents.
        magnitudes : tensor
            Magnitudes of the values; overwritten.
        top : tensor that broadcasts with ``magnitudes``
            Range.
        """
        if in_transform():  # magnitudes may stand for many, and no buffer may change
            return
        with without_gradients():
            self.converted[at] += magnitudes.numel()
            # a comparison with real numbers as result takes a fifth of the time of one with booleans
            self.converted[at + 1] += magnitudes.gt_(top).sum().long()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        def at_least_single(tensor: Tensor) -> Tensor:
            changed = fn(tensor)
            if tensor.is_floating_point() and changed.dtype in (torch.float16, torch.bfloat16):
                return tensor.to(changed.device)
            return changed

        return super()._apply(at_least_single, recurse)


def without_gradients() -> AbstractContextManager[Any]:
    """Return a context without gradients; exported graphs that switch them off could not be loaded."""
    return nullcontext() if is_exporting() else torch.no_grad()


def is_exporting() -> bool:
    """Return whether this is within `torch.export`; older releases of torch do not tell."""
    asked: Callable[[], bool] | None = getattr(torch.compiler, "is_exporting", None)
    return asked is not None and asked()


def full_precision(device: str) -> AbstractContextManager[Any]:
    """Return a context without autocast on a kind of device.

    Where autocast is off there is nothing to do: exported graphs that switch it off cannot be loaded.
    """
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def require_real(x: Tensor) -> None:
    """Refuse inputs of whole or complex numbers, as layers of torch do: their results would be cast back.

    It also refuses to be traced by `torch.fx`, which cannot follow what depends on values.

    Parameters
    ----------
    x : tensor
        Inputs.

    Raises
    ------
    TypeError
        If they are not of a floating-point type, or no tensors.
    """
    if isinstance(x, torch.fx.Proxy):
        raise TypeError(
            "torch.fx cannot trace layers on cells: use torch.export, or a Tracer whose is_leaf_module says yes to them"
        )
    if not x.is_floating_point():
        raise TypeError(f"inputs are of type {x.dtype}: convert them to a floating-point type, and scale them")


def tiled(lines: Tensor, columns: int) -> Tensor:
    """Cut the last axis into tiles; the last tile is filled up with zeros.

    Parameters
    ----------
    lines : tensor of shape (..., lines, inputs)
    columns : int
        Inputs of a tile.

    Returns
    -------
    tensor of shape (..., tiles, lines, columns)
    """
    count = -(-lines.shape[-1] // columns)
    if count == 1:
        return lines.unsqueeze(-3)
    filled = nn.functional.pad(lines, (0, count * columns - lines.shape[-1]))
    return filled.unflatten(-1, (count, columns)).transpose(-3, -2)


def largest(values: Tensor, quantile: float) -> Tensor:
    """Return a quantile of magnitudes along the last axis; `torch.quantile` refuses large tensors.

    Parameters
    ----------
    values : tensor of shape (..., n)
    quantile : float
        Above 0, at most 1.

    Returns
    -------
    tensor of shape (...)
    """
    count = values.shape[-1]
    return values.abs().kthvalue(max(1, round(quantile * count)), -1).values
