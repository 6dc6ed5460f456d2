"""What a layer is made of."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from synaptogen._utils import checks
from synaptogen.crossbar import Wires, reachable_window
from synaptogen.model import noise_variance
from synaptogen.params import DeviceParams, as_device_params
from synaptogen.state import BANDWIDTH

PROGRAMMING = ("write-verify", "one-shot", "ideal")
TRAINING = ("cells", "hardware-aware")
GRADIENTS = ("straight-through", "exact")
SCALES = ("output", "layer")
PLACES = ("digital", "cells")
WIRE_MODELS = ("effective", "exact")
MOST_BITS = 16


@dataclass(frozen=True)
class AnalogConfig:
    """How weights become cells and how products with them are read; the default is a careful, realistic design.

    Parameters
    ----------
    params : str or DeviceParams
        The device population.
    programming : {"write-verify", "one-shot", "ideal"}
        Closed loop with reads in between; SET and one partial RESET from the population's mean curve; or each cell
        exactly at its target, which no device can do but which shows what the rest costs.
    tolerance : float
        Of write-verify, in S.
    budget : int
        Of write-verify: most pulses a cell.
    share : float
        Share of the population that can reach the whole window of conductances which is used.
    scale : {"output", "layer"}
        Which weights share the full scale of the window: those of one output (a digital factor each) or all.
    tile : (int, int)
        Most rows and columns of one crossbar. A pair of rows makes one output. Each tile has its own ADC range.
    dac_bits, adc_bits : int or None
        Resolution of converters, 2 to 16; None: none.
    read_voltage : float, optional
        Voltage in V of a full-scale input; default: the read voltage of the parameter set.
    bandwidth : float
        Bandwidth in Hz of a read, which sets its noise; 0: no noise.
    wires : synaptogen.crossbar.Wires, optional
        Resistance of the lines of each tile; inputs are on bit lines, outputs on word lines. Default: none. Cells are
        written as if there were none. Give tiles of a size that wires can serve.
    wire_model : {"effective", "exact"}
        Wires are solved once, for linear cells, when cells are written, and a read costs what it costs without wires;
        or each read solves its tiles with the cells' I-V curves, which takes milliseconds a vector, on the CPU.
    activation_products : {"digital", "cells"}
        Products of two activations, which attention forms: computed in digital, or one of them is written to cells in
        every pass, see `AnalogMatmul`.
    training : {"cells", "hardware-aware"}
        What ``model.train()`` means: read the programmed cells as in evaluation, or draw for each forward pass fresh
        programming errors for the present weights, from the errors that cells of this population have.
    gradient : {"straight-through", "exact"}
        Backward pass: that of the digital layer with the stored weights, or the derivative of the currents themselves
        with respect to the input (with neither converters nor a gradient for the weights).
    seed : int, optional
        Of cells and noise. Default: fresh ones.

    Raises
    ------
    ValueError, TypeError
        If an argument is not of that kind, or no loop could reach the tolerance through the noise of its reads.
    """

    params: str | DeviceParams = "hennen2024"
    programming: str = "write-verify"
    tolerance: float = 2e-6
    budget: int = 100
    share: float = 0.95
    scale: str = "output"
    tile: tuple[int, int] = (1024, 1024)
    dac_bits: int | None = 8
    adc_bits: int | None = 8
    read_voltage: float | None = None
    bandwidth: float = BANDWIDTH
    wires: Wires | None = None
    wire_model: str = "effective"
    activation_products: str = "digital"
    training: str = "cells"
    gradient: str = "straight-through"
    seed: int | None = None

    def __post_init__(self) -> None:
        params = as_device_params(self.params)
        for name, known in (
            ("programming", PROGRAMMING),
            ("scale", SCALES),
            ("training", TRAINING),
            ("gradient", GRADIENTS),
            ("wire_model", WIRE_MODELS),
            ("activation_products", PLACES),
        ):
            checks.one_of(name, getattr(self, name), known)
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
        if self.programming == "write-verify":
            self._require_tolerance()

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
        """The wires, where there are some."""
        assert self.wires is not None
        return self.wires

    @property
    def window(self) -> tuple[float, float]:
        """Conductances in S that stand for a weight of 0 and for full scale."""
        return window_of(self.device, self.share)

    def _require_tolerance(self) -> None:
        noise = read_deviation(self.device, self.bandwidth)
        if not (math.isfinite(self.tolerance) and self.tolerance > 3.0 * noise):
            raise ValueError(
                f"tolerance={self.tolerance!r} S: a read of the lowest LRS scatters by {noise:.2g} S at a bandwidth of "
                f"{self.bandwidth:g} Hz, so give more than three times that, or a smaller bandwidth"
            )

    def __deepcopy__(self, memo: Any) -> "AnalogConfig":
        return self  # frozen all the way down


@functools.lru_cache(64)
def window_of(params: DeviceParams, share: float) -> tuple[float, float]:
    """The conductances in S that a share of a population can reach."""
    low, high = reachable_window(params, share)
    return float(low), float(high)


def read_deviation(params: DeviceParams, bandwidth: float) -> float:
    """Standard deviation in S of one read at the read voltage, of a cell in the lowest LRS, the noisiest."""
    u, g = params.u_read, params.constants().g_llrs
    return float(np.sqrt(noise_variance(g, u, bandwidth))) / u
