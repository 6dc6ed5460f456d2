"""Count what one pass of a model does with its cells, and weigh it with the numbers of the hardware."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from synaptogen.torch.analog_parts import AnalogPart, analog_parts
from synaptogen.torch.calibration import Batch, evaluate
from synaptogen.torch.config import AnalogConfig
from synaptogen.torch.crossbars import quantise
from synaptogen.torch.formulas import envelopes
from synaptogen.torch.layers import AnalogCells, AnalogMatmul
from synaptogen.torch.programming import error_table

from .hardware import Hardware
from .report import Cost, LayerCost

AT_ONCE = 1 << 22  # inputs whose power is computed together


@torch.no_grad()
def cost(
    model: nn.Module,
    batch: Batch,
    *,
    hardware: Hardware | None = None,
    call: Callable[[nn.Module, Any], Any] | None = None,
    accuracy: Callable[[nn.Module], float] | None = None,
) -> Cost:
    """Estimate what a pass of a model on cells costs: conversions, energy, latency, area, layer by layer.

    Cells dissipate what their currents say, for the inputs of this batch, in the time of a read. Converters and
    additions cost what `Hardware` says. Each tile has drivers of its own for its inputs. Tiles of a matrix work
    together, vectors and layers one after another. Groups of a convolution lie along the diagonal of tiles. With wires,
    currents are those that flow out of the lines.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; it is evaluated once, and counts of draws of noise go on.
    batch : tensor, tuple, list or mapping
        Inputs as `calibrate` takes them.
    hardware : Hardware, optional
        Numbers of the circuits around the cells; default: `Hardware()`.
    call : callable, optional
        Called as ``call(model, batch)`` to evaluate the model on a batch of another form.
    accuracy : callable, optional
        Called with the model; what it returns stands beside the costs.

    Returns
    -------
    Cost

    Raises
    ------
    ValueError
        If the model holds no cells, or solves wires exactly.
    TypeError
        If the batch is of another form and ``call`` is not given, or ``hardware`` is no `Hardware`.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(programming="one-shot", tile=(128, 128), seed=1)
    >>> model = sg.torch.convert(torch.nn.Sequential(torch.nn.Linear(200, 100)), config)
    >>> spent = sg.torch.cost(model, torch.ones(10, 200))
    >>> layer = spent.layers[0]
    >>> layer.tiles, layer.macs, layer.dac_conversions, layer.adc_conversions
    (4, 200000, 4000, 2000)
    >>> 0.0 < spent.total.cell_energy < spent.total.energy
    True
    """
    hardware = Hardware() if hardware is None else hardware
    if not isinstance(hardware, Hardware):
        raise TypeError(f"hardware is a {type(hardware).__name__}: give a sg.torch.Hardware(...)")
    parts = analog_parts(model)
    if not parts:
        raise ValueError("model holds no cells: convert it first")
    if any(part.config.wires is not None and part.config.wire_model == "exact" for part in parts.values()):
        raise ValueError('exact wires give no currents of single cells: give wire_model="effective", or wires=None')
    meters = {name: _Meter(part, hardware) for name, part in parts.items()}
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        for part, meter in zip(parts.values(), meters.values(), strict=True):
            part.observe = meter
        (call or evaluate)(model, batch)
    finally:
        for part in parts.values():
            part.observe = None
        for module, was in training.items():
            module.training = was
    layers = tuple(meter.cost(_shown(name)) for name, meter in meters.items())
    on_cells = sum(
        part.outputs * part.groups * part.inputs // part.config.weight_slices
        for part in parts.values()
        if isinstance(part, AnalogCells)
    )
    digital = max(0, sum(p.numel() for p in model.parameters()) - on_cells)
    tensors = [x for x in tree_leaves(batch) if isinstance(x, Tensor) and x.dim()]
    inputs = len(tensors[0]) if tensors else 1
    return Cost(layers, hardware, inputs, digital, None if accuracy is None else float(accuracy(model)))


def _shown(name: str) -> str:
    return name.removesuffix("analog").rstrip(".") or "(model)"


@dataclass(frozen=True)
class Grid:
    """Tiles of matrices of one shape.

    Attributes
    ----------
    rows, columns : int
        Tiles of a matrix along lines of outputs and along inputs; 1 and 1 where several matrices share a tile.
    tiles : int
        Tiles of all matrices.
    outputs : int
        Most outputs of a tile.
    """

    rows: int
    columns: int
    tiles: int
    outputs: int

    @classmethod
    def of(cls, groups: int, outputs: int, inputs: int, config: AnalogConfig) -> "Grid":
        """Lay out matrices, with two lines an output, or with one and reference lines.

        Parameters
        ----------
        groups, outputs, inputs : int
            Number of matrices and their shape.
        config : AnalogConfig
            Has the size of a tile.

        Returns
        -------
        Grid
        """
        lines, columns = config.rows_of_tile, config.tile[1]
        if outputs <= lines and inputs <= columns:
            together = min(lines // outputs, columns // inputs, groups)
            return cls(1, 1, math.ceil(groups / together), outputs * together)
        down, across = math.ceil(outputs / lines), math.ceil(inputs / columns)
        return cls(down, across, groups * down * across, min(outputs, lines))


class _Meter:
    """Counts the products of one module with cells, and the energy that its cells dissipate."""

    def __init__(self, part: AnalogPart, hardware: Hardware) -> None:
        self.part, self.hardware = part, hardware
        self.config = part.config
        self.vectors = self.macs = self.dac = self.adc = self.partial = 0
        self.energy = self.latency = 0.0
        self.grid = Grid(0, 0, 0, 0)
        self.shape = (0, 0, 0)
        self.written = part.cost() if isinstance(part, AnalogMatmul) else None

    def __call__(self, x: Tensor, currents: Tensor) -> None:
        """Take the vectors and currents of a product."""
        if isinstance(self.part, AnalogMatmul):
            groups, outputs, inputs = math.prod(x.shape[:-2]), currents.shape[-1], x.shape[-1]
            vectors, peaks = x.shape[-2], x.abs().amax(-1, keepdim=True)
        else:
            groups, outputs, inputs = self.part.groups, self.part.outputs, self.part.inputs
            vectors, peaks = len(x), x.abs().amax((1, 2), keepdim=True)
        if not x.numel():
            return
        self.shape, self.grid = (groups, outputs, inputs), Grid.of(groups, outputs, inputs, self.config)
        grid = self.grid
        slices = self.config.input_slices
        self.vectors += vectors
        self.macs += vectors * groups * outputs * inputs // self.config.weight_slices
        self.dac += vectors * groups * inputs * grid.rows * slices
        self.adc += vectors * groups * outputs * grid.columns * slices
        results = outputs // self.config.weight_slices
        self.partial += vectors * groups * (outputs * grid.columns * slices - results)
        if self.config.weight_mapping == "digital-offset":  # the sum of the inputs, subtracted from each conversion
            self.partial += vectors * groups * (inputs + outputs * grid.columns) * slices
        conversions = math.ceil(grid.outputs / self.hardware.adcs) if self.config.adc_bits is not None else 0
        self.latency += vectors * slices * (self._read_time + conversions / self.hardware.adc_rate)
        self.energy += self._power(x, self.part.full_input(peaks), outputs) * self._read_time

    @property
    def _read_time(self) -> float:
        return self.hardware.time(self.config.bandwidth)

    def _power(self, x: Tensor, top: Tensor, outputs: int) -> float:
        """Return the sum over vectors of what all cells dissipate, in W."""
        total, power = self._totals(outputs), 0.0
        step = max(1, AT_ONCE // max(1, x[0].numel()))
        for some, peak in zip(x.split(step), top.expand(len(x), *top.shape[1:]).split(step), strict=True):
            power += sum(self._power_of(part, outputs, total) for part in self._driven(some, peak))
        return power

    def _driven(self, x: Tensor, top: Tensor) -> list[Tensor]:
        """Return what drives the lines in each read, -1 to 1."""
        bits = self.config.dac_bits
        if self.config.input_slices > 1:
            return [part for part, _ in self.part.slices(x, top)]
        return [x / top if bits is None else quantise(x / top, 1.0, bits)]

    def _power_of(self, driven: Tensor, outputs: int, total: Tensor) -> float:
        """Return what all cells dissipate at these drives in W, as a mean over the time of a read."""
        share, full = driven.double(), self.part.full_voltage
        if self.config.input_coding == "pulse-width":
            u, on = torch.where(share < 0, -full, full).to(share), share.abs()
        else:
            u, on = share * full, torch.ones_like(share)
        llrs, hhrs = envelopes(u, self.part.constants)
        cells = self._cells(outputs)
        return float((on * u.square() * (cells * llrs + (hhrs - llrs) * total)).sum())

    def _cells(self, outputs: int) -> int:
        """Return the number of cells at an input."""
        if isinstance(self.part, AnalogMatmul):
            return 2 * outputs
        return self.part.cells // (self.part.groups * self.part.inputs)

    def _totals(self, outputs: int) -> Tensor:
        """Return for each input the sum of r+ + r- over the outputs, (groups, inputs)."""
        if isinstance(self.part, AnalogMatmul):  # written anew in each pass: its mean
            return self.part.errors[1].double().mean() * outputs
        held = self.part.total if self.config.wires is None else self.part.wired[1]
        total = self.part.matrices(held).double().sum(1)
        if self.part.reference is not None and self.config.weight_mapping == "offset-column":
            total += self.part.matrices(self.part.reference).double().sum(1)
        return total

    def cost(self, name: str) -> LayerCost:
        """Return the cost of what was counted."""
        part, hardware, (lines, columns) = self.part, self.hardware, self.config.tile
        if isinstance(part, AnalogCells):
            self.shape = part.groups, part.outputs, part.inputs
            self.grid = Grid.of(*self.shape, self.config)
        groups, outputs, inputs = self.shape
        outputs //= self.config.weight_slices
        weights, tiles = groups * outputs * inputs, self.grid.tiles
        adcs = hardware.adcs * hardware.adc_area if self.config.adc_bits is not None else 0.0
        around = columns * hardware.dac_area + lines / self.config.cells_of_weight * hardware.hold_area + adcs
        return LayerCost(
            name=name,
            outputs=groups * outputs,
            inputs=inputs,
            weights=weights,
            cells=self._cells(self.shape[1]) * groups * inputs,
            tiles=tiles,
            cells_of_tiles=tiles * lines * columns,
            vectors=self.vectors,
            macs=self.macs,
            dac_conversions=self.dac if self.config.dac_bits is not None else 0,
            adc_conversions=self.adc if self.config.adc_bits is not None else 0,
            cell_energy=self.energy,
            dac_energy=self.dac * hardware.dac_energy * (self.config.line_bits or 0),
            adc_energy=self.adc * hardware.conversion_energy(self.config.adc_bits),
            digital_energy=self.partial * hardware.add_energy,
            writing_energy=0.0 if self.written is None else self._writing(),
            programming_energy=self._programming(),
            latency=self.latency,
            area=tiles * (lines * columns * hardware.cell_area + around),
        )

    def _writing(self) -> float:
        assert isinstance(self.part, AnalogMatmul)  # for type checkers
        assert self.written is not None
        return self.part.cost().energy - self.written.energy

    def _programming(self) -> float:
        if not isinstance(self.part, AnalogCells):
            return 0.0
        if self.part.report is not None:
            return self.part.report.total_energy
        return error_table(self.config).energy * self.part.cells  # of loaded cells: as many of the population take
