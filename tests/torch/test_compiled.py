"""Whole graphs: every layer compiles without a break, and is exported, and gives what it gave."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn


class Attending(nn.Module):
    """Attention of an input to itself."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


class First(nn.Module):
    """The outputs of a recurrent layer without its state."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


MODELS = {
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, padding=1, groups=2), (2, 4, 9), {}),
    "conv3d": (lambda: nn.Conv3d(2, 4, 2, dilation=(1, 2, 1)), (2, 2, 3, 5, 4), {}),
    "attention": (Attending, (2, 5, 8), {}),
    "attention on cells": (Attending, (2, 5, 8), {"activation_products": "cells"}),
    "lstm": (lambda: First(nn.LSTM(5, 4, bidirectional=True)), (2, 2, 5), {}),
    "gru": (lambda: First(nn.GRU(5, 4)), (2, 2, 5), {}),
    "rnn": (lambda: First(nn.RNN(5, 4)), (2, 2, 5), {}),
    "wires": (lambda: nn.Linear(5, 4), (3, 5), {"wires": sg.crossbar.Wires(5.0, 5.0)}),
}


@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated")  # torch's compiler does so itself
@pytest.mark.parametrize("name", MODELS)
def test_compiled_without_a_break(name):
    """In training with drawn errors, which holds what evaluation does and more."""
    make, shape, options = MODELS[name]
    config = Config(seed=1, programming="one-shot", training="hardware-aware", **options)
    model = sg.torch.convert(make(), config).train()
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    x = torch.rand(shape)
    for _ in range(2):  # the second pass has other noise
        given, wanted = (part.clone().requires_grad_() for part in (x, x))
        one, other = compiled(given), model(wanted)
        assert torch.allclose(one, other, atol=1e-5)
        one.sum().backward()
        other.sum().backward()
        assert torch.allclose(given.grad, wanted.grad, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated")
@pytest.mark.parametrize("name", ["conv3d", "attention on cells", "lstm"])
def test_exported(name):
    make, shape, options = MODELS[name]
    model = sg.torch.convert(make(), Config(seed=1, programming="one-shot", **options)).eval()
    x = torch.rand(shape)
    with torch.no_grad():
        exported = torch.export.export(copy.deepcopy(model), (x,)).module()
        assert torch.allclose(exported(x), model(x), atol=1e-6)
        assert torch.allclose(exported(x), model(x), atol=1e-6)
