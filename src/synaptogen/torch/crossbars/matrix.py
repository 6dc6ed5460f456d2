"""A matrix of signed weights on tiles of cells, as tensors; every layer reads one."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synaptogen._utils import Float64Array
from synaptogen.model import mixing_from_conductance
from synaptogen.torch.config import AnalogConfig, Scale
from synaptogen.torch.formulas import envelopes

from . import wiring
from .compiled_convolutions import Geometry, convolve
from .compiled_reads import can_compile, multiply
from .noise import advance, choices, normals
from .quantise import codes, quantise
from .reading import AnalogProduct, LineDrives, full_precision, largest, require_real, tiled, without_gradients
from .weight_code import WeightCode

ADC = 0xADC  # keeps the numbers of ADCs apart from others of the same seed
# buffers whose shapes depend on tiles, wires or training
_OF_CONFIGURATION = ("difference", "total", "reference", "adc_range", "errors", "wired")


class AnalogMatrix(AnalogProduct):
    """Cells that hold ``groups`` matrices of shape (outputs, inputs); calling it multiplies vectors by them.

    It has no cells at first: `hold` takes the states of programmed cells.

    Parameters
    ----------
    groups, outputs, inputs : int
        Number of matrices and their shape. The attribute ``outputs`` counts each slice of a weight.
    config : AnalogConfig
        Tiles, converters, noise, wires.
    seed : int
        Of the read noise.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(dac_bits=None, adc_bits=None, bandwidth=0.0)
    >>> matrix = sg.torch.AnalogMatrix(groups=1, outputs=2, inputs=3, config=config, seed=1)
    >>> plus, minus = torch.full((1, 2, 3), 0.2), torch.full((1, 2, 3), 0.3)
    >>> matrix.hold(plus, minus, torch.ones(1, 2, 1))
    >>> x = torch.tensor([[1.0, 2.0, 3.0]])
    >>> y = matrix(x)
    >>> y.shape, bool((y > 0.0).all())
    (torch.Size([1, 2]), True)
    """

    difference: Tensor
    total: Tensor
    reference: Tensor | None
    reference_line: Tensor
    wired: Tensor
    unit: Tensor
    full_scale: Tensor
    adc_range: Tensor
    errors: Tensor
    written_error: Tensor
    slice_counts: Tensor
    adc_shift: Tensor
    adc_error: Tensor

    def __init__(self, groups: int, outputs: int, inputs: int, config: AnalogConfig, seed: int) -> None:
        super().__init__(config, seed)
        # each slice of a weight is an output of its own, until results are joined
        self.groups, self.outputs, self.inputs = groups, outputs * config.weight_slices, inputs
        self.code = code = WeightCode.of(config)
        # without conversion of partial sums, tiles are one long line
        columns = inputs if config.adc_bits is None else min(inputs, config.tile[1])
        self.column_tiles, self.columns = math.ceil(inputs / columns), columns
        shape = (groups, self.column_tiles, columns, self.outputs)
        # of single cells, r- is that of their reference, which the total does not contain
        self.register_buffer("difference", torch.zeros(shape))  # r+ - r-
        self.register_buffer("total", torch.zeros(shape))  # r+ + r-
        references = code.references(self.outputs)
        self.register_buffer("reference", torch.zeros(*shape[:-1], references) if references else None)
        self.register_buffer("reference_line", code.reference_of(self.outputs), persistent=False)
        # effective difference and total behind wires
        self.register_buffer("wired", torch.zeros((2, *shape) if config.wires is not None else (0,)))
        self.register_buffer("slice_counts", torch.tensor(code.counts), persistent=False)
        self.register_buffer("unit", torch.ones(groups, 1, self.outputs))  # output in 1/A, for a full-scale input of 1
        self.register_buffer("full_scale", torch.ones(groups, outputs, 1))  # largest weight
        self.register_buffer("adc_range", torch.ones(groups, self.column_tiles, 1, self.outputs))  # A
        self.register_buffer("errors", torch.zeros(0, 0))  # of weights over full scale, see `drawn`
        self.register_buffer("written_error", torch.zeros(()))  # rms, over full scale
        # of ADCs, in steps of the last bit; functions of the seed, so that they need not be saved
        self.register_buffer("adc_shift", torch.zeros(0), persistent=False)
        self.register_buffer("adc_error", torch.zeros(0), persistent=False)
        self.make_adcs(seed)

    def make_adcs(self, seed: int) -> None:
        """Draw the offsets and non-linearities of the ADCs of a chip.

        Parameters
        ----------
        seed : int
            Of the chip.
        """
        bits, random = self.config.adc_bits, np.random.default_rng([seed % 2**64, ADC])
        if bits is None or not self.config.has_real_adcs:
            return
        shifts = random.normal(size=tuple(self.adc_range.shape)) * self.config.adc_offset
        widths = random.normal(size=(self.column_tiles, 1 << bits)) * self.config.adc_dnl
        sums = np.cumsum(widths, 1) - widths[:, :1]
        along = np.linspace(0.0, 1.0, 1 << bits)
        sums += 4.0 * self.config.adc_inl * along * (1.0 - along) - along * sums[:, -1:]
        self.adc_shift, self.adc_error = (torch.from_numpy(each).to(self.adc_range) for each in (shifts, sums))

    def digits(self, currents: Tensor, top: Tensor, unit: Tensor) -> Tensor:
        """Convert currents to numbers with the ADCs of this chip, and scale them.

        Parameters
        ----------
        currents : tensor of shape (groups, column_tiles, vectors, outputs)
            A.
        top : tensor that broadcasts with ``currents``
            Ranges of the ADCs in A.
        unit : tensor that broadcasts with ``currents``
            Factor in 1/A.

        Returns
        -------
        tensor of the shape of ``currents``
        """
        bits = self.config.adc_bits
        if bits is None or not self.adc_shift.numel():
            return super().digits(currents, top, unit)
        last = top / ((1 << (bits - 1)) - 1)
        shifted = currents + self.adc_shift * last
        tile = torch.arange(self.column_tiles, device=currents.device).view(1, -1, 1, 1) * (1 << bits)
        nearest = codes(shifted, top, bits).nan_to_num().long() + (1 << (bits - 1))
        return codes(shifted + self.adc_error.flatten()[tile + nearest] * last, top, bits) * (last * unit)

    def forward(self, x: Tensor, difference: Tensor | None = None) -> Tensor:
        """Multiply vectors by the matrices.

        Parameters
        ----------
        x : tensor of shape (..., groups * inputs)
            Vectors.
        difference : tensor, optional
            Differences r+ - r- in place of the buffer of that name, as `drawn` returns them.

        Returns
        -------
        tensor of shape (..., groups * outputs)
            In at least single precision.

        Raises
        ------
        TypeError
            If ``x`` is not of a floating-point type.
        """
        require_real(x)
        lead = x.shape[:-1]
        with full_precision(x.device.type):
            if can_compile(self, x):
                rows = x.detach().to(torch.float32).reshape(-1, self.groups * self.inputs).contiguous()
                out = multiply(self, rows, *self._states_read(difference))
                return self.joined(out.view(*lead, self.groups * self.outputs), -1)
            vectors = x.to(self.difference.dtype).reshape(math.prod(lead), self.groups, self.inputs)
            size = vectors.detach().abs()
            peak = size.amax((1, 2), keepdim=True)
            top = self.full_input(peak)
            if self.config.input_slices == 1:
                currents, offset = self._read(vectors, top, difference)
                summed = self._converted(currents, offset)
            else:
                parts = self.slices(vectors, top)
                read = [self._read(part, torch.ones_like(top), difference) for part, _ in parts]
                summed = torch.stack([self._converted(*c) * w for c, (_, w) in zip(read, parts, strict=True)]).sum(0)
                currents = torch.cat([each for each, _ in read], 2)
            self._count(size, top, currents)
            if self.observe is not None:
                self.observe(vectors, currents)
            # top + 0 * peak lets NaN and infinities pass through
            out = (summed.transpose(0, 1) * (top + 0.0 * peak)).reshape(*lead, self.groups * self.outputs)
            return self.joined(out, -1)

    def _read(self, x: Tensor, top: Tensor, difference: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the currents of one read, (groups, column_tiles, vectors, outputs), and a digital offset in them."""
        if self.config.wires is not None and self.config.wire_model == "exact":
            return self._solved_currents(x, top, difference), None
        lines = self.drives(x, top).map(lambda drive: self._tiled(drive.transpose(0, 1)))
        currents = self.currents(lines, *self._states_read(difference))
        if self.reference is None:
            return currents, None
        if self.code.has_cells:
            return self._with_noise_of_references(currents, lines), None
        assert lines.rest is not None  # for type checkers
        offset = lines.rest.sum(-1, keepdim=True) + torch.matmul(lines.signal, self.reference)
        offset = offset.index_select(-1, self.reference_line)
        return currents + offset, offset

    def _with_noise_of_references(self, currents: Tensor, lines: LineDrives) -> Tensor:
        """Subtract the noise of reference lines, one number for all outputs of a tile."""
        if not self.config.bandwidth:
            return currents
        assert self.reference is not None  # for type checkers
        with without_gradients():
            variance = torch.matmul(lines.noise, self.reference).add_(lines.common.sum(-1, keepdim=True))
            noise = variance.clamp_(min=0.0).sqrt_() * normals(self.noise, variance.shape, variance)
            advance(self.noise)
            noise = noise.index_select(-1, self.reference_line)
        return currents - noise

    def _converted(self, currents: Tensor, offset: Tensor | None) -> Tensor:
        """Return the sums over tiles of what the ADCs make of currents, (groups, vectors, outputs)."""
        unit = self.unit.unsqueeze(1)
        out = self.digits(currents, self.adc_range, unit)
        if offset is not None:
            out = out - offset * unit
        return out.squeeze(1) if self.column_tiles == 1 else out.sum(1)

    def convolve(self, x: Tensor, geometry: Geometry, difference: Tensor | None = None) -> Tensor:
        """Multiply the patches of images by the matrices, where `can_compile` says that this can be done.

        Parameters
        ----------
        x : tensor of shape (images, channels, a, b, c)
            Padded images.
        geometry : Geometry
            Of the patches.
        difference : tensor, optional
            As for a call.

        Returns
        -------
        tensor of shape (images, groups * outputs, places a, b, c)
            What a call gives for the patches as vectors.
        """
        with full_precision(x.device.type):
            out = convolve(self, x.detach().to(torch.float32), geometry, *self._states_read(difference))
            return self.joined(out, 1)

    def _count(self, inputs: Tensor, top: Tensor, currents: Tensor) -> None:
        self.count(0, inputs, top)
        if self.config.adc_bits is not None:
            self.count(2, currents.detach().abs(), self.adc_range)

    def _states_read(self, difference: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the effective difference and total, of the cells or of others with this difference."""
        if self.config.wires is None:
            return self.difference if difference is None else difference, self.total
        if difference is None:
            return self.wired[0], self.wired[1]
        # wires reduce the conductances of other cells by the same factors; a cell conducts like r_zero - r
        llrs, hhrs = envelopes(torch.full_like(self.input_range, self.full_voltage), self.constants)
        r_zero, signs = llrs / (llrs - hhrs), (1, -1)
        written, left = (
            [r_zero - (total + sign * part) / 2 for sign in signs]
            for part, total in ((self.difference, self.total), self.wired)
        )
        plus, minus = (
            (r_zero - (self.total + sign * difference) / 2) * (after / before).nan_to_num().clamp(0.0, 2.0)
            for sign, before, after in zip(signs, written, left, strict=True)
        )
        return minus - plus, self.wired[1]

    @torch.compiler.disable
    @torch.no_grad()
    def _solved_currents(self, x: Tensor, top: Tensor, difference: Tensor | None) -> Tensor:
        """Compute `currents` of tiles by solving their wires."""
        states = self._states(self.difference if difference is None else difference)
        bits = self.config.dac_bits
        u = (x / top if bits is None else quantise(x / top, 1.0, bits)) * self.full_voltage
        sums = torch.zeros((2, self.groups, self.column_tiles, len(x), self.outputs), dtype=torch.float64)
        finite = torch.isfinite(u).flatten(1).all(1, keepdim=True).unsqueeze(-1)
        driven = torch.where(finite, u, 0.0).double().cpu().numpy()
        for group, outputs, first, currents, variances in wiring.solved(*states, driven, self.config):
            for into, values in zip(sums, (currents, variances), strict=True):
                into[group, first // self.columns, :, outputs] += torch.from_numpy(values)
        currents, variances = sums.to(self.difference)
        if not self.config.bandwidth:
            return currents
        z = normals(self.noise, variances.shape, variances)
        advance(self.noise)
        return currents.addcmul_(variances.sqrt_(), z)

    def _states(self, difference: Tensor) -> tuple[Float64Array, Float64Array]:
        """Return the mixing states of both cells of pairs, (groups, outputs, inputs)."""
        both = (self.total + difference) / 2, (self.total - difference) / 2
        plus, minus = (self.matrices(r).double().cpu().numpy() for r in both)
        return plus, minus

    def rewire(self) -> None:
        """Compute the effective states of the cells behind wires."""
        if self.config.wires is None or self.config.wire_model == "exact":
            return
        effective = wiring.effective_states(*self._states(self.difference), self.config)
        plus, minus = (self.laid_out(torch.from_numpy(r).to(self.difference)) for r in effective)
        self.wired.copy_(torch.stack([plus - minus, plus + minus]))

    def _tiled(self, drive: Tensor) -> Tensor:
        return tiled(drive, self.columns)

    def drawn(self, weight: Tensor) -> Tensor:
        """Draw the differences r+ - r- of new cells for a weight, (groups, column_tiles, columns, outputs).

        Each weight gets an error drawn from those of pairs of this population at the nearest of some targets, and if
        ages are drawn, at the same one of some ages.
        """
        kind = self.difference.dtype
        weight = weight.detach().to(kind)
        full = full_scale(weight, self.config.scale)
        scaled = weight / full
        written = self.code.contents(scaled)
        table = self.errors
        if table.dim() == 3:
            table = table.index_select(0, choices(self.noise, (1,), table.shape[0], scaled)).squeeze(0)
            advance(self.noise)
        errors = self._drawn_errors(self.code.levels(written), table)
        if self.code.has_cells:
            levels = self.code.references_hold(self.outputs).to(kind).expand(self.groups, -1, self.inputs)
            errors = errors - self._drawn_errors(levels, table).index_select(1, self.reference_line)
        # reads multiply by the full scale at the time of writing, from which the weights have changed since
        change = (full / self.full_scale).repeat_interleave(self.config.weight_slices, 1)
        reached = (written + errors) * change
        return self.laid_out(self.per_weight * reached)

    def _drawn_errors(self, levels: Tensor, table: Tensor) -> Tensor:
        """Draw errors for what pairs (-1 to 1) or single cells (0 to 1) hold."""
        return table.flatten()[self.draw(levels if self.code.is_pair else 2.0 * levels - 1.0, table)]

    def joined(self, slices: Tensor, axis: int) -> Tensor:
        """Add what the slices of weights give.

        Parameters
        ----------
        slices : tensor
            With an axis (groups * outputs * weight_slices,), or a part of it.
        axis : int
            Which one.

        Returns
        -------
        tensor
            With that axis (groups * outputs,).
        """
        if self.code.counts == (1.0,):
            return slices
        return (slices.movedim(axis, -1).unflatten(-1, (-1, self.config.weight_slices)) @ self.slice_counts).movedim(
            -1, axis
        )

    def laid_out(self, matrix: Tensor) -> Tensor:
        """Return a matrix (groups, outputs, inputs) in the layout of the buffers of cells."""
        return self._tiled(matrix).transpose(-1, -2)

    def matrices(self, buffer: Tensor) -> Tensor:
        """Return the matrix (groups, outputs, inputs) of a buffer of cells: the inverse of `laid_out`."""
        flat = buffer.transpose(-1, -2).transpose(1, 2).flatten(2)
        return flat[..., : self.inputs]

    def weights(self, difference: Tensor | None = None) -> Tensor:
        """Return the weights that the cells hold, or those of `drawn` differences, (groups, outputs, inputs)."""
        held = self.matrices(self.difference if difference is None else difference) / self.per_weight
        return self.joined(held, 1) * self.full_scale

    @torch.no_grad()
    def hold(self, r_plus: Tensor, r_minus: Tensor, full: Tensor, *, ranges: bool = True) -> None:
        """Take the states of programmed cells.

        Parameters
        ----------
        r_plus, r_minus : tensors of shape (groups, outputs * weight_slices, inputs)
            Mixing states of the pairs; of single cells, their states and those of the reference lines,
            (groups, reference lines, inputs).
        full : tensor of shape (groups, outputs, 1)
            Weight of full scale.
        ranges : bool
            Reset converter ranges to estimates, and counts to 0.
        """
        self._take(r_plus, r_minus)
        self.full_scale.copy_(full)
        by_line = full.repeat_interleave(self.config.weight_slices, 1)
        self.unit.copy_(by_line.transpose(1, 2) / (self.full_voltage * self.window))
        self.rewire()
        if ranges:
            self.adc_range.copy_(self.per_tile(self.estimated_range(self.difference)))
            if self.config.input_ranges == "data":
                self.input_range.zero_()
            self.converted.zero_()
            self.calibrated = False

    def _take(self, r_plus: Tensor, r_minus: Tensor) -> None:
        if self.reference is None:
            self.difference.copy_(self.laid_out(r_plus - r_minus))
            self.total.copy_(self.laid_out(r_plus + r_minus))
        else:
            self.reference.copy_(self.laid_out(r_minus))
            self.total.copy_(self.laid_out(r_plus))
            self.difference.copy_(self.laid_out(r_plus - r_minus.index_select(1, self.reference_line)))

    def states(self) -> Float64Array:
        """Return the mixing states of all cells in the order in which they are written.

        Returns
        -------
        array of shape (groups, outputs, 2, inputs)
            The positive and the negative cells of pairs; single cells as (lines, inputs), then those of references.
        """
        if self.reference is None:
            return np.stack(self._states(self.difference), -2)
        parts = [self.total, *([self.reference] if self.code.has_cells else [])]
        return np.concatenate([self.matrices(r).flatten(0, 1).double().cpu().numpy() for r in parts])

    def take_states(self, states: Float64Array) -> None:
        """Let reads see cells in other states.

        Parameters
        ----------
        states : array
            As `states` returns them.
        """
        self._take(*self.of_lines(torch.from_numpy(states).to(self.difference)))
        self.rewire()

    def of_lines(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states for `hold` from those of lines, in the order in which they are written.

        Parameters
        ----------
        states : tensor of shape (..., inputs)

        Returns
        -------
        r_plus, r_minus : tensors
        """
        if self.reference is None:
            pairs = states.reshape(self.groups, self.outputs, 2, self.inputs)
            return pairs[:, :, 0], pairs[:, :, 1]
        plus, cells = states.split([self.groups * self.outputs, len(states) - self.groups * self.outputs])
        if not self.code.has_cells:
            middle = self.config.window[0] + self.window * self.code.references_hold(self.outputs).to(states)
            cells = mixing_from_conductance(middle, self.constants).repeat(self.groups, self.inputs)
        return plus.reshape(self.groups, -1, self.inputs), cells.reshape(self.groups, -1, self.inputs)

    @property
    def cells(self) -> int:
        """Number of cells, those of reference lines included."""
        references = self.code.references(self.outputs) if self.code.has_cells else 0
        return self.groups * (self.config.cells_of_weight * self.outputs + references) * self.inputs

    def estimated_range(self, difference: Tensor) -> Tensor:
        """Estimate ADC ranges in A of lines: where the currents of single cells are converted, the largest ones."""
        if self.reference is None or self.code.has_cells:
            return super().estimated_range(difference)
        inputs = torch.arange(self.column_tiles * self.columns, device=difference.device) < self.inputs
        r_llrs = self.constants.g_llrs * self.constants.per_span  # where a cell would conduct nothing
        share = (r_llrs - self.total) * inputs.view(1, self.column_tiles, self.columns, 1)
        return share.abs().sum(-2, keepdim=True) * (self.full_voltage / self.constants.per_span)

    def per_tile(self, lines: Tensor) -> Tensor:
        """Return for each line the largest entry of the lines of its tile, (groups, column_tiles, 1, outputs)."""
        rows = self.code.rows
        parts = [part.amax(-1, keepdim=True).expand_as(part) for part in lines.split(rows, -1)]
        ranges = torch.cat(parts, -1)
        return torch.where(ranges > 0, ranges, torch.ones_like(ranges))

    def needed_range(self, currents: Tensor, quantile: float) -> Tensor:
        """Return the ADC ranges that cover a quantile of currents.

        Parameters
        ----------
        currents : tensor of shape (groups, column_tiles, vectors, outputs)
            A.
        quantile : float
            Share of the currents of the worst line of a tile.

        Returns
        -------
        tensor of shape (groups, column_tiles, 1, outputs)
            A.
        """
        return self.per_tile(largest(currents.transpose(2, 3), quantile).unsqueeze(2))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Load cells, also those of a model with other tiles, wires or training: what depends on these is rebuilt."""
        given = {name: state_dict.get(f"{prefix}{name}") for name in _OF_CONFIGURATION}
        other = [
            name
            for name, value in given.items()
            if value is not None and (own := getattr(self, name)) is not None and value.shape != own.shape
        ]
        for name in other:
            value = given[name]
            assert value is not None  # for type checkers
            if name in ("difference", "total", "reference") and self._fits(value, getattr(self, name)):
                state_dict[f"{prefix}{name}"] = self.laid_out(self.matrices(value.to(self.difference)))
            elif name in ("errors", "wired", "adc_range") and (name != "adc_range" or "difference" in other):
                state_dict[f"{prefix}{name}"] = getattr(self, name).detach().clone()
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if "difference" in other:
            self.adc_range.copy_(self.per_tile(self.estimated_range(self.difference)))
            self.calibrated = False
        if "wired" in other or "difference" in other:
            self.rewire()

    def _fits(self, buffer: Tensor, own: Tensor) -> bool:
        """Return whether a buffer of cells with other tiles holds as many weights."""
        if buffer.dim() != 4 or (buffer.shape[0], buffer.shape[3]) != (own.shape[0], own.shape[3]):
            return False
        tiles, columns = buffer.shape[1:3]
        return (tiles - 1) * columns < self.inputs <= tiles * columns

    def extra_repr(self) -> str:
        """Return the number of cells and the resolution of converters."""
        bits = (f"{name}={n} bit" for name, n in (("dac", self.config.dac_bits), ("adc", self.config.adc_bits)) if n)
        return ", ".join([f"{self.cells} cells", *bits])


def full_scale(weight: Tensor, scale: Scale) -> Tensor:
    """Return the largest magnitude of the weights of each output, or of all; 1 where all are 0.

    Parameters
    ----------
    weight : tensor of shape (groups, outputs, inputs)
    scale : {"output", "layer"}
        Weights that share the full scale.

    Returns
    -------
    tensor of shape (groups, outputs, 1)
    """
    size = weight.abs()
    peak = size.amax(-1, keepdim=True) if scale == "output" else size.max().expand(*size.shape[:-1], 1)
    return torch.where(peak > 0, peak, torch.ones_like(peak))
