"""The table of costs: layers, totals, JSON, a figure."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synaptogen._utils import OKABE_ITO, new_figure, styled
from synaptogen.torch.overview import table

from .hardware import Hardware

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ENERGIES = ("cell_energy", "dac_energy", "adc_energy", "digital_energy", "writing_energy")


@dataclass(frozen=True)
class LayerCost:
    """Cost of the products of one layer for the batch, or of all layers.

    Attributes
    ----------
    name : str
        Name of the layer.
    outputs, inputs : int
        Shape of its matrix; outputs of all groups, inputs of one.
    weights : int
        Weights on cells.
    cells : int
        Cells that hold them, those of references included.
    tiles : int
        Crossbars.
    cells_of_tiles : int
        Cells of these, used or not.
    vectors : int
        Vectors multiplied.
    macs : int
        Products of an input and a weight.
    dac_conversions, adc_conversions : int
        Operations of converters.
    cell_energy : float
        Energy in J that the cells dissipate, from their currents.
    dac_energy, adc_energy, digital_energy : float
        Energy in J of converters, and of additions of partial sums.
    writing_energy : float
        Energy in J to write activations to cells in the pass; 0 for weights.
    programming_energy : float
        Energy in J in which the weights were written, once.
    latency : float
        Time in s for all vectors, one after another.
    area : float
        Area in m^2 of tiles with their converters.
    """

    name: str
    outputs: int
    inputs: int
    weights: int
    cells: int
    tiles: int
    cells_of_tiles: int
    vectors: int
    macs: int
    dac_conversions: int
    adc_conversions: int
    cell_energy: float
    dac_energy: float
    adc_energy: float
    digital_energy: float
    writing_energy: float
    programming_energy: float
    latency: float
    area: float

    @property
    def energy(self) -> float:
        """Energy in J of the pass, without programming."""
        return float(sum(getattr(self, name) for name in _ENERGIES))

    @property
    def utilisation(self) -> float:
        """Share of the cells of tiles that hold weights."""
        return self.cells / self.cells_of_tiles if self.cells_of_tiles else 0.0

    @property
    def energy_per_mac(self) -> float:
        """Energy in J of the pass over the number of products."""
        return self.energy / self.macs if self.macs else 0.0

    @property
    def tops_per_watt(self) -> float:
        """Operations, two a product, in 10^12 a joule."""
        return 2e-12 / self.energy_per_mac if self.energy else 0.0


@dataclass(frozen=True, eq=False)
class Cost:
    """Cost of a pass of a model on cells. It prints as a table.

    Attributes
    ----------
    layers : tuple of LayerCost
        One for each module with cells.
    hardware : Hardware
        What was assumed.
    inputs : int
        Size of the batch.
    digital : int
        Parameters that stay digital. Their cost is not in the table.
    accuracy : float or None
        What ``accuracy`` has returned for the model.
    """

    layers: tuple[LayerCost, ...]
    hardware: Hardware
    inputs: int
    digital: int
    accuracy: float | None = None

    @property
    def total(self) -> LayerCost:
        """Sums over layers: layers work one after another."""
        sums = {
            field.name: sum(getattr(layer, field.name) for layer in self.layers)
            for field in dataclasses.fields(LayerCost)
            if field.name not in ("name", "outputs", "inputs")
        }
        return LayerCost(name="total", outputs=0, inputs=0, **sums)

    def as_table(self) -> str:
        """Return layers and totals as a table."""
        heads: tuple[str, ...] = ("layer", "matrix", "tiles", "used", "vectors", "MAC", "DAC", "ADC")
        heads += ("cells nJ", "DAC nJ", "ADC nJ", "sums nJ", "fJ/MAC", "us", "mm2", "programmed uJ")
        return table([heads, *(_row(each) for each in (*self.layers, self.total))])

    def __str__(self) -> str:
        total = self.total
        said = [
            f"{_inputs(self.inputs)}: {_figure(1e6 * total.energy)} uJ, {_figure(1e6 * total.latency)} us, "
            f"{1e6 * total.area:.3g} mm2; {1e15 * total.energy_per_mac:.3g} fJ/MAC, {total.tops_per_watt:.3g} TOPS/W"
        ]
        if self.accuracy is not None:
            said[0] += f"; accuracy {self.accuracy:.4g}"
        if total.writing_energy:
            said += [f"of this, to write activations: {1e6 * total.writing_energy:.3g} uJ"]
        if self.digital:
            said += [f"not counted: {self.digital:,} digital parameters, activations, memories and buses"]
        return "\n".join([*said, self.as_table()])

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all numbers in SI units, with the assumptions, as JSON; also write them to a file if one is given."""
        content: dict[str, Any] = {
            "inputs": self.inputs,
            "digital": self.digital,
            "accuracy": self.accuracy,
            "hardware": dataclasses.asdict(self.hardware),
            "layers": [_numbers(layer) for layer in self.layers],
            "total": _numbers(self.total),
        }
        text = json.dumps(content, indent=1)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def figure(self) -> "Figure":
        """Draw the energy of each layer, divided into its parts; needs the extra ``synaptogen-sim[plot]``."""
        draw: Callable[[Cost], Figure] = styled(_drawn)
        return draw(self)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1e3 else f"{value:.3g}"


def _inputs(number: int) -> str:
    return f"{number} input{'s' * (number != 1)}"


def _numbers(layer: LayerCost) -> dict[str, Any]:
    ratios = ("energy", "utilisation", "energy_per_mac", "tops_per_watt")
    return dataclasses.asdict(layer) | {name: getattr(layer, name) for name in ratios}


def _row(layer: LayerCost) -> tuple[str, ...]:
    counts = (layer.vectors, layer.macs, layer.dac_conversions, layer.adc_conversions)
    energies = (layer.cell_energy, layer.dac_energy, layer.adc_energy, layer.digital_energy)
    return (
        layer.name,
        f"{layer.outputs} x {layer.inputs}" if layer.outputs else "",
        f"{layer.tiles:,}",
        f"{100 * layer.utilisation:.0f} %" if layer.tiles else "-",
        *(f"{n:,}" for n in counts),
        *(_figure(1e9 * energy) for energy in energies),
        _figure(1e15 * layer.energy_per_mac),
        _figure(1e6 * layer.latency),
        _figure(1e6 * layer.area),
        _figure(1e6 * layer.programming_energy),
    )


def _drawn(cost: Cost) -> "Figure":
    figure = new_figure(6.0, 0.8 + 0.22 * len(cost.layers))
    axes = figure.subplots()
    names = [layer.name or "(model)" for layer in cost.layers]
    left = [0.0] * len(names)
    for part, colour in zip(_ENERGIES, OKABE_ITO, strict=False):
        values = [1e9 * getattr(layer, part) for layer in cost.layers]
        if any(values):
            axes.barh(names, values, left=left, color=colour, label=part.removesuffix("_energy"))
            left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("energy of a pass (nJ)")
    axes.legend()
    return figure
