"""Layers of classes that nobody has named: recognised by what they compute, or left alone."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there
from torch.nn import functional  # noqa: E402

import synaptogen as sg  # noqa: E402

IDEAL = sg.torch.AnalogConfig(bandwidth=0, dac_bits=None, adc_bits=None, programming="ideal", seed=1)
CLOSE = 0.05  # cells of the preset are not quite linear in the voltage


def off(y, z):
    return float(((y - z).norm() / y.norm()).detach())


class Own(nn.Module):
    """Has a weight of 6 outputs and 4 inputs, or of the shape given."""

    def __init__(self, shape=(6, 4), bias=6):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.randn(bias))


class OwnLinear(Own):
    def forward(self, x):
        return functional.linear(x, self.weight, self.bias)


class ByMatmul(Own):
    def forward(self, x):
        return torch.matmul(x, self.weight.t()) + self.bias


class Turned(Own):
    def __init__(self):
        super().__init__((4, 6))

    def forward(self, x):
        return torch.addmm(self.bias, x.reshape(-1, 4), self.weight).view(*x.shape[:-1], 6)


class OnlyVectors(Own):
    def __init__(self):
        super().__init__((4, 4), 4)

    def forward(self, x):
        return torch.addmm(self.bias, x, self.weight)


class Einsum(Own):
    def forward(self, x):
        return torch.einsum("...i,oi->...o", x, self.weight)


class Standardised(nn.Conv2d):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.gain = nn.Parameter(torch.full((self.out_channels, 1, 1, 1), 2.0))

    def forward(self, x):
        weight = (self.weight - self.weight.mean((1, 2, 3), keepdim=True)) * self.gain
        return self._conv_forward(x, weight, self.bias)


class Binary(nn.Linear):
    def forward(self, x):
        return functional.linear(x, self.weight.sign(), self.bias)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (OwnLinear, (5, 4)),
        (ByMatmul, (5, 3, 4)),
        (Turned, (5, 4)),
        (Einsum, (5, 4)),
        (OnlyVectors, (5, 4)),
        (lambda: Binary(4, 6), (5, 4)),
        (lambda: Standardised(4, 6, 3, padding=1, stride=2), (2, 4, 9, 9)),
        (lambda: Standardised(4, 6, 3, groups=2, dilation=2), (2, 4, 9, 9)),
        (lambda: OwnConvolution(), (2, 4, 9)),
    ],
)
def test_layers_that_compute_a_product_go_to_cells(make, shape):
    model, x = nn.Sequential(make()), torch.randn(shape)
    before = torch.get_rng_state()
    (decision,) = sg.torch.convert(model, dry_run=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert (decision.convert, decision.reason) == (True, "recognised by what it computes")
    analog = sg.torch.convert(model, IDEAL)
    assert [part.counts.inputs for part in sg.torch.analog_parts(analog).values()] == [0]
    assert off(model(x), analog(x)) < CLOSE


class OwnConvolution(Own):
    def __init__(self):
        super().__init__((6, 4, 3))

    def forward(self, x):
        return functional.conv1d(x, self.weight, self.bias, stride=2, padding=1)


class Saturating(Own):
    def forward(self, x):
        return functional.linear(x, self.weight).clamp(-20, 20)


class Padded(nn.Conv2d):
    def forward(self, x):
        return super().forward(functional.pad(x, (1, 2, 1, 2)))


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Dropping(nn.Linear):
    def forward(self, x):
        return functional.linear(x, functional.dropout(self.weight, 0.5, self.training))


class Remembering(Own):
    def forward(self, x):
        y = functional.linear(x, self.weight)
        x += 1
        return y


class Failing(Own):
    def forward(self, x):
        raise RuntimeError("not so")


@pytest.mark.parametrize(
    "make",
    [
        Saturating,
        lambda: Padded(4, 6, 3),
        lambda: Doubled(4, 6),
        lambda: Dropping(4, 6),
        Remembering,
        Failing,
        lambda: nn.Bilinear(4, 4, 6),
        lambda: nn.LayerNorm((6, 4)),
    ],
)
def test_layers_that_do_more_stay_digital(make):
    (decision,) = sg.torch.convert(nn.Sequential(make()), dry_run=True)
    assert not decision.convert
    assert decision.reason


def test_recognised_layers_are_found_on_the_device_meta(tmp_path):
    """Where they have no values to be tried with: the saved cells say what they were."""

    def made():
        return nn.Sequential(Turned(), nn.Linear(6, 2)).eval()

    config = sg.torch.AnalogConfig(programming="one-shot", seed=1)
    analog, x = sg.torch.convert(made(), config), torch.randn(3, 4)
    sg.torch.save(analog, tmp_path / "model.pt")
    with torch.device("meta"):
        skeleton = made()
    loaded = sg.torch.load(tmp_path / "model.pt", skeleton)
    assert torch.equal(loaded(x), analog(x))


def test_a_weight_that_is_shared_stays_shared():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = OwnLinear(), nn.Linear(4, 6)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.a(x) + self.b(x)

    analog = sg.torch.convert(Tied(), IDEAL)
    assert analog.a.weight is analog.b.weight


# ---- mixtures of experts


class GatedExperts(nn.Module):
    """In the layout of the library transformers."""

    has_gate, has_post_expert_norm = True, False

    def __init__(self, is_transposed, has_bias):
        super().__init__()
        self.num_experts, self.is_transposed, self.has_bias = 3, is_transposed, has_bias
        up, down = torch.randn(3, 12, 4), torch.randn(3, 4, 6)
        self.gate_up_proj = nn.Parameter(up.mT.contiguous() if is_transposed else up)
        self.down_proj = nn.Parameter(down.mT.contiguous() if is_transposed else down)
        self.gate_up_proj_bias = nn.Parameter(torch.randn(3, 12))
        self.down_proj_bias = nn.Parameter(torch.randn(3, 4))

    def _apply_gate(self, x):
        gate, up = x.chunk(2, -1)
        return torch.tanh(gate) * up

    def forward(self, hidden_states, top_k_index, top_k_weights):
        out = torch.zeros_like(hidden_states)
        for k in range(3):
            up, down = (w[k] if self.is_transposed else w[k].mT for w in (self.gate_up_proj, self.down_proj))
            y = hidden_states @ up + self.has_bias * self.gate_up_proj_bias[k]
            y = self._apply_gate(y) @ down + self.has_bias * self.down_proj_bias[k]
            out += y * (top_k_weights * (top_k_index == k)).sum(1, keepdim=True)
        return out


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
def test_experts_go_to_cells_one_by_one(is_transposed, has_bias):
    model = GatedExperts(is_transposed, has_bias)
    index, weights = torch.tensor([[0, 1]] * 10 + [[1, 0]] * 10), torch.rand(20, 2)
    x = torch.randn(20, 4)
    (decision,) = sg.torch.convert(model, dry_run=True)
    assert decision.convert
    assert decision.cells == 2 * decision.weights == 2 * 3 * (48 + 24)
    analog = sg.torch.convert(model, IDEAL)
    assert off(model(x, index, weights), analog(x, index, weights)) < CLOSE  # and no warning of the third expert
    read = {name: part.counts.inputs > 0 for name, part in sg.torch.analog_parts(analog).items()}
    assert read == {f"{way}.{k}.analog": k < 2 for way in ("up", "down") for k in range(3)}


# ---- transposed convolutions


@pytest.mark.parametrize(
    ("make", "shape", "size"),
    [
        (lambda: nn.ConvTranspose1d(4, 6, 3), (2, 4, 7), None),
        (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), (2, 4, 7), None),
        (lambda: nn.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), dilation=(2, 1), bias=False), (2, 4, 5, 6), None),
        (lambda: nn.ConvTranspose2d(4, 6, 3, stride=3, output_padding=2), (4, 5, 6), None),
        (lambda: nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1), (2, 4, 5, 6), (11, 12)),
        (lambda: nn.ConvTranspose3d(2, 3, 2, stride=2), (1, 2, 3, 3, 3), None),
    ],
)
def test_transposed_convolutions(make, shape, size):
    model, x = make(), torch.randn(shape)
    more = {} if size is None else {"output_size": size}
    analog = sg.torch.convert(model, IDEAL)
    y, z = model(x, **more), analog(x, **more)
    assert y.shape == z.shape
    assert off(y, z) < CLOSE
    digital = sg.torch.to_digital(analog)
    assert type(digital) is type(model)
    assert torch.allclose(digital.weight, model.weight, atol=1e-4)
    y.sum().backward()
    z.sum().backward()
    assert torch.allclose(model.weight.grad, analog.weight.grad, rtol=1e-3, atol=1e-3)


def test_pulses_reach_transposed_convolutions():
    model = sg.torch.convert(nn.Sequential(nn.ConvTranspose1d(3, 4, 2)), sg.torch.AnalogConfig(seed=1))
    optimiser = sg.torch.PulseSGD(model, 1.0, seed=1)
    before = model[0].weight.detach().clone()
    gradient = torch.zeros_like(before)
    gradient[2, 1, 0] = 1.0
    for _ in range(5):
        model[0].weight.grad = gradient
        optimiser.step()
    moved = model[0].weight.detach() - before
    assert moved[2, 1, 0] < 0
    assert int((moved != 0).sum()) == 1
