"""Products of two activations: one of them is written to cells in each pass."""

import copy
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'synaptogen-sim[torch]'")

import synaptogen as sg  # noqa: E402
from synaptogen.crossbar import DifferentialPair  # noqa: E402
from synaptogen.model.iv import conductance, mixing_from_conductance  # noqa: E402
from synaptogen.model.noise import noise_variance  # noqa: E402
from synaptogen.torch.programming import program_cells  # noqa: E402

Config = sg.torch.AnalogConfig
nn = torch.nn


@pytest.mark.parametrize("tile", [(1024, 1024), (8, 3)])
@pytest.mark.parametrize("scale", ["output", "layer"])
def test_exact_cells_give_torchs_product(plain, tile, scale):
    product = sg.torch.AnalogMatmul(replace(plain, tile=tile, scale=scale, adc_bits=16))
    a, b = torch.randn(2, 1, 4, 7), torch.randn(3, 7, 5)
    wanted, given = a @ b, product(a, b)
    assert given.shape == wanted.shape
    assert (given - wanted).abs().max() < 0.05 * wanted.abs().max()


def test_currents_and_noise_are_those_of_cells(plain, unlikely):
    """4,000 reads of five pairs of lines against the same lines of an array, in which pairs are exactly on target."""
    config = replace(plain, bandwidth=1e8)
    product = sg.torch.AnalogMatmul(config, seed=3)
    b = torch.linspace(-1, 1, 33)[torch.randint(33, (7, 5))]  # weights for which errors were tabulated
    b[0] = 1.0
    a = torch.rand(1, 7) * 2 - 1
    p, u = config.device.constants(), (a / a.abs().max())[0].double().numpy() * config.full_voltage
    r = mixing_from_conductance(DifferentialPair(*config.window).targets(b.T.double().numpy()), p)
    g = conductance(r, u, p)
    unit = float(a.abs().max()) / (config.full_voltage * (config.window[1] - config.window[0]))
    mean = (g[0::2] - g[1::2]) @ u * unit
    variance = noise_variance(g, u, config.bandwidth).reshape(-1, 2, 7).sum((1, 2)) * unit**2
    reads = product(a.expand(4000, 1, -1), b).double().numpy()[:, 0]
    unlikely((reads.mean(0) - mean) / np.sqrt(variance / len(reads)))
    unlikely((reads.var(0, ddof=1) / variance - 1) / np.sqrt(2 / (len(reads) - 1)))


def test_each_pass_writes_with_the_errors_of_devices():
    """Unit vectors read what was written: same spread as pairs of cells of another seed. 20,000 entries against 4,096;
    deviations have standard errors of 3 % at most; the bound is 6 of them."""
    config = Config(programming="one-shot", bandwidth=0, dac_bits=None, adc_bits=None, seed=1)
    product = sg.torch.AnalogMatmul(config)
    b = torch.full((5, 4000), 0.5)
    b[0] = 1.0
    first, again = product(torch.eye(5), b), product(torch.eye(5), b)
    assert not torch.equal(first, again)
    errors = (first[1:] - 0.5).double().numpy()
    written = program_cells(np.full((64, 64), 0.5), config, seed=7)
    per_weight = (config.window[0] - config.window[1]) * config.device.constants().per_span
    pairs = (written.plus.astype(float) - written.minus) / per_weight - 0.5
    assert abs(errors.std() / pairs.std() - 1) < 0.2
    assert abs(np.median(errors) - np.median(pairs)) < 0.03


def test_gradients_are_those_of_the_digital_product(plain):
    """To the operand that drives through what was written, to the other as in digital."""
    product = sg.torch.AnalogMatmul(replace(plain, programming="one-shot"))
    a, b = torch.randn(3, 4, 6, requires_grad=True), torch.randn(6, 5, requires_grad=True)
    product(a, b).sum().backward()
    assert torch.allclose(b.grad, a.detach().sum((0, 1))[:, None].expand(6, 5), rtol=1e-4, atol=1e-5)
    held = a.grad[0]
    assert torch.allclose(held[0], b.sum(1), atol=0.3 * float(b.detach().abs().sum()))
    assert not torch.allclose(held[0], b.sum(1), rtol=1e-4)
    exact = sg.torch.AnalogMatmul(plain)
    c = a.detach().clone().requires_grad_()
    exact(c, b).sum().backward()
    assert torch.allclose(c.grad, b.detach().sum(1).expand_as(c), rtol=1e-4, atol=1e-4)


def test_cost_counts_what_was_written():
    product = sg.torch.AnalogMatmul(Config(programming="one-shot", seed=1))
    for _ in range(3):
        product(torch.rand(2, 4, 5), torch.rand(2, 5, 6))
    cost = product.cost()
    assert cost.cells == 3 * 2 * (2 * 5 * 6)
    assert cost.pulses == 2 * cost.cells  # a SET and a RESET
    assert 1e-12 < cost.energy / cost.cells < 1e-9


def test_state_resumes_bit_for_bit():
    product, other = (sg.torch.AnalogMatmul(Config(seed=seed)) for seed in (1, 2))
    a, b = torch.rand(3, 4), torch.rand(4, 2)
    product(a, b)
    other.load_state_dict(product.state_dict())
    copied = copy.deepcopy(product)
    wanted = product(a, b)
    assert torch.equal(other(a, b), wanted)
    assert torch.equal(copied(a, b), wanted)


def test_inputs_that_are_not_finite_come_through():
    product = sg.torch.AnalogMatmul(Config(seed=1))
    a, b = torch.rand(3, 4), torch.rand(4, 2)
    a[1, 0], b[2, 1] = torch.nan, torch.nan
    assert torch.isfinite(product(a, b)).tolist() == [[True, False], [False, False], [True, False]]
    assert torch.isfinite(product(torch.zeros(3, 4), torch.zeros(4, 2))).all()
    assert product(torch.zeros(0, 4), torch.zeros(4, 2)).shape == (0, 2)


def test_bad_products():
    with pytest.raises(ValueError, match=r"give \(\.\.\., n, k\) and \(\.\.\., k, m\)"):
        sg.torch.AnalogMatmul(Config(seed=1))(torch.rand(3, 4), torch.rand(3, 4))
    with pytest.raises(ValueError, match="wires=None"):
        sg.torch.AnalogMatmul(Config(wires=sg.crossbar.Wires()))
    with pytest.raises(ValueError, match="wires=None"):
        Config(wires=sg.crossbar.Wires(), activation_products="cells")


def test_attention_with_scores_on_cells(plain):
    digital = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    q, k, v = torch.randn(3, 2, 5, 8)
    hidden = torch.tensor([[False, False, True, False, False]] * 2)
    for config, bound in (
        (replace(plain, activation_products="cells"), 0.15),
        (Config(seed=1, activation_products="cells"), 0.3),
    ):
        analog = sg.torch.convert(digital, config)
        for options in ({}, {"key_padding_mask": hidden}):
            for wanted, given in zip(digital(q, k, v, **options), analog(q, k, v, **options), strict=True):
                assert (wanted - given).abs().max() < bound * wanted.abs().max()
    sg.torch.calibrate(Alone(analog), [q])
    assert float(analog.scores.adc_range) > 0
    assert analog.scores.calibrated
    assert "write-verify in each pass" in sg.torch.summary(analog)


class Alone(nn.Module):
    """Attention of an input to itself."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, x):
        return self.attention(x, x, x)[0]
