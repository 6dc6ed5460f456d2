"""Recurrent cells: both products are read from virtual cells, the gates are digital."""

from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig

from .base import AnalogCells, AnalogLayer, adopt

State: TypeAlias = tuple[Tensor, ...]


class Pass(NamedTuple):
    """What stands for the cells of both products in one pass."""

    input: Tensor | None
    hidden: Tensor | None


class Recurrent(AnalogLayer, nn.RNNCellBase):
    """What the recurrent cells share: torch's parameters, and cells for input and hidden weights."""

    analog_hidden: AnalogCells
    states = 1

    def attach(self, config: AnalogConfig | None = None, seed: int | None = None) -> Self:
        """Make cells for the present weights."""
        config = AnalogConfig() if config is None else config
        seeds = np.random.SeedSequence(seed_of(config.seed if seed is None else seed)).generate_state(2, np.uint64)
        self.analog = AnalogCells.holding(self.weight_ih.unsqueeze(0), config, int(seeds[0]))
        self.analog_hidden = AnalogCells.holding(self.weight_hh.unsqueeze(0), config, int(seeds[1]))
        return self.train(self.training)

    def program(self) -> None:
        """Write the present weights to new cells of the same seeds."""
        self.analog.program(self.weight_ih.unsqueeze(0))
        self.analog_hidden.program(self.weight_hh.unsqueeze(0))

    @classmethod
    def from_digital(cls, layer: Any, config: AnalogConfig, seed: int | None = None) -> Any:
        """A cell that shares the parameters of a digital one."""
        more = {"nonlinearity": layer.nonlinearity} if isinstance(layer, nn.RNNCell) else {}
        kind: Any = cls
        made = kind(layer.input_size, layer.hidden_size, layer.bias, device="meta", **more)
        return adopt(made, layer).attach(config, seed)

    def begin(self) -> Pass:
        """Cells for one pass, as `AnalogCells.for_pass`."""
        return Pass(
            self.analog.for_pass(self.weight_ih.unsqueeze(0)), self.analog_hidden.for_pass(self.weight_hh.unsqueeze(0))
        )

    def of_input(self, x: Tensor, cells: Pass) -> Tensor:
        """Product of the input weights, of one step or several."""
        y = self.analog.read_with(x, self.weight_ih.unsqueeze(0), cells.input)
        return y + self.bias_ih.to(y.dtype) if self.bias else y

    def of_hidden(self, h: Tensor, cells: Pass) -> Tensor:
        """Product of the hidden weights."""
        y = self.analog_hidden.read_with(h, self.weight_hh.unsqueeze(0), cells.hidden)
        return y + self.bias_hh.to(y.dtype) if self.bias else y

    def rest(self, x: Tensor) -> State:
        """The state before the first step."""
        return (x.new_zeros(*x.shape[:-1], self.hidden_size),) * self.states

    def step(self, of_input: Tensor, state: State, cells: Pass) -> State:
        """The next state, of which the first part is the output."""
        return self.gates(of_input, self.of_hidden(state[0], cells), state)

    def gates(self, of_input: Tensor, of_hidden: Tensor, state: State) -> State:
        """What is computed of both products."""
        raise NotImplementedError

    def _next(self, x: Tensor, state: State | None) -> State:
        cells = self.begin()
        return self.step(self.of_input(x, cells), self.rest(x) if state is None else state, cells)


class RNNCell(Recurrent, nn.RNNCell):
    """`torch.nn.RNNCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.RNNCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """As torch's."""
        return self._next(x, None if hx is None else (hx,))[0]

    def gates(self, of_input: Tensor, of_hidden: Tensor, state: State) -> State:
        """One gate."""
        both = of_input + of_hidden
        return (torch.tanh(both) if self.nonlinearity == "tanh" else torch.relu(both),)


class LSTMCell(Recurrent, nn.LSTMCell):
    """`torch.nn.LSTMCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.LSTMCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    states = 2

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """As torch's."""
        h, c = self._next(x, hx)
        return h, c

    def gates(self, of_input: Tensor, of_hidden: Tensor, state: State) -> State:
        """Four gates."""
        enter, forget, candidate, leave = (of_input + of_hidden).chunk(4, -1)
        c = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(c), c


class GRUCell(Recurrent, nn.GRUCell):
    """`torch.nn.GRUCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.GRUCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """As torch's."""
        return self._next(x, None if hx is None else (hx,))[0]

    def gates(self, of_input: Tensor, of_hidden: Tensor, state: State) -> State:
        """Three gates."""
        reset, update, candidate = zip(of_input.chunk(3, -1), of_hidden.chunk(3, -1), strict=True)
        new = torch.tanh(candidate[0] + torch.sigmoid(reset[0] + reset[1]) * candidate[1])
        return (new + torch.sigmoid(update[0] + update[1]) * (state[0] - new),)
