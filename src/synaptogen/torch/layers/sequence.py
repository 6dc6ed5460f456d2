"""Recurrent layers: recurrent cells on virtual cells, stepped over a sequence, in layers and in both directions."""

from collections.abc import Sequence
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig

from .recurrent import GRUCell, LSTMCell, Recurrent, RNNCell, State

Hidden: TypeAlias = Tensor | tuple[Tensor, Tensor]
"""Hidden state, with the cell state for an LSTM, each of shape (layers * directions, batch, hidden_size)."""


class Stepped(nn.Module):
    """Base class of recurrent layers; subclasses name torch's layer and the recurrent cell.

    Parameters
    ----------
    *args, **options
        Arguments of torch's layer.
    config : AnalogConfig, optional
        Default: `AnalogConfig()`.

    Attributes
    ----------
    cells : torch.nn.ModuleList of Recurrent
        One for each layer, or two next to each other for the two directions of each layer.
    """

    digital: type[nn.RNNBase]
    kind: type[Recurrent]

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        super().__init__()
        layer = self.digital(*args, **options)
        if reason := why_not(layer):
            raise ValueError(f"this is {reason}")
        self._take(layer, AnalogConfig() if config is None else config, None)

    @classmethod
    def from_digital(cls, layer: nn.RNNBase, config: AnalogConfig, seed: int | None = None) -> Self:
        """Make a layer that shares the parameters of a digital one.

        Parameters
        ----------
        layer : torch.nn.RNN, LSTM or GRU
            The digital layer.
        config : AnalogConfig
        seed : int, optional
            Of the cells and of their noise; default: that of the configuration, or a new one.

        Returns
        -------
        RNN, LSTM or GRU
        """
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._take(layer, config, seed)
        return made.train(layer.training)

    def _take(self, layer: nn.RNNBase, config: AnalogConfig, seed: int | None) -> None:
        self.input_size, self.hidden_size, self.num_layers = layer.input_size, layer.hidden_size, layer.num_layers
        self.batch_first, self.dropout, self.bidirectional = layer.batch_first, layer.dropout, layer.bidirectional
        self.bias, self.proj_size, self.mode = layer.bias, layer.proj_size, layer.mode
        self.names = names = [
            f"_l{number}{way}" for number in range(layer.num_layers) for way in self._ways(layer.bidirectional)
        ]
        seeds = np.random.SeedSequence(seed_of(config.seed if seed is None else seed)).generate_state(
            len(names), np.uint64
        )
        self.cells = nn.ModuleList(
            self._cell(layer, name).attach(config, int(own)) for name, own in zip(names, seeds, strict=True)
        )

    def flatten_parameters(self) -> None:
        """Do nothing: torch's layers prepare their weights for fused kernels, and cells need none."""

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """Parameters of each layer and direction, in torch's order."""
        return [list(cell.parameters(recurse=False)) for cell in self.cells]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and (place := self._place(name)):
            return getattr(self.cells[place[0]], place[1])
        return super().__getattr__(name)

    def _place(self, name: str) -> tuple[int, str] | None:
        """Return the number of a cell and the name of its parameter, for a parameter of torch's layer."""
        kind, _, end = name.partition("_l")
        names: list[str] = self.__dict__.get("names", [])
        known = kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") and f"_l{end}" in names
        return (names.index(f"_l{end}"), kind) if known else None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for key in [key for key in state_dict if key.startswith(prefix)]:  # a digital layer has them all in one place
            if place := self._place(key[len(prefix) :]):
                state_dict[f"{prefix}cells.{place[0]}.{place[1]}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @staticmethod
    def _ways(bidirectional: bool) -> Sequence[str]:
        return ("", "_reverse") if bidirectional else ("",)

    def _cell(self, layer: nn.RNNBase, name: str) -> Recurrent:
        more = {"nonlinearity": layer.nonlinearity} if isinstance(layer, nn.RNN) else {}
        kind: Any = self.kind  # subclasses take the arguments of torch's cells, not those of RNNCellBase
        made: Recurrent = kind(
            getattr(layer, f"weight_ih{name}").shape[1], layer.hidden_size, layer.bias, device="meta", **more
        )
        for part, _ in list(made.named_parameters(recurse=False)):
            made.register_parameter(part, getattr(layer, part + name))
        return made

    def forward(self, x: Tensor | PackedSequence, hx: Hidden | None = None) -> tuple[Tensor | PackedSequence, Hidden]:
        """Step over sequences.

        Parameters
        ----------
        x : tensor of shape (steps, input_size), (steps, batch, input_size), or a PackedSequence
            Inputs; with ``batch_first`` (batch, steps, input_size).
        hx : tensor or pair of tensors of shape (layers * directions, batch, hidden_size), optional
            Initial state; default: zeros.

        Returns
        -------
        output : tensor or PackedSequence, as ``x``
            Outputs of the last layer, with hidden_size * directions features.
        state : like ``hx``
            State after the last step.
        """
        if isinstance(x, PackedSequence):
            padded, lengths = pad_packed_sequence(x)
            out, state = self._run(padded, self._state(hx), lengths.to(padded.device))
            order = torch.arange(len(lengths)) if x.sorted_indices is None else x.sorted_indices.cpu()
            data = pack_padded_sequence(out[:, order.to(out.device)], lengths[order]).data
            return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices), self._hidden(state)
        batched = x.dim() == 3
        if not batched:
            begin = self._state(hx)
            given = None if begin is None else tuple(h.unsqueeze(1) for h in begin)
            out, state = self._run(x.unsqueeze(1), given, None)
            return out.squeeze(1), self._hidden(tuple(h.squeeze(1) for h in state))
        out, state = self._run(x.transpose(0, 1) if self.batch_first else x, self._state(hx), None)
        return out.transpose(0, 1) if self.batch_first else out, self._hidden(state)

    def _state(self, hx: Hidden | None) -> State | None:
        if hx is None:
            return None
        return (hx,) if isinstance(hx, Tensor) and self.kind.states == 1 else tuple(hx)

    def _hidden(self, state: State) -> Hidden:
        return (state[0], state[1]) if self.kind.states > 1 else state[0]

    def _run(self, x: Tensor, given: State | None, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Return outputs (steps, batch, features) and last states, each (layers * directions, batch, hidden_size)."""
        # sequences that have ended keep their state
        alive = None if lengths is None else torch.arange(len(x), device=x.device)[:, None] < lengths
        ways, last = len(self._ways(self.bidirectional)), []
        for number in range(self.num_layers):
            outputs = []
            for way in range(ways):
                place = number * ways + way
                begin = None if given is None else tuple(h[place] for h in given)
                cell = self.cells[place]
                assert isinstance(cell, Recurrent)  # for type checkers
                out, state = self._along(cell, x, begin, alive, way == 1)
                outputs.append(out)
                last.append(state)
            x = torch.cat(outputs, -1)
            if number + 1 < self.num_layers:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True))

    @staticmethod
    def _along(
        cell: Recurrent, x: Tensor, state: State | None, alive: Tensor | None, backwards: bool
    ) -> tuple[Tensor, State]:
        """Step one direction of a layer over a sequence; the input weights are read for all steps at once."""
        cells = cell.begin(x)
        from_input = cell.input_product(x, cells)
        state = cell.initial_state(x[0]) if state is None else state
        out: list[Tensor] = [x] * len(x)
        for t in reversed(range(len(x))) if backwards else range(len(x)):
            new = cell.step(from_input[t], state, cells)
            if alive is not None:
                new = tuple(torch.where(alive[t, :, None], n, old) for n, old in zip(new, state, strict=True))
            state = new
            out[t] = state[0] if alive is None else state[0] * alive[t, :, None]
        return torch.stack(out), state


class RNN(Stepped):
    """`torch.nn.RNN` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""

    digital, kind = nn.RNN, RNNCell


class LSTM(Stepped):
    """`torch.nn.LSTM` on cells.

    Parameters
    ----------
    *args, **options
        Arguments of `torch.nn.LSTM`, except ``proj_size``.
    config : AnalogConfig, optional
        Default: `AnalogConfig()`.

    Examples
    --------
    >>> import torch
    >>> import synaptogen as sg
    >>> layer = sg.torch.LSTM(4, 6, config=sg.torch.AnalogConfig(programming="one-shot", seed=1))
    >>> out, (h, c) = layer(torch.ones(5, 2, 4))
    >>> out.shape, h.shape, c.shape
    (torch.Size([5, 2, 6]), torch.Size([1, 2, 6]), torch.Size([1, 2, 6]))
    """

    digital, kind = nn.LSTM, LSTMCell


class GRU(Stepped):
    """`torch.nn.GRU` on cells; ``config`` is an `AnalogConfig`, the other arguments are those of torch."""

    digital, kind = nn.GRU, GRUCell


def why_not(layer: nn.RNNBase) -> str:
    """Return the reason why this layer cannot be converted, or an empty string."""
    return "an LSTM with proj_size, which no cell here computes" if layer.proj_size else ""
