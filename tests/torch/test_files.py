"""Saved models are built again without writing cells, and go on bit for bit."""

import io
import sys

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.torch import programming  # noqa: E402

Config = sg.torch.AnalogConfig


class Net(nn.Module):
    """With layers of many kinds, and a weight that two layers share."""

    def __init__(self):
        super().__init__()
        self.conv, self.rnn = nn.Conv1d(3, 6, 3, padding=1), nn.GRU(6, 6, batch_first=True)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.a, self.b, self.norm = nn.Linear(6, 6), nn.Linear(6, 6), nn.LayerNorm(6)
        self.b.weight = self.a.weight

    def forward(self, x):
        y = self.rnn(self.conv(x).mT)[0]
        return self.b(torch.tanh(self.a(self.norm(self.attention(y, y, y)[0]))))


@pytest.fixture(params=[".pt", ".safetensors"])
def file(request, tmp_path):
    return tmp_path / f"chip{request.param}"


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_saved_model_goes_on_bit_for_bit(file, device, monkeypatch):
    x = torch.randn(4, 3, 5)
    params = sg.DeviceParams.preset("hennen2024")
    others = {"a": Config(params=params, wires=sg.crossbar.Wires(1, 2), tile=(8, 8), seed=3)}
    analog = sg.torch.convert(
        Net(), Config(programming="one-shot", training="hardware-aware", seed=1), per_layer=others, exclude="conv"
    ).eval()
    sg.torch.calibrate(analog, [x])
    analog(x)
    sg.torch.save(analog, file)
    with torch.device(device):
        digital = Net().eval()
    monkeypatch.setattr(programming, "program_cells", None)  # nothing is written
    again = sg.torch.load(file, digital)
    assert again.b.weight is again.a.weight
    assert type(again.conv) is nn.Conv1d
    assert again.a.analog.config == others["a"]
    assert again.a.analog.seed == analog.a.analog.seed
    assert again.attention.q_proj.analog.calibrated
    for _ in range(2):
        assert torch.equal(again(x), analog(x))
    again.train()
    assert again(x).shape == (4, 5, 6)


def test_what_does_not_fit_is_refused(file):
    model = sg.torch.convert(nn.Sequential(nn.Linear(4, 3)), Config(programming="ideal", seed=1))
    sg.torch.save(model, file)
    with pytest.raises(ValueError, match=r"cells of 0\.analog"):
        sg.torch.load(file, nn.Sequential(nn.ReLU(), nn.Linear(4, 3)))
    with pytest.raises(ValueError, match="another model"):
        sg.torch.load(file, nn.Sequential(nn.Linear(5, 3)))
    with pytest.raises(ValueError, match="no cells"):
        sg.torch.save(nn.Linear(4, 3), file)
    with pytest.raises(ValueError, match=r"\.safetensors or \.pt"):
        sg.torch.save(model, file.with_suffix(".bin"))


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    model = sg.torch.convert(nn.Linear(4, 3), Config(programming="ideal", seed=1))
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ModuleNotFoundError, match="need the library safetensors"):
        sg.torch.save(model, tmp_path / "chip.safetensors")


def test_other_files_are_refused(tmp_path):
    torch.save({"weight": torch.ones(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="no model that"):
        sg.torch.load(tmp_path / "other.pt", nn.Linear(4, 3))


def test_exported_programs_can_be_saved_and_loaded():
    model = sg.torch.convert(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 3)).eval(), Config(seed=0))
    x, file = torch.randn(4, 1, 6, 6), io.BytesIO()
    torch.export.save(torch.export.export(model, (x,)), file)
    file.seek(0)
    assert torch.equal(torch.export.load(file).module()(x), model(x))
