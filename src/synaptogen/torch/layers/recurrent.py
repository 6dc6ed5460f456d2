"""Recurrent cells: both products are read from virtual cells, the gates are digital."""

from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig

from .base import AnalogCells, AnalogLayer, adopt

State: TypeAlias = tuple[Tensor, ...]
"""Hidden state, and of an LSTM the cell state, each of shape (..., hidden_size)."""


class PassCells(NamedTuple):
    """Cells of both products in one pass, as `AnalogCells.for_pass` returns them.

    Attributes
    ----------
    input, hidden : tensor or None
        Drawn cells of the input weights and of the hidden weights.
    """

    input: Tensor | None
    hidden: Tensor | None


class Recurrent(AnalogLayer, nn.RNNCellBase):
    """Base class of recurrent cells: torch's parameters, and cells for input and hidden weights.

    A subclass is combined with a recurrent cell of torch, and defines `gates`, ``forward`` and the number of its
    states.
    """

    analog_hidden: AnalogCells
    states = 1

    def attach(self, config: AnalogConfig | None = None, seed: int | None = None) -> Self:
        """Make cells for the present weights.

        Parameters
        ----------
        config, seed
            See `AnalogLayer.attach`.

        Returns
        -------
        Recurrent
            The layer itself.
        """
        config = AnalogConfig() if config is None else config
        seeds = np.random.SeedSequence(seed_of(config.seed if seed is None else seed)).generate_state(2, np.uint64)
        self.analog = AnalogCells.holding(self.weight_ih.unsqueeze(0), config, int(seeds[0]))
        self.analog_hidden = AnalogCells.holding(self.weight_hh.unsqueeze(0), config, int(seeds[1]))
        return self.train(self.training)

    def held_weights(self) -> list[tuple[str, nn.Parameter, AnalogCells]]:
        """Return the weights that cells hold, with their names, and these cells."""
        parts = ("weight_ih", self.analog), ("weight_hh", self.analog_hidden)
        return [(name, self.get_parameter(name), part) for name, part in parts]

    def program(self) -> None:
        """Write the present weights to new cells of the same seeds."""
        self.analog.program(self.weight_ih.unsqueeze(0))
        self.analog_hidden.program(self.weight_hh.unsqueeze(0))

    @classmethod
    def from_digital(cls, layer: nn.RNNCellBase, config: AnalogConfig, seed: int | None = None) -> Self:
        """Make a layer that shares the parameters of a digital one.

        Parameters
        ----------
        layer : torch.nn.RNNCell, LSTMCell or GRUCell
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        RNNCell, LSTMCell or GRUCell
        """
        more = {"nonlinearity": layer.nonlinearity} if isinstance(layer, nn.RNNCell) else {}
        kind: Any = cls  # subclasses take the arguments of torch's cells, not those of RNNCellBase
        made: Self = kind(layer.input_size, layer.hidden_size, layer.bias, device="meta", **more)
        return adopt(made, layer).attach(config, seed)

    def begin(self, x: Tensor) -> PassCells:
        """Return the cells of one pass over a sequence with inputs ``x``."""
        return PassCells(
            self.analog.for_pass(self.weight_ih.unsqueeze(0), x),
            self.analog_hidden.for_pass(self.weight_hh.unsqueeze(0), x),
        )

    def input_product(self, x: Tensor, cells: PassCells) -> Tensor:
        """Multiply inputs, of one step or several, by the input weights, and add the bias.

        Parameters
        ----------
        x : tensor of shape (..., input_size)
            Inputs.
        cells : PassCells
            Cells of the pass.

        Returns
        -------
        tensor of shape (..., gates * hidden_size)
        """
        y = self.analog.read_with(x, self.weight_ih.unsqueeze(0), cells.input)
        return y + self.bias_ih.to(y.dtype) if self.bias else y

    def hidden_product(self, h: Tensor, cells: PassCells) -> Tensor:
        """Multiply a hidden state by the hidden weights, and add the bias.

        Parameters
        ----------
        h : tensor of shape (..., hidden_size)
            Hidden state.
        cells : PassCells
            Cells of the pass.

        Returns
        -------
        tensor of shape (..., gates * hidden_size)
        """
        y = self.analog_hidden.read_with(h, self.weight_hh.unsqueeze(0), cells.hidden)
        return y + self.bias_hh.to(y.dtype) if self.bias else y

    def initial_state(self, x: Tensor) -> State:
        """Return the state before the first step, zeros, for inputs of shape (..., input_size)."""
        return (x.new_zeros(*x.shape[:-1], self.hidden_size),) * self.states

    def step(self, from_input: Tensor, state: State, cells: PassCells) -> State:
        """Advance the state by one step.

        Parameters
        ----------
        from_input : tensor of shape (..., gates * hidden_size)
            Result of `input_product`.
        state : tuple of tensors of shape (..., hidden_size)
            State before the step.
        cells : PassCells
            Cells of the pass.

        Returns
        -------
        tuple of tensors of shape (..., hidden_size)
            State after the step; the first tensor is the output.
        """
        return self.gates(from_input, self.hidden_product(state[0], cells), state)

    def gates(self, from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        """Compute the next state from both products.

        Parameters
        ----------
        from_input, from_hidden : tensors of shape (..., gates * hidden_size)
            Results of `input_product` and `hidden_product`.
        state : tuple of tensors of shape (..., hidden_size)
            State before the step.

        Returns
        -------
        tuple of tensors of shape (..., hidden_size)
            State after the step.

        Raises
        ------
        NotImplementedError
            In this base class.
        """
        raise NotImplementedError

    def _next(self, x: Tensor, state: State | None) -> State:
        cells = self.begin(x)
        return self.step(self.input_product(x, cells), self.initial_state(x) if state is None else state, cells)


class _OneState(Recurrent):
    """Base class of recurrent cells without a cell state."""

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the next hidden state.

        Parameters
        ----------
        x : tensor of shape (..., input_size)
            Inputs.
        hx : tensor of shape (..., hidden_size), optional
            Hidden state; default: zeros.

        Returns
        -------
        tensor of shape (..., hidden_size)
        """
        return self._next(x, None if hx is None else (hx,))[0]


class RNNCell(_OneState, nn.RNNCell):
    """`torch.nn.RNNCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""

    def gates(self, from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        """Compute the one gate.

        Parameters
        ----------
        from_input, from_hidden, state
            See `Recurrent.gates`.

        Returns
        -------
        tuple of one tensor
        """
        both = from_input + from_hidden
        return (torch.tanh(both) if self.nonlinearity == "tanh" else torch.relu(both),)


class LSTMCell(Recurrent, nn.LSTMCell):
    """`torch.nn.LSTMCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""

    states = 2

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Return the next hidden and cell state.

        Parameters
        ----------
        x : tensor of shape (..., input_size)
            Inputs.
        hx : pair of tensors of shape (..., hidden_size), optional
            Hidden and cell state; default: zeros.

        Returns
        -------
        h, c : tensors of shape (..., hidden_size)
        """
        h, c = self._next(x, hx)
        return h, c

    def gates(self, from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        """Compute the four gates.

        Parameters
        ----------
        from_input, from_hidden, state
            See `Recurrent.gates`.

        Returns
        -------
        tuple of two tensors
        """
        enter, forget, candidate, leave = (from_input + from_hidden).chunk(4, -1)
        c = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(c), c


class GRUCell(_OneState, nn.GRUCell):
    """`torch.nn.GRUCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""

    def gates(self, from_input: Tensor, from_hidden: Tensor, state: State) -> State:
        """Compute the three gates.

        Parameters
        ----------
        from_input, from_hidden, state
            See `Recurrent.gates`.

        Returns
        -------
        tuple of one tensor
        """
        reset, update, candidate = zip(from_input.chunk(3, -1), from_hidden.chunk(3, -1), strict=True)
        new = torch.tanh(candidate[0] + torch.sigmoid(reset[0] + reset[1]) * candidate[1])
        return (new + torch.sigmoid(update[0] + update[1]) * (state[0] - new),)
