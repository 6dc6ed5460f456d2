"""Configuration of layers: devices, programming, converters, wires, training."""

import functools
import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from synaptogen._utils import checks
from synaptogen.crossbar import Wires, reachable_window
from synaptogen.model import noise_variance
from synaptogen.params import DeviceParams, as_device_params
from synaptogen.state import BANDWIDTH

Programming: TypeAlias = Literal["write-verify", "one-shot", "ideal"]
Training: TypeAlias = Literal["cells", "hardware-aware"]
Gradient: TypeAlias = Literal["straight-through", "exact"]
Scale: TypeAlias = Literal["output", "layer"]
ActivationProducts: TypeAlias = Literal["digital", "cells"]
WireModel: TypeAlias = Literal["effective", "exact"]
InputCoding: TypeAlias = Literal["amplitude", "pulse-width"]
InputRanges: TypeAlias = Literal["data", "learned"]
WeightMapping: TypeAlias = Literal["differential-pair", "offset-column", "digital-offset"]
MOST_BITS = 16


@dataclass(frozen=True)
class AnalogConfig:
    """Configuration of weights on cells and of their reads; the default is a careful, realistic design.

    A new kind of converter, scale or training needs its choice here, checked in ``__post_init__``; the computation
    belongs to `crossbars.reading` (see there for the methods).

    Parameters
    ----------
    params : str or DeviceParams
        The device population.
    programming : {"write-verify", "one-shot", "ideal"}
        "write-verify": pulses with a read after each. "one-shot": a SET and one partial RESET from the median curve of
        the population. "ideal": each cell exactly at its target, which no device can do, but which separates the other
        errors.
    tolerance : float
        Largest error in S of write-verify.
    budget : int
        Most pulses per cell of write-verify.
    share : float
        Share of the switching cycles of the population that reach the whole window of conductances in use (the
        ``coverage`` of `reachable_window`).
    scale : {"output", "layer"}
        Weights that share the full scale of the window: those of one output (with a digital factor each), or all.
    tile : (int, int)
        Most rows and columns of one crossbar. A pair of rows makes one output. Each tile has its own ADC range.
    dac_bits, adc_bits : int or None
        Resolution of converters, 2 to 16; None: no converter.
    read_voltage : float, optional
        Voltage in V of a full-scale input; default: the read voltage of the parameter set.
    bandwidth : float
        Bandwidth in Hz of a read, which determines its noise; 0: no noise.
    wires : synaptogen.crossbar.Wires, optional
        Resistance of the lines of each tile; inputs are on bit lines, outputs on word lines. Default: none. Cells are
        written as if there were none. Choose tiles that are small enough for the voltage drops.
    wire_model : {"effective", "exact"}
        "effective": wires are solved once, for linear cells, when cells are written, and a read takes as long as
        without wires. "exact": each read solves its tiles with the cells' I-V curves, which takes milliseconds per
        vector, on the CPU.
    activation_products : {"digital", "cells"}
        Products of two activations in attention: computed digitally, or with one of them written to cells in every
        pass, see `AnalogMatmul`.
    training : {"cells", "hardware-aware"}
        Effect of ``model.train()``: read the programmed cells as in evaluation, or draw in each forward pass new
        programming errors for the present weights, from the errors that cells of this population have.
    gradient : {"straight-through", "exact"}
        Backward pass: that of the digital layer with the stored weights, or the derivative of the currents with respect
        to the input (without converters, and without a gradient for the weights).
    seed : int, optional
        Of cells and noise. Default: a new seed for each layer.
    stuck_set, stuck_reset : float
        Shares of cells that stay in the LRS, and in the HRS, whatever is written; cells that fail at random places.
    adc_offset : float
        Standard deviation of the offsets of ADCs in steps of their last bit, one for each output of a tile.
    adc_dnl : float
        Standard deviation of the widths of an ADC's steps (differential non-linearity) in steps of its last bit. Its
        integral non-linearity is their sum, without the straight line between the ends. Tiles of the same inputs share
        such an ADC.
    training_age : (float, float), optional
        Shortest and longest time in s since the cells were written. Each forward pass of hardware-aware training then
        draws an age in between, uniform in its logarithm, and errors that cells have at that age. Default: they have
        just been written.
    adc_inl : float
        Largest integral non-linearity of an ADC in steps of its last bit, in the middle of its range: a bow, a parabola
        that is 0 at both ends, the same for all ADCs.
    input_coding : {"amplitude", "pulse-width"}
        How an input drives its line: a voltage in proportion to it, or the full voltage for a share of the time of the
        read. Then currents are linear in inputs of one sign, and a cell is at rest for the rest of the time, with its
        noise at 0 V.
    input_slices : int
        Reads for a vector: its magnitudes are cut into so many slices of equal bits, the sign is that of the voltage.
        Each slice has its own read and conversions, and results are added digitally. 1: all bits at once.
    weight_slices : int
        Pairs of cells for a weight, each of which holds some bits of its magnitude. All pairs have their own reads and
        conversions, and results are added digitally. 1: a pair holds the whole weight, in steps of its own.
    weight_bits : int
        Bits of a weight that is held in slices, with its sign; 2 to 16. Without slices it has no effect.
    input_ranges : {"data", "learned"}
        Ranges of inputs: what `calibrate` found, or in hardware-aware training a parameter of the layer, which any
        torch optimiser moves on from there (learned step sizes: Esser et al., ICLR 2020).

    Raises
    ------
    ValueError, TypeError
        If an argument is not of the kind described, or the tolerance is below three standard deviations of the read
        noise.

    Examples
    --------
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(programming="one-shot", dac_bits=6, seed=1)
    >>> config.dac_bits, config.adc_bits, config.full_voltage
    (6, 8, 0.2)
    >>> low, high = config.window
    >>> 0.0 < low < high < 1e-3
    True
    """

    params: str | DeviceParams = "hennen2024"
    programming: Programming = "write-verify"
    tolerance: float = 2e-6
    budget: int = 100
    share: float = 0.95
    scale: Scale = "output"
    tile: tuple[int, int] = (1024, 1024)
    dac_bits: int | None = 8
    adc_bits: int | None = 8
    read_voltage: float | None = None
    bandwidth: float = BANDWIDTH
    wires: Wires | None = None
    wire_model: WireModel = "effective"
    activation_products: ActivationProducts = "digital"
    training: Training = "cells"
    gradient: Gradient = "straight-through"
    seed: int | None = None
    stuck_set: float = 0.0
    stuck_reset: float = 0.0
    adc_offset: float = 0.0
    adc_dnl: float = 0.0
    training_age: tuple[float, float] | None = None
    adc_inl: float = 0.0
    input_coding: InputCoding = "amplitude"
    input_slices: int = 1
    weight_slices: int = 1
    weight_bits: int = 8
    input_ranges: InputRanges = "data"
    weight_mapping: WeightMapping = "differential-pair"

    def __post_init__(self) -> None:
        params = as_device_params(self.params)
        for name, known in (
            ("programming", Programming),
            ("scale", Scale),
            ("training", Training),
            ("gradient", Gradient),
            ("wire_model", WireModel),
            ("activation_products", ActivationProducts),
            ("input_coding", InputCoding),
            ("input_ranges", InputRanges),
            ("weight_mapping", WeightMapping),
        ):
            checks.one_of(name, getattr(self, name), get_args(known))
        checks.positive_int("budget", self.budget)
        checks.bandwidth(self.bandwidth)
        for name in ("dac_bits", "adc_bits"):
            bits = getattr(self, name)
            if bits is not None and not 2 <= checks.positive_int(name, bits) <= MOST_BITS:
                raise ValueError(f"{name}={bits}: give an int from 2 to {MOST_BITS}, or None for no converter")
        if len(checks.shape(self.tile)) != 2 or self.tile[0] % 2:
            raise ValueError(f"tile={self.tile!r}: give (rows, columns) with an even number of rows, two an output")
        if not 0.0 < self.share < 1.0:
            raise ValueError(f"share={self.share!r}: give a share of the population, between 0 and 1")
        if not 0.0 < self.full_voltage <= params.u_range:
            raise ValueError(f"read_voltage={self.read_voltage!r}: give a voltage in V up to {params.u_range:.3g}")
        if self.gradient == "exact" and (self.dac_bits, self.adc_bits) != (None, None):
            raise ValueError("gradient='exact' needs dac_bits=None and adc_bits=None: a quantiser has no derivative")
        if self.wires is not None and not isinstance(self.wires, Wires):
            raise TypeError(f"wires is a {type(self.wires).__name__}: give a synaptogen.crossbar.Wires(...), or None")
        if self.gradient == "exact" and self.wires is not None:
            raise ValueError("gradient='exact' is that of cells without wires: give wires=None")
        if self.activation_products == "cells" and self.wires is not None:
            raise ValueError("activation_products='cells' needs wires=None: to solve wires in each pass takes too long")
        self._require_chip()
        self._require_age()
        self._require_inputs()
        self._require_mapping()
        if self.programming == "write-verify":
            self._require_tolerance()

    def _require_chip(self) -> None:
        for name in ("stuck_set", "stuck_reset", "adc_offset", "adc_dnl", "adc_inl"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name}={value!r}: give a finite number of at least 0")
        if self.stuck_set + self.stuck_reset > 1.0:
            raise ValueError(f"stuck_set={self.stuck_set!r}, stuck_reset={self.stuck_reset!r}: give shares, at most 1")
        if self.has_real_adcs and self.adc_bits is None:
            raise ValueError("adc_offset, adc_dnl and adc_inl are those of an ADC: give adc_bits")
        if self.has_real_adcs and self.activation_products == "cells":
            raise ValueError(
                "activation_products='cells' needs adc_offset=0, adc_dnl=0 and adc_inl=0: tiles differ in each pass"
            )

    def _require_inputs(self) -> None:
        slices = checks.positive_int("input_slices", self.input_slices)
        exact = self.wires is not None and self.wire_model == "exact"
        if slices > 1 and (self.dac_bits is None or slices > self.dac_bits - 1):
            raise ValueError(f"input_slices={slices}: give dac_bits of at least {slices + 1}, a sign and a bit a slice")
        if (slices > 1 or self.input_coding == "pulse-width") and exact:
            raise ValueError("wire_model='exact' needs input_slices=1 and input_coding='amplitude'")
        if slices > 1 and self.activation_products == "cells":
            raise ValueError("activation_products='cells' needs input_slices=1")
        bits = checks.positive_int("weight_bits", self.weight_bits)
        if not 2 <= bits <= MOST_BITS:
            raise ValueError(f"weight_bits={bits}: give an int from 2 to {MOST_BITS}")
        if checks.positive_int("weight_slices", self.weight_slices) > max(1, bits - 1):
            raise ValueError(f"weight_slices={self.weight_slices}: give at most {bits - 1}, the bits of a magnitude")
        if self.weight_slices > 1 and self.activation_products == "cells":
            raise ValueError("activation_products='cells' needs weight_slices=1")
        if self.input_ranges == "learned":
            if self.training != "hardware-aware" or self.dac_bits is None:
                raise ValueError("input_ranges='learned' needs training='hardware-aware' and dac_bits")
            if self.activation_products == "cells":
                raise ValueError("input_ranges='learned' needs activation_products='digital'")
        if self.gradient == "exact" and self.input_coding == "pulse-width":
            raise ValueError("gradient='exact' is that of voltages: give input_coding='amplitude'")

    def _require_mapping(self) -> None:
        if self.weight_mapping == "differential-pair":
            return
        if self.wires is not None:
            raise ValueError("wires are those of pairs of lines: give weight_mapping='differential-pair'")
        if self.activation_products == "cells":
            raise ValueError("activation_products='cells' needs weight_mapping='differential-pair'")
        if self.rows_of_tile < 1:
            raise ValueError(
                f"tile={self.tile!r}: give more than {self.weight_slices} rows, which the reference lines take"
            )

    @property
    def cells_of_weight(self) -> int:
        """Cells of a weight, or of a slice of one."""
        return 2 if self.weight_mapping == "differential-pair" else 1

    @property
    def rows_of_tile(self) -> int:
        """Lines of a tile that hold weights; a pair counts as one."""
        references = self.weight_slices if self.weight_mapping == "offset-column" else 0
        return self.tile[0] // self.cells_of_weight - references

    @property
    def has_real_adcs(self) -> bool:
        """Whether ADCs have offsets or non-linearities."""
        return bool(self.adc_offset or self.adc_dnl or self.adc_inl)

    @property
    def slice_bits(self) -> int:
        """Bits of the magnitudes of a slice of inputs."""
        return -(-((self.dac_bits or 1) - 1) // self.input_slices)

    @property
    def line_bits(self) -> int | None:
        """Bits of what drives a line at a time: those of a slice, and a sign."""
        return self.dac_bits if self.input_slices == 1 else self.slice_bits + 1

    def _require_age(self) -> None:
        if self.training_age is None:
            return
        try:
            low, high = (checks.positive("training_age", each, "s") for each in self.training_age)
        except (TypeError, ValueError) as error:
            raise ValueError(f"training_age={self.training_age!r}: give two times in s above 0") from error
        if low > high:
            raise ValueError(f"training_age={self.training_age!r}: give the shorter time first")
        if self.training != "hardware-aware":
            raise ValueError("training_age is that of cells that training draws: give training='hardware-aware'")
        if self.device.fluctuation is None:
            raise ValueError("training_age is that of cells that change in time: give params.with_fluctuation(...)")

    @property
    def device(self) -> DeviceParams:
        """The parameter set."""
        return as_device_params(self.params)

    @property
    def full_voltage(self) -> float:
        """Voltage in V of a full-scale input."""
        return self.device.u_read if self.read_voltage is None else self.read_voltage

    @property
    def required_wires(self) -> Wires:
        """The wires, of a configuration that has some."""
        assert self.wires is not None  # for type checkers
        return self.wires

    @property
    def window(self) -> tuple[float, float]:
        """Conductances in S that represent a weight of 0 and full scale."""
        return _window_of(self.device, self.share)

    def _require_tolerance(self) -> None:
        noise = _read_deviation(self.device, self.bandwidth)
        if not (math.isfinite(self.tolerance) and self.tolerance > 3.0 * noise):
            raise ValueError(
                f"tolerance={self.tolerance!r} S: a read of the lowest LRS scatters by {noise:.2g} S at a bandwidth of "
                f"{self.bandwidth:g} Hz, so give more than three times that, or a smaller bandwidth"
            )

    def __deepcopy__(self, memo: dict[int, object]) -> "AnalogConfig":
        return self  # all fields are immutable


@functools.lru_cache(64)
def _window_of(params: DeviceParams, share: float) -> tuple[float, float]:
    """Return the window of conductances that a share of the cycles of a population reach.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    share : float
        Coverage of `reachable_window`.

    Returns
    -------
    low, high : float
        S.
    """
    low, high = reachable_window(params, share)
    return float(low), float(high)


def _read_deviation(params: DeviceParams, bandwidth: float) -> float:
    """Return the standard deviation of one read at the read voltage, of a cell in the lowest LRS, the noisiest.

    Parameters
    ----------
    params : DeviceParams
        The device population.
    bandwidth : float
        Hz.

    Returns
    -------
    float
        S.
    """
    u, g = params.u_read, params.constants().g_llrs
    return float(np.sqrt(noise_variance(g, u, bandwidth))) / u
