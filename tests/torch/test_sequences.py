"""Recurrent layers over sequences: torch's, but for their products."""

import copy
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn
KINDS = [
    (nn.RNN, {"nonlinearity": "relu"}),
    (nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    (nn.GRU, {"bidirectional": True, "batch_first": True, "bias": False}),
    (nn.GRU, {"num_layers": 2}),
]


def flat(result):
    """All tensors of what a recurrent layer returns."""
    out, state = result
    return [getattr(out, "data", out), *(state if isinstance(state, tuple) else [state])]


def close(wanted, given):
    for one, other in zip(flat(wanted), flat(given), strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() < 0.05


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_layers_are_torchs(kind, options, plain):
    digital = kind(5, 4, **options)
    analog = sg.torch.convert(digital, plain)
    x = torch.randn(3, 6, 5) / 2
    close(digital(x), analog(x))
    batch = 3 if options.get("batch_first") else 6
    ways = digital.num_layers * (1 + digital.bidirectional)
    begin = torch.randn(ways, batch, 4) / 2
    state = (begin, -begin) if kind is nn.LSTM else begin
    close(digital(x, state), analog(x, state))
    alone = (begin[:, 0], -begin[:, 0]) if kind is nn.LSTM else begin[:, 0]
    close(digital(x[0], alone), analog(x[0], alone))
    analog(x)[0].sum().backward()
    assert all(p.grad is not None for p in analog.parameters())


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_packed_sequences(kind, options, sort, plain):
    digital = kind(5, 4, **options)
    analog = sg.torch.convert(digital, plain)
    lengths = [6, 4, 1] if sort else [4, 1, 6]
    packed = nn.utils.rnn.pack_sequence([torch.randn(n, 5) / 2 for n in lengths], enforce_sorted=sort)
    close(digital(packed), analog(packed))
    # packed with the same order: torch's own function takes it apart
    pairs = zip(*(nn.utils.rnn.pad_packed_sequence(layer(packed)[0]) for layer in (digital, analog)), strict=True)
    for one, other in pairs:
        assert (one - other).abs().max() < 0.05


def test_errors_stay_for_a_sequence():
    """In hardware-aware training each pass draws cells once: all steps see the same ones, the next pass others."""
    config = Config(training="hardware-aware", programming="one-shot", bandwidth=0, seed=1)
    layer = sg.torch.RNN(3, 4, nonlinearity="relu", bias=False, config=config).train()
    with torch.no_grad():
        layer.cells[0].weight_hh.zero_()
    layer.cells[0].program()
    layer.cells[0].analog_hidden.errors.zero_()
    x = torch.rand(1, 2, 3).expand(5, -1, -1)
    out = layer(x)[0]
    assert torch.equal(out[0], out[4])
    assert not torch.equal(layer(x)[0], out)


def test_made_and_saved_like_torchs():
    layer = sg.torch.LSTM(3, 4, 2, batch_first=True, dropout=0.5, config=Config(seed=1))
    other = sg.torch.LSTM(3, 4, 2, batch_first=True, dropout=0.5, config=Config(seed=2))
    other.load_state_dict(layer.state_dict())
    x = torch.rand(2, 5, 3)
    assert torch.equal(layer.eval()(x)[0], other.eval()(x)[0])
    assert not torch.equal(*(layer.train()(x)[0] for _ in range(2)))
    copied = copy.deepcopy(layer).eval()
    layer.eval()
    assert torch.equal(layer(x)[0], copied(x)[0])


def test_dry_run_tells_what_layers_become():
    model = nn.ModuleDict({"lstm": nn.LSTM(3, 2, num_layers=2, bidirectional=True), "gru": nn.GRU(3, 2)})
    plan = {d.name: d for d in sg.torch.convert(model, dry_run=True)}
    assert plan["lstm"].convert
    assert plan["lstm"].cells == 2 * (2 * 8 * (3 + 2) + 2 * 8 * (4 + 2))
    assert plan["lstm"].reason == "4 LSTMCells, stepped over the sequence"
    assert plan["gru"].reason == "1 GRUCell, stepped over the sequence"


def test_what_cannot_be_made():
    with pytest.raises(ValueError, match="proj_size, which no cell here computes"):
        sg.torch.LSTM(3, 4, proj_size=2)


def test_calibration_reaches_the_cells(plain):
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(3, 4)

        def forward(self, x):
            return self.rnn(x)[0][-1]

    analog = sg.torch.convert(Last(), replace(plain, dac_bits=8, adc_bits=8))
    sg.torch.calibrate(analog, [torch.rand(5, 2, 3)])
    assert all(part.calibrated for part in sg.torch.analog_parts(analog).values())
