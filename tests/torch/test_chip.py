"""What chips have: stuck cells, real ADCs, inputs as pulses or in slices, ranges that are learned."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402  # after the check that torch is there

import synaptogen as sg  # noqa: E402
from synaptogen.model import conductance, noise_variance  # noqa: E402
from synaptogen.torch import programming  # noqa: E402

Config = sg.torch.AnalogConfig


def states(analog):
    part = analog.analog
    both = (part.total + part.difference) / 2, (part.total - part.difference) / 2
    return torch.stack([part.matrices(r)[0] for r in both])


@pytest.mark.parametrize("method", ["ideal", "one-shot"])
def test_stuck_cells_are_as_many_as_said_and_stay(method, monkeypatch):
    digital = nn.Linear(200, 100)
    config = Config(programming=method, stuck_set=0.05, stuck_reset=0.1, seed=1)
    analog = sg.torch.convert(digital, config)
    r = states(analog)
    low, high = torch.isclose(r, torch.zeros(()), atol=1e-6), torch.isclose(r, torch.ones(()), atol=1e-6)
    # 40,000 cells: five standard deviations
    assert abs(float(low.double().mean()) - 0.05) < 5 * (0.05 * 0.95 / 40000) ** 0.5
    assert abs(float(high.double().mean()) - 0.1) < 5 * (0.1 * 0.9 / 40000) ** 0.5
    if method == "one-shot":
        failed = torch.from_numpy(analog.analog.report.failed.reshape(100, 2, 200)).movedim(1, 0)
        assert bool(failed[low].all())
        assert bool(failed[high].all())
    with torch.no_grad():
        analog.weight.copy_(torch.randn(100, 200))
    again = states(sg.torch.program(analog))
    assert torch.equal(again[low | high].round(), r[low | high].round())
    monkeypatch.setattr(programming, "AT_ONCE", 1000)
    assert torch.equal(states(sg.torch.program(analog)), again)
    other = states(sg.torch.program(analog, seed=2))
    assert not torch.equal(torch.isclose(other, torch.zeros(()), atol=1e-6), low)


def test_hardware_aware_training_meets_stuck_cells():
    table = programming.error_table(Config(programming="ideal", stuck_set=0.05, stuck_reset=0.05, seed=1))
    share = float((table.error.abs() > 0.01).double().mean())
    assert 0.1 < share < 0.25  # a pair errs if one of its two cells is stuck where it should not be
    assert not programming.error_table(Config(programming="ideal", seed=1)).error.abs().max() > 0.01


def outputs(config, x, model=None):
    model = nn.Linear(8, 40, bias=False) if model is None else model
    analog = sg.torch.convert(model, config)
    return analog, analog(x)


def test_offsets_of_adcs_are_those_said():
    torch.manual_seed(0)
    model, x = nn.Linear(8, 400, bias=False), torch.randn(1, 8)
    plain, y = outputs(Config(programming="ideal", bandwidth=0, adc_bits=16, seed=1), x, model)
    moved, z = outputs(Config(programming="ideal", bandwidth=0, adc_bits=16, adc_offset=100.0, seed=1), x, model)
    part = plain.analog
    step = part.adc_range[0, 0, 0] / (2**15 - 1) * part.unit[0, 0] * x.abs().max()
    offsets = ((z - y) / step).detach().numpy().ravel()
    inside = np.abs(offsets) < 1e4
    assert abs(offsets[inside].mean()) < 5 * 100 / np.sqrt(400)
    assert abs(offsets[inside].std() - 100) < 5 * 100 / np.sqrt(800)
    assert torch.equal(moved(x), z)  # a property of the chip, not a noise


def test_steps_of_adcs_have_the_widths_said_and_the_ends_stay():
    matrix = sg.torch.AnalogMatrix(1, 3, 20, Config(adc_bits=10, adc_dnl=0.2, tile=(8, 10), seed=1), seed=5)
    assert matrix.adc_error.shape == (2, 1024)
    assert torch.allclose(matrix.adc_error[:, [0, -1]], torch.zeros(2, 2), atol=1e-6)
    widths = matrix.adc_error.diff(dim=1)
    assert abs(float(widths.std()) - 0.2) < 5 * 0.2 / (2 * 2046) ** 0.5
    currents = torch.linspace(-1.2, 1.2, 4001).view(1, 1, -1, 1).expand(1, 2, -1, 3)
    found = matrix.digits(currents, torch.ones(1, 2, 1, 3), torch.ones(1, 1, 1, 3)) * 511
    assert torch.allclose(found, found.round(), atol=1e-3)
    assert float(found.min()) == pytest.approx(-512, abs=1e-3)
    assert float(found.max()) == pytest.approx(511, abs=1e-3)
    ideal = (currents * 511).round().clamp(-512, 511)
    error = found - ideal
    assert float((error - matrix.adc_error[:, (ideal[0, 0, :, 0] + 512).long()].unsqueeze(-1)).abs().max()) < 1.01
    assert not torch.equal(error[:, 0], error[:, 1])


def test_a_chip_keeps_its_adcs_in_a_state():
    x, config = torch.randn(5, 8), Config(programming="one-shot", adc_offset=1.0, adc_dnl=0.3, seed=1)
    model = nn.Linear(8, 4)
    first, _ = outputs(config, x, model)
    other, _ = outputs(Config(programming="one-shot", adc_offset=1.0, adc_dnl=0.3, seed=2), x, model)
    assert not torch.equal(first.analog.adc_shift, other.analog.adc_shift)
    other.load_state_dict(first.state_dict())
    assert torch.equal(first.analog.adc_shift, other.analog.adc_shift)
    assert torch.equal(first.analog.adc_error, other.analog.adc_error)
    assert torch.equal(first(x), other(x))


def test_a_bow_of_adcs_is_the_parabola_said():
    matrix = sg.torch.AnalogMatrix(1, 1, 20, Config(adc_bits=12, adc_inl=6.0, seed=1), seed=5)
    currents = torch.linspace(-1.0, 1.0, 4001).view(1, 1, -1, 1)
    found = matrix.digits(currents, torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1))
    ideal = currents * 2047
    along = (ideal + 2048) / 4095
    assert (found * 2047 - ideal - 24.0 * along * (1 - along)).abs().max() < 1.01  # two roundings
    assert float((found * 2047 - ideal).max()) == pytest.approx(6.0, abs=1.0)


QUIET = {"programming": "ideal", "bandwidth": 0, "adc_bits": None}


@pytest.mark.parametrize("options", [{"input_coding": "pulse-width"}, {"input_slices": 7}], ids=str)
def test_inputs_at_full_voltage_give_currents_in_proportion(options):
    """Whether for a share of the time or bit by bit: an input does what it does alone at the full voltage, times it."""
    torch.manual_seed(0)
    analog, _ = outputs(Config(**QUIET, **options, seed=1), torch.zeros(1, 8))
    bent, _ = outputs(Config(**QUIET, seed=1), torch.zeros(1, 8), sg.torch.to_digital(analog))
    x = (torch.rand(60, 8) * 254 - 127).round() / 127
    x[:, 0] = 1.0  # full input, so that levels of the DAC are met exactly
    alone = [analog(sign * torch.eye(8)).detach() for sign in (1.0, -1.0)]
    expected = x.clamp(min=0) @ alone[0] - x.clamp(max=0) @ alone[1]
    found = analog(x).detach()
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()
    assert (bent(x).detach() - expected).abs().max() > 1e-3 * expected.abs().max()  # voltages meet curved cells


@pytest.mark.parametrize("slices", [1, 2, 3, 7])
def test_slices_hold_the_input(slices):
    config = Config(input_slices=slices, seed=1)
    x, top = torch.linspace(-1.2, 1.2, 777).view(1, 1, -1), torch.ones(1, 1, 1)
    parts = sg.torch.AnalogMatrix(1, 1, 777, config, 1).slices(x, top)
    steps = (1 << config.slice_bits) - 1
    assert len(parts) == slices
    for part, _ in parts:
        torch.testing.assert_close(part * steps, (part * steps).round())
        assert float(part.abs().max()) <= 1.0
    held = sum(part * weight for part, weight in parts)
    torch.testing.assert_close(held, (x * 127).round().clamp(-127, 127) / 127)


def test_noise_of_pulses_is_that_of_two_states_of_the_line():
    torch.manual_seed(0)
    config = Config(programming="ideal", adc_bits=None, input_coding="pulse-width", seed=1)
    x = torch.full((1, 8), 64 / 127)
    x[0, 0] = 1.0
    analog, _ = outputs(config, x, nn.Linear(8, 3, bias=False))
    part, p = analog.analog, config.device.constants()
    r = states(analog).double().numpy()
    share, u = x[0].double().numpy(), config.full_voltage
    on, off = (noise_variance(conductance(r, v, p), v, config.bandwidth) for v in (u, 0.0))
    wanted = (share * on + (1 - share) * off).sum((0, 2)) * part.unit[0, 0].double().numpy() ** 2
    with torch.no_grad():
        reads = analog(x.expand(20000, -1)).double().numpy()
    # five deviations of the variance of 20,000 normals
    np.testing.assert_allclose(reads.var(0), wanted, rtol=5 * (2 / 20000) ** 0.5)


def test_noise_of_slices_adds_with_the_squares_of_what_they_count():
    torch.manual_seed(0)
    sliced = Config(programming="ideal", adc_bits=None, dac_bits=3, input_slices=2, seed=1)
    analog, _ = outputs(sliced, torch.ones(1, 8), nn.Linear(8, 3, bias=False))
    whole = sg.torch.convert(
        sg.torch.to_digital(analog), Config(programming="ideal", adc_bits=None, dac_bits=2, seed=1)
    )
    with torch.no_grad():
        reads = analog(torch.ones(20000, 8)).double()  # 3 of 3: both bits are set
        bits = whole(torch.ones(20000, 8)).double()
    np.testing.assert_allclose(reads.var(0), bits.var(0) * (1 + 4) / 9, rtol=10 * (2 / 20000) ** 0.5)
    assert analog.analog.counts.inputs == 8 * 20001


def test_slices_are_counted_as_reads():
    x, hardware = torch.rand(4, 8), sg.torch.Hardware()
    one, seven = (
        sg.torch.cost(outputs(Config(programming="ideal", input_slices=n, seed=1), x)[0], x, hardware=hardware).layers[
            0
        ]
        for n in (1, 7)
    )
    assert seven.adc_conversions == 7 * one.adc_conversions
    assert seven.dac_conversions == 7 * one.dac_conversions
    assert seven.latency == pytest.approx(7 * one.latency)


def test_pulses_dissipate_for_their_share_of_the_time():
    x = torch.tensor([[1.0, 64 / 127]])
    analog, _ = outputs(Config(programming="ideal", input_coding="pulse-width", seed=1), x, nn.Linear(2, 3))
    full, half, both = (
        sg.torch.cost(analog, inputs).layers[0].cell_energy
        for inputs in (torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), x)
    )
    assert both == pytest.approx(full + half * 64 / 127, rel=1e-6)


@pytest.mark.parametrize("slices", [1, 2, 3, 7])
def test_weights_in_slices_are_weights_of_so_many_bits(slices):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(24, 5))
    config = Config(**QUIET | {"dac_bits": 8}, input_coding="pulse-width", weight_slices=slices, seed=1)
    analog = sg.torch.convert(model, config)
    plan = sg.torch.convert(model, config, dry_run=True)
    parts = sg.torch.analog_parts(analog)
    assert (
        sum(d.cells for d in plan) == slices * 2 * (6 * 18 + 24 * 5) == sum(2 * p.total.numel() for p in parts.values())
    )
    for layer in (analog[0], analog[2]):
        weight = layer.matrix().detach()
        full = weight.abs().amax(-1, keepdim=True)
        wanted = weight if slices == 1 else (weight / full * 127).round() / 127 * full
        torch.testing.assert_close(layer.analog.weights(), wanted, rtol=0, atol=2e-5 * float(full.max()))
    x = torch.rand(3, 4, 4, 4)
    with torch.no_grad():
        found = analog(x)
    with_gradients = analog(x.clone().requires_grad_())
    torch.testing.assert_close(found, with_gradients.detach(), rtol=1e-4, atol=1e-5)
    whole = sg.torch.convert(sg.torch.to_digital(analog), Config(**QUIET, input_coding="pulse-width", seed=1))
    torch.testing.assert_close(found, whole(x).detach(), rtol=0, atol=1e-4 * float(found.abs().max()))


def test_slices_of_weights_have_errors_and_noise_of_their_own():
    """The error of a weight is that of its slices, each counted as its slice; so is the variance of its reads."""
    torch.manual_seed(0)
    config = Config(programming="one-shot", adc_bits=None, weight_slices=2, weight_bits=3, seed=1)
    digital = nn.Linear(60, 300, bias=False)
    analog = sg.torch.convert(digital, config)
    part = analog.analog
    weight = digital.weight.detach()
    full = weight.abs().amax(1, keepdim=True)
    exact = part.code.contents((weight / full).unsqueeze(0))
    held = part.matrices(part.difference) / part.per_weight
    errors = (held - exact).view(300, 2, 60)
    wanted = (errors[:, 0] / 3 + errors[:, 1] * 2 / 3) * full
    rounded = (weight / full * 3).round() / 3 * full
    torch.testing.assert_close(part.weights()[0] - rounded, wanted, rtol=0, atol=1e-5)
    x = torch.ones(1, 60)
    with torch.no_grad():
        reads = analog(x.expand(4000, -1)).double()
    r, p = states(analog).double().numpy(), config.device.constants()
    lines = noise_variance(conductance(r, config.full_voltage, p), config.full_voltage, config.bandwidth).sum((0, 2))
    by_slice = lines.reshape(300, 2) * np.array([1 / 9, 4 / 9])
    expected = by_slice.sum(1) * (full[:, 0].double().numpy() / (config.full_voltage * part.window)) ** 2
    scatter = (reads.var(0).numpy() / expected - 1) / (2 / 4000) ** 0.5
    assert np.abs(scatter).max() < 5  # one in 6,000 of 300 normals
    assert abs(scatter.mean()) < 5 / 300**0.5


def test_slices_of_weights_are_trained_written_and_saved(tmp_path):
    torch.manual_seed(0)
    config = Config(programming="one-shot", training="hardware-aware", weight_slices=3, seed=1)
    analog = sg.torch.convert(nn.Sequential(nn.Linear(8, 6), nn.LSTM(6, 3)), config).train()
    found = []
    sg.torch.program(analog, progress=lambda done, total: found.append((done, total)))
    assert found[-1] == (48 + 12 * 9, 48 + 12 * 9)
    first, second = (analog(torch.ones(2, 5, 8))[0] for _ in range(2))
    assert not torch.equal(first, second)  # other errors in each pass
    first.sum().backward()
    assert float(analog[0].weight.grad.abs().sum()) > 0.0
    sg.torch.save(analog, tmp_path / "chip.pt")
    again = sg.torch.load(tmp_path / "chip.pt", nn.Sequential(nn.Linear(8, 6), nn.LSTM(6, 3)))
    x = torch.ones(2, 5, 8)
    assert torch.equal(again.eval()(x)[0], analog.eval()(x)[0])
    one = sg.torch.convert(nn.Linear(8, 6), Config(programming="ideal", seed=1))
    three = sg.torch.convert(nn.Linear(8, 6), Config(programming="ideal", weight_slices=3, seed=1))
    costs = [sg.torch.cost(each, torch.rand(4, 8)).layers[0] for each in (one, three)]
    assert costs[0].macs == costs[1].macs
    assert costs[1].weights == 48
    assert costs[1].adc_conversions == 3 * costs[0].adc_conversions
    with pytest.raises(ValueError, match="weight_slices=1"):
        sg.torch.PulseSGD(three, 0.1)


def learning(**options):
    torch.manual_seed(0)
    config = Config(**QUIET | options, training="hardware-aware", input_ranges="learned", seed=1)
    analog = sg.torch.convert(nn.Linear(8, 3, bias=False), config)
    return sg.torch.calibrate(analog, [torch.randn(200, 8)]).train()


def test_gradients_of_learned_ranges_are_those_of_the_quantiser():
    analog = learning(dac_bits=3)
    x, top = torch.tensor([[0.2, -0.4, 0.9, 5.0, -7.0, 0.0, 0.1, -0.9]]), 1.2
    with torch.no_grad():
        analog.analog.input_range.fill_(top)
    given = x.clone().requires_grad_()
    gradients = torch.autograd.grad(analog(given).sum(), [given, analog.analog.input_range])
    along = analog.analog.weights()[0].sum(0).detach()  # of the outputs by an input; errors go back as they came
    held = (x / top).clamp(-1, 1)
    inside = (x / top).abs() <= 1.0
    slope = torch.where(inside, (held * 3).round() / 3 - x / top, x.sign())
    torch.testing.assert_close(gradients[0], (along * inside).view(1, -1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(gradients[1], (slope * along).sum(), rtol=1e-3, atol=1e-3)


def test_ranges_are_learned_and_stay():
    analog = learning(dac_bits=4, bandwidth=1e8, adc_bits=8)
    first = float(analog.analog.input_range.detach())
    x, wanted = torch.randn(300, 8), torch.randn(8, 3)
    optimiser = torch.optim.Adam(analog.parameters(), 0.02)
    assert any(p is analog.analog.input_range for p in analog.parameters())
    for _ in range(60):
        optimiser.zero_grad()
        (analog(x) - x @ wanted).square().mean().backward()
        optimiser.step()
    found = float(analog.analog.input_range.detach())
    assert abs(found - first) > 0.02 * first
    sg.torch.calibrate(sg.torch.program(analog), [x])
    assert float(analog.analog.input_range.detach()) == found
    other = learning(dac_bits=4, bandwidth=1e8, adc_bits=8)
    other.load_state_dict(analog.state_dict())
    assert float(other.analog.input_range.detach()) == found
    fresh = sg.torch.convert(nn.Linear(8, 3), analog.analog.config).train()
    with pytest.raises(ValueError, match="calibrate"):
        fresh(x)


def test_weights_are_clipped_layer_by_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(100, 50), nn.LSTM(50, 10), nn.LayerNorm(10))
    model[0].weight.data *= torch.randn(50, 1).exp()
    analog = sg.torch.convert(model, Config(programming="ideal", training="hardware-aware", seed=1))
    before = {name: p.detach().clone() for name, p in analog.named_parameters()}
    assert sg.torch.clip_weights(analog, 1.5) is analog
    for name, p in analog.named_parameters():
        bound = 1.5 * before[name].std() if "weight" in name and "2." not in name else torch.tensor(float("inf"))
        torch.testing.assert_close(p.detach(), before[name].clamp(-bound, bound))
    with pytest.raises(ValueError, match="deviations"):
        sg.torch.clip_weights(analog, 0.0)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"adc_inl": 1.0, "adc_bits": None}, "adc_inl"),
        ({"input_slices": 0}, "input_slices"),
        ({"weight_slices": 8}, "at most 7"),
        ({"weight_bits": 1}, "weight_bits"),
        ({"weight_slices": 2, "activation_products": "cells"}, "weight_slices"),
        ({"input_slices": 8}, "dac_bits of at least 9"),
        ({"input_slices": 2, "dac_bits": None}, "dac_bits"),
        ({"input_slices": 2, "activation_products": "cells"}, "input_slices"),
        ({"input_coding": "time"}, "input_coding"),
        ({"input_ranges": "learned"}, "hardware-aware"),
        ({"input_coding": "pulse-width", "gradient": "exact", "dac_bits": None, "adc_bits": None}, "input_coding"),
        ({"stuck_set": -0.1}, "stuck_set"),
        ({"stuck_set": 0.6, "stuck_reset": 0.6}, "at most 1"),
        ({"adc_offset": float("nan")}, "adc_offset"),
        ({"adc_dnl": 0.1, "adc_bits": None}, "adc_bits"),
        ({"adc_dnl": 0.1, "activation_products": "cells"}, "activation_products"),
    ],
)
def test_bad_options(options, named):
    with pytest.raises(ValueError, match=named):
        Config(**options)


def test_pulses_refuse_stuck_cells():
    model = sg.torch.convert(nn.Linear(4, 3), Config(programming="ideal", stuck_set=0.1, seed=1))
    with pytest.raises(ValueError, match="stuck"):
        sg.torch.PulseSGD(model, 0.1)
