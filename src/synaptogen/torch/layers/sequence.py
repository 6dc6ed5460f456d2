"""Recurrent layers: recurrent cells on virtual cells, stepped over a sequence, in layers and both directions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from synaptogen._utils import seed_of
from synaptogen.torch.config import AnalogConfig

from .recurrent import GRUCell, LSTMCell, Recurrent, RNNCell, State


class Stepped(nn.Module):
    """Base of recurrent layers. ``cells`` holds the layers, the two directions of each next to each other."""

    digital: type[nn.RNNBase]
    kind: type[Recurrent]

    def __init__(self, *args: Any, config: AnalogConfig | None = None, **options: Any) -> None:
        super().__init__()
        layer = self.digital(*args, **options)
        if reason := why_not(layer):
            raise ValueError(f"this is {reason}")
        self._take(layer, AnalogConfig() if config is None else config, None)

    @classmethod
    def from_digital(cls, layer: nn.RNNBase, config: AnalogConfig, seed: int | None = None) -> Any:
        """A layer that shares the parameters of a digital one."""
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._take(layer, config, seed)
        return made.train(layer.training)

    def _take(self, layer: nn.RNNBase, config: AnalogConfig, seed: int | None) -> None:
        self.input_size, self.hidden_size, self.num_layers = layer.input_size, layer.hidden_size, layer.num_layers
        self.batch_first, self.dropout, self.bidirectional = layer.batch_first, layer.dropout, layer.bidirectional
        names = [f"_l{number}{way}" for number in range(layer.num_layers) for way in self._ways(layer.bidirectional)]
        seeds = np.random.SeedSequence(seed_of(config.seed if seed is None else seed)).generate_state(
            len(names), np.uint64
        )
        self.cells = nn.ModuleList(
            self._cell(layer, name).attach(config, int(own)) for name, own in zip(names, seeds, strict=True)
        )

    @staticmethod
    def _ways(bidirectional: bool) -> Sequence[str]:
        return ("", "_reverse") if bidirectional else ("",)

    def _cell(self, layer: nn.RNNBase, name: str) -> Recurrent:
        more = {"nonlinearity": layer.nonlinearity} if isinstance(layer, nn.RNN) else {}
        kind: Any = self.kind
        made = kind(getattr(layer, f"weight_ih{name}").shape[1], layer.hidden_size, layer.bias, device="meta", **more)
        for part, _ in list(made.named_parameters(recurse=False)):
            made.register_parameter(part, getattr(layer, part + name))
        return made

    def forward(self, x: Any, hx: Any = None) -> tuple[Any, Any]:
        """As torch's: tensors with or without a batch, or a packed sequence."""
        if isinstance(x, PackedSequence):
            padded, lengths = pad_packed_sequence(x)
            out, state = self._run(padded, self._given(hx), lengths.to(padded.device))
            order = torch.arange(len(lengths)) if x.sorted_indices is None else x.sorted_indices.cpu()
            data = pack_padded_sequence(out[:, order.to(out.device)], lengths[order]).data
            return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices), self._shown(state)
        batched = x.dim() == 3
        if not batched:
            begin = self._given(hx)
            given = None if begin is None else tuple(h.unsqueeze(1) for h in begin)
            out, state = self._run(x.unsqueeze(1), given, None)
            return out.squeeze(1), self._shown(tuple(h.squeeze(1) for h in state))
        out, state = self._run(x.transpose(0, 1) if self.batch_first else x, self._given(hx), None)
        return out.transpose(0, 1) if self.batch_first else out, self._shown(state)

    def _given(self, hx: Any) -> State | None:
        return None if hx is None else hx if self.kind.states > 1 else (hx,)

    def _shown(self, state: State) -> Any:
        return state if self.kind.states > 1 else state[0]

    def _run(self, x: Tensor, given: State | None, lengths: Tensor | None) -> tuple[Tensor, State]:
        """Outputs (steps, batch, features) and last states, each (layers * directions, batch, hidden)."""
        # a step belongs to a sequence while it lasts
        alive = None if lengths is None else torch.arange(len(x), device=x.device)[:, None] < lengths
        ways, last = len(self._ways(self.bidirectional)), []
        for number in range(self.num_layers):
            outputs = []
            for way in range(ways):
                place = number * ways + way
                begin = None if given is None else tuple(h[place] for h in given)
                out, state = self._along(self.cells[place], x, begin, alive, way == 1)
                outputs.append(out)
                last.append(state)
            x = torch.cat(outputs, -1)
            if number + 1 < self.num_layers:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True))

    @staticmethod
    def _along(
        cell: Any, x: Tensor, state: State | None, alive: Tensor | None, backwards: bool
    ) -> tuple[Tensor, State]:
        """One direction of a layer. The input weights are read for all steps at once."""
        cells = cell.begin()
        of_input = cell.of_input(x, cells)
        state = cell.rest(x[0]) if state is None else state
        out: list[Tensor] = [x] * len(x)
        for t in reversed(range(len(x))) if backwards else range(len(x)):
            new = cell.step(of_input[t], state, cells)
            if alive is not None:
                new = tuple(torch.where(alive[t, :, None], n, old) for n, old in zip(new, state, strict=True))
            state = new
            out[t] = state[0] if alive is None else state[0] * alive[t, :, None]
        return torch.stack(out), state


class RNN(Stepped):
    """`torch.nn.RNN` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    digital, kind = nn.RNN, RNNCell


class LSTM(Stepped):
    """`torch.nn.LSTM` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's but ``proj_size``."""

    digital, kind = nn.LSTM, LSTMCell


class GRU(Stepped):
    """`torch.nn.GRU` on cells; ``config`` is an `AnalogConfig`, the other arguments are torch's."""

    digital, kind = nn.GRU, GRUCell


def why_not(layer: nn.RNNBase) -> str:
    """Why this layer cannot be converted, if so."""
    return "an LSTM with proj_size, which no cell here computes" if layer.proj_size else ""
