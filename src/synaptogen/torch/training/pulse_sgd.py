"""Training in the cells: weight updates are pulses, see `synaptogen.torch.pulses` for what a pulse does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synaptogen._utils import checks, seed_of
from synaptogen.torch.layers import AnalogLayer

from .pulse_cells import PulsedPairs

RULES = ("threshold", "stochastic", "sign", "tiki-taka")
MOST_PULSES = 16  # of a weight in one transfer; what is left waits for the next
SPREAD = 4.0  # full scale, in units of the bound 1/sqrt(inputs) of torch's initial weights


class PulseSGD(torch.optim.Optimizer):
    """Stochastic gradient descent by pulses on the cells of `Linear` and convolution layers.

    At construction the cells of each layer are made anew and both cells of each pair are written to the middle of
    the window, so that the first weights are the devices' own spread. Parameters without cells (biases) are updated
    digitally, with the same rate. ``state_dict`` holds the cells, so that a run resumes bit for bit.

    Parameters
    ----------
    model : torch.nn.Module
        Converted; its layers are put on the new cells.
    lr : float
        Learning rate.
    rule : {"threshold", "stochastic", "sign", "tiki-taka"}
        Updates wait in a digital sum until they are worth a pulse; a pulse comes with the probability of update over
        effect of a pulse; each weight whose update is larger than the effect of ``dead`` pulses gets one pulse; or
        stochastic pulses go to a second array, from which they are transferred, see below.
    step : float
        By how many V a pulse is higher than the last one that the cell saw.
    dead : float
        See "sign".
    transfer_every : int
        Of "tiki-taka": after so many updates one column (the weights of one input) of the second array is read.
    transfer_rate : float
        Of "tiki-taka": the weights are to move by so much of what that column has moved since it was read last.
    seed : int, optional
        Of cells and of stochastic pulses.

    Notes
    -----
    "tiki-taka" follows Gokmen (Front. Artif. Intell. 4:699148, 2021): gradients go as pulses to a fast array A; columns
    of A are read in turn, added to a digital sum, and that sum is turned into pulses on the array C which the layer
    reads. There A tends to a symmetry point, where pulses up and down cancel. Cells that can only be RESET gradually
    have none, so here a read of A counts from the last read of the same pair.

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
        transfer_every: int = 1,
        transfer_rate: float = 0.2,
        seed: int | None = None,
    ) -> None:
        checks.one_of("rule", rule, RULES)
        layers = [m for m in model.modules() if isinstance(m, AnalogLayer) and "weight" in dict(m.named_parameters())]
        if not layers:
            raise ValueError("model has no linear or convolution layer on cells: convert it first")
        if not lr > 0 or not step > 0 or not transfer_rate > 0:
            raise ValueError(f"lr={lr!r}, step={step!r}, transfer_rate={transfer_rate!r}: give numbers above 0")
        checks.positive_int("transfer_every", transfer_every)
        if any(layer.analog.config.wires is not None for layer in layers):
            raise ValueError("pulses are given as if wires had no resistance: convert with wires=None")
        super().__init__(model.parameters(), {"lr": lr})
        seeds = np.random.SeedSequence(seed_of(seed)).spawn(len(layers))
        self.rule, self.dead = rule, dead
        if rule == "tiki-taka":
            kind: Callable[..., PulsedLayer] = TikiTaka
            options: dict[str, Any] = {"every": transfer_every, "rate": transfer_rate}
        else:
            kind, options = PulsedLayer, {"rule": rule, "dead": dead}
        self.layers = [kind(layer, step, own, **options) for layer, own in zip(layers, seeds, strict=True)]
        self._weights = {id(layer.weight) for layer in layers}

    @property
    def pulses(self) -> int:
        """Update pulses so far."""
        return sum(pairs.pulses for layer in self.layers for pairs in layer.arrays)

    @property
    def renewals(self) -> int:
        """Pairs renewed so far."""
        return sum(pairs.renewals for layer in self.layers for pairs in layer.arrays)

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
        for each in self.layers:
            if each.layer.weight.grad is not None:
                each.update(-rate * each.layer.weight.grad)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """As torch's, with the cells of all layers, their history, and the generators."""
        return {**super().state_dict(), "cells": {"rule": self.rule, "layers": [each.state() for each in self.layers]}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; the layers read these cells.

        Raises
        ------
        ValueError
            If it is that of another rule or of layers of other shapes. Nothing has changed then.
        """
        held = state_dict.get("cells")
        if held is None:
            raise ValueError("state_dict holds no cells: give that of a PulseSGD")
        given = held["rule"], [each["arrays"][0]["shape"] for each in held["layers"]]
        own = self.rule, [list(each.arrays[0].shape) for each in self.layers]
        if given != own:
            raise ValueError(f"state_dict is of rule and layers {given}, this optimiser has {own}: make it alike")
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "cells"})
        for each, state in zip(self.layers, held["layers"], strict=True):
            each.load(state)


class PulsedLayer:
    """A layer whose weights are pairs of cells that pulses move."""

    def __init__(
        self, layer: AnalogLayer, step: float, seed: np.random.SeedSequence, rule: str = "threshold", dead: float = 0.0
    ) -> None:
        self.layer, self.rule, self.dead = layer, rule, dead
        part = layer.analog
        self.full = SPREAD / np.sqrt(part.inputs)
        self.pairs = PulsedPairs((part.groups * part.outputs, part.inputs), part.config, step, seed)
        self.arrays = [self.pairs]
        with torch.no_grad():
            self._show(ranges=True)

    def update(self, change: Tensor) -> None:
        """Make a change of the weights with pulses."""
        self._apply(change.detach().cpu().double().numpy().reshape(self.pairs.shape) / self.full)
        self._show()

    def _apply(self, wanted: NDArray[Any]) -> None:
        self.pairs.pulse(self.pairs.signs(wanted, self.rule, self.dead))

    def _show(self, ranges: bool = False) -> None:
        """Let the layer read these cells."""
        part = self.layer.analog
        weight = self.layer.matrix()
        plus, minus = (
            torch.from_numpy(np.ascontiguousarray(r, np.float32)).to(part.difference).reshape(weight.shape)
            for r in self.pairs.cells.r
        )
        part.hold(plus, minus, torch.full_like(part.full_scale, float(self.full)), ranges=ranges)
        if ranges:
            # the range of conversion has to hold weights that are yet to come
            part.adc_range.mul_(SPREAD)
        self.layer.weight.copy_(part.weights().reshape(self.layer.weight.shape).to(self.layer.weight))

    def state(self) -> dict[str, Any]:
        """For checkpoints."""
        return {"arrays": [pairs.state() for pairs in self.arrays]}

    @torch.no_grad()
    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        for pairs, each in zip(self.arrays, state["arrays"], strict=True):
            pairs.load(each)
        self._show()


class TikiTaka(PulsedLayer):
    """Gradients go to a fast array, whose columns are transferred in turn to the one that the layer reads."""

    def __init__(
        self, layer: AnalogLayer, step: float, seed: np.random.SeedSequence, every: int = 1, rate: float = 0.2
    ) -> None:
        slow, fast = seed.spawn(2)
        super().__init__(layer, step, slow)
        self.every, self.rate = every, rate
        self.fast = PulsedPairs(self.pairs.shape, layer.analog.config, step, fast)
        self.arrays.append(self.fast)
        self.reference = self.fast.read()
        self.updates = 0

    def _apply(self, wanted: NDArray[Any]) -> None:
        renewed, jump = self.fast.pulse(self.fast.signs(wanted, "stochastic", 0.0))
        self.reference[renewed] += jump
        self.updates += 1
        if self.updates % self.every == 0:
            self._transfer(slice(None), self.updates // self.every % self.fast.shape[1])

    def _transfer(self, *column: Any) -> None:
        read = self.fast.read()[column]
        moved = self.rate * (read - self.reference[column])
        self.reference[column] = read
        for _ in range(MOST_PULSES):
            pulses = self.pairs.signs(moved, "threshold", 0.0, column)
            if not pulses.any():
                break
            self.pairs.pulse(pulses)
            moved = np.zeros_like(moved)

    def state(self) -> dict[str, Any]:
        """For checkpoints."""
        return {**super().state(), "reference": torch.from_numpy(self.reference.copy()), "updates": self.updates}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        super().load(state)
        self.reference, self.updates = state["reference"].cpu().numpy().copy(), state["updates"]
