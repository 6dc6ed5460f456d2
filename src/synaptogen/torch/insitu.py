"""Training in the cells: weight updates are pulses.

RESET is gradual: a pulse a little higher than the last one lowers a cell's conductance a little, never raises it (a
ratchet). SET is abrupt. So each weight, a pair of cells, moves up by a RESET pulse on its negative cell and down by
one on its positive cell, and a pair of which a cell has come to the end of its range is renewed: both are SET, and
RESET to the weight that was read, open-loop, which costs an error of the device's cycle-to-cycle spread. (The scheme of
phase-change memory with its roles exchanged; Burr et al., IEEE Trans. Electron Devices 62:3498, 2015.)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synaptogen import checks
from synaptogen.array import CellArray
from synaptogen.crossbar.typical import typical_of
from synaptogen.seeds import seed_of

from .layer import AnalogLayer

RULES = ("threshold", "stochastic", "sign")
SPREAD = 4.0  # full scale, in units of the bound 1/sqrt(inputs) of torch's initial weights


class PulseSGD(torch.optim.Optimizer):
    """Stochastic gradient descent by pulses on the cells of `Linear` and convolution layers.

    At construction the cells of each layer are made anew and both cells of each pair are written to the middle of
    the window, so that the first weights are the devices' own spread. Parameters without cells (biases) are updated
    digitally, with the same rate.

    Parameters
    ----------
    model : torch.nn.Module
        Converted; its layers are put on the new cells.
    lr : float
        Learning rate.
    rule : {"threshold", "stochastic", "sign"}
        Updates wait in a digital sum until they are worth a pulse; a pulse comes with the probability of update over
        effect of a pulse; or each weight whose update is larger than the effect of ``dead`` pulses gets one pulse.
    step : float
        By how many V a pulse is higher than the last one that the cell saw.
    dead : float
        See "sign".
    seed : int, optional
        Of cells and of stochastic pulses.

    Attributes
    ----------
    pulses, renewals : int
        Update pulses so far; pairs renewed so far.
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        *,
        rule: str = "threshold",
        step: float = 0.02,
        dead: float = 0.1,
        seed: int | None = None,
    ) -> None:
        checks.one_of("rule", rule, RULES)
        layers = [m for m in model.modules() if isinstance(m, AnalogLayer) and "weight" in dict(m.named_parameters())]
        if not layers:
            raise ValueError("model has no linear or convolution layer on cells: convert it first")
        if not lr > 0 or not step > 0:
            raise ValueError(f"lr={lr!r}, step={step!r}: give numbers above 0")
        if any(layer.analog.config.wires is not None for layer in layers):
            raise ValueError("pulses are given as if wires had no resistance: convert with wires=None")
        super().__init__(model.parameters(), {"lr": lr})
        seeds = np.random.SeedSequence(seed_of(seed)).spawn(len(layers))
        self.arrays = [PulsedPairs(layer, step, own) for layer, own in zip(layers, seeds, strict=True)]
        self.rule, self.dead = rule, dead
        self._weights = {id(layer.weight) for layer in layers}

    @property
    def pulses(self) -> int:
        """Update pulses so far."""
        return sum(array.pulses for array in self.arrays)

    @property
    def renewals(self) -> int:
        """Pairs renewed so far."""
        return sum(array.renewals for array in self.arrays)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Apply one update."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        rate = self.param_groups[0]["lr"]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and id(parameter) not in self._weights:
                    parameter.add_(parameter.grad, alpha=-group["lr"])
        for array in self.arrays:
            if array.layer.weight.grad is not None:
                array.update(-rate * array.layer.weight.grad, self.rule, self.dead)
        return loss


class PulsedPairs:
    """The cells of one layer, and what their controller keeps: the last amplitude of each, updates not yet made."""

    def __init__(self, layer: AnalogLayer, step: float, seed: np.random.SeedSequence) -> None:
        self.layer, self.voltage_step = layer, step
        part = layer.analog
        self.params, self.constants = part.config.device, part.constants
        self.low, self.high = part.config.window
        self.typical = typical_of(self.params)
        self.shape = (part.groups * part.outputs, part.inputs)
        self.random = np.random.default_rng(seed)
        self.cells = CellArray((2, *self.shape), self.params, rng=seed, bandwidth=part.config.bandwidth)
        self.full = SPREAD / np.sqrt(part.inputs)
        span = self.typical.amplitudes[self.typical.conductances > self.low]
        self.top = float(span[-1])  # V; beyond it the median cell is below the window
        begin = self._amplitudes(np.array(self.high))
        self.quantum = step / (self.top - float(begin))  # of full scale
        self.waiting = np.zeros(self.shape)
        self.amplitude = np.zeros((2, *self.shape))
        self.pulses = self.renewals = 0
        self._write(np.zeros(self.shape), np.ones(self.shape, bool), middle=True)
        with torch.no_grad():
            self._show(ranges=True)

    def update(self, change: Tensor, rule: str, dead: float) -> None:
        """Make a change of the weights with pulses."""
        wanted = change.detach().cpu().double().numpy().reshape(self.shape) / self.full
        up = self._pulses(wanted, rule, dead)
        index = np.stack([up < 0, up > 0])  # which cell of the pair is RESET a little
        spent = np.any(index & (self.amplitude + self.voltage_step > self.top), axis=0)
        if spent.any():
            self._write(self._read(), spent, middle=False)
            self.renewals += int(spent.sum())
        self.amplitude[index] += self.voltage_step
        self.cells.apply_voltage(np.where(index, self.amplitude, 0.0))
        self.pulses += int(index.sum())
        self._show()

    def _pulses(self, wanted: NDArray[Any], rule: str, dead: float) -> NDArray[Any]:
        """-1, 0 or 1 for each weight."""
        if rule == "sign":
            return np.asarray(np.sign(wanted) * (np.abs(wanted) > dead * self.quantum))
        if rule == "stochastic":
            return np.asarray(np.sign(wanted) * (self.random.random(self.shape) < np.abs(wanted) / self.quantum))
        self.waiting += wanted
        pulses = np.sign(self.waiting) * (np.abs(self.waiting) >= self.quantum)
        self.waiting -= pulses * self.quantum
        return np.asarray(pulses)

    def _read(self) -> NDArray[Any]:
        """Weights over full scale, as a noisy read gives them."""
        g = self.cells.read().astype(float) / self.params.u_read
        return np.asarray((g[0] - g[1]) / (self.high - self.low))

    def _write(self, weights: NDArray[Any], where: Any, middle: bool) -> None:
        """SET and RESET pairs, open-loop: as high in the window as the weight allows, or around its middle."""
        half = np.clip(weights, -1.0, 1.0) / 2
        centre = 0.5 if middle else 0.95 - np.abs(half)
        share = np.clip(np.stack([centre + half, centre - half]), 0.0, 1.0)
        amplitudes = self._amplitudes(self.low + share * (self.high - self.low))
        both = np.broadcast_to(where, (2, *self.shape))
        # a full RESET first: only a cell in its HRS begins a new cycle
        for u in (self.params.u_max, self.typical.u_set, amplitudes):
            self.cells.apply_voltage(u, where=both)
        self.amplitude[both] = amplitudes[both]

    def _amplitudes(self, g: NDArray[Any]) -> NDArray[Any]:
        return np.interp(-g, -self.typical.conductances, self.typical.amplitudes)

    def _show(self, ranges: bool = False) -> None:
        """Let the layer read these cells."""
        part = self.layer.analog
        weight = self.layer.matrix()
        plus, minus = (
            torch.from_numpy(np.ascontiguousarray(r, np.float32)).to(part.difference).reshape(weight.shape)
            for r in self.cells.r
        )
        part.hold(plus, minus, torch.full_like(part.full_scale, float(self.full)), ranges=ranges)
        if ranges:
            # the range of conversion has to hold weights that are yet to come
            part.adc_range.mul_(SPREAD)
        self.layer.weight.copy_(part.weights().reshape(self.layer.weight.shape).to(self.layer.weight))
