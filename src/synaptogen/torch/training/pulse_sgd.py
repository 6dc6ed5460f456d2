"""Training in the cells: an optimiser whose weight updates are pulses; `pulse_cells` describes their effect."""

import math
import warnings
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias, get_args, overload

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import Float64Array, Uninterrupted, checks, seed_of
from synaptogen.torch.interrupted import interruption
from synaptogen.torch.layers import AnalogCells, AnalogLayer

from .pulse_cells import PulsedPairs, PulseRule

Rule: TypeAlias = Literal["threshold", "stochastic", "sign", "tiki-taka"]

MOST_PULSES = 16  # of a weight in one transfer; the rest waits for the next
SPREAD = 4.0  # full scale, in units of the bound of torch's initial weights
ROOM = 2.0  # full scale over the largest weight that is kept
PATIENCE = 10  # updates after which a layer that got no pulse is named
_REMEDY_OF_NEW = "Make the optimiser again, or write the weights with sg.torch.program(model)"
_REMEDY = "Load model and optimiser from where they were saved"


class PulseSGD(torch.optim.Optimizer):
    """Stochastic gradient descent by pulses on the cells of linear, convolution and recurrent layers.

    The constructor makes new cells for each weight and programs both cells of each pair to the middle of the window, so
    that the first weights are the errors of this programming; with ``keep_weights`` it programs the present weights.
    Parameters without cells (biases) are updated digitally with the same rate. Weights that are frozen, or shared by
    several layers, stay as they are. Entries of a gradient that are not finite count as 0. ``state_dict`` holds the
    cells, so that a run resumes exactly.

    Parameters
    ----------
    model : torch.nn.Module
        A converted model; its layers then read the new cells.
    lr : float
        Learning rate.
    rule : {"threshold", "stochastic", "sign", "tiki-taka"}
        "threshold": updates wait in a digital sum until they are as large as the effect of a pulse. "stochastic": the
        probability of a pulse is the update over its effect. "sign": each weight whose update is larger than the effect
        of ``dead`` pulses gets one pulse. "tiki-taka": stochastic pulses go to a second array and are transferred from
        there, see the notes.
    step : float
        Increase in V of the amplitude from pulse to pulse of a cell.
    dead : float
        Smallest update of the rule "sign", in effects of a pulse.
    transfer_every : int
        Of "tiki-taka": number of updates after which one column (the weights of one input) of the second array is read.
    transfer_rate : float
        Of "tiki-taka": share of the change of that column since its last read that is transferred to the weights.
    keep_weights : bool
        Start from the present weights, programmed with one shot, instead of weights near 0. Full scale is then twice
        the largest weight of a layer, otherwise 4 over the root of its inputs (of a recurrent layer: of its hidden
        size), four times the bound of torch's initial weights.
    seed : int, optional
        Of cells and of stochastic pulses; default: a new one.

    Attributes
    ----------
    pulses, renewals : int
        Update pulses so far, and pairs re-programmed so far.

    Warns
    -----
    UserWarning
        If some weights get no pulses, if the first ten updates of a layer were too small for any, or if a gradient is
        not finite.

    Raises
    ------
    ValueError
        If the model has no layer on cells, a rule is not known, a number is not above 0, or a
        layer has wires.

    Notes
    -----
    "tiki-taka" follows Gokmen (Front. Artif. Intell. 4:699148, 2021): gradients are applied as pulses to a fast array
    A. Columns of A are read one after the other and added to a digital sum, which is turned into pulses on the array C
    that the layer reads. In that work A tends to a symmetry point, where pulses up and down cancel. Cells with gradual
    RESET only have no such point, so here a read of A counts from the last read of the same pair.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> config = sg.torch.AnalogConfig(programming="one-shot", seed=1)
    >>> layer = sg.torch.Linear(4, 2, config=config)
    >>> optimiser = sg.torch.PulseSGD(layer, lr=0.5, rule="stochastic", seed=1)
    >>> before = layer.weight.clone()
    >>> layer(torch.ones(8, 4)).sum().backward()
    >>> optimiser.step()
    >>> optimiser.pulses > 0, bool((layer.weight < before).any())
    (True, True)
    """

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        *,
        rule: Rule = "threshold",
        step: float = 0.02,
        dead: float = 0.1,
        transfer_every: int = 1,
        transfer_rate: float = 0.2,
        keep_weights: bool = False,
        seed: int | None = None,
    ) -> None:
        checks.one_of("rule", rule, get_args(Rule))
        served, self.held = _served(model)
        if not lr > 0 or not step > 0 or not transfer_rate > 0:
            raise ValueError(f"lr={lr!r}, step={step!r}, transfer_rate={transfer_rate!r}: give numbers above 0")
        checks.positive_int("transfer_every", transfer_every)
        if any(weight.part.config.stuck_set or weight.part.config.stuck_reset for weight in served):
            raise ValueError("pulses are not modelled for stuck cells: give stuck_set=0 and stuck_reset=0")
        if any(weight.part.config.weight_slices > 1 for weight in served):
            raise ValueError("pulses are not modelled for weights in slices: give weight_slices=1")
        if any(weight.part.config.weight_mapping != "differential-pair" for weight in served):
            raise ValueError("pulses move pairs of cells: give weight_mapping='differential-pair'")
        if any(weight.part.config.wires is not None for weight in served):
            raise ValueError("pulses are given as if wires had no resistance: convert with wires=None")
        super().__init__(model.parameters(), {"lr": lr})
        seeds = np.random.SeedSequence(seed_of(seed)).spawn(len(served))
        self.rule, self.dead = rule, dead
        with interruption("some layers hold new cells, and others not", _REMEDY_OF_NEW):
            self.layers = [
                _TikiTakaLayer(weight, step, own, transfer_every, transfer_rate, keep_weights)
                if rule == "tiki-taka"
                else _PulsedLayer(weight, step, own, rule, dead, keep_weights)
                for weight, own in zip(served, seeds, strict=True)
            ]

    @property
    def pulses(self) -> int:
        """Update pulses so far."""
        return sum(layer.pulses for layer in self.layers)

    @property
    def renewals(self) -> int:
        """Pairs re-programmed so far."""
        return sum(pairs.renewals for layer in self.layers for pairs in layer.arrays)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update all weights by pulses, and other parameters digitally; Ctrl-C meanwhile comes after the update.

        Parameters
        ----------
        closure : callable, optional
            Evaluates the model again, and returns the loss.

        Returns
        -------
        float or None
            Result of the closure.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with Uninterrupted():
            self._update()
        self._name_the_idle()
        return loss

    def _update(self) -> None:
        rate = self.param_groups[0]["lr"]
        held = {id(weight) for weight in self.held}
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and id(parameter) not in held:
                    parameter.add_(parameter.grad, alpha=-group["lr"])
        for each in self.layers:
            gradient = each.held.weight.grad
            if gradient is not None:
                each.update(-rate * _finite(gradient, each.held.name))

    def _name_the_idle(self) -> None:
        """Warn once of layers whose updates were too small for a pulse."""
        idle = [each for each in self.layers if each.updates == PATIENCE and each.moved and not each.pulses]
        if idle:
            warnings.warn(
                f"no weight got a pulse in {PATIENCE} updates of {', '.join(each.held.name for each in idle)}: "
                f"a pulse changes a weight by about {max(each.worth for each in idle):.2g}, their largest "
                f"update was {max(each.moved for each in idle):.2g}. Give a larger lr, or a smaller step",
                UserWarning,
                stacklevel=3,
            )

    @torch.no_grad()
    def wait(self, seconds: float, temperature: float | None = None) -> None:
        """Let time pass for all cells; the layers then read their states at that time, see `CellArray.wait`.

        Parameters
        ----------
        seconds : float
            How long.
        temperature : float, optional
            In K meanwhile; default: that for which the parameters hold.

        Raises
        ------
        ValueError
            If some cells stand still, or an argument is not of the kind described. No time has passed then.
        """
        checks.not_negative("seconds", seconds, "s")
        if temperature is not None:
            checks.positive("temperature", temperature, "K")
        for each in self.layers:
            if each.pairs.params.fluctuation is None:
                raise ValueError(
                    f"the cells of {each.held.name} stand still: give AnalogConfig(params=device) with "
                    "device = params.with_fluctuation(...)"
                )
        with interruption("time has passed for some layers, and not for others", _REMEDY):
            for each in self.layers:
                with Uninterrupted():
                    for pairs in each.arrays:
                        pairs.cells.wait(seconds, temperature)
                    each._show()

    def __getstate__(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("rule", "dead", "layers", "held")}
        return {**super().__getstate__(), **own}

    def state_dict(self) -> dict[str, Any]:
        """Return torch's state, with the cells of all layers, their history, and the random generators."""
        return {**super().state_dict(), "cells": {"rule": self.rule, "layers": [each.state() for each in self.layers]}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state; the layers then read these cells.

        Parameters
        ----------
        state_dict : dict
            Result of `state_dict`.

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
        with interruption("some layers hold the loaded cells, and others not", "Call load_state_dict again"):
            for each, state in zip(self.layers, held["layers"], strict=True):
                each.load(state)


class _HeldWeight(NamedTuple):
    """A weight that cells hold.

    Attributes
    ----------
    name : str
        Name of the weight in the model.
    weight : torch.nn.Parameter
        Its digital copy.
    part : AnalogCells
        Its cells.
    """

    name: str
    weight: nn.Parameter
    part: AnalogCells
    layer: AnalogLayer

    @property
    def bound(self) -> float:
        """Largest initial weight of torch: recurrent layers have one for all their weights, whatever their inputs."""
        layer: Any = self.layer
        return 1.0 / math.sqrt(layer.hidden_size if isinstance(layer, nn.RNNCellBase) else self.part.inputs)


def _served(model: nn.Module) -> tuple[list[_HeldWeight], list[nn.Parameter]]:
    """Return the weights that pulses will change, and all weights that cells hold.

    Weights that are frozen, and those that several layers share, are left as they are, and so are their cells.
    """
    found = [
        _HeldWeight(f"{name}.{key}".lstrip("."), weight, part, module)
        for name, module in model.named_modules()
        if isinstance(module, AnalogLayer)
        for key, weight, part in module.held_weights()
    ]
    if not found:
        raise ValueError("model has no layer on cells: convert it first")
    uses = Counter(id(each.weight) for each in found)
    tied = [each for each in found if uses[id(each.weight)] > 1]
    frozen = [each for each in found if not each.weight.requires_grad]
    for each, why in ((tied, "are shared by layers whose cells differ"), (frozen, "are frozen")):
        if each:
            warnings.warn(
                f"weights that {why} stay as they are, and get no pulses: {', '.join(x.name for x in each)}",
                UserWarning,
                stacklevel=3,
            )
    left_out = {id(each.weight) for each in (*tied, *frozen)}
    return [each for each in found if id(each.weight) not in left_out], [each.weight for each in found]


def _finite(gradient: Tensor, name: str) -> Tensor:
    """Return a gradient with 0 in place of what is not finite, which would stay in the sums of the rules for good."""
    finite = torch.isfinite(gradient)
    if bool(finite.all()):
        return gradient
    warnings.warn(
        f"the gradient of {name} holds {int((~finite).sum())} values that are not finite: they count as 0",
        UserWarning,
        stacklevel=4,
    )
    return torch.where(finite, gradient, torch.zeros_like(gradient))


class _PulsedLayer:
    """A weight whose pairs of cells are changed by pulses."""

    def __init__(
        self,
        held: _HeldWeight,
        step: float,
        seed: np.random.SeedSequence,
        rule: PulseRule = "threshold",
        dead: float = 0.0,
        keep: bool = False,
    ) -> None:
        self.held, self.rule, self.dead = held, rule, dead
        part = held.part
        present = self._as_matrix(held.weight)
        self.full, self.full_before = SPREAD * held.bound, SPREAD / float(np.sqrt(part.inputs))
        if keep and present.any():  # with room for weights to grow
            self.full = self.full_before = ROOM * float(np.abs(present).max())
        self.pairs = PulsedPairs((part.groups * part.outputs, part.inputs), part.config, step, seed)
        if keep:
            self.pairs.write(present / self.full)
        self.arrays = [self.pairs]
        self.updates, self.moved = 0, 0.0
        part.trainer = weakref.ref(self)
        with torch.no_grad():
            self._show(ranges=True)

    @property
    def pulses(self) -> int:
        """Update pulses so far."""
        return sum(pairs.pulses for pairs in self.arrays)

    @property
    def worth(self) -> float:
        """Expected change of a weight by one pulse."""
        return self.pairs.quantum * self.full

    def update(self, change: Tensor) -> None:
        """Change the weights, a tensor of their shape, with pulses."""
        self.updates += 1
        self.moved = max(self.moved, float(change.abs().max()))
        self._apply(self._as_matrix(change) / self.full)
        self._show()

    def _as_matrix(self, weight: Tensor) -> Float64Array:
        matrix = self.held.layer.to_matrix(weight.detach()).flatten(0, 1)
        return np.asarray(matrix.cpu().double().numpy())

    def _apply(self, wanted: Float64Array) -> None:
        self.pairs.pulse(self.pairs.signs(wanted, self.rule, self.dead))

    def _show(self, ranges: bool = False) -> None:
        """Copy the states of the cells to the layer, and its weights to the digital copy."""
        part, weight = self.held.part, self.held.weight
        shape = part.groups, part.outputs, part.inputs
        plus, minus = (
            torch.from_numpy(np.ascontiguousarray(r, np.float32)).to(part.difference).reshape(shape)
            for r in self.pairs.cells.r
        )
        part.hold(plus, minus, torch.full_like(part.full_scale, float(self.full)), ranges=ranges)
        if ranges:
            # the range must also hold the weights that training leads to
            part.adc_range.mul_(SPREAD)
        weight.copy_(self.held.layer.from_matrix(part.weights(), weight.shape).to(weight))
        part.weight_version = None  # the weight and its cells agree again

    def state(self) -> dict[str, Any]:
        """Return the state for checkpoints."""
        return {"arrays": [pairs.state() for pairs in self.arrays], "full": self.full, "updates": self.updates}

    @torch.no_grad()
    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` has returned."""
        for pairs, each in zip(self.arrays, state["arrays"], strict=True):
            pairs.load(each)
        # states of earlier versions have neither; recurrent layers had the full scale of others then
        self.full = state.get("full", self.full_before)
        self.updates = state.get("updates", PATIENCE)
        self._show()


class _TikiTakaLayer(_PulsedLayer):
    """Gradients go to a fast array, whose columns are transferred one after the other to the array of the layer."""

    def __init__(
        self,
        held: _HeldWeight,
        step: float,
        seed: np.random.SeedSequence,
        every: int = 1,
        rate: float = 0.2,
        keep: bool = False,
    ) -> None:
        slow, fast = seed.spawn(2)
        super().__init__(held, step, slow, keep=keep)
        self.every, self.rate = every, rate
        self.fast = PulsedPairs(self.pairs.shape, held.part.config, step, fast)
        self.arrays.append(self.fast)
        self.reference = self.fast.read()

    def _apply(self, wanted: Float64Array) -> None:
        reprogrammed, jump = self.fast.pulse(self.fast.signs(wanted, "stochastic", 0.0))
        self.reference[reprogrammed] += jump
        if self.updates % self.every == 0:
            self._transfer(self.updates // self.every % self.fast.shape[1])

    def _transfer(self, number: int) -> None:
        """Add the change of a column of the fast array since its last read to the weights."""
        column = slice(None), number
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
        """Return the state for checkpoints."""
        return {**super().state(), "reference": torch.from_numpy(self.reference.copy())}

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state that `state` has returned."""
        super().load(state)
        self.reference = state["reference"].cpu().numpy().copy()
