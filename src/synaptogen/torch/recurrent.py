"""Recurrent cells: both products are read from virtual cells, the gates are digital."""

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from synaptogen.seeds import seed_of

from .config import AnalogConfig
from .layer import AnalogCells, AnalogLayer, adopt


class _Recurrent(AnalogLayer, nn.RNNCellBase):
    """What the recurrent cells share: torch's parameters, and cells for input and hidden weights."""

    analog_hidden: AnalogCells

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

    def _products(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        of_input = self.analog.read(x, self.weight_ih.unsqueeze(0))
        of_hidden = self.analog_hidden.read(h, self.weight_hh.unsqueeze(0))
        if not self.bias:
            return of_input, of_hidden
        return of_input + self.bias_ih.to(of_input.dtype), of_hidden + self.bias_hh.to(of_hidden.dtype)

    def _rest(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:-1], self.hidden_size)


class RNNCell(_Recurrent, nn.RNNCell):
    """`torch.nn.RNNCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.RNNCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """As torch's."""
        of_input, of_hidden = self._products(x, self._rest(x) if hx is None else hx)
        return torch.tanh(of_input + of_hidden) if self.nonlinearity == "tanh" else torch.relu(of_input + of_hidden)


class LSTMCell(_Recurrent, nn.LSTMCell):
    """`torch.nn.LSTMCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.LSTMCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """As torch's."""
        h, c = (self._rest(x), self._rest(x)) if hx is None else hx
        of_input, of_hidden = self._products(x, h)
        enter, forget, candidate, leave = (of_input + of_hidden).chunk(4, -1)
        c = torch.sigmoid(forget) * c + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(c), c


class GRUCell(_Recurrent, nn.GRUCell):
    """`torch.nn.GRUCell` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        nn.GRUCell.__init__(self, *args, **options)
        if not self.weight_ih.is_meta:
            self.attach(config)

    def forward(self, x: Tensor, hx: Tensor | None = None) -> Tensor:
        """As torch's."""
        h = self._rest(x) if hx is None else hx
        of_input, of_hidden = self._products(x, h)
        reset, update, candidate = zip(of_input.chunk(3, -1), of_hidden.chunk(3, -1), strict=True)
        new = torch.tanh(candidate[0] + torch.sigmoid(reset[0] + reset[1]) * candidate[1])
        keep = torch.sigmoid(update[0] + update[1])
        return new + keep * (h - new)
