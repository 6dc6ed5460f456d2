"""Layers: their products are those of their cells, their noise is the model's, their gradients the digital layer's."""

import copy
import io
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402
from synaptogen.model.iv import conductance  # noqa: E402
from synaptogen.model.noise import noise_variance  # noqa: E402
from synaptogen.torch.crossbars.noise import choices, mixed, noise_state, normals, traced_normals  # noqa: E402
from synaptogen.torch.crossbars.quantise import quantise  # noqa: E402
from synaptogen.torch.programming import program_cells  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn
CONVOLUTIONS = [
    (nn.Conv1d, {"kernel_size": 3, "dilation": 2, "padding": "same"}, (2, 4, 11)),
    (nn.Conv1d, {"kernel_size": 2, "stride": 2, "padding": 1, "padding_mode": "circular"}, (4, 9)),
    (nn.Conv2d, {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}, (2, 4, 9, 8)),
    (nn.Conv2d, {"kernel_size": (1, 3), "groups": 4, "padding_mode": "reflect", "padding": 1}, (1, 4, 5, 6)),
    (nn.Conv3d, {"kernel_size": 2, "dilation": (1, 2, 1)}, (2, 4, 3, 5, 4)),
]


@pytest.mark.parametrize(("tile", "dac_bits"), [((1024, 1024), None), ((8, 5), None), ((1024, 1024), 4)])
def test_mean_is_the_product_of_the_cells_and_the_variance_is_the_models(tile, dac_bits, unlikely):
    """One-shot cells, made again from the seed, against the layer: 4,000 reads of 6 outputs, z-scores."""
    config = Config(programming="one-shot", dac_bits=dac_bits, adc_bits=None, tile=tile, seed=5)
    torch.manual_seed(1)
    layer = sg.torch.Linear(13, 6, bias=False, config=config)
    scaled = (layer.weight / layer.weight.abs().amax(1, keepdim=True)).detach().double().numpy()
    cells = program_cells(scaled, config, layer.analog.seed).cells
    x = torch.rand(13) * 2 - 1
    x = quantise(x / x.abs().max(), 1.0, 16 if dac_bits is None else dac_bits)
    u = x.double().numpy() * config.full_voltage
    silent = copy.deepcopy(layer)
    silent.analog.config = replace(config, bandwidth=0)
    unit = layer.analog.unit[0, 0].double().numpy() * float(x.abs().max())
    currents = cells.product(u, bandwidth=0).astype(float)
    wanted = (currents[0::2] - currents[1::2]) * unit
    scale = (np.abs(currents).max() * unit).max()
    with torch.no_grad():
        assert np.abs(silent(x).numpy() - wanted).max() < 2e-6 * scale
        reads = layer(x.expand(4000, -1)).double().numpy()
    p = config.device.constants()
    g = conductance(cells.r.astype(float), u, p)
    variance = noise_variance(g, u, config.bandwidth).sum(1).reshape(-1, 2).sum(1) * unit**2
    # float32 rounds the mean by far less than the standard error
    unlikely((reads.mean(0) - silent(x).detach().numpy()) / np.sqrt(variance / len(reads)))
    unlikely((reads.var(0, ddof=1) / variance - 1) / np.sqrt(2 / (len(reads) - 1)))


@pytest.mark.parametrize(("kind", "options", "shape"), CONVOLUTIONS)
def test_convolutions_are_torchs(kind, options, shape, plain):
    """With exact cells only the polynomials' curvature is left: some 2 % of full scale."""
    digital = kind(4, 8, **options)
    analog = sg.torch.convert(digital, plain)
    x = torch.randn(shape)
    wanted, given = digital(x), analog(x)
    assert given.shape == wanted.shape
    assert (given - wanted).abs().max() < 0.05 * wanted.abs().max()
    # the same layer as a linear one: weights that the cells hold are those of the digital layer
    held = analog.analog.weights().reshape(digital.weight.shape)
    assert torch.allclose(held, digital.weight, atol=2e-6)


@pytest.mark.parametrize(("kind", "options", "shape"), [(nn.Linear, {}, (3, 2, 4)), *CONVOLUTIONS])
def test_straight_through_gradients_are_the_digital_layers(kind, options, shape):
    digital = kind(4, 8, **options)
    analog = sg.torch.convert(digital, Config(programming="one-shot", seed=2))
    x = torch.randn(shape)
    gradients = []
    for layer in (digital, analog):
        inputs = x.clone().requires_grad_()
        (layer(inputs) * torch.linspace(-1, 1, layer(inputs).numel()).view(layer(x).shape)).sum().backward()
        gradients.append([inputs.grad, *(p.grad for p in layer.parameters())])
    for wanted, given in zip(*gradients, strict=True):
        assert torch.allclose(given, wanted, rtol=1e-5, atol=1e-5)


def test_exact_gradient(plain):
    layer = sg.torch.Linear(5, 3, config=replace(plain, gradient="exact")).double()
    layer.analog.input_range.fill_(1.0)
    x = (torch.rand(4, 5, dtype=torch.float64) * 1.5 - 0.75).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))


def test_quantiser_is_that_of_the_converters():
    bits, top = 4, 0.7
    step = top / 7
    wanted = sg.DAC(bits, -8 * step, 7 * step)
    x = np.linspace(-1.2, 1.2, 1001)
    assert np.allclose(quantise(torch.from_numpy(x), top, bits).numpy(), wanted(x), atol=1e-12)
    assert quantise(torch.zeros(1), top, bits) == 0


def test_levels_of_the_dac_are_the_formula(plain):
    """The table that stands for the formulas behind a DAC gives what the formulas give at quantised inputs."""
    fast = sg.torch.Linear(7, 3, config=replace(plain, dac_bits=5))
    slow = copy.deepcopy(fast)
    slow.analog.config = plain
    x = torch.rand(9, 7) * 2 - 1
    x[:, 0] = 1.0
    levels = quantise(x, 1.0, 5)
    assert torch.allclose(fast(x), slow(levels), atol=1e-6)


def test_normals_are_normal_and_each_read_is_fresh(unlikely):
    state = noise_state(3)
    z = normals(state, [100_000], torch.zeros(0))
    assert torch.equal(z, normals(state, [100_000], torch.zeros(0)))
    state[1] += 1
    other = normals(state, [100_000], torch.zeros(0))
    n = len(z)
    unlikely([z.mean() * n**0.5, (z.square().mean() - 1) * (n / 2) ** 0.5, (z * other).mean() * n**0.5])
    assert len({mixed(seed, count) for seed in range(50) for count in range(50)}) == 2500
    counts = torch.bincount(choices(state, [80_000], 8, z), minlength=8)
    unlikely((counts - 1e4) / (1e4 * 7 / 8) ** 0.5)


@pytest.mark.parametrize("operator", [traced_normals, choices])
def test_operators_keep_torchs_rules(operator):
    arguments = (noise_state(1), [3, 4], *([5] if operator is choices else []), torch.zeros(2))
    torch.library.opcheck(operator, arguments)


def test_saved_layers_resume_bit_for_bit(tmp_path):
    x = torch.randn(5, 8)
    layer = sg.torch.Linear(8, 4, config=Config(seed=1))
    layer(x)
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    whole = io.BytesIO()
    torch.save(layer, whole)
    copied = copy.deepcopy(layer)
    after = [layer(x), layer(x)]
    assert not torch.equal(*after)
    fresh = sg.torch.Linear(8, 4, config=Config(seed=99))
    assert not torch.equal(fresh(x), after[0])
    fresh.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    whole.seek(0)
    for other in (fresh, copied, torch.load(whole, weights_only=False)):
        assert torch.equal(other(x), after[0])
        assert torch.equal(other(x), after[1])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_types(kind):
    """States and noise keep single precision in a model of half precision, where 4kTB would be 0."""
    layer = sg.torch.Linear(32, 4, config=Config(seed=1))
    x = torch.rand(6, 32)
    wanted = copy.deepcopy(layer)(x)
    cast = layer.to(kind)
    given = cast(x.to(kind))
    assert given.dtype == cast.weight.dtype == kind
    assert cast.analog.difference.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
    assert (given.float() - wanted).abs().max() < 0.03 * wanted.abs().max()
    assert not torch.equal(cast(x.to(kind)), given)


def test_autocast():
    layer = sg.torch.Linear(16, 4, config=Config(seed=1))
    x = torch.rand(6, 16, requires_grad=True)
    wanted = copy.deepcopy(layer)(x)
    with torch.autocast("cpu", torch.bfloat16):
        given = layer(x)
        given.sum().backward()
    assert torch.equal(given.float(), wanted)
    assert x.grad is not None


@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated")  # torch's compiler does so itself
@pytest.mark.parametrize("training", [False, True])
def test_compiled_whole(training):
    config = Config(seed=1, programming="one-shot", training="hardware-aware")
    model = nn.Sequential(sg.torch.Conv2d(1, 2, 3, config=config), nn.Flatten(), sg.torch.Linear(8, 3, config=config))
    model.train(training)
    compiled = torch.compile(copy.deepcopy(model), fullgraph=True, backend="aot_eager")
    x = torch.rand(2, 1, 4, 4)
    for _ in range(2):
        assert torch.allclose(compiled(x), model(x), atol=1e-6)
    compiled(x).sum().backward()


def test_exported():
    layer = sg.torch.Linear(8, 3, config=Config(seed=1)).eval()
    x = torch.rand(2, 8)
    with torch.no_grad():
        program = torch.export.export(copy.deepcopy(layer), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
        exported = program.module()
        assert torch.equal(exported(x), layer(x))
        more = torch.rand(5, 8)
        assert torch.equal(exported(more), layer(more))


@pytest.mark.parametrize("shape", [(0, 8), (2, 0, 8), (8,), (2, 3, 8)])
def test_shapes(shape):
    layer = sg.torch.Linear(8, 3, config=Config(seed=1))
    assert layer(torch.rand(shape)).shape == (*shape[:-1], 3)


def test_inputs_of_zero_and_not_finite():
    layer = sg.torch.Linear(8, 3, bias=False, config=Config(seed=1))
    x = torch.zeros(4, 8)
    x[1, 2], x[2, 0] = torch.nan, torch.inf
    y = layer(x)
    assert torch.isfinite(y[[0, 3]]).all()
    assert torch.isnan(y[[1, 2]]).all()


def test_weights_that_are_not_finite():
    layer = sg.torch.Linear(4, 3, config=Config(seed=1))
    before = copy.deepcopy(layer.analog.state_dict())
    with torch.no_grad():
        layer.weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="weight holds NaN"):
        layer.program()
    assert all(torch.equal(before[name], value) for name, value in layer.analog.state_dict().items())


def test_weights_of_zero():
    layer = sg.torch.Linear(4, 3, config=Config(seed=1))
    with torch.no_grad():
        layer.weight.zero_()
    layer.program()
    assert torch.isfinite(layer(torch.rand(2, 4))).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerance": 1e-8}, "a read of the lowest LRS scatters"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"programming": "writeverify"}, "did you mean 'write-verify'"),
        ({"dac_bits": 1}, "dac_bits=1"),
        ({"adc_bits": 40}, "adc_bits=40"),
        ({"tile": (3, 4)}, "even number of rows"),
        ({"share": 1.5}, "share"),
        ({"read_voltage": 5.0}, "read_voltage"),
        ({"gradient": "exact"}, "a quantiser has no derivative"),
        ({"bandwidth": -1.0}, "bandwidth"),
    ],
)
def test_bad_configurations(options, message):
    with pytest.raises(ValueError, match=message):
        Config(**options)


@pytest.mark.filterwarnings("ignore:.*Function'> should not be instantiated")
@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize("bias", [True, False])
def test_recurrent_cells_are_torchs(kind, bias, plain):
    digital = kind(5, 4, bias=bias)
    analog = sg.torch.convert(digital, plain)
    x, states = torch.randn(3, 5), [None, None]
    for _ in range(3):
        states = [cell(x, state) for cell, state in zip((digital, analog), states, strict=True)]
        wanted, given = (state[0] if isinstance(state, tuple) else state for state in states)
        assert (wanted - given).abs().max() < 0.05
    given.sum().backward()
    assert all(p.grad is not None for p in analog.parameters())
    compiled = torch.compile(copy.deepcopy(analog).requires_grad_(False), fullgraph=True, backend="aot_eager")
    one, other = compiled(x), analog(x)
    assert torch.allclose(one[0], other[0], atol=1e-6)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_attention_is_torchs(separate, batch_first, plain):
    sizes = {"kdim": 6, "vdim": 5} if separate else {}
    digital = nn.MultiheadAttention(8, 2, batch_first=batch_first, **sizes).eval()
    analog = sg.torch.convert(digital, plain)
    q, k, v = (torch.randn(3, 3, n) for n in ((8, 6, 5) if separate else (8, 8, 8)))
    hidden = torch.tensor([[False, False, True]] * 3)
    later = torch.ones(3, 3).triu(1).bool()
    for options in ({}, {"attn_mask": later}, {"key_padding_mask": hidden, "average_attn_weights": False}):
        for wanted, given in zip(digital(q, k, v, **options), analog(q, k, v, **options), strict=True):
            assert wanted.shape == given.shape
            assert (wanted - given).abs().max() < 0.1 * wanted.abs().max()


@pytest.mark.parametrize(
    ("layer", "shape", "axis"),
    [
        (nn.Conv1d(3, 4, 2, padding=1), (3, 7), 0),
        (nn.Conv2d(3, 4, 2, padding="same", padding_mode="circular"), (3, 5, 6), 0),
        (nn.ConvTranspose1d(3, 4, 2), (3, 7), 0),
        (nn.LSTM(3, 4, bidirectional=True), (5, 3), 1),
        (nn.GRU(3, 4, batch_first=True), (5, 3), 0),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_single_input_is_a_batch_of_one(layer, shape, axis, plain):
    analog, x = sg.torch.convert(layer.eval(), plain), torch.randn(shape)
    single, wanted = analog(x), analog(x.unsqueeze(axis))
    if isinstance(single, tuple):  # with the last state, whose batch is always its second axis
        pairs = [(single[1], wanted[1])] if torch.is_tensor(single[1]) else zip(single[1], wanted[1], strict=True)
        assert all(torch.allclose(one, of_one.squeeze(1), atol=1e-6) for one, of_one in pairs)
        single, wanted = single[0], wanted[0]
    assert single.dim() == len(shape)
    assert torch.allclose(single, wanted.squeeze(axis), atol=1e-6)


@pytest.mark.parametrize("batch_first", [False, True])
def test_attention_of_a_single_sequence_is_that_of_a_batch_of_one(batch_first, plain):
    analog = sg.torch.convert(nn.MultiheadAttention(8, 2, batch_first=batch_first).eval(), plain)
    q, k, v = torch.randn(4, 8), torch.randn(5, 8), torch.randn(5, 8)
    axis = 0 if batch_first else 1
    hidden = torch.tensor([False, True, False, False, False])
    for options, batched in (({}, {}), ({"key_padding_mask": hidden}, {"key_padding_mask": hidden[None]})):
        single = analog(q, k, v, **options)
        wanted = analog(*(each.unsqueeze(axis) for each in (q, k, v)), **batched)
        assert torch.allclose(single[0], wanted[0].squeeze(axis), atol=1e-6)
        assert torch.allclose(single[1], wanted[1][0], atol=1e-6)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("separate", [False, True])
def test_attention_comes_back_from_cells(bias, separate, plain):
    digital = nn.MultiheadAttention(8, 2, bias=bias, **({"kdim": 6, "vdim": 5} if separate else {})).eval()
    for parameter in digital.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    back = sg.torch.to_digital(sg.torch.convert(digital, plain))
    assert type(back) is nn.MultiheadAttention
    assert back.state_dict().keys() == digital.state_dict().keys()
    for name, wanted in digital.state_dict().items():
        assert torch.allclose(back.state_dict()[name], wanted, atol=1e-6), name


@pytest.mark.filterwarnings("ignore:.*nested tensor")
def test_no_fused_kernel_reads_weights_past_the_cells():
    """In evaluation torch's encoder layer has a fast path; with noise on, two passes must differ."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2).eval()
    x = torch.randn(2, 3, 8)
    hidden = torch.tensor([[False, False, True]] * 2)
    for exclude in ((), ["*self_attn"], ["*linear?"]):
        analog = sg.torch.convert(model, Config(seed=1), exclude=exclude)
        with torch.no_grad():
            for options in ({}, {"src_key_padding_mask": hidden}):
                assert not torch.equal(analog(x, **options), analog(x, **options))
                assert (analog(x, **options) - model(x, **options))[:, :2].abs().max() < 0.2
