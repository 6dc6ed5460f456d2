"""Models that others wrote: containers with parameters, subclasses, computed weights, hooks, what is not on cells."""

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there
from torch.nn.utils import parametrizations, prune  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

import synaptogen as sg  # noqa: E402

Config = sg.torch.AnalogConfig
IDEAL = Config(bandwidth=0, dac_bits=None, adc_bits=None, programming="ideal", seed=1)
CLOSE = 0.05  # cells of the preset are not quite linear in the voltage


def off(y, z):
    return float(((y - z).norm() / y.norm()).detach())


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        return self.fc(x * self.scale)


def test_layers_in_a_container_with_parameters_of_its_own_go_to_cells():
    model = nn.Sequential(Block(), nn.Linear(8, 4))
    plan = sg.torch.convert(model, dry_run=True)
    assert {d.name for d in plan if d.convert} == {"0.fc", "1"}
    weights = 8 + 72 + 36
    assert (plan.weights, plan.on_cells) == (weights, 64 + 32)
    assert str(plan).splitlines()[0] == "82.8 % of 116 weights on cells (1 module stays digital: 0)"
    analog = sg.torch.convert(model, IDEAL)
    assert isinstance(analog[0].fc, sg.torch.Linear)
    x = torch.randn(5, 8)
    assert off(model(x), analog(x)) < CLOSE
    assert isinstance(sg.torch.convert(Block(), IDEAL).fc, sg.torch.Linear)


class Named(nn.Linear):
    """A subclass that computes what its base does."""

    def __init__(self, *args):
        super().__init__(*args)
        self.label = "mine"


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def test_subclasses_that_inherit_what_computes_go_to_cells_and_others_do_not():
    model = nn.Sequential(Named(8, 8), Doubled(8, 8))
    assert [d.convert for d in sg.torch.convert(model, dry_run=True)] == [True, False]


@pytest.mark.parametrize(
    "converter",
    [
        lambda layer, config, seed: sg.torch.Linear.from_digital(doubled_as_linear(layer), config, seed),
        lambda layer: doubled_as_linear(layer),
    ],
)
def test_other_classes_can_be_registered(converter):
    model = nn.Sequential(Doubled(8, 8), nn.Linear(8, 3))
    analog = sg.torch.convert(model, IDEAL, converters={Doubled: converter})
    assert isinstance(analog[0], sg.torch.Linear)
    x = torch.randn(5, 8)
    assert off(model(x), analog(x)) < CLOSE


def doubled_as_linear(layer):
    made = nn.Linear(8, 8)
    made.weight, made.bias = (nn.Parameter(2 * p.detach()) for p in (layer.weight, layer.bias))
    return made


@pytest.mark.parametrize("bad", [{Doubled: lambda layer: nn.ReLU()}, {Doubled: lambda layer: None}, {"Doubled": abs}])
def test_bad_converters(bad):
    with pytest.raises(TypeError, match="converter"):
        sg.torch.convert(nn.Sequential(Doubled(4, 4)), IDEAL, converters=bad)


def pruned():
    return prune.l1_unstructured(nn.Linear(8, 8), "weight", amount=0.5)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:.*weight_norm.*:UserWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.utils.weight_norm(nn.Linear(8, 8)),
        lambda: parametrizations.weight_norm(nn.Linear(8, 8)),
        lambda: nn.utils.spectral_norm(nn.Linear(8, 8)),
        lambda: parametrizations.spectral_norm(nn.Linear(8, 8)),
        lambda: parametrizations.orthogonal(nn.Linear(8, 8)),
        lambda: nn.utils.weight_norm(nn.Conv1d(8, 8, 1)),
        pruned,
    ],
)
def test_cells_hold_the_weight_in_effect(make):
    model = nn.Sequential(make()).eval()
    x = torch.randn(5, 8) if isinstance(model[0], nn.Linear) else torch.randn(5, 8, 3)
    y = model(x).detach()  # a pass with gradients leaves a computed tensor behind
    (decision,) = sg.torch.convert(model, dry_run=True)
    assert (decision.convert, decision.cells, decision.weights) == (True, 128, 64)
    assert decision.reason.endswith("cells hold the weight now in effect")
    analog = sg.torch.convert(model, IDEAL)
    assert off(y, analog(x)) < CLOSE
    assert [name for name, _ in analog[0].named_parameters()] in (["weight", "bias"], ["bias", "weight"])
    assert torch.equal(model(x), y)  # the digital model is as it was


def test_hooks_go_over_with_the_layer():
    def double_inputs(module, inputs):
        return (2 * inputs[0],)

    def triple_outputs(module, inputs, output):
        return 3 * output

    model = nn.Sequential(nn.Linear(8, 8, bias=False))
    x = torch.randn(5, 8)
    y = model(x)
    model[0].register_forward_pre_hook(double_inputs)
    model[0].register_forward_hook(triple_outputs)
    assert off(6 * y, sg.torch.convert(model, IDEAL)(x)) < CLOSE


def test_a_forward_that_was_set_on_a_layer_goes_over_if_it_can():
    model, x = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8)), torch.randn(5, 8)
    former = model[0].forward
    model[0].forward = lambda v: 2 * former(v)
    analog = sg.torch.convert(model, IDEAL)
    assert isinstance(analog[0], sg.torch.Linear)
    assert off(model(x), analog(x)) < CLOSE
    layer = model[0]
    model[0].forward = lambda v: nn.functional.linear(v, layer.weight)
    assert "set on this object" in sg.torch.convert(model, dry_run=True)[0].reason


class Mixing(nn.Module):
    """A product with a parameter of its own, beside a module without any."""

    def __init__(self):
        super().__init__()
        self.mix, self.act = nn.Parameter(torch.ones(4, 4)), nn.ReLU()

    def forward(self, x):
        return self.act(x @ self.mix)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: torch.jit.script(nn.Linear(4, 4)), "compiled by torch.jit"),
        (lambda: torch.jit.trace(nn.Linear(4, 4), torch.zeros(1, 4)), "compiled by torch.jit"),
        (lambda: nn.Bilinear(4, 4, 4), "no layer here computes this kind"),
        (Mixing, "no layer here computes this kind"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_stays_digital_says_why(make, reason):
    model = nn.Sequential(make(), nn.Linear(4, 2))
    first, last = sg.torch.convert(model, dry_run=True)
    assert (first.name, first.convert, last.convert) == ("0", False, True)
    assert first.reason.startswith(reason)
    assert first.weights == sum(p.numel() for p in model[0].parameters())
    if not isinstance(model[0], nn.Bilinear):
        assert sg.torch.convert(model, IDEAL)(torch.ones(3, 4)).shape == (3, 2)


@pytest.mark.filterwarnings("ignore")  # torch warns of the end of its own quantisation
def test_quantised_weights_are_counted_and_named():
    """They are no parameters of torch, and still weights that stay digital."""
    supported = torch.backends.quantized.supported_engines
    if not any(engine != "none" for engine in supported):
        pytest.skip("this build of torch quantises nothing")
    inner = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 4))
    quantised = torch.ao.quantization.quantize_dynamic(inner, {nn.Linear}, dtype=torch.qint8)
    plan = sg.torch.convert(nn.Sequential(quantised, nn.Linear(4, 2)), dry_run=True)
    assert [(d.convert, d.weights) for d in plan] == [(False, 24 + 6), (False, 24 + 4), (True, 8)]
    assert (plan.weights, plan.on_cells) == (58 + 10, 8)
    assert all(d.reason.startswith("holds quantised weights") for d in plan[:2])


class Elsewhere(nn.Module):
    def __init__(self, use):
        super().__init__()
        self.fc, self.conv, self.out, self.use = nn.Linear(8, 8), nn.Conv1d(8, 8, 3, groups=8), nn.Linear(8, 2), use

    def forward(self, x):
        return self.out(getattr(self, self.use)(x))

    def linear(self, x):
        return nn.functional.linear(x, self.fc.weight, self.fc.bias)

    def keywords(self, x):
        return nn.functional.linear(bias=2 * self.fc.bias, weight=self.fc.weight, input=x)

    def turned(self, x):
        return x @ self.fc.weight.t() + torch.addmm(self.fc.bias, x, self.fc.weight.T)

    def from_left(self, x):
        return (self.fc.weight @ x.t()).t()

    def convolved(self, x):
        y = nn.functional.conv1d(x.t(), self.conv.weight.squeeze(1).unsqueeze(1), padding=2, groups=8)
        return y[:, 1:-1].t()

    def added(self, x):
        return x + self.fc.weight.sum()


@pytest.mark.parametrize("use", ["linear", "keywords", "turned", "from_left", "convolved"])
def test_products_with_weights_outside_of_their_layers_are_read_from_cells(use):
    torch.manual_seed(0)
    model, x = Elsewhere(use), torch.randn(6, 8)
    name, unused = ("conv", "fc") if use == "convolved" else ("fc", "conv")
    analog = sg.torch.convert(nn.Sequential(nn.Identity(), model), IDEAL, exclude=f"1.{unused}")
    layer = analog[1].get_submodule(name)
    for one in (analog, analog, copy.deepcopy(analog), pickle.loads(pickle.dumps(analog))):
        before = one[1].get_submodule(name).analog.counts.inputs
        y = one(x)
        assert one[1].get_submodule(name).analog.counts.inputs > before
        assert off(model(x), y) < CLOSE
    analog(x).square().sum().backward()
    model(x).square().sum().backward()
    assert off(model.get_submodule(name).weight.grad, layer.weight.grad) < 2 * CLOSE
    with pytest.raises(RuntimeError):
        analog(torch.randn(3, 7))
    assert off(model(x), analog(x)) < CLOSE


def test_such_a_model_is_not_compiled_without_its_cells():
    analog = sg.torch.convert(Elsewhere("linear"), IDEAL, exclude="conv")
    analog(torch.randn(3, 8))
    with pytest.raises(Exception, match="outside of the layer's forward"):
        torch.export.export(analog, (torch.randn(3, 8),), strict=False)


def test_cells_that_are_never_read_are_named():
    analog, x = sg.torch.convert(Elsewhere("added"), IDEAL, exclude="conv"), torch.randn(3, 8)
    analog(torch.zeros(0, 8))  # nothing can be read in an empty batch
    with pytest.raises(RuntimeError):
        analog(torch.zeros(3, 7))
    with pytest.warns(UserWarning, match=r"did not read the cells of 1 layer \(fc\)"):
        analog(x)
    analog(x)  # said once
    assert not analog._forward_hooks
    assert not analog._forward_pre_hooks


def test_tables_are_counted_by_themselves():
    model = nn.ModuleDict(
        {"table": nn.Embedding(10, 8), "tied": nn.Embedding(12, 8), "head": nn.Linear(8, 12, bias=False)}
    )
    model["head"].weight = model["tied"].weight
    plan = sg.torch.convert(model, dry_run=True)
    assert (plan.weights, plan.on_cells, plan.in_tables) == (176, 96, 80)
    assert str(plan).startswith("54.5 % of 176 weights on cells, 100.0 % without tables that are looked up (2 modules")


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_inputs_that_are_not_real_are_refused(kind):
    analog = sg.torch.convert(nn.Linear(4, 2), IDEAL)
    with pytest.raises(TypeError, match="floating-point"):
        analog(torch.ones(3, 4).to(kind))
    matmul = sg.torch.AnalogMatmul(Config(seed=1))
    with pytest.raises(TypeError, match="floating-point"):
        matmul(torch.ones(2, 3), torch.ones(3, 2).to(kind))


def test_outputs_without_weights_have_no_error():
    layer = nn.Linear(8, 4, bias=False)
    with torch.no_grad():
        layer.weight[1] = 0
    analog = sg.torch.convert(layer, Config(seed=1, programming="one-shot"))
    y = analog(torch.randn(20, 8))
    assert not y[:, 1].any()
    assert y[:, 0].all()
    matmul, b = sg.torch.AnalogMatmul(Config(seed=1)), torch.randn(8, 4)
    b[:, 2] = 0
    assert not matmul(torch.randn(20, 8), b)[:, 2].any()


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("training", ["cells", "hardware-aware"])
def test_checkpointed_passes_draw_the_same_numbers(training, reentrant):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 4))
    one = sg.torch.convert(model, Config(seed=1, training=training, programming="one-shot")).train()
    other = copy.deepcopy(one)
    x = torch.randn(6, 8, requires_grad=True)
    one(x).square().sum().backward()
    y = checkpoint(other[:2], x, use_reentrant=reentrant)
    checkpoint(other[2:], y, use_reentrant=reentrant).square().sum().backward()
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)
    for a, b in zip(sg.torch.analog_parts(one).values(), sg.torch.analog_parts(other).values(), strict=True):
        assert torch.equal(a.noise, b.noise)
    assert not torch.equal(one(x), one(x))  # other passes have other noise


def test_weights_that_are_trained_away_from_their_cells_are_told():
    model = sg.torch.convert(nn.Sequential(nn.Linear(8, 4)), Config(seed=1)).train()
    optimiser, x = torch.optim.SGD(model.parameters(), 0.1), torch.randn(6, 8)
    model(x).square().sum().backward()
    optimiser.step()
    with pytest.warns(UserWarning, match="its reads do not follow"):
        model(x)
    sg.torch.program(model)
    model(x)


def test_a_layer_keeps_little_of_its_programming():
    analog = sg.torch.convert(nn.Linear(30, 20), Config(seed=1, programming="one-shot"))
    record = analog.analog.report
    assert record.pulses.dtype == np.uint16
    assert set(record.pulses.tolist()) == {2}
    assert record.total_energy > 0
    assert record.failed.shape == (1200,)
    assert "2.0 pulses a cell" in sg.torch.summary(pickle.loads(pickle.dumps(analog)))


# ---- PulseSGD


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.fc = nn.LSTM(4, 6), nn.Linear(6, 2)

    def forward(self, x):
        self.rnn.flatten_parameters()  # as is customary
        return self.fc(self.rnn(x)[0])


def test_pulses_reach_recurrent_layers():
    model = sg.torch.convert(Recurrent(), Config(seed=1))
    optimiser = sg.torch.PulseSGD(model, 5.0, rule="stochastic", seed=1)
    parts = sg.torch.analog_parts(model)
    before = {name: part.weights().clone() for name, part in parts.items()}
    for _ in range(5):
        optimiser.zero_grad()
        model(torch.randn(3, 2, 4)).square().sum().backward()
        optimiser.step()
    assert set(parts) == {"rnn.cells.0.analog", "rnn.cells.0.analog_hidden", "fc.analog"}
    for name, part in parts.items():
        assert not torch.equal(part.weights(), before[name])
    held = dict(model.named_parameters())
    assert torch.equal(held["rnn.cells.0.weight_ih"], parts["rnn.cells.0.analog"].weights()[0])


def test_frozen_and_shared_weights_are_named_and_left_alone():
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    model[1].weight = model[0].weight
    model[2].requires_grad_(False)
    analog = sg.torch.convert(model, Config(seed=1))
    before = [layer.analog.weights().clone() for layer in analog]
    with pytest.warns(UserWarning, match="stay as they are") as told:
        optimiser = sg.torch.PulseSGD(analog, 5.0, rule="stochastic", seed=1)
    assert "0.weight, 1.weight" in str(told[0].message)
    assert "2.weight" in str(told[1].message)
    analog(torch.randn(5, 6)).sum().backward()
    optimiser.step()
    for k in range(3):
        assert torch.equal(analog[k].analog.weights(), before[k])
        assert torch.equal(analog[k].weight, model[k].weight)
    assert len(optimiser.layers) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_gradients_that_are_not_finite_count_as_zero(bad):
    def trained(first):
        model = sg.torch.convert(nn.Sequential(nn.Linear(6, 5)), Config(seed=1))
        optimiser = sg.torch.PulseSGD(model, 0.1, seed=1)
        for gradient in (first, *[torch.full((5, 6), 0.2)] * 20):
            model[0].weight.grad = gradient
            optimiser.step()
        return model[0].weight

    with pytest.warns(UserWarning, match=r"0\.weight holds 30 values"):
        found = trained(torch.full((5, 6), bad))
    assert torch.equal(found, trained(torch.zeros(5, 6)))


def test_pulsed_training_can_be_copied_and_pickled():
    model = sg.torch.convert(nn.Sequential(nn.Linear(6, 5)), Config(seed=1))
    pair = model, sg.torch.PulseSGD(model, 0.5, rule="stochastic", seed=1)
    results = []
    for one, optimiser in (copy.deepcopy(pair), pickle.loads(pickle.dumps(pair)), pair):
        for _ in range(3):
            one[0].weight.grad = torch.full((5, 6), 0.1)
            optimiser.step()
        results.append(one[0].weight.detach())
    assert torch.equal(results[0], results[2])
    assert torch.equal(results[1], results[2])


def test_pulsed_training_can_start_from_trained_weights():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 20))
    analog = sg.torch.convert(model, Config(seed=1))
    sg.torch.PulseSGD(analog, 0.1, keep_weights=True, seed=1)
    kept = np.corrcoef(analog[0].weight.detach().ravel(), model[0].weight.detach().ravel())[0, 1]
    sg.torch.PulseSGD(analog, 0.1, seed=1)
    lost = np.corrcoef(analog[0].weight.detach().ravel(), model[0].weight.detach().ravel())[0, 1]
    assert kept > 0.8
    assert abs(lost) < 0.2  # five standard deviations of 600 weights


# ---- states


def test_a_state_fits_models_with_other_tiles_wires_and_training():
    torch.manual_seed(0)
    digital, x = nn.Sequential(nn.Linear(16, 4)), torch.randn(5, 16)
    first = sg.torch.convert(digital, Config(seed=1, training="hardware-aware")).eval()
    for options in ({}, {"tile": (8, 8)}, {"wires": sg.crossbar.Wires(1, 1), "training": "hardware-aware"}):
        other = sg.torch.convert(nn.Sequential(nn.Linear(16, 4)), Config(seed=2, **options)).eval()
        other.load_state_dict(first.state_dict())
        assert torch.allclose(other[0].analog.weights(), first[0].analog.weights(), atol=1e-6)
        assert off(digital(x), other(x)) < 0.2


def test_a_state_keeps_seed_and_calibration():
    model, x = nn.Sequential(nn.Linear(16, 4)), torch.randn(50, 16)
    first = sg.torch.calibrate(sg.torch.convert(model, Config(seed=1)), [x])
    other = sg.torch.convert(model, Config(seed=2))
    other.load_state_dict(first.state_dict())
    assert other[0].analog.calibrated
    assert torch.equal(sg.torch.program(other)[0].analog.difference, sg.torch.program(first)[0].analog.difference)
    older = {key: value for key, value in first.state_dict().items() if "origin" not in key}
    other.load_state_dict(older)  # of an earlier version


def test_weights_of_a_digital_recurrent_layer_fit():
    digital = nn.LSTM(4, 6, num_layers=2, bidirectional=True)
    analog = sg.torch.convert(digital, IDEAL)
    other = nn.LSTM(4, 6, num_layers=2, bidirectional=True)
    analog.load_state_dict(other.state_dict(), strict=False)
    for name, value in other.named_parameters():
        assert torch.equal(getattr(analog, name), value)
    assert len(analog.all_weights) == 4
    assert analog.mode == "LSTM"


@pytest.mark.parametrize(
    ("batch", "call"),
    [
        ({"x": torch.randn(20, 6)}, None),
        ([torch.randn(20, 6), torch.zeros(20)], None),
        ((torch.randn(20, 6),), None),
        ("text", lambda model, text: model(torch.randn(20, 6))),
    ],
)
def test_calibration_takes_batches_of_many_forms(batch, call):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 6)

        def forward(self, x):
            return self.fc(x)

    model = sg.torch.calibrate(sg.torch.convert(Model(), Config(seed=1)), [batch], call=call)
    assert model.fc.analog.calibrated


def test_calibration_names_batches_that_it_does_not_know():
    with pytest.raises(TypeError, match="call=lambda"):
        sg.torch.calibrate(sg.torch.convert(nn.Linear(6, 6), Config(seed=1)), ["text"])


# ---- torch's transforms


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_transforms_without_noise_work_and_with_noise_say_why_not():
    layer, x = sg.torch.convert(nn.Linear(6, 3), IDEAL), torch.randn(5, 6)
    assert torch.allclose(torch.func.vmap(layer)(x), layer(x), atol=1e-6)
    assert off(torch.func.jacrev(layer)(x[0]), layer.weight) < CLOSE
    noisy = sg.torch.convert(nn.Linear(6, 3), Config(seed=1))
    with pytest.raises(RuntimeError, match="same read noise"):
        torch.func.vmap(noisy)(x)
    with pytest.raises(TypeError, match=r"torch\.export"):
        torch.fx.symbolic_trace(nn.Sequential(layer))


# ---- back to digital


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Linear(6, 4), (5, 6)),
        (nn.Conv2d(4, 6, 3, padding=1, groups=2), (2, 4, 5, 5)),
        (nn.GRU(6, 5, num_layers=2, bidirectional=True, batch_first=True), (3, 4, 6)),
        (nn.RNN(6, 5, nonlinearity="relu"), (3, 4, 6)),
        (nn.LSTMCell(6, 5), (3, 6)),
        (nn.TransformerEncoderLayer(6, 2, 12, dropout=0.0, batch_first=True), (3, 4, 6)),
    ],
)
def test_the_network_that_cells_hold(model, shape):
    torch.manual_seed(0)
    analog = sg.torch.convert(
        model.eval(), Config(seed=1, programming="one-shot", bandwidth=0, dac_bits=None, adc_bits=None)
    )
    digital, x = sg.torch.to_digital(analog), torch.randn(shape)

    def output(of):
        with torch.no_grad():
            y = of(x)
        while isinstance(y, tuple):
            y = y[0]
        return y

    assert not any(isinstance(module, sg.torch.AnalogMatrix) for module in digital.modules())
    assert {k: v.shape for k, v in digital.state_dict().items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert off(output(digital), output(analog)) < CLOSE
    assert off(output(digital), output(model)) > 1e-3  # the errors of programming
    with pytest.raises(ValueError, match="no cells"):
        sg.torch.to_digital(digital)
